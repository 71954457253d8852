#include "place.h"
#include "beneath.h"
#include "cleanup.h"
#include "mem.h"
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

enum { SYMLINKS_MAX = 40 };	/* as the kernel's */

/* ---- names ---- */

int place_split(const char *raw, struct place_name *ret, struct error *err)
{
	char path[PATH_MAX];
	size_t len = 0;
	for (const char *p = raw; *p;) {
		size_t n = strcspn(p, "/");
		if (n == 2 && p[0] == '.' && p[1] == '.')
			return error_say(err, EINVAL, "the name '%.300s' climbs out with '..'", raw);
		if (n > NAME_MAX || len + n + 2 > sizeof path)
			return error_say(err, ENAMETOOLONG, "the name '%.300s' is too long for a file system", raw);
		if (n > 0 && !(n == 1 && *p == '.')) {
			if (len)
				path[len++] = '/';
			memcpy(path + len, p, n);
			len += n;
		}
		p += n;
		p += *p == '/';
	}
	path[len] = 0;
	char *slash = strrchr(path, '/');
	strcpy(ret->base, slash ? slash + 1 : path);
	if (slash)
		*slash = 0;
	strcpy(ret->dir, slash ? path : "");
	return 0;
}

static int join(const char *dir, const char *base, char *out, struct error *err)
{
	if (snprintf(out, PATH_MAX, "%s%s%s", dir, *dir ? "/" : "", base) >= PATH_MAX)
		return error_say(err, ENAMETOOLONG, "the name '%.200s/%.100s' is too long for a file system", dir, base);
	return 0;
}

int place_path(const struct place *p, const char *base, char *out, struct error *err) { return join(p->real, base, out, err); }

void place_done(struct place *p) { close_fd(&p->fd); }

bool place_is_whiteout(const struct stat *st) { return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0); }

int place_make_opaque(int dir_fd, const char *name, struct error *err)
{
	cleanup_close int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_set(err, errno, "open the directory '%s'", name);
	if (fsetxattr(fd, "user.overlay.opaque", "y", 1, 0) < 0)
		return error_set(err, errno, "make the directory '%s' opaque (the store's file system must have user xattrs)", name);
	return 0;
}

/* ---- walking ---- */

struct walk {
	struct place *place;
	int fd;
	char real[PATH_MAX];
	char *rest;
	int symlinks;
};

static void walk_done(struct walk *w)
{
	close_fd(&w->fd);
	cleanup_freep(&w->rest);
}

/* make_parent - a directory that no entry asked for (yet); exactly 0755 and root's, whatever its parent hands down */
static int make_parent(struct walk *w, const char *name, bool over_whiteout, struct error *err)
{
	char path[PATH_MAX];
	int r = join(w->real, name, path, err);
	if (r < 0)
		return r;
	if (mkdirat(w->fd, name, 0755) < 0)
		return error_set(err, errno, "make the directory '%.300s'", path);
	cleanup_close int fd = openat(w->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fchown(fd, w->place->uid, w->place->gid) < 0 || fchmod(fd, 0755) < 0)
		return error_set(err, errno, "set up the directory '%.300s'", path);
	/* what the whiteout deleted is not below it any more: nothing to take over from there */
	if (over_whiteout)
		return place_make_opaque(w->fd, name, err);
	return pending_set_directory(w->place->pending, path, err);
}

static int walk_symlink(struct walk *w, int link_fd, const char *behind, struct error *err)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(link_fd, "", target, sizeof target - 1);
	if (n < 0)
		return error_set(err, errno, "read a symlink among its parents");
	target[n] = 0;
	if (++w->symlinks > SYMLINKS_MAX)
		return error_say(err, ELOOP, "its parents are a loop of symlinks");
	char *rest = xasprintf("%s/%s", target, behind);
	free(w->rest);
	w->rest = rest;
	if (strlen(rest) >= 2 * PATH_MAX)	/* symlinks of symlinks of long names: bounded */
		return error_say(err, ENAMETOOLONG, "the symlinks among its parents make a name that is too long");
	if (*target != '/')
		return 0;
	*w->real = 0;
	close_fd(&w->fd);
	w->fd = beneath_plain(w->place->root_fd, ".", O_PATH | O_DIRECTORY);
	return w->fd < 0 ? error_set(err, -w->fd, "open the layer's root") : 0;
}

static int walk_up(struct walk *w, struct error *err)
{
	char *slash = strrchr(w->real, '/');
	*(slash ? slash : w->real) = 0;
	close_fd(&w->fd);
	w->fd = beneath_plain(w->place->root_fd, *w->real ? w->real : ".", O_PATH | O_DIRECTORY);
	return w->fd < 0 ? error_set(err, -w->fd, "open '%.300s'", w->real) : 0;
}

static int open_name(struct walk *w, const char *name, struct stat *st, struct error *err)
{
	int fd = openat(w->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && fstat(fd, st) == 0)
		return fd;
	int code = errno;
	close_fd(&fd);
	return code == ENOENT ? -ENOENT : error_set(err, code, "open '%.300s'", name);
}

static int walk_name(struct walk *w, const char *name, const char *behind, struct error *err)
{
	struct stat st;
	cleanup_close int fd = open_name(w, name, &st, err);
	if (fd == -ENOENT || (fd >= 0 && place_is_whiteout(&st))) {
		bool whiteout = fd >= 0;
		close_fd(&fd);
		if (whiteout && unlinkat(w->fd, name, 0) < 0)
			return error_set(err, errno, "remove '%.300s'", name);
		int r = make_parent(w, name, whiteout, err);
		if (r < 0)
			return r;
		fd = open_name(w, name, &st, err);
	}
	if (fd < 0)
		return fd;
	if (S_ISLNK(st.st_mode))
		return walk_symlink(w, fd, behind, err);
	if (!S_ISDIR(st.st_mode))
		return error_say(err, ENOTDIR, "its parent '%.200s%s%.200s' is not a directory in this layer", w->real, *w->real ? "/" : "", name);
	char path[PATH_MAX];
	int r = join(w->real, name, path, err);
	if (r < 0)
		return r;
	strcpy(w->real, path);
	memmove(w->rest, behind, strlen(behind) + 1);
	close_fd(&w->fd);
	w->fd = take_fd(fd);
	return 0;
}

static int walk_all(struct walk *w, struct error *err)
{
	int r = 0;
	while (r == 0) {
		char name[NAME_MAX + 1];
		const char *p = w->rest + strspn(w->rest, "/");
		size_t n = strcspn(p, "/");
		if (n == 0)
			return 0;
		if (n > NAME_MAX)
			return error_say(err, ENAMETOOLONG, "one of its parents has a name of more than %d bytes", NAME_MAX);
		memcpy(name, p, n);
		name[n] = 0;
		if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0) {
			r = walk_name(w, name, p + n, err);
			continue;
		}
		memmove(w->rest, p + n, strlen(p + n) + 1);
		if (n == 2)
			r = walk_up(w, err);
	}
	return r;
}

static int walk(struct place *p, const char *dir, struct error *err)
{
	struct walk w CLEANUP(walk_done) = { .place = p, .rest = xstrdup(dir) };
	w.fd = beneath_plain(p->root_fd, ".", O_PATH | O_DIRECTORY);
	if (w.fd < 0)
		return error_set(err, -w.fd, "open the layer's root");
	int r = walk_all(&w, err);
	if (r < 0)
		return r;
	strcpy(p->real, w.real);
	p->fd = take_fd(w.fd);
	return 0;
}

int place_enter(struct place *p, const char *dir, struct error *err)
{
	if (p->fd >= 0 && strcmp(p->dir, dir) == 0)
		return 0;
	place_done(p);
	p->fd = beneath_plain(p->root_fd, *dir ? dir : ".", O_PATH | O_DIRECTORY);
	if (p->fd >= 0) {
		strcpy(p->real, dir);
	} else {	/* something is missing or a symlink on the way */
		int r = walk(p, dir, err);
		if (r < 0)
			return r;
	}
	strcpy(p->dir, dir);
	struct stat st;
	if (fstat(p->fd, &st) < 0)
		return error_set(err, errno, "stat '%.300s'", dir);
	p->setgid = st.st_mode & S_ISGID;
	return 0;
}
