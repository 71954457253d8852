/* monitor.h - one process for each container: parent, reaper, log writer, cleaner.
 *
 * Theory of operation. `carrier run` forks the monitor before anything is mounted. The monitor leaves the session, (rootless)
 * enters a user namespace, makes a private mount namespace, takes the lock, mounts the rootfs, executes the runtime, is the
 * subreaper that init falls to when the runtime has ended, copies output to the log and to the client, and when init ends: records and
 * tells the exit code (a --rm container's name is free by then), and only then, when nobody waits any more, deletes the container
 * from the runtime, ends the network helper, unmounts, and with --rm removes.
 * Because its mounts are in a namespace of its own, nothing of it survives a kill -9: the kernel unmounts.
 *
 * Client and monitor are joined by a SOCK_SEQPACKET pair (client.h): the client sends terminal input, sizes and signals; the
 * monitor sends "started", errors and the exit code. The client's own stdout and stderr are inherited by the monitor and
 * written to directly. If the client dies the container goes on, as docker's does.
 */
#pragma once
#include "record.h"

enum client_message {
	/* client to monitor */
	CLIENT_INPUT = 1,	/* bytes for the terminal */
	CLIENT_RESIZE,		/* two uint16: rows, columns */
	CLIENT_SIGNAL,		/* one int */
	/* monitor to client */
	MONITOR_STARTED,	/* the program runs; one int32: its pid */
	MONITOR_ERROR,		/* struct error; with its exit code (125, 126, 127) in front */
	MONITOR_EXIT,		/* one int: exit code; the socket ends when everything is cleaned up */
};

/* monitor_start - fork the monitor for a container whose record is written. @foreground: stdout and stderr of ours are its clients.
 * Return: the client's end of the socket, or -errno */
int monitor_start(const struct carrier *carrier, struct container *c, bool foreground, struct error *err);

/* monitor_attend - the client's side: terminal in raw mode where one was asked for, signals forwarded, until the exit
 * Return: the exit code for our process; @err filled (and printed by the caller) when the container could not be started */
int monitor_attend(int socket, const struct container *c, struct error *err);
/* monitor_wait_started - for -d: until the program runs. 0 or the exit code of docker for the failure */
int monitor_wait_started(int socket, struct error *err);
