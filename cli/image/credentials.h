/* credentials.h - who we are to a registry: files (authfile.h) and programs (credential_helper.h).
 *
 * Files, the first that knows the registry counts:
 *	--authfile FILE or $REGISTRY_AUTH_FILE: that one alone
 *	$XDG_RUNTIME_DIR/containers/auth.json, ~/.config/containers/auth.json ($XDG_CONFIG_HOME), ~/.docker/config.json ($DOCKER_CONFIG)
 * In each: "credHelpers" for this registry, "auths" of the longest path that fits, "credsStore".
 */
#pragma once
#include "authfile.h"

/* credentials_find - for @registry/@path (@path NULL: the host itself)
 * @authfile: or NULL. @helpers: registries.conf's credential-helpers, or NULL
 * @ret: in @pool; without a username there are none. @ret_from: file or helper; may be NULL
 * Return: 0; a negative errno when a file is malformed, or a helper fails otherwise than by not knowing the registry */
int credentials_find(const char *authfile, const struct strings *helpers, const char *registry, const char *path, struct pool *pool,
		     struct credential *ret, char **ret_from, struct error *err);

/* credentials_store - into the file that has some for @key ("registry" or "registry/path") already, else ~/.docker/config.json, which
 * every tool reads; where that file names a helper, the helper keeps them. Files are 0600, replaced at once, and what else they hold stays.
 * @ret_where: where they are now; caller frees */
int credentials_store(const char *authfile, const char *key, const struct credential *c, char **ret_where, struct error *err);

/* credentials_erase - from every file and helper that has them; @key NULL: all. Return: how many there were, or a negative errno */
int credentials_erase(const char *authfile, const char *key, struct error *err);
