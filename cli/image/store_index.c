/* index.json of a store: which names there are, and the locks that its changes and what has no name yet are under (store.h). */
#include "cleanup.h"
#include "fs.h"
#include "store.h"
#include "unfinished.h"
#include <fcntl.h>
#include <string.h>

static const char ref_name[] = "org.opencontainers.image.ref.name";

int store_hold(const struct store *s, struct error *err)
{
	cleanup_close int fd = openat(s->fd, "hold", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : fs_lock(fd, false, true);
	return r < 0 ? error_set(err, -r, "lock '%s/hold'", s->root) : take_fd(fd);
}

int store_hold_alone(const struct store *s, struct error *err)
{
	cleanup_close int fd = openat(s->fd, "hold", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : fs_lock(fd, true, false);
	if (r == -EAGAIN)
		return r;
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
