/* An image's config, and the oci-layout file, which is as small as a document can be. */
#include "documents.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pool pool = { 0 };
	struct error err = { 0 };
	struct image_config *config;
	struct layout_document *layout;
	if (json_decode(&image_config_type, (const char *) data, size, &pool, &config, &err) == 0)
		written_is_read(&image_config_type, config);
	if (json_decode(&layout_type, (const char *) data, size, &pool, &layout, &err) == 0)
		written_is_read(&layout_type, layout);
	pool_done(&pool);
	return 0;
}
