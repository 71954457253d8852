#include "../../cli/network/dns.h"
#include "tap.h"

static const unsigned char query[] = "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x02" "dB" "\x04shop\x00\x00\x01\x00\x01";
enum { LEN = sizeof query - 1 };

static void test_parse(void)
{
	struct dns_question q;
	unsigned char p[300];
	OK(dns_parse(query, LEN, &q) == 0 && q.id == 0x1234 && q.type == DNS_A && q.class == DNS_IN && q.end == LEN);
	OK_STR(q.name, "db.shop");
	for (size_t len = 0; len < LEN; len++)	/* cut off anywhere */
		OK(dns_parse(query, len, &q) == -EBADMSG);
	static const struct { size_t at; unsigned char value; } bad[] = { { 2, 0x81 }, { 2, 0x10 }, { 5, 0 }, { 5, 2 }, { 7, 1 }, { 9, 1 },
		{ 12, 0xc0 }, { 12, 64 }, { 12, 63 }, { 15, 0x80 } };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		memcpy(p, query, LEN);
		p[bad[i].at] = bad[i].value;
		OK(dns_parse(p, LEN, &q) == -EBADMSG);
	}
	memcpy(p, query, LEN);
	p[13] = '\0';
	OK(dns_parse(p, LEN, &q) == 0);
	OK_STR(q.name, "?b.shop");
	memcpy(p, query, 12);	/* the longest name there is, and one that is longer */
	memset(p + 12, 1, 288);
	p[12 + 2 * 127] = 0;
	OK(dns_parse(p, 12 + 2 * 127 + 5, &q) == 0 && strlen(q.name) == 253);
	p[12 + 2 * 127] = 1;
	p[12 + 2 * 128] = 0;
	OK(dns_parse(p, 12 + 2 * 128 + 5, &q) == -EBADMSG);
}

static void test_answer(void)
{
	struct dns_question q;
	struct address list[3] = { { 0 } };
	unsigned char out[DNS_PACKET_MAX];
	(void) address_parse("10.89.0.2", &list[0]);
	(void) address_parse("fd00::2", &list[1]);
	(void) address_parse("10.89.0.3", &list[2]);
	OK(dns_parse(query, LEN, &q) == 0);
	OK(dns_answer(query, &q, DNS_OK, list, 3, DNS_SMALL, out) == LEN + 2 * 16);
	OK(memcmp(out, "\x12\x34\x85\x80\x00\x01\x00\x02\x00\x00\x00\x00", 12) == 0);
	OK(memcmp(out + LEN, "\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x00\x00\x04\x0a\x59\x00\x02", 16) == 0);
	OK(memcmp(out + LEN + 16 + 12, "\x0a\x59\x00\x03", 4) == 0);
	q.type = DNS_AAAA;
	OK(dns_answer(query, &q, DNS_OK, list, 3, DNS_SMALL, out) == LEN + 28);
	q.type = 15;
	OK(dns_answer(query, &q, DNS_OK, list, 3, DNS_SMALL, out) == LEN && out[7] == 0);
	OK(dns_answer(query, &q, DNS_REFUSED, NULL, 0, DNS_SMALL, out) == LEN && out[3] == (0x80 | DNS_REFUSED) && out[2] == 0x81);
	q.type = DNS_A;
	struct address many[100];
	for (size_t i = 0; i < 100; i++)
		many[i] = list[0];
	OK(dns_answer(query, &q, DNS_OK, many, 100, DNS_SMALL, out) == LEN + 30 * 16);	/* 512 bytes are what everybody can receive */
	OK(out[2] == 0x87 && out[7] == 30);	/* and it says so */
	OK(dns_answer(query, &q, DNS_OK, many, 100, DNS_PACKET_MAX, out) == LEN + 100 * 16 && out[2] == 0x85 && out[7] == 100);
	OK(dns_cut(out, &q) == LEN && memcmp(out, "\x12\x34\x87\x80\x00\x01\x00\x00\x00\x00\x00\x00", 12) == 0);
	OK(dns_is_answer(out, LEN, 0x1234, &q));
}

static void test_is_answer(void)
{
	struct dns_question q;
	unsigned char out[DNS_PACKET_MAX];
	OK(dns_parse(query, LEN, &q) == 0);
	OK(!dns_is_answer(query, LEN, 0x1234, &q));
	size_t len = dns_answer(query, &q, DNS_OK, NULL, 0, DNS_SMALL, out);
	OK(dns_is_answer(out, len, 0x1234, &q));
	OK(!dns_is_answer(out, len, 0x1235, &q));
	OK(!dns_is_answer(out, len - 1, 0x1234, &q));
	out[13] = 'x';
	OK(!dns_is_answer(out, len, 0x1234, &q));
}

int main(void)
{
	test_parse();
	test_answer();
	test_is_answer();
	return tap_done();
}
