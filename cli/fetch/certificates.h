/* certificates.h - whom we trust at a registry, and which certificate of our own it may ask for: docker's certs.d directories.
 *
 * With --cert-dir that directory, else DIR/HOST[:PORT] of each of these:
 *	/etc/containers/certs.d, /etc/docker/certs.d, ~/.config/containers/certs.d
 * In them *.crt are CAs, all of which are trusted beside the system's; NAME.cert with NAME.key is shown to the registry itself
 * and to nobody else: the first pair there is, by directory and name.
 */
#pragma once
#include "../transfer/protocol.h"
#include <curl/curl.h>
#include <stdbool.h>

struct certificates;

/* certificates_find - Return: 0, or a negative errno: a NAME.cert has no NAME.key, a file cannot be read */
int certificates_find(const struct fetch_setup *setup, const char *registry, struct certificates **ret, struct error *err);
void certificates_use(const struct certificates *c, CURL *easy, bool own);
void certificates_free(struct certificates *c);
/* certificates_dirs - directories beneath which they are looked for; NULL-terminated, allocated once */
char *const *certificates_dirs(const struct fetch_setup *setup);
