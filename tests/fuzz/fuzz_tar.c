/* Any bytes, in pieces whose size the first byte chooses: entries stay within their limits, data within the input. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include "../../cli/unpack/tar.h"
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_entry(const struct tar_entry *e)
{
	if (strlen(e->name) >= PATH_MAX || strlen(e->link) >= PATH_MAX || e->size < 0 || e->mode > 07777 || e->mtime_nsec > 999999999)
		abort();
	unsigned sum = 0;	/* every byte is read: the sanitizer judges */
	for (size_t i = 0; i < e->n_xattrs; i++)
		for (size_t k = 0; k < e->xattrs[i].len; k++)
			sum += ((const uint8_t *) e->xattrs[i].value)[k];
	if (sum > 255U * (1 << 20))
		abort();
}

static int feed(struct tar *t, const uint8_t *in, size_t len)
{
	const uint8_t *body, *end = in + len;
	size_t body_len;
	struct error err = { 0 };
	int r;
	while ((r = tar_next(t, &in, &len, &body, &body_len, &err)) > 0) {
		if (r == TAR_ENTRY)
			check_entry(tar_entry(t));
		if (r == TAR_DATA && (body_len == 0 || body + body_len > end))
			abort();
	}
	if (r < 0 ? err.code != -r || !*err.text : len != 0)
		abort();
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t piece = size ? (size_t) data[0] * 7 + 1 : 1;
	struct tar *t = tar_new();
	int r = 0;
	for (size_t at = size > 0; at < size && r == 0; at += piece)
		r = feed(t, data + at, size - at < piece ? size - at : piece);
	if (r == 0)
		(void) tar_finish(t, NULL);
	tar_free(t);
	return 0;
}
