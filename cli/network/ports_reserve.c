/* Taking the host's ports, and saying who has them. */
#include "ports.h"
#include "cleanup.h"
#include "fs.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TABLE_MAX = 64 << 20, MOST_HELD = 512, LISTENS = 0x0a };

/* ---- who has it ---- */

/* struct holder - @past: connections are left of somebody who listened there */
struct holder { unsigned long inode; unsigned uid; bool found, past; };

/* look_in - a table of /proc/net: who listens at @port (TCP) or has it (UDP) */
static void look_in(const char *table, bool tcp, unsigned port, struct holder *ret)
{
	cleanup_free char *path = xasprintf("/proc/net/%s", table), *text = NULL;
	struct strings lines cleanup_strings = { 0 };
	if (ret->found || fs_read_file(AT_FDCWD, path, TABLE_MAX, &text, NULL, NULL) < 0)
		return;
	strings_split(&lines, text, "\n");
	for (size_t i = 1; i < lines.n; i++) {
		unsigned local, state, uid;
		unsigned long inode;
		if (sscanf(lines.v[i], "%*d: %*[0-9A-F]:%x %*[0-9A-F]:%*x %x %*x:%*x %*x:%*x %*x %u %*d %lu", &local, &state, &uid, &inode) != 4)
			continue;
		if (local != port)
			continue;
		ret->past |= tcp && state != LISTENS;
		if ((tcp && state != LISTENS) || inode == 0)
			continue;
		*ret = (struct holder) { .inode = inode, .uid = uid, .found = true };
		return;
	}
}

/* has_socket - is it among the open files of process @pid? */
static bool has_socket(const char *pid, const char *socket)
{
	cleanup_free char *path = xasprintf("/proc/%s/fd", pid);
	cleanup_dir DIR *d = opendir(path);
	bool has = false;
	char link[64];
	for (struct dirent *e; d && !has && (e = readdir(d));) {
		ssize_t len = readlinkat(dirfd(d), e->d_name, link, sizeof link - 1);
		link[len > 0 ? len : 0] = 0;
		has = strcmp(link, socket) == 0;
	}
	return has;
}

/* process_of - "nginx (process 123)"; NULL when it is out of our sight. Caller frees */
static char *process_of(const struct holder *h)
{
	cleanup_free char *socket = xasprintf("socket:[%lu]", h->inode);
	cleanup_dir DIR *d = opendir("/proc");
	char *found = NULL;
	for (struct dirent *e; d && !found && (e = readdir(d));) {
		if (e->d_name[0] < '1' || e->d_name[0] > '9' || !has_socket(e->d_name, socket))
			continue;
		cleanup_free char *path = xasprintf("/proc/%s/comm", e->d_name), *name = NULL;
		if (fs_read_file(AT_FDCWD, path, 64, &name, NULL, NULL) < 0)
			continue;
		name[strcspn(name, "\n")] = 0;
		found = xasprintf("%s (process %s)", name, e->d_name);
	}
	return found;
}

static struct holder find_holder(bool tcp, unsigned port)
{
	struct holder h = { 0 };
	look_in(tcp ? "tcp" : "udp", tcp, port, &h);
	look_in(tcp ? "tcp6" : "udp6", tcp, port, &h);
	return h;
}

static int say_taken(const struct port_mapping *m, unsigned port, struct error *err)
{
	bool tcp = strcmp(m->protocol, "tcp") == 0;
	struct holder h = find_holder(tcp, port);
	cleanup_free char *process = h.found ? process_of(&h) : NULL;
	cleanup_free char *who = process ? xstrdup(process) : h.found ? xasprintf("a process of user %u", h.uid) : xstrdup("another process");
	return error_say(err, EADDRINUSE, "port %u/%s of the host is taken by %s: end that, or publish another port", port, m->protocol, who);
}

/* ---- binding ---- */

union address { struct sockaddr any; struct sockaddr_in four; struct sockaddr_in6 six; };

static union address address_of(const char *ip, uint16_t port, socklen_t *len)
{
	union address a = { 0 };
	if (ip && !strchr(ip, ':')) {
		a.four = (struct sockaddr_in) { .sin_family = AF_INET, .sin_port = htons(port) };
		(void) inet_pton(AF_INET, ip, &a.four.sin_addr);
		*len = sizeof a.four;
	} else {
		a.six = (struct sockaddr_in6) { .sin6_family = AF_INET6, .sin6_port = htons(port) };
		if (ip)
			(void) inet_pton(AF_INET6, ip, &a.six.sin6_addr);
		*len = sizeof a.six;
	}
	return a;
}

/* try_bind - @ip: NULL is both families' at once. Return: a socket that is bound, or -errno */
static int try_bind(const char *protocol, const char *ip, uint16_t port, bool reuse)
{
	socklen_t len;
	union address a = address_of(ip, port, &len);
	int type = strcmp(protocol, "tcp") == 0 ? SOCK_STREAM : SOCK_DGRAM, on = 1, only_six = ip != NULL;
	cleanup_close int fd = socket(a.any.sa_family, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (a.any.sa_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only_six, sizeof only_six) < 0)
		return -errno;
	if (reuse && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0)
		return -errno;
	if (bind(fd, &a.any, len) < 0)
		return -errno;
	return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ? -errno : take_fd(fd);
}

static int bind_port(const struct port_mapping *m, uint16_t port)
{
	const char *ip = m->host_ip;
	int fd = try_bind(m->protocol, ip, port, false);
	if (!ip && (fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL)) {	/* a host without IPv6 */
		ip = "0.0.0.0";
		fd = try_bind(m->protocol, ip, port, false);
	}
	if (fd != -EADDRINUSE || strcmp(m->protocol, "tcp") != 0)
		return fd;
	/* connections that were closed a minute ago are in nobody's way; a socket that does not listen, such as ours, is in no table */
	struct holder h = find_holder(true, port);
	return h.past && !h.found ? try_bind(m->protocol, ip, port, true) : fd;
}

static unsigned first_unprivileged(void)
{
	cleanup_free char *text = NULL;
	if (fs_read_file(AT_FDCWD, "/proc/sys/net/ipv4/ip_unprivileged_port_start", 32, &text, NULL, NULL) < 0)
		return 1024;
	return (unsigned) strtoul(text, NULL, 10);
}

static int say_failed(const struct port_mapping *m, int code, uint16_t port, struct error *err)
{
	switch (code) {
	case EADDRINUSE: return say_taken(m, port, err);
	case EACCES:
		return error_say(err, EACCES, "port %u/%s of the host is kept for root, as all below %u: publish a higher one, such as %u, or as root "
				 "run `sysctl net.ipv4.ip_unprivileged_port_start=%u`", port, m->protocol, first_unprivileged(), 8000 + port, port);
	case EADDRNOTAVAIL:
		return error_say(err, code, "--publish: this host has no address %s", m->host_ip);
	case EAFNOSUPPORT:
		return error_say(err, code, "--publish: this host has no IPv6, which %s is an address of", m->host_ip);
	default:
		return error_set(err, code, "take port %u/%s of the host", port, m->protocol);
	}
}

/* bind_one - the socket, and in @m the port it became */
static int bind_one(struct port_mapping *m, struct error *err)
{
	uint16_t first = m->host_port, last = m->host_end ? m->host_end : first;
	int fd = -EADDRINUSE;
	unsigned port = first;
	for (; fd == -EADDRINUSE && port <= last; port++)
		fd = bind_port(m, (uint16_t) port);
	if (fd == -EADDRINUSE && last > first)
		return error_say(err, EADDRINUSE, "all ports %u-%u/%s of the host are taken; publish a larger range, or any free port by leaving it out",
				 first, last, m->protocol);
	if (fd < 0)
		return say_failed(m, -fd, (uint16_t) (port - 1), err);
	union address a;
	socklen_t len = sizeof a;
	if (getsockname(fd, &a.any, &len) < 0) {
		int code = errno;
		(void) close(fd);
		return error_set(err, code, "ask for the port of a socket");
	}
	m->host_port = ntohs(a.any.sa_family == AF_INET ? a.four.sin_port : a.six.sin6_port);
	m->host_end = 0;
	return fd;
}

void ports_release(struct port_reservation *r)
{
	for (size_t i = 0; i < r->n; i++)
		(void) close(r->fds[i]);
	free(r->fds);
	*r = (struct port_reservation) { 0 };
}

/* more_files - thousands of ports are as many open files. What we start later has the limit as it was. Return: it */
static struct rlimit more_files(bool more)
{
	struct rlimit was, wide;
	if (!more || getrlimit(RLIMIT_NOFILE, &was) < 0)
		return (struct rlimit) { 0 };
	wide = (struct rlimit) { was.rlim_max, was.rlim_max };
	(void) setrlimit(RLIMIT_NOFILE, &wide);
	return was;
}

int ports_reserve(const struct port_mapping *v, size_t n, struct pool *pool, struct port_mappings *actual, struct port_reservation *ret,
		  struct error *err)
{
	struct port_reservation held = { .fds = n ? xcalloc(n, sizeof *held.fds) : NULL, .all = ret->all };
	const struct rlimit was = more_files(ret->all && n > MOST_HELD);
	int fd = 0;
	for (size_t i = 0; i < n; i++) {
		struct port_mapping m = v[i];
		fd = bind_one(&m, err);
		if (fd < 0)
			break;
		m.host_ip = m.host_ip ? pool_strdup(pool, m.host_ip) : NULL;
		m.protocol = pool_strdup(pool, m.protocol);
		ports_add(actual, &m);
		/* of thousands only those that were chosen must be held, or they could be chosen again; the others were seen to be free */
		if (held.all || held.n < MOST_HELD || v[i].host_port != m.host_port)
			held.fds[held.n++] = fd;
		else
			(void) close(fd);
	}
	if (was.rlim_max)
		(void) setrlimit(RLIMIT_NOFILE, &was);
	if (fd < 0)
		ports_release(&held);
	*ret = held;
	return fd < 0 ? fd : 0;
}
