/* view.h - several layer directories as one tree, without mounting them.
 *
 * The first directory is the topmost. Whiteouts (0:0 devices) and opaque directories (xattr user.overlay.opaque) hide
 * what is below, as overlayfs does. Paths are relative, without "." and "..".
 */
#pragma once
#include "error.h"
#include "idmap.h"
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/* ->uids, ->gids: not NULL: the owners in the first directory are those of a container with ids of its own, and what they are inside is what
 * these maps say (changes.h) */
struct view { int *fds; size_t n; const struct idmap *uids, *gids; };

/* view_is_whiteout - it stands for a name that is gone; view_is_opaque - the directory hides what is below it */
bool view_is_whiteout(const struct stat *st);
bool view_is_opaque(int dir_fd);

/* view_find - where @path (no symlink in its directories) is; its last part is not followed
 * @st: receives its lstat. Return: the index of the directory in which it is, or -ENOENT */
int view_find(const struct view *v, const char *path, struct stat *st);

/* view_resolve - @path with every symlink in it followed inside the tree; what does not exist is kept as it is written
 * @follow_last: the last part, too. Return: 0 with a path in @ret that the caller frees, or -ELOOP */
int view_resolve(const struct view *v, const char *path, bool follow_last, char **ret);
