#include "cleanup.h"
#include "forward_impl.h"
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <string.h>

#ifndef IPV6_TRANSPARENT
#define IPV6_TRANSPARENT 75
#endif
#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

struct address peer_address(const union peer *p, uint16_t *ret_port)
{
	struct address a = { .family = p->any.sa_family };
	if (a.family == AF_INET) {
		*ret_port = p->four.sin_port;
		memcpy(a.bytes, &p->four.sin_addr, 4);
		return a;
	}
	*ret_port = p->six.sin6_port;
	memcpy(a.bytes, &p->six.sin6_addr, 16);
	if (IN6_IS_ADDR_V4MAPPED(&p->six.sin6_addr)) {
		a = (struct address) { .family = AF_INET };
		memcpy(a.bytes, p->six.sin6_addr.s6_addr + 12, 4);
	}
	return a;
}

static union peer peer_of(const struct address *a, uint16_t port, socklen_t *len)
{
	union peer p = { 0 };
	if (a->family == AF_INET) {
		p.four = (struct sockaddr_in) { .sin_family = AF_INET, .sin_port = port };
		memcpy(&p.four.sin_addr, a->bytes, 4);
		*len = sizeof p.four;
	} else {
		p.six = (struct sockaddr_in6) { .sin6_family = AF_INET6, .sin6_port = port };
		memcpy(&p.six.sin6_addr, a->bytes, 16);
		*len = sizeof p.six;
	}
	return p;
}

/* means_something - would an answer of the container's to this address come back to us? */
static bool means_something(const struct forward *f, const struct address *a)
{
	static const struct subnet local[] = {
		{ { AF_INET, { 127 } }, 8 }, { { AF_INET, { 0 } }, 8 }, { { AF_INET6, { 0 } }, 127 },	/* :: and ::1 */
		{ { AF_INET6, { 0xfe, 0x80 } }, 10 },
	};
	for (size_t i = 0; i < sizeof local / sizeof *local; i++)
		if (subnet_has(&local[i], a))
			return false;
	for (size_t i = 0; i < f->request->n_near; i++)
		if (subnet_has(&f->request->near[i], a))
			return false;
	return true;
}

/* take_source - the socket's own address becomes the client's; @port 0: with any port */
static int take_source(int fd, const struct address *a, uint16_t port)
{
	const int on = 1, mark = FORWARD_MARK;
	socklen_t len;
	const union peer p = peer_of(a, port, &len);
	bool four = a->family == AF_INET;
	/* another connection may have this address, too, to another port: it is the four numbers together that are unique */
	if (setsockopt(fd, four ? IPPROTO_IP : IPPROTO_IPV6, four ? IP_TRANSPARENT : IPV6_TRANSPARENT, &on, sizeof on) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark) < 0 ||
	    (port && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0) ||
	    (!port && setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) < 0) || bind(fd, &p.any, len) < 0)
		return -errno;
	return 0;
}

/* try - @source: NULL is the kernel's choice */
static int try(int type, const struct address *to, uint16_t port, const struct address *source, uint16_t source_port)
{
	socklen_t len;
	const union peer p = peer_of(to, htons(port), &len);
	cleanup_close int fd = socket(to->family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int r = fd < 0 ? -errno : 0;
	if (r == 0 && type == SOCK_STREAM)
		(void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int) { 1 }, sizeof(int));
	if (r == 0 && source)
		r = take_source(fd, source, source_port);
	if (r == 0 && connect(fd, &p.any, len) < 0 && errno != EINPROGRESS)
		r = -errno;
	return r < 0 ? r : take_fd(fd);
}

static bool is_full(int r) { return r == -EMFILE || r == -ENFILE || r == -ENOMEM || r == -ENOBUFS || r == -ECONNREFUSED; }

int target_connect(const struct forward *f, int type, uint16_t port, const union peer *client)
{
	const struct forward_request *q = f->request;
	uint16_t client_port;
	struct address from = peer_address(client, &client_port);
	const struct address *to = &q->to[from.family == AF_INET6];
	bool keeps = q->keeps_source && to->family && means_something(f, &from);
	if (!to->family)
		to = &q->to[from.family != AF_INET6];
	int fd = -EADDRNOTAVAIL;
	if (keeps)
		fd = try(type, to, port, &from, client_port);
	if (keeps && fd < 0 && !is_full(fd))	/* the same client, from the same port, by another port of the host */
		fd = try(type, to, port, &from, 0);
	if (fd < 0 && !is_full(fd))
		fd = try(type, to, port, NULL, 0);
	return fd;
}
