/* authfile.h - one file with credentials, as text: containers-auth.json(5) and docker's config.json are the same format. Pure.
 *
 * A key names a host (with its port) and perhaps a path on it: "quay.io/org/image" is for that image and what is below, and for no
 * other host, whatever its name begins with. A key that is a URL ("https://index.docker.io/v1/") is its host's; Docker Hub's hosts
 * are all docker.io.
 */
#pragma once
#include "error.h"
#include "mem.h"
#include "str.h"
#include <stdbool.h>

struct credential {
	char *username, *password;	/* NULL: there are none */
	char *identity_token;		/* an OAuth2 refresh token in place of the password; or NULL */
};

/* what a file says about one registry; in the pool it was read into */
struct authfile_found {
	struct credential credential;
	char *helper;		/* to be asked first: credHelpers has one for this registry */
	char *store;		/* to be asked when neither has any: credsStore */
};

/* authfile_match - how well @key fits @registry/@path (NULL: the host itself): 0 not at all; the longer the better */
size_t authfile_match(const char *key, const char *registry, const char *path);
/* authfile_lookup - Return: 0, or -EINVAL when the file is malformed */
int authfile_lookup(const char *text, size_t len, const char *registry, const char *path, struct pool *pool, struct authfile_found *ret,
		    struct error *err);
/* authfile_keys - those in "auths", and the helpers' names it mentions anywhere; either may be NULL */
int authfile_keys(const char *text, size_t len, struct strings *keys, struct strings *helpers, struct error *err);
/* authfile_edit - the text with @key's entry set to @c (without a username: empty, which says that a helper has it), or taken away when @c
 * is NULL (@key NULL: all of them). What else is in it stays as it is. @text may be "". @ret: caller frees.
 * Return: how many entries are gone or replaced, or -EINVAL */
int authfile_edit(const char *text, size_t len, const char *key, const struct credential *c, char **ret, struct error *err);
