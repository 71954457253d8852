/* Theory of operation.
 *
 * A process cannot map more than its own id into the namespace it has just made: that takes newuidmap(1) and newgidmap(1), which
 * are setuid and look at who calls them, outside. So a helper is forked before, and stays outside: it waits for one byte ("I have
 * unshared"), runs both, and answers with a struct error. It is forked before unshare(2), so both proceed while the other does.
 * When the process dies meanwhile, the helper reads the end of the socket and ends, too.
 */
#include "userns.h"
#include "cleanup.h"
#include "fs.h"
#include "log.h"
#include "mem.h"
#include "proc.h"
#include "str.h"
#include <fcntl.h>
#include <grp.h>
#include <linux/nsfs.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* ---- why not ---- */

/* is_filtered - by whoever started us */
static bool is_filtered(void) { return prctl(PR_GET_SECCOMP) == SECCOMP_MODE_FILTER; }

static int unshare_failed(int code, struct error *err)
{
	int r = error_set(err, code, "make a user namespace");
	if (fs_says("/proc/sys/kernel/unprivileged_userns_clone", "0"))
		(void) error_hint(err, "ordinary users may not; as root, run `sysctl -w kernel.unprivileged_userns_clone=1`");
	else if (fs_says("/proc/sys/user/max_user_namespaces", "0") || code == ENOSPC)
		(void) error_hint(err, "their number is limited; as root, run `sysctl -w user.max_user_namespaces=15000`");
	else if (code == EPERM && fs_says("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1"))
		(void) error_hint(err, "AppArmor forbids it; as root, run `sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`");
	else if (code == EPERM && is_filtered())
		(void) error_hint(err, "a seccomp filter is around us that forbids it, as containers have one: start the outer container with "
				  "`--security-opt seccomp=unconfined`, or with --privileged");
	else if (code == EPERM)
		(void) error_hint(err, "it is not allowed in a chroot, nor where a seccomp filter or a security module forbids it");
	return r;
}

/* ---- making ---- */

struct answer {
	struct error err;		/* it crosses as it is: it is flat */
	struct error why_single;	/* set when only one id was mapped, since newuidmap or newgidmap is not there */
};

/* map_from_outside - the helper's life */
__attribute__((noreturn)) static void map_from_outside(int socket, pid_t pid, const struct idmap *uids, const struct idmap *gids)
{
	char go;
	struct answer answer = { 0 };
	if (fs_read_all(socket, &go, 1) == 1) {
		if (idmap_apply(pid, uids, gids, &answer.err) == -ENOENT) {
			cleanup_idmap struct idmap one_uid = { 0 }, one_gid = { 0 };
			answer.why_single = answer.err;
			answer.err = (struct error) { 0 };
			idmap_single(&one_uid, &one_gid);
			(void) idmap_apply(pid, &one_uid, &one_gid, &answer.err);
		}
		(void) fs_write_all(socket, &answer, sizeof answer);
	}
	_exit(0);
}

static void say_single(const struct error *why)
{
	log_info("%s; until then everything in images and containers belongs to this user alone", why->text);
}

/* choose_maps - of the namespace to be made. @root: of a container, without the privilege to make any but this; it keeps its ids */
static int choose_maps(bool root, struct idmap *uids, struct idmap *gids, struct error *err)
{
	struct error why = { 0 };
	int r = root ? idmap_own(uids, false, err) : idmap_rootless(uids, gids, &why);
	if (root) {
		r = r < 0 ? r : idmap_own(gids, true, err);
		/* not quite all of them, or it would be taken for the initial one */
		for (size_t i = 0; r == 0 && i < 2; i++)
			if ((i ? gids : uids)->ranges[0].size == UINT32_MAX)
				(i ? gids : uids)->ranges[0].size--;
		return r;
	}
	if (r == -ENOENT) {
		idmap_single(uids, gids);
		say_single(&why);
		return 0;
	}
	return r < 0 ? error_say(err, -r, "%s", why.text) : 0;
}

/* ask_helper - 1 when only one id was mapped */
static int ask_helper(int socket, struct error *err)
{
	struct answer answer;
	int r = fs_write_all(socket, "", 1);
	if (r < 0)
		return error_set(err, -r, "talk to the process that maps ids");
	ssize_t n = fs_read_all(socket, &answer, sizeof answer);
	if (n < 0)
		return error_set(err, (int) -n, "talk to the process that maps ids");
	if (n != sizeof answer)
		return error_say(err, EPIPE, "the process that maps ids ended before it had done so");
	if (answer.err.code)
		return error_say(err, answer.err.code, "%s", answer.err.text);
	if (answer.why_single.code)
		say_single(&answer.why_single);
	return answer.why_single.code != 0;
}

/* become_zero - supplementary groups are of no use in the namespace; where they cannot be dropped they stay */
static int become_zero(bool keep_groups, struct error *err)
{
	if (!keep_groups)
		(void) setgroups(0, NULL);
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return error_set(err, errno, "become root of the user namespace");
	return 0;
}

int userns_become_root(int flags, struct idmap *ret_uids, struct idmap *ret_gids, struct error *err)
{
	bool keep_groups = flags & USERNS_KEEP_GROUPS;
	flags &= ~USERNS_KEEP_GROUPS;
	bool root = geteuid() == 0;
	if (root && (!flags || unshare(flags) == 0))
		return 0;
	if (root && errno != EPERM)
		return error_set(err, errno, "make namespaces");

	cleanup_idmap struct idmap uids = { 0 }, gids = { 0 };
	int ends[2], r = choose_maps(root, &uids, &gids, err);
	if (r < 0)
		return r;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return error_set(err, errno, "make a socket pair");
	cleanup_close int ours = ends[0], theirs = ends[1];

	pid_t self = getpid(), helper = fork();
	if (helper < 0)
		return error_set(err, errno, "make a process");
	if (helper == 0) {
		close_fd(&ours);	/* or the end would never be seen */
		map_from_outside(theirs, self, &uids, &gids);
	}
	close_fd(&theirs);

	r = unshare(CLONE_NEWUSER | flags) < 0 ? unshare_failed(errno, err) : ask_helper(ours, err);
	close_fd(&ours);
	(void) proc_wait(helper);
	if (r == 1)
		uids.n = gids.n = 1;	/* their first is 0, the caller */
	if (r >= 0)
		r = become_zero(keep_groups, err);
	if (r < 0)
		return r;

	if (ret_uids) {
		idmap_done(ret_uids);
		*ret_uids = uids;
		uids = (struct idmap) { 0 };
	}
	if (ret_gids) {
		idmap_done(ret_gids);
		*ret_gids = gids;
		gids = (struct idmap) { 0 };
	}
	return 0;
}

/* ---- joining ---- */

/* is_ours - 1 when @pid's namespace @name is the one we are in */
static int is_ours(pid_t pid, const char *name, struct error *err)
{
	struct stat ours, theirs;
	cleanup_free char *self_path = xasprintf("/proc/self/ns/%s", name), *path = xasprintf("/proc/%d/ns/%s", (int) pid, name);
	if (stat(self_path, &ours) < 0)
		return error_set(err, errno, "look at '%s'", self_path);
	if (stat(path, &theirs) < 0)
		return error_set(err, errno, "look at '%s'", path);
	return ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev;
}

/* fd_is_ours - is it of the user namespace that we are in? */
static bool fd_is_ours(int ns_fd)
{
	struct stat ours, theirs;
	return ns_fd >= 0 && stat("/proc/self/ns/user", &ours) == 0 && fstat(ns_fd, &theirs) == 0 && ours.st_ino == theirs.st_ino &&
	       ours.st_dev == theirs.st_dev;
}

int userns_join(pid_t pid, struct error *err)
{
	cleanup_close int pidfd = (int) syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0)
		return error_set(err, errno, "find process %d", (int) pid);
	int same_user = is_ours(pid, "user", err);
	if (same_user < 0)
		return same_user;
	int same_mounts = is_ours(pid, "mnt", err);
	if (same_mounts < 0)
		return same_mounts;

	/* both in one call: the mount namespace may only be entered with the rights that the user namespace gives */
	int flags = (same_user ? 0 : CLONE_NEWUSER) | (same_mounts ? 0 : CLONE_NEWNS);
	if (flags && setns(pidfd, flags) < 0)
		return error_set(err, errno, "enter the namespaces of process %d", (int) pid);
	return same_user ? 0 : become_zero(false, err);
}

int userns_enter_fd(int user_fd, bool keep_groups, struct error *err)
{
	if (fd_is_ours(user_fd))
		return 0;
	if (setns(user_fd, CLONE_NEWUSER) < 0)
		return error_set(err, errno, "enter a user namespace");
	return become_zero(keep_groups, err);
}

int userns_enter(pid_t pid, bool outer, struct error *err)
{
	cleanup_free char *path = xasprintf("/proc/%d/ns/user", (int) pid);
	cleanup_close int own = open(path, O_RDONLY | O_CLOEXEC);
	cleanup_close int around = own >= 0 && outer ? ioctl(own, NS_GET_PARENT) : -1;
	if (own < 0 || (outer && around < 0))
		return error_set(err, errno, "find the user namespace of process %d", (int) pid);
	int r = userns_enter_fd(outer ? around : own, false, err);
	return r < 0 ? error_wrap(err, "process %d", (int) pid) : 0;
}

bool userns_is_within(pid_t pid)
{
	cleanup_free char *path = xasprintf("/proc/%d/ns/user", (int) pid);
	cleanup_close int own = open(path, O_RDONLY | O_CLOEXEC);
	cleanup_close int around = own >= 0 ? ioctl(own, NS_GET_PARENT) : -1;
	return fd_is_ours(own) || fd_is_ours(around);
}
