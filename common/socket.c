#include "socket.h"
#include "cleanup.h"
#include "mem.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

union fd_message { struct cmsghdr header; char room[CMSG_SPACE(sizeof(int))]; };

/* address - @dir_fd: receives what must stay open until connect(2), or is left alone */
static int address(const char *path, const char *what, struct sockaddr_un *at, int *dir_fd, struct error *err)
{
	size_t len = strlen(path);
	if (len == 0)	/* would be an abstract name */
		return error_set(err, ENOENT, "%s ''", what);
	if (len < sizeof at->sun_path) {
		memcpy(at->sun_path, path, len + 1);
		return 0;
	}
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	cleanup_free char *dir = slash ? xstrndup(path, (size_t) (name - path)) : xstrdup(".");
	cleanup_close int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_set(err, errno, "open '%s'", dir);
	int n = snprintf(at->sun_path, sizeof at->sun_path, "/proc/self/fd/%d/%s", fd, name);
	if (n < 0 || (size_t) n >= sizeof at->sun_path)
		return error_set(err, ENAMETOOLONG, "%s '%s'", what, name);
	*dir_fd = take_fd(fd);
	return 0;
}

int socket_connect(const char *path, const char *what, struct error *err)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	cleanup_close int dir_fd = -1;
	int r = address(path, what, &at, &dir_fd, err);
	if (r < 0)
		return r;
	cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_set(err, errno, "make a socket");
	if (connect(fd, (struct sockaddr *) &at, sizeof at) < 0)
		return error_set(err, errno, "connect to the %s '%s'", what, path);
	return take_fd(fd);
}

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
