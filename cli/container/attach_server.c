#include "attach_server.h"
#include "cleanup.h"
#include "mem.h"
#include "memory.h"
#include "proc.h"
#include "socket.h"
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

enum { QUEUE_MAX = 1 << 20, PATIENCE_MS = 1000 };

int attach_listen(struct attach_server *s, const struct container *c, struct error *err)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	snprintf(at.sun_path, sizeof at.sun_path, "/proc/self/fd/%d/attach", c->dir_fd);
	cleanup_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int r = fd < 0 ? -1 : bind(fd, (struct sockaddr *) &at, sizeof at);
	if (r < 0 && errno == EADDRINUSE) {	/* the last monitor's */
		(void) unlinkat(c->dir_fd, "attach", 0);
		r = bind(fd, (struct sockaddr *) &at, sizeof at);
	}
	if (r < 0 || listen(fd, ATTACHED_MAX) < 0)
		return error_set(err, errno, "create '%s/attach'", c->dir);
	s->listen_fd = take_fd(fd);
	return 0;
}

struct attached *attach_add(struct attach_server *s, int fd, unsigned wants, bool patient)
{
	if (s->n == ATTACHED_MAX) {
		(void) close(fd);
		return NULL;
	}
	struct attached *a = xcalloc(1, sizeof *a);
	*a = (struct attached) { .fd = fd, .wants = wants, .patient = patient, .greeted = wants != 0 };
	s->clients[s->n++] = a;
	return a;
}

static void lose(struct attach_server *s, struct attached *a)
{
	s->on_message(s->ctx, a, 0, NULL, 0);
	for (size_t i = 0; i < s->n; i++)
		if (s->clients[i] == a) {
			s->clients[i] = s->clients[--s->n];
			break;
		}
	close_fd(&a->fd);
	buf_done(&a->queue);
	buf_done(&a->input);
	free(a);
}

void attach_done(struct attach_server *s)
{
	close_fd(&s->listen_fd);
	while (s->n)
		lose(s, s->clients[0]);
}

/* ---- to clients ---- */

static size_t unsent(const struct attached *a) { return a->queue.len - a->sent; }

/* send_now - what the socket takes. Return: false when the client is gone */
static bool send_now(struct attached *a)
{
	while (unsent(a)) {
		size_t len;
		memcpy(&len, a->queue.data + a->sent, sizeof len);
		ssize_t n = send(a->fd, a->queue.data + a->sent + sizeof len, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		a->sent += sizeof len + len;
	}
	if (!unsent(a)) {
		a->waited_ms = a->full_since = 0;
		buf_done(&a->queue);
		a->sent = 0;
	}
	return true;
}

/* note_full - counts the time in which others wait for it */
static void note_full(struct attached *a)
{
	bool full = unsent(a) > QUEUE_MAX;
	if (full && !a->full_since) {
		a->full_since = now_ms();
	} else if (!full && a->full_since) {
		a->waited_ms += now_ms() - a->full_since;
		a->full_since = 0;
	}
}

static void enqueue(struct attached *a, int kind, const void *data, size_t len)
{
	size_t whole = sizeof kind + len;
	if (a->sent > QUEUE_MAX) {	/* what was sent is not kept */
		memmove(a->queue.data, a->queue.data + a->sent, unsent(a));
		a->queue.len = unsent(a);
		a->sent = 0;
	}
	buf_add(&a->queue, &whole, sizeof whole);
	buf_add(&a->queue, &kind, sizeof kind);
	if (len)
		buf_add(&a->queue, data, len);
}

/* post - at once where the socket has room, else later. Return: false when the client is gone */
static bool post(struct attached *a, int kind, const void *data, size_t len)
{
	struct iovec iov[] = { { &kind, sizeof kind }, { (void *) (uintptr_t) data, len } };
	const struct msghdr msg = { .msg_iov = iov, .msg_iovlen = len ? 2 : 1 };
	if (!unsent(a)) {
		if (sendmsg(a->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
			return true;
		if (errno != EAGAIN && errno != EINTR)
			return false;
	}
	enqueue(a, kind, data, len);
	note_full(a);
	return true;
}

void attach_tell(struct attach_server *s, struct attached *client, int kind, const void *data, size_t len)
{
	for (size_t i = s->n; i-- > 0;) {
		if (i >= s->n)	/* losing one may have lost others */
			continue;
		struct attached *a = s->clients[i];
		if ((client ? a == client : a->greeted) && !a->leaving && !post(a, kind, data, len))
			lose(s, a);
	}
}

void attach_tell_int(struct attach_server *s, struct attached *client, int kind, int32_t value)
{
	attach_tell(s, client, kind, &value, sizeof value);
}

void attach_tell_exit(struct attach_server *s, int32_t code, bool last)
{
	for (size_t i = s->n; i-- > 0;)
		if (i < s->n && (last || !(s->clients[i]->wants & CLIENT_WANTS_END)))
			attach_tell_int(s, s->clients[i], MONITOR_EXIT, code);
}

void attach_output(struct attach_server *s, bool is_stderr, const char *data, size_t len)
{
	unsigned wanted = is_stderr ? CLIENT_WANTS_STDERR : CLIENT_WANTS_STDOUT;
	for (size_t i = s->n; i-- > 0;) {
		if (i >= s->n)	/* losing one may have lost others */
			continue;
		struct attached *a = s->clients[i];
		bool there = true;
		for (size_t at = 0; there && a->wants & wanted && at < len; at += PACKET_DATA_MAX)
			there = post(a, is_stderr ? MONITOR_STDERR : MONITOR_STDOUT, data + at,
				     len - at < PACKET_DATA_MAX ? len - at : PACKET_DATA_MAX);
		if (!there)
			lose(s, a);
	}
}

RESTING bool attach_is_full(const struct attach_server *s, int *ret_ms)
{
	bool full = false;
	int64_t least = -1;
	for (size_t i = 0; i < s->n; i++) {
		const struct attached *a = s->clients[i];
		if (!a->full_since)
			continue;
		full = true;
		int64_t left = PATIENCE_MS - a->waited_ms - (now_ms() - a->full_since);
		if (!a->patient && (least < 0 || left < least))
			least = left > 0 ? left : 0;
	}
	*ret_ms = (int) least;
	return full;
}

bool attach_idle(const struct attach_server *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (unsent(s->clients[i]) && !s->clients[i]->leaving)
			return false;
	return true;
}

/* cut_off - what it has not read goes; it is there until it has read why */
static void cut_off(struct attached *a)
{
	static const char why[] = "the container was detached from: its output came faster than it was read here; `carrier logs` has all of it";
	a->queue.len = a->sent;
	a->full_since = a->waited_ms = 0;
	a->wants = 0;
	enqueue(a, MONITOR_CUT, why, sizeof why - 1);
	a->leaving = true;
}

RESTING static void cut_off_slow(struct attach_server *s)
{
	int64_t now = now_ms();
	for (size_t i = s->n; i-- > 0;) {
		if (i >= s->n)	/* losing one may have lost others */
			continue;
		struct attached *a = s->clients[i];
		if (!a->patient && a->full_since && a->waited_ms + now - a->full_since >= PATIENCE_MS)
			cut_off(a);
	}
}

/* ---- from clients ---- */

/* take_message - false: it is gone */
static bool take_message(struct attach_server *s, struct attached *a)
{
	struct { int kind; char data[4096]; } packet;
	ssize_t n = socket_receive(a->fd, &packet, sizeof packet, NULL) - (ssize_t) sizeof packet.kind;
	if (n < 0)
		return false;
	switch (packet.kind) {
	case CLIENT_HELLO:
		if (n == sizeof(uint32_t) && !a->greeted)
			memcpy(&a->wants, packet.data, sizeof(uint32_t));
		a->greeted = true;
		a->wants &= CLIENT_WANTS_ALL | CLIENT_WANTS_END;
		s->on_message(s->ctx, a, CLIENT_HELLO, NULL, 0);
		return true;
	case CLIENT_INPUT:
		if (a->input.len + (size_t) n > INPUT_WINDOW + sizeof packet)	/* it does not keep to the window */
			return false;
		buf_add(&a->input, packet.data, (size_t) n);
		return true;
	case CLIENT_INPUT_END:
		a->input_ended = true;
		return true;
	case CLIENT_DETACH:
		a->wants &= ~(unsigned) CLIENT_WANTS_STDIN;
		return true;
	default:
		s->on_message(s->ctx, a, packet.kind, packet.data, (size_t) n);
		return true;
	}
}

static void take_client(struct attach_server *s)
{
	static const char full[] = "too many clients are attached to the container";
	int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		return;
	if (s->n == ATTACHED_MAX) {
		struct { int kind; char text[sizeof full - 1]; } packet = { .kind = MONITOR_CUT };
		memcpy(packet.text, full, sizeof packet.text);
		(void) send(fd, &packet, sizeof packet, MSG_DONTWAIT | MSG_NOSIGNAL);
		(void) close(fd);
		return;
	}
	(void) attach_add(s, fd, 0, false);
}

RESTING size_t attach_poll(const struct attach_server *s, struct pollfd *p)
{
	for (size_t i = 0; i < s->n; i++)
		p[i] = (struct pollfd) { .fd = s->clients[i]->fd, .events = (short) (POLLIN | (unsent(s->clients[i]) ? POLLOUT : 0)) };
	p[s->n] = (struct pollfd) { .fd = s->listen_fd, .events = POLLIN };
	return s->n + 1;
}

RESTING void attach_step(struct attach_server *s, const struct pollfd *p, size_t n)
{
	for (size_t i = s->n; i-- > 0;) {
		if (i >= s->n)	/* losing one may have lost others */
			continue;
		struct attached *a = s->clients[i];
		short what = 0;
		for (size_t k = 0; k < n; k++)	/* the list may have changed since it was made */
			if (p[k].fd == a->fd)
				what = p[k].revents;
		bool there = true;
		if (what & POLLOUT) {
			there = send_now(a) && !(a->leaving && !unsent(a));
			note_full(a);
		}
		if (there && what & (POLLIN | POLLHUP | POLLERR))
			there = take_message(s, a);
		if (!there)
			lose(s, a);
	}
	if (p[n - 1].revents && p[n - 1].fd == s->listen_fd && s->listen_fd >= 0)
		take_client(s);
	cut_off_slow(s);
}
