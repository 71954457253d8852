/* networks.h - the definitions of named networks.
 *
 *	ROOT/networks/NAME/network.json	what it is (struct network_record); never changes
 *	                   leases.json	which container has which of its addresses now (leases.h)
 *	                   lock		held by who changes that, and the bridge and the rules that belong to it
 *
 * A network is a bridge; the kernel has it only while a container of it runs (named.h makes and removes it), so a definition costs
 * nothing, and nothing is left of it after a reboot. Names and the making of them: volume/named.h.
 */
#pragma once
#include "../volume/named.h"
#include "json.h"
#include "subnet.h"

struct network_subnet { char *subnet, *gateway, *range; };	/* range: of the addresses that are given away; NULL: all */
extern const struct json_type network_subnet_type;
struct network_record {
	char *name, *id, *created;
	char *bridge;			/* the link's name */
	struct network_subnet *subnets;
	size_t n_subnets;
	bool internal;			/* nothing is forwarded in or out */
	bool open;			/* other open networks may reach it, and it them */
	bool no_names;			/* --disable-dns */
	int64_t mtu;			/* 0: the kernel's */
	struct json_map labels, options;
};
struct network { struct pool pool; struct network_record record; };
void network_done(struct network *n);
#define cleanup_network __attribute__((cleanup(network_done)))

/* network_check_name - can a network have this name? Words that --network has a meaning for are no names. */
int network_check_name(const char *name, struct error *err);

/* struct network_wanted - what `network create` was asked for */
struct network_wanted {
	const char *name, *bridge;	/* NULL: one is made */
	const struct strings *subnets, *gateways, *ranges;
	bool ipv6, internal, no_names;
	struct json_map labels, options;
};
/* network_make - -EEXIST: the name is taken; -EINVAL: words that cannot be, or subnets that overlap with those of other networks
 * or of the host's links */
int network_make(const struct carrier *c, const struct network_wanted *wanted, struct network *ret, struct error *err);

/* network_find - by name, id or unique beginning of an id; -ENOENT with a sentence */
int network_find(const struct carrier *c, const char *name, struct network *ret, struct error *err);
/* network_list - all, by name; caller frees with network_list_free() */
int network_list(const struct carrier *c, struct network **ret, size_t *n, struct error *err);
void network_list_free(struct network *list, size_t n);
/* network_open - its directory. Return: the fd; -ENOENT with a sentence */
int network_open(const struct carrier *c, const char *name, struct error *err);
/* network_subnet_of - the numbers of one of them, which were checked when it was made */
void network_subnet_of(const struct network_subnet *s, struct subnet *subnet, struct address *gateway);
/* network_subnet_find - the one of @family, and its numbers; NULL */
const struct network_subnet *network_subnet_find(const struct network_record *n, int family, struct subnet *s);

/* network_hold - as long as the fd that is returned is open, no network is removed: for who is about to write down that it uses one */
int network_hold(const struct carrier *c, struct error *err);
/* network_used - the names of all that any container has, running or not; adds to @ret */
int network_used(const struct carrier *c, struct strings *ret, struct error *err);
/* network_remove - -ENOENT; -EBUSY naming the containers that have it */
int network_remove(const struct carrier *c, const char *name, struct error *err);
