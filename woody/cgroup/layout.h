/* layout.h - which hierarchies there are, where they are mounted, and where we are in them.
 *
 * The parsers take text, so that tests can show them other machines. proc(5) /proc/PID/mountinfo, cgroups(7)
 * /proc/PID/cgroup.
 */
#pragma once
#include "cgroup.h"

enum { LAYOUT_MAX = 24 };	/* the kernel has 14 controllers; the rest is for hierarchies with names */

struct layout {
	enum cgroup_layout kind;
	size_t n;
	struct layout_hierarchy {
		const char *name;	/* as in /proc/PID/cgroup: "memory", "cpu,cpuacct", "name=systemd"; v2: "" */
		const char *mount;	/* its mount point */
		const char *root;	/* the cgroup that is seen there: "/", or another in a container */
		const char *own;	/* the cgroup we are in, as /proc/self/cgroup says; NULL: not known */
	} v[LAYOUT_MAX];
	struct pool pool;	/* owns the strings */
};

/* layout_parse - from the text of /proc/self/mountinfo and /proc/self/cgroup (NULL: our own cgroups are not of interest)
 * A hierarchy that is mounted twice counts where it is below /sys/fs/cgroup; twice there, where it was mounted last. */
void layout_parse(const char *mountinfo, const char *cgroup, struct layout *ret);

/* layout_guess - from /proc/self/cgroup alone: as if each hierarchy were mounted at /sys/fs/cgroup/NAME, which is so
 * wherever systemd or its imitators mounted them. Reading mountinfo costs 70 us on a quiet machine and a millisecond on one
 * with many containers. Who uses a guess must notice when it is wrong, and then ask layout_read(). */
void layout_guess(const char *cgroup, struct layout *ret);

/* layout_read - of this machine: guessed; as mountinfo has it; or without those that were mounted over, too */
enum layout_care { LAYOUT_GUESSED, LAYOUT_LISTED, LAYOUT_VERIFIED };
int layout_read(enum layout_care care, struct layout *ret, struct error *err);
/* layout_is_reachable - is such a hierarchy to be seen at its mount point, or was something mounted over it? */
bool layout_is_reachable(const struct layout_hierarchy *h);
void layout_done(struct layout *l);
#define cleanup_layout __attribute__((cleanup(layout_done)))

/* layout_below_mount - the cgroup @path as a path below a mount that shows @root: "/a/b" below "/a" is "/b"; the mount
 * itself is "". Outside of it: NULL. Borrowed from @path. */
const char *layout_below_mount(const char *root, const char *path);

/* layout_has - is @controller one of the hierarchy's? "cpu" is one of "cpu,cpuacct" */
bool layout_has(const char *name, const char *controller);
