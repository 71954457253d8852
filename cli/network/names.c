#include "names_impl.h"
#include "../container/apart.h"
#include "../container/hostfiles.h"
#include "cleanup.h"
#include "fs.h"
#include "leases.h"
#include "networks.h"
#include "nft.h"
#include "proc.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/syscall.h>

enum { PENDING = 128, RESOLV_MAX = 1 << 16, RECORD_MAX = 16 << 20, BACKLOG = 16 };

/* struct pending - a question that was passed on */
struct pending {
	int fd;				/* connected to the server; -1: this place is free */
	struct sockaddr_in from;	/* who asked */
	uint16_t id;			/* of what was passed on */
	struct dns_question question;
	unsigned char packet[DNS_PACKET_MAX];
	size_t len, server;
	int64_t until_ms;
};

/* ---- what we know ---- */

static bool is_called(const struct lease *l, const char *name)
{
	if (strcasecmp(l->name, name) == 0 || (strlen(name) == 12 && strncmp(l->container, name, 12) == 0))
		return true;
	for (char **n = l->names; n && *n; n++)
		if (strcasecmp(*n, name) == 0)
			return true;
	return false;
}

/* add_address - unless it is of another family than was asked for, or there are too many already */
static int add_address(const char *text, int family, struct address *list, int count)
{
	if (!text || count == DNS_ANSWER_MAX || address_parse(text, &list[count]) < 0)
		return count;
	return list[count].family == family ? count + 1 : count;
}

int names_look_up(const struct names *n, const struct dns_question *q, struct address list[DNS_ANSWER_MAX])
{
	const int family = q->type == DNS_A ? AF_INET : q->type == DNS_AAAA ? AF_INET6 : AF_UNSPEC;
	int count = -1;
	for (size_t i = 0; q->class == DNS_IN && i < n->n_networks; i++) {
		cleanup_leases struct leases l = { 0 };
		(void) leases_read(n->networks[i], &l, NULL);
		for (size_t k = 0; k < l.n; k++) {
			if (!is_called(&l.list[k], q->name))
				continue;
			count = add_address(l.list[k].ip, family, list, count < 0 ? 0 : count);
			count = add_address(l.list[k].ip6, family, list, count);
		}
	}
	return count;
}

/* ---- its networks ---- */

struct document { struct record_networking networking; };
#define T struct document
static const struct json_type document_type = JSON_TYPE(T, JSON_INLINE(T, networking, "networking", record_networking_type));
#undef T

/* open_networks - of those whose containers know each other by name */
static int open_networks(const struct carrier *c, const struct record_networking *r, struct names *n, struct error *err)
{
	for (; n->n_networks; n->n_networks--)
		close_fd(&n->networks[n->n_networks - 1]);
	n->isolated = true;
	for (size_t i = 0; i < r->n_networks && n->n_networks < NETWORKS_MAX; i++) {
		cleanup_network struct network network = { 0 };
		int result = network_find(c, r->networks[i].name, &network, err);
		if (result < 0)
			return result;
		n->isolated = n->isolated && network.record.internal;
		if (network.record.no_names)
			continue;
		int fd = network_open(c, network.record.name, err);
		if (fd < 0)
			return fd;
		n->networks[n->n_networks++] = fd;
	}
	return 0;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

void names_refresh(struct names *n)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	cleanup_free char *text = NULL;
	struct document *d;
	struct stat now;
	size_t len;
	if (fstatat(n->record_fd, "record.json", &now, 0) < 0 || is_same(&now, &n->record))
		return;
	if (fs_read_file(n->record_fd, "record.json", RECORD_MAX, &text, &len, NULL) < 0 || json_decode(&document_type, text, len, &pool, &d, NULL) < 0)
		return;
	if (open_networks(n->carrier, &d->networking, n, NULL) == 0)
		n->record = now;
}

/* ---- whom we ask ---- */

static void find_servers(const struct names *n, struct strings *ret)
{
	cleanup_free char *text = NULL;
	for (char *const *s = n->servers; s && *s; s++)
		strings_add(ret, *s);
	if (!ret->n && fs_read_file(AT_FDCWD, "/etc/resolv.conf", RESOLV_MAX, &text, NULL, NULL) == 0)
		hostfiles_servers(text, ret);
}

int names_connect(const struct names *n, size_t which, int type)
{
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(NAMES_PORT) };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(NAMES_PORT) };
	struct strings servers cleanup_strings = { 0 };
	if (!n->isolated)
		find_servers(n, &servers);
	if (which >= servers.n || which >= NAMES_SERVERS)
		return -ENOENT;
	bool is_four = inet_pton(AF_INET, servers.v[which], &four.sin_addr) == 1;
	if (!is_four && inet_pton(AF_INET6, servers.v[which], &six.sin6_addr) != 1)
		return -EAGAIN;
	cleanup_close int fd = socket(is_four ? AF_INET : AF_INET6, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const struct sockaddr *to = is_four ? (const struct sockaddr *) &four : (const struct sockaddr *) &six;
	if (fd < 0 || (connect(fd, to, is_four ? sizeof four : sizeof six) < 0 && errno != EINPROGRESS))
		return -EAGAIN;
	return take_fd(fd);
}

static void answer(const struct names *n, const struct sockaddr_in *to, const unsigned char *packet, const struct dns_question *q, int code,
		   const struct address *list, int count)
{
	unsigned char out[DNS_PACKET_MAX];
	size_t len = dns_answer(packet, q, code, list, count > 0 ? (size_t) count : 0, DNS_SMALL, out);
	(void) sendto(n->fd, out, len, MSG_DONTWAIT, (const struct sockaddr *) to, sizeof *to);
}

/* ask_next - the next server that can be asked; when there is none any more, who asked is told */
static void ask_next(const struct names *n, struct pending *p)
{
	close_fd(&p->fd);
	while ((p->fd = names_connect(n, p->server++, SOCK_DGRAM)) != -ENOENT) {
		if (p->fd < 0 || getrandom(&p->id, sizeof p->id, 0) != sizeof p->id)
			continue;
		p->packet[0] = (unsigned char) (p->id >> 8);
		p->packet[1] = (unsigned char) p->id;
		p->until_ms = now_ms() + NAMES_PATIENCE_MS;
		if (send(p->fd, p->packet, p->len, 0) == (ssize_t) p->len)
			return;
		close_fd(&p->fd);
	}
	p->fd = -1;
	p->packet[0] = (unsigned char) (p->question.id >> 8);
	p->packet[1] = (unsigned char) p->question.id;
	answer(n, &p->from, p->packet, &p->question, n->isolated ? DNS_REFUSED : DNS_FAILED, NULL, 0);
}

static struct pending *free_place(struct names *n)
{
	for (size_t i = 0; i < PENDING; i++)
		if (n->pending[i].fd < 0)
			return &n->pending[i];
	return NULL;
}

static void read_question(struct names *n)
{
	unsigned char packet[DNS_PACKET_MAX];
	struct address list[DNS_ANSWER_MAX];
	struct sockaddr_in from;
	socklen_t from_len = sizeof from;
	struct dns_question q;
	ssize_t len = recvfrom(n->fd, packet, sizeof packet, MSG_DONTWAIT, (struct sockaddr *) &from, &from_len);
	if (len < 0 || dns_parse(packet, (size_t) len, &q) < 0)
		return;
	names_refresh(n);
	int count = names_look_up(n, &q, list);
	if (count >= 0) {
		answer(n, &from, packet, &q, DNS_OK, list, count);
		return;
	}
	struct pending *p = free_place(n);
	if (!p)
		return;		/* it will ask again */
	p->from = from;
	p->question = q;
	p->len = (size_t) len;
	p->server = 0;
	memcpy(p->packet, packet, p->len);
	ask_next(n, p);
}

/* read_answer - one that we have no room for is passed on as one that was cut off */
static void read_answer(const struct names *n, struct pending *p)
{
	unsigned char packet[DNS_PACKET_MAX];
	ssize_t len = recv(p->fd, packet, sizeof packet, MSG_DONTWAIT | MSG_TRUNC);
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len < 0) {		/* refused: nobody is there */
		ask_next(n, p);
		return;
	}
	bool cut = len > (ssize_t) sizeof packet;
	if (!dns_is_answer(packet, cut ? sizeof packet : (size_t) len, p->id, &p->question))
		return;
	if (cut)
		len = (ssize_t) dns_cut(packet, &p->question);
	packet[0] = (unsigned char) (p->question.id >> 8);
	packet[1] = (unsigned char) p->question.id;
	(void) sendto(n->fd, packet, (size_t) len, MSG_DONTWAIT, (const struct sockaddr *) &p->from, sizeof p->from);
	close_fd(&p->fd);
}

/* ---- the process ---- */

static int timeout_ms(const struct names *n)
{
	int64_t now = now_ms(), first = names_tcp_due(n);
	for (size_t i = 0; i < PENDING; i++)
		if (n->pending[i].fd >= 0 && n->pending[i].until_ms < first)
			first = n->pending[i].until_ms;
	return first == INT64_MAX ? -1 : first > now ? (int) (first - now) : 0;
}

static _Noreturn void serve(struct names *n)
{
	struct pollfd fds[PENDING + 2 + NAMES_CONNECTIONS + 1];
	for (;;) {
		fds[0] = (struct pollfd) { .fd = n->pidfd, .events = POLLIN };
		fds[1] = (struct pollfd) { .fd = n->fd, .events = POLLIN };
		for (size_t i = 0; i < PENDING; i++)
			fds[2 + i] = (struct pollfd) { .fd = n->pending[i].fd, .events = POLLIN };
		size_t count = PENDING + 2 + names_tcp_poll(n, fds + PENDING + 2);
		if (poll(fds, count, timeout_ms(n)) < 0 && errno != EINTR)
			_exit(1);
		if (fds[0].revents)
			_exit(0);
		int64_t now = now_ms();
		for (size_t i = 0; i < PENDING; i++) {
			if (n->pending[i].fd >= 0 && fds[2 + i].revents)
				read_answer(n, &n->pending[i]);
			else if (n->pending[i].fd >= 0 && n->pending[i].until_ms <= now)
				ask_next(n, &n->pending[i]);
		}
		if (fds[1].revents)
			read_question(n);
		names_tcp_step(n, fds + PENDING + 2);
	}
}

/* keep_only - of what the monitor has open, only ours, N first */
static void keep_only(struct names *n)
{
	enum { FIXED = 6 };
	int *ours[FIXED + NETWORKS_MAX] = { &n->net_fd, &n->members_fd, &n->fd, &n->tcp_fd, &n->pidfd, &n->record_fd };
	int count = FIXED;
	for (size_t i = 0; i < n->n_networks; i++)
		ours[count++] = &n->networks[i];
	apart_keep(ours, count, HOLDER_NET_FD);
}

static _Noreturn void become_server(struct names *n)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	const struct __user_cap_data_struct none[2] = { { 0 } };
	sigset_t set;
	sigemptyset(&set);
	keep_only(n);
	(void) sigprocmask(SIG_SETMASK, &set, NULL);
	(void) signal(SIGTERM, SIG_DFL);
	(void) prctl(PR_SET_NAME, "carrier-names");
	(void) prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	(void) prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
	(void) syscall(SYS_capset, &header, none);
	if (n->net_fd >= 0)	/* who makes a new holder finds N by our /proc/PID */
		(void) prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	n->pending = xcalloc(PENDING, sizeof *n->pending);	/* here: the monitor stays small */
	for (size_t i = 0; i < PENDING; i++)
		n->pending[i].fd = -1;
	serve(n);
}

/* struct inside - a socket that is opened in the container's network namespace */
struct inside { int ns_fd, type; };

static int open_socket(void *ctx, struct error *err)
{
	const struct inside *in = ctx;
	const int yes = 1;
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(NAMES_OWN_PORT) };
	struct address address;
	(void) inet_pton(AF_INET, NAMES_ADDRESS, &at.sin_addr);
	(void) address_parse(NAMES_ADDRESS, &address);
	if (setns(in->ns_fd, CLONE_NEWNET) < 0)
		return error_set(err, errno, "enter the container's network namespace");
	cleanup_close int fd = socket(AF_INET, in->type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && in->type == SOCK_STREAM)
		(void) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	if (fd < 0 || bind(fd, (struct sockaddr *) &at, sizeof at) < 0 || (in->type == SOCK_STREAM && listen(fd, BACKLOG) < 0))
		return error_set(err, errno, "open port %d of " NAMES_ADDRESS " in the container's network namespace", NAMES_OWN_PORT);
	int r = in->type == SOCK_STREAM ? nft_exchange_port(&address, NAMES_PORT, NAMES_OWN_PORT, err) : 0;
	return r < 0 ? r : take_fd(fd);
}

/* open_inside - @apart: an ordinary user's monitor could not come back into the host's network namespace, and a child does it */
static int open_inside(struct inside in, bool apart, struct error *err)
{
	if (apart)
		return apart_fd(open_socket, &in, err);
	cleanup_close int own_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (own_fd < 0)
		return error_set(err, errno, "open '/proc/self/ns/net'");
	cleanup_close int fd = open_socket(&in, err);
	if (setns(own_fd, CLONE_NEWNET) < 0)
		return error_set(err, errno, "come back to our network namespace");
	return take_fd(fd);
}

static void names_done(struct names *n)
{
	close_fd(&n->net_fd);
	close_fd(&n->members_fd);
	close_fd(&n->fd);
	close_fd(&n->tcp_fd);
	close_fd(&n->pidfd);
	for (size_t i = 0; i < n->n_networks; i++)
		close_fd(&n->networks[i]);
}

static int become_member(struct names *n, const struct holder_member *home, struct error *err)
{
	if (home->net_fd < 0)
		return 0;
	n->net_fd = fcntl(home->net_fd, F_DUPFD_CLOEXEC, 3);
	n->members_fd = n->net_fd < 0 ? -1 : fcntl(home->members_fd, F_DUPFD_CLOEXEC, 3);
	return n->members_fd < 0 ? error_set(err, errno, "keep the network namespace of this user's networks") : 0;
}

pid_t names_start(const struct carrier *c, const struct container *container, const struct holder_member *home, int ns_fd, pid_t pid,
		  struct error *err)
{
	struct names n CLEANUP(names_done) = { .carrier = c, .net_fd = -1, .members_fd = -1, .fd = -1, .tcp_fd = -1, .pidfd = -1,
						.record_fd = container->dir_fd, .servers = container->record.settings.dns };
	int r = open_networks(c, &container->record.networking, &n, err);
	r = r < 0 ? r : become_member(&n, home, err);
	if (r < 0)
		return r;
	n.fd = open_inside((struct inside) { ns_fd, SOCK_DGRAM }, n.net_fd >= 0, err);
	n.tcp_fd = n.fd < 0 ? n.fd : open_inside((struct inside) { ns_fd, SOCK_STREAM }, n.net_fd >= 0, err);
	if (n.tcp_fd < 0)
		return n.tcp_fd;
	n.pidfd = (int) syscall(SYS_pidfd_open, pid, 0);
	if (n.pidfd < 0)
		return error_set(err, errno, "find the container's process");
	fflush(NULL);
	pid_t child = fork();
	if (child < 0)
		return error_set(err, errno, "start the process that answers names");
	if (child == 0)
		become_server(&n);
	return child;
}
