/* Any bytes as a blob, compressed as the first byte says or as they look: what comes out is bounded, and every end has its reason. */
#include "../../cli/unpack/stream.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	if (size == 0)
		return 0;
	if (fd < 0)
		fd = memfd_create("blob", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, 0) < 0 || pwrite(fd, data + 1, size - 1, 0) != (ssize_t) size - 1 || lseek(fd, 0, SEEK_SET) != 0)
		abort();
	const struct stream_config config = { .in_fd = fd, .blob_fd = -1, .compression = (enum compression) (data[0] % 4), .hash_unpacked = data[0] & 4,
					      .size = data[0] & 8 ? (int64_t) size - 1 : -1, .max_unpacked = 1 << 20 };
	struct stream *s;
	struct error err = { 0 };
	const uint8_t *out;
	size_t len;
	unsigned sum = 0;
	int64_t total = 0;
	int r = stream_open(&config, &s, &err);
	if (r < 0)
		abort();
	while ((r = stream_next(s, &out, &len, &err)) > 0) {
		total += (int64_t) len;
		for (size_t i = 0; i < len; i++)	/* every byte is read: the sanitizer judges */
			sum += out[i];
	}
	const struct stream_numbers *n = stream_numbers(s);
	if (r < 0 ? err.code != -r || !*err.text : n->size != (int64_t) size - 1 || n->unpacked != total || strlen(n->digest) != 71)
		abort();
	if (total > config.max_unpacked || sum > 255U * (1 << 20))
		abort();
	stream_free(s);
	return 0;
}
