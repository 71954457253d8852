#include "hostfiles.h"
#include "../network/names.h"
#include "../network/network.h"
#include "cleanup.h"
#include "str.h"
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>

static bool is_global(const struct ifaddrs *i, int family)
{
	if (!i->ifa_addr || i->ifa_addr->sa_family != family || !(i->ifa_flags & IFF_UP) || (i->ifa_flags & IFF_LOOPBACK))
		return false;
	if (family == AF_INET) {
		uint32_t a = ntohl(((const struct sockaddr_in *) (const void *) i->ifa_addr)->sin_addr.s_addr);
		return a >> 16 != 0xa9fe && a >> 24 != 127;	/* neither link-local nor loopback */
	}
	const struct in6_addr *a = &((const struct sockaddr_in6 *) (const void *) i->ifa_addr)->sin6_addr;
	return !IN6_IS_ADDR_LINKLOCAL(a) && !IN6_IS_ADDR_LOOPBACK(a);
}

static const char *first_of(const struct ifaddrs *list, int family, char out[HOSTFILES_ADDRESS_MAX])
{
	for (const struct ifaddrs *i = list; i; i = i->ifa_next) {
		if (!is_global(i, family))
			continue;
		const void *a = family == AF_INET ? (const void *) &((const struct sockaddr_in *) (const void *) i->ifa_addr)->sin_addr :
						    (const void *) &((const struct sockaddr_in6 *) (const void *) i->ifa_addr)->sin6_addr;
		return inet_ntop(family, a, out, HOSTFILES_ADDRESS_MAX);
	}
	return NULL;
}

const char *hostfiles_address(char out[HOSTFILES_ADDRESS_MAX])
{
	struct ifaddrs *list = NULL;
	if (getifaddrs(&list) < 0)
		return NULL;
	const char *address = first_of(list, AF_INET, out);
	if (!address)
		address = first_of(list, AF_INET6, out);
	freeifaddrs(list);
	return address;
}

/* add_given - --add-host: "NAME ADDRESS" */
static void add_given(struct buf *b, const struct record_settings *settings, const char *gateway)
{
	for (char **h = settings ? settings->hosts : NULL; h && *h; h++) {
		const char *blank = strchr(*h, ' ');
		if (!blank)
			continue;
		const char *address = strcmp(blank + 1, "host-gateway") == 0 ? gateway : blank + 1;
		if (address)
			buf_printf(b, "%s\t%.*s\n", address, (int) (blank - *h), *h);
	}
}

char *hostfiles_hosts(const char *network, const char *hostname, const char *gateway, const struct record_settings *settings)
{
	struct buf b cleanup_buf = { 0 };
	add_given(&b, settings, gateway);	/* first: the first line that has a name counts */
	buf_puts(&b, "127.0.0.1\tlocalhost\n"
		     "::1\tlocalhost ip6-localhost ip6-loopback\n"
		     "fe00::\tip6-localnet\n"
		     "ff00::\tip6-mcastprefix\n"
		     "ff02::1\tip6-allnodes\n"
		     "ff02::2\tip6-allrouters\n");
	if (gateway && network_kind(network) != NETWORK_NONE)
		buf_printf(&b, "%s\thost.containers.internal host.docker.internal\n", gateway);
	if (!str_empty(hostname))
		buf_printf(&b, "127.0.1.1\t%s\n", hostname);
	return buf_take(&b);
}

/* replaced - is @line of a kind that the options have given anew? */
static bool replaced(const char *line, const struct record_settings *settings)
{
	if (!settings)
		return false;
	if (str_starts(line, "options"))
		return settings->dns_options;
	return settings->dns_search && (str_starts(line, "search") || str_starts(line, "domain"));
}

/* keep - is this line of the host's one that stays beside other servers? */
static bool keep(const char *line)
{
	static const char *const words[] = { "search", "domain", "options", "sortlist", NULL };
	for (size_t i = 0; words[i]; i++) {
		const char *rest = str_after(line, words[i]);
		if (rest && (*rest == ' ' || *rest == '\t'))
			return true;
	}
	return false;
}

static void keep_lines(struct buf *b, const char *host, const struct record_settings *settings)
{
	struct strings lines cleanup_strings = { 0 };
	strings_split(&lines, host, "\n");
	for (size_t i = 0; i < lines.n; i++)
		if (keep(lines.v[i]) && !replaced(lines.v[i], settings))
			buf_printf(b, "%s\n", lines.v[i]);
}

/* copy_lines - the host's as they are, but for those that were given anew */
static void copy_lines(struct buf *b, const char *host, const struct record_settings *settings)
{
	for (const char *line = host; *line;) {
		size_t len = strcspn(line, "\n");
		if (!replaced(line, settings))
			buf_printf(b, "%.*s\n", (int) len, line);
		line += len + (line[len] == '\n');
	}
}

static void add_words(struct buf *b, const char *key, char *const *words)
{
	if (!words || !words[0] || (str_eq(words[0], ".") && !words[1]))
		return;
	buf_puts(b, key);
	for (; *words; words++)
		buf_printf(b, " %s", *words);
	buf_putc(b, '\n');
}

void hostfiles_servers(const char *resolv, struct strings *ret)
{
	struct strings lines cleanup_strings = { 0 };
	strings_split(&lines, resolv, "\n");
	for (size_t i = 0; i < lines.n; i++) {
		const char *rest = str_after(lines.v[i], "nameserver");
		if (!rest || (*rest != ' ' && *rest != '\t'))
			continue;
		rest += strspn(rest, " \t");
		strings_printf(ret, "%.*s", (int) strcspn(rest, " \t#;"), rest);
	}
}

/* is_near - only the host itself reaches it: its loopback, or an address of one link */
static bool is_near(const char *address)
{
	struct in6_addr six;
	struct in_addr four;
	if (inet_pton(AF_INET, address, &four) == 1)
		return ntohl(four.s_addr) >> 24 == 127 || four.s_addr == 0;
	return inet_pton(AF_INET6, address, &six) != 1 || IN6_IS_ADDR_LOOPBACK(&six) || IN6_IS_ADDR_LINKLOCAL(&six);
}

bool hostfiles_is_stub(const char *host)
{
	struct strings servers cleanup_strings = { 0 };
	hostfiles_servers(host, &servers);
	for (size_t i = 0; i < servers.n; i++)
		if (!str_eq(servers.v[i], "127.0.0.53") && !str_eq(servers.v[i], "127.0.0.54"))
			return false;
	return servers.n > 0;
}

/* add_servers - those that the container reaches itself; @forwarder in place of all others */
static void add_servers(struct buf *b, const char *host, const char *forwarder)
{
	struct strings servers cleanup_strings = { 0 };
	bool near = false;
	hostfiles_servers(host, &servers);
	for (size_t i = 0; i < servers.n; i++) {
		bool is = is_near(servers.v[i]);
		if (!is || !near)
			buf_printf(b, "nameserver %s\n", is ? forwarder : servers.v[i]);
		near |= is;
	}
	if (!servers.n)
		buf_printf(b, "nameserver %s\n", forwarder);
}

char *hostfiles_resolv(const char *network, bool pasta, const char *host, const struct record_settings *settings)
{
	struct buf b cleanup_buf = { 0 };
	char forwarder[16];
	enum network_kind kind = network_kind(network);
	bool names = kind == NETWORK_NAMED, given = !names && settings && settings->dns && settings->dns[0];
	for (char **d = given ? settings->dns : NULL; d && *d; d++)
		buf_printf(&b, "nameserver %s\n", *d);
	if (names)
		buf_puts(&b, "nameserver " NAMES_ADDRESS "\n");
	if (names || (given && kind != NETWORK_NONE))
		keep_lines(&b, host, settings);
	else if (!given && (kind == NETWORK_HOST || kind == NETWORK_NS))
		copy_lines(&b, host, settings);
	else if (!given && kind != NETWORK_NONE) {
		if (pasta)
			add_servers(&b, host, network_dns(network, forwarder));
		else
			buf_printf(&b, "nameserver %s\n", network_dns(network, forwarder));
		keep_lines(&b, host, settings);
	}
	if (settings) {
		add_words(&b, "search", settings->dns_search);
		add_words(&b, "options", settings->dns_options);
	}
	return buf_take(&b);
}
