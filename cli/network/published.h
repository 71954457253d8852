/* published.h - the ports of a container on named networks that no rule of the kernel's can lead to it: carried by a process (forward.h).
 *
 *	an ordinary user's	all of them: the networks are in a namespace that no packet of the host's reaches (holder.h)
 *	root's			those that are published at ::1, alone or among all addresses: what nftables does for 127.0.0.1 cannot be
 *				done for it, whose packets leave by no link
 *
 *	every start	ports_reserve() with ->all; named_connect(); published_start(); the runtime's start
 *	its end		forward_stop(); named_disconnect(); ports_release()
 */
#pragma once
#include "../container/record.h"
#include "forward.h"
#include "ports.h"

/* published_start - for the ports of @container's status, which @held holds, into the network that its leases say
 * @ns_fd: the namespace of an ordinary user's networks; -1: ours, root's. @pid: the container's process
 * Return: 0, @ret is FORWARDER_NONE when there is nothing to carry */
int published_start(const struct carrier *c, const struct container *container, int ns_fd, pid_t pid, const struct port_reservation *held,
		    struct forwarder *ret, struct error *err);
