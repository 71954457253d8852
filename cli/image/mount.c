#include "mount.h"
#include "../container/rootfs.h"
#include "cleanup.h"
#include "copy.h"
#include "fs.h"
#include "overlayfs.h"
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
	if (r == 0) {
		const struct overlayfs o = { .what = "the image", .target = target, .lower = dirs.v, .flags = MS_RDONLY | MS_NOSUID | MS_NODEV };
		r = overlayfs_mount(&o, err);
		if (r == -EPERM && c->nested)
			(void) error_hint(err, "your user namespace needs a mount namespace of its own (`unshare --mount`)");
	}
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
