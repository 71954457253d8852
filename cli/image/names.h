/* names.h - what a word of the command line names in the store: an image, or a list of images for several platforms. */
#pragma once
#include "store.h"

struct named {
	struct descriptor descriptor;	/* of the manifest, or of the index */
	enum document_kind kind;
	struct reference ref;		/* as @word was read; ref.name is NULL when it was an id */
};

/* names_find - by reference, digest or id prefix, as store_find(); a list is found by reference or digest, and stays one
 * @pool owns the result */
int names_find(const struct store *s, const char *word, struct pool *pool, struct named *ret, struct error *err);
/* names_read - the document of @d, which is in the store, and its kind */
int names_read(const struct store *s, const struct descriptor *d, struct pool *pool, char **ret_text, size_t *ret_len,
	       enum document_kind *ret_kind, struct error *err);
/* names_parse - a reference to give to something: docker:// before it is tolerated, a digest in it is not */
int names_parse(const char *word, struct pool *pool, struct reference *ret, struct error *err);
