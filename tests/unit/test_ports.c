/* -p in all of docker's forms, and taking the ports. */
#include "../../cli/network/ports.h"
#include "cleanup.h"
#include "tap.h"
#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* told - the mappings of blank-separated words, one after another, or the sentence */
static char *told(const char *words)
{
	static char text[2048];
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct port_mappings m cleanup_ports = { 0 };
	struct strings list cleanup_strings = { 0 };
	struct error err = { 0 };
	size_t len = 0;
	strings_split(&list, words, " ");
	for (size_t i = 0; i < list.n; i++)
		if (ports_parse(list.v[i], &pool, &m, &err) < 0)
			return strcpy(text, err.text);
	text[0] = 0;
	for (size_t i = 0; i < m.n; i++)
		len += (size_t) snprintf(text + len, sizeof text - len, "%s%s %u-%u %u/%s", i ? ", " : "", m.v[i].host_ip ? m.v[i].host_ip : "*",
					 m.v[i].host_port, m.v[i].host_end, m.v[i].container_port, m.v[i].protocol);
	return text;
}

static void test_forms(void)
{
	static const struct { const char *words, *want; } good[] = {
		{ "80", "* 0-0 80/tcp" },
		{ "80/udp", "* 0-0 80/udp" },
		{ ":80", "* 0-0 80/tcp" },
		{ "8080:80", "* 8080-0 80/tcp" },
		{ "8080:80/TCP", "* 8080-0 80/tcp" },
		{ "0:80", "* 0-0 80/tcp" },
		{ "53:53/udp 53:53/tcp", "* 53-0 53/udp, * 53-0 53/tcp" },
		{ "127.0.0.1:8080:80", "127.0.0.1 8080-0 80/tcp" },
		{ "127.0.0.1::80", "127.0.0.1 0-0 80/tcp" },
		{ "[::1]:8080:80", "::1 8080-0 80/tcp" },
		{ "[::1]::80/udp", "::1 0-0 80/udp" },
		{ "[0:0::1]:8080:80", "::1 8080-0 80/tcp" },
		{ "8000-8002:80-82", "* 8000-0 80/tcp, * 8001-0 81/tcp, * 8002-0 82/tcp" },
		{ "80-81", "* 0-0 80/tcp, * 0-0 81/tcp" },
		{ "8000-8010:80", "* 8000-8010 80/tcp" },
		{ "8000-8000:80", "* 8000-0 80/tcp" },
		{ "65535:65535", "* 65535-0 65535/tcp" },
		{ "8080:80 8080:80", "* 8080-0 80/tcp" },
		{ "127.0.0.1:8080:80 127.0.0.2:8080:81", "127.0.0.1 8080-0 80/tcp, 127.0.0.2 8080-0 81/tcp" },
		{ "127.0.0.1:8080:80 [::1]:8080:81", "127.0.0.1 8080-0 80/tcp, ::1 8080-0 81/tcp" },
		{ "0.0.0.0:8080:80 [::]:8080:80", "* 8080-0 80/tcp" },
	}, wrong[] = {
		{ "", "" },
		{ "x", "--publish 'x': give [[IP:]" },
		{ "80/sctp", "the protocol is tcp or udp" },
		{ "80/", "the protocol is tcp or udp" },
		{ "0", "give [[IP:]" },
		{ "8080:0", "give [[IP:]" },
		{ "8080:", "give [[IP:]" },
		{ "65536:80", "a port from 1 to 65535" },
		{ "-1:80", "a port from 1 to 65535" },
		{ "+80:80", "a port from 1 to 65535" },
		{ "90-80:1-11", "a port from 1 to 65535" },
		{ "0-5:80", "a port from 1 to 65535" },
		{ "8000-8002:80-81", "the ranges are of different length" },
		{ "8000:80-81", "the ranges are of different length" },
		{ "localhost:8080:80", "'localhost' is not an IPv4 address" },
		{ "1.2.3:8080:80", "'1.2.3' is not an IPv4 address" },
		{ "::1:8080:80", "an IPv6 address is put into brackets" },
		{ "[::1]8080:80", "behind an address in brackets a colon" },
		{ "[::1:8080:80", "behind an address in brackets a colon" },
		{ "[::1]:80", "the container's port is missing" },
		{ "[127.0.0.1]:80:80", "'127.0.0.1' is not an IPv6 address" },
		{ "[]:80:80", "'' is not an IPv6 address" },
		{ "[::1]:1:2:3", "too many colons" },
		{ "8080:80 8080:81", "port 8080 of the host leads to the container's port 80/tcp already" },
		{ "8080:80 127.0.0.1:8080:81", "leads to the container's port 80/tcp already" },
		{ "0.0.0.0:8080:80 8080:80", "leads to the container's port 80/tcp already" },
	};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		OK_STR(told(good[i].words), good[i].want);
	for (size_t i = 1; i < sizeof wrong / sizeof *wrong; i++) {
		const char *got = told(wrong[i].words);
		if (!OK(strstr(got, wrong[i].want) != NULL && strncmp(got, "--publish '", 11) == 0))
			printf("# of '%s': %s\n", wrong[i].words, got);
	}
}

static void test_exposed(void)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct strings e cleanup_strings = { 0 };
	struct port_mappings m cleanup_ports = { 0 };
	struct error err = { 0 };
	OK(ports_expose("--expose", "80", &e, &err) == 0 && ports_expose("--expose", "53/udp", &e, &err) == 0);
	OK(ports_expose("--expose", "80/tcp", &e, &err) == 0 && ports_expose("--expose", "90-92", &e, &err) == 0);
	OK(e.n == 5);
	OK_STR(e.v[1], "53/udp");
	OK_STR(e.v[4], "92/tcp");
	OK(ports_expose("--expose", "8080:80", &e, &err) == -EINVAL && strstr(err.text, "--expose '8080:80': give a port"));
	OK(ports_expose("--expose", "80/icmp", &e, &err) == -EINVAL && ports_expose("EXPOSE", "", &e, &err) == -EINVAL);

	OK(ports_parse("8080:80", &pool, &m, &err) == 0 && ports_parse("127.0.0.1:91:91", &pool, &m, &err) == 0);
	OK_STR(ports_words(m.v, m.n, e.v, &pool),
	       "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp, 127.0.0.1:91->91/tcp, 53/udp, 90/tcp, 92/tcp");
	ports_publish_exposed(e.v, &pool, &m);
	OK(m.n == 5 && m.v[2].container_port == 53 && strcmp(m.v[2].protocol, "udp") == 0 && m.v[2].host_port == 0);
	ports_publish_exposed(e.v, &pool, &m);
	OK(m.n == 5);
	ports_publish_exposed(NULL, &pool, &m);
	OK(m.n == 5);
}

static void test_words(void)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct port_mappings m cleanup_ports = { 0 };
	OK_STR(ports_words(NULL, 0, NULL, &pool), "");
	(void) ports_parse("[::1]:8000-8002:80-82", &pool, &m, NULL);
	(void) ports_parse("0.0.0.0:90:83", &pool, &m, NULL);
	(void) ports_parse("0.0.0.0:100-110:84", &pool, &m, NULL);
	(void) ports_parse("0.0.0.0::85-86/udp", &pool, &m, NULL);
	OK_STR(ports_words(m.v, m.n, NULL, &pool), "[::1]:8000-8002->80-82/tcp, 0.0.0.0:90->83/tcp, 0.0.0.0:100-110->84/tcp, 0.0.0.0:->85-86/udp");
}

/* listen_at - a socket of ours at 127.0.0.1, its port in @ret */
static int listen_at(int type, uint16_t *ret)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof a;
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *) &a, sizeof a) < 0 || (type == SOCK_STREAM && listen(fd, 1) < 0) ||
	    getsockname(fd, (struct sockaddr *) &a, &len) < 0)
		printf("Bail out! cannot listen at 127.0.0.1\n");
	*ret = ntohs(a.sin_port);
	return fd;
}

/* helper_binds - what pasta and slirp4netns do */
static bool helper_binds(uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port) };
	int on = 1;
	cleanup_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 && bind(fd, (struct sockaddr *) &a, sizeof a) == 0 &&
		listen(fd, 1) == 0;
}

static int reserve(const char *word, struct pool *pool, struct port_mappings *actual, struct port_reservation *held, struct error *err)
{
	struct port_mappings m cleanup_ports = { 0 };
	int r = ports_parse(word, pool, &m, err);
	return r < 0 ? r : ports_reserve(m.v, m.n, pool, actual, held, err);
}

static void test_taken(int type, const char *protocol)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct port_mappings actual cleanup_ports = { 0 };
	struct port_reservation held cleanup_reservation = { 0 };
	struct error err = { 0 };
	uint16_t port;
	cleanup_close int fd = listen_at(type, &port);
	(void) fd;	/* only held */
	cleanup_free char *word = xasprintf("%u:80/%s", port, protocol), *who = xasprintf("port %u/%s of the host is taken by test_ports (process %d)",
		port, protocol, (int) getpid());
	OK(reserve(word, &pool, &actual, &held, &err) == -EADDRINUSE && held.n == 0);
	if (!OK(strstr(err.text, who) != NULL))
		printf("# %s\n", err.text);
	cleanup_free char *range = xasprintf("127.0.0.1:%u-%u:80/%s", port, port, protocol);
	OK(reserve(range, &pool, &actual, &held, &err) == -EADDRINUSE);
	/* another address is not in the way */
	cleanup_free char *beside = xasprintf("127.0.0.2:%u:80/%s", port, protocol);
	OK(reserve(beside, &pool, &actual, &held, &err) == 0 && held.n == 1);
}

static void test_reserve(void)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct port_mappings actual cleanup_ports = { 0 }, more cleanup_ports = { 0 };
	struct port_reservation held cleanup_reservation = { 0 }, second cleanup_reservation = { 0 };
	struct error err = { 0 };
	OK(reserve("127.0.0.1::80-82", &pool, &actual, &held, &err) == 0 && held.n == 3 && actual.n == 3);
	OK(actual.v[0].host_port && actual.v[1].host_port && actual.v[0].host_port != actual.v[1].host_port && !actual.v[0].host_end);
	cleanup_free char *same = xasprintf("127.0.0.1:%u:80", actual.v[0].host_port);
	OK(reserve(same, &pool, &more, &second, &err) == -EADDRINUSE && second.n == 0);
	OK(helper_binds(actual.v[0].host_port));	/* while we hold it */
	/* of a range the first that is free */
	cleanup_free char *range = xasprintf("127.0.0.1:%u-65535:80", actual.v[1].host_port);
	OK(actual.v[1].host_port == 65535 || (reserve(range, &pool, &more, &second, &err) == 0 && more.v[0].host_port > actual.v[1].host_port));
	ports_release(&second);
	uint16_t free_now = actual.v[0].host_port;
	ports_release(&held);
	OK(held.n == 0 && helper_binds(free_now));
	OK(reserve("192.0.2.77:8080:80", &pool, &more, &second, &err) == -EADDRNOTAVAIL);
	OK_STR(err.text, "--publish: this host has no address 192.0.2.77");
}

int main(void)
{
	test_forms();
	test_exposed();
	test_words();
	test_taken(SOCK_STREAM, "tcp");
	test_taken(SOCK_DGRAM, "udp");
	test_reserve();
	return tap_done();
}
