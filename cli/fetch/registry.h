/* registry.h - what is known of one registry while the program runs: how it is reached, whom it trusts, who we are to it.
 *
 * Credentials may be for a part of a registry: then there is one struct registry for each of them, of the same name.
 */
#pragma once
#include "../transfer/protocol.h"
#include "challenge.h"
#include <curl/curl.h>
#include <stdbool.h>

struct registry {
	struct registry *next;
	char *name;					/* host[:port] */
	bool insecure;					/* certificates are not checked, plain HTTP is allowed */
	bool plain;					/* plain HTTP; only ever when insecure */
	bool answered;					/* as it is reached now: TLS works, if it is that */
	enum { AUTH_NONE, AUTH_BASIC, AUTH_BEARER } auth;	/* what it asked for */
	char *realm, *service;				/* AUTH_BEARER */
	const struct fetch_credential *credential;	/* NULL: none */
	struct certificates *certificates;		/* certificates.h */
};

/* registry_get - the one of this name, and with the credentials for @path of the API ("/v2/..."), in @list; added when it is new. @name is
 * checked. */
int registry_get(struct registry **list, const struct fetch_setup *setup, const char *name, const char *path, struct registry **ret,
		 struct error *err);
/* registry_owns - does @url lead to this registry itself (scheme, host and port)? Nothing else may see its credentials. */
bool registry_owns(const struct registry *r, const char *url);
/* registry_trusts - may its credentials go to the token server @realm? Only over TLS, or to the registry's own host. */
bool registry_trusts(const struct registry *r, const char *realm);
/* registry_tls - certificates for a transfer; @own: to the registry itself, so the client's certificate is shown, too */
void registry_tls(const struct registry *r, CURL *easy, bool own);
void registry_free(struct registry *list);

/* url_part - one part of @url, or NULL; caller frees */
char *url_part(const char *url, CURLUPart part);
/* url_same_origin - the same scheme, host and port */
bool url_same_origin(const char *a, const char *b);
/* url_is_http - plain HTTP */
bool url_is_http(const char *url);
/* url_host - "host:port" as it is to be named, without a port that goes without saying; caller frees */
char *url_host(const char *url);
