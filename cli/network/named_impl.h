/* named_impl.h - what making a container's links (named.c), changing them while it runs (named_change.c) and finding what a crash left of them
 * (named_stale.c) share. */
#pragma once
#include "leases.h"
#include "named.h"
#include "netlink.h"
#include "networks.h"

/* struct place - one of its networks: the definition, who is there, and the lock that keeps it so */
struct place { struct network network; int dir_fd, lock_fd; struct leases leases; };
#define PLACE_NONE { .dir_fd = -1, .lock_fd = -1 }
/* named_place_open - waits for the lock, which is held until named_place_done() */
int named_place_open(const struct carrier *c, const char *name, struct place *p, struct error *err);
void named_place_done(struct place *p);

/* struct wiring - what all networks of one container need */
struct wiring {
	const struct carrier *carrier;
	const struct container *container;
	pid_t pid;
	int ns_fd;			/* of the container */
	pid_t keeper;			/* the process that answers its names */
	uint64_t keeper_start;
	struct netlink outside, inside;
	bool routed;			/* it has its default route, and its ports */
};
#define WIRING_OF(c, of, process) { .carrier = c, .container = of, .pid = process, .ns_fd = -1, .outside = NETLINK_INIT, .inside = NETLINK_INIT }
/* wiring_open - what is needed to begin; Return: ->ns_fd, or the failure. wiring_links - and in the network namespace where the bridges are */
int wiring_open(struct wiring *w, struct error *err);
int wiring_links(struct wiring *w, struct error *err);
void wiring_done(struct wiring *w);
/* wiring_connect - one more; wiring_disconnect - one less, by its number and name, with or without process */
int wiring_connect(struct wiring *w, const struct network_attachment *a, unsigned interface, struct error *err);
int wiring_disconnect(const struct carrier *c, const struct container *container, const char *name, unsigned interface, struct error *err);
/* wiring_route - the default route, and the ports, go by way of network @name from now on, where it is connected */
int wiring_route(struct wiring *w, const char *name, struct error *err);
