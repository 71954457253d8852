/* driver.h - what the parts of cgroup/ share. Nobody outside includes it.
 *
 * Two things vary and do not depend on each other:
 *   who makes the directories      struct cgroup_manager: cgroupfs (mkdir), disabled, systemd (a scope over D-Bus)
 *   what is written into them      struct cgroup_version: v1 (also hybrid, whose v2 is only joined), v2
 * Killing, freezing and listing depend on neither, only on which hierarchies the container is in.
 */
#pragma once
#include "cgroup.h"
#include "layout.h"
#include "limits.h"
#include "str.h"

struct hierarchy {
	const char *name;		/* as in /proc/PID/cgroup: "memory", "cpu,cpuacct", "name=systemd"; v2: "" */
	const char *mount, *root, *own;	/* as in the layout; NULL when loaded from a record */
	const char *dir;		/* absolute; NULL: the container has none here */
	int dir_fd;			/* hierarchy_fd() */
	int join_fd;			/* what cgroup_join() writes to; -1 */
	unsigned made;			/* that many directories at the end of @dir were made by us */
	bool existed;			/* cgroup_create() found it */
	int denied;			/* errno: rootless, and we may not make @wanted */
	const char *wanted;
};

struct cgroup {
	struct pool pool;		/* owns the strings and lists */
	const struct cgroup_manager *manager;
	const struct cgroup_version *version;
	const char *scope;
	struct hierarchy *h;
	size_t n;
	struct json_map paths;		/* for the record */
	bool created;			/* by cgroup_create() of this process */
	bool unverified;		/* the mount points come from a guess, or may be hidden */
	bool misplaced;			/* make() failed for that reason: locate exactly, and make again */
	struct layout *listed;		/* read when one was not where it was expected, or NULL */
	struct cgroup_config config;	/* systemd: what adopt() goes by; borrowed */
	bool adopted;			/* by cgroup_adopt() of this process */
};

struct cgroup_manager {
	const char *name;
	/* fills @c->h with what will be the container's, and makes nothing. @exact: verified mounts */
	int (*locate)(struct cgroup *c, const struct cgroup_config *config, bool exact, struct error *err);
	/* makes what locate() named. On failure everything is undone. */
	int (*make)(struct cgroup *c, const struct cgroup_config *config, struct error *err);
	int (*remove)(struct cgroup *c, struct error *err);
	/* NULL, or: for who can make cgroups only around a process, here @pid, which waits; make() is then of no effect */
	int (*adopt)(struct cgroup *c, pid_t pid, struct error *err);
	/* with adopt(): fill in the directories, from where @pid is (0: ourselves) */
	int (*find)(struct cgroup *c, pid_t pid, struct error *err);
	/* NULL, or: besides the kernel, somebody else is to know the new limits; called first, as he may write files, too.
	 * revert() takes what it gave as @ret_former, and lets him know those from before */
	int (*update)(struct cgroup *c, const struct spec_resources *resources, struct strings *ret_former, struct error *err);
	void (*revert)(struct cgroup *c, const struct strings *former);
	/* NULL, or: move a process in that we have no permission to move */
	int (*attach)(const struct cgroup *c, pid_t pid, struct error *err);
};
extern const struct cgroup_manager manager_cgroupfs, manager_disabled, manager_systemd;

struct cgroup_version {
	/* what @r means as writes; pure. @update: of a running container, else of a new one with the kernel's defaults */
	int (*plan)(const struct spec_resources *r, bool update, struct limits *ret, struct error *err);
	/* what must be done before a process can enter, or a limit be written */
	int (*prepare)(struct cgroup *c, const struct spec_resources *r, struct error *err);
	int (*devices)(struct cgroup *c, const struct spec_resources *r, bool update, bool rootless, struct error *err);
};
extern const struct cgroup_version version_v1, version_v2;

/* cgroup_for - the hierarchy with that controller, the v2 one if the version is v2; NULL: none, or not entered */
struct hierarchy *cgroup_for(struct cgroup *c, const char *controller);
/* cgroup_dir - the container's directory in the hierarchy with exactly this controller ("" is v2), or NULL */
const char *cgroup_dir(const struct cgroup *c, const char *controller);
/* hierarchy_fd - the directory, opened when first asked for; borrowed. Or a negative errno. */
int hierarchy_fd(struct hierarchy *h, struct error *err);
/* cgroup_open_join - open the files that cgroup_join() writes to, and v2's directory */
int cgroup_open_join(struct hierarchy *h);

/* ---- trees of cgroups (tree.c) ---- */

/* tree_walk - call @leave for the directory at @dir and for all below it, the deepest first. @parent_fd and @name: where
 * it hangs, -1 and NULL for @dir itself. One that vanishes meanwhile is left out. Any depth, few fds. */
int tree_walk(const char *dir, void (*leave)(void *ctx, int parent_fd, const char *name, int fd), void *ctx);
/* tree_procs - the pids in @dir and below it, 0 (those of other pid namespaces) left out. @ret: caller frees */
ssize_t tree_procs(const char *dir, pid_t **ret);
/* tree_remove - remove @dir and what is below it: 0, also when it is not there, or -errno (-EBUSY: processes) */
int tree_remove(const char *dir);
/* tree_file_has - does the file, the first 4 KiB of it, have @line as one of its lines? NULL: anything? 1, 0, or
 * -errno */
int tree_file_has(const char *dir, const char *file, const char *line);
/* tree_check_unused - that an existing cgroup may become a container's */
int tree_check_unused(const struct hierarchy *h, struct error *err);

/* ---- device rules (v1_devices.c, v2_devices.c) ---- */

enum { DEVICE_READ = 1, DEVICE_WRITE = 2, DEVICE_MKNOD = 4, DEVICE_ALL = 7 };
struct device_write {
	bool allow, optional;
	char type;			/* 'a' (everything; only the first row), 'b' or 'c' */
	unsigned access;		/* DEVICE_* */
	int64_t major, minor;		/* -1: any */
	const char *text;		/* the same for v1: "c 1:3 rwm" */
	size_t rule;
};
struct device_plan { struct device_write *v; size_t n; struct pool pool; };
/* devices_plan - the spec's rules and ours as a list in which the last row that fits counts; v1 writes it to devices.allow
 * and devices.deny
 * @fresh: into a cgroup that was just made and so allows what its parent allows
 * .optional: a default of ours, which a parent may forbid; .rule: its number in the spec's list
 */
int devices_plan(const struct spec_device_rule *rules, size_t n, bool fresh, struct device_plan *ret, struct error *err);
void device_plan_done(struct device_plan *p);
int v1_devices(struct cgroup *c, const struct spec_resources *r, bool update, bool rootless, struct error *err);
/* device_rules_restrict - do they forbid anything at all? */
bool device_rules_restrict(const struct spec_device_rule *rules, size_t n);

/* v2: an eBPF program (BPF_PROG_TYPE_CGROUP_DEVICE) that is asked at every open and mknod of a device in the cgroup or below */
struct bpf_insn;
struct device_program { struct bpf_insn *v; size_t n, size; };
/* device_program - the plan as instructions; every path through them ends */
void device_program(const struct device_plan *plan, struct device_program *ret);
void device_program_done(struct device_program *p);
/* device_program_attach - load it and make it the cgroup's. Programs of others stay; one of ours that is there already is
 * replaced at once: at no moment is there none, and none that denies everything.
 * @cgroup_fd: a directory of cgroup2, not O_PATH; @fresh: there cannot be one yet */
int device_program_attach(int cgroup_fd, const struct device_program *p, bool fresh, struct error *err);
int v2_devices(struct cgroup *c, const struct spec_resources *r, bool update, bool rootless, struct error *err);

/* v2_memory_limit - memory.max as it is; -1: none */
int v2_memory_limit(struct cgroup *c, int64_t *ret);
/* v2_check_usage - memory.checkBeforeUpdate: refuse limits below what is in use now, which would end processes */
int v2_check_usage(struct cgroup *c, const struct spec_memory *m, struct error *err);

/* ---- v1's numbers as v2's (v2.c) ---- */

/* v2_cpu_weight - cpu.weight (1 to 10000) for cpu.shares (2 to 262144): on a curve through (2, 1), (1024, 100) and
 * (262144, 10000), as the runtimes agreed in 2025 */
uint64_t v2_cpu_weight(uint64_t shares);
/* v2_io_weight - io.weight (1 to 10000) for blkio.weight (10 to 1000), linear */
uint64_t v2_io_weight(uint16_t weight);
/* v2_swap - memory.swap.max for v1's limit on memory+swap; -1: no limit. -EINVAL with @err for impossible ones */
int v2_swap(const int64_t *limit, int64_t memory_and_swap, int64_t *ret, struct error *err);
