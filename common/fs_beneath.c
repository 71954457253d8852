/* Theory of operation.
 *
 * Opening a foreign path is one openat2(2). Making one is not: no call makes what is missing on the way. So
 * the path is walked by hand, one name at a time, from a held fd: a name is opened O_NOFOLLOW, or made with
 * mkdirat(2), which follows nothing either; a symlink's text is put in front of what remains, an absolute one
 * starts again at the root; ".." goes back to the root and down the names that were walked. The kernel is
 * given one foreign name at a time from a held fd, or several with RESOLVE_IN_ROOT: there is nothing that a
 * racing rename could redirect. Where openat2(2) is missing, or denied by a filter, opening is such a walk, too.
 */
#include "cleanup.h"
#include "fs_impl.h"
#include "mem.h"
#include "str.h"
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

enum { SYMLINKS_MAX = 40 };	/* as the kernel's */

/* ---- opening ---- */

int fs_open_how(int dir_fd, const char *path, int flags, mode_t mode, uint64_t resolve)
{
	bool makes = (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
	struct open_how how = {
		.flags = (unsigned) flags | O_CLOEXEC,
		.mode = makes ? mode & 07777 : 0,
		.resolve = resolve,
	};
	/* EAGAIN: something was renamed or mounted, anywhere in the system, while ".." was resolved */
	for (int tries = 0; tries < FS_TRIES; tries++) {
		int fd = (int) syscall(SYS_openat2, dir_fd, path, &how, sizeof how);
		if (fd >= 0)
			return fd;
		if (errno != EAGAIN)
			break;
	}
	return -errno;
}

static int open_by_hand(int root_fd, const char *path, int flags, mode_t mode, bool symlinks);

static int open_how(int dir_fd, const char *path, int flags, mode_t mode, uint64_t resolve)
{
	int fd = fs_open_how(dir_fd, path, flags, mode, resolve);
	return fs_no_openat2(fd) ? open_by_hand(dir_fd, path, flags, mode, !(resolve & RESOLVE_NO_SYMLINKS)) : fd;
}

static int beneath_failed(int r, const char *verb, const char *path, struct error *err)
{
	switch (-r) {
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

int fs_open_ordinary(int root_fd, const char *path, int flags, struct error *err)
{
	int fd = open_how(root_fd, path, flags, 0, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
	return fd < 0 ? beneath_failed(fd, "open", path, err) : fd;
}

/* ---- walking, and making, beneath a root ---- */

int fs_chmod_dir(int fd, mode_t mode)
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
	return (st.st_mode & 07777) == mode ? 0 : fs_chmod_dir(fd, mode);
}

struct walk {
	int root_fd;		/* borrowed */
	int fd;			/* where we are, O_PATH */
	struct buf names;	/* how we came here from the root: "a/b/c", none of them a symlink */
	char *rest;		/* still to go */
	int symlinks;
	bool opening;		/* nothing is made */
	bool ordinary;		/* no symlink is followed */
	bool file;		/* the last name is to be a file, the others directories */
	mode_t mode, dir_mode;
};

static void walk_done(struct walk *w)
{
	close_fd(&w->fd);
	buf_done(&w->names);
	cleanup_freep(&w->rest);
}

/* descend - to a directory by names that are none of them a symlink or ".." */
static int descend(int root_fd, const char *names)
{
	cleanup_close int fd = openat(root_fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	cleanup_free char *copy = xstrdup(names);
	char *save = NULL;
	for (char *name = strtok_r(copy, "/", &save); fd >= 0 && name; name = strtok_r(NULL, "/", &save)) {
		int next = openat(fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		close_fd(&fd);
		fd = next;
	}
	return fd < 0 ? -errno : take_fd(fd);
}

/* walk_return - to the directory that ->names says */
static int walk_return(struct walk *w)
{
	int fd = fs_open_how(w->root_fd, w->names.len ? w->names.data : ".", O_PATH | O_DIRECTORY, 0,
			  RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
	if (fs_no_openat2(fd))
		fd = descend(w->root_fd, buf_str(&w->names));
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
	if (on_proc || w->ordinary || ++w->symlinks > SYMLINKS_MAX)
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
	for (int tries = 0; tries < FS_TRIES; tries++) {
		cleanup_close int fd = openat(w->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0)
			return walk_enter(w, &fd, name, behind, made);
		if (errno != ENOENT || w->opening)
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

/* next_name - what is to be walked now. Return: its length, 0 at the end, -ENAMETOOLONG */
static int next_name(const struct walk *w, char name[NAME_MAX + 1], const char **ret_behind)
{
	const char *at = w->rest + strspn(w->rest, "/");
	size_t len = strcspn(at, "/");
	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(name, at, len);
	name[len] = 0;
	*ret_behind = at + len;
	return (int) len;
}

static int walk(struct walk *w)
{
	char name[NAME_MAX + 1];
	const char *behind;
	int r = walk_return(w);
	while (r >= 0) {
		int len = next_name(w, name, &behind);
		if (len <= 0)
			return len;
		if (w->opening && !behind[strspn(behind, "/")] && !str_eq(name, ".") && !str_eq(name, ".."))
			return 0;	/* the last one is open_last()'s */
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

/* open_name - the last name, which is not to be followed. -EAGAIN when it was exchanged for a symlink after @link was found out */
static int open_name(const struct walk *w, const char *name, bool link, int flags, mode_t mode)
{
	struct stat st;
	cleanup_close int fd = openat(w->fd, name, flags | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd >= 0)	/* O_PATH does not refuse to hold a symlink */
		return (flags & O_PATH) && !link && fstat(fd, &st) == 0 && S_ISLNK(st.st_mode) ? -EAGAIN : take_fd(fd);
	int code = errno;
	bool exchanged = !link && (code == ELOOP || code == ENOTDIR) &&
			 fstatat(w->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
	return exchanged ? -EAGAIN : -code;
}

/* open_last - the name that walk() has left. Return: an fd; 0 when it was a symlink, whose text is to be walked now */
static int open_last(struct walk *w, int flags, mode_t mode)
{
	bool exclusive = (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL);
	char name[NAME_MAX + 1];
	const char *behind;
	struct stat st;
	int len = next_name(w, name, &behind), fd = -EAGAIN;
	if (len < 0)
		return len;
	if (len == 0) {
		fd = openat(w->fd, ".", flags | O_CLOEXEC, mode);
		return fd < 0 ? -errno : fd;
	}
	if (*behind)
		flags |= O_DIRECTORY;
	for (int tries = 0; fd == -EAGAIN && tries < FS_TRIES; tries++) {
		cleanup_close int link_fd = openat(w->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		bool link = link_fd >= 0 && fstat(link_fd, &st) == 0 && S_ISLNK(st.st_mode);
		if (link && !exclusive && (!(flags & O_NOFOLLOW) || *behind))
			return walk_symlink(w, link_fd, behind);
		fd = open_name(w, name, link, flags, mode);
	}
	return fd;
}

static int open_by_hand(int root_fd, const char *path, int flags, mode_t mode, bool symlinks)
{
	struct walk w CLEANUP(walk_done) = {
		.root_fd = root_fd, .fd = -1, .rest = xstrdup(path), .opening = true, .ordinary = !symlinks,
	};
	int r = *path ? 0 : -ENOENT;
	while (r == 0) {
		r = walk(&w);
		if (r == 0)
			r = open_last(&w, flags, mode);
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
