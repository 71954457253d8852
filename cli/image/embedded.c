/* The image `hello` is made of the program that was compiled in: a tar with one file, a config, a manifest. All three go through
 * carrier-unpack as if they had been pulled, so that there is one way into the store. */
#include "acquire.h"
#include "cleanup.h"
#include "hello_embedded.h"
#include "make.h"
#include "mem.h"
#include <string.h>

enum { BLOCK = 512 };

/* tar_header - POSIX ustar: one regular file, 0755, of root; the time is the epoch, so that the image is the same everywhere */
static void tar_header(char h[BLOCK], const char *name, size_t size)
{
	unsigned sum = 0;
	memset(h, 0, BLOCK);
	snprintf(h, 100, "%s", name);
	memcpy(h + 100, "0000755", 8);
	memcpy(h + 108, "0000000", 8);
	memcpy(h + 116, "0000000", 8);
	snprintf(h + 124, 12, "%011zo", size);
	memcpy(h + 136, "00000000000", 12);
	memset(h + 148, ' ', 8);
	h[156] = '0';
	memcpy(h + 257, "ustar\0" "00", 8);
	for (int i = 0; i < BLOCK; i++)
		sum += (unsigned char) h[i];
	snprintf(h + 148, 8, "%06o", sum);
}

static void make_tar(struct buf *tar)
{
	static const char zeros[2 * BLOCK];
	char header[BLOCK];
	tar_header(header, "hello", hello_program_len);
	buf_add(tar, header, BLOCK);
	buf_add(tar, hello_program, hello_program_len);
	if (hello_program_len % BLOCK)
		buf_add(tar, zeros, BLOCK - hello_program_len % BLOCK);
	buf_add(tar, zeros, sizeof zeros);
}

int image_embedded(const struct store *s, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct place place cleanup_place = PLACE_INIT;
	struct buf tar cleanup_buf = { 0 };
	char hello[] = "/hello", epoch[] = "1970-01-01T00:00:00Z", *cmd[] = { hello, NULL }, id[80];
	struct image_config config = { .created = epoch, .config = { .cmd = cmd } };
	struct made_layer layer;
	struct descriptor descriptor, manifest;
	size_t n = 0;
	cleanup_close int hold = store_hold(s, err);
	if (hold < 0)
		return hold;
	make_tar(&tar);
	cleanup_close int tar_fd = make_file(tar.data, tar.len, err);
	int r = tar_fd < 0 ? tar_fd : place_open(s, "hello", &place, err);
	if (r == 0)
		r = make_layer_of_archive(&place, tar_fd, NULL, &layer, err);
	if (r == 0)
		r = make_platform(&config, NULL, &pool, err);
	if (r < 0)
		return r;
	make_add_layer(&config, &descriptor, &n, &layer, NULL, &pool);
	r = make_image(&place, &config, NULL, &descriptor, n, &pool, id, &manifest, err);
	return r < 0 ? r : store_name(s, &manifest, "docker.io/library/hello:latest", err);
}
