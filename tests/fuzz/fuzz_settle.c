/* Any bytes as the pending.json of a layer, as a program that the layer took over could have written it: settling the layer makes
 * nothing but what is below the chain's directory, wherever names and the symlinks of both layers lead. */
#include "../../cli/image/chain.h"
#include "fs.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define A8 "aaaaaaaa"
#define HEX_A A8 A8 A8 A8 A8 A8 A8 A8
#define B8 "bbbbbbbb"
#define HEX_B B8 B8 B8 B8 B8 B8 B8 B8
#define C8 "cccccccc"
#define HEX_C C8 C8 C8 C8 C8 C8 C8 C8
#define LOWER "layers/sha256/" HEX_A "/diff"
#define UPPER "layers/sha256/" HEX_B "/diff"
static char base[] = "/dev/shm/fuzz-settle-XXXXXX", outside[64];
static struct store store = STORE_INIT;
static struct stat before, layer_before;

static void remove_base(void)
{
	store_close(&store);
	(void) fs_remove_tree(AT_FDCWD, base, NULL);
}

static void need(int r)
{
	if (r < 0)
		abort();
}

static void put(const char *path, const void *text, size_t len)
{
	int fd = openat(store.fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	need(fd);
	need(fs_write_all(fd, text, len));
	close(fd);
}

static char lower[] = "sha256:" HEX_A, upper[] = "sha256:" HEX_B;
static char *const diff_ids[] = { lower, upper, NULL };

static int settle(const void *pending, size_t len, struct error *err)
{
	put("layers/sha256/" HEX_B "/pending.json", pending, len);
	int r = chain_settle(&store, "sha256:" HEX_C, diff_ids, err);
	need(fs_remove_tree(store.fd, "chains/" HEX_C, NULL));
	return r;
}

static void set_up(void)
{
	char root[64];
	if (!mkdtemp(base))
		abort();
	(void) atexit(remove_base);
	(void) snprintf(root, sizeof root, "%s/root", base);
	(void) snprintf(outside, sizeof outside, "%s/outside", base);
	need(mkdir(outside, 0755));
	need(store_open(root, &store, NULL));
	need(fs_mkdir_all(store.fd, LOWER "/usr/lib", 0755, NULL));
	need(fs_mkdir_all(store.fd, LOWER "/tmp", 01777, NULL));
	need(fs_mkdir_all(store.fd, UPPER "/lib", 0755, NULL));
	need(fs_mkdir_all(store.fd, UPPER "/d/e", 0755, NULL));
	need(symlinkat("usr/lib", store.fd, LOWER "/lib"));
	need(symlinkat(outside, store.fd, LOWER "/out"));
	need(symlinkat("../../../../../../outside", store.fd, LOWER "/up"));
	need(symlinkat("loop", store.fd, LOWER "/loop"));
	need(symlinkat(outside, store.fd, UPPER "/o"));
	put(LOWER "/f", "f", 1);
	put(LOWER "/usr/lib/g", "g", 1);
	put(UPPER "/lib/y", "y", 1);
	put(UPPER "/d/e/x", "x", 1);
	put("layers/sha256/" HEX_A "/boot", "synced", 6);
	put("layers/sha256/" HEX_B "/boot", "synced", 6);
	need(stat(outside, &before));
	need(fstatat(store.fd, LOWER, &layer_before, 0));
	/* all of this is in vain where nothing can be settled */
	static const char usual[] = "{\"directories\":[\"lib\",\"d\"],\"links\":[{\"path\":\"d/l\",\"target\":\"f\"}],\"whiteouts\":[\"d/e\"]}";
	need(settle(usual, strlen(usual), NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = { 0 };
	struct stat now;
	if (store.fd < 0)
		set_up();
	int r = settle(data, size, &err);
	if (r < 0 && (err.code != -r || !*err.text))
		abort();
	need(stat(outside, &now));
	if (memcmp(&now.st_ctim, &before.st_ctim, sizeof now.st_ctim) != 0)
		abort();
	need(fstatat(store.fd, LOWER, &now, 0));
	if (memcmp(&now.st_ctim, &layer_before.st_ctim, sizeof now.st_ctim) != 0)
		abort();
	return 0;
}
