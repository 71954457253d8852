#include "monitor.h"
#include "../image/cover.h"
#include "../network/network.h"
#include "bundle.h"
#include "cleanup.h"
#include "event.h"
#include "fs.h"
#include "log.h"
#include "output.h"
#include "proc.h"
#include "rootfs.h"
#include "runtime.h"
#include "socket.h"
#include "str.h"
#include "userns.h"
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

/* What one monitor holds; what is acquired in attach order is released in the reverse order by finish(). */
struct monitor {
	const struct carrier *carrier;
	struct container *c;
	int client;			/* socket, -1 when nobody is there */
	int lock_fd, signal_fd;
	int pipes[2];			/* our ends of the container's stdout and stderr */
	int master_fd, console_fd;	/* the terminal, and the socket on which it arrives */
	struct output output;
	struct network_helper network;
	struct rootfs rootfs;
	pid_t init, runtime;
	int init_status;
	bool init_ended, runtime_ended, created, started;
	int runtime_status;
	struct { pid_t pid; int status; } orphans[16];	/* ended before the pid file was read: one of them may be init */
	size_t n_orphans;
};

/* ---- talking to the client ---- */

static void tell(struct monitor *m, int kind, int value, const struct error *err)
{
	struct { int kind, value; struct error error; } packet = { .kind = kind, .value = value };
	size_t len = 2 * sizeof(int);
	if (err) {
		packet.error = *err;
		len = sizeof packet;
	}
	if (m->client >= 0 && socket_send(m->client, &packet, len, -1) < 0)
		close_fd(&m->client);
}

static void lose_client(struct monitor *m)
{
	close_fd(&m->client);
	m->output.client_fd[0] = m->output.client_fd[1] = -1;
}

static void on_client(struct monitor *m)
{
	struct { int kind; char data[4096]; } packet;
	ssize_t n = socket_receive(m->client, &packet, sizeof packet, NULL) - (ssize_t) sizeof packet.kind;
	if (n < 0) {
		lose_client(m);	/* the container goes on without it */
		return;
	}
	switch (packet.kind) {
	case CLIENT_INPUT:
		if (m->master_fd >= 0)
			(void) fs_write_all(m->master_fd, packet.data, (size_t) n);
		break;
	case CLIENT_RESIZE:
		if (m->master_fd >= 0 && n == 2 * sizeof(uint16_t)) {
			uint16_t size[2];
			memcpy(size, packet.data, sizeof size);
			(void) ioctl(m->master_fd, TIOCSWINSZ, &(struct winsize) { .ws_row = size[0], .ws_col = size[1] });
		}
		break;
	case CLIENT_SIGNAL:
		if (m->init > 0 && !m->init_ended && n == sizeof(int)) {
			int sig;
			memcpy(&sig, packet.data, sizeof sig);
			(void) kill(m->init, sig);
		}
		break;
	default: break;
	}
}

/* ---- events ---- */

/* lose_files - every access to its root would fail from now on: better an end with a reason */
static void lose_files(struct monitor *m)
{
	static const char why[] = "fuse-overlayfs ended, and with it the container's files are gone: the container is killed";
	log_warn("%s", why);
	m->c->status.error = pool_strdup(&m->c->pool, why);
	if (m->init > 0 && !m->init_ended)
		(void) kill(m->init, SIGKILL);
}

static void reap(struct monitor *m)
{
	struct signalfd_siginfo info;
	while (read(m->signal_fd, &info, sizeof info) == sizeof info)
		if (info.ssi_signo == SIGTERM && m->init > 0 && !m->init_ended)
			(void) kill(m->init, SIGTERM);	/* whoever ends us means the container */
	int status;
	for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
		if (pid == m->init) {
			m->init_ended = true;
			m->init_status = status;
		} else if (pid == m->runtime) {
			m->runtime_ended = true;
			m->runtime_status = status;
		} else if (pid == m->network.pid) {
			m->network.pid = -1;
			log_warn("the network helper ended; the container has no network from now on");
		} else if (pid == m->rootfs.helper) {
			m->rootfs.helper = -1;
			lose_files(m);
		} else if (m->init < 0) {
			size_t i = m->n_orphans++ % (sizeof m->orphans / sizeof *m->orphans);
			m->orphans[i].pid = pid;
			m->orphans[i].status = status;
		}
	}
}

/* copy_output - what is there now. Return: false when the source has ended */
static bool copy_output(struct monitor *m, int *fd, int stream)
{
	static char data[64 * 1024];
	ssize_t n = read(*fd, data, sizeof data);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0) {
		close_fd(fd);
		return false;
	}
	/* until the program runs, what is written there is the runtime's; its error reaches people by the log file */
	if (m->started || m->master_fd == *fd)
		output_write(&m->output, stream, data, (size_t) n);
	return true;
}

/* receive_terminal - the runtime has connected to our console socket */
static void receive_terminal(struct monitor *m)
{
	char name[256];
	cleanup_close int peer = accept4(m->console_fd, NULL, NULL, SOCK_CLOEXEC);
	if (peer >= 0 && socket_receive(peer, name, sizeof name, &m->master_fd) >= 0)
		close_fd(&m->console_fd);
}

/* step - wait for something and deal with it */
static void step(struct monitor *m, int timeout_ms)
{
	struct pollfd p[] = {
		{ .fd = m->signal_fd, .events = POLLIN }, { .fd = m->client, .events = POLLIN },
		{ .fd = m->started ? m->pipes[0] : -1, .events = POLLIN }, { .fd = m->started ? m->pipes[1] : -1, .events = POLLIN },
		{ .fd = m->master_fd, .events = POLLIN }, { .fd = m->console_fd, .events = POLLIN },
	};
	if (poll(p, sizeof p / sizeof *p, timeout_ms) <= 0)
		return;
	if (p[0].revents)
		reap(m);
	if (p[1].revents)
		on_client(m);
	if (p[2].revents)
		(void) copy_output(m, &m->pipes[0], OUTPUT_STDOUT);
	if (p[3].revents)
		(void) copy_output(m, &m->pipes[1], OUTPUT_STDERR);
	if (p[4].revents)
		(void) copy_output(m, &m->master_fd, OUTPUT_STDOUT);
	if (p[5].revents)
		receive_terminal(m);
}

/* drain - what the program wrote before it ended is still in the pipes; what its orphans hold open is not waited for */
static void drain(struct monitor *m)
{
	int *fds[] = { &m->pipes[0], &m->pipes[1], &m->master_fd };
	for (size_t i = 0; i < 3; i++)
		while (*fds[i] >= 0) {
			struct pollfd p = { .fd = *fds[i], .events = POLLIN };
			if (poll(&p, 1, 0) <= 0 || !copy_output(m, fds[i], i == 1 ? OUTPUT_STDERR : OUTPUT_STDOUT))
				break;
		}
	output_flush(&m->output);
}

/* ---- the runtime ---- */

static const char runtime_log[] = "runtime.log";

/* runtime_error - the last sentence in its log is why it failed */
static int runtime_error(struct monitor *m, struct error *err)
{
	cleanup_free char *text = NULL;
	if (fs_read_file(m->c->dir_fd, runtime_log, 1 << 20, &text, NULL, NULL) < 0)
		text = xstrdup("");
	cleanup_free char *message = runtime_message(text);
	return error_say(err, EIO, "%s", message ? message : "the runtime failed and left no message in its log");
}

/* run_runtime - `RUNTIME @command ...` for the container; for those that make its process, with its stdio */
static int run_runtime(struct monitor *m, const char *command, const struct proc_fd *stdio, struct error *err)
{
	struct strings args cleanup_strings = { 0 };
	cleanup_free char *path = NULL;
	cleanup_free char *log = xasprintf("%s/%s", m->c->dir, runtime_log);
	int r = runtime_path(m->carrier, &path, err);
	if (r < 0)
		return r;
	(void) unlinkat(m->c->dir_fd, runtime_log, 0);
	runtime_arguments(m->carrier, &args);
	strings_add(&args, "--log");
	strings_add(&args, log);
	strings_add(&args, "--log-format=json");
	strings_add(&args, command);
	bool makes = stdio != NULL;
	if (makes) {
		if (strcmp(command, "run") == 0)
			strings_add(&args, "--detach");
		strings_add(&args, "--bundle");
		strings_add(&args, m->c->dir);
		strings_add(&args, "--pid-file");
		strings_printf(&args, "%s/pid", m->c->dir);
		if (m->c->record.tty) {
			strings_add(&args, "--console-socket");
			strings_printf(&args, "%s/console.sock", m->c->dir);
		}
	}
	if (strcmp(command, "delete") == 0)
		strings_add(&args, "--force");
	strings_add(&args, m->c->record.id);

	const struct proc_fd nothing[] = { { -1, 0 }, { -1, 1 }, { -1, 2 } };
	/* whoever finds that we were killed has nothing to wait for: what is half made is deleted then */
	const struct proc_spawn spawn = { .path = path, .argv = args.v, .fds = makes ? stdio : nothing, .n_fds = 3,
					  .death_signal = makes ? SIGKILL : 0 };
	m->runtime_ended = false;
	m->runtime = proc_spawn(&spawn, NULL, err);
	if (m->runtime < 0)
		return m->runtime;
	while (!m->runtime_ended)
		step(m, -1);
	m->runtime = -1;
	return proc_exit_code(m->runtime_status) == 0 ? 0 : runtime_error(m, err);
}

static int read_pid(struct monitor *m, struct error *err)
{
	cleanup_free char *text = NULL;
	uint64_t pid;
	int r = fs_read_file(m->c->dir_fd, "pid", 32, &text, NULL, err);
	if (r < 0)
		return r;
	text[strcspn(text, "\n")] = 0;
	if (str_to_u64(text, INT32_MAX, &pid) < 0)
		return error_say(err, EINVAL, "the runtime wrote no pid into '%s/pid'", m->c->dir);
	m->init = (pid_t) pid;
	for (size_t i = 0; i < sizeof m->orphans / sizeof *m->orphans; i++)
		if (m->orphans[i].pid == m->init) {
			m->init_ended = true;
			m->init_status = m->orphans[i].status;
		}
	return 0;
}

/* ---- the way in ---- */

static int listen_console(struct monitor *m, struct error *err)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	if (!m->c->record.tty)
		return 0;
	(void) unlinkat(m->c->dir_fd, "console.sock", 0);
	snprintf(at.sun_path, sizeof at.sun_path, "/proc/self/fd/%d/console.sock", m->c->dir_fd);
	m->console_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (m->console_fd < 0 || bind(m->console_fd, (struct sockaddr *) &at, sizeof at) < 0 || listen(m->console_fd, 1) < 0)
		return error_set(err, errno, "create '%s/console.sock'", m->c->dir);
	return 0;
}

/* make_process - create, with the network between create and start where there is a helper to wait for; else both at once */
static int make_process(struct monitor *m, struct error *err)
{
	int out[2] = { -1, -1 }, error[2] = { -1, -1 };
	const struct record *rec = &m->c->record;
	if (!rec->tty && (pipe2(out, O_CLOEXEC) < 0 || pipe2(error, O_CLOEXEC) < 0))
		return error_set(err, errno, "create a pipe");
	m->pipes[0] = out[0];
	m->pipes[1] = error[0];
	bool helper = str_eq(rec->network, "private");
	const struct proc_fd stdio[] = { { rec->interactive && !rec->tty ? STDIN_FILENO : -1, 0 }, { out[1], 1 }, { error[1], 2 } };
	int r = listen_console(m, err);
	if (r == 0)
		r = run_runtime(m, helper ? "create" : "run", stdio, err);
	close_fd(&out[1]);
	close_fd(&error[1]);
	if (r == 0) {
		m->created = true;
		r = read_pid(m, err);
	}
	if (r == 0 && helper) {
		r = network_start(rec->network, m->init, &m->network, err);
		if (r == 0)
			r = network_wait(&m->network, err);
		if (r == 0)
			r = run_runtime(m, "start", NULL, err);
	}
	return r;
}

static void now(char out[40])
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	(void) str_rfc3339(t.tv_sec, t.tv_nsec, out);
}

static int set_status(struct monitor *m, const char *state, struct error *err)
{
	struct status *s = &m->c->status;
	char when[40];
	now(when);
	s->state = (char *) state;
	s->monitor = getpid();
	s->boot_id = pool_strdup(&m->c->pool, proc_boot_id());
	if (strcmp(state, "running") == 0) {
		s->pid = m->init;
		s->started = pool_strdup(&m->c->pool, when);
		(void) proc_start_time(m->init, &s->start_time);
	} else if (strcmp(state, "exited") == 0) {
		s->finished = pool_strdup(&m->c->pool, when);
		s->pid = 0;
	}
	return status_save(m->c, err);
}

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
	int r = userns_become_root(CLONE_NEWNS, &uids, &gids, err);
	if (r < 0)
		return r;
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return error_set(err, errno, "make the mounts private");
	e->rootless = m->carrier->rootless;
	e->settings = &m->c->record.settings;
	e->single_id = uids.n == 1 && uids.ranges[0].size == 1;
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return error_set(err, errno, "become the container's reaper");
	m->lock_fd = record_lock(m->c, err);
	return m->lock_fd < 0 ? m->lock_fd : 0;
}

static int start(struct monitor *m, struct error *err)
{
	struct bundle_environment e = { .systemd_cgroups = str_eq(m->carrier->cgroup_manager, "systemd") };
	const struct record *rec = &m->c->record;
	int r = own_world(m, &e, err);
	if (r == 0)
		r = set_status(m, "starting", err);
	if (r == 0)
		r = rootfs_mount(m->c, rec->remove, &m->rootfs, err);
	if (r == 0)
		r = bundle_write(m->c, &e, err);
	if (r == 0 && (!rec->remove || rec->detached)) {
		m->output.log_fd = openat(m->c->dir_fd, "log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
		if (m->output.log_fd < 0)
			r = error_set(err, errno, "create '%s/log'", m->c->dir);
	}
	if (r == 0)
		r = make_process(m, err);
	if (r == 0)
		r = set_status(m, "running", err);
	m->started = r == 0;
	if (r == 0)
		event_container(m->carrier, m->c, "start", NULL);
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

static void finish(struct monitor *m)
{
	struct error err = { 0 };
	char **lowerdirs = m->c->record.lowerdirs;
	if (m->created && run_runtime(m, "delete", NULL, &err) < 0)
		log_warn("%s", err.text);
	network_stop(&m->network);
	if (m->lock_fd >= 0 && rootfs_unmount(m->c, &m->rootfs, &err) < 0)
		log_warn("%s", err.text);
	if (m->c->record.remove && record_remove(m->carrier, m->c, &err) < 0)
		log_warn("%s", err.text);
	output_done(&m->output);
	if (m->started && lowerdirs) {
		lose_client(m);		/* nobody is to wait for the disk */
		if (cover_layers(m->carrier->root, lowerdirs, m->c->record.image_id, &err) < 0)
			log_warn("%s", err.text);
	}
}

static void tell_die(const struct monitor *m)
{
	char code[24];
	snprintf(code, sizeof code, "%lld", (long long) m->c->status.exit_code);
	event_container(m->carrier, m->c, "die", "exitCode", code, NULL);
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

	if (start(m, &err) < 0) {
		int code = exit_code(&err);
		m->c->status.error = pool_strdup(&m->c->pool, err.text);
		m->c->status.exit_code = code;
		if (m->lock_fd >= 0)
			(void) set_status(m, "exited", NULL);
		finish(m);
		tell(m, MONITOR_ERROR, code, &err);
		_exit(0);
	}
	tell(m, MONITOR_STARTED, (int) m->init, NULL);
	if (m->c->record.detached) {	/* the terminal that started us may go */
		cleanup_close int null = open("/dev/null", O_RDWR | O_CLOEXEC);
		for (int fd = 0; fd < 3; fd++)
			(void) dup2(null, fd);
	}
	while (!m->init_ended)
		step(m, -1);
	drain(m);
	m->c->status.exit_code = proc_exit_code(m->init_status);
	tell_die(m);
	if (m->c->record.remove)
		(void) record_retire(m->carrier, m->c, NULL);
	else
		(void) set_status(m, "exited", NULL);
	tell(m, MONITOR_EXIT, (int) m->c->status.exit_code, NULL);
	finish(m);
	_exit(0);
}

int monitor_start(const struct carrier *carrier, struct container *c, bool foreground, struct error *err)
{
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return error_set(err, errno, "create a socket pair");
	cleanup_close int ours = ends[0], theirs = ends[1];
	fflush(NULL);
	pid_t pid = fork();
	if (pid < 0)
		return error_set(err, errno, "start the container's monitor");
	if (pid == 0) {
		close_fd(&ours);
		struct monitor m = { .carrier = carrier, .c = c, .client = theirs, .lock_fd = -1, .pipes = { -1, -1 }, .master_fd = -1,
				     .console_fd = -1, .output = OUTPUT_INIT, 
				     .network = NETWORK_HELPER_NONE, .rootfs = ROOTFS_NONE, .init = -1, .runtime = -1 };
		if (foreground) {
			m.output.client_fd[0] = STDOUT_FILENO;
			m.output.client_fd[1] = STDERR_FILENO;
		}
		monitor_main(&m);
	}
	return take_fd(ours);
}
