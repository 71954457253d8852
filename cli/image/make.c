#include "make.h"
#include "../container/userns.h"
#include "chain.h"
#include "cleanup.h"
#include "fs.h"
#include "log.h"
#include "mem.h"
#include "ownership.h"
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

/* ---- places ---- */

/* has_leftovers - cheap, and usually false: what is there may as well be somebody's work, which store_collect() can tell */
static bool has_leftovers(const struct store *s)
{
	int fd = openat(s->fd, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	for (struct dirent *e; d && (e = readdir(d));)
		if (e->d_name[0] != '.')
			return true;
	return false;
}

int make_hold(const struct store *s, struct error *err)
{
	if (has_leftovers(s))
		(void) store_collect(s, NULL);
	return store_hold(s, err);
}

int make_begin(const struct carrier *c, struct store *ret, struct error *err)
{
	int r = c->rootless ? userns_become_root(0, NULL, NULL, err) : 0;
	if (r == 0)
		r = store_open(c->root, ret, err);
	return r < 0 ? r : make_hold(ret, err);
}

int place_open(const struct store *s, const char *what, struct place *ret, struct error *err)
{
	struct place p cleanup_place = PLACE_INIT;
	p.store = s;
	/* several of one process, too; one that a killed process with our pid left is in the way: the next number */
	for (unsigned n = 0; p.fd < 0; n++) {
		snprintf(p.name, sizeof p.name, "tmp/%s-%d-%u", what, (int) getpid(), n);
		if (mkdirat(s->fd, p.name, 0700) < 0) {
			if (errno == EEXIST && n < 1000)
				continue;
			p.store = NULL;
			return error_set(err, errno, "create '%s/%s'", s->root, p.name);
		}
		p.fd = openat(s->fd, p.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (p.fd < 0)
			return error_set(err, errno, "open '%s/%s'", s->root, p.name);
	}
	p.lock_fd = openat(p.fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int r = p.lock_fd < 0 ? -errno : fs_lock(p.lock_fd, true, false);
	if (r < 0)
		return error_set(err, -r, "lock '%s/%s'", s->root, p.name);
	*ret = p;
	p = (struct place) PLACE_INIT;
	return 0;
}

void place_close(struct place *p)
{
	if (p->store && *p->name)
		(void) fs_remove_tree(p->store->fd, p->name, NULL);
	close_fd(&p->fd);
	close_fd(&p->lock_fd);
	*p = (struct place) PLACE_INIT;
}

/* ---- documents and blobs ---- */

int make_file(const void *data, size_t len, struct error *err)
{
	cleanup_close int fd = memfd_create("document", MFD_CLOEXEC);
	int r = fd < 0 ? -errno : fs_write_all(fd, data, len);
	if (r < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return error_set(err, r < 0 ? -r : errno, "make room for a document");
	return take_fd(fd);
}

int make_bytes(const struct place *p, int fd, const char *expected, int64_t size, char digest[80], struct error *err)
{
	(void) unlinkat(p->fd, "blob", 0);	/* of one that failed */
	const struct unpack_job job = { .input_fd = fd, .blob_dir_fd = p->fd, .blob_name = "blob", .layer_dir_fd = -1, .digest = expected,
					.size = size };
	int r = unpack_document(&job, digest, err);
	return r < 0 ? r : store_put_blob(p->store, p->fd, "blob", digest, err);
}

int make_document(const struct place *p, const char *text, size_t len, char digest[80], struct error *err)
{
	cleanup_close int fd = make_file(text, len, err);
	return fd < 0 ? fd : make_bytes(p, fd, NULL, 0, digest, err);
}

int make_blob(const struct place *p, int fd, const char *digest, int64_t size, struct error *err)
{
	char got[80];
	return store_has_blob(p->store, digest) ? 0 : make_bytes(p, fd, digest, size, got, err);
}

/* ---- layers ---- */

static const char *media_type_of(const char *compression)
{
	if (str_eq(compression, "gzip"))
		return MEDIA_OCI_LAYER_GZIP;
	return str_eq(compression, "zstd") ? MEDIA_OCI_LAYER_ZSTD : MEDIA_OCI_LAYER;
}

/* layer_dir - where carrier-unpack makes the layer */
static int layer_dir(const struct place *p, struct error *err)
{
	int r = fs_remove_tree(p->fd, "layer", err);
	if (r == 0)
		r = ownership_note(p->store, err);
	if (r < 0)
		return r;
	int fd = mkdirat(p->fd, "layer", 0700) < 0 ? -1 : openat(p->fd, "layer", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? error_set(err, errno, "create '%s/%s/layer'", p->store->root, p->name) : fd;
}

/* take_report - what a program has found out */
static void take_report(struct made_layer *ret, const struct unpack_report *report)
{
	snprintf(ret->digest, sizeof ret->digest, "%s", report->digest);
	snprintf(ret->diff_id, sizeof ret->diff_id, "%s", report->diff_id);
	ret->size = report->size;
}

/* unpack - the blob becomes a layer, verified */
static int unpack(const struct place *p, const struct unpack_job *job, struct made_layer *ret, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct unpack_report *report;
	cleanup_close int dir = layer_dir(p, err);
	if (dir < 0)
		return dir;
	struct unpack_job with_dir = *job;
	with_dir.layer_dir_fd = dir;
	int r = unpack_all(&with_dir, &pool, &report, err);
	if (r < 0)
		return r;
	if (report->message)
		log_warn("layer: %s", report->message);
	take_report(ret, report);
	ret->media_type = media_type_of(report->compression);
	return 0;
}

static int put_layer(const struct place *p, const struct made_layer *layer, struct error *err)
{
	int r = store_put_blob(p->store, p->fd, "blob", layer->digest, err);
	return r < 0 ? r : store_put_layer(p->store, p->fd, "layer", layer->diff_id, err);
}

static int pack(const struct place *p, const struct pack_job *how, struct made_layer *ret, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct unpack_report *report;
	(void) unlinkat(p->fd, "blob", 0);
	cleanup_close int out = openat(p->fd, "blob", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (out < 0)
		return error_set(err, errno, "create '%s/%s/blob'", p->store->root, p->name);
	struct pack_job job = *how;
	job.output_fd = out;
	int r = pack_all(&job, &pool, &report, err);
	if (r == -ENOSPC || r == -EDQUOT)
		return error_hint(err, "the file system of the store is full: remove images with carrier rmi, or use another --root");
	if (r < 0)
		return r;
	if (report->message)
		log_warn("%s", report->message);
	take_report(ret, report);
	return 0;
}

int make_layer(const struct place *p, const struct pack_job *how, struct made_layer *ret, struct error *err)
{
	struct made_layer packed = { .size = 0 };
	int r = pack(p, how, &packed, err);
	cleanup_close int in = r < 0 ? -1 : openat(p->fd, "blob", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (in < 0)
		return r < 0 ? r : error_set(err, errno, "open '%s/%s/blob'", p->store->root, p->name);
	/* it is read back as everybody will: what cannot be unpacked does not become an image */
	const struct unpack_job job = { .input_fd = in, .blob_dir_fd = -1, .layer_dir_fd = -1, .digest = packed.digest,
					.diff_id = packed.diff_id, .size = packed.size, .compression = how->compression };
	r = unpack(p, &job, ret, err);
	return r < 0 ? r : put_layer(p, ret, err);
}

int make_layer_of_archive(const struct place *p, int fd, const char *diff_id, struct made_layer *ret, struct error *err)
{
	(void) unlinkat(p->fd, "blob", 0);
	const struct unpack_job job = { .input_fd = fd, .blob_dir_fd = p->fd, .blob_name = "blob", .layer_dir_fd = -1, .diff_id = diff_id };
	int r = unpack(p, &job, ret, err);
	return r < 0 ? r : put_layer(p, ret, err);
}

struct descriptor *make_layers_of(const struct image *image, size_t more, struct pool *pool, struct error *err)
{
	static const char *const types[] = { MEDIA_OCI_LAYER, MEDIA_OCI_LAYER, MEDIA_OCI_LAYER_GZIP, MEDIA_OCI_LAYER_ZSTD };
	const struct manifest_document *m = image->manifest;
	struct descriptor *list = pool_alloc(pool, (m->n_layers + more + 1) * sizeof *list);
	for (size_t i = 0; i < m->n_layers; i++) {
		enum layer_compression compression;
		if (layer_media_type(m->layers[i].media_type, &compression, err) < 0)
			return NULL;
		list[i] = (struct descriptor) { .media_type = (char *) (uintptr_t) types[compression], .digest = m->layers[i].digest,
						.size = m->layers[i].size };
	}
	return list;
}

void make_add_history(struct image_config *config, const struct image_history *history, struct pool *pool)
{
	struct image_history *list = pool_alloc(pool, (config->n_history + 1) * sizeof *list);
	if (config->n_history)
		memcpy(list, config->history, config->n_history * sizeof *list);
	list[config->n_history++] = *history;
	config->history = list;
}

void make_add_layer(struct image_config *config, struct descriptor *layers, size_t *n, const struct made_layer *layer,
		    const struct image_history *history, struct pool *pool)
{
	size_t n_diffs = strings_count(config->rootfs.diff_ids);
	char **diffs = pool_alloc(pool, (n_diffs + 2) * sizeof *diffs);
	if (n_diffs)
		memcpy(diffs, config->rootfs.diff_ids, n_diffs * sizeof *diffs);
	diffs[n_diffs] = pool_strdup(pool, layer->diff_id);
	config->rootfs = (struct image_rootfs) { pool_strdup(pool, "layers"), diffs };
	layers[(*n)++] = (struct descriptor) { .media_type = (char *) (uintptr_t) layer->media_type,
					       .digest = pool_strdup(pool, layer->digest), .size = layer->size };
	if (history)
		make_add_history(config, history, pool);
}

/* ---- images ---- */

int make_image(const struct place *p, const struct image_config *config, const char *config_text, struct descriptor *layers, size_t n,
	       struct pool *pool, char id[80], struct descriptor *ret, struct error *err)
{
	char digest[80];
	size_t len, config_len = config_text ? strlen(config_text) : 0;
	cleanup_free char *encoded = config_text ? NULL : json_encode(&image_config_type, config, JSON_COMPACT, &config_len);
	int r = make_document(p, config_text ? config_text : encoded, config_len, id, err);
	if (r < 0)
		return r;
	const struct manifest_document manifest = {
		.schema_version = 2, .media_type = (char *) (uintptr_t) MEDIA_OCI_MANIFEST, .layers = layers, .n_layers = n,
		.config = { .media_type = (char *) (uintptr_t) MEDIA_OCI_CONFIG, .digest = id, .size = (int64_t) config_len },
	};
	cleanup_free char *text = json_encode(&manifest_type, &manifest, JSON_COMPACT, &len);
	r = make_document(p, text, len, digest, err);
	*ret = (struct descriptor) { .media_type = manifest.media_type, .digest = pool_strdup(pool, digest), .size = (int64_t) len };
	return r < 0 ? r : chain_settle(p->store, id, config->rootfs.diff_ids, err);
}

int make_names(const struct store *s, const struct descriptor *manifest, char *const *names, struct error *err)
{
	if (!(names && *names))
		return store_name(s, manifest, NULL, err);
	int r = 0;
	for (; r == 0 && *names; names++)
		r = store_name(s, manifest, *names, err);
	return r;
}

int make_platform(struct image_config *config, const char *platform, struct pool *pool, struct error *err)
{
	struct strings parts cleanup_strings = { 0 };
	strings_split(&parts, platform ? platform : platform_machine(), "/");
	if (parts.n < 2 || parts.n > 3)
		return error_say(err, EINVAL, "--platform '%s': give OS/ARCH or OS/ARCH/VARIANT, such as linux/arm64", platform);
	config->os = pool_strdup(pool, parts.v[0]);
	config->architecture = pool_strdup(pool, parts.v[1]);
	config->variant = parts.n > 2 ? pool_strdup(pool, parts.v[2]) : NULL;
	return 0;
}

char *make_now(struct pool *pool)
{
	struct timespec now;
	char text[40];
	(void) clock_gettime(CLOCK_REALTIME, &now);
	return pool_strdup(pool, str_rfc3339(now.tv_sec, now.tv_nsec, text));
}
