#include "sample.h"
#include "cleanup.h"
#include "fs.h"
#include "processes.h"
#include "str.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { FILE_MAX = 1 << 20 };
static const char root[] = "/sys/fs/cgroup";

/* ---- texts ---- */

uint64_t sample_keyed(const char *text, const char *key, uint64_t fallback)
{
	size_t len = strlen(key);
	for (const char *line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
		if (strncmp(line, key, len) == 0 && line[len] == ' ')
			return strtoull(line + len + 1, NULL, 10);
	return fallback;
}

void sample_pressure(const char *text, struct pressure *ret)
{
	unsigned long long some = 0, full = 0;
	double avg = 0;
	const char *all = text ? strstr(text, "full ") : NULL, *total = all ? strstr(all, "total=") : NULL;
	*ret = (struct pressure) { 0 };
	if (!text || sscanf(text, "some avg10=%lf avg60=%*f avg300=%*f total=%llu", &avg, &some) != 2)
		return;
	if (total)
		full = strtoull(total + strlen("total="), NULL, 10);
	*ret = (struct pressure) { .known = true, .some_avg10 = avg, .some_us = some, .full_us = full };
}

static bool has_controller(const char *list, size_t len, const char *controller)
{
	cleanup_free char *copy = xstrndup(list, len);
	struct strings words cleanup_strings = { 0 };
	strings_split(&words, copy, ",");
	return *controller ? strings_have(words.v, controller) : len == 0;
}

char *sample_group(const char *text, const char *controller, const char *id, char **ret_list)
{
	*ret_list = NULL;
	for (const char *line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		const char *list = strchr(line, ':'), *path = list ? strchr(list + 1, ':') : NULL;
		if (!path || !has_controller(list + 1, (size_t) (path - list - 1), controller))
			continue;
		char *copy = xstrndup(path + 1, strcspn(path + 1, "\n"));
		char *own = strstr(copy, id);
		if (own)
			own[strcspn(own, "/")] = 0;	/* what the container makes below it is its own */
		*ret_list = xstrndup(list + 1, (size_t) (path - list - 1));
		return copy;
	}
	return NULL;
}

/* ---- files ---- */

struct groups { const char *text, *id; bool v2; };

/* open_group - the directory of @controller's group, the container's own; -1 when it has none */
static int open_group(const struct groups *g, const char *controller)
{
	cleanup_free char *list = NULL;
	cleanup_free char *group = sample_group(g->text, g->v2 ? "" : controller, g->id, &list);
	if (!group || !strstr(group, g->id))
		return -1;
	const char *names[] = { g->v2 ? "." : list, g->v2 ? "." : controller, "unified" };
	for (size_t i = *controller || g->v2 ? 0 : 2; i < 3; i++) {
		cleanup_free char *path = xasprintf("%s/%s%s", root, names[i], group);
		int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0)
			return fd;
	}
	return -1;
}

static char *read_text(int dir_fd, const char *file)
{
	char *text = NULL;
	return dir_fd == -1 || fs_read_file(dir_fd, file, FILE_MAX, &text, NULL, NULL) < 0 ? NULL : text;
}

/* read_number - "max", and what is not there, is @fallback */
static uint64_t read_number(int dir_fd, const char *file, uint64_t fallback)
{
	cleanup_free char *text = read_text(dir_fd, file);
	char *end = text;
	uint64_t n = text ? strtoull(text, &end, 10) : 0;
	return text && end != text ? n : fallback;
}

static uint64_t machine_memory(void)
{
	cleanup_free char *text = read_text(AT_FDCWD, "/proc/meminfo");
	const char *line = text ? strstr(text, "MemTotal:") : NULL;
	return line ? strtoull(line + strlen("MemTotal:"), NULL, 10) * 1024 : 0;
}

static void read_cpu(const struct groups *g, struct sample *s)
{
	cleanup_close int fd = open_group(g, "cpuacct");
	cleanup_free char *stat = g->v2 ? read_text(fd, "cpu.stat") : NULL;
	s->own_group = fd >= 0;
	s->cpu_ns = g->v2 ? sample_keyed(stat, "usage_usec", 0) * 1000 : read_number(fd, "cpuacct.usage", 0);
}

/* read_memory - false: it is not counted */
static bool read_memory(const struct groups *g, struct sample *s)
{
	cleanup_close int fd = open_group(g, "memory");
	cleanup_free char *stat = read_text(fd, "memory.stat");
	uint64_t all = read_number(fd, g->v2 ? "memory.current" : "memory.usage_in_bytes", UINT64_MAX), total = machine_memory();
	uint64_t cache = sample_keyed(stat, g->v2 ? "inactive_file" : "total_inactive_file", 0);
	s->memory = all > cache ? all - cache : 0;
	s->memory_limit = read_number(fd, g->v2 ? "memory.max" : "memory.limit_in_bytes", UINT64_MAX);
	if (s->memory_limit > total)
		s->memory_limit = total;
	return all != UINT64_MAX;
}

static bool read_pids(const struct groups *g, struct sample *s)
{
	cleanup_close int fd = open_group(g, "pids");
	s->pids = read_number(fd, "pids.current", 0);	/* there is at least one */
	s->pids_limit = read_number(fd, "pids.max", 0);
	return s->pids > 0;
}

static void read_io_v2(const char *text, struct sample *s)
{
	for (const char *at = text; at && (at = strstr(at, "bytes=")); at++) {
		uint64_t n = strtoull(at + strlen("bytes="), NULL, 10);
		if (at > text && at[-1] == 'r')
			s->read_bytes += n;
		else if (at > text && at[-1] == 'w')
			s->written_bytes += n;
	}
}

/* read_io_v1 - "8:0 Read 4096" */
static void read_io_v1(const char *text, struct sample *s)
{
	for (const char *line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		char word[16];
		unsigned long long n;
		if (sscanf(line, "%*u:%*u %15s %llu", word, &n) == 2) {
			s->read_bytes += strcmp(word, "Read") == 0 ? n : 0;
			s->written_bytes += strcmp(word, "Write") == 0 ? n : 0;
		}
	}
}

static void read_io(const struct groups *g, struct sample *s)
{
	cleanup_close int fd = open_group(g, "blkio");
	cleanup_free char *text = read_text(fd, g->v2 ? "io.stat" : "blkio.throttle.io_service_bytes_recursive");
	if (!text && !g->v2)
		text = read_text(fd, "blkio.throttle.io_service_bytes");
	s->has_io = text != NULL;
	(g->v2 ? read_io_v2 : read_io_v1)(text, s);
}

static void read_pressure(const struct groups *g, struct sample *s)
{
	static const char *const files[] = { [PRESSURE_CPU] = "cpu.pressure", [PRESSURE_MEMORY] = "memory.pressure", [PRESSURE_IO] = "io.pressure" };
	cleanup_close int fd = open_group(g, "");
	for (int i = 0; i < PRESSURES; i++) {
		cleanup_free char *text = read_text(fd, files[i]);
		sample_pressure(text, &s->pressure[i]);
	}
}

/* read_network - of its network namespace, unless that is ours; the loopback does not count */
static void read_network(pid_t pid, struct sample *s)
{
	struct stat ours, theirs;
	cleanup_free char *ns = xasprintf("/proc/%d/ns/net", (int) pid), *path = xasprintf("/proc/%d/net/dev", (int) pid);
	if (stat("/proc/self/ns/net", &ours) == 0 && stat(ns, &theirs) == 0 && ours.st_ino == theirs.st_ino)
		return;
	cleanup_free char *text = read_text(AT_FDCWD, path);
	s->has_network = text != NULL;
	for (const char *line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		char name[32];
		unsigned long long in, out;
		if (sscanf(line, " %31[^:]: %llu %*u %*u %*u %*u %*u %*u %*u %llu", name, &in, &out) == 3 && strcmp(name, "lo") != 0) {
			s->received_bytes += in;
			s->sent_bytes += out;
		}
	}
}

/* ---- what no controller counts ---- */

static void add_process(pid_t pid, struct sample *s)
{
	cleanup_free char *path = xasprintf("/proc/%d/stat", (int) pid);
	cleanup_free char *text = read_text(AT_FDCWD, path);
	const char *behind = text ? strrchr(text, ')') : NULL;
	unsigned long long user, sys;
	long long threads, rss;
	if (!behind || sscanf(behind + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d %lld %*d %*u %*u %lld", &user, &sys,
			      &threads, &rss) != 4)
		return;
	s->cpu_ns += (user + sys) * (UINT64_C(1000000000) / (uint64_t) sysconf(_SC_CLK_TCK));
	s->memory += (uint64_t) rss * (uint64_t) sysconf(_SC_PAGESIZE);
	s->pids += (uint64_t) threads;
}

/* sum_up - @memory, @pids: they are known */
static int sum_up(const struct container *c, bool memory, bool pids, struct sample *s, struct error *err)
{
	cleanup_free pid_t *processes = NULL;
	struct sample sum = { 0 };
	size_t n;
	int r = container_processes(c, &processes, &n, err);
	for (size_t i = 0; r == 0 && i < n; i++)
		add_process(processes[i], &sum);
	if (!s->own_group)
		s->cpu_ns = sum.cpu_ns;
	if (!memory)
		s->memory = sum.memory;
	if (!pids)
		s->pids = sum.pids;
	return r;
}

/* ---- all of it ---- */

int sample_take(const struct container *c, struct sample *ret, struct error *err)
{
	struct sample s = { 0 };
	struct timespec now;
	cleanup_free char *path = xasprintf("/proc/%lld/cgroup", (long long) c->status.pid);
	cleanup_free char *text = c->status.pid > 0 ? read_text(AT_FDCWD, path) : NULL;
	int r = 0;
	if (!record_runs(c) || !text)
		return error_say(err, ESRCH, "container %s is not running (it is %s)", c->record.name, record_state_word(c));
	const struct groups g = { text, c->record.id, access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0 };
	clock_gettime(CLOCK_MONOTONIC, &now);
	s.at_ns = now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
	read_cpu(&g, &s);
	bool memory = read_memory(&g, &s), pids = read_pids(&g, &s);
	if (s.own_group)
		read_io(&g, &s);
	if (!s.own_group || !memory || !pids)
		r = sum_up(c, memory, pids, &s, err);
	read_pressure(&g, &s);
	read_network((pid_t) c->status.pid, &s);
	if (r == 0)
		*ret = s;
	return r;
}

double sample_cpu_percent(const struct sample *before, const struct sample *after)
{
	int64_t passed = after->at_ns - before->at_ns;
	return passed <= 0 || after->cpu_ns < before->cpu_ns ? 0 : 100.0 * (double) (after->cpu_ns - before->cpu_ns) / (double) passed;
}
