/* cover.h - the second half of the boot-id rule: layers that were written in this boot are covered by a syncfs(2), so that the next boot
 * trusts them.
 *
 * Who pulls does not wait for the disk, and leaves no process behind that does. A container's monitor does it, when the container has
 * ended and nobody waits any more, once its layers are COVER_AGE_S old: by then the kernel has written nearly all of it by itself.
 * What no sync covers before the machine goes down is unpacked again from its blobs, which are on disk since they came.
 */
#pragma once
#include "error.h"

enum { COVER_AGE_S = 30 };

/* cover_layers - of a container's @lowerdirs, and the chain of its image @image_id, those of the store below @root: sync and mark where it
 * is time to; and note the layers' fingerprints (walk.h), by which `system check` knows them again.
 * The caller is root, or root of the user's namespace. */
int cover_layers(const char *root, char *const *lowerdirs, const char *image_id, struct error *err);
