#include "monitor_impl.h"
#include "../network/named.h"
#include "../network/netns.h"
#include "cleanup.h"
#include "fs.h"
#include "log.h"
#include "namespaces.h"
#include "port_holder.h"
#include "proc.h"
#include "runtime.h"
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

enum { DELETE_TRIES = 3 };
static const char runtime_log[] = "runtime.log";

/* runtime_error - the last sentence in its log is why it failed */
static int runtime_error(struct monitor *m, struct error *err)
{
	cleanup_free char *text = NULL;
	if (fs_read_file(m->c->dir_fd, runtime_log, 1 << 20, &text, NULL, NULL) < 0)
		text = xstrdup("");
	cleanup_free char *message = runtime_message(text);
	(void) error_say(err, EIO, "%s", message ? message : "the runtime failed and left no message in its log");
	return limits_name_option(err);
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
	runtime_arguments(m->carrier, path, &args);
	strings_add(&args, "--log");
	strings_add(&args, log);
	strings_add(&args, "--log-format=json");
	strings_add(&args, command);
	bool makes = stdio != NULL;
	if (makes) {
		if (strcmp(command, "create") != 0)
			strings_add(&args, "--detach");
		for (char *const *word = m->c->restore; word && *word; word++)
			strings_add(&args, *word);
		strings_add(&args, "--bundle");
		strings_add(&args, m->c->dir);
		strings_add(&args, "--pid-file");
		strings_printf(&args, "%s/pid", m->c->dir);
		if (m->environment.sockets.n && !m->c->restore)
			strings_printf(&args, "--preserve-fds=%d", m->environment.sockets.n);
		if (m->c->record.tty) {
			strings_add(&args, "--console-socket");
			strings_printf(&args, "%s/console.sock", m->c->dir);
		}
	}
	if (strcmp(command, "delete") == 0)
		strings_add(&args, "--force");
	strings_add(&args, m->c->record.id);

	int sockets = makes && !m->c->restore ? m->environment.sockets.n : 0;
	cleanup_free struct proc_fd *fds = xcalloc(3 + (size_t) sockets, sizeof *fds);
	for (int fd = 0; fd < 3 + sockets; fd++)
		fds[fd] = fd >= 3 ? (struct proc_fd) { fd, fd } : makes ? stdio[fd] : (struct proc_fd) { -1, fd };
	/* whoever finds that we were killed has nothing to wait for: what is half made is deleted then */
	const struct proc_spawn spawn = { .path = path, .argv = args.v, .fds = fds, .n_fds = 3 + (size_t) sockets,
					  .death_signal = makes ? SIGKILL : 0 };
	m->runtime_ended = false;
	m->runtime = proc_spawn(&spawn, NULL, err);
	if (m->runtime < 0)
		return m->runtime;
	/* who attaches at once must find it; made here, while the runtime does its work */
	if (makes && m->attach.listen_fd < 0 && attach_listen(&m->attach, m->c, err) < 0)
		log_warn("nobody can attach to the container: %s", err->text);
	while (!m->runtime_ended)
		step(m, 0);
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

/* struct ends - of the container, as proc_spawn() gives them to the runtime; ours are in the monitor */
struct ends { int in, out, err; };

static void close_ends(struct ends *e)
{
	close_fd(&e->in);
	close_fd(&e->out);
	close_fd(&e->err);
}

static int make_pipes(struct monitor *m, struct ends *e, struct error *err)
{
	int in[2], out[2], error[2];
	if (pipe2(out, O_CLOEXEC) < 0)
		return error_set(err, errno, "create a pipe");
	m->pipes[0] = out[0];
	e->out = out[1];
	if (pipe2(error, O_CLOEXEC) < 0)
		return error_set(err, errno, "create a pipe");
	m->pipes[1] = error[0];
	e->err = error[1];
	if (!m->c->record.interactive)
		return 0;
	if (pipe2(in, O_CLOEXEC) < 0)
		return error_set(err, errno, "create a pipe");
	e->in = in[0];
	m->stdin_fd = in[1];
	(void) fcntl(m->stdin_fd, F_SETFL, O_NONBLOCK);	/* of the writing end alone: each has its own */
	return 0;
}

/* make_stdio - what the container's 0, 1 and 2 are */
static int make_stdio(struct monitor *m, struct ends *e, struct proc_fd stdio[3], struct error *err)
{
	const struct record *rec = &m->c->record;
	int r = 0;
	if (log_driver_of(&rec->life.log) == LOG_PASSTHROUGH) {
		stdio[0] = (struct proc_fd) { rec->interactive ? STDIN_FILENO : -1, 0 };
		stdio[1] = (struct proc_fd) { STDOUT_FILENO, 1 };
		stdio[2] = (struct proc_fd) { STDERR_FILENO, 2 };
		return 0;
	}
	if (!rec->tty)
		r = make_pipes(m, e, err);
	stdio[0] = (struct proc_fd) { e->in, 0 };
	stdio[1] = (struct proc_fd) { e->out, 1 };
	stdio[2] = (struct proc_fd) { e->err, 2 };
	return r;
}

/* ---- the network ---- */

struct network_request network_request_of(const struct monitor *m)
{
	const struct status *s = &m->c->status;
	return (struct network_request) { .mode = m->c->record.network, .ports = s->ports, .n_ports = s->n_ports, .dir_fd = m->c->dir_fd };
}

static void forget_ports(struct monitor *m)
{
	ports_release(&m->ports);
	m->c->status.ports = NULL;
	m->c->status.n_ports = 0;
	pool_done(&m->ports_pool);
}

/* take_ports - before anything is made */
static int take_ports(struct monitor *m, struct error *err)
{
	const struct record_networking *n = &m->c->record.networking;
	struct port_mappings wanted cleanup_ports = { 0 }, actual cleanup_ports = { 0 };
	m->c->status.network_lost = NULL;
	if (!n->n_ports)
		return 0;
	forget_ports(m);
	struct network_request q = { .mode = m->c->record.network, .ports = n->ports, .n_ports = n->n_ports };
	bool only_four = network_is_four_only(&q);
	for (size_t i = 0; i < n->n_ports; i++) {
		struct port_mapping one = n->ports[i];
		if (!one.host_ip && only_four)
			one.host_ip = (char *) "0.0.0.0";
		ports_add(&wanted, &one);
	}
	m->ports.all = m->carrier->rootless && m->c->record.networking.n_networks;	/* a process of ours listens at each */
	int r = ports_reserve(wanted.v, wanted.n, &m->ports_pool, &actual, &m->ports, err);
	if (r == -EADDRINUSE)
		return port_holder_name(m->carrier, &m->c->record, err);
	if (r < 0)
		return r;
	m->c->status.ports = pool_alloc(&m->ports_pool, actual.n * sizeof *actual.v);
	memcpy(m->c->status.ports, actual.v, actual.n * sizeof *actual.v);
	m->c->status.n_ports = actual.n;
	return 0;
}

/* begin_network - its namespace, and the helper, which connects it while the runtime does its work */
static int begin_network(struct monitor *m, struct error *err)
{
	struct network_request q = network_request_of(m);
	if (!namespaces_network_first(&m->c->record))
		return 0;
	m->netns_fd = netns_make(true, err);
	if (m->netns_fd < 0)
		return m->netns_fd;
	cleanup_free char *path = xasprintf("/proc/%d/fd/%d", (int) getpid(), m->netns_fd);
	(void) unlinkat(m->c->dir_fd, NAMESPACE_NETWORK, 0);	/* of a monitor that was killed */
	if (symlinkat(path, m->c->dir_fd, NAMESPACE_NETWORK) < 0)
		return error_set(err, errno, "make the link '%s/" NAMESPACE_NETWORK "'", m->c->dir);
	return network_start(&q, m->netns_fd, &m->network, err);
}

static void end_network(struct monitor *m)
{
	network_stop(&m->network);
	if (m->netns_fd >= 0)
		(void) unlinkat(m->c->dir_fd, NAMESPACE_NETWORK, 0);
	close_fd(&m->netns_fd);
}

static int wait_network(struct monitor *m, struct error *err)
{
	struct network_request q = network_request_of(m);
	int r = 0;
	if (m->netns_fd < 0 && network_is_helped(q.mode)) {	/* the runtime has made it */
		r = m->netns_fd = netns_of(m->init, err);
		r = r < 0 ? r : network_start(&q, m->netns_fd, &m->network, err);
	}
	r = r < 0 ? r : network_wait(&q, &m->network, err);
	if (network_is_helped(q.mode))	/* the helper has them now */
		ports_release(&m->ports);
	return r;
}

/* connect_named - the reservation of ports stays: the kernel forwards without a socket, and our process with it */
static int connect_named(struct monitor *m, struct error *err)
{
	watch_rules(m);
	int r = holder_wait(&m->home, err);
	r = r < 0 ? r : named_connect(m->carrier, m->c, &m->home, m->init, err);
	return r < 0 ? r : forward_begin(m, err);
}

int make_process(struct monitor *m, struct error *err)
{
	struct ends e = { -1, -1, -1 };
	struct proc_fd stdio[3];
	const struct record *rec = &m->c->record;
	bool helper = network_is_helped(rec->network) || rec->networking.n_networks;
	m->init = -1;
	m->init_ended = false;
	m->n_orphans = 0;
	memset(m->orphans, 0, sizeof m->orphans);
	int r = take_ports(m, err);
	if (r == 0)
		r = make_stdio(m, &e, stdio, err);
	if (r == 0)
		r = listen_console(m, err);
	if (r == 0)
		r = begin_network(m, err);
	if (r == 0 && m->c->restore && m->netns_fd >= 0)	/* it does not wait for our `start`, and has connections */
		r = wait_network(m, err);
	if (r == 0)
		r = run_runtime(m, m->c->restore ? "restore" : helper ? "create" : "run", stdio, err);
	close_ends(&e);
	if (r == 0) {
		m->created = true;
		r = read_pid(m, err);
	}
	if (r == 0 && helper) {
		r = rec->networking.n_networks ? connect_named(m, err) : wait_network(m, err);
		if (r == 0 && !m->c->restore)
			r = run_runtime(m, "start", NULL, err);
	}
	m->c->restore = NULL;	/* when its policy starts it again, from the beginning */
	return r;
}

void give_back(struct monitor *m)
{
	if (m->c->status.n_ports)	/* without, the helper has nothing that anybody could miss */
		network_stop(&m->network);
	forward_over(m);
	ports_release(&m->ports);
	named_release(m->carrier, m->c);
}

void unmake_process(struct monitor *m)
{
	/* one that was killed while it made the container has not cleaned up either; nor one that was killed while it cleaned up */
	bool due = m->created || WIFSIGNALED(m->runtime_status);
	for (int tries = 0; due && tries < DELETE_TRIES; tries++) {
		struct error err = { 0 };
		int r = run_runtime(m, "delete", NULL, &err);
		due = r < 0 && WIFSIGNALED(m->runtime_status);
		if (r < 0)
			log_warn("%s", err.text);
	}
	m->created = false;
	end_network(m);
	forward_over(m);
	m->mend.due_ms = m->mend.delay_ms = m->mend.since_ms = 0;
	if (m->c->record.networking.n_networks)
		named_disconnect(m->carrier, m->c, &m->home);
	netlink_close(&m->rules);
	forget_ports(m);
	close_fd(&m->pipes[0]);
	close_fd(&m->pipes[1]);
	close_fd(&m->stdin_fd);
	close_fd(&m->master_fd);
	close_fd(&m->console_fd);
}
