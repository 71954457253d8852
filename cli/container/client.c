#include "client.h"
#include "../carrier.h"
#include "cleanup.h"
#include "detach_keys.h"
#include "fs.h"
#include "log.h"
#include "socket.h"
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>

enum { WRITE_AT_ONCE = 4096, REDRAW_US = 20000 };

struct packet { int kind; char data[PACKET_DATA_MAX]; };

/* The terminal as it was; restored at every way out of client_attend(). */
struct raw { struct termios was; bool on; };

struct client {
	int socket, signal_fd;
	const struct client_options *o;
	struct raw raw;
	struct detach_keys keys;
	bool tty;			/* the container has a terminal, and so have we */
	bool input;			/* our stdin is its */
	size_t under_way;		/* of input */
	struct packet packet;		/* received; of output what is not written yet is at data + done */
	size_t len, done;
	int out_fd;			/* where that goes; -1: there is none */
	bool closed[3];			/* nobody reads our stdout, stderr */
	int code;			/* exit code; -1: not yet */
	bool detached;
};

/* ---- the terminal ---- */

static void raw_on(struct raw *r)
{
	if (tcgetattr(STDIN_FILENO, &r->was) < 0)
		return;
	struct termios t = r->was;
	cfmakeraw(&t);	/* also its output: a program that wants a line feed alone (vim's cursor goes down by one) must get that */
	r->on = tcsetattr(STDIN_FILENO, TCSANOW, &t) == 0;
}

static void raw_off(struct raw *r)
{
	if (r->on)
		(void) tcsetattr(STDIN_FILENO, TCSANOW, &r->was);
	r->on = false;
}

/* ---- messages ---- */

static int send_message(int socket, int kind, const void *data, size_t len)
{
	char packet[4096 + 64 + sizeof kind];
	memcpy(packet, &kind, sizeof kind);
	if (len)
		memcpy(packet + sizeof kind, data, len);
	return socket_send(socket, packet, sizeof kind + len, -1);
}

int client_send(int socket, enum client_message kind)
{
	return send_message(socket, (int) kind, NULL, 0);
}

static void send_size(int socket, int fewer)
{
	struct winsize w;
	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &w) < 0)
		return;
	uint16_t rows = w.ws_row > fewer ? (uint16_t) (w.ws_row - fewer) : w.ws_row;
	(void) send_message(socket, CLIENT_RESIZE, (uint16_t[]) { rows, w.ws_col }, 2 * sizeof(uint16_t));
}

static int value_of(const struct packet *p)
{
	int32_t value;
	memcpy(&value, p->data, sizeof value);
	return value;
}

static int receive(int socket, struct packet *p, size_t *ret_len)
{
	ssize_t n = socket_receive(socket, p, sizeof *p, NULL) - (ssize_t) sizeof p->kind;
	*ret_len = n < 0 ? 0 : (size_t) n;
	return n < 0 ? 0 : p->kind;
}

static void take_error(const struct packet *p, size_t len, struct error *err)
{
	if (!err || len < sizeof(int32_t) + sizeof *err)
		return;
	memcpy(err, p->data + sizeof(int32_t), sizeof *err);
	err->text[sizeof err->text - 1] = 0;
}

static int lost(struct error *err)
{
	error_say(err, EPIPE, "the container's monitor ended without a word: `carrier ps -a` tells what became of the container");
	return EXIT_CARRIER;
}

int client_wait(int socket, enum client_message kind, int *ret_value, struct error *err)
{
	struct packet p;
	size_t len;
	for (int got; (got = receive(socket, &p, &len)) != 0;) {
		if (got == (int) kind) {
			*ret_value = len >= sizeof(int32_t) ? value_of(&p) : 0;
			return 0;
		}
		if (got == MONITOR_CUT)
			return error_say(err, EBUSY, "%.*s", (int) len, p.data);
		if (got == MONITOR_ERROR) {
			take_error(&p, len, err);
			*ret_value = value_of(&p);
			return -EIO;
		}
	}
	(void) lost(err);
	return -EPIPE;
}

/* write_pid - the container runs all the same when it fails */
static void write_pid(const char *path, int pid)
{
	char text[16];
	int n = snprintf(text, sizeof text, "%d", pid);
	struct error err = { 0 };
	if (path && fs_replace_file(AT_FDCWD, path, text, (size_t) n, 0644, false, &err) < 0)
		log_warn("--pidfile: %s", err.text);
}

int client_wait_started(int socket, const char *pid_file, struct error *err)
{
	int value = EXIT_CARRIER, r = client_wait(socket, MONITOR_STARTED, &value, err);
	if (r == 0)
		write_pid(pid_file, value);
	return r == 0 ? 0 : r == -EIO ? value : EXIT_CARRIER;
}

int client_connect(const struct container *c, unsigned wants, struct error *err)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	cleanup_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_set(err, errno, "make a socket");
	snprintf(at.sun_path, sizeof at.sun_path, "/proc/self/fd/%d/attach", c->dir_fd);
	if (connect(fd, (struct sockaddr *) &at, sizeof at) < 0)
		return error_set(err, errno, "talk to the monitor of container %s", c->record.name);
	uint32_t word = wants;
	int r = send_message(fd, CLIENT_HELLO, &word, sizeof word);
	return r < 0 ? error_set(err, -r, "talk to the monitor of container %s", c->record.name) : take_fd(fd);
}

/* ---- signals and input ---- */

/* open_signals - those that people send to us: as docker's --sig-proxy they are the container's, or end us in good order */
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

static bool ends_us(int sig)
{
	return sig == SIGINT || sig == SIGTERM || sig == SIGHUP || sig == SIGQUIT;
}

static void on_signal(struct client *c)
{
	struct signalfd_siginfo info;
	while (read(c->signal_fd, &info, sizeof info) == sizeof info) {
		int sig = (int) info.ssi_signo;
		if (sig == SIGWINCH) {
			if (c->tty)
				send_size(c->socket, 0);
		} else if (c->o->proxy_signals) {
			(void) send_message(c->socket, CLIENT_SIGNAL, &sig, sizeof sig);
		} else if (ends_us(sig)) {
			(void) client_send(c->socket, CLIENT_DETACH);
			c->code = 128 + sig;
			c->detached = true;
		}
	}
}

static void on_input(struct client *c)
{
	char data[4096], kept[sizeof data + DETACH_KEYS_MAX];
	size_t len;
	ssize_t n = read(STDIN_FILENO, data, sizeof data);
	if (n <= 0) {
		(void) client_send(c->socket, CLIENT_INPUT_END);
		c->input = false;
		return;
	}
	if (!c->tty) {
		c->under_way += (size_t) n;
		(void) send_message(c->socket, CLIENT_INPUT, data, (size_t) n);
		return;
	}
	bool leave = detach_keys_pass(&c->keys, data, (size_t) n, kept, &len);
	for (size_t at = 0; at < len; at += sizeof data) {
		size_t part = len - at < sizeof data ? len - at : sizeof data;
		c->under_way += part;
		(void) send_message(c->socket, CLIENT_INPUT, kept + at, part);
	}
	if (leave) {
		(void) client_send(c->socket, CLIENT_DETACH);
		c->code = 0;
		c->detached = true;
	}
}

/* ---- output ---- */

/* write_some - as much as cannot block: signals and input go on while a pager or a stopped terminal makes us wait */
static void write_some(struct client *c)
{
	size_t left = c->len - c->done;
	ssize_t n = write(c->out_fd, c->packet.data + c->done, left < WRITE_AT_ONCE ? left : WRITE_AT_ONCE);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n < 0)
		c->closed[c->out_fd] = true;	/* nobody reads it any more; the container goes on */
	c->done = n < 0 ? c->len : c->done + (size_t) n;
	if (c->done == c->len)
		c->out_fd = -1;
}

static void begin_output(struct client *c, int fd)
{
	c->done = 0;
	c->out_fd = c->closed[fd] || !c->len ? -1 : fd;
}

/* on_message - false at the end */
static bool on_message(struct client *c, struct error *err)
{
	int kind = receive(c->socket, &c->packet, &c->len);
	switch (kind) {
	case 0: return false;
	case MONITOR_STARTED: write_pid(c->o->pid_file, value_of(&c->packet)); break;
	case MONITOR_STDOUT: begin_output(c, STDOUT_FILENO); break;
	case MONITOR_STDERR: begin_output(c, STDERR_FILENO); break;
	case MONITOR_TAKEN:
		c->under_way -= (size_t) value_of(&c->packet) < c->under_way ? (size_t) value_of(&c->packet) : c->under_way;
		break;
	case MONITOR_CUT:
		error_say(err, EPIPE, "%.*s", (int) c->len, c->packet.data);
		c->code = EXIT_CARRIER;
		return false;
	case MONITOR_ERROR:
		take_error(&c->packet, c->len, err);
		__attribute__((fallthrough));
	case MONITOR_EXIT:
		c->code = value_of(&c->packet);
		raw_off(&c->raw);
		/* as pid 1 we would take the monitor along before it has cleaned up */
		return getpid() == 1;
	default: break;
	}
	return true;
}

static void attend(struct client *c, struct error *err)
{
	while (!c->detached) {
		bool more = c->input && c->under_way < INPUT_WINDOW;
		struct pollfd p[] = {
			{ .fd = c->out_fd < 0 ? c->socket : -1, .events = POLLIN }, { .fd = c->signal_fd, .events = POLLIN },
			{ .fd = more ? STDIN_FILENO : -1, .events = POLLIN }, { .fd = c->out_fd, .events = POLLOUT },
		};
		if (poll(p, sizeof p / sizeof *p, -1) < 0 && errno != EINTR)
			break;
		if (p[1].revents)
			on_signal(c);
		if (p[2].revents && !c->detached)
			on_input(c);
		if (p[3].revents)
			write_some(c);
		if (p[0].revents && !on_message(c, err))
			break;
	}
}

/* redraw - a program draws anew when its terminal's size changes */
static void redraw(int socket)
{
	send_size(socket, 1);
	(void) usleep(REDRAW_US);
	send_size(socket, 0);
}

int client_attend(int socket, const struct container *container, const struct client_options *o, struct error *err)
{
	struct client c = { .socket = socket, .o = o, .out_fd = -1, .code = -1 };
	sigset_t was;
	int r = detach_keys_parse(o->detach_keys, &c.keys, err);
	if (r < 0)
		return EXIT_CARRIER;
	c.input = container->record.interactive && (o->wants & CLIENT_WANTS_STDIN);
	c.tty = container->record.tty && isatty(STDIN_FILENO);
	c.signal_fd = open_signals(&was);
	if (c.tty) {
		raw_on(&c.raw);
		if (o->joined)
			redraw(socket);
		else
			send_size(socket, 0);
	}
	attend(&c, err);
	raw_off(&c.raw);
	close_fd(&c.signal_fd);
	sigprocmask(SIG_SETMASK, &was, NULL);
	return c.code >= 0 ? c.code : lost(err);
}
