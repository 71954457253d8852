/* mount_live.h - mounts that are added to a running container, and removed from it.
 *
 * Theory of operation. Sources of bind mounts are cloned with the caller's view of the host, and their ids mapped, while we
 * are still outside. Then a child enters the namespaces of the container, by its pidfd, and attaches the mounts: by then
 * the host is out of reach but for fds, of detached mounts and of a procfs. Targets are resolved beneath the root of the
 * container's mount namespace, as at its creation (rootfs.h): a symlink in it leads nowhere. The pid namespace is entered
 * only for a procfs, which is made by a child of the child then (it takes effect for children only): the container does not
 * see the process, and could not look into it, for it is not dumpable. The program runs from a sealed place (exeseal.h).
 */
#pragma once
#include "container.h"
#include "error.h"
#include "runtime_spec.h"

/* mount_live_add - attach @list, in its order
 * @c: loaded, with its spec; not stopped. Types cgroup and remounts are refused, and so is the destination "/".
 * Return: 0, or the failure of the first mount that could not be attached; those before it stay. */
int mount_live_add(const struct container *c, const struct spec_mounts *list, struct error *err);
/* mount_live_remove - detach what is mounted at the destinations of @list, the last one first; something that is no mount
 * is an error */
int mount_live_remove(const struct container *c, const struct spec_mounts *list, struct error *err);
