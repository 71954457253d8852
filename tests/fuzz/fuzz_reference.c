#include "../../cli/image/reference.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pool pool = { 0 };
	struct error err = { 0 };
	struct reference r, again;
	char *text = xstrndup((const char *) data, size);
	/* what is accepted has a canonical name that means the same */
	if (reference_parse(text, &pool, &r, &err) == 0 &&
	    (reference_parse(r.name, &pool, &again, &err) < 0 || strcmp(again.name, r.name) != 0))
		abort();
	pool_done(&pool);
	free(text);
	return 0;
}
