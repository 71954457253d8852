/* agent - answers what seccomp filters notify (seccomp_unotify(2)), for tests.
 *
 *	agent SOCKET LOG continue		lets every call be done
 *	agent SOCKET LOG errno N		answers with errno N
 *	agent SOCKET LOG die			ends, with all listeners, at the first call
 *	agent SOCKET LOG leave			ends as soon as it has a listener
 *	agent SOCKET LOG refuse			closes every connection unread
 * It listens until it is killed. LOG gets, for each connection, "fds N" and the message, a line each, and "call NR PID" for
 * each notification.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { LISTENERS_MAX = 64 };

static FILE *note;

static int listen_at(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *) &at, sizeof at) < 0 || listen(fd, 8) < 0)
		err(1, "%s", path);
	return fd;
}

/* receive - one message; as the sample agents do, with one read and before the next connection is looked at */
static int receive(int fd)
{
	char text[65536];
	union { struct cmsghdr header; char room[CMSG_SPACE(8 * sizeof(int))]; } control;
	struct iovec iov = { text, sizeof text - 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
	ssize_t n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
	if (n < 0)
		err(1, "recvmsg");
	text[n] = 0;
	int fds[8] = { -1 }, count = 0;
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	if (c && c->cmsg_type == SCM_RIGHTS) {
		count = (int) ((c->cmsg_len - CMSG_LEN(0)) / sizeof *fds);
		memcpy(fds, CMSG_DATA(c), (size_t) count * sizeof *fds);
	}
	fprintf(note, "fds %d\n%s\n", count, text);
	return count ? fds[0] : -1;
}

static void answer(int listener, int code, int die)
{
	struct seccomp_notif call = { 0 };
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) < 0)
		return;
	fprintf(note, "call %d %u\n", call.data.nr, call.pid);
	if (die)
		exit(0);
	struct seccomp_notif_resp r = { .id = call.id, .error = -code,
					.flags = code ? 0 : SECCOMP_USER_NOTIF_FLAG_CONTINUE };
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &r) < 0 && errno != ENOENT)
		err(1, "SECCOMP_IOCTL_NOTIF_SEND");
}

int main(int argc, char **argv)
{
	if (argc < 4)
		errx(2, "usage: agent SOCKET LOG continue|errno N|die|leave|refuse");
	const char *how = argv[3];
	int code = strcmp(how, "errno") == 0 && argc > 4 ? atoi(argv[4]) : 0;
	note = fopen(argv[2], "we");
	if (!note)
		err(1, "%s", argv[2]);
	setlinebuf(note);

	struct pollfd p[1 + LISTENERS_MAX] = { { .fd = listen_at(argv[1]), .events = POLLIN } };
	for (nfds_t n = 1;;) {
		if (poll(p, n, -1) < 0)
			err(1, "poll");
		if ((p[0].revents & POLLIN) && n <= LISTENERS_MAX) {
			int fd = accept4(p[0].fd, NULL, NULL, SOCK_CLOEXEC);
			int listener = strcmp(how, "refuse") == 0 ? -1 : receive(fd);
			close(fd);
			if (strcmp(how, "leave") == 0)
				return 0;
			p[n++] = (struct pollfd) { .fd = listener, .events = POLLIN };
		}
		for (nfds_t i = 1; i < n; i++) {
			if (p[i].revents & POLLIN)
				answer(p[i].fd, code, strcmp(how, "die") == 0);
			else if (p[i].revents) {
				close(p[i].fd);
				p[i].fd = -1;
			}
		}
	}
}
