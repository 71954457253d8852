/* pasta(1). It writes its pid into the file of -P when all is set up: that file is a pipe of ours. Its namespace is given as a file that is
 * open: it looks for it after it has given up the capability to look into other users' processes. */
#include "helper.h"
#include "cleanup.h"
#include "fs.h"
#include <string.h>

static const char usual_dns[] = "10.0.2.3";

/* struct usual - an option that it gets unless the user gives one of those in @same */
struct usual { const char *option, *value, *same; };
static const struct usual usual[] = {
	{ "--config-net", NULL, "" },
	{ "-I", "tap0", "-I|--ns-ifname" },
	{ "-m", "65520", "-m|--mtu" },
	{ "-T", "none", "-T|--tcp-ns" },
	{ "-U", "none", "-U|--udp-ns" },
	/* its own default is the host's address: then the container could not reach the host by it */
	{ "-a", "10.0.2.100", "-a|--address|-i|--interface" },
	{ "-n", "24", "-a|--address|-n|--netmask|-i|--interface" },
	{ "-g", "10.0.2.2", "-a|--address|-g|--gateway|-i|--interface" },
	{ "-a", "fd17:625c:f037:2::100", "-a|--address|-i|--interface|-4|--ipv4-only" },
	{ "-g", "fd17:625c:f037:2::2", "-a|--address|-g|--gateway|-i|--interface|-4|--ipv4-only" },
	{ "--dns-forward", usual_dns, "--dns-forward" },
	{ "--no-map-gw", NULL, "--map-gw" },
};

/* has_option - is one of "-a|--address" among the words, also as -aVALUE or --address=VALUE? */
static bool has_option(const struct strings *given, const char *same)
{
	struct strings names cleanup_strings = { 0 };
	strings_split(&names, same, "|");
	for (size_t i = 0; i < given->n; i++)
		for (size_t k = 0; k < names.n; k++) {
			const char *rest = str_after(given->v[i], names.v[k]);
			if (rest && (!*rest || *rest == '=' || names.v[k][1] != '-'))
				return true;
		}
	return false;
}

/* ---- what the host has ---- */

enum { TABLE_MAX = 64 << 20 };

struct pasta_routes pasta_routes(void)
{
	static const char six[] = "00000000000000000000000000000000 00 ";
	struct pasta_routes found = { 0 };
	cleanup_free char *routes = NULL, *routes_six = NULL;
	struct strings lines cleanup_strings = { 0 }, lines_six cleanup_strings = { 0 };
	if (fs_read_file(AT_FDCWD, "/proc/net/route", TABLE_MAX, &routes, NULL, NULL) == 0)
		strings_split(&lines, routes, "\n");
	for (size_t i = 1; i < lines.n; i++) {
		char to[9], mask[9];
		if (sscanf(lines.v[i], "%*s %8[0-9A-F] %*s %*s %*s %*s %*s %8[0-9A-F]", to, mask) == 2)
			found.four |= strcmp(to, "00000000") == 0 && strcmp(mask, "00000000") == 0;
	}
	if (fs_read_file(AT_FDCWD, "/proc/net/ipv6_route", TABLE_MAX, &routes_six, NULL, NULL) == 0)
		strings_split(&lines_six, routes_six, "\n");
	for (size_t i = 0; i < lines_six.n; i++)	/* that of lo is the kernel's: "unreachable" */
		found.six |= str_starts(lines_six.v[i], six) && !str_ends(lines_six.v[i], " lo");
	return found;
}

/* ---- its options ---- */

static void split_options(const struct network_request *q, struct strings *ret)
{
	const char *words = network_kind(q->mode) == NETWORK_PASTA ? network_argument(q->mode) : NULL;
	if (words)
		strings_split(ret, words, ",");
}

static int check_routes(const struct network_request *q, const struct strings *given, struct error *err)
{
	struct pasta_routes has = pasta_routes();
	if (has_option(given, "-i|--interface|--outbound-if4|--outbound-if6"))
		return 0;
	if (!has.four && !has.six)
		return error_say(err, ENETUNREACH, "pasta needs a default route, and this host has none: use --network slirp4netns, or none");
	for (size_t i = 0; i < q->n_ports; i++)
		if (q->ports[i].host_ip && strchr(q->ports[i].host_ip, ':') && !has.six)
			return error_say(err, EAFNOSUPPORT, "--publish [%s]:%u: pasta forwards IPv6 only where the host has an IPv6 default route, and this "
					 "one has none", q->ports[i].host_ip, q->ports[i].host_port);
	return 0;
}

/* check_ports - it has one table of a host's ports for all addresses */
static int check_ports(const struct network_request *q, struct error *err)
{
	for (size_t i = 0; i < q->n_ports; i++)
		for (size_t k = 0; k < i; k++)
			if (q->ports[i].host_port && q->ports[i].host_port == q->ports[k].host_port &&
			    str_eq(q->ports[i].protocol, q->ports[k].protocol))
				return error_say(err, EINVAL, "--publish: pasta can publish port %u of the host at one address only: leave the address out, "
						 "or give each address a port of its own; --network slirp4netns can, for IPv4", q->ports[i].host_port);
	return 0;
}

static int check(const struct network_request *q, struct error *err)
{
	static const char *const ours[] = { "-f", "--foreground", "-P", "--pid", "--netns", "--userns", "--netns-only", "--config-net", "--runas", NULL };
	struct strings given cleanup_strings = { 0 };
	split_options(q, &given);
	for (size_t i = 0; i < given.n; i++) {
		cleanup_free char *name = xstrndup(given.v[i], strcspn(given.v[i], "="));
		if (strings_have((char *const *) ours, name))
			return error_say(err, EINVAL, "--network pasta: %s is what carrier gives it", name);
		if (i == 0 && *name != '-')
			return error_say(err, EINVAL, "--network pasta: '%s' is no option of pasta's; give pasta:OPTION,... such as pasta:--map-gw or "
					 "pasta:-m,1500", given.v[i]);
	}
	int r = check_routes(q, &given, err);
	return r < 0 ? r : check_ports(q, err);
}

/* add_ports - of one protocol: "-t 127.0.0.1/8080-8082:80-82", or "none" */
static void add_ports(const struct network_request *q, const char *protocol, const char *option, struct strings *args)
{
	size_t before = args->n;
	for (size_t i = 0, run; i < q->n_ports; i += run) {
		const struct port_mapping *m = &q->ports[i];
		struct buf spec cleanup_buf = { 0 };
		run = ports_run(m, q->n_ports - i);
		if (strcmp(m->protocol, protocol) != 0)
			continue;
		unsigned more = (unsigned) run - 1;
		if (m->host_ip)
			buf_printf(&spec, "%s/", m->host_ip);
		if (more)
			buf_printf(&spec, "%u-%u:%u-%u", m->host_port, m->host_port + more, m->container_port, m->container_port + more);
		else
			buf_printf(&spec, "%u:%u", m->host_port, m->container_port);
		strings_add(args, option);
		strings_add(args, buf_str(&spec));
	}
	if (args->n == before) {
		strings_add(args, option);
		strings_add(args, "none");
	}
}

static void arguments(const struct network_request *q, struct strings *args)
{
	struct strings given cleanup_strings = { 0 };
	split_options(q, &given);
	strings_add(args, "-f");
	strings_add(args, "-q");
	for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
		if (has_option(&given, usual[i].same))
			continue;
		strings_add(args, usual[i].option);
		if (usual[i].value)
			strings_add(args, usual[i].value);
	}
	if (q->n_ports || !has_option(&given, "-t|--tcp-ports"))
		add_ports(q, "tcp", "-t", args);
	if (q->n_ports || !has_option(&given, "-u|--udp-ports"))
		add_ports(q, "udp", "-u", args);
	for (size_t i = 0; i < given.n; i++)
		if (strcmp(given.v[i], "--map-gw") != 0)	/* podman's word for leaving --no-map-gw out */
			strings_add(args, given.v[i]);
	/* as the host's root it would become nobody, who may not enter the namespace */
	strings_add(args, "--runas");
	strings_add(args, "0");
	strings_add(args, "-P");
	strings_printf(args, "/proc/self/fd/%d", READY_FD);
	strings_add(args, "--netns");
	strings_printf(args, "/proc/self/fd/%d", NETNS_FD);
}

const struct network_program network_pasta = { .name = "pasta", .package = "passt", .check = check, .arguments = arguments };
