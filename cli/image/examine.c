#include "examine.h"
#include "cleanup.h"
#include "collect.h"
#include "compare.h"
#include "fs.h"
#include "origin.h"
#include "verify.h"
#include "walk.h"
#include <dirent.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

enum { RECORD_MAX = 16 << 20 };

#define T struct problem
static const struct json_type problem_type = JSON_TYPE(T, JSON_ALWAYS(T, kind, "Kind"), JSON_ALWAYS(T, object, "Object"),
	JSON_ALWAYS(T, text, "Text"), JSON_FIELD(T, image, "Image"), JSON_FIELD(T, name, "Name"), JSON_ALWAYS(T, repaired, "Repaired"));
#undef T
#define T struct examination
const struct json_type examination_type = JSON_TYPE(T, JSON_LIST(T, problems, "Problems", problem_type), JSON_ALWAYS(T, images, "Images"),
	JSON_ALWAYS(T, blobs, "Blobs"), JSON_ALWAYS(T, layers, "Layers"), JSON_ALWAYS(T, containers, "Containers"),
	JSON_ALWAYS(T, unclean, "Unclean"), JSON_ALWAYS(T, leftovers, "Leftovers"), JSON_ALWAYS(T, swept, "Swept"));
#undef T

struct examining {
	const struct store *store;
	int flags;
	struct pool *pool;
	struct examination *ret;
	struct strings busy;		/* lowerdirs of containers that run */
};

static void found(struct examining *x, const char *kind, const char *object, const char *image, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));

static void found(struct examining *x, const char *kind, const char *object, const char *image, const char *name, const char *fmt, ...)
{
	struct examination *e = x->ret;
	struct problem *bigger = pool_alloc(x->pool, (e->n_problems + 1) * sizeof *bigger);
	va_list ap;
	va_start(ap, fmt);
	cleanup_free char *text = xvasprintf(fmt, ap);
	va_end(ap);
	if (e->n_problems)
		memcpy(bigger, e->problems, e->n_problems * sizeof *bigger);
	bigger[e->n_problems++] = (struct problem) {
		.kind = pool_strdup(x->pool, kind), .object = pool_strdup(x->pool, object), .text = pool_strdup(x->pool, text),
		.image = image ? pool_strdup(x->pool, image) : NULL, .name = name ? pool_strdup(x->pool, name) : NULL,
	};
	e->problems = bigger;
}

/* ---- blobs ---- */

static int check_blobs(struct examining *x, struct error *err)
{
	cleanup_close int fd = openat(x->store->fd, "blobs/sha256", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *d = fd < 0 ? NULL : fdopendir(dup(fd));
	if (!d)
		return error_set(err, errno, "read '%s/blobs'", x->store->root);
	int r = 0;
	for (struct dirent *e; r == 0 && (e = readdir(d));) {
		struct error why = { 0 };
		cleanup_free char *digest = xasprintf("sha256:%s", e->d_name);
		if (e->d_name[0] == '.')
			continue;
		x->ret->blobs++;
		int bad = digest_check(digest, NULL) < 0 ? error_say(&why, EINVAL, "its name is no digest")
							 : verify_blob(x->store, digest, 0, &why);
		if (bad >= 0 || faccessat(fd, e->d_name, F_OK, AT_SYMLINK_NOFOLLOW) < 0)	/* or it was removed meanwhile */
			continue;
		found(x, "blob", digest, NULL, NULL, "%s", why.text);
		if (x->flags & EXAMINE_FIX)
			r = fs_remove_tree(fd, e->d_name, err);
	}
	return r;
}

/* ---- layers ---- */

static int check_fingerprint(int layer_fd, struct error *err)
{
	char have[FINGERPRINT_MAX];
	cleanup_free char *want = NULL;
	if (faccessat(layer_fd, "diff", F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return error_say(err, ENOENT, "its tree is gone");
	if (fs_read_file(layer_fd, "fingerprint", 128, &want, NULL, NULL) < 0 || str_empty(want))
		return 0;	/* none was noted yet */
	int r = walk_fingerprint(layer_fd, "diff", true, have, err);
	return r < 0 || strcmp(have, want) == 0 ? r : error_say(err, EBADMSG, "its files are not what they were when it was unpacked");
}

/* is_busy - a container runs on it */
static bool is_busy(const struct examining *x, const char *diff_id)
{
	for (size_t i = 0; i < x->busy.n; i++)
		if (strstr(x->busy.v[i], digest_hex(diff_id)))
			return true;
	return false;
}

/* check_tree - of a layer that is unpacked */
static int check_tree(struct examining *x, const struct image *image, const struct descriptor *blob, const char *diff_id, bool has_blob,
		      struct error *err)
{
	const struct store *s = x->store;
	const char *name = image->names.n ? image->names.v[0] : NULL;
	struct error why = { 0 };
	char path[160];
	cleanup_close int fd = store_open_layer(s, diff_id, &why);
	int r = fd < 0 ? fd : check_fingerprint(fd, &why);
	if (r == 0 && has_blob && x->flags & EXAMINE_DEEP)
		r = compare_layer(s, fd, blob, diff_id, &why);
	if (r == 0)
		return 0;
	if (is_busy(x, diff_id)) {
		found(x, "layer", diff_id, NULL, name, "%s; a container runs on it: stop that, then check again", why.text);
		return 0;
	}
	found(x, "layer", diff_id, has_blob ? NULL : image->manifest_digest, name, "%s", why.text);
	snprintf(path, sizeof path, "layers/sha256/%.64s", digest_hex(diff_id));
	return x->flags & EXAMINE_FIX ? fs_remove_tree(s->fd, path, err) : 0;
}

/* blame_image - the blob was found damaged: this is an image with which it can be had again */
static bool blame_image(struct examining *x, const char *digest, const char *image, const char *name)
{
	for (size_t i = 0; i < x->ret->n_problems; i++) {
		struct problem *p = &x->ret->problems[i];
		if (str_eq(p->kind, "blob") && str_eq(p->object, digest)) {
			p->image = pool_strdup(x->pool, image);
			p->name = name ? pool_strdup(x->pool, name) : NULL;
			return true;
		}
	}
	return false;
}

static int check_layer(struct examining *x, const struct image *image, size_t k, struct error *err)
{
	const char *diff_id = image->config->rootfs.diff_ids[k], *name = image->names.n ? image->names.v[0] : NULL;
	const struct descriptor *blob = &image->manifest->layers[k];
	bool has_blob = store_has_blob(x->store, blob->digest);
	x->ret->layers++;
	if (!store_has_layer(x->store, diff_id)) {
		x->ret->unclean += has_blob;
		if (!has_blob)
			found(x, "layer", diff_id, image->manifest_digest, name, "it is not unpacked, and its blob %s is gone", blob->digest);
		return 0;
	}
	cleanup_free char *origin = origin_get(x->store, image->manifest_digest);
	if (blame_image(x, blob->digest, image->manifest_digest, name))
		return 0;
	if (!has_blob && !origin)
		found(x, "blob", blob->digest, image->manifest_digest, name, "it is gone, and from where it came is not known");
	return check_tree(x, image, blob, diff_id, has_blob, err);
}

/* ---- images ---- */

/* check_images - what is readable, layer by layer; each layer once */
static int check_images(struct examining *x, struct error *err)
{
	struct image *list = NULL;
	struct strings seen cleanup_strings = { 0 };
	size_t n = 0;
	int r = store_list(x->store, &list, &n, err);
	for (size_t i = 0; r == 0 && i < n; i++) {
		char **diff_ids = list[i].config->rootfs.diff_ids;
		if (list[i].additional)
			continue;
		x->ret->images++;
		if (strings_count(diff_ids) != list[i].manifest->n_layers)
			continue;	/* what a pull would have refused: an artifact */
		for (size_t k = 0; r == 0 && k < list[i].manifest->n_layers; k++)
			if (!strings_have(seen.v, diff_ids[k])) {
				strings_add(&seen, diff_ids[k]);
				r = check_layer(x, &list[i], k, err);
			}
	}
	store_list_free(list, n);
	return r;
}

/* documents_whole - the manifest, or the list of them, and its config can be read */
static int documents_whole(const struct store *s, const struct descriptor *d, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	cleanup_free char *text = NULL, *config_text = NULL;
	struct manifest_document *manifest;
	struct index_document *list;
	struct image_config *config;
	size_t len;
	int r = store_read_blob(s, d->digest, &text, &len, err);
	int kind = r < 0 ? r : document_kind(d->media_type, text, len, err);
	if (kind < 0)
		return kind;
	if (kind == DOCUMENT_INDEX)
		return json_decode(&index_type, text, len, &pool, &list, err);
	r = json_decode(&manifest_type, text, len, &pool, &manifest, err);
	if (r == 0)
		r = digest_check(manifest->config.digest, err);
	if (r == 0)
		r = store_read_blob(s, manifest->config.digest, &config_text, &len, err);
	return r == 0 ? json_decode(&image_config_type, config_text, len, &pool, &config, err) : r;
}

/* check_index - 0, or 1 when it cannot be read: then nothing can be said of images, and nothing may be swept */
static int check_index(struct examining *x)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct index_document *index;
	struct error why = { 0 };
	if (store_index(x->store, &pool, &index, &why) < 0) {
		found(x, "index", "index.json", NULL, NULL, "%s; remove the file '%s/index.json', then pull again what it named", why.text,
		      x->store->root);
		return 1;
	}
	for (size_t i = 0; i < index->n_manifests; i++) {
		const struct descriptor *d = &index->manifests[i];
		const char *name = store_name_of(d);
		if (documents_whole(x->store, d, &why) < 0)
			found(x, "image", name ? name : d->digest, d->digest, name, "%s; `carrier pull` brings it back, `carrier rmi` "
			      "forgets it", why.text);
	}
	return 0;
}

/* ---- containers ---- */

struct claim { char *name, **lowerdirs; };
#define T struct claim
static const struct json_type claim_type = JSON_TYPE(T, JSON_FIELD(T, name, "name"), JSON_FIELD(T, lowerdirs, "lowerdirs"));
#undef T

static void check_container(struct examining *x, int containers_fd, const char *id)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct error why = { 0 };
	cleanup_free char *text = NULL, *path = xasprintf("%s/record.json", id), *lock = xasprintf("%s/lock", id);
	cleanup_close int lock_fd = openat(containers_fd, lock, O_RDWR | O_CLOEXEC);
	struct claim *claim;
	size_t len;
	bool runs = lock_fd >= 0 && fs_is_locked(lock_fd) == 1;
	int r = fs_read_file(containers_fd, path, RECORD_MAX, &text, &len, &why);
	if (r == -ENOENT) {	/* being made, or being removed, or left behind: whoever lists containers removes it then */
		x->ret->leftovers += !runs;
		return;
	}
	x->ret->containers++;
	if (r == 0)
		r = json_decode(&claim_type, text, len, &pool, &claim, &why);
	if (r < 0) {
		found(x, "container", id, NULL, NULL, "%s; `carrier rm %.12s` removes it", why.text, id);
		return;
	}
	for (char **l = claim->lowerdirs; l && *l; l++) {
		if (runs)
			strings_add(&x->busy, *l);
		if (access(*l, F_OK) < 0 && errno == ENOENT)
			found(x, "container", claim->name ? claim->name : id, NULL, NULL, "its layer '%s' is gone: pull its image again, or remove "
			      "the container", *l);
	}
}

/* check_names - a link to no container; whoever wants the name takes it */
static int check_names(struct examining *x, int containers_fd, struct error *err)
{
	cleanup_close int fd = openat(x->store->fd, "../names", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *d = fd < 0 ? NULL : fdopendir(dup(fd));
	for (struct dirent *e; d && (e = readdir(d));) {
		char id[128];
		struct stat st;
		ssize_t n = e->d_name[0] == '.' ? -1 : readlinkat(fd, e->d_name, id, sizeof id - 1);
		if (n < 0)
			continue;
		id[n] = 0;
		if (fstatat(containers_fd, id, &st, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT)
			continue;
		x->ret->leftovers++;
		if (x->flags & EXAMINE_FIX && unlinkat(fd, e->d_name, 0) < 0)
			return error_set(err, errno, "remove the name '%s'", e->d_name);
	}
	return 0;
}

static int check_containers(struct examining *x, struct error *err)
{
	cleanup_close int fd = openat(x->store->fd, "../containers", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *d = fd < 0 ? NULL : fdopendir(dup(fd));
	if (!d)
		return errno == ENOENT ? 0 : error_set(err, errno, "read '%s/../containers'", x->store->root);
	for (struct dirent *e; (e = readdir(d));)
		if (e->d_name[0] != '.')
			check_container(x, fd, e->d_name);
	return check_names(x, fd, err);
}

/* ---- all ---- */

static int check_leftovers(struct examining *x, struct error *err)
{
	struct collected left = { 0 };
	int r = x->flags & EXAMINE_FIX ? collect(x->store, false, &left, err) : collect_dry(x->store, &left, err);
	x->ret->swept = x->flags & EXAMINE_FIX && !left.busy;
	x->ret->leftovers += (int64_t) (left.blobs + left.layers + left.chains + left.leftovers);
	return r;
}

int examine(const struct store *s, int flags, struct pool *pool, struct examination *ret, struct error *err)
{
	struct examining x = { .store = s, .flags = flags, .pool = pool, .ret = ret };
	*ret = (struct examination) { 0 };
	int r = check_containers(&x, err);
	if (r == 0)
		r = check_blobs(&x, err);
	if (r == 0 && check_index(&x) == 0) {
		r = check_images(&x, err);
		/* what belongs to a damaged image is not swept: it is part of what brings it back */
		if (r == 0 && (ret->n_problems == 0 || !(flags & EXAMINE_FIX)))
			r = check_leftovers(&x, err);
	}
	strings_done(&x.busy);
	return r;
}
