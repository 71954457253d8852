/* hostfiles.h - the texts of a container's own /etc/hosts, /etc/hostname and /etc/resolv.conf. hosts(5), resolv.conf(5)
 *
 * Pure but for hostfiles_address(); the caller frees every text.
 */
#pragma once
#include "settings.h"
#include "str.h"

enum { HOSTFILES_ADDRESS_MAX = 46 };

/* hostfiles_address - the host's own first global address as text, IPv4 before IPv6; NULL when it has none */
const char *hostfiles_address(char out[HOSTFILES_ADDRESS_MAX]);

/* hostfiles_hosts - @network: a record's mode (mode.h). @gateway: the host's address, or NULL */
char *hostfiles_hosts(const char *network, const char *hostname, const char *gateway, const struct record_settings *settings);

/* hostfiles_resolv - @host: the host's resolv.conf, "" when there is none
 * host: a copy, and of a network that somebody else has made as well; none: empty; otherwise the host's search and options lines, and
 * behind slirp4netns its forwarder, which asks the host's servers of the moment, also those on its loopback;
 * behind pasta (@pasta) the host's servers themselves, since its forwarder knows no TCP, and that for those on the host's loopback.
 * named networks: our own process that answers names (names.h), which asks those of --dns itself.
 * --dns replaces the servers in every other mode, --dns-search and --dns-option those lines. */
char *hostfiles_resolv(const char *network, bool pasta, const char *host, const struct record_settings *settings);

/* hostfiles_servers - adds the addresses of the nameserver lines of a resolv.conf */
void hostfiles_servers(const char *resolv, struct strings *ret);
/* hostfiles_is_stub - are all servers in it those of systemd-resolved, which knows the real ones in another file? */
bool hostfiles_is_stub(const char *host);
