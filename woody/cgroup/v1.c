/* cgroup v1: Documentation/admin-guide/cgroup-v1 of the kernel. */
#include "cleanup.h"
#include "driver.h"
#include "fs.h"
#include "str.h"
#include <inttypes.h>
#include <string.h>

/* 0 in a number that the spec makes optional is what callers written in Go send for "not set" */
static bool is_set(const int64_t *v)
{
	return v && *v != 0;
}

static bool is_set_u(const uint64_t *v)
{
	return v && *v != 0;
}

static void plan_memory(const struct spec_memory *m, bool update, struct limits *l)
{
	static const char limit[] = "memory.limit_in_bytes", swap[] = "memory.memsw.limit_in_bytes";
	if (is_set(m->limit))
		limits_add(l, "memory", "memory.limit", limit, "%" PRId64, *m->limit)->flags = LIMIT_LATE;
	if (is_set(m->swap))
		limits_add(l, "memory", "memory.swap", swap, "%" PRId64, *m->swap)->flags = LIMIT_LATE;
	else if (update && m->limit && *m->limit == -1)	/* no limit on memory leaves none on memory+swap */
		limits_add(l, "memory", "memory.limit", swap, "-1")->flags = LIMIT_OPTIONAL;
	if (is_set(m->reservation))
		limits_add(l, "memory", "memory.reservation", "memory.soft_limit_in_bytes", "%" PRId64, *m->reservation);
	if (is_set(m->kernel))	/* the kernel dropped it in 5.16 */
		limits_add(l, "memory", "memory.kernel", "memory.kmem.limit_in_bytes", "%" PRId64, *m->kernel)->flags = LIMIT_WARN;
	if (is_set(m->kernel_tcp))
		limits_add(l, "memory", "memory.kernelTCP", "memory.kmem.tcp.limit_in_bytes", "%" PRId64, *m->kernel_tcp);
	if (m->swappiness)
		limits_add(l, "memory", "memory.swappiness", "memory.swappiness", "%" PRIu64, *m->swappiness);
	if (m->disable_oom_killer && (update || *m->disable_oom_killer))
		limits_add(l, "memory", "memory.disableOOMKiller", "memory.oom_control", "%d", *m->disable_oom_killer);
	if (m->use_hierarchy)	/* since 5.11 there is no other way than true */
		limits_add(l, "memory", "memory.useHierarchy", "memory.use_hierarchy", "%d", *m->use_hierarchy)->flags = LIMIT_WARN;
}

/* Shares cannot be written while the cgroup is idle, so idle is left first and entered last. */
static void plan_cpu(const struct spec_cpu *p, struct limits *l)
{
	if (p->idle && *p->idle == 0)
		limits_add(l, "cpu", "cpu.idle", "cpu.idle", "0")->flags = LIMIT_OPTIONAL;
	if (is_set_u(p->shares))
		limits_add(l, "cpu", "cpu.shares", "cpu.shares", "%" PRIu64, *p->shares);
	if (is_set_u(p->realtime_period))
		limits_add(l, "cpu", "cpu.realtimePeriod", "cpu.rt_period_us", "%" PRIu64, *p->realtime_period)->flags = LIMIT_LATE;
	if (is_set(p->realtime_runtime))
		limits_add(l, "cpu", "cpu.realtimeRuntime", "cpu.rt_runtime_us", "%" PRId64, *p->realtime_runtime)->flags = LIMIT_LATE;
	if (is_set_u(p->period))
		limits_add(l, "cpu", "cpu.period", "cpu.cfs_period_us", "%" PRIu64, *p->period)->flags = LIMIT_LATE;
	if (p->burst)
		limits_add(l, "cpu", "cpu.burst", "cpu.cfs_burst_us", "%" PRIu64, *p->burst)->flags =
			LIMIT_LATE | (*p->burst ? 0 : LIMIT_OPTIONAL);
	if (is_set(p->quota))
		limits_add(l, "cpu", "cpu.quota", "cpu.cfs_quota_us", "%" PRId64, *p->quota < 0 ? -1 : *p->quota)->flags = LIMIT_LATE;
	if (p->idle && *p->idle != 0)
		limits_add(l, "cpu", "cpu.idle", "cpu.idle", "%" PRId64, *p->idle);
	if (!str_empty(p->cpus))
		limits_add(l, "cpuset", "cpu.cpus", "cpuset.cpus", "%s", p->cpus);
	if (!str_empty(p->mems))
		limits_add(l, "cpuset", "cpu.mems", "cpuset.mems", "%s", p->mems);
}

static void plan_throttle(const char *member, const char *file, const struct spec_throttle_device *d, size_t n, struct limits *l)
{
	for (size_t i = 0; i < n; i++)
		limits_add(l, "blkio", member, file, "%" PRId64 ":%" PRId64 " %" PRIu64, d[i].major, d[i].minor, d[i].rate);
}

static void plan_block(const struct spec_block_io *b, struct limits *l)
{
	if (b->weight && *b->weight)
		limits_add(l, "blkio", "blockIO.weight", "blkio.weight", "%u", *b->weight)->instead = "blkio.bfq.weight";
	if (b->leaf_weight && *b->leaf_weight)
		limits_add(l, "blkio", "blockIO.leafWeight", "blkio.leaf_weight", "%u", *b->leaf_weight);
	for (size_t i = 0; i < b->n_weight_device; i++) {
		const struct spec_weight_device *d = &b->weight_device[i];
		if (d->weight && *d->weight)
			limits_add(l, "blkio", "blockIO.weightDevice", "blkio.weight_device", "%" PRId64 ":%" PRId64 " %u", d->major,
				   d->minor, *d->weight)->instead = "blkio.bfq.weight_device";
		if (d->leaf_weight && *d->leaf_weight)
			limits_add(l, "blkio", "blockIO.weightDevice", "blkio.leaf_weight_device", "%" PRId64 ":%" PRId64 " %u",
				   d->major, d->minor, *d->leaf_weight);
	}
	plan_throttle("blockIO.throttleReadBpsDevice", "blkio.throttle.read_bps_device", b->read_bps, b->n_read_bps, l);
	plan_throttle("blockIO.throttleWriteBpsDevice", "blkio.throttle.write_bps_device", b->write_bps, b->n_write_bps, l);
	plan_throttle("blockIO.throttleReadIOPSDevice", "blkio.throttle.read_iops_device", b->read_iops, b->n_read_iops, l);
	plan_throttle("blockIO.throttleWriteIOPSDevice", "blkio.throttle.write_iops_device", b->write_iops, b->n_write_iops, l);
}

static int plan_hugepages(const struct spec_resources *r, struct limits *l, struct error *err)
{
	for (size_t i = 0; i < r->n_hugepage_limits; i++) {
		const struct spec_hugepage *h = &r->hugepage_limits[i];
		int ret = limits_hugepage_check(h->page_size, err);
		if (ret < 0)
			return ret;
		limits_add(l, "hugetlb", "hugepageLimits", pool_printf(&l->pool, "hugetlb.%s.limit_in_bytes", h->page_size),
			   "%" PRIu64, h->limit);
		/* reserved and not only touched pages; since 5.7 */
		limits_add(l, "hugetlb", "hugepageLimits", pool_printf(&l->pool, "hugetlb.%s.rsvd.limit_in_bytes", h->page_size),
			   "%" PRIu64, h->limit)->flags = LIMIT_OPTIONAL;
	}
	return 0;
}

static void plan_network(const struct spec_net_class *n, struct limits *l)
{
	if (n->class_id && *n->class_id)
		limits_add(l, "net_cls", "network.classID", "net_cls.classid", "%u", *n->class_id);
	for (size_t i = 0; i < n->n_priorities; i++)
		limits_add(l, "net_prio", "network.priorities", "net_prio.ifpriomap", "%s %u", n->priorities[i].name,
			   n->priorities[i].priority);
}

static int plan(const struct spec_resources *r, bool update, struct limits *ret, struct error *err)
{
	if (r->unified.n)
		return error_say(err, EINVAL, "invalid configuration: unified resources need cgroup v2, this machine has v1");
	if (r->memory)
		plan_memory(r->memory, update, ret);
	if (r->cpu)
		plan_cpu(r->cpu, ret);
	if (r->pids && r->pids->limit)
		limits_add(ret, "pids", "pids.limit", "pids.max", *r->pids->limit < 0 ? "max" : "%" PRId64,
			   *r->pids->limit ? *r->pids->limit : 1);
	if (r->block_io)
		plan_block(r->block_io, ret);
	if (r->network)
		plan_network(r->network, ret);
	for (size_t i = 0; i < r->n_rdma; i++)
		limits_add_rdma(ret, &r->rdma[i]);
	return plan_hugepages(r, ret, err);
}

/* ---- cpuset ---- */

/* read_value - without its newline */
static int read_value(const char *path, const char *file, char **ret, struct error *err)
{
	cleanup_free char *name = xasprintf("%s/%s", path, file);
	int r = fs_read_file(AT_FDCWD, name, 1 << 16, ret, NULL, err);
	if (r == 0)
		(*ret)[strcspn(*ret, "\n")] = 0;
	return r;
}

/* inherit - the value of @path, which gets its parent's when it has none, and so on up to the mount point (the first @mount
 * characters), which always has some. @made: so many directories at the end of @path are new, therefore empty.
 * @ret: caller frees */
static int inherit(const char *path, size_t mount, unsigned made, const char *file, char **ret, struct error *err)
{
	if (made == 0) {
		cleanup_free char *value = NULL;
		int r = read_value(path, file, &value, err);
		if (r < 0)
			return r;
		if (*value || strlen(path) <= mount) {
			*ret = take_ptr(value);
			return 0;
		}
	}
	cleanup_free char *parent = xstrndup(path, (size_t) (strrchr(path, '/') - path));
	cleanup_free char *value = NULL;
	int r = inherit(parent, mount, made ? made - 1 : 0, file, &value, err);
	if (r < 0)
		return r;
	cleanup_free char *name = xasprintf("%s/%s", path, file);
	r = fs_write_file(AT_FDCWD, name, value, err);
	if (r == 0)
		*ret = take_ptr(value);
	return r;
}

/* fill_cpuset - an empty cpuset cannot be entered. @given: the spec's value, which is written later, as a limit; then only
 * those above need one. */
static int fill_cpuset(const struct hierarchy *h, const char *file, const char *given, struct error *err)
{
	cleanup_free char *value = NULL;
	size_t mount = strlen(h->mount);
	if (str_empty(given))
		return inherit(h->dir, mount, h->made, file, &value, err);
	cleanup_free char *parent = xstrndup(h->dir, (size_t) (strrchr(h->dir, '/') - h->dir));
	return strlen(parent) <= mount ? 0 : inherit(parent, mount, h->made ? h->made - 1 : 0, file, &value, err);
}

static int prepare(struct cgroup *c, const struct spec_resources *r, struct error *err)
{
	const struct hierarchy *h = cgroup_for(c, "cpuset");
	if (!h)
		return 0;
	int ret = fill_cpuset(h, "cpuset.cpus", r->cpu ? r->cpu->cpus : NULL, err);
	return ret < 0 ? ret : fill_cpuset(h, "cpuset.mems", r->cpu ? r->cpu->mems : NULL, err);
}

const struct cgroup_version version_v1 = { plan, prepare, v1_devices };
