/* The image `hello` is made of the program that was compiled in: a tar with one file, a config, a manifest. All three go through
 * carrier-unpack as if they had been pulled, so that there is one way into the store. */
#include "../transfer/unpacker.h"
#include "acquire.h"
#include "chain.h"
#include "cleanup.h"
#include "fs.h"
#include "hello_embedded.h"
#include "mem.h"
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

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

static int memory_file(const void *data, size_t len, struct error *err)
{
	cleanup_close int fd = memfd_create("blob", MFD_CLOEXEC);
	int r = fd < 0 ? -errno : fs_write_all(fd, data, len);
	if (r < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return error_set(err, r < 0 ? -r : errno, "make room for the image hello");
	return take_fd(fd);
}

/* put - one blob of ours into the store; its digest is what carrier-unpack computed */
static int put(const struct store *s, const void *data, size_t len, bool layer, char digest[80], struct error *err)
{
	char place[64];
	snprintf(place, sizeof place, "tmp/hello-%d", getpid());
	cleanup_close int in = memory_file(data, len, err);
	if (in < 0)
		return in;
	if (mkdirat(s->fd, place, 0700) < 0)
		return error_set(err, errno, "create '%s/%s'", s->root, place);
	cleanup_close int dir = openat(s->fd, place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_close int layer_dir = -1;
	if (layer && mkdirat(dir, "layer", 0700) == 0)
		layer_dir = openat(dir, "layer", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct unpack_job job = { .input_fd = in, .blob_dir_fd = dir, .blob_name = "blob", .layer_dir_fd = layer_dir,
					.compression = LAYER_PLAIN };
	int r = unpack_document(&job, digest, err);
	if (r == 0)
		r = store_put_blob(s, dir, "blob", digest, err);
	if (r == 0 && layer)	/* uncompressed: the digest is the diff_id, too */
		r = store_put_layer(s, dir, "layer", digest, err);
	(void) fs_remove_tree(s->fd, place, NULL);
	return r;
}

static char *words(const char *one, struct pool *pool) { return pool_strdup(pool, one); }

int image_embedded(const struct store *s, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct buf tar cleanup_buf = { 0 };
	char layer[80], config_digest[80], manifest_digest[80];
	cleanup_close int hold = store_hold(s, err);
	if (hold < 0)
		return hold;
	make_tar(&tar);
	int r = put(s, tar.data, tar.len, true, layer, err);
	if (r < 0)
		return r;

	struct strings platform cleanup_strings = { 0 };
	strings_split(&platform, platform_machine(), "/");
	char *diff_ids[] = { layer, NULL }, *cmd[] = { words("/hello", &pool), NULL };
	const struct image_config config = {
		.created = words("1970-01-01T00:00:00Z", &pool), .os = platform.v[0], .architecture = platform.v[1],
		.variant = platform.n > 2 ? platform.v[2] : NULL, .config = { .cmd = cmd },
		.rootfs = { words("layers", &pool), diff_ids },
	};
	size_t config_len, manifest_len;
	cleanup_free char *config_text = json_encode(&image_config_type, &config, JSON_COMPACT, &config_len);
	r = put(s, config_text, config_len, false, config_digest, err);
	if (r < 0)
		return r;
	struct descriptor layers[] = { { .media_type = words(MEDIA_OCI_LAYER, &pool), .digest = layer, .size = (int64_t) tar.len } };
	const struct manifest_document manifest = {
		.schema_version = 2, .media_type = words(MEDIA_OCI_MANIFEST, &pool), .layers = layers, .n_layers = 1,
		.config = { .media_type = words(MEDIA_OCI_CONFIG, &pool), .digest = config_digest, .size = (int64_t) config_len },
	};
	cleanup_free char *manifest_text = json_encode(&manifest_type, &manifest, JSON_COMPACT, &manifest_len);
	r = put(s, manifest_text, manifest_len, false, manifest_digest, err);
	if (r == 0)
		r = chain_settle(s, config_digest, diff_ids, err);
	if (r < 0)
		return r;
	const struct descriptor d = { .media_type = manifest.media_type, .digest = manifest_digest, .size = (int64_t) manifest_len };
	return store_name(s, &d, "docker.io/library/hello:latest", err);
}
