/* named.h - a container's links to its named networks.
 *
 *	before anything is made		named_possible()
 *	every start			of an ordinary user's holder_join() first (holder.h); the runtime's create; named_connect(); the runtime's start
 *	while it runs			named_change(), when networks were connected or disconnected
 *	its end				named_release(), so that others may have its addresses; named_disconnect(), also after a start that failed
 *
 * For each network, in the order of --network: an address (leases.h), the bridge with its rules if there is none yet (bridge.h), and a veth
 * pair, one end at the bridge, the other in the container as eth0, eth1 ... with the address and, of the first network that is not
 * internal, the default route. Published ports lead to the first network that is not internal; it is the reservation of ports.h, kept as
 * long as the container runs, that nobody else opens them meanwhile.
 *
 * MAC addresses are made of the IP addresses: whoever is given an address that another had before is found where neighbours remember it.
 */
#pragma once
#include "../container/record.h"
#include "holder.h"
#include "netlink.h"

/* named_possible - the networks are there, have the addresses that were asked for, and what connects an ordinary user's can run.
 * Nothing for containers without. -ENOENT: of a network alone */
int named_possible(const struct carrier *c, const struct record *r, struct error *err);
/* named_needs_world - is one of its networks not internal? */
int named_needs_world(const struct carrier *c, const struct record *r, struct error *err);
/* named_suits - is there the network, and has it these addresses? @ret_internal: nothing from outside reaches it */
int named_suits(const struct carrier *c, const struct network_attachment *a, bool *ret_internal, struct error *err);
/* named_connect - for the network namespace of @pid, in that of @home; the ports are status.ports. On failure nothing is left */
int named_connect(const struct carrier *c, const struct container *container, const struct holder_member *home, pid_t pid, struct error *err);
/* named_change - the record's networks were others until now (@old): what is not among them any more is left, what is new is connected, and
 * the default route and the ports go to the network that has them by order now. What cannot be connected leaves nothing
 * Return: 1 when that is another one than before, or none */
int named_change(const struct carrier *c, const struct container *container, const struct holder_member *home,
		 const struct record_networking *old, pid_t pid, struct error *err);
/* named_watch - on @ret the kernel tells when rules of nftables change, to be polled while the container runs; named_heed - it has told something:
 * where a firewall has flushed the rules of the container's networks they are made again. Of root's; failures are warned of */
void named_watch(struct netlink *ret);
void named_heed(const struct carrier *c, const struct container *container, struct netlink *watch);
/* named_rename - the container has another name now; what is not connected has nothing to change. Failures are warned of */
void named_rename(const struct carrier *c, const struct container *container);
/* named_stale - bridges, links, tables of rules and leases of this carrier's that no container needs, as words of a sentence; adds to @ret.
 * @remove: they are removed.
 * For doctor. Of an ordinary user's in N, if it is there */
int named_stale(const struct carrier *c, bool remove, struct strings *ret, struct error *err);
/* named_release - its addresses are nobody's any more; the links go later. Failures are named_disconnect()'s, which tries again */
void named_release(const struct carrier *c, const struct container *container);
/* named_disconnect - what is not there is removed already; failures are warned of */
void named_disconnect(const struct carrier *c, const struct container *container, const struct holder_member *home);
