/* forward_impl.h - what the parts of the forwarding process share.
 *
 *	forward.c		starting and ending it
 *	forward_loop.c		what it waits for
 *	forward_target.c	sockets towards the container
 *	forward_tcp.c		connections
 *	forward_udp.c		sessions
 */
#pragma once
#include "forward.h"
#include <netinet/in.h>
#include <stdint.h>

/* two marks: with that of the answers, what goes to the container would come straight back, too */
enum { FORWARD_MARK = 0x63610001, FORWARD_ANSWER_MARK = 0x63610002, FORWARD_TABLE = 0x6361 };

/* ---- lists ---- */

/* struct list - a ring; the head is one of them. An item is in one list at most, or is its own neighbour */
struct list { struct list *prev, *next; };

static inline void list_init(struct list *l) { l->prev = l->next = l; }
static inline bool list_empty(const struct list *l) { return l->next == l; }

static inline void list_drop(struct list *item)
{
	item->prev->next = item->next;
	item->next->prev = item->prev;
	list_init(item);
}

/* list_append - from wherever it was */
static inline void list_append(struct list *l, struct list *item)
{
	list_drop(item);
	item->prev = l->prev;
	item->next = l;
	l->prev->next = item;
	l->prev = item;
}

/* list_take - all of @from at the end of @to */
static inline void list_take(struct list *to, struct list *from)
{
	while (!list_empty(from))
		list_append(to, from->next);
}

#define LIST_ITEM(p, type, member) ((type *) (void *) ((char *) (p) - offsetof(type, member)))

/* ---- the process ---- */

struct forward;
/* struct watch - the first member of what epoll tells about */
struct watch { void (*on)(struct forward *f, struct watch *w, uint32_t events); int fd; };

struct pipe { int in_fd, out_fd; bool large; struct pipe *next; };

struct forward {
	const struct forward_request *request;
	int epoll_fd;
	struct watch container, signals;	/* a pidfd; a signalfd */
	int open_fd;			/* forwarder.open_fd's other end */
	bool ending, told;		/* told: by a signal, not by the container's end */
	int64_t end_ms;			/* when it ends for certain; 0: it is not ending */
	int64_t retry_ms;		/* when to try again what the system had no room for; 0: nothing */

	/* TCP */
	struct listener *listeners;
	struct list accepting;		/* listeners at which somebody may wait */
	struct list busy;		/* connections that can go on */
	struct list idle;		/* those that wait for an event */
	struct list starved;		/* those that wait for a pipe */
	struct list dead;		/* freed when no event can mean them any more */
	size_t connections, connections_max;
	struct pipe *pipes;		/* empty ones */
	size_t n_pipes;
	bool full;			/* nothing is accepted until a connection ends, or retry_ms */

	/* UDP */
	struct list quiet, talking;	/* sessions, by the time of the last datagram: without an answer yet, and with */
	struct udp_port *udp_ports;
	struct list *sessions;		/* heads, by a hash; NULL: no port is UDP */
	size_t n_sessions, sessions_max;
	uint64_t seed;
	struct datagrams *datagrams;
	struct list gone;		/* as dead */
};

/* forward_watch - as epoll_ctl(2): 0 or -errno */
int forward_watch(struct forward *f, struct watch *w, uint32_t events);
/* forward_run - until the end */
_Noreturn void forward_run(struct forward *f);

/* union peer - who a socket's other end is */
union peer { struct sockaddr any; struct sockaddr_in four; struct sockaddr_in6 six; };
/* peer_address - an IPv4 address within IPv6 becomes the IPv4 address; @ret_port in the network's order */
struct address peer_address(const union peer *p, uint16_t *ret_port);
/* target_connect - a socket that is connecting (SOCK_STREAM), or connected (SOCK_DGRAM), to the container's @port, for that client
 * Return: an fd that does not block, or -errno */
int target_connect(const struct forward *f, int type, uint16_t port, const union peer *client);

/* tcp_listen, udp_open - begin with a port; 0 or -errno */
int tcp_listen(struct forward *f, const struct forward_port *p);
int udp_open(struct forward *f, const struct forward_port *p);
/* tcp_work - everything that can be done without waiting, but not for ever. tcp_end - take no more connections, and go on with those that
 * there are as long as something comes out of the container. tcp_break - reset them */
void tcp_work(struct forward *f);
void tcp_end(struct forward *f);
void tcp_break(struct forward *f);
/* tcp_is_waiting - is there anything to do at once? */
bool tcp_is_waiting(const struct forward *f);
/* tcp_retry - what the system had no room for may be had now */
void tcp_retry(struct forward *f);
/* udp_work - end sessions whose time is over, free what is gone. udp_due - when; 0: never */
void udp_work(struct forward *f, int64_t now);
int64_t udp_due(const struct forward *f);
void udp_end(struct forward *f);
