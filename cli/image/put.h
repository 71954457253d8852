/* put.h - documents of our own making into the store. Digests are computed by carrier-unpack, as for those that come from elsewhere. */
#pragma once
#include "store.h"

/* put_document - a manifest, a config, an index. The caller is root, or root of a user namespace, and holds the store (store_hold())
 * @ret_digest: room for 80 */
int put_document(const struct store *s, const char *text, size_t len, char ret_digest[80], struct error *err);
