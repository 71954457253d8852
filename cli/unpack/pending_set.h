/* pending_set.h - what a layer leaves to settle (../image/chain.h), while it is being unpacked: the directories that were made
 * only because something is in them, the hard links to what the layer does not contain, the directories with whiteouts. At most 4 MiB of names. */
#pragma once
#include "error.h"
#include <stdbool.h>
#include <stddef.h>

struct pending_set;
struct pending_set *pending_set_new(void);
void pending_set_free(struct pending_set *p);

/* pending_set_directory - @path was made implicitly. pending_set_explicit - it has an entry, or is the layer's own otherwise
 * -E2BIG beyond the limit. */
int pending_set_directory(struct pending_set *p, const char *path, struct error *err);
void pending_set_explicit(struct pending_set *p, const char *path);
int pending_set_link(struct pending_set *p, const char *path, const char *target, struct error *err);
/* pending_set_whiteouts - @path has some */
int pending_set_whiteouts(struct pending_set *p, const char *path, struct error *err);
/* pending_set_forget - the tree at @path was removed again */
void pending_set_forget(struct pending_set *p, const char *path);

/* pending_set_write - pending.json in @layer_fd, of what is still so in the tree @diff_fd; 1, or 0 when there is nothing
 * Whiteouts that hide nothing, since a directory of the layer itself hides all that is below, are removed: overlayfs would show their
 * names. */
int pending_set_write(struct pending_set *p, int layer_fd, int diff_fd, struct error *err);
