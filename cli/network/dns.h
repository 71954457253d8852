/* dns.h - the questions and answers of the domain name system, RFC 1035: as much of them as answering for a few names takes.
 *
 * Pure. Packets come from containers and from the network: nothing in them is trusted.
 */
#pragma once
#include "subnet.h"
#include <stddef.h>

enum { DNS_PACKET_MAX = 4096, DNS_SMALL = 512, DNS_ANSWER_MAX = 128 };
enum { DNS_A = 1, DNS_AAAA = 28, DNS_IN = 1 };
enum { DNS_OK = 0, DNS_FORMAT = 1, DNS_FAILED = 2, DNS_REFUSED = 5 };

struct dns_question {
	char name[256];			/* in small letters, without the dot at the end */
	uint16_t id, type, class;
	size_t end;			/* of the question in the packet */
};
/* dns_parse - -EBADMSG: it is no query with one question. Names of other characters than letters, digits, '-', '_' have '?' in their place */
int dns_parse(const unsigned char *packet, size_t len, struct dns_question *ret);
/* dns_answer - to the query @packet, as to @q: of the @n addresses those of the type that was asked for, as many as fit into @max bytes
 * (DNS_SMALL: what everybody takes as a packet), and when it were not all it says that it was cut off; valid for no longer than now (TTL 0), so
 * that nobody holds an address that a container had. @out has room for DNS_PACKET_MAX. Return: the length */
size_t dns_answer(const unsigned char *packet, const struct dns_question *q, int code, const struct address *list, size_t n, size_t max,
		  unsigned char *out);
/* dns_cut - of the answer @packet to @q only the question is left, and that it was cut off. Return: the length */
size_t dns_cut(unsigned char *packet, const struct dns_question *q);
/* dns_is_answer - is it one to that question, with that id? */
bool dns_is_answer(const unsigned char *packet, size_t len, uint16_t id, const struct dns_question *q);
