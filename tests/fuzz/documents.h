/* documents.h - for the fuzz targets of image documents: what was read can be written, and is read again as the same. */
#pragma once
#include "../../cli/image/documents.h"
#include <stdlib.h>
#include <string.h>

static inline void written_is_read(const struct json_type *type, const void *document)
{
	struct pool pool = { 0 };
	struct error err = { 0 };
	void *again;
	size_t len, len_again;
	char *text = json_encode(type, document, JSON_COMPACT, &len), *text_again;
	if (!text || json_decode(type, text, len, &pool, &again, &err) < 0)
		abort();
	text_again = json_encode(type, again, JSON_COMPACT, &len_again);
	if (len != len_again || memcmp(text, text_again, len) != 0)
		abort();
	free(text);
	free(text_again);
	pool_done(&pool);
}
