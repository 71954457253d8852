#include "clone.h"
#include <linux/sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

static pid_t clone_old(const struct clone_request *c)
{
	int flags = (int) c->flags | (c->ret_pidfd ? CLONE_PIDFD : 0);
#if defined(__s390__)
	return (pid_t) syscall(SYS_clone, NULL, flags | SIGCHLD, c->ret_pidfd, NULL, NULL);
#else
	return (pid_t) syscall(SYS_clone, flags | SIGCHLD, NULL, c->ret_pidfd, NULL, NULL);
#endif
}

pid_t clone_process(struct clone_request *c, struct error *err)
{
	/* CLONE_PARENT takes the parent's exit signal */
	struct clone_args args = { .flags = c->flags, .exit_signal = c->flags & CLONE_PARENT ? 0 : SIGCHLD };
	if (c->ret_pidfd) {
		args.flags |= CLONE_PIDFD;
		args.pidfd = (uint64_t) (uintptr_t) c->ret_pidfd;
	}
	if (c->cgroup_fd >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t) c->cgroup_fd;
	}
	c->outside_cgroup = false;
	pid_t pid = (pid_t) syscall(SYS_clone3, &args, sizeof args);
	if (pid < 0 && c->cgroup_fd >= 0 && (errno == EACCES || errno == EBUSY || errno == EOPNOTSUPP)) {
		/* v2's rules for starting in a cgroup are stricter than those for being moved */
		args.flags &= ~(uint64_t) CLONE_INTO_CGROUP;
		c->outside_cgroup = true;
		pid = (pid_t) syscall(SYS_clone3, &args, sizeof args);
	}
	if (pid < 0 && errno == ENOSYS) {
		c->outside_cgroup = c->cgroup_fd >= 0;
		pid = clone_old(c);
	}
	if (pid >= 0)
		return pid;
	int r = error_set(err, errno, "create the container's process");
	if (-r == EPERM && (c->flags & CLONE_NEWUSER))
		return error_hint(err, "is a limit set in /proc/sys/user/max_user_namespaces or "
				  "/proc/sys/kernel/unprivileged_userns_clone?");
	if (-r == ENOSPC)
		return error_hint(err, "a limit in /proc/sys/user is reached");
	return r;
}
