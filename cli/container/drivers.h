/* drivers.h - the parts of rootfs.h, for rootfs.c; and what mount_stage.c has in common with them. */
#pragma once
#include "rootfs.h"

enum { OVERFLOW_ID = 65534 };	/* what an id looks like that our user namespace does not map; overflowuid of proc_sys_kernel(5) */

/* overlay_mount - natively; upper/, work/ and rootfs/ are there */
int overlay_mount(const struct container *c, bool discard, struct error *err);

/* overlay_mount_dirs - these directories, topmost first, as one; what is written goes to @upper, NULL: read-only (then at least two) */
int overlay_mount_dirs(char *const *lower, const char *upper, const char *work, const char *target, struct error *err);

/* fuse_overlay_mount - the same by fuse-overlayfs
 * @foreign: the layers are of ids that are not ours: everything is shown as root's
 * Return: the pid of the program, a child of ours, or a negative errno: -EOPNOTSUPP when it, or /dev/fuse, is not there */
pid_t fuse_overlay_mount(const struct container *c, bool foreign, struct error *err);
/* fuse_overlay_end - after the unmount: wait for it, and kill it when it does not end; -1 is nothing */
void fuse_overlay_end(pid_t *helper);

/* driver_common - the length of the directory, with its slash, that all paths of the container's layers and its own are in */
size_t driver_common(const struct container *c);
