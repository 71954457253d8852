/* exeseal.h - the container must not be able to overwrite us (CVE-2019-5736).
 *
 * Theory of operation. While init has not yet executed the container's program, /proc/PID/exe of the container leads to our
 * binary on the host; a container that gets hold of it (its entry point is /proc/self/exe, or it watches for an exec)
 * can open it for writing once we have ended. So what enters a container never runs from a writable path: create, run and exec
 * first execute themselves again from
 *   - nothing, when the caller could not write to the binary anyway: it belongs to root, no one else may write, and we are not root
 *     of the host;
 *   - a detached read-only bind mount of the binary (open_tree, mount_setattr): no copy, and the mount cannot be made
 *     writable again, because it is in nobody's mount namespace;
 *   - a sealed memfd with a copy of it, where the kernel or a filter denies those calls.
 */
#pragma once
#include "error.h"

/* exeseal - returns 0 when we already run from a sealed place or need none; otherwise executes us again with the same
 * arguments and does not return, except with a negative errno */
int exeseal(char **argv, struct error *err);
