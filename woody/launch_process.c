/* Making the process that becomes the container, answering its requests, and taking it back. */
#include "launch_impl.h"
#include "cgroup/delegate.h"
#include "channel.h"
#include "cleanup.h"
#include "clone.h"
#include "console.h"
#include "fs.h"
#include "idmap.h"
#include "intel_rdt.h"
#include "proc.h"
#include "socket.h"
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

/* launch_listen - bound through the directory's fd: the state's path may be longer than a socket's name may be */
int launch_listen(struct launch *l, struct error *err)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	snprintf(at.sun_path, sizeof at.sun_path, "/proc/self/fd/%d/start.sock", l->container.dir_fd);
	cleanup_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *) &at, sizeof at) < 0 || listen(fd, 1) < 0)
		return error_set(err, errno, "create '%s/start.sock'", l->container.dir);
	l->init.listen_fd = take_fd(fd);
	return 0;
}

int launch_make_cgroup(struct launch *l, struct error *err)
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

/* launch_clone - the namespaces that clone3() makes at once. With a second fork none: init makes them (step_user_namespace,
 * step_join). */
int launch_clone(struct launch *l, struct error *err)
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

/* launch_enter_cgroup - what the clone could not do. v2 lets no process into a cgroup that has handed controllers down, which a
 * container does with its own; then init is below it, and `exec` goes there, unless a cgroup was asked for. */
int launch_enter_cgroup(struct launch *l, struct error *err)
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

int launch_parent_hooks(struct launch *l, struct error *err)
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

int launch_send_go(struct launch *l, struct error *err)
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

/* launch_converse - answer init's requests until it is ready */
int launch_converse(struct launch *l, struct error *err)
{
	for (;;) {
		int value, fd = -1;
		int kind = channel_receive(l->channel, &value, &fd, err);
		int r = kind;
		switch (kind) {
		case MESSAGE_CGROUP: r = launch_enter_cgroup(l, err); break;
		case MESSAGE_MAP: r = write_maps(l, err); break;
		case MESSAGE_PID:
			r = next_pid(l, value, err);
			break;
		case MESSAGE_NETDEVS:
			r = netdev_move(l->container.spec, l->init.proc_fd, l->pid, &l->netdevs, err);
			break;
		case MESSAGE_HOOKS:
			l->container.record.pid = l->pid;
			r = launch_parent_hooks(l, err);
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
			r = launch_send_go(l, err);
		if (r < 0)
			return r;
	}
}

/* launch_write_pid_file - the decimal number without a newline, complete or not there */
int launch_write_pid_file(const char *path, pid_t pid, struct error *err)
{
	char text[16];
	int n = snprintf(text, sizeof text, "%d", pid);
	return fs_replace_file(AT_FDCWD, path, text, (size_t) n, 0644, false, err);
}

/* launch_send_pidfd - to --pidfd-socket; the text is for receivers that want one */
int launch_send_pidfd(const struct launch *l, struct error *err)
{
	if (!l->pidfd_socket)
		return 0;
	cleanup_close int fd = socket_connect(l->pidfd_socket, "pidfd socket", err);
	if (fd < 0)
		return fd;
	int r = socket_send(fd, "pidfd", strlen("pidfd"), l->pidfd);
	return r < 0 ? error_set(err, -r, "send a pidfd to the pidfd socket '%s'", l->pidfd_socket) : 0;
}

int launch_finish_record(struct launch *l, struct error *err)
{
	l->container.record.pid = l->pid;
	int r = proc_start_time(l->pid, &l->container.record.start_time);
	if (r < 0)
		return error_set(err, -r, "look at process %d", l->pid);
	r = container_save(&l->container, err);
	if (r == 0 && l->pid_file)
		r = launch_write_pid_file(l->pid_file, l->pid, err);
	return r < 0 ? r : launch_send_pidfd(l, err);
}

/* launch_explain_end - init's death without a word has a reason more often than not */
int launch_explain_end(struct launch *l, int r, struct error *err)
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

void launch_kill_init(struct launch *l)
{
	if (l->pid > 0) {
		(void) kill(l->pid, SIGKILL);
		(void) proc_wait(l->pid);
		l->pid = 0;
	}
}

/* launch_undo - the mirror of launch_create() */
void launch_undo(struct launch *l)
{
	struct error failed = { 0 };	/* besides what has failed already, which the caller tells */
	launch_kill_init(l);
	netdev_restore(&l->netdevs);
	if (l->cgroup) {
		(void) cgroup_kill(l->cgroup, SIGKILL, NULL);
		if (cgroup_remove(l->cgroup, &failed) < 0)
			log_warn("%s", failed.text);
	}
	intel_rdt_remove(&l->container, true);
	if (l->container.dir_fd >= 0 && container_remove(&l->container, &failed) < 0)
		log_warn("%s", failed.text);
	if (l->pid_file)
		(void) unlink(l->pid_file);
}
