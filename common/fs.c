/* Theory of operation.
 *
 * Opening a foreign path is one openat2(2). Making one is not: no call makes what is missing on the way. So
 * the path is walked by hand, one name at a time, from a held fd: a name is opened O_NOFOLLOW, or made with
 * mkdirat(2), which follows nothing either; a symlink's text is put in front of what remains, an absolute one
 * starts again at the root; ".." goes back to the root and down the names that were walked. The kernel is
 * given one foreign name at a time from a held fd, or several with RESOLVE_IN_ROOT: there is nothing that a
 * racing rename could redirect.
 *
 * A tree is removed without recursion, and with a fixed number of fds: of a chain of directories only the
 * LEVELS_OPEN innermost are open. To come back to one that was closed, ".." is opened and must be the
 * directory that was left.
 */
#include "fs.h"
#include "cleanup.h"
#include "mem.h"
#include "str.h"
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

enum {
	TRIES = 128,		/* of what another process' renames or removals can spoil */
	SYMLINKS_MAX = 40,	/* as the kernel's */
	LEVELS_OPEN = 16,
	PATH_SHOWN = 300,	/* of a long path in a sentence: its end */
};

/* ---- opening ---- */

static int open_how(int dir_fd, const char *path, int flags, mode_t mode, uint64_t resolve)
{
	bool makes = (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
	struct open_how how = {
		.flags = (unsigned) flags | O_CLOEXEC,
		.mode = makes ? mode & 07777 : 0,
		.resolve = resolve,
	};
	/* EAGAIN: something was renamed or mounted, anywhere in the system, while ".." was resolved */
	for (int tries = 0; tries < TRIES; tries++) {
		int fd = (int) syscall(SYS_openat2, dir_fd, path, &how, sizeof how);
		if (fd >= 0)
			return fd;
		if (errno != EAGAIN)
			break;
	}
	return -errno;
}

static int beneath_failed(int r, const char *verb, const char *path, struct error *err)
{
	switch (-r) {
	case ENOSYS:
		return error_say(err, ENOSYS,
				 "%s '%s': this kernel has no openat2(2); Linux 5.6 or later is needed", verb,
				 path);
	case EAGAIN:
		return error_say(err, EAGAIN,
				 "%s '%s': other processes kept changing the tree; try again when they rest",
				 verb, path);
	case ELOOP:
		return error_say(err, ELOOP,
				 "%s '%s': too many symbolic links, or one of /proc that leads out", verb,
				 path);
	}
	return error_set(err, -r, "%s '%s'", verb, path);
}

int fs_open_beneath(int root_fd, const char *path, int flags, mode_t mode, struct error *err)
{
	int fd = open_how(root_fd, path, flags, mode, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
	return fd < 0 ? beneath_failed(fd, "open", path, err) : fd;
}

/* ---- making beneath a root ---- */

/* chmod_dir - of a directory that is held O_PATH, which fchmod(2) refuses */
static int chmod_dir(int fd, mode_t mode)
{
	cleanup_close int readable_fd = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (readable_fd >= 0)
		return fchmod(readable_fd, mode) < 0 ? -errno : 0;
	char path[32];
	return chmod(fs_fd_path(fd, path), mode) < 0 ? -errno : 0;
}

/* settle_mode - what umask took from a directory just made; the setgid bit that it inherited stays */
static int settle_mode(int fd, mode_t mode)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return -errno;
	mode = (mode & 07777) | (st.st_mode & S_ISGID);
	return (st.st_mode & 07777) == mode ? 0 : chmod_dir(fd, mode);
}

struct walk {
	int root_fd;		/* borrowed */
	int fd;			/* where we are, O_PATH */
	struct buf names;	/* how we came here from the root: "a/b/c", none of them a symlink */
	char *rest;		/* still to go */
	int symlinks;
	bool file;		/* the last name is to be a file, the others directories */
	mode_t mode, dir_mode;
};

static void walk_done(struct walk *w)
{
	close_fd(&w->fd);
	buf_done(&w->names);
	cleanup_freep(&w->rest);
}

/* walk_return - to the directory that ->names says */
static int walk_return(struct walk *w)
{
	int fd = open_how(w->root_fd, w->names.len ? w->names.data : ".", O_PATH | O_DIRECTORY, 0,
			  RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
	if (fd < 0)
		return fd;
	close_fd(&w->fd);
	w->fd = fd;
	return 0;
}

static int walk_up(struct walk *w)
{
	if (w->names.len == 0)
		return 0;
	char *slash = strrchr(w->names.data, '/');
	w->names.len = slash ? (size_t) (slash - w->names.data) : 0;
	w->names.data[w->names.len] = 0;
	return walk_return(w);
}

/* walk_symlink - put its target in front of what remains */
static int walk_symlink(struct walk *w, int link_fd, const char *behind)
{
	int on_proc = fs_is_type(link_fd, PROC_SUPER_MAGIC);
	if (on_proc < 0)
		return on_proc;
	if (on_proc || ++w->symlinks > SYMLINKS_MAX)
		return -ELOOP;

	char target[PATH_MAX];
	ssize_t n = readlinkat(link_fd, "", target, sizeof target);
	if (n < 0)
		return -errno;
	if (n == 0 || n == sizeof target)
		return n ? -ENAMETOOLONG : -ENOENT;
	target[n] = 0;

	char *rest = xasprintf("%s%s", target, behind);
	free(w->rest);
	w->rest = rest;
	if (*target != '/')
		return 0;
	buf_done(&w->names);
	return walk_return(w);
}

static int make_node(int dir_fd, const char *name, bool file, mode_t mode)
{
	if (!file)	/* ours to open until settle_mode() */
		return mkdirat(dir_fd, name, (mode & 01777) | 0700) < 0 ? -errno : 0;

	cleanup_close int fd =
		openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode & 0777);
	return fd < 0 || fchmod(fd, mode & 07777) < 0 ? -errno : 0;
}

/* walk_enter - make the node that @fd holds the place where we are */
static int walk_enter(struct walk *w, int *fd, const char *name, const char *behind, bool made)
{
	struct stat st;
	if (fstat(*fd, &st) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode))
		return walk_symlink(w, *fd, behind);
	if (made && S_ISDIR(st.st_mode)) {
		bool last = !behind[strspn(behind, "/")];
		int r = settle_mode(*fd, last ? w->mode : w->dir_mode);
		if (r < 0)
			return r;
	}
	if (w->names.len)
		buf_putc(&w->names, '/');
	buf_puts(&w->names, name);
	close_fd(&w->fd);
	w->fd = take_fd(*fd);
	/* in place: the name and @behind are of the old ->rest */
	memmove(w->rest, behind, strlen(behind) + 1);
	return 0;
}

/* walk_name - open @name, or make it; who makes it at the same time is as good as we are */
static int walk_name(struct walk *w, const char *name, const char *behind)
{
	bool last = !behind[strspn(behind, "/")], made = false;
	for (int tries = 0; tries < TRIES; tries++) {
		cleanup_close int fd = openat(w->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0)
			return walk_enter(w, &fd, name, behind, made);
		if (errno != ENOENT)
			return -errno;
		if (w->file && last && *behind)
			return -EISDIR;	/* "name/" asks for a directory */
		int r = make_node(w->fd, name, w->file && last, last ? w->mode : w->dir_mode);
		if (r < 0 && r != -EEXIST)
			return r;
		made = r == 0;
	}
	return -EAGAIN;
}

static int walk(struct walk *w)
{
	int r = walk_return(w);
	while (r >= 0) {
		const char *at = w->rest + strspn(w->rest, "/");
		size_t len = strcspn(at, "/");
		if (len == 0)
			return 0;
		if (len > NAME_MAX)
			return -ENAMETOOLONG;
		char name[NAME_MAX + 1];
		memcpy(name, at, len);
		name[len] = 0;
		const char *behind = at + len;

		if (!str_eq(name, ".") && !str_eq(name, "..")) {
			r = walk_name(w, name, behind);
			continue;
		}
		if (name[1])
			r = walk_up(w);
		memmove(w->rest, behind, strlen(behind) + 1);
	}
	return r;
}

/* make_beneath - walk, and see whether what we arrived at is what was wanted */
static int make_beneath(struct walk *w)
{
	int r = walk(w);
	if (r < 0)
		return r;
	struct stat st;
	if (fstat(w->fd, &st) < 0)
		return -errno;
	if (w->file == S_ISDIR(st.st_mode))
		return w->file ? -EISDIR : -ENOTDIR;
	return take_fd(w->fd);
}

int fs_mkdir_beneath(int root_fd, const char *path, mode_t mode, struct error *err)
{
	/* it mostly exists: one call */
	int fd = open_how(root_fd, path, O_PATH | O_DIRECTORY, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
	if (fd == -ENOENT) {
		struct walk w CLEANUP(walk_done) = {
			.root_fd = root_fd, .fd = -1, .rest = xstrdup(path), .mode = mode, .dir_mode = mode,
		};
		fd = make_beneath(&w);
	}
	return fd < 0 ? beneath_failed(fd, "make directory", path, err) : fd;
}

int fs_create_beneath(int root_fd, const char *path, mode_t mode, struct error *err)
{
	int fd = open_how(root_fd, path, O_PATH, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
	if (fd == -ENOENT) {
		struct walk w CLEANUP(walk_done) = {
			.root_fd = root_fd,
			.fd = -1,
			.rest = xstrdup(path),
			.mode = mode,
			.dir_mode = 0755,
			.file = true,
		};
		fd = make_beneath(&w);
	} else if (fd >= 0) {
		struct stat st;
		int r = fstat(fd, &st) < 0 ? -errno : S_ISDIR(st.st_mode) ? -EISDIR : fd;
		if (r < 0)
			close_fd(&fd);
		fd = r;
	}
	return fd < 0 ? beneath_failed(fd, "make file", path, err) : fd;
}

/* ---- directories of ours ---- */

/* mkdir_exact - 1 when it was made, 0 when a directory was there */
static int mkdir_exact(int dir_fd, const char *path, mode_t mode)
{
	if (mkdirat(dir_fd, path, (mode & 01777) | 0700) == 0) {
		cleanup_close int fd = openat(dir_fd, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		int r = fd < 0 ? -errno : settle_mode(fd, mode);
		return r < 0 ? r : 1;
	}
	/* also for EROFS, EACCES, EPERM: what exists need not be made */
	int code = errno;
	struct stat st;
	if (code == ENOENT || fstatat(dir_fd, path, &st, 0) < 0)
		return -code;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int fs_mkdir_all(int dir_fd, const char *path, mode_t mode, struct error *err)
{
	int r = mkdir_exact(dir_fd, path, mode);
	if (r == -ENOENT && *path) {
		cleanup_free char *part = xstrdup(path);
		for (char *p = part + strspn(part, "/"); *p;) {
			p += strcspn(p, "/");
			char was = *p;
			*p = 0;
			r = mkdir_exact(dir_fd, part, mode);
			if (r < 0)
				return error_set(err, -r, "make directory '%s'", part);
			*p = was;
			p += strspn(p, "/");
		}
	}
	return r < 0 ? error_set(err, -r, "make directory '%s'", path) : 0;
}

/* ---- content ---- */

int fs_read_fd(int fd, const char *name, size_t max, char **ret, size_t *ret_len, struct error *err)
{
	enum { FIRST = 4096, HINT_MAX = 1 << 20 };
	struct stat st;
	if (fstat(fd, &st) < 0)
		return error_set(err, errno, "read '%s'", name);
	/* the size is a hint only: 0 in /proc, and it may grow meanwhile */
	size_t size = st.st_size <= 0 ? FIRST : st.st_size < HINT_MAX ? (size_t) st.st_size + 1 : HINT_MAX;
	if (max > SSIZE_MAX - 2)
		max = SSIZE_MAX - 2;
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
		if (len < size)
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

/* split - "a/b/c" as "a/b" and "c"; trailing slashes do not count. @ret_base points into *@ret_dir. */
static int split(const char *path, char **ret_dir, const char **ret_base)
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
static int open_temporary(int dir_fd, char name[64])
{
	static atomic_uint counter;
	for (int tries = 0; tries < TRIES; tries++) {
		uint32_t random = 0;
		/* without entropy pid and counter still differ from everyone's in this pid namespace */
		(void) !getrandom(&random, sizeof random, GRND_NONBLOCK);
		snprintf(name, 64, ".tmp-%d-%u-%08x", (int) getpid(), atomic_fetch_add(&counter, 1), random);
		int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd >= 0 || errno != EEXIST)
			return fd < 0 ? -errno : fd;
	}
	return -EEXIST;
}

static int fill_temporary(int fd, const void *data, size_t len, mode_t mode, bool sync)
{
	/* ext4 writes a file to the disk when it is renamed over another (mount option auto_da_alloc), unless its blocks are allocated */
	(void) fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, len ? (off_t) len : 1);
	int r = fs_write_all(fd, data, len);
	if (r < 0)
		return r;
	if (fchmod(fd, mode & 07777) < 0 || (sync && fsync(fd) < 0))
		return -errno;
	return 0;
}

int fs_replace_file(int dir_fd, const char *path, const void *data, size_t len, mode_t mode, bool sync,
		    struct error *err)
{
	cleanup_free char *dir = NULL;
	const char *base;
	int r = split(path, &dir, &base);
	if (r < 0)
		return error_say(err, EINVAL, "replace '%s': this does not name a file", path);
	cleanup_close int parent_fd =
		openat(dir_fd, dir, (sync ? O_RDONLY : O_PATH) | O_DIRECTORY | O_CLOEXEC);
	if (parent_fd < 0)
		return error_set(err, errno, "replace '%s': open its directory", path);

	char name[64];
	cleanup_close int fd = open_temporary(parent_fd, name);
	if (fd < 0)
		return error_set(err, -fd, "replace '%s': make a temporary file beside it", path);
	r = fill_temporary(fd, data, len, mode, sync);
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

/* ---- removing a tree ---- */

struct level {
	DIR *dir;		/* NULL: closed, as LEVELS_OPEN others are open beneath it */
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
	cleanup_dirp(&l->dir);
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

/* open_level - for reading; never a symlink, never another mount, whatever happens at the same time */
static int open_level(int dir_fd, const char *name)
{
	enum { FLAGS = O_DIRECTORY | O_NOFOLLOW, RESOLVE = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS };
	int fd = open_how(dir_fd, name, O_RDONLY | FLAGS, 0, RESOLVE);
	if (fd != -EACCES)
		return fd;
	cleanup_close int path_fd = open_how(dir_fd, name, O_PATH | FLAGS, 0, RESOLVE);
	if (path_fd < 0)
		return path_fd;
	if (chmod_dir(path_fd, 0700) < 0)
		return -EACCES;
	return open_how(dir_fd, name, O_RDONLY | FLAGS, 0, RESOLVE);
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
	DIR *dir = fdopendir(fd);
	if (!dir)
		return -errno;
	(void) take_fd(fd);

	struct level level = { .dir = dir, .dev = st.st_dev, .ino = st.st_ino, .name = xstrdup(name) };
	if (rm->n == rm->size) {
		rm->size = rm->size ? rm->size * 2 : 32;
		rm->levels = xreallocarray(rm->levels, rm->size, sizeof *rm->levels);
	}
	rm->levels[rm->n++] = level;
	if (rm->n > LEVELS_OPEN) {
		struct level *outer = &rm->levels[rm->n - 1 - LEVELS_OPEN];
		cleanup_dirp(&outer->dir);
		outer->dir = NULL;
	}
	return 0;
}

/* reopen - the level above @child_fd, from its start; only if it is still the directory that was left */
static int reopen(struct level *level, int child_fd)
{
	cleanup_close int fd = open_how(child_fd, "..", O_RDONLY | O_DIRECTORY, 0, RESOLVE_NO_XDEV);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return fd < 0 ? fd : -errno;
	if (st.st_dev != level->dev || st.st_ino != level->ino)
		return -EAGAIN;
	level->dir = fdopendir(fd);
	if (!level->dir)
		return -errno;
	(void) take_fd(fd);
	return 0;
}

/* leave - the innermost level, which was read to its end, and remove it. -errno: the way back is lost. */
static int leave(struct removal *rm)
{
	struct level level CLEANUP(level_done) = rm->levels[--rm->n];
	struct level *above = rm->n ? &rm->levels[rm->n - 1] : NULL;
	if (above && !above->dir) {
		int r = reopen(above, dirfd(level.dir));
		if (r < 0) {
			removal_failed(rm, level.name, r);
			return r;
		}
	}
	if (unlinkat(above ? dirfd(above->dir) : rm->parent_fd, level.name, AT_REMOVEDIR) == 0 ||
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

/* remove_next - one entry of the innermost level, or that level itself at its end */
static int remove_next(struct removal *rm)
{
	struct level *level = &rm->levels[rm->n - 1];
	errno = 0;
	const struct dirent *e = readdir(level->dir);
	if (!e) {
		if (errno)
			removal_failed(rm, ".", -errno);
		return leave(rm);
	}
	if (str_eq(e->d_name, ".") || str_eq(e->d_name, "..") || strings_have(level->stuck.v, e->d_name))
		return 0;

	int r = unlink_entry(dirfd(level->dir), e->d_name, e->d_type == DT_DIR);
	bool inside = r == -ENOTEMPTY;
	if (inside)
		r = enter(rm, dirfd(level->dir), e->d_name);	/* from here on @level may have moved */
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
	if (split(name, &dir, &base) < 0)
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
