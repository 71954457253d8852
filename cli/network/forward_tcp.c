/* Connections.
 *
 * A connection has two ends, the client's and the inside one, and a flow in either direction. epoll tells once, by the edge, what has become
 * possible at an end; that is kept until the kernel says EAGAIN. A flow takes what its source has into a pipe, gives that to the other end,
 * and takes no more before the pipe is empty: so EAGAIN has one meaning, and who reads slowly makes the other wait, with a pipe's worth of
 * memory here. Pipes are lent to flows that have something on its way; an idle connection has none.
 *
 * Where nothing can be done any more a connection is in ->idle; ->busy is gone through in turns, so that no connection keeps others waiting.
 */
#include "cleanup.h"
#include "forward_impl.h"
#include "mem.h"
#include "proc.h"
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { BACKLOG = 4096, ACCEPTS = 64, TURNS = 16, COPY_MAX = 4096, RETRY_MS = 100 };
enum { PIPE_SMALL = 1 << 16, PIPE_LARGE = 1 << 20, PIPES_KEPT = 32, LARGE_KEPT = 4 };

enum { CLIENT, INSIDE };

struct listener { struct watch watch; struct list list; struct listener *next; uint16_t port; };

struct end { struct watch watch; struct connection *connection; bool readable, writable; };
struct flow {
	struct pipe *pipe;
	size_t held;			/* bytes in it */
	bool ended;			/* its source has said all */
	bool shut;			/* and the other end has been told */
	bool copies;			/* urgent data has come: splice(2) stops there for ever */
};
struct connection {
	struct end ends[2];
	struct flow flows[2];		/* by their source */
	struct list list;
	bool connecting;
};

/* ---- pipes ---- */

static struct pipe *pipe_get(struct forward *f)
{
	struct pipe *p = f->pipes;
	int ends[2];
	if (p) {
		f->pipes = p->next;
		f->n_pipes--;
		return p;
	}
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return NULL;
	p = xmalloc(sizeof *p);
	*p = (struct pipe) { .out_fd = ends[0], .in_fd = ends[1] };
	return p;
}

/* pipe_grow - for a flow that has filled it: fewer, larger steps. It stays as it is where the user has had his share */
static void pipe_grow(struct pipe *p)
{
	p->large = true;
	(void) fcntl(p->in_fd, F_SETPIPE_SZ, PIPE_LARGE);
}

static void pipe_put(struct forward *f, struct flow *flow)
{
	struct pipe *p = flow->pipe;
	flow->pipe = NULL;
	if (!p)
		return;
	if (flow->held || f->n_pipes >= (p->large ? LARGE_KEPT : PIPES_KEPT)) {
		(void) close(p->in_fd);
		(void) close(p->out_fd);
		free(p);
	} else {
		p->next = f->pipes;
		f->pipes = p;
		f->n_pipes++;
	}
	list_take(&f->busy, &f->starved);
}

/* wait_for_room - the system has none: in a moment */
static void wait_for_room(struct forward *f)
{
	if (!f->retry_ms)
		f->retry_ms = now_ms() + RETRY_MS;
}

/* ---- the end of a connection ---- */

static void reset(int fd) { (void) setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger) { .l_onoff = 1 }, sizeof(struct linger)); }

static void end_connection(struct forward *f, struct connection *c, bool resets)
{
	for (int i = 0; i < 2; i++) {
		pipe_put(f, &c->flows[i]);
		if (resets)
			reset(c->ends[i].watch.fd);
		close_fd(&c->ends[i].watch.fd);
	}
	list_append(&f->dead, &c->list);
	f->connections--;
	f->full = false;
}

static void free_dead(struct forward *f)
{
	while (!list_empty(&f->dead)) {
		struct connection *c = LIST_ITEM(f->dead.next, struct connection, list);
		list_drop(&c->list);
		free(c);
	}
}

/* ---- what flows ---- */

/* copy_in - as splice(2) does, but past a mark of urgent data, which is in its place among the other */
static ssize_t copy_in(int from, int to)
{
	static char data[COPY_MAX];
	ssize_t n = recv(from, data, sizeof data, MSG_DONTWAIT);
	return n > 0 ? write(to, data, (size_t) n) : n;	/* the pipe is empty, and larger */
}

/* take - Return: 1 something is in the pipe, or all has been said; 0: it has to wait; -errno */
static int take(struct forward *f, struct connection *c, struct flow *flow, struct end *from)
{
	if (!flow->pipe)
		flow->pipe = pipe_get(f);
	if (!flow->pipe) {
		list_append(&f->starved, &c->list);
		wait_for_room(f);
		return 0;
	}
	ssize_t n = flow->copies ? copy_in(from->watch.fd, flow->pipe->in_fd) :
		splice(from->watch.fd, NULL, flow->pipe->in_fd, NULL, PIPE_LARGE, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
	if (n < 0 && errno == EINTR)
		return 1;
	if (n < 0 && errno != EAGAIN)
		return -errno;
	if (n < 0)
		from->readable = false;
	else if (n == 0)
		flow->ended = true;
	else
		flow->held = (size_t) n;
	if (n >= PIPE_SMALL && !flow->pipe->large)
		pipe_grow(flow->pipe);
	return n >= 0;
}

/* give - Return: 1, 0: it has to wait; -errno */
static int give(struct flow *flow, struct end *to)
{
	ssize_t n = splice(flow->pipe->out_fd, NULL, to->watch.fd, NULL, flow->held, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return -errno;
	if (n < 0 && errno == EAGAIN)
		to->writable = false;
	else if (n > 0)
		flow->held -= (size_t) n;
	return to->writable;
}

/* carry - one direction. Return: 1 it may go on, 0 it waits for an event, -errno */
static int carry(struct forward *f, struct connection *c, int source)
{
	struct flow *flow = &c->flows[source];
	struct end *from = &c->ends[source], *to = &c->ends[!source];
	int r = 1;
	for (int turn = 0; r > 0 && turn < TURNS; turn++) {
		if (flow->held)
			r = to->writable ? give(flow, to) : 0;
		else
			r = from->readable && !flow->ended ? take(f, c, flow, from) : 0;
	}
	if (flow->held == 0)
		pipe_put(f, flow);
	if (r >= 0 && flow->ended && !flow->held && !flow->shut) {
		if (!c->flows[!source].shut)	/* else both are closed now */
			(void) shutdown(to->watch.fd, SHUT_WR);
		flow->shut = true;
	}
	return r;
}

/* connected - Return: false when it has to wait, or is over */
static bool connected(struct forward *f, struct connection *c)
{
	int code = 0;
	socklen_t len = sizeof code;
	if (!c->ends[INSIDE].writable)
		return false;
	if (getsockopt(c->ends[INSIDE].watch.fd, SOL_SOCKET, SO_ERROR, &code, &len) < 0 || code) {
		end_connection(f, c, true);
		return false;
	}
	c->connecting = false;
	return true;
}

static void work(struct forward *f, struct connection *c)
{
	list_append(&f->idle, &c->list);
	if (c->connecting && !connected(f, c))
		return;
	int out = carry(f, c, INSIDE), in = carry(f, c, CLIENT);
	if (in < 0 && out >= 0)		/* the container's last words, before it lost the connection, are the client's */
		out = carry(f, c, INSIDE);
	if (in < 0 || out < 0)
		end_connection(f, c, true);
	else if (c->flows[INSIDE].shut && (c->flows[CLIENT].shut || f->ending))
		end_connection(f, c, false);
	else if (in > 0 || out > 0)
		list_append(&f->busy, &c->list);
}

static void on_end(struct forward *f, struct watch *w, uint32_t events)
{
	struct end *e = (struct end *) w;
	struct connection *c = e->connection;
	if (w->fd < 0)		/* it ended a moment ago */
		return;
	if (events & (EPOLLERR | EPOLLHUP))	/* reading and writing will tell what it is */
		events |= EPOLLIN | EPOLLOUT;
	e->readable |= events & (EPOLLIN | EPOLLRDHUP);
	e->writable |= events & EPOLLOUT;
	if (events & EPOLLPRI) {
		(void) setsockopt(w->fd, SOL_SOCKET, SO_OOBINLINE, &(int) { 1 }, sizeof(int));
		c->flows[e - c->ends].copies = e->readable = true;
	}
	if (c->connecting && e == &c->ends[CLIENT] && events & EPOLLERR)
		end_connection(f, c, true);
	else
		list_append(&f->busy, &c->list);
}

/* ---- the beginning of one ---- */

static int watch_end(struct forward *f, struct connection *c, int i, int fd)
{
	c->ends[i] = (struct end) { .watch = { on_end, fd }, .connection = c };
	return forward_watch(f, &c->ends[i].watch, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET);
}

static void begin_connection(struct forward *f, uint16_t port, int client_fd, const union peer *client)
{
	int fd = target_connect(f, SOCK_STREAM, port, client);
	if (fd < 0) {
		reset(client_fd);
		(void) close(client_fd);
		return;
	}
	struct connection *c = xcalloc(1, sizeof *c);
	c->connecting = true;
	list_init(&c->list);
	f->connections++;
	list_append(&f->idle, &c->list);
	bool watched = watch_end(f, c, CLIENT, client_fd) == 0;
	if (watch_end(f, c, INSIDE, fd) < 0 || !watched)
		end_connection(f, c, true);
}

/* accept_one - Return: may there be more? */
static bool accept_one(struct forward *f, struct listener *l)
{
	union peer client;
	socklen_t len = sizeof client;
	int fd = accept4(l->watch.fd, &client.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0) {
		begin_connection(f, l->port, fd, &client);
		return true;
	}
	if (errno == EAGAIN || errno == EINVAL) {	/* nobody is there; or: it listens no more */
		list_drop(&l->list);
		return false;
	}
	if (errno != EMFILE && errno != ENFILE && errno != ENOMEM && errno != ENOBUFS)	/* who wanted to connect has gone already */
		return true;
	f->full = true;
	wait_for_room(f);
	return false;
}

static void accept_some(struct forward *f)
{
	struct list turn;
	list_init(&turn);
	list_take(&turn, &f->accepting);
	while (!list_empty(&turn)) {
		struct listener *l = LIST_ITEM(turn.next, struct listener, list);
		list_append(&f->accepting, &l->list);
		for (int i = 0; i < ACCEPTS && !f->full && accept_one(f, l); i++)
			f->full = f->connections >= f->connections_max;
	}
}

static void on_listener(struct forward *f, struct watch *w, uint32_t events)
{
	(void) events;
	if (w->fd >= 0)
		list_append(&f->accepting, &((struct listener *) w)->list);
}

int tcp_listen(struct forward *f, const struct forward_port *p)
{
	const int on = 1;
	/* what is accepted has these, too: nothing is held back, and who has vanished is found out in the end */
	if (setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0 || setsockopt(p->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on) < 0 ||
	    fcntl(p->fd, F_SETFL, O_NONBLOCK) < 0 || listen(p->fd, BACKLOG) < 0)
		return -errno;
	struct listener *l = xcalloc(1, sizeof *l);
	*l = (struct listener) { .watch = { on_listener, p->fd }, .next = f->listeners, .port = p->port };
	f->listeners = l;
	list_init(&l->list);
	list_append(&f->accepting, &l->list);	/* who came before we looked is told by no edge */
	return forward_watch(f, &l->watch, EPOLLIN | EPOLLET);
}

/* ---- all of them ---- */

bool tcp_is_waiting(const struct forward *f)
{
	return !list_empty(&f->busy) || (!list_empty(&f->accepting) && !f->full);
}

void tcp_work(struct forward *f)
{
	struct list turn;
	list_init(&turn);
	list_take(&turn, &f->busy);
	while (!list_empty(&turn))
		work(f, LIST_ITEM(turn.next, struct connection, list));
	if (!f->full)
		accept_some(f);
	free_dead(f);
}

void tcp_retry(struct forward *f)
{
	f->full = f->connections >= f->connections_max;
	list_take(&f->busy, &f->starved);
}

void tcp_end(struct forward *f)
{
	for (struct listener *l = f->listeners; l; l = l->next) {
		list_drop(&l->list);
		(void) epoll_ctl(f->epoll_fd, EPOLL_CTL_DEL, l->watch.fd, NULL);
		(void) shutdown(l->watch.fd, SHUT_RDWR);	/* another process has the socket, too */
		close_fd(&l->watch.fd);
	}
	list_take(&f->busy, &f->idle);
}

void tcp_break(struct forward *f)
{
	struct list *const all[] = { &f->idle, &f->busy, &f->starved };
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		while (!list_empty(all[i]))
			end_connection(f, LIST_ITEM(all[i]->next, struct connection, list), true);
}
