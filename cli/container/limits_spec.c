/* From the record to linux.resources. With @only (update) what was given, and -1 where a limit ends; without, what there is. */
#include "limits.h"
#include "cleanup.h"
#include "fs.h"
#include "log.h"
#include "record.h"
#include "str.h"
#include "ulimits.h"
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static int64_t *i64(struct pool *pool, int64_t v)
{
	int64_t *p = pool_alloc(pool, sizeof *p);
	*p = v;
	return p;
}

static uint64_t *u64(struct pool *pool, int64_t v)
{
	return (uint64_t *) i64(pool, v);
}

static bool given(int64_t v) { return v != LIMIT_NOT_GIVEN; }

/* ---- memory ---- */

/* swap_counted - v1 only counts swap when booted so; v2 always does */
static bool swap_counted(void)
{
	static const char v1[] = "/sys/fs/cgroup/memory";
	return access(v1, F_OK) < 0 || access("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes", F_OK) == 0;
}

static int add_swap(const struct record *r, struct spec_memory *m, struct pool *pool, struct error *err)
{
	int64_t swap = r->limits.memory_swap;
	if (!swap_counted()) {
		if (swap > 0)
			return error_say(err, EOPNOTSUPP, "--memory-swap: this kernel does not count swap; boot it with swapaccount=1");
		log_debug("the kernel does not count swap, so the container's swap is not limited");
		return 0;
	}
	/* of memory and swap together, as docker: as much swap again */
	if (swap == 0)
		swap = r->memory == 0 ? -1 : r->memory > INT64_MAX / 2 ? INT64_MAX : r->memory * 2;
	m->swap = i64(pool, swap);
	return 0;
}

static int add_memory(const struct record *r, const struct resource_options *only, struct pool *pool, struct spec_resources *ret,
		      struct error *err)
{
	const struct record_limits *l = &r->limits;
	struct spec_memory *m = pool_alloc(pool, sizeof *m);
	bool limit = only ? given(only->memory) : r->memory > 0;
	bool swap = limit || (only ? given(only->swap) : l->memory_swap != 0);
	int result = 0;
	if (limit || (only && swap))	/* v2 has a file for the swap alone, so both are told */
		m->limit = i64(pool, r->memory ? r->memory : -1);
	if (swap)
		result = add_swap(r, m, pool, err);
	if (only ? given(only->reservation) : l->memory_reservation > 0)
		m->reservation = i64(pool, l->memory_reservation ? l->memory_reservation : -1);
	if ((!only || given(only->swappiness)) && l->swappiness)
		m->swappiness = u64(pool, *l->swappiness);
	if (!only && l->oom_kill_disable) {
		m->disable_oom_killer = pool_alloc(pool, sizeof *m->disable_oom_killer);
		*m->disable_oom_killer = true;
	}
	if (m->limit || m->swap || m->reservation || m->swappiness || m->disable_oom_killer)
		ret->memory = m;
	return result;
}

/* ---- processors ---- */

static void add_cpu(const struct record *r, const struct resource_options *only, struct pool *pool, struct spec_resources *ret)
{
	const struct record_limits *l = &r->limits;
	struct spec_cpu *c = pool_alloc(pool, sizeof *c);
	if (only ? given(only->quota) || only->cpus : r->cpu_quota > 0)
		c->quota = i64(pool, r->cpu_quota ? r->cpu_quota : -1);
	if ((only ? given(only->period) || only->cpus : true) && r->cpu_period > 0)
		c->period = u64(pool, r->cpu_period);
	if (only ? given(only->shares) : l->cpu_shares > 0)
		c->shares = u64(pool, l->cpu_shares ? l->cpu_shares : 1024);
	if ((!only || given(only->rt_period)) && l->cpu_rt_period)
		c->realtime_period = u64(pool, l->cpu_rt_period);
	if ((!only || given(only->rt_runtime)) && l->cpu_rt_runtime)
		c->realtime_runtime = i64(pool, l->cpu_rt_runtime);
	if (!only || only->cpuset_cpus)
		c->cpus = l->cpuset_cpus;
	if (!only || only->cpuset_mems)
		c->mems = l->cpuset_mems;
	if (c->quota || c->period || c->shares || c->realtime_period || c->realtime_runtime || c->cpus || c->mems)
		ret->cpu = c;
}

/* ---- block devices ---- */

/* find_device - "/dev/sda:200" */
static int find_device(const char *option, const char *word, int64_t *ret_major, int64_t *ret_minor, int64_t *ret_value, struct error *err)
{
	struct stat st;
	const char *colon = strrchr(word, ':');
	cleanup_free char *path = xstrndup(word, colon ? (size_t) (colon - word) : strlen(word));
	if (!colon || str_to_i64(colon + 1, 0, INT64_MAX, ret_value) < 0)
		return error_say(err, EINVAL, "%s '%s': give DEVICE:N", option, word);
	if (stat(path, &st) < 0)
		return error_set(err, errno, "%s: look at '%s'", option, path);
	if (!S_ISBLK(st.st_mode))
		return error_say(err, ENOTBLK, "%s: '%s' is no block device; `lsblk -p` lists them", option, path);
	*ret_major = major(st.st_rdev);
	*ret_minor = minor(st.st_rdev);
	return 0;
}

static int add_throttle(const char *option, char *const *words, struct pool *pool, struct spec_throttle_device **ret, size_t *ret_n,
			struct error *err)
{
	size_t n = strings_count(words);
	struct spec_throttle_device *list = pool_alloc(pool, (n + 1) * sizeof *list);
	for (size_t i = 0; i < n; i++) {
		int64_t rate;
		int r = find_device(option, words[i], &list[i].major, &list[i].minor, &rate, err);
		if (r < 0)
			return r;
		list[i].rate = (uint64_t) rate;
	}
	*ret = n ? list : NULL;
	*ret_n = n;
	return 0;
}

static int add_weights(char *const *words, struct pool *pool, struct spec_block_io *b, struct error *err)
{
	size_t n = strings_count(words);
	b->weight_device = n ? pool_alloc(pool, n * sizeof *b->weight_device) : NULL;
	for (size_t i = 0; i < n; i++) {
		struct spec_weight_device *d = &b->weight_device[i];
		int64_t weight;
		int r = find_device("--blkio-weight-device", words[i], &d->major, &d->minor, &weight, err);
		if (r < 0)
			return r;
		d->weight = pool_alloc(pool, sizeof *d->weight);
		*d->weight = (uint16_t) weight;
		b->n_weight_device++;
	}
	return 0;
}

static int add_block(const struct record *r, const struct resource_options *only, struct pool *pool, struct spec_resources *ret,
		     struct error *err)
{
	const struct record_limits *l = &r->limits;
	static char *const none[] = { NULL };
	struct spec_block_io *b = pool_alloc(pool, sizeof *b);
	if ((!only || given(only->weight)) && l->blkio_weight) {
		b->weight = pool_alloc(pool, sizeof *b->weight);
		*b->weight = (uint16_t) l->blkio_weight;
	}
	int result = add_weights(only && !only->weight_devices.n ? none : l->weight_devices, pool, b, err);
	const struct { const char *option; char *const *words; bool wanted; struct spec_throttle_device **list; size_t *n; } rows[] = {
		{ "--device-read-bps", l->read_bps, !only || only->read_bps.n, &b->read_bps, &b->n_read_bps },
		{ "--device-write-bps", l->write_bps, !only || only->write_bps.n, &b->write_bps, &b->n_write_bps },
		{ "--device-read-iops", l->read_iops, !only || only->read_iops.n, &b->read_iops, &b->n_read_iops },
		{ "--device-write-iops", l->write_iops, !only || only->write_iops.n, &b->write_iops, &b->n_write_iops },
	};
	for (size_t i = 0; result == 0 && i < sizeof rows / sizeof *rows; i++)
		result = add_throttle(rows[i].option, rows[i].wanted ? rows[i].words : none, pool, rows[i].list, rows[i].n, err);
	if (b->weight || b->n_weight_device || b->n_read_bps || b->n_write_bps || b->n_read_iops || b->n_write_iops)
		ret->block_io = b;
	return result;
}

/* ---- all of it ---- */

static int add(const struct record *r, const struct resource_options *only, struct pool *pool, struct spec_resources *ret,
	       struct error *err)
{
	if (only ? given(only->pids) : r->pids_limit > 0) {
		ret->pids = pool_alloc(pool, sizeof *ret->pids);
		ret->pids->limit = i64(pool, r->pids_limit ? r->pids_limit : -1);
	}
	add_cpu(r, only, pool, ret);
	int result = add_memory(r, only, pool, ret, err);
	return result < 0 ? result : add_block(r, only, pool, ret, err);
}

int resources_to_update(const struct resource_options *o, const struct record *record, struct pool *pool, struct spec_resources **ret,
			struct error *err)
{
	*ret = pool_alloc(pool, sizeof **ret);
	return add(record, o, pool, *ret, err);
}

/* check_score - the kernel lets the score fall no lower than root has set it; tried on ourselves, who are about to start the container */
static int check_score(int64_t wanted, struct error *err)
{
	static const char path[] = "/proc/self/oom_score_adj";
	cleanup_free char *now = NULL;
	cleanup_free char *text = xasprintf("%lld", (long long) wanted);
	int r = fs_read_file(AT_FDCWD, path, 32, &now, NULL, err);
	if (r < 0)
		return r;
	now[strcspn(now, "\n")] = 0;
	int64_t score;
	if (str_to_i64(now, INT16_MIN, INT16_MAX, &score) == 0 && wanted >= score)
		return 0;
	r = fs_write_file(AT_FDCWD, path, text, NULL);
	if (r == 0)
		return fs_write_file(AT_FDCWD, path, now, err);
	return error_say(err, EPERM, "--oom-score-adj %lld: it is %s here, and lowering it needs CAP_SYS_RESOURCE of the host; give %s or more",
			 (long long) wanted, now, now);
}

int limits_to_spec(const struct record *r, struct pool *pool, struct spec_process *p, struct spec_resources *ret, struct error *err)
{
	const struct record_limits *l = &r->limits;
	int result = l->oom_score_adj ? check_score(*l->oom_score_adj, err) : 0;
	if (result == 0 && l->oom_score_adj) {
		p->oom_score_adj = pool_alloc(pool, sizeof *p->oom_score_adj);
		*p->oom_score_adj = (int32_t) *l->oom_score_adj;
	}
	ret->unified = l->unified;
	result = result < 0 ? result : add(r, NULL, pool, ret, err);
	return result < 0 ? result : ulimits_to_spec(l->ulimits, l->n_ulimits, pool, p, err);
}
