#include "forward_impl.h"
#include "cleanup.h"
#include "fs.h"
#include "link.h"
#include "mem.h"
#include "nft.h"
#include "proc.h"
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { FILES_OWN = 64, FILES_A_CONNECTION = 6, SESSIONS_MAX = 8192, CLOSE_MS = 2000 };

/* ---- the network ---- */

int forward_route(struct error *err)
{
	static const int families[] = { AF_INET, AF_INET6 };
	cleanup_netlink struct netlink nl = NETLINK_INIT;
	int r = netlink_open(NETLINK_ROUTE, -1, &nl, err);
	for (size_t i = 0; r == 0 && i < sizeof families / sizeof *families; i++) {
		if (families[i] == AF_INET6 && access("/proc/sys/net/ipv6", F_OK) < 0)
			continue;
		r = link_rule(&nl, families[i], FORWARD_ANSWER_MARK, FORWARD_TABLE, err);
		r = r < 0 ? r : link_all_local(&nl, families[i], FORWARD_TABLE, err);
	}
	/* who closes a connection first has its four numbers for another minute, unless they may be had again by a later connection */
	(void) fs_write_file(AT_FDCWD, "/proc/sys/net/ipv4/tcp_tw_reuse", "1", NULL);
	return r < 0 ? r : nft_answers(FORWARD_MARK, FORWARD_ANSWER_MARK, err);
}

/* ---- the process ---- */

static int by_number(const void *a, const void *b) { return *(const int *) a - *(const int *) b; }

/* keep_only - what a process that was forked has of its parent's it must not hold: locks, pipes, the terminal */
static void keep_only(const struct forward_request *q, const int *more, size_t n_more)
{
	size_t n = 0;
	int *keep = xcalloc(q->n + n_more, sizeof *keep), null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int i = 0; i < 3; i++)
		(void) dup2(null, i);
	for (size_t i = 0; i < q->n; i++)
		keep[n++] = q->ports[i].fd;
	for (size_t i = 0; i < n_more; i++)
		keep[n++] = more[i];
	qsort(keep, n, sizeof *keep, by_number);
	unsigned next = 3;
	for (size_t i = 0; i < n; i++) {
		if ((unsigned) keep[i] > next)
			(void) syscall(SYS_close_range, next, keep[i] - 1, 0);
		next = (unsigned) keep[i] + 1;
	}
	(void) syscall(SYS_close_range, next, ~0U, 0);
	free(keep);
}

/* keep_capabilities - to take a client's address, and the low port that it may have */
static void keep_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	const uint32_t mask = 1U << CAP_NET_ADMIN | 1U << CAP_NET_BIND_SERVICE;
	struct __user_cap_data_struct caps[2] = { { 0 } };
	if (syscall(SYS_capget, &header, caps) < 0)
		return;
	const struct __user_cap_data_struct kept[2] = { { .effective = caps[0].permitted & mask, .permitted = caps[0].permitted & mask } };
	(void) syscall(SYS_capset, &header, kept);
}

/* count_files - how many connections and sessions fit */
static void count_files(struct forward *f)
{
	struct rlimit limit = { 1024, 1024 };
	(void) getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	(void) setrlimit(RLIMIT_NOFILE, &limit);
	size_t own = FILES_OWN + f->request->n, all = limit.rlim_cur > own + 64 ? limit.rlim_cur - own : 64;
	f->sessions_max = all / 4 < SESSIONS_MAX ? all / 4 : SESSIONS_MAX;
	f->connections_max = (all - f->sessions_max) / FILES_A_CONNECTION;
}

static int open_own(struct forward *f, struct error *err)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	(void) sigprocmask(SIG_SETMASK, &set, NULL);
	(void) signal(SIGPIPE, SIG_IGN);
	f->signals.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	f->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	int r = f->signals.fd < 0 || f->epoll_fd < 0 ? -errno : forward_watch(f, &f->container, EPOLLIN);
	r = r < 0 ? r : forward_watch(f, &f->signals, EPOLLIN);
	return r < 0 ? error_set(err, -r, "prepare for waiting") : 0;
}

static int open_port(struct forward *f, const struct forward_port *p, struct error *err)
{
	int type = 0;
	socklen_t len = sizeof type;
	if (getsockopt(p->fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0)
		return error_set(err, errno, "ask for the type of a socket");
	int r = type == SOCK_STREAM ? tcp_listen(f, p) : udp_open(f, p);
	return r < 0 ? error_set(err, -r, "open the port of the host that leads to the container's port %u", p->port) : 0;
}

/* prepare - everything that can fail */
static int prepare(struct forward *f, struct error *err)
{
	const struct forward_request *q = f->request;
	struct list *const lists[] = { &f->accepting, &f->busy, &f->idle, &f->starved, &f->dead, &f->quiet, &f->talking, &f->gone };
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		list_init(lists[i]);
	if (q->ns_fd >= 0 && setns(q->ns_fd, CLONE_NEWNET) < 0)
		return error_set(err, errno, "enter the network namespace of the networks");
	int r = q->keeps_source ? forward_route(err) : 0;
	r = r < 0 ? r : open_own(f, err);
	for (size_t i = 0; r == 0 && i < q->n; i++)
		r = open_port(f, &q->ports[i], err);
	return r;
}

struct result { int r; struct error err; };

static _Noreturn void become_forwarder(struct forward *f, int ready_fd)
{
	struct result result = { 0 };
	const int kept[] = { f->container.fd, f->open_fd, ready_fd, f->request->ns_fd < 0 ? ready_fd : f->request->ns_fd };
	keep_only(f->request, kept, sizeof kept / sizeof *kept);
	count_files(f);
	(void) prctl(PR_SET_NAME, "carrier-forward");
	(void) prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
	result.r = prepare(f, &result.err);
	(void) prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	keep_capabilities();
	if (fs_write_all(ready_fd, &result, sizeof result) < 0 || result.r < 0)
		_exit(1);
	(void) close(ready_fd);
	if (f->request->ns_fd >= 0)
		(void) close(f->request->ns_fd);
	forward_run(f);
}

int forward_start(const struct forward_request *q, struct forwarder *ret, struct error *err)
{
	struct forward f = { .request = q, .epoll_fd = -1, .container.fd = (int) syscall(SYS_pidfd_open, q->pid, 0) };
	cleanup_close int container_fd = f.container.fd;
	struct result result;
	int ready[2], open[2];
	if (container_fd < 0)
		return error_set(err, errno, "find the container's process");
	if (pipe2(ready, O_CLOEXEC) < 0)
		return error_set(err, errno, "make a pipe");
	cleanup_close int ready_fd = ready[0], ready_end = ready[1];
	if (pipe2(open, O_CLOEXEC) < 0)
		return error_set(err, errno, "make a pipe");
	cleanup_close int open_fd = open[0], open_end = open[1];
	f.open_fd = open_end;
	(void) fflush(NULL);
	pid_t pid = fork();
	if (pid < 0)
		return error_set(err, errno, "start the process that carries published ports");
	if (pid == 0)
		become_forwarder(&f, ready_end);
	close_fd(&ready_end);
	ssize_t n = fs_read_all(ready_fd, &result, sizeof result);
	if (n == (ssize_t) sizeof result && result.r == 0) {
		*ret = (struct forwarder) { .pid = pid, .open_fd = take_fd(open_fd) };
		return 0;
	}
	int code = proc_wait(pid);
	if (n != (ssize_t) sizeof result)
		return error_say(err, ECANCELED, "the process that carries published ports ended early (exit code %d)", code);
	if (err)
		*err = result.err;
	return error_wrap(err, "carry published ports");
}

void forward_stop(struct forwarder *f)
{
	struct pollfd closed = { .fd = f->open_fd, .events = POLLIN };
	if (f->pid > 0) {
		(void) kill(f->pid, SIGTERM);
		if (poll(&closed, 1, CLOSE_MS) == 0)
			(void) kill(f->pid, SIGKILL);
		(void) waitpid(f->pid, NULL, WNOHANG);	/* one that still carries something ends later */
	}
	close_fd(&f->open_fd);
	f->pid = -1;
}
