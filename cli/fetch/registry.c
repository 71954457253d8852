#include "registry.h"
#include "cleanup.h"
#include "str.h"
#include <string.h>
#include <strings.h>

/* ---- URLs ---- */

static void curlu_done(CURLU **u) { curl_url_cleanup(*u); }

char *url_part(const char *url, CURLUPart part)
{
	CURLU *u CLEANUP(curlu_done) = curl_url();
	char *text = NULL;
	if (!u || curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK || curl_url_get(u, part, &text, CURLU_DEFAULT_PORT) != CURLUE_OK)
		return NULL;
	char *copy = xstrdup(text);
	curl_free(text);
	return copy;
}

bool url_is_http(const char *url) { return strncasecmp(url, "http://", 7) == 0; }

char *url_host(const char *url)
{
	cleanup_free char *host = url_part(url, CURLUPART_HOST), *port = url_part(url, CURLUPART_PORT);
	if (!host || !port)
		return xstrdup("its server");
	if (strcmp(port, url_is_http(url) ? "80" : "443") == 0)
		return take_ptr(host);
	return xasprintf("%s:%s", host, port);
}

static bool same_part(const char *a, const char *b, CURLUPart part)
{
	cleanup_free char *one = url_part(a, part), *two = url_part(b, part);
	return one && two && strcasecmp(one, two) == 0;
}

static char *root_url(const struct registry *r)
{
	return xasprintf("%s://%s/", r->plain ? "http" : "https", r->name);
}

bool registry_owns(const struct registry *r, const char *url)
{
	cleanup_free char *root = root_url(r);
	return same_part(root, url, CURLUPART_SCHEME) && same_part(root, url, CURLUPART_HOST) && same_part(root, url, CURLUPART_PORT);
}

bool registry_trusts(const struct registry *r, const char *realm)
{
	cleanup_free char *root = root_url(r);
	return !url_is_http(realm) || same_part(root, realm, CURLUPART_HOST);
}

/* ---- certificates ---- */

char *const *registry_cert_dirs(const struct fetch_setup *setup)
{
	static char *dirs[4];
	const char *home = getenv("HOME");
	if (dirs[0])
		return dirs;
	if (setup->cert_dir) {
		dirs[0] = xstrdup(setup->cert_dir);
		return dirs;
	}
	dirs[0] = xstrdup("/etc/containers/certs.d");
	dirs[1] = xstrdup("/etc/docker/certs.d");
	if (!str_empty(home))
		dirs[2] = xasprintf("%s/.config/containers/certs.d", home);
	return dirs;
}

/* find_file - the first directory that has it wins; each file is looked for by itself */
static char *find_file(const struct fetch_setup *setup, const char *registry, const char *file)
{
	for (char *const *dir = registry_cert_dirs(setup); *dir; dir++) {
		cleanup_free char *path = setup->cert_dir ? xasprintf("%s/%s", *dir, file)
							  : xasprintf("%s/%s/%s", *dir, registry, file);
		if (access(path, R_OK) == 0)
			return take_ptr(path);
	}
	return NULL;
}

void registry_tls(const struct registry *r, const struct fetch_setup *setup, CURL *easy, bool own)
{
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, setup->tls_verify ? 1L : 0L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, setup->tls_verify ? 2L : 0L);
	/* the system's directory of certificates (CAPATH) stays: a registry of one's own may redirect to the internet */
	if (r->ca)
		curl_easy_setopt(easy, CURLOPT_CAINFO, r->ca);
	if (own && r->client_cert && r->client_key) {
		curl_easy_setopt(easy, CURLOPT_SSLCERT, r->client_cert);
		curl_easy_setopt(easy, CURLOPT_SSLKEY, r->client_key);
	}
}

/* ---- the list ---- */

static bool is_registry_name(const char *name)
{
	return *name && *name != '.' && *name != '-' && strlen(name) <= 300 && !strstr(name, "..")
		&& strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_:[]") == strlen(name);
}

int registry_get(struct registry **list, const struct fetch_setup *setup, const char *name, struct registry **ret, struct error *err)
{
	for (struct registry *r = *list; r; r = r->next)
		if (strcmp(r->name, name) == 0) {
			*ret = r;
			return 0;
		}
	cleanup_free char *url = xasprintf("https://%s/", name), *port = url_part(url, CURLUPART_PORT);
	if (!is_registry_name(name) || !port)
		return error_say(err, EINVAL, "'%.100s' is not the name of a registry: HOST or HOST:PORT is expected", name);

	struct registry *r = xcalloc(1, sizeof *r);
	*r = (struct registry) {
		.next = *list, .name = xstrdup(name), .ca = find_file(setup, name, "ca.crt"),
		.client_cert = find_file(setup, name, "client.cert"), .client_key = find_file(setup, name, "client.key"),
	};
	for (size_t i = 0; i < setup->n_credentials; i++)
		if (strcmp(setup->credentials[i].registry, name) == 0)
			r->credential = &setup->credentials[i];
	*list = *ret = r;
	return 0;
}

void registry_free(struct registry *list)
{
	for (struct registry *r = list, *next; r; r = next) {
		next = r->next;
		free(r->name);
		free(r->realm);
		free(r->service);
		free(r->ca);
		free(r->client_cert);
		free(r->client_key);
		free(r);
	}
}
