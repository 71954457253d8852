#include "devices.h"
#include "cleanup.h"
#include "fs.h"
#include "log.h"
#include "mem.h"
#include "mounts.h"
#include "str.h"
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

struct node {
	const char *path;	/* cleaned, absolute */
	mode_t mode;		/* type and permissions */
	dev_t dev;
	uid_t uid;
	gid_t gid;
};

static const struct { const char *path; unsigned major, minor; } defaults[] = {
	{ "/dev/null", 1, 3 },	 { "/dev/zero", 1, 5 },	   { "/dev/full", 1, 7 },
	{ "/dev/random", 1, 8 }, { "/dev/urandom", 1, 9 }, { "/dev/tty", 5, 0 },
};
enum { N_DEFAULTS = sizeof defaults / sizeof *defaults };

/* ---- one node ---- */

/* is_node - is @name in @dir_fd that device already? */
static bool is_node(int dir_fd, const char *name, const struct node *n)
{
	struct stat st;
	return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       (st.st_mode & S_IFMT) == (n->mode & S_IFMT) && (S_ISFIFO(n->mode) || st.st_rdev == n->dev);
}

/* attach_node - @fd, a detached mount of the host's node or (not @detached) an O_PATH fd of it, on @name in
 * @dir_fd */
static int attach_node(struct rootfs *r, int fd, bool detached, int dir_fd, const char *name)
{
	const struct mount_change change = { .set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC };
	int result = detached ? mount_set(fd, &change) : -ENOSYS;
	if (!mount_missing(result))
		return result < 0 ? result : mount_move_to(fd, dir_fd, name);

	cleanup_close int target_fd = openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (target_fd < 0)
		return -errno;
	result = mount_bind_by_name(r, fd, target_fd, false);
	if (result < 0)
		return result;
	cleanup_close int there_fd = openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return there_fd < 0 ? -errno : mount_set_attached(r, there_fd, &change);
}

static int bind_node(struct rootfs *r, const struct node *n, int dir_fd, const char *name, struct error *err)
{
	cleanup_close int fd = mount_clone(AT_FDCWD, n->path, AT_SYMLINK_NOFOLLOW);
	bool detached = fd >= 0;
	if (mount_missing(fd)) {
		fd = open(n->path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			fd = -errno;
	}
	if (fd < 0)
		return error_set(err, -fd, "open the host's '%s' to bind it in", n->path);
	if (fs_is_dev(fd, n->mode & S_IFMT, major(n->dev), minor(n->dev)) <= 0)
		return error_say(
			err, ENODEV,
			"the host's '%s' is not the device %c %u:%u; a user namespace gets only devices that "
			"the host has under the same path",
			n->path, S_ISBLK(n->mode) ? 'b' : 'c', major(n->dev), minor(n->dev));
	/* the place to bind it on: an empty file, or whatever is there */
	if (mknodat(dir_fd, name, S_IFREG | 0666, 0) < 0 && errno != EEXIST)
		return error_set(err, errno, "make '%s'", n->path);
	int result = attach_node(r, fd, detached, dir_fd, name);
	return result < 0 ? error_set(err, -result, "bind the host's '%s'", n->path) : 0;
}

static int make_node(struct rootfs *r, const struct node *n, int dir_fd, const char *name, struct error *err)
{
	if (r->user_namespace && !S_ISFIFO(n->mode))
		return is_node(dir_fd, name, n) ? 0 : bind_node(r, n, dir_fd, name, err);
	if (mknodat(dir_fd, name, n->mode, n->dev) < 0) {
		if (errno == EEXIST && is_node(dir_fd, name, n))
			return 0;
		if (errno != EEXIST && errno != EPERM)
			return error_set(err, errno, "make the device '%s'", n->path);
		if (S_ISFIFO(n->mode))
			return error_set(err, errno, "make the fifo '%s'", n->path);
		/* a file of the image in its place, or no permission */
		return bind_node(r, n, dir_fd, name, err);
	}
	if ((n->uid || n->gid) && fchownat(dir_fd, name, n->uid, n->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return error_set(err, errno, "give the device '%s' to %u:%u", n->path, n->uid, n->gid);
	return 0;
}

/* ---- linux.devices ---- */

static int node_from(const struct spec_device *d, const char *path, struct node *ret, struct error *err)
{
	static const struct { char letter; mode_t type; } types[] = {
		{ 'c', S_IFCHR }, { 'u', S_IFCHR }, { 'b', S_IFBLK }, { 'p', S_IFIFO },
	};
	mode_t type = 0;
	for (size_t i = 0; d->type && i < sizeof types / sizeof *types; i++)
		if (d->type[0] == types[i].letter && !d->type[1])
			type = types[i].type;
	if (!type)
		return error_say(err, EINVAL, "the device '%s' has the type '%s'; it can be c, u, b or p",
				 d->path, d->type ? d->type : "");
	if (type != S_IFIFO &&
	    (d->major < 0 || d->minor < 0 || d->major > UINT32_MAX || d->minor > UINT32_MAX))
		return error_say(err, EINVAL, "the device '%s' has no valid major and minor number", d->path);
	*ret = (struct node) {
		.path = path,
		.mode = type | (d->file_mode ? *d->file_mode & 07777 : 0666),
		.dev = type == S_IFIFO ? 0 : makedev((unsigned) d->major, (unsigned) d->minor),
		.uid = d->uid ? *d->uid : 0,
		.gid = d->gid ? *d->gid : 0,
	};
	return 0;
}

/* make_at - in /dev through its fd, elsewhere beneath the rootfs with the directories that are missing */
static int make_at(struct rootfs *r, const struct node *n, int dev_fd, struct error *err)
{
	const char *name = str_after(n->path, "/dev/");
	if (name && !strchr(name, '/'))
		return make_node(r, n, dev_fd, name, err);

	cleanup_free char *parent = xstrdup(n->path);
	char *slash = strrchr(parent, '/');
	*slash = 0;
	if (!slash[1])
		return error_say(err, EINVAL, "a device cannot be /");
	cleanup_close int dir_fd = fs_mkdir_beneath(r->fd, *parent ? parent : "/", 0755, err);
	return dir_fd < 0 ? dir_fd : make_node(r, n, dir_fd, slash + 1, err);
}

static int make_devices(struct rootfs *r, int dev_fd, struct error *err)
{
	const struct spec_linux *l = r->spec->linux_;
	bool replaced[N_DEFAULTS] = { false };
	for (size_t i = 0; l && i < l->n_devices; i++) {
		const struct spec_device *d = &l->devices[i];
		cleanup_free char *path = fs_clean_path(d->path ? d->path : "");
		if (str_eq(path, "/dev/ptmx"))
			continue;	/* it is a link to the container's own devpts */
		for (size_t k = 0; k < N_DEFAULTS; k++)
			replaced[k] |= str_eq(path, defaults[k].path);
		struct node n = { 0 };
		int result = node_from(d, path, &n, err);
		if (result == 0)
			result = make_at(r, &n, dev_fd, err);
		if (result < 0)
			return result;
	}
	for (size_t k = 0; k < N_DEFAULTS; k++) {
		const struct node n = {
			.path = defaults[k].path,
			.mode = S_IFCHR | 0666,
			.dev = makedev(defaults[k].major, defaults[k].minor),
		};
		int result = replaced[k] ? 0 : make_node(r, &n, dev_fd, n.path + strlen("/dev/"), err);
		if (result < 0)
			return result;
	}
	return 0;
}

/* ---- links ---- */

static int make_links(const struct rootfs *r, int dev_fd, struct error *err)
{
	static const struct { const char *name, *target;
	} links[] = {
		{ "fd", "/proc/self/fd" },	 { "stdin", "/proc/self/fd/0" },
		{ "stdout", "/proc/self/fd/1" }, { "stderr", "/proc/self/fd/2" },
		{ "core", "/proc/kcore" },	 { "ptmx", "pts/ptmx" },
	};
	for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
		const char *name = links[i].name;
		bool ptmx = str_eq(name, "ptmx");
		if (str_eq(name, "core") && faccessat(r->proc_fd, "kcore", F_OK, 0) < 0)
			continue;	/* a kernel without it */
		if (symlinkat(links[i].target, dev_fd, name) == 0 || (errno == EEXIST && !ptmx))
			continue;
		/* an image's own /dev/ptmx would belong to no devpts, or to the host's */
		char there[16] = { 0 };
		if (errno == EEXIST && readlinkat(dev_fd, name, there, sizeof there - 1) > 0 &&
		    str_eq(there, links[i].target))
			continue;
		if (errno != EEXIST && errno != EINVAL)
			return error_set(err, errno, "make the link '/dev/%s'", name);
		if (unlinkat(dev_fd, name, 0) < 0 || symlinkat(links[i].target, dev_fd, name) < 0)
			return error_set(err, errno, "replace '/dev/%s'", name);
	}
	return 0;
}

/* is_bound - /dev comes from elsewhere: its owner decides what is in it */
static bool is_bound(const struct runtime_spec *spec)
{
	for (size_t i = 0; i < spec->n_mounts; i++) {
		const struct spec_mount *m = &spec->mounts[i];
		bool bind = str_eq(m->type, "bind") || strings_have(m->options, "bind") ||
			    strings_have(m->options, "rbind");
		if (!bind)
			continue;
		cleanup_free char *at = fs_clean_path(m->destination);
		if (str_eq(at, "/dev"))
			return true;
	}
	return false;
}

int rootfs_devices(struct rootfs *r, struct error *err)
{
	if (!r->mount_namespace || is_bound(r->spec))
		return 0;
	cleanup_close int dev_fd = fs_mkdir_beneath(r->fd, "/dev", 0755, err);
	if (dev_fd < 0)
		return dev_fd;
	mode_t mask = umask(0);
	int result = make_devices(r, dev_fd, err);
	(void) umask(mask);
	return result < 0 ? result : make_links(r, dev_fd, err);
}

/* ---- console ---- */

/* open_console_target - a file or a node, never a symlink: what we hold cannot change its kind */
static int open_console_target(const struct rootfs *r, struct error *err)
{
	cleanup_close int dev_fd = fs_mkdir_beneath(r->fd, "/dev", 0755, err);
	if (dev_fd < 0)
		return dev_fd;
	if (mknodat(dev_fd, "console", S_IFREG | 0600, 0) < 0 && errno != EEXIST)
		return error_set(err, errno, "make '/dev/console'");
	cleanup_close int fd = openat(dev_fd, "console", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_set(err, errno, "open '/dev/console'");
	if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode))
		return error_say(err, EINVAL,
				 "'/dev/console' in the rootfs is neither a file nor a device; remove it "
				 "from the image");
	return take_fd(fd);
}

int devices_bind_console(struct rootfs *r, int slave_fd, struct error *err)
{
	if (!r->mount_namespace)
		return 0;
	cleanup_close int target_fd = open_console_target(r, err);
	if (target_fd < 0)
		return target_fd;
	if (fs_is_type(slave_fd, DEVPTS_SUPER_MAGIC) <= 0)
		return error_say(err, EINVAL, "the container's terminal is not on a devpts");
	cleanup_close int fd = mount_clone(slave_fd, "", AT_EMPTY_PATH);
	int result = fd >= 0 ? mount_move(fd, target_fd)
		     : mount_missing(fd) ? mount_bind_by_name(r, slave_fd, target_fd, false) : fd;
	if (result < 0)
		return error_set(err, -result, "bind the terminal on '/dev/console'");

	/* what is there now is what everyone will get */
	struct stat want, is;
	cleanup_close int there_fd = fs_open_beneath(r->fd, "/dev/console", O_PATH | O_NOFOLLOW, 0, err);
	if (there_fd < 0)
		return there_fd;
	if (fstat(slave_fd, &want) < 0 || fstat(there_fd, &is) < 0 || want.st_dev != is.st_dev ||
	    want.st_ino != is.st_ino)
		return error_say(err, EINVAL,
				 "'/dev/console' is not the terminal after it was mounted: another process "
				 "changes the "
				 "rootfs");
	return 0;
}
