/* Theory of operation. The shape is runc's, which grew on v1: v2's microseconds become nanoseconds, "max" the largest
 * number there is, and swap is memory and swap together. */
#include "stats.h"
#include "cleanup.h"
#include "driver.h"
#include "fs.h"
#include <dirent.h>
#include <inttypes.h>
#include <string.h>

enum { FILE_MAX = 4 << 20, TICK_NS = 10000000 /* USER_HZ is 100 on everything that Linux still runs on */ };

/* ---- reading ---- */

/* slurp - a file of the container's cgroup, or NULL */
static char *slurp(struct cgroup *c, const char *controller, const char *file)
{
	char *text = NULL;
	struct hierarchy *h = cgroup_for(c, controller);
	int fd = h ? hierarchy_fd(h, NULL) : -1;
	return fd >= 0 && fs_read_file(fd, file, FILE_MAX, &text, NULL, NULL) == 0 ? text : NULL;
}

static uint64_t number(const char *s)
{
	return str_starts(s, "max") ? UINT64_MAX : strtoull(s, NULL, 10);
}

static uint64_t read_number(struct cgroup *c, const char *controller, const char *file)
{
	cleanup_free char *text = slurp(c, controller, file);
	return text ? number(text) : 0;
}

/* value_of - in lines of "key value"; 0 without that key */
static uint64_t value_of(const char *text, const char *key)
{
	size_t len = strlen(key);
	for (const char *s = text; s && *s; s += strcspn(s, "\n"), s += *s == '\n')
		if (strncmp(s, key, len) == 0 && s[len] == ' ')
			return number(s + len + 1);
	return 0;
}

/* each_line - @one gets every line, without its newline; @text is cut up */
static void each_line(char *text, void (*one)(char *line, struct buf *out), struct buf *out)
{
	char *rest;
	for (char *line = text ? strtok_r(text, "\n", &rest) : NULL; line; line = strtok_r(NULL, "\n", &rest))
		one(line, out);
}

/* ---- writing ---- */

static void comma(struct buf *out)
{
	if (out->len && !strchr("{[", out->data[out->len - 1]))
		buf_putc(out, ',');
}

static void put(struct buf *out, const char *key, uint64_t value)
{
	comma(out);
	buf_printf(out, "\"%s\":%" PRIu64, key, value);
}

/* open_member - begins `"key":{`; the caller closes it */
static void open_member(struct buf *out, const char *key, char bracket)
{
	comma(out);
	buf_printf(out, "\"%s\":%c", key, bracket);
}

/* put_words - a list of the words of @text, ranges ("0-2,5") resolved; nothing when there are none */
static void put_words(struct buf *out, const char *key, const char *text)
{
	if (!text || *text < '0' || *text > '9')
		return;
	open_member(out, key, '[');
	for (const char *s = text; *s >= '0' && *s <= '9';) {
		char *end;
		uint64_t first = strtoull(s, &end, 10), last = *end == '-' ? strtoull(end + 1, &end, 10) : first;
		for (uint64_t i = first; i <= last && i - first < 65536; i++) {
			comma(out);
			buf_printf(out, "%" PRIu64, i);
		}
		s = end + strspn(end, ", \n");
	}
	buf_putc(out, ']');
}

/* put_pressure - lines of "some avg10=0.00 avg60=0.00 avg300=0.00 total=0"; the kernel's figures are JSON numbers as they are */
static void put_pressure_line(char *line, struct buf *out)
{
	char *rest;
	char *word = strtok_r(line, " ", &rest);
	open_member(out, word, '{');
	while ((word = strtok_r(NULL, " ", &rest))) {
		char *value = strchr(word, '=');
		if (!value)
			continue;
		*value = 0;
		comma(out);
		buf_printf(out, "\"%s\":%s", word, value + 1);
	}
	buf_putc(out, '}');
}

static void put_pressure(struct cgroup *c, const char *file, struct buf *out)
{
	cleanup_free char *text = c->version == &version_v2 ? slurp(c, "", file) : NULL;
	if (!text || !*text)
		return;
	open_member(out, "psi", '{');
	each_line(text, put_pressure_line, out);
	buf_putc(out, '}');
}

/* ---- cpu ---- */

/* cpuacct.usage_all has a line for each processor: "0 USER SYSTEM" */
static void put_column(struct buf *out, const char *key, const char *text, int column)
{
	struct buf list cleanup_buf = { 0 };
	const char *s = strchr(text, '\n');	/* the head */
	for (; s && s[1]; s = strchr(s + 1, '\n')) {
		const char *word = s + 1;
		for (int i = 0; i < column; i++)
			word += strcspn(word, " \n"), word += *word == ' ';
		buf_printf(&list, "%s%llu", list.len ? "," : "", strtoull(word, NULL, 10));
	}
	if (list.len == 0)
		return;
	comma(out);
	buf_printf(out, "\"%s\":[%s]", key, list.data);
}

static void cpu_usage_v1(struct cgroup *c, struct buf *out)
{
	cleanup_free char *stat = slurp(c, "cpuacct", "cpuacct.stat");
	cleanup_free char *each = slurp(c, "cpuacct", "cpuacct.usage_percpu");
	cleanup_free char *all = slurp(c, "cpuacct", "cpuacct.usage_all");
	put(out, "total", read_number(c, "cpuacct", "cpuacct.usage"));
	put_words(out, "percpu", each);
	if (all) {
		put_column(out, "percpu_kernel", all, 2);
		put_column(out, "percpu_user", all, 1);
	}
	put(out, "kernel", value_of(stat, "system") * TICK_NS);
	put(out, "user", value_of(stat, "user") * TICK_NS);
}

static void put_cpu(struct cgroup *c, struct buf *out)
{
	bool v2 = c->version == &version_v2;
	cleanup_free char *stat = slurp(c, "cpu", "cpu.stat");
	open_member(out, "cpu", '{');
	open_member(out, "usage", '{');
	if (v2) {
		put(out, "total", value_of(stat, "usage_usec") * 1000);
		put(out, "kernel", value_of(stat, "system_usec") * 1000);
		put(out, "user", value_of(stat, "user_usec") * 1000);
	} else {
		cpu_usage_v1(c, out);
	}
	buf_putc(out, '}');
	open_member(out, "throttling", '{');
	put(out, "periods", value_of(stat, "nr_periods"));
	put(out, "throttledPeriods", value_of(stat, "nr_throttled"));
	put(out, "throttledTime", v2 ? value_of(stat, "throttled_usec") * 1000 : value_of(stat, "throttled_time"));
	buf_putc(out, '}');
	put_pressure(c, "cpu.pressure", out);
	buf_putc(out, '}');
}

static void put_cpuset(struct cgroup *c, struct buf *out)
{
	static const char *const flags[] = {
		"cpu_exclusive", "mem_hardwall", "mem_exclusive", "memory_migrate", "memory_spread_page", "memory_spread_slab",
		"memory_pressure", "sched_load_balance", NULL,
	};
	bool v2 = c->version == &version_v2;
	cleanup_free char *cpus = slurp(c, "cpuset", v2 ? "cpuset.cpus.effective" : "cpuset.cpus");
	cleanup_free char *mems = slurp(c, "cpuset", v2 ? "cpuset.mems.effective" : "cpuset.mems");
	cleanup_free char *level = slurp(c, "cpuset", "cpuset.sched_relax_domain_level");
	open_member(out, "cpuset", '{');
	put_words(out, "cpus", cpus);
	put_words(out, "mems", mems);
	for (size_t i = 0; flags[i]; i++) {
		cleanup_free char *file = xasprintf("cpuset.%s", flags[i]);
		put(out, flags[i], v2 ? 0 : read_number(c, "cpuset", file));
	}
	comma(out);
	buf_printf(out, "\"sched_relax_domain_level\":%ld}", level ? strtol(level, NULL, 10) : 0);
}

/* ---- memory ---- */

static void put_entry(struct buf *out, const char *key, uint64_t limit, uint64_t usage, uint64_t max, uint64_t failed)
{
	open_member(out, key, '{');
	put(out, "limit", limit);
	put(out, "usage", usage);
	put(out, "max", max);
	put(out, "failcnt", failed);
	buf_putc(out, '}');
}

static void entry_v1(struct cgroup *c, struct buf *out, const char *key, const char *kind)
{
	static const char *const files[] = { "limit_in_bytes", "usage_in_bytes", "max_usage_in_bytes", "failcnt" };
	uint64_t v[4];
	for (size_t i = 0; i < 4; i++) {
		cleanup_free char *file = xasprintf("memory.%s%s", kind, files[i]);
		v[i] = read_number(c, "memory", file);
	}
	put_entry(out, key, v[0], v[1], v[2], v[3]);
}

static uint64_t sum(uint64_t a, uint64_t b)
{
	return a == UINT64_MAX || b == UINT64_MAX ? UINT64_MAX : a + b;
}

static void entries_v2(struct cgroup *c, struct buf *out)
{
	cleanup_free char *events = slurp(c, "memory", "memory.events");
	uint64_t limit = read_number(c, "memory", "memory.max"), usage = read_number(c, "memory", "memory.current");
	put_entry(out, "usage", limit, usage, read_number(c, "memory", "memory.peak"), value_of(events, "max"));
	put_entry(out, "swap", sum(limit, read_number(c, "memory", "memory.swap.max")),
		  usage + read_number(c, "memory", "memory.swap.current"), 0, 0);
	put_entry(out, "kernel", 0, 0, 0, 0);
	put_entry(out, "kernelTCP", 0, 0, 0, 0);
}

static void put_raw_line(char *line, struct buf *out)
{
	char *value = strchr(line, ' ');
	if (!value)
		return;
	*value = 0;
	put(out, line, strtoull(value + 1, NULL, 10));
}

static void put_memory(struct cgroup *c, struct buf *out)
{
	bool v2 = c->version == &version_v2;
	cleanup_free char *stat = slurp(c, "memory", "memory.stat");
	open_member(out, "memory", '{');
	put(out, "cache", value_of(stat, v2 ? "file" : "cache"));
	if (v2) {
		entries_v2(c, out);
	} else {
		entry_v1(c, out, "usage", "");
		entry_v1(c, out, "swap", "memsw.");
		entry_v1(c, out, "kernel", "kmem.");
		entry_v1(c, out, "kernelTCP", "kmem.tcp.");
	}
	if (stat) {
		open_member(out, "raw", '{');
		each_line(stat, put_raw_line, out);
		buf_putc(out, '}');
	}
	put_pressure(c, "memory.pressure", out);
	buf_putc(out, '}');
}

/* ---- the others ---- */

static void put_pids(struct cgroup *c, struct buf *out)
{
	uint64_t limit = read_number(c, "pids", "pids.max");
	open_member(out, "pids", '{');
	put(out, "current", read_number(c, "pids", "pids.current"));
	put(out, "limit", limit == UINT64_MAX ? 0 : limit);
	buf_putc(out, '}');
}

static void put_block_entry(struct buf *out, uint64_t major, uint64_t minor, const char *op, uint64_t value)
{
	comma(out);
	buf_putc(out, '{');
	put(out, "major", major);
	put(out, "minor", minor);
	comma(out);
	buf_printf(out, "\"op\":\"%s\"", op);
	put(out, "value", value);
	buf_putc(out, '}');
}

/* v1: "254:0 Read 4096"; a total without a device ends it */
static void put_block_line(char *line, struct buf *out)
{
	unsigned major, minor;
	char op[32] = "";
	unsigned long long value;
	if (sscanf(line, "%u:%u %31[A-Za-z] %llu", &major, &minor, op, &value) == 4)
		put_block_entry(out, major, minor, op, value);
	else if (sscanf(line, "%u:%u %llu", &major, &minor, &value) == 3)
		put_block_entry(out, major, minor, "", value);
}

static void block_v1(struct cgroup *c, struct buf *out)
{
	static const struct { const char *key, *file, *instead; } lists[] = {
		{ "ioServiceBytesRecursive", "blkio.bfq.io_service_bytes_recursive", "blkio.throttle.io_service_bytes_recursive" },
		{ "ioServicedRecursive", "blkio.bfq.io_serviced_recursive", "blkio.throttle.io_serviced_recursive" },
		{ "ioQueueRecursive", "blkio.bfq.io_queued_recursive", NULL },
		{ "ioServiceTimeRecursive", "blkio.bfq.io_service_time_recursive", NULL },
		{ "ioWaitTimeRecursive", "blkio.bfq.io_wait_time_recursive", NULL },
		{ "ioMergedRecursive", "blkio.bfq.io_merged_recursive", NULL },
		{ "ioTimeRecursive", "blkio.bfq.time_recursive", NULL },
		{ "sectorsRecursive", "blkio.bfq.sectors_recursive", NULL },
	};
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
		struct buf list cleanup_buf = { 0 };
		for (const char *file = lists[i].file; file && !list.len; file = file == lists[i].file ? lists[i].instead : NULL) {
			cleanup_free char *text = slurp(c, "blkio", file);
			each_line(text, put_block_line, &list);
		}
		if (list.len == 0)
			continue;
		comma(out);
		buf_printf(out, "\"%s\":[%s]", lists[i].key, list.data);
	}
}

/* block_v2 - "254:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6"; other words are of schedulers */
static void block_v2(struct cgroup *c, struct buf *out)
{
	static const struct { const char *word, *op; bool bytes; } known[] = {
		{ "rbytes", "Read", true }, { "wbytes", "Write", true }, { "dbytes", "Discard", true },
		{ "rios", "Read", false }, { "wios", "Write", false }, { "dios", "Discard", false },
	};
	cleanup_free char *text = slurp(c, "io", "io.stat");
	struct buf lists[2] = { { 0 }, { 0 } };
	char *rest;
	for (char *line = text ? strtok_r(text, "\n", &rest) : NULL; line; line = strtok_r(NULL, "\n", &rest)) {
		unsigned major, minor;
		if (sscanf(line, "%u:%u", &major, &minor) != 2)
			continue;
		for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
			cleanup_free char *word = xasprintf(" %s=", known[i].word);
			const char *at = strstr(line, word);
			if (at)
				put_block_entry(&lists[!known[i].bytes], major, minor, known[i].op, strtoull(at + strlen(word), NULL, 10));
		}
	}
	static const char *const keys[] = { "ioServiceBytesRecursive", "ioServicedRecursive" };
	for (size_t i = 0; i < 2; i++) {
		if (lists[i].len) {
			comma(out);
			buf_printf(out, "\"%s\":[%s]", keys[i], lists[i].data);
		}
		buf_done(&lists[i]);
	}
	put_pressure(c, "io.pressure", out);
}

static void put_block(struct cgroup *c, struct buf *out)
{
	open_member(out, "blkio", '{');
	if (c->version == &version_v2)
		block_v2(c, out);
	else
		block_v1(c, out);
	buf_putc(out, '}');
}

/* put_hugepages - of every page size that has a file in the cgroup */
static void put_hugepages(struct cgroup *c, struct buf *out)
{
	bool v2 = c->version == &version_v2;
	const char *suffix = v2 ? ".current" : ".usage_in_bytes";
	struct hierarchy *h = cgroup_for(c, "hugetlb");
	cleanup_dir DIR *d = h ? opendir(h->dir) : NULL;
	open_member(out, "hugetlb", '{');
	for (struct dirent *e; d && (e = readdir(d));) {
		const char *size = str_after(e->d_name, "hugetlb.");
		if (!size || !str_ends(size, suffix) || strstr(size, ".rsvd."))
			continue;
		cleanup_free char *name = xstrndup(size, strlen(size) - strlen(suffix));
		cleanup_free char *reserved = xasprintf("hugetlb.%s.rsvd%s", name, suffix);
		cleanup_free char *peak = xasprintf("hugetlb.%s.max_usage_in_bytes", name);
		cleanup_free char *failed = xasprintf(v2 ? "hugetlb.%s.events" : "hugetlb.%s.failcnt", name);
		cleanup_free char *usage = slurp(c, "hugetlb", reserved);
		cleanup_free char *events = slurp(c, "hugetlb", failed);
		open_member(out, name, '{');
		put(out, "usage", usage ? number(usage) : read_number(c, "hugetlb", e->d_name));
		put(out, "max", v2 ? 0 : read_number(c, "hugetlb", peak));
		put(out, "failcnt", v2 ? value_of(events, "max") : events ? number(events) : 0);
		buf_putc(out, '}');
	}
	buf_putc(out, '}');
}

void cgroup_stats(struct cgroup *c, struct buf *out)
{
	put_cpu(c, out);
	put_cpuset(c, out);
	put_memory(c, out);
	put_pids(c, out);
	put_block(c, out);
	put_hugepages(c, out);
}
