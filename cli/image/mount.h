/* mount.h - an image's files, mounted read-only for whoever wants to look at them.
 *
 *	RUNROOT/images/HEX		where the image of that id is mounted
 *	RUNROOT/images/HEX.root		an empty directory with the owner and mode of the image's /, the topmost layer of the mount
 *
 * In the caller's mount namespace: root's, or, for an ordinary user, one that the user is root of; elsewhere nobody would see it. Nothing
 * in it can be executed with other rights, and no device opened. What is mounted, the kernel says: there is no list of ours.
 */
#pragma once
#include "../carrier.h"
#include "store.h"

/* image_mount - @path: receives where; caller frees. Success when it is mounted already. */
int image_mount(const struct carrier *c, const struct store *s, const struct image *image, char **path, struct error *err);
/* image_unmount - @force: also when somebody is in it. 0; 1: it was not mounted; -EBUSY */
int image_unmount(const struct carrier *c, const char *id, bool force, struct error *err);
/* image_mounted - where the image with this id (of the config) is mounted, or NULL; caller frees */
char *image_mounted(const struct carrier *c, const char *id);
/* image_mounts - the ids ("sha256:HEX") of all that are mounted; adds to @ret */
int image_mounts(const struct carrier *c, struct strings *ret, struct error *err);
