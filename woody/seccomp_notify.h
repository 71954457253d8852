/* seccomp_notify.h - the listener of a filter with SCMP_ACT_NOTIFY, handed to whoever answers (runtime-spec config-linux.md
 * "The Container Process State", seccomp_unotify(2)).
 *
 * Calling sequence; everything is a no-op while nothing is wanted:
 *	parent	seccomp_notify_prepare()	connects to the agent: nothing has been made yet
 *	parent	seccomp_notify_fork()		the sender: a process that shares its table of fds with us ...
 *	parent	clone(... CLONE_FILES)		... and with the child
 *	parent	seccomp_notify_part()		and now we have a table of our own again
 *	child	seccomp_notify_wait()		until then it must not close anything
 *	parent	seccomp_notify_follow()		which process it is in the end
 *	child	seccomp_notify_begin()		the last chance to fail: the agent is there
 *	child	seccomp_notify_give()		after the filter is loaded; no system call
 *	parent	seccomp_notify_finish()		the sender has done its work
 */
#pragma once
#include "container.h"
#include "error.h"
#include "runtime_spec.h"
#include "seccomp.h"
#include <stdbool.h>
#include <sys/types.h>

struct seccomp_notify {
	/* instead of sending the listener to an agent: called in the sender, which then has fds 0-2 only: @listener_fd, @pidfd
	 * (of the filtered process), and what out_fd was as its stderr. What it returns is the sender's exit code. */
	int (*serve)(void *ctx, int listener_fd, int pidfd);
	void *ctx;
	int out_fd;			/* owned; -1: stderr as it is */

	const char *path, *metadata;	/* of the agent; borrowed. NULL without @serve: nothing is wanted */
	int agent_fd;			/* connected; -1: the sender connects when the time has come */
	pid_t pid;			/* the sender, a child of the parent; 0: none */
	struct notify_shared *shared;	/* memory that all three see; NULL: no sender */
};
#define SECCOMP_NOTIFY_INIT { .out_fd = -1, .agent_fd = -1 }

/* seccomp_notify_prepare - find the agent: linux.seccomp.listenerPath, or else the annotation run.oci.seccomp.receiver
 * @later: the program is not started now (`create`): an agent that takes one connection after the other would wait for
 *	   our message for as long as the container waits for its start. So it is only looked whether a socket is there.
 * Nothing happens unless @filter->notify. Errors: "failed to connect with seccomp agent ...". */
int seccomp_notify_prepare(struct seccomp_notify *n, const struct seccomp_filter *filter, const struct runtime_spec *spec,
			   bool later, struct error *err);

/* seccomp_notify_fork - start the sender. @container is what the state tells of; @exec: its process exists already
 * Return: 1 when there is one: the next clone has to be with CLONE_FILES, and seccomp_notify_part() must follow; 0; -errno */
int seccomp_notify_fork(struct seccomp_notify *n, const struct container *container, bool exec, struct error *err);
int seccomp_notify_part(struct seccomp_notify *n, struct error *err);
int seccomp_notify_wait(struct seccomp_notify *n, struct error *err);
void seccomp_notify_follow(struct seccomp_notify *n, pid_t pid);

int seccomp_notify_begin(struct seccomp_notify *n, struct error *err);
void seccomp_notify_give(struct seccomp_notify *n, int listener_fd);

/* seccomp_notify_finish - wait for the sender: it ends when the listener is sent, or when its process has ended.
 * Return: its exit code, 0 when there was none */
int seccomp_notify_finish(struct seccomp_notify *n);
/* seccomp_notify_leave - `create`: the sender outlives us */
int seccomp_notify_leave(struct seccomp_notify *n, struct error *err);
void seccomp_notify_done(struct seccomp_notify *n);
