#include "runtime.h"
#include "apart.h"
#include "cleanup.h"
#include "fs.h"
#include "log.h"
#include "pause.h"
#include "proc.h"
#include "userns.h"
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>

struct carrier runtime_of(const struct carrier *c, const struct record *r, const char *manager)
{
	struct carrier own = *c;
	if (r->limits.no_cgroup)
		own.cgroup_manager = (char *) "disabled";
	else if (manager)
		own.cgroup_manager = (char *) manager;
	if (!own.runtime)
		own.runtime = r->process.runtime;
	return own;
}

int runtime_path(const struct carrier *c, char **ret, struct error *err)
{
	if (!c->runtime) {
		*ret = carrier_helper("woody", err);
		return *ret ? 0 : -ENOENT;
	}
	cleanup_free char *path = proc_find(c->runtime, NULL);
	if (!path || access(path, X_OK) < 0)
		return error_say(err, ENOENT, "--runtime '%s' is no program%s", c->runtime,
				 strchr(c->runtime, '/') ? " that can be executed" : " in PATH");
	*ret = take_ptr(path);
	return 0;
}

void runtime_arguments(const struct carrier *c, const char *path, struct strings *ret)
{
	strings_add(ret, path);
	strings_add(ret, "--root");
	strings_printf(ret, "%s/woody", c->runroot);
	if (c->cgroup_manager) {
		strings_add(ret, "--cgroup-manager");
		strings_add(ret, c->cgroup_manager);
	}
}

struct log_line { char *msg; };
static const struct json_type log_line_type = JSON_TYPE(struct log_line, JSON_FIELD(struct log_line, msg, "msg"));

/* unquote - a string in double quotes at @s, without them and the backslashes */
static char *unquote(const char *s)
{
	struct buf b cleanup_buf = { 0 };
	for (s++; *s && *s != '"'; s++) {
		if (*s == '\\' && s[1])
			s++;
		buf_putc(&b, *s);
	}
	return buf_take(&b);
}

char *runtime_message(const char *text)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct strings lines cleanup_strings = { 0 };
	struct log_line *line;
	strings_split(&lines, text, "\n");
	if (!lines.n)
		return NULL;
	const char *last = lines.v[lines.n - 1], *msg = strstr(last, " msg=\"");
	if (*last == '{' && json_decode(&log_line_type, last, strlen(last), &pool, &line, NULL) == 0 && line->msg)
		return xstrdup(line->msg);
	return msg && str_starts(last, "time=") ? unquote(msg + strlen(" msg=")) : xstrdup(last);
}

/* run - @input: an fd for its stdin, or -1 for none */
static int run(const struct carrier *c, char *const *args, int input, char **output, struct error *err)
{
	struct strings argv cleanup_strings = { 0 };
	cleanup_free char *text = NULL, *path = NULL;
	int r = runtime_path(c, &path, err);
	if (r < 0)
		return r;
	runtime_arguments(c, path, &argv);
	for (; *args; args++)
		strings_add(&argv, *args);
	const struct proc_fd in = { input, STDIN_FILENO };
	int code = proc_run(&(struct proc_spawn) { .path = path, .argv = argv.v, .fds = &in, .n_fds = 1 }, &text, err);
	if (code > 128) {
		r = error_say(err, EINTR, "'%s' was ended by signal %d: try again", path, code - 128);
	} else if (code > 0) {
		cleanup_free char *why = runtime_message(text);
		r = why ? error_say(err, EIO, "%s", why) : error_say(err, EIO, "'%s' failed with exit code %d", path, code);
	} else {
		r = code;
	}
	if (output)
		*output = take_ptr(text);
	return r;
}

int runtime_run(const struct carrier *c, char *const *args, char **output, struct error *err)
{
	return run(c, args, -1, output, err);
}

/* ---- where it runs ---- */

int runtime_enter(const struct carrier *c, const struct container *container, struct error *err)
{
	const struct status *s = &container->status;
	if (!c->rootless)
		return 0;
	/* the lock was held a moment ago, so the number is still the monitor's. But it may be at its end, if somebody has just killed it */
	if (container->state == RECORD_RUNNING && s->monitor > 0) {
		int r = userns_join((pid_t) s->monitor, err);
		if (r != -ENOENT && r != -ESRCH)
			return r;
	}
	cleanup_close int pidfd = s->pid > 0 ? proc_open((pid_t) s->pid, s->start_time) : -ESRCH;
	if (pidfd < 0)
		return error_say(err, ESRCH, "container %s is not running", container->record.name);
	/* its mount namespace is of no use: in it there is no runtime and no state. One with ids of its own lives in a user namespace inside the
	 * monitor's, which outlives that as long as the process lives */
	return userns_enter((pid_t) s->pid, users_mapped(&container->record), err);
}

struct call { const struct carrier *c; const struct container *container; char *const *args; int input; };

static int call_inside(void *ctx, struct error *err)
{
	const struct call *call = ctx;
	int r = runtime_enter(call->c, call->container, err);
	return r < 0 ? r : run(call->c, call->args, call->input, NULL, err);
}

/* run_inside - @input: an fd for its stdin, or -1 */
static int run_inside(const struct carrier *c, const struct container *container, char *const *args, int input, struct error *err)
{
	const struct carrier own = runtime_of(c, &container->record, NULL);
	struct call call = { &own, container, args, input };
	return c->rootless ? apart_run(call_inside, &call, err) : run(&own, args, input, NULL, err);
}

int runtime_signal(const struct carrier *c, const struct container *container, int sig, bool all, struct error *err)
{
	struct strings args cleanup_strings = { 0 };
	strings_add(&args, "kill");
	if (all)
		strings_add(&args, "--all");
	strings_add(&args, container->record.id);
	strings_printf(&args, "%d", sig);
	int r = run_inside(c, container, args.v, -1, err);
	return r < 0 ? error_wrap(err, "send signal %d to container %s", sig, container->record.name) : 0;
}

int runtime_update(const struct carrier *c, const struct container *container, const char *resources, struct error *err)
{
	char *args[] = { (char *) "update", (char *) "--resources", (char *) "-", container->record.id, NULL };
	cleanup_close int input = memfd_create("resources", MFD_CLOEXEC);
	int r = input < 0 ? -errno : fs_write_all(input, resources, strlen(resources));
	if (r == 0 && lseek(input, 0, SEEK_SET) < 0)
		r = -errno;
	if (r < 0)
		return error_set(err, -r, "make a file in memory");
	return run_inside(c, container, args, input, err);
}

/* ---- ending a container ---- */

enum { KILL_SECONDS = 10, START_SECONDS = 10, KILLED_MS = 500 };

bool container_active(const struct container *container)
{
	return container->state == RECORD_STARTING || container->state == RECORD_RUNNING || container->state == RECORD_RESTARTING ||
	       container->state == RECORD_UNATTENDED;
}

static bool is_gone(const struct container *container)
{
	return access(container->dir, F_OK) < 0 && errno == ENOENT;
}

/* wait_exit - 0 when the process has ended, -ETIMEDOUT */
static int wait_exit(int pidfd, int64_t seconds)
{
	int64_t end = now_ms() + (seconds < 0 ? 0 : seconds > INT32_MAX ? INT32_MAX : seconds) * 1000;
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	for (;;) {
		int64_t left = seconds < 0 ? 60000 : end - now_ms();
		int n = poll(&p, 1, left < 0 ? 0 : left > 60000 ? 60000 : (int) left);
		if (n > 0)
			return 0;
		if (n == 0 && seconds >= 0 && now_ms() >= end)
			return -ETIMEDOUT;
	}
}

/* tell_monitor - one that waits to start it again has nothing to be signalled but itself */
static void tell_monitor(struct container *container)
{
	if (record_refresh(container, NULL) == 0 && container->state == RECORD_RESTARTING && container->status.monitor > 0)
		(void) kill((pid_t) container->status.monitor, SIGTERM);
}

/* wait_monitor - until its lock is free: then everything is unmounted and recorded. @restarted: or until it runs, as somebody else has
 * started it again */
static int wait_monitor(struct container *container, bool restarted, struct error *err)
{
	cleanup_close int fd = openat(container->dir_fd, "lock", O_RDWR | O_CLOEXEC);
	int64_t end = now_ms() + KILL_SECONDS * 1000;
	for (useconds_t pause = 500; fd >= 0 && fs_is_locked(fd) == 1; pause = pause < 20000 ? 2 * pause : pause) {
		if (now_ms() > end)
			return error_say(err, ETIMEDOUT, "container %s has ended, but its monitor (process %lld) did not clean up within %d seconds",
					 container->record.name, (long long) container->status.monitor, KILL_SECONDS);
		if (container->record.life.restart)
			tell_monitor(container);
		(void) usleep(pause);
		if (restarted && record_refresh(container, NULL) == 0 && container_active(container))
			return 0;
	}
	return is_gone(container) ? 0 : record_refresh(container, err);
}

/* wait_started - a container that is being made has no process that could be signalled yet */
static int wait_started(struct container *container, struct error *err)
{
	int64_t end = now_ms() + START_SECONDS * 1000;
	while (container->state == RECORD_STARTING) {
		if (now_ms() > end)
			return error_say(err, EBUSY, "container %s is being started: try again when it runs", container->record.name);
		(void) usleep(5000);
		if (is_gone(container)) {
			container->state = RECORD_EXITED;
			return 0;
		}
		int r = record_refresh(container, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int end_process(const struct carrier *c, struct container *container, int pidfd, int sig, int64_t timeout_s, struct error *err)
{
	int r = -ETIMEDOUT;
	struct error why = { 0 };
	if (sig != SIGKILL && timeout_s != 0) {
		r = runtime_signal(c, container, sig, false, &why);
		/* one that has ended meanwhile cannot be signalled, and is what was wanted */
		r = r < 0 && wait_exit(pidfd, 0) < 0 ? r : wait_exit(pidfd, r < 0 ? 0 : timeout_s);
	}
	if (r == 0)
		return 0;
	if (r != -ETIMEDOUT)
		log_warn("%s", why.text);
	r = runtime_signal(c, container, SIGKILL, false, &why);
	/* a runtime whose state is gone, as with the runtime directory of a user who has logged out: the first process takes the others along */
	if (r < 0 && wait_exit(pidfd, 0) < 0 && proc_signal(pidfd, SIGKILL) < 0) {
		if (err)
			*err = why;
		return r;
	}
	if (wait_exit(pidfd, KILL_SECONDS) < 0)
		return error_say(err, ETIMEDOUT, "container %s did not end within %d seconds after KILL: is it waiting for a disk or a network file "
				 "system?", container->record.name, KILL_SECONDS);
	return 0;
}

static int stop(const struct carrier *c, struct container *container, int sig, int64_t timeout_s, bool restart, struct error *err)
{
	int r = wait_started(container, err);
	if (r < 0 || !container_active(container))
		return r;
	bool attended = container->state == RECORD_RUNNING || container->state == RECORD_RESTARTING;
	r = record_note_stop(container, restart, err);
	if (r < 0)
		return is_gone(container) ? 0 : r;
	if (container->record.life.restart)	/* it may have been started again since we looked; from now on that is noticed */
		(void) record_refresh(container, NULL);
	pid_t pid = (pid_t) container->status.pid;
	cleanup_close int pidfd = pid > 0 ? proc_open(pid, container->status.start_time) : -ESRCH;
	if (pidfd >= 0 && container->paused)	/* what is held still cannot end */
		r = container_unpause(c, container, err);
	if (pidfd >= 0 && r == 0)
		r = end_process(c, container, pidfd, sig, timeout_s, err);
	if (r < 0)
		return r;
	if (attended)
		return wait_monitor(container, false, err);
	r = record_refresh(container, err);
	return r < 0 ? r : container_kill_rest(c, container, err);
}

int container_stop(const struct carrier *c, struct container *container, int sig, int64_t timeout_s, struct error *err)
{
	return stop(c, container, sig, timeout_s, false, err);
}

int container_stop_to_restart(const struct carrier *c, struct container *container, int sig, int64_t timeout_s, struct error *err)
{
	return stop(c, container, sig, timeout_s, true, err);
}

int container_stop_signal(const struct container *container)
{
	int sig = str_empty(container->record.stop_signal) ? SIGTERM : signal_parse(container->record.stop_signal);
	return sig < 0 ? SIGTERM : sig;
}

/* delete_dead - no process is left whose namespace could be entered: in one with the same ids */
static int delete_dead(void *ctx, struct error *err)
{
	const struct call *call = ctx;
	int r = call->c->rootless ? userns_become_root(0, NULL, NULL, err) : 0;
	return r < 0 ? r : runtime_run(call->c, call->args, NULL, err);
}

/* is_at_work - is @pid a runtime that was started for @container? It has its --root and the id among its arguments */
static bool is_at_work(const char *pid, const char *root, const char *id)
{
	cleanup_free char *path = xasprintf("/proc/%s/cmdline", pid), *text = NULL;
	size_t len, hits = 0;
	if (fs_read_file(AT_FDCWD, path, 1 << 16, &text, &len, NULL) < 0)
		return false;
	for (const char *word = text; word < text + len; word += strlen(word) + 1)
		hits += str_eq(word, root) || str_eq(word, id);
	return hits == 2;
}

static bool runtime_at_work(const char *root, const char *id)
{
	cleanup_dir DIR *d = opendir("/proc");
	for (struct dirent *e; d && (e = readdir(d));)
		if (*e->d_name >= '1' && *e->d_name <= '9' && is_at_work(e->d_name, root, id))
			return true;
	return false;
}

/* wait_runtime - one that was making the container gets SIGKILL when the monitor dies, but dies a moment after the monitor's lock is free:
 * what it makes until then would be overlooked */
static void wait_runtime(const struct carrier *c, const struct container *container)
{
	cleanup_free char *root = xasprintf("%s/woody", c->runroot);
	int64_t until = now_ms() + KILLED_MS;
	while (runtime_at_work(root, container->record.id) && now_ms() < until)
		(void) usleep(1000);
}

int container_kill_rest(const struct carrier *c, struct container *container, struct error *err)
{
	char *args[] = { (char *) "delete", (char *) "--force", container->record.id, NULL };
	const struct carrier own = runtime_of(c, &container->record, NULL);
	struct error why = { 0 };
	int r = 0;
	cleanup_free char *state = xasprintf("%s/woody/%s", c->runroot, container->record.id);
	cleanup_close int pidfd = container->status.pid > 0 ? proc_open((pid_t) container->status.pid, container->status.start_time) : -1;
	if (pidfd >= 0) {
		r = run_inside(c, container, args, -1, err);
		if (r == 0 && wait_exit(pidfd, KILL_SECONDS) < 0)
			r = error_say(err, ETIMEDOUT, "container %s did not end within %d seconds after KILL", container->record.name, KILL_SECONDS);
		if (r < 0)
			return r;
	} else {
		wait_runtime(c, container);
		if (access(state, F_OK) == 0)
			r = apart_run(delete_dead, &(struct call) { &own, container, args, -1 }, &why);
		if (r == -EINTR)
			return error_say(err, EINTR, "%s", why.text);
		if (r < 0)	/* what the runtime itself cannot understand any more is removed below */
			log_info("container %s: %s", container->record.name, why.text);
	}
	r = fs_remove_tree(AT_FDCWD, state, err);
	return r < 0 || is_gone(container) ? r : record_refresh(container, err);
}

int container_settle(const struct carrier *c, struct container *container, struct error *err)
{
	cleanup_free char *state = xasprintf("%s/woody/%s", c->runroot, container->record.id);
	int r = container->state == RECORD_CREATED ? 0 : wait_monitor(container, true, err);
	if (r < 0 || container_active(container) || is_gone(container))
		return r;
	/* one that has told the exit, and was killed before it had cleaned up */
	return container->state == RECORD_DEAD || access(state, F_OK) == 0 ? container_kill_rest(c, container, err) : 0;
}
