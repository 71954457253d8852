#include "bridge.h"
#include "cleanup.h"
#include "fs.h"
#include "link.h"
#include "log.h"
#include "nft.h"
#include "str.h"
#include <dirent.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

enum { ALIAS_MAX = 250 };	/* a link takes 255, the comment of a table 254 */
static const char alias_word[] = "carrier network ";

/* ---- what the host must do ---- */

static int set_sysctl(const char *path, const char *value, struct error *err)
{
	if (fs_says(path, value))
		return 0;
	return fs_write_file(AT_FDCWD, path, value, err);
}

/* keep_autoconf - links that take their addresses from a router would not do so any more when the host forwards, unless they are told to */
static void keep_autoconf(void)
{
	static const char place[] = "/proc/sys/net/ipv6/conf";
	cleanup_dir DIR *dir = opendir(place);
	for (struct dirent *e; dir && (e = readdir(dir));) {
		cleanup_free char *path = xasprintf("%s/%s/accept_ra", place, e->d_name);
		if (e->d_name[0] != '.' && strcmp(e->d_name, "all") != 0 && strcmp(e->d_name, "default") != 0 && fs_says(path, "1"))
			(void) fs_write_file(AT_FDCWD, path, "2", NULL);
	}
}

static int forward(const struct network_record *n, struct error *err)
{
	int r = 0;
	for (size_t i = 0; r == 0 && !n->internal && i < n->n_subnets; i++) {
		if (!strchr(n->subnets[i].subnet, ':')) {
			r = set_sysctl("/proc/sys/net/ipv4/ip_forward", "1", err);
		} else if (!fs_says("/proc/sys/net/ipv6/conf/all/forwarding", "1")) {
			keep_autoconf();
			r = set_sysctl("/proc/sys/net/ipv6/conf/all/forwarding", "1", err);
		}
	}
	return r < 0 ? error_hint(err, "containers of network '%s' cannot reach the world without it; with --internal they need not", n->name) : 0;
}

/* ---- the bridge ---- */

static int refuse_route(void *ctx, const struct subnet *to, const char *link, struct error *err)
{
	const struct network_record *n = ctx;
	for (size_t i = 0; i < n->n_subnets; i++) {
		struct subnet s;
		struct address gateway;
		network_subnet_of(&n->subnets[i], &s, &gateway);
		if (subnet_overlaps(&s, to) && !str_eq(link, n->bridge))
			return error_say(err, EEXIST, "network '%s' cannot be used: a route by the link '%s' leads to addresses of its subnet %s now; "
					 "remove the network and make it with another --subnet", n->name, link, n->subnets[i].subnet);
	}
	return 0;
}

static int set_addresses(struct netlink *nl, int index, const struct network_record *n, struct error *err)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < n->n_subnets; i++) {
		struct subnet s;
		struct address gateway;
		network_subnet_of(&n->subnets[i], &s, &gateway);
		if (gateway.family == AF_INET6 && access("/proc/sys/net/ipv6", F_OK) < 0)
			return error_say(err, EAFNOSUPPORT, "network '%s' has IPv6 addresses, and this kernel has no IPv6: boot without ipv6.disable=1, "
					 "or make the network without --ipv6", n->name);
		r = link_address(nl, index, &gateway, s.prefix, err);
	}
	return r;
}

/* trust_addresses - nobody else can have its link-local address. As long as that is not proven it asks for no neighbour, and the first second of
 * what is forwarded by IPv6 would be lost */
static void trust_addresses(const char *bridge)
{
	cleanup_free char *path = xasprintf("/proc/sys/net/ipv6/conf/%s/accept_dad", bridge);
	(void) fs_write_file(AT_FDCWD, path, "0", NULL);	/* no IPv6: no such file */
}

static int make_new(struct netlink *nl, const struct network_record *n, const char *owner, struct error *err)
{
	cleanup_free char *alias = bridge_alias(n, owner);
	struct subnet s;
	struct address gateway;
	unsigned char mac[6];
	int r = link_routes(nl, refuse_route, (void *) (uintptr_t) n, err);
	if (r < 0)
		return r;
	network_subnet_of(&n->subnets[0], &s, &gateway);
	address_mac(&gateway, mac);
	r = link_bridge(nl, n->bridge, alias, mac, (uint32_t) n->mtu, n->open ? NFT_OPEN_GROUP : 0, err);
	int index = r < 0 ? r : link_find(nl, n->bridge, err);
	if (index < 0)
		return index;
	trust_addresses(n->bridge);
	r = set_addresses(nl, index, n, err);
	r = r < 0 ? r : link_up(nl, index, err);
	r = r < 0 ? r : forward(n, err);
	if (r < 0)
		(void) link_remove(nl, n->bridge, NULL);
	return r < 0 ? r : index;
}

int bridge_make(struct netlink *nl, const struct network_record *n, const char *owner, struct error *err)
{
	int index = link_find(nl, n->bridge, err);
	return index == -ENODEV ? make_new(nl, n, owner, err) : index;
}

int bridge_remove(struct netlink *nl, const struct network_record *n, struct error *err)
{
	int r = nft_remove(n->id, err);
	return r < 0 ? r : link_remove(nl, n->bridge, err);
}

char *bridge_alias(const struct network_record *n, const char *owner)
{
	char *alias = xasprintf("%s%s %s", alias_word, n->name, owner);
	if (strlen(alias) > ALIAS_MAX)
		alias[ALIAS_MAX] = 0;
	return alias;
}

const char *bridge_owner(char *alias, const char **ret_network)
{
	size_t len = strlen(alias_word);
	char *blank = strncmp(alias, alias_word, len) == 0 ? strchr(alias + len, ' ') : NULL;
	if (!blank)
		return NULL;
	*blank = 0;
	*ret_network = alias + len;
	return blank + 1;
}

/* ---- the rules ---- */

struct ports { struct nft_port *v; size_t n; };

static void add_port(struct ports *ports, const struct lease_port *p, const char *to)
{
	struct nft_port one = { .protocol = str_eq(p->protocol, "udp") ? IPPROTO_UDP : IPPROTO_TCP, .host_port = p->host_port, .port = p->port };
	static const char zeros[16];
	if (!to || address_parse(to, &one.to) < 0)
		return;
	if (p->host_ip && (address_parse(p->host_ip, &one.host) < 0 || one.host.family != one.to.family))
		return;
	if (one.host.family && memcmp(one.host.bytes, zeros, address_size(&one.host)) == 0)
		one.host.family = 0;	/* 0.0.0.0 and :: are all of their family */
	ports->v = xreallocarray(ports->v, ports->n + 1, sizeof *ports->v);
	ports->v[ports->n++] = one;
}

int bridge_rules(const struct network_record *n, const struct leases *l, const char *owner, bool only_missing, struct error *err)
{
	cleanup_free char *alias = bridge_alias(n, owner);
	struct subnet subnets[2];
	struct address gateway;
	struct ports ports = { 0 };
	struct nft_network rules = { .id = n->id, .comment = alias, .bridge = n->bridge, .subnets = subnets, .internal = n->internal, .open = n->open };
	for (size_t i = 0; i < n->n_subnets && i < 2; i++)
		network_subnet_of(&n->subnets[i], &subnets[rules.n_subnets++], &gateway);
	for (size_t i = 0; i < l->n; i++)
		for (size_t k = 0; !l->list[i].keeper && k < l->list[i].n_ports; k++) {	/* an ordinary user's are carried (published.h) */
			add_port(&ports, &l->list[i].ports[k], l->list[i].ip);
			add_port(&ports, &l->list[i].ports[k], l->list[i].ip6);
		}
	rules.ports = ports.v;
	rules.n_ports = ports.n;
	int r = nft_apply(&rules, only_missing, err);
	free(ports.v);
	if (r == 0 && rules.n_ports) {	/* for connections of the host's own from 127.0.0.1; the guard keeps it from containers */
		cleanup_free char *path = xasprintf("/proc/sys/net/ipv4/conf/%s/route_localnet", n->bridge);
		if (set_sysctl(path, "1", NULL) < 0)
			log_info("published ports of network '%s' cannot be reached at 127.0.0.1: '%s' cannot be written", n->name, path);
	}
	return r;
}
