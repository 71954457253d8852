/* reference.h - how people name images, as docker reads it.
 *
 *	[REGISTRY[:PORT]/]PATH[:TAG][@ALGORITHM:HEX]
 * The first part is a registry when it has a dot or a colon, or is "localhost" or has an upper-case letter. Without one it is
 * docker.io, and there a path of one part is below library/. Without tag and digest the tag is latest.
 */
#pragma once
#include "error.h"
#include "mem.h"
#include <stdbool.h>

struct reference {
	char *registry;		/* "docker.io", "127.0.0.1:5000" */
	char *path;		/* "library/debian" */
	char *tag;		/* "latest"; NULL when only a digest was given */
	char *digest;		/* "sha256:..." or NULL */
	char *name;		/* canonical: "docker.io/library/debian:latest" or "...@sha256:..."; the store's key */
	char *familiar;		/* as people write it: "debian:latest" */
};

/* reference_parse - the whole string must be one; @pool owns the strings
 * Errors say which part is wrong and what is allowed there. */
int reference_parse(const char *text, struct pool *pool, struct reference *ret, struct error *err);
/* reference_is_short - it names no registry */
bool reference_is_short(const char *text);
/* reference_host - where the registry really answers: docker.io is registry-1.docker.io; borrowed */
const char *reference_host(const struct reference *r);
/* digest_check - "sha256:" and 64 lower-case hex digits (sha512 likewise, 128); -EINVAL with a sentence otherwise */
int digest_check(const char *digest, struct error *err);
/* digest_hex - what is behind the colon */
const char *digest_hex(const char *digest);
