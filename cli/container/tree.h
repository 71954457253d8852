/* tree.h - a container's files, seen from outside: for export, commit and diff.
 *
 * These change the calling process for good (it enters namespaces), so it is a child of its own (apart.h). Afterwards it is root of the
 * namespace in which the container's owners have their names; owners above its range are 65534 there.
 */
#pragma once
#include "record.h"

/* container_tree - all of its files, as it sees them but for what is mounted in it
 * A running one's are in its monitor's mount namespace; else its layers are mounted in one of our own, which ends with us.
 * Return: an fd of the directory, O_RDONLY; -EBUSY when its monitor was killed and it runs on */
int container_tree(const struct carrier *c, const struct container *container, struct error *err);

/* container_layers - its own layer and those below it, topmost first, opened; caller frees
 * @ret_own: how many of them are its own (0: it was never started) */
int container_layers(const struct carrier *c, const struct container *container, int **ret, size_t *n, size_t *ret_own, struct error *err);

/* container_freeze - a child pauses it, and lets it go on when the returned fd is closed, however that comes about
 * Return: the fd, or a negative errno: it cannot be paused here */
int container_freeze(const struct carrier *c, const struct container *container, struct error *err);
/* container_thaw - close the fd, and wait until it goes on; nothing for one that is negative */
void container_thaw(int *fd);
#define cleanup_thaw __attribute__((cleanup(container_thaw)))
