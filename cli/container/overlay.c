/* Theory of operation.
 *
 * The layers are given to overlayfs one by one with fsconfig(2) "lowerdir+" (Linux 6.8), so neither the length of the list nor
 * colons and commas in paths matter, and a refusal comes with the kernel's own words. Before that there is mount(2), whose text of
 * options must fit into one page: the paths are escaped, and, if it becomes too long, relative to what all have in common.
 */
#include "drivers.h"
#include "cleanup.h"
#include "fs.h"
#include "str.h"
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/utsname.h>

/* ---- sentences ---- */

/* mount_failed - @said: the kernel's words, or "" */
static int mount_failed(const struct container *c, int code, const char *said, struct error *err)
{
	struct utsname u = { 0 };
	(void) uname(&u);
	int r = *said ? error_say(err, code, "mount the layers on '%s/rootfs': %s (%s)", c->dir, strerror(code), said)
		      : error_set(err, code, "mount the layers on '%s/rootfs'", c->dir);
	switch (code) {
	case ENODEV:
		return error_hint(err, "this kernel has no overlay file system: as root, run `modprobe overlay`");
	case EPERM:
		return error_hint(err, "an ordinary user's overlay needs Linux 5.11 or later, this is %s, and no security module "
				  "that forbids it", u.release);
	case EINVAL:
		return error_hint(err, "the file system of '%s' must be one that overlay can write to (ext4, xfs, btrfs, tmpfs; "
				  "with user xattrs; not another overlay or NFS): choose one with --root; and the option userxattr "
				  "needs Linux 5.11, this is %s", c->dir, u.release);
	case ENOENT:
		return error_hint(err, "is a layer of the image missing from the store?");
	case ESTALE:
		return error_hint(err, "'%s/work' was used with another upper directory: remove the container", c->dir);
	}
	return r;
}

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

/* ---- the new way ---- */

static int set(int fs_fd, const char *key, const char *value)
{
	return fsconfig(fs_fd, value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, key, value, 0) < 0 ? -errno : 0;
}

/* configure - -EOPNOTSUPP before Linux 6.8 */
static int configure(int fs_fd, const struct container *c, const struct layers *layers, bool discard)
{
	cleanup_free char *upper = xasprintf("%s/upper", c->dir), *work = xasprintf("%s/work", c->dir);
	int r = layers->tree ? set(fs_fd, "lowerdir+", layers->tree) : 0;
	for (char **l = layers->dirs; r == 0 && *l; l++)
		r = set(fs_fd, layers->tree ? "datadir+" : "lowerdir+", *l);
	if (r == -EINVAL)	/* no such key. A layer that is bad is refused with a word, below */
		return -EOPNOTSUPP;
	if (r == 0)
		r = set(fs_fd, "upperdir", upper);
	if (r == 0)
		r = set(fs_fd, "workdir", work);
	if (r == 0)
		r = set(fs_fd, "userxattr", NULL);
	if (r == 0 && discard)
		r = set(fs_fd, "volatile", NULL);
	if (r == 0)
		r = set(fs_fd, "source", "overlay");
	if (r == 0 && fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		r = -errno;
	return r;
}

/* mount_new - -EOPNOTSUPP: this kernel takes mount(2) only */
static int mount_new(const struct container *c, const struct layers *layers, bool discard, struct error *err)
{
	cleanup_close int fs_fd = fsopen("overlay", FSOPEN_CLOEXEC);
	if (fs_fd < 0)
		return errno == ENOSYS ? -EOPNOTSUPP : mount_failed(c, errno, "", err);
	int r = configure(fs_fd, c, layers, discard);
	if (r == -EOPNOTSUPP)
		return r;
	if (r < 0) {
		char text[512];
		return mount_failed(c, -r, kernel_said(fs_fd, text, sizeof text), err);
	}
	cleanup_close int mount_fd = fsmount(fs_fd, FSMOUNT_CLOEXEC, 0);
	if (mount_fd < 0)
		return mount_failed(c, errno, "", err);
	cleanup_free char *target = xasprintf("%s/rootfs", c->dir);
	if (move_mount(mount_fd, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return mount_failed(c, errno, "", err);
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

size_t driver_common(const struct container *c)
{
	const char *first = c->dir;
	size_t len = strlen(first);
	for (char **l = c->record.lowerdirs; *l; l++) {
		size_t same = 0;
		while (same < len && (*l)[same] == first[same])
			same++;
		len = same;
	}
	while (len && first[len - 1] != '/')
		len--;
	return len;
}

/* make_options - with the first @skip bytes of every path left out */
static void make_options(const struct container *c, bool discard, size_t skip, struct buf *b)
{
	for (char **l = c->record.lowerdirs; *l; l++) {
		buf_puts(b, l == c->record.lowerdirs ? "lowerdir=" : ":");
		add_escaped(b, *l + skip);
	}
	buf_puts(b, ",upperdir=");
	add_escaped(b, c->dir + skip);
	buf_puts(b, "/upper,workdir=");
	add_escaped(b, c->dir + skip);
	buf_printf(b, "/work,userxattr%s", discard ? ",volatile" : "");
}

static int mount_old(const struct container *c, bool discard, struct error *err)
{
	size_t page = (size_t) sysconf(_SC_PAGESIZE);
	cleanup_free char *target = xasprintf("%s/rootfs", c->dir);
	cleanup_buf struct buf options = { 0 };
	make_options(c, discard, 0, &options);
	if (options.len < page)
		return mount("overlay", target, "overlay", 0, options.data) < 0 ? mount_failed(c, errno, "", err) : 0;

	size_t skip = driver_common(c);
	cleanup_free char *common = xstrndup(c->dir, skip);
	buf_done(&options);
	make_options(c, discard, skip, &options);
	if (options.len >= page)
		return error_say(err, E2BIG, "mount the layers on '%s': the image has too many layers (%zu) for this kernel; Linux 6.8 "
				 "or later takes up to 500", target, strings_count(c->record.lowerdirs));
	cleanup_close int cwd_fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (cwd_fd < 0 || chdir(common) < 0)
		return error_set(err, errno, "go to '%s'", common);
	int code = mount("overlay", target, "overlay", 0, options.data) < 0 ? errno : 0;
	if (fchdir(cwd_fd) < 0)
		return error_set(err, errno, "go back from '%s'", common);
	return code ? mount_failed(c, code, "", err) : 0;
}

int overlay_mount(const struct container *c, const struct layers *l, bool discard, struct error *err)
{
	int r = mount_new(c, l, discard, err);
	if (r == -EOPNOTSUPP && l->tree)
		return error_say(err, EOPNOTSUPP, "this kernel's overlay takes no layers of content alone (Linux 6.8 and later do)");
	return r == -EOPNOTSUPP ? mount_old(c, discard, err) : r;
}
