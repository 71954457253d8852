/* flatten.h - the layers of an image applied one over the other into one plain directory. */
#pragma once
#include "error.h"
#include <stdbool.h>

/* flatten - @lowerdirs as store_lowerdirs() makes them, topmost first, into the empty directory @to_fd. Whiteouts and opaque directories are
 * applied and not copied; hard links stay links; data is shared by reflink where the file system can do that. What the root directory itself looks
 * like is left to the caller.
 * @ours: everything becomes the caller's own, and what it may not read is left out, with one warning */
int flatten(char *const *lowerdirs, int to_fd, bool ours, struct error *err);
