#include "apart.h"
#include "cleanup.h"
#include "fs.h"
#include "proc.h"
#include "socket.h"
#include "userns.h"
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

struct result { int r; struct error err; };

int apart_run(int (*job)(void *ctx, struct error *err), void *ctx, struct error *err)
{
	struct result result = { 0 };
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_set(err, errno, "make a pipe");
	cleanup_close int read_fd = ends[0], write_fd = ends[1];
	(void) fflush(NULL);	/* or the child would print it, too */
	pid_t pid = fork();
	if (pid < 0)
		return error_set(err, errno, "fork");
	if (pid == 0) {
		result.r = job(ctx, &result.err);
		(void) fflush(NULL);
		_exit(fs_write_all(write_fd, &result, sizeof result) < 0);
	}
	close_fd(&write_fd);
	ssize_t n = fs_read_all(read_fd, &result, sizeof result);
	int code = proc_wait(pid);
	if (n != (ssize_t) sizeof result)
		return error_say(err, ECANCELED, "a process that carrier needs ended early (exit code %d)", code);
	if (result.r < 0 && err)
		*err = result.err;
	return result.r;
}

int apart_fd(int (*job)(void *ctx, struct error *err), void *ctx, struct error *err)
{
	struct result result = { 0 };
	int ends[2], fd = -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return error_set(err, errno, "make a socket pair");
	cleanup_close int ours = ends[0], theirs = ends[1];
	(void) fflush(NULL);
	pid_t pid = fork();
	if (pid < 0)
		return error_set(err, errno, "fork");
	if (pid == 0) {
		result.r = job(ctx, &result.err);
		_exit(socket_send(theirs, &result, sizeof result, result.r) < 0);
	}
	close_fd(&theirs);
	ssize_t n = socket_receive(ours, &result, sizeof result, &fd);
	int code = proc_wait(pid);
	if (n == (ssize_t) sizeof result && result.r < 0) {
		if (err)
			*err = result.err;
		return result.r;
	}
	return fd >= 0 ? fd : error_say(err, ECANCELED, "a process that carrier needs ended early (exit code %d)", code);
}

void apart_keep(int *const fds[], int n, int first)
{
	for (int i = 0; i < n; i++)	/* first all above, so that none is overwritten */
		*fds[i] = *fds[i] < 0 ? -1 : fcntl(*fds[i], F_DUPFD_CLOEXEC, first + n);
	(void) syscall(SYS_close_range, first, first + n - 1, 0);
	for (int i = 0; i < n; i++)
		*fds[i] = *fds[i] < 0 ? -1 : dup3(*fds[i], first + i, O_CLOEXEC);
	(void) syscall(SYS_close_range, first + n, ~0U, 0);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int i = 0; i < 3; i++)
		(void) dup2(null, i);
	if (null > STDERR_FILENO)
		close_fd(&null);
}

struct owned { int (*job)(void *ctx, struct error *err); void *ctx; };

static int as_owner(void *ctx, struct error *err)
{
	const struct owned *o = ctx;
	int r = userns_become_root(0, NULL, NULL, err);
	return r < 0 ? r : o->job(o->ctx, err);
}

int apart_as_owner(bool rootless, int (*job)(void *ctx, struct error *err), void *ctx, struct error *err)
{
	struct owned o = { job, ctx };
	return rootless ? apart_run(as_owner, &o, err) : job(ctx, err);
}
