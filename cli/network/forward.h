/* forward.h - published ports of a container in a network namespace that the host's packets do not reach: a process takes what comes at the
 * host's ports, and carries it into the container.
 *
 * The container sees the client's own address and port as the other end. For that the process's sockets in the container's network take the
 * client's address (IP_TRANSPARENT, ip(7)), and carry a mark; nftables remembers that with the connection and marks the answers, and
 * a rule of the routing policy delivers what has their mark to this very namespace, whoever it is addressed to (forward_route()).
 * The client's address is not kept, and the container sees the bridge's own, where it means nothing there: the host's loopback, link-local
 * ones, those of the container's own networks, and those of the other family, when the container has only one.
 *
 * TCP is carried by splice(2), so the bytes are never copied. Either half ends for itself, a reset is passed on, who reads slowly makes
 * the other wait, and what cannot be connected is reset. One connection takes at most six open files; when there are no more, new ones wait
 * in the kernel's queue. Urgent data becomes ordinary data. UDP is carried in sessions: one for each address and port of a client, until
 * nothing has come for a while.
 *
 *	every start	ports_reserve(); the network; forward_start(); the container's start
 *	its end		forward_stop()
 *
 * The process ends with the container, when nothing is on its way any more, and its exit code is 0 then; its parent is who called, and reaps it.
 */
#pragma once
#include "subnet.h"
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* struct forward_port - @fd: a socket that is bound, as ports_reserve() makes them; @port: the container's */
struct forward_port { int fd; uint16_t port; };
struct forward_request {
	const struct forward_port *ports;
	size_t n;
	struct address to[2];		/* the container's IPv4 and IPv6 address; family 0: none */
	const struct subnet *near;	/* those it reaches without a router */
	size_t n_near;
	bool keeps_source;		/* the client's address is to be kept: with forward_route() */
	int ns_fd;			/* the network namespace from which the container is reached; -1: ours */
	pid_t pid;			/* the container's process */
};
struct forwarder { pid_t pid; int open_fd; };	/* @open_fd: at its end when the ports are closed */
#define FORWARDER_NONE { .pid = -1, .open_fd = -1 }

/* forward_start - returns when the ports are open. The caller is root of the user namespace that the network namespace belongs to. */
int forward_start(const struct forward_request *q, struct forwarder *ret, struct error *err);
/* forward_stop - the ports are closed when this returns; what is on its way to clients may still be, for ten seconds */
void forward_stop(struct forwarder *f);
/* forward_route - what the answers need, in the network namespace that we are in; what is there already stays. Its loopback is up */
int forward_route(struct error *err);
