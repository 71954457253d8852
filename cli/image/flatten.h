/* flatten.h - the layers of an image applied one over the other into one plain directory. */
#pragma once
#include "copy.h"

/* flatten - @lowerdirs as store_lowerdirs() makes them, topmost first, into the empty directory @to_fd. Whiteouts and opaque directories are
 * applied and not copied; hard links stay links; data is shared by reflink where the file system can do that. What the root directory itself looks
 * like is left to the caller.
 * @as: who everything is to belong to (copy.h), or NULL; with ->ours what the caller may not read is left out, with one warning */
int flatten(char *const *lowerdirs, int to_fd, const struct copy_as *as, struct error *err);
