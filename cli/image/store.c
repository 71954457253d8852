#include "store.h"
#include "chain.h"
#include "cleanup.h"
#include "fs.h"
#include "log.h"
#include "proc.h"
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

enum { DOCUMENT_MAX = 4 << 20 };
static const char version_text[] = "1\n";
static const char ref_name[] = "org.opencontainers.image.ref.name";

/* ---- opening ---- */

static int check_version(const char *root, int root_fd, struct error *err)
{
	cleanup_free char *text = NULL;
	int r = fs_read_file(root_fd, "version", 64, &text, NULL, NULL);
	if (r == -ENOENT)
		return fs_replace_file(root_fd, "version", version_text, strlen(version_text), 0644, true, err);
	if (r < 0)
		return error_set(err, -r, "read '%s/version'", root);
	if (strcmp(text, version_text) != 0)
		return error_say(err, EPROTO, "'%s' is a store of version %.*s, made by a newer carrier: use that, or another --root", root,
				 (int) strcspn(text, "\n"), text);
	return 0;
}

static int make_layout(struct store *s, struct error *err)
{
	static const char *const dirs[] = { "blobs", "blobs/sha256", "layers", "layers/sha256", "chains", "tmp" };
	static const char layout[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
	static const char index[] = "{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_OCI_INDEX "\",\"manifests\":[]}";
	for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++)
		if (mkdirat(s->fd, dirs[i], 0700) < 0 && errno != EEXIST)
			return error_set(err, errno, "create '%s/%s'", s->root, dirs[i]);
	int r = 0;
	if (faccessat(s->fd, "index.json", F_OK, 0) < 0)
		r = fs_replace_file(s->fd, "index.json", index, strlen(index), 0644, true, err);
	/* last: whoever sees it sees a complete layout */
	if (r == 0)
		r = fs_replace_file(s->fd, "oci-layout", layout, strlen(layout), 0644, true, err);
	return r;
}

int store_open(const char *root, struct store *ret, struct error *err)
{
	struct store s cleanup_store = STORE_INIT;
	s.root = xasprintf("%s/store", root);
	int r = fs_mkdir_all(AT_FDCWD, s.root, 0700, err);
	if (r < 0)
		return error_wrap(err, "store");
	cleanup_close int root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	s.fd = open(s.root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0 || s.fd < 0)
		return error_set(err, errno, "open the store '%s'", s.root);
	r = check_version(root, root_fd, err);
	if (r == 0 && faccessat(s.fd, "oci-layout", F_OK, 0) < 0)
		r = make_layout(&s, err);
	if (r < 0)
		return r;
	*ret = s;
	s = (struct store) STORE_INIT;
	return 0;
}

void store_close(struct store *s)
{
	close_fd(&s->fd);
	cleanup_freep(&s->root);
	*s = (struct store) STORE_INIT;
}

/* ---- blobs and layers ---- */

static void blob_path(const char *digest, char out[128])
{
	snprintf(out, 128, "blobs/sha256/%.100s", digest_hex(digest));
}

int store_has_blob(const struct store *s, const char *digest)
{
	char path[128];
	blob_path(digest, path);
	return faccessat(s->fd, path, F_OK, 0) == 0;
}

int store_open_blob(const struct store *s, const char *digest, struct error *err)
{
	char path[128];
	blob_path(digest, path);
	int fd = openat(s->fd, path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? error_set(err, errno, "open '%s/%s'", s->root, path) : fd;
}

int store_read_blob(const struct store *s, const char *digest, char **ret, size_t *len, struct error *err)
{
	char path[128];
	blob_path(digest, path);
	return fs_read_file(s->fd, path, DOCUMENT_MAX, ret, len, err);
}

/* A layer's files are not fsynced one by one. What was written in this boot is whole, whatever happened to us since; after
 * another boot only what a syncfs had covered is. */
int store_has_layer(const struct store *s, const char *diff_id)
{
	char path[160];
	cleanup_free char *boot = NULL;
	snprintf(path, sizeof path, "layers/sha256/%.100s/boot", digest_hex(diff_id));
	if (fs_read_file(s->fd, path, 128, &boot, NULL, NULL) < 0)
		return 0;
	if (strcmp(boot, "synced") == 0 || strcmp(boot, proc_boot_id()) == 0)
		return 1;
	snprintf(path, sizeof path, "layers/sha256/%.100s", digest_hex(diff_id));
	log_info("layer %s was written before an unclean end: it is unpacked again", diff_id);
	(void) fs_remove_tree(s->fd, path, NULL);
	return 0;
}

int store_sync(const struct store *s, struct error *err)
{
	if (syncfs(s->fd) < 0)
		return error_set(err, errno, "sync the store '%s'", s->root);
	cleanup_close int layers = openat(s->fd, "layers/sha256", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *d = layers < 0 ? NULL : fdopendir(dup(layers));
	if (!d)
		return error_set(err, errno, "read '%s/layers'", s->root);
	for (struct dirent *e; (e = readdir(d));) {
		char path[NAME_MAX + 16];
		cleanup_free char *boot = NULL;
		snprintf(path, sizeof path, "%s/boot", e->d_name);
		if (e->d_name[0] == '.' || fs_read_file(layers, path, 128, &boot, NULL, NULL) < 0 || strcmp(boot, proc_boot_id()) != 0)
			continue;
		int r = fs_replace_file(layers, path, "synced", 6, 0600, false, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- index.json ---- */

int store_hold(const struct store *s, struct error *err)
{
	cleanup_close int fd = openat(s->fd, "hold", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : fs_lock(fd, false, true);
	return r < 0 ? error_set(err, -r, "lock '%s/hold'", s->root) : take_fd(fd);
}

static int lock_index(const struct store *s, struct error *err)
{
	cleanup_close int fd = openat(s->fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : fs_lock(fd, true, true);
	return r < 0 ? error_set(err, -r, "lock '%s/lock'", s->root) : take_fd(fd);
}

static int read_index(const struct store *s, struct pool *pool, struct index_document **ret, struct error *err)
{
	cleanup_free char *text = NULL;
	size_t len;
	int r = fs_read_file(s->fd, "index.json", 64 << 20, &text, &len, err);
	if (r == 0)
		r = json_decode(&index_type, text, len, pool, ret, err);
	return r < 0 ? error_wrap(err, "store '%s'", s->root) : 0;
}

static int write_index(const struct store *s, const struct index_document *index, struct error *err)
{
	size_t len;
	cleanup_free char *text = json_encode(&index_type, index, JSON_COMPACT, &len);
	return fs_replace_file(s->fd, "index.json", text, len, 0644, true, err);
}

static const char *name_of(const struct descriptor *d)
{
	for (size_t i = 0; i < d->annotations.n; i++)
		if (strcmp(d->annotations.pairs[i].key, ref_name) == 0)
			return d->annotations.pairs[i].value;
	return NULL;
}

/* drop - the entries of @name out of the list; 1 when a manifest has lost its last one */
static int drop(struct index_document *index, const char *name)
{
	const char *digest = NULL;
	size_t kept = 0;
	for (size_t i = 0; i < index->n_manifests; i++) {
		const char *n = name_of(&index->manifests[i]);
		if (n && strcmp(n, name) == 0)
			digest = index->manifests[i].digest;
		else
			index->manifests[kept++] = index->manifests[i];
	}
	index->n_manifests = kept;
	for (size_t i = 0; digest && i < kept; i++)
		if (strcmp(index->manifests[i].digest, digest) == 0)
			return 0;
	return digest != NULL;
}

/* begin_change - the index, read under its lock. Return: the lock's fd, which ends it */
static int begin_change(const struct store *s, struct pool *pool, struct index_document **ret, struct error *err)
{
	cleanup_close int lock = lock_index(s, err);
	int r = lock < 0 ? lock : read_index(s, pool, ret, err);
	return r < 0 ? r : take_fd(lock);
}

int store_name(const struct store *s, const struct descriptor *manifest, const char *name, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct index_document *index;
	cleanup_close int lock = begin_change(s, &pool, &index, err);
	if (lock < 0)
		return lock;
	(void) drop(index, name);
	struct descriptor *list = pool_alloc(&pool, (index->n_manifests + 1) * sizeof *list);
	if (index->n_manifests)
		memcpy(list, index->manifests, index->n_manifests * sizeof *list);
	struct json_pair *pair = pool_alloc(&pool, sizeof *pair);
	*pair = (struct json_pair) { (char *) ref_name, (char *) name };
	list[index->n_manifests] = (struct descriptor) {
		.media_type = manifest->media_type, .digest = manifest->digest, .size = manifest->size,
		.platform = manifest->platform, .annotations = { 1, pair },
	};
	index->manifests = list;
	index->n_manifests++;
	return write_index(s, index, err);
}

int store_unname(const struct store *s, const char *name, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct index_document *index;
	cleanup_close int lock = begin_change(s, &pool, &index, err);
	if (lock < 0)
		return lock;
	int last = drop(index, name);
	int r = write_index(s, index, err);
	return r < 0 ? r : last;
}

/* ---- images ---- */

void image_done(struct image *i)
{
	strings_done(&i->names);
	pool_done(&i->pool);
	*i = (struct image) { 0 };
}

static int read_image(const struct store *s, const struct index_document *index, const char *digest, struct image *ret, struct error *err)
{
	struct image i cleanup_image = { 0 };
	cleanup_free char *text = NULL;
	cleanup_free char *config = NULL;
	size_t len, config_len;
	int r = digest_check(digest, err);	/* index.json may be another's: a layout that was copied here */
	if (r == 0)
		r = store_read_blob(s, digest, &text, &len, err);
	if (r == 0)
		r = json_decode(&manifest_type, text, len, &i.pool, &i.manifest, err);
	if (r == 0)
		r = digest_check(i.manifest->config.digest, err);
	if (r == 0)
		r = store_read_blob(s, i.manifest->config.digest, &config, &config_len, err);
	if (r == 0)
		r = json_decode(&image_config_type, config, config_len, &i.pool, &i.config, err);
	if (r < 0)
		return error_wrap(err, "image %s", digest);
	i.manifest_digest = pool_strdup(&i.pool, digest);
	i.config_digest = i.manifest->config.digest;
	i.config_text = pool_strndup(&i.pool, config, config_len);
	i.size = (int64_t) (len + config_len);
	for (size_t k = 0; k < i.manifest->n_layers; k++)
		i.size += i.manifest->layers[k].size;
	for (size_t k = 0; k < index->n_manifests; k++) {
		const char *name = name_of(&index->manifests[k]);
		if (name && strcmp(index->manifests[k].digest, digest) == 0)
			strings_add(&i.names, name);
	}
	*ret = i;
	i = (struct image) { 0 };
	return 0;
}

int store_list(const struct store *s, struct image **ret, size_t *n, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct index_document *index;
	int r = read_index(s, &pool, &index, err);
	if (r < 0)
		return r;
	struct image *list = xcalloc(index->n_manifests, sizeof *list);
	*n = 0;
	for (size_t i = 0; i < index->n_manifests; i++) {
		struct error why = { 0 };
		bool seen = false;
		for (size_t k = 0; k < *n; k++)
			seen = seen || strcmp(list[k].manifest_digest, index->manifests[i].digest) == 0;
		if (seen)
			continue;
		if (read_image(s, index, index->manifests[i].digest, &list[*n], &why) == 0)
			(*n)++;
		else
			log_warn("%s: pull it again, or remove it", why.text);
	}
	*ret = list;
	return 0;
}

int store_list_root(const char *root, struct image **ret, size_t *n, struct error *err)
{
	struct store store cleanup_store = STORE_INIT;
	int r = store_open(root, &store, err);
	return r < 0 ? r : store_list(&store, ret, n, err);
}

void store_list_free(struct image *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		image_done(&list[i]);
	free(list);
}

/* matches_id - @word is a prefix of the config's digest, at least 4 digits */
static bool matches_id(const struct image *i, const char *word)
{
	const char *hex = str_after(word, "sha256:") ? word + 7 : word;
	return strlen(hex) >= 4 && str_starts(digest_hex(i->config_digest), hex);
}

static int find_by_id(const struct store *s, const char *word, struct image *ret, struct error *err)
{
	struct image *list = NULL;
	size_t n, found = 0, which = 0;
	int r = store_list(s, &list, &n, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		if (matches_id(&list[i], word)) {
			which = i;
			found++;
		}
	for (size_t i = 0; i < n; i++)
		if (found != 1 || i != which)
			image_done(&list[i]);
	if (found == 1)
		*ret = list[which];
	free(list);
	if (found > 1)
		return error_say(err, EEXIST, "image id '%s' is the start of %zu ids: give more digits", word, found);
	return found == 1 ? 0 : -ENOENT;
}

int store_find(const struct store *s, const char *name, struct image *ret, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct index_document *index;
	struct reference ref;
	struct error why = { 0 };
	int r = read_index(s, &pool, &index, err);
	if (r < 0)
		return r;

	int parsed = reference_parse(name, &pool, &ref, &why);
	for (size_t i = 0; parsed == 0 && i < index->n_manifests; i++) {
		const char *have = name_of(&index->manifests[i]);
		bool same = ref.digest ? strcmp(index->manifests[i].digest, ref.digest) == 0 : have && strcmp(have, ref.name) == 0;
		if (same)
			return read_image(s, index, index->manifests[i].digest, ret, err);
	}
	const char *hex = str_after(name, "sha256:") ? name + 7 : name;
	if (strspn(hex, "0123456789abcdef") == strlen(hex)) {
		r = find_by_id(s, name, ret, err);
		if (r != -ENOENT)
			return r;
	}
	if (parsed < 0) {
		if (err)
			*err = why;
		return parsed;
	}
	return error_say(err, ENOENT, "no image '%s' in the store: `carrier pull %s` fetches it", ref.familiar, ref.familiar);
}

/* hides_lower - its root is opaque; overlayfs looks at that of directories below the root only */
static bool hides_lower(const char *diff)
{
	char value;
	return getxattr(diff, "user.overlay.opaque", &value, 1) == 1 && value == 'y';
}

int store_lowerdirs(const struct store *s, const struct image *i, struct strings *ret, struct error *err)
{
	char **diff_ids = i->config->rootfs.diff_ids;
	size_t n = strings_count(diff_ids);
	char path[160];
	snprintf(path, sizeof path, "chains/%.64s/done", digest_hex(i->config_digest));
	if (faccessat(s->fd, path, F_OK, 0) < 0)
		return error_say(err, ENOENT, "image %s is not complete in the store: pull it again", i->config_digest);
	for (size_t k = n; k-- > 0;) {
		if (!store_has_layer(s, diff_ids[k]))
			return error_say(err, ENOENT, "layer %s of the image is not unpacked: pull it again", diff_ids[k]);
		snprintf(path, sizeof path, "chains/%.64s/%zu/diff", digest_hex(i->config_digest), k);
		if (faccessat(s->fd, path, F_OK, 0) == 0)
			strings_printf(ret, "%s/%s", s->root, path);
		strings_printf(ret, "%s/layers/sha256/%s/diff", s->root, digest_hex(diff_ids[k]));
		if (k > 0 && hides_lower(ret->v[ret->n - 1]))
			break;
	}
	return 0;
}

/* ---- removing ---- */

struct used { struct strings blobs, layers, chains; };

static void use_image(struct used *u, const struct image *i)
{
	strings_add(&u->blobs, digest_hex(i->manifest_digest));
	strings_add(&u->blobs, digest_hex(i->config_digest));
	for (size_t k = 0; k < i->manifest->n_layers; k++)
		strings_add(&u->blobs, digest_hex(i->manifest->layers[k].digest));
	char **diff_ids = i->config->rootfs.diff_ids;
	strings_add(&u->chains, digest_hex(i->config_digest));
	for (size_t k = 0; diff_ids && diff_ids[k]; k++)
		strings_add(&u->layers, digest_hex(diff_ids[k]));
}

/* sweep - remove the entries of @dir that are not in @keep */
static int sweep(const struct store *s, const char *dir, char *const *keep, struct error *err)
{
	cleanup_close int fd = openat(s->fd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *d = fd < 0 ? NULL : fdopendir(dup(fd));
	if (!d)
		return error_set(err, errno, "read '%s/%s'", s->root, dir);
	int r = 0;
	for (struct dirent *e; (e = readdir(d));)
		if (e->d_name[0] != '.' && !strings_have(keep, e->d_name) && r == 0)
			r = fs_remove_tree(fd, e->d_name, err);
	return r;
}

/* sweep_tmp - what nobody holds a lock on belongs to a pull that was killed */
static int sweep_tmp(const struct store *s, struct error *err)
{
	cleanup_close int fd = openat(s->fd, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *d = fd < 0 ? NULL : fdopendir(dup(fd));
	if (!d)
		return error_set(err, errno, "read '%s/tmp'", s->root);
	int r = 0;
	for (struct dirent *e; (e = readdir(d));) {
		char lock[NAME_MAX + 16];
		if (e->d_name[0] == '.')
			continue;
		snprintf(lock, sizeof lock, "%s/lock", e->d_name);
		cleanup_close int held = openat(fd, lock, O_RDWR | O_CLOEXEC);
		if (held >= 0 && fs_is_locked(held) == 1)
			continue;
		if (r == 0)
			r = fs_remove_tree(fd, e->d_name, err);
	}
	return r;
}

int store_collect(const struct store *s, struct error *err)
{
	struct used u = { 0 };
	struct image *list = NULL;
	size_t n = 0;
	cleanup_close int hold = openat(s->fd, "hold", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (hold < 0 || fs_lock(hold, true, false) < 0) {
		log_info("a pull is under way: what no image needs stays until the next removal");
		return 0;
	}
	cleanup_close int lock = lock_index(s, err);
	int r = lock < 0 ? lock : store_list(s, &list, &n, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		use_image(&u, &list[i]);
	store_list_free(list, n);
	r = sweep(s, "layers/sha256", u.layers.v, err);
	if (r == 0)
		r = sweep(s, "chains", u.chains.v, err);
	if (r == 0)
		r = sweep(s, "blobs/sha256", u.blobs.v, err);
	if (r == 0)
		r = sweep_tmp(s, err);
	strings_done(&u.blobs);
	strings_done(&u.layers);
	strings_done(&u.chains);
	return r;
}
