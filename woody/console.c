/* Theory of operation of console_relay().
 *
 * One poll loop, five fds: signals (a signalfd, so that no handler can come between), the process, the
 * master, our 0 and our 1. Each direction has one buffer, which is filled only when it is empty: whoever does
 * not read stops the other side, and nothing is lost. The master is ours alone and is made non-blocking. 0
 * and 1 are shared with the shell, so their flags are left alone: 0 is read once after poll says so; 1 is
 * written in pieces that fit wherever poll sees room, through a description of our own where it is a
 * terminal, whose room may be less; both work when the caller made them non-blocking.
 *
 * The end is the process' end, not the master's EIO: others may keep the pty open, and the process may close
 * and reopen it. All that it wrote can be read by then: a read of a master first finishes the line
 * discipline's work, so EAGAIN means that nothing is left.
 */
#include "console.h"
#include "cleanup.h"
#include "fs.h"
#include "log.h"
#include "mem.h"
#include "proc.h"
#include "socket.h"
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>

/* ---- in the container ---- */

static int set_size(int fd, const struct spec_box *size, struct error *err)
{
	if (size->height > USHRT_MAX || size->width > USHRT_MAX)
		return error_say(err, EINVAL, "process.consoleSize: %u x %u is more than a terminal can have",
				 size->height, size->width);
	const struct winsize ws = { .ws_row = (unsigned short) size->height,
				    .ws_col = (unsigned short) size->width };
	return ioctl(fd, TIOCSWINSZ, &ws) < 0 ? error_set(err, errno, "set the terminal's size") : 0;
}

int console_clear_onlcr(int fd, struct error *err)
{
	struct termios t;
	if (tcgetattr(fd, &t) < 0)
		return error_set(err, errno, "read the terminal's modes");
	t.c_oflag &= ~(tcflag_t) ONLCR;
	return tcsetattr(fd, TCSANOW, &t) < 0 ? error_set(err, errno, "set the terminal's modes") : 0;
}

static int open_ptmx(int root_fd, struct error *err)
{
	static const char hint[] = "a terminal needs a mount of type devpts at /dev/pts";
	cleanup_close int fd = fs_open_beneath(root_fd, "dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK, 0, err);
	if (fd < 0) {
		(void) error_hint(err, "%s", hint);
		return fd;
	}
	if (fs_is_dev(fd, S_IFCHR, 5, 2) != 1)
		return error_say(err, ENODEV,
				 "open a terminal: the container's /dev/ptmx is not the device 5:2; %s",
				 hint);
	if (fcntl(fd, F_SETFL, O_RDWR) < 0)	/* O_NONBLOCK was for whatever else it might have been */
		return error_set(err, errno, "open '/dev/ptmx'");
	return take_fd(fd);
}

int console_open(int root_fd, const struct spec_box *size, int *ret_slave, struct error *err)
{
	cleanup_close int master = open_ptmx(root_fd, err);
	if (master < 0)
		return master;
	int unlock = 0;
	if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
		return error_set(err, errno, "unlock the terminal");
	cleanup_close int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return error_set(err, errno, "open the terminal's other side");

	int r = size ? set_size(master, size, err) : 0;
	if (r < 0)
		return r;
	*ret_slave = take_fd(slave);
	return take_fd(master);
}

int console_chown(int slave_fd, uid_t uid, struct error *err)
{
	struct stat st;
	if (fstat(slave_fd, &st) < 0)
		return error_set(err, errno, "look at the terminal");
	if (st.st_uid != uid && fchown(slave_fd, uid, (gid_t) -1) < 0)
		return error_set(err, errno, "give the terminal to user %u", uid);
	return 0;
}

int console_take(int slave_fd, struct error *err)
{
	if (ioctl(slave_fd, TIOCSCTTY, 0) < 0)
		return error_set(err, errno, "make the terminal the controlling one");
	for (int fd = 0; fd < 3; fd++) {
		/* dup2() onto itself would leave close-on-exec */
		int r = fd == slave_fd ? fcntl(fd, F_SETFD, 0) : dup2(slave_fd, fd);
		if (r < 0)
			return error_set(err, errno, "make the terminal fd %d", fd);
	}
	return 0;
}

/* ---- to a console socket ---- */

int console_connect(const char *path, struct error *err)
{
	return socket_connect(path, "console socket", err);
}

int console_send_to(int socket_fd, int master_fd, struct error *err)
{
	unsigned number;
	char name[32];
	if (ioctl(master_fd, TIOCGPTN, &number) < 0)
		return error_set(err, errno, "ask for the terminal's name");
	int len = snprintf(name, sizeof name, "/dev/pts/%u", number);
	int r = socket_send(socket_fd, name, (size_t) len, master_fd);
	return r < 0 ? error_set(err, -r, "send the terminal to the console socket") : 0;
}

int console_send(const char *path, int master_fd, struct error *err)
{
	cleanup_close int fd = console_connect(path, err);
	return fd < 0 ? fd : console_send_to(fd, master_fd, err);
}

/* ---- in the foreground ---- */

enum {
	FLOW_SIZE = 16 * 1024,
	WRITE_MAX = PIPE_BUF,	/* what a pipe that poll calls writable takes without blocking */
	HUNG_RETRY_MS = 100,
	DRAIN_MAX = 64 * 1024,	/* more than the kernel keeps for a pty (about 12 KiB) */
};

/* struct flow - one direction: what was read and is not yet written */
struct flow { char data[FLOW_SIZE]; size_t start, end; };

struct relay {
	int master_fd, pidfd, signal_fd;
	int in_fd;		/* -1: it has ended */
	int out_fd;		/* -1: it has failed, output is dropped */
	bool ended;		/* the process has */
	size_t drained;		/* read since then: beyond DRAIN_MAX it is of others, who may never stop */
	bool abandon;		/* somebody does not want to wait for the rest */
	bool hung;		/* nobody has the pty open: look again later */
	char last_in;		/* the last byte that came from in_fd */
	bool raw;
	struct termios was;
	struct flow in, out;
};

static bool flow_empty(const struct flow *f) { return f->start == f->end; }
static void flow_drop(struct flow *f) { f->start = f->end = 0; }

/* flow_read - into an empty one. Return: how much, 0 at the end, -errno (never -EINTR) */
static ssize_t flow_read(struct flow *f, int fd)
{
	ssize_t n;
	do
		n = read(fd, f->data, sizeof f->data);
	while (n < 0 && errno == EINTR);
	f->start = 0;
	f->end = n > 0 ? (size_t) n : 0;
	return n < 0 ? -errno : n;
}

/* flow_write - what goes now. Return: 0, or -errno other than "not now" */
static int flow_write(struct flow *f, int fd)
{
	size_t left = f->end - f->start;
	ssize_t n = write(fd, f->data + f->start, left < WRITE_MAX ? left : WRITE_MAX);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	f->start += (size_t) n;
	return 0;
}

/* ---- our terminal ---- */

static void copy_size(const struct relay *r)
{
	struct winsize ws;
	for (int fd = 0; fd < 3; fd++)
		if (ioctl(fd, TIOCGWINSZ, &ws) == 0) {
			if (ws.ws_row && ws.ws_col)	/* a serial line does not know */
				(void) ioctl(r->master_fd, TIOCSWINSZ, &ws);
			return;
		}
}

static int make_raw(struct relay *r, struct error *err)
{
	if (!r->raw)
		return 0;
	struct termios t = r->was;
	cfmakeraw(&t);
	t.c_oflag = r->was.c_oflag;	/* the container's pty leaves line feeds to us */
	return tcsetattr(STDIN_FILENO, TCSANOW, &t) < 0
		       ? error_set(err, errno, "set the terminal to raw mode")
		       : 0;
}

/* restore - also from the background, where it would stop us */
static void restore(const struct relay *r)
{
	sigset_t ttou, was;
	if (!r->raw)
		return;
	sigemptyset(&ttou);
	sigaddset(&ttou, SIGTTOU);
	(void) sigprocmask(SIG_BLOCK, &ttou, &was);
	(void) tcsetattr(STDIN_FILENO, TCSANOW, &r->was);
	(void) sigprocmask(SIG_SETMASK, &was, NULL);
}

/* open_output - 1 with a description of our own, non-blocking; only a terminal's other end: opening a pty's
 * master anew would make another pty */
static int open_output(void)
{
	char path[32];
	struct stat st, own_st;
	unsigned number;
	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGPTN, &number) == 0 ||
	    fstat(STDOUT_FILENO, &st) < 0)
		return -1;
	cleanup_close int fd =
		open(fs_fd_path(STDOUT_FILENO, path), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &own_st) < 0 || st.st_rdev != own_st.st_rdev)
		return -1;	/* another user's, after su(1): then 1 itself does */
	return take_fd(fd);
}

/* ---- signals ---- */

static void choose_signals(sigset_t *set)
{
	sigfillset(set);
	for (int sig = 1; sig < SIGRTMAX; sig++) {
		struct sigaction action;
		/* while blocked, even an ignored signal would come */
		if (sigaction(sig, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
			sigdelset(set, sig);
	}
	static const int not_ours[] = { SIGCHLD, SIGPIPE, SIGTTIN, SIGTTOU };
	for (size_t i = 0; i < sizeof not_ours / sizeof *not_ours; i++)
		sigdelset(set, not_ours[i]);
}

static void take_signal(struct relay *r)
{
	struct signalfd_siginfo info;
	if (read(r->signal_fd, &info, sizeof info) != sizeof info)
		return;
	int sig = (int) info.ssi_signo;
	if (sig == SIGWINCH || sig == SIGCONT)
		copy_size(r);
	if (sig == SIGWINCH)
		return;
	if (sig == SIGCONT)	/* whoever stopped us used the terminal meanwhile */
		(void) make_raw(r, NULL);
	if (r->ended)
		r->abandon = r->abandon || sig == SIGTERM || sig == SIGINT || sig == SIGHUP || sig == SIGQUIT;
	else
		(void) proc_signal(r->pidfd, sig);
}

/* ---- copying ---- */

/* type_eof - a pty cannot be closed by half; its end-of-file character says it, to a program that reads
 * lines. The first one only ends a line that has begun. */
static void type_eof(struct relay *r)
{
	struct termios t;
	if (tcgetattr(r->master_fd, &t) < 0 || !(t.c_lflag & ICANON) || t.c_cc[VEOF] == _POSIX_VDISABLE)
		return;
	r->in.start = r->in.end = 0;
	if (r->last_in != '\n')
		r->in.data[r->in.end++] = (char) t.c_cc[VEOF];
	r->in.data[r->in.end++] = (char) t.c_cc[VEOF];
}

static void read_input(struct relay *r)
{
	ssize_t n = flow_read(&r->in, r->in_fd);
	if (n > 0)
		r->last_in = r->in.data[n - 1];
	if (n > 0 || n == -EAGAIN)
		return;
	r->in_fd = -1;
	if (n == 0)
		type_eof(r);
}

static void write_output(struct relay *r)
{
	int failed = flow_write(&r->out, r->out_fd);
	if (failed == 0)
		return;
	if (failed != -EPIPE && failed != -EIO)		/* those: nobody looks any more */
		log_warn("write the terminal's output: %s; the rest is dropped", strerror(-failed));
	r->out_fd = -1;
	flow_drop(&r->out);
}

/* read_master - Return: more than 0 when something came, else 0 or -errno */
static ssize_t read_master(struct relay *r)
{
	ssize_t n = flow_read(&r->out, r->master_fd);
	if (r->out_fd < 0)
		flow_drop(&r->out);
	return n;
}

static void serve_master(struct relay *r, short events)
{
	bool gone = events & (POLLHUP | POLLERR);
	if (flow_empty(&r->out) && (gone || (events & POLLIN))) {
		ssize_t n = read_master(r);
		gone = n <= 0 && n != -EAGAIN;
	}
	r->hung = gone;
	if (!flow_empty(&r->in) && (events & POLLOUT) && flow_write(&r->in, r->master_fd) < 0)
		flow_drop(&r->in);	/* typed while nobody listened */
}

enum { SIGNALS, PROCESS, MASTER, INPUT, OUTPUT, N_POLL };

/* watch - what can be served now. A negative fd is not looked at; a master without events must not be, or its
 * POLLHUP would keep us spinning. */
static void watch(const struct relay *r, struct pollfd p[N_POLL])
{
	short events = 0;
	if (flow_empty(&r->out))
		events |= POLLIN;
	if (!flow_empty(&r->in))
		events |= POLLOUT;
	p[SIGNALS] = (struct pollfd) { .fd = r->signal_fd, .events = POLLIN };
	p[PROCESS] = (struct pollfd) { .fd = r->ended ? -1 : r->pidfd, .events = POLLIN };
	p[MASTER] = (struct pollfd) { .fd = events && !r->ended && !r->hung ? r->master_fd : -1,
				     .events = events };
	p[INPUT] = (struct pollfd) { .fd = flow_empty(&r->in) && !r->ended ? r->in_fd : -1,
				     .events = POLLIN };
	p[OUTPUT] = (struct pollfd) { .fd = flow_empty(&r->out) ? -1 : r->out_fd, .events = POLLOUT };
}

/* drain - read on after the process' end. Return: false when that was all */
static bool drain(struct relay *r)
{
	if (r->abandon || r->drained > DRAIN_MAX)
		return false;
	if (!flow_empty(&r->out))
		return true;
	ssize_t n = read_master(r);
	r->drained += n > 0 ? (size_t) n : 0;
	return n > 0;
}

static int copy(struct relay *r, struct error *err)
{
	for (;;) {
		if (r->ended && !drain(r))
			return 0;
		struct pollfd p[N_POLL];
		watch(r, p);
		/* after the end with nothing to write, this is only a look at the signals */
		int timeout = r->ended && flow_empty(&r->out) ? 0 : r->hung && !r->ended ? HUNG_RETRY_MS : -1;
		int n = poll(p, N_POLL, timeout);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set(err, errno, "wait for the container's terminal");
		r->hung = false;
		if (p[PROCESS].revents) /* first: a signal sent after the end is not for the process */
			r->ended = true;
		if (p[SIGNALS].revents)
			take_signal(r);
		if (p[MASTER].revents)
			serve_master(r, p[MASTER].revents);
		if (p[INPUT].revents)
			read_input(r);
		if (p[OUTPUT].revents)
			write_output(r);
	}
}

static int relay(struct relay *r, struct error *err)
{
	int flags = fcntl(r->master_fd, F_GETFL);
	if (flags < 0 || fcntl(r->master_fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return error_set(err, errno, "make the container's terminal non-blocking");
	r->raw = tcgetattr(STDIN_FILENO, &r->was) == 0;
	copy_size(r);
	int failed = make_raw(r, err);
	if (failed < 0)
		return failed;
	failed = copy(r, err);
	restore(r);
	return failed;
}

int console_relay(int master_fd, int pidfd, struct error *err)
{
	sigset_t set, was;
	choose_signals(&set);
	if (sigprocmask(SIG_BLOCK, &set, &was) < 0)
		return error_set(err, errno, "block signals");

	cleanup_close int signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	cleanup_close int own_out_fd = open_output();
	struct relay r = {
		.master_fd = master_fd, .pidfd = pidfd, .signal_fd = signal_fd, .in_fd = STDIN_FILENO,
		.out_fd = own_out_fd >= 0 ? own_out_fd : STDOUT_FILENO, .last_in = '\n',
	};
	int failed = signal_fd < 0 ? error_set(err, errno, "receive signals") : relay(&r, err);
	(void) sigprocmask(SIG_SETMASK, &was, NULL);
	return failed;
}
