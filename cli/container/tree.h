/* tree.h - a container's files, seen from outside: for export, commit and diff.
 *
 * These change the calling process for good (it enters namespaces), so it is a child of its own (apart.h). Afterwards it is root of the
 * namespace in which the container's owners have their names; owners above its range are 65534 there. A container with a user namespace
 * of its own (users.h) lives one further in, and in none of them can both its files and the store's be reached: so what comes out of here has
 * the monitor's ids, and container_owners() says what they are inside, to whoever writes them down (carrier-pack) or compares them (changes.h).
 */
#pragma once
#include "../image/view.h"
#include "rootfs.h"

/* container_tree - all of its files, as it sees them but for what is mounted in it
 * A running one's are in its monitor's mount namespace; else its layers are mounted in one of our own, which ends with us.
 * @mounted: ROOTFS_NONE before; for container_tree_end(), also after a failure
 * Return: an fd of the directory, O_RDONLY; -EBUSY when its monitor was killed and it runs on */
int container_tree(const struct carrier *c, const struct container *container, struct rootfs *mounted, struct error *err);
/* container_whole_tree - of one that does not run: all of its files and what volumes and directories of the host are mounted in it, to be
 * changed, too. The caller holds its lock (record_lock()). */
int container_whole_tree(const struct container *container, struct rootfs *mounted, struct error *err);
void container_tree_end(const struct container *container, struct rootfs *mounted);

/* container_layers - what is its own, and the layers below it, topmost first, opened; caller frees
 * @ret_own: 1 when the first of them is its own, 0 when it was never started
 * @ret_whole: its own is a directory with all of its files (the driver copy), not a layer above the others */
int container_layers(const struct carrier *c, const struct container *container, int **ret, size_t *n, size_t *ret_own, bool *ret_whole,
		     struct error *err);

/* container_owners - the maps from what owners are inside to what they are in the files that container_tree() (@own false), or
 * container_layers() for its own (@own), gave. Both empty: they are the same. The caller frees. */
int container_owners(const struct container *container, bool own, struct idmap *uids, struct idmap *gids, struct error *err);

/* container_written - of such a directory @whole (with its owners' maps) and the layers @below: what it has written, as a layer in the
 * empty directory @to_fd.
 * Files are hard links, so it has to be on the same file system; deletions are empty files .wh.NAME */
int container_written(const struct view *whole, const struct view *below, int to_fd, struct error *err);

/* container_freeze - a child pauses it, and lets it go on when the returned fd is closed, however that comes about
 * Return: the fd, or a negative errno: it cannot be paused here */
int container_freeze(const struct carrier *c, const struct container *container, struct error *err);
/* container_thaw - close the fd, and wait until it goes on; nothing for one that is negative */
void container_thaw(int *fd);
