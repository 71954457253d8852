#include "../../cli/image/documents.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pool pool = { 0 };
	struct error err = { 0 };
	struct index_document *index;
	struct manifest_document *manifest;
	struct image_config *config;
	const struct descriptor *chosen;
	const char *text = (const char *) data;
	(void) document_kind(NULL, text, size, &err);
	if (json_decode(&index_type, text, size, &pool, &index, &err) == 0)
		(void) index_choose(index, NULL, &chosen, &err);
	(void) json_decode(&manifest_type, text, size, &pool, &manifest, &err);
	if (json_decode(&image_config_type, text, size, &pool, &config, &err) == 0)
		free(json_encode(&image_config_type, config, JSON_COMPACT, NULL));
	pool_done(&pool);
	return 0;
}
