#include "subnet.h"
#include "str.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

enum { LONGEST_SEARCH = 1 << 20 };

/* ---- addresses ---- */

int address_parse(const char *text, struct address *ret)
{
	struct address a = { .family = strchr(text, ':') ? AF_INET6 : AF_INET };
	if (inet_pton(a.family, text, a.bytes) != 1)
		return -EINVAL;
	*ret = a;
	return 0;
}

const char *address_text(const struct address *a, char out[ADDRESS_TEXT_MAX])
{
	return inet_ntop(a->family, a->bytes, out, ADDRESS_TEXT_MAX);
}

bool address_eq(const struct address *a, const struct address *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, address_size(a)) == 0;
}

struct address address_nth(const struct address *a, uint64_t n)
{
	struct address sum = *a;
	for (unsigned i = address_size(a); i-- > 0 && n;) {
		n += sum.bytes[i];
		sum.bytes[i] = (unsigned char) n;
		n >>= 8;
	}
	if (n)	/* beyond the last address there is */
		sum.family = 0;
	return sum;
}

void address_mac(const struct address *a, unsigned char mac[6])
{
	mac[0] = 0x02;
	mac[1] = 0xca;
	memcpy(mac + 2, a->bytes + address_size(a) - 4, 4);
}

int mac_parse(const char *text, unsigned char ret[6])
{
	unsigned char mac[6];
	char rest;
	if (strlen(text) != 17 || sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%c", &mac[0], &mac[1], &mac[2], &mac[3], &mac[4], &mac[5],
					 &rest) != 6)
		return -EINVAL;
	static const unsigned char nobody[6];
	if ((mac[0] & 1) || memcmp(mac, nobody, sizeof mac) == 0 || text[strspn(text, "0123456789abcdefABCDEF:")])
		return -EINVAL;
	memcpy(ret, mac, sizeof mac);
	return 0;
}

/* ---- subnets ---- */

/* mask - the byte @i of a netmask of @prefix bits */
static unsigned char mask(unsigned prefix, unsigned i)
{
	unsigned bits = prefix > 8 * i ? prefix - 8 * i : 0;
	return bits >= 8 ? 0xff : (unsigned char) (0xff00 >> bits);
}

static struct address masked(const struct address *a, unsigned prefix)
{
	struct address m = *a;
	for (unsigned i = 0; i < address_size(a); i++)
		m.bytes[i] &= mask(prefix, i);
	return m;
}

bool subnet_has(const struct subnet *s, const struct address *a)
{
	struct address base = masked(a, s->prefix);
	return a->family == s->base.family && address_eq(&base, &s->base);
}

bool subnet_overlaps(const struct subnet *a, const struct subnet *b)
{
	return subnet_has(a, &b->base) || subnet_has(b, &a->base);
}

bool subnet_within(const struct subnet *inner, const struct subnet *outer)
{
	return inner->prefix >= outer->prefix && subnet_has(outer, &inner->base);
}

const char *subnet_text(const struct subnet *s, char out[SUBNET_TEXT_MAX])
{
	char address[ADDRESS_TEXT_MAX];
	snprintf(out, SUBNET_TEXT_MAX, "%s/%u", address_text(&s->base, address), s->prefix);
	return out;
}

int subnet_parse_any(const char *what, const char *text, struct subnet *ret, struct error *err)
{
	struct subnet s;
	char address[ADDRESS_TEXT_MAX];
	uint64_t prefix;
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t) (slash - text) : 0;
	if (!slash || len >= sizeof address)
		return error_say(err, EINVAL, "%s '%s': give an address and the length of its prefix, such as 10.90.0.0/24 or fd00:1::/64", what, text);
	snprintf(address, sizeof address, "%.*s", (int) len, text);
	if (address_parse(address, &s.base) < 0)
		return error_say(err, EINVAL, "%s '%s': '%s' is no address", what, text, address);
	if (str_to_u64(slash + 1, address_bits(&s.base), &prefix) < 0)
		return error_say(err, EINVAL, "%s '%s': the prefix of an %s subnet is a number from 0 to %u", what, text,
				 s.base.family == AF_INET ? "IPv4" : "IPv6", address_bits(&s.base));
	s.prefix = (unsigned) prefix;
	struct subnet right = { masked(&s.base, s.prefix), s.prefix };
	char proper[SUBNET_TEXT_MAX];
	if (!address_eq(&right.base, &s.base))
		return error_say(err, EINVAL, "%s '%s': there are bits behind the prefix; did you mean '%s'?", what, text,
				 subnet_text(&right, proper));
	*ret = s;
	return 0;
}

static bool is_unicast(const struct subnet *s)
{
	const unsigned char *b = s->base.bytes;
	if (s->base.family == AF_INET)
		return s->prefix >= 4 && b[0] != 0 && b[0] != 127 && b[0] < 224;
	static const struct subnet loopback = { { AF_INET6, { 0 } }, 80 };	/* and the unspecified one, and IPv4 in disguise */
	return s->prefix >= 8 && b[0] != 0xff && !(b[0] == 0xfe && (b[1] & 0xc0) == 0x80) && !subnet_overlaps(s, &loopback);
}

int subnet_parse(const char *what, const char *text, struct subnet *ret, struct error *err)
{
	struct subnet s;
	int r = subnet_parse_any(what, text, &s, err);
	if (r < 0)
		return r;
	if (s.prefix > address_bits(&s.base) - 2)
		return error_say(err, EINVAL, "%s '%s': it has no room for a gateway and a container: the longest prefix is /%u", what, text,
				 address_bits(&s.base) - 2);
	if (!is_unicast(&s))
		return error_say(err, EINVAL, "%s '%s': no containers can have these addresses: give a part of 10.0.0.0/8, 172.16.0.0/12, "
				 "192.168.0.0/16 or fd00::/8", what, text);
	*ret = s;
	return 0;
}

struct subnet subnet_next(const struct subnet *s)
{
	struct subnet next = *s;
	unsigned i = (s->prefix - 1) / 8;
	unsigned carry = 1U << (7 - (s->prefix - 1) % 8);
	for (i++; i-- > 0 && carry;) {
		carry += next.base.bytes[i];
		next.base.bytes[i] = (unsigned char) carry;
		carry >>= 8;
	}
	if (carry)
		next.base.family = 0;
	return next;
}

bool subnet_is_host(const struct subnet *s, const struct address *a)
{
	if (!subnet_has(s, a) || address_eq(a, &s->base))
		return false;
	bool last = a->family == AF_INET;
	for (unsigned i = 0; last && i < address_size(a); i++)
		last = (a->bytes[i] | mask(s->prefix, i)) == 0xff;
	return !last;
}

static int search(const struct subnet *pool, const struct subnet *within, struct address a, bool (*taken)(void *ctx, const struct address *a),
		  void *ctx, struct address *ret)
{
	for (uint64_t n = 0; n < LONGEST_SEARCH && a.family && subnet_has(within, &a); n++) {
		if (subnet_is_host(pool, &a) && !taken(ctx, &a)) {
			*ret = a;
			return 0;
		}
		a = address_nth(&a, 1);
	}
	return -ENOSPC;
}

int subnet_free(const struct subnet *pool, const struct subnet *range, const struct address *after,
		bool (*taken)(void *ctx, const struct address *a), void *ctx, struct address *ret)
{
	const struct subnet *within = range ? range : pool;
	int r = after ? search(pool, within, address_nth(after, 1), taken, ctx, ret) : -ENOSPC;
	return r < 0 ? search(pool, within, within->base, taken, ctx, ret) : r;
}
