/* fuzz_dns.c - the input is a packet that a container has sent to 127.0.0.11, and also what a server has answered. */
#include "../../cli/network/dns.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct address list[] = { { AF_INET, { 10, 89, 0, 2 } }, { AF_INET6, { 0xfd } } };
	static unsigned char out[DNS_PACKET_MAX];
	struct dns_question q, again;
	unsigned char *exact = malloc(size ? size : 1);		/* so that a byte read behind it is seen */
	if (!exact)
		abort();
	memcpy(exact, data, size);
	if (dns_parse(exact, size, &q) == 0) {
		size_t len = dns_answer(exact, &q, DNS_OK, list, 2, DNS_SMALL, out);
		/* an answer of ours is one to that question, and no question */
		if (q.end > size || len > DNS_PACKET_MAX || !dns_is_answer(out, len, q.id, &q) || dns_parse(out, len, &again) != -EBADMSG)
			abort();
	} else {
		memset(&q, 0, sizeof q);
		(void) dns_is_answer(exact, size, 0, &q);
	}
	free(exact);
	return 0;
}
