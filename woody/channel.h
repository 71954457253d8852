/* channel.h - messages between the parent (launch.c) and the process that becomes the container (init.c).
 *
 * A SOCK_SEQPACKET pair: one message is one packet, so nothing is ever half read. An error crosses as the struct itself;
 * warnings cross as text, because only the parent knows where the log is. The other side's end shows as -EPIPE,
 * the success of execve(2) too: the child's end is close-on-exec.
 */
#pragma once
#include "error.h"
#include "log.h"
#include <sys/types.h>

enum message_kind {
	MESSAGE_ERROR = 1,	/* child: I failed; .error */
	MESSAGE_LOG,		/* child: .value is the level, .error.text the text */
	MESSAGE_CGROUP,		/* child: I am outside of the cgroup, put me in; answered by MESSAGE_GO */
	MESSAGE_MAP,		/* child: I am in my user namespace, write my id maps; answered by MESSAGE_GO */
	MESSAGE_PID,		/* child: .value is the pid of the process that goes on in my place; MESSAGE_GO is for that one */
	MESSAGE_NETDEVS,	/* child: my network namespace is there, move linux.netDevices to it; answered by MESSAGE_GO */
	MESSAGE_SOURCE,		/* child: I cannot open rootfs_source(.value); answered by MESSAGE_GO with its fd */
	MESSAGE_HOOKS,		/* child: everything is mounted, run prestart and createRuntime; answered by MESSAGE_GO */
	MESSAGE_CONSOLE,	/* child: here is the pty's master (a passed fd) */
	MESSAGE_READY,		/* child: all is set up; waits for MESSAGE_GO or for `start` */
	MESSAGE_GO,		/* parent: go on */
};

struct message {
	enum message_kind kind;
	int value;
	struct error error;
};

/* channel_open - [0] is the parent's end, [1] the child's; both close-on-exec */
int channel_open(int ret[2], struct error *err);
/* channel_send - @fd: to be passed along, or -1. Return: 0 or -errno (-EPIPE: nobody is there) */
int channel_send(int channel, enum message_kind kind, int value, int fd);
/* channel_send_error - the failure of the child, as it is */
int channel_send_error(int channel, const struct error *e);
/* channel_receive - the next message; MESSAGE_LOG is written to the log and not returned, MESSAGE_ERROR becomes the failure
 * @ret_fd: receives a passed fd or -1; NULL: none is expected
 * Return: the kind (> 0); -EPIPE when the other side has gone; else the error that the child sent, in @err
 */
int channel_receive(int channel, int *ret_value, int *ret_fd, struct error *err);
/* channel_expect - receive, and fail unless it is @kind */
int channel_expect(int channel, enum message_kind kind, struct error *err);
/* channel_log - a sink for log_redirect(): @ctx points to the channel's fd */
void channel_log(void *ctx, enum log_level level, const char *text);
