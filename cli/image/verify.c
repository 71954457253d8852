#include "verify.h"
#include "../transfer/unpacker.h"
#include "cleanup.h"

static int verify(const struct store *s, struct unpack_job job, struct error *err)
{
	char computed[80];
	if (!store_has_blob(s, job.digest))
		return error_say(err, ENOENT, "blob %s is not in the store: pull the image again", job.digest);
	cleanup_close int fd = store_open_blob(s, job.digest, err);
	if (fd < 0)
		return fd;
	job.input_fd = fd;
	job.blob_dir_fd = job.layer_dir_fd = -1;
	return unpack_document(&job, computed, err);
}

int verify_blob(const struct store *s, const char *digest, int64_t size, struct error *err)
{
	return verify(s, (struct unpack_job) { .digest = digest, .size = size }, err);
}

int verify_layer(const struct store *s, const struct descriptor *d, const char *diff_id, struct error *err)
{
	struct unpack_job job = { .digest = d->digest, .size = d->size, .diff_id = diff_id, .verify = true };
	int r = layer_media_type(d->media_type, &job.compression, err);
	return r < 0 ? r : verify(s, job, err);
}
