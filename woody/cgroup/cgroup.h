/* cgroup.h - where a container's processes are counted and limited.
 *
 * One interface for every layout of hierarchies and every way to manage them; the commands know nothing else.
 * Layouts: v1 (a hierarchy for each controller), hybrid (v1 with an empty v2 beside it), v2.
 *
 * Calling sequence:
 *   create:  cgroup_create() makes the directories and sets the limits (parent, before the clone)
 *            cgroup_fork_fd() is given to clone3(CLONE_INTO_CGROUP) for a v2 hierarchy
 *            cgroup_join() is called by the child itself, first of all, through fds that the parent opened
 *            cgroup_record() goes into the container's state
 *            with the systemd manager all that happens after the clone, in cgroup_adopt()
 *   later:   cgroup_load() from the record, then cgroup_procs(), cgroup_kill(), cgroup_freeze(), cgroup_update() ...
 *   delete:  cgroup_remove()
 *
 * On v1 the child enters by writing 0 to `tasks`: it moves one thread, itself, and spares the RCU grace period (about
 * 8 ms) that a write to cgroup.procs costs an isolated start. cgroups(7), cgroup_namespaces(7).
 */
#pragma once
#include "json.h"
#include "runtime_spec.h"
#include <stdbool.h>
#include <sys/types.h>

struct cgroup;	/* opaque */

enum cgroup_layout { CGROUP_LAYOUT_NONE, CGROUP_LAYOUT_V1, CGROUP_LAYOUT_HYBRID, CGROUP_LAYOUT_V2 };

/* struct cgroup_record - what state.json keeps of it */
struct cgroup_record {
	char *manager;		/* "cgroupfs", "systemd", "disabled" */
	struct json_map paths;	/* hierarchy -> absolute directory: "memory" -> "/sys/fs/cgroup/memory/x";
				 * v2 under the name "" */
	char *scope;		/* systemd's unit, or NULL */
};
extern const struct json_type cgroup_record_type;

struct cgroup_config {
	const char *id;			/* the container's */
	const char *path;		/* linux.cgroupsPath; systemd: slice:prefix:name (systemd.h). Else
					 * absolute or not: below each hierarchy's mount point, `..` kept
					 * beneath; "/" is refused. NULL: /ID, for who has no privileges below his own cgroup */
	const char *manager;		/* "cgroupfs", "systemd", "disabled" */
	const struct spec_resources *resources;	/* may be NULL */
	const struct json_map *annotations;	/* may be NULL; systemd: org.systemd.property.*, run.oci.systemd.subgroup */
	const struct spec_linux *linux_;	/* not looked at: a node in linux.devices gives no access, only a rule does */
	bool rootless;			/* without permission go on outside (a warning when @path was given), unless limits
					 * were asked for */
};

/* cgroup_layout - what /sys/fs/cgroup is on this machine */
enum cgroup_layout cgroup_layout(void);

/* cgroup_create - make the container's cgroup in every hierarchy and set its limits
 * A cgroup that already holds processes ("container's cgroup is not empty") or is frozen ("container's cgroup
 * unexpectedly frozen") is refused. On failure nothing is left behind: what was made, parents included, is removed.
 * A limit whose controller this machine does not have is an error. Device rules: the spec's in their order, after a
 * "deny all" before them, the runtime's defaults behind them.
 */
int cgroup_create(const struct cgroup_config *config, struct cgroup **ret, struct error *err);

/* cgroup_needs_process - systemd makes a cgroup only around a process. cgroup_create() then only looks whether that could be
 * done: clone first, let the child wait, and call cgroup_adopt(), which does what is said above and puts @pid in. What
 * @config pointed to must still be there. When it fails, cgroup_remove() removes what it made.
 * The child calls cgroup_join() afterwards as always. */
bool cgroup_needs_process(const struct cgroup *c);
int cgroup_adopt(struct cgroup *c, pid_t pid, struct error *err);

/* cgroup_locate - what cgroup_create() would make, without making or changing anything: for cleaning up after a crash */
int cgroup_locate(const struct cgroup_config *config, struct cgroup **ret, struct error *err);

/* cgroup_fork_fd - an O_PATH directory fd for clone3(CLONE_INTO_CGROUP), borrowed, or -1; after cgroup_prepare_join() */
int cgroup_fork_fd(const struct cgroup *c);
/* cgroup_prepare_join - open what cgroup_join() will write to (close-on-exec; owned by @c) */
int cgroup_prepare_join(struct cgroup *c, struct error *err);
/* cgroup_join - move the calling process, which must have one thread, in; uses only the fds of cgroup_prepare_join(),
 * so it also works in a user namespace and between clone and exec. Closes this process' copies of @c's fds: the program
 * must not find them. A v2 hierarchy is not entered here, but by the clone (or cgroup_move()). */
int cgroup_join(struct cgroup *c, struct error *err);
/* cgroup_joined - in the parent, once it has cloned: its copies of those fds are of no use any more */
void cgroup_joined(struct cgroup *c);
/* cgroup_move - move another process in, through cgroup.procs (for those that cannot do it themselves); where that is denied
 * and systemd manages it, by systemd */
int cgroup_move(const struct cgroup *c, pid_t pid, struct error *err);

/* cgroup_follow - the v2 cgroup of @c becomes the one that process @pid, which may be below it, is in */
int cgroup_follow(struct cgroup *c, pid_t pid, struct error *err);

/* cgroup_sub - the cgroups below @c which `exec --cgroup [CTRL[,CTRL]:]PATH` names, NULL-terminated; "/" is @c itself.
 * With controllers PATH must exist in each of them; without, in one hierarchy at least. The hierarchies where it does not
 * and those that were not named stay at @c. ".." is refused. Caller frees with cgroup_free(). */
int cgroup_sub(const struct cgroup *c, char *const *specs, struct cgroup **ret, struct error *err);

/* cgroup_to_record - borrowed strings, valid while @c is */
void cgroup_to_record(const struct cgroup *c, struct cgroup_record *ret);
int cgroup_load(const struct cgroup_record *record, struct cgroup **ret, struct error *err);

/* cgroup_update - change limits of an existing one; what @resources does not mention stays. When one is refused, the files
 * that were written before it, and systemd's properties, are put back as they were. Device rules, when there are
 * any, are set anew while the cgroup is frozen, so that nothing runs between "deny all" and the last rule. */
int cgroup_update(struct cgroup *c, const struct spec_resources *resources, struct error *err);

/* cgroup_procs - the pids in it and below it. @ret: caller frees. Return: how many, or -errno */
ssize_t cgroup_procs(const struct cgroup *c, pid_t **ret);
/* cgroup_kill - send @sig to every process in it and below it, also to those that fork meanwhile (frozen first where that
 * can be done; cgroup.kill on v2). None there is success. What was frozen stays so, but for SIGKILL it is thawed, or
 * nobody would die. Returns without waiting for the deaths. */
int cgroup_kill(const struct cgroup *c, int sig, struct error *err);
/* cgroup_freeze - freeze or thaw, returns when the kernel has done it */
int cgroup_freeze(const struct cgroup *c, bool freeze, struct error *err);
/* cgroup_thaw_process - thaw the v1 cgroup that @pid is in now, wherever others have put it: frozen there, not even SIGKILL ends
 * it. v2 lets that through. */
void cgroup_thaw_process(pid_t pid);
/* cgroup_frozen - 1, 0, or a negative errno */
int cgroup_frozen(const struct cgroup *c);

/* cgroup_remove - remove it and the cgroups below it. Waits (bounded, about 2 s) for dying processes. Of one that was just
 * made by cgroup_create() only what that call made, parents included; of one that was loaded or located, its directory in
 * every hierarchy. What is not there is success. */
int cgroup_remove(struct cgroup *c, struct error *err);
void cgroup_free(struct cgroup *c);

/* What a mount of type "cgroup" shows inside: one entry for each hierarchy of v1 (and hybrid's v2). */
struct cgroup_mount {
	char name[64];		/* directory below the mount's destination: "memory", "cpu,cpuacct", "systemd", "unified" */
	char link[2][64];	/* symlinks to it for co-mounted controllers ("cpu", "cpuacct"), or "" */
	char options[128];	/* for a fresh mount of fs type "cgroup" ("none,name=systemd"); "" for "cgroup2" */
	const char *host;	/* mount point on the host; borrowed from the cgroup */
	const char *path;	/* the container's directory below it, "/" first; where it has none (rootless, manager
				 * "disabled"), the cgroup that it stays in; borrowed */
};
/* cgroup_mounts - fills at most @max entries. @c is from cgroup_create(). Return: how many there are. On v2: none (mount
 * cgroup2 itself). */
size_t cgroup_mounts(const struct cgroup *c, struct cgroup_mount *out, size_t max);
