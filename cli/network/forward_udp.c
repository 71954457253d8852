/* Sessions: a socket inside for each address and port of a client, and what comes back to it goes to that client, from the address that it had
 * sent to. Datagrams are taken and sent many at a time. Where there is no room for one it is lost, as UDP is. */
#include "cleanup.h"
#include "forward_impl.h"
#include "mem.h"
#include "proc.h"
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>

enum { BATCH = 32, DATAGRAM_MAX = 1 << 16, BUCKETS = 1 << 12, QUIET_MS = 30000, TALKING_MS = 120000 };	/* times: those of the kernel's tracking */

struct udp_port { struct watch watch; struct udp_port *next; uint16_t port; bool six; };

/* struct who - what makes a session; compared as bytes */
struct who {
	const struct udp_port *port;
	struct address client, local;	/* @local: the host's, to which it was sent */
	uint32_t link;			/* of a link-local address */
	uint16_t client_port, zero;
};
struct session {
	struct watch watch;
	struct list hash, age;
	struct who who;
	union peer client;
	int64_t last_ms;
	bool answered;
};

struct control { _Alignas(struct cmsghdr) char v[CMSG_SPACE(sizeof(struct in_pktinfo)) + CMSG_SPACE(sizeof(struct in6_pktinfo))]; };
struct datagrams {
	struct mmsghdr in[BATCH], out[BATCH];
	struct iovec iov[BATCH];
	union peer peers[BATCH];
	struct control controls[BATCH], reply;
	unsigned char data[BATCH][DATAGRAM_MAX];
};

/* ---- many at a time ---- */

static int receive(struct datagrams *d, int fd)
{
	for (size_t i = 0; i < BATCH; i++) {
		d->iov[i] = (struct iovec) { d->data[i], DATAGRAM_MAX };
		d->in[i].msg_hdr = (struct msghdr) { .msg_name = &d->peers[i], .msg_namelen = sizeof d->peers[i], .msg_iov = &d->iov[i],
						     .msg_iovlen = 1, .msg_control = &d->controls[i], .msg_controllen = sizeof d->controls[i] };
	}
	return recvmmsg(fd, d->in, BATCH, MSG_DONTWAIT, NULL);
}

/* send_on - those from @first on, @n of them; @to: NULL for a socket that is connected */
static void send_on(struct datagrams *d, int fd, int first, int n, union peer *to, size_t control_len)
{
	for (int i = 0; i < n; i++) {
		d->iov[first + i].iov_len = d->in[first + i].msg_len;
		d->out[i].msg_hdr = (struct msghdr) { .msg_iov = &d->iov[first + i], .msg_iovlen = 1, .msg_name = to,
						      .msg_namelen = to ? to->any.sa_family == AF_INET ? sizeof to->four : sizeof to->six : 0,
						      .msg_control = control_len ? &d->reply : NULL, .msg_controllen = control_len };
	}
	for (int sent = 0; sent < n;) {
		int r = sendmmsg(fd, d->out + sent, (unsigned) (n - sent), MSG_DONTWAIT);
		sent += r > 0 ? r : 1;	/* one that cannot be sent is lost; the error of an earlier one is told here, too */
	}
}

/* ---- sessions ---- */

static struct list *bucket(const struct forward *f, const struct who *who)
{
	uint64_t words[sizeof *who / 8], h = f->seed;
	_Static_assert(sizeof *who % 8 == 0, "whole words");
	memcpy(words, who, sizeof words);
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		h = (h ^ words[i]) * 0x9e3779b97f4a7c15U;
		h ^= h >> 29;
	}
	return &f->sessions[h % BUCKETS];
}

static void end_session(struct forward *f, struct session *s)
{
	list_drop(&s->hash);
	list_append(&f->gone, &s->age);
	close_fd(&s->watch.fd);
	f->n_sessions--;
}

static void touch(struct forward *f, struct session *s)
{
	s->last_ms = now_ms();
	list_append(s->answered ? &f->talking : &f->quiet, &s->age);
}

/* who_sent - it, and in which words the kernel has it */
static struct who who_sent(const struct udp_port *port, const union peer *from, struct msghdr *m)
{
	struct who who;
	memset(&who, 0, sizeof who);
	who.port = port;
	who.client = peer_address(from, &who.client_port);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;
			memcpy(&info, CMSG_DATA(c), sizeof info);
			who.local = (struct address) { .family = AF_INET };
			memcpy(who.local.bytes, &info.ipi_spec_dst, 4);
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO && who.client.family == AF_INET6) {
			struct in6_pktinfo info;
			memcpy(&info, CMSG_DATA(c), sizeof info);
			who.local = (struct address) { .family = AF_INET6 };
			memcpy(who.local.bytes, &info.ipi6_addr, 16);
			who.link = IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr) ? info.ipi6_ifindex : 0;
		}
	return who;
}

/* put_local - what makes an answer come from the address that was asked. Return: the length of the control message */
static size_t put_local(const struct session *s, struct control *out)
{
	const struct who *who = &s->who;
	struct msghdr m = { .msg_control = out, .msg_controllen = sizeof *out };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	memset(out, 0, sizeof *out);
	if (!who->local.family || (who->local.family == AF_INET6 && who->local.bytes[0] == 0xff))
		return 0;
	if (!who->port->six) {
		struct in_pktinfo info = { 0 };
		memcpy(&info.ipi_spec_dst, who->local.bytes, 4);
		*c = (struct cmsghdr) { CMSG_LEN(sizeof info), IPPROTO_IP, IP_PKTINFO };
		memcpy(CMSG_DATA(c), &info, sizeof info);
		return CMSG_SPACE(sizeof info);
	}
	struct in6_pktinfo info = { .ipi6_ifindex = who->link };
	if (who->local.family == AF_INET) {
		info.ipi6_addr.s6_addr[10] = info.ipi6_addr.s6_addr[11] = 0xff;
		memcpy(info.ipi6_addr.s6_addr + 12, who->local.bytes, 4);
	} else {
		memcpy(&info.ipi6_addr, who->local.bytes, 16);
	}
	*c = (struct cmsghdr) { CMSG_LEN(sizeof info), IPPROTO_IPV6, IPV6_PKTINFO };
	memcpy(CMSG_DATA(c), &info, sizeof info);
	return CMSG_SPACE(sizeof info);
}

static void on_answer(struct forward *f, struct watch *w, uint32_t events)
{
	struct session *s = (struct session *) w;
	(void) events;
	int n = w->fd < 0 ? 0 : receive(f->datagrams, w->fd);
	if (n <= 0)	/* it has ended; or: the container has nobody at this port, which its client finds out by hearing nothing */
		return;
	send_on(f->datagrams, s->who.port->watch.fd, 0, n, &s->client, put_local(s, &f->datagrams->reply));
	s->answered = true;
	touch(f, s);
}

static void make_room(struct forward *f)
{
	struct list *oldest = list_empty(&f->quiet) ? f->talking.next : f->quiet.next;
	if (f->n_sessions >= f->sessions_max)
		end_session(f, LIST_ITEM(oldest, struct session, age));
}

static struct session *begin_session(struct forward *f, const struct who *who, const union peer *client)
{
	make_room(f);
	int fd = target_connect(f, SOCK_DGRAM, who->port->port, client);
	if (fd < 0)
		return NULL;
	struct session *s = xcalloc(1, sizeof *s);
	*s = (struct session) { .watch = { on_answer, fd }, .who = *who, .client = *client };
	list_init(&s->hash);
	list_init(&s->age);
	list_append(bucket(f, who), &s->hash);
	f->n_sessions++;
	if (forward_watch(f, &s->watch, EPOLLIN) < 0) {
		end_session(f, s);
		return NULL;
	}
	return s;
}

static struct session *session_of(struct forward *f, const struct who *who, const union peer *client)
{
	struct list *head = bucket(f, who);
	for (struct list *l = head->next; l != head; l = l->next) {
		struct session *s = LIST_ITEM(l, struct session, hash);
		if (memcmp(&s->who, who, sizeof *who) == 0)
			return s;
	}
	return begin_session(f, who, client);
}

/* ---- ports ---- */

static void on_port(struct forward *f, struct watch *w, uint32_t events)
{
	const struct udp_port *port = (const struct udp_port *) w;
	struct datagrams *d = f->datagrams;
	struct who who = { 0 }, next;
	(void) events;
	int n = w->fd < 0 ? 0 : receive(d, w->fd);
	for (int first = 0, i = 0; first < n; first = i) {	/* one client's in one go */
		who = who_sent(port, &d->peers[first], &d->in[first].msg_hdr);
		for (i = first + 1; i < n; i++) {
			next = who_sent(port, &d->peers[i], &d->in[i].msg_hdr);
			if (memcmp(&who, &next, sizeof who) != 0)
				break;
		}
		struct session *s = session_of(f, &who, &d->peers[first]);
		if (!s)
			continue;
		touch(f, s);
		send_on(d, s->watch.fd, first, i - first, NULL, 0);
	}
}

static int prepare(struct forward *f)
{
	if (f->sessions)
		return 0;
	if (getrandom(&f->seed, sizeof f->seed, 0) != sizeof f->seed)
		return -errno;
	f->sessions = xcalloc(BUCKETS, sizeof *f->sessions);
	f->datagrams = xmalloc(sizeof *f->datagrams);
	for (size_t i = 0; i < BUCKETS; i++)
		list_init(&f->sessions[i]);
	return 0;
}

int udp_open(struct forward *f, const struct forward_port *p)
{
	const int on = 1;
	int family;
	socklen_t len = sizeof family;
	int r = prepare(f);
	if (r < 0)
		return r;
	if (getsockopt(p->fd, SOL_SOCKET, SO_DOMAIN, &family, &len) < 0 || setsockopt(p->fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on) < 0 ||
	    (family == AF_INET6 && setsockopt(p->fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on) < 0))
		return -errno;
	struct udp_port *port = xcalloc(1, sizeof *port);
	*port = (struct udp_port) { .watch = { on_port, p->fd }, .next = f->udp_ports, .port = p->port, .six = family == AF_INET6 };
	f->udp_ports = port;
	return forward_watch(f, &port->watch, EPOLLIN);
}

/* ---- all of them ---- */

static int64_t due_of(const struct list *l, int64_t limit_ms)
{
	return list_empty(l) ? 0 : LIST_ITEM(l->next, struct session, age)->last_ms + limit_ms;
}

int64_t udp_due(const struct forward *f)
{
	int64_t quiet = due_of(&f->quiet, QUIET_MS), talking = due_of(&f->talking, TALKING_MS);
	return quiet && (!talking || quiet < talking) ? quiet : talking;
}

static void end_before(struct forward *f, struct list *l, int64_t limit_ms, int64_t now)
{
	while (!list_empty(l) && due_of(l, limit_ms) <= now)
		end_session(f, LIST_ITEM(l->next, struct session, age));
}

void udp_work(struct forward *f, int64_t now)
{
	end_before(f, &f->quiet, QUIET_MS, now);
	end_before(f, &f->talking, TALKING_MS, now);
	while (!list_empty(&f->gone)) {
		struct session *s = LIST_ITEM(f->gone.next, struct session, age);
		list_drop(&s->age);
		free(s);
	}
}

void udp_end(struct forward *f)
{
	for (struct udp_port *p = f->udp_ports; p; p = p->next) {
		(void) epoll_ctl(f->epoll_fd, EPOLL_CTL_DEL, p->watch.fd, NULL);
		close_fd(&p->watch.fd);
	}
	end_before(f, &f->quiet, 0, INT64_MAX);
	end_before(f, &f->talking, 0, INT64_MAX);
}
