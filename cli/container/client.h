/* client.h - whoever looks at a container's terminal or pipes, and its monitor: what they say to one another, and the client's side.
 *
 * They are joined by SOCK_SEQPACKET sockets: the one that `run` and `start -a` have from the beginning (a socket pair), and any number that
 * `attach`, `wait` and `healthcheck run` make, by connecting to the socket "attach" in the container's directory. Every packet is an int,
 * what it is, and data. Who connects says CLIENT_HELLO first.
 *
 * Input has a window: a client has at most INPUT_WINDOW bytes under way that the monitor has not told it the container took, so the monitor
 * never has to leave a client's socket unread, and signals and sizes get through however little the container reads.
 *
 * Output: the monitor never waits for a client. What one does not read is kept for it, up to a megabyte. The client in whose foreground the
 * container runs is then waited for before more output is read, as a shell's pipe would have it: nothing of it is lost. Others are waited for
 * a second in all, and then cut off, with a sentence. The client's own stdout and stderr are written by the client, so a terminal that is
 * stopped stops nobody else. When a client dies the container goes on, as docker's does.
 */
#pragma once
#include "record.h"

enum client_message {
	/* client to monitor */
	CLIENT_HELLO = 1,	/* one uint32: enum client_wants */
	CLIENT_INPUT,		/* bytes for the terminal, or stdin */
	CLIENT_INPUT_END,	/* there will be no more */
	CLIENT_RESIZE,		/* two uint16: rows, columns */
	CLIENT_SIGNAL,		/* one int */
	CLIENT_DETACH,		/* it leaves on purpose: the container keeps its stdin */
	CLIENT_CHECK,		/* ask about its health now; MONITOR_HEALTH is the answer */
	CLIENT_NETWORKS,	/* its record has other networks: connect and disconnect; MONITOR_NETWORKS or MONITOR_ERROR is the answer */
	/* monitor to client */
	MONITOR_STARTED = 32,	/* the program runs; one int32: its pid */
	MONITOR_ERROR,		/* one int32, the exit code (125, 126, 127), and a struct error */
	MONITOR_EXIT,		/* one int32: the exit code; the socket ends when everything is cleaned up */
	MONITOR_STDOUT,		/* bytes */
	MONITOR_STDERR,
	MONITOR_TAKEN,		/* one int32: so many bytes of input are the container's now */
	MONITOR_CUT,		/* a sentence: the client was too slow, or there are too many */
	MONITOR_HEALTH,		/* one int32: what the check's program returned, -1: it took too long */
	MONITOR_NETWORKS,	/* it is so now */
};

enum client_wants {
	CLIENT_WANTS_STDIN = 1, CLIENT_WANTS_STDOUT = 2, CLIENT_WANTS_STDERR = 4,
	CLIENT_WANTS_ALL = 7,
	CLIENT_WANTS_END = 8,	/* only its last exit, not those after which it is started again */
};

enum { PACKET_DATA_MAX = 32 * 1024, INPUT_WINDOW = 64 * 1024 };

struct client_options {
	unsigned wants;			/* the streams */
	bool proxy_signals;
	const char *detach_keys;	/* NULL: the default */
	const char *pid_file;		/* where its process' pid is written; or NULL */
	bool joined;			/* it has run before we came: a terminal is to be drawn anew */
};

/* client_attend - the terminal in raw mode where the container has one and ours is one, signals passed on, until the exit
 * The terminal is restored whatever happens, but for KILL.
 * Return: the exit code for our process, 0 when it was detached from; @err filled (and printed by the caller) when it could not be started,
 * or nobody is there any more */
int client_attend(int socket, const struct container *c, const struct client_options *o, struct error *err);
/* client_wait_started - for -d: until the program runs. @pid_file: or NULL
 * Return: 0 or the exit code of docker for the failure */
int client_wait_started(int socket, const char *pid_file, struct error *err);

/* client_connect - to the monitor of a container that runs, and say hello. Caller closes.
 * -ECONNREFUSED or -ENOENT: it has none */
int client_connect(const struct container *c, unsigned wants, struct error *err);
/* client_wait - until @kind arrives on a socket. Return: its value, >= 0; -EPIPE: the monitor ended without a word */
int client_wait(int socket, enum client_message kind, int *ret_value, struct error *err);
/* client_send - one message without or with one int */
int client_send(int socket, enum client_message kind);
