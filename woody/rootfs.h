/* rootfs.h - what the container sees as /.
 *
 * Theory of operation. The rootfs is bound onto itself, and everything is attached beneath the fd of that
 * mount: a target is opened with openat2(RESOLVE_IN_ROOT), and a mount is attached to the fd (move_mount, or
 * mount(2) on "." after fchdir, or on self/fd/N of a procfs that we hold), never to a path, so a symlink in
 * the image, or one swapped while we work, leads nowhere. proc and sysfs go only onto ordinary directories
 * that are not reached through a symlink, and are verified by statfs before anything is written below them.
 *
 * Propagation. Before anything else the whole tree of our namespace becomes a slave of the host's, so that
 * what the host unmounts goes away here, too, and nothing that we do goes there. linux.rootfsPropagation
 * "shared", "slave" and "private" leave more of it as it was, because the spec's author wants bind mounts to
 * stay in the host's peer groups; then the mount that holds the rootfs is made private on its own (pivot_root
 * wants that), and the old root a slave before it is unmounted. The container's / gets the propagation that
 * was asked for at the very end.
 *
 * Calling sequence:
 *   1. rootfs_attach()   in the child: propagation of the host's tree, the rootfs as a mount of its own
 *   2. rootfs_mounts()   the spec's mounts, in order
 *   3. rootfs_devices()  device nodes, links (devices.h)
 *      [hooks: createRuntime, createContainer]
 *   4. rootfs_pivot()    the rootfs becomes /
 *   5. rootfs_finish()   masked and read-only paths, read-only root, propagation
 * Meanwhile the parent, which still has its privileges, answers requests for what the child cannot open:
 * rootfs_source().
 * 1 to 3 move the working directory; after 4 and 5 it is the container's /.
 * Without a mount namespace only 1 and 4 do something: open the rootfs, and chroot.
 */
#pragma once
#include "cgroup/cgroup.h"
#include "error.h"
#include "runtime_spec.h"
#include <stdbool.h>

struct rootfs {
	const struct runtime_spec *spec;	/* borrowed */
	const char *bundle;	/* absolute; relative sources and root.path start here */
	const char *path;	/* of the rootfs, absolute */
	const char *mount_label;	/* SELinux context of new file systems; NULL: none */
	const struct cgroup *cgroup;	/* for mounts of type cgroup; NULL: the host's are shown, read-only */
	bool user_namespace;	/* in one of the container's own: no mknod, locked flags; also set when woody
				 * itself runs in one */
	bool mount_namespace;	/* false: none of its own, chroot only, nothing is mounted */
	bool cgroup_namespace;	/* the child has unshared its own */
	bool network_namespace;
	bool no_pivot;
	int fd;			/* the rootfs' mount, O_PATH; set by rootfs_attach() */
	int proc_fd;		/* O_PATH directory of a procfs of the host's that we hold: for self/fd and
				 * self/mountinfo when the container has none; set and closed by the caller */
	bool privileged_parent;	/* it is root outside of the container's user namespace: worth asking */
	/* in the child, set by the caller: ask the parent for rootfs_source(@index). Return: an fd that the caller of
	 * it closes, or a negative errno */
	int (*ask)(void *context, size_t index, struct error *err);
	void *ask_context;
	bool sources_outside;	/* ->ask() for every bind source: we are in the container already (mount_live.h) */
	/* private */
	bool isolated;		/* no mount of the old tree is in a peer group of the host's */
	int *late;		/* mounts that become read-only in rootfs_finish() */
	size_t n_late;
};
#define ROOTFS_INIT { .fd = -1, .proc_fd = -1 }

/* rootfs_source - in the parent, with ->privileged_parent: the source of mount @index, or (the number of mounts) the
 * rootfs, as a clone (open_tree), because the root of the container's user namespace cannot reach its path, or may
 * not map its ids, which is done here. One at a time, so that no number of mounts needs more than a few fds.
 * Return: an fd, or a negative errno with the whole sentence. */
int rootfs_source(const struct rootfs *r, size_t index, struct error *err);
int rootfs_attach(struct rootfs *r, struct error *err);
int rootfs_mounts(struct rootfs *r, struct error *err);
/* rootfs_add_mounts - all of spec->mounts, in a container that runs: ->fd is its root */
int rootfs_add_mounts(struct rootfs *r, struct error *err);
int rootfs_pivot(struct rootfs *r, struct error *err);
int rootfs_finish(struct rootfs *r, struct error *err);
void rootfs_done(struct rootfs *r);	/* closes the fds */
