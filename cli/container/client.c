#include "cleanup.h"
#include "monitor.h"
#include "socket.h"
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>

/* The terminal as it was; restored at every way out of monitor_attend(). */
struct raw { struct termios was; bool on; };

static void raw_on(struct raw *r)
{
	if (tcgetattr(STDIN_FILENO, &r->was) < 0)
		return;
	struct termios t = r->was;
	cfmakeraw(&t);
	t.c_oflag |= OPOST;	/* our own messages keep their line ends; the container's pty makes its own */
	r->on = tcsetattr(STDIN_FILENO, TCSANOW, &t) == 0;
}

static void raw_off(struct raw *r)
{
	if (r->on)
		(void) tcsetattr(STDIN_FILENO, TCSANOW, &r->was);
	r->on = false;
}

static int send_message(int socket, int kind, const void *data, size_t len)
{
	char packet[4096 + sizeof kind];
	memcpy(packet, &kind, sizeof kind);
	memcpy(packet + sizeof kind, data, len);
	return socket_send(socket, packet, sizeof kind + len, -1);
}

static void send_size(int socket)
{
	struct winsize w;
	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &w) == 0)
		(void) send_message(socket, CLIENT_RESIZE, (uint16_t[]) { w.ws_row, w.ws_col }, 2 * sizeof(uint16_t));
}

/* receive - one message of the monitor. Return: its kind, 0 at the end */
static int receive(int socket, int *ret_value, struct error *err)
{
	struct { int kind, value; struct error error; } m = { 0 };
	ssize_t n = socket_receive(socket, &m, sizeof m, NULL);
	if (n < (ssize_t) (2 * sizeof(int)))
		return 0;
	*ret_value = m.value;
	if (m.kind == MONITOR_ERROR && err) {
		*err = m.error;
		err->text[sizeof err->text - 1] = 0;
	}
	return m.kind;
}

static int lost(struct error *err)
{
	error_say(err, EPIPE, "the container's monitor ended without a word: `carrier ps -a` tells what became of the container");
	return EXIT_CARRIER;
}

int monitor_wait_started(int socket, struct error *err)
{
	int value, kind = receive(socket, &value, err);
	if (kind == MONITOR_STARTED)
		return 0;
	return kind == MONITOR_ERROR ? value : lost(err);
}

/* open_signals - those that people send to us, as docker's --sig-proxy */
static int open_signals(sigset_t *was)
{
	sigset_t set;
	sigfillset(&set);
	static const int ours[] = { SIGCHLD, SIGPIPE, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTTIN, SIGTTOU, SIGTSTP, SIGCONT };
	for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
		sigdelset(&set, ours[i]);
	sigprocmask(SIG_BLOCK, &set, was);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void on_signal(int sfd, int socket)
{
	struct signalfd_siginfo info;
	while (read(sfd, &info, sizeof info) == sizeof info) {
		int sig = (int) info.ssi_signo;
		if (sig == SIGWINCH)
			send_size(socket);
		else
			(void) send_message(socket, CLIENT_SIGNAL, &sig, sizeof sig);
	}
}

/* on_input - false at the end */
static bool on_input(int socket)
{
	char data[4096];
	ssize_t n = read(STDIN_FILENO, data, sizeof data);
	if (n > 0)
		(void) send_message(socket, CLIENT_INPUT, data, (size_t) n);
	else
		(void) send_message(socket, CLIENT_INPUT, "\004", 1);	/* end of file, as a terminal spells it */
	return n > 0;
}

int monitor_attend(int socket, const struct container *c, struct error *err)
{
	struct raw raw = { .on = false };
	sigset_t was;
	cleanup_close int sfd = open_signals(&was);
	bool terminal = c->record.tty && isatty(STDIN_FILENO), input = c->record.tty && c->record.interactive;
	int code = -1;
	if (terminal) {
		raw_on(&raw);
		send_size(socket);
	}
	for (;;) {
		struct pollfd p[3] = { { .fd = socket, .events = POLLIN }, { .fd = sfd, .events = POLLIN },
				       { .fd = input ? STDIN_FILENO : -1, .events = POLLIN } };
		if (poll(p, 3, -1) < 0 && errno != EINTR)
			break;
		if (p[1].revents)
			on_signal(sfd, socket);
		if (p[2].revents)
			input = on_input(socket);
		if (!p[0].revents)
			continue;
		int value = 0, kind = receive(socket, &value, err);
		if (kind == MONITOR_ERROR || kind == MONITOR_EXIT) {
			code = value;
			raw_off(&raw);
		}
		/* as pid 1 we would take the monitor along before it has cleaned up */
		if (kind == 0 || ((kind == MONITOR_EXIT || kind == MONITOR_ERROR) && getpid() != 1))
			break;
	}
	raw_off(&raw);
	sigprocmask(SIG_SETMASK, &was, NULL);
	return code >= 0 ? code : lost(err);
}
