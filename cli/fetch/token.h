/* token.h - bearer tokens: a registry that wants one names a server (the realm), which gives it for a scope.
 * distribution "Token Authentication Specification". One cache for the program's life, by registry and scope.
 *
 *	token_get -> TOKEN_NONE: token_start, then token_finish when libcurl is done with token.easy -> TOKEN_READY or TOKEN_FAILED
 *	a token that the registry refuses: token_expire, and again
 */
#pragma once
#include "registry.h"
#include "response.h"

enum token_state { TOKEN_NONE, TOKEN_FETCHING, TOKEN_DELAYED, TOKEN_READY, TOKEN_FAILED };

/* what CURLINFO_PRIVATE points at: both kinds of transfers begin with it */
struct job { bool is_token; };

struct token {
	struct job job;
	struct token *next;
	struct registry *registry;
	char *scope;
	enum token_state state;
	char *text;			/* TOKEN_READY */
	int64_t fetched_ms, expires_ms;
	struct error failure;		/* TOKEN_FAILED */
	CURL *easy;			/* TOKEN_FETCHING */
	char *url, *form;		/* @form: the body of a POST */
	unsigned redirects;
	bool logged_in;
	struct response response;
	struct buf body;
	unsigned tries;
	int64_t due_ms;			/* TOKEN_DELAYED: token_start then */
	char curl_text[CURL_ERROR_SIZE];
};

/* token_get - never NULL; one whose time is over is TOKEN_NONE. @scope may be NULL. */
struct token *token_get(struct token **list, struct registry *r, const char *scope, int64_t now_ms);
/* token_start - prepare token.easy; the caller adds it to its multi handle. A realm that may not be asked is an error. */
int token_start(struct token *t, const struct fetch_setup *setup, struct error *err);
/* token_finish - the caller has removed token.easy from its multi handle; sets the state, TOKEN_DELAYED for another try */
void token_finish(struct token *t, CURLcode code, int64_t now_ms);
void token_expire(struct token *t);
void token_free(struct token *list);

/* http_options - what every transfer has in common (http.c) */
void http_options(CURL *easy, const struct fetch_setup *setup, char *curl_text);
/* http_broke_off - a connection that was there has ended: trying again may help */
bool http_broke_off(CURLcode code);
/* http_retry_ms - how long to wait before try number @tries (0: the second), by the answer's Retry-After if there is one;
 * -1: no further one, or longer than we wait */
int64_t http_retry_ms(CURL *easy, unsigned tries);
