/* landlock_abi - a kernel whose Landlock is older, for tests.
 *
 *	landlock_abi N PROGRAM [ARG...]
 *
 * executes PROGRAM; whoever asks for Landlock's ABI, it and all that it starts, is told N. What is refused then is what the program
 * does not ask for any more: a ruleset of ABI N means on a newer kernel what it meant on the old one. The answer is given by a
 * parent that the kernel asks (seccomp_unotify(2)), so this needs CAP_SYS_ADMIN; PROGRAM may be one that drops it.
 */
#include <err.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CREATE_RULESET = 444, CREATE_VERSION = 1 };

static int load(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, CREATE_RULESET, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, CREATE_VERSION, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = sizeof code / sizeof *code, .filter = code };
	int fd = (int) syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
	if (fd < 0)
		err(2, "landlock_abi: load the filter");
	return fd;
}

/* ---- one fd through a socket ---- */

union control { char room[CMSG_SPACE(sizeof(int))]; struct cmsghdr align; };

static void send_fd(int socket, int fd)
{
	char byte = 0;
	union control control = { .room = { 0 } };
	struct iovec data = { &byte, 1 };
	struct msghdr m = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(c), &fd, sizeof fd);
	if (sendmsg(socket, &m, 0) != 1)
		err(2, "landlock_abi: hand over the listener");
}

static int receive_fd(int socket)
{
	char byte;
	int fd = -1;
	union control control;
	struct iovec data = { &byte, 1 };
	struct msghdr m = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room };
	struct cmsghdr *c = recvmsg(socket, &m, MSG_CMSG_CLOEXEC) == 1 ? CMSG_FIRSTHDR(&m) : NULL;
	if (!c)
		exit(2);	/* the child has said why */
	memcpy(&fd, CMSG_DATA(c), sizeof fd);
	return fd;
}

/* answer - until nobody is left whom the filter binds */
static void answer(int listener, int abi)
{
	struct pollfd p = { .fd = listener, .events = POLLIN };
	while (poll(&p, 1, -1) >= 0 && !(p.revents & (POLLHUP | POLLERR))) {
		struct seccomp_notif ask = { 0 };
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &ask) < 0)
			continue;	/* who asked is gone */
		struct seccomp_notif_resp response = { .id = ask.id, .val = abi };
		(void) ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
	}
}

int main(int argc, char **argv)
{
	int ends[2], status;
	if (argc < 3)
		errx(2, "usage: landlock_abi N PROGRAM [ARG...]");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		err(2, "landlock_abi: make a socket pair");
	pid_t pid = fork();
	if (pid < 0)
		err(2, "landlock_abi: fork");
	if (pid == 0) {
		int listener = load();
		send_fd(ends[1], listener);
		close(listener);
		execvp(argv[2], argv + 2);
		err(127, "landlock_abi: %s", argv[2]);
	}
	close(ends[1]);
	answer(receive_fd(ends[0]), atoi(argv[1]));
	if (waitpid(pid, &status, 0) < 0)
		err(2, "landlock_abi: wait");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
