#include "drivers.h"
#include "cleanup.h"
#include "fs.h"
#include "str.h"
#include <string.h>
#include <sys/mount.h>

static int set(int fs, const char *key, const char *value)
{
	return fsconfig(fs, value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, key, value, 0) < 0 ? -errno : 0;
}

/* mount_new - Linux 6.8's way; -EOPNOTSUPP before */
static int mount_new(char *const *lower, char *const *data, const char *upper, const char *work, const char *target)
{
	cleanup_close int fs = fsopen("overlay", FSOPEN_CLOEXEC);
	int r = fs < 0 ? -EOPNOTSUPP : 0;
	for (char *const *l = lower; r == 0 && *l; l++) {
		r = set(fs, "lowerdir+", *l);
		if (r == -EINVAL && l == lower)
			return -EOPNOTSUPP;
	}
	for (char *const *d = data; r == 0 && d && *d; d++)
		r = set(fs, "datadir+", *d);
	if (r == 0 && upper)
		r = set(fs, "upperdir", upper);
	if (r == 0 && upper)
		r = set(fs, "workdir", work);
	if (r == 0)
		r = set(fs, "userxattr", NULL);
	if (r == 0)
		r = set(fs, "source", "carrier");
	if (r == 0 && fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		r = -errno;
	if (r < 0)
		return r;
	cleanup_close int mount_fd = fsmount(fs, FSMOUNT_CLOEXEC, upper ? 0 : MOUNT_ATTR_RDONLY);
	return mount_fd < 0 || move_mount(mount_fd, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH) < 0 ? -errno : 0;
}

static void add_escaped(struct buf *b, const char *path)
{
	for (; *path; path++) {
		if (strchr("\\,:", *path))
			buf_putc(b, '\\');
		buf_putc(b, *path);
	}
}

static int mount_old(char *const *lower, const char *upper, const char *work, const char *target)
{
	struct buf o cleanup_buf = { 0 };
	for (char *const *l = lower; *l; l++) {
		buf_puts(&o, l == lower ? "userxattr,lowerdir=" : ":");
		add_escaped(&o, *l);
	}
	if (upper) {
		buf_puts(&o, ",upperdir=");
		add_escaped(&o, upper);
		buf_puts(&o, ",workdir=");
		add_escaped(&o, work);
	}
	if (o.len >= (size_t) sysconf(_SC_PAGESIZE))
		return -E2BIG;
	return mount("carrier", target, "overlay", upper ? 0 : MS_RDONLY, o.data) < 0 ? -errno : 0;
}

int overlay_mount_dirs(char *const *lower, char *const *data, const char *upper, const char *work, const char *target, struct error *err)
{
	int r = mount_new(lower, data, upper, work, target);
	if (r == -EOPNOTSUPP && data)
		return error_say(err, EOPNOTSUPP, "this kernel's overlay takes no layers of content alone (Linux 6.8 and later do)");
	if (r == -EOPNOTSUPP)
		r = mount_old(lower, upper, work, target);
	if (r == 0)
		return 0;
	r = error_set(err, -r, "mount an overlay over '%s'", lower[0]);
	if (r == -E2BIG)
		return error_hint(err, "there are too many layers for this kernel; Linux 6.8 or later takes up to 500");
	if (r == -EINVAL && upper)
		return error_hint(err, "the file system of '%s' must be one that overlay can write to (ext4, xfs, btrfs, tmpfs)", upper);
	return r;
}
