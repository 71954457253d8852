/* drivers.h - the parts of rootfs.h, for rootfs.c; and what mount_stage.c has in common with them. */
#pragma once
#include "../image/copy.h"
#include "rootfs.h"

enum { OVERFLOW_ID = 65534 };	/* what an id looks like that our user namespace does not map; overflowuid of proc_sys_kernel(5) */

/* struct layers - what a rootfs is made of */
struct layers {
	char **dirs;		/* the record's */
	char *tree;		/* a metadata tree to mount in their place, they behind it (mapped.h); or NULL */
	bool foreign;		/* they are of ids that are not ours: everything is shown as root's */
	bool mapped;		/* the container has ids of its own: */
	struct idmap uids, gids;	/* from the layers' to those that it is to see */
	struct copy_as as;	/* the owners of what is copied; ->uids, ->gids are the above */
};

/* overlay_mount - natively; upper/, work/ and rootfs/ are there. The owners are those of the layers, or of ->tree. */
int overlay_mount(const struct container *c, const struct layers *l, bool discard, struct error *err);
/* idmapped_during - while @job runs, which mounts an overlay, these directories show their owners by the maps (idmapped.c); -EPERM without
 * root's privileges */
int idmapped_during(char *const *dirs, const struct idmap *uids, const struct idmap *gids, int (*job)(void *ctx, struct error *err), void *ctx,
		    struct error *err);
/* idmapped_show - a mount that is nowhere yet (open_tree(2)) shows its owners by the maps */
int idmapped_show(int tree_fd, const struct idmap *uids, const struct idmap *gids, struct error *err);

/* fuse_overlay_mount - the same by fuse-overlayfs, which maps owners itself: those in upper/ are as in the layers
 * Return: the pid of the program, a child of ours, or a negative errno: -EOPNOTSUPP when it, or /dev/fuse, is not there */
pid_t fuse_overlay_mount(const struct container *c, const struct layers *l, struct error *err);
/* fuse_overlay_end - after the unmount: wait for it, and kill it when it does not end; -1 is nothing */
void fuse_overlay_end(pid_t *helper);
