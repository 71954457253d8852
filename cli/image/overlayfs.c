#include "overlayfs.h"
#include "cleanup.h"
#include "fs.h"
#include "mem.h"
#include "str.h"
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>

/* failed - @said: the kernel's words, or "" */
static int failed(const struct overlayfs *o, int code, const char *said, struct error *err)
{
	return *said ? error_say(err, code, "mount %s on '%s': %s (%s)", o->what, o->target, strerror(code), said)
		     : error_set(err, code, "mount %s on '%s'", o->what, o->target);
}

/* ---- the new way ---- */

/* kernel_said - the last message of a file system context, without its level; "" when it said nothing */
static const char *kernel_said(int fs_fd, char *out, size_t size)
{
	const char *found = "";
	for (;;) {	/* one message for each read, oldest first */
		ssize_t n = read(fs_fd, out, size - 1);
		if (n <= 0)
			return found;
		out[n] = 0;
		out[strcspn(out, "\n")] = 0;
		found = out[0] && out[1] == ' ' ? out + 2 : out;
	}
}

static int set(int fs_fd, const char *key, const char *value)
{
	return fsconfig(fs_fd, value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, key, value, 0) < 0 ? -errno : 0;
}

static int configure(int fs_fd, const struct overlayfs *o)
{
	int r = 0;
	for (char *const *d = o->lower; r == 0 && *d; d++)
		r = set(fs_fd, "lowerdir+", *d);
	for (char *const *d = o->data; r == 0 && d && *d; d++)
		r = set(fs_fd, "datadir+", *d);
	if (r == 0 && o->upper)
		r = set(fs_fd, "upperdir", o->upper);
	if (r == 0 && o->upper)
		r = set(fs_fd, "workdir", o->work);
	if (r == 0)
		r = set(fs_fd, "userxattr", NULL);
	if (r == 0 && o->discard)
		r = set(fs_fd, "volatile", NULL);
	if (r == 0)
		r = set(fs_fd, "source", "carrier");
	return r == 0 && fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0 ? -errno : r;
}

/* mount_new - -EOPNOTSUPP: this kernel takes mount(2) only */
static int mount_new(const struct overlayfs *o, struct error *err)
{
	char text[512];
	cleanup_close int fs_fd = fsopen("overlay", FSOPEN_CLOEXEC);
	if (fs_fd < 0)
		return errno == ENOSYS ? -EOPNOTSUPP : failed(o, errno, "", err);
	int r = configure(fs_fd, o);
	if (r < 0) {
		const char *said = kernel_said(fs_fd, text, sizeof text);
		/* 6.5 to 6.7 know no such key. Before that any key is taken, but mount(2)'s parser, which gets it in the end, knows none either */
		return r == -EINVAL && (!*said || strstr(said, "nknown parameter")) ? -EOPNOTSUPP : failed(o, -r, said, err);
	}
	cleanup_close int mount_fd = fsmount(fs_fd, FSMOUNT_CLOEXEC, o->flags);	/* MOUNT_ATTR_RDONLY ... are the same bits */
	if (mount_fd < 0 || move_mount(mount_fd, "", AT_FDCWD, o->target, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return failed(o, errno, "", err);
	return 0;
}

/* ---- the old way ---- */

static void add_escaped(struct buf *b, const char *path)
{
	for (; *path; path++) {
		if (strchr("\\,:", *path))
			buf_putc(b, '\\');
		buf_putc(b, *path);
	}
}

static size_t common(const char *a, size_t len, const char *b)
{
	size_t same = 0;
	while (same < len && b[same] == a[same])
		same++;
	return same;
}

size_t overlayfs_common(const char *first, char *const *more)
{
	size_t len = strlen(first);
	for (; *more; more++)
		len = common(first, len, *more);
	while (len && first[len - 1] != '/')
		len--;
	return len;
}

/* make_options - with the first @skip bytes of every path left out */
static void make_options(const struct overlayfs *o, size_t skip, struct buf *b)
{
	b->len = 0;
	buf_puts(b, o->discard ? "userxattr,volatile" : "userxattr");
	for (char *const *d = o->lower; *d; d++) {
		buf_puts(b, d == o->lower ? ",lowerdir=" : ":");
		add_escaped(b, *d + skip);
	}
	if (!o->upper)
		return;
	buf_puts(b, ",upperdir=");
	add_escaped(b, o->upper + skip);
	buf_puts(b, ",workdir=");
	add_escaped(b, o->work + skip);
}

/* mount_from - the paths are relative to the first @skip bytes of each. Nobody else may look at our working directory meanwhile */
static int mount_from(const struct overlayfs *o, size_t skip, const char *options, struct error *err)
{
	cleanup_free char *dir = xstrndup(o->lower[0], skip);
	cleanup_close int cwd_fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (cwd_fd < 0 || chdir(dir) < 0)
		return error_set(err, errno, "go to '%s'", dir);
	int code = mount("carrier", o->target, "overlay", o->flags, options) < 0 ? errno : 0;
	if (fchdir(cwd_fd) < 0)
		return error_set(err, errno, "go back from '%s'", dir);
	return code ? failed(o, code, "", err) : 0;
}

static int mount_old(const struct overlayfs *o, struct error *err)
{
	size_t page = (size_t) sysconf(_SC_PAGESIZE);
	struct buf options cleanup_buf = { 0 };
	make_options(o, 0, &options);
	if (options.len < page)
		return mount("carrier", o->target, "overlay", o->flags, buf_str(&options)) < 0 ? failed(o, errno, "", err) : 0;

	char *const ends[] = { (char *) (o->upper ? o->upper : o->lower[0]), (char *) (o->upper ? o->work : o->lower[0]), NULL };
	size_t skip = overlayfs_common(o->lower[0], o->lower), skip_ends = overlayfs_common(o->lower[0], ends);
	skip = skip < skip_ends ? skip : skip_ends;
	make_options(o, skip, &options);
	if (options.len >= page)
		return error_say(err, E2BIG, "mount %s on '%s': the image has too many layers (%zu) for this kernel; Linux 6.8 or later takes up "
				 "to 500", o->what, o->target, strings_count(o->lower));
	return mount_from(o, skip, buf_str(&options), err);
}

int overlayfs_mount(const struct overlayfs *o, struct error *err)
{
	int r = mount_new(o, err);
	if (r == -EOPNOTSUPP && o->data)
		return error_say(err, EOPNOTSUPP, "this kernel's overlay takes no layers of content alone (Linux 6.8 and later do)");
	return r == -EOPNOTSUPP ? mount_old(o, err) : r;
}
