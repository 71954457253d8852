/* limits.h - what a container may use: options of run and update, the record's part of it, linux.resources.
 *
 *	run:     limits_to_record() with the options; at every start limits_check() and limits_to_spec()
 *	update:  resources_to_record() changes the record by what was given, resources_to_update() is what the runtime is told
 *
 * Meaning, units and error cases are docker's. One thing differs on purpose: a limit that cannot be had is an error and
 * not a warning. Who asks for 512 MB and gets the whole machine learns it when the machine is out of memory.
 */
#pragma once
#include "command.h"
#include "json.h"
#include "runtime_spec.h"
#include <stdbool.h>

struct record;
struct spec_resources;

/* ---- what is kept ---- */

struct record_ulimit { char *name; int64_t soft, hard; };	/* "nofile"; -1: no limit */

/* struct record_limits - all zero: no limit. memory, pids_limit, cpu_quota and cpu_period are struct record's own. */
struct record_limits {
	int64_t memory_reservation;
	int64_t memory_swap;		/* memory and swap together; -1: no limit; 0: twice the memory */
	int64_t cpu_shares, cpu_rt_period, cpu_rt_runtime, blkio_weight, shm_size;
	int64_t *swappiness, *oom_score_adj;
	bool oom_kill_disable;
	char *cpuset_cpus, *cpuset_mems;
	char **weight_devices, **read_bps, **write_bps, **read_iops, **write_iops;	/* "/dev/sda:NUMBER" */
	struct record_ulimit *ulimits;
	size_t n_ulimits;
	char *cgroup_parent;		/* absolute, or a slice's name */
	bool no_cgroup;			/* --cgroups disabled */
	struct json_map unified;	/* of --cgroup-conf: cgroup v2's own files */
};
extern const struct json_type record_limits_type;

/* ---- options ---- */

#define LIMIT_NOT_GIVEN INT64_MIN

/* struct resource_options - those that `update` has as well */
struct resource_options {
	int64_t memory, reservation, swap, swappiness, kernel_memory;
	int64_t shares, quota, period, rt_period, rt_runtime, pids, weight;
	char *cpus, *cpuset_cpus, *cpuset_mems;
	struct strings weight_devices, read_bps, write_bps, read_iops, write_iops;
};
#define RESOURCE_OPTIONS_DEFAULT { .memory = LIMIT_NOT_GIVEN, .reservation = LIMIT_NOT_GIVEN, .swap = LIMIT_NOT_GIVEN, \
	.swappiness = LIMIT_NOT_GIVEN, .kernel_memory = LIMIT_NOT_GIVEN, .shares = LIMIT_NOT_GIVEN, .quota = LIMIT_NOT_GIVEN, \
	.period = LIMIT_NOT_GIVEN, .rt_period = LIMIT_NOT_GIVEN, .rt_runtime = LIMIT_NOT_GIVEN, .pids = LIMIT_NOT_GIVEN, \
	.weight = LIMIT_NOT_GIVEN }
enum { RESOURCE_OPTION_ROWS_N = 20 };
/* rows for a table: @T has a struct resource_options @m */
#define RESOURCE_OPTION_ROWS(T, m) \
	OPTION_SIZE(T, m.memory, 'm', "memory", "SIZE", "limit of memory, at least 6m; as much swap again (-1: none)"), \
	OPTION_SIZE(T, m.reservation, 0, "memory-reservation", "SIZE", "what it may keep when memory is short"), \
	OPTION_SIZE(T, m.swap, 0, "memory-swap", "SIZE", "limit of memory and swap together (-1: swap without limit)"), \
	OPTION(T, m.swappiness, 0, "memory-swappiness", "N", "how readily its memory is swapped out, 0 to 100 (cgroup v1)"), \
	OPTION_SIZE(T, m.kernel_memory, 0, "kernel-memory", "SIZE", "docker's; has no effect: kernels do not have that limit any more"), \
	OPTION(T, m.cpus, 0, "cpus", "N", "limit of processor time, such as 1.5"), \
	OPTION(T, m.shares, 'c', "cpu-shares", "N", "weight against others when processors are short (usual: 1024)"), \
	OPTION(T, m.quota, 0, "cpu-quota", "US", "processor time in each period, in microseconds (-1: no limit)"), \
	OPTION(T, m.period, 0, "cpu-period", "US", "length of the period, 1000 to 1000000 microseconds (usual: 100000)"), \
	OPTION(T, m.rt_runtime, 0, "cpu-rt-runtime", "US", "time for real-time processes in each period (cgroup v1)"), \
	OPTION(T, m.rt_period, 0, "cpu-rt-period", "US", "length of the period for real-time processes (cgroup v1)"), \
	OPTION(T, m.cpuset_cpus, 0, "cpuset-cpus", "LIST", "processors that it may use, such as 0-2,5"), \
	OPTION(T, m.cpuset_mems, 0, "cpuset-mems", "LIST", "memory nodes that it may use"), \
	OPTION(T, m.pids, 0, "pids-limit", "N", "limit of processes and threads (-1: none)"), \
	OPTION(T, m.weight, 0, "blkio-weight", "N", "weight at block devices, 10 to 1000 (0: the usual one)"), \
	OPTION(T, m.weight_devices, 0, "blkio-weight-device", "DEVICE:N", "weight at this device; again for more"), \
	OPTION(T, m.read_bps, 0, "device-read-bps", "DEVICE:SIZE", "limit of bytes read in a second; again for more"), \
	OPTION(T, m.write_bps, 0, "device-write-bps", "DEVICE:SIZE", "limit of bytes written in a second; again for more"), \
	OPTION(T, m.read_iops, 0, "device-read-iops", "DEVICE:N", "limit of reads in a second; again for more"), \
	OPTION(T, m.write_iops, 0, "device-write-iops", "DEVICE:N", "limit of writes in a second; again for more")

/* struct limit_options - the rest, which a container has for life */
struct limit_options {
	struct resource_options resources;
	int64_t shm_size, oom_score_adj;
	bool oom_kill_disable;
	char *cgroup_parent, *cgroups;
	struct strings ulimits, cgroup_conf;
};
#define LIMIT_OPTIONS_DEFAULT { .resources = RESOURCE_OPTIONS_DEFAULT, .shm_size = LIMIT_NOT_GIVEN, .oom_score_adj = LIMIT_NOT_GIVEN }
enum { LIMIT_OPTION_ROWS_N = RESOURCE_OPTION_ROWS_N + 7 };
#define LIMIT_OPTION_ROWS(T, m) \
	RESOURCE_OPTION_ROWS(T, m.resources), \
	OPTION(T, m.oom_kill_disable, 0, "oom-kill-disable", NULL, "stop instead of killing when memory is short (cgroup v1)"), \
	OPTION(T, m.oom_score_adj, 0, "oom-score-adj", "N", "killed sooner or later than others, -1000 to 1000"), \
	OPTION_SIZE(T, m.shm_size, 0, "shm-size", "SIZE", "size of /dev/shm (default: 64m)"), \
	OPTION(T, m.ulimits, 0, "ulimit", "NAME=SOFT[:HARD]|host", "limit of each process, such as nofile=1024:4096; again for more"), \
	OPTION(T, m.cgroup_parent, 0, "cgroup-parent", "CGROUP", "make its cgroup below this one (or, with systemd, in this slice)"), \
	OPTION(T, m.cgroup_conf, 0, "cgroup-conf", "FILE=VALUE", "write to this file of its cgroup (cgroup v2); again for more"), \
	OPTION(T, m.cgroups, 0, "cgroups", "enabled|disabled|no-conmon", "disabled: no cgroup of its own")

/* ---- from one to the next ---- */

/* limits_to_record - @ret: memory ... cpu_period and ->limits are set; -EINVAL with a sentence that names the option */
int limits_to_record(const struct limit_options *o, struct pool *pool, struct record *ret, struct error *err);
/* resources_to_record - only what was given changes; the whole is checked */
int resources_to_record(const struct resource_options *o, struct pool *pool, struct record *record, struct error *err);
/* resources_given - is there anything in it? */
bool resources_given(const struct resource_options *o);

/* limits_to_spec - linux.resources without device rules, rlimits and the score; @p and @ret are added to
 * Device files are looked at now: -ENODEV, -ENOTBLK. -EPERM for what would have to be raised and cannot be. */
int limits_to_spec(const struct record *r, struct pool *pool, struct spec_process *p, struct spec_resources *ret, struct error *err);
/* resources_to_update - what a running container is told: what @o gives, with the values that @record, changed already, has */
int resources_to_update(const struct resource_options *o, const struct record *record, struct pool *pool, struct spec_resources **ret,
			struct error *err);

/* ---- can they be had ---- */

/* struct limits_view - which controllers whoever starts the container can use */
struct limits_view {
	bool v2, privileged;
	char *controllers;		/* blank-separated: "cpu memory pids", v1's names ("blkio"), of both */
	const char *manager;		/* NULL, or "systemd": only through it */
};
/* limits_missing - pure: the first limit of @r that needs a controller which @view has not; 0 when there is none
 * -EOPNOTSUPP: "--cpuset-cpus: the controller cpuset is not delegated to you ...; as root, ..." */
int limits_missing(const struct record *r, const struct limits_view *view, struct error *err);
/* limits_check - the same on this machine; without limits nothing is looked at
 * @rootless: for an ordinary user
 * @ret_manager: "systemd" when the limits can only be had through the user's systemd; else unchanged */
int limits_check(const struct record *r, bool rootless, const char **ret_manager, struct error *err);

/* limits_name_option - a runtime's sentence about "linux.resources.cpu.cpus" begins with the option that has caused it */
int limits_name_option(struct error *err);
