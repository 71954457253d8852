#include "cleanup.h"
#include "driver.h"
#include "error.h"
#include "systemd.h"
#include <inttypes.h>
#include <string.h>

enum { CPU_MAX = 8192, STEP_US = 10000, PERIOD_DEFAULT_US = 100000 };

static void add_u64(struct strings *out, const char *name, uint64_t v)
{
	strings_add(out, name);
	strings_add(out, "t");
	strings_printf(out, "%" PRIu64, v);
}

/* add_limit - below 0 is no limit, which for systemd is the largest number */
static void add_limit(struct strings *out, const char *name, int64_t v)
{
	add_u64(out, name, v < 0 ? UINT64_MAX : (uint64_t) v);
}

static int add_memory(const struct systemd_limits *l, struct strings *out, struct error *err)
{
	const struct spec_memory *m = l->r->memory;
	if (m->limit && *m->limit)
		add_limit(out, l->v2 ? "MemoryMax" : "MemoryLimit", *m->limit);
	if (!l->v2)
		return 0;
	if (m->reservation && *m->reservation)
		add_limit(out, "MemoryLow", *m->reservation);
	if (!m->swap || !*m->swap)
		return 0;
	int64_t swap;
	int r = v2_swap(m->limit, *m->swap, &swap, err);
	if (r == 0)
		add_limit(out, "MemorySwapMax", swap);
	return r;
}

/* add_quota - systemd keeps whole percents of a CPU: rounded up, so that its own cgroups allow what ours is given exactly */
static void add_quota(struct strings *out, int64_t quota, uint64_t period)
{
	uint64_t p = period ? period : PERIOD_DEFAULT_US;
	uint64_t per_second = UINT64_MAX;
	if (quota > 0 && (uint64_t) quota < UINT64_MAX / 1000000)
		per_second = ((uint64_t) quota * 1000000 / p + STEP_US - 1) / STEP_US * STEP_US;
	if (period)
		add_u64(out, "CPUQuotaPeriodUSec", period);
	add_u64(out, "CPUQuotaPerSecUSec", per_second);
}

/* parse_number - digits at *p, which moves behind them */
static int parse_number(const char **p, unsigned *ret)
{
	size_t n = strspn(*p, "0123456789");
	if (n == 0 || n > 5)
		return -EINVAL;
	*ret = (unsigned) strtoul(*p, NULL, 10);
	*p += n;
	return *ret < CPU_MAX ? 0 : -ERANGE;
}

/* add_list - "0-2,5" as a set of bits, the lowest in the first byte */
static int add_list(struct strings *out, const char *name, const char *member, const char *list, struct error *err)
{
	uint8_t bits[CPU_MAX / 8] = { 0 };
	size_t bytes = 0;
	for (const char *p = list;;) {
		unsigned first, last;
		p += strspn(p, " ");
		int r = parse_number(&p, &first);
		last = first;
		if (r == 0 && *p == '-') {
			p++;
			r = parse_number(&p, &last);
		}
		p += strspn(p, " \n");
		if (r < 0 || last < first || (*p && *p != ','))
			return error_say(err, EINVAL, "linux.resources.%s: '%s' is not a list like 0-2,5", member, list);
		for (unsigned i = first; i <= last; i++)
			bits[i / 8] |= (uint8_t) (1U << i % 8);
		if (last / 8 + 1 > bytes)
			bytes = last / 8 + 1;
		if (*p++ == 0)
			break;
	}
	strings_add(out, name);
	strings_add(out, "ay");
	strings_printf(out, "%zu", bytes);
	for (size_t i = 0; i < bytes; i++)
		strings_printf(out, "%u", bits[i]);
	return 0;
}

static int add_cpu(const struct systemd_limits *l, struct strings *out, struct error *err)
{
	const struct spec_cpu *c = l->r->cpu;
	if (c->shares && *c->shares)
		add_u64(out, l->v2 ? "CPUWeight" : "CPUShares", l->v2 ? v2_cpu_weight(*c->shares) : *c->shares);
	bool quota = c->quota && *c->quota, period = c->period && *c->period;
	if (quota || period)
		add_quota(out, quota ? *c->quota : l->quota, period ? *c->period : l->period);
	int r = 0;
	if (l->v2 && !str_empty(c->cpus))
		r = add_list(out, "AllowedCPUs", "cpu.cpus", c->cpus, err);
	if (r == 0 && l->v2 && !str_empty(c->mems))
		r = add_list(out, "AllowedMemoryNodes", "cpu.mems", c->mems, err);
	return r;
}

/* ---- unified ---- */

static int bad_unified(const char *key, const char *value, struct error *err)
{
	return error_say(err, EINVAL, "linux.resources.unified: '%s' cannot be '%s'", key, value);
}

/* add_max - "max" or a number */
static int add_max(struct strings *out, const char *name, const char *key, const char *value, struct error *err)
{
	uint64_t v = UINT64_MAX;
	if (strcmp(value, "max") != 0 && str_to_u64(value, UINT64_MAX, &v) < 0)
		return bad_unified(key, value, err);
	add_u64(out, name, v);
	return 0;
}

static int add_cpu_max(struct strings *out, const char *value, struct error *err)
{
	struct strings words cleanup_strings = { 0 };
	int64_t quota = -1;
	uint64_t period = 0;
	strings_split(&words, value, " \n");
	if (words.n < 1 || words.n > 2 || (strcmp(words.v[0], "max") != 0 && str_to_i64(words.v[0], 1, INT64_MAX, &quota) < 0) ||
	    (words.n == 2 && (str_to_u64(words.v[1], UINT64_MAX, &period) < 0 || period == 0)))
		return bad_unified("cpu.max", value, err);
	add_quota(out, quota, period);
	return 0;
}

/* add_unified - those files that are properties, too; the others are only written */
static int add_unified(const struct json_map *m, struct strings *out, struct error *err)
{
	static const char *const numbers[][2] = {
		{ "memory.min", "MemoryMin" }, { "memory.low", "MemoryLow" }, { "memory.high", "MemoryHigh" }, { "memory.max", "MemoryMax" },
		{ "memory.swap.max", "MemorySwapMax" }, { "pids.max", "TasksMax" }, { "cpu.weight", "CPUWeight" },
	};
	int r = 0;
	for (size_t i = 0; r == 0 && i < m->n; i++) {
		const char *key = m->pairs[i].key, *value = m->pairs[i].value;
		for (size_t k = 0; r == 0 && k < sizeof numbers / sizeof *numbers; k++)
			if (strcmp(key, numbers[k][0]) == 0)
				r = add_max(out, numbers[k][1], key, value, err);
		if (strcmp(key, "cpu.max") == 0)
			r = add_cpu_max(out, value, err);
		else if (strcmp(key, "cpuset.cpus") == 0)
			r = add_list(out, "AllowedCPUs", "unified.cpuset.cpus", value, err);
		else if (strcmp(key, "cpuset.mems") == 0)
			r = add_list(out, "AllowedMemoryNodes", "unified.cpuset.mems", value, err);
	}
	return r;
}

/* ---- devices ---- */

/* add_device - the kernel's "c 1:3 rwm" for systemd: a node by its number, or a whole major; false: it has no words for it */
static bool add_device(const char *text, struct strings *list)
{
	char type, major[24], minor[24], access[8];
	if (sscanf(text, "%c %23[^:]:%23s %7s", &type, major, minor, access) != 4)
		return false;
	const char *kind = type == 'b' ? "block" : "char";
	bool all = strcmp(major, "*") == 0;
	if (all && strcmp(minor, "*") != 0)
		strings_printf(list, "%s-*", kind);	/* wider than asked for: the exact rule is the cgroup's */
	else if (all || strcmp(minor, "*") == 0)
		strings_printf(list, "%s-%s", kind, major);
	else
		strings_printf(list, "/dev/%s/%s:%s", kind, major, minor);
	strings_add(list, access);
	return true;
}

/* add_devices - what any of the rules allows, behind the last one about everything. The kernel holds the exact rules in a
 * filter of the cgroup itself, beside which systemd's must only not forbid more. */
static int add_devices(const struct spec_resources *r, struct strings *out, struct error *err)
{
	struct device_plan plan CLEANUP(device_plan_done) = { 0 };
	struct strings list cleanup_strings = { 0 };
	int ret = devices_plan(r->devices, r->n_devices, false, &plan, err);
	if (ret < 0)
		return ret;
	bool closed = false;
	for (size_t i = 0; i < plan.n; i++) {
		const struct device_write *w = &plan.v[i];
		if (strcmp(w->text, "a") == 0)
			closed = !w->allow;
		else if (w->allow && !add_device(w->text, &list))
			closed = false;
	}
	static const char *const head[] = { "DevicePolicy", "s", NULL, "DeviceAllow", "a(ss)", "0", NULL };
	strings_add(out, head[0]);
	strings_add(out, head[1]);
	strings_add(out, closed ? "strict" : "auto");
	for (size_t i = 3; head[i]; i++)	/* none: empties systemd's list */
		strings_add(out, head[i]);
	if (!closed || list.n == 0)
		return 0;
	strings_add(out, head[3]);
	strings_add(out, head[4]);
	strings_printf(out, "%zu", list.n / 2);
	for (size_t i = 0; i < list.n; i++)
		strings_add(out, list.v[i]);
	return 0;
}

int systemd_limits_add(const struct systemd_limits *l, struct strings *out, struct error *err)
{
	const struct spec_resources *r = l->r;
	int ret = r->memory ? add_memory(l, out, err) : 0;
	if (ret == 0 && r->cpu)
		ret = add_cpu(l, out, err);
	if (ret < 0)
		return ret;
	if (r->pids && r->pids->limit)
		add_limit(out, "TasksMax", *r->pids->limit ? *r->pids->limit : 1);
	if (r->block_io && r->block_io->weight && *r->block_io->weight)
		add_u64(out, l->v2 ? "IOWeight" : "BlockIOWeight", l->v2 ? v2_io_weight(*r->block_io->weight) : *r->block_io->weight);
	if (l->v2)
		ret = add_unified(&r->unified, out, err);
	return ret == 0 && l->devices ? add_devices(r, out, err) : ret;
}
