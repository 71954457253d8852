/* fs.h - files, always relative to an fd that is held.
 *
 * Two families. fs_*_beneath() take a path that is not ours (from an image, a bundle, a
 * container) and resolve it with openat2(2) RESOLVE_IN_ROOT beneath a root fd: symlinks, `..`
 * and absolute names in it can never lead out, and magic links are refused. The others take paths
 * that are ours or the caller's and resolve them as the kernel does, from @dir_fd (AT_FDCWD for the cwd).
 * Where openat2(2) is missing (before Linux 5.6) or denied the same is done name by name: slower, and links of a
 * procfs are refused altogether.
 */
#pragma once
#include "error.h"
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* fs_open_beneath - open @path as seen from a process whose / is @root_fd
 * @flags: as open(2); O_CLOEXEC is added. @mode: used with O_CREAT and O_TMPFILE, umask applies
 * Return: an fd the caller closes, or a negative errno: -ELOOP also for a magic link, -EAGAIN when renames
 * and mounts elsewhere disturbed every one of many attempts.
 */
int fs_open_beneath(int root_fd, const char *path, int flags, mode_t mode, struct error *err);
/* fs_open_ordinary - the same of what exists, and without any symlink on the way or at the end: -ELOOP */
int fs_open_ordinary(int root_fd, const char *path, int flags, struct error *err);

/* fs_mkdir_beneath - make every missing directory of @path beneath @root_fd (mkdir -p), through symlinks,
 * which cannot leave the root; a dangling symlink's target is made, too (inside the root). At most 40
 * symlinks.
 * @mode: of directories that are made, exactly (umask does not apply), but the setgid bit that a directory
 * inherits stays. Existing ones are left as they are, also those that others make at the same time.
 * Return: an O_PATH fd of the last one, or a negative errno (-ENOTDIR: something else is in the way).
 */
int fs_mkdir_beneath(int root_fd, const char *path, mode_t mode, struct error *err);

/* fs_create_beneath - make an empty regular file at @path beneath @root_fd, with missing parents (0755),
 * unless something that is not a directory is already there. Symlinks, modes and races as above.
 * Return: an O_PATH fd of what is there, or a negative errno (-EISDIR: a directory, or @path ends in "/").
 */
int fs_create_beneath(int root_fd, const char *path, mode_t mode, struct error *err);

/* fs_mkdir_all - mkdir -p for paths of ours; @mode as above, for every directory that is made. Return: 0 or a
 * negative errno. */
int fs_mkdir_all(int dir_fd, const char *path, mode_t mode, struct error *err);

/* fs_read_file - the whole file, NUL-terminated
 * @max: a longer file is an error (-EFBIG); also works for files of /proc and /sys whose size is 0
 * @ret: caller frees; @ret_len may be NULL
 */
int fs_read_file(int dir_fd, const char *path, size_t max, char **ret, size_t *ret_len, struct error *err);
/* fs_says - is @text the first line of the file, as one under /proc/sys has its value? No where it cannot be read */
bool fs_says(const char *path, const char *text);
/* fs_read_fd - the same from an fd, until end of file; @name is for the error */
int fs_read_fd(int fd, const char *name, size_t max, char **ret, size_t *ret_len, struct error *err);

/* fs_write_file - open an existing file for writing and write @text with one write(2), as kernel files want
 * it; an ordinary file is neither made nor truncated. @err shows the first line of @text, up to 60
 * characters. */
int fs_write_file(int dir_fd, const char *path, const char *text, struct error *err);
/* fs_write_all - write(2) until everything is written; -errno */
int fs_write_all(int fd, const void *data, size_t len);
/* fs_read_all - read(2) until @len bytes or end of file. Return: bytes read, or -errno */
ssize_t fs_read_all(int fd, void *data, size_t len);

/* fs_replace_file - put @len bytes at @path at once: readers see the old or the new content, never a part.
 * Writes a temporary file beside it, fsyncs it when @sync, renames, and fsyncs the directory when @sync.
 * A symlink at @path is replaced, not followed. @mode: exactly, umask does not apply. A failure leaves no
 * temporary; a crash may, named ".tmp-PID-...".
 */
int fs_replace_file(int dir_fd, const char *path, const void *data, size_t len, mode_t mode, bool sync,
		    struct error *err);

/* fs_remove_tree - remove @name and everything beneath it. Follows no symlink, enters no other mount
 * (a mount found there or beneath is -EBUSY and stays). What is not there is success. Directories without
 * permission bits are given them first. Any depth; at most 20 fds. Other processes may change the tree
 * meanwhile: what they add may stay, and when they move a directory that is being emptied it may end there
 * with -EAGAIN.
 * Return: 0 or the first failure (the rest is still removed). */
int fs_remove_tree(int dir_fd, const char *name, struct error *err);

/* fs_is_type - is @fd on a file system of @magic (statfs(2)'s f_type, linux/magic.h)? -errno on failure */
int fs_is_type(int fd, unsigned long magic);
/* fs_is_dev - is @fd the device node @type (S_IFCHR, S_IFBLK) @major:@minor? -errno on failure */
int fs_is_dev(int fd, mode_t type, unsigned major, unsigned minor);

/* fs_lock - take an open file description lock (F_OFD_SETLK) on a whole file; it is held until every
 * copy of @fd is closed, also across fork.
 * @fd: open for writing when @exclusive (so never a directory's), else for reading
 * @wait: block until it is free; otherwise -EAGAIN when another holds it
 */
int fs_lock(int fd, bool exclusive, bool wait);
/* fs_is_locked - does another description hold an exclusive lock on it? 1, 0 or -errno; takes nothing */
int fs_is_locked(int fd);

/* fs_fd_path - "/proc/self/fd/N", for the calls that take only names; @out has room for 32 */
const char *fs_fd_path(int fd, char out[32]);

/* fs_absolute - @path made absolute by the cwd, "." and "//" removed, ".." and symlinks left alone. Caller
 * frees. */
int fs_absolute(const char *path, char **ret, struct error *err);
/* fs_clean_path - lexically: no ".", no "//", no ".." that climbs above / (as Go's filepath.Clean("/" +
 * path)). Caller frees. */
char *fs_clean_path(const char *path);
