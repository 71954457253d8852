/* nft.h - the rules of one network, by nfnetlink (linux/netfilter/nf_tables.h), without any program or library.
 *
 * Each network has a table of its own, `inet carrier_` and 12 digits of its id, that is made anew, as a whole and in one transaction,
 * whenever its published ports change, or the table is not there: at a container's start, and as soon as the kernel tells that a firewall has
 * flushed it (nft_watch()). Rules of others are never touched. Connections live on meanwhile: their translations are the kernel's, not the
 * table's.
 *
 *	guard		what containers send to 127.0.0.0/8 is dropped: the bridge routes that (route_localnet) for the host's own sake
 *	prerouting	published ports, from outside and from containers
 *	output		the same for the host itself
 *	postrouting	masquerade: what leaves the network; and what comes back into it by a published port, from it or from the host's 127.0.0.1
 *	forward		in: answers, and published ports; nothing else, unless both networks are open. internal: nothing at all
 */
#pragma once
#include "netlink.h"
#include "subnet.h"
#include <stddef.h>

struct nft_port {
	int protocol;			/* IPPROTO_TCP, IPPROTO_UDP */
	struct address host;		/* the one it is published at; of family 0: all that the host has of the family of ->to */
	uint16_t host_port, port;
	struct address to;		/* the container's */
};
struct nft_network {
	const char *id, *bridge;
	const char *comment;		/* of the table: whose it is, for nft_each(); at most 254 bytes */
	const struct subnet *subnets;
	size_t n_subnets;
	bool internal, open;
	const struct nft_port *ports;
	size_t n_ports;
};
enum { NFT_OPEN_GROUP = 0x6361 };	/* the link group of bridges of open networks */

/* nft_apply - of the network namespace that we are in. @only_missing: a table that is there is as it has to be */
int nft_apply(const struct nft_network *n, bool only_missing, struct error *err);
/* nft_remove - what is not there is removed already */
int nft_remove(const char *id, struct error *err);
/* nft_each - the tables of networks that there are, of whatever carrier: 12 digits of the network's id, and the comment, "" when it has none.
 * @each returns 0, or a negative errno that ends it. A kernel without nftables has none */
int nft_each(int (*each)(void *ctx, const char *id, const char *comment, struct error *err), void *ctx, struct error *err);

/* nft_watch - a socket to be polled, on which the kernel tells when rules change; nft_lost - what it has told so far: has the table of a network
 * gone, of whichever, that is not there again? Return: 1, also when more was told than could be kept; 0 */
int nft_watch(struct netlink *ret, struct error *err);
int nft_lost(struct netlink *watch, struct error *err);

/* nft_exchange_port - what this network namespace sends to @port of its own address @at, by UDP or TCP, arrives at its port @real, and the answers
 * seem to come from @port: the table `inet carrier_names`, unless it is there. Ports are exchanged in the packets; no connection is tracked for it */
int nft_exchange_port(const struct address *at, uint16_t port, uint16_t real, struct error *err);
/* nft_answers - what comes back to a connection that began here with @mark has the mark @answer: the table `inet carrier_answers`, unless it is
 * there */
int nft_answers(uint32_t mark, uint32_t answer, struct error *err);
