/* store_lowerdirs() on a store made by hand. */
#include "../../cli/image/store.h"
#include "fs.h"
#include "tap.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static char root[] = "/tmp/test-store-XXXXXX";
#define DIGEST(c) "sha256:" c c c c c c c c c c c c c c c c
#define HEX(c) c c c c c c c c c c c c c c c c
#define A DIGEST("aaaa")
#define B DIGEST("bbbb")
#define C DIGEST("cccc")
#define CONFIG DIGEST("0123")

static void make(const struct store *s, const char *path, const char *text)
{
	struct error err = { 0 };
	int r = text ? fs_replace_file(s->fd, path, text, strlen(text), 0600, false, &err) : fs_mkdir_all(s->fd, path, 0755, &err);
	if (r < 0) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
}

static void make_layer(const struct store *s, const char *hex)
{
	char path[200];
	snprintf(path, sizeof path, "layers/sha256/%s/diff", hex);
	make(s, path, NULL);
	snprintf(path, sizeof path, "layers/sha256/%s/boot", hex);
	make(s, path, "synced");
}

/* names - the directories, shortened to the first letter of a layer, and to the number of a settled one */
static const char *names(const struct store *s, const struct image *image)
{
	static char out[20];
	struct strings list = { 0 };
	struct error err = { 0 };
	int r = store_lowerdirs(s, image, &list, &err);
	char *end = out;
	for (size_t i = 0; r == 0 && i < list.n; i++) {
		const char *layer = strstr(list.v[i], "/layers/sha256/"), *chain = strstr(list.v[i], "/chains/");
		*end++ = layer ? layer[15] : chain[8 + 65];
	}
	*end = 0;
	strings_done(&list);
	return r < 0 ? "error" : out;
}

static bool opaque(const struct store *s, const char *hex, const char *value)
{
	char path[300];
	snprintf(path, sizeof path, "%s/layers/sha256/%s/diff", s->root, hex);
	return setxattr(path, "user.overlay.opaque", value, strlen(value), 0) == 0;
}

int main(void)
{
	struct store s = STORE_INIT;
	struct error err = { 0 };
	char *diff_ids[] = { (char *) (uintptr_t) A, (char *) (uintptr_t) B, (char *) (uintptr_t) C, NULL };
	struct image_config config = { .rootfs.diff_ids = diff_ids };
	const struct image image = { .config = &config, .config_digest = (char *) (uintptr_t) CONFIG };
	if (!mkdtemp(root) || store_open(root, &s, &err) < 0) {
		printf("Bail out! no store: %s\n", err.text);
		return 1;
	}
	OK(strcmp(names(&s, &image), "error") == 0);
	make_layer(&s, HEX("aaaa"));
	make_layer(&s, HEX("bbbb"));
	make(&s, "chains/" HEX("0123"), NULL);
	make(&s, "chains/" HEX("0123") "/boot", "synced");
	OK(strcmp(names(&s, &image), "error") == 0);	/* C is not there */
	make_layer(&s, HEX("cccc"));
	OK(strcmp(names(&s, &image), "cba") == 0);
	make(&s, "chains/" HEX("0123") "/1/diff", NULL);
	OK(strcmp(names(&s, &image), "c1ba") == 0);

	/* a layer whose root is opaque hides all below it; overlayfs itself does not look at a layer's root */
	if (opaque(&s, HEX("bbbb"), "x"))
		OK(strcmp(names(&s, &image), "c1ba") == 0);
	else
		printf("ok %d - opaque # SKIP user xattrs in /tmp: %m\n", ++tap_count);
	if (opaque(&s, HEX("bbbb"), "y"))
		OK(strcmp(names(&s, &image), "c1b") == 0);
	else
		printf("ok %d - opaque # SKIP user xattrs in /tmp: %m\n", ++tap_count);
	(void) opaque(&s, HEX("bbbb"), "n");
	if (opaque(&s, HEX("cccc"), "y"))
		OK(strcmp(names(&s, &image), "c") == 0);
	else
		printf("ok %d - opaque # SKIP user xattrs in /tmp: %m\n", ++tap_count);

	store_close(&s);
	OK(fs_remove_tree(AT_FDCWD, root, NULL) == 0);
	return tap_done();
}
