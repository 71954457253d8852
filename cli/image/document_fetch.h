/* document_fetch.h - small documents of a registry: manifests, configs, lists. At most 4 MiB each: a larger one is refused. */
#pragma once
#include "layers.h"

/* document_fetch - fetch one small document into the store: @kind and @what of session_request()
 * @digest: expected, or NULL (then it is what it is: a tag's manifest). @ret_digest: room for 80. @ret_type: Content-Type, in @pool */
int document_fetch(const struct store *s, const struct layers_source *source, const char *kind, const char *what, const char *digest,
		   int64_t size, char *const *accept, struct pool *pool, char ret_digest[80], char **ret_type, struct error *err);
/* document_read - the same for what is not kept. @path: in place of the one that session_request() would have (a further page), or NULL
 * @text: caller frees. @ret_link: the Link header, in @pool, or NULL */
int document_read(const struct layers_source *source, const char *kind, const char *path, struct pool *pool, char **text, size_t *len,
		  char **ret_link, struct error *err);
