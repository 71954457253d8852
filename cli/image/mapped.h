/* mapped.h - an image's files with other owners, without copying them: a tree of metadata.
 *
 * Theory of operation. A container with a user namespace of its own (keep-id, auto, ...) sees files by its own ids, and the layers are
 * unpacked with those of the monitor's namespace. An ordinary user may not have layers mounted with other ids (MOUNT_ATTR_IDMAP is
 * for whoever is privileged over the file system). But overlayfs takes a file's owner, mode, times and size from one layer and
 * its content from another: so the merged tree of the image is made once more with directories, links, devices, and for each file an
 * empty one of the right size that has the xattrs user.overlay.metacopy and user.overlay.redirect ("/path": where it is in the layers). The tree
 * is mounted as "lowerdir+", the layers behind it as "datadir+": data-only, reachable by redirects alone. Files with several names stay one.
 * It needs a kernel that follows these xattrs with the option userxattr (Linux 6.16); that is found out by mounting.
 *
 *	ROOT/store/mapped/HEX-KEY/	of the image HEX (its config's digest), KEY being of the maps
 *		tree/			what is mounted
 *		maps			the maps, as text
 *		boot			the boot-id rule of a layer (store.h)
 *
 * It is made beside its place and renamed, as layers are; store_collect() removes it with its image. It takes an inode for each file of the
 * image, and on ext4 mostly one block for its xattrs; nothing for content.
 */
#pragma once
#include "error.h"
#include "idmap.h"

struct mapping {
	const char *store_root;		/* ROOT/store */
	const char *image_id;		/* config digest */
	char *const *lowerdirs;		/* store_lowerdirs()' */
	const char *root_layer;		/* the one of them that says what / looks like */
	const struct idmap *uids, *gids;	/* from the image's ids to those that the tree is to have */
};

/* mapped_tree - the path of tree/, made if need be; caller frees
 * The caller is root, or root of the user's namespace. -EOPNOTSUPP: this file system takes no xattrs of users */
int mapped_tree(const struct mapping *m, char **ret, struct error *err);
