#include "socket.h"
#include "cleanup.h"
#include <string.h>
#include <sys/socket.h>

union fd_message { struct cmsghdr header; char room[CMSG_SPACE(sizeof(int))]; };

int socket_send(int socket, const void *data, size_t len, int fd)
{
	struct iovec iov = { (void *) data, len };
	union fd_message control = { 0 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	if (fd >= 0) {
		msg.msg_control = &control;
		msg.msg_controllen = sizeof control;
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
		*c = (struct cmsghdr) { .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof fd) };
		memcpy(CMSG_DATA(c), &fd, sizeof fd);
	}
	ssize_t n;
	do
		n = sendmsg(socket, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

ssize_t socket_receive(int socket, void *data, size_t size, int *ret_fd)
{
	struct iovec iov = { data, size };
	union fd_message control = { 0 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
	cleanup_close int fd = -1;
	ssize_t n;
	do
		n = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? 0 : -errno;	/* the other side ended with our data unread: it is gone */
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(c), sizeof fd);
	if (msg.msg_flags & MSG_TRUNC)
		return -EMSGSIZE;
	if (ret_fd)
		*ret_fd = take_fd(fd);
	return n;
}
