#include "documents.h"
#include "../../cli/image/reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const types[] = { NULL, MEDIA_OCI_MANIFEST, MEDIA_DOCKER_MANIFEST };
	struct pool pool = { 0 };
	struct error err = { 0 };
	struct manifest_document *m;
	enum layer_compression compression;
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		int r = document_kind(types[i], (const char *) data, size, &err);
		if (r < 0 && (err.code != -r || !*err.text))
			abort();
	}
	if (json_decode(&manifest_type, (const char *) data, size, &pool, &m, &err) == 0) {
		(void) digest_check(m->config.digest, &err);
		for (size_t i = 0; i < m->n_layers; i++)
			if (digest_check(m->layers[i].digest, &err) == 0)
				(void) layer_media_type(m->layers[i].media_type, &compression, &err);
		written_is_read(&manifest_type, m);
	}
	pool_done(&pool);
	return 0;
}
