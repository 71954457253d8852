#include "ownership.h"
#include "cleanup.h"
#include "fs.h"
#include "idmap.h"
#include "log.h"
#include <fcntl.h>
#include <unistd.h>

static const char mark[] = "single-id";

int ownership_note(const struct store *s, struct error *err)
{
	if (!idmap_is_single())
		return 0;
	log_warn("only one id can be had here, so all files of the image belong to it; for more, install the `uidmap` package and, as root, "
		 "run `usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER`");
	return faccessat(s->fd, mark, F_OK, 0) == 0 ? 0 : fs_replace_file(s->fd, mark, "", 0, 0600, true, err);
}

/* more_ids - is there a range now? Inside of a namespace its map says so, outside what it would be made from */
static bool more_ids(void)
{
	cleanup_idmap struct idmap uids = { 0 }, gids = { 0 };
	return geteuid() == 0 ? !idmap_is_single() : idmap_rootless(&uids, &gids, NULL) == 0;
}

static bool uses(const struct image *i, const char *diff_id) { return strings_have(i->config->rootfs.diff_ids, diff_id); }

/* forget_settled - of every image that has the layer */
static int forget_settled(const struct store *s, const struct image *list, size_t n, const char *diff_id, struct error *err)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < n; i++) {
		char path[128];
		snprintf(path, sizeof path, "chains/%.64s", digest_hex(list[i].config_digest));
		if (uses(&list[i], diff_id))
			r = fs_remove_tree(s->fd, path, err);
	}
	return r;
}

int ownership_refresh(const struct store *s, char *const *diff_ids, struct error *err)
{
	struct image *list = NULL;
	size_t n = 0;
	int removed = 0;
	if (faccessat(s->fd, mark, F_OK, 0) < 0 || !more_ids())
		return 0;
	int r = store_list(s, &list, &n, err);
	for (; r == 0 && diff_ids && *diff_ids; diff_ids++) {
		char path[160];
		snprintf(path, sizeof path, "layers/sha256/%.64s/single-id", digest_hex(*diff_ids));
		if (faccessat(s->fd, path, F_OK, 0) < 0)
			continue;
		log_info("layer %s was unpacked with one id for all its files: it is unpacked again", *diff_ids);
		r = forget_settled(s, list, n, *diff_ids, err);
		snprintf(path, sizeof path, "layers/sha256/%.64s", digest_hex(*diff_ids));
		if (r == 0)
			r = fs_remove_tree(s->fd, path, err);
		removed++;
	}
	store_list_free(list, n);
	return r < 0 ? r : removed;
}
