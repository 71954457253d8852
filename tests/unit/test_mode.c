#include "../../cli/network/mode.h"
#include "cleanup.h"
#include "tap.h"

/* shown - "n1:0 n2:1": names and interfaces */
static const char *shown(const struct record_networking *n)
{
	static char out[512];
	size_t at = 0;
	out[0] = 0;
	for (size_t i = 0; i < n->n_networks; i++)
		at += (size_t) snprintf(out + at, sizeof out - at, "%s%s:%u", i ? " " : "", n->networks[i].name, network_interface(n, i));
	return out;
}

static void test_interfaces(void)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	const struct network_options none = { 0 };
	struct network_attachment given[] = { { .name = (char *) "n1" }, { .name = (char *) "n2" } };
	struct record_networking n = { .networks = given, .n_networks = 2 };
	const struct record_networking before = n;
	OK_STR(shown(&n), "n1:0 n2:1");
	OK(network_attach(&n, "n3", &none, &pool, NULL) == 0);
	OK_STR(shown(&n), "n1:0 n2:1 n3:2");
	OK_STR(shown(&before), "n1:0 n2:1");	/* the old list is as it was */
	OK(network_detach(&n, "n2", &pool) == 0);
	OK_STR(shown(&n), "n1:0 n3:2");
	OK(network_attach(&n, "n4", &none, &pool, NULL) == 0);
	OK_STR(shown(&n), "n1:0 n3:2 n4:1");
	OK(network_detach(&n, "n1", &pool) == 0 && network_detach(&n, "n3", &pool) == 0 && network_detach(&n, "n4", &pool) == 0);
	OK_STR(shown(&n), "");
	OK(network_detach(&n, "n4", &pool) == -ENOENT);
	for (int i = 0; i < NETWORKS_MAX; i++) {
		char name[8];
		snprintf(name, sizeof name, "m%d", i);
		OK(network_attach(&n, name, &none, &pool, NULL) == 0);
	}
	OK(network_interface(&n, NETWORKS_MAX - 1) == NETWORKS_MAX - 1);
	struct error err = { 0 };
	OK(network_attach(&n, "more", &none, &pool, &err) == -ENOSPC && strstr(err.text, "16 networks already"));
	OK(n.n_networks == NETWORKS_MAX);
}

static void test_options(void)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct record_networking n = { 0 };
	struct network_options o = { .ip = (char *) "10.1.2.3", .ip6 = (char *) "fd00:0::9", .mac = (char *) "92-D0-C6-0A-29-33" };
	strings_add(&o.aliases, "www");
	strings_add(&o.aliases, "www");
	strings_add(&o.aliases, "db.shop");
	OK(network_attach(&n, "n1", &o, &pool, NULL) == 0);
	OK_STR(n.networks[0].ip, "10.1.2.3");
	OK_STR(n.networks[0].ip6, "fd00::9");
	OK_STR(n.networks[0].mac, "92:d0:c6:0a:29:33");
	OK_STR(n.networks[0].aliases[0], "www");
	OK_STR(n.networks[0].aliases[1], "db.shop");
	OK(!n.networks[0].aliases[2]);
	static const struct { const char *ip, *ip6, *mac, *alias, *says; } bad[] = {
		{ "fd00::1", NULL, NULL, NULL, "--ip 'fd00::1': not an IPv4 address" },
		{ NULL, "10.1.2.3", NULL, NULL, "--ip6 '10.1.2.3': not an IPv6 address" },
		{ NULL, NULL, "92:d0:c6", NULL, "--mac-address '92:d0:c6': not a hardware address" },
		{ NULL, NULL, NULL, "a b", "--alias 'a b': not a host name" },
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct network_options b = { .ip = (char *) (uintptr_t) bad[i].ip, .ip6 = (char *) (uintptr_t) bad[i].ip6,
					     .mac = (char *) (uintptr_t) bad[i].mac };
		struct error err = { 0 };
		if (bad[i].alias)
			strings_add(&b.aliases, bad[i].alias);
		OK(network_attach(&n, "n2", &b, &pool, &err) == -EINVAL && strstr(err.text, bad[i].says));
		strings_done(&b.aliases);
	}
	struct error err = { 0 };
	OK(network_attach(&n, "n1", &(struct network_options) { 0 }, &pool, &err) == -EEXIST);
	OK(n.n_networks == 1);
	strings_done(&o.aliases);
}

int main(void)
{
	test_interfaces();
	test_options();
	return tap_done();
}
