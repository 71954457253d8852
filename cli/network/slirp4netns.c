/* slirp4netns(1). Ports are told to it on a socket, one JSON object for each. */
#include "helper.h"
#include "cleanup.h"
#include "fs.h"
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const char api[] = "slirp4netns.sock";
enum { ANSWER_MAX = 4096, HOST_OF_CIDR = 100 };

/* options_of - behind the colon, or NULL */
static const char *options_of(const char *mode) { return network_kind(mode) == NETWORK_SLIRP4NETNS ? network_argument(mode) : NULL; }

static bool is_true(const char *mode, const char *name)
{
	cleanup_free char *value = network_option(options_of(mode), name);
	return str_eq(value, "true");
}

/* address - number @host of its network */
static const char *address(const char *mode, unsigned host, char out[16])
{
	cleanup_free char *cidr = network_option(options_of(mode), "cidr");
	struct in_addr a;
	if (cidr)
		cidr[strcspn(cidr, "/")] = 0;
	if (!cidr || inet_pton(AF_INET, cidr, &a) != 1)
		(void) inet_pton(AF_INET, "10.0.2.0", &a);
	a.s_addr = htonl(ntohl(a.s_addr) + host);
	return inet_ntop(AF_INET, &a, out, 16);
}

const char *network_dns(const char *mode, char out[16]) { return address(mode, 3, out); }

const char *network_gateway(const char *mode, char out[16])
{
	bool pasta = network_kind(mode) == NETWORK_PASTA && network_argument(mode) && strstr(network_argument(mode), "--map-gw");
	return pasta || is_true(mode, "allow_host_loopback") ? address(mode, 2, out) : NULL;
}

/* ---- options ---- */

static bool is_truth(const char *value) { return str_eq(value, "true") || str_eq(value, "false"); }

/* is_mtu - what the kernel and slirp4netns take */
static bool is_mtu(const char *value)
{
	uint64_t n;
	return str_to_u64(value, 65521, &n) == 0 && n >= 576;
}

/* is_cidr - a network with its length of 1 to 25: it uses number 100 of it */
static bool is_cidr(const char *value)
{
	const char *slash = strchr(value, '/');
	cleanup_free char *ip = xstrndup(value, slash ? (size_t) (slash - value) : strlen(value));
	struct in_addr a;
	uint64_t bits;
	return slash && inet_pton(AF_INET, ip, &a) == 1 && str_to_u64(slash + 1, 25, &bits) == 0 && bits >= 1 &&
		(ntohl(a.s_addr) & (0xffffffffU >> bits)) == 0;
}

static bool is_any(const char *value) { return *value; }
static bool is_own_handler(const char *value) { return strcmp(value, "slirp4netns") == 0; }

static const struct { const char *name; bool (*good)(const char *); const char *form; } options[] = {
	{ "allow_host_loopback", is_truth, "true or false" }, { "cidr", is_cidr, "a network such as 10.0.2.0/24, of at least 128 addresses" },
	{ "enable_ipv6", is_truth, "true or false" }, { "mtu", is_mtu, "a number from 576 to 65521" },
	{ "outbound_addr", is_any, "an address or an interface" }, { "outbound_addr6", is_any, "an address or an interface" },
	{ "port_handler", is_own_handler, "slirp4netns, which is the only one" },
};

static int check_option(const char *word, struct error *err)
{
	for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
		const char *rest = str_after(word, options[i].name);
		if (rest && *rest == '=')
			return options[i].good(rest + 1) ? 0 : error_say(err, EINVAL, "--network slirp4netns: %s is %s, not '%s'", options[i].name,
									 options[i].form, rest + 1);
	}
	return error_say(err, EINVAL, "--network slirp4netns: '%s' is none of its options: allow_host_loopback=, cidr=, enable_ipv6=, mtu=, "
			 "outbound_addr=, outbound_addr6=, port_handler=", word);
}

static int check(const struct network_request *q, struct error *err)
{
	struct strings given cleanup_strings = { 0 };
	if (options_of(q->mode))
		strings_split(&given, options_of(q->mode), ",");
	for (size_t i = 0; i < given.n; i++) {
		int r = check_option(given.v[i], err);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < q->n_ports; i++)
		if (q->ports[i].host_ip && strchr(q->ports[i].host_ip, ':'))
			return error_say(err, EAFNOSUPPORT, "--publish [%s]:%u: slirp4netns forwards no IPv6, pasta does: install the package passt",
					 q->ports[i].host_ip, q->ports[i].host_port);
	return 0;
}

static void arguments(const struct network_request *q, struct strings *args)
{
	static const struct { const char *name, *option; } passed[] = {
		{ "cidr", "--cidr" }, { "outbound_addr", "--outbound-addr" }, { "outbound_addr6", "--outbound-addr6" },
	};
	cleanup_free char *mtu = network_option(options_of(q->mode), "mtu");
	strings_add(args, "--configure");
	/* 65520 is the largest that it takes: fewer and larger packets are what makes it fast */
	strings_printf(args, "--mtu=%s", mtu ? mtu : "65520");
	if (!is_true(q->mode, "allow_host_loopback"))
		strings_add(args, "--disable-host-loopback");
	if (is_true(q->mode, "enable_ipv6"))
		strings_add(args, "--enable-ipv6");
	for (size_t i = 0; i < sizeof passed / sizeof *passed; i++) {
		cleanup_free char *value = network_option(options_of(q->mode), passed[i].name);
		if (value)
			strings_printf(args, "%s=%s", passed[i].option, value);
	}
	strings_add(args, "--enable-seccomp");
	strings_printf(args, "--ready-fd=%d", READY_FD);
	strings_printf(args, "--exit-fd=%d", EXIT_FD);
	if (q->n_ports) {
		(void) unlinkat(q->dir_fd, api, 0);	/* of a start that was killed */
		strings_printf(args, "--api-socket=/proc/self/fd/%d/%s", DIR_FD, api);
	}
	strings_add(args, "--netns-type=path");
	strings_printf(args, "/proc/self/fd/%d", NETNS_FD);
	strings_add(args, "tap0");
}

/* ---- ports ---- */

/* ask - one request, one answer, and the end: so it wants it */
static int ask(int dir_fd, const char *request, char *answer, struct error *err)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	snprintf(at.sun_path, sizeof at.sun_path, "/proc/self/fd/%d/%s", dir_fd, api);
	cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *) &at, sizeof at) < 0)
		return error_set(err, errno, "connect to slirp4netns");
	int r = fs_write_all(fd, request, strlen(request));
	if (r < 0 || shutdown(fd, SHUT_WR) < 0)
		return error_set(err, r < 0 ? -r : errno, "tell slirp4netns of a port");
	ssize_t n = fs_read_all(fd, answer, ANSWER_MAX - 1);
	answer[n > 0 ? n : 0] = 0;
	return n < 0 ? error_set(err, (int) -n, "read slirp4netns' answer") : 0;
}

static int forward_one(const struct network_request *q, const struct port_mapping *m, struct error *err)
{
	char answer[ANSWER_MAX], guest[16];
	cleanup_free char *request = xasprintf("{\"execute\":\"add_hostfwd\",\"arguments\":{\"proto\":\"%s\",\"host_addr\":\"%s\",\"host_port\":%u,"
		"\"guest_addr\":\"%s\",\"guest_port\":%u}}", m->protocol, m->host_ip ? m->host_ip : "0.0.0.0", m->host_port,
		address(q->mode, HOST_OF_CIDR, guest), m->container_port);
	int r = ask(q->dir_fd, request, answer, err);
	if (r < 0)
		return r;
	if (!strstr(answer, "\"return\""))
		return error_say(err, EADDRINUSE, "slirp4netns could not open port %u/%s of the host: %s", m->host_port, m->protocol, answer);
	return 0;
}

static int forward(const struct network_request *q, struct error *err)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < q->n_ports; i++)
		r = forward_one(q, &q->ports[i], err);
	if (q->n_ports)	/* nobody else has anything to say to it */
		(void) unlinkat(q->dir_fd, api, 0);
	return r;
}

const struct network_program network_slirp4netns = { .name = "slirp4netns", .package = "slirp4netns", .check = check, .arguments = arguments,
	.forward = forward };
