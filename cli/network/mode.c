#include "mode.h"
#include "../container/lists.h"
#include "cleanup.h"
#include "log.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define T struct network_attachment
static const struct json_type attachment_type = JSON_TYPE(T, JSON_FIELD(T, name, "name"), JSON_FIELD(T, ip, "ip"), JSON_FIELD(T, ip6, "ip6"),
	JSON_FIELD(T, mac, "mac"), JSON_FIELD(T, aliases, "aliases"), JSON_FIELD(T, interface, "interface"));
#undef T
#define T struct record_networking
const struct json_type record_networking_type = JSON_TYPE(T, JSON_LIST(T, networks, "networks", attachment_type),
	JSON_LIST(T, ports, "ports", port_mapping_type), JSON_FIELD(T, exposed, "exposed"));
#undef T

static const char *const words[] = { "none", "host", "private", "pasta", "slirp4netns", "container", "ns", NULL };
static const enum network_kind kinds[] = { NETWORK_NONE, NETWORK_HOST, NETWORK_PRIVATE, NETWORK_PASTA, NETWORK_SLIRP4NETNS, NETWORK_CONTAINER,
	NETWORK_NS };

enum network_kind network_kind(const char *mode)
{
	size_t len = mode ? strcspn(mode, ":") : 0;
	if (!mode)
		return NETWORK_PRIVATE;
	for (size_t i = 0; words[i]; i++)
		if (strlen(words[i]) == len && strncmp(words[i], mode, len) == 0)
			return kinds[i];
	return NETWORK_NAMED;
}

/* usual_name - what docker and podman call the default */
static const char *usual_name(const char *mode)
{
	static const char *const other[] = { "bridge", "default", NULL };
	return strings_have((char *const *) other, mode) ? "private" : mode;
}

bool network_is_word(const char *word) { return strings_have((char *const *) words, usual_name(word)); }

const char *network_argument(const char *mode)
{
	const char *colon = mode ? strchr(mode, ':') : NULL;
	return colon ? colon + 1 : NULL;
}

bool network_is_own(const char *mode)
{
	enum network_kind kind = network_kind(mode);
	return kind != NETWORK_HOST && kind != NETWORK_CONTAINER && kind != NETWORK_NS;
}

bool network_is_helped(const char *mode)
{
	enum network_kind kind = network_kind(mode);
	return kind == NETWORK_PRIVATE || kind == NETWORK_PASTA || kind == NETWORK_SLIRP4NETNS;
}

char *network_option(const char *list, const char *name)
{
	struct strings parts cleanup_strings = { 0 };
	if (!list)
		return NULL;
	strings_split(&parts, list, ",");
	for (size_t i = parts.n; i-- > 0;) {	/* the last one counts */
		const char *rest = str_after(parts.v[i], name);
		if (rest && *rest == '=')
			return xstrdup(rest + 1);
	}
	return NULL;
}

/* ---- named networks ---- */

static bool is_name(const char *s)
{
	bool good = isalnum((unsigned char) *s);
	for (; good && *s; s++)
		good = isalnum((unsigned char) *s) || strchr("_.-", *s);
	return good;
}

static int set_address(const char *option, int family, const char *value, char **member, struct pool *pool, struct error *err)
{
	unsigned char bytes[sizeof(struct in6_addr)];
	char text[INET6_ADDRSTRLEN];
	if (*member)
		return error_say(err, EINVAL, "%s '%s': it has the address %s already", option, value, *member);
	if (inet_pton(family, value, bytes) != 1)
		return error_say(err, EINVAL, "%s '%s': not an IPv%c address", option, value, family == AF_INET ? '4' : '6');
	*member = pool_strdup(pool, inet_ntop(family, bytes, text, sizeof text));
	return 0;
}

/* set_mac - six pairs of hex digits; of one machine, not of a group */
static int set_mac(const char *option, const char *value, char **member, struct pool *pool, struct error *err)
{
	unsigned b[6];
	int len = 0;
	char sep = value[0] && value[1] ? value[2] : 0;
	bool good = (sep == ':' || sep == '-') && strlen(value) == 17 && strspn(value, "0123456789abcdefABCDEF:-") == 17;
	good = good && sscanf(value, "%2x%*[:-]%2x%*[:-]%2x%*[:-]%2x%*[:-]%2x%*[:-]%2x%n", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5], &len) == 6;
	if (!good || len != 17)
		return error_say(err, EINVAL, "%s '%s': not a hardware address such as 92:d0:c6:0a:29:33", option, value);
	if (b[0] & 1)
		return error_say(err, EINVAL, "%s '%s': this is the address of a group; the second digit must be even", option, value);
	*member = pool_printf(pool, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
	return 0;
}

static int add_alias(const char *option, const char *name, struct strings *to, struct error *err)
{
	if (strlen(name) > 63 || !is_name(name))
		return error_say(err, EINVAL, "%s '%s': not a host name; up to 63 letters, digits, '-', '_' and '.'", option, name);
	if (!strings_have(to->v, name))
		strings_add(to, name);
	return 0;
}

static char **copy(const struct strings *list, struct pool *pool) { return list->n ? list_copy(pool, list->v, NULL) : NULL; }

/* one_word - "ip=10.1.2.3" of NAME:ip=10.1.2.3 */
static int one_word(const char *mode, const char *word, struct network_attachment *a, struct strings *aliases, struct pool *pool, struct error *err)
{
	cleanup_free char *option = xasprintf("--network %s:", a->name);
	const char *value;
	if ((value = str_after(word, "ip=")))
		return strchr(value, ':') ? set_address(option, AF_INET6, value, &a->ip6, pool, err) : set_address(option, AF_INET, value, &a->ip, pool, err);
	if ((value = str_after(word, "ip6=")))
		return set_address(option, AF_INET6, value, &a->ip6, pool, err);
	if ((value = str_after(word, "mac=")))
		return set_mac(option, value, &a->mac, pool, err);
	if ((value = str_after(word, "alias=")))
		return add_alias(option, value, aliases, err);
	return error_say(err, EINVAL, "--network '%s': of a network there are ip=, ip6=, mac= and alias=, not '%s'", mode, word);
}

static int parse_named(const char *mode, const struct network_options *o, bool alone, struct pool *pool, struct network_attachment *ret, struct error *err)
{
	struct strings parts cleanup_strings = { 0 }, aliases cleanup_strings = { 0 };
	ret->name = pool_strndup(pool, mode, strcspn(mode, ":"));
	if (!is_name(ret->name))
		return error_say(err, EINVAL, "--network '%s': '%s' is not a name; letters, digits, '_', '.' and '-', the first a letter or digit", mode,
				 ret->name);
	if (network_argument(mode))
		strings_split(&parts, network_argument(mode), ",");
	int r = 0;
	for (size_t i = 0; r == 0 && i < parts.n; i++)
		r = one_word(mode, parts.v[i], ret, &aliases, pool, err);
	for (size_t i = 0; r == 0 && i < o->aliases.n; i++)
		r = add_alias("--network-alias", o->aliases.v[i], &aliases, err);
	if (r == 0 && !alone && (o->ip || o->ip6 || o->mac))
		r = error_say(err, EINVAL, "%s with several networks: say it with the one that is meant, such as --network %s:%s%s",
			      o->ip ? "--ip" : o->ip6 ? "--ip6" : "--mac-address", ret->name, o->ip ? "ip=" : o->ip6 ? "ip6=" : "mac=",
			      o->ip ? o->ip : o->ip6 ? o->ip6 : o->mac);
	if (r == 0 && o->ip)
		r = set_address("--ip", AF_INET, o->ip, &ret->ip, pool, err);
	if (r == 0 && o->ip6)
		r = set_address("--ip6", AF_INET6, o->ip6, &ret->ip6, pool, err);
	if (r == 0 && o->mac)
		r = set_mac("--mac-address", o->mac, &ret->mac, pool, err);
	ret->aliases = copy(&aliases, pool);
	return r;
}

/* ---- more, and less, of them ---- */

bool network_has(const struct record_networking *n, const char *name)
{
	for (size_t i = 0; i < n->n_networks; i++)
		if (str_eq(n->networks[i].name, name))
			return true;
	return false;
}

static unsigned free_interface(const struct record_networking *n)
{
	bool taken[NETWORKS_MAX + 1] = { false };
	unsigned first = 0;
	for (size_t i = 0; i < n->n_networks; i++)
		taken[network_interface(n, i) % NETWORKS_MAX] = true;
	while (taken[first])
		first++;
	return first;
}

/* fixed - a copy of the list, with room for one more, in which each says which interface it has */
static struct network_attachment *fixed(const struct record_networking *n, struct pool *pool)
{
	struct network_attachment *list = pool_alloc(pool, (n->n_networks + 1) * sizeof *list);
	for (size_t i = 0; i < n->n_networks; i++) {
		list[i] = n->networks[i];
		list[i].interface = network_interface(n, i) + 1;
	}
	return list;
}

int network_attach(struct record_networking *n, const char *name, const struct network_options *o, struct pool *pool, struct error *err)
{
	struct strings aliases cleanup_strings = { 0 };
	struct network_attachment a = { .name = pool_strdup(pool, name) };
	int r = 0;
	if (network_has(n, name))
		return error_say(err, EEXIST, "it is connected to network '%s' already", name);
	if (n->n_networks >= NETWORKS_MAX)
		return error_say(err, ENOSPC, "it is connected to %d networks already, and can have no more", NETWORKS_MAX);
	for (size_t i = 0; r == 0 && i < o->aliases.n; i++)
		r = add_alias("--alias", o->aliases.v[i], &aliases, err);
	r = r == 0 && o->ip ? set_address("--ip", AF_INET, o->ip, &a.ip, pool, err) : r;
	r = r == 0 && o->ip6 ? set_address("--ip6", AF_INET6, o->ip6, &a.ip6, pool, err) : r;
	r = r == 0 && o->mac ? set_mac("--mac-address", o->mac, &a.mac, pool, err) : r;
	if (r < 0)
		return r;
	a.aliases = copy(&aliases, pool);
	a.interface = free_interface(n) + 1;
	n->networks = fixed(n, pool);
	n->networks[n->n_networks++] = a;
	return 0;
}

int network_detach(struct record_networking *n, const char *name, struct pool *pool)
{
	if (!network_has(n, name))
		return -ENOENT;
	struct network_attachment *list = fixed(n, pool);
	size_t count = 0;
	for (size_t i = 0; i < n->n_networks; i++)
		if (strcmp(list[i].name, name) != 0)
			list[count++] = list[i];
	n->networks = list;
	n->n_networks = count;
	return 0;
}

/* ---- the mode ---- */

static int check_word(const char *mode, enum network_kind kind, struct error *err)
{
	const char *argument = network_argument(mode);
	if (!*mode || *mode == ':')
		return error_say(err, EINVAL, "--network '%s': give none, host, private, pasta, slirp4netns, container:NAME, ns:PATH or the name of a "
				 "network", mode);
	if (kind == NETWORK_CONTAINER && str_empty(argument))
		return error_say(err, EINVAL, "--network '%s': give container:NAME", mode);
	if (kind == NETWORK_NS && (!argument || *argument != '/'))
		return error_say(err, EINVAL, "--network '%s': give ns: and an absolute path, such as ns:/run/netns/blue", mode);
	if (kind <= NETWORK_PRIVATE && argument)
		return error_say(err, EINVAL, "--network '%s': %.*s has no options", mode, (int) strcspn(mode, ":"), mode);
	return 0;
}

/* modes_to_record - one mode, or any number of named networks */
static int modes_to_record(const struct network_options *o, struct pool *pool, char **mode, struct record_networking *ret, struct error *err)
{
	size_t n = o->modes.n;
	ret->networks = n ? pool_alloc(pool, n * sizeof *ret->networks) : NULL;
	for (size_t i = 0; i < n; i++) {
		const char *word = usual_name(o->modes.v[i]);
		enum network_kind kind = network_kind(word);
		int r = check_word(word, kind, err);
		if (r == 0 && kind == NETWORK_NAMED)
			r = parse_named(word, o, n == 1, pool, &ret->networks[ret->n_networks++], err);
		else if (r == 0 && n > 1)
			r = error_say(err, EINVAL, "--network %s cannot be together with another network; only networks that have a name can", word);
		if (r < 0)
			return r;
		if (i == 0)
			*mode = pool_strdup(pool, kind == NETWORK_NAMED ? ret->networks[0].name : word);
		for (size_t k = 0; k + 1 < ret->n_networks; k++)
			if (strcmp(ret->networks[k].name, ret->networks[ret->n_networks - 1].name) == 0)
				return error_say(err, EINVAL, "--network %s: given twice", ret->networks[k].name);
	}
	if (ret->n_networks > NETWORKS_MAX)
		return error_say(err, EINVAL, "--network %s: a container can be on %d networks at most", ret->networks[NETWORKS_MAX].name, NETWORKS_MAX);
	return 0;
}

/* check_without_name - options that only a named network has a meaning for */
static int check_without_name(const struct network_options *o, struct error *err)
{
	const char *option = o->ip ? "--ip" : o->ip6 ? "--ip6" : o->mac ? "--mac-address" : o->aliases.n ? "--network-alias" : NULL;
	return option ? error_say(err, EINVAL, "%s is for networks that have a name: `carrier network create NAME`, then --network NAME", option) : 0;
}

/* ---- ports ---- */

/* may_publish - 0; or 1: the host has the ports anyway */
static int may_publish(const char *mode, struct error *err)
{
	switch (network_kind(mode)) {
	case NETWORK_HOST:
		log_warn("with --network host every port of the container is one of the host's: nothing is published");
		return 1;
	case NETWORK_NONE:
		return error_say(err, EINVAL, "--publish with --network none: there is no network by which the port could be reached");
	case NETWORK_CONTAINER:
	case NETWORK_NS:
		return error_say(err, EINVAL, "--publish with --network %s: the network is another's; publish the port where that is made", mode);
	default:
		return 0;
	}
}

static int ports_to_record(const struct network_options *o, char *const *exposed, const char *mode, struct pool *pool, struct record_networking *ret,
			   struct error *err)
{
	struct port_mappings ports cleanup_ports = { 0 };
	struct strings all cleanup_strings = { 0 };
	int r = 0;
	for (; r == 0 && exposed && *exposed; exposed++)
		r = ports_expose("the image's EXPOSE", *exposed, &all, err);
	for (size_t i = 0; r == 0 && i < o->expose.n; i++)
		r = ports_expose("--expose", o->expose.v[i], &all, err);
	for (size_t i = 0; r == 0 && i < o->publish.n; i++)
		r = ports_parse(o->publish.v[i], pool, &ports, err);
	if (r == 0 && o->publish_all)
		ports_publish_exposed(all.v, pool, &ports);
	if (r == 0 && (ports.n || o->publish_all))
		r = may_publish(mode, err);
	if (r < 0)
		return r;
	/* ranges may be long: their ports are looked for by number */
	cleanup_free bool *has = xcalloc(2 * (UINT16_MAX + 1), sizeof *has);
	for (size_t i = 0; i < all.n; i++)
		has[2 * strtoul(all.v[i], NULL, 10) + str_ends(all.v[i], "udp")] = true;
	for (size_t i = 0; i < ports.n; i++) {
		bool *this = &has[2 * ports.v[i].container_port + str_eq(ports.v[i].protocol, "udp")];
		if (!*this)
			strings_printf(&all, "%u/%s", ports.v[i].container_port, ports.v[i].protocol);
		*this = true;
	}
	ret->exposed = copy(&all, pool);
	ret->n_ports = r == 0 ? ports.n : 0;
	ret->ports = ret->n_ports ? pool_alloc(pool, ret->n_ports * sizeof *ret->ports) : NULL;
	if (ret->n_ports)
		memcpy(ret->ports, ports.v, ret->n_ports * sizeof *ret->ports);
	return 0;
}

int network_to_record(const struct network_options *o, char *const *exposed, struct pool *pool, char **mode, struct record_networking *ret,
		      struct error *err)
{
	struct record_networking n = { 0 };
	char *word = NULL;
	if (o->elevated && (o->modes.n > 1 || (o->modes.n && strcmp(o->modes.v[0], "host") != 0)))
		return error_say(err, EINVAL, "--elevated is --network host; leave --network %s out", o->modes.v[0]);
	int r = modes_to_record(o, pool, &word, &n, err);
	if (o->elevated)
		word = pool_strdup(pool, "host");
	if (r == 0 && !n.n_networks)
		r = check_without_name(o, err);
	if (r == 0)
		r = ports_to_record(o, exposed, word, pool, &n, err);
	if (r < 0)
		return r;
	*mode = word;
	*ret = n;
	return 0;
}
