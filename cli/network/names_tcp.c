/* names_tcp.c - questions by connections, RFC 1035 4.2.2, RFC 7766: who was told that an answer was cut off comes here, and who likes TCP.
 *
 * Each connection is in one state at a time, waits for one event of one socket, and has a time by which the state must be over, however slowly
 * the other end sends: so nobody holds anything by dripping. One question after the other is answered; what a client has sent behind it
 * stays in its socket. Servers are asked by TCP as well, one after the other.
 */
#include "names_impl.h"
#include "cleanup.h"
#include "mem.h"
#include "proc.h"
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

enum { IDLE_MS = 10000, PREFIX = 2, MESSAGE_MAX = 65535 };
enum state { HEARING, ASKING, AWAITING, TELLING };	/* the question; the server; its answer; the client */

struct message { unsigned char *data; size_t len, size; };	/* with the length in front; size: what is wanted of it, or what there is to send */
struct names_connection {
	enum state state;
	int fd, server_fd;
	size_t server;			/* the next one */
	uint16_t id;			/* of what was passed on */
	struct dns_question question;
	struct message in, out;
	int64_t until_ms;
};

static size_t get_size(const unsigned char *data) { return (size_t) data[0] << 8 | data[1]; }

static void put16(unsigned char *data, size_t value)
{
	data[0] = (unsigned char) (value >> 8);
	data[1] = (unsigned char) value;
}

static void enter(struct names_connection *c, enum state state)
{
	c->state = state;
	c->until_ms = now_ms() + (state == ASKING || state == AWAITING ? NAMES_PATIENCE_MS : IDLE_MS);
	struct message *m = state == HEARING ? &c->in : state == AWAITING ? &c->out : NULL;
	if (m)
		*m = (struct message) { .data = m->data, .size = PREFIX };
	else if (state == TELLING)
		c->out.len = 0;
	else
		c->in.len = 0;
}

static void drop(struct names *n, size_t i)
{
	struct names_connection *c = n->connections[i];
	close_fd(&c->fd);
	close_fd(&c->server_fd);
	free(c->in.data);
	free(c->out.data);
	free(c);
	n->connections[i] = n->connections[--n->n_connections];
}

/* ---- messages ---- */

/* receive - what is there of one. Return: 1 it is whole, 0 there is more to come, -1 the other end is gone, or says what is no message */
static int receive(int fd, struct message *m, size_t max)
{
	for (;;) {
		ssize_t got = recv(fd, m->data + m->len, m->size - m->len, MSG_DONTWAIT);
		if (got <= 0)
			return got < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
		m->len += (size_t) got;
		if (m->len < m->size)
			continue;
		if (m->size > PREFIX)
			return 1;
		m->size += get_size(m->data);
		if (m->size == PREFIX || m->size > max + PREFIX)
			return -1;
	}
}

/* deliver - what is left of one. Return: 1 all is sent, 0 there is more, -1 the other end is gone */
static int deliver(int fd, struct message *m)
{
	ssize_t sent = send(fd, m->data + m->len, m->size - m->len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	m->len += (size_t) sent;
	return m->len == m->size;
}

/* ---- one question ---- */

static void answer(struct names_connection *c, int code, const struct address *list, int count)
{
	size_t len = dns_answer(c->in.data + PREFIX, &c->question, code, list, count > 0 ? (size_t) count : 0, DNS_PACKET_MAX, c->out.data + PREFIX);
	put16(c->out.data, len);
	c->out.size = PREFIX + len;
	enter(c, TELLING);
}

/* ask_next - the next server that can be asked; when there is none any more, the client is told */
static void ask_next(const struct names *n, struct names_connection *c)
{
	close_fd(&c->server_fd);
	do {
		c->server_fd = names_connect(n, c->server++, SOCK_STREAM);
	} while (c->server_fd == -EAGAIN);
	if (c->server_fd >= 0 && getrandom(&c->id, sizeof c->id, 0) == sizeof c->id) {
		put16(c->in.data + PREFIX, c->id);
		enter(c, ASKING);
		return;
	}
	close_fd(&c->server_fd);
	c->server_fd = -1;
	put16(c->in.data + PREFIX, c->question.id);
	answer(c, n->isolated ? DNS_REFUSED : DNS_FAILED, NULL, 0);
}

/* hear - Return: false when the connection is over; so all of these */
static bool hear(struct names *n, struct names_connection *c)
{
	struct address list[DNS_ANSWER_MAX];
	int r = receive(c->fd, &c->in, DNS_PACKET_MAX);
	if (r <= 0)
		return r == 0;
	if (dns_parse(c->in.data + PREFIX, c->in.size - PREFIX, &c->question) < 0)
		return false;
	if (!c->out.data)
		c->out.data = xmalloc(PREFIX + MESSAGE_MAX);
	names_refresh(n);
	int count = names_look_up(n, &c->question, list);
	c->server = 0;
	if (count >= 0)
		answer(c, DNS_OK, list, count);
	else
		ask_next(n, c);
	return true;
}

static bool ask(struct names *n, struct names_connection *c)
{
	int r = deliver(c->server_fd, &c->in);
	if (r > 0)
		enter(c, AWAITING);
	else if (r < 0)
		ask_next(n, c);
	return true;
}

static bool await(struct names *n, struct names_connection *c)
{
	int r = receive(c->server_fd, &c->out, MESSAGE_MAX);
	if (r < 0 || (r > 0 && !dns_is_answer(c->out.data + PREFIX, c->out.size - PREFIX, c->id, &c->question))) {
		ask_next(n, c);
	} else if (r > 0) {
		close_fd(&c->server_fd);
		put16(c->out.data + PREFIX, c->question.id);
		enter(c, TELLING);
	}
	return true;
}

static bool tell(struct names *n, struct names_connection *c)
{
	int r = deliver(c->fd, &c->out);
	(void) n;
	if (r > 0)
		enter(c, HEARING);
	return r >= 0;
}

static const struct { bool (*step)(struct names *n, struct names_connection *c); short events; bool server; } states[] = {
	[HEARING] = { hear, POLLIN, false }, [ASKING] = { ask, POLLOUT, true }, [AWAITING] = { await, POLLIN, true }, [TELLING] = { tell, POLLOUT, false },
};

/* ---- all of them ---- */

/* make_room - of those that say nothing the one that has been silent longest */
static bool make_room(struct names *n)
{
	size_t idle = n->n_connections;
	for (size_t i = 0; i < n->n_connections; i++)
		if (n->connections[i]->state == HEARING && (idle == n->n_connections || n->connections[i]->until_ms < n->connections[idle]->until_ms))
			idle = i;
	if (n->n_connections == NAMES_CONNECTIONS && idle < n->n_connections)
		drop(n, idle);
	return n->n_connections < NAMES_CONNECTIONS;
}

static void welcome(struct names *n)
{
	if (!make_room(n))
		return;
	int fd = accept4(n->tcp_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	struct names_connection *c = xcalloc(1, sizeof *c);
	*c = (struct names_connection) { .fd = fd, .server_fd = -1, .in.data = xmalloc(PREFIX + DNS_PACKET_MAX) };
	enter(c, HEARING);
	n->connections[n->n_connections++] = c;
}

/* is_busy - with as many questions as it can have: who comes now waits in the kernel's queue */
static bool is_busy(const struct names *n)
{
	for (size_t i = 0; i < n->n_connections; i++)
		if (n->connections[i]->state == HEARING)
			return false;
	return n->n_connections == NAMES_CONNECTIONS;
}

size_t names_tcp_poll(const struct names *n, struct pollfd *p)
{
	p[0] = (struct pollfd) { .fd = is_busy(n) ? -1 : n->tcp_fd, .events = POLLIN };
	for (size_t i = 0; i < n->n_connections; i++) {
		const struct names_connection *c = n->connections[i];
		p[1 + i] = (struct pollfd) { .fd = states[c->state].server ? c->server_fd : c->fd, .events = states[c->state].events };
	}
	return 1 + n->n_connections;
}

/* is_late - Return: is the connection over with it? A server that is late has the next one in its place */
static bool is_late(const struct names *n, struct names_connection *c)
{
	if (!states[c->state].server)
		return true;
	ask_next(n, c);
	return false;
}

void names_tcp_step(struct names *n, const struct pollfd *p)
{
	const int64_t now = now_ms();
	for (size_t i = n->n_connections; i-- > 0;) {	/* from the end: what is dropped has the last one in its place */
		struct names_connection *c = n->connections[i];
		bool over = false;
		if (p[1 + i].revents)
			over = !states[c->state].step(n, c);
		else if (c->until_ms <= now)
			over = is_late(n, c);
		if (over)
			drop(n, i);
	}
	if (p[0].revents)
		welcome(n);
}

int64_t names_tcp_due(const struct names *n)
{
	int64_t first = INT64_MAX;
	for (size_t i = 0; i < n->n_connections; i++)
		if (n->connections[i]->until_ms < first)
			first = n->connections[i]->until_ms;
	return first;
}
