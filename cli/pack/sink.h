/* sink.h - an archive on its way out: hashed, compressed, hashed again and written, in one pass; the mirror of ../unpack/stream.h.
 *
 *	sink_open(&config, &s, err) -> sink_write(s, data, len, err)... -> sink_finish(s, err) -> sink_numbers(s)
 */
#pragma once
#include "../unpack/stream.h"

struct sink_config {
	int fd;				/* a file or pipe; a file is on disk when sink_finish() returns */
	enum compression compression;	/* PLAIN, GZIP or ZSTD */
	int level;			/* 0: the default (deflate.h) */
};

struct sink;
int sink_open(const struct sink_config *config, struct sink **ret, struct error *err);
int sink_write(struct sink *s, const void *data, size_t len, struct error *err);
/* sink_finish - everything is written; digest and diff_id are in the numbers, inflate_us is the time it took to compress */
int sink_finish(struct sink *s, struct error *err);
const struct stream_numbers *sink_numbers(const struct sink *s);
void sink_free(struct sink *s);
