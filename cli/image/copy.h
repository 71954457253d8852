/* copy.h - files of a layer with everything that belongs to them: content, owner, mode, times, xattrs, links.
 * Both sides are fds of directories and paths beneath them that hold no symlinks; the last part is never followed. */
#pragma once
#include "error.h"
#include "idmap.h"
#include <stdbool.h>

/* copy_entry - one file, symlink, node or (empty) directory; -EEXIST when it is there already */
int copy_entry(int from_fd, const char *from, int to_fd, const char *to, struct error *err);
/* copy_metadata - owner, mode, xattrs (without overlayfs' own) and times */
int copy_metadata(int from_fd, const char *from, int to_fd, const char *to, struct error *err);
/* copy_tree_content - everything in the directory @from, into the existing directory @to; hard links among them stay links */
int copy_tree_content(int from_fd, const char *from, int to_fd, const char *to, struct error *err);

/* struct copy_as - owners other than the source's
 * ->ours: the copy stays the caller's own, and lacks the xattrs that the caller may not set
 * ->uids, ->gids: or an owner is what they say for his id; one whom they do not know becomes 0, whom no container of ours has for its own */
struct copy_as { bool ours; const struct idmap *uids, *gids; };
/* copy_entry_as, copy_metadata_as - the same; NULL: no others */
int copy_entry_as(int from_fd, const char *from, int to_fd, const char *to, const struct copy_as *as, struct error *err);
int copy_metadata_as(int from_fd, const char *from, int to_fd, const char *to, const struct copy_as *as, struct error *err);
