/* secret_store.h - secrets: small values that containers are shown and nobody else.
 *
 *	ROOT/secrets/NAME/secret.json	what is known of it (struct secret_record)
 *	                  data		the value, 0600
 *
 * A value is never in an argument, the environment of a program of ours, a log or a container's record. Names: named.h.
 */
#pragma once
#include "json.h"
#include "named.h"

enum { SECRET_STORE_MAX = 512000 };	/* bytes, as podman */

struct secret_record {
	char *name, *id, *created, *updated;	/* id: 25 hex digits */
	struct json_map labels;
};
struct secret { struct pool pool; struct secret_record record; };
void secret_done(struct secret *s);
#define cleanup_secret __attribute__((cleanup(secret_done)))

/* secret_make - @replace: in place of the one that has the name. -EEXIST; @ret_id: room for 26 */
int secret_make(const struct carrier *c, const char *name, const struct json_map *labels, const void *value, size_t len, bool replace,
		char ret_id[26], struct error *err);
/* secret_find - by name, or by a unique beginning of its id; -ENOENT with a sentence */
int secret_find(const struct carrier *c, const char *name, struct secret *ret, struct error *err);
/* secret_value - caller frees. @secrets: ROOT/secrets */
int secret_value(const char *secrets, const char *name, char **ret, size_t *len, struct error *err);
int secret_list(const struct carrier *c, struct secret **ret, size_t *n, struct error *err);
void secret_list_free(struct secret *list, size_t n);
int secret_remove(const struct carrier *c, const char *name, struct error *err);
