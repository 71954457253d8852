/* rootfs.h - how a rootfs is put together from layers: one small interface.
 *
 * Today: overlayfs mounted natively, with user.* xattrs (userxattr), in the monitor's own mount namespace, so that no mount outlives
 * the monitor and the container. fuse-overlayfs where the kernel refuses that, then a plain copy (both: later issues' names,
 * same interface).
 */
#pragma once
#include "record.h"

/* rootfs_mount - mount the container's layers on its rootfs/, with upper/ and work/ made if need be; nothing with --rootfs
 * The caller is in a mount namespace of its own, from which nothing propagates back.
 * @discard: a --rm container's: nothing of it needs to reach the disk (overlay "volatile")
 * -EPERM/-EINVAL sentences name the option or kernel version that is missing */
int rootfs_mount(const struct container *c, bool discard, struct error *err);
/* rootfs_unmount - detach it; success when nothing is mounted */
int rootfs_unmount(const struct container *c, struct error *err);
