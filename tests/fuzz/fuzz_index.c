#include "documents.h"
#include "../../cli/image/reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const platforms[] = { NULL, "linux/amd64", "linux/arm64/v8", "linux/arm/v7" };
	struct pool pool = { 0 };
	struct error err = { 0 };
	struct index_document *index;
	const struct descriptor *chosen;
	(void) document_kind(MEDIA_OCI_INDEX, (const char *) data, size, &err);
	(void) document_kind(NULL, (const char *) data, size, &err);
	if (json_decode(&index_type, (const char *) data, size, &pool, &index, &err) == 0) {
		for (size_t i = 0; i < sizeof platforms / sizeof *platforms; i++) {
			chosen = NULL;
			if (index_choose(index, platforms[i], &chosen, &err) == 0 &&
			    (chosen < index->manifests || chosen >= index->manifests + index->n_manifests))
				abort();
		}
		written_is_read(&index_type, index);
	}
	pool_done(&pool);
	return 0;
}
