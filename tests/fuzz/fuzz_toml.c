/* fuzz_toml.c - the input is a TOML document; when it is one, as a registries.conf, too. */
#include "../../cli/toml.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t check(const struct toml *t, unsigned depth)
{
	size_t n = 0;
	if (depth > 3 * TOML_DEPTH_MAX || (t->kind == TOML_STRING && !t->string))
		abort();
	for (const struct toml *c = t->first; c; c = c->next, n++) {
		if ((t->kind == TOML_TABLE) != (c->key != NULL) || (c->key && toml_get(t, c->key) != c))
			abort();
		(void) check(c, depth + 1);
	}
	if (n != t->n || (t->kind != TOML_TABLE && t->kind != TOML_ARRAY && n))
		abort();
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pool pool = { 0 };
	struct toml *root;
	struct error err = { 0 };
	char *exact = malloc(size ? size : 1);		/* so that a byte read behind it is seen */
	if (!exact)
		abort();
	memcpy(exact, data, size);
	int r = toml_parse(exact, size, &pool, &root, &err);
	if (r == 0)
		(void) check(root, 0);
	else if (r != -EINVAL || strncmp(err.text, "line ", 5) != 0)
		abort();
	free(exact);
	pool_done(&pool);
	return 0;
}
