#include "monitor_impl.h"
#include "../network/named.h"
#include "cleanup.h"
#include "fs.h"
#include "log.h"
#include "memory.h"
#include "proc.h"
#include "socket.h"
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum { DRAIN_MAX = 1 << 20, FLUSH_MS = 1000, QUIET_MS = 2000 };

/* ---- children ---- */

/* lose_files - every access to its root would fail from now on: better an end with a reason */
static void lose_files(struct monitor *m)
{
	static const char why[] = "fuse-overlayfs ended, and with it the container's files are gone: the container is killed";
	log_warn("%s", why);
	m->c->status.error = pool_strdup(&m->c->pool, why);
	if (m->init > 0 && !m->init_ended)
		(void) kill(m->init, SIGKILL);
}

static void reap_one(struct monitor *m, pid_t pid, int status)
{
	if (pid == m->init) {
		m->init_ended = true;
		m->init_status = status;
	} else if (pid == m->runtime) {
		m->runtime_ended = true;
		m->runtime_status = status;
	} else if (pid == m->probe.pid) {
		probe_ended(m, status);
	} else if (pid == m->network.pid) {
		network_ended(&m->network, status);
		if (!m->init_ended && !(network_is_awaited(&m->network) && !m->mend.due_ms))	/* at a start who waits for it asks */
			lose_network(m);
	} else if (pid == m->forward.process.pid) {
		forward_ended(m, status);
	} else if (pid == m->rootfs.helper) {
		m->rootfs.helper = -1;
		lose_files(m);
	} else if (m->init < 0) {
		size_t i = m->n_orphans++ % (sizeof m->orphans / sizeof *m->orphans);
		m->orphans[i].pid = pid;
		m->orphans[i].status = status;
	}
}

void reap(struct monitor *m)
{
	struct signalfd_siginfo info[2];	/* of either signal one at most is pending */
	ssize_t n = read(m->signal_fd, info, sizeof info);
	for (size_t i = 0; n > 0 && i < (size_t) n / sizeof *info; i++)
		if (info[i].ssi_signo == SIGTERM) {	/* whoever ends us means the container */
			m->stop_asked = true;
			if (m->init > 0 && !m->init_ended)
				(void) kill(m->init, SIGTERM);
		}
	int status;
	for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
		reap_one(m, pid, status);
}

/* ---- output ---- */

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
	attach_output(&m->attach, stream == OUTPUT_STDERR, data, (size_t) n);
	if (m->log)
		log_writer_write(m->log, stream, data, (size_t) n);
	return true;
}

void drain(struct monitor *m)
{
	int *fds[] = { &m->pipes[0], &m->pipes[1], &m->master_fd };
	for (size_t i = 0; i < 3; i++)
		for (int left = DRAIN_MAX; *fds[i] >= 0 && left > 0; left -= 4096) {
			struct pollfd p = { .fd = *fds[i], .events = POLLIN };
			if (poll(&p, 1, 0) <= 0 || !copy_output(m, fds[i], i == 1 ? OUTPUT_STDERR : OUTPUT_STDOUT))
				break;
		}
	if (m->log)
		log_writer_flush(m->log);
}

/* receive_terminal - the runtime has connected to our console socket */
static void receive_terminal(struct monitor *m)
{
	char name[256];
	cleanup_close int peer = accept4(m->console_fd, NULL, NULL, SOCK_CLOEXEC);
	if (peer < 0 || socket_receive(peer, name, sizeof name, &m->master_fd) < 0 || m->master_fd < 0)
		return;
	close_fd(&m->console_fd);
	/* typed input that nobody reads must not stop us */
	(void) fcntl(m->master_fd, F_SETFL, fcntl(m->master_fd, F_GETFL) | O_NONBLOCK);
}

/* ---- input ---- */

/* next_input - whose input comes next; its end counts as input */
RESTING static struct attached *next_input(const struct monitor *m)
{
	for (size_t i = 0; i < m->attach.n; i++) {
		struct attached *a = m->attach.clients[i];
		if (a->wants & CLIENT_WANTS_STDIN && (a->input.len || a->input_ended))
			return a;
	}
	return NULL;
}

/* input_over - the client has said all: so has the container's stdin, where it is this client's alone. A terminal is told so */
static void input_over(struct monitor *m, struct attached *a)
{
	a->wants &= ~(unsigned) CLIENT_WANTS_STDIN;
	a->input_ended = false;
	if (m->master_fd >= 0)
		(void) !write(m->master_fd, "\004", 1);
	else if (m->c->record.life.stdin_once)
		close_fd(&m->stdin_fd);
}

static void give_input(struct monitor *m)
{
	int fd = m->master_fd >= 0 ? m->master_fd : m->stdin_fd;
	struct attached *a = next_input(m);
	if (!a)
		return;
	if (a->input.len) {
		ssize_t n = write(fd, a->input.data, a->input.len);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0) {	/* nobody reads it: it is taken, and forgotten */
			n = (ssize_t) a->input.len;
			if (m->master_fd < 0)
				close_fd(&m->stdin_fd);
		}
		memmove(a->input.data, a->input.data + n, a->input.len - (size_t) n);
		a->input.len -= (size_t) n;
		attach_tell_int(&m->attach, a, MONITOR_TAKEN, (int32_t) n);
	} else {
		input_over(m, a);
	}
}

/* forget_input - the container has no stdin: what is sent there is as taken, so that nobody waits */
static void forget_input(struct monitor *m)
{
	for (struct attached *a; (a = next_input(m));) {
		int32_t n = (int32_t) a->input.len;
		a->input.len = 0;
		if (a->input_ended)
			a->wants &= ~(unsigned) CLIENT_WANTS_STDIN;
		if (n)
			attach_tell_int(&m->attach, a, MONITOR_TAKEN, n);
	}
}

/* ---- clients ---- */

static void resize(struct monitor *m, const char *data, size_t len)
{
	uint16_t size[2];
	if (m->master_fd < 0 || len != sizeof size)
		return;
	memcpy(size, data, sizeof size);
	(void) ioctl(m->master_fd, TIOCSWINSZ, &(struct winsize) { .ws_row = size[0], .ws_col = size[1] });
}

static bool is_end(const struct monitor *m, int sig)
{
	int own = str_empty(m->c->record.stop_signal) ? SIGTERM : signal_parse(m->c->record.stop_signal);
	return sig == SIGKILL || sig == SIGTERM || sig == SIGINT || sig == SIGQUIT || sig == own;
}

static void pass_signal(struct monitor *m, const char *data, size_t len)
{
	int sig;
	if (len != sizeof sig)
		return;
	memcpy(&sig, data, sizeof sig);
	if (is_end(m, sig))
		m->stop_asked = true;
	if (m->init > 0 && !m->init_ended)
		(void) kill(m->init, sig);
}

/* lose_owner - nothing of the terminal that started us may stay open: it may go */
static void lose_owner(struct monitor *m)
{
	m->owner = NULL;
	if (m->started)
		leave_terminal(m);
}

static void answer_networks(struct monitor *m, struct attached *client)
{
	struct { int32_t code; struct error error; } failure = { .code = EXIT_CARRIER };
	if (change_networks(m, &failure.error) < 0)
		attach_tell(&m->attach, client, MONITOR_ERROR, &failure, sizeof failure);
	else
		attach_tell_int(&m->attach, client, MONITOR_NETWORKS, 0);
}

static void on_message(void *ctx, struct attached *client, int kind, const char *data, size_t len)
{
	struct monitor *m = ctx;
	switch (kind) {
	case 0:		/* the container goes on without it */
		if (client->wants & CLIENT_WANTS_STDIN && client->greeted && m->c->record.life.stdin_once && m->master_fd < 0)
			close_fd(&m->stdin_fd);
		if (client == m->owner)
			lose_owner(m);
		break;
	case CLIENT_HELLO:
		if (m->started)
			attach_tell_int(&m->attach, client, MONITOR_STARTED, (int32_t) m->init);
		break;
	case CLIENT_RESIZE: resize(m, data, len); break;
	case CLIENT_SIGNAL: pass_signal(m, data, len); break;
	case CLIENT_CHECK:
		client->checks = true;
		probe_start(m);
		break;
	case CLIENT_NETWORKS: answer_networks(m, client); break;
	default: break;
	}
}

void loop_begin(struct monitor *m)
{
	m->attach.ctx = m;
	m->attach.on_message = on_message;
}

/* ---- waiting ---- */

RESTING static int wait_ms(const struct monitor *m, int64_t until_ms, int full_ms)
{
	int64_t now = now_ms(), own = sooner_ms(sooner_ms(m->mend.due_ms, m->home_due_ms), sooner_ms(m->forward.due_ms, probe_due(m)));
	int64_t due = sooner_ms(until_ms, sooner_ms(m->kill_ms, sooner_ms(m->shrink_ms, own)));
	int64_t left = due == 0 ? -1 : due > now ? due - now : 0;
	if (full_ms >= 0 && (left < 0 || full_ms < left))
		left = full_ms;
	return left > INT32_MAX ? INT32_MAX : (int) left;
}

/* pass_time - what is due */
RESTING static void pass_time(struct monitor *m)
{
	int64_t now = now_ms();
	if (m->kill_ms && now >= m->kill_ms) {
		m->kill_ms = 0;
		if (m->init > 0 && !m->init_ended)
			(void) kill(m->init, SIGKILL);
	}
	if (m->shrink_ms && now >= m->shrink_ms) {
		m->shrink_ms = 0;
		memory_give_back();
	}
	if (m->mend.due_ms && now >= m->mend.due_ms)
		mend_network(m);
	if (m->home_due_ms && now >= m->home_due_ms)	/* asked here: at rest no page of theirs is read */
		home_time(m);
	if (m->forward.due_ms && now >= m->forward.due_ms)
		forward_time(m);
	probe_time(m);
}

RESTING void step(struct monitor *m, int64_t until_ms)
{
	int full_ms = -1;
	bool full = attach_is_full(&m->attach, &full_ms), reads = m->started && !full;
	int input_fd = m->master_fd >= 0 ? m->master_fd : m->stdin_fd;
	bool types = m->started && next_input(m);
	if (types && input_fd < 0)
		forget_input(m);
	enum { SIGNALS, OUT, ERR, MASTER, CONSOLE, STDIN, PROBE, NETWORK, HOME, RULES, FIXED };
	struct pollfd p[FIXED + ATTACHED_MAX + 1] = {
		[SIGNALS] = { .fd = m->signal_fd, .events = POLLIN },
		[OUT] = { .fd = reads ? m->pipes[0] : -1, .events = POLLIN },
		[ERR] = { .fd = reads ? m->pipes[1] : -1, .events = POLLIN },
		[MASTER] = { .fd = full ? -1 : m->master_fd, .events = POLLIN },
		[CONSOLE] = { .fd = m->console_fd, .events = POLLIN },
		[STDIN] = { .fd = types ? input_fd : -1, .events = POLLOUT },
		[PROBE] = { .fd = m->probe.output_fd, .events = POLLIN },
		[NETWORK] = { .fd = m->mend.due_ms ? m->network.ready_fd : -1, .events = POLLIN },
		[HOME] = { .fd = m->home_due_ms ? -1 : m->home.members_fd },
		[RULES] = { .fd = m->rules.fd, .events = POLLIN },
	};
	size_t n = attach_poll(&m->attach, p + FIXED);
	int found = poll(p, FIXED + n, wait_ms(m, until_ms, full_ms));
	pass_time(m);
	if (found <= 0) {
		if (full)
			attach_step(&m->attach, p + FIXED, n);
		return;
	}
	m->shrink_ms = m->started ? now_ms() + QUIET_MS : 0;
	if (p[NETWORK].revents)	/* before it is reaped: then why it ended is known */
		network_is_ready(m);
	if (p[SIGNALS].revents)
		reap(m);
	if (p[OUT].revents)
		(void) copy_output(m, &m->pipes[0], OUTPUT_STDOUT);
	if (p[ERR].revents)
		(void) copy_output(m, &m->pipes[1], OUTPUT_STDERR);
	if (p[MASTER].revents)
		(void) copy_output(m, &m->master_fd, OUTPUT_STDOUT);
	if (p[CONSOLE].revents)
		receive_terminal(m);
	if (p[STDIN].revents)
		give_input(m);
	if (p[PROBE].revents)
		probe_read(m);
	if (p[HOME].revents & POLLERR)
		home_lost(m);
	if (p[RULES].revents)
		named_heed(m->carrier, m->c, &m->rules);
	attach_step(&m->attach, p + FIXED, n);
}

void flush_clients(struct monitor *m)
{
	int64_t end = now_ms() + FLUSH_MS;
	while (!attach_idle(&m->attach) && (m->owner || now_ms() < end))
		step(m, m->owner ? 0 : end);
}
