/* cgroup v2: Documentation/admin-guide/cgroup-v2.rst of the kernel. Device rules: v2_devices.c. */
#include "cleanup.h"
#include "driver.h"
#include "fs.h"
#include "log.h"
#include "str.h"
#include <inttypes.h>
#include <string.h>

/* ---- v1's numbers ---- */

static double binary_log(double x)
{
	double r = 0;
	for (; x >= 2; x /= 2)
		r++;
	for (double bit = 0.5; bit > 1e-12; bit /= 2) {
		x *= x;
		if (x >= 2) {
			x /= 2;
			r += bit;
		}
	}
	return r;
}

static double square_root(double x)
{
	double r = x > 1 ? x : 1;
	for (int i = 0; i < 40; i++)
		r = (r + x / r) / 2;
	return r;
}

static double ten_to(double x)
{
	double r = 1, root = 10;
	for (; x >= 1; x--)
		r *= 10;
	for (int i = 0; i < 40; i++) {
		root = square_root(root);	/* 10^(1/2), 10^(1/4) ... */
		x *= 2;
		if (x >= 1) {
			r *= root;
			x--;
		}
	}
	return r;
}

/* 10^(l^2/612 + 125l/612 - 7/34), l = log2(shares), rounded up. No libm for one formula. */
uint64_t v2_cpu_weight(uint64_t shares)
{
	if (shares == 0)
		return 0;
	if (shares <= 2)
		return 1;
	if (shares >= 262144)
		return 10000;
	double l = binary_log((double) shares);
	double weight = ten_to((l * l + 125 * l) / 612 - 7.0 / 34);
	uint64_t whole = (uint64_t) weight;
	return weight - (double) whole > 1e-6 ? whole + 1 : whole;
}

uint64_t v2_io_weight(uint16_t weight)
{
	if (weight == 0)
		return 0;
	unsigned w = weight < 10 ? 10 : weight > 1000 ? 1000 : weight;
	return 1 + (uint64_t) (w - 10) * 9999 / 990;
}

int v2_swap(const int64_t *limit, int64_t memory_and_swap, int64_t *ret, struct error *err)
{
	if (memory_and_swap < 0) {
		*ret = -1;
		return 0;
	}
	if (!limit || *limit <= 0)
		return error_say(err, EINVAL, "linux.resources.memory.swap: memory+swap cannot be limited without memory.limit");
	if (memory_and_swap < *limit)
		return error_say(err, EINVAL, "linux.resources.memory.swap: %" PRId64 " for memory+swap is less than %" PRId64
				 " for memory alone", memory_and_swap, *limit);
	*ret = memory_and_swap - *limit;
	return 0;
}

/* ---- limits ---- */

/* add_bytes - -1 is "max" here */
static struct limit *add_bytes(struct limits *l, const char *controller, const char *member, const char *file, int64_t v)
{
	return limits_add(l, controller, member, file, v < 0 ? "max" : "%" PRId64, v);
}

static int plan_memory(const struct spec_memory *m, struct limits *l, struct error *err)
{
	if (m->limit && *m->limit)
		add_bytes(l, "memory", "memory.limit", "memory.max", *m->limit);
	if (m->swap && *m->swap) {
		int64_t swap;
		int r = v2_swap(m->limit, *m->swap, &swap, err);
		if (r < 0)
			return r;
		/* a kernel without swap has no such file, and nothing to limit */
		add_bytes(l, "memory", "memory.swap", "memory.swap.max", swap)->flags = swap <= 0 ? LIMIT_OPTIONAL : 0;
	} else if (m->limit && *m->limit == -1) {
		add_bytes(l, "memory", "memory.limit", "memory.swap.max", -1)->flags = LIMIT_OPTIONAL;
	}
	if (m->reservation && *m->reservation)
		add_bytes(l, "memory", "memory.reservation", "memory.low", *m->reservation);
	if (m->swappiness)
		log_warn("linux.resources.memory.swappiness is not enforced: cgroup v2 has none");
	if (m->kernel_tcp && *m->kernel_tcp)
		log_warn("linux.resources.memory.kernelTCP is not enforced: cgroup v2 has no limit for it");
	if (m->disable_oom_killer && *m->disable_oom_killer)
		log_warn("linux.resources.memory.disableOOMKiller is not enforced: cgroup v2 cannot do that");
	return 0;
}

static int plan_cpu(const struct spec_cpu *p, bool update, struct limits *l, struct error *err)
{
	if ((p->realtime_period && *p->realtime_period) || (p->realtime_runtime && *p->realtime_runtime))
		return error_say(err, EOPNOTSUPP, "linux.resources.cpu.realtimeRuntime and realtimePeriod need cgroup v1");
	bool quota = p->quota && *p->quota, period = p->period && *p->period;
	if (p->idle && *p->idle == 0)
		limits_add(l, "cpu", "cpu.idle", "cpu.idle", "0")->flags = LIMIT_OPTIONAL;
	if (p->shares && *p->shares)
		limits_add(l, "cpu", "cpu.shares", "cpu.weight", "%" PRIu64, v2_cpu_weight(*p->shares));
	if (p->burst)
		limits_add(l, "cpu", "cpu.burst", "cpu.max.burst", "%" PRIu64, *p->burst)->flags =
			LIMIT_LATE | (*p->burst ? 0 : LIMIT_OPTIONAL);
	cleanup_free char *first = quota && *p->quota > 0 ? xasprintf("%" PRId64, *p->quota) : xstrdup("max");
	if (quota && period)
		limits_add(l, "cpu", "cpu.quota", "cpu.max", "%s %" PRIu64, first, *p->period)->flags = LIMIT_LATE;
	else if (quota)		/* the period stays */
		limits_add(l, "cpu", "cpu.quota", "cpu.max", "%s", first)->flags = LIMIT_LATE;
	else if (period)
		limits_add(l, "cpu", "cpu.period", "cpu.max", update ? "%" PRIu64 : "max %" PRIu64, *p->period)->flags =
			LIMIT_LATE | (update ? LIMIT_KEEP_FIRST : 0);
	if (p->idle && *p->idle)
		limits_add(l, "cpu", "cpu.idle", "cpu.idle", "%" PRId64, *p->idle);
	if (!str_empty(p->cpus))
		limits_add(l, "cpuset", "cpu.cpus", "cpuset.cpus", "%s", p->cpus);
	if (!str_empty(p->mems))
		limits_add(l, "cpuset", "cpu.mems", "cpuset.mems", "%s", p->mems);
	return 0;
}

static void plan_throttle(const char *member, const char *key, const struct spec_throttle_device *d, size_t n, struct limits *l)
{
	for (size_t i = 0; i < n; i++) {
		cleanup_free char *rate = d[i].rate ? xasprintf("%" PRIu64, d[i].rate) : xstrdup("max");
		limits_add(l, "io", member, "io.max", "%" PRId64 ":%" PRId64 " %s=%s", d[i].major, d[i].minor, key, rate);
	}
}

static void plan_io(const struct spec_block_io *b, struct limits *l)
{
	if (b->weight && *b->weight) {	/* one of two schedulers takes it, each on its own scale */
		struct limit *w = limits_add(l, "io", "blockIO.weight", "io.bfq.weight", "%u", *b->weight);
		w->instead = "io.weight";
		w->instead_value = pool_printf(&l->pool, "%" PRIu64, v2_io_weight(*b->weight));
	}
	for (size_t i = 0; i < b->n_weight_device; i++) {
		const struct spec_weight_device *d = &b->weight_device[i];
		if (d->weight && *d->weight)
			limits_add(l, "io", "blockIO.weightDevice", "io.bfq.weight", "%" PRId64 ":%" PRId64 " %u", d->major, d->minor,
				   *d->weight);
	}
	plan_throttle("blockIO.throttleReadBpsDevice", "rbps", b->read_bps, b->n_read_bps, l);
	plan_throttle("blockIO.throttleWriteBpsDevice", "wbps", b->write_bps, b->n_write_bps, l);
	plan_throttle("blockIO.throttleReadIOPSDevice", "riops", b->read_iops, b->n_read_iops, l);
	plan_throttle("blockIO.throttleWriteIOPSDevice", "wiops", b->write_iops, b->n_write_iops, l);
}

static int plan_hugepages(const struct spec_resources *r, struct limits *l, struct error *err)
{
	for (size_t i = 0; i < r->n_hugepage_limits; i++) {
		const struct spec_hugepage *h = &r->hugepage_limits[i];
		int ret = limits_hugepage_check(h->page_size, err);
		if (ret < 0)
			return ret;
		limits_add(l, "hugetlb", "hugepageLimits", pool_printf(&l->pool, "hugetlb.%s.max", h->page_size), "%" PRIu64, h->limit);
		limits_add(l, "hugetlb", "hugepageLimits", pool_printf(&l->pool, "hugetlb.%s.rsvd.max", h->page_size), "%" PRIu64,
			   h->limit)->flags = LIMIT_OPTIONAL;
	}
	return 0;
}

/* plan_unified - file names and values as they are; last, so that they win over what was converted */
static int plan_unified(const struct json_map *m, struct limits *l, struct error *err)
{
	for (size_t i = 0; i < m->n; i++) {
		const char *key = m->pairs[i].key, *dot = strchr(key, '.');
		if (strchr(key, '/') || !dot || dot == key)
			return error_say(err, EINVAL, "linux.resources.unified: '%s' is not the name of a cgroup file like memory.high", key);
		/* several lines (io.max) are several writes: the kernel takes one at a time */
		struct strings lines cleanup_strings = { 0 };
		strings_split(&lines, m->pairs[i].value, "\n");
		for (size_t k = 0; k < lines.n; k++)
			limits_add(l, pool_strndup(&l->pool, key, (size_t) (dot - key)), pool_printf(&l->pool, "unified.%s", key),
				   pool_strdup(&l->pool, key), "%s", lines.v[k])->flags = LIMIT_LATE;
	}
	return 0;
}

static int plan(const struct spec_resources *r, bool update, struct limits *ret, struct error *err)
{
	int e = r->memory ? plan_memory(r->memory, ret, err) : 0;
	if (e == 0 && r->cpu)
		e = plan_cpu(r->cpu, update, ret, err);
	if (e == 0 && r->pids && r->pids->limit)
		add_bytes(ret, "pids", "pids.limit", "pids.max", *r->pids->limit ? *r->pids->limit : 1);
	if (e == 0 && r->block_io)
		plan_io(r->block_io, ret);
	for (size_t i = 0; e == 0 && i < r->n_rdma; i++)
		limits_add_rdma(ret, &r->rdma[i]);
	if (e == 0 && r->network && (r->network->n_priorities || (r->network->class_id && *r->network->class_id)))
		log_warn("linux.resources.network is not enforced: cgroup v2 has no net_cls and net_prio");
	if (e == 0)
		e = plan_hugepages(r, ret, err);
	return e < 0 ? e : plan_unified(&r->unified, ret, err);
}

static int read_number(int dir_fd, const char *file, int64_t *ret)
{
	cleanup_free char *text = NULL;
	int r = fs_read_file(dir_fd, file, 4096, &text, NULL, NULL);
	if (r < 0)
		return r;
	text[strcspn(text, "\n")] = 0;
	return strcmp(text, "max") == 0 ? (*ret = -1, 0) : str_to_i64(text, 0, INT64_MAX, ret);
}

int v2_memory_limit(struct cgroup *c, int64_t *ret)
{
	struct hierarchy *h = cgroup_for(c, "memory");
	int fd = h ? hierarchy_fd(h, NULL) : -ENOENT;
	return fd < 0 ? fd : read_number(fd, "memory.max", ret);
}

/* memory+swap first: who asks for both is told of the wider one */
int v2_check_usage(struct cgroup *c, const struct spec_memory *m, struct error *err)
{
	struct hierarchy *h = cgroup_for(c, "memory");
	int64_t usage;
	int fd = h ? hierarchy_fd(h, NULL) : -ENOENT;
	if (fd < 0 || read_number(fd, "memory.current", &usage) < 0)
		return 0;	/* no memory controller: setting the limit will say so */
	if (m->swap && *m->swap > 0 && *m->swap <= usage)
		return error_say(err, EBUSY, "rejecting memory+swap limit %" PRId64 ": the container uses %" PRId64 " bytes now",
				 *m->swap, usage);
	if (m->limit && *m->limit > 0 && *m->limit <= usage)
		return error_say(err, EBUSY, "rejecting memory limit %" PRId64 ": the container uses %" PRId64 " bytes now", *m->limit,
				 usage);
	return 0;
}

/* ---- controllers ---- */

static int controllers_of(const char *dir, struct strings *ret, struct error *err)
{
	cleanup_free char *path = xasprintf("%s/cgroup.controllers", dir);
	cleanup_free char *text = NULL;
	int r = fs_read_file(AT_FDCWD, path, 4096, &text, NULL, err);
	if (r == 0)
		strings_split(ret, text, " \n");
	return r;
}

/* enable - hand every controller that @dir has down to its children. One that cannot be (@dir is threaded) is missed only by who wants a limit of it, and is named then. */
static void enable(const char *dir, const struct strings *have)
{
	cleanup_free char *path = xasprintf("%s/cgroup.subtree_control", dir);
	for (size_t i = 0; i < have->n; i++) {
		cleanup_free char *word = xasprintf("+%s", have->v[i]);
		struct error err = { 0 };
		if (fs_write_file(AT_FDCWD, path, word, &err) < 0)
			log_debug("%s", err.text);
	}
}

/* may_hand_down - not where processes sit: domain controllers would be refused, and a threaded one would be accepted, and make what is
 * below it a cgroup that nobody can enter. The root, which alone has no type, is exempt (cgroups(7), "no internal processes"). */
static bool may_hand_down(const char *dir)
{
	return tree_file_has(dir, "cgroup.procs", NULL) <= 0 || tree_file_has(dir, "cgroup.type", NULL) == -ENOENT;
}

/* prepare - a cgroup has the controllers that all of those above it hand down; look from the mount down */
static int prepare(struct cgroup *c, const struct spec_resources *resources, struct error *err)
{
	struct hierarchy *h = cgroup_for(c, "");
	struct strings have cleanup_strings = { 0 }, want cleanup_strings = { 0 };
	(void) resources;
	if (!h)
		return 0;
	int r = controllers_of(h->dir, &have, err);
	if (r == 0)
		r = controllers_of(h->mount, &want, err);
	if (r < 0 || have.n == want.n)
		return r;
	cleanup_free char *path = xstrdup(h->dir);
	for (char *p = path + strlen(h->mount); p; p = strchr(p + 1, '/')) {
		struct strings here cleanup_strings = { 0 };
		*p = 0;
		if (may_hand_down(path) && controllers_of(path, &here, NULL) == 0)
			enable(path, &here);
		*p = '/';
	}
	return 0;
}

const struct cgroup_version version_v2 = { plan, prepare, v2_devices };
