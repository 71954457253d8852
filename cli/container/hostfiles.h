/* hostfiles.h - the texts of a container's own /etc/hosts, /etc/hostname and /etc/resolv.conf. hosts(5), resolv.conf(5)
 *
 * Pure but for hostfiles_address(); the caller frees every text.
 */
#pragma once
#include "settings.h"

enum { HOSTFILES_ADDRESS_MAX = 46 };

/* hostfiles_address - the host's own first global address as text, IPv4 before IPv6; NULL when it has none */
const char *hostfiles_address(char out[HOSTFILES_ADDRESS_MAX]);

/* hostfiles_hosts - @network: "none", "host" or "private" (also NULL). @gateway: the host's address, or NULL */
char *hostfiles_hosts(const char *network, const char *hostname, const char *gateway, const struct record_settings *settings);

/* hostfiles_resolv - @host: the host's resolv.conf, "" when there is none
 * private: the forwarder of the user-mode network, which also reaches servers on the host's loopback, and the host's
 * search and options lines; host: a copy; none: empty. --dns replaces the servers in every mode, --dns-search and --dns-option those lines. */
char *hostfiles_resolv(const char *network, const char *host, const struct record_settings *settings);
