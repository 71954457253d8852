/* network.h - the helper that connects a container's network namespace to the world, where its mode has one (mode.h).
 *
 *	slirp4netns	ready within 4 ms (measured; pasta takes 28 to 60); forwards no IPv6
 *	pasta		carries more, IPv4 and IPv6; a port of the host can be published at one address only
 *
 * With both a service sees its client's own address.
 *
 * `private` is slirp4netns, and with published ports pasta; where the one is not installed, the other. Where the host has no default
 * route, as a computer on a journey, only slirp4netns works. Both give the container the same:
 * tap0 with 10.0.2.100, the gateway 10.0.2.2, names at 10.0.2.3. The host is reached by its own address, what listens on its loopback is not,
 * unless that is asked for (slirp4netns:allow_host_loopback=true, pasta:--map-gw), and then at 10.0.2.2.
 *
 *	before anything is made		network_check()
 *	every start			ports_reserve(); netns_make(); network_start(), and beside it the runtime's create; network_wait();
 *					ports_release(); the runtime's start
 *	its end				network_stop()
 *
 * One that ends is noticed by the monitor, which starts another one in its place (monitor_network.c); before it was waited for it says so by
 * network_ended().
 * The helper ends with us, also when we are killed: slirp4netns when its exit fd is closed, pasta by a signal of the kernel's. It holds
 * neither the namespace's owner nor its files.
 */
#pragma once
#include "mode.h"
#include <sys/types.h>

/* struct network_request - what a container asks of its helper; all borrowed */
struct network_request {
	const char *mode;		/* a record's word; NULL: private */
	const struct port_mapping *ports;	/* at the start those of ports_reserve() */
	size_t n_ports;
	int dir_fd;			/* of the container: slirp4netns has a socket there */
};

struct network_program;
struct network_helper {
	const struct network_program *program;
	const char *name;
	pid_t pid;			/* -1: none */
	int status;			/* how it ended, where somebody else has reaped it */
	int pidfd, exit_fd, ready_fd, output_fd;
};
#define NETWORK_HELPER_NONE { .pid = -1, .pidfd = -1, .exit_fd = -1, .ready_fd = -1, .output_fd = -1 }

/* network_check - a helper is installed, its options are understood, it can do what is asked, /dev/net/tun can be opened: sentences with
 * the package or the chmod/modprobe that helps. */
int network_check(const struct network_request *q, struct error *err);
/* network_helper_name - "pasta" or "slirp4netns", as network_start() will choose; NULL: neither is installed, or the mode has none */
const char *network_helper_name(const struct network_request *q);
/* network_is_four_only - its helper will publish no port for IPv6 */
bool network_is_four_only(const struct network_request *q);
/* network_start - for the network namespace that @netns_fd is; returns at once; nothing for modes without helper. The caller is root of the user
 * namespace that this belongs to, or of the host. */
int network_start(const struct network_request *q, int netns_fd, struct network_helper *ret, struct error *err);
/* network_is_awaited - it was started, and network_wait() has not yet returned; network_ended - it has ended meanwhile, and was reaped: network_wait()
 * will say why */
bool network_is_awaited(const struct network_helper *h);
void network_ended(struct network_helper *h, int status);
/* network_wait - until tap0 is up and the ports are open (10 s at most); after a failure network_stop() is due */
int network_wait(const struct network_request *q, struct network_helper *h, struct error *err);
/* network_stop - ends the helper and reaps it */
void network_stop(struct network_helper *h);

/* network_dns - where the mode's helper answers names, an address; network_gateway - where the host's loopback is, NULL unless it was asked for.
 * @out has room for 16. */
const char *network_dns(const char *mode, char out[16]);
const char *network_gateway(const char *mode, char out[16]);
