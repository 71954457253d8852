/* mount_copy_up - option tmpcopyup: a tmpfs that starts with what the image has in its place.
 * Owners, modes, times, links and device nodes are kept; extended attributes and the identity of hard links
 * are not. Everything is opened relative to held directories and never through a symlink.
 */
#include "mounts.h"
#include "cleanup.h"
#include "fs.h"
#include "str.h"
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

static int copy_directory(int from_fd, int to_fd, const char *name, struct error *err);

static int copy_content(int from_fd, int to_fd)
{
	for (;;) {
		ssize_t n = sendfile(to_fd, from_fd, NULL, 1 << 20);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
	}
}

static int copy_file(int from_dir, int to_dir, const char *name)
{
	cleanup_close int from_fd = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (from_fd < 0)
		return -errno;
	cleanup_close int to_fd = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return to_fd < 0 ? -errno : copy_content(from_fd, to_fd);
}

static int copy_link(int from_dir, int to_dir, const char *name)
{
	char text[PATH_MAX];
	ssize_t n = readlinkat(from_dir, name, text, sizeof text - 1);
	if (n < 0)
		return -errno;
	text[n] = 0;
	return symlinkat(text, to_dir, name) < 0 ? -errno : 0;
}

static int copy_subdirectory(int from_dir, int to_dir, const char *name, struct error *err)
{
	cleanup_close int from_fd = openat(from_dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (from_fd < 0 || mkdirat(to_dir, name, 0700) < 0)
		return error_set(err, errno, "copy '%s'", name);
	cleanup_close int to_fd = openat(to_dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (to_fd < 0)
		return error_set(err, errno, "copy '%s'", name);
	return copy_directory(from_fd, to_fd, name, err);
}

/* settle - owner first: chown(2) takes the setuid bits away */
static int settle(int to_dir, const char *name, const struct stat *st)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };
	if (fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (!S_ISLNK(st->st_mode) && fchmodat(to_dir, name, st->st_mode & 07777, 0) < 0)
		return -errno;
	return utimensat(to_dir, name, times, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static int copy_entry(int from_dir, int to_dir, const char *name, struct error *err)
{
	struct stat st;
	if (fstatat(from_dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return error_set(err, errno, "copy '%s'", name);
	int r;
	switch (st.st_mode & S_IFMT) {
	case S_IFREG: r = copy_file(from_dir, to_dir, name); break;
	case S_IFLNK: r = copy_link(from_dir, to_dir, name); break;
	case S_IFDIR:
		r = copy_subdirectory(from_dir, to_dir, name, err);
		if (r < 0)
			return r;
		break;
	default: r = mknodat(to_dir, name, st.st_mode, st.st_rdev) < 0 ? -errno : 0;
	}
	if (r == 0)
		r = settle(to_dir, name, &st);
	return r < 0 ? error_set(err, -r, "copy '%s'", name) : 0;
}

static int copy_directory(int from_fd, int to_fd, const char *name, struct error *err)
{
	int list_fd = openat(from_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *dir = list_fd < 0 ? NULL : fdopendir(list_fd);
	if (!dir) {
		int code = errno;
		close_fd(&list_fd);
		return error_set(err, code, "read '%s'", name);
	}
	for (;;) {
		errno = 0;
		const struct dirent *d = readdir(dir);
		if (!d)
			return errno ? error_set(err, errno, "read '%s'", name) : 0;
		if (str_eq(d->d_name, ".") || str_eq(d->d_name, ".."))
			continue;
		int r = copy_entry(from_fd, to_fd, d->d_name, err);
		if (r < 0)
			return r;
	}
}

int mount_copy_up(int from_fd, int fd, const char *name, struct error *err)
{
	struct stat st;
	if (fstat(from_fd, &st) < 0 || fchownat(fd, "", st.st_uid, st.st_gid, AT_EMPTY_PATH) < 0)
		return error_set(err, errno, "copy up '%s'", name);
	int r = copy_directory(from_fd, fd, name, err);
	return r < 0 ? error_wrap(err, "copy up '%s'", name) : 0;
}
