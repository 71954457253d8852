/* The input is the pax records of one file (and, behind a NUL byte, the file's data): whatever they say, entries stay within their
 * limits, and the sizes that they announce are the sizes that come. */
#include "../../cli/unpack/tar.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BLOCK = 512, MOST = 64 << 10 };
static uint8_t archive[2 * MOST + 8 * BLOCK];
static size_t archive_len;

static void put(char type, const uint8_t *data, size_t size)
{
	uint8_t *h = archive + archive_len;
	unsigned sum = 0;
	memset(h, 0, BLOCK);
	memcpy(h, "file", 4);
	(void) snprintf((char *) h + 124, 12, "%011zo", size);
	memcpy(h + 257, "ustar\00000", 8);
	h[156] = (uint8_t) type;
	memset(h + 148, ' ', 8);
	for (int i = 0; i < BLOCK; i++)
		sum += h[i];
	(void) snprintf((char *) h + 148, 8, "%06o", sum);
	archive_len += BLOCK;
	size_t blocks = (size + BLOCK - 1) / BLOCK * BLOCK;
	memset(archive + archive_len, 0, blocks);
	memcpy(archive + archive_len, data, size);
	archive_len += blocks;
}

static void check_entry(const struct tar_entry *e)
{
	if (strlen(e->name) >= PATH_MAX || strlen(e->link) >= PATH_MAX || e->size < 0 || e->mtime_nsec > 999999999)
		abort();
	unsigned sum = 0;	/* every byte is read: the sanitizer judges */
	for (size_t i = 0; i < e->n_xattrs; i++)
		for (size_t k = 0; k < e->xattrs[i].len; k++)
			sum += ((const uint8_t *) e->xattrs[i].value)[k];
	if (sum > 255U * MOST)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nul = size ? memchr(data, 0, size) : NULL, *body;
	size_t records = nul ? (size_t) (nul - data) : size, rest = nul ? size - records - 1 : 0, body_len;
	if (records > MOST || rest > MOST)
		return 0;
	archive_len = 0;
	put('x', data, records);
	put('0', nul ? nul + 1 : data, rest);
	memset(archive + archive_len, 0, 2 * BLOCK);
	archive_len += 2 * BLOCK;

	struct tar *t = tar_new();
	struct error err = { 0 };
	const uint8_t *in = archive;
	uint64_t came = 0, announced = 0;
	int r;
	while ((r = tar_next(t, &in, &archive_len, &body, &body_len, &err)) > 0) {
		if (r == TAR_ENTRY) {
			check_entry(tar_entry(t));
			announced = (uint64_t) tar_entry(t)->size;
			came = 0;
		}
		if (r == TAR_DATA || r == TAR_HOLE)
			came += body_len;
		if ((r == TAR_DATA || r == TAR_HOLE) && (body_len == 0 || came > announced))
			abort();
		if (r == TAR_ENTRY_END && came != announced)
			abort();
	}
	if (r < 0 ? err.code != -r || !*err.text : archive_len != 0)
		abort();
	tar_free(t);
	return 0;
}
