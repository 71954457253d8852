/* Theory of operation.
 *
 * We open /dev/fuse and mount, and fuse-overlayfs serves the fd (libfuse takes /dev/fd/N for a mount point). It does so from a mount
 * namespace of its own, in which it has unmounted what it serves. So the mount is held by the monitor and the container only: when both
 * are gone, however they went, the kernel ends the connection, and the program with it. Had it its own mount in sight, it would
 * keep itself alive. It is not ended with the monitor: a container whose monitor was killed goes on.
 */
#include "drivers.h"
#include "../image/overlayfs.h"
#include "cleanup.h"
#include "fs.h"
#include "mem.h"
#include "proc.h"
#include "str.h"
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <string.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { FUSE_FD = 3, END_MS = 3000 };

static int add_path(struct buf *b, const char *path, struct error *err)
{
	if (strpbrk(path, ":,\\"))
		return error_say(err, EOPNOTSUPP, "fuse-overlayfs cannot be given the path '%s': it has a colon, a comma or a backslash", path);
	buf_puts(b, *path ? path : ".");
	return 0;
}

/* add_map - triples: the id on the disk, the one to show, how many */
static void add_map(struct buf *b, const char *option, const struct idmap *m)
{
	for (size_t i = 0; i < m->n; i++)
		buf_printf(b, "%s%s%s%u:%u:%u", i ? ":" : ",", i ? "" : option, i ? "" : "=", m->ranges[i].container_id, m->ranges[i].host_id,
			   m->ranges[i].size);
}

/* make_options - paths relative to the first @skip bytes, which are its cwd */
static int make_options(const struct container *c, const struct layers *layers, size_t skip, struct buf *b, struct error *err)
{
	cleanup_free char *upper = xasprintf("%s/upper", c->dir), *work = xasprintf("%s/work", c->dir);
	int r = 0;
	for (char **l = c->record.lowerdirs; r == 0 && *l; l++) {
		buf_puts(b, l == c->record.lowerdirs ? "lowerdir=" : ":");
		r = add_path(b, *l + skip, err);
	}
	buf_puts(b, ",upperdir=");
	if (r == 0)
		r = add_path(b, upper + skip, err);
	buf_puts(b, ",workdir=");
	if (r == 0)
		r = add_path(b, work + skip, err);
	if (layers->foreign && layers->mapped)
		buf_printf(b, ",squash_to_uid=%u,squash_to_gid=%u", idmap_to_host(&layers->uids, 0), idmap_to_host(&layers->gids, 0));
	else if (layers->foreign)
		buf_puts(b, ",squash_to_root");
	else if (layers->mapped) {
		add_map(b, "uidmapping", &layers->uids);
		add_map(b, "gidmapping", &layers->gids);
	}
	return r;
}

/* leave_mount - the last thing before fuse-overlayfs is executed */
static int leave_mount(void *target, struct error *err)
{
	if (unshare(CLONE_NEWNS) < 0 || umount2(target, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
		return error_set(err, errno, "leave the mount of '%s'", (char *) target);
	return 0;
}

static pid_t execute(const struct container *c, const char *program, const char *options, size_t skip, char *target, int fuse_fd,
		     int said_fd, struct error *err)
{
	cleanup_free char *common = skip ? xstrndup(c->dir, skip) : xstrdup("/");
	cleanup_free char *at = xasprintf("/dev/fd/%d", FUSE_FD);
	char *argv[] = { (char *) "fuse-overlayfs", (char *) "-f", (char *) "-o", (char *) (uintptr_t) options, at, NULL };
	const struct proc_fd fds[] = { { -1, 0 }, { said_fd, 1 }, { said_fd, 2 }, { fuse_fd, FUSE_FD } };
	const struct proc_spawn spawn = { .path = program, .argv = argv, .fds = fds, .n_fds = 4, .cwd = common, .new_session = true,
					  .last = leave_mount, .last_ctx = target };
	return proc_spawn(&spawn, NULL, err);
}

/* why_ended - it has not answered the first request: what it said last is why */
static int why_ended(const struct container *c, pid_t pid, int said_fd, struct error *err)
{
	cleanup_free char *text = NULL;
	int code = proc_wait(pid);
	if (lseek(said_fd, 0, SEEK_SET) < 0 || fs_read_fd(said_fd, "what fuse-overlayfs said", 1 << 16, &text, NULL, NULL) < 0)
		text = xstrdup("");
	struct strings lines cleanup_strings = { 0 };
	strings_split(&lines, text, "\n");
	return error_say(err, EOPNOTSUPP, "fuse-overlayfs ended with status %d before it served '%s/rootfs'%s%s", code, c->dir,
			 lines.n ? ": " : "", lines.n ? lines.v[lines.n - 1] : "");
}

static int mount_fuse(int fuse_fd, const char *target, struct error *err)
{
	char options[128];
	snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions", fuse_fd);
	if (mount("fuse-overlayfs", target, "fuse.fuse-overlayfs", 0, options) == 0)
		return 0;
	int r = error_set(err, errno, "mount fuse on '%s'", target);
	if (r == -EPERM)
		(void) error_hint(err, "an ordinary user's fuse needs Linux 4.18");
	return r;
}

pid_t fuse_overlay_mount(const struct container *c, const struct layers *layers, struct error *err)
{
	struct buf options cleanup_buf = { 0 };
	size_t skip = overlayfs_common(c->dir, c->record.lowerdirs);
	cleanup_free char *program = proc_find("fuse-overlayfs", NULL), *target = xasprintf("%s/rootfs", c->dir);
	if (!program)
		return error_say(err, EOPNOTSUPP, "there is no fuse-overlayfs in PATH: install the package of that name");
	int r = make_options(c, layers, skip, &options, err);
	if (r < 0)
		return r;
	cleanup_close int fuse_fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (fuse_fd < 0)
		return error_say(err, EOPNOTSUPP, "open '/dev/fuse': %s; as root, run `modprobe fuse`", strerror(errno));
	cleanup_close int said_fd = memfd_create("fuse-overlayfs", MFD_CLOEXEC);
	if (said_fd < 0)
		return error_set(err, errno, "make a file in memory");
	r = mount_fuse(fuse_fd, target, err);
	if (r < 0)
		return r;
	pid_t pid = execute(c, program, options.data, skip, target, fuse_fd, said_fd, err);
	close_fd(&fuse_fd);	/* or its end would not be the connection's */
	struct stat st;
	if (pid > 0 && stat(target, &st) == 0)	/* answered when it serves */
		return pid;
	r = pid < 0 ? pid : why_ended(c, pid, said_fd, err);
	(void) umount2(target, MNT_DETACH | UMOUNT_NOFOLLOW);
	return r;
}

void fuse_overlay_end(pid_t *helper)
{
	pid_t pid = *helper;
	*helper = -1;
	if (pid <= 0)
		return;
	cleanup_close int pidfd = (int) syscall(SYS_pidfd_open, pid, 0);
	if (proc_wait_timeout(pid, pidfd, pidfd < 0 ? 0 : END_MS) != -ETIMEDOUT)
		return;
	(void) kill(pid, SIGKILL);
	(void) proc_wait(pid);
}
