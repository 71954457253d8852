/* deflate.h - one interface over zlib, ISA-L and zstd, the mirror of ../unpack/inflate.h; for sink.c. */
#pragma once
#include "../unpack/stream.h"
#include "error.h"

struct deflater;

/* deflater_new - @compression: GZIP or ZSTD. @level: the library's own; 0: what is quick and good enough, with gzip by ISA-L
 * where it was built with it. -EOPNOTSUPP when it was built without, -EINVAL for a level that there is not */
int deflater_new(enum compression compression, int level, struct deflater **ret, struct error *err);
/* deflater_run - as much as fits; advances @in. @end: no more input follows this
 * Return: 1 when everything that can be had now was produced (with @end: the stream is complete), 0 when there is more, or a
 * negative errno */
int deflater_run(struct deflater *d, const uint8_t **in, size_t *len, bool end, uint8_t *out, size_t out_size, size_t *produced,
		 struct error *err);
void deflater_free(struct deflater *d);
