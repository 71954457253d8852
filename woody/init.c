/* Theory of operation: the order of the steps.
 *
 * - The cgroup comes first, so that everything that follows is counted, and so that the cgroup namespace, made right after,
 *   has the container's cgroup as its root. It is entered through fds the parent opened: no path is needed.
 * - The user namespace gives the privilege for every other namespace, so its ids are mapped before anything is done.
 * - A pid or time namespace that is joined, and a time namespace that is made, take effect for children only:
 *   a second process goes on (second_fork), as a child of the same parent (CLONE_PARENT).
 * - Files in /proc/self belong to us until we become the user namespace's root; then we cannot be dumped, and they are
 *   the host's root's. So oom_score_adj and the offsets of a time namespace come before that.
 * - The session keyring belongs to the user namespace's root; its label needs the caller's /proc.
 * - The console's pty comes from the container's devpts, so it follows the mounts; /dev/console precedes the read-only remount.
 * - Hooks of the caller (createRuntime) see the mounts and run before pivot_root; createContainer's run here.
 * - sysctl needs a procfs of the new namespaces and must precede the read-only /proc/sys.
 * - Affinity, scheduler, memory policy and personality come in the container's cgroup, whose cpuset they depend on.
 * - Landlock's rules are made of paths as the program will see them, with the right to open each; they apply later.
 * - rlimits come late, so that a small RLIMIT_NOFILE does not hit us, and before the user changes, which costs the
 *   right to raise them.
 * The last part (user, seccomp, capabilities, execve) has an order of its own, argued in execute.c.
 */
#include "init.h"
#include "affinity.h"
#include "channel.h"
#include "cleanup.h"
#include "clone.h"
#include "console.h"
#include "devices.h"
#include "execute.h"
#include "fs.h"
#include "hooks.h"
#include "log.h"
#include "memory_policy.h"
#include "scheduling.h"
#include "sysctl.h"
#include <fcntl.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <linux/magic.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

struct step { const char *what; int (*run)(struct init *, struct error *); };

static bool own(const struct init *i, int flag)
{
	return i->namespaces && (i->namespaces->own & flag);
}

/* ask - the parent for what only it can do, and wait until it is done. @what: "the cgroup" */
static int ask(const struct init *i, enum message_kind kind, const char *what, struct error *err)
{
	int r = channel_send(i->channel, kind, 0, -1);
	return r < 0 ? error_set(err, -r, "ask for %s", what) : channel_expect(i->channel, MESSAGE_GO, err);
}

static int step_cgroup(struct init *i, struct error *err)
{
	int r = i->outside_cgroup ? ask(i, MESSAGE_CGROUP, "the cgroup", err) : 0;
	return r == 0 && i->cgroup ? cgroup_join(i->cgroup, err) : r;
}

/* ---- namespaces ---- */

/* become_root - in a user namespace: id 0 of it. Without a mapping of 0 we stay who we are, with all capabilities. */
static int become_root(struct error *err)
{
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return errno == EINVAL ? 0 : error_set(err, errno, "become root of the user namespace");
	return 0;
}

static int step_user_namespace(struct init *i, struct error *err)
{
	bool joined = i->namespaces->joined & CLONE_NEWUSER;
	if (!own(i, CLONE_NEWUSER) && !joined)
		return 0;
	int r = namespaces_join_early(i->namespaces, err);
	if (r < 0)
		return r;
	if (joined)
		return namespaces_join(i->namespaces, CLONE_NEWUSER, err);
	if (i->second_fork && unshare(CLONE_NEWUSER) < 0)
		return error_set(err, errno, "make the user namespace");
	return ask(i, MESSAGE_MAP, "the id maps", err);
}

static int write_time_offsets(const struct init *i, struct error *err)
{
	const struct spec_linux *l = i->spec->linux_;
	struct buf text cleanup_buf = { 0 };
	for (size_t n = 0; n < l->n_time_offsets; n++)
		buf_printf(&text, "%s %lld %u\n", l->time_offsets[n].clock, (long long) l->time_offsets[n].secs,
			   l->time_offsets[n].nanosecs);
	if (text.len == 0)
		return 0;
	int r = fs_write_file(i->proc_fd, "self/timens_offsets", buf_str(&text), err);
	return r < 0 ? error_wrap(err, "linux.timeOffsets") : 0;
}

static int step_time_namespace(struct init *i, struct error *err)
{
	if (!own(i, CLONE_NEWTIME))
		return 0;
	if (unshare(CLONE_NEWTIME) < 0)
		return error_set(err, errno, "make the time namespace");
	return write_time_offsets(i, err);
}

static int step_become_root(struct init *i, struct error *err)
{
	return (i->namespaces->own | i->namespaces->joined) & CLONE_NEWUSER ? become_root(err) : 0;
}

/* step_join - those by path; and, when a second process follows, our own that clone3() has not made yet */
static int step_join(struct init *i, struct error *err)
{
	if (i->exec) {
		if (i->join_flags && setns(i->join_pidfd, i->join_flags) < 0)
			return error_set(err, errno, "join the container's namespaces");
		return i->join_flags & CLONE_NEWUSER ? become_root(err) : 0;
	}
	int r = namespaces_join(i->namespaces, ~CLONE_NEWUSER, err);
	if (r < 0 || !i->second_fork)
		return r;
	/* the pid namespace is made by the second clone; the time one is, and the cgroup one comes by step_cgroup_namespace */
	int flags = i->namespaces->own & ~(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWTIME | CLONE_NEWCGROUP);
	if (flags && unshare(flags) < 0)
		return error_set(err, errno, "make the container's namespaces");
	return 0;
}

/* step_fork - the child goes on, we end. The parent learns the pid from us: only we see it as a number it can use. */
static int step_fork(struct init *i, struct error *err)
{
	if (!i->second_fork)
		return 0;
	struct clone_request c = { .flags = CLONE_PARENT | (own(i, CLONE_NEWPID) ? CLONE_NEWPID : 0), .cgroup_fd = -1 };
	if (i->notify->shared)
		c.flags |= CLONE_FILES;	/* with the sender (seccomp_notify.c) */
	pid_t pid = clone_process(&c, err);
	if (pid < 0)
		return pid;
	if (pid == 0)	/* the parent must know us before it hears from us */
		return channel_expect(i->channel, MESSAGE_GO, err);
	(void) channel_send(i->channel, MESSAGE_PID, pid, -1);
	_exit(0);
}

static int step_cgroup_namespace(struct init *i, struct error *err)
{
	if (own(i, CLONE_NEWCGROUP) && unshare(CLONE_NEWCGROUP) < 0)
		return error_set(err, errno, "make the cgroup namespace");
	return 0;
}

/* ---- the process' own ---- */

/* join_keyring - one of the container's own, or it would share the caller's. exec finds it by its name, and may because its
 * owner may search it. Kernels and filters without keyrings are common. */
static int join_keyring(const struct init *i, struct error *err)
{
	enum { PERMISSIONS = 0x3f000000 /* all, for who possesses it */ | 0x00010000 | 0x00020000 | 0x00080000 | 0x00100000 };
	cleanup_free char *name = xasprintf("_ses.%s", i->container->id);
	int r = labels_keyring(&i->labels, i->proc_fd, true, err);
	if (r < 0)
		return r;
	long key = syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name);
	if (key < 0 || syscall(SYS_keyctl, KEYCTL_SETPERM, key, PERMISSIONS) < 0)
		log_debug("join the session keyring %s: %s", name, strerror(errno));
	return labels_keyring(&i->labels, i->proc_fd, false, err);
}

static int step_session(struct init *i, struct error *err)
{
	if (setsid() < 0 && errno != EPERM)
		return error_set(err, errno, "start a session");
	return i->no_new_keyring ? 0 : join_keyring(i, err);
}

static int step_oom_score(struct init *i, struct error *err)
{
	/* for a user namespace of its own the parent has, with its privileges */
	if (!i->process || !i->process->oom_score_adj || own(i, CLONE_NEWUSER))
		return 0;
	return identity_oom_score(i->proc_fd, 0, *i->process->oom_score_adj, i->rootfs.user_namespace, err);
}

/* step_loopback - a new network namespace has its loopback device down; every program expects 127.0.0.1 */
static int step_loopback(struct init *i, struct error *err)
{
	if (!own(i, CLONE_NEWNET))
		return 0;
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	cleanup_close int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);	/* any socket takes the call */
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo) < 0)
		return error_set(err, errno, "set the loopback device up");
	return 0;
}

static int step_netdevs(struct init *i, struct error *err)
{
	if (!i->spec->linux_ || !i->spec->linux_->n_net_devices)
		return 0;
	return ask(i, MESSAGE_NETDEVS, "the network devices", err);
}

static int step_names(struct init *i, struct error *err)
{
	const char *host = i->spec->hostname, *domain = i->spec->domainname;
	if (host && sethostname(host, strlen(host)) < 0)
		return error_set(err, errno, "set the hostname '%s'", host);
	if (domain && setdomainname(domain, strlen(domain)) < 0)
		return error_set(err, errno, "set the domainname '%s'", domain);
	return 0;
}

static int step_sysctl(struct init *i, struct error *err)
{
	const struct spec_linux *l = i->spec->linux_;
	if (!l || l->sysctl.n == 0)
		return 0;
	/* a procfs of our own: the container's may be a volume, a link, or not there */
	cleanup_close int fs = (int) syscall(SYS_fsopen, "proc", 1 /* FSOPEN_CLOEXEC */);
	bool made = fs >= 0 && syscall(SYS_fsconfig, fs, 6 /* FSCONFIG_CMD_CREATE */, NULL, NULL, 0) == 0;
	/* with the host's processes (no pid namespace) a user namespace may not have one: then the caller's, in which the files are
	 * those of our namespaces as well */
	if (!made && errno == EPERM)
		return sysctl_apply(&l->sysctl, i->proc_fd, err);
	if (!made)
		return error_set(err, errno, "make a procfs for linux.sysctl");
	cleanup_close int proc = (int) syscall(SYS_fsmount, fs, 1 /* FSMOUNT_CLOEXEC */, 0);
	if (proc < 0)
		return error_set(err, errno, "mount a procfs for linux.sysctl");
	return sysctl_apply(&l->sysctl, proc, err);
}

/* ---- rootfs ---- */

/* ask_source - rootfs.h: an fd from the parent */
static int ask_source(void *context, size_t index, struct error *err)
{
	const struct init *i = context;
	cleanup_close int fd = -1;
	int r = channel_send(i->channel, MESSAGE_SOURCE, (int) index, -1);
	if (r < 0)
		return error_set(err, -r, "ask for the source of a mount");
	r = channel_receive(i->channel, NULL, &fd, err);
	return r < 0 ? r : r != MESSAGE_GO || fd < 0 ? error_set(err, EPROTO, "the source of a mount") : take_fd(fd);
}

static int step_rootfs(struct init *i, struct error *err)
{
	i->rootfs.ask = ask_source;
	i->rootfs.ask_context = i;
	i->rootfs.cgroup = i->cgroup;
	i->rootfs.cgroup_namespace = own(i, CLONE_NEWCGROUP);
	int r = rootfs_attach(&i->rootfs, err);
	if (r == 0)
		r = rootfs_mounts(&i->rootfs, err);
	if (r == 0)
		r = rootfs_devices(&i->rootfs, err);
	return r;
}

static int step_console(struct init *i, struct error *err)
{
	if (!i->process || !i->process->terminal)
		return 0;
	cleanup_close int slave = -1, root = -1;
	if (i->exec) {
		root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (root < 0)
			return error_set(err, errno, "open /");
	}
	cleanup_close int master = console_open(i->exec ? root : i->rootfs.fd, i->process->console_size, &slave, err);
	if (master < 0)
		return master;

	int r = 0;
	if (!i->exec)
		r = devices_bind_console(&i->rootfs, slave, err);
	if (r == 0)
		r = console_chown(slave, i->process->user.uid, err);
	if (r == 0 && i->console_fd >= 0) {
		r = console_send_to(i->console_fd, master, err);
	} else if (r == 0) {
		r = channel_send(i->channel, MESSAGE_CONSOLE, 0, master);
		if (r < 0)
			r = error_set(err, -r, "hand over the terminal");
	}
	return r < 0 ? r : console_take(slave, err);
}

/* fds 0-2 that are regular files or pipes are given to the user, so that it can reopen /dev/stdout; never /dev/null,
 * which is the host's */
static int step_stdio(struct init *i, struct error *err)
{
	(void) err;
	if (!i->process || i->process->terminal || i->process->user.uid == 0)
		return 0;
	for (int fd = 0; fd < 3; fd++) {
		struct stat st;
		if (fstat(fd, &st) == 0 && !S_ISCHR(st.st_mode) && st.st_uid != i->process->user.uid &&
		    fchown(fd, i->process->user.uid, st.st_gid) < 0)
			log_debug("fd %d stays as it is: %s", fd, strerror(errno));	/* read-only, unmapped */
	}
	return 0;
}

/* hooks_inside - those that run in here; they see the pid that we see */
static int hooks_inside(const struct init *i, const char *kind, const struct spec_hook *hooks, size_t n,
			enum container_status status, const char *cwd, char *const *env, const struct seccomp_filter *filter,
			struct error *err)
{
	if (n == 0)
		return 0;
	i->container->record.pid = getpid();
	cleanup_free char *state = container_state(i->container, status, false, JSON_COMPACT);
	const struct hook_call call = { .state = state, .cwd = cwd, .env = env, .output = &i->hook_output, .filter = filter };
	return hooks_run(kind, hooks, n, &call, err);
}

static int step_hooks(struct init *i, struct error *err)
{
	const struct spec_hooks *h = i->spec->hooks;
	if (!h)
		return 0;
	if (h->n_prestart || h->n_create_runtime) {
		int r = ask(i, MESSAGE_HOOKS, "the hooks", err);
		if (r < 0)
			return r;
	}
	return hooks_inside(i, "createContainer", h->create_container, h->n_create_container, CONTAINER_CREATING,
			    i->rootfs.path, NULL, NULL, err);
}

static int step_pivot(struct init *i, struct error *err)
{
	return rootfs_pivot(&i->rootfs, err);
}

static int step_finish(struct init *i, struct error *err)
{
	return rootfs_finish(&i->rootfs, err);
}

static int step_scheduling(struct init *i, struct error *err)
{
	const struct spec_linux *l = i->spec->linux_;
	int r = affinity_final(i->exec && i->process ? i->process->exec_cpu_affinity : NULL, err);
	if (r == 0)
		r = scheduling_apply(i->process, l, err);
	return r < 0 ? r : memory_policy_apply(l ? l->memory_policy : NULL, err);
}

static int step_labels(struct init *i, struct error *err)
{
	return labels_apply(&i->labels, i->proc_fd, err);
}

static int step_landlock(struct init *i, struct error *err)
{
	return landlock_make(&i->landlock, &i->landlock_fd, err);
}

static int step_limits(struct init *i, struct error *err)
{
	return i->process ? identity_limits(i->process, err) : 0;
}

static const struct step create_steps[] = {
	{ "set oom_score_adj", step_oom_score },
	{ "enter the cgroup", step_cgroup },
	{ "enter the user namespace", step_user_namespace },
	{ "make the time namespace", step_time_namespace },
	{ "become its root", step_become_root },
	{ "join namespaces", step_join },
	{ "fork", step_fork },
	{ "make the cgroup namespace", step_cgroup_namespace },
	{ "start a session", step_session },
	{ "set up the rootfs", step_rootfs },
	{ "set up the terminal", step_console },
	{ "set the loopback device up", step_loopback },
	{ "get network devices", step_netdevs },
	{ "set the names", step_names },
	{ "run hooks", step_hooks },
	{ "set sysctls", step_sysctl },
	{ "change the root", step_pivot },
	{ "mask paths", step_finish },
	{ "give stdio to the user", step_stdio },
	{ "set scheduling", step_scheduling },
	{ "set labels", step_labels },
	{ "make the Landlock rules", step_landlock },
	{ "set limits", step_limits },
};

static const struct step exec_steps[] = {
	{ "set oom_score_adj", step_oom_score },
	{ "enter the cgroup", step_cgroup },
	{ "join namespaces", step_join },
	{ "fork", step_fork },
	{ "start a session", step_session },
	{ "set up the terminal", step_console },
	{ "give stdio to the user", step_stdio },
	{ "set scheduling", step_scheduling },
	{ "set labels", step_labels },
	{ "make the Landlock rules", step_landlock },
	{ "set limits", step_limits },
};

static int run_steps(struct init *i, const struct step *steps, size_t n, struct error *err)
{
	for (size_t s = 0; s < n; s++) {
		int r = steps[s].run(i, err);
		if (r < 0) {
			log_debug("init: could not %s", steps[s].what);
			return r;
		}
		log_debug("init: %s", steps[s].what);
	}
	return 0;
}

/* wait_for_start - `run` and exec: the parent says go. `create`: the parent says go once the record is written (if it
 * is killed before, we must not stay), and then somebody connects. Afterwards i->channel reaches whoever started us. */
static int wait_for_start(struct init *i, struct error *err)
{
	int r = channel_send(i->channel, MESSAGE_READY, 0, -1);
	if (r < 0)
		return error_set(err, -r, "report to the parent");
	r = channel_expect(i->channel, MESSAGE_GO, err);
	if (r < 0 || i->listen_fd < 0)
		return r;

	close_fd(&i->channel);	/* `create` returns now */
	do
		i->channel = accept4(i->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	while (i->channel < 0 && errno == EINTR);
	if (i->channel < 0)
		return error_set(err, errno, "wait for the start");
	close_fd(&i->listen_fd);
	return 0;
}

static int start_hooks(const struct init *i, const struct program *p, struct error *err)
{
	const struct spec_hooks *h = i->spec->hooks;
	if (i->exec || !h)
		return 0;
	return hooks_inside(i, "startContainer", h->start_container, h->n_start_container, CONTAINER_CREATED, NULL, p->env,
			    i->seccomp, err);
}

/* close_host_fds - from here on paths are the container's (the program's, an interpreter's), and /proc/self/fd/N in one
 * of them must not lead to the host (CVE-2024-21626): close-on-exec would come too late. */
static void close_host_fds(struct init *i)
{
	close_fd(&i->proc_fd);
	close_fd(&i->console_fd);
	close_fd(&i->join_pidfd);
	close_fd(&i->container->dir_fd);
	close_fd(&i->rootfs.fd);
	if (i->namespaces)
		namespaces_done(i->namespaces);
}

_Noreturn void init_main(struct init *i)
{
	struct error err = { 0 };
	struct program program = { 0 };
	log_redirect(channel_log, &i->channel);
	log_debug("nsexec container setup");	/* these two are runc's words, which its callers look for */
	log_debug("child process in init()");
	(void) signal(SIGPIPE, SIG_IGN);

	int r = i->exec ? run_steps(i, exec_steps, sizeof exec_steps / sizeof *exec_steps, &err)
			: run_steps(i, create_steps, sizeof create_steps / sizeof *create_steps, &err);
	if (r < 0 && !i->exec)
		error_wrap(&err, "error during container init");
	if (r == 0) {
		close_host_fds(i);
		r = execute_prepare(i, &program, &err);
	}
	if (r == 0) {
		log_debug("init: closing the pipe to signal completion");
		r = wait_for_start(i, &err);
	}
	if (r == 0 && !i->process)
		r = error_say(&err, EINVAL, "config.json has no process: there is nothing to start");
	if (r == 0)
		r = start_hooks(i, &program, &err);
	if (r == 0)
		execute_program(i, &program, &err);
	(void) channel_send_error(i->channel, &err);
	_exit(1);
}
