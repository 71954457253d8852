#include "../container/apart.h"
#include "archive.h"
#include "../container/event.h"
#include "chain.h"
#include "cleanup.h"
#include "fs.h"
#include "layers.h"
#include "make.h"
#include <string.h>
#include <sys/stat.h>

/* An image of the archive that is complete, but has no name yet. */
struct loaded { struct descriptor manifest; char id[80]; struct strings names; };

struct load {
	const struct carrier *c;
	int fd;				/* the archive, or the directory */
	bool quiet;
	/* in the child */
	const struct store *store;
	struct place place;
	int tree_fd;
	struct loaded *list;
	size_t n;
	struct pool pool;
};

/* ---- files of the tree ---- */

/* open_file - a regular one beneath the tree's root, wherever its symlinks lead in there; docker's older archives have some. Nothing is
 * opened before it is known to be one: a device could do things. */
static int open_file(const struct load *l, const char *path, struct error *err)
{
	char name[32];
	struct stat st;
	cleanup_close int path_fd = fs_open_beneath(l->tree_fd, path, O_PATH, 0, NULL);
	if (path_fd == -ENOENT || path_fd == -ENOTDIR)
		return error_say(err, ENOENT, "'%.200s' is not in it", path);
	if (path_fd < 0 || fstat(path_fd, &st) < 0)
		return error_set(err, path_fd < 0 ? -path_fd : errno, "open '%.200s' in it", path);
	if (!S_ISREG(st.st_mode))
		return error_say(err, EINVAL, "'%.200s' in it is no regular file", path);
	int fd = open(fs_fd_path(path_fd, name), O_RDONLY | O_CLOEXEC);
	return fd < 0 ? error_set(err, errno, "open '%.200s' in it", path) : fd;
}

static bool has(const struct load *l, const char *path)
{
	cleanup_close int fd = fs_open_beneath(l->tree_fd, path, O_PATH, 0, NULL);
	return fd >= 0;
}

static int read_document(const struct load *l, const char *path, char **ret, size_t *len, struct error *err)
{
	cleanup_close int fd = open_file(l, path, err);
	return fd < 0 ? fd : fs_read_fd(fd, path, IMAGE_DOCUMENT_MAX, ret, len, err);
}

static int decode(struct load *l, const char *name, const struct json_type *type, const char *text, size_t len, void *ret, struct error *err)
{
	int r = json_decode(type, text, len, &l->pool, ret, err);
	return r < 0 ? error_wrap(err, "'%s' in it", name) : 0;
}

/* ---- names ---- */

static const char *annotation(const struct descriptor *d, const char *key)
{
	for (size_t i = 0; i < d->annotations.n; i++)
		if (strcmp(d->annotations.pairs[i].key, key) == 0)
			return d->annotations.pairs[i].value;
	return NULL;
}

static int add_name(struct strings *names, const char *word, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct reference ref;
	int r = reference_parse(word, &pool, &ref, err);
	if (r < 0)
		return error_wrap(err, "the name of an image in it");
	if (!strings_have(names->v, ref.name))
		strings_add(names, ref.name);
	return 0;
}

/* names_of - containerd's annotation holds all of the name; OCI's all or only the tag, depending on who wrote it */
static int names_of(const struct descriptor *d, struct strings *names, struct error *err)
{
	const char *whole = annotation(d, "io.containerd.image.name"), *name = annotation(d, "org.opencontainers.image.ref.name");
	if (!str_empty(whole))
		return add_name(names, whole, err);
	if (str_empty(name) || strcmp(name, "latest") == 0)	/* a tag: nobody knows of what */
		return 0;
	return add_name(names, name, err);
}

static struct loaded *one_more(struct load *l)
{
	l->list = xreallocarray(l->list, l->n + 1, sizeof *l->list);
	l->list[l->n] = (struct loaded) { .names = { 0 } };
	return &l->list[l->n++];
}

/* ---- an OCI layout ---- */

/* take_blob - from the layout into the store, verified */
static int take_blob(const struct load *l, const struct descriptor *d, struct error *err)
{
	char path[128];
	int r = digest_check(d->digest, err);
	if (r == 0 && d->size < 0)
		r = error_say(err, EINVAL, "the size of blob %s is negative", d->digest);
	if (r < 0 || store_has_blob(l->store, d->digest))
		return r;
	snprintf(path, sizeof path, "blobs/sha256/%.64s", digest_hex(d->digest));
	cleanup_close int fd = open_file(l, path, err);
	return fd < 0 ? fd : make_blob(&l->place, fd, d->digest, d->size, err);
}

/* take_document - the same, and its text, which pool owns */
static int take_document(const struct load *l, const struct descriptor *d, const char **ret, size_t *len, struct pool *pool,
			 struct error *err)
{
	cleanup_free char *text = NULL;
	if (d->size > IMAGE_DOCUMENT_MAX)
		return error_say(err, EFBIG, "the document %s says that it is longer than 4 MiB", d->digest);
	int r = take_blob(l, d, err);
	if (r == 0)
		r = store_read_blob(l->store, d->digest, &text, len, err);
	if (r == 0)
		*ret = pool_strndup(pool, text, *len);
	return r;
}

static int take_manifest(struct load *l, const struct descriptor *d, const char *text, size_t len, struct strings *names, struct error *err)
{
	struct manifest_document *m;
	struct image_config *config;
	const char *config_text;
	size_t config_len;
	int r = decode(l, d->digest, &manifest_type, text, len, &m, err);
	if (r == 0 && m->config.media_type && strcmp(m->config.media_type, MEDIA_OCI_CONFIG) != 0 &&
	    strcmp(m->config.media_type, MEDIA_DOCKER_CONFIG) != 0)
		return error_say(err, ENOTSUP, "this is not an image but an artifact of type '%.100s'", m->config.media_type);
	if (r == 0)
		r = take_document(l, &m->config, &config_text, &config_len, &l->pool, err);
	if (r == 0)
		r = decode(l, m->config.digest, &image_config_type, config_text, config_len, &config, err);
	for (size_t i = 0; r == 0 && i < m->n_layers; i++) {
		enum layer_compression unused;
		r = layer_media_type(m->layers[i].media_type, &unused, err);
		if (r == 0)
			r = take_blob(l, &m->layers[i], err);
	}
	const struct layers_source source = { .progress = l->quiet || !isatty(STDERR_FILENO) ? PROGRESS_NONE : PROGRESS_AUTO, .signal_fd = -1 };
	if (r == 0)
		r = layers_get(l->store, m, config, &source, err);
	if (r == 0)
		r = chain_settle(l->store, m->config.digest, config->rootfs.diff_ids, err);
	if (r < 0)
		return r;
	struct loaded *done = one_more(l);
	done->manifest = (struct descriptor) { .media_type = d->media_type ? d->media_type : m->media_type, .digest = d->digest,
					       .size = (int64_t) len, .platform = d->platform };
	if (!done->manifest.media_type)
		done->manifest.media_type = (char *) (uintptr_t) MEDIA_OCI_MANIFEST;
	snprintf(done->id, sizeof done->id, "%s", m->config.digest);
	done->names = *names;
	*names = (struct strings) { 0 };
	return 0;
}

/* take_image - of one entry of index.json; through an index to this machine's platform */
static int take_image(struct load *l, const struct descriptor *d, struct error *err)
{
	struct strings names cleanup_strings = { 0 };
	struct index_document *index;
	const struct descriptor *chosen = d;
	const char *text;
	size_t len;
	int r = names_of(d, &names, err);
	if (r == 0)
		r = take_document(l, d, &text, &len, &l->pool, err);
	int kind = r < 0 ? r : document_kind(d->media_type, text, len, err);
	if (kind == DOCUMENT_INDEX) {
		r = json_decode(&index_type, text, len, &l->pool, &index, err);
		if (r == 0)
			r = index_choose(index, NULL, &chosen, err);
		if (r == 0)
			r = take_document(l, chosen, &text, &len, &l->pool, err);
		kind = r < 0 ? r : document_kind(chosen->media_type, text, len, err);
		if (kind == DOCUMENT_INDEX)
			return error_say(err, ENOTSUP, "its index leads to a further index, which is not supported");
	}
	return kind < 0 ? kind : take_manifest(l, chosen, text, len, &names, err);
}

static int load_layout(struct load *l, struct error *err)
{
	cleanup_free char *layout_text = NULL, *text = NULL;
	struct layout_document *layout;
	struct index_document *index;
	size_t layout_len, len;
	int r = read_document(l, "oci-layout", &layout_text, &layout_len, err);
	if (r == 0)
		r = decode(l, "oci-layout", &layout_type, layout_text, layout_len, &layout, err);
	if (r == 0 && !str_starts(layout->image_layout_version, "1."))
		r = error_say(err, EPROTO, "its OCI layout is of version '%.20s', and carrier knows 1", layout->image_layout_version);
	if (r == 0)
		r = read_document(l, "index.json", &text, &len, err);
	if (r == 0)
		r = decode(l, "index.json", &index_type, text, len, &index, err);
	if (r == 0 && index->n_manifests == 0)
		r = error_say(err, ENOENT, "there is no image in it");
	for (size_t i = 0; r == 0 && i < index->n_manifests; i++)
		r = take_image(l, &index->manifests[i], err);
	return r;
}

/* ---- docker's archive ---- */

struct docker_list { struct docker_entry *entries; size_t n_entries; };
static const struct json_type docker_list_type = JSON_TYPE(struct docker_list, JSON_LIST(struct docker_list, entries, "entries",
	docker_entry_type));

/* named_digest - a file whose name is 64 hex digits has that digest, says everybody who writes such archives; NULL: another name */
static const char *named_digest(const char *path, struct pool *pool)
{
	const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	size_t digits = strspn(base, "0123456789abcdef");
	bool ends = base[digits] == 0 || strcmp(base + digits, ".json") == 0;
	return digits == 64 && ends ? pool_printf(pool, "sha256:%.64s", base) : NULL;
}

/* take_config - its text; it is stored under what its digest turns out to be */
static int take_config(struct load *l, const char *path, char **ret, struct error *err)
{
	const char *expected = named_digest(path, &l->pool);
	char got[80];
	size_t len;
	int r = read_document(l, path, ret, &len, err);
	if (r == 0 && strlen(*ret) != len)
		r = error_say(err, EINVAL, "the image config '%.200s' holds a NUL byte", path);
	if (r == 0)
		r = make_document(&l->place, *ret, len, got, err);
	if (r == 0 && expected && strcmp(expected, got) != 0)
		r = error_say(err, EBADMSG, "the image config '%.200s' has the digest %s: the archive is damaged", path, got);
	return r;
}

/* take_layer - one file; a layer and its uncompressed blob that are there already are not made again */
static int take_layer(struct load *l, const char *path, const char *diff_id, struct made_layer *ret, struct error *err)
{
	struct stat st;
	cleanup_close int fd = open_file(l, path, err);
	if (fd < 0 || fstat(fd, &st) < 0)
		return fd < 0 ? fd : error_set(err, errno, "look at '%.200s' in it", path);
	int r = digest_check(diff_id, err);
	if (r < 0)
		return r;
	if (store_has_layer(l->store, diff_id) && store_has_blob(l->store, diff_id)) {
		/* by the digest of what is in the store: what the file holds does not matter then */
		cleanup_close int blob = store_open_blob(l->store, diff_id, err);
		if (blob < 0 || fstat(blob, &st) < 0)
			return blob < 0 ? blob : error_set(err, errno, "look at the blob %s", diff_id);
		*ret = (struct made_layer) { .size = st.st_size, .media_type = MEDIA_OCI_LAYER };
		snprintf(ret->digest, sizeof ret->digest, "%s", diff_id);
		snprintf(ret->diff_id, sizeof ret->diff_id, "%s", diff_id);
		return 0;
	}
	r = make_layer_of_archive(&l->place, fd, diff_id, ret, err);
	return r < 0 ? error_wrap(err, "layer '%.200s'", path) : 0;
}

static int take_entry(struct load *l, const struct docker_entry *e, struct error *err)
{
	cleanup_free char *text = NULL;
	struct image_config *config;
	size_t n = strings_count(e->layers), made = 0;
	int r = take_config(l, e->config, &text, err);
	if (r == 0)
		r = decode(l, e->config, &image_config_type, text, strlen(text), &config, err);
	if (r < 0)
		return r;
	if (strings_count(config->rootfs.diff_ids) != n)
		return error_say(err, EINVAL, "the image's config names %zu layers, and manifest.json %zu",
				 strings_count(config->rootfs.diff_ids), n);
	struct descriptor *layers = pool_alloc(&l->pool, (n + 1) * sizeof *layers);
	for (size_t i = 0; r == 0 && i < n; i++) {
		struct made_layer layer;
		struct image_config unused = { 0 };
		r = take_layer(l, e->layers[i], config->rootfs.diff_ids[i], &layer, err);
		if (r == 0)
			make_add_layer(&unused, layers, &made, &layer, NULL, &l->pool);
	}
	if (r < 0)
		return r;
	struct loaded *done = one_more(l);
	for (char **tag = e->repo_tags; r == 0 && tag && *tag; tag++)
		r = add_name(&done->names, *tag, err);
	return r < 0 ? r : make_image(&l->place, config, text, layers, n, &l->pool, done->id, &done->manifest, err);
}

static int load_docker(struct load *l, struct error *err)
{
	cleanup_free char *text = NULL;
	struct docker_list *list;
	size_t len;
	int r = read_document(l, "manifest.json", &text, &len, err);
	if (r < 0)
		return r;
	cleanup_free char *object = xasprintf("{\"entries\":%s}", text);
	r = decode(l, "manifest.json", &docker_list_type, object, strlen(object), &list, err);
	if (r < 0)
		return r;
	if (list->n_entries == 0)
		return error_say(err, ENOENT, "there is no image in it");
	for (size_t i = 0; r == 0 && i < list->n_entries; i++)
		r = take_entry(l, &list->entries[i], err);
	return r;
}

/* ---- skopeo's dir: ---- */

/* what_is_it - that cannot be loaded */
static int what_is_it(const struct load *l, struct error *err)
{
	if (has(l, "repositories"))
		return error_say(err, EOPNOTSUPP, "it was made by docker before 1.10, which is not read: load it into docker, and save it again");
	if (has(l, "version"))
		return error_say(err, EOPNOTSUPP, "it is a directory of skopeo's: `skopeo copy dir:DIRECTORY oci:OTHER` makes one that is read");
	if (has(l, "bin") || has(l, "usr") || has(l, "etc"))
		return error_say(err, EINVAL, "it holds files and no image: `carrier import` makes an image of it");
	return error_say(err, EINVAL, "it holds no image: neither an OCI layout (oci-layout) nor docker's manifest.json is in it");
}

/* ---- all of it ---- */

/* open_source - the directory itself, or the archive unpacked */
static int open_source(struct load *l, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct unpack_report *report;
	struct stat st;
	if (fstat(l->fd, &st) < 0)
		return error_set(err, errno, "look at the archive");
	if (S_ISDIR(st.st_mode)) {
		l->tree_fd = fcntl(l->fd, F_DUPFD_CLOEXEC, 3);
		return l->tree_fd < 0 ? error_set(err, errno, "open the directory") : 0;
	}
	if (mkdirat(l->place.fd, "archive", 0700) < 0)
		return error_set(err, errno, "create '%s/%s/archive'", l->store->root, l->place.name);
	cleanup_close int dir = openat(l->place.fd, "archive", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	const struct unpack_job job = { .input_fd = l->fd, .blob_dir_fd = -1, .layer_dir_fd = dir };
	int r = dir < 0 ? error_set(err, errno, "open '%s/%s/archive'", l->store->root, l->place.name) : unpack_all(&job, &pool, &report, err);
	if (r < 0)
		return r;
	l->tree_fd = openat(dir, "diff", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return l->tree_fd < 0 ? error_set(err, errno, "open what was unpacked") : 0;
}

static void say_loaded(const struct carrier *c, const struct loaded *done)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	for (size_t i = 0; i < done->names.n; i++) {
		struct reference ref = { 0 };
		const char *shown = reference_parse(done->names.v[i], &pool, &ref, NULL) == 0 ? ref.familiar : done->names.v[i];
		printf("Loaded image: %s\n", shown);
		event_record(c, "image", "load", done->id, shown, NULL, NULL);
	}
	if (!done->names.n)
		printf("Loaded image ID: %s\n", done->id);
	if (!done->names.n)
		event_record(c, "image", "load", done->id, done->id, NULL, NULL);
}

static int load(struct load *l, struct error *err)
{
	int r = place_open(l->store, "load", &l->place, err);
	if (r == 0)
		r = open_source(l, err);
	if (r < 0)
		return r;
	/* docker's newer archives are both: the layout knows more */
	r = has(l, "oci-layout") ? load_layout(l, err) : has(l, "manifest.json") && !has(l, "version") ? load_docker(l, err) : what_is_it(l, err);
	for (size_t i = 0; r == 0 && i < l->n; i++) {
		r = make_names(l->store, &l->list[i].manifest, l->list[i].names.v, err);
		if (r == 0)
			say_loaded(l->c, &l->list[i]);
	}
	return r;
}

static int work(void *ctx, struct error *err)
{
	struct load *l = ctx;
	struct store store cleanup_store = STORE_INIT;
	cleanup_close int hold = make_begin(l->c, &store, err);
	if (hold < 0)
		return hold;
	l->store = &store;
	int r = load(l, err);
	place_close(&l->place);
	close_fd(&l->tree_fd);
	if (r < 0) {
		close_fd(&hold);
		(void) store_collect(&store, NULL);	/* blobs and layers that nothing names */
	}
	for (size_t i = 0; i < l->n; i++)
		strings_done(&l->list[i].names);
	free(l->list);
	pool_done(&l->pool);
	return r;
}

int archive_load(const struct carrier *c, int fd, bool quiet, struct error *err)
{
	struct load l = { .c = c, .fd = fd, .quiet = quiet, .place = PLACE_INIT, .tree_fd = -1 };
	return apart_run(work, &l, err);
}
