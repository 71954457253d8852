/* init.h - the child: from the clone to the program of the container.
 *
 * init_main() never returns. It is entered in the cloned process, with a copy of everything the parent
 * decoded (there is one thread, so the heap is usable), runs a table of steps, tells the parent that it is ready, waits for
 * the start, and executes the program. Any failure crosses the channel as a struct error.
 */
#pragma once
#include "cgroup/cgroup.h"
#include "container.h"
#include "hooks.h"
#include "identity.h"
#include "labels.h"
#include "landlock.h"
#include "namespaces.h"
#include "rootfs.h"
#include "runtime_spec.h"
#include "seccomp.h"
#include "seccomp_notify.h"

struct init {
	const struct runtime_spec *spec;	/* of the container */
	const struct spec_process *process;	/* what to execute: spec->process, or exec's own; may be NULL until start */
	struct namespaces *namespaces;		/* NULL for exec */
	struct cgroup *cgroup;			/* to join; NULL: none */
	struct seccomp_filter *seccomp;
	struct seccomp_notify *notify;
	struct capability_sets capabilities;
	struct labels labels;
	struct landlock_rules landlock;		/* to be made in the container; then landlock_fd, -1: none */
	int landlock_fd;
	struct hook_output hook_output;
	struct rootfs rootfs;			/* create only */
	struct container *container;		/* for the state that hooks in here get */

	bool exec;		/* join a running container instead of making one */
	int join_pidfd;		/* exec: the container's init */
	int join_flags;		/* exec: CLONE_NEW* of the namespaces to enter */
	bool second_fork;	/* the pid or time namespace is entered by a child of ours, which goes on */
	bool outside_cgroup;	/* v2's was not entered by the clone, or is not there yet (systemd): ask the parent, and wait */

	int channel;		/* our end */
	int listen_fd;		/* `create`: where start connects; -1: the channel says go, too */
	int console_fd;		/* connected --console-socket, or -1: the master goes over the channel */
	int proc_fd;		/* O_PATH directory of the caller's /proc, verified */
	int preserve_fds;	/* how many fds from 3 on the program keeps */
	bool no_new_keyring;
};

_Noreturn void init_main(struct init *i);
