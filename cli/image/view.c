#include "view.h"
#include "cleanup.h"
#include "mem.h"
#include "str.h"
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

enum { LINKS_MAX = 40 };

bool view_is_whiteout(const struct stat *st) { return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0); }

bool view_is_opaque(int dir_fd)
{
	char value[4];
	return fgetxattr(dir_fd, "user.overlay.opaque", value, sizeof value) == 1 && value[0] == 'y';
}

enum found { FOUND, NOT_HERE, HIDDEN };

/* look_in - in one directory: there; not there, look further down; or not there and hidden from what is below */
static enum found look_in(int fd, const char *path, struct stat *st)
{
	cleanup_close int dir = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	bool opaque = false;
	for (;;) {
		size_t n = strcspn(path, "/");
		char name[NAME_MAX + 1];
		if (n > NAME_MAX)
			return HIDDEN;
		memcpy(name, path, n);
		name[n] = 0;
		if (fstatat(dir, name, st, AT_SYMLINK_NOFOLLOW) < 0)
			return opaque ? HIDDEN : NOT_HERE;
		if (view_is_whiteout(st))
			return HIDDEN;
		path += n;
		if (!*path)
			return FOUND;
		path++;
		if (!S_ISDIR(st->st_mode))
			return HIDDEN;	/* a file where a directory was hides all that was in it */
		int next = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0)
			return HIDDEN;
		close_fd(&dir);
		dir = next;
		opaque = opaque || view_is_opaque(dir);
	}
}

int view_find(const struct view *v, const char *path, struct stat *st)
{
	for (size_t i = 0; i < v->n; i++)
		switch (look_in(v->fds[i], path, st)) {
		case FOUND: return (int) i;
		case HIDDEN: return -ENOENT;
		case NOT_HERE: break;
		}
	return -ENOENT;
}

/* up - @done without its last part */
static void up(struct buf *done)
{
	if (done->len == 0)
		return;
	char *slash = strrchr(done->data, '/');
	done->len = slash ? (size_t) (slash - done->data) : 0;
	done->data[done->len] = 0;
}

int view_resolve(const struct view *v, const char *path, bool follow_last, char **ret)
{
	struct buf done cleanup_buf = { 0 };
	cleanup_free char *rest = xstrdup(path);
	int links = 0;
	for (char *p = rest; *p;) {
		while (*p == '/')
			p++;
		size_t n = strcspn(p, "/");
		char *part = p;
		bool last = p[n + strspn(p + n, "/")] == 0;
		if (n == 0)
			break;
		if ((n == 1 && part[0] == '.') || (n == 2 && part[0] == '.' && part[1] == '.')) {
			if (n == 2)
				up(&done);
			p += n;
			continue;
		}
		size_t before = done.len;
		buf_printf(&done, "%s%.*s", done.len ? "/" : "", (int) n, part);
		struct stat st;
		int where = last && !follow_last ? -1 : view_find(v, done.data, &st);
		if (where < 0 || !S_ISLNK(st.st_mode)) {
			p += n;
			continue;
		}
		char target[PATH_MAX];
		ssize_t len = readlinkat(v->fds[where], done.data, target, sizeof target - 1);
		if (len < 0 || ++links > LINKS_MAX)
			return -ELOOP;
		target[len] = 0;
		done.len = target[0] == '/' ? 0 : before;
		done.data[done.len] = 0;
		char *joined = xasprintf("%s/%s", target, p + n);
		free(rest);
		rest = p = joined;
	}
	*ret = buf_take(&done);
	return 0;
}
