/* session.h - one conversation with registries: what a name may mean, where that is really to be had, and who we are there.
 *
 *	session_open	what the command line and registries.conf say
 *	session_resolve	a name as people write it -> the references that it may mean, in the order in which they are to be tried
 *	session_prepare	for each reference that is to be asked for: is its registry allowed, which credentials are for it
 *	session_start	starts carrier-fetch
 *	session_request	fills the registry's part of a request; then fetcher_request(session_fetcher(s), ...)
 *	session_close
 *
 * All up to session_prepare() reads the caller's own files and executes the caller's credential helpers: it is called before any user
 * namespace is entered. A session survives fork(2): the child that becomes root of a user namespace calls session_start(), and then
 * it alone goes on. Secrets are in memory and in the fetcher's socket, never in an argument, the environment or a log.
 */
#pragma once
#include "../transfer/fetcher.h"
#include "command.h"
#include "reference.h"

/* what every command that talks to a registry can be told; embedded in its options */
struct registry_options {
	bool tls_verify;		/* true unless --tls-verify=false */
	bool tls_given;			/* it stands on the command line, and counts more than registries.conf */
	char *cert_dir, *authfile, *creds;
	bool creds_taken;		/* session_open() has moved them out of the arguments, where ps sees them */
};
#define REGISTRY_OPTIONS_DEFAULT { .tls_verify = true }
enum { REGISTRY_OPTION_ROWS_N = 4 };
/* rows for a table: @T has a struct registry_options @m */
#define REGISTRY_OPTION_ROWS(T, m) \
	OPTION_NOTED(T, m.tls_verify, m.tls_given, 0, "tls-verify", NULL, \
		     "HTTPS with a verified certificate (default); false: plain HTTP is allowed"), \
	OPTION(T, m.cert_dir, 0, "cert-dir", "DIR", "CA certificates *.crt and client certificates *.cert with *.key, for the registry"), \
	OPTION(T, m.authfile, 0, "authfile", "FILE", "take credentials from this file alone (auth.json or docker's config.json)"), \
	OPTION(T, m.creds, 0, "creds", "USER[:PASSWORD]", "credentials for the registry; without the password it is asked for")

struct credential;
struct session;

/* session_open - @o is borrowed; @actions: "pull", "pull,push" or "*", which tokens are asked for */
int session_open(const struct registry_options *o, const char *actions, struct session **ret, struct error *err);
void session_close(struct session *s);
static inline void session_closep(struct session **s) { session_close(*s); }
#define cleanup_session __attribute__((cleanup(session_closep)))

/* session_resolve - @ret: @n of them, at least one; they belong to the session
 * A name with a registry is that one. A short name is what an alias or the search list of registries.conf makes of it, without either
 * docker.io's. */
int session_resolve(struct session *s, const char *text, struct reference **ret, size_t *n, struct error *err);

/* session_choose - when there are several: whoever sits at the terminal is asked, and *@list and *@n are the answer. Where nobody can be asked
 * they stay, to be tried in order, or it is -EINVAL with a sentence that names them (short-name-mode = "enforcing", or --creds). */
int session_choose(const struct session *s, const char *text, struct reference **list, size_t *n, struct error *err);

/* session_prepare - -EACCES when registries.conf blocks it */
int session_prepare(struct session *s, const struct reference *ref, struct error *err);

int session_start(struct session *s, struct error *err);
/* session_fetcher - NULL before session_start(). session_stop - ends the fetcher; session_start() may be called again */
struct fetcher *session_fetcher(struct session *s);
void session_stop(struct session *s);

/* session_request - @kind: "manifests", "blobs", "tags/list" ..., the word behind the repository's name; @what: digest or tag behind it,
 * or NULL. Sets registry, path, scope and the mirrors in @ret, and leaves the rest alone; the strings live as long as the session.
 * What is sent (a method, an upload) goes to the registry itself: the caller clears @ret's mirrors then, or calls with actions that push. */
int session_request(struct session *s, const struct reference *ref, const char *kind, const char *what, struct fetch_request *ret,
		    struct error *err);

/* session_registry - the same for what belongs to the registry itself: login, search. In place of session_prepare(), so before
 * session_start().
 * @name: "quay.io", "localhost:5000"; @credential: in place of those that are stored, or NULL; @path: "/v2/"; @scope: or NULL */
int session_registry(struct session *s, const char *name, const struct credential *credential, const char *path, const char *scope,
		     struct fetch_request *ret, struct error *err);

/* session_search_list - the registries that a short name is looked for on: registries.conf's, or docker.io */
int session_search_list(struct strings *ret, struct error *err);
