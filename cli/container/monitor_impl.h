/* monitor_impl.h - what the parts of the monitor share; monitor.h is what others know of it.
 *
 *	monitor.c		the life: in, running, out; starting again
 *	monitor_loop.c		what it waits for: signals, clients, output, input, times
 *	monitor_runtime.c	executing the runtime; the pipes, the terminal and the process
 *	monitor_network.c	the network while it runs: mending and changing it
 *	monitor_health.c	asking about its health
 *	monitor_home.c		the network namespace of an ordinary user's named networks
 *	monitor_forward.c	the process that carries published ports, where there is one
 */
#pragma once
#include "../network/holder.h"
#include "../network/forward.h"
#include "../network/network.h"
#include "attach_server.h"
#include "bundle.h"
#include "health.h"
#include "log_writer.h"
#include "monitor.h"
#include "netlink.h"
#include "rootfs.h"

/* struct probe - the one question about health that may be under way */
struct probe {
	pid_t pid;			/* of the runtime's exec; -1: none */
	int output_fd;
	struct buf output;
	char started[40];
	int64_t deadline_ms;		/* when it has taken too long */
	bool late;			/* it has */
	int64_t next_ms;		/* when to ask again; 0: never */
	int64_t began_ms;		/* when the container was started */
};

/* What one monitor holds; what is acquired in attach order is released in the reverse order by finish(). */
struct monitor {
	const struct carrier *carrier;
	struct carrier own;		/* what it points to: with the runtime and the cgroup manager of this container */
	struct bundle_environment environment;
	struct container *c;
	bool foreground;		/* somebody waits for its end, and has its output */
	struct attach_server attach;
	struct attached *owner;		/* who started it; NULL when that one is gone */
	int lock_fd, signal_fd;
	int pipes[2];			/* our ends of the container's stdout and stderr */
	int stdin_fd;			/* and of its stdin; -1: it has none, or it has ended */
	int master_fd, console_fd;	/* the terminal, and the socket on which it arrives */
	struct log_writer *log;
	struct network_helper network;
	int netns_fd;			/* that it connects; -1: it has none */
	struct netlink rules;		/* tells when a firewall has changed them: of root's named networks */
	struct holder_member home;	/* of an ordinary user's named networks */
	int64_t home_due_ms, home_delay_ms;	/* when a new holder is tried for again, 0: there is one; and how long that was waited for */
	struct {
		int64_t due_ms;		/* when its helper is to be started again, or should be ready; 0: it runs, or there is none */
		int64_t delay_ms, since_ms;	/* the last delay, and since when it is there again */
		struct error why;	/* what status has of it */
	} mend;
	struct port_reservation ports;	/* the host's, until the helper has them */
	struct {			/* the process that carries published ports */
		struct forwarder process;
		int64_t began_ms, due_ms, delay_ms;	/* due_ms: when it is started again; 0: it runs, or none is needed */
		char lost[256];		/* what status has of it */
	} forward;
	struct pool ports_pool;		/* what status has of them */
	struct rootfs rootfs;
	pid_t init, runtime;
	int init_status;
	bool init_ended, runtime_ended, created, started;
	int runtime_status;
	struct { pid_t pid; int status; } orphans[16];	/* ended before the pid file was read: one of them may be init */
	size_t n_orphans;
	char began[40], ended[40];	/* what status has of times, and of the last failure to start it again */
	struct error why;
	char *oom_place;		/* oom.h; NULL where its memory has no limit */
	int64_t started_ms;
	int64_t kill_ms;		/* when init is killed: --timeout, or a stop of our own that is not heeded; 0: never */
	int64_t delay_ms;		/* of the last start again */
	int64_t shrink_ms;		/* when what is not needed any more is given back; 0: it was */
	bool stop_asked;		/* by a client's signal, TERM, or its health: no policy holds */
	bool restart_asked;		/* by its health: it is started again, without a policy */
	struct probe probe;
};

/* monitor_loop.c */
void loop_begin(struct monitor *m);
/* step - wait for something and deal with it. @until_ms: at most so long (now_ms()); 0: for ever */
void step(struct monitor *m, int64_t until_ms);
/* drain - what the program wrote before it ended is still in the pipes; what its orphans hold open is not waited for */
void drain(struct monitor *m);
/* flush_clients - until all is sent; only the client in the foreground is waited for without a limit */
void flush_clients(struct monitor *m);
void reap(struct monitor *m);

/* monitor_runtime.c */
/* make_process - create and start, where there is a network to be connected before the program runs; else both at once */
int make_process(struct monitor *m, struct error *err);
/* give_back - when the container has ended, before anybody is told: what others may want at once, its ports and its addresses */
void give_back(struct monitor *m);
/* unmake_process - the mirror of make_process(); what takes its time of it can follow the answer */
void unmake_process(struct monitor *m);

/* network_request_of - what its helper is asked for, with the ports of this start */
struct network_request network_request_of(const struct monitor *m);

/* monitor_network.c */
/* lose_network - its helper has ended, and was reaped; the container may do without meanwhile */
void lose_network(struct monitor *m);
/* mend_network - it is time to start it again, or to wait no more for it; network_is_ready - it has said something, or ended */
void mend_network(struct monitor *m);
void network_is_ready(struct monitor *m);
/* watch_rules - from before its named networks are there; of root's */
void watch_rules(struct monitor *m);
/* change_networks - the record has others: they are connected and disconnected now. -EAGAIN: the runtime is making or removing the process */
int change_networks(struct monitor *m, struct error *err);

/* monitor_health.c */
void probe_begin(struct monitor *m);		/* the container was started */
void probe_start(struct monitor *m);		/* ask now, unless one is under way */
void probe_read(struct monitor *m);		/* its output can be read */
void probe_ended(struct monitor *m, int status);
void probe_stop(struct monitor *m);		/* the container has ended */
/* probe_due - when something is to be done; 0: never. probe_time - do it, if it is time */
int64_t probe_due(const struct monitor *m);
void probe_time(struct monitor *m);

/* monitor_home.c */
/* home_join - before its world is made; ->home.user_fd is the user namespace to enter. Nothing for root, and without named networks */
int home_join(struct monitor *m, struct error *err);
void home_lost(struct monitor *m);		/* the holder was killed */
void home_time(struct monitor *m);		/* try for a new one again, if it is time */

/* monitor_forward.c */
int forward_begin(struct monitor *m, struct error *err);	/* the network is there, and the program does not run yet */
void forward_ended(struct monitor *m, int status);
void forward_over(struct monitor *m);		/* the container has ended */
void forward_time(struct monitor *m);		/* start it again, if it is time */

/* monitor.c */
/* leave_terminal - stdin, stdout and stderr of who started us are let go. Not where the container writes to them itself */
void leave_terminal(const struct monitor *m);
/* end_gently - send the stop signal, and KILL when its time is over */
void end_gently(struct monitor *m);
