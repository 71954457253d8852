#include "mount.h"
#include "../container/rootfs.h"
#include "cleanup.h"
#include "copy.h"
#include "fs.h"
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

static char *place_of(const struct carrier *c, const char *id) { return xasprintf("%s/images/%.64s", c->runroot, digest_hex(id)); }

static bool is_mount(const char *path)
{
	struct statx st;
	return statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &st) == 0 && (st.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

char *image_mounted(const struct carrier *c, const char *id)
{
	cleanup_free char *path = place_of(c, id);
	return is_mount(path) ? take_ptr(path) : NULL;
}

/* ---- mounting ---- */

static int failed(int code, const char *path, const struct carrier *c, struct error *err)
{
	int r = error_set(err, code, "mount the image on '%s'", path);
	if (code == EPERM && c->nested)
		return error_hint(err, "your user namespace needs a mount namespace of its own (`unshare --mount`)");
	return r;
}

/* mount_new - Linux 6.8's way, in which the length of paths does not matter; -EOPNOTSUPP before */
static int mount_new(const struct carrier *c, char *const *dirs, const char *path, struct error *err)
{
	cleanup_close int fs = fsopen("overlay", FSOPEN_CLOEXEC);
	if (fs < 0)
		return errno == ENOSYS ? -EOPNOTSUPP : failed(errno, path, c, err);
	for (char *const *d = dirs; *d; d++)
		if (fsconfig(fs, FSCONFIG_SET_STRING, "lowerdir+", *d, 0) < 0)
			return errno == EINVAL && d == dirs ? -EOPNOTSUPP : failed(errno, path, c, err);
	if (fsconfig(fs, FSCONFIG_SET_FLAG, "userxattr", NULL, 0) < 0 || fsconfig(fs, FSCONFIG_SET_STRING, "source", "carrier", 0) < 0 ||
	    fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return failed(errno, path, c, err);
	cleanup_close int mount_fd = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	if (mount_fd < 0 || move_mount(mount_fd, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return failed(errno, path, c, err);
	return 0;
}

static int mount_old(const struct carrier *c, char *const *dirs, const char *path, struct error *err)
{
	struct buf options cleanup_buf = { 0 };
	buf_puts(&options, "userxattr,lowerdir=");
	for (char *const *d = dirs; *d; d++) {
		if (d != dirs)
			buf_putc(&options, ':');
		for (const char *p = *d; *p; p++) {
			if (strchr("\\,:", *p))
				buf_putc(&options, '\\');
			buf_putc(&options, *p);
		}
	}
	if (options.len >= (size_t) sysconf(_SC_PAGESIZE))
		return error_say(err, E2BIG, "mount the image on '%s': it has too many layers for this kernel; Linux 6.8 or later takes up to 500",
				 path);
	return mount("carrier", path, "overlay", MS_RDONLY | MS_NOSUID | MS_NODEV, options.data) < 0 ? failed(errno, path, c, err) : 0;
}

/* make_places - the mount point, and the directory that gives / its owner and mode */
static int make_places(const struct carrier *c, const char *path, const char *root, const char *layer, struct error *err)
{
	cleanup_free char *dir = xasprintf("%s/images", c->runroot);
	int r = fs_mkdir_all(AT_FDCWD, dir, 0700, err);
	if (r == 0)
		r = fs_mkdir_all(AT_FDCWD, path, 0700, err);
	if (r == 0)
		r = fs_mkdir_all(AT_FDCWD, root, 0755, err);
	return r < 0 ? r : copy_metadata(AT_FDCWD, layer, AT_FDCWD, root, err);
}

static void remove_places(const char *path)
{
	cleanup_free char *root = xasprintf("%s.root", path);
	(void) rmdir(path);
	(void) rmdir(root);
}

int image_mount(const struct carrier *c, const struct store *s, const struct image *image, char **path, struct error *err)
{
	cleanup_free char *target = place_of(c, image->config_digest), *root = xasprintf("%s.root", target);
	struct strings lower cleanup_strings = { 0 }, dirs cleanup_strings = { 0 };
	if (is_mount(target)) {
		*path = take_ptr(target);
		return 0;
	}
	int r = store_lowerdirs(s, image, &lower, err);
	if (r < 0)
		return r;
	if (!lower.n)
		return error_say(err, EINVAL, "image %s has no layers", image->config_digest);
	r = make_places(c, target, root, rootfs_root_layer(lower.v), err);
	strings_add(&dirs, root);
	for (size_t i = 0; i < lower.n; i++)
		strings_add(&dirs, lower.v[i]);
	if (r == 0)
		r = mount_new(c, dirs.v, target, err);
	if (r == -EOPNOTSUPP)
		r = mount_old(c, dirs.v, target, err);
	if (r < 0) {
		remove_places(target);
		return r;
	}
	*path = take_ptr(target);
	return 0;
}

/* ---- unmounting ---- */

int image_unmount(const struct carrier *c, const char *id, bool force, struct error *err)
{
	cleanup_free char *path = place_of(c, id);
	int not_mounted = !is_mount(path);
	if (!not_mounted && umount2(path, UMOUNT_NOFOLLOW | (force ? MNT_DETACH : 0)) < 0) {
		int r = error_set(err, errno, "unmount '%s'", path);
		return r == -EBUSY ? error_hint(err, "somebody is in it; --force takes it away all the same") : r;
	}
	remove_places(path);
	return not_mounted;
}

int image_mounts(const struct carrier *c, struct strings *ret, struct error *err)
{
	cleanup_free char *dir = xasprintf("%s/images", c->runroot);
	cleanup_dir DIR *d = opendir(dir);
	if (!d)
		return errno == ENOENT ? 0 : error_set(err, errno, "read '%s'", dir);
	for (struct dirent *e; (e = readdir(d));) {
		cleanup_free char *path = xasprintf("%s/%s", dir, e->d_name);
		if (strlen(e->d_name) == 64 && is_mount(path))
			strings_printf(ret, "sha256:%s", e->d_name);
	}
	return 0;
}
