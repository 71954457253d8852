#include "explain.h"
#include "cleanup.h"
#include "mem.h"
#include "registry.h"
#include <string.h>

/* cut - @name before the last @infix, which is followed by *@ret_rest */
static char *cut(const char *path, const char *infix, const char **ret_rest)
{
	const char *name = str_after(path, "/v2/"), *found = NULL;
	for (const char *p = name; p && (p = strstr(p, infix)); p++)
		found = p;
	if (!found)
		return NULL;
	*ret_rest = found + strlen(infix);
	return printable(name, (size_t) (found - name), 300);
}

char *explain_object(const char *path)
{
	const char *rest = NULL;
	cleanup_free char *image = cut(path, "/manifests/", &rest);
	if (image) {
		cleanup_free char *shown = printable(rest, strlen(rest), 150);
		return xasprintf("image '%s' with %s '%s'", image, strchr(shown, ':') ? "digest" : "tag", shown);
	}
	cleanup_free char *of = cut(path, "/blobs/", &rest);
	cleanup_free char *shown = printable(of ? rest : path, strlen(of ? rest : path), 150);
	return of ? xasprintf("blob %s of image '%s'", shown, of) : take_ptr(shown);
}

static int explain_connect(CURL *easy, const char *host, const char *text, struct error *err)
{
	long code = 0;
	curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &code);
	if (code <= 0)
		return error_say(err, EHOSTUNREACH, "connect to %s: %s; is the registry running?", host, text);
	error_set(err, (int) code, "connect to %s", host);
	if (code == ECONNREFUSED)
		return error_hint(err, "is the registry running?");
	return error_hint(err, "is the network up, and the registry's name right?");
}

static int explain_timeout(CURL *easy, const char *host, const char *object, struct error *err)
{
	curl_off_t connected = 0;
	curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &connected);
	if (connected > 0)
		return error_say(err, ETIMEDOUT, "fetch %s: %s sent next to nothing for %d seconds; try again", object, host, STALL_TIMEOUT_S);
	return error_say(err, ETIMEDOUT, "connect to %s: no answer within %d seconds; is the network up, and does a proxy have to be set"
			 " (HTTPS_PROXY)?", host, CONNECT_TIMEOUT_S);
}

static int explain_certificate(const char *host, const char *text, struct error *err)
{
	error_say(err, EKEYREJECTED, "TLS with %s: %s", host, text);
	if (strstr(text, "expired") || strstr(text, "not yet valid"))
		return error_hint(err, "is this machine's clock right? (--tls-verify=false does not look at certificates)");
	if (strstr(text, "subject name"))
		return error_hint(err, "the certificate is for another name; use that one, or give --tls-verify=false");
	return error_hint(err, "put its CA certificate into /etc/containers/certs.d/%s/ca.crt, or give --tls-verify=false", host);
}

static int explain_tls(const char *host, const char *text, struct error *err)
{
	/* OpenSSL's words, GnuTLS' words */
	if (strstr(text, "wrong version number") || strstr(text, "unexpected TLS packet") || strstr(text, "packet length too long"))
		return error_say(err, EPROTO, "TLS with %s: the server speaks plain HTTP; --tls-verify=false allows that", host);
	return error_say(err, EPROTO, "TLS with %s: %s", host, text);
}

int explain_curl(CURL *easy, CURLcode code, const char *object, const char *url, const char *text, struct error *err)
{
	cleanup_free char *host = url_host(url);
	cleanup_free char *bare = url_part(url, CURLUPART_HOST);
	cleanup_free char *reason = printable(*text ? text : curl_easy_strerror(code), 400, 400);
	switch ((int) code) {
	case CURLE_COULDNT_RESOLVE_HOST:
		return error_say(err, EHOSTUNREACH, "look up '%s': no address was found; is the name right, and does DNS work here?",
				 bare ? bare : host);
	case CURLE_COULDNT_RESOLVE_PROXY:
		return error_say(err, EHOSTUNREACH, "look up the proxy: %s; see HTTPS_PROXY and HTTP_PROXY", reason);
	case CURLE_COULDNT_CONNECT: return explain_connect(easy, host, reason, err);
	case CURLE_OPERATION_TIMEDOUT: return explain_timeout(easy, host, object, err);
	case CURLE_PEER_FAILED_VERIFICATION: return explain_certificate(host, reason, err);
	case CURLE_SSL_CONNECT_ERROR: return explain_tls(host, reason, err);
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
		return error_say(err, EKEYREJECTED, "TLS with %s: %s; see the files in /etc/containers/certs.d/%s", host, reason, host);
	}
	return error_say(err, EIO, "fetch %s from %s: %s", object, host, reason);
}

int explain_status(long status, const struct response *r, const char *object, const char *name, bool logged_in, struct error *err)
{
	cleanup_free char *reason = response_reason(r);
	cleanup_free char *said = reason ? xasprintf(" (it says: %s)", reason) : xstrdup("");
	switch (status) {
	case 404:
		return error_say(err, ENOENT, "registry %s has no %s%s%s", name, object, *said ? "" : "; is the name right?", said);
	case 401:
	case 403:
		if (logged_in)
			return error_say(err, EACCES, "fetch %s: denied; registry %s does not accept these credentials for it%s", object,
					 name, said);
		return error_say(err, EACCES, "fetch %s: denied; registry %s wants credentials for it, or has no such image%s",
				 object, name, said);
	case 407:
		return error_say(err, EACCES, "fetch %s from %s: the proxy wants credentials; put them into HTTPS_PROXY", object, name);
	case 429:
		return error_say(err, EBUSY, "fetch %s: registry %s has had too many requests%s; try again later, or with credentials",
				 object, name, said);
	}
	return error_say(err, status >= 500 ? EREMOTEIO : EPROTO, "fetch %s: registry %s answered with status %ld%s%s", object, name,
			 status, said, status >= 500 ? "; try again later" : "");
}
