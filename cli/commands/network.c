/* The group `network`. */
#include "../network/networks.h"
#include "../container/connect.h"
#include "../format.h"
#include "../network/leases.h"
#include "../pairs.h"
#include "ask.h"
#include "cleanup.h"
#include "filter.h"
#include "volume_words.h"
#include <string.h>
#include <time.h>

/* ---- create ---- */

struct create_options {
	char *driver, *bridge;
	struct strings subnets, gateways, ranges, labels, options;
	bool internal, ipv6, ignore, no_names;
};
static const struct option_def create_table[] = {
	OPTION(struct create_options, no_names, 0, "disable-dns", NULL, "its containers do not find each other by name"),
	OPTION(struct create_options, driver, 'd', "driver", "bridge", "the only one there is"),
	OPTION(struct create_options, gateways, 0, "gateway", "ADDRESS", "the host's address in the subnet (default: its first)"),
	OPTION(struct create_options, ignore, 0, "ignore", NULL, "one that is there already is no error, whatever it is like"),
	OPTION(struct create_options, bridge, 0, "interface-name", "NAME", "what the bridge is called (default: ca-ID)"),
	OPTION(struct create_options, internal, 0, "internal", NULL, "its containers reach each other and the host, and nothing else"),
	OPTION(struct create_options, ranges, 0, "ip-range", "SUBNET", "only these addresses of the subnet are given away by themselves"),
	OPTION(struct create_options, ipv6, 0, "ipv6", NULL, "addresses of both families (default: as --subnet says, or IPv4)"),
	OPTION(struct create_options, labels, 'l', "label", "NAME[=VALUE]", "attach a label; again for more"),
	OPTION(struct create_options, options, 'o', "opt", "KEY=VALUE",
	       "mtu=BYTES (default: 1500, of ordinary users' networks 65520); isolate=false: this network and others that have it, too, reach each other"),
	OPTION(struct create_options, subnets, 0, "subnet", "SUBNET", "its addresses, such as 10.90.0.0/24; again for the other family"),
};

static int create(const struct carrier *c, const struct create_options *o, const char *name, struct network *ret, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct network_wanted w = { .name = name, .bridge = o->bridge, .subnets = &o->subnets, .gateways = &o->gateways, .ranges = &o->ranges,
				    .ipv6 = o->ipv6, .internal = o->internal, .no_names = o->no_names };
	if (o->driver && strcmp(o->driver, "bridge") != 0)
		return error_say(err, EINVAL, "--driver '%s': there is only the driver bridge", o->driver);
	int r = pairs_parse("--label", &o->labels, false, &pool, &w.labels, err);
	if (r == 0)
		r = pairs_parse("--opt", &o->options, true, &pool, &w.options, err);
	if (r == 0 && name && o->ignore && network_find(c, name, ret, NULL) == 0)
		return 0;
	return r < 0 ? r : network_make(c, &w, ret, err);
}

static int run_create(void *program, void *given, char **args, int n_args)
{
	struct network n cleanup_network = { 0 };
	struct error err = { 0 };
	if (create(program, given, n_args ? args[0] : NULL, &n, &err) < 0)
		return carrier_fail(&err);
	puts(n.record.name);
	return 0;
}

static const struct command command_network_create = {
	.name = "create", .arguments = "[NAME]", .summary = "define a network",
	.description = "Prints its name. Its bridge, addresses and rules are made when the first container on it starts, and go with the last one. "
		       "Without --subnet the first /24 from 10.72.0.0 on is taken that no other network and no route of the host has.\n\n"
		       "Containers of one network reach each other; those of different networks do not, unless both were made with --opt isolate=false. "
		       "From outside only published ports are reached. Rules are in nftables' table `inet carrier_ID`, which is made "
		       "again at once when a firewall has flushed all rules.\n\n"
		       "Containers find each other by name, --network-alias, the service of a compose file that they are of (label "
		       "com.docker.compose.service) and the first 12 digits of their ids: resolv.conf names 127.0.0.11, where a process of carrier's "
		       "answers, by UDP and TCP, of what is true at that moment; what else it is asked it asks the servers of --dns, or the "
		       "host's. An address that was given back is the next container's only when all others have had their turn.\n\n"
		       "What is behind a published port sees its clients' own addresses, but that of the host itself and of containers that come by "
		       "way of the host: that is the gateway's. IPv6 clients need a network with IPv6 addresses. Only connections to ::1, and all those to "
		       "containers of ordinary users, are carried by a process, carrier-forward, one for each container. It keeps the clients' addresses "
		       "as well, but those of the host's loopback, of the container's own networks, and IPv6 ones where the network has IPv4 only: "
		       "in their place is the gateway's. It connects after it was connected to: where the container does not listen yet, a connection "
		       "is made and then reset. When the process is killed it is started again (status.json and the events network-lost and network-restored "
		       "say so); connections that it carried end, new ones wait.\n\n"
		       "For root's containers to reach the world the host has to forward: net.ipv4.ip_forward is set to 1, and for IPv6 "
		       "net.ipv6.conf.all.forwarding, with accept_ra=2 on links that had 1.\n\n"
		       "Networks of an ordinary user are in a network namespace of their own, one for all of them, which slirp4netns (or pasta) "
		       "connects with the world, as it connects a container with --network private: the addresses 10.0.2.0/24 and fd00::/64 are "
		       "its own there. A process, carrier-holder, keeps the namespace, and ends with the last container on any of these networks. "
		       "When it is killed, connections between containers go on, and one of their monitors makes a new one; the same happens to the "
		       "helper. "
		       "Containers on such networks share a user namespace. By ICMP they reach IPv4 addresses alone, and those only where "
		       "net.ipv4.ping_group_range of the host has the user's group.",
	.examples = "A network for a shop, and two containers on it that know each other by name:\n\tcarrier network create shop\n"
		    "\tcarrier run -d --network shop --name db postgres\n\tcarrier run -d --network shop --name web app:1\n\n"
		    "With addresses of its own, of both families:\n\tcarrier network create --subnet 10.90.0.0/24 --gateway 10.90.0.254 --ipv6 lab",
	OPTIONS(struct create_options, create_table), .max_args = 1, .run = run_create,
};

/* ---- what people see ---- */

struct seen_config { char *subnet, *gateway, *range; };
struct seen_ipam { char *driver; struct json_map options; struct seen_config *config; size_t n_config; };
struct seen_container { char *id, *name, *endpoint, *mac, *ip, *ip6; };
struct seen_network {
	char *name, *id, *created, *scope, *driver, *bridge;
	bool ipv6, internal, attachable, dns;
	struct seen_ipam ipam;
	struct seen_container *containers;
	size_t n_containers;
	struct json_map options, labels;
};
#define T struct seen_config
static const struct json_type config_type = JSON_TYPE(T, JSON_ALWAYS(T, subnet, "Subnet"), JSON_ALWAYS(T, gateway, "Gateway"),
	JSON_FIELD(T, range, "IPRange"));
#undef T
#define T struct seen_ipam
static const struct json_type ipam_type = JSON_TYPE(T, JSON_ALWAYS(T, driver, "Driver"), JSON_ALWAYS(T, options, "Options"),
	{ .key = "Config", .kind = JSON_OBJECTS, .always = true, .offset = offsetof(T, config), .count_offset = offsetof(T, n_config),
	  .type = &config_type });
#undef T
#define T struct seen_container
static const struct json_type container_type = JSON_TYPE(T, JSON_ALWAYS(T, name, "Name"), JSON_ALWAYS(T, endpoint, "EndpointID"),
	JSON_ALWAYS(T, mac, "MacAddress"), JSON_ALWAYS(T, ip, "IPv4Address"), JSON_ALWAYS(T, ip6, "IPv6Address"));
#undef T
#define T struct seen_network
static const struct json_type seen_type = JSON_TYPE(T, JSON_ALWAYS(T, name, "Name"), JSON_ALWAYS(T, id, "Id"), JSON_ALWAYS(T, created, "Created"),
	JSON_ALWAYS(T, scope, "Scope"), JSON_ALWAYS(T, driver, "Driver"), JSON_ALWAYS(T, bridge, "NetworkInterface"),
	JSON_ALWAYS(T, ipv6, "EnableIPv6"), JSON_INLINE(T, ipam, "IPAM", ipam_type), JSON_ALWAYS(T, internal, "Internal"),
	JSON_ALWAYS(T, attachable, "Attachable"), JSON_ALWAYS(T, dns, "DNSEnabled"),
	{ .key = "Containers", .kind = JSON_OBJECT_MAP, .always = true, .offset = offsetof(T, containers),
	  .count_offset = offsetof(T, n_containers), .type = &container_type },
	JSON_ALWAYS(T, options, "Options"), JSON_ALWAYS(T, labels, "Labels"));
#undef T

static const char seen_heads[] = "{\"ID\":\"NETWORK ID\",\"Id\":\"NETWORK ID\",\"Name\":\"NAME\",\"Driver\":\"DRIVER\",\"Scope\":\"SCOPE\","
	"\"Created\":\"CREATED\",\"Labels\":\"LABELS\",\"Internal\":\"INTERNAL\"}";

static char *with_prefix(struct pool *pool, const char *address, const struct network_record *n, int family)
{
	struct subnet s;
	return address && network_subnet_find(n, family, &s) ? pool_printf(pool, "%s/%u", address, s.prefix) : pool_strdup(pool, "");
}

/* see_containers - those that run and have addresses */
static void see_containers(const struct carrier *c, const struct network_record *n, struct pool *pool, struct seen_network *seen)
{
	cleanup_leases struct leases l = { 0 };
	cleanup_close int dir = network_open(c, n->name, NULL);
	if (dir < 0 || leases_read(dir, &l, NULL) < 0)
		return;
	seen->containers = pool_alloc(pool, (l.n + 1) * sizeof *seen->containers);
	for (size_t i = 0; i < l.n; i++)
		seen->containers[seen->n_containers++] = (struct seen_container) {
			.id = pool_strdup(pool, l.list[i].container), .name = pool_strdup(pool, l.list[i].name),
			.endpoint = pool_strdup(pool, l.list[i].link), .mac = pool_strdup(pool, l.list[i].mac ? l.list[i].mac : ""),
			.ip = with_prefix(pool, l.list[i].ip, n, AF_INET), .ip6 = with_prefix(pool, l.list[i].ip6, n, AF_INET6),
		};
}

static struct seen_network see(const struct carrier *c, const struct network_record *n, struct pool *pool)
{
	struct seen_network seen = { .name = n->name, .id = n->id, .created = n->created, .scope = (char *) "local", .driver = (char *) "bridge",
		.bridge = n->bridge, .internal = n->internal, .dns = !n->no_names, .options = n->options, .labels = n->labels,
		.ipam = { .driver = (char *) "default" } };
	seen.ipam.config = pool_alloc(pool, (n->n_subnets + 1) * sizeof *seen.ipam.config);
	for (size_t i = 0; i < n->n_subnets; i++) {
		seen.ipam.config[seen.ipam.n_config++] = (struct seen_config) { n->subnets[i].subnet, n->subnets[i].gateway, n->subnets[i].range };
		seen.ipv6 = seen.ipv6 || strchr(n->subnets[i].subnet, ':');
	}
	see_containers(c, n, pool, &seen);
	return seen;
}

/* ---- ls, prune: filters ---- */

struct network_filter { struct filter common; struct strings names, ids, drivers, used; int dangling; };

static void network_filter_done(struct network_filter *f)
{
	filter_done(&f->common);
	strings_done(&f->names);
	strings_done(&f->ids);
	strings_done(&f->drivers);
	strings_done(&f->used);
}

static int network_filter_parse(const struct carrier *c, const struct strings *words, struct network_filter *ret, struct error *err)
{
	struct strings rest cleanup_strings = { 0 };
	struct error why = { 0 };
	for (size_t i = 0; i < words->n; i++) {
		const char *word = words->v[i], *value;
		if ((value = str_after(word, "name=")))
			strings_add(&ret->names, value);
		else if ((value = str_after(word, "id=")))
			strings_add(&ret->ids, value);
		else if ((value = str_after(word, "driver=")))
			strings_add(&ret->drivers, value);
		else if (str_eq(word, "dangling=true") || str_eq(word, "dangling=false"))
			ret->dangling = str_ends(word, "true") ? 1 : -1;
		else
			strings_add(&rest, word);
	}
	if (filter_parse(&rest, time(NULL), &ret->common, &why) < 0)
		return error_say(err, EINVAL, "%s, name=PART, id=BEGINNING, driver=bridge, dangling=true|false", why.text);
	return ret->dangling ? network_used(c, &ret->used, err) : 0;
}

static bool any(const struct strings *wanted, const char *text, bool begins)
{
	for (size_t i = 0; i < wanted->n; i++)
		if (begins ? str_starts(text, wanted->v[i]) : strstr(text, wanted->v[i]) != NULL)
			return true;
	return wanted->n == 0;
}

static bool network_filter_takes(const struct network_filter *f, const struct network_record *n)
{
	if (!any(&f->names, n->name, false) || !any(&f->ids, n->id, true) || (f->drivers.n && !strings_have(f->drivers.v, "bridge")))
		return false;
	if (f->dangling && strings_have(f->used.v, n->name) != (f->dangling < 0))
		return false;
	return filter_takes(&f->common, n->created, &n->labels);
}

/* ---- ls ---- */

struct ls_options { struct strings filters; char *format; bool quiet, json, no_trunc, noheading; };
static const struct option_def ls_table[] = {
	OPTION(struct ls_options, filters, 'f', "filter", "KEY=VALUE",
	       "only those with name=PART, id=BEGINNING, label=NAME[=VALUE], driver=bridge, until=TIME, dangling=true|false (no container has it)"),
	OPTION(struct ls_options, format, 0, "format", "table|json|TEMPLATE",
	       "a table (the default), a JSON object for each line, or a template such as '{{.Name}}'"),
	OPTION(struct ls_options, json, 0, "json", NULL, "the same as --format json"),
	OPTION(struct ls_options, no_trunc, 0, "no-trunc", NULL, "whole ids"),
	OPTION(struct ls_options, noheading, 'n', "noheading", NULL, "no line of headings"),
	OPTION(struct ls_options, quiet, 'q', "quiet", NULL, "names only"),
};

static int print_list(const struct carrier *c, const struct ls_options *o, const struct network_filter *filter, struct format *format,
		      const struct network *list, size_t n, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct table table cleanup_table = { 0 };
	int r = o->quiet ? 0 : format_head(format, seen_heads, err);
	if (!o->noheading)
		table_add(&table, "NETWORK ID", "NAME", "DRIVER", "SUBNET", NULL);
	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct network_record *rec = &list[i].record;
		if (!network_filter_takes(filter, rec))
			continue;
		if (o->quiet) {
			puts(rec->name);
		} else if (format->is == FORMAT_TABLE) {
			cleanup_free char *id = xasprintf("%.*s", o->no_trunc ? 64 : 12, rec->id);
			cleanup_free char *subnets = xasprintf("%s%s%s", rec->subnets[0].subnet, rec->n_subnets > 1 ? ", " : "",
							       rec->n_subnets > 1 ? rec->subnets[1].subnet : "");
			table_add(&table, id, rec->name, "bridge", subnets, NULL);
		} else {
			const struct seen_network seen = see(c, rec, &pool);
			r = format_row(format, &seen_type, &seen, err);
		}
	}
	if (r == 0 && format->is == FORMAT_TABLE && !o->quiet)
		table_print(&table, stdout);
	format_end(format);
	return r;
}

static int run_ls(void *program, void *given, char **args, int n_args)
{
	const struct ls_options *o = given;
	struct network_filter filter CLEANUP(network_filter_done) = { 0 };
	struct format format cleanup_format = { 0 };
	struct network *list = NULL;
	struct error err = { 0 };
	size_t n = 0;
	int r = format_parse(o->json ? "json" : o->format, &format, &err);
	if (r == 0)
		r = network_filter_parse(program, &o->filters, &filter, &err);
	if (r == 0)
		r = network_list(program, &list, &n, &err);
	if (r == 0)
		r = print_list(program, o, &filter, &format, list, n, &err);
	network_list_free(list, n);
	return r < 0 ? carrier_fail(&err) : 0;
}

static const struct command command_network_ls = {
	.name = "ls|list", .summary = "list the networks",
	.examples = "Those that no container has:\n\tcarrier network ls --filter dangling=true",
	OPTIONS(struct ls_options, ls_table), .run = run_ls,
};

/* ---- inspect, exists ---- */

struct inspect_options { char *format; };
static const struct option_def inspect_table[] = {
	OPTION(struct inspect_options, format, 'f', "format", "json|TEMPLATE", "a list (the default), or a line for each, such as '{{.Id}}'"),
};

static int run_inspect(void *program, void *given, char **args, int n_args)
{
	const struct inspect_options *o = given;
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct network *list = xcalloc((size_t) n_args, sizeof *list);
	struct seen_network *seen = xcalloc((size_t) n_args, sizeof *seen);
	struct error err = { 0 };
	size_t n = 0;
	int code = 0;
	for (; *args; args++) {
		if (network_find(program, *args, &list[n], &err) < 0) {
			code = (carrier_fail(&err), 1);
			continue;
		}
		seen[n] = see(program, &list[n].record, &pool);
		n++;
	}
	int r = print_records(&seen_type, seen, n, o->format, &err);
	free(seen);
	network_list_free(list, n);
	return r < 0 ? carrier_fail(&err) : code;
}

static const struct command command_network_inspect = {
	.name = "inspect", .arguments = "NETWORK...", .summary = "print all that is known of networks, as JSON",
	.description = "Containers has those that run, and their addresses.",
	.examples = "Who has which address?\n\tcarrier network inspect -f '{{range .Containers}}{{.Name}} {{.IPv4Address}} {{end}}' shop",
	.exit_status = "0, or 1 when any of them was not found.",
	OPTIONS(struct inspect_options, inspect_table), .min_args = 1, .max_args = -1, .run = run_inspect,
};

static int run_exists(void *program, void *unused, char **args, int n_args)
{
	struct network n cleanup_network = { 0 };
	struct error err = { 0 };
	int r = network_find(program, args[0], &n, &err);
	return r == 0 ? 0 : r == -ENOENT || r == -EINVAL ? 1 : carrier_fail(&err);
}

static const struct command command_network_exists = {
	.name = "exists", .arguments = "NETWORK", .summary = "tell by the exit code whether there is such a network",
	.examples = "In a script:\n\tcarrier network exists shop || carrier network create shop",
	.exit_status = "0 when there is, 1 when there is not.", .min_args = 1, .max_args = 1, .run = run_exists,
};

/* ---- connect, disconnect ---- */

static const struct option_def connect_table[] = {
	OPTION(struct network_options, aliases, 0, "alias", "NAME", "another name that the container has in the network; again for more"),
	OPTION(struct network_options, ip, 0, "ip", "ADDRESS", "its IPv4 address there"),
	OPTION(struct network_options, ip6, 0, "ip6", "ADDRESS", "its IPv6 address there"),
	OPTION(struct network_options, mac, 0, "mac-address", "ADDRESS", "its hardware address there"),
};

static int run_connect(void *program, void *given, char **args, int n_args)
{
	struct container container cleanup_container = CONTAINER_NONE;
	struct error err = { 0 };
	int r = record_find(program, args[1], false, &container, &err);
	r = r < 0 ? r : container_connect(program, &container, args[0], given, &err);
	return r < 0 ? (carrier_fail(&err), 1) : 0;
}

static const struct command command_network_connect = {
	.name = "connect", .arguments = "NETWORK CONTAINER", .summary = "connect a container to one more network",
	.description = "One that runs has it at once, as eth1, eth2 ... whichever is free, and is found there by its names; one that does not "
		       "has it when it is started. It stays connected until it is disconnected, whatever is stopped and started in between.\n\n"
		       "The default route and published ports are those of the first network that is not internal, in the order in which they "
		       "were connected.\n\n"
		       "Only containers on networks that have a name, or on none (--network none), can be connected to one more: there can be "
		       "16. An ordinary user's container that was started on none has to be stopped first.",
	.examples = "Let the web server reach the database's network, as `front` there:\n\tcarrier network connect --alias front data web",
	.exit_status = "0, or 1 when it could not be connected, and is as it was.",
	OPTIONS(struct network_options, connect_table), .min_args = 2, .max_args = 2, .run = run_connect,
};

struct disconnect_options { bool force; };
static const struct option_def disconnect_table[] = {
	OPTION(struct disconnect_options, force, 'f', "force", NULL, "a container that does not exist, or is not connected, is no error"),
};

static int run_disconnect(void *program, void *given, char **args, int n_args)
{
	const struct disconnect_options *o = given;
	struct container container cleanup_container = CONTAINER_NONE;
	struct error err = { 0 };
	int r = record_find(program, args[1], false, &container, &err);
	r = r < 0 ? r : container_disconnect(program, &container, args[0], &err);
	if (o->force && (r == -ENOENT || r == -ENOTCONN))
		return 0;
	return r < 0 ? (carrier_fail(&err), 1) : 0;
}

static const struct command command_network_disconnect = {
	.name = "disconnect", .arguments = "NETWORK CONTAINER", .summary = "disconnect a container from a network",
	.description = "One that runs loses its link, and the address is free, at once. When it was the one of the default route and of published "
		       "ports, both go to the next network that is not internal. After the last one the container has --network none, until it is connected again.",
	.examples = "The web server needs the database no more:\n\tcarrier network disconnect data web",
	.exit_status = "0, or 1 when it could not be disconnected, and is as it was.",
	OPTIONS(struct disconnect_options, disconnect_table), .min_args = 2, .max_args = 2, .run = run_disconnect,
};

/* ---- rm, prune ---- */

struct rm_options { bool force; };
static const struct option_def rm_table[] = {
	OPTION(struct rm_options, force, 'f', "force", NULL, "one that does not exist is no error"),
};

static int run_rm(void *program, void *given, char **args, int n_args)
{
	const struct rm_options *o = given;
	return remove_each(program, args, network_remove, o->force);
}

static const struct command command_network_rm = {
	.name = "rm|remove", .arguments = "NETWORK...", .summary = "remove networks",
	.description = "One that a container has, running or not, stays: the container has to be removed first.",
	.examples = "Remove a network that is not needed any more:\n\tcarrier network rm shop",
	.exit_status = "0, or 1 when any of them could not be removed.",
	OPTIONS(struct rm_options, rm_table), .min_args = 1, .max_args = -1, .run = run_rm,
};

struct prune_options { struct strings filters; bool force; };
static const struct option_def prune_table[] = {
	OPTION(struct prune_options, filters, 0, "filter", "KEY=VALUE", "only those with label=NAME[=VALUE], label!=..., until=TIME"),
	OPTION(struct prune_options, force, 'f', "force", NULL, "do not ask"),
};

static int prune_all(const struct carrier *c, const struct network_filter *filter, struct error *err)
{
	struct network *list;
	size_t n, removed = 0;
	int r = network_list(c, &list, &n, err);
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (!network_filter_takes(filter, &list[i].record))
			continue;
		r = network_remove(c, list[i].record.name, err);
		if (r == 0)
			printf("%s%s\n", removed++ ? "" : "Deleted Networks:\n", list[i].record.name);
		if (r == -EBUSY || r == -ENOENT)
			r = 0;
	}
	network_list_free(list, n);
	return r;
}

static int run_prune(void *program, void *given, char **args, int n_args)
{
	const struct prune_options *o = given;
	struct network_filter filter CLEANUP(network_filter_done) = { 0 };
	struct error err = { 0 };
	int r = network_filter_parse(program, &o->filters, &filter, &err);
	if (r == 0)
		r = ask(o->force, "This removes all networks that no container has.", &err);
	if (r > 0)
		r = prune_all(program, &filter, &err);
	return r < 0 ? carrier_fail(&err) : 0;
}

static const struct command command_network_prune = {
	.name = "prune", .summary = "remove the networks that no container has",
	.description = "Asks first; where no terminal is, --force is needed.",
	.examples = "All that were made more than a day ago and are not needed:\n\tcarrier network prune --force --filter until=24h",
	OPTIONS(struct prune_options, prune_table), .run = run_prune,
};

static const struct command *const commands[] = {
	&command_network_connect, &command_network_create, &command_network_disconnect, &command_network_exists,
	&command_network_inspect, &command_network_ls, &command_network_prune, &command_network_rm, NULL,
};
const struct command command_network = { .name = "network", .section = "Networks", .summary = "manage networks", .sub = commands };
