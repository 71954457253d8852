#include "marks.h"
#include "cleanup.h"
#include "fs.h"
#include "unfinished.h"
#include <dirent.h>
#include <string.h>
#include <time.h>

enum { LISTS_MAX = 4, RECORD_MAX = 16 << 20, AWAIT_MS = 10000, AWAIT_STEP_MS = 5 };

/* What may be in a manifest, and in a list of manifests; an artifact is marked as well, though it has no layers to unpack. */
struct any_document { struct descriptor *config, *layers, *manifests; size_t n_layers, n_manifests; };
#define T struct any_document
static const struct json_type any_type = JSON_TYPE(T, JSON_OBJECT(T, config, "config", descriptor_type),
	JSON_LIST(T, layers, "layers", descriptor_type), JSON_LIST(T, manifests, "manifests", descriptor_type));
#undef T

/* Of a container's record.json. */
struct claim_mount { char *type, *source, **lowerdirs; };
struct claim { char *manifest, **lowerdirs; struct claim_mount *mounts; size_t n_mounts; };
#define T struct claim
static const struct json_type claim_mount_type = JSON_TYPE(struct claim_mount, JSON_FIELD(struct claim_mount, type, "type"),
	JSON_FIELD(struct claim_mount, source, "source"), JSON_FIELD(struct claim_mount, lowerdirs, "lowerdirs"));
static const struct json_type claim_type = JSON_TYPE(T, JSON_FIELD(T, manifest, "manifest"), JSON_FIELD(T, lowerdirs, "lowerdirs"),
	JSON_LIST(T, mounts, "mounts", claim_mount_type));
#undef T

void marks_done(struct marks *m)
{
	strings_done(&m->blobs);
	strings_done(&m->layers);
	strings_done(&m->chains);
	strings_done(&m->manifests);
}

static void mark_config(const struct store *s, struct marks *m, const char *digest, struct pool *pool)
{
	cleanup_free char *text = NULL;
	size_t len;
	struct image_config *config;
	strings_add(&m->blobs, digest_hex(digest));
	if (store_read_blob(s, digest, &text, &len, NULL) < 0 || json_decode(&image_config_type, text, len, pool, &config, NULL) < 0)
		return;
	strings_add(&m->chains, digest_hex(digest));
	for (char **d = config->rootfs.diff_ids; d && *d; d++)
		strings_add(&m->layers, digest_hex(*d));
}

static void mark_document(const struct store *s, struct marks *m, const char *digest, int depth)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	cleanup_free char *text = NULL;
	struct any_document *document;
	size_t len;
	strings_add(&m->blobs, digest_hex(digest));
	if (depth > LISTS_MAX || store_read_blob(s, digest, &text, &len, NULL) < 0 ||
	    json_decode(&any_type, text, len, &pool, &document, NULL) < 0)
		return;
	for (size_t i = 0; i < document->n_manifests; i++)
		if (digest_check(document->manifests[i].digest, NULL) == 0)
			mark_document(s, m, document->manifests[i].digest, depth + 1);
	if (!document->config || digest_check(document->config->digest, NULL) < 0)
		return;
	strings_add(&m->manifests, digest_hex(digest));
	mark_config(s, m, document->config->digest, &pool);
	for (size_t i = 0; i < document->n_layers; i++)
		if (digest_check(document->layers[i].digest, NULL) == 0)
			strings_add(&m->blobs, digest_hex(document->layers[i].digest));
}

void marks_image(const struct store *s, struct marks *m, const char *digest)
{
	if (digest_check(digest, NULL) == 0)
		mark_document(s, m, digest, 0);
}

/* mark_lowerdir - ".../layers/sha256/HEX/diff", ".../chains/HEX/N/diff": also of an image whose documents are gone */
static void mark_lowerdir(struct marks *m, const char *dir)
{
	static const char *const places[] = { "/layers/sha256/", "/chains/" };
	for (size_t i = 0; i < 2; i++) {
		const char *found = NULL;
		for (const char *p = dir; (p = strstr(p, places[i])); p++)
			found = p + strlen(places[i]);	/* the last: the root's own path may hold the word */
		if (found)
			strings_take(i == 0 ? &m->layers : &m->chains, xstrndup(found, strcspn(found, "/")));
	}
}

static void mark_container(const struct store *s, struct marks *m, int containers_fd, const char *id)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	cleanup_free char *text = NULL, *path = xasprintf("%s/record.json", id);
	struct claim *claim;
	size_t len;
	if (fs_read_file(containers_fd, path, RECORD_MAX, &text, &len, NULL) < 0 || json_decode(&claim_type, text, len, &pool, &claim, NULL) < 0)
		return;
	if (claim->manifest)
		marks_image(s, m, claim->manifest);
	for (char **l = claim->lowerdirs; l && *l; l++)
		mark_lowerdir(m, *l);
	for (size_t i = 0; i < claim->n_mounts; i++) {	/* images that are mounted in it */
		const struct claim_mount *mount = &claim->mounts[i];
		for (char **l = mount->lowerdirs; l && *l; l++)
			mark_lowerdir(m, *l);
		if (str_eq(mount->type, "image") && mount->source && digest_check(mount->source, NULL) == 0)
			strings_add(&m->chains, digest_hex(mount->source));	/* its trees with other owners (mapped.h), too */
	}
}

static int mark_containers(const struct store *s, struct marks *m, struct error *err)
{
	cleanup_close int fd = openat(s->fd, "../containers", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return 0;
	cleanup_dir DIR *d = fd < 0 ? NULL : fdopendir(dup(fd));
	if (!d)	/* not to be taken for "none" */
		return error_set(err, errno, "read '%s/../containers'", s->root);
	for (struct dirent *e; (e = readdir(d));)
		if (e->d_name[0] != '.' && !str_ends(e->d_name, ".removed"))	/* unmounted, and on its way out: ../container/record.h */
			mark_container(s, m, fd, e->d_name);
	return 0;
}

/* ---- those that go ---- */

struct claim_state { char *state; };
static const struct json_type claim_state_type = JSON_TYPE(struct claim_state, JSON_FIELD(struct claim_state, state, "state"));

/* goes - is it being removed? Then its monitor is at it, and holds its lock until it is gone. One whose monitor was killed stays */
static bool goes(int containers_fd, const char *id)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	cleanup_free char *text = NULL, *status = xasprintf("%s/status.json", id), *lock = xasprintf("%s/lock", id);
	struct claim_state *now;
	size_t len;
	if (fs_read_file(containers_fd, status, RECORD_MAX, &text, &len, NULL) < 0 ||
	    json_decode(&claim_state_type, text, len, &pool, &now, NULL) < 0 || !str_eq(now->state, "removing"))
		return false;
	cleanup_close int fd = openat(containers_fd, lock, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0 && fs_is_locked(fd) == 1;
}

void marks_await(const struct store *s)
{
	const struct timespec step = { .tv_nsec = AWAIT_STEP_MS * 1000000L };
	cleanup_close int fd = openat(s->fd, "../containers", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *d = fd < 0 ? NULL : fdopendir(dup(fd));
	int left = AWAIT_MS / AWAIT_STEP_MS;
	for (struct dirent *e; d && (e = readdir(d));)
		while (e->d_name[0] != '.' && left > 0 && goes(fd, e->d_name)) {
			(void) nanosleep(&step, NULL);
			left--;
		}
}

static int compare(const void *a, const void *b) { return strcmp(*(char *const *) a, *(char *const *) b); }

void marks_sort(struct marks *m)
{
	struct strings *lists[] = { &m->blobs, &m->layers, &m->chains, &m->manifests };
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		if (lists[i]->n)
			qsort(lists[i]->v, lists[i]->n, sizeof *lists[i]->v, compare);
}

bool marks_have(const struct strings *list, const char *hex)
{
	return list->n && bsearch(&hex, list->v, list->n, sizeof *list->v, compare) != NULL;
}

int marks_make(const struct store *s, struct marks *m, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct index_document *index;
	int r = store_index(s, &pool, &index, err);
	for (size_t i = 0; r == 0 && i < index->n_manifests; i++)
		marks_image(s, m, index->manifests[i].digest);
	if (r == 0)
		r = mark_containers(s, m, err);
	struct strings unfinished cleanup_strings = { 0 };
	unfinished_list(s, &unfinished);
	for (size_t i = 0; i < unfinished.n; i++)
		marks_image(s, m, unfinished.v[i]);
	marks_sort(m);
	return r;
}
