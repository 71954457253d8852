/* fuzz_challenge.c - the input is the value of one WWW-Authenticate header. */
#include "../../cli/fetch/challenge.h"
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_right(const char *value, size_t size)
{
	if (!value)
		return true;
	for (const char *c = value; *c; c++)
		if (*c == '\n' || *c == '\r' || *c == 0x7f)
			return false;
	return strlen(value) <= size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pool pool = { 0 };
	struct challenge list[CHALLENGES_MAX];
	char *exact = malloc(size ? size : 1);		/* so that a byte read behind it is seen */
	if (!exact)
		abort();
	memcpy(exact, data, size);
	int n = challenge_parse(exact, size, &pool, list);
	free(exact);
	bool right = n == -EINVAL || (n >= 0 && n <= CHALLENGES_MAX);
	for (int i = 0; i < n; i++)
		right = right && *list[i].scheme && is_right(list[i].scheme, size) && is_right(list[i].realm, size)
			&& is_right(list[i].service, size) && is_right(list[i].scope, size) && is_right(list[i].error, size);
	if (!right)
		abort();
	pool_done(&pool);
	return 0;
}
