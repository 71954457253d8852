#include "monitor_impl.h"
#include "../image/cover.h"
#include "../volume/volume.h"
#include "cleanup.h"
#include "event.h"
#include "explain_path.h"
#include "fs.h"
#include "log.h"
#include "memory.h"
#include "mount_stage.h"
#include "oom.h"
#include "proc.h"
#include "record_change.h"
#include "runtime.h"
#include "userns.h"
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

enum { SHRINK_MS = 1000 };

/* ---- what is recorded ---- */

/* now_text - into memory of ours: one that is started again for years must not grow */
static char *now_text(char out[40])
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (char *) str_rfc3339(t.tv_sec, t.tv_nsec, out);
}

static int set_status(struct monitor *m, const char *state, struct error *err)
{
	struct status *s = &m->c->status;
	s->state = (char *) state;
	s->monitor = getpid();
	s->boot_id = (char *) proc_boot_id();
	if (strcmp(state, "running") == 0) {
		s->pid = m->init;
		s->started = now_text(m->began);
		(void) proc_start_time(m->init, &s->start_time);
	} else if (strcmp(state, "starting") != 0) {
		s->finished = now_text(m->ended);
		s->pid = 0;
	}
	return status_save(m->c, err);
}

static void tell_die(const struct monitor *m)
{
	char code[24];
	snprintf(code, sizeof code, "%lld", (long long) m->c->status.exit_code);
	event_container(m->carrier, m->c, "die", "exitCode", code, NULL);
}

static void tell_error(struct monitor *m, int code, const struct error *err)
{
	struct { int32_t code; struct error error; } data = { code, *err };
	attach_tell(&m->attach, NULL, MONITOR_ERROR, &data, sizeof data);
}

/* ---- the way in ---- */

/* own_world - a session, a user namespace where we are not root, and a mount namespace that dies with us */
static int own_world(struct monitor *m, struct bundle_environment *e, struct error *err)
{
	struct idmap uids cleanup_idmap = { 0 }, gids cleanup_idmap = { 0 };
	struct winsize size;
	if (m->c->record.tty && ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0) {
		e->rows = size.ws_row;
		e->columns = size.ws_col;
	}
	(void) setsid();
	int r = home_join(m, err);
	r = r < 0 ? r : namespaces_world(m->carrier, &m->c->record, &e->others, m->home.user_fd, &uids, &gids, err);
	close_fd(&m->home.user_fd);
	if (r < 0)
		return r;
	r = mounts_separate(m->c, m->carrier->rootless, err);
	if (r < 0)
		return r;
	e->rootless = m->carrier->rootless;
	e->settings = &m->c->record.settings;
	e->single_id = uids.n == 1 && uids.ranges[0].size == 1;
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return error_set(err, errno, "become the container's reaper");
	return 0;
}

/* forget_last - what it was before a person starts it anew */
static void forget_last(struct monitor *m)
{
	struct status *s = &m->c->status;
	if (s->started)
		record_forget_stop(m->c);
	s->restarts = s->exit_code = s->failing_streak = 0;
	s->error = s->health = NULL;
	s->oom_killed = false;
}

static void begin_life(struct monitor *m)
{
	m->started = true;
	m->started_ms = now_ms();
	m->shrink_ms = m->started_ms + SHRINK_MS;
	m->kill_ms = m->c->record.life.timeout ? m->started_ms + m->c->record.life.timeout * 1000 : 0;
	if (m->c->record.memory > 0) {
		free(m->oom_place);
		m->oom_place = oom_place(m->init);
	}
	probe_begin(m);
}

/* choose_runtime - m->carrier becomes what this container has: its runtime, and the cgroup manager that gives it its limits */
static int choose_runtime(struct monitor *m, struct error *err)
{
	const char *manager = m->carrier->cgroup_manager;
	int r = limits_check(&m->c->record, m->carrier->rootless, &manager, err);
	m->own = runtime_of(m->carrier, &m->c->record, manager);
	m->carrier = &m->own;
	return r;
}

/* make_process_somehow - also inside of another container, which lacks this and that */
static int make_process_somehow(struct monitor *m, struct bundle_environment *e, struct error *err)
{
	int r = make_process(m, err);
	while (r < 0 && !m->created && bundle_degrade(m->c, e, err)) {
		unmake_process(m);
		r = make_process(m, err);
	}
	return r;
}

static int start(struct monitor *m, struct error *err)
{
	struct bundle_environment *e = &m->environment;
	const struct record *rec = &m->c->record;
	m->lock_fd = record_lock(m->c, err);	/* first: what fails from now on is cleaned up */
	int r = m->lock_fd < 0 ? m->lock_fd : choose_runtime(m, err);
	e->systemd_cgroups = str_eq(m->carrier->cgroup_manager, "systemd");
	if (r == 0)
		r = namespaces_find(m->carrier, rec, &e->others, err);
	if (r == 0)
		r = own_world(m, e, err);
	if (r == 0)
		r = namespaces_stage(m->c, &e->others, err);
	if (r < 0)
		return r;
	forget_last(m);
	r = set_status(m, "starting", err);
	if (r == 0)
		r = rootfs_mount(m->c, rec->remove, &m->rootfs, err);
	if (r == 0)
		r = bundle_write(m->c, e, err);
	if (r == 0 && (!rec->remove || !m->foreground))
		r = log_writer_open(m->c, &m->log, err);
	if (r == 0)
		r = make_process_somehow(m, e, err);
	if (r < 0)
		return r;
	begin_life(m);
	r = set_status(m, "running", err);
	m->started = r == 0;
	return r;
}

/* ---- the way out, its mirror ---- */

/* exit_code - docker's for a start that failed: by the words that runtimes use */
static int exit_code(const struct error *err)
{
	if (strstr(err->text, "executable file not found") || strstr(err->text, "no such file or directory"))
		return EXIT_NOT_FOUND;
	if (strstr(err->text, "permission denied") || strstr(err->text, "operation not permitted") || strstr(err->text, "exec format error"))
		return EXIT_NOT_EXECUTABLE;
	return EXIT_CARRIER;
}

/* leave_stdio - /dev/null takes the place of stdin, stdout and stderr */
static void leave_stdio(bool terminals_too)
{
	cleanup_close int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; fd < 3; fd++)
		if (terminals_too || !isatty(fd))
			(void) dup2(null, fd);
}

static void finish(struct monitor *m, bool remove)
{
	struct error err = { 0 };
	char **lowerdirs = m->c->record.lowerdirs;
	bool ran = m->c->status.started != NULL;
	bool ours = m->lock_fd >= 0;	/* else what there is is another monitor's, which was faster */
	/* whoever reads our output to its end, as a shell's $(...) does, has the answer and is not to wait for what follows it. A terminal has no
	 * end: there warnings are read */
	leave_stdio(false);
	if (ours)
		unmake_process(m);
	holder_leave(&m->home);
	log_writer_close(m->log);
	m->log = NULL;
	close_fd(&m->attach.listen_fd);
	if (ours)
		mounts_unstage(m->c);
	if (ours && rootfs_unmount(m->c, &m->rootfs, &err) < 0)
		log_warn("%s", err.text);
	if (remove && record_remove(m->carrier, m->c, &err) < 0)
		log_warn("%s", err.text);
	else if (remove)
		volume_drop(m->carrier, m->c);
	close_fd(&m->lock_fd);	/* nobody is to wait for who reads slowly, or for the disk */
	flush_clients(m);
	attach_done(&m->attach);
	if (ran && lowerdirs && cover_layers(m->carrier->root, lowerdirs, m->c->record.image_id, &err) < 0)
		log_warn("%s", err.text);
}

static _Noreturn void fail(struct monitor *m, struct error *err)
{
	int code = exit_code(err);
	explain_start(m->c, err);
	m->c->status.error = pool_strdup(&m->c->pool, err->text);
	m->c->status.exit_code = code;
	bool ours = m->lock_fd >= 0, remove = ours && m->c->record.remove;
	if (ours)
		give_back(m);
	if (remove)
		(void) record_retire(m->carrier, m->c, NULL);
	else if (ours)
		(void) set_status(m, "exited", NULL);
	tell_error(m, code, err);
	finish(m, remove);
	_exit(0);
}

/* ---- the life ---- */

void end_gently(struct monitor *m)
{
	const struct record *rec = &m->c->record;
	int sig = str_empty(rec->stop_signal) ? SIGTERM : signal_parse(rec->stop_signal);
	if (m->init_ended)
		return;
	(void) kill(m->init, sig < 0 ? SIGTERM : sig);
	if (rec->stop_timeout >= 0)
		m->kill_ms = now_ms() + rec->stop_timeout * 1000;
}

RESTING static void live(struct monitor *m)
{
	while (!m->init_ended)
		step(m, 0);
	probe_stop(m);
	drain(m);
	m->started = false;
	m->kill_ms = 0;
	m->c->status.exit_code = proc_exit_code(m->init_status);
	m->c->status.oom_killed = oom_happened(m->oom_place);
	if (!m->c->record.remove)
		record_policy(m->c);
	if (m->c->status.oom_killed)
		event_container(m->carrier, m->c, "oom", NULL);
	tell_die(m);
}

static enum record_note noted_stop(const struct monitor *m)
{
	bool matters = m->c->record.life.restart || m->c->record.remove || m->restart_asked;
	return matters ? record_noted_stop(m->c) : RECORD_NOT_STOPPED;
}

/* reread - what `update` has changed holds for the next start: the policy itself, and the limits, which are in config.json */
static void reread(struct monitor *m)
{
	struct error err = { 0 };
	int r = m->c->record.remove ? 0 : record_reread(m->c, &err);	/* a --rm container has one life */
	if (r > 0)
		r = bundle_write(m->c, &m->environment, &err);
	if (r < 0)
		log_warn("it is started again as it was: %s", err.text);
}

static bool is_wanted_again(const struct monitor *m)
{
	const struct status *s = &m->c->status;
	if (!m->restart_asked && restart_policy_of(&m->c->record.life) == RESTART_NO)
		return false;
	bool stopped = m->stop_asked || noted_stop(m) != RECORD_NOT_STOPPED;
	return (m->restart_asked && !stopped) || restart_wanted(&m->c->record.life, s->exit_code, s->restarts, stopped);
}

/* wait_delay - false when it was stopped meanwhile */
static bool wait_delay(struct monitor *m)
{
	m->delay_ms = restart_delay_ms(m->delay_ms, now_ms() - m->started_ms);
	int64_t until = now_ms() + m->delay_ms;
	while (now_ms() < until && !m->stop_asked)
		step(m, until);
	return !m->stop_asked && noted_stop(m) == RECORD_NOT_STOPPED;
}

/* find_others - those whose namespaces it shares are other processes when they were started again meanwhile */
static int find_others(struct monitor *m, struct error *err)
{
	struct bundle_environment *e = &m->environment;
	int r = namespaces_find_again(m->carrier, &m->c->record, &e->others, err);
	if (r <= 0)
		return r;
	r = namespaces_stage(m->c, &e->others, err);
	return r < 0 ? r : bundle_write(m->c, e, err);
}

/* live_again - the process once more, in the same files. What cannot be started has ended at once */
static void live_again(struct monitor *m)
{
	m->restart_asked = false;
	m->c->status.restarts++;
	m->c->status.error = NULL;
	m->started_ms = now_ms();
	if (find_others(m, &m->why) < 0 || make_process(m, &m->why) < 0) {
		m->c->status.error = m->why.text;
		m->c->status.exit_code = exit_code(&m->why);
		return;
	}
	begin_life(m);
	if (!m->owner)	/* it has had its exit code, and gone, between two lives */
		leave_terminal(m);
	(void) set_status(m, "running", NULL);
	event_container(m->carrier, m->c, "start", NULL);
	if (m->stop_asked || noted_stop(m) != RECORD_NOT_STOPPED)	/* by somebody who found no process to send a signal to */
		(void) kill(m->init, SIGKILL);
	live(m);
}

/* start_again - as often as the policy says */
static void start_again(struct monitor *m)
{
	for (reread(m); is_wanted_again(m); reread(m)) {
		(void) set_status(m, "restarting", NULL);
		attach_tell_exit(&m->attach, (int32_t) m->c->status.exit_code, false);
		unmake_process(m);
		if (!wait_delay(m))
			return;
		live_again(m);
	}
}

void leave_terminal(const struct monitor *m)
{
	if (log_driver_of(&m->c->record.life.log) != LOG_PASSTHROUGH)
		leave_stdio(true);
}

static _Noreturn void monitor_main(struct monitor *m)
{
	struct error err = { 0 };
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	m->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	loop_begin(m);
	if (start(m, &err) < 0)
		fail(m, &err);
	event_container(m->carrier, m->c, "start", NULL);	/* in front of what our client may tell */
	attach_tell_int(&m->attach, NULL, MONITOR_STARTED, (int32_t) m->init);
	if (!m->foreground)
		leave_terminal(m);
	if (m->stop_asked)	/* by a signal that found no process yet: nothing was done that could be ended in order */
		(void) kill(m->init, SIGKILL);
	live(m);
	start_again(m);

	give_back(m);
	bool remove = m->c->record.remove && noted_stop(m) != RECORD_STOPPED_TO_RESTART;
	if (remove)
		(void) record_retire(m->carrier, m->c, NULL);
	else
		(void) set_status(m, "exited", NULL);
	attach_tell_exit(&m->attach, (int32_t) m->c->status.exit_code, true);
	finish(m, remove);
	_exit(0);
}

int monitor_start(const struct carrier *carrier, struct container *c, unsigned wants, struct error *err)
{
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return error_set(err, errno, "create a socket pair");
	cleanup_close int ours = ends[0], theirs = ends[1];
	const struct activation sockets = activation_find();
	fflush(NULL);
	pid_t pid = fork();
	if (pid < 0)
		return error_set(err, errno, "start the container's monitor");
	if (pid == 0) {
		close_fd(&ours);
		struct monitor m = { .carrier = carrier, .c = c, .foreground = wants != 0, .attach = { .listen_fd = -1 }, .lock_fd = -1,
				     .pipes = { -1, -1 }, .stdin_fd = -1, .master_fd = -1, .console_fd = -1, .network = NETWORK_HELPER_NONE, .netns_fd = -1,
				     .rules = NETLINK_INIT, .home = HOLDER_MEMBER_NONE, .forward.process = FORWARDER_NONE,
				     .rootfs = ROOTFS_NONE, .init = -1, .runtime = -1, .probe = { .pid = -1, .output_fd = -1 },
				     .environment.sockets = sockets };
		m.owner = attach_add(&m.attach, take_fd(theirs), wants ? wants : CLIENT_WANTS_END, wants != 0);
		monitor_main(&m);
	}
	return take_fd(ours);
}
