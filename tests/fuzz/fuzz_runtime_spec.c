#include <stdlib.h>
#include "runtime_spec.h"
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pool pool = { 0 };
	struct error err = { 0 };
	struct runtime_spec *spec;
	if (json_decode(&runtime_spec_type, (const char *) data, size, &pool, &spec, &err) == 0) {
		char *s = json_encode(&runtime_spec_type, spec, JSON_COMPACT, NULL);
		free(s);
	}
	pool_done(&pool);
	return 0;
}
