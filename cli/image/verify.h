/* verify.h - are the blobs of the store still what their digests say? carrier-unpack reads them again, confined as always. */
#pragma once
#include "store.h"

/* verify_blob - any of them; @size: 0 when it is not known. Return: 0; -ENOENT when it is not there, -EBADMSG when it is damaged, with a
 * sentence */
int verify_blob(const struct store *s, const char *digest, int64_t size, struct error *err);
/* verify_layer - the blob, and the archive in it against @diff_id; nothing is unpacked */
int verify_layer(const struct store *s, const struct descriptor *d, const char *diff_id, struct error *err);
