#include "dns.h"
#include <ctype.h>
#include <string.h>

enum { HEADER = 12, QR = 0x80, OPCODE = 0x78, RD = 0x01, TC = 0x02, RA = 0x80, AA = 0x04, POINTER = 0xc0, RECORD = 12 };

static uint16_t get16(const unsigned char *p) { return (uint16_t) (p[0] << 8 | p[1]); }

static unsigned char *put16(unsigned char *p, unsigned value)
{
	p[0] = (unsigned char) (value >> 8);
	p[1] = (unsigned char) value;
	return p + 2;
}

/* read_name - of the question: there is nothing before it that a pointer could point to. Return: what is behind it, 0: it is none */
static size_t read_name(const unsigned char *packet, size_t len, char out[256])
{
	size_t at = HEADER, n = 0;
	while (at < len && packet[at]) {
		size_t label = packet[at++];
		if (label > 63 || label > len - at || n + label + 1 > 254)
			return 0;
		if (n)
			out[n++] = '.';
		for (; label; label--, at++) {
			int c = packet[at];
			out[n++] = isalnum(c) || c == '-' || c == '_' ? (char) tolower(c) : '?';
		}
	}
	out[n] = 0;
	return at < len ? at + 1 : 0;
}

static int parse_question(const unsigned char *packet, size_t len, struct dns_question *ret)
{
	struct dns_question q = { 0 };
	if (len < HEADER || get16(packet + 4) != 1)
		return -EBADMSG;
	size_t at = read_name(packet, len, q.name);
	if (!at || len - at < 4)
		return -EBADMSG;
	q.id = get16(packet);
	q.type = get16(packet + at);
	q.class = get16(packet + at + 2);
	q.end = at + 4;
	*ret = q;
	return 0;
}

int dns_parse(const unsigned char *packet, size_t len, struct dns_question *ret)
{
	if (len < HEADER || packet[2] & (QR | OPCODE) || get16(packet + 6) || get16(packet + 8))
		return -EBADMSG;
	return parse_question(packet, len, ret);
}

size_t dns_answer(const unsigned char *packet, const struct dns_question *q, int code, const struct address *list, size_t n, size_t max,
		  unsigned char *out)
{
	const int family = q->type == DNS_A ? AF_INET : q->type == DNS_AAAA ? AF_INET6 : AF_UNSPEC;
	memcpy(out, packet, q->end);
	out[2] = (unsigned char) (QR | (packet[2] & RD) | (code == DNS_OK ? AA : 0));
	out[3] = (unsigned char) (RA | code);
	memset(out + 6, 0, 6);
	unsigned char *at = out + q->end;
	unsigned count = 0;
	for (size_t i = 0; i < n && count < DNS_ANSWER_MAX; i++) {
		if (list[i].family != family)
			continue;
		if ((size_t) (at - out) + RECORD + address_size(&list[i]) > max) {
			out[2] |= TC;
			break;
		}
		at = put16(at, POINTER << 8 | HEADER);
		at = put16(at, q->type);
		at = put16(at, DNS_IN);
		memset(at, 0, 4);
		at = put16(at + 4, address_size(&list[i]));
		memcpy(at, list[i].bytes, address_size(&list[i]));
		at += address_size(&list[i]);
		count++;
	}
	(void) put16(out + 6, count);
	return (size_t) (at - out);
}

size_t dns_cut(unsigned char *packet, const struct dns_question *q)
{
	packet[2] |= TC;
	memset(packet + 6, 0, 6);
	return q->end;
}

bool dns_is_answer(const unsigned char *packet, size_t len, uint16_t id, const struct dns_question *q)
{
	struct dns_question a;
	return len >= HEADER && packet[2] & QR && parse_question(packet, len, &a) == 0 && a.id == id && a.type == q->type && a.class == q->class &&
	       strcmp(a.name, q->name) == 0;
}
