/* stream.h - a blob as it arrives: hashed, kept, inflated, hashed again, in one pass.
 *
 *	stream_open(&config, &s, err);
 *	while ((r = stream_next(s, &data, &len, err)) > 0)
 *		... data: unpacked bytes, until the next call ...
 *	r == 0: the end, and everything that config expects was found to be so
 *
 * Two buffers of fixed size and the inflater's window are all the memory it takes. gzip through ISA-L where it was built
 * with it, else zlib; zstd where it was built with it (windows up to 8 MiB, as RFC 8878 asks for).
 */
#pragma once
#include "error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum compression { COMPRESSION_AUTO, COMPRESSION_PLAIN, COMPRESSION_GZIP, COMPRESSION_ZSTD };

struct stream_config {
	int in_fd;
	int blob_fd;			/* a copy of the input goes here; -1: nowhere */
	int64_t kept;			/* so many bytes are in blob_fd already (at least 4, or 0): they are read from there, then in_fd */
	enum compression compression;	/* AUTO: by the first bytes */
	bool hash_unpacked;		/* diff_id is wanted, even where none is expected */
	const char *digest, *diff_id;	/* expected "sha256:HEX", or NULL */
	int64_t size;			/* expected, -1: unknown */
	int64_t max_unpacked;
	int64_t max_ratio, ratio_from;	/* behind so many unpacked bytes, never more than max_ratio for each byte of input; 0: no limit */
};

struct stream_numbers {
	int64_t size, unpacked;		/* bytes so far */
	int64_t hash_us, inflate_us;	/* time so far; hash_us covers both digests */
	int64_t receive_us;		/* waiting for the input, and copying it */
	int64_t blob_us;		/* writing the copy */
	char digest[72], diff_id[72];	/* at the end; diff_id "" unless wanted */
};

struct stream;
int stream_open(const struct stream_config *config, struct stream **ret, struct error *err);
/* stream_next - 1 with unpacked bytes (perhaps none), 0 at the verified end, or a negative errno: -EBADMSG for damage and
 * for anything else than what is expected, -ENODATA when the input ends too early, -EFBIG beyond max_unpacked or max_ratio, else what
 * read(2) or write(2) returned */
int stream_next(struct stream *s, const uint8_t **data, size_t *len, struct error *err);
const struct stream_numbers *stream_numbers(const struct stream *s);
/* stream_compression - "plain", "gzip", "zstd", once the first bytes were seen; NULL before */
const char *stream_compression(const struct stream *s);
void stream_free(struct stream *s);

/* compression_parse - "auto", "plain", "gzip", "zstd"; -EINVAL */
int compression_parse(const char *word, enum compression *ret);
/* clock_us - monotonic */
int64_t clock_us(void);
