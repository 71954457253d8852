/* origin.h - ROOT/store/origins/HEX: from where the manifest HEX was fetched ("docker.io/library/debian"), so that its layers can be fetched
 * again. An image that was loaded, built or committed has none, whatever it is called. */
#pragma once
#include "store.h"

/* origin_set - a hint, not synced: without it less can be dropped, and nothing is wrong */
void origin_set(const struct store *s, const char *manifest_digest, const char *repository);
/* origin_get - caller frees; NULL: none is known */
char *origin_get(const struct store *s, const char *manifest_digest);
