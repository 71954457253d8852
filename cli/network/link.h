/* link.h - links, addresses and routes. rtnetlink(7), netlink.h
 *
 * Each call is one request. Links are named by index; names are looked up once (link_find()). What is asked for and is there already is
 * no failure, but where a function says so.
 */
#pragma once
#include "netlink.h"
#include "subnet.h"
#include <net/if.h>

/* link_find - the index of @name; -ENODEV without a sentence */
int link_find(struct netlink *nl, const char *name, struct error *err);
/* link_remove - by name; what is not there is removed already */
int link_remove(struct netlink *nl, const char *name, struct error *err);
/* link_bridge - make a bridge, which is down yet; @alias: whose it is, for link_each(); @mtu 0: the kernel's; @group: its link group
 * Return: 1 it was made, 0 it was there */
int link_bridge(struct netlink *nl, const char *name, const char *alias, const unsigned char mac[6], uint32_t mtu, uint32_t group,
		struct error *err);
int link_up(struct netlink *nl, int index, struct error *err);

/* struct link_pair - a veth pair: one end here, up, at a bridge; the other one in another namespace */
struct link_pair {
	const char *name;		/* of ours */
	const char *alias;		/* whose it is, for link_each() */
	int master;			/* the bridge's index */
	uint32_t mtu;
	int ns_fd;			/* where the other end is made */
	const char *peer;		/* its name there */
	unsigned char mac[6];		/* its address */
};
/* link_veth - -EEXIST: there is a link of one of these names */
int link_veth(struct netlink *nl, const struct link_pair *pair, struct error *err);

/* link_reflect - the bridge may send out of this port of its own what came in there: with br_netfilter, a container's connection to its own
 * published port */
int link_reflect(struct netlink *nl, const char *name, struct error *err);

/* link_address - @a becomes an address of the link, without the wait for duplicates that IPv6 has: they are ours to give */
int link_address(struct netlink *nl, int index, const struct address *a, unsigned prefix, struct error *err);
/* link_default - the default route of @gateway's family goes there */
int link_default(struct netlink *nl, int index, const struct address *gateway, struct error *err);

/* link_rule - packets of @family with this mark are routed by that table */
int link_rule(struct netlink *nl, int family, uint32_t mark, uint32_t table, struct error *err);
/* link_all_local - for who is routed by @table, every address of @family is one of ours. The loopback link is up */
int link_all_local(struct netlink *nl, int family, uint32_t table, struct error *err);

/* link_routes - the destinations of the main table but the default ones: with the name of their link. @each returns 0, or a negative errno
 * that ends it */
int link_routes(struct netlink *nl, int (*each)(void *ctx, const struct subnet *to, const char *link, struct error *err), void *ctx,
		struct error *err);
/* link_each - all links: their names, and the aliases of those that have one ("" otherwise) */
int link_each(struct netlink *nl, int (*each)(void *ctx, const char *name, const char *alias, struct error *err), void *ctx,
	      struct error *err);
