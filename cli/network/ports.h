/* ports.h - which of the host's ports lead to which of a container's.
 *
 *	options:	ports_parse() for each -p, ports_expose() for each --expose and for the image's EXPOSE, ports_publish_exposed() for -P
 *	every start:	ports_reserve(): free ones are chosen, what is taken is said before anything is made; then whoever forwards
 *			(pasta, slirp4netns, nftables) is told, and ports_release() when he holds them himself
 *
 * A container's record has what was asked for, its status what it became: there every host_port is a number, and host_end is 0.
 *
 * A reservation is a socket bound to each port, without SO_REUSEADDR, so that nobody else has it; behind that it gets SO_REUSEADDR, so that a
 * helper of ours, which sets that option as well, can bind it while we hold it. Two carriers that choose at the same time choose differently.
 * The sockets do not listen: nobody who connects waits for us. socket(7), ip(7), ipv6(7).
 */
#pragma once
#include "error.h"
#include "json.h"
#include "str.h"
#include <stdbool.h>
#include <stdint.h>

struct port_mapping {
	char *host_ip;			/* as inet_ntop(3) writes it; NULL: every address, IPv4 and IPv6. "0.0.0.0" and "::" are one family's */
	char *protocol;			/* "tcp" or "udp" */
	uint16_t host_port;		/* 0: any that is free */
	uint16_t host_end;		/* one of host_port to this one, whichever is free; 0: just host_port */
	uint16_t container_port;
};
extern const struct json_type port_mapping_type;

/* struct port_mappings - a list that grows; the words in it are a pool's, the list itself is ports_done()'s */
struct port_mappings { struct port_mapping *v; size_t n, size; };
void ports_done(struct port_mappings *m);
#define cleanup_ports __attribute__((cleanup(ports_done)))
void ports_add(struct port_mappings *to, const struct port_mapping *one);

/* ports_parse - a word of -p: [[IP:][HOST]:]CONTAINER[/tcp|/udp], either a port or FIRST-LAST, an IPv6 address in brackets; adds one
 * mapping for each port; "0.0.0.0" and "[::]" of the same port become every address. As docker: without HOST any free one, and a range of HOST for one CONTAINER is one of them.
 * -EINVAL with a sentence: no such form, ranges of different length, the same port of the host twice for different ones */
int ports_parse(const char *word, struct pool *pool, struct port_mappings *to, struct error *err);
/* ports_expose - PORT or FIRST-LAST, with /tcp or /udp: adds "80/tcp" to @to, each once. @option: whose word it is, for the sentence */
int ports_expose(const char *option, const char *word, struct strings *to, struct error *err);
/* ports_publish_exposed - -P: a free port for each of @exposed that has none yet */
void ports_publish_exposed(char *const *exposed, struct pool *pool, struct port_mappings *to);

/* ports_words - docker's PORTS column: "0.0.0.0:8000-8002->80-82/tcp, [::]:8000-8002->80-82/tcp, 443/tcp"; @exposed, those of them that are
 * not published, may be NULL. @pool owns it. */
char *ports_words(const struct port_mapping *v, size_t n, char *const *exposed, struct pool *pool);
/* ports_run - how many of the @n > 0 from the first on follow each other, at both ends */
size_t ports_run(const struct port_mapping *v, size_t n);
/* ports_address - "127.0.0.1", "[::1]"; @family: for a mapping without address, AF_INET "0.0.0.0", else "[::]". @out has room for 64 */
const char *ports_address(const struct port_mapping *m, int family, char out[64]);

struct port_reservation { int *fds; size_t n; bool all; };
/* ports_reserve - each of @v is bound, and added to @actual with the port that it has; in the network namespace of the caller.
 * -EADDRINUSE: the sentence has the process that holds the port, as far as it can be seen. -EACCES: a low port, the sentence has the sysctl.
 * -EADDRNOTAVAIL, -EAFNOSUPPORT. On failure nothing is held.
 * @ret: ->all is the caller's: hold all of them, in the order of @actual. Otherwise of thousands only those that must be */
int ports_reserve(const struct port_mapping *v, size_t n, struct pool *pool, struct port_mappings *actual, struct port_reservation *ret,
		  struct error *err);
void ports_release(struct port_reservation *r);
#define cleanup_reservation __attribute__((cleanup(ports_release)))
