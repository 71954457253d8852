/* rootfs.h - how a rootfs is put together from layers: one small interface, with a driver for each way.
 *
 *	overlay		overlayfs mounted natively, with user.* xattrs (userxattr)
 *	fuse-overlayfs	the program of that name, where the kernel refuses the above: before Linux 5.11 to ordinary users, on file systems
 *			that overlayfs cannot write to; and for layers of other people's ids (an additional store's)
 *	copy		all files, by reflink where the file system has that: always possible, and as slow as it sounds
 *	auto		the first of these that this machine has; each that it has not is a warning that says why
 *
 * Everything is mounted in the monitor's own mount namespace, so that no mount outlives the monitor and the container.
 *
 * What has changed in a container (for a commit) is: with overlay and fuse-overlayfs what is in upper/, over record.lowerdirs. Whiteouts are
 * 0:0 devices; opaque directories have user.overlay.opaque=y, by fuse-overlayfs also trusted.overlay.opaque or a file .wh..wh..opq, beside
 * which there may be whiteouts as files .wh.NAME. With copy it is the difference between rootfs/ and the layers.
 *
 * A container with ids of its own (users.h) sees the image's files by them, and nothing is copied for that where it can be helped:
 *
 *	overlay		root: the layers are mounted with a map of ids (idmapped.c). Others, and root where that is refused: a tree of the image's
 *			metadata with the right owners, over the layers as data-only ones (../image/mapped.h)
 *	fuse-overlayfs	maps ids itself
 *	copy		is a copy with other owners
 *
 * upper/ (and the copy) then hold the owners that are seen from the monitor's namespace; with fuse-overlayfs those of the container. record.lowerdirs
 * are the image's in every case.
 */
#pragma once
#include "record.h"
#include <sys/types.h>

enum storage_driver { DRIVER_AUTO, DRIVER_OVERLAY, DRIVER_FUSE, DRIVER_COPY };
/* storage_driver_parse - of --storage-driver; -EINVAL */
int storage_driver_parse(const char *word, enum storage_driver *ret, struct error *err);
const char *storage_driver_name(enum storage_driver d);

/* struct rootfs - one that is there */
struct rootfs {
	enum storage_driver driver;	/* DRIVER_AUTO: nothing is mounted, as yet, or as it is a directory of the caller's */
	pid_t helper;			/* fuse-overlayfs, a child of ours; -1: none. When it ends the container has no files any more */
};
#define ROOTFS_NONE { .helper = -1 }

/* rootfs_mount - the container's layers on its rootfs/, with upper/ and work/ made if need be; nothing with --rootfs
 * The caller is in a mount namespace of its own, from which nothing propagates back. Who reaps children leaves ->helper alone.
 * @discard: a --rm container's: nothing of it needs to reach the disk (overlay "volatile")
 * -EPERM/-EINVAL sentences name the option or kernel version that is missing */
int rootfs_mount(const struct container *c, bool discard, struct rootfs *ret, struct error *err);
/* rootfs_unmount - detach it and end its helper; success when nothing is mounted. The files stay. */
int rootfs_unmount(const struct container *c, struct rootfs *rootfs, struct error *err);

/* rootfs_driver - of a container that was started before; never DRIVER_AUTO */
enum storage_driver rootfs_driver(const struct container *c);
/* rootfs_owners_mapped - the owners in what is its own (upper/, or the copy) are those of its maps (users_maps), not the image's */
bool rootfs_owners_mapped(const struct container *c);
/* rootfs_root_layer - of @lowerdirs (at least one, topmost first), the one whose root says what / looks like; borrowed */
const char *rootfs_root_layer(char *const *lowerdirs);
