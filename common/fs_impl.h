/* fs_impl.h - what the parts of fs share: fs_beneath.c (opening and making), fs_tree.c (removing), fs.c (the rest). */
#pragma once
#include "fs.h"
#include <errno.h>

enum { FS_TRIES = 128 };	/* of what another process' renames or removals can spoil */

/* fs_open_how - openat2(2) with RESOLVE_* @resolve, close-on-exec, tried again while it says EAGAIN. Return: an fd or -errno */
int fs_open_how(int dir_fd, const char *path, int flags, mode_t mode, uint64_t resolve);
/* fs_no_openat2 - is that its result because it is missing, or perhaps denied by a filter? Who was really refused will hear
 * it again from the calls that are tried then. */
static inline bool fs_no_openat2(int r) { return r == -ENOSYS || r == -EPERM; }
/* fs_chmod_dir - of a directory that is held O_PATH, which fchmod(2) refuses. 0 or -errno */
int fs_chmod_dir(int fd, mode_t mode);
/* fs_split - "a/b/c" as "a/b" and "c"; trailing slashes do not count. @ret_base points into *@ret_dir, which the caller frees. 0 or -EINVAL */
int fs_split(const char *path, char **ret_dir, const char **ret_base);
