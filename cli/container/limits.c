#include "limits.h"
#include "cleanup.h"
#include "fs.h"
#include "lists.h"
#include "log.h"
#include "record.h"
#include "str.h"
#include "ulimits.h"
#include <ctype.h>
#include <string.h>

enum { CPU_PERIOD = 100000, MEMORY_MIN = 6 << 20, WEIGHT_MIN = 10, WEIGHT_MAX = 1000, SCORE_MAX = 1000 };

#define T struct record_ulimit
static const struct json_type ulimit_type = JSON_TYPE(T, JSON_REQUIRED(T, name, "name"), JSON_ALWAYS(T, soft, "soft"),
	JSON_ALWAYS(T, hard, "hard"));
#undef T
#define T struct record_limits
const struct json_type record_limits_type = JSON_TYPE(T,
	JSON_FIELD(T, memory_reservation, "memoryReservation"), JSON_FIELD(T, memory_swap, "memorySwap"),
	JSON_FIELD(T, cpu_shares, "cpuShares"), JSON_FIELD(T, cpu_rt_period, "cpuRtPeriod"),
	JSON_FIELD(T, cpu_rt_runtime, "cpuRtRuntime"), JSON_FIELD(T, blkio_weight, "blkioWeight"), JSON_FIELD(T, shm_size, "shmSize"),
	JSON_FIELD(T, swappiness, "swappiness"), JSON_FIELD(T, oom_score_adj, "oomScoreAdj"),
	JSON_FIELD(T, oom_kill_disable, "oomKillDisable"), JSON_FIELD(T, cpuset_cpus, "cpusetCpus"),
	JSON_FIELD(T, cpuset_mems, "cpusetMems"), JSON_FIELD(T, weight_devices, "blkioWeightDevices"),
	JSON_FIELD(T, read_bps, "deviceReadBps"), JSON_FIELD(T, write_bps, "deviceWriteBps"),
	JSON_FIELD(T, read_iops, "deviceReadIops"), JSON_FIELD(T, write_iops, "deviceWriteIops"),
	JSON_LIST(T, ulimits, "ulimits", ulimit_type), JSON_FIELD(T, cgroup_parent, "cgroupParent"),
	JSON_FIELD(T, no_cgroup, "noCgroup"), JSON_FIELD(T, unified, "unified"));
#undef T

static bool given(int64_t v) { return v != LIMIT_NOT_GIVEN; }

bool resources_given(const struct resource_options *o)
{
	const int64_t numbers[] = { o->memory, o->reservation, o->swap, o->swappiness, o->kernel_memory, o->shares, o->quota, o->period,
				    o->rt_period, o->rt_runtime, o->pids, o->weight };
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		if (given(numbers[i]))
			return true;
	return o->cpus || o->cpuset_cpus || o->cpuset_mems || o->weight_devices.n || o->read_bps.n || o->write_bps.n || o->read_iops.n ||
	       o->write_iops.n;
}

/* ---- memory ---- */

static int memory_to_record(const struct resource_options *o, struct pool *pool, struct record *r, struct error *err)
{
	struct record_limits *l = &r->limits;
	if (given(o->memory) && o->memory > 0 && o->memory < MEMORY_MIN)
		return error_say(err, EINVAL, "--memory: the least that a container can be started with is 6m (%d bytes)", MEMORY_MIN);
	if (given(o->reservation) && o->reservation > 0 && o->reservation < MEMORY_MIN)
		return error_say(err, EINVAL, "--memory-reservation: give at least 6m (%d bytes)", MEMORY_MIN);
	if (given(o->swappiness) && (o->swappiness < -1 || o->swappiness > 100))
		return error_say(err, EINVAL, "--memory-swappiness: %lld is not from 0 to 100", (long long) o->swappiness);
	if (given(o->kernel_memory))
		log_warn("--kernel-memory has no effect: the kernel has no limit of its own for that since 5.16; --memory counts it, too");
	if (given(o->memory))
		r->memory = o->memory > 0 ? o->memory : 0;
	if (given(o->reservation))
		l->memory_reservation = o->reservation > 0 ? o->reservation : 0;
	if (given(o->swap))
		l->memory_swap = o->swap < 0 ? -1 : o->swap;
	if (given(o->swappiness)) {
		l->swappiness = o->swappiness < 0 ? NULL : pool_alloc(pool, sizeof *l->swappiness);
		if (l->swappiness)
			*l->swappiness = o->swappiness;
	}
	if (l->memory_swap > 0 && r->memory == 0)
		return error_say(err, EINVAL, "--memory-swap is the limit of memory and swap together: give --memory, too");
	if (l->memory_swap > 0 && l->memory_swap < r->memory)
		return error_say(err, EINVAL, "--memory-swap is the limit of memory and swap together, so %lld is too little for --memory %lld",
				 (long long) l->memory_swap, (long long) r->memory);
	if (r->memory && l->memory_reservation > r->memory)
		return error_say(err, EINVAL, "--memory-reservation: %lld is more than the limit, --memory %lld",
				 (long long) l->memory_reservation, (long long) r->memory);
	return 0;
}

/* ---- processors ---- */

/* parse_cpus - "1.5" in millionths, exactly */
static int parse_cpus(const char *text, uint64_t *ret)
{
	uint64_t v = 0;
	int decimals = -1;
	for (const char *c = text; *c; c++) {
		if (*c == '.' && decimals < 0) {
			decimals = 0;
			continue;
		}
		if (!isdigit((unsigned char) *c) || decimals >= 6 || v > UINT64_C(1000000000000))
			return -EINVAL;
		v = v * 10 + (uint64_t) (*c - '0');
		decimals += decimals >= 0;
	}
	if (!strpbrk(text, "0123456789"))
		return -EINVAL;
	for (decimals = decimals < 0 ? 0 : decimals; decimals < 6; decimals++)
		v *= 10;
	*ret = v;
	return v > UINT64_C(1000000) * 1000000 ? -EINVAL : 0;
}

static int cpus_to_record(const struct resource_options *o, struct record *r, struct error *err)
{
	uint64_t millionths = 0;
	if (!o->cpus)
		return 0;
	if (given(o->quota) || given(o->period))
		return error_say(err, EINVAL, "--cpus is --cpu-quota and --cpu-period in one number: leave those out");
	if (parse_cpus(o->cpus, &millionths) < 0)
		return error_say(err, EINVAL, "--cpus '%s': give a number of processors, such as 2 or 0.5", o->cpus);
	if (millionths > 0 && millionths < 10000)
		return error_say(err, EINVAL, "--cpus '%s': the least is 0.01", o->cpus);
	r->cpu_quota = (int64_t) (millionths / (1000000 / CPU_PERIOD));
	r->cpu_period = r->cpu_quota ? CPU_PERIOD : 0;
	return 0;
}

/* check_list - "0-2,5"; the kernel says which of them there are */
static int check_list(const char *option, const char *text, struct error *err)
{
	struct strings parts cleanup_strings = { 0 };
	strings_split(&parts, text, ",");
	bool good = parts.n > 0 && text[0] != ',' && !str_ends(text, ",") && !strstr(text, ",,");
	for (size_t i = 0; good && i < parts.n; i++) {
		uint64_t first, last = UINT16_MAX;
		char *dash = strchr(parts.v[i], '-');
		if (dash)
			*dash++ = 0;
		good = str_to_u64(parts.v[i], UINT16_MAX, &first) == 0 && (!dash || str_to_u64(dash, UINT16_MAX, &last) == 0) && first <= last;
	}
	return good ? 0 : error_say(err, EINVAL, "%s '%s': give numbers and ranges, such as 0-2,5", option, text);
}

static int set_list(const char *option, const char *text, struct pool *pool, char **ret, struct error *err)
{
	int r = text && *text ? check_list(option, text, err) : 0;
	if (r == 0 && text)
		*ret = *text ? pool_strdup(pool, text) : NULL;
	return r;
}

static int cpu_to_record(const struct resource_options *o, struct pool *pool, struct record *r, struct error *err)
{
	struct record_limits *l = &r->limits;
	if (given(o->shares) && (o->shares < 0 || o->shares == 1 || o->shares > 262144))
		return error_say(err, EINVAL, "--cpu-shares: %lld is not from 2 to 262144", (long long) o->shares);
	if (given(o->period) && o->period != 0 && (o->period < 1000 || o->period > 1000000))
		return error_say(err, EINVAL, "--cpu-period: %lld is not from 1000 to 1000000 microseconds", (long long) o->period);
	if (given(o->quota) && o->quota > 0 && o->quota < 1000)
		return error_say(err, EINVAL, "--cpu-quota: %lld is less than 1000 microseconds", (long long) o->quota);
	if ((given(o->rt_period) && o->rt_period < 0) || (given(o->rt_runtime) && o->rt_runtime < 0))
		return error_say(err, EINVAL, "--cpu-rt-%s: give microseconds", given(o->rt_period) && o->rt_period < 0 ? "period" : "runtime");
	if (given(o->shares))
		l->cpu_shares = o->shares;
	if (given(o->quota))
		r->cpu_quota = o->quota > 0 ? o->quota : 0;
	if (given(o->period))
		r->cpu_period = o->period;
	if (given(o->rt_period))
		l->cpu_rt_period = o->rt_period;
	if (given(o->rt_runtime))
		l->cpu_rt_runtime = o->rt_runtime;
	if (l->cpu_rt_period && l->cpu_rt_runtime > l->cpu_rt_period)
		return error_say(err, EINVAL, "--cpu-rt-runtime: %lld is more than the period, --cpu-rt-period %lld",
				 (long long) l->cpu_rt_runtime, (long long) l->cpu_rt_period);
	int result = cpus_to_record(o, r, err);
	result = result < 0 ? result : set_list("--cpuset-cpus", o->cpuset_cpus, pool, &l->cpuset_cpus, err);
	return result < 0 ? result : set_list("--cpuset-mems", o->cpuset_mems, pool, &l->cpuset_mems, err);
}

/* ---- block devices ---- */

enum unit { UNIT_NUMBER, UNIT_SIZE, UNIT_WEIGHT };

/* parse_device - "/dev/sda:1m" to "/dev/sda:1048576" */
static int parse_device(const char *option, const char *word, enum unit unit, struct pool *pool, char **ret, struct error *err)
{
	const char *colon = strrchr(word, ':');
	int64_t value = -1;
	int r = !colon || word[0] != '/' ? -EINVAL : unit == UNIT_SIZE ? str_to_size(colon + 1, &value) :
							str_to_i64(colon + 1, 0, INT64_MAX, &value);
	if (r < 0 || value <= 0)
		return error_say(err, EINVAL, "%s '%s': give DEVICE:%s, such as /dev/sda:%s", option, word, unit == UNIT_SIZE ? "SIZE" : "N",
				 unit == UNIT_SIZE ? "10m" : "200");
	if (unit == UNIT_WEIGHT && (value < WEIGHT_MIN || value > WEIGHT_MAX))
		return error_say(err, EINVAL, "%s '%s': the weight is from %d to %d", option, word, WEIGHT_MIN, WEIGHT_MAX);
	*ret = pool_printf(pool, "%.*s:%lld", (int) (colon - word), word, (long long) value);
	return 0;
}

static int set_devices(const char *option, const struct strings *words, enum unit unit, struct pool *pool, char ***ret, struct error *err)
{
	if (words->n == 0)
		return 0;
	char **list = pool_alloc(pool, (words->n + 1) * sizeof *list);
	int r = 0;
	for (size_t i = 0; r == 0 && i < words->n; i++)
		r = parse_device(option, words->v[i], unit, pool, &list[i], err);
	if (r == 0)
		*ret = list;
	return r;
}

static int block_to_record(const struct resource_options *o, struct pool *pool, struct record_limits *l, struct error *err)
{
	if (given(o->weight) && o->weight != 0 && (o->weight < WEIGHT_MIN || o->weight > WEIGHT_MAX))
		return error_say(err, EINVAL, "--blkio-weight: %lld is not from %d to %d", (long long) o->weight, WEIGHT_MIN, WEIGHT_MAX);
	if (given(o->weight))
		l->blkio_weight = o->weight;
	int r = set_devices("--blkio-weight-device", &o->weight_devices, UNIT_WEIGHT, pool, &l->weight_devices, err);
	r = r < 0 ? r : set_devices("--device-read-bps", &o->read_bps, UNIT_SIZE, pool, &l->read_bps, err);
	r = r < 0 ? r : set_devices("--device-write-bps", &o->write_bps, UNIT_SIZE, pool, &l->write_bps, err);
	r = r < 0 ? r : set_devices("--device-read-iops", &o->read_iops, UNIT_NUMBER, pool, &l->read_iops, err);
	return r < 0 ? r : set_devices("--device-write-iops", &o->write_iops, UNIT_NUMBER, pool, &l->write_iops, err);
}

/* ---- all of it ---- */

int resources_to_record(const struct resource_options *o, struct pool *pool, struct record *record, struct error *err)
{
	if (given(o->pids) && o->pids < -1)
		return error_say(err, EINVAL, "--pids-limit: give a number, or -1 for no limit");
	if (given(o->pids))
		record->pids_limit = o->pids > 0 ? o->pids : 0;
	int r = memory_to_record(o, pool, record, err);
	r = r < 0 ? r : cpu_to_record(o, pool, record, err);
	return r < 0 ? r : block_to_record(o, pool, &record->limits, err);
}

/* parse_conf - "memory.high=1073741824" */
static int parse_conf(const struct strings *words, struct pool *pool, struct json_map *ret, struct error *err)
{
	ret->pairs = pool_alloc(pool, (words->n + 1) * sizeof *ret->pairs);
	for (size_t i = 0; i < words->n; i++) {
		const char *word = words->v[i];
		size_t len = strcspn(word, "=");
		if (len == 0 || !word[len] || memchr(word, '/', len))
			return error_say(err, EINVAL, "--cgroup-conf '%s': give FILE=VALUE, such as memory.high=512M", word);
		ret->pairs[ret->n++] = (struct json_pair) { pool_strndup(pool, word, len), pool_strdup(pool, word + len + 1) };
	}
	return 0;
}

/* has_limits - anything that needs a cgroup? */
static bool has_limits(const struct record *r)
{
	const struct record_limits *l = &r->limits;
	return r->memory || r->pids_limit || r->cpu_quota || r->cpu_period || l->memory_reservation || l->memory_swap || l->swappiness ||
	       l->oom_kill_disable || l->cpu_shares || l->cpu_rt_period || l->cpu_rt_runtime || l->cpuset_cpus || l->cpuset_mems ||
	       l->blkio_weight || l->weight_devices || l->read_bps || l->write_bps || l->read_iops || l->write_iops || l->unified.n;
}

static int cgroup_to_record(const struct limit_options *o, struct pool *pool, struct record *record, struct error *err)
{
	static const char *const modes[] = { "enabled", "disabled", "no-conmon", NULL };
	struct record_limits *l = &record->limits;
	if (o->cgroups && strcmp(o->cgroups, "split") == 0)
		return error_say(err, EINVAL, "--cgroups split puts the container below the cgroup of a service; --cgroup-parent names any cgroup");
	if (o->cgroups && !strings_have((char *const *) modes, o->cgroups))
		return error_say(err, EINVAL, "--cgroups '%s': there are enabled, disabled and no-conmon", o->cgroups);
	l->no_cgroup = str_eq(o->cgroups, "disabled");
	if (l->no_cgroup && has_limits(record))
		return error_say(err, EINVAL, "--cgroups disabled: without a cgroup there is nothing that could be limited; leave one out");
	if (l->no_cgroup && o->cgroup_parent)
		return error_say(err, EINVAL, "--cgroup-parent with --cgroups disabled: leave one out");
	if (!str_empty(o->cgroup_parent)) {
		if (str_ends(o->cgroup_parent, ".slice")) {
			l->cgroup_parent = pool_strdup(pool, o->cgroup_parent);
			return 0;
		}
		cleanup_free char *clean = fs_clean_path(o->cgroup_parent);
		l->cgroup_parent = pool_strdup(pool, strcmp(clean, "/") == 0 ? "" : clean);
	}
	return 0;
}

int limits_to_record(const struct limit_options *o, struct pool *pool, struct record *ret, struct error *err)
{
	struct record_limits *l = &ret->limits;
	int r = resources_to_record(&o->resources, pool, ret, err);
	if (r < 0)
		return r;
	if (given(o->oom_score_adj) && (o->oom_score_adj < -SCORE_MAX || o->oom_score_adj > SCORE_MAX))
		return error_say(err, EINVAL, "--oom-score-adj: %lld is not from -1000 to 1000", (long long) o->oom_score_adj);
	if (given(o->shm_size) && o->shm_size <= 0)
		return error_say(err, EINVAL, "--shm-size: give a size, such as 64m");
	if (o->oom_kill_disable && !ret->memory)
		log_warn("--oom-kill-disable without --memory: when the machine is out of memory, nobody ends this container");
	l->oom_kill_disable = o->oom_kill_disable;
	l->shm_size = given(o->shm_size) ? o->shm_size : 0;
	if (given(o->oom_score_adj)) {
		l->oom_score_adj = pool_alloc(pool, sizeof *l->oom_score_adj);
		*l->oom_score_adj = o->oom_score_adj;
	}
	r = parse_conf(&o->cgroup_conf, pool, &l->unified, err);
	r = r < 0 ? r : cgroup_to_record(o, pool, ret, err);
	return r < 0 ? r : ulimits_parse(&o->ulimits, pool, &l->ulimits, &l->n_ulimits, err);
}
