#include "network.h"
#include "cleanup.h"
#include "fs.h"
#include "helper.h"
#include "mem.h"
#include "proc.h"
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

enum {
	READY_TIMEOUT_MS = 10000,
	STOP_TIMEOUT_MS = 1000,
};

static const char without[] = "or use --network host or none";

/* ---- which helper ---- */

static bool has_route(void)
{
	struct pasta_routes has = pasta_routes();
	return has.four || has.six;
}

/* choose - the mode's own; of `private` the one that fits, and otherwise the other. @path: where it is, the caller frees. NULL: none */
static const struct network_program *choose(const struct network_request *q, char **path)
{
	enum network_kind kind = network_kind(q->mode);
	bool pasta_first = kind == NETWORK_PASTA || (kind == NETWORK_PRIVATE && q->n_ports && has_route());
	const struct network_program *both[] = { pasta_first ? &network_pasta : &network_slirp4netns,
						 pasta_first ? &network_slirp4netns : &network_pasta };
	size_t n = kind == NETWORK_PRIVATE ? 2 : 1;
	const struct network_program *found = NULL;
	for (size_t i = 0; i < n && !found; i++) {
		*path = proc_find(both[i]->name, NULL);
		found = *path ? both[i] : NULL;
	}
	return found;
}

static int say_missing(const struct network_request *q, struct error *err)
{
	enum network_kind kind = network_kind(q->mode);
	const struct network_program *own = kind == NETWORK_PASTA ? &network_pasta : &network_slirp4netns;
	if (kind == NETWORK_PRIVATE)
		return error_say(err, ENOENT, "neither slirp4netns nor pasta is installed: install the package slirp4netns or passt, %s", without);
	return error_say(err, ENOENT, "%s is not installed: install the package %s, %s", own->name, own->package, without);
}

static int find(const struct network_request *q, const struct network_program **ret, char **path, struct error *err)
{
	*ret = choose(q, path);
	return *ret ? 0 : say_missing(q, err);
}

const char *network_helper_name(const struct network_request *q)
{
	cleanup_free char *path = NULL;
	const struct network_program *p = network_is_helped(q->mode) ? choose(q, &path) : NULL;
	return p ? p->name : NULL;
}

bool network_is_four_only(const struct network_request *q)
{
	cleanup_free char *path = NULL;
	const struct network_program *p = network_is_helped(q->mode) ? choose(q, &path) : NULL;
	return p == &network_slirp4netns || (p == &network_pasta && !pasta_routes().six);
}

/* ---- before anything is made ---- */

static int check_tun(struct error *err)
{
	cleanup_close int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	if (fd >= 0)
		return 0;
	int code = errno, r = error_set(err, code, "open '/dev/net/tun'");
	if (code == EACCES || code == EPERM)
		(void) error_hint(err, "chmod 0666 /dev/net/tun, %s", without);
	else	/* ENODEV, ENXIO: there is a node, but no driver behind it */
		(void) error_hint(err, "as root, run `modprobe tun`, %s", without);
	return r;
}

static int say_unknown(const char *mode, struct error *err)
{
	static const char *const modes[] = { "none", "host", "private", "pasta", "slirp4netns", NULL };
	const char *near = str_nearest(mode, modes);
	int r = error_say(err, ENOENT, "--network %s: there is no network of this name (`carrier network create %s` makes it), and the modes are none, "
			  "host, private, pasta, slirp4netns, container:NAME and ns:PATH", mode, mode);
	return near ? error_hint(err, "did you mean '%s'?", near) : r;
}

int network_check(const struct network_request *q, struct error *err)
{
	const struct network_program *program;
	cleanup_free char *path = NULL;
	if (network_kind(q->mode) == NETWORK_NAMED)
		return say_unknown(q->mode, err);
	if (!network_is_helped(q->mode))
		return 0;
	int r = find(q, &program, &path, err);
	if (r == 0)
		r = program->check(q, err);
	return r < 0 ? r : check_tun(err);
}

/* ---- the helper ---- */

/* allow_files - in the child: a port that is published is a file of the helper's */
static int allow_files(void *ctx, struct error *err)
{
	struct rlimit l;
	(void) ctx;
	if (getrlimit(RLIMIT_NOFILE, &l) < 0)
		return error_set(err, errno, "ask for the limit of open files");
	l.rlim_cur = l.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &l) < 0 ? error_set(err, errno, "set the limit of open files") : 0;
}

int network_start(const struct network_request *q, int netns, struct network_helper *ret, struct error *err)
{
	struct strings args cleanup_strings = { 0 };
	*ret = (struct network_helper) NETWORK_HELPER_NONE;
	if (!network_is_helped(q->mode))
		return 0;
	const struct network_program *program;
	cleanup_free char *path = NULL;
	int r = find(q, &program, &path, err);
	if (r < 0)
		return r;

	int ready[2], end[2];
	if (pipe2(ready, O_CLOEXEC) < 0)
		return error_set(err, errno, "make a pipe");
	cleanup_close int ready_ours = ready[0], ready_theirs = ready[1];
	if (pipe2(end, O_CLOEXEC) < 0)
		return error_set(err, errno, "make a pipe");
	cleanup_close int end_theirs = end[0], end_ours = end[1];
	/* a file, not a pipe: nobody has to read it while the container lives */
	cleanup_close int output_fd = memfd_create(program->name, MFD_CLOEXEC);
	if (output_fd < 0)
		return error_set(err, errno, "make a file in memory");

	strings_add(&args, program->name);
	program->arguments(q, &args);
	const struct proc_fd fds[] = {
		{ -1, STDIN_FILENO }, { -1, STDOUT_FILENO }, { output_fd, STDERR_FILENO },
		{ ready_theirs, READY_FD }, { end_theirs, EXIT_FD }, { netns, NETNS_FD }, { q->dir_fd, DIR_FD },
	};
	const struct proc_spawn what = { .path = path, .argv = args.v, .fds = fds, .n_fds = sizeof fds / sizeof *fds, .death_signal = SIGKILL,
					  .last = q->n_ports ? allow_files : NULL };
	int pidfd = -1;
	pid_t child = proc_spawn(&what, &pidfd, err);
	if (child < 0)
		return child;
	*ret = (struct network_helper) { .program = program, .name = program->name, .pid = child, .pidfd = pidfd, .exit_fd = take_fd(end_ours),
		.ready_fd = take_fd(ready_ours), .output_fd = take_fd(output_fd) };
	return 0;
}

bool network_is_awaited(const struct network_helper *h) { return h->ready_fd >= 0; }

void network_ended(struct network_helper *h, int status)
{
	h->pid = -1;
	h->status = status;
}

/* is_reason - not what is said after the reason, or beside it */
static bool is_reason(const char *line)
{
	static const char *const others[] = { "child failed", "WARNING", "Failed to send", "Don't run as root", NULL };
	for (size_t i = 0; others[i]; i++)
		if (str_starts(line, others[i]))
			return false;
	return true;
}

/* last_line - what it said last that is a reason, without the newline. Caller frees. */
static char *last_line(int fd)
{
	char text[8192];
	ssize_t n = pread(fd, text, sizeof text - 1, 0);
	text[n > 0 ? n : 0] = 0;
	struct strings lines cleanup_strings = { 0 };
	strings_split(&lines, text, "\r\n");
	for (size_t i = lines.n; i-- > 0;)
		if (is_reason(lines.v[i]))
			return xstrdup(lines.v[i]);
	return xstrdup("");
}

static int ended_early(struct network_helper *h, struct error *err)
{
	int code = h->pid > 0 ? proc_wait(h->pid) : proc_exit_code(h->status);
	h->pid = -1;
	if (code > 128)	/* what it said last is no reason */
		return error_say(err, EIO, "the container's network could not be made: %s was ended by signal %d", h->name, code - 128);
	cleanup_free char *line = last_line(h->output_fd);
	return *line ? error_say(err, EIO, "the container's network could not be made: %s: %s", h->name, line)
		     : error_say(err, EIO, "the container's network could not be made: %s ended with status %d", h->name, code);
}

static int wait_ready(struct network_helper *h, struct error *err)
{
	int64_t until = now_ms() + READY_TIMEOUT_MS;
	for (;;) {
		int64_t left = until - now_ms();
		struct pollfd fds[] = { { .fd = h->ready_fd, .events = POLLIN }, { .fd = h->pidfd, .events = POLLIN } };
		int n = poll(fds, 2, left > 0 ? (int) left : 0);
		if (n < 0 && errno != EINTR)
			return error_set(err, errno, "wait for %s", h->name);
		if (n < 0)
			continue;
		if (n == 0)
			return error_say(err, ETIMEDOUT, "%s did not configure the container's network within %d s", h->name,
					 READY_TIMEOUT_MS / 1000);
		if (fds[0].revents & POLLIN) {
			close_fd(&h->ready_fd);
			return h->pid < 0 ? ended_early(h, err) : 0;	/* it was ready, and ended */
		}
		if (fds[1].revents)
			return ended_early(h, err);
		/* the pipe's end was closed without a word: it is about to end, and its exit is what comes next */
		close_fd(&h->ready_fd);
	}
}

int network_wait(const struct network_request *q, struct network_helper *h, struct error *err)
{
	if (!network_is_awaited(h))
		return 0;
	int r = wait_ready(h, err);
	return r == 0 && h->program->forward ? h->program->forward(q, err) : r;
}

void network_stop(struct network_helper *h)
{
	close_fd(&h->exit_fd);
	/* it knows no exit fd */
	if (h->pid > 0 && h->program == &network_pasta)
		(void) proc_signal(h->pidfd, SIGTERM);
	if (h->pid > 0 && proc_wait_timeout(h->pid, h->pidfd, STOP_TIMEOUT_MS) == -ETIMEDOUT) {
		(void) proc_signal(h->pidfd, SIGKILL);
		(void) proc_wait(h->pid);
	}
	h->pid = -1;
	close_fd(&h->pidfd);
	close_fd(&h->ready_fd);
	close_fd(&h->output_fd);
}
