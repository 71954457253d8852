#include "processes.h"
#include "cleanup.h"
#include "fs.h"
#include "str.h"
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { CGROUP_MAX = 65536 };

static int same_namespace(const char *a, const char *b)
{
	struct stat x, y;
	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static char *cgroup_of(const char *pid)
{
	char *text = NULL;
	cleanup_free char *path = xasprintf("/proc/%s/cgroup", pid);
	return fs_read_file(AT_FDCWD, path, CGROUP_MAX, &text, NULL, NULL) < 0 ? NULL : text;
}

static pid_t parent_of(pid_t pid)
{
	char line[1024], path[32];
	int parent = 0;
	snprintf(path, sizeof path, "/proc/%d/stat", (int) pid);
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof line - 1);
	line[n > 0 ? n : 0] = 0;
	const char *behind = strrchr(line, ')');
	return behind && sscanf(behind + 1, " %*c %d", &parent) == 1 ? parent : 0;
}

static bool descends(pid_t pid, pid_t from)
{
	for (int depth = 0; pid > 1 && depth < 64; depth++, pid = parent_of(pid))
		if (pid == from)
			return true;
	return false;
}

struct scope { pid_t init; bool own_pids, own_cgroup; char *cgroup, init_ns[48]; };

static bool is_inside(const struct scope *s, const char *pid)
{
	if (s->own_pids) {
		cleanup_free char *path = xasprintf("/proc/%s/ns/pid", pid);
		return same_namespace(path, s->init_ns) || descends((pid_t) atoi(pid), s->init);	/* one below it, too */
	}
	cleanup_free char *cgroup = s->own_cgroup ? cgroup_of(pid) : NULL;
	return s->own_cgroup ? str_eq(cgroup, s->cgroup) : descends((pid_t) atoi(pid), s->init);
}

static int by_number(const void *a, const void *b)
{
	return *(const pid_t *) a < *(const pid_t *) b ? -1 : *(const pid_t *) a > *(const pid_t *) b;
}

int container_processes(const struct container *c, pid_t **ret, size_t *ret_n, struct error *err)
{
	struct scope s = { .init = (pid_t) c->status.pid };
	cleanup_free char *init = xasprintf("%d", (int) s.init);
	if (!record_runs(c) || s.init <= 0)
		return error_say(err, ESRCH, "container %s is not running (it is %s)", c->record.name, record_state_word(c));
	snprintf(s.init_ns, sizeof s.init_ns, "/proc/%s/ns/pid", init);
	s.own_pids = !same_namespace(s.init_ns, "/proc/self/ns/pid");
	cleanup_free char *cgroup = cgroup_of(init), *ours = cgroup_of("self");
	s.cgroup = cgroup;
	s.own_cgroup = cgroup && ours && strcmp(cgroup, ours) != 0;
	cleanup_dir DIR *d = opendir("/proc");
	if (!d)
		return error_set(err, errno, "list '/proc'");
	pid_t *pids = NULL;
	size_t n = 0;
	for (struct dirent *e; (e = readdir(d));) {
		if (e->d_name[0] < '0' || e->d_name[0] > '9' || !is_inside(&s, e->d_name))
			continue;
		pids = xreallocarray(pids, n + 1, sizeof *pids);
		pids[n++] = (pid_t) atoi(e->d_name);
	}
	if (n)
		qsort(pids, n, sizeof *pids, by_number);
	*ret = pids;
	*ret_n = n;
	return 0;
}
