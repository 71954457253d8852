/* inflate.h - one interface over zlib, ISA-L and zstd, for stream.c and its tests. */
#pragma once
#include "error.h"
#include "stream.h"

struct inflater;
/* ISA-L reads ahead, and at the end of a gzip member gives back up to 8 bytes, which may be of an earlier call: the memory before @in must
 * hold them still. */
enum { INFLATER_BACK_MAX = 8 };

/* inflater_new - @compression: PLAIN is not one. -EOPNOTSUPP when it was built without */
int inflater_new(enum compression compression, struct inflater **ret, struct error *err);
/* inflater_run - as much as fits; advances @in. Concatenated gzip members and zstd frames are one stream; zeros behind
 * the last gzip member are padding, anything else there is -EBADMSG.
 * Return: 0, or a negative errno. No output and no input left: more input is needed. */
int inflater_run(struct inflater *f, const uint8_t **in, size_t *len, uint8_t *out, size_t out_size, size_t *produced,
		 struct error *err);
/* inflater_complete - may the input end here? */
bool inflater_complete(const struct inflater *f);
void inflater_free(struct inflater *f);
