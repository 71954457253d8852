#include "sink.h"
#include "../unpack/digest.h"
#include "deflate.h"
#include "fs.h"
#include "mem.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { IN_SIZE = 128 << 10, OUT_SIZE = 256 << 10 };

struct sink {
	struct sink_config config;
	struct stream_numbers n;
	struct digest *diff_hash, *blob_hash;	/* blob_hash is NULL where it is the same */
	struct deflater *deflater;
	size_t in_len;				/* headers are small: they are gathered */
	uint8_t in_buf[IN_SIZE], out_buf[OUT_SIZE];
};

int sink_open(const struct sink_config *config, struct sink **ret, struct error *err)
{
	struct sink *s = xcalloc(1, sizeof *s);
	s->config = *config;
	int r = digest_new(&s->diff_hash, err);
	if (r == 0 && config->compression != COMPRESSION_PLAIN) {
		r = digest_new(&s->blob_hash, err);
		if (r == 0)
			r = deflater_new(config->compression, config->level, &s->deflater, err);
	}
	if (r < 0) {
		sink_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

void sink_free(struct sink *s)
{
	if (!s)
		return;
	digest_free(s->diff_hash);
	digest_free(s->blob_hash);
	deflater_free(s->deflater);
	free(s);
}

const struct stream_numbers *sink_numbers(const struct sink *s) { return &s->n; }

/* out - to where it goes */
static int out(struct sink *s, const void *data, size_t len, struct error *err)
{
	int r = s->blob_hash ? digest_add(s->blob_hash, data, len, &s->n.hash_us, err) : 0;
	if (r < 0 || len == 0)
		return r;
	int64_t start = clock_us();
	r = fs_write_all(s->config.fd, data, len);
	s->n.blob_us += clock_us() - start;
	s->n.size += (int64_t) len;
	return r < 0 ? error_set(err, -r, "write the archive") : 0;
}

static int compress(struct sink *s, const uint8_t *data, size_t len, bool end, struct error *err)
{
	int done = 0;
	while (!done) {
		size_t produced = 0;
		int64_t start = clock_us();
		done = deflater_run(s->deflater, &data, &len, end, s->out_buf, OUT_SIZE, &produced, err);
		s->n.inflate_us += clock_us() - start;
		int r = done < 0 ? done : out(s, s->out_buf, produced, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* pass_on - a piece of the archive */
static int pass_on(struct sink *s, const void *data, size_t len, struct error *err)
{
	int r = digest_add(s->diff_hash, data, len, &s->n.hash_us, err);
	if (r < 0)
		return r;
	s->n.unpacked += (int64_t) len;
	return s->deflater ? compress(s, data, len, false, err) : out(s, data, len, err);
}

static int flush(struct sink *s, struct error *err)
{
	size_t len = s->in_len;
	s->in_len = 0;
	return len ? pass_on(s, s->in_buf, len, err) : 0;
}

int sink_write(struct sink *s, const void *data, size_t len, struct error *err)
{
	if (len > IN_SIZE - s->in_len) {
		int r = flush(s, err);
		if (r < 0)
			return r;
	}
	if (len >= IN_SIZE)
		return pass_on(s, data, len, err);
	memcpy(s->in_buf + s->in_len, data, len);
	s->in_len += len;
	return 0;
}

int sink_finish(struct sink *s, struct error *err)
{
	int r = flush(s, err);
	if (r == 0 && s->deflater)
		r = compress(s, NULL, 0, true, err);
	if (r < 0)
		return r;
	int64_t start = clock_us();
	/* a pipe cannot be synced: EINVAL; a device that does not know it: ENOTSUP and the like are not ours to judge either */
	if (fsync(s->config.fd) < 0 && (errno == EIO || errno == ENOSPC || errno == EDQUOT))
		return error_set(err, errno, "write the archive");
	s->n.blob_us += clock_us() - start;
	digest_end(s->diff_hash, s->n.diff_id);
	if (s->blob_hash)
		digest_end(s->blob_hash, s->n.digest);
	else
		strcpy(s->n.digest, s->n.diff_id);
	return 0;
}
