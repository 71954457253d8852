/* fuzz_authfile.c - the input is a file with credentials: what is put in is found, and taken away it is gone; then the same text as a
 * registries.conf. */
#include "../../cli/image/authfile.h"
#include "../../cli/image/registries.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_edit(const char *text, size_t size)
{
	const struct credential me = { (char *) "me", (char *) "secret", NULL };
	struct pool pool = { 0 };
	struct authfile_found found = { 0 };
	char *with = NULL, *without = NULL;
	if (authfile_edit(text, size, "x.io/y", &me, &with, NULL) >= 0) {
		/* another entry may be malformed, and only then is this one not found */
		if (authfile_lookup(with, strlen(with), "x.io", "y", &pool, &found, NULL) == 0 &&
		    (!found.credential.username || strcmp(found.credential.username, "me") != 0) && !found.helper)
			abort();
		if (authfile_edit(with, strlen(with), "x.io/y", NULL, &without, NULL) < 1)
			abort();
		free(without);
		without = NULL;
		if (authfile_edit(with, strlen(with), NULL, NULL, &without, NULL) < 1)
			abort();
	}
	free(with);
	free(without);
	pool_done(&pool);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct registries r = { 0 };
	struct strings keys = { 0 }, helpers = { 0 };
	char *exact = malloc(size ? size : 1);		/* so that a byte read behind it is seen */
	if (!exact)
		abort();
	memcpy(exact, data, size);
	check_edit(exact, size);
	(void) authfile_keys(exact, size, &keys, &helpers, NULL);
	(void) registries_add(&r, exact, size, "f", NULL);
	free(exact);
	strings_done(&keys);
	strings_done(&helpers);
	registries_done(&r);
	return 0;
}
