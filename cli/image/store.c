#include "store.h"
#include "chain.h"
#include "cleanup.h"
#include "fs.h"
#include "log.h"
#include "proc.h"
#include "registries.h"
#include "unfinished.h"
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

enum { DOCUMENT_MAX = 4 << 20 };
#define STORE_VERSION "2"
static const char version_text[] = STORE_VERSION "\n";
static const char ref_name[] = "org.opencontainers.image.ref.name";

/* ---- the version ---- */

/* upgrade - from version 1, in which what was settled did not say in which boot: it is settled again when it is needed */
static int upgrade(const struct store *s, int root_fd, struct error *err)
{
	cleanup_free char *old = xasprintf("tmp/chains-of-version-1-%d", (int) getpid());
	if (renameat(s->fd, "chains", s->fd, old) < 0 && errno != ENOENT)
		return error_set(err, errno, "upgrade '%s/chains'", s->root);
	if (mkdirat(s->fd, "chains", 0700) < 0 && errno != EEXIST)
		return error_set(err, errno, "create '%s/chains'", s->root);
	return fs_replace_file(root_fd, "version", version_text, strlen(version_text), 0644, true, err);
}

/* check_version - @ours: may be written to */
static int check_version(const struct store *s, const char *root, int root_fd, bool ours, struct error *err)
{
	cleanup_free char *text = NULL;
	uint64_t version;
	int r = fs_read_file(root_fd, "version", 64, &text, NULL, NULL);
	if (r == -ENOENT && ours)
		return fs_replace_file(root_fd, "version", version_text, strlen(version_text), 0644, true, err);
	if (r < 0)
		return error_set(err, -r, "read '%s/version'", root);
	if (strcmp(text, version_text) == 0)
		return 0;
	text[strcspn(text, "\n")] = 0;
	if (str_to_u64(text, UINT64_MAX, &version) < 0 || version == 0)
		return error_say(err, EBADMSG, "'%s/version' holds '%.20s', which is no version: is this a directory of carrier's? If it is, "
				 "write " STORE_VERSION " into the file, then run `carrier system check`", root, text);
	if (version > strtoul(STORE_VERSION, NULL, 10))
		return error_say(err, EPROTO, "'%s' is a store of version %s, made by a newer carrier: use that, or another --root", root, text);
	if (!ours)
		return error_say(err, EPROTO, "the additional store '%s' is of version %s: its owner upgrades it to " STORE_VERSION " by "
				 "`carrier --root %s images`", root, text, root);
	return upgrade(s, root_fd, err);
}

/* ---- opening ---- */

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

/* open_one - ROOT/store alone. @ours: made if need be */
static int open_one(const char *root, bool ours, struct store *ret, struct error *err)
{
	struct store s cleanup_store = STORE_INIT;
	s.root = xasprintf("%s/store", root);
	int r = ours ? fs_mkdir_all(AT_FDCWD, s.root, 0700, err) : 0;
	if (r < 0)
		return error_wrap(err, "store");
	cleanup_close int root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	s.fd = open(s.root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0 || s.fd < 0)
		return error_set(err, errno, "open the store '%s'", s.root);
	r = check_version(&s, root, root_fd, ours, err);
	if (r == 0 && ours && faccessat(s.fd, "oci-layout", F_OK, 0) < 0)
		r = make_layout(&s, err);
	if (r < 0)
		return r;
	*ret = s;
	s = (struct store) STORE_INIT;
	return 0;
}

/* open_others - the additional stores. One that cannot be used is a warning: what it has may be had elsewhere. */
static void open_others(struct store *s)
{
	const char *list = getenv(STORE_ADDITIONAL);
	struct strings dirs cleanup_strings = { 0 };
	if (!list)
		return;
	strings_split(&dirs, list, ":");
	s->others = xcalloc(dirs.n + 1, sizeof *s->others);
	for (size_t i = 0; i < dirs.n; i++) {
		struct error why = { 0 };
		int r = open_one(dirs.v[i], false, &s->others[s->n_others], &why);
		if (r < 0 && r == -EACCES)
			(void) error_hint(&why, "its owner shares it by `carrier --root %s system share`", dirs.v[i]);
		if (r < 0)
			log_warn("an additional store is left out: %s", why.text);
		else
			s->n_others++;
	}
}

int store_open(const char *root, struct store *ret, struct error *err)
{
	int r = open_one(root, true, ret, err);
	if (r == 0)
		open_others(ret);
	return r;
}

void store_close(struct store *s)
{
	for (size_t i = 0; i < s->n_others; i++)
		store_close(&s->others[i]);
	cleanup_freep(&s->others);
	close_fd(&s->fd);
	cleanup_freep(&s->root);
	*s = (struct store) STORE_INIT;
}

/* ---- blobs ---- */

static void blob_path(const char *digest, char out[128])
{
	snprintf(out, 128, "blobs/sha256/%.100s", digest_hex(digest));
}

/* at - the store, itself first, then the additional ones, in which @path is; the store itself when it is nowhere */
static const struct store *at(const struct store *s, const char *path)
{
	if (s->n_others == 0 || faccessat(s->fd, path, F_OK, 0) == 0)
		return s;
	for (size_t i = 0; i < s->n_others; i++)
		if (faccessat(s->others[i].fd, path, F_OK, 0) == 0)
			return &s->others[i];
	return s;
}

int store_has_blob(const struct store *s, const char *digest)
{
	char path[128];
	blob_path(digest, path);
	return faccessat(at(s, path)->fd, path, F_OK, 0) == 0;
}

int store_open_blob(const struct store *s, const char *digest, struct error *err)
{
	char path[128];
	blob_path(digest, path);
	const struct store *where = at(s, path);
	int fd = openat(where->fd, path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? error_set(err, errno, "open '%s/%s'", where->root, path) : fd;
}

int store_read_blob(const struct store *s, const char *digest, char **ret, size_t *len, struct error *err)
{
	char path[128];
	blob_path(digest, path);
	return fs_read_file(at(s, path)->fd, path, DOCUMENT_MAX, ret, len, err);
}

/* ---- layers and chains ---- */

/* covered - the boot-id rule, of a layer or a chain. Files are not fsynced one by one: what was written in this boot is whole, whatever
 * happened to us since; after another boot only what a syncfs had covered is. */
static bool covered(const struct store *s, const char *path)
{
	char file[192];
	cleanup_free char *boot = NULL;
	snprintf(file, sizeof file, "%s/boot", path);
	if (fs_read_file(s->fd, file, 128, &boot, NULL, NULL) < 0)
		return false;
	return strcmp(boot, "synced") == 0 || strcmp(boot, proc_boot_id()) == 0;
}

/* whole_at - the store that has the tree @path, and may trust it; or NULL */
static const struct store *whole_at(const struct store *s, const char *path)
{
	if (covered(s, path))
		return s;
	for (size_t i = 0; i < s->n_others; i++)
		if (covered(&s->others[i], path))
			return &s->others[i];
	return NULL;
}

static void layer_path(const char *diff_id, char out[160])
{
	snprintf(out, 160, "layers/sha256/%.100s", digest_hex(diff_id));
}

static void chain_path(const char *config_digest, char out[160])
{
	snprintf(out, 160, "chains/%.100s", digest_hex(config_digest));
}

int store_has_layer(const struct store *s, const char *diff_id)
{
	char path[160];
	layer_path(diff_id, path);
	return whole_at(s, path) != NULL;
}

int store_has_chain(const struct store *s, const char *config_digest)
{
	char path[160];
	chain_path(config_digest, path);
	return whole_at(s, path) != NULL;
}

int store_open_layer(const struct store *s, const char *diff_id, struct error *err)
{
	char path[160];
	layer_path(diff_id, path);
	const struct store *where = whole_at(s, path);
	int fd = where ? openat(where->fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (fd < 0)
		return error_set(err, where ? errno : ENOENT, "open layer %s", diff_id);
	return fd;
}

/* put_tree - @from/@name becomes @path at once, unless one is there that can be trusted. One that cannot takes its place in @from. */
static int put_tree(const struct store *s, int from_fd, const char *name, const char *path, struct error *err)
{
	if (renameat2(from_fd, name, s->fd, path, RENAME_NOREPLACE) == 0)
		return 0;
	/* not every file system knows the flag, and an empty directory may be replaced all the same */
	int code = errno;
	if (code == EINVAL || code == ENOSYS) {
		if (renameat(from_fd, name, s->fd, path) == 0)
			return 0;
		code = errno;
	}
	if (code != EEXIST && code != ENOTEMPTY)
		return error_set(err, code, "store '%s/%s'", s->root, path);
	if (covered(s, path))
		return 0;	/* somebody else was faster: both are right */
	log_info("'%s/%s' was written before an unclean end, and is replaced", s->root, path);
	if (renameat2(from_fd, name, s->fd, path, RENAME_EXCHANGE) == 0)
		return 0;
	cleanup_free char *old = xasprintf("tmp/replaced-%d", (int) getpid());
	if (renameat(s->fd, path, s->fd, old) < 0 || renameat(from_fd, name, s->fd, path) < 0)
		return error_set(err, errno, "replace '%s/%s'", s->root, path);
	return fs_remove_tree(s->fd, old, err);
}

int store_put_layer(const struct store *s, int from_fd, const char *name, const char *diff_id, struct error *err)
{
	char path[160];
	layer_path(diff_id, path);
	return put_tree(s, from_fd, name, path, err);
}

int store_put_chain(const struct store *s, int from_fd, const char *name, const char *config_digest, struct error *err)
{
	char path[160];
	chain_path(config_digest, path);
	return put_tree(s, from_fd, name, path, err);
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

int store_index(const struct store *s, struct pool *pool, struct index_document **ret, struct error *err)
{
	cleanup_free char *text = NULL;
	size_t len;
	int r = fs_read_file(s->fd, "index.json", 64 << 20, &text, &len, err);
	if (r == 0)
		r = json_decode(&index_type, text, len, pool, ret, err);
	return r < 0 ? error_wrap(err, "store '%s'", s->root) : 0;
}

/* write_index - what it names must be on disk before it is: each blob was fsynced, but the directory that has its name was not */
static int write_index(const struct store *s, const struct index_document *index, struct error *err)
{
	size_t len;
	cleanup_close int blobs = openat(s->fd, "blobs/sha256", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (blobs < 0 || fsync(blobs) < 0)
		return error_set(err, errno, "sync '%s/blobs'", s->root);
	cleanup_free char *text = json_encode(&index_type, index, JSON_COMPACT, &len);
	return fs_replace_file(s->fd, "index.json", text, len, 0644, true, err);
}

const char *store_name_of(const struct descriptor *d)
{
	for (size_t i = 0; i < d->annotations.n; i++)
		if (strcmp(d->annotations.pairs[i].key, ref_name) == 0)
			return d->annotations.pairs[i].value;
	return NULL;
}

/* drop_unnamed - the entry that keeps @digest when it has no name */
static void drop_unnamed(struct index_document *index, const char *digest)
{
	size_t kept = 0;
	for (size_t i = 0; i < index->n_manifests; i++)
		if (store_name_of(&index->manifests[i]) || strcmp(index->manifests[i].digest, digest) != 0)
			index->manifests[kept++] = index->manifests[i];
	index->n_manifests = kept;
}

/* drop - the entries of @name out of the list. Return: the digest of a manifest that has lost its last one, or NULL */
static const char *drop(struct index_document *index, const char *name)
{
	const char *digest = NULL;
	size_t kept = 0;
	for (size_t i = 0; i < index->n_manifests; i++) {
		const char *n = store_name_of(&index->manifests[i]);
		if (n && strcmp(n, name) == 0)
			digest = index->manifests[i].digest;
		else
			index->manifests[kept++] = index->manifests[i];
	}
	index->n_manifests = kept;
	for (size_t i = 0; digest && i < kept; i++)
		if (strcmp(index->manifests[i].digest, digest) == 0)
			return NULL;
	return digest;
}

/* begin_change - the index, read under its lock. Return: the lock's fd, which ends it */
static int begin_change(const struct store *s, struct pool *pool, struct index_document **ret, struct error *err)
{
	cleanup_close int lock = lock_index(s, err);
	int r = lock < 0 ? lock : store_index(s, pool, ret, err);
	return r < 0 ? r : take_fd(lock);
}

int store_name(const struct store *s, const struct descriptor *manifest, const char *name, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct index_document *index;
	cleanup_close int lock = begin_change(s, &pool, &index, err);
	if (lock < 0)
		return lock;
	for (size_t i = 0; !name && i < index->n_manifests; i++)
		if (strcmp(index->manifests[i].digest, manifest->digest) == 0)
			return 0;
	if (name) {
		(void) drop(index, name);
		drop_unnamed(index, manifest->digest);
	}
	struct descriptor *list = pool_alloc(&pool, (index->n_manifests + 1) * sizeof *list);
	if (index->n_manifests)
		memcpy(list, index->manifests, index->n_manifests * sizeof *list);
	struct json_pair *pair = pool_alloc(&pool, sizeof *pair);
	*pair = (struct json_pair) { (char *) ref_name, (char *) name };
	list[index->n_manifests] = (struct descriptor) {
		.media_type = manifest->media_type, .digest = manifest->digest, .size = manifest->size,
		.platform = manifest->platform, .annotations = { name ? 1 : 0, name ? pair : NULL },
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
	const char *last = drop(index, name);
	int r = write_index(s, index, err);
	if (r == 0 && last)
		unfinished_end(s, last);	/* of a pull that was killed just before it would have done so */
	return r < 0 ? r : last != NULL;
}

int store_untag(const struct store *s, const char *name, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct index_document *index;
	struct descriptor kept = { 0 };
	cleanup_close int lock = begin_change(s, &pool, &index, err);
	if (lock < 0)
		return lock;
	for (size_t i = 0; i < index->n_manifests; i++)
		if (str_eq(store_name_of(&index->manifests[i]), name))
			kept = index->manifests[i];
	if (drop(index, name)) {	/* it was an entry of the list, so there is room for one */
		kept.annotations = (struct json_map) { 0 };
		index->manifests[index->n_manifests++] = kept;
	}
	return write_index(s, index, err);
}

int store_drop(const struct store *s, const char *manifest_digest, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct index_document *index;
	cleanup_close int lock = begin_change(s, &pool, &index, err);
	if (lock < 0)
		return lock;
	size_t kept = 0;
	for (size_t i = 0; i < index->n_manifests; i++)
		if (strcmp(index->manifests[i].digest, manifest_digest) != 0)
			index->manifests[kept++] = index->manifests[i];
	index->n_manifests = kept;
	return write_index(s, index, err);
}

/* ---- images ---- */

void image_done(struct image *i)
{
	strings_done(&i->names);
	pool_done(&i->pool);
	*i = (struct image) { 0 };
}

bool store_is_list(const struct descriptor *d)
{
	return d->media_type && (strcmp(d->media_type, MEDIA_OCI_INDEX) == 0 || strcmp(d->media_type, MEDIA_DOCKER_LIST) == 0);
}

/* of_platform - the manifest that the list @digest has for this machine */
static int of_platform(const struct store *s, const char *digest, struct pool *pool, const char **ret, struct error *err)
{
	cleanup_free char *text = NULL;
	size_t len;
	struct index_document *list;
	const struct descriptor *chosen;
	int r = store_read_blob(s, digest, &text, &len, err);
	if (r == 0)
		r = json_decode(&index_type, text, len, pool, &list, err);
	if (r == 0)
		r = index_choose(list, NULL, &chosen, err);
	if (r == 0)
		r = digest_check(chosen->digest, err);
	if (r == 0 && !store_has_blob(s, chosen->digest))
		r = error_say(err, ENOENT, "its image for this machine, %s, is not in the store: pull that", chosen->digest);
	if (r == 0)
		*ret = chosen->digest;
	return r < 0 ? error_wrap(err, "list of images %s", digest) : 0;
}

/* read_image - what the entry @d of @index stands for; of a list, the image for this machine */
static int read_image(const struct store *s, const struct index_document *index, const struct descriptor *d, struct image *ret,
		      struct error *err)
{
	const char *digest = d->digest;
	struct image i cleanup_image = { 0 };
	cleanup_free char *text = NULL;
	cleanup_free char *config = NULL;
	size_t len, config_len;
	int r = digest_check(digest, err);	/* index.json may be another's: a layout that was copied here */
	if (r == 0 && store_is_list(d))
		r = of_platform(s, d->digest, &i.pool, &digest, err);
	if (r < 0)
		return r;
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
		const char *name = store_name_of(&index->manifests[k]);
		const char *of = index->manifests[k].digest;
		if (name && (strcmp(of, digest) == 0 || strcmp(of, d->digest) == 0))
			strings_add(&i.names, name);
	}
	*ret = i;
	i = (struct image) { 0 };
	return 0;
}

/* merge - @i is in @list already, under other names: it gets those of @i as well */
static bool merge(struct image *list, size_t n, const struct image *i)
{
	for (size_t k = 0; k < n; k++) {
		if (strcmp(list[k].manifest_digest, i->manifest_digest) != 0)
			continue;
		for (size_t m = 0; m < i->names.n; m++)
			if (!strings_have(list[k].names.v, i->names.v[m]))
				strings_add(&list[k].names, i->names.v[m]);
		return true;
	}
	return false;
}

/* list_one - the images of one store, those that are in the list already left out. @s: where their documents are looked for */
static int list_one(const struct store *s, const struct store *from, struct image **list, size_t *n, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct index_document *index;
	int r = store_index(from, &pool, &index, err);
	if (r < 0)
		return r;
	*list = xreallocarray(*list, *n + index->n_manifests + 1, sizeof **list);
	for (size_t i = 0; i < index->n_manifests; i++) {
		struct error why = { 0 };
		bool seen = false;
		for (size_t k = 0; k < *n; k++)
			seen = seen || strcmp((*list)[k].manifest_digest, index->manifests[i].digest) == 0;
		if (seen)
			continue;
		if (read_image(s, index, &index->manifests[i], &(*list)[*n], &why) == 0) {
			if (merge(*list, *n, &(*list)[*n]))
				image_done(&(*list)[*n]);
			else
				(*list)[(*n)++].additional = from != s;
		} else if (!store_is_list(&index->manifests[i]))	/* a list need not have an image for this machine */
			log_warn("%s: pull it again, or remove it", why.text);
	}
	return 0;
}

int store_list(const struct store *s, struct image **ret, size_t *n, struct error *err)
{
	struct image *list = NULL;
	*n = 0;
	int r = list_one(s, s, &list, n, err);
	for (size_t i = 0; r == 0 && i < s->n_others; i++)
		r = list_one(s, &s->others[i], &list, n, err);
	if (r < 0)
		store_list_free(list, *n);
	if (r < 0)
		return r;
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
		/* manifests of one image, which differ in how its layers are compressed: any of them */
		if (matches_id(&list[i], word) && (!found || strcmp(list[which].config_digest, list[i].config_digest) != 0)) {
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

/* find_name - by the name or digest in @from's index; -ENOENT */
static int find_name(const struct store *s, const struct store *from, const struct reference *ref, struct image *ret, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct index_document *index;
	int r = store_index(from, &pool, &index, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < index->n_manifests; i++) {
		const char *have = store_name_of(&index->manifests[i]);
		/* what was pulled by the digest of an index has that in its name */
		bool same = (have && strcmp(have, ref->name) == 0) || (ref->digest && strcmp(index->manifests[i].digest, ref->digest) == 0);
		if (!same)
			continue;
		r = read_image(s, index, &index->manifests[i], ret, err);
		if (r == 0)
			ret->additional = from != s;
		return r;
	}
	return error_say(err, ENOENT, "no image '%s' in the store: `carrier pull %s` fetches it", ref->familiar, ref->familiar);
}

/* find_short - under one of the names that registries.conf makes of a name without a registry; read only when docker.io's is not here */
static int find_short(const struct store *s, const char *name, struct image *ret)
{
	struct registries conf cleanup_registries = { 0 };
	struct strings names cleanup_strings = { 0 };
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct reference ref;
	int r = registries_read(&conf, NULL);
	if (r == 0)
		r = registries_candidates(&conf, name, &names, NULL);
	if (r < 0)
		return -ENOENT;		/* who wants to fetch it is told what is wrong */
	r = -ENOENT;
	for (size_t i = 0; r == -ENOENT && i < names.n; i++)
		if (reference_parse(names.v[i], &pool, &ref, NULL) == 0) {
			r = find_name(s, s, &ref, ret, NULL);
			for (size_t k = 0; r == -ENOENT && k < s->n_others; k++)
				r = find_name(s, &s->others[k], &ref, ret, NULL);
		}
	return r;
}

int store_find(const struct store *s, const char *name, struct image *ret, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct reference ref;
	struct error why = { 0 }, elsewhere;
	int r = reference_parse(name, &pool, &ref, &why);
	bool is_name = r == 0;
	if (is_name)
		r = find_name(s, s, &ref, ret, &why);
	for (size_t i = 0; is_name && r == -ENOENT && i < s->n_others; i++)
		r = find_name(s, &s->others[i], &ref, ret, &elsewhere);
	if (r == 0 || (is_name && r != -ENOENT)) {
		if (r < 0 && err)
			*err = why;
		return r;
	}
	const char *hex = str_after(name, "sha256:") ? name + 7 : name;
	if (strspn(hex, "0123456789abcdef") == strlen(hex)) {
		int by_id = find_by_id(s, name, ret, err);
		if (by_id != -ENOENT)
			return by_id;
	}
	if (is_name && reference_is_short(name) && find_short(s, name, ret) == 0)
		return 0;
	if (err)
		*err = why;
	return r;
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
	char path[160], settled[192];
	chain_path(i->config_digest, path);
	const struct store *chain = whole_at(s, path);
	if (!chain)
		return error_say(err, ENOENT, "image %s is not complete in the store: pull it again", i->config_digest);
	for (size_t k = n; k-- > 0;) {
		layer_path(diff_ids[k], path);
		const struct store *layer = whole_at(s, path);
		if (!layer)
			return error_say(err, ENOENT, "layer %s of the image is not unpacked: pull it again", diff_ids[k]);
		chain_path(i->config_digest, settled);
		snprintf(settled + strlen(settled), sizeof settled - strlen(settled), "/%zu/diff", k);
		if (faccessat(chain->fd, settled, F_OK, 0) == 0)
			strings_printf(ret, "%s/%s", chain->root, settled);
		cleanup_free char *diff = xasprintf("%s/%s/diff", layer->root, path);
		/* overlayfs takes no directory twice; of one that is there again further up nothing could be seen */
		if (strings_have(ret->v, diff))
			continue;
		strings_add(ret, diff);
		if (k > 0 && hides_lower(ret->v[ret->n - 1]))
			break;
	}
	return 0;
}
