#include "../../cli/image/reference.h"
#include "str.h"
#include "tap.h"

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct { const char *text, *name, *familiar; } good[] = {
	{ "debian", "docker.io/library/debian:latest", "debian:latest" },
	{ "debian:12", "docker.io/library/debian:12", "debian:12" },
	{ "user/app", "docker.io/user/app:latest", "user/app:latest" },
	{ "docker.io/debian", "docker.io/library/debian:latest", "debian:latest" },
	{ "index.docker.io/library/debian", "docker.io/library/debian:latest", "debian:latest" },
	{ "quay.io/a/b/c:v1", "quay.io/a/b/c:v1", "quay.io/a/b/c:v1" },
	{ "127.0.0.1:5000/debian", "127.0.0.1:5000/debian:latest", "127.0.0.1:5000/debian:latest" },
	{ "localhost/x", "localhost/x:latest", "localhost/x:latest" },
	{ "[::1]:5000/x", "[::1]:5000/x:latest", "[::1]:5000/x:latest" },
	{ "host:443/a-b__c.d---e", "host:443/a-b__c.d---e:latest", "host:443/a-b__c.d---e:latest" },
	{ "a@sha256:" HEX64, "docker.io/library/a@sha256:" HEX64, "a@sha256:" HEX64 },
	{ "a:t@sha256:" HEX64, "docker.io/library/a@sha256:" HEX64, "a@sha256:" HEX64 },
	{ "x:Tag_1.2-3", "docker.io/library/x:Tag_1.2-3", "x:Tag_1.2-3" },
};

static const struct { const char *text, *says; } bad[] = {
	{ "", "empty" }, { "Debian", "lower-case" }, { "a//b", "lower-case" }, { "a/", "lower-case" }, { "a..b", "lower-case" },
	{ "a___b", "lower-case" }, { "-a", "lower-case" }, { "a-", "lower-case" }, { "a b", "lower-case" }, { "a:", "not a tag" },
	{ "a:.x", "not a tag" }, { "a:x y", "not a tag" }, { "a@sha256:123", "64 lower-case hex" },
	{ "a@sha256:0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef", "64 lower-case hex" },
	{ "a@md5:0123", "unknown algorithm" }, { "a@", "64 lower-case hex" }, { "host:99999/a", "port" }, { "host:/a", "port" },
	{ "ho_st.:5/a", "not a registry" }, { "../x", "not a registry" }, { HEX64 HEX64 HEX64 HEX64 ".o/a", "at most 253" }, { "h.o/../x", "lower-case" }, { "a\nb", "lower-case" },
};

int main(void)
{
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		struct pool pool = { 0 };
		struct error err = { 0 };
		struct reference r = { 0 };
		OK(reference_parse(good[i].text, &pool, &r, &err) == 0);
		OK_STR(r.name, good[i].name);
		OK_STR(r.familiar, good[i].familiar);
		struct reference again = { 0 };	/* the canonical name parses to itself */
		OK(r.name && reference_parse(r.name, &pool, &again, &err) == 0 && str_eq(again.name, r.name));
		pool_done(&pool);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct pool pool = { 0 };
		struct error err = { 0 };
		struct reference r = { 0 };
		OK(reference_parse(bad[i].text, &pool, &r, &err) < 0);
		if (!OK(strstr(err.text, bad[i].says) != NULL))
			printf("#  '%s': %s\n", bad[i].text, err.text);
		pool_done(&pool);
	}
	return tap_done();
}
