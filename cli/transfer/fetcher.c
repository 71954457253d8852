#include "fetcher.h"
#include "../confine.h"
#include "cleanup.h"
#include "log.h"
#include "proc.h"
#include "socket.h"
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

static void say_what_is_lost(void)
{
	static bool said;
	const char *lost = said ? NULL : confine_lost();
	said = true;
	if (lost)
		log_warn("%s", lost);
}

int fetcher_start(const struct fetch_setup *setup, struct fetcher *ret, struct error *err)
{
	int ends[2];
	cleanup_free char *path = carrier_helper("carrier-fetch", err);
	if (!path)
		return -ENOENT;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return error_set(err, errno, "create a socket pair");
	cleanup_close int ours = ends[0], theirs = ends[1];
	const struct proc_fd fds[] = { { theirs, FETCH_SOCKET_FD } };
	char *argv[] = { (char *) "carrier-fetch", NULL };
	const struct proc_spawn spawn = { .path = path, .argv = argv, .fds = fds, .n_fds = 1, .death_signal = SIGKILL };
	say_what_is_lost();
	pid_t pid = proc_spawn(&spawn, NULL, err);
	if (pid < 0)
		return pid;
	*ret = (struct fetcher) { .pid = pid, .socket = take_fd(ours) };
	int r = protocol_send(ret->socket, &fetch_setup_type, setup, -1);
	return r < 0 ? error_set(err, -r, "talk to carrier-fetch") : 0;
}

int fetcher_request(struct fetcher *f, const struct fetch_request *request, int fd, struct error *err)
{
	int r = protocol_send(f->socket, &fetch_request_type, request, fd);
	return r < 0 ? error_set(err, -r, "talk to carrier-fetch") : 0;
}

int fetcher_read(struct fetcher *f, struct pool *pool, struct fetch_report **ret, struct error *err)
{
	int r = protocol_receive(f->socket, &fetch_report_type, pool, ret, NULL, err);
	if (r != 0)
		return r;
	int code = proc_wait(f->pid);
	f->pid = -1;
	return error_say(err, EPIPE, "carrier-fetch ended early, with status %d", code);
}

int fetcher_document(struct fetcher *f, const struct fetch_request *q, int signal_fd, struct pool *pool, struct fetch_report *response,
		     struct error *err)
{
	cleanup_close int fd = memfd_create("document", MFD_CLOEXEC);
	if (fd < 0)
		return error_set(err, errno, "make room for a document");
	int r = fetcher_request(f, q, fd, err);
	while (r >= 0) {
		struct fetch_report *report;
		struct pollfd p[2] = { { .fd = signal_fd, .events = POLLIN }, { .fd = f->socket, .events = POLLIN } };
		(void) poll(p, 2, -1);
		if (p[0].revents)
			return -EINTR;
		r = fetcher_read(f, pool, &report, err);
		if (r < 0)
			break;
		if (strcmp(report->kind, "response") == 0)
			*response = *report;
		else if (strcmp(report->kind, "error") == 0)
			return error_say(err, report->code > 0 ? (int) report->code : EIO, "%s", report->message);
		else if (strcmp(report->kind, "done") == 0)
			return lseek(fd, 0, SEEK_SET) < 0 ? error_set(err, errno, "read a document") : take_fd(fd);
	}
	return r;
}

void fetcher_stop(struct fetcher *f)
{
	close_fd(&f->socket);	/* that is how it learns */
	if (f->pid > 0) {
		(void) kill(f->pid, SIGKILL);
		(void) proc_wait(f->pid);
	}
	f->pid = -1;
}
