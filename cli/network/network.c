#include "network.h"
#include "cleanup.h"
#include "fs.h"
#include "mem.h"
#include "proc.h"
#include "str.h"
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>

enum {
	READY_FD = 3, EXIT_FD = 4,	/* of the helper */
	READY_TIMEOUT_MS = 10000,
	STOP_TIMEOUT_MS = 1000,
};

static const char *const modes[] = { "none", "host", "private", NULL };

/* ---- before anything is made ---- */

static char *find_helper(struct error *err)
{
	char *path = proc_find("slirp4netns", NULL);
	if (!path)
		(void) error_say(err, ENOENT,
				 "slirp4netns is not installed: install the package slirp4netns, or use --network host or none");
	return path;
}

static int check_tun(struct error *err)
{
	cleanup_close int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	if (fd >= 0)
		return 0;
	int code = errno, r = error_set(err, code, "open '/dev/net/tun'");
	if (code == EACCES || code == EPERM)
		(void) error_hint(err, "chmod 0666 /dev/net/tun, or use --network host or none");
	else	/* ENODEV, ENXIO: there is a node, but no driver behind it */
		(void) error_hint(err, "as root, run `modprobe tun`, or use --network host or none");
	return r;
}

int network_check(const char *mode, struct error *err)
{
	if (!strings_have((char *const *) modes, mode)) {
		const char *near = str_nearest(mode, modes);
		int r = error_say(err, EINVAL, "there is no network mode '%s': it is none, host or private", mode);
		if (near)
			(void) error_hint(err, "did you mean '%s'?", near);
		return r;
	}
	if (!str_eq(mode, "private"))
		return 0;
	cleanup_free char *path = find_helper(err);
	return path ? check_tun(err) : -ENOENT;
}

/* ---- the helper ---- */

int network_start(const char *mode, pid_t pid, struct network_helper *ret, struct error *err)
{
	*ret = (struct network_helper) NETWORK_HELPER_NONE;
	if (!str_eq(mode, "private"))
		return 0;
	cleanup_free char *path = find_helper(err);
	if (!path)
		return -ENOENT;

	int ready[2], end[2];
	if (pipe2(ready, O_CLOEXEC) < 0)
		return error_set(err, errno, "make a pipe");
	cleanup_close int ready_ours = ready[0], ready_theirs = ready[1];
	if (pipe2(end, O_CLOEXEC) < 0)
		return error_set(err, errno, "make a pipe");
	cleanup_close int end_theirs = end[0], end_ours = end[1];
	/* a file, not a pipe: nobody has to read it while the container lives */
	cleanup_close int output_fd = memfd_create("slirp4netns", MFD_CLOEXEC);
	if (output_fd < 0)
		return error_set(err, errno, "make a file in memory");

	/* 65520 is the largest MTU it takes: fewer and larger packets are what makes it fast. What listens on the host's loopback
	 * is not meant for containers (--disable-host-loopback). */
	cleanup_free char *pid_text = xasprintf("%d", (int) pid);
	char *const argv[] = { (char *) "slirp4netns", (char *) "--configure", (char *) "--mtu=65520",
		(char *) "--disable-host-loopback", (char *) "--enable-seccomp", (char *) "--ready-fd=3", (char *) "--exit-fd=4",
		pid_text, (char *) "tap0", NULL };
	const struct proc_fd fds[] = {
		{ -1, STDIN_FILENO }, { -1, STDOUT_FILENO }, { output_fd, STDERR_FILENO },
		{ ready_theirs, READY_FD }, { end_theirs, EXIT_FD },
	};
	const struct proc_spawn what = { .path = path, .argv = argv, .fds = fds, .n_fds = sizeof fds / sizeof *fds };
	int pidfd = -1;
	pid_t child = proc_spawn(&what, &pidfd, err);
	if (child < 0)
		return child;
	*ret = (struct network_helper) { .pid = child, .pidfd = pidfd, .exit_fd = take_fd(end_ours),
		.ready_fd = take_fd(ready_ours), .output_fd = take_fd(output_fd) };
	return 0;
}

/* last_line - what it said last that is a reason, without the newline: its parent's "child failed(1)" comes behind that, warnings
 * before. Caller frees. */
static char *last_line(int fd)
{
	char text[8192];
	ssize_t n = pread(fd, text, sizeof text - 1, 0);
	text[n > 0 ? n : 0] = 0;
	cleanup_strings struct strings lines = { 0 };
	strings_split(&lines, text, "\r\n");
	for (size_t i = lines.n; i-- > 0;)
		if (!str_starts(lines.v[i], "child failed") && !str_starts(lines.v[i], "WARNING"))
			return xstrdup(lines.v[i]);
	return xstrdup("");
}

static int ended_early(struct network_helper *h, struct error *err)
{
	int code = proc_wait(h->pid);
	h->pid = -1;
	cleanup_free char *line = last_line(h->output_fd);
	return *line ? error_say(err, EIO, "the container's network could not be made: slirp4netns: %s", line)
		     : error_say(err, EIO, "the container's network could not be made: slirp4netns ended with status %d", code);
}

int network_wait(struct network_helper *h, struct error *err)
{
	if (h->pid < 0 || h->ready_fd < 0)
		return 0;
	int64_t until = now_ms() + READY_TIMEOUT_MS;
	for (;;) {
		int64_t left = until - now_ms();
		struct pollfd fds[] = { { .fd = h->ready_fd, .events = POLLIN }, { .fd = h->pidfd, .events = POLLIN } };
		int n = poll(fds, 2, left > 0 ? (int) left : 0);
		if (n < 0 && errno != EINTR)
			return error_set(err, errno, "wait for slirp4netns");
		if (n < 0)
			continue;
		if (n == 0)
			return error_say(err, ETIMEDOUT, "slirp4netns did not configure the container's network within %d s",
					 READY_TIMEOUT_MS / 1000);
		if (fds[0].revents & POLLIN) {
			close_fd(&h->ready_fd);
			return 0;
		}
		if (fds[1].revents)
			return ended_early(h, err);
		/* the pipe's end was closed without a word: it is about to end, and its exit is what comes next */
		close_fd(&h->ready_fd);
	}
}

void network_stop(struct network_helper *h)
{
	close_fd(&h->exit_fd);
	if (h->pid > 0 && proc_wait_timeout(h->pid, h->pidfd, STOP_TIMEOUT_MS) == -ETIMEDOUT) {
		(void) proc_signal(h->pidfd, SIGKILL);
		(void) proc_wait(h->pid);
	}
	h->pid = -1;
	close_fd(&h->pidfd);
	close_fd(&h->ready_fd);
	close_fd(&h->output_fd);
}
