/* Theory of operation.
 *
 * A question is one `RUNTIME exec`, started as any child of the monitor's, and its end arrives as any child's: nothing waits for it. What
 * it writes is kept, up to 4 KiB, and read on so that it is never blocked. When it takes too long its process in the container is killed
 * (the pid file says which that is: KILL would end the runtime, and leave what it has started), and the runtime a little later if that did
 * not help.
 */
#include "monitor_impl.h"
#include "cleanup.h"
#include "event.h"
#include "fs.h"
#include "log.h"
#include "memory.h"
#include "proc.h"
#include "runtime.h"
#include <fcntl.h>
#include <string.h>
#include <time.h>

enum { GRACE_MS = 1000 };

static const char pid_file[] = "health.pid";

static const char *clock_text(char out[40])
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return str_rfc3339(t.tv_sec, t.tv_nsec, out);
}

static const struct record_health *check_of(const struct monitor *m) { return &m->c->record.life.health; }

static void plan_next(struct monitor *m)
{
	int64_t now = now_ms();
	m->probe.next_ms = now + health_pause_ms(check_of(m), m->c->status.health, now - m->probe.began_ms);
}

void probe_begin(struct monitor *m)
{
	if (!health_asked(check_of(m)))
		return;
	m->c->status.health = (char *) "starting";
	m->c->status.failing_streak = 0;
	(void) health_write(m->c, NULL, NULL);
	m->probe.began_ms = now_ms();
	plan_next(m);
}

void probe_start(struct monitor *m)
{
	struct strings argv cleanup_strings = { 0 };
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct error err = { 0 };
	struct probe *p = &m->probe;
	cleanup_free char *path = NULL;
	int pipe_fd[2];
	if (p->pid > 0 || !m->started || m->init_ended || !health_asked(check_of(m)))
		return;
	if (runtime_path(m->carrier, &path, &err) < 0 || pipe2(pipe_fd, O_CLOEXEC) < 0) {
		plan_next(m);
		return;
	}
	cleanup_close int theirs = pipe_fd[1];
	p->output_fd = pipe_fd[0];
	(void) fcntl(p->output_fd, F_SETFL, O_NONBLOCK);
	p->output.len = 0;
	p->late = false;
	clock_text(p->started);
	(void) unlinkat(m->c->dir_fd, pid_file, 0);
	runtime_arguments(m->carrier, path, &argv);
	strings_add(&argv, "exec");
	strings_printf(&argv, "--pid-file=%s/%s", m->c->dir, pid_file);
	strings_add(&argv, m->c->record.id);
	for (char **w = health_words(check_of(m), &pool); *w; w++)
		strings_add(&argv, *w);
	const struct proc_fd fds[] = { { -1, 0 }, { theirs, 1 }, { theirs, 2 } };
	p->pid = proc_spawn(&(struct proc_spawn) { .path = path, .argv = argv.v, .fds = fds, .n_fds = 3 }, NULL, &err);
	p->deadline_ms = now_ms() + health_timeout_ms(check_of(m));
	if (p->pid < 0) {
		close_fd(&p->output_fd);
		plan_next(m);
	}
}

void probe_read(struct monitor *m)
{
	struct probe *p = &m->probe;
	char data[4096];
	ssize_t n;
	while (p->output_fd >= 0 && (n = read(p->output_fd, data, sizeof data)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return;
		size_t room = p->output.len < HEALTH_OUTPUT_MAX ? HEALTH_OUTPUT_MAX - p->output.len : 0;
		buf_add(&p->output, data, (size_t) n < room ? (size_t) n : room);
	}
	close_fd(&p->output_fd);
}

/* ---- what an answer leads to ---- */

static void act(struct monitor *m)
{
	const char *action = check_of(m)->on_failure;
	if (!action || m->init_ended)
		return;
	log_warn("the container is unhealthy: %s", action);
	if (strcmp(action, "kill") == 0) {
		(void) kill(m->init, SIGKILL);
		return;
	}
	if (strcmp(action, "restart") == 0)
		m->restart_asked = true;
	else
		m->stop_asked = true;
	end_gently(m);
}

static void answer(struct monitor *m, int exit_code)
{
	struct probe *p = &m->probe;
	struct status *s = &m->c->status;
	char end[40];
	cleanup_free char *late = xasprintf("Health check exceeded timeout (%gs)", (double) health_timeout_ms(check_of(m)) / 1000);
	const struct health_answer a = { p->started, (char *) clock_text(end), exit_code, p->late ? late : (char *) buf_str(&p->output) };
	bool changed = health_judge(check_of(m), exit_code == 0, now_ms() - p->began_ms, &s->health, &s->failing_streak);
	(void) health_write(m->c, &a, NULL);
	(void) status_save(m->c, NULL);
	if (changed) {
		cleanup_free char *action = xasprintf("health_status: %s", s->health);
		event_container(m->carrier, m->c, action, NULL);
	}
	for (size_t i = m->attach.n; i-- > 0;)
		if (i < m->attach.n && m->attach.clients[i]->checks) {
			m->attach.clients[i]->checks = false;
			attach_tell_int(&m->attach, m->attach.clients[i], MONITOR_HEALTH, exit_code);
		}
	if (changed && str_eq(s->health, "unhealthy"))
		act(m);
}

void probe_ended(struct monitor *m, int status)
{
	struct probe *p = &m->probe;
	p->pid = -1;
	probe_read(m);
	close_fd(&p->output_fd);	/* what it has left behind may hold the other end */
	(void) unlinkat(m->c->dir_fd, pid_file, 0);
	if (m->init_ended || !m->c->status.health)
		return;
	answer(m, p->late ? -1 : proc_exit_code(status));
	buf_done(&p->output);
	plan_next(m);
}

void probe_stop(struct monitor *m)
{
	m->probe.next_ms = 0;
	if (m->probe.pid > 0)
		(void) kill(m->probe.pid, SIGKILL);
	m->probe.pid = -1;
	close_fd(&m->probe.output_fd);
	buf_done(&m->probe.output);
}

/* ---- time ---- */

RESTING int64_t probe_due(const struct monitor *m)
{
	return m->probe.pid > 0 ? m->probe.deadline_ms : m->started && !m->init_ended ? m->probe.next_ms : 0;
}

/* give_up - first its process in the container, then the runtime */
static void give_up(struct monitor *m)
{
	struct probe *p = &m->probe;
	cleanup_free char *text = NULL;
	uint64_t pid = 0;
	if (!p->late && fs_read_file(m->c->dir_fd, pid_file, 32, &text, NULL, NULL) == 0) {
		text[strcspn(text, "\n")] = 0;
		if (str_to_u64(text, INT32_MAX, &pid) == 0 && pid > 1)
			(void) kill((pid_t) pid, SIGKILL);
	}
	if (!pid)
		(void) kill(p->pid, SIGKILL);
	p->late = true;
	p->deadline_ms = now_ms() + GRACE_MS;
}

RESTING void probe_time(struct monitor *m)
{
	int64_t due = probe_due(m);
	if (!due || now_ms() < due)
		return;
	if (m->probe.pid > 0)
		give_up(m);
	else if (faccessat(m->c->dir_fd, "paused", F_OK, AT_SYMLINK_NOFOLLOW) == 0)	/* it would not be heard */
		plan_next(m);
	else
		probe_start(m);
}
