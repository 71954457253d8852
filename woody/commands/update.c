#include "../intel_rdt.h"
#include "select.h"
#include "cleanup.h"
#include "fs.h"
#include <string.h>

enum { DOCUMENT_MAX = 16 << 20 };
static const int64_t absent = INT64_MIN;

struct update_options {
	char *resources, *cpus, *mems, *l3_cache, *memory_bandwidth;
	int64_t memory, reservation, swap, kernel, kernel_tcp;
	int64_t period, quota, shares, burst, idle, rt_period, rt_runtime;
	int64_t pids, weight;
};

static const struct update_options defaults = {
	.memory = absent, .reservation = absent, .swap = absent, .kernel = absent, .kernel_tcp = absent,
	.period = absent, .quota = absent, .shares = absent, .burst = absent, .idle = absent, .rt_period = absent, .rt_runtime = absent,
	.pids = absent, .weight = absent,
};

#define T struct update_options
static const struct option_def options[] = {
	OPTION(T, resources, 'r', "resources", "FILE", "read the limits from FILE, or with - from stdin, as runtime-spec's "
	       "linux.resources; other options are then ignored"),
	OPTION_SIZE(T, memory, 0, "memory", "BYTES", "limit on memory; -1: none"),
	OPTION_SIZE(T, reservation, 0, "memory-reservation", "BYTES", "memory that is kept for the container, or its soft limit"),
	OPTION_SIZE(T, swap, 0, "memory-swap", "BYTES", "limit on memory and swap together; -1: none"),
	OPTION(T, period, 0, "cpu-period", "US", "length of a period of the processor, in microseconds"),
	OPTION(T, quota, 0, "cpu-quota", "US", "processor time in each period; -1: no limit"),
	OPTION(T, burst, 0, "cpu-burst", "US", "how much of what was not used may be used later"),
	OPTION(T, shares, 0, "cpu-share|cpu-shares", "N", "share of the processors relative to others, 1024 being usual"),
	OPTION(T, idle, 0, "cpu-idle", "0|1", "1: run only when nothing else wants to"),
	OPTION(T, rt_period, 0, "cpu-rt-period", "US", "period for realtime processes (cgroup v1)"),
	OPTION(T, rt_runtime, 0, "cpu-rt-runtime", "US", "time for realtime processes in each period (cgroup v1)"),
	OPTION(T, cpus, 0, "cpuset-cpus", "LIST", "processors that may be used, such as 0-3,7"),
	OPTION(T, mems, 0, "cpuset-mems", "LIST", "memory nodes that may be used"),
	OPTION(T, pids, 0, "pids-limit", "N", "limit on processes and threads; -1: none"),
	OPTION(T, weight, 0, "blkio-weight", "N", "share of block devices relative to others, 10 to 1000"),
	OPTION(T, l3_cache, 0, "l3-cache-schema", "SCHEMA", "lines about the L3 cache for the container's resctrl group"),
	OPTION(T, memory_bandwidth, 0, "mem-bw-schema", "SCHEMA", "lines about memory bandwidth for it"),
	OPTION_SIZE(T, kernel, 0, "kernel-memory", "BYTES", NULL),
	OPTION_SIZE(T, kernel_tcp, 0, "kernel-memory-tcp", "BYTES", NULL),
};
#undef T

static int64_t *given(int64_t *option)
{
	return *option == absent ? NULL : option;
}

/* given_u - the same for what the spec has without a sign */
static int given_u(const char *name, int64_t *option, uint64_t **ret, struct error *err)
{
	*ret = NULL;
	if (*option == absent)
		return 0;
	if (*option < 0)
		return error_say(err, EINVAL, "--%s: %lld is below 0", name, (long long) *option);
	*ret = (uint64_t *) option;
	return 0;
}

struct document { struct spec_memory memory; struct spec_cpu cpu; struct spec_pids pids; struct spec_block_io block; uint16_t weight; };

/* from_options - @d and @o must outlive @ret */
static int from_options(struct update_options *o, struct document *d, struct spec_resources *ret, struct error *err)
{
	d->memory = (struct spec_memory) {
		.limit = given(&o->memory), .reservation = given(&o->reservation), .swap = given(&o->swap),
		.kernel = given(&o->kernel), .kernel_tcp = given(&o->kernel_tcp),
	};
	d->cpu = (struct spec_cpu) {
		.quota = given(&o->quota), .realtime_runtime = given(&o->rt_runtime), .idle = given(&o->idle),
		.cpus = o->cpus, .mems = o->mems,
	};
	d->pids.limit = given(&o->pids);
	*ret = (struct spec_resources) { .memory = &d->memory, .cpu = &d->cpu, .pids = &d->pids, .block_io = &d->block };
	int r = given_u("cpu-period", &o->period, &d->cpu.period, err);
	if (r == 0)
		r = given_u("cpu-share", &o->shares, &d->cpu.shares, err);
	if (r == 0)
		r = given_u("cpu-burst", &o->burst, &d->cpu.burst, err);
	if (r == 0)
		r = given_u("cpu-rt-period", &o->rt_period, &d->cpu.realtime_period, err);
	if (r == 0 && o->weight != absent && (o->weight < 0 || o->weight > UINT16_MAX))
		r = error_say(err, EINVAL, "--blkio-weight: %lld is not from 10 to 1000", (long long) o->weight);
	if (r == 0 && o->weight != absent) {
		d->weight = (uint16_t) o->weight;
		d->block.weight = &d->weight;
	}
	return r;
}

static int read_document(const char *path, struct pool *pool, struct spec_resources **ret, struct error *err)
{
	cleanup_free char *text = NULL;
	size_t len;
	bool is_stdin = strcmp(path, "-") == 0;
	int r = is_stdin ? fs_read_fd(STDIN_FILENO, "stdin", DOCUMENT_MAX, &text, &len, err)
			 : fs_read_file(AT_FDCWD, path, DOCUMENT_MAX, &text, &len, err);
	if (r < 0)
		return r;
	r = json_decode_any_case(&spec_resources_type, text, len, pool, ret, err);
	return r < 0 ? error_wrap(err, "%s", is_stdin ? "stdin" : path) : 0;
}

static int update_rdt(const struct container *c, const struct update_options *o, struct error *err)
{
	cleanup_free char *root = NULL, *group = NULL;
	int r = intel_rdt_find(c, &root, &group, err);
	if (r < 0)
		return error_wrap(err, "Intel RDT");
	cleanup_free char *path = xasprintf("%s/schemata", group);
	cleanup_free char *text = xasprintf("%s%s%s\n", o->l3_cache ? o->l3_cache : "", o->l3_cache && o->memory_bandwidth ? "\n" : "",
					    o->memory_bandwidth ? o->memory_bandwidth : "");
	if (access(path, F_OK) < 0)
		return error_say(err, EOPNOTSUPP, "Intel RDT: there is no '%s': the container was created without linux.intelRdt", path);
	return fs_write_file(AT_FDCWD, path, text, err);
}

static int update(struct container *c, void *ctx, struct error *err)
{
	struct update_options *o = ctx;
	struct document d = { 0 };
	struct spec_resources from, *resources = &from;
	enum container_status status = container_status(c);
	if (status == CONTAINER_CREATING || status == CONTAINER_STOPPED)
		return error_say(err, ESRCH, "container not running: '%s' is %s", c->id, container_status_name(status));
	int r = container_read_spec(c, err);
	if (r == 0)
		r = o->resources ? read_document(o->resources, &c->pool, &resources, err) : from_options(o, &d, &from, err);
	if (r == 0 && resources->cpu && resources->cpu->idle && *resources->cpu->idle != 0 && *resources->cpu->idle != 1)
		r = error_say(err, EINVAL, "cpu.idle: %lld is neither 0 nor 1", (long long) *resources->cpu->idle);
	if (r < 0)
		return r;
	/* what the container was created with holds for its life */
	const struct spec_resources *old = c->spec->linux_ ? c->spec->linux_->resources : NULL;
	if (resources->memory && !resources->memory->check_before_update && old && old->memory)
		resources->memory->check_before_update = old->memory->check_before_update;

	struct cgroup *cgroup = NULL;
	r = cgroup_load(&c->record.cgroup, &cgroup, err);
	if (r == 0)
		r = cgroup_update(cgroup, resources, err);
	cgroup_free(cgroup);
	if (r == 0 && !o->resources && (o->l3_cache || o->memory_bandwidth))
		r = update_rdt(c, o, err);
	return r;
}

static int run(void *program, void *given_options, char **args, int n_args)
{
	(void) n_args;
	return with_container(program, "update", args[0], update, given_options);
}

const struct command command_update = {
	.name = "update", .arguments = "CONTAINER-ID", .summary = "change the limits of a container",
	.description = "What is not given stays as it is; a paused container stays paused. Sizes take the units k, m, g and t.\n\n"
		       "The document for --resources is that of config.json's linux.resources; its names may be in any case:\n\n"
		       "\techo '{\"memory\":{\"limit\":67108864},\"CPU\":{\"Quota\":50000}}' | woody update -r - web",
	OPTIONS(struct update_options, options), .defaults = &defaults, .min_args = 1, .max_args = 1, .run = run,
};
