/* upload.h - the other direction: a blob or a document, from an fd of ours to the registry. Used by transfer.c and http.c only.
 *
 * A request with a method (protocol.h) is a transfer with a struct upload. It goes through steps, each of which is an attempt as
 * transfer.h has them (redirects, tokens, pauses between tries are the same):
 *
 *	"HEAD"		CHECK
 *	"PUT"		DOCUMENT
 *	"UPLOAD"	CHECK -> BEGIN -> WHOLE					the blob in one piece
 *			          a connection breaks: STATUS -> REST -> COMMIT	going on from what the registry has of it
 *			          the registry has forgotten it: BEGIN
 * distribution-spec "Push"; docker's registry API. Bodies are read with pread(2): the fd's position is not used, and an attempt can
 * be repeated.
 */
#pragma once
#include "transfer.h"

struct upload;

/* upload_new - of a request with a method; t->body.fd is what is read, or -1: there are no bytes, only the registry is asked
 * @ret: with upload_free() */
int upload_new(const struct transfer *t, struct upload **ret, struct error *err);
/* upload_url - where this step goes, unless a redirect says otherwise; caller frees */
char *upload_url(const struct transfer *t);
/* upload_prepare - method, headers and body of this step into t->easy */
void upload_prepare(struct transfer *t);
/* upload_ended - the answer to this step: the next one, or the end
 * Return: 1 when that was all there is to it, 0 when the status is nothing of an upload's own (a redirect, a challenge, a
 * failure), or a negative errno */
int upload_ended(struct transfer *t, long status, struct error *err);
/* upload_again - the step is to be repeated, or gone back from: the same wait as for downloads, -1: no further try */
int64_t upload_again(struct transfer *t);
/* upload_denied - the sentence for a status that ends it */
int upload_denied(const struct transfer *t, long status, const char *host, bool logged_in, struct error *err);
/* upload_broke - the sentence for a connection that ends it; 0 when explain_curl() has one */
int upload_broke(const struct transfer *t, CURLcode code, struct error *err);
/* upload_outcome - "exists", "mounted" or "uploaded", once it is done */
const char *upload_outcome(const struct upload *u);
void upload_free(struct upload *u);
