/* Theory of operation: who sends the listener.
 *
 * The process that loads the filter gets the listener's fd, and from that moment on every system call of its may be one
 * that waits for the agent's answer, while the agent cannot answer before it has the fd: sendmsg, write, futex and close
 * included. So it makes none: the fd has to be fetched from it. pidfd_getfd(2) by the parent does that where the parent
 * may trace it, but a rootless parent may not (the child has changed its user, so it is not dumpable, and making it so
 * would open it to the container), and with `create` no parent is there any more. A thread of the loading process is no
 * way either: execve(2) kills it, unless that waits, which it could by spinning only.
 *
 * Therefore a third process, the sender: a child of the parent's with the host's view and the parent's privileges, outside
 * of the container's cgroup and namespaces, that shares one table of fds with the child (CLONE_FILES). The loading
 * process stores the fd's number in shared memory, which is no system call, and goes on to execve(2), which gives
 * it a table of its own. The sender, which looks at that word with short sleeps between, sends the fd from their common
 * table and closes it there: once the agent ends, calls get ENOSYS, because nobody else holds the listener.
 *
 * For the table to be common, parent, sender and child share it for a moment; then the parent leaves
 * (unshare(2)). Until then the child must not touch fds: it would close the parent's.
 *
 * The sender has one reason to live, the process that it follows: it ends with it. Until it knows its pid, it ends with the
 * parent.
 */
#include "seccomp_notify.h"
#include "annotations.h"
#include "cleanup.h"
#include "clone.h"
#include "console.h"
#include "log.h"
#include "proc.h"
#include "socket.h"
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

enum { PATIENCE_MS = 10 * 1000, ANSWER_YES = 1, ANSWER_NO = 2 };

struct notify_shared {
	_Atomic int parted;	/* the parent has left the common table */
	_Atomic int pid;	/* whom the sender follows */
	_Atomic int following;	/* it does, and does not end with the parent any more */
	_Atomic int answer;	/* to event_fd: ANSWER_*; @error then says why not */
	_Atomic int listener;	/* the listener's number + 1 */
	int event_fd;		/* the child: I am about to load the filter */
	struct error error;
};

/* ---- words in shared memory ---- */

static void word_set(_Atomic int *word, int value)
{
	atomic_store(word, value);
	(void) syscall(SYS_futex, word, FUTEX_WAKE, 1 << 30, NULL, NULL, 0);
}

/* word_wait - until it is not 0, and 0 after @timeout_ms (negative: never) */
static int word_wait(_Atomic int *word, int timeout_ms)
{
	struct timespec step = { .tv_nsec = 100 * 1000 * 1000 };
	for (int waited = 0; atomic_load(word) == 0 && (timeout_ms < 0 || waited < timeout_ms);)
		if (syscall(SYS_futex, word, FUTEX_WAIT, 0, &step, NULL, 0) < 0 && errno == ETIMEDOUT)
			waited += 100;
	return atomic_load(word);
}

/* ---- the agent ---- */

static int connect_agent(const char *path, struct error *err)
{
	int fd = console_connect(path, NULL);
	if (fd < 0)
		return error_set(err, -fd, "failed to connect with seccomp agent '%s'", path);
	return fd;
}

int seccomp_notify_prepare(struct seccomp_notify *n, const struct seccomp_filter *filter, const struct runtime_spec *spec,
			   bool later, struct error *err)
{
	if (!filter->notify || n->serve)
		return 0;
	const struct spec_seccomp *s = spec->linux_->seccomp;
	n->path = !str_empty(s->listener_path) ? s->listener_path : annotation_get(spec, ANNOTATION_SECCOMP_RECEIVER);
	n->metadata = s->listener_metadata;
	if (str_empty(n->path))
		return error_say(err, EINVAL, "failed to connect with seccomp agent: SCMP_ACT_NOTIFY needs "
				 "linux.seccomp.listenerPath, the socket of a program that answers");
	struct stat st;
	if (later && stat(n->path, &st) == 0)
		return S_ISSOCK(st.st_mode) ? 0 : error_say(err, ENOTSOCK, "failed to connect with seccomp agent '%s': it is "
							    "not a socket", n->path);
	n->agent_fd = connect_agent(n->path, err);
	return n->agent_fd < 0 ? n->agent_fd : 0;
}

struct process_state {
	char *oci_version, **fds, *metadata, *state;
	int64_t pid;
};
#define T struct process_state
static const struct json_type process_state_type =
	JSON_TYPE(T, JSON_REQUIRED(T, oci_version, "ociVersion"), JSON_REQUIRED(T, fds, "fds"), JSON_REQUIRED(T, pid, "pid"),
		  JSON_FIELD(T, metadata, "metadata"), JSON_ANY(T, state, "state"));
#undef T

/* @status: CONTAINER_CREATED where the process is the container's first */
static int send_listener(const struct seccomp_notify *n, int listener_fd, struct container container,
			 enum container_status status, bool exec, pid_t pid)
{
	if (!exec)
		container.record.pid = pid;
	cleanup_free char *state = container_state(&container, status, false, JSON_COMPACT);
	const struct process_state s = {
		.oci_version = (char *) "1.3.0", .fds = (char *[]) { (char *) "seccompFd", NULL }, .pid = pid,
		.metadata = (char *) n->metadata, .state = state,
	};
	size_t len;
	cleanup_free char *text = json_encode(&process_state_type, &s, JSON_COMPACT, &len);
	return socket_send(n->agent_fd, text, len, listener_fd);
}

/* ---- the sender ---- */

/* wait_listener - the number, -1 when the process has ended without one. It comes within the microseconds that seccomp(2)
 * takes, so the sleeps are short at first. */
static int wait_listener(struct notify_shared *s, int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	for (long ns = 20 * 1000; atomic_load(&s->listener) == 0; ns = ns < 1000 * 1000 ? ns * 2 : ns) {
		struct timespec t = { .tv_nsec = ns };
		if (ppoll(&p, 1, &t, NULL) > 0 && atomic_load(&s->listener) == 0)
			return -1;
	}
	return atomic_load(&s->listener) - 1;
}

/* wait_announced - the process is about to load its filter; false: it has ended instead */
static bool wait_announced(struct notify_shared *s, int pidfd)
{
	struct pollfd p[2] = { { .fd = s->event_fd, .events = POLLIN }, { .fd = pidfd, .events = POLLIN } };
	while (poll(p, 2, -1) <= 0)
		;
	return p[0].revents & POLLIN;
}

static void close_from(int first)
{
	if (syscall(SYS_close_range, (unsigned) first, ~0U, 0) == 0)
		return;
	for (int fd = first, max = (int) sysconf(_SC_OPEN_MAX); fd < max; fd++)
		(void) close(fd);
}

/* serve - with the listener and little else. The way through a socket pair: the fd has to leave the common table, where the
 * process holds it, too, and would wait for ever if we were killed, and be in ours when we have one of our own. */
static int serve(struct seccomp_notify *n, int listener_fd, int pidfd)
{
	int pair[2], own_fd = -1;
	char byte = 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0 || socket_send(pair[0], &byte, 1, listener_fd) < 0)
		return 1;
	(void) close(listener_fd);
	if (unshare(CLONE_FILES) < 0 || socket_receive(pair[1], &byte, 1, &own_fd) != 1 || own_fd < 0)
		return 1;
	if (dup2(n->out_fd >= 0 ? n->out_fd : 2, 2) < 0 || dup2(own_fd, 0) < 0 || dup2(pidfd, 1) < 0)
		return 1;
	close_from(3);	/* the parent waits until nobody holds the child's end of the channel */
	return n->serve(n->ctx, 0, 1);
}

static int sender(struct seccomp_notify *n, const struct container *container, enum container_status status, bool exec,
		  pid_t parent)
{
	struct notify_shared *s = n->shared;
	sigset_t all;
	sigfillset(&all);	/* the terminal's ^C is for the container */
	(void) sigprocmask(SIG_SETMASK, &all, NULL);
	(void) prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != parent)
		return 1;

	pid_t pid = word_wait(&s->pid, -1);
	int pidfd = (int) syscall(SYS_pidfd_open, pid, 0);	/* the parent has not reaped it, so it is that one */
	if (pidfd < 0)
		return 1;
	if (!n->serve)
		(void) prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
	word_set(&s->following, 1);
	if (!wait_announced(s, pidfd))
		return 0;

	if (!n->serve && n->agent_fd < 0)
		n->agent_fd = connect_agent(n->path, &s->error);
	bool ready = n->serve || n->agent_fd >= 0;
	word_set(&s->answer, ready ? ANSWER_YES : ANSWER_NO);
	int listener = ready ? wait_listener(s, pidfd) : -1;
	if (listener < 0)
		return 0;
	if (n->serve)
		return serve(n, listener, pidfd);
	int r = send_listener(n, listener, *container, status, exec, pid);
	(void) close(listener);
	return r < 0;
}

int seccomp_notify_fork(struct seccomp_notify *n, const struct container *container, bool exec, struct error *err)
{
	if (!n->path && !n->serve)
		return 0;
	struct notify_shared *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s == MAP_FAILED)
		return error_set(err, errno, "map memory for the seccomp listener");
	n->shared = s;
	s->event_fd = eventfd(0, EFD_CLOEXEC);
	if (s->event_fd < 0)
		return error_set(err, errno, "make an eventfd for the seccomp listener");

	/* now: the container's fds are closed by the child later on, and its table is ours then */
	enum container_status status = exec ? container_status(container) : CONTAINER_CREATED;
	pid_t parent = getpid();
	struct clone_request c = { .flags = CLONE_FILES, .cgroup_fd = -1 };
	n->pid = clone_process(&c, err);
	if (n->pid == 0) {
		log_open(-1, LOG_FORMAT_TEXT, LOG_LEVEL_ERROR, "woody");	/* fd 2 is the container's from now on */
		_exit(sender(n, container, status, exec, parent));
	}
	return n->pid < 0 ? n->pid : 1;
}

int seccomp_notify_part(struct seccomp_notify *n, struct error *err)
{
	if (!n->shared)
		return 0;
	if (unshare(CLONE_FILES) < 0)
		return error_set(err, errno, "leave the common table of file descriptors");
	word_set(&n->shared->parted, 1);
	return 0;
}

int seccomp_notify_wait(struct seccomp_notify *n, struct error *err)
{
	if (!n->shared || word_wait(&n->shared->parted, PATIENCE_MS))
		return 0;
	return error_say(err, ETIMEDOUT, "the parent has ended");
}

void seccomp_notify_follow(struct seccomp_notify *n, pid_t pid)
{
	if (n->shared)
		word_set(&n->shared->pid, pid);
}

/* ---- in the process that loads the filter ---- */

int seccomp_notify_begin(struct seccomp_notify *n, struct error *err)
{
	if (!n->shared)
		return 0;
	struct notify_shared *s = n->shared;
	if (eventfd_write(s->event_fd, 1) < 0)
		return error_set(err, errno, "call the sender of the seccomp listener");
	int answer = word_wait(&s->answer, PATIENCE_MS);
	if (answer == ANSWER_YES)
		return 0;
	if (answer == 0)
		return error_say(err, ETIMEDOUT, "failed to connect with seccomp agent: the process that has to send it the "
				 "listener was killed, or the agent does not take connections");
	if (err)
		*err = s->error;
	return -s->error.code;
}

void seccomp_notify_give(struct seccomp_notify *n, int listener_fd)
{
	if (n->shared)
		atomic_store(&n->shared->listener, listener_fd + 1);
}

/* ---- the end ---- */

int seccomp_notify_finish(struct seccomp_notify *n)
{
	if (n->pid <= 0)
		return 0;
	int code = proc_wait(n->pid);
	n->pid = 0;
	return code;
}

int seccomp_notify_leave(struct seccomp_notify *n, struct error *err)
{
	/* if we ended now, so might it */
	if (n->pid > 0 && !word_wait(&n->shared->following, PATIENCE_MS))
		return error_say(err, ETIMEDOUT, "the sender of the seccomp listener does not run");
	n->pid = 0;
	return 0;
}

void seccomp_notify_done(struct seccomp_notify *n)
{
	if (n->pid > 0) {
		(void) kill(n->pid, SIGKILL);
		(void) seccomp_notify_finish(n);
	}
	if (n->shared) {
		(void) close(n->shared->event_fd);	/* the number stays: the others have it in their tables */
		(void) munmap(n->shared, sizeof *n->shared);
		n->shared = NULL;
	}
	close_fd(&n->agent_fd);
	close_fd(&n->out_fd);
}
