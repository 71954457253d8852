/* forward.h: the process between real network namespaces, as an ordinary user makes them: the host, a client of it, the one of the networks with a
 * bridge, and a container at that bridge. All sockets are this program's, opened here and there. */
#include "cleanup.h"
#include "fs.h"
#include "mem.h"
#include "../../cli/network/forward.h"
#include "../../cli/network/link.h"
#include "proc.h"
#include "tap.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { PATIENCE_S = 10, BIG = 8 << 20 };

/* ---- the world ---- */

static int host_ns, client_ns, networks_ns, container_ns;

static void die(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(1);
}

static void enter(int ns)
{
	if (setns(ns, CLONE_NEWNET) < 0)
		die("setns");
}

static int make_ns(void)
{
	cleanup_netlink struct netlink nl = NETLINK_INIT;
	if (unshare(CLONE_NEWNET) < 0)
		die("unshare -n");
	int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || netlink_open(NETLINK_ROUTE, -1, &nl, NULL) < 0 || link_up(&nl, 1, NULL) < 0)
		die("a network namespace");
	return fd;
}

static void give_addresses(struct netlink *nl, int index, const char *four, const char *six)
{
	struct address a;
	if (address_parse(four, &a) < 0 || link_address(nl, index, &a, 24, NULL) < 0 || address_parse(six, &a) < 0 ||
	    link_address(nl, index, &a, 64, NULL) < 0 || link_up(nl, index, NULL) < 0)
		die("addresses");
}

/* join - a bridge here with X.1, and a link to it there with X.@n, which has its default route by the bridge */
static void join(int here, int there, const char *four, const char *six, int n)
{
	cleanup_netlink struct netlink nl = NETLINK_INIT, other = NETLINK_INIT;
	static const unsigned char mac[6] = { 2, 0, 0, 0, 0, 1 };
	char text[2][64];
	struct address gateway;
	enter(here);
	if (netlink_open(NETLINK_ROUTE, -1, &nl, NULL) < 0 || netlink_open(NETLINK_ROUTE, there, &other, NULL) < 0 ||
	    link_bridge(&nl, "br0", "", mac, 0, 0, NULL) < 0)
		die("a bridge");
	int bridge = link_find(&nl, "br0", NULL);
	snprintf(text[0], sizeof text[0], "%s.1", four);
	snprintf(text[1], sizeof text[1], "%s::1", six);
	cleanup_free char *path = xasprintf("/proc/sys/net/ipv6/conf/br0/accept_dad");
	(void) fs_write_file(AT_FDCWD, path, "0", NULL);
	give_addresses(&nl, bridge, text[0], text[1]);
	const struct link_pair pair = { .name = "ve0", .alias = "of a test", .master = bridge, .ns_fd = there, .peer = "eth0", .mac = { 2, 0, 0, 0, 0, 2 } };
	if (link_veth(&nl, &pair, NULL) < 0)
		die("a link");
	int index = link_find(&other, "eth0", NULL);
	snprintf(text[0], sizeof text[0], "%s.%d", four, n);
	snprintf(text[1], sizeof text[1], "%s::%d", six, n);
	give_addresses(&other, index, text[0], text[1]);
	snprintf(text[0], sizeof text[0], "%s.1", four);
	snprintf(text[1], sizeof text[1], "%s::1", six);
	for (int i = 0; i < 2; i++)
		if (address_parse(text[i], &gateway) < 0 || link_default(&other, index, &gateway, NULL) < 0)
			die("a route");
}

/* ---- sockets ---- */

union peer { struct sockaddr any; struct sockaddr_in four; struct sockaddr_in6 six; };

static union peer peer_of(const char *ip, uint16_t port, socklen_t *len)
{
	union peer p = { 0 };
	if (strchr(ip, ':')) {
		p.six = (struct sockaddr_in6) { .sin6_family = AF_INET6, .sin6_port = htons(port) };
		(void) inet_pton(AF_INET6, ip, &p.six.sin6_addr);
		*len = sizeof p.six;
	} else {
		p.four = (struct sockaddr_in) { .sin_family = AF_INET, .sin_port = htons(port) };
		(void) inet_pton(AF_INET, ip, &p.four.sin_addr);
		*len = sizeof p.four;
	}
	return p;
}

/* bound - a socket in that namespace, as ports_reserve() makes them; any waiting at it has an end */
static int bound(int ns, int type, const char *ip, uint16_t port)
{
	const struct timeval patience = { .tv_sec = PATIENCE_S };
	socklen_t len;
	const union peer p = peer_of(ip, port, &len);
	enter(ns);
	int fd = socket(p.any.sa_family, type | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int) { 1 }, sizeof(int)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) < 0 || bind(fd, &p.any, len) < 0)
		die("bind");
	return fd;
}

static int listening(int ns, const char *ip, uint16_t port)
{
	int fd = bound(ns, SOCK_STREAM, ip, port);
	if (listen(fd, 4096) < 0)
		die("listen");
	return fd;
}

/* dial - from @from (NULL: any address; port 0: any port) */
static int dial(int ns, int type, const char *from, uint16_t from_port, const char *to, uint16_t port)
{
	socklen_t len;
	const union peer p = peer_of(to, port, &len);
	int fd = bound(ns, type, from ? from : strchr(to, ':') ? "::" : "0.0.0.0", from_port);
	if (connect(fd, &p.any, len) < 0) {
		int code = errno;
		(void) close(fd);
		return -code;
	}
	return fd;
}

static const char *text_of(const union peer *p)
{
	static char out[2][80];
	static int which;
	char ip[64];
	which = !which;
	if (p->any.sa_family == AF_INET)
		snprintf(out[which], sizeof *out, "%s %u", inet_ntop(AF_INET, &p->four.sin_addr, ip, sizeof ip), ntohs(p->four.sin_port));
	else
		snprintf(out[which], sizeof *out, "%s %u", inet_ntop(AF_INET6, &p->six.sin6_addr, ip, sizeof ip), ntohs(p->six.sin6_port));
	return out[which];
}

static const char *other(int fd)
{
	union peer p = { 0 };
	socklen_t len = sizeof p;
	return getpeername(fd, &p.any, &len) < 0 ? "?" : text_of(&p);
}

static bool says(int fd, const char *text)
{
	char data[64] = { 0 };
	return fs_read_all(fd, data, strlen(text)) == (ssize_t) strlen(text) && strcmp(data, text) == 0;
}

static bool say(int fd, const char *text) { return fs_write_all(fd, text, strlen(text)) == 0; }

static bool at_end(int fd)
{
	char c;
	return recv(fd, &c, 1, 0) == 0;
}

static bool is_reset(int fd)
{
	char c;
	return recv(fd, &c, 1, 0) < 0 && errno == ECONNRESET;
}

static void close_with_reset(int fd)
{
	(void) setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger) { .l_onoff = 1 }, sizeof(struct linger));
	(void) close(fd);
}

/* ---- the forwarder ---- */

struct place { struct forwarder forwarder; pid_t container; size_t n; struct forward_port ports[8]; };

static pid_t start_container(void)
{
	pid_t pid = fork();
	if (pid == 0)
		for (;;)
			pause();
	return pid;
}

static void publish(struct place *p, int type, const char *ip, uint16_t port, uint16_t to)
{
	p->ports[p->n] = (struct forward_port) { .fd = bound(host_ns, type, ip, port), .port = to };
	p->n++;
}

static void start(struct place *p, bool six, bool keeps)
{
	static struct subnet near[2];
	struct error err = { 0 };
	struct forward_request q = { .ports = p->ports, .n = p->n, .near = near, .n_near = 2, .keeps_source = keeps, .ns_fd = networks_ns };
	(void) subnet_parse("near", "10.89.0.0/24", &near[0], NULL);
	(void) subnet_parse("near", "fd00:89::/64", &near[1], NULL);
	(void) address_parse("10.89.0.2", &q.to[0]);
	if (six)
		(void) address_parse("fd00:89::2", &q.to[1]);
	q.pid = p->container = start_container();
	enter(host_ns);
	if (forward_start(&q, &p->forwarder, &err) < 0)
		printf("Bail out! %s\n", err.text), exit(1);
}

static void stop(struct place *p)
{
	pid_t pid = p->forwarder.pid;
	forward_stop(&p->forwarder);
	for (size_t i = 0; i < p->n; i++)
		(void) close(p->ports[i].fd);
	(void) kill(p->container, SIGKILL);
	(void) waitpid(p->container, NULL, 0);
	if (pid > 0) {	/* connections may be open yet, for which it would wait */
		(void) kill(pid, SIGKILL);
		(void) waitpid(pid, NULL, 0);
	}
	*p = (struct place) { .forwarder = FORWARDER_NONE };
}

#define PLACE { .forwarder = FORWARDER_NONE }

/* ---- connections ---- */

/* pass - from the client's socket to the server's, there and back. Return: as whom the server saw it; NULL: it did not come through */
static const char *pass(int server, int client)
{
	static char seen[80];
	cleanup_close int c = client, s = c < 0 ? -1 : accept4(server, NULL, NULL, SOCK_CLOEXEC);
	if (s < 0)
		return NULL;
	snprintf(seen, sizeof seen, "%s", other(s));
	bool ok = say(c, "ping") && says(s, "ping") && say(s, "pong") && says(c, "pong") && shutdown(c, SHUT_WR) == 0 && at_end(s) &&
		say(s, "more") && says(c, "more") && shutdown(s, SHUT_WR) == 0 && at_end(c);
	return ok ? seen : NULL;
}

static void seen_as(void)
{
	struct place p = PLACE;
	publish(&p, SOCK_STREAM, "::", 8080, 80);
	publish(&p, SOCK_STREAM, "203.0.113.1", 8081, 80);
	start(&p, true, true);
	cleanup_close int four = listening(container_ns, "10.89.0.2", 80), six = listening(container_ns, "fd00:89::2", 80);
	OK_STR(pass(four, dial(client_ns, SOCK_STREAM, NULL, 4001, "203.0.113.1", 8080)), "203.0.113.9 4001");
	OK_STR(pass(six, dial(client_ns, SOCK_STREAM, NULL, 4001, "2001:db8:113::1", 8080)), "2001:db8:113::9 4001");
	OK_STR(pass(four, dial(client_ns, SOCK_STREAM, NULL, 4002, "203.0.113.1", 8081)), "203.0.113.9 4002");
	OK_STR(pass(four, dial(client_ns, SOCK_STREAM, NULL, 513, "203.0.113.1", 8081)), "203.0.113.9 513");
	OK_STR(pass(four, dial(host_ns, SOCK_STREAM, NULL, 4003, "203.0.113.1", 8080)), "203.0.113.1 4003");
	/* addresses that mean nothing in the network */
	const char *as = pass(four, dial(host_ns, SOCK_STREAM, NULL, 0, "127.0.0.1", 8080));
	OK(as && strncmp(as, "10.89.0.1 ", 10) == 0);
	as = pass(six, dial(host_ns, SOCK_STREAM, NULL, 0, "::1", 8080));
	OK(as && strncmp(as, "fd00:89::1 ", 11) == 0);
	as = pass(four, dial(client_ns, SOCK_STREAM, "10.89.0.7", 0, "203.0.113.1", 8080));
	OK(as && strncmp(as, "10.89.0.1 ", 10) == 0);
	/* one client, from one port, to both ports of the host at once: one of them has another port, and the same address */
	cleanup_close int first = dial(client_ns, SOCK_STREAM, NULL, 4004, "203.0.113.1", 8080), s = accept(four, NULL, NULL);
	OK_STR(other(s), "203.0.113.9 4004");
	as = pass(four, dial(client_ns, SOCK_STREAM, NULL, 4004, "203.0.113.1", 8081));
	OK(as && strncmp(as, "203.0.113.9 ", 12) == 0 && strcmp(as, "203.0.113.9 4004") != 0);
	OK(say(first, "still") && says(s, "still"));
	stop(&p);
}

static void other_family(void)
{
	struct place p = PLACE;
	publish(&p, SOCK_STREAM, "::", 8080, 80);
	start(&p, false, true);
	cleanup_close int server = listening(container_ns, "10.89.0.2", 80);
	const char *as = pass(server, dial(client_ns, SOCK_STREAM, NULL, 0, "2001:db8:113::1", 8080));
	OK(as && strncmp(as, "10.89.0.1 ", 10) == 0);
	stop(&p);
	publish(&p, SOCK_STREAM, "::", 8080, 80);
	start(&p, false, false);
	as = pass(server, dial(client_ns, SOCK_STREAM, NULL, 0, "203.0.113.1", 8080));
	OK(as && strncmp(as, "10.89.0.1 ", 10) == 0);
	stop(&p);
}

static void resets(void)
{
	struct place p = PLACE;
	publish(&p, SOCK_STREAM, "0.0.0.0", 8080, 80);
	start(&p, true, true);
	int client = dial(client_ns, SOCK_STREAM, NULL, 0, "203.0.113.1", 8080);
	OK(client >= 0 && is_reset(client));	/* nobody listens yet */
	(void) close(client);

	cleanup_close int server = listening(container_ns, "10.89.0.2", 80);
	client = dial(client_ns, SOCK_STREAM, NULL, 0, "203.0.113.1", 8080);
	int s = accept(server, NULL, NULL);
	close_with_reset(client);
	OK(is_reset(s));
	(void) close(s);

	client = dial(client_ns, SOCK_STREAM, NULL, 0, "203.0.113.1", 8080);
	s = accept(server, NULL, NULL);
	OK(say(s, "last words"));
	close_with_reset(s);
	char data[64];
	ssize_t n = recv(client, data, sizeof data, 0);	/* the words, unless the reset has overtaken them, as it may */
	OK(n == 10 || (n < 0 && errno == ECONNRESET));
	OK(n < 0 || is_reset(client));
	(void) close(client);

	/* who closes while he is not read from: the other one is told, when he goes on writing */
	client = dial(client_ns, SOCK_STREAM, NULL, 0, "203.0.113.1", 8080);
	s = accept(server, NULL, NULL);
	OK(say(client, "bye"));
	(void) close(client);
	OK(says(s, "bye") && at_end(s));
	bool fails = false;
	for (int i = 0; i < 10000 && !fails; i++)
		fails = send(s, "more", 4, MSG_NOSIGNAL) < 0;
	OK(fails);
	(void) close(s);
	stop(&p);
}

static void urgent(void)
{
	struct place p = PLACE;
	publish(&p, SOCK_STREAM, "0.0.0.0", 8080, 80);
	start(&p, true, true);
	cleanup_close int server = listening(container_ns, "10.89.0.2", 80), client = dial(client_ns, SOCK_STREAM, NULL, 0, "203.0.113.1", 8080),
			  s = accept(server, NULL, NULL);
	OK(say(client, "abc") && send(client, "d", 1, MSG_OOB) == 1 && say(client, "efg"));
	OK(says(s, "abcdefg"));
	OK(send(client, "!", 1, MSG_OOB) == 1 && says(s, "!") && say(client, "rest") && says(s, "rest"));
	OK(say(s, "other way") && says(client, "other way"));
	stop(&p);
}

static unsigned char byte_of(size_t i) { return (unsigned char) (i * 2654435761U >> 13); }

/* send_big, check_big - a stream in which every byte is known */
static void send_big(int fd)
{
	unsigned char *data = xmalloc(BIG);
	for (size_t i = 0; i < BIG; i++)
		data[i] = byte_of(i);
	(void) fs_write_all(fd, data, BIG);
	free(data);
}

static bool check_big(int fd)
{
	unsigned char *data = xmalloc(BIG);
	bool ok = fs_read_all(fd, data, BIG) == BIG;
	for (size_t i = 0; ok && i < BIG; i++)
		ok = data[i] == byte_of(i);
	free(data);
	return ok;
}

static void streams(void)
{
	struct place p = PLACE;
	publish(&p, SOCK_STREAM, "::", 8080, 80);
	start(&p, true, true);
	cleanup_close int server = listening(container_ns, "10.89.0.2", 80), client = dial(client_ns, SOCK_STREAM, NULL, 0, "203.0.113.1", 8080),
			  s = accept(server, NULL, NULL);
	fflush(stdout);
	pid_t writer = fork(), back = writer ? fork() : -1;	/* both ways at once */
	if (writer == 0 || back == 0) {
		send_big(writer == 0 ? client : s);
		(void) shutdown(writer == 0 ? client : s, SHUT_WR);
		_exit(0);
	}
	pid_t reader = fork();
	if (reader == 0)
		_exit(!(check_big(client) && at_end(client)));
	OK(check_big(s));
	OK(at_end(s));
	int status = 1;
	(void) waitpid(reader, &status, 0);
	OK(status == 0);
	(void) waitpid(writer, NULL, 0);
	(void) waitpid(back, NULL, 0);
	stop(&p);
}

static long status_kb(pid_t pid, const char *name)
{
	cleanup_free char *path = xasprintf("/proc/%d/status", (int) pid), *text = NULL;
	if (fs_read_file(AT_FDCWD, path, 1 << 16, &text, NULL, NULL) < 0)
		return -1;
	const char *at = strstr(text, name);
	return at ? strtol(at + strlen(name) + 1, NULL, 10) : -1;
}

/* cpu_ticks - what it has used */
static long cpu_ticks(pid_t pid)
{
	cleanup_free char *path = xasprintf("/proc/%d/stat", (int) pid), *text = NULL;
	long user = -1, system = 0;
	if (fs_read_file(AT_FDCWD, path, 4096, &text, NULL, NULL) < 0 ||
	    sscanf(strrchr(text, ')'), ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld", &user, &system) != 2)
		return -1;
	return user + system;
}

/* fill - write until nothing more is taken for a while. Return: how much */
static size_t fill(int fd)
{
	static char data[1 << 16];
	struct pollfd out = { .fd = fd, .events = POLLOUT };
	size_t sum = 0;
	while (poll(&out, 1, 500) > 0) {
		ssize_t n = send(fd, data, sizeof data, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN)
			return 0;
		sum += n > 0 ? (size_t) n : 0;
		if (sum > 256U << 20)
			return sum;
	}
	return sum;
}

static void slow_reader(void)
{
	struct place p = PLACE;
	publish(&p, SOCK_STREAM, "::", 8080, 80);
	start(&p, true, true);
	cleanup_close int server = listening(container_ns, "10.89.0.2", 80), client = dial(client_ns, SOCK_STREAM, NULL, 0, "203.0.113.1", 8080),
			  s = accept(server, NULL, NULL);
	long rss = status_kb(p.forwarder.pid, "VmRSS:");
	size_t sum = fill(client), got = 0;
	OK(sum > 0 && sum < 64U << 20);
	OK(rss > 0 && status_kb(p.forwarder.pid, "VmRSS:") - rss < 1024);
	long before = cpu_ticks(p.forwarder.pid);
	/* others are served meanwhile, and who waits costs nothing */
	OK(pass(server, dial(client_ns, SOCK_STREAM, NULL, 0, "203.0.113.1", 8080)) != NULL);
	(void) poll(NULL, 0, 300);
	OK(cpu_ticks(p.forwarder.pid) - before < 5);
	(void) shutdown(client, SHUT_WR);
	char *data = xmalloc(1 << 20);
	for (ssize_t n; (n = recv(s, data, 1 << 20, 0)) > 0;)
		got += (size_t) n;
	free(data);
	OK(got == sum);
	stop(&p);
}

static void many(void)
{
	enum { N = 1500 };
	struct place p = PLACE;
	struct rlimit limit;
	(void) getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	(void) setrlimit(RLIMIT_NOFILE, &limit);
	publish(&p, SOCK_STREAM, "::", 8080, 80);
	start(&p, true, true);
	cleanup_close int server = listening(container_ns, "10.89.0.2", 80);
	static int clients[N], servers[N];
	long rss = status_kb(p.forwarder.pid, "VmRSS:");
	int came = 0, heard = 0, answered = 0, ended = 0;
	for (int i = 0; i < N; i++)
		clients[i] = dial(client_ns, SOCK_STREAM, NULL, 0, "203.0.113.1", 8080);
	for (int i = 0; i < N; i++)
		came += (servers[i] = accept(server, NULL, NULL)) >= 0;
	OK(came == N);
	for (int i = 0; i < N; i++)
		heard += say(clients[i], "ping");
	for (int i = 0; i < N; i++)
		answered += says(servers[i], "ping") && say(servers[i], "pong");
	for (int i = 0; i < N; i++)
		heard += says(clients[i], "pong");
	OK(heard == 2 * N && answered == N);
	for (int i = 0; i < N; i++)
		(void) close(clients[i]);
	for (int i = 0; i < N; i++) {
		ended += at_end(servers[i]);
		(void) close(servers[i]);
	}
	OK(ended == N);
	OK(rss > 0 && status_kb(p.forwarder.pid, "VmRSS:") - rss < 4096);
	stop(&p);
}

/* few_files - in a process of its own, whose limit cannot be raised again */
static void few_files(void)
{
	enum { N = 100, FILES = 400 };
	int clients[N], accepted = 0, later = 0;
	fflush(stdout);
	pid_t pid = fork();
	if (pid) {
		int status = 1;
		(void) waitpid(pid, &status, 0);
		OK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
		return;
	}
	struct place p = PLACE;
	const struct rlimit few = { FILES, FILES };
	(void) setrlimit(RLIMIT_NOFILE, &few);
	publish(&p, SOCK_STREAM, "::", 8080, 80);
	start(&p, true, true);
	int server = listening(container_ns, "10.89.0.2", 80);
	for (int i = 0; i < N; i++)
		clients[i] = dial(client_ns, SOCK_STREAM, NULL, 0, "203.0.113.1", 8080);
	struct pollfd in = { .fd = server, .events = POLLIN };
	int servers[N];
	while (accepted < N && poll(&in, 1, 500) > 0)
		servers[accepted++] = accept(server, NULL, NULL);
	long before = cpu_ticks(p.forwarder.pid);
	(void) poll(NULL, 0, 500);
	long used = cpu_ticks(p.forwarder.pid) - before;
	for (int i = 0; i < accepted; i++) {
		(void) close(clients[i]);
		(void) close(servers[i]);
	}
	while (accepted + later < N && poll(&in, 1, 500) > 0) {
		int s = accept(server, NULL, NULL);
		later += s >= 0;
		(void) close(clients[accepted + later - 1]);
		(void) close(s);
	}
	printf("# %d connections at once, %d later, %ld ticks while they waited\n", accepted, later, used);
	bool ok = accepted > 10 && accepted < N && used < 5 && accepted + later == N;
	stop(&p);
	fflush(stdout);
	_exit(!ok);
}

/* ---- datagrams ---- */

/* ask - a datagram there and back. Return: as whom the server saw it; NULL */
static const char *ask(int server, int client, const char *text)
{
	static char seen[80];
	char data[64] = { 0 };
	union peer from = { 0 };
	socklen_t len = sizeof from;
	cleanup_close int c = client;
	if (c < 0 || send(c, text, strlen(text), 0) < 0 || recvfrom(server, data, sizeof data - 1, 0, &from.any, &len) < 0 || strcmp(data, text) != 0)
		return NULL;
	snprintf(seen, sizeof seen, "%s", text_of(&from));
	memset(data, 0, sizeof data);
	/* the client is connected: an answer from any other address than the one it asked does not arrive */
	if (sendto(server, "answer", 6, 0, &from.any, len) < 0 || recv(c, data, sizeof data - 1, 0) < 0)
		return NULL;
	return strcmp(data, "answer") == 0 ? seen : NULL;
}

static void datagrams(void)
{
	struct place p = PLACE;
	publish(&p, SOCK_DGRAM, "::", 5353, 53);
	publish(&p, SOCK_DGRAM, "203.0.113.1", 5354, 53);
	start(&p, true, true);
	cleanup_close int four = bound(container_ns, SOCK_DGRAM, "10.89.0.2", 53), six = bound(container_ns, SOCK_DGRAM, "fd00:89::2", 53);
	OK_STR(ask(four, dial(client_ns, SOCK_DGRAM, NULL, 4001, "203.0.113.1", 5353), "one"), "203.0.113.9 4001");
	OK_STR(ask(four, dial(client_ns, SOCK_DGRAM, NULL, 4001, "203.0.113.1", 5353), "again"), "203.0.113.9 4001");
	OK_STR(ask(four, dial(client_ns, SOCK_DGRAM, NULL, 4002, "203.0.113.1", 5354), "two"), "203.0.113.9 4002");
	OK_STR(ask(six, dial(client_ns, SOCK_DGRAM, NULL, 4001, "2001:db8:113::1", 5353), "three"), "2001:db8:113::9 4001");
	OK_STR(ask(four, dial(client_ns, SOCK_DGRAM, NULL, 4003, "203.0.113.2", 5353), "second address"), "203.0.113.9 4003");
	OK_STR(ask(six, dial(client_ns, SOCK_DGRAM, NULL, 4003, "2001:db8:113::2", 5353), "second address"), "2001:db8:113::9 4003");
	const char *as = ask(four, dial(host_ns, SOCK_DGRAM, NULL, 0, "127.0.0.1", 5353), "local");
	OK(as && strncmp(as, "10.89.0.1 ", 10) == 0);
	as = ask(six, dial(host_ns, SOCK_DGRAM, NULL, 0, "::1", 5353), "local");
	OK(as && strncmp(as, "fd00:89::1 ", 11) == 0);

	/* a large one, an empty one, and more clients than sessions can be */
	cleanup_close int client = dial(client_ns, SOCK_DGRAM, NULL, 4005, "203.0.113.1", 5353);
	char *data = xcalloc(1, 60000);
	OK(send(client, data, 60000, 0) == 60000 && recv(four, data, 60000, 0) == 60000);
	OK(send(client, data, 0, 0) == 0 && recv(four, data, 60000, 0) == 0);
	free(data);
	int answered = 0;
	for (int i = 0; i < 200; i++)
		answered += ask(four, dial(client_ns, SOCK_DGRAM, NULL, 0, "203.0.113.1", 5353), "many") != NULL;
	OK(answered == 200);

	/* who is not there yet is there later */
	close_fd(&four);
	OK(send(client, "x", 1, 0) == 1 && send(client, "y", 1, 0) == 1);
	four = bound(container_ns, SOCK_DGRAM, "10.89.0.2", 53);
	(void) poll(NULL, 0, 50);
	char text[8];
	while (recv(four, text, sizeof text, MSG_DONTWAIT) > 0)
		;
	OK(ask(four, take_fd(client), "there") != NULL);
	stop(&p);
}

/* ---- its end ---- */

static void ends(void)
{
	struct place p = PLACE;
	int status = -1;
	publish(&p, SOCK_STREAM, "::", 8080, 80);
	publish(&p, SOCK_DGRAM, "::", 8080, 80);
	start(&p, true, true);
	cleanup_close int server = listening(container_ns, "10.89.0.2", 80), client = dial(client_ns, SOCK_STREAM, NULL, 0, "203.0.113.1", 8080),
			  s = accept(server, NULL, NULL);
	size_t sum = fill(s), got = 0;	/* more than it can have passed on: the client reads nothing yet */
	close_fd(&s);
	(void) kill(p.container, SIGKILL);
	char c;
	OK(read(p.forwarder.open_fd, &c, 1) == 0);	/* the ports are closed */
	OK(dial(client_ns, SOCK_STREAM, NULL, 0, "203.0.113.1", 8080) == -ECONNREFUSED);
	char data[4096];
	for (ssize_t n; (n = recv(client, data, sizeof data, 0)) > 0;)
		got += (size_t) n;
	OK(got == sum);
	(void) waitpid(p.forwarder.pid, &status, 0);
	OK(status == 0);
	p.forwarder.pid = -1;
	stop(&p);

	/* stopped while a connection is open: the port can be had at once, the connection goes on until its end */
	publish(&p, SOCK_STREAM, "::", 8080, 80);
	start(&p, true, true);
	close_fd(&client);
	client = dial(client_ns, SOCK_STREAM, NULL, 0, "203.0.113.1", 8080);
	s = accept(server, NULL, NULL);
	OK(say(client, "a") && says(s, "a"));
	pid_t pid = p.forwarder.pid;
	forward_stop(&p.forwarder);
	(void) close(p.ports[0].fd);
	p.n = 0;
	cleanup_close int again = bound(host_ns, SOCK_STREAM, "::", 8080);
	OK(again >= 0 && say(s, "b") && says(client, "b"));
	close_fd(&s);
	OK(at_end(client));
	(void) waitpid(pid, &status, 0);
	OK(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	stop(&p);
}

static bool may_have_namespaces(void)
{
	unsigned uid = getuid(), gid = getgid();
	char text[64];
	if (uid == 0)
		return true;
	if (unshare(CLONE_NEWUSER) < 0)
		return false;
	snprintf(text, sizeof text, "0 %u 1\n", uid);
	if (fs_write_file(AT_FDCWD, "/proc/self/setgroups", "deny", NULL) < 0 || fs_write_file(AT_FDCWD, "/proc/self/uid_map", text, NULL) < 0)
		return false;
	snprintf(text, sizeof text, "0 %u 1\n", gid);
	return fs_write_file(AT_FDCWD, "/proc/self/gid_map", text, NULL) == 0;
}

int main(void)
{
	if (!may_have_namespaces()) {
		printf("1..0 # SKIP no user namespaces here: `unshare -Urn true` says %s\n", strerror(errno));
		return 0;
	}
	(void) signal(SIGPIPE, SIG_IGN);
	host_ns = make_ns();
	client_ns = make_ns();
	networks_ns = make_ns();
	container_ns = make_ns();
	join(host_ns, client_ns, "203.0.113", "2001:db8:113", 9);
	join(networks_ns, container_ns, "10.89.0", "fd00:89", 2);
	cleanup_netlink struct netlink nl = NETLINK_INIT;
	enter(host_ns);
	(void) netlink_open(NETLINK_ROUTE, -1, &nl, NULL);
	give_addresses(&nl, link_find(&nl, "br0", NULL), "203.0.113.2", "2001:db8:113::2");
	struct address odd;	/* one of the client's that is one of the container's subnet as well */
	(void) address_parse("10.89.0.1", &odd);
	(void) link_address(&nl, link_find(&nl, "br0", NULL), &odd, 24, NULL);
	cleanup_netlink struct netlink outside = NETLINK_INIT;
	enter(client_ns);
	(void) netlink_open(NETLINK_ROUTE, -1, &outside, NULL);
	(void) address_parse("10.89.0.7", &odd);
	(void) link_address(&outside, link_find(&outside, "eth0", NULL), &odd, 24, NULL);
	seen_as();
	other_family();
	resets();
	urgent();
	streams();
	slow_reader();
	many();
	few_files();
	datagrams();
	ends();
	return tap_done();
}
