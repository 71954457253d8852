/* Theory of operation. Everything that can be wrong in config.json is looked at before anything is made. What is made then
 * (directory, cgroup, process) is undone in the reverse order if a later part fails. The parent keeps the privileges and the
 * host's view; the child has neither for long. So the parent opens for the child what it will not reach any more:
 * namespace paths, cgroup files, sources of mounts in a foreign user namespace, the console socket.
 */
#include "launch_impl.h"
#include "channel.h"
#include "cleanup.h"
#include "console.h"
#include "intel_rdt.h"
#include "proc.h"
#include <poll.h>
#include <sys/signalfd.h>

static int create(struct launch *l, struct error *err)
{
	cleanup_free char *text = NULL;
	size_t len;
	int r = launch_read_config(l, &text, &len, err);
	if (r == 0)
		r = launch_fill_record(l, err);
	if (r == 0)
		r = launch_prepare(l, err);
	if (r == 0)
		r = container_save_config(&l->container, text, len, err);
	if (r == 0 && l->wait_for_start)
		r = launch_listen(l, err);
	if (r == 0)
		r = launch_make_cgroup(l, err);
	if (r == 0)
		r = launch_clone(l, err);
	if (r == 0)
		r = launch_converse(l, err);
	if (r == 0)
		r = intel_rdt_apply(&l->container, l->pid, err);
	if (r == 0)
		r = launch_finish_record(l, err);
	if (r == 0 && l->wait_for_start)
		r = seccomp_notify_leave(&l->notify, err);
	if (r == 0 && l->wait_for_start)
		r = launch_send_go(l, err);
	return launch_explain_end(l, r, err);
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
		launch_undo(l);
		error_wrap(err, "unable to start container process");
	}
	return r;
}

int launch_start(struct launch *l, struct error *err)
{
	int r = launch_send_go(l, err);
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

int launch_end(struct launch *l, struct error *err)
{
	l->container.record.pid = -1;	/* reaped: whoever has the number now is not it */
	return container_destroy(&l->container, err);
}

int launch_foreground(struct launch *l, bool keep, struct error *err)
{
	int code = launch_wait(l, err);
	if (code < 0 || keep)
		return code;
	int r = launch_end(l, err);
	return r < 0 ? r : code;
}
