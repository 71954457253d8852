/* bridge.h - what the kernel has of a network: its bridge with the gateways' addresses, what the host must forward, and the rules (nft.h).
 *
 * All of it in the network namespace that we are in. It is made when the first container of the network starts, and goes with the last; who
 * calls holds the network's lock.
 */
#pragma once
#include "leases.h"
#include "netlink.h"
#include "networks.h"

/* bridge_make - the bridge, unless it is there. @owner: the carrier's root, which the link's alias names. Return: its index; -EEXIST when
 * another link, or somebody's route, is in its place meanwhile */
int bridge_make(struct netlink *nl, const struct network_record *n, const char *owner, struct error *err);
/* bridge_rules - as these leases want them. @only_missing: their published ports are what they were; if the rules are there, they are right */
int bridge_rules(const struct network_record *n, const struct leases *l, const char *owner, bool only_missing, struct error *err);
/* bridge_remove - the rules and the bridge, as far as they are there */
int bridge_remove(struct netlink *nl, const struct network_record *n, struct error *err);
/* bridge_alias - what links and rules of the network of the carrier with this root say of themselves. Caller frees */
char *bridge_alias(const struct network_record *n, const char *owner);
/* bridge_owner - of a link or a table with that alias: the carrier's root, and at @ret_network the network's name; NULL: it is none of a carrier's.
 * Borrowed from @alias, which is changed */
const char *bridge_owner(char *alias, const char **ret_network);
