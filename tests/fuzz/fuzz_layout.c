/* Any bytes as the index.json of a store that holds one image: whatever it names, it is found, or there is a sentence; nothing
 * outside the store is read as a blob, and collecting what nobody names leaves a store that can be read. */
#include "../../cli/image/store.h"
#include "fs.h"
#include "log.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define A8 "aaaaaaaa"
#define HEX A8 A8 A8 A8 A8 A8 A8 A8
#define B8 "bbbbbbbb"
#define HEX_B B8 B8 B8 B8 B8 B8 B8 B8
static char base[] = "/dev/shm/fuzz-layout-XXXXXX";
static struct store store = STORE_INIT;

static void remove_base(void)
{
	store_close(&store);
	(void) fs_remove_tree(AT_FDCWD, base, NULL);
}

static void put(const char *path, const void *text, size_t len)
{
	int fd = openat(store.fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || fs_write_all(fd, text, len) < 0)
		abort();
	close(fd);
}

/* set_up - manifest and config under digests that are not theirs: those of blobs are looked at when they come in, not here */
static void set_up(void)
{
	static const char manifest[] = "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"" MEDIA_OCI_CONFIG "\",\"digest\":\"sha256:" HEX_B
				       "\",\"size\":2},\"layers\":[]}";
	static const char config[] = "{\"os\":\"linux\",\"architecture\":\"amd64\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}}";
	if (!mkdtemp(base) || store_open(base, &store, NULL) < 0)
		abort();
	(void) atexit(remove_base);
	log_open(-1, LOG_FORMAT_TEXT, LOG_LEVEL_ERROR, "");
	put("blobs/sha256/" HEX, manifest, strlen(manifest));
	put("blobs/sha256/" HEX_B, config, strlen(config));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = { 0 };
	struct image *list = NULL;
	size_t n = 0;
	if (store.fd < 0)
		set_up();
	put("index.json", data, size);
	int r = store_list(&store, &list, &n, &err);
	if (r < 0 ? err.code != -r || !*err.text : n && !list)
		abort();
	for (size_t i = 0; i < n; i++)
		if (strncmp(list[i].manifest_digest, "sha256:", 7) != 0 || strchr(list[i].manifest_digest, '/'))
			abort();
	store_list_free(list, n);
	static const char *const names[] = { "docker.io/library/x:latest", "bbbb", "sha256:" HEX };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct image image cleanup_image = { 0 };
		struct error why = { 0 };
		r = store_find(&store, names[i], &image, &why);
		if (r < 0 && (why.code != -r || !*why.text))
			abort();
	}
	return 0;
}
