/* 02: the two device nodes that ordinary users need. */
#include "doctor.h"
#include "cleanup.h"
#include "fs.h"
#include <string.h>
#include <fcntl.h>
#include <linux/major.h>
#include <sys/stat.h>

enum { TUN_MINOR = 200, FUSE_MINOR = 229 };

static void look_tun(struct doctor *d)
{
	cleanup_close int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	int code = errno;
	if (fd >= 0 && fs_is_dev(fd, S_IFCHR, MISC_MAJOR, TUN_MINOR) == 1)
		doctor_ok(d, "can be opened");
	else if (fd >= 0)
		doctor_bad(d, "as root: rm /dev/net/tun; mknod -m 0666 /dev/net/tun c 10 200",
			   "it is another device: containers have no network of their own, "
			   "only --network host or none");
	else if (code == ENOENT)
		doctor_bad(d, "as root: modprobe tun; mkdir -p /dev/net; mknod -m 0666 /dev/net/tun c 10 200",
			   "it is not there: containers have no network of their own, only --network host or none");
	else if (code == EACCES || code == EPERM)
		doctor_bad(d, "as root: chmod 0666 /dev/net/tun", "%s may not open it: containers have no network of their own, only "
			   "--network host or none", doctor_user(d));
	else
		doctor_bad(d, "as root: modprobe tun", "it cannot be opened (%s): containers have no network of their own, only --network "
			   "host or none", strerror(code));
}

static void look_fuse(struct doctor *d)
{
	cleanup_close int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	int code = errno;
	if (fd >= 0 && fs_is_dev(fd, S_IFCHR, MISC_MAJOR, FUSE_MINOR) == 1)
		doctor_ok(d, "can be opened");
	else if (fd >= 0)
		doctor_warn(d, "as root: rm /dev/fuse; mknod -m 0666 /dev/fuse c 10 229",
			    "it is another device: the storage driver fuse-overlayfs cannot be used");
	else if (code == ENOENT)
		doctor_warn(d, "as root: modprobe fuse; or mknod -m 0666 /dev/fuse c 10 229", "it is not there: the storage driver "
			    "fuse-overlayfs cannot be used");
	else
		doctor_warn(d, code == EACCES || code == EPERM ? "as root: chmod 0666 /dev/fuse" : "as root: modprobe fuse",
			    "it cannot be opened (%s): the storage driver fuse-overlayfs cannot be used", strerror(code));
}

const struct doctor_check doctor_devices[] = {
	{ "CD0201", "/dev/net/tun", look_tun },
	{ "CD0202", "/dev/fuse", look_fuse },
	{ NULL, NULL, NULL },
};
