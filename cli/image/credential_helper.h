/* credential_helper.h - docker-credential-NAME: a program that keeps secrets in a keyring, a vault, a cloud's login.
 *
 * Found in PATH, executed as who we are and with our environment; what it is about goes to its stdin, never into its arguments.
 * It has HELPER_TIMEOUT_S seconds (it may ask for a passphrase); one that takes longer is killed. Its stderr is ours.
 */
#pragma once
#include "authfile.h"

enum { HELPER_TIMEOUT_S = 60 };

/* helper_get - @server: the registry as the helper knows it. Return: 1, 0 when it has none, or a negative errno with a sentence */
int helper_get(const char *name, const char *server, struct pool *pool, struct credential *ret, struct error *err);
int helper_store(const char *name, const char *server, const struct credential *c, struct error *err);
/* helper_erase - what it does not have is a success */
int helper_erase(const char *name, const char *server, struct error *err);
/* helper_list - the servers it knows */
int helper_list(const char *name, struct strings *ret, struct error *err);
