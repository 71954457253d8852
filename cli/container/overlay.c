#include "drivers.h"
#include "../image/overlayfs.h"
#include "cleanup.h"
#include <sys/utsname.h>

/* add_remedy - to the sentence of a mount that failed */
static int add_remedy(const struct container *c, int r, struct error *err)
{
	struct utsname u = { 0 };
	(void) uname(&u);
	switch (-r) {
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

int overlay_mount(const struct container *c, const struct layers *l, bool discard, struct error *err)
{
	cleanup_free char *upper = xasprintf("%s/upper", c->dir), *work = xasprintf("%s/work", c->dir), *target = xasprintf("%s/rootfs", c->dir);
	char *const tree[] = { l->tree, NULL };
	const struct overlayfs o = { .what = "the layers", .target = target, .lower = l->tree ? tree : l->dirs, .data = l->tree ? l->dirs : NULL,
				     .upper = upper, .work = work, .discard = discard };
	int r = overlayfs_mount(&o, err);
	return r < 0 ? add_remedy(c, r, err) : 0;
}
