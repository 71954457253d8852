/* Theory of operation. A tree is made below store/tmp: hard links to the blobs that go into the archive as they are, layers inflated where
 * docker's form wants that, and the documents. carrier-pack then makes an archive of the tree, in which everything is root's and of 1970, so
 * that the same images give the same bytes; or the tree is copied. Blobs are verified before: what was damaged on disk is not
 * handed on. */
#include "../container/apart.h"
#include "archive.h"
#include "cleanup.h"
#include "copy.h"
#include "fs.h"
#include "make.h"
#include "verify.h"
#include <fcntl.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#define T struct docker_entry
const struct json_type docker_entry_type = JSON_TYPE(T, JSON_REQUIRED(T, config, "Config"), JSON_ALWAYS(T, repo_tags, "RepoTags"),
	JSON_ALWAYS(T, layers, "Layers"));
#undef T

int archive_format_parse(const char *word, enum archive_format *ret, struct error *err)
{
	static const char *const words[] = { "docker-archive", "oci-archive", "oci-dir", "docker-dir" };
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(words[i], word) == 0) {
			*ret = (enum archive_format) i;
			return 0;
		}
	return error_say(err, EINVAL, "--format '%s': there are docker-archive, oci-archive, oci-dir and docker-dir", word);
}

struct saved { struct image image; struct strings names; };
struct save {
	const struct carrier *c;
	char *const *words;
	enum archive_format format;
	int fd;
	const char *dir;
	/* in the child */
	const struct store *store;
	struct place place;
	int tree_fd;
	struct saved *list;
	size_t n;
	struct strings files;		/* of the tree, relative */
	struct pool pool;
};

/* ---- which images ---- */

/* add_image - each image once, with all the names that were asked for */
static int add_image(struct save *s, const char *word, struct error *err)
{
	struct image image cleanup_image = { 0 };
	struct reference ref = { 0 };
	size_t i = 0;
	int r = store_find(s->store, word, &image, err);
	if (r < 0)
		return r;
	while (i < s->n && strcmp(s->list[i].image.manifest_digest, image.manifest_digest) != 0)
		i++;
	bool by_name = reference_parse(word, &s->pool, &ref, NULL) == 0 && !ref.digest && strings_have(image.names.v, ref.name);
	if (i == s->n) {
		s->list[s->n++] = (struct saved) { .image = image };
		image = (struct image) { 0 };
	}
	if (by_name && !strings_have(s->list[i].names.v, ref.name))
		strings_add(&s->list[i].names, ref.name);
	return 0;
}

/* ---- the tree ---- */

static int missing(const struct image *image, const char *digest, struct error *err)
{
	const char *name = image->names.n ? image->names.v[0] : image->config_digest;
	return error_say(err, ENOENT, "the blob %s of image %s is not in the store (it was pruned): `carrier pull` brings it back", digest, name);
}

static int copy_blob(struct save *s, const char *digest, const char *name, struct error *err)
{
	cleanup_close int in = store_open_blob(s->store, digest, err);
	cleanup_close int out = in < 0 ? -1 : openat(s->tree_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ssize_t n = 1;
	if (out < 0)
		return in < 0 ? in : error_set(err, errno, "create '%s'", name);
	while (n > 0)
		n = sendfile(out, in, NULL, 1 << 30);
	return n < 0 ? error_set(err, errno, "copy the blob %s", digest) : 0;
}

static int link_blob(struct save *s, const struct image *image, const char *digest, const char *name, struct error *err)
{
	char blob[128];
	if (strings_have(s->files.v, name))
		return 0;
	int r = store_has_blob(s->store, digest) ? verify_blob(s->store, digest, 0, err) : missing(image, digest, err);
	if (r < 0)
		return r;
	snprintf(blob, sizeof blob, "blobs/sha256/%.64s", digest_hex(digest));
	if (linkat(s->store->fd, blob, s->tree_fd, name, 0) < 0)
		r = copy_blob(s, digest, name, err);	/* of an additional store */
	if (r == 0)
		strings_add(&s->files, name);
	return r;
}

static int write_text(struct save *s, const char *name, const char *text, struct error *err)
{
	strings_add(&s->files, name);
	return fs_replace_file(s->tree_fd, name, text, strlen(text), 0644, false, err);
}

/* ---- docker's archive ---- */

/* inflate_layer - in docker's archive they are tar files */
static int inflate_layer(struct save *s, const struct image *image, size_t i, const char *name, struct error *err)
{
	const struct descriptor *layer = &image->manifest->layers[i];
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct unpack_report *report;
	enum layer_compression compression;
	int r = layer_media_type(layer->media_type, &compression, err);
	if (r < 0)
		return r;
	if (compression == LAYER_PLAIN)
		return link_blob(s, image, layer->digest, name, err);
	if (strings_have(s->files.v, name))
		return 0;
	if (!store_has_blob(s->store, layer->digest))
		return missing(image, layer->digest, err);
	cleanup_close int in = store_open_blob(s->store, layer->digest, err);
	const struct unpack_job job = {
		.input_fd = in, .blob_dir_fd = s->tree_fd, .blob_name = name, .layer_dir_fd = -1, .inflate = true, .compression = compression,
		.digest = layer->digest, .diff_id = image->config->rootfs.diff_ids[i],
	};
	r = in < 0 ? in : unpack_all(&job, &pool, &report, err);
	if (r == 0)
		strings_add(&s->files, name);
	return r;
}

static int docker_image(struct save *s, const struct saved *saved, struct docker_entry *e, struct error *err)
{
	const struct image *image = &saved->image;
	char **diff_ids = image->config->rootfs.diff_ids;
	size_t n = image->manifest->n_layers;
	if (strings_count(diff_ids) != n)
		return error_say(err, EINVAL, "image %s: config and manifest do not agree on the number of layers", image->config_digest);
	e->config = pool_printf(&s->pool, "%s.json", digest_hex(image->config_digest));
	e->layers = pool_alloc(&s->pool, (n + 1) * sizeof *e->layers);
	e->repo_tags = pool_alloc(&s->pool, (saved->names.n + 1) * sizeof *e->repo_tags);
	int r = link_blob(s, image, image->config_digest, e->config, err);
	for (size_t i = 0; r == 0 && i < n; i++) {
		r = digest_check(diff_ids[i], err);
		e->layers[i] = pool_printf(&s->pool, "%s.tar", digest_hex(diff_ids[i]));
		if (r == 0)
			r = inflate_layer(s, image, i, e->layers[i], err);
	}
	/* with registry and all: podman makes localhost/NAME of a short one */
	for (size_t i = 0; i < saved->names.n; i++)
		e->repo_tags[i] = saved->names.v[i];
	return r;
}

static int docker_tree(struct save *s, struct error *err)
{
	struct docker_entry *entries = pool_alloc(&s->pool, s->n * sizeof *entries);
	int r = 0;
	for (size_t i = 0; r == 0 && i < s->n; i++)
		r = docker_image(s, &s->list[i], &entries[i], err);
	if (r < 0)
		return r;
	cleanup_free char *text = json_encode_list(&docker_entry_type, entries, s->n, JSON_COMPACT, NULL);
	return write_text(s, "manifest.json", text, err);
}

/* ---- an OCI layout ---- */

static int link_image(struct save *s, const struct image *image, const char *dir, struct error *err)
{
	struct strings digests cleanup_strings = { 0 };
	int r = 0;
	strings_add(&digests, image->manifest_digest);
	strings_add(&digests, image->config_digest);
	for (size_t i = 0; i < image->manifest->n_layers; i++)
		strings_add(&digests, image->manifest->layers[i].digest);
	for (size_t i = 0; r == 0 && i < digests.n; i++) {
		r = digest_check(digests.v[i], err);
		cleanup_free char *name = xasprintf("%s%s", dir, digest_hex(digests.v[i]));
		if (r == 0)
			r = link_blob(s, image, digests.v[i], name, err);
	}
	return r;
}

static int blob_size(const struct save *s, const char *digest, int64_t *ret, struct error *err)
{
	struct stat st;
	cleanup_close int fd = store_open_blob(s->store, digest, err);
	if (fd < 0 || fstat(fd, &st) < 0)
		return fd < 0 ? fd : error_set(err, errno, "look at the blob %s", digest);
	*ret = st.st_size;
	return 0;
}

/* add_names - podman and skopeo read the one annotation, containerd and docker the other */
static void add_names(struct save *s, const struct saved *saved, const struct descriptor *d, struct descriptor *list, size_t *n)
{
	if (!saved->names.n)
		list[(*n)++] = *d;
	for (size_t i = 0; i < saved->names.n; i++) {
		struct json_pair *pairs = pool_alloc(&s->pool, 2 * sizeof *pairs);
		pairs[0] = (struct json_pair) { (char *) (uintptr_t) "io.containerd.image.name", saved->names.v[i] };
		pairs[1] = (struct json_pair) { (char *) (uintptr_t) "org.opencontainers.image.ref.name", saved->names.v[i] };
		list[*n] = *d;
		list[(*n)++].annotations = (struct json_map) { 2, pairs };
	}
}

static int layout_tree(struct save *s, struct error *err)
{
	struct index_document index = { .schema_version = 2, .media_type = (char *) (uintptr_t) MEDIA_OCI_INDEX };
	size_t room = 0;
	int r = 0;
	if (mkdirat(s->tree_fd, "blobs", 0755) < 0 || mkdirat(s->tree_fd, "blobs/sha256", 0755) < 0)
		return error_set(err, errno, "create 'blobs' in '%s'", s->store->root);
	for (size_t i = 0; i < s->n; i++)
		room += 1 + s->list[i].names.n;
	index.manifests = pool_alloc(&s->pool, room * sizeof *index.manifests);
	for (size_t i = 0; r == 0 && i < s->n; i++) {
		const struct image *image = &s->list[i].image;
		struct descriptor d = { .digest = image->manifest_digest,
					.media_type = image->manifest->media_type ? image->manifest->media_type :
					(char *) (uintptr_t) MEDIA_OCI_MANIFEST };
		r = link_image(s, image, "blobs/sha256/", err);
		if (r == 0)
			r = blob_size(s, image->manifest_digest, &d.size, err);
		add_names(s, &s->list[i], &d, index.manifests, &index.n_manifests);
	}
	cleanup_free char *text = json_encode(&index_type, &index, JSON_COMPACT, NULL);
	if (r == 0)
		r = write_text(s, "index.json", text, err);
	return r < 0 ? r : write_text(s, "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}", err);
}

/* dir_tree - skopeo's dir: */
static int dir_tree(struct save *s, struct error *err)
{
	const struct image *image = &s->list[0].image;
	char blob[128];
	if (s->n > 1)
		return error_say(err, EINVAL, "docker-dir holds one image: save them one by one, or as oci-dir");
	int r = link_image(s, image, "", err);
	snprintf(blob, sizeof blob, "%.64s", digest_hex(image->manifest_digest));
	if (r == 0 && renameat(s->tree_fd, blob, s->tree_fd, "manifest.json") < 0)
		r = error_set(err, errno, "write manifest.json");
	for (size_t i = 0; i < s->files.n; i++)
		if (strcmp(s->files.v[i], blob) == 0) {
			free(s->files.v[i]);
			s->files.v[i] = xstrdup("manifest.json");
		}
	return r < 0 ? r : write_text(s, "version", "Directory Transport Version: 1.1\n", err);
}

/* ---- where it goes ---- */

static int copy_files(const struct save *s, int to, struct error *err)
{
	int r = 0;
	if (s->format == ARCHIVE_OCI_DIR && (mkdirat(to, "blobs", 0755) < 0 || mkdirat(to, "blobs/sha256", 0755) < 0))
		return error_set(err, errno, "create '%s/blobs'", s->dir);
	for (size_t i = 0; r == 0 && i < s->files.n; i++) {
		r = copy_entry(s->tree_fd, s->files.v[i], to, s->files.v[i], err);
		if (r == 0 && fchmodat(to, s->files.v[i], 0644, 0) < 0)
			r = error_set(err, errno, "change the mode of '%s'", s->files.v[i]);
	}
	return r;
}

/* write_dir - complete before it has its name; a directory that is there and not empty is in the way of rename(2) */
static int write_dir(const struct save *s, struct error *err)
{
	cleanup_free char *path = xstrdup(s->dir);
	for (size_t n = strlen(path); n > 1 && path[n - 1] == '/'; n--)
		path[n - 1] = 0;
	cleanup_free char *temporary = xasprintf("%s.%d.tmp", path, (int) getppid());
	if (mkdir(temporary, 0777) < 0)
		return error_set(err, errno, "create '%s'", temporary);
	cleanup_close int to = open(temporary, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = to < 0 ? error_set(err, errno, "open '%s'", temporary) : copy_files(s, to, err);
	if (r == 0 && rename(temporary, path) < 0)
		r = errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR
			    ? error_say(err, EEXIST, "'%s' is there already: give a directory that is not, or that is empty", path)
			    : error_set(err, errno, "create '%s'", path);
	if (r < 0)
		(void) fs_remove_tree(AT_FDCWD, temporary, NULL);
	return r;
}

static int write_archive(const struct save *s, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct unpack_report *report;
	const struct pack_job job = { .tree_fd = s->tree_fd, .output_fd = s->fd, .kind = "normal", .compression = LAYER_PLAIN };
	return pack_all(&job, &pool, &report, err);
}

static int save(struct save *s, struct error *err)
{
	int r = 0;
	s->list = xcalloc(strings_count(s->words), sizeof *s->list);
	for (char *const *word = s->words; r == 0 && *word; word++)
		r = add_image(s, *word, err);
	if (r == 0)
		r = place_open(s->store, "save", &s->place, err);
	if (r < 0)
		return r;
	if (mkdirat(s->place.fd, "tree", 0700) < 0)
		return error_set(err, errno, "create '%s/%s/tree'", s->store->root, s->place.name);
	s->tree_fd = openat(s->place.fd, "tree", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (s->tree_fd < 0)
		return error_set(err, errno, "open '%s/%s/tree'", s->store->root, s->place.name);
	r = s->format == ARCHIVE_DOCKER ? docker_tree(s, err) : s->format == ARCHIVE_DOCKER_DIR ? dir_tree(s, err) : layout_tree(s, err);
	if (r < 0)
		return r;
	return s->dir ? write_dir(s, err) : write_archive(s, err);
}

static int work(void *ctx, struct error *err)
{
	struct save *s = ctx;
	struct store store cleanup_store = STORE_INIT;
	cleanup_close int hold = make_begin(s->c, &store, err);
	if (hold < 0)
		return hold;
	s->store = &store;
	int r = save(s, err);
	place_close(&s->place);
	close_fd(&s->tree_fd);
	for (size_t i = 0; i < s->n; i++) {
		image_done(&s->list[i].image);
		strings_done(&s->list[i].names);
	}
	free(s->list);
	strings_done(&s->files);
	pool_done(&s->pool);
	return r;
}

int archive_save(const struct carrier *c, char *const *images, enum archive_format format, int fd, const char *dir, struct error *err)
{
	struct save s = { .c = c, .words = images, .format = format, .fd = fd, .dir = dir, .place = PLACE_INIT, .tree_fd = -1 };
	return apart_run(work, &s, err);
}
