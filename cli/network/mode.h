/* mode.h - --network, -p and what goes with them: the words, and what a container's record keeps of them.
 *
 *	none			a namespace with loopback only
 *	host			the host's
 *	private			a namespace behind a user-mode network: the helper that fits (network.h)
 *	pasta[:OPTION,...]	the same by pasta(1), with options of its own
 *	slirp4netns[:OPTION,...]	the same by slirp4netns(1)
 *	container:NAME		that of another container
 *	ns:PATH			one that somebody else has made
 *	NAME[:ip=..,ip6=..,mac=..,alias=..]	a network that has a name; as many as there are
 *
 * The record has the mode as one word, and of named networks the list; the first one's name is the word then.
 */
#pragma once
#include "command.h"
#include "json.h"
#include "ports.h"

enum network_kind { NETWORK_NONE, NETWORK_HOST, NETWORK_PRIVATE, NETWORK_PASTA, NETWORK_SLIRP4NETNS, NETWORK_CONTAINER, NETWORK_NS, NETWORK_NAMED };

/* network_kind - of a record's word; NULL is private */
enum network_kind network_kind(const char *mode);
/* network_is_word - has the word a meaning of its own for --network, so that no network can be called so? */
bool network_is_word(const char *word);
/* network_argument - what is behind the colon ("ID" of "container:ID"), or NULL; borrowed */
const char *network_argument(const char *mode);
/* network_is_own - has the container a network namespace for itself? */
bool network_is_own(const char *mode);
/* network_is_helped - is it connected by a helper, pasta or slirp4netns? */
bool network_is_helped(const char *mode);
/* network_option - the value of NAME=VALUE among comma-separated words, or NULL. Caller frees. */
char *network_option(const char *words, const char *name);

/* struct network_attachment - of a named network; NULL: as the network has it */
struct network_attachment {
	char *name, *ip, *ip6, *mac;
	char **aliases;
	int64_t interface;		/* 1 is eth0; 0: as its place in the list says. What was connected later has the first that was free */
};
struct record_networking {
	struct network_attachment *networks;	/* named ones, in the order in which they were given */
	size_t n_networks;
	struct port_mapping *ports;		/* of -p and -P; host_port 0 and host_end are chosen at each start */
	size_t n_ports;
	char **exposed;				/* "80/tcp": the image's, --expose's and the published ones */
};
extern const struct json_type record_networking_type;
enum { NETWORKS_MAX = 16 };			/* of one container */
/* network_interface - the @i-th network's: 0 is eth0 */
static inline unsigned network_interface(const struct record_networking *n, size_t i)
{
	return (unsigned) (n->networks[i].interface ? n->networks[i].interface - 1 : (int64_t) i);
}

struct network_options {
	struct strings modes, publish, expose, aliases;
	bool publish_all, elevated;
	char *ip, *ip6, *mac;
};
enum { NETWORK_OPTION_ROWS_N = 9 };
#define NETWORK_OPTION_ROWS(T, m) \
	OPTION(T, m.modes, 0, "network|net", "none|host|private|pasta|slirp4netns|container:NAME|ns:PATH|NAME", \
	       "no network, the host's, one behind it (by the helper that fits, or by this one[:OPTION,...]), another's, or NAME[:ip=,ip6=,mac=,alias=] of a " \
	       "network, again for more"), \
	OPTION(T, m.elevated, 0, "elevated", NULL, "the same as --network host"), \
	OPTION(T, m.publish, 'p', "publish", "[[IP:][HOST]:]PORT[/udp]", \
	       "make a port, or a range, of the container one of the host's; without HOST any that is free; again for more"), \
	OPTION(T, m.publish_all, 'P', "publish-all", NULL, "publish all exposed ports at free ones of the host"), \
	OPTION(T, m.expose, 0, "expose", "PORT[/udp]", "say that the container has a service at this port, or range; again for more"), \
	OPTION(T, m.aliases, 0, "network-alias|net-alias", "NAME", "another name that it has in its named networks; again for more"), \
	OPTION(T, m.ip, 0, "ip", "ADDRESS", "its IPv4 address in its named network"), \
	OPTION(T, m.ip6, 0, "ip6", "ADDRESS", "its IPv6 address in its named network"), \
	OPTION(T, m.mac, 0, "mac-address", "ADDRESS", "its hardware address in its named network")

/* network_has - is the network among them? */
bool network_has(const struct record_networking *n, const char *name);
/* network_attach - one more network, @name, with @o's addresses and aliases, whose options are called as `network connect` calls them; with
 * the first interface that is free. The list is a new one: @n's old one stays as it is. -EEXIST: it is in the list */
int network_attach(struct record_networking *n, const char *name, const struct network_options *o, struct pool *pool, struct error *err);
/* network_detach - one less; -ENOENT without a sentence: it was not in the list */
int network_detach(struct record_networking *n, const char *name, struct pool *pool);

/* network_to_record - @exposed: the image's EXPOSE, or NULL
 * @mode: NULL when nothing was said: the caller chooses. What cannot be together is said; container:NAME is not looked up yet. */
int network_to_record(const struct network_options *o, char *const *exposed, struct pool *pool, char **mode, struct record_networking *ret,
		      struct error *err);
