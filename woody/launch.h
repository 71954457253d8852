/* launch.h - the parent's side of making a container or a process in one.
 *
 *	struct launch l = LAUNCH_INIT;
 *	l.root = ...; l.id = ...; l.bundle = ...;
 *	launch_create(&l, &err)		config.json -> cgroup -> clone <-> channel <-> init's steps -> record; init waits
 *	launch_start(&l, &err)		init goes on and executes the program
 *	launch_wait(&l, &exit_code, &err)	foreground: terminal and signals until it ends
 *	launch_done(&l)
 * launch_create() undoes everything it did when it fails.
 */
#pragma once
#include "container.h"
#include "explain.h"
#include "init.h"
#include "netdev.h"
#include <stdbool.h>

struct launch {
	/* given by the caller; borrowed */
	const char *root, *id, *bundle, *manager;
	const char *config;		/* file name; NULL: BUNDLE/config.json */
	const char *pid_file, *console_socket, *pidfd_socket;
	int preserve_fds;
	bool no_pivot, no_new_keyring;
	bool detach;			/* nobody waits: no terminal without a console socket */
	bool wait_for_start;		/* `create`: init listens on start.sock */
	bool rootless;			/* without permission for cgroups, go on */
	bool nested;			/* our user namespace is not the initial one */
	bool explain;			/* tell what seccomp denies, until launch_wait() returns */

	/* while it lasts */
	struct container container;
	struct namespaces namespaces;
	struct cgroup *cgroup;
	struct seccomp_filter seccomp;
	struct netdevs netdevs;
	struct seccomp_notify notify;
	struct explain explaining;
	struct init init;
	int channel, pidfd, master_fd;
	pid_t pid;
	bool follow_init;		/* exec: into init's cgroup when the container's own lets nobody in */
};
#define LAUNCH_INIT { .container = CONTAINER_INIT, .netdevs = NETDEVS_INIT, .notify = SECCOMP_NOTIFY_INIT, .channel = -1, .pidfd = -1, .master_fd = -1, .init = { .rootfs = ROOTFS_INIT, \
	.join_pidfd = -1, .channel = -1, .listen_fd = -1, .console_fd = -1, .proc_fd = -1, .landlock_fd = -1, .hook_output = HOOK_OUTPUT_INIT } }

int launch_create(struct launch *l, struct error *err);
int launch_start(struct launch *l, struct error *err);
/* launch_wait - until the container's process has ended. Return: its exit code (128 + n for signal n), or -errno */
int launch_wait(struct launch *l, struct error *err);
/* launch_end - what `delete` does, once the program has ended and been reaped, or could not start */
int launch_end(struct launch *l, struct error *err);
/* launch_foreground - launch_wait(), then launch_end() unless @keep. Return: the exit code, or -errno */
int launch_foreground(struct launch *l, bool keep, struct error *err);
void launch_done(struct launch *l);

/* launch_exec - a process in the running container l->container (loaded by the caller, with its spec); l->init.process says which.
 * @cgroup: where it goes. Return: 0 once the program runs; then launch_wait(). */
int launch_exec(struct launch *l, const struct cgroup_record *cgroup, char *const *sub_cgroups, struct error *err);

/* For `restore`, which gets its process from criu instead of a clone: launch_create() in parts, in this order. None undoes
 * anything when it fails; launch_undo() does then, once criu has ended.
 *	launch_restore()	the id, config.json, what there is to be checked, the record
 *	launch_restore_cgroup()	make the cgroup
 *	launch_restore_enter()	process @criu goes into it, and makes the container's there
 *	launch_restore_hooks()	prestart and createRuntime, when the namespaces of process @pid are there
 *	launch_restored()	process @pid, a child of ours, is the container's: onto record, pid file. Then launch_wait() */
int launch_restore(struct launch *l, struct error *err);
int launch_restore_cgroup(struct launch *l, struct error *err);
int launch_restore_enter(struct launch *l, pid_t criu, struct error *err);
int launch_restore_hooks(struct launch *l, pid_t pid, struct error *err);
int launch_restored(struct launch *l, pid_t pid, struct error *err);
/* launch_undo - process, devices, cgroup, directory, pid file; failures are warned of */
void launch_undo(struct launch *l);
