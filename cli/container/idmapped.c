/* Theory of operation. overlayfs looks at a lower layer through the mount by which it was named. So each layer's directory is covered, in
 * the monitor's own mount namespace, by a clone of itself that shows its owners by the container's map (mount_setattr(2),
 * MOUNT_ATTR_IDMAP, Linux 5.12; overlayfs takes such layers since 5.19); the overlay is mounted by the same paths as always, which makes clones of
 * its own; and the covers go. The kernel wants CAP_SYS_ADMIN over the file system, which root of the host has alone. */
#include "drivers.h"
#include "cleanup.h"
#include "proc.h"
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/syscall.h>

/* namespace_of - a user namespace with these maps, held by nothing but the returned fd: for mount_setattr(2) */
static int namespace_of(const struct idmap *uids, const struct idmap *gids, struct error *err)
{
	int ends[2];
	char byte;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_set(err, errno, "make a pipe");
	cleanup_close int read_fd = ends[0], write_fd = ends[1];
	pid_t pid = fork();
	if (pid < 0)
		return error_set(err, errno, "make a process");
	if (pid == 0) {
		if (unshare(CLONE_NEWUSER) == 0 && write(write_fd, "", 1) == 1)
			(void) pause();
		_exit(1);
	}
	close_fd(&write_fd);
	int r = read(read_fd, &byte, 1) == 1 ? idmap_apply(pid, uids, gids, err) : error_say(err, EPERM, "make a user namespace");
	cleanup_free char *path = xasprintf("/proc/%d/ns/user", (int) pid);
	int fd = r < 0 ? r : open(path, O_RDONLY | O_CLOEXEC);
	if (r == 0 && fd < 0)
		fd = error_set(err, errno, "open '%s'", path);
	(void) kill(pid, SIGKILL);
	(void) proc_wait(pid);
	return fd;
}

static int show(int tree_fd, int userns_fd)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (unsigned) userns_fd };
	return mount_setattr(tree_fd, "", AT_EMPTY_PATH, &attr, sizeof attr);
}

int idmapped_show(int tree_fd, const struct idmap *uids, const struct idmap *gids, struct error *err)
{
	cleanup_close int userns = namespace_of(uids, gids, err);
	if (userns >= 0 && show(tree_fd, userns) < 0)
		return error_set(err, errno, "map the owners of a mount");
	return userns < 0 ? userns : 0;
}

static int cover(const char *dir, int userns_fd, struct error *err)
{
	cleanup_close int fd = open_tree(AT_FDCWD, dir, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (fd < 0)
		return error_set(err, errno, "open layer '%s'", dir);
	if (show(fd, userns_fd) < 0)
		return error_set(err, errno, "show layer '%s' with the container's owners", dir);
	if (move_mount(fd, "", AT_FDCWD, dir, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return error_set(err, errno, "mount layer '%s' with the container's owners", dir);
	return 0;
}

static void uncover(char *const *dirs, size_t n)
{
	while (n-- > 0)
		(void) umount2(dirs[n], MNT_DETACH | UMOUNT_NOFOLLOW);
}

int idmapped_during(char *const *dirs, const struct idmap *uids, const struct idmap *gids, int (*job)(void *ctx, struct error *err), void *ctx,
		    struct error *err)
{
	cleanup_close int userns = namespace_of(uids, gids, err);
	size_t n = 0;
	int r = userns < 0 ? userns : 0;
	for (; r == 0 && dirs[n]; n += r == 0)
		r = cover(dirs[n], userns, err);
	if (r == 0)
		r = job(ctx, err);
	uncover(dirs, n);
	return r;
}
