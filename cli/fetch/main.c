/* carrier-fetch: the only program that talks to registries (../transfer/protocol.h says how it is talked to).
 *
 * It holds credentials, and reads what anyone on the network sends: so before the first request it gives away everything but the
 * network and the files that TLS and the resolver need. It writes only into file descriptors it is handed. It has no options.
 */
#include "../confine.h"
#include "../transfer/protocol.h"
#include "certificates.h"
#include "cleanup.h"
#include "http.h"
#include <netdb.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

static const char *const readable[] = {
	/* certificates, and the configuration of OpenSSL */
	"/etc/ssl", "/etc/pki", "/etc/crypto-policies", "/usr/share/ca-certificates", "/usr/local/share/ca-certificates",
	"/usr/share/pki", "/etc/ca-certificates",
	/* the resolver; resolv.conf is often a link into /run, whose target is what is opened here */
	"/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf", "/etc/services",
	"/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager",
	/* its modules, and OpenSSL's, are loaded when they are first needed */
	"/usr/lib", "/usr/lib64", "/lib", "/lib64", "/etc/ld.so.cache",
	"/dev/null", "/dev/urandom",
};
enum { READABLE = sizeof readable / sizeof *readable, CERT_DIRS_MAX = 4 };

static int confine(const struct fetch_setup *setup, struct error *err)
{
	struct confine_path paths[READABLE + CERT_DIRS_MAX];
	struct confine c = { .paths = paths, .network = true };
	for (size_t i = 0; i < READABLE; i++)
		paths[c.n_paths++] = (struct confine_path) { .fd = -1, .path = readable[i] };
	for (char *const *dir = certificates_dirs(setup); *dir; dir++)
		paths[c.n_paths++] = (struct confine_path) { .fd = -1, .path = *dir };
	return confine_self(&c, err);
}

/* guard_secrets - credentials and tokens are in our memory: no core file, and nobody attaches to us */
static void guard_secrets(void)
{
	const struct rlimit none = { 0, 0 };
	(void) setrlimit(RLIMIT_CORE, &none);
	(void) prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/* warm_up - the resolver loads its modules while every file is still there */
static void warm_up(void)
{
	struct addrinfo *found = NULL;
	if (getaddrinfo("localhost", NULL, NULL, &found) == 0)
		freeaddrinfo(found);
}

static int receive_request(struct http *http, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct fetch_request *q;
	int fd = -1, r = protocol_receive(FETCH_SOCKET_FD, &fetch_request_type, &pool, &q, &fd, err);
	if (r > 0)
		http_request(http, q, &pool, fd);
	return r;
}

static int serve(struct http *http, struct error *err)
{
	for (;;) {
		int r = http_turn(http, err);
		if (r > 0) {
			r = receive_request(http, err);
			if (r == 0)
				return 0;
		}
		if (r < 0)
			return r;
	}
}

static int fetch(struct pool *pool, struct error *err)
{
	struct fetch_setup *setup;
	struct http *http = NULL;
	/* libcurl reads this one in lower case only, as CGI's servers put a header into the other */
	if (getenv("HTTP_PROXY") && !getenv("http_proxy") && !getenv("REQUEST_METHOD"))
		(void) setenv("http_proxy", getenv("HTTP_PROXY"), 0);
	warm_up();
	int r = protocol_receive(FETCH_SOCKET_FD, &fetch_setup_type, pool, &setup, NULL, err);
	if (r <= 0)
		return r;
	r = http_new(setup, FETCH_SOCKET_FD, &http, err);
	if (r == 0)
		r = confine(setup, err);
	if (r == 0)
		r = serve(http, err);
	http_free(http);
	return r;
}

int main(int argc, char **argv)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct error err = { 0 };
	if (argc > 1) {
		fprintf(stderr, "carrier-fetch: it is started by carrier, and takes no arguments\n");
		return 2;
	}
	(void) signal(SIGINT, SIG_IGN);		/* carrier's to handle: when it goes, our socket ends */
	(void) signal(SIGPIPE, SIG_IGN);
	guard_secrets();
	int r = fetch(&pool, &err);
	if (r == -EPIPE)	/* carrier went first */
		return 0;
	if (r < 0)
		fprintf(stderr, "carrier-fetch: %s\n", err.text);
	return r < 0;
}
