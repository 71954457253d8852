#include "layer_place.h"
#include "cleanup.h"
#include "fs.h"
#include <string.h>
#include <sys/stat.h>

/* less than that is fetched sooner than asked about, and carrier-unpack needs the first bytes in one piece */
enum { WORTH_KEEPING = 4096 };

static void let_go(struct layer_place *p)
{
	close_fd(&p->dir_fd);
	close_fd(&p->lock_fd);
}

/* is_current - does the name still lead to the directory that we have open? Whoever had it before may have removed it. */
static bool is_current(const struct store *s, const struct layer_place *p)
{
	struct stat by_name, by_fd;
	return fstatat(s->fd, p->name, &by_name, AT_SYMLINK_NOFOLLOW) == 0 && fstat(p->dir_fd, &by_fd) == 0 &&
	       by_name.st_ino == by_fd.st_ino && by_name.st_dev == by_fd.st_dev;
}

/* try_claim - as layer_place_claim(); -ESTALE: the place was removed meanwhile, try again */
static int try_claim(const struct store *s, struct layer_place *p, struct error *err)
{
	if (mkdirat(s->fd, p->name, 0700) < 0 && errno != EEXIST)
		return error_set(err, errno, "create '%s/%s'", s->root, p->name);
	p->dir_fd = openat(s->fd, p->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (p->dir_fd < 0)
		return errno == ENOENT ? -ESTALE : error_set(err, errno, "open '%s/%s'", s->root, p->name);
	p->lock_fd = openat(p->dir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (p->lock_fd < 0)
		return errno == ENOENT ? -ESTALE : error_set(err, errno, "create '%s/%s/lock'", s->root, p->name);
	int r = fs_lock(p->lock_fd, true, false);
	if (r < 0)
		return r == -EAGAIN ? 0 : error_set(err, -r, "lock '%s/%s'", s->root, p->name);
	return is_current(s, p) ? 1 : -ESTALE;
}

int layer_place_claim(const struct store *s, const char *digest, struct layer_place *p, struct error *err)
{
	int r;
	*p = (struct layer_place) LAYER_PLACE_NONE;
	snprintf(p->name, sizeof p->name, "tmp/%.64s", digest_hex(digest));
	do {
		r = try_claim(s, p, err);
		if (r != 1)
			let_go(p);
	} while (r == -ESTALE);
	return r;
}

int64_t layer_place_kept(const struct store *s, const char *digest, int64_t size)
{
	struct stat st;
	char path[128];
	snprintf(path, sizeof path, "tmp/%.64s/blob", digest_hex(digest));
	bool there = fstatat(s->fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
	return there && st.st_size >= WORTH_KEEPING && st.st_size <= size ? st.st_size : 0;
}

int layer_place_prepare(const struct store *s, struct layer_place *p, int64_t size, struct error *err)
{
	int r = fs_remove_tree(p->dir_fd, "layer", err);	/* of a pull that was killed */
	if (r < 0)
		return r;
	p->kept = layer_place_kept(s, p->name + strlen("tmp/"), size);
	if (p->kept == 0)
		layer_place_drop(p);
	if (mkdirat(p->dir_fd, "layer", 0700) < 0)
		return error_set(err, errno, "create '%s/%s/layer'", s->root, p->name);
	return 0;
}

void layer_place_drop(struct layer_place *p)
{
	(void) unlinkat(p->dir_fd, "blob", 0);
	p->kept = 0;
}

int layer_place_settle(const struct store *s, const struct layer_place *p, const char *digest, const char *diff_id, struct error *err)
{
	int r = digest ? store_put_blob(s, p->dir_fd, "blob", digest, err) : 0;
	return r < 0 ? r : store_put_layer(s, p->dir_fd, "layer", diff_id, err);
}

void layer_place_release(const struct store *s, struct layer_place *p, bool keep)
{
	struct stat st;
	if (p->dir_fd < 0)
		return;
	bool part = keep && fstatat(p->dir_fd, "blob", &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_size >= WORTH_KEEPING;
	(void) fs_remove_tree(part ? p->dir_fd : s->fd, part ? "layer" : p->name, NULL);
	let_go(p);
}
