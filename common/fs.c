#include "fs_impl.h"
#include "cleanup.h"
#include "mem.h"
#include "str.h"
#include <limits.h>
#include <linux/magic.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

/* ---- content ---- */

int fs_read_fd(int fd, const char *name, size_t max, char **ret, size_t *ret_len, struct error *err)
{
	enum { FIRST = 4096, HINT_MAX = 1 << 20 };
	struct stat st;
	if (fstat(fd, &st) < 0)
		return error_set(err, errno, "read '%s'", name);
	if (max > SSIZE_MAX - 2)
		max = SSIZE_MAX - 2;
	/* 0 in /proc; an ordinary file has what it says, so its end need not be looked for */
	bool known = S_ISREG(st.st_mode) && st.st_size > 0 && st.st_size < HINT_MAX && (size_t) st.st_size <= max;
	size_t size = known ? (size_t) st.st_size : st.st_size <= 0 ? FIRST : HINT_MAX;
	if (size > max)
		size = max + 1;	/* one more than allowed, to see that it is longer */

	cleanup_free char *data = xmalloc(size + 1);
	size_t len = 0;
	for (;;) {
		if (len == size) {
			size = size > max / 2 ? max + 1 : size * 2;
			data = xrealloc(data, size + 1);
		}
		ssize_t n = fs_read_all(fd, data + len, size - len);
		if (n < 0)
			return error_set(err, (int) -n, "read '%s'", name);
		len += (size_t) n;
		if (len > max)
			return error_say(err, EFBIG, "read '%s': it is longer than %zu bytes", name, max);
		if (known || len < size)
			break;
	}
	data[len] = 0;
	if (ret_len)
		*ret_len = len;
	*ret = take_ptr(data);
	return 0;
}

int fs_read_file(int dir_fd, const char *path, size_t max, char **ret, size_t *ret_len, struct error *err)
{
	cleanup_close int fd = openat(dir_fd, path, O_RDONLY | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return error_set(err, errno, "open '%s'", path);
	return fs_read_fd(fd, path, max, ret, ret_len, err);
}

bool fs_says(const char *path, const char *text)
{
	cleanup_free char *line = NULL;
	if (fs_read_file(AT_FDCWD, path, 4096, &line, NULL, NULL) < 0)
		return false;
	line[strcspn(line, "\n")] = 0;
	return strcmp(line, text) == 0;
}

int fs_write_file(int dir_fd, const char *path, const char *text, struct error *err)
{
	cleanup_close int fd = openat(dir_fd, path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return error_set(err, errno, "open '%s' for writing", path);

	ssize_t n;
	do
		n = write(fd, text, strlen(text));
	while (n < 0 && errno == EINTR);
	int shown = (int) strcspn(text, "\n");
	if (shown > 60)
		shown = 60;
	if (n < 0)
		return error_set(err, errno, "write '%.*s' to '%s'", shown, text, path);
	if ((size_t) n != strlen(text))
		return error_say(err, EIO, "write '%.*s' to '%s': only %zd of %zu bytes were taken", shown,
				 text, path, n, strlen(text));
	return 0;
}

int fs_write_all(int fd, const void *data, size_t len)
{
	for (const char *p = data; len;) {
		ssize_t n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		p += n;
		len -= (size_t) n;
	}
	return 0;
}

ssize_t fs_read_all(int fd, void *data, size_t len)
{
	size_t done = 0;
	while (done < len) {
		ssize_t n = read(fd, (char *) data + done, len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t) n;
	}
	return (ssize_t) done;
}

int fs_split(const char *path, char **ret_dir, const char **ret_base)
{
	size_t len = strlen(path);
	while (len > 1 && path[len - 1] == '/')
		len--;
	size_t at = len;
	while (at > 0 && path[at - 1] != '/')
		at--;
	size_t dir_len = at;
	while (dir_len > 1 && path[dir_len - 1] == '/')
		dir_len--;

	/* both in one block: the directory, NUL, the name, NUL */
	char *block = xasprintf("%.*s%c%.*s", dir_len ? (int) dir_len : 1, dir_len ? path : ".", 0,
				(int) (len - at), path + at);
	const char *base = block + strlen(block) + 1;
	if (!*base || str_eq(base, ".") || str_eq(base, "..")) {
		free(block);
		return -EINVAL;
	}
	*ret_dir = block;
	*ret_base = base;
	return 0;
}

/* open_temporary - a new file in @dir_fd that nobody else has; @name has room for 64 */
static int open_temporary(int dir_fd, mode_t mode, char name[64])
{
	static atomic_uint counter;
	uint32_t random = 0;
	for (int tries = 0; tries < FS_TRIES; tries++) {
		/* pid and counter differ from everyone's in this pid namespace; only who meets one of another needs more */
		if (tries)
			(void) !getrandom(&random, sizeof random, GRND_NONBLOCK);
		snprintf(name, 64, ".tmp-%d-%u-%08x", (int) getpid(), atomic_fetch_add(&counter, 1), random);
		int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode & 0777);
		if (fd >= 0 || errno != EEXIST)
			return fd < 0 ? -errno : fd;
	}
	return -EEXIST;
}

/* settle_file_mode - what umask took; a look costs less than a change that changes nothing, which file systems write down */
static int settle_file_mode(int fd, mode_t mode)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return -errno;
	if ((st.st_mode & 07777) == (mode & 07777))
		return 0;
	return fchmod(fd, mode & 07777) < 0 ? -errno : 0;
}

/* fill_temporary - @replaces: there is a file that it takes the place of */
static int fill_temporary(int fd, const void *data, size_t len, mode_t mode, bool sync, bool replaces)
{
	/* ext4 writes a file to the disk when it is renamed over another (mount option auto_da_alloc), unless its blocks are allocated */
	if (replaces)
		(void) fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, len ? (off_t) len : 1);
	int r = fs_write_all(fd, data, len);
	if (r == 0)
		r = settle_file_mode(fd, mode);
	return r == 0 && sync && fsync(fd) < 0 ? -errno : r;
}

int fs_replace_file(int dir_fd, const char *path, const void *data, size_t len, mode_t mode, bool sync,
		    struct error *err)
{
	cleanup_free char *dir = NULL;
	cleanup_close int opened_fd = -1;
	const char *base;
	int r = fs_split(path, &dir, &base);
	if (r < 0)
		return error_say(err, EINVAL, "replace '%s': this does not name a file", path);
	if (sync || !str_eq(dir, ".")) {
		opened_fd = openat(dir_fd, dir, (sync ? O_RDONLY : O_PATH) | O_DIRECTORY | O_CLOEXEC);
		if (opened_fd < 0)
			return error_set(err, errno, "replace '%s': open its directory", path);
	}

	char name[64];
	const int parent_fd = opened_fd < 0 ? dir_fd : opened_fd;
	cleanup_close int fd = open_temporary(parent_fd, mode, name);
	if (fd < 0)
		return error_set(err, -fd, "replace '%s': make a temporary file beside it", path);
	bool replaces = faccessat(parent_fd, base, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	r = fill_temporary(fd, data, len, mode, sync, replaces);
	if (r == 0 && renameat(parent_fd, name, parent_fd, base) < 0)
		r = -errno;
	if (r < 0) {
		(void) unlinkat(parent_fd, name, 0);
		return error_set(err, -r, "replace '%s'", path);
	}
	if (sync && fsync(parent_fd) < 0)
		return error_set(err, errno, "replace '%s': sync its directory", path);
	return 0;
}

/* ---- what an fd is ---- */

int fs_is_type(int fd, unsigned long magic)
{
	struct statfs st;
	if (fstatfs(fd, &st) < 0)
		return -errno;
	return (unsigned long) st.f_type == magic;
}

int fs_is_dev(int fd, mode_t type, unsigned major, unsigned minor)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return -errno;
	return (st.st_mode & S_IFMT) == type && st.st_rdev == makedev(major, minor);
}

int fs_lock(int fd, bool exclusive, bool wait)
{
	struct flock lock = { .l_type = exclusive ? F_WRLCK : F_RDLCK, .l_whence = SEEK_SET };
	for (;;) {
		if (fcntl(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &lock) == 0)
			return 0;
		if (errno != EINTR)
			return errno == EACCES ? -EAGAIN : -errno;
	}
}

int fs_is_locked(int fd)
{
	struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET };
	if (fcntl(fd, F_OFD_GETLK, &lock) < 0)
		return -errno;
	return lock.l_type != F_UNLCK;
}

/* ---- paths as text ---- */

const char *fs_fd_path(int fd, char out[32])
{
	snprintf(out, 32, "/proc/self/fd/%d", fd);
	return out;
}

/* add_names - the names of @path behind the absolute path in @b, each with its slash */
static void add_names(struct buf *b, const char *path, bool climb)
{
	for (const char *p = path + strspn(path, "/"); *p; p += strspn(p, "/")) {
		size_t len = strcspn(p, "/");
		if (climb && len == 2 && p[0] == '.' && p[1] == '.') {
			while (b->len && b->data[--b->len] != '/')
				;
			if (b->data)
				b->data[b->len] = 0;
		} else if (len != 1 || *p != '.') {
			buf_putc(b, '/');
			buf_add(b, p, len);
		}
		p += len;
	}
}

int fs_absolute(const char *path, char **ret, struct error *err)
{
	cleanup_buf struct buf b = { 0 };
	if (!*path)
		return error_say(err, ENOENT, "an empty path names no file");
	if (*path != '/') {
		cleanup_free char *cwd = getcwd(NULL, 0);
		if (!cwd || *cwd != '/')	/* "(unreachable)/..." is one outside of our root */
			return error_set(err, cwd ? ENOENT : errno,
					 "make '%s' absolute: find the working directory", path);
		add_names(&b, cwd, false);
	}
	add_names(&b, path, false);
	if (!b.len)
		buf_putc(&b, '/');
	*ret = buf_take(&b);
	return 0;
}

char *fs_clean_path(const char *path)
{
	cleanup_buf struct buf b = { 0 };
	add_names(&b, path, true);
	if (!b.len)
		buf_putc(&b, '/');
	return buf_take(&b);
}
