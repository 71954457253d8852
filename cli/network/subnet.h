/* subnet.h - addresses and subnets, IPv4 and IPv6 alike, as numbers that can be compared, counted and printed.
 *
 * Pure. An address is its bytes in the network's order; a subnet is its first address and the length of its prefix.
 */
#pragma once
#include "error.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct address { int family; unsigned char bytes[16]; };	/* AF_INET has four of them; family 0: none */
struct subnet { struct address base; unsigned prefix; };
enum { ADDRESS_TEXT_MAX = 46, SUBNET_TEXT_MAX = 50 };

/* address_size - its bytes; address_bits - eight times as many */
static inline unsigned address_size(const struct address *a) { return a->family == AF_INET ? 4 : 16; }
static inline unsigned address_bits(const struct address *a) { return 8 * address_size(a); }
/* address_parse - "10.89.0.2", "fd00::2"; -EINVAL without a sentence */
int address_parse(const char *text, struct address *ret);
const char *address_text(const struct address *a, char out[ADDRESS_TEXT_MAX]);
bool address_eq(const struct address *a, const struct address *b);
/* address_nth - the one @n behind @a; the family 0 when there is none any more */
struct address address_nth(const struct address *a, uint64_t n);
/* address_mac - a locally administered MAC of an IPv4 address: who gets an address again has the MAC that its neighbours remember */
void address_mac(const struct address *a, unsigned char mac[6]);
/* mac_parse - "02:ca:0a:59:00:02"; -EINVAL without a sentence, also for a group's and for all zeroes */
int mac_parse(const char *text, unsigned char ret[6]);

/* subnet_parse - "10.89.0.0/24"; -EINVAL with a sentence that begins with @what. Bits behind the prefix are refused, and the sentence says
 * what was probably meant. So are prefixes without room for a gateway and a container, and subnets that are no unicast ones. */
int subnet_parse(const char *what, const char *text, struct subnet *ret, struct error *err);
/* subnet_parse_any - the same for a range of addresses, which may be as small as one */
int subnet_parse_any(const char *what, const char *text, struct subnet *ret, struct error *err);
const char *subnet_text(const struct subnet *s, char out[SUBNET_TEXT_MAX]);
bool subnet_has(const struct subnet *s, const struct address *a);
bool subnet_overlaps(const struct subnet *a, const struct subnet *b);
/* subnet_within - is all of @inner in @outer? */
bool subnet_within(const struct subnet *inner, const struct subnet *outer);
/* subnet_next - the one of the same size behind it; the family 0 when there is none any more */
struct subnet subnet_next(const struct subnet *s);
/* subnet_is_host - is it an address that an interface can have: not the subnet's own, nor an IPv4 subnet's broadcast address? */
bool subnet_is_host(const struct subnet *s, const struct address *a);
/* subnet_free - the first of @pool's behind @after, and else from its beginning (NULL: at once), that is a host's of it, in @range (NULL:
 * all of it), and not @taken()
 * -ENOSPC without a sentence: there is none */
int subnet_free(const struct subnet *pool, const struct subnet *range, const struct address *after,
		bool (*taken)(void *ctx, const struct address *a), void *ctx, struct address *ret);
