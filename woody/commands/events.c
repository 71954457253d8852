#include "../cgroup/oom.h"
#include "../cgroup/stats.h"
#include "../intel_rdt.h"
#include "select.h"
#include "cleanup.h"
#include "fs.h"
#include "log.h"
#include "proc.h"
#include <poll.h>
#include <string.h>

enum { DEFAULT_INTERVAL_MS = 5000, FILE_MAX = 1 << 20 };

struct events_options { bool stats; char *interval; };

static const struct option_def options[] = {
	OPTION(struct events_options, stats, 0, "stats", NULL, "print the statistics once, and end"),
	OPTION(struct events_options, interval, 0, "interval", "TIME", "print them this often: 5s (the default), 100ms, 1m30s"),
};

/* parse_interval - "1m30s", "1.5s", "100ms", as Go writes durations */
static int parse_interval(const char *s, int *ret_ms, struct error *err)
{
	static const struct { const char *unit; double ms; } units[] = {
		{ "ns", 1e-6 }, { "us", 1e-3 }, { "ms", 1 }, { "s", 1e3 }, { "m", 60e3 }, { "h", 3600e3 },
	};
	double ms = 0;
	for (const char *at = s; *at;) {
		char *unit;
		size_t len, i = 0;
		double value = *at >= '0' && *at <= '9' ? strtod(at, &unit) : (unit = (char *) "", 0);
		len = strspn(unit, "nusmh");
		while (i < sizeof units / sizeof *units && (strlen(units[i].unit) != len || strncmp(units[i].unit, unit, len) != 0))
			i++;
		if (i == sizeof units / sizeof *units)
			return error_say(err, EINVAL, "--interval '%s' is not a time such as 5s or 100ms", s);
		ms += value * units[i].ms;
		at = unit + len;
	}
	if (ms <= 0 || ms > 1e9)
		return error_say(err, EINVAL, "--interval '%s': duration interval must be greater than 0, and at most 11 days", s);
	*ret_ms = ms < 1 ? 1 : (int) ms;
	return 0;
}

/* ---- what is no cgroup's ---- */

/* put_interfaces - of the container's own network; /proc/PID/net/dev has two lines above them */
static void put_interfaces(const struct container *c, struct buf *out)
{
	cleanup_free char *path = xasprintf("/proc/%lld/net/dev", (long long) c->record.pid);
	cleanup_free char *text = NULL;
	bool own = false, first = true;
	char *rest;
	const struct spec_linux *l = c->spec->linux_;
	for (size_t i = 0; l && i < l->n_namespaces; i++)
		own |= strcmp(l->namespaces[i].type, "network") == 0;
	if (!own || fs_read_file(AT_FDCWD, path, FILE_MAX, &text, NULL, NULL) < 0) {
		buf_puts(out, "null");
		return;
	}
	buf_putc(out, '[');
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		unsigned long long v[12];
		char name[32];
		if (sscanf(line, " %31[^:]: %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu", name, &v[0], &v[1], &v[2], &v[3],
			   &v[4], &v[5], &v[6], &v[7], &v[8], &v[9], &v[10], &v[11]) != 13 || strcmp(name, "lo") == 0)
			continue;
		cleanup_free char *quoted = json_quote(name);
		buf_printf(out, "%s{\"Name\":%s,\"RxBytes\":%llu,\"RxPackets\":%llu,\"RxErrors\":%llu,\"RxDropped\":%llu,"
			   "\"TxBytes\":%llu,\"TxPackets\":%llu,\"TxErrors\":%llu,\"TxDropped\":%llu}", first ? "" : ",", quoted,
			   v[0], v[1], v[2], v[3], v[8], v[9], v[10], v[11]);
		first = false;
	}
	buf_putc(out, ']');
}

/* put_schemata - the lines about caches and about memory bandwidth of a resctrl group */
static void put_schemata(const char *group, const char *suffix, struct buf *out)
{
	static const struct { const char *start, *key; } kinds[] = { { "L3:", "l3_cache_schema" }, { "MB:", "mem_bw_schema" } };
	cleanup_free char *path = xasprintf("%s/schemata", group);
	cleanup_free char *text = NULL;
	char *rest;
	if (fs_read_file(AT_FDCWD, path, FILE_MAX, &text, NULL, NULL) < 0)
		return;
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		for (size_t i = 0; i < 2; i++)
			if (str_starts(line + strspn(line, " "), kinds[i].start)) {
				cleanup_free char *quoted = json_quote(line + strspn(line, " "));
				buf_printf(out, "%s\"%s%s\":%s", out->data[out->len - 1] == '{' ? "" : ",", kinds[i].key, suffix, quoted);
			}
}

static void put_rdt(const struct container *c, struct buf *out)
{
	cleanup_free char *root = NULL, *group = NULL;
	buf_putc(out, '{');
	if (c->spec->linux_ && c->spec->linux_->intel_rdt && intel_rdt_find(c, &root, &group, NULL) == 0) {
		put_schemata(root, "_root", out);
		put_schemata(group, "", out);
	}
	buf_putc(out, '}');
}

/* ---- events ---- */

static int print_line(const char *line)
{
	puts(line);
	return fflush(stdout) == 0 ? 0 : -errno;	/* nobody reads any more */
}

static int print_stats(const struct container *c, struct cgroup *cgroup)
{
	struct buf out cleanup_buf = { 0 };
	buf_printf(&out, "{\"type\":\"stats\",\"id\":\"%s\",\"data\":{", c->id);
	cgroup_stats(cgroup, &out);
	buf_puts(&out, ",\"intel_rdt\":");
	put_rdt(c, &out);
	buf_puts(&out, ",\"network_interfaces\":");
	put_interfaces(c, &out);
	buf_puts(&out, "}}");
	return print_line(out.data);
}

static int print_oom(const struct container *c, struct oom_watch *watch)
{
	if (!oom_happened(watch))
		return 0;
	cleanup_free char *line = xasprintf("{\"type\":\"oom\",\"id\":\"%s\"}", c->id);
	return print_line(line);
}

/* stream - until init has ended; what killed it is still told */
static int stream(const struct container *c, struct cgroup *cgroup, int pidfd, int interval_ms, struct error *err)
{
	struct oom_watch watch = OOM_WATCH_INIT;
	struct error why = { 0 };
	if (oom_open(cgroup, &watch, &why) < 0)
		log_warn("out of memory will not be told: %s", why.text);
	int r = 0;
	for (int64_t next = now_ms() + interval_ms; r >= 0;) {
		struct pollfd p[2] = { { .fd = pidfd, .events = POLLIN }, { .fd = watch.fd, .events = POLLIN } };
		int64_t left = next - now_ms();
		if (poll(p, 2, left > 0 ? (int) left : 0) < 0 && errno != EINTR)
			r = error_set(err, errno, "wait for events");
		if (r >= 0 && (p[1].revents || p[0].revents))
			r = print_oom(c, &watch);
		if (p[0].revents)
			break;
		if (r >= 0 && now_ms() >= next) {
			next = now_ms() + interval_ms;
			r = print_stats(c, cgroup);
		}
	}
	oom_close(&watch);
	return r == -EPIPE ? 0 : r;
}

static int events(struct container *c, void *ctx, struct error *err)
{
	const struct events_options *o = ctx;
	int interval_ms = DEFAULT_INTERVAL_MS;
	int r = o->interval ? parse_interval(o->interval, &interval_ms, err) : 0;
	if (r == 0)
		r = container_read_spec(c, err);
	if (r < 0)
		return r;
	enum container_status status = container_status(c);
	cleanup_close int pidfd = container_pidfd(c);
	if (status == CONTAINER_STOPPED || status == CONTAINER_CREATING || pidfd < 0)
		return error_say(err, ESRCH, "container with id %s is not running", c->id);
	struct cgroup *cgroup = NULL;
	r = cgroup_load(&c->record.cgroup, &cgroup, err);
	if (r == 0 && c->record.cgroup.paths.n == 0)
		r = error_say(err, EOPNOTSUPP, "container '%s' has no cgroup, so nothing of it is counted", c->id);
	if (r == 0)
		r = o->stats ? print_stats(c, cgroup) : stream(c, cgroup, pidfd, interval_ms, err);
	cgroup_free(cgroup);
	return r < 0 && !err->code ? error_set(err, -r, "write to stdout") : r;
}

static int run(void *program, void *given, char **args, int n_args)
{
	(void) n_args;
	return with_container(program, "events", args[0], events, given);
}

const struct command command_events = {
	.name = "events", .arguments = "CONTAINER-ID", .summary = "print statistics and out-of-memory events of a container",
	.description = "One JSON object a line, until the container ends: {\"type\":\"stats\",...} at every interval, {\"type\":\"oom\",...} "
		       "whenever the kernel has ended one of its processes for want of memory.",
	OPTIONS(struct events_options, options), .min_args = 1, .max_args = 1, .run = run,
};
