/* transfer.h - one request on its way: what is asked, what came, what to do next. Used by http.c only.
 *
 * A request is a row of attempts: each is one curl transfer with one URL. What an attempt's end means is decided in transfer_ended():
 * a redirect, a token to be had, a pause before the next try, the end.
 */
#pragma once
#include "body.h"
#include "registry.h"
#include "response.h"
#include "token.h"

enum transfer_state {
	TRANSFER_QUEUED,	/* to be started when there is room */
	TRANSFER_ELSEWHERE,	/* the same, at the next place: transfer_source() first */
	TRANSFER_TOKEN,		/* waits for .token */
	TRANSFER_DELAYED,	/* until .due_ms */
	TRANSFER_RUNNING,
	TRANSFER_DRAINING,	/* everything is here, the pipe is full */
	TRANSFER_DONE,		/* to be reported; .failure tells how it went */
};

struct transfer {
	struct job job;
	struct transfer *next;
	struct pool pool;
	struct fetch_request *q;
	size_t source;			/* which of the mirrors; behind the last is the registry itself */
	struct fetch_mirror own;	/* that */
	struct error mirror_failure;	/* of the first mirror that failed */
	struct registry *registry;
	const struct fetch_setup *setup;
	struct body body;
	struct upload *upload;		/* NULL: a download (upload.h) */
	struct response response;
	enum transfer_state state;
	struct error failure;
	char *object;			/* how sentences call it */

	CURL *easy;			/* kept from attempt to attempt */
	struct curl_slist *headers;
	char *url;			/* of this attempt; a redirect's target when .redirects */
	char curl_text[CURL_ERROR_SIZE];
	bool accepted;			/* this attempt's answer is the body */
	bool paused;
	int64_t skip;			/* bytes of this answer that we have already */
	struct token *token;		/* TRANSFER_TOKEN, or shown in this attempt */
	int64_t token_ms;		/* when the one that was shown had been fetched; 0: none was */
	bool basic;			/* credentials were shown in this attempt */

	int64_t whole;			/* length of the whole object, -1: not known */
	int64_t received;		/* delivered, or kept in .body */
	int64_t challenged_ms;		/* of the first 401 since an answer that was none */
	unsigned challenges, redirects, retries, resumes;
	int64_t due_ms;
	bool responded;			/* "response" was reported */
	int64_t progress_ms;
	int (*report)(struct transfer *t, const char *kind, void *ctx);
	void *report_ctx;
};

/* transfer_source - .registry, and .q's path and scope, of the place that is to be asked now */
int transfer_source(struct transfer *t, struct registry **registries, struct error *err);
/* transfer_prepare - the next attempt's options into .easy. A token that is needed and is not there: -EAGAIN, and .token is it */
int transfer_prepare(struct transfer *t, struct token **tokens, struct error *err);
/* transfer_ended - the attempt is over and .easy is out of the multi handle; decides the state */
void transfer_ended(struct transfer *t, CURLcode code);
/* transfer_writable - the pipe took some, or its reader is gone */
void transfer_writable(struct transfer *t);
void transfer_fail(struct transfer *t, const struct error *why);
void transfer_free(struct transfer *t);
