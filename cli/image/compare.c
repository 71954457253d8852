#include "compare.h"
#include "../transfer/unpacker.h"
#include "cleanup.h"
#include "fs.h"
#include "walk.h"
#include <string.h>

static int differs(const char *path, struct error *err)
{
	return error_say(err, EBADMSG, "its file '%s' is not what its blob holds", path);
}

/* compare_file - with the one of the same name beneath the fd @ctx */
static int compare_file(void *ctx, const struct walk_entry *e, struct error *err)
{
	static char one[64 * 1024], two[64 * 1024];
	if (!S_ISREG(e->st.st_mode))
		return 0;
	cleanup_close int a = openat(e->dir_fd, e->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	cleanup_close int b = fs_open_ordinary(*(int *) ctx, e->path, O_RDONLY, NULL);
	if (a < 0 || b < 0)
		return differs(e->path, err);
	for (;;) {
		ssize_t n = fs_read_all(a, one, sizeof one), m = fs_read_all(b, two, sizeof two);
		if (n < 0 || n != m || memcmp(one, two, (size_t) n) != 0)
			return differs(e->path, err);
		if (n == 0)
			return 0;
	}
}

static int compare_trees(int layer_fd, int again_fd, struct error *err)
{
	char have[FINGERPRINT_MAX], want[FINGERPRINT_MAX];
	int r = walk_fingerprint(layer_fd, "diff", false, have, err);
	if (r == 0)
		r = walk_fingerprint(again_fd, "diff", false, want, err);
	if (r == 0 && strcmp(have, want) != 0)
		return error_say(err, EBADMSG, "its files are not those that its blob holds");
	cleanup_close int other = r < 0 ? -1 : openat(again_fd, "diff", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return r < 0 ? r : walk_tree(layer_fd, "diff", compare_file, &other, err);
}

static int unpack_beside(const struct store *s, const char *place, const struct descriptor *blob, const char *diff_id,
			 enum layer_compression compression, struct error *err)
{
	char digest[80];
	cleanup_close int dir = openat(s->fd, place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_close int input = dir < 0 ? -1 : store_open_blob(s, blob->digest, err);
	if (input < 0)
		return dir < 0 ? error_set(err, errno, "open '%s/%s'", s->root, place) : input;
	const struct unpack_job job = { .input_fd = input, .blob_dir_fd = -1, .layer_dir_fd = dir, .digest = blob->digest, .diff_id = diff_id,
					.size = blob->size, .compression = compression };
	int r = unpack_document(&job, digest, err);
	return r < 0 ? r : take_fd(dir);
}

int compare_layer(const struct store *s, int layer_fd, const struct descriptor *blob, const char *diff_id, struct error *err)
{
	char place[48];
	enum layer_compression compression;
	snprintf(place, sizeof place, "tmp/check-%d", (int) getpid());
	int r = layer_media_type(blob->media_type, &compression, err);
	cleanup_close int hold = r < 0 ? -1 : store_hold(s, err);	/* so that nobody sweeps it */
	if (hold < 0)
		return r < 0 ? r : hold;
	r = fs_remove_tree(s->fd, place, err);
	if (r == 0)
		r = fs_mkdir_all(s->fd, place, 0700, err);
	cleanup_close int again = r < 0 ? -1 : unpack_beside(s, place, blob, diff_id, compression, err);
	if (r == 0)
		r = again < 0 ? again : compare_trees(layer_fd, again, err);
	(void) fs_remove_tree(s->fd, place, NULL);
	return r;
}
