/* layers.h - getting an image's layers into the store, all at once: the part that pull and its repetition from blobs share. */
#pragma once
#include "documents.h"
#include "session.h"
#include "store.h"
#include <signal.h>

struct layers_source {
	struct session *session;	/* started; NULL: blobs must be in the store */
	struct fetcher *fetcher;	/* the session's, or NULL */
	const struct reference *ref;
	bool quiet;
	int signal_fd;			/* layers_signals(): readable when we are to stop; -1: nobody asks */
};

/* layers_signals - block SIGINT, SIGTERM and SIGHUP, and receive them by the returned fd; @was: the mask to go back to */
int layers_signals(sigset_t *was, struct error *err);

/* layers_get - every layer of @manifest: unpacked, verified against its diff_id of @config, and renamed into its place
 * Return: 0; -EINTR when a signal came; on failure nothing unfinished is left but what
 * another process holds. */
int layers_get(const struct store *s, const struct manifest_document *manifest, const struct image_config *config,
	       const struct layers_source *source, struct error *err);

/* layers_document - fetch one small document into the store: @kind and @what of session_request()
 * @digest: expected, or NULL (then it is what it is: a tag's manifest). @ret_digest: room for 80. @ret_type: Content-Type, in @pool */
int layers_document(const struct store *s, const struct layers_source *source, const char *kind, const char *what, const char *digest,
		    int64_t size, char *const *accept, struct pool *pool, char ret_digest[80], char **ret_type, struct error *err);
