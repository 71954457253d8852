#include "registry.h"
#include "certificates.h"
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

bool url_same_origin(const char *a, const char *b)
{
	return same_part(a, b, CURLUPART_SCHEME) && same_part(a, b, CURLUPART_HOST) && same_part(a, b, CURLUPART_PORT);
}

static char *root_url(const struct registry *r)
{
	return xasprintf("%s://%s/", r->plain ? "http" : "https", r->name);
}

bool registry_owns(const struct registry *r, const char *url)
{
	cleanup_free char *root = root_url(r);
	return url_same_origin(root, url);
}

bool registry_trusts(const struct registry *r, const char *realm)
{
	cleanup_free char *root = root_url(r);
	return !url_is_http(realm) || same_part(root, realm, CURLUPART_HOST);
}

void registry_tls(const struct registry *r, CURL *easy, bool own)
{
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, r->insecure ? 0L : 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, r->insecure ? 0L : 2L);
	certificates_use(r->certificates, easy, own);
}

/* ---- the list ---- */

static bool is_registry_name(const char *name)
{
	return *name && *name != '.' && *name != '-' && strlen(name) <= 300 && !strstr(name, "..")
		&& strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_:[]") == strlen(name);
}

/* find_credential - the one for the longest path that @path of the API is at or below */
static const struct fetch_credential *find_credential(const struct fetch_setup *setup, const char *name, const char *path)
{
	const struct fetch_credential *best = NULL;
	const char *repository = str_after(path, "/v2/");
	for (size_t i = 0; i < setup->n_credentials; i++) {
		const struct fetch_credential *c = &setup->credentials[i];
		size_t n = c->path ? strlen(c->path) : 0;
		if (strcmp(c->registry, name) != 0)
			continue;
		if (n && (!repository || strncmp(repository, c->path, n) != 0 || (repository[n] && repository[n] != '/')))
			continue;
		if (!best || n > (best->path ? strlen(best->path) : 0))
			best = c;
	}
	return best;
}

int registry_get(struct registry **list, const struct fetch_setup *setup, const char *name, const char *path, struct registry **ret,
		 struct error *err)
{
	const struct fetch_credential *credential = find_credential(setup, name, path);
	for (struct registry *r = *list; r; r = r->next)
		if (strcmp(r->name, name) == 0 && r->credential == credential) {
			*ret = r;
			return 0;
		}
	cleanup_free char *url = xasprintf("https://%s/", name), *port = url_part(url, CURLUPART_PORT);
	if (!is_registry_name(name) || !port)
		return error_say(err, EINVAL, "'%.100s' is not the name of a registry: HOST or HOST:PORT is expected", name);
	struct certificates *certificates;
	int bad = certificates_find(setup, name, &certificates, err);
	if (bad < 0)
		return bad;
	struct registry *r = xcalloc(1, sizeof *r);
	*r = (struct registry) {
		.next = *list, .name = xstrdup(name), .credential = credential, .certificates = certificates,
		.insecure = !setup->tls_verify || strings_have(setup->insecure, name),
	};
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
		certificates_free(r->certificates);
		free(r);
	}
}
