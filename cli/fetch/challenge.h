/* challenge.h - what a server wants to be told before it answers: WWW-Authenticate, RFC 9110 section 11.
 *
 * Pure, on memory. A header may hold several challenges, and there may be several headers.
 */
#pragma once
#include "mem.h"
#include <stddef.h>

struct challenge {
	char *scheme;				/* as it was sent; compare without case */
	char *realm, *service, *scope, *error;	/* of its parameters those that registries use; NULL when absent */
};

enum { CHALLENGES_MAX = 16 };

/* challenge_parse - all challenges of one header's value
 * @ret: room for CHALLENGES_MAX; their strings belong to @pool
 * Return: how many; -EINVAL when the value is malformed, also when it holds control characters or has too many challenges. A
 * parameter that is given twice counts once, the first time.
 */
int challenge_parse(const char *text, size_t len, struct pool *pool, struct challenge *ret);
