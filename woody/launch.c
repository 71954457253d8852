/* Theory of operation. Everything that can be wrong in config.json is looked at before anything is made. What is made then
 * (directory, cgroup, process) is undone in the reverse order if a later part fails. The parent keeps the privileges and the
 * host's view; the child has neither for long. So the parent opens for the child what it will not reach any more:
 * namespace paths, cgroup files, sources of mounts in a foreign user namespace, the console socket.
 */
#include "launch.h"
#include "affinity.h"
#include "annotations.h"
#include "cgroup/delegate.h"
#include "channel.h"
#include "cleanup.h"
#include "clone.h"
#include "console.h"
#include "fs.h"
#include "hooks.h"
#include "idmap.h"
#include "intel_rdt.h"
#include "log.h"
#include "memory_policy.h"
#include "proc.h"
#include "scheduling.h"
#include "socket.h"
#include "sysctl.h"
#include "validate.h"
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

enum { CONFIG_MAX = 16 << 20 };

/* ---- before anything is made ---- */

/* container_saved_config goes with this: the text is what later commands read */
static int read_config(struct launch *l, char **text, size_t *len, struct error *err)
{
	cleanup_free char *path = l->config ? xstrdup(l->config) : xasprintf("%s/config.json", l->bundle);
	int r = fs_read_file(AT_FDCWD, path, CONFIG_MAX, text, len, err);
	if (r == -ENOENT && !l->config)
		return error_say(err, ENOENT, "no config.json in the bundle '%s': No such file or directory; give the "
				 "bundle's directory with --bundle, or make one with `woody spec`", l->bundle);
	if (r < 0)
		return r;
	r = json_decode(&runtime_spec_type, *text, *len, &l->container.pool, &l->container.spec, err);
	return r < 0 ? error_wrap(err, "%s", path) : validate_spec(l->container.spec, err);
}

static int open_proc(int *ret, struct error *err)
{
	cleanup_close int fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_set(err, errno, "open /proc");
	if (fs_is_type(fd, PROC_SUPER_MAGIC) <= 0)
		return error_say(err, EINVAL, "/proc is not a procfs");
	*ret = take_fd(fd);
	return 0;
}

/* fill_record - what `state` shows; the pid comes later */
static int fill_record(struct launch *l, struct error *err)
{
	struct container_record *rec = &l->container.record;
	struct pool *pool = &l->container.pool;
	const struct runtime_spec *spec = l->container.spec;
	struct timespec now;
	char when[40];
	clock_gettime(CLOCK_REALTIME, &now);

	cleanup_free char *bundle = NULL;
	int r = fs_absolute(l->bundle, &bundle, err);
	if (r < 0)
		return r;
	rec->oci_version = spec->oci_version;
	rec->id = l->container.id;
	rec->bundle = pool_strdup(pool, bundle);
	const char *root = spec->root->path;
	cleanup_free char *joined = root[0] == '/' ? xstrdup(root) : xasprintf("%s/%s", bundle, root);
	cleanup_free char *rootfs = NULL;
	r = fs_absolute(joined, &rootfs, err);
	if (r < 0)
		return r;
	rec->rootfs = pool_strdup(pool, rootfs);
	rec->created = pool_strdup(pool, str_rfc3339(now.tv_sec, now.tv_nsec, when));
	rec->boot_id = pool_strdup(pool, proc_boot_id());
	rec->owner = geteuid();
	rec->annotations = spec->annotations;
	return 0;
}

/* prepare_terminal - who gets the pty's master is decided before anything is made */
static int prepare_terminal(struct launch *l, const struct spec_process *p, struct error *err)
{
	bool terminal = p && p->terminal;
	if (terminal && !l->console_socket && l->detach)
		return error_say(err, EINVAL, "cannot allocate tty if runc will detach without setting console socket: "
				 "give --console-socket, or set process.terminal to false");
	if (!terminal && l->console_socket)
		return error_say(err, EINVAL, "cannot use console socket if runc will not detach or allocate tty: "
				 "process.terminal is false");
	if (!terminal || !l->console_socket)
		return 0;
	l->init.console_fd = console_connect(l->console_socket, err);
	return l->init.console_fd < 0 ? l->init.console_fd : 0;
}

/* check_process - what the modules of the child would refuse, while nothing has been made */
static int check_process(const struct spec_process *p, const struct spec_linux *lx, struct error *err)
{
	int r = scheduling_check(p, lx, err);
	if (r == 0 && p)
		r = affinity_check(p->exec_cpu_affinity, err);
	return r < 0 || !lx ? r : memory_policy_check(lx->memory_policy, err);
}

/* prepare_seccomp - the filter, and who answers what it notifies: an agent, or we ourselves for --explain */
static int prepare_seccomp(struct launch *l, struct error *err)
{
	const struct runtime_spec *spec = l->container.spec;
	const struct spec_seccomp *s = spec->linux_ ? spec->linux_->seccomp : NULL;
	l->init.seccomp = &l->seccomp;
	l->init.notify = &l->notify;
	if (!s && l->explain)
		log_warn("--explain: config.json has no linux.seccomp, so seccomp denies no system call and nothing can be explained");
	int r = s ? seccomp_prepare(s, l->root, &l->seccomp, err) : 0;
	if (r == 0 && s && l->explain) {
		l->explaining = (struct explain) { .profile = s, .filter = &l->seccomp,
						   .raw = l->init.process && l->init.process->terminal };
		l->notify.serve = explain_serve;
		l->notify.ctx = &l->explaining;
		l->notify.out_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
		r = seccomp_filter_explain(&l->seccomp, err);
	}
	return r < 0 ? r : seccomp_notify_prepare(&l->notify, &l->seccomp, spec, l->wait_for_start, err);
}

static int prepare(struct launch *l, struct error *err)
{
	struct runtime_spec *spec = l->container.spec;
	struct init *i = &l->init;
	int r = open_proc(&i->proc_fd, err);
	if (r == 0)
		r = annotations_check(spec, err);
	if (r == 0)
		r = namespaces_open(spec, &l->namespaces, err);
	if (r == 0)
		r = netdev_check(spec, &l->namespaces, err);
	if (r == 0)
		r = intel_rdt_check(spec, err);
	if (r == 0)
		r = sysctl_check(spec, err);
	if (r == 0)
		r = check_process(spec->process, spec->linux_, err);
	if (r == 0)
		r = prepare_terminal(l, spec->process, err);
	if (r == 0 && spec->process)
		r = identity_parse_capabilities(spec->process->capabilities, &i->capabilities, err);
	i->process = spec->process;
	if (r == 0)
		r = prepare_seccomp(l, err);
	if (r < 0)
		return r;

	r = landlock_parse(annotation_get(spec, ANNOTATION_LANDLOCK), &i->landlock, err);
	if (r == 0)
		r = landlock_check(&i->landlock, err);
	if (r == 0)
		r = hook_output_open(spec, &i->hook_output, err);
	if (r < 0)
		return r;
	labels_choose(spec->process, &i->labels);
	int own = l->namespaces.own, joined = l->namespaces.joined;
	i->spec = spec;
	i->namespaces = &l->namespaces;
	i->container = &l->container;
	i->preserve_fds = l->preserve_fds;
	i->no_new_keyring = l->container.record.no_new_keyring = l->no_new_keyring;
	i->mapped = (own & CLONE_NEWUSER) != 0;
	/* these take effect for children only; and a pid namespace must belong to the user namespace that is joined */
	i->second_fork = ((own | joined) & CLONE_NEWTIME) || (joined & (CLONE_NEWPID | CLONE_NEWUSER)) ||
			 (joined && (own & CLONE_NEWUSER));	/* which is made after they were joined */
	i->rootfs = (struct rootfs) {
		.spec = spec, .bundle = l->container.record.bundle, .path = l->container.record.rootfs, .fd = -1,
		.proc_fd = i->proc_fd, .no_pivot = l->no_pivot, .mount_label = labels_mount(spec->linux_),
		.user_namespace = ((own | joined) & CLONE_NEWUSER) || !idmap_is_initial(i->proc_fd),
		.mount_namespace = ((own | joined) & CLONE_NEWNS) != 0,
		.network_namespace = ((own | joined) & CLONE_NEWNET) != 0,
	};
	i->rootfs.privileged_parent = i->rootfs.mount_namespace && ((own | joined) & CLONE_NEWUSER) && geteuid() == 0;
	return 0;
}

/* ---- making ---- */

/* listen_for_start - bound through the directory's fd: the state's path may be longer than a socket's name may be */
static int listen_for_start(struct launch *l, struct error *err)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	snprintf(at.sun_path, sizeof at.sun_path, "/proc/self/fd/%d/start.sock", l->container.dir_fd);
	cleanup_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *) &at, sizeof at) < 0 || listen(fd, 1) < 0)
		return error_set(err, errno, "create '%s/start.sock'", l->container.dir);
	l->init.listen_fd = take_fd(fd);
	return 0;
}

static int make_cgroup(struct launch *l, struct error *err)
{
	const struct spec_linux *lx = l->container.spec->linux_;
	const struct cgroup_config config = {
		.id = l->id, .manager = l->manager, .rootless = l->rootless, .linux_ = lx,
		.path = lx ? lx->cgroups_path : NULL, .resources = lx ? lx->resources : NULL,
		.annotations = &l->container.spec->annotations,
	};
	int r = cgroup_create(&config, &l->cgroup, err);
	if (r == 0)
		l->init.outside_cgroup = cgroup_needs_process(l->cgroup);
	if (r == 0 && !l->init.outside_cgroup)
		r = cgroup_delegate(l->cgroup, l->container.spec, err);
	if (r == 0 && !l->init.outside_cgroup)
		r = cgroup_prepare_join(l->cgroup, err);
	if (r == 0) {
		cgroup_to_record(l->cgroup, &l->container.record.cgroup);
		l->init.cgroup = l->cgroup;
	}
	return r;
}

/* clone_init - the namespaces that clone3() makes at once. With a second fork none: init makes them (step_user_namespace,
 * step_join). */
static int clone_init(struct launch *l, struct error *err)
{
	int ends[2];
	int r = channel_open(ends, err);
	if (r < 0)
		return r;
	l->channel = ends[0];
	l->init.channel = ends[1];

	int flags = l->init.exec ? 0 : l->namespaces.own & ~(CLONE_NEWCGROUP | CLONE_NEWTIME);
	if (l->init.second_fork)
		flags = 0;
	int sender = seccomp_notify_fork(&l->notify, &l->container, l->init.exec, err);
	if (sender < 0)
		return sender;
	if (sender)
		flags |= CLONE_FILES;
	struct clone_request c = { .flags = (unsigned) flags, .cgroup_fd = l->cgroup ? cgroup_fork_fd(l->cgroup) : -1,
				   .ret_pidfd = &l->pidfd };
	l->pid = clone_process(&c, err);
	if (l->pid == 0) {
		if (seccomp_notify_wait(&l->notify, NULL) < 0)
			_exit(1);
		close_fd(&l->channel);
		l->init.outside_cgroup |= c.outside_cgroup;
		init_main(&l->init);
	}
	int parted = l->pid < 0 ? 0 : seccomp_notify_part(&l->notify, err);
	close_fd(&l->init.channel);
	close_fd(&l->init.listen_fd);
	close_fd(&l->init.console_fd);
	if (l->cgroup)
		cgroup_joined(l->cgroup);
	return l->pid < 0 ? l->pid : parted;
}

/* adopt_init - systemd: the cgroup is made around init. It goes on record at once: there is no pid in the record yet, so the
 * container is still being created, but `delete --force` finds the scope should we be killed. */
static int adopt_init(struct launch *l, struct error *err)
{
	int r = cgroup_adopt(l->cgroup, l->pid, err);
	if (r == 0)
		r = cgroup_delegate(l->cgroup, l->container.spec, err);
	cgroup_to_record(l->cgroup, &l->container.record.cgroup);
	return r < 0 ? r : container_save(&l->container, err);
}

/* enter_cgroup - what the clone could not do. v2 lets no process into a cgroup that has handed controllers down, which a
 * container does with its own; then init is below it, and `exec` goes there, unless a cgroup was asked for. */
static int enter_cgroup(struct launch *l, struct error *err)
{
	if (!l->init.exec && cgroup_needs_process(l->cgroup))
		return adopt_init(l, err);
	int r = cgroup_move(l->cgroup, l->pid, err);
	if (r == -EBUSY && l->follow_init) {
		r = cgroup_follow(l->cgroup, (pid_t) l->container.record.pid, err);
		if (r == 0)
			r = cgroup_move(l->cgroup, l->pid, err);
	}
	return r;
}

static void mappings(struct idmap *m, const struct spec_id_mapping *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		idmap_add(m, list[i].container_id, list[i].host_id, list[i].size);
	if (n == 0 && geteuid() == 0)
		idmap_add(m, 0, 0, UINT32_MAX);	/* a user namespace without mappings, made by root: everything as it is */
	else if (n == 0)
		idmap_add(m, 0, geteuid(), 1);
}

/* privileged_limits - only we have the privilege once the child is in a user namespace of its own; it lowers limits later itself */
static int privileged_limits(struct launch *l, struct error *err)
{
	const struct spec_process *p = l->container.spec->process;
	int r = p ? identity_raise_limits(l->pid, p, err) : 0;
	if (r == 0 && p && p->oom_score_adj)
		r = identity_oom_score(l->init.proc_fd, l->pid, *p->oom_score_adj, true, err);
	return r;
}

static int write_maps(struct launch *l, struct error *err)
{
	const struct spec_linux *lx = l->container.spec->linux_;
	struct idmap uids cleanup_idmap = { 0 }, gids cleanup_idmap = { 0 };
	mappings(&uids, lx->uid_mappings, lx->n_uid_mappings);
	mappings(&gids, lx->gid_mappings, lx->n_gid_mappings);
	if (lx->n_gid_mappings == 0 && geteuid() != 0)
		gids.ranges[0].host_id = getegid();
	int r = privileged_limits(l, err);
	if (r == 0)
		r = idmap_apply(l->pid, &uids, &gids, err);
	return r;
}

static int run_parent_hooks(struct launch *l, struct error *err)
{
	const struct spec_hooks *h = l->container.spec->hooks;
	cleanup_free char *state = container_state(&l->container, CONTAINER_CREATING, false, JSON_COMPACT);
	/* prestart hooks are told "created": that is what their authors were told by runc */
	cleanup_free char *prestart = container_state(&l->container, CONTAINER_CREATED, false, JSON_COMPACT);
	struct hook_call call = { .state = prestart, .cwd = l->container.record.bundle, .output = &l->init.hook_output };
	int r = hooks_run("prestart", h->prestart, h->n_prestart, &call, err);
	call.state = state;
	return r < 0 ? r : hooks_run("createRuntime", h->create_runtime, h->n_create_runtime, &call, err);
}

/* next_pid - the process that we cloned has handed over to its child, which is ours, too (CLONE_PARENT) */
static int next_pid(struct launch *l, pid_t pid, struct error *err)
{
	(void) proc_wait(l->pid);
	close_fd(&l->pidfd);
	l->pid = pid;
	l->pidfd = (int) syscall(SYS_pidfd_open, pid, 0);	/* our child, not reaped: the number is its */
	return l->pidfd < 0 ? error_set(err, errno, "hold process %d", pid) : 0;
}

static int send_go(struct launch *l, struct error *err)
{
	int r = channel_send(l->channel, MESSAGE_GO, 0, -1);
	return r < 0 ? error_set(err, -r, "tell the container's process to go on") : 0;
}

/* send_source - to the child, which cannot open it */
static int send_source(struct launch *l, int index, struct error *err)
{
	cleanup_close int fd = rootfs_source(&l->init.rootfs, (size_t) index, err);
	if (fd < 0)
		return fd;
	int r = channel_send(l->channel, MESSAGE_GO, 0, fd);
	return r < 0 ? error_set(err, -r, "hand over the source of a mount") : 0;
}

/* converse - answer init's requests until it is ready */
static int converse(struct launch *l, struct error *err)
{
	for (;;) {
		int value, fd = -1;
		int kind = channel_receive(l->channel, &value, &fd, err);
		int r = kind;
		switch (kind) {
		case MESSAGE_CGROUP: r = enter_cgroup(l, err); break;
		case MESSAGE_MAP: r = write_maps(l, err); break;
		case MESSAGE_PID:
			r = next_pid(l, value, err);
			break;
		case MESSAGE_NETDEVS:
			r = netdev_move(l->container.spec, l->init.proc_fd, l->pid, &l->netdevs, err);
			break;
		case MESSAGE_HOOKS:
			l->container.record.pid = l->pid;
			r = run_parent_hooks(l, err);
			break;
		case MESSAGE_SOURCE:
			r = send_source(l, value, err);
			if (r < 0)
				return r;
			continue;
		case MESSAGE_CONSOLE:
			l->master_fd = fd;
			r = console_clear_onlcr(fd, err);
			if (r < 0)
				return r;
			continue;
		case MESSAGE_READY:
			seccomp_notify_follow(&l->notify, l->pid);
			return 0;
		default:
			return r < 0 ? r : error_set(err, EPROTO, "message %d from init", kind);
		}
		if (r == 0)
			r = send_go(l, err);
		if (r < 0)
			return r;
	}
}

/* write_pid_file - the decimal number without a newline, complete or not there */
static int write_pid_file(const char *path, pid_t pid, struct error *err)
{
	char text[16];
	int n = snprintf(text, sizeof text, "%d", pid);
	return fs_replace_file(AT_FDCWD, path, text, (size_t) n, 0644, false, err);
}

/* send_pidfd - to --pidfd-socket; the text is for receivers that want one */
static int send_pidfd(const struct launch *l, struct error *err)
{
	if (!l->pidfd_socket)
		return 0;
	cleanup_close int fd = socket_connect(l->pidfd_socket, "pidfd socket", err);
	if (fd < 0)
		return fd;
	int r = socket_send(fd, "pidfd", strlen("pidfd"), l->pidfd);
	return r < 0 ? error_set(err, -r, "send a pidfd to the pidfd socket '%s'", l->pidfd_socket) : 0;
}

static int finish_record(struct launch *l, struct error *err)
{
	l->container.record.pid = l->pid;
	int r = proc_start_time(l->pid, &l->container.record.start_time);
	if (r < 0)
		return error_set(err, -r, "look at process %d", l->pid);
	r = container_save(&l->container, err);
	if (r == 0 && l->pid_file)
		r = write_pid_file(l->pid_file, l->pid, err);
	return r < 0 ? r : send_pidfd(l, err);
}

/* explain - init's death without a word has a reason more often than not */
static int explain(struct launch *l, int r, struct error *err)
{
	if (r != -EPIPE || l->pid <= 0)
		return r;
	int code = proc_wait_timeout(l->pid, l->pidfd, 1000);
	if (code == 128 + SIGKILL)
		error_say(err, EPIPE, "container init was killed; a memory limit that is too small for a start would do it");
	else if (code >= 0)
		error_say(err, EPIPE, "container init ended early, with status %d", code);
	if (code >= 0)
		l->pid = 0;
	return r;
}

static void kill_init(struct launch *l)
{
	if (l->pid > 0) {
		(void) kill(l->pid, SIGKILL);
		(void) proc_wait(l->pid);
		l->pid = 0;
	}
}

/* undo - the mirror of launch_create() */
static void undo(struct launch *l)
{
	struct error err = { 0 };
	kill_init(l);
	netdev_restore(&l->netdevs);
	if (l->cgroup) {
		(void) cgroup_kill(l->cgroup, SIGKILL, NULL);
		if (cgroup_remove(l->cgroup, &err) < 0)
			log_warn("%s", err.text);
	}
	intel_rdt_remove(&l->container, true);
	if (l->container.dir_fd >= 0 && container_remove(&l->container, &err) < 0)
		log_warn("%s", err.text);
	if (l->pid_file)
		(void) unlink(l->pid_file);
}

static int create(struct launch *l, struct error *err)
{
	cleanup_free char *text = NULL;
	size_t len;
	int r = read_config(l, &text, &len, err);
	if (r == 0)
		r = fill_record(l, err);
	if (r == 0)
		r = prepare(l, err);
	if (r == 0)
		r = container_save_config(&l->container, text, len, err);
	if (r == 0 && l->wait_for_start)
		r = listen_for_start(l, err);
	if (r == 0)
		r = make_cgroup(l, err);
	if (r == 0)
		r = clone_init(l, err);
	if (r == 0)
		r = converse(l, err);
	if (r == 0)
		r = intel_rdt_apply(&l->container, l->pid, err);
	if (r == 0)
		r = finish_record(l, err);
	if (r == 0 && l->wait_for_start)
		r = seccomp_notify_leave(&l->notify, err);
	if (r == 0 && l->wait_for_start)
		r = send_go(l, err);
	return explain(l, r, err);
}

int launch_create(struct launch *l, struct error *err)
{
	struct container reserved = CONTAINER_INIT;
	int r = container_reserve(l->root, l->id, &reserved, err);
	if (r < 0)
		return r;
	l->container = reserved;
	r = create(l, err);
	if (r < 0) {
		launch_undo(l, err);
		error_wrap(err, "unable to start container process");
	}
	return r;
}

int launch_start(struct launch *l, struct error *err)
{
	int r = send_go(l, err);
	if (r == 0)
		r = channel_receive(l->channel, NULL, NULL, err);
	if (r == -EPIPE) {	/* closed by execve */
		if (!l->explain && seccomp_notify_finish(&l->notify) != 0)
			log_warn("the seccomp agent went away before it got the listener: calls for it fail with ENOSYS");
		const struct spec_hooks *h = l->container.spec->hooks;
		if (l->init.exec || !h || !h->n_poststart)
			return 0;
		cleanup_free char *state = container_state(&l->container, CONTAINER_RUNNING, false, JSON_COMPACT);
		const struct hook_call call = { .state = state, .cwd = l->container.record.bundle, .output = &l->init.hook_output };
		return hooks_run("poststart", h->poststart, h->n_poststart, &call, err);
	}
	return r < 0 ? error_wrap(err, "unable to start container process") : error_set(err, EPROTO, "message %d from init", r);
}

void launch_done(struct launch *l)
{
	close_fd(&l->channel);
	close_fd(&l->pidfd);
	close_fd(&l->master_fd);
	close_fd(&l->init.listen_fd);
	close_fd(&l->init.console_fd);
	close_fd(&l->init.proc_fd);
	hook_output_done(&l->init.hook_output);
	landlock_done(&l->init.landlock);
	namespaces_done(&l->namespaces);
	netdev_done(&l->netdevs);
	rootfs_done(&l->init.rootfs);
	seccomp_notify_done(&l->notify);
	seccomp_filter_done(&l->seccomp);
	cgroup_free(l->cgroup);
	container_done(&l->container);
}

/* ---- restore ---- */

int launch_restore(struct launch *l, struct error *err)
{
	cleanup_free char *text = NULL;
	size_t len;
	struct container reserved = CONTAINER_INIT;
	int r = container_reserve(l->root, l->id, &reserved, err);
	if (r < 0)
		return r;
	l->container = reserved;
	r = read_config(l, &text, &len, err);
	if (r == 0)
		r = fill_record(l, err);
	if (r == 0)
		r = annotations_check(l->container.spec, err);
	if (r == 0)
		r = namespaces_open(l->container.spec, &l->namespaces, err);
	if (r == 0)
		r = prepare_terminal(l, l->container.spec->process, err);
	if (r == 0)
		r = hook_output_open(l->container.spec, &l->init.hook_output, err);
	return r < 0 ? r : container_save_config(&l->container, text, len, err);
}

int launch_restore_cgroup(struct launch *l, struct error *err)
{
	int r = make_cgroup(l, err);
	if (l->cgroup)
		cgroup_joined(l->cgroup);
	return r;
}

int launch_restore_enter(struct launch *l, pid_t criu, struct error *err)
{
	l->pid = criu;
	int r = enter_cgroup(l, err);
	l->pid = 0;	/* it ends by itself */
	return r;
}

int launch_restore_hooks(struct launch *l, pid_t pid, struct error *err)
{
	if (!l->container.spec->hooks)
		return 0;
	l->container.record.pid = pid;
	return run_parent_hooks(l, err);
}

int launch_restored(struct launch *l, pid_t pid, struct error *err)
{
	l->pid = pid;
	l->pidfd = (int) syscall(SYS_pidfd_open, pid, 0);
	return l->pidfd < 0 ? error_set(err, errno, "hold process %d", pid) : finish_record(l, err);
}

void launch_undo(struct launch *l, struct error *err)
{
	struct error kept = { 0 };
	if (err)
		kept = *err;
	undo(l);
	if (err)
		*err = kept;
}

/* ---- exec ---- */

static int exec_prepare(struct launch *l, const struct cgroup_record *record, char *const *sub, struct error *err)
{
	struct init *i = &l->init;
	const struct runtime_spec *spec = l->container.spec;
	int r = open_proc(&i->proc_fd, err);
	if (r < 0)
		return r;
	i->exec = true;
	i->spec = spec;
	i->container = &l->container;
	i->preserve_fds = l->preserve_fds;
	i->no_new_keyring = l->container.record.no_new_keyring;
	i->join_pidfd = container_pidfd(&l->container);
	if (i->join_pidfd < 0)
		return error_say(err, ESRCH, "cannot exec in a stopped container");
	r = namespaces_of(i->proc_fd, (pid_t) l->container.record.pid, &i->join_flags, err);
	if (r == 0)
		r = check_process(i->process, spec->linux_, err);
	if (r == 0)
		r = prepare_terminal(l, i->process, err);
	if (r == 0)
		r = identity_parse_capabilities(i->process->capabilities, &i->capabilities, err);
	if (r == 0)
		r = prepare_seccomp(l, err);
	if (r < 0)
		return r;
	r = landlock_parse(annotation_get(spec, ANNOTATION_LANDLOCK), &i->landlock, err);
	if (r < 0)
		return r;
	labels_choose(i->process, &i->labels);
	i->rootfs.user_namespace = (i->join_flags & CLONE_NEWUSER) || !idmap_is_initial(i->proc_fd);
	i->second_fork = (i->join_flags & (CLONE_NEWPID | CLONE_NEWTIME)) != 0;

	struct cgroup *cgroup = NULL;
	l->follow_init = !sub || !*sub;
	r = cgroup_load(record, &cgroup, err);
	if (r == 0 && sub && *sub)
		r = cgroup_sub(cgroup, sub, &l->cgroup, err);
	else if (r == 0)
		l->cgroup = take_ptr(cgroup);
	cgroup_free(cgroup);
	if (r == 0)
		r = cgroup_prepare_join(l->cgroup, err);
	i->cgroup = l->cgroup;
	return r;
}

int launch_exec(struct launch *l, const struct cgroup_record *record, char *const *sub, struct error *err)
{
	int r = exec_prepare(l, record, sub, err);
	if (r == 0)
		r = affinity_initial(l->init.process->exec_cpu_affinity, err);
	if (r == 0)
		r = clone_init(l, err);
	if (r == 0)
		r = converse(l, err);
	if (r == 0 && l->pid_file)
		r = write_pid_file(l->pid_file, l->pid, err);
	if (r == 0)
		r = send_pidfd(l, err);
	if (r == 0)
		r = launch_start(l, err);
	r = explain(l, r, err);
	if (r < 0)
		kill_init(l);
	return r;
}

/* ---- foreground ---- */

/* forward_until_exit - every signal that we get goes to the container's process; SIGCHLD tells that it has ended */
static int forward_until_exit(struct launch *l, struct error *err)
{
	sigset_t all, was;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &was);
	cleanup_close int sfd = signalfd(-1, &all, SFD_CLOEXEC);
	int r = sfd < 0 ? error_set(err, errno, "receive signals") : 0;
	while (r == 0) {
		struct pollfd p[2] = { { .fd = l->pidfd, .events = POLLIN }, { .fd = sfd, .events = POLLIN } };
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			r = error_set(err, errno, "wait for the container");
		if (p[0].revents)
			break;
		struct signalfd_siginfo info;
		if ((p[1].revents & POLLIN) && read(sfd, &info, sizeof info) == sizeof info && info.ssi_signo != SIGCHLD
		    && info.ssi_signo != SIGPIPE)
			(void) proc_signal(l->pidfd, (int) info.ssi_signo);
	}
	sigprocmask(SIG_SETMASK, &was, NULL);
	return r;
}

int launch_wait(struct launch *l, struct error *err)
{
	int r = l->master_fd >= 0 ? console_relay(l->master_fd, l->pidfd, err) : forward_until_exit(l, err);
	if (r < 0)
		return r;
	int code = proc_wait(l->pid);
	l->pid = 0;
	if (l->notify.serve) {
		(void) seccomp_notify_finish(&l->notify);
		cleanup_free char *text = explain_end(l->explaining.profile, code);
		if (*text)
			fprintf(stderr, "woody: seccomp: %s\n", text);
	}
	return code < 0 ? error_set(err, -code, "wait for the container") : code;
}
