#include "collect.h"
#include "cleanup.h"
#include "fs.h"
#include "log.h"
#include "marks.h"
#include "origin.h"
#include "unfinished.h"
#include "walk.h"
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { TEMPORARY_AGE_S = 60 };

struct sweep {
	const struct store *store;
	bool dry, count;
	char trash[48];			/* "tmp/trash-PID" */
	int trash_fd, lock_fd;
	size_t n_trash;
	struct collected *ret;
};

/* ---- where trees go ---- */

static int open_trash(struct sweep *w, struct error *err)
{
	const struct store *s = w->store;
	if (w->trash_fd >= 0)
		return 0;
	snprintf(w->trash, sizeof w->trash, "tmp/trash-%d", (int) getpid());
	if (mkdirat(s->fd, w->trash, 0700) < 0 && errno != EEXIST)	/* of a process that was killed, and had our number */
		return error_set(err, errno, "create '%s/%s'", s->root, w->trash);
	w->trash_fd = openat(s->fd, w->trash, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	w->lock_fd = w->trash_fd < 0 ? -1 : openat(w->trash_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int r = w->lock_fd < 0 ? -errno : fs_lock(w->lock_fd, true, false);
	return r < 0 ? error_set(err, -r, "lock '%s/%s'", s->root, w->trash) : 0;
}

/* discard - @name in @dir_fd: files at once, trees to the trash */
static int discard(struct sweep *w, int dir_fd, const char *name, struct error *err)
{
	struct stat st;
	if (w->count) {
		int64_t bytes = walk_usage(dir_fd, name, err);
		if (bytes < 0)
			return (int) bytes;
		w->ret->bytes += bytes;
	}
	if (w->dry || fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (!S_ISDIR(st.st_mode))
		return unlinkat(dir_fd, name, 0) < 0 && errno != ENOENT ? error_set(err, errno, "remove '%s'", name) : 0;
	char place[24];
	int r = open_trash(w, err);
	if (r < 0)
		return r;
	do
		snprintf(place, sizeof place, "%zu", w->n_trash++);
	while (faccessat(w->trash_fd, place, F_OK, AT_SYMLINK_NOFOLLOW) == 0);
	if (renameat(dir_fd, name, w->trash_fd, place) < 0 && errno != ENOENT)
		return error_set(err, errno, "move '%s' to '%s/%s'", name, w->store->root, w->trash);
	return 0;
}

static int empty_trash(struct sweep *w, struct error *err)
{
	int r = w->trash_fd < 0 ? 0 : fs_remove_tree(w->store->fd, w->trash, err);
	close_fd(&w->lock_fd);
	close_fd(&w->trash_fd);
	return r;
}

/* ---- sweeping ---- */

/* sweep - what of @dir is not in @keep */
static int sweep(struct sweep *w, const char *dir, const struct strings *keep, size_t *ret_n, struct error *err)
{
	cleanup_close int fd = openat(w->store->fd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return 0;
	cleanup_dir DIR *d = fd < 0 ? NULL : fdopendir(dup(fd));
	if (!d)
		return error_set(err, errno, "read '%s/%s'", w->store->root, dir);
	int r = 0;
	for (struct dirent *e; r == 0 && (e = readdir(d));)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 && !marks_have(keep, e->d_name)) {
			r = discard(w, fd, e->d_name, err);
			++*ret_n;
		}
	return r;
}

/* sweep_mapped - HEX-KEY goes with the image HEX */
static int sweep_mapped(struct sweep *w, const struct strings *chains, struct error *err)
{
	cleanup_close int fd = openat(w->store->fd, "mapped", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return 0;
	cleanup_dir DIR *d = fd < 0 ? NULL : fdopendir(dup(fd));
	if (!d)
		return error_set(err, errno, "read '%s/mapped'", w->store->root);
	int r = 0;
	for (struct dirent *e; r == 0 && (e = readdir(d));) {
		cleanup_free char *hex = xstrndup(e->d_name, strcspn(e->d_name, "-"));
		if (e->d_name[0] == '.' || marks_have(chains, hex))
			continue;
		r = discard(w, fd, e->d_name, err);
		w->ret->leftovers++;
	}
	return r;
}

/* sweep_tmp - what nobody holds a lock on belongs to a process that was killed; the next pull goes on with the parts of its blobs */
static int sweep_tmp(struct sweep *w, struct error *err)
{
	cleanup_close int fd = openat(w->store->fd, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *d = fd < 0 ? NULL : fdopendir(dup(fd));
	if (!d)
		return error_set(err, errno, "read '%s/tmp'", w->store->root);
	int r = 0;
	for (struct dirent *e; r == 0 && (e = readdir(d));) {
		char lock[NAME_MAX + 16];
		if (e->d_name[0] == '.' || (*w->trash && str_ends(w->trash, e->d_name)))
			continue;
		snprintf(lock, sizeof lock, "%s/lock", e->d_name);
		cleanup_close int held = openat(fd, lock, O_RDWR | O_CLOEXEC);
		if ((held >= 0 && fs_is_locked(held) == 1) || unfinished_keeps(fd, e->d_name, !w->dry))
			continue;
		r = discard(w, fd, e->d_name, err);
		w->ret->leftovers++;
	}
	return r;
}

/* sweep_temporaries - of fs_replace_file() of a process that was killed in it; those of one that lives are younger */
static int sweep_temporaries(struct sweep *w, struct error *err)
{
	cleanup_dir DIR *d = fdopendir(openat(w->store->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (!d)
		return error_set(err, errno, "read '%s'", w->store->root);
	int r = 0;
	for (struct dirent *e; r == 0 && (e = readdir(d));) {
		struct stat st;
		if (!str_starts(e->d_name, ".tmp-") || fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    time(NULL) - st.st_mtime < TEMPORARY_AGE_S)
			continue;
		r = discard(w, dirfd(d), e->d_name, err);
		w->ret->leftovers++;
	}
	return r;
}

static int sweep_all(struct sweep *w, struct error *err)
{
	struct marks m cleanup_marks = { 0 };
	int r = marks_make(w->store, &m, err);
	if (r == 0)
		r = sweep(w, "layers/sha256", &m.layers, &w->ret->layers, err);
	if (r == 0)
		r = sweep(w, "chains", &m.chains, &w->ret->chains, err);
	if (r == 0)
		r = sweep(w, "blobs/sha256", &m.blobs, &w->ret->blobs, err);
	if (r == 0)
		r = sweep_mapped(w, &m.chains, err);
	size_t origins = 0;
	if (r == 0)
		r = sweep(w, "origins", &m.manifests, &origins, err);
	if (r == 0)
		r = sweep_temporaries(w, err);
	return r == 0 ? sweep_tmp(w, err) : r;
}

/* hold_alone - -EAGAIN when somebody is at work */
static int hold_alone(const struct store *s, struct error *err)
{
	int fd = store_hold_alone(s, err);
	if (fd == -EAGAIN)
		log_info("another command is at work in the store: what nobody needs stays until the next removal");
	return fd;
}

static int run(const struct store *s, bool dry, bool count, struct collected *ret, struct error *err)
{
	struct collected unused;
	struct sweep w = { .store = s, .dry = dry, .count = count, .trash_fd = -1, .lock_fd = -1, .ret = ret ? ret : &unused };
	*w.ret = (struct collected) { 0 };
	if (!dry)
		marks_await(s);
	cleanup_close int hold = hold_alone(s, err);
	if (hold == -EAGAIN) {
		w.ret->busy = true;
		return 0;
	}
	int r = hold < 0 ? hold : sweep_all(&w, err);
	close_fd(&hold);
	int emptied = empty_trash(&w, r < 0 ? NULL : err);
	return r < 0 ? r : emptied;
}

int collect(const struct store *s, bool count, struct collected *ret, struct error *err) { return run(s, false, count, ret, err); }
int collect_dry(const struct store *s, struct collected *ret, struct error *err) { return run(s, true, true, ret, err); }
int store_collect(const struct store *s, struct error *err) { return run(s, false, false, NULL, err); }

/* ---- what can be fetched again ---- */

/* add_layers - the blobs of a manifest's layers to @fetchable when all of them are unpacked and it has an origin, else to @needed */
static void add_layers(const struct store *s, const char *hex, struct strings *fetchable, struct strings *needed)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	cleanup_free char *text = NULL, *config_text = NULL;
	cleanup_free char *digest = xasprintf("sha256:%s", hex), *origin = origin_get(s, digest);
	struct manifest_document *manifest;
	struct image_config *config;
	size_t len;
	if (store_read_blob(s, digest, &text, &len, NULL) < 0 || json_decode(&manifest_type, text, len, &pool, &manifest, NULL) < 0)
		return;
	bool whole = origin && digest_check(manifest->config.digest, NULL) == 0 &&
		     store_read_blob(s, manifest->config.digest, &config_text, &len, NULL) == 0 &&
		     json_decode(&image_config_type, config_text, len, &pool, &config, NULL) == 0;
	for (char **d = whole ? config->rootfs.diff_ids : NULL; whole && d && *d; d++)
		whole = store_has_layer(s, *d);
	for (size_t i = 0; i < manifest->n_layers; i++)
		strings_add(whole ? fetchable : needed, digest_hex(manifest->layers[i].digest));
}

static int drop_fetchable(struct sweep *w, struct error *err)
{
	struct marks m cleanup_marks = { 0 };
	struct strings fetchable cleanup_strings = { 0 }, needed cleanup_strings = { 0 };
	cleanup_close int blobs = openat(w->store->fd, "blobs/sha256", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (blobs < 0)
		return error_set(err, errno, "open '%s/blobs'", w->store->root);
	int r = marks_make(w->store, &m, err);
	for (size_t i = 0; r == 0 && i < m.manifests.n; i++)
		if (i == 0 || strcmp(m.manifests.v[i], m.manifests.v[i - 1]) != 0)
			add_layers(w->store, m.manifests.v[i], &fetchable, &needed);
	struct strings done cleanup_strings = { 0 };
	for (size_t i = 0; r == 0 && i < fetchable.n; i++) {
		const char *hex = fetchable.v[i];
		if (strings_have(needed.v, hex) || strings_have(done.v, hex) || faccessat(blobs, hex, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		strings_add(&done, hex);
		r = discard(w, blobs, hex, err);
		w->ret->blobs++;
	}
	return r;
}

int collect_fetchable(const struct store *s, bool dry, struct collected *ret, struct error *err)
{
	struct sweep w = { .store = s, .dry = dry, .count = true, .trash_fd = -1, .lock_fd = -1, .ret = ret };
	*ret = (struct collected) { 0 };
	cleanup_close int hold = hold_alone(s, err);
	if (hold == -EAGAIN) {
		ret->busy = true;
		return 0;
	}
	return hold < 0 ? hold : drop_fetchable(&w, err);
}
