#include "verify.h"
#include "../transfer/unpacker.h"
#include "cleanup.h"

static int verify(const struct store *s, const struct descriptor *d, struct unpack_job job, struct error *err)
{
	char digest[80];
	if (!store_has_blob(s, d->digest))
		return error_say(err, ENOENT, "blob %s is not in the store: pull the image again", d->digest);
	cleanup_close int fd = store_open_blob(s, d->digest, err);
	if (fd < 0)
		return fd;
	job.input_fd = fd;
	job.blob_dir_fd = job.layer_dir_fd = -1;
	job.digest = d->digest;
	job.size = d->size;
	return unpack_document(&job, digest, err);
}

int verify_document(const struct store *s, const struct descriptor *d, struct error *err)
{
	return verify(s, d, (struct unpack_job) { 0 }, err);
}

int verify_layer(const struct store *s, const struct descriptor *d, const char *diff_id, struct error *err)
{
	struct unpack_job job = { .diff_id = diff_id, .verify = true };
	int r = layer_media_type(d->media_type, &job.compression, err);
	return r < 0 ? r : verify(s, d, job, err);
}
