/* Theory of operation.
 *
 * A hook is a process and three pipes, our ends of which never block: it may read its stdin late or never,
 * and write as much as it likes. One poll loop serves all of them and ends when the pidfd says that the
 * process has, not when the pipes do: what a hook left in the background may hold them for ever. All that the
 * hook itself wrote is in the pipes by then, so reading no more than a pipe can hold gets it, even while
 * others go on writing.
 */
#include "hooks.h"
#include "annotations.h"
#include "cleanup.h"
#include "log.h"
#include "proc.h"
#include "seccomp.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum {
	OUTPUT_KEPT = 400, /* of each stream; both and the rest of the sentence fit into a struct error */
	READ_SIZE = 4096,
	PIPE_SIZE = 64 * 1024,
	POLL_MAX_MS = 3600 * 1000,
};

/* struct output - the last OUTPUT_KEPT bytes of a stream: programs tell at the end why they failed */
struct output {
	int fd;
	char text[OUTPUT_KEPT + 1];
	size_t len;
	bool cut;
};

struct run {
	pid_t pid;
	int pidfd, stdin_fd;
	const char *state;	/* what is left to be written */
	size_t state_len;
	struct output out, err;
};
#define RUN_INIT { .pidfd = -1, .stdin_fd = -1, .out.fd = -1, .err.fd = -1 }

static void run_done(struct run *r)
{
	close_fd(&r->pidfd);
	close_fd(&r->stdin_fd);
	close_fd(&r->out.fd);
	close_fd(&r->err.fd);
}

/* ---- files for it ---- */

static int open_file(const struct runtime_spec *spec, const char *annotation, int *ret, struct error *err)
{
	const char *path = annotation_get(spec, annotation);
	if (!path)
		return 0;
	*ret = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	return *ret < 0 ? error_set(err, errno, "annotation %s: open '%s'", annotation, path) : 0;
}

int hook_output_open(const struct runtime_spec *spec, struct hook_output *ret, struct error *err)
{
	struct hook_output o cleanup_hook_output = HOOK_OUTPUT_INIT;
	int r = spec->hooks ? open_file(spec, ANNOTATION_HOOKS_STDOUT, &o.out_fd, err) : 0;
	if (r == 0 && spec->hooks)
		r = open_file(spec, ANNOTATION_HOOKS_STDERR, &o.err_fd, err);
	if (r < 0)
		return r;
	*ret = (struct hook_output) { take_fd(o.out_fd), take_fd(o.err_fd) };
	return 0;
}

void hook_output_done(struct hook_output *o)
{
	close_fd(&o->out_fd);
	close_fd(&o->err_fd);
}

/* ---- output ---- */

static void output_add(struct output *o, const char *data, size_t n)
{
	if (n > OUTPUT_KEPT) {
		data += n - OUTPUT_KEPT;
		n = OUTPUT_KEPT;
		o->len = 0;
		o->cut = true;
	}
	if (o->len + n > OUTPUT_KEPT) {
		size_t drop = o->len + n - OUTPUT_KEPT;
		memmove(o->text, o->text + drop, o->len - drop);
		o->len -= drop;
		o->cut = true;
	}
	memcpy(o->text + o->len, data, n);
	o->len += n;
}

/* output_read - once. Return: 1 when there may be more, 0 when there is not now, -1 at the end */
static int output_read(struct output *o)
{
	char part[READ_SIZE];
	if (o->fd < 0)
		return -1;
	ssize_t n = read(o->fd, part, sizeof part);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return errno == EINTR;
	if (n <= 0) {
		close_fd(&o->fd);
		return -1;
	}
	output_add(o, part, (size_t) n);
	return 1;
}

static void output_drain(struct output *o)
{
	for (int i = 0; i < PIPE_SIZE / READ_SIZE; i++)
		if (output_read(o) <= 0)
			return;
}

/* output_text - in one line, for a sentence */
static const char *output_text(struct output *o)
{
	size_t start = 0;
	/* not from the middle of a UTF-8 character */
	while (o->cut && start < o->len && start < 3 && ((unsigned char) o->text[start] & 0xc0) == 0x80)
		start++;
	for (size_t i = 0; i < o->len; i++)
		if ((unsigned char) o->text[i] < ' ' || o->text[i] == 0x7f)
			o->text[i] = ' ';
	while (o->len > start && o->text[o->len - 1] == ' ')
		o->len--;
	o->text[o->len] = 0;
	return o->text + start;
}

/* ---- starting ---- */

static int make_pipe(int *ret_read, int *ret_write, bool we_read, struct error *err)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_set(err, errno, "make a pipe");
	(void) fcntl(ends[we_read ? 0 : 1], F_SETFL, O_NONBLOCK);	/* of our end alone */
	*ret_read = ends[0];
	*ret_write = ends[1];
	return 0;
}

/* open_output - @fd: a file of the caller's, or -1: a pipe of which @ret_read is our end */
static int open_output(int fd, int *ret_read, int *ret_write, struct error *err)
{
	if (fd < 0)
		return make_pipe(ret_read, ret_write, true, err);
	*ret_write = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return *ret_write < 0 ? error_set(err, errno, "duplicate the file for hooks' output") : 0;
}

/* load_filter - without CAP_SYS_ADMIN the kernel wants no_new_privs; the program's load will, too, so process.noNewPrivileges
 * is set where this can succeed at all */
static int load_filter(void *filter, struct error *err)
{
	int r = seccomp_filter_load(filter, err);
	if (r == -EACCES && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
		r = seccomp_filter_load(filter, err);
	return r;
}

static int start(struct run *r, const struct spec_hook *hook, const struct hook_call *call, struct error *err)
{
	char *const path_alone[] = { hook->path, NULL }, *const nothing[] = { NULL };
	const struct hook_output *output = call->output;
	cleanup_close int stdin_fd = -1;
	cleanup_close int stdout_fd = -1;
	cleanup_close int stderr_fd = -1;
	int failed = make_pipe(&stdin_fd, &r->stdin_fd, false, err);
	if (failed == 0)
		failed = open_output(output ? output->out_fd : -1, &r->out.fd, &stdout_fd, err);
	if (failed == 0)
		failed = open_output(output ? output->err_fd : -1, &r->err.fd, &stderr_fd, err);
	if (failed < 0)
		return failed;

	const struct proc_fd fds[] = {
		{ stdin_fd, STDIN_FILENO }, { stdout_fd, STDOUT_FILENO }, { stderr_fd, STDERR_FILENO },
	};
	const struct proc_spawn what = {
		.path = hook->path, .cwd = call->cwd, .fds = fds, .n_fds = sizeof fds / sizeof *fds,
		.argv = hook->args && hook->args[0] ? hook->args : path_alone,
		.envp = hook->env ? hook->env : call->env ? call->env : nothing,
		.last = call->filter && call->filter->code ? load_filter : NULL, .last_ctx = (void *) call->filter,
	};
	r->pid = proc_spawn(&what, &r->pidfd, err);
	return r->pid < 0 ? r->pid : 0;
}

/* ---- while it runs ---- */

/* feed - the state, as far as there is room; whoever does not want it (EPIPE) does not get it */
static void feed(struct run *r)
{
	ssize_t n = write(r->stdin_fd, r->state, r->state_len);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		r->state += n;
		r->state_len -= (size_t) n;
	}
	if (n < 0 || r->state_len == 0)
		close_fd(&r->stdin_fd);
}

/* serve - until the process has ended. @timeout: in seconds, NULL: no limit. Return: 0, or -errno
 * (-ETIMEDOUT) */
static int serve(struct run *r, const int32_t *timeout)
{
	int64_t end = timeout ? now_ms() + (int64_t) *timeout * 1000 : INT64_MAX;
	for (;;) {
		struct pollfd p[] = {
			{ .fd = r->pidfd, .events = POLLIN },
			{ .fd = r->stdin_fd, .events = POLLOUT },
			{ .fd = r->out.fd, .events = POLLIN },
			{ .fd = r->err.fd, .events = POLLIN },
		};
		int64_t left = timeout ? end - now_ms() : POLL_MAX_MS;
		left = left < 0 ? 0 : left > POLL_MAX_MS ? POLL_MAX_MS : left;
		int n = poll(p, sizeof p / sizeof *p, (int) left);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (p[1].revents)
			feed(r);
		if (p[2].revents)
			(void) output_read(&r->out);
		if (p[3].revents)
			(void) output_read(&r->err);
		if (p[0].revents)
			return 0;
		if (now_ms() >= end)
			return -ETIMEDOUT;
	}
}

static int reap(pid_t pid, int *ret_status)
{
	while (waitpid(pid, ret_status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

/* how_it_ended - in the words of Go's programs, because callers of runc look for them: "signal: bad system
 * call" */
static int how_it_ended(struct run *r, int status, struct error *err)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	const char *out = output_text(&r->out), *errors = output_text(&r->err);
	if (WIFEXITED(status))
		return error_say(err, ECANCELED, "exit status %d, stdout: %s, stderr: %s",
				 WEXITSTATUS(status), out, errors);
	char name[64];
	snprintf(name, sizeof name, "%s", strsignal(WTERMSIG(status)));
	if (*name >= 'A' && *name <= 'Z')
		*name = (char) (*name - 'A' + 'a');
	return error_say(err, ECANCELED, "signal: %s, stdout: %s, stderr: %s", name, out, errors);
}

static int run_hook(const struct spec_hook *hook, const struct hook_call *call, struct error *err)
{
	struct run r CLEANUP(run_done) = RUN_INIT;
	r.state = call->state;
	r.state_len = strlen(call->state);
	int failed = start(&r, hook, call, err);
	if (failed < 0)
		return failed;

	failed = serve(&r, hook->timeout);
	if (failed < 0)
		(void) proc_signal(r.pidfd, SIGKILL);
	int status = 0;
	int unreaped = reap(r.pid, &status);
	output_drain(&r.out);
	output_drain(&r.err);
	if (failed == -ETIMEDOUT)
		return error_say(err, ETIMEDOUT, "timed out after %ds, stdout: %s, stderr: %s",
				 *hook->timeout, output_text(&r.out), output_text(&r.err));
	if (failed < 0 || unreaped < 0)
		return error_set(err, failed < 0 ? -failed : -unreaped, "wait for '%s'", hook->path);
	return how_it_ended(&r, status, err);
}

int hooks_run(const char *kind, const struct spec_hook *hooks, size_t n, const struct hook_call *call, struct error *err)
{
	struct seccomp_filter deaf CLEANUP(seccomp_filter_done) = { 0 };
	struct hook_call own = *call;
	if (n && call->filter && call->filter->code) {
		seccomp_filter_without_listener(call->filter, &deaf);
		own.filter = &deaf;
	}
	for (size_t i = 0; i < n; i++) {
		int r = run_hook(&hooks[i], &own, err);
		if (r < 0) {
			(void) error_wrap(err, "error running %s hook #%zu", kind, i);
			return r;
		}
	}
	return 0;
}

void hooks_run_all(const char *kind, const struct spec_hook *hooks, size_t n, const struct hook_call *call)
{
	for (size_t i = 0; i < n; i++) {
		struct error err = { 0 };
		if (run_hook(&hooks[i], call, &err) < 0)
			log_warn("error running %s hook #%zu: %s", kind, i, err.text);
	}
}
