/* delegate.h - a container that manages cgroups below its own (systemd in a container, a runtime in one).
 *
 * runtime-spec config-linux.md "Cgroup ownership", cgroups(7) "Cgroups delegation": only on v2, when the container has a
 * cgroup namespace of its own and /sys/fs/cgroup is a writable mount of cgroups, the directory and the files that
 * /sys/kernel/cgroup/delegate lists are given to the user that process.user.uid is on the host. The files with limits never are.
 */
#pragma once
#include "cgroup.h"

/* cgroup_is_delegated - does the spec ask for it, and to whom on the host? Pure. */
bool cgroup_is_delegated(const struct runtime_spec *spec, uid_t *ret_owner);
/* cgroup_delegate - after cgroup_create(); nothing to do is success */
int cgroup_delegate(struct cgroup *c, const struct runtime_spec *spec, struct error *err);
