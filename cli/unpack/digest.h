/* digest.h - the SHA-256 of a stream, by libcrypto, for those who read (stream.h) and who write (../pack/sink.h). */
#pragma once
#include "error.h"
#include <stddef.h>
#include <stdint.h>

enum { DIGEST_SIZE = 72 };	/* of "sha256:", 64 hex digits and the NUL */

struct digest;
/* digest_new - -ENOTSUP where libcrypto has none (a FIPS provider that is not set up) */
int digest_new(struct digest **ret, struct error *err);
/* digest_add - @us: the time it took is added to it. Return: 0 or -EIO */
int digest_add(struct digest *d, const void *data, size_t len, int64_t *us, struct error *err);
/* digest_end - of all that was added; nothing can be added any more */
void digest_end(struct digest *d, char out[DIGEST_SIZE]);
/* digest_free - of NULL, too */
void digest_free(struct digest *d);
