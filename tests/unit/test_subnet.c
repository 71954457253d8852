#include "../../cli/network/subnet.h"
#include "tap.h"

static void test_address(void)
{
	static const struct { const char *text; uint64_t n; const char *sum; } cases[] = {
		{ "10.89.0.0", 0, "10.89.0.0" }, { "10.89.0.255", 1, "10.89.1.0" }, { "10.255.255.255", 1, "11.0.0.0" },
		{ "0.0.0.0", 0xffffffff, "255.255.255.255" }, { "fd00::ffff:ffff:ffff:ffff", 1, "fd00:0:0:1::" },
		{ "fd00::", 0x123456789a, "fd00::12:3456:789a" },
	};
	struct address a;
	char out[ADDRESS_TEXT_MAX];
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		OK(address_parse(cases[i].text, &a) == 0);
		struct address sum = address_nth(&a, cases[i].n);
		OK_STR(address_text(&sum, out), cases[i].sum);
	}
	OK(address_parse("255.255.255.255", &a) == 0 && address_nth(&a, 1).family == 0);
	OK(address_parse("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", &a) == 0 && address_nth(&a, 1).family == 0);
	static const char *const bad[] = { "", "10.89.0", "10.89.0.256", "fd00", "::g", "10.89.0.1 ", "1:2", NULL };
	for (size_t i = 0; bad[i]; i++)
		OK(address_parse(bad[i], &a) == -EINVAL);
}

static void test_mac(void)
{
	struct address a;
	unsigned char mac[6];
	OK(address_parse("10.89.0.2", &a) == 0);
	address_mac(&a, mac);
	OK(memcmp(mac, "\x02\xca\x0a\x59\x00\x02", 6) == 0);
	OK(mac_parse("92:d0:C6:0a:29:33", mac) == 0 && memcmp(mac, "\x92\xd0\xc6\x0a\x29\x33", 6) == 0);
	static const char *const bad[] = { "", "92:d0:c6:0a:29", "92:d0:c6:0a:29:3", "92:d0:c6:0a:29:33:1", "01:00:5e:00:00:01", "92-d0-c6-0a-29-33",
		"00:00:00:00:00:00", "g2:d0:c6:0a:29:33", "-2:d0:c6:0a:29:33", "ff:ff:ff:ff:ff:ff", NULL };
	for (size_t i = 0; bad[i]; i++)
		OK(mac_parse(bad[i], mac) == -EINVAL);
}

static void test_parse(void)
{
	struct subnet s;
	char out[SUBNET_TEXT_MAX];
	static const char *const good[] = { "10.89.0.0/24", "10.0.0.0/8", "192.168.5.4/30", "172.16.0.0/12", "fd00:1:2::/64", "2001:db8::/32",
		"fd00::/126", NULL };
	for (size_t i = 0; good[i]; i++) {
		OK(subnet_parse("--subnet", good[i], &s, NULL) == 0);
		OK_STR(subnet_text(&s, out), good[i]);
	}
	static const struct { const char *text, *sentence; } bad[] = {
		{ "", "--subnet '': give an address and the length of its prefix, such as 10.90.0.0/24 or fd00:1::/64" },
		{ "10.89.0.0", "--subnet '10.89.0.0': give an address and the length of its prefix, such as 10.90.0.0/24 or fd00:1::/64" },
		{ "10.89.0/24", "--subnet '10.89.0/24': '10.89.0' is no address" },
		{ "/24", "--subnet '/24': '' is no address" },
		{ "10.89.0.0/33", "--subnet '10.89.0.0/33': the prefix of an IPv4 subnet is a number from 0 to 32" },
		{ "10.89.0.0/", "--subnet '10.89.0.0/': the prefix of an IPv4 subnet is a number from 0 to 32" },
		{ "fd00::/129", "--subnet 'fd00::/129': the prefix of an IPv6 subnet is a number from 0 to 128" },
		{ "10.89.0.1/24", "--subnet '10.89.0.1/24': there are bits behind the prefix; did you mean '10.89.0.0/24'?" },
		{ "fd00::1/64", "--subnet 'fd00::1/64': there are bits behind the prefix; did you mean 'fd00::/64'?" },
		{ "10.89.0.0/31", "--subnet '10.89.0.0/31': it has no room for a gateway and a container: the longest prefix is /30" },
		{ "fd00::/128", "--subnet 'fd00::/128': it has no room for a gateway and a container: the longest prefix is /126" },
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct error err = { 0 };
		OK(subnet_parse("--subnet", bad[i].text, &s, &err) == -EINVAL);
		OK_STR(err.text, bad[i].sentence);
	}
	static const char *const others[] = { "127.0.0.0/8", "224.0.0.0/8", "240.0.0.0/24", "0.0.0.0/0", "0.0.0.0/8", "ff02::/64", "fe80::/64",
		"::/64", "::/0", "::ffff:0:0/96", NULL };
	for (size_t i = 0; others[i]; i++)
		OK(subnet_parse("--subnet", others[i], &s, NULL) == -EINVAL);
	OK(subnet_parse_any("--ip-range", "10.89.0.7/32", &s, NULL) == 0 && s.prefix == 32);
}

static struct subnet of(const char *text)
{
	struct subnet s = { 0 };
	(void) subnet_parse_any("", text, &s, NULL);
	return s;
}

static void test_relations(void)
{
	static const struct { const char *a, *b; bool overlap, within; } cases[] = {
		{ "10.89.0.0/24", "10.89.0.0/24", true, true }, { "10.89.0.0/24", "10.89.1.0/24", false, false },
		{ "10.89.0.0/24", "10.0.0.0/8", true, true }, { "10.0.0.0/8", "10.89.0.0/24", true, false },
		{ "10.89.0.128/25", "10.89.0.0/25", false, false }, { "fd00::/64", "fd00::/48", true, true },
		{ "fd00::/64", "10.89.0.0/24", false, false }, { "0.0.0.0/0", "10.89.0.0/24", true, false },
		{ "::/0", "10.89.0.0/24", false, false },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct subnet a = of(cases[i].a), b = of(cases[i].b);
		OK(subnet_overlaps(&a, &b) == cases[i].overlap && subnet_overlaps(&b, &a) == cases[i].overlap);
		OK(subnet_within(&a, &b) == cases[i].within);
	}
	static const struct { const char *subnet, *next; } nexts[] = {
		{ "10.89.0.0/24", "10.89.1.0/24" }, { "10.89.255.0/24", "10.90.0.0/24" }, { "10.0.0.0/8", "11.0.0.0/8" },
		{ "10.89.0.128/25", "10.89.1.0/25" }, { "fd00::/64", "fd00:0:0:1::/64" }, { "10.89.0.4/30", "10.89.0.8/30" },
		{ "10.89.0.255/32", "10.89.1.0/32" },
	};
	char out[SUBNET_TEXT_MAX];
	for (size_t i = 0; i < sizeof nexts / sizeof *nexts; i++) {
		struct subnet s = of(nexts[i].subnet), next = subnet_next(&s);
		OK_STR(subnet_text(&next, out), nexts[i].next);
	}
	struct subnet last = of("255.255.255.0/24");
	OK(subnet_next(&last).base.family == 0);
}

static void test_hosts(void)
{
	static const struct { const char *subnet, *address; bool host; } cases[] = {
		{ "10.89.0.0/24", "10.89.0.0", false }, { "10.89.0.0/24", "10.89.0.1", true }, { "10.89.0.0/24", "10.89.0.254", true },
		{ "10.89.0.0/24", "10.89.0.255", false }, { "10.89.0.0/24", "10.89.1.1", false }, { "10.89.0.0/16", "10.89.0.255", true },
		{ "10.89.0.8/30", "10.89.0.11", false }, { "10.89.0.8/30", "10.89.0.10", true }, { "fd00::/64", "fd00::", false },
		{ "fd00::/64", "fd00::1", true }, { "fd00::/64", "fd00::ffff:ffff:ffff:ffff", true }, { "fd00::/64", "10.89.0.1", false },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct subnet s = of(cases[i].subnet);
		struct address a;
		OK(address_parse(cases[i].address, &a) == 0 && subnet_is_host(&s, &a) == cases[i].host);
	}
}

static bool below(void *ctx, const struct address *a) { return a->bytes[3] < *(unsigned char *) ctx; }

static void test_free(void)
{
	struct subnet pool = of("10.89.0.0/24"), range = of("10.89.0.128/25"), one = of("10.89.0.7/32"), end = of("10.89.0.252/30");
	struct address a;
	char out[ADDRESS_TEXT_MAX];
	unsigned char first = 0;
	OK(subnet_free(&pool, NULL, NULL, below, &first, &a) == 0);
	OK_STR(address_text(&a, out), "10.89.0.1");
	OK(subnet_free(&pool, &range, NULL, below, &first, &a) == 0);
	OK_STR(address_text(&a, out), "10.89.0.128");
	OK(subnet_free(&pool, &one, NULL, below, &first, &a) == 0);
	OK_STR(address_text(&a, out), "10.89.0.7");
	first = 8;
	OK(subnet_free(&pool, &one, NULL, below, &first, &a) == -ENOSPC);
	first = 0;
	OK(address_parse("10.89.0.200", &a) == 0 && subnet_free(&pool, &range, &a, below, &first, &a) == 0);
	OK_STR(address_text(&a, out), "10.89.0.201");
	OK(address_parse("10.89.0.254", &a) == 0 && subnet_free(&pool, &range, &a, below, &first, &a) == 0);
	OK_STR(address_text(&a, out), "10.89.0.128");
	OK(address_parse("10.89.0.255", &a) == 0 && subnet_free(&pool, NULL, &a, below, &first, &a) == 0);
	OK_STR(address_text(&a, out), "10.89.0.1");
	first = 254;
	OK(subnet_free(&pool, &end, NULL, below, &first, &a) == 0);
	OK_STR(address_text(&a, out), "10.89.0.254");
	first = 255;	/* the broadcast address is nobody's */
	OK(subnet_free(&pool, &end, NULL, below, &first, &a) == -ENOSPC);
	OK(subnet_free(&pool, NULL, NULL, below, &first, &a) == -ENOSPC);
}

int main(void)
{
	test_address();
	test_mac();
	test_parse();
	test_relations();
	test_hosts();
	test_free();
	return tap_done();
}
