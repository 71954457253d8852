#include "exec_terminal.h"
#include "cleanup.h"
#include "detach_keys.h"
#include "fs.h"
#include "proc.h"
#include "socket.h"
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>

enum { CHUNK = 4096, SOCKET_WAIT_MS = 5000 };

void exec_terminal_done(struct exec_terminal *t)
{
	close_fd(&t->listen_fd);
	if (t->socket)
		(void) unlink(t->socket);
	if (t->pid_file)
		(void) unlink(t->pid_file);
	free(t->socket);
	free(t->pid_file);
}

int exec_terminal_open(const struct container *c, struct exec_terminal *ret, struct error *err)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	ret->socket = xasprintf("%s/exec-%d.sock", c->dir, (int) getpid());
	ret->pid_file = xasprintf("%s/exec-%d.pid", c->dir, (int) getpid());
	snprintf(at.sun_path, sizeof at.sun_path, "/proc/self/fd/%d/exec-%d.sock", c->dir_fd, (int) getpid());
	(void) unlink(ret->socket);
	ret->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (ret->listen_fd < 0 || bind(ret->listen_fd, (struct sockaddr *) &at, sizeof at) < 0 || listen(ret->listen_fd, 1) < 0)
		return error_set(err, errno, "create '%s'", ret->socket);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return error_set(err, errno, "become the reaper of what is executed");
	return 0;
}

void exec_terminal_arguments(const struct exec_terminal *t, struct strings *ret)
{
	strings_add(ret, "--detach");
	strings_printf(ret, "--console-socket=%s", t->socket);
	strings_printf(ret, "--pid-file=%s", t->pid_file);
}

/* ---- both terminals ---- */

struct attending {
	int master_fd, signal_fd;
	pid_t pid;
	struct detach_keys keys;
	struct termios was;
	bool raw, ended, left, input_ended;
	int status;
};

static int receive(const struct exec_terminal *t, struct attending *a, struct error *err)
{
	char name[256];
	cleanup_free char *text = NULL;
	struct pollfd p = { .fd = t->listen_fd, .events = POLLIN };
	uint64_t pid;
	cleanup_close int peer = poll(&p, 1, SOCKET_WAIT_MS) > 0 ? accept4(t->listen_fd, NULL, NULL, SOCK_CLOEXEC) : -1;
	if (peer < 0 || socket_receive(peer, name, sizeof name, &a->master_fd) < 0 || a->master_fd < 0)
		return error_say(err, EPIPE, "the runtime sent no terminal");
	int r = fs_read_file(AT_FDCWD, t->pid_file, 32, &text, NULL, err);
	if (r < 0)
		return r;
	text[strcspn(text, "\n")] = 0;
	if (str_to_u64(text, INT32_MAX, &pid) < 0)
		return error_say(err, EINVAL, "the runtime wrote no pid into '%s'", t->pid_file);
	a->pid = (pid_t) pid;
	return 0;
}

static void pass_size(const struct attending *a)
{
	struct winsize size;
	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0)
		(void) ioctl(a->master_fd, TIOCSWINSZ, &size);
}

static void enter_raw(struct attending *a)
{
	if (tcgetattr(STDIN_FILENO, &a->was) < 0)
		return;
	struct termios t = a->was;
	cfmakeraw(&t);
	a->raw = tcsetattr(STDIN_FILENO, TCSADRAIN, &t) == 0;
}

static void on_signal(struct attending *a)
{
	struct signalfd_siginfo info;
	while (read(a->signal_fd, &info, sizeof info) == sizeof info) {
		if (info.ssi_signo == SIGWINCH)
			pass_size(a);
		else if (info.ssi_signo != SIGCHLD)
			(void) kill(a->pid, (int) info.ssi_signo);
	}
	if (waitpid(a->pid, &a->status, WNOHANG) == a->pid)
		a->ended = true;
}

static void on_input(struct attending *a)
{
	char data[CHUNK], out[CHUNK + DETACH_KEYS_MAX];
	size_t len;
	ssize_t n = read(STDIN_FILENO, data, sizeof data);
	if (n <= 0) {
		a->input_ended = true;
		return;
	}
	a->left = detach_keys_pass(&a->keys, data, (size_t) n, out, &len);
	(void) fs_write_all(a->master_fd, out, len);
}

/* copy_output - false: there is no more */
static bool copy_output(const struct attending *a, bool show)
{
	char data[CHUNK];
	ssize_t n = read(a->master_fd, data, sizeof data);
	if (n <= 0)
		return n < 0 && errno == EINTR;
	if (show)
		(void) fs_write_all(STDOUT_FILENO, data, (size_t) n);
	return true;
}

static void attend(struct attending *a)
{
	bool output = true;
	while (!a->ended && !a->left) {
		struct pollfd p[] = { { .fd = a->signal_fd, .events = POLLIN }, { .fd = a->input_ended ? -1 : STDIN_FILENO, .events = POLLIN },
				      { .fd = output ? a->master_fd : -1, .events = POLLIN } };
		if (poll(p, 3, -1) < 0)
			continue;
		if (p[0].revents)
			on_signal(a);
		if (p[1].revents)
			on_input(a);
		if (p[2].revents)
			output = copy_output(a, true);
	}
	struct pollfd rest = { .fd = a->master_fd, .events = POLLIN };
	while (a->ended && output && poll(&rest, 1, 0) > 0 && (rest.revents & POLLIN))
		output = copy_output(a, true);
}

/* leave_behind - a child that keeps the terminal for the process. Nobody waits for it */
static void leave_behind(const struct attending *a)
{
	if (fork() != 0)
		return;
	cleanup_close int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	(void) setsid();
	for (int fd = 0; fd < 3; fd++)
		(void) dup2(null, fd);
	while (copy_output(a, false))
		continue;
	_exit(0);
}

int exec_terminal_attend(struct exec_terminal *t, const char *keys, struct error *err)
{
	static const int signals[] = { SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH };
	struct attending a = { .master_fd = -1 };
	sigset_t set;
	int r = detach_keys_parse(keys, &a.keys, err);
	if (r == 0)
		r = receive(t, &a, err);
	if (r < 0)
		return r;
	(void) sigemptyset(&set);
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
		(void) sigaddset(&set, signals[i]);
	(void) sigprocmask(SIG_BLOCK, &set, NULL);
	a.signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	pass_size(&a);
	enter_raw(&a);
	on_signal(&a);	/* it may have ended before anybody listened */
	attend(&a);
	if (a.raw)
		(void) tcsetattr(STDIN_FILENO, TCSADRAIN, &a.was);
	if (a.left)
		leave_behind(&a);
	close_fd(&a.signal_fd);
	close_fd(&a.master_fd);
	return a.left ? 0 : proc_exit_code(a.status);
}
