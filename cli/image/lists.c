#include "lists.h"
#include "cleanup.h"
#include "document_fetch.h"
#include "fs.h"
#include "make.h"
#include "origin.h"
#include <string.h>

/* ---- beginning and end ---- */

void lists_done(struct list *list)
{
	close_fd(&list->lock_fd);
	close_fd(&list->hold_fd);
	pool_done(&list->pool);
}

static int read_list(const struct store *s, struct list *list, const struct named *named, struct error *err)
{
	char *text;
	size_t len;
	enum document_kind kind;
	int r = names_read(s, &named->descriptor, &list->pool, &text, &len, &kind, err);
	return r < 0 ? r : json_decode(&index_type, text, len, &list->pool, &list->index, err);
}

static int open_list(const struct store *s, const char *word, enum list_begin how, struct list *list, struct error *err)
{
	struct named named;
	int r = names_parse(word, &list->pool, &list->ref, err);
	if (r < 0)
		return r;
	r = names_find(s, list->ref.name, &list->pool, &named, NULL);
	if (r == 0 && how == LIST_MUST_BE_NEW)
		return error_say(err, EEXIST, "'%s' is there already: remove it with `carrier rmi`, or give --amend to change a list",
				 list->ref.familiar);
	if (r == 0 && named.kind != DOCUMENT_INDEX)
		return error_say(err, EINVAL, "'%s' is an image, and not a list of images", list->ref.familiar);
	if (r == 0)
		return read_list(s, list, &named, err);
	if (how == LIST_MUST_EXIST)
		return error_say(err, ENOENT, "there is no list of images '%s': `carrier manifest create %s` makes one", list->ref.familiar, word);
	list->index = pool_alloc(&list->pool, sizeof *list->index);
	*list->index = (struct index_document) { .schema_version = 2, .media_type = (char *) MEDIA_OCI_INDEX };
	return 0;
}

int lists_begin(const struct store *s, const char *word, enum list_begin how, struct list *ret, struct error *err)
{
	struct list list cleanup_list = LIST_INIT;
	list.hold_fd = store_hold(s, err);
	list.lock_fd = openat(s->fd, "lists.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (list.hold_fd < 0)
		return list.hold_fd;
	int r = list.lock_fd < 0 ? -errno : fs_lock(list.lock_fd, true, true);
	if (r < 0)
		return error_set(err, -r, "lock '%s/lists.lock'", s->root);
	r = open_list(s, word, how, &list, err);
	if (r == 0) {
		*ret = list;
		list = (struct list) LIST_INIT;
	}
	return r;
}

int lists_save(const struct store *s, struct list *list, char ret_digest[80], struct error *err)
{
	size_t len;
	struct place place cleanup_place = PLACE_INIT;
	cleanup_free char *text = json_encode(&index_type, list->index, JSON_COMPACT, &len);
	int r = place_open(s, "list", &place, err);
	if (r == 0)
		r = make_document(&place, text, len, ret_digest, err);
	const struct descriptor d = {
		.media_type = list->index->media_type ? list->index->media_type : (char *) MEDIA_OCI_INDEX, .digest = ret_digest,
		.size = (int64_t) len,
	};
	return r < 0 ? r : store_name(s, &d, list->ref.name, err);
}

/* ---- one image of it ---- */

static struct descriptor *find_entry(struct list *list, const char *digest)
{
	for (size_t i = 0; i < list->index->n_manifests; i++)
		if (strcmp(list->index->manifests[i].digest, digest) == 0)
			return &list->index->manifests[i];
	return NULL;
}

static void set_annotation(struct list *list, struct descriptor *d, const char *key, char *value)
{
	for (size_t i = 0; i < d->annotations.n; i++)
		if (strcmp(d->annotations.pairs[i].key, key) == 0) {
			d->annotations.pairs[i].value = value;
			return;
		}
	struct json_pair *pairs = pool_alloc(&list->pool, (d->annotations.n + 1) * sizeof *pairs);
	if (d->annotations.n)
		memcpy(pairs, d->annotations.pairs, d->annotations.n * sizeof *pairs);
	pairs[d->annotations.n] = (struct json_pair) { pool_strdup(&list->pool, key), value };
	d->annotations = (struct json_map) { d->annotations.n + 1, pairs };
}

static char *choose(struct list *list, const char *given, char *own)
{
	return given ? (*given ? pool_strdup(&list->pool, given) : NULL) : own;
}

/* say - what the command line says of @d */
static int say(struct list *list, struct descriptor *d, const struct list_platform *p, struct error *err)
{
	struct platform *own = pool_alloc(&list->pool, sizeof *own);
	if (d->platform)
		*own = *d->platform;
	*own = (struct platform) { .os = choose(list, p->os, own->os), .architecture = choose(list, p->architecture, own->architecture),
				   .variant = choose(list, p->variant, own->variant), .os_version = choose(list, p->os_version, own->os_version) };
	if (!own->os || !own->architecture)
		return error_say(err, EINVAL, "nothing says for which platform image %s is: give --os and --arch", d->digest);
	d->platform = own;
	for (char *const *a = p->annotations; a && *a; a++) {
		const char *equals = strchr(*a, '=');
		if (!equals || equals == *a)
			return error_say(err, EINVAL, "--annotation '%s': expected KEY=VALUE", *a);
		char *key = pool_strndup(&list->pool, *a, (size_t) (equals - *a));
		set_annotation(list, d, key, pool_strdup(&list->pool, equals + 1));
	}
	return 0;
}

static int put_entry(struct list *list, struct descriptor *d, const struct list_platform *p, struct error *err)
{
	struct index_document *index = list->index;
	int r = say(list, d, p, err);
	if (r < 0)
		return r;
	struct descriptor *there = find_entry(list, d->digest);
	if (there) {
		*there = *d;
		return 0;
	}
	struct descriptor *entries = pool_alloc(&list->pool, (index->n_manifests + 1) * sizeof *entries);
	if (index->n_manifests)
		memcpy(entries, index->manifests, index->n_manifests * sizeof *entries);
	entries[index->n_manifests++] = *d;
	index->manifests = entries;
	return 0;
}

/* ---- adding ---- */

struct source {
	const struct store *store;
	struct layers_source remote;	/* .session NULL: everything is in the store */
};

/* fetch - a document that a registry has, into the store, where nothing names it yet */
static int fetch(const struct source *from, const char *kind, const char *what, const struct descriptor *expected, struct pool *pool,
		 char ret_digest[80], char **ret_type, struct error *err)
{
	return document_fetch(from->store, &from->remote, kind, what, expected ? expected->digest : NULL, expected ? expected->size : 0,
			       ret_type ? manifest_media_types : NULL, pool, ret_digest, ret_type, err);
}

/* own_platform - what the image's config says */
static int own_platform(const struct source *from, struct list *list, struct descriptor *d, const char *text, size_t len, struct error *err)
{
	struct manifest_document *m;
	struct image_config *config;
	char digest[80];
	int r = json_decode(&manifest_type, text, len, &list->pool, &m, err);
	if (r == 0)
		r = digest_check(m->config.digest, err);
	if (r == 0 && from->remote.session && !store_has_blob(from->store, m->config.digest))
		r = fetch(from, "blobs", m->config.digest, &m->config, &list->pool, digest, NULL, err);
	cleanup_free char *config_text = NULL;
	size_t config_len;
	if (r == 0)
		r = store_read_blob(from->store, m->config.digest, &config_text, &config_len, err);
	if (r == 0)
		r = json_decode(&image_config_type, config_text, config_len, &list->pool, &config, err);
	if (r < 0)
		return error_wrap(err, "image %s", d->digest);
	struct platform *p = pool_alloc(&list->pool, sizeof *p);
	*p = (struct platform) { .os = config->os, .architecture = config->architecture, .variant = config->variant,
				 .os_version = config->os_version };
	d->platform = p;
	return 0;
}

static int add_manifest(const struct source *from, struct list *list, struct descriptor d, const struct list_platform *p, struct error *err)
{
	enum document_kind kind;
	char *text, *type = NULL, digest[80];
	size_t len;
	int r = 0;
	if (from->remote.session && !store_has_blob(from->store, d.digest))
		r = fetch(from, "manifests", d.digest, &d, &list->pool, digest, &type, err);
	if (r == 0)
		r = names_read(from->store, &d, &list->pool, &text, &len, &kind, err);
	if (r == 0 && kind != DOCUMENT_MANIFEST)
		r = error_say(err, ENOTSUP, "%s is a list within a list, which is not supported", d.digest);
	if (r == 0 && from->remote.session) {	/* where push finds its layers */
		cleanup_free char *repository = xasprintf("%s/%s", from->remote.ref->registry, from->remote.ref->path);
		origin_set(from->store, d.digest, repository);
	}
	d.annotations = (struct json_map) { 0 };	/* index.json's are the store's own */
	if (r == 0 && !d.platform)
		r = own_platform(from, list, &d, text, len, err);
	return r < 0 ? r : put_entry(list, &d, p, err);
}

static int add_index(const struct source *from, struct list *list, const char *text, size_t len, const struct list_platform *p, bool all,
		     struct error *err)
{
	struct index_document *index;
	const struct descriptor *chosen;
	int r = json_decode(&index_type, text, len, &list->pool, &index, err);
	for (size_t i = 0; r == 0 && all && i < index->n_manifests; i++) {
		r = digest_check(index->manifests[i].digest, err);
		if (r == 0)
			r = add_manifest(from, list, index->manifests[i], p, err);
	}
	if (r < 0 || all)
		return r;
	char *wanted = p->architecture ? pool_printf(&list->pool, "%s/%s%s%s", p->os ? p->os : "linux", p->architecture, p->variant ? "/" : "",
						     p->variant ? p->variant : "") : NULL;
	r = index_choose(index, wanted, &chosen, err);
	if (r == 0)
		r = digest_check(chosen->digest, err);
	return r < 0 ? r : add_manifest(from, list, *chosen, p, err);
}

int lists_add(const struct store *s, struct list *list, const char *word, const struct list_platform *p, bool all, struct error *err)
{
	const struct source from = { .store = s };
	struct named named;
	char *text;
	size_t len;
	int r = names_find(s, word, &list->pool, &named, err);
	if (r == -ENOENT)
		return error_hint(err, "`docker://%s` adds it from its registry", word);
	if (r == 0 && named.kind == DOCUMENT_MANIFEST) {
		named.descriptor.platform = NULL;
		return add_manifest(&from, list, named.descriptor, p, err);
	}
	if (r == 0)
		r = names_read(s, &named.descriptor, &list->pool, &text, &len, &named.kind, err);
	return r < 0 ? r : add_index(&from, list, text, len, p, all, err);
}

/* find_remote - @ret: its descriptor; the document is in the store then */
static int find_remote(const struct source *from, const struct reference *ref, struct pool *pool, struct descriptor *ret, char **ret_text,
		       size_t *ret_len, enum document_kind *ret_kind, struct error *err)
{
	char *digest = pool_alloc(pool, 80), *type = NULL;
	const struct descriptor expected = { .digest = ref->digest };
	int r = fetch(from, "manifests", ref->digest ? ref->digest : ref->tag, ref->digest ? &expected : NULL, pool, digest, &type, err);
	*ret = (struct descriptor) { .digest = digest, .media_type = type };
	if (r == 0)
		r = names_read(from->store, ret, pool, ret_text, ret_len, ret_kind, err);
	if (r < 0)
		return error_wrap(err, "%s", ref->familiar);
	ret->size = (int64_t) *ret_len;
	/* what the registry calls it may have parameters behind it, or be missing */
	bool known = type && strings_have(manifest_media_types, type);
	ret->media_type = known ? type : (char *) (*ret_kind == DOCUMENT_INDEX ? MEDIA_OCI_INDEX : MEDIA_OCI_MANIFEST);
	return 0;
}

int lists_add_remote(const struct store *s, struct list *list, struct session *session, const struct reference *remote,
		     const struct list_platform *p, bool all, struct error *err)
{
	const struct source from = { .store = s, .remote = { .session = session, .fetcher = session_fetcher(session), .ref = remote,
							     .progress = PROGRESS_NONE, .signal_fd = -1 } };
	struct descriptor d;
	enum document_kind kind;
	char *text;
	size_t len;
	int r = find_remote(&from, remote, &list->pool, &d, &text, &len, &kind, err);
	if (r < 0)
		return r;
	return kind == DOCUMENT_INDEX ? add_index(&from, list, text, len, p, all, err) : add_manifest(&from, list, d, p, err);
}

int lists_fetch(const struct store *s, struct session *session, const struct reference *ref, struct pool *pool, char **ret_text,
		size_t *ret_len, struct error *err)
{
	const struct source from = { .store = s, .remote = { .session = session, .fetcher = session_fetcher(session), .ref = ref,
							     .progress = PROGRESS_NONE, .signal_fd = -1 } };
	struct descriptor d;
	enum document_kind kind;
	return find_remote(&from, ref, pool, &d, ret_text, ret_len, &kind, err);
}

/* ---- changing and removing ---- */

static int need_entry(const struct store *s, struct list *list, const char *word, struct descriptor **ret, struct error *err)
{
	struct named named;
	*ret = find_entry(list, word);
	if (!*ret && names_find(s, word, &list->pool, &named, NULL) == 0)
		*ret = find_entry(list, named.descriptor.digest);
	return *ret ? 0 : error_say(err, ENOENT, "the list %s has no image '%s': `carrier manifest inspect %s` shows those it has",
				    list->ref.familiar, word, list->ref.familiar);
}

int lists_annotate(const struct store *s, struct list *list, const char *word, const struct list_platform *p, struct error *err)
{
	struct descriptor *d;
	int r = need_entry(s, list, word, &d, err);
	return r < 0 ? r : say(list, d, p, err);
}

int lists_remove(const struct store *s, struct list *list, const char *word, struct error *err)
{
	struct index_document *index = list->index;
	struct descriptor *d;
	int r = need_entry(s, list, word, &d, err);
	if (r < 0)
		return r;
	size_t at = (size_t) (d - index->manifests);
	memmove(d, d + 1, (index->n_manifests - at - 1) * sizeof *d);
	index->n_manifests--;
	return 0;
}
