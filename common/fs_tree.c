/* Theory of operation. A tree is removed without recursion, and with a fixed number of fds: of a chain of directories only the
 * LEVELS_OPEN innermost are open. To come back to one that was closed, ".." is opened and must be the directory that was left.
 */
#include "cleanup.h"
#include "fs_impl.h"
#include "mem.h"
#include "str.h"
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
	LEVELS_OPEN = 16,
	ENTRIES_SIZE = 16384,	/* of a directory at a time: so many bytes */
	PATH_SHOWN = 300,	/* of a long path in a sentence: its end */
};

struct level {
	int fd;			/* -1: closed, as LEVELS_OPEN others are open beneath it */
	char *entries;		/* what getdents64(2) gave; opendir(3) would make four more calls of each directory */
	size_t at, len;
	dev_t dev;
	ino_t ino;
	char *name;		/* in the level above */
	bool stays;		/* something in it could not be removed, and has been told */
	struct strings stuck;	/* its directories that stay; not entered again when it is read again */
};

struct removal {
	int parent_fd;
	const char *dir;	/* what the error calls it */
	struct level *levels;
	size_t n, size;
	struct error *err;
	int result;		/* the first failure */
};

static void level_done(struct level *l)
{
	close_fd(&l->fd);
	cleanup_freep(&l->entries);
	cleanup_freep(&l->name);
	strings_done(&l->stuck);
}

static void removal_done(struct removal *rm)
{
	while (rm->n)
		level_done(&rm->levels[--rm->n]);
	cleanup_freep(&rm->levels);
}

/* removal_failed - @name in the innermost level stays */
static void removal_failed(struct removal *rm, const char *name, int r)
{
	if (rm->n)
		rm->levels[rm->n - 1].stays = true;
	if (rm->result < 0)
		return;
	cleanup_buf struct buf path = { 0 };
	if (!str_eq(rm->dir, "."))
		buf_printf(&path, "%s/", str_eq(rm->dir, "/") ? "" : rm->dir);
	for (size_t i = 0; i < rm->n; i++)
		buf_printf(&path, "%s/", rm->levels[i].name);
	buf_puts(&path, name);
	bool cut = path.len > PATH_SHOWN;
	const char *shown = cut ? path.data + path.len - PATH_SHOWN : path.data;
	const char *dots = cut ? "..." : "";
	switch (-r) {
	case EXDEV:
	case EBUSY:
		rm->result = error_say(rm->err, EBUSY,
				       "remove '%s%s': something is mounted on it; unmount that first", dots,
				       shown);
		break;
	case EAGAIN:
		rm->result = error_say(rm->err, EAGAIN, "remove '%s%s': another process moved it meanwhile",
				       dots, shown);
		break;
	default:
		rm->result = error_set(rm->err, -r, "remove '%s%s'", dots, shown);
	}
}

/* unlink_entry - a file, or an empty directory; -ENOTEMPTY when it has to be entered.
 * @dir: what it is likely to be. */
static int unlink_entry(int dir_fd, const char *name, bool dir)
{
	for (int tries = 0; tries < 2; tries++, dir = !dir) {
		if (unlinkat(dir_fd, name, dir ? AT_REMOVEDIR : 0) == 0 || errno == ENOENT)
			return 0;
		if (dir && errno == EEXIST)
			return -ENOTEMPTY;	/* rmdir(2) may say either */
		if (errno != (dir ? ENOTDIR : EISDIR))
			return -errno;
	}
	return -EAGAIN;	/* now a directory, now none */
}

/* mount_id - of what @fd holds, as /proc/self/fdinfo tells; -errno */
static int mount_id(int fd)
{
	char path[32], text[512];
	snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
	cleanup_close int info_fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = info_fd < 0 ? -errno : fs_read_all(info_fd, text, sizeof text - 1);
	if (n < 0)
		return (int) n;
	text[n] = 0;
	const char *at = strstr(text, "mnt_id:");
	return at ? atoi(at + strlen("mnt_id:")) : -ENOSYS;
}

/* open_same_mount - one name, or ".."; -EXDEV when it is on another mount than @dir_fd */
static int open_same_mount(int dir_fd, const char *name, int flags)
{
	uint64_t resolve = RESOLVE_NO_XDEV | (flags & O_NOFOLLOW ? RESOLVE_NO_SYMLINKS : 0);
	int r = fs_open_how(dir_fd, name, flags, 0, resolve);
	if (!fs_no_openat2(r))
		return r;
	cleanup_close int fd = openat(dir_fd, name, flags | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int here = mount_id(dir_fd), there = mount_id(fd);
	if (here < 0 || there < 0)
		return here < 0 ? here : there;
	return here == there ? take_fd(fd) : -EXDEV;
}

/* open_level - for reading; never a symlink, never another mount, whatever happens at the same time */
static int open_level(int dir_fd, const char *name)
{
	enum { FLAGS = O_DIRECTORY | O_NOFOLLOW };
	int fd = open_same_mount(dir_fd, name, O_RDONLY | FLAGS);
	if (fd != -EACCES)
		return fd;
	cleanup_close int path_fd = open_same_mount(dir_fd, name, O_PATH | FLAGS);
	if (path_fd < 0)
		return path_fd;
	if (fs_chmod_dir(path_fd, 0700) < 0)
		return -EACCES;
	return open_same_mount(dir_fd, name, O_RDONLY | FLAGS);
}

/* enter - make @name in @dir_fd the innermost level */
static int enter(struct removal *rm, int dir_fd, const char *name)
{
	cleanup_close int fd = open_level(dir_fd, name);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return fd < 0 ? fd : -errno;
	if ((st.st_mode & 0700) != 0700) /* as a privileged user one needs no bits: see what unlinking says */
		(void) fchmod(fd, (st.st_mode & 07777) | 0700);

	struct level level = { .fd = take_fd(fd), .dev = st.st_dev, .ino = st.st_ino, .name = xstrdup(name) };
	if (rm->n == rm->size) {
		rm->size = rm->size ? rm->size * 2 : 32;
		rm->levels = xreallocarray(rm->levels, rm->size, sizeof *rm->levels);
	}
	rm->levels[rm->n++] = level;
	if (rm->n > LEVELS_OPEN) {
		struct level *outer = &rm->levels[rm->n - 1 - LEVELS_OPEN];
		close_fd(&outer->fd);
		cleanup_freep(&outer->entries);
		outer->entries = NULL;
	}
	return 0;
}

/* reopen - the level above @child_fd, from its start; only if it is still the directory that was left */
static int reopen(struct level *level, int child_fd)
{
	cleanup_close int fd = open_same_mount(child_fd, "..", O_RDONLY | O_DIRECTORY);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return fd < 0 ? fd : -errno;
	if (st.st_dev != level->dev || st.st_ino != level->ino)
		return -EAGAIN;
	level->fd = take_fd(fd);
	level->at = level->len = 0;
	return 0;
}

/* leave - the innermost level, which was read to its end, and remove it. -errno: the way back is lost. */
static int leave(struct removal *rm)
{
	struct level level CLEANUP(level_done) = rm->levels[--rm->n];
	struct level *above = rm->n ? &rm->levels[rm->n - 1] : NULL;
	if (above && above->fd < 0) {
		int r = reopen(above, level.fd);
		if (r < 0) {
			removal_failed(rm, level.name, r);
			return r;
		}
	}
	if (unlinkat(above ? above->fd : rm->parent_fd, level.name, AT_REMOVEDIR) == 0 ||
	    errno == ENOENT)
		return 0;
	/* what stays in it has been told; that it is therefore not empty is no news */
	if (!level.stays)
		removal_failed(rm, level.name, -errno);
	if (above) {
		above->stays = true;
		strings_take(&above->stuck, take_ptr(level.name));
	}
	return 0;
}

/* next_entry - NULL at the end, and when it cannot be read: then *@ret_r is -errno */
static const struct dirent64 *next_entry(struct level *level, int *ret_r)
{
	if (level->at == level->len) {
		if (!level->entries)
			level->entries = xmalloc(ENTRIES_SIZE);
		ssize_t n = getdents64(level->fd, level->entries, ENTRIES_SIZE);
		if (n < 0 && errno != ENOENT)	/* somebody else has removed it: that is its end */
			*ret_r = -errno;
		if (n <= 0)
			return NULL;
		level->len = (size_t) n;
		level->at = 0;
	}
	const struct dirent64 *e = (const struct dirent64 *) (const void *) (level->entries + level->at);
	level->at += e->d_reclen;
	return e;
}

/* remove_next - one entry of the innermost level, or that level itself at its end */
static int remove_next(struct removal *rm)
{
	struct level *level = &rm->levels[rm->n - 1];
	int r = 0;
	const struct dirent64 *e = next_entry(level, &r);
	if (!e) {
		if (r < 0)
			removal_failed(rm, ".", r);
		return leave(rm);
	}
	if (str_eq(e->d_name, ".") || str_eq(e->d_name, "..") || strings_have(level->stuck.v, e->d_name))
		return 0;

	r = unlink_entry(level->fd, e->d_name, e->d_type == DT_DIR);
	bool inside = r == -ENOTEMPTY;
	if (inside)
		r = enter(rm, level->fd, e->d_name);	/* from here on @level may have moved */
	if (r < 0 && r != -ENOENT) {
		removal_failed(rm, e->d_name, r);
		if (inside)
			strings_add(&level->stuck, e->d_name);
	}
	return 0;
}

int fs_remove_tree(int dir_fd, const char *name, struct error *err)
{
	cleanup_free char *dir = NULL;
	const char *base;
	if (fs_split(name, &dir, &base) < 0)
		return error_say(err, EINVAL, "remove '%s': this does not name a directory entry", name);
	cleanup_close int parent_fd = openat(dir_fd, dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (parent_fd < 0)
		return errno == ENOENT ? 0 : error_set(err, errno, "remove '%s': open its directory", name);

	struct removal rm CLEANUP(removal_done) = { .parent_fd = parent_fd, .dir = dir, .err = err };
	int r = unlink_entry(parent_fd, base, false);
	if (r == -ENOTEMPTY)
		r = enter(&rm, parent_fd, base);
	if (r < 0 && r != -ENOENT)
		removal_failed(&rm, base, r);
	while (rm.n && remove_next(&rm) == 0)
		;
	return rm.result;
}
