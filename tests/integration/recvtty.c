/* recvtty - the caller's side of --console-socket, for tests.
 *
 *	recvtty SOCKET [NAME-FILE]
 *
 * Listens on the UNIX socket SOCKET, receives one file descriptor, writes the message's text (the terminal's name) to
 * NAME-FILE, then copies its own stdin to the terminal and the terminal to stdout until the other side is closed.
 * Fails when there is no fd in the message, more than one, or one that is no terminal. unix(7), cmsg(3).
 */
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int accept_one(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof at.sun_path)
		errx(2, "the socket's path is too long: %s", path);
	strcpy(at.sun_path, path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *) &at, sizeof at) < 0 || listen(fd, 1) < 0)
		err(2, "listen at %s", path);
	int peer = accept(fd, NULL, NULL);
	if (peer < 0)
		err(2, "accept");
	close(fd);
	return peer;
}

static int receive(int peer, char *name, size_t size)
{
	/* room for three, so that more than one is noticed */
	union { char space[CMSG_SPACE(3 * sizeof(int))]; struct cmsghdr align; } control;
	struct iovec io = { .iov_base = name, .iov_len = size - 1 };
	struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
	ssize_t n = recvmsg(peer, &m, 0);
	if (n <= 0)
		errx(1, "no message came");
	name[n] = 0;
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	if (!c || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof(int)) || CMSG_NXTHDR(&m, c))
		errx(1, "the message should have exactly one fd");
	int fd;
	memcpy(&fd, CMSG_DATA(c), sizeof fd);
	if (!isatty(fd))
		errx(1, "the fd is no terminal");
	return fd;
}

/* copy - false at the end of @from */
static int copy(int from, int to)
{
	char buf[4096];
	ssize_t n = read(from, buf, sizeof buf);
	for (ssize_t at = 0; at < n;) {
		ssize_t w = write(to, buf + at, (size_t) (n - at));
		if (w < 0)
			err(1, "write");
		at += w;
	}
	return n > 0;	/* a terminal without a slave gives EIO */
}

static void relay(int master)
{
	struct pollfd p[2] = { { .fd = master, .events = POLLIN }, { .fd = STDIN_FILENO, .events = POLLIN } };
	for (;;) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			err(1, "poll");
		if (p[0].revents && !copy(master, STDOUT_FILENO))
			return;
		if (p[1].revents && !copy(STDIN_FILENO, master))
			p[1].fd = -1;
	}
}

int main(int argc, char **argv)
{
	char name[4096];
	if (argc < 2)
		errx(2, "usage: recvtty SOCKET [NAME-FILE]");
	int peer = accept_one(argv[1]);
	int master = receive(peer, name, sizeof name);
	if (argc > 2) {
		FILE *f = fopen(argv[2], "we");
		if (!f || fputs(name, f) < 0 || fclose(f) != 0)
			err(1, "write %s", argv[2]);
	}
	relay(master);
	return 0;
}
