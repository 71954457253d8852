#include "channel.h"
#include "cleanup.h"
#include "socket.h"
#include <string.h>
#include <sys/socket.h>

int channel_open(int ret[2], struct error *err)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret) < 0)
		return error_set(err, errno, "create a socket pair");
	return 0;
}

/* only as much of the text as there is: a message is 1 KiB at most, usually a few bytes */
static size_t message_size(const struct message *m)
{
	return offsetof(struct message, error.text) + strlen(m->error.text) + 1;
}

static int send_message(int channel, const struct message *m, int fd)
{
	return socket_send(channel, m, message_size(m), fd);
}

int channel_send(int channel, enum message_kind kind, int value, int fd)
{
	return send_message(channel, &(struct message) { .kind = kind, .value = value }, fd);
}

int channel_send_error(int channel, const struct error *e)
{
	return send_message(channel, &(struct message) { .kind = MESSAGE_ERROR, .error = *e }, -1);
}

void channel_log(void *ctx, enum log_level level, const char *text)
{
	struct message m = { .kind = MESSAGE_LOG, .value = (int) level };
	strncpy(m.error.text, text, sizeof m.error.text - 1);
	(void) send_message(*(const int *) ctx, &m, -1);
}

int channel_receive(int channel, int *ret_value, int *ret_fd, struct error *err)
{
	for (;;) {
		struct message m;
		cleanup_close int fd = -1;
		memset(&m, 0, sizeof m);
		ssize_t n = socket_receive(channel, &m, sizeof m, &fd);
		if (n == 0)
			return error_say(err, EPIPE, "the other process ended without a word");
		if (n < 0)
			return error_set(err, (int) -n, "read from the other process");
		m.error.text[sizeof m.error.text - 1] = 0;
		switch (m.kind) {
		case MESSAGE_LOG:
			log_write((enum log_level) m.value, m.error.text);
			continue;
		case MESSAGE_ERROR:
			if (err)
				*err = m.error;
			return -(m.error.code > 0 ? m.error.code : EINVAL);
		default:
			if (ret_value)
				*ret_value = m.value;
			if (ret_fd)
				*ret_fd = take_fd(fd);
			return (int) m.kind;
		}
	}
}

int channel_expect(int channel, enum message_kind kind, struct error *err)
{
	int r = channel_receive(channel, NULL, NULL, err);
	if (r < 0)
		return r;
	return r == (int) kind ? 0 : error_set(err, EPROTO, "message %d instead of %d", r, (int) kind);
}
