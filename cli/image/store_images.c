/* The images of a store: read, listed, found by what people call them (store.h). */
#include "cleanup.h"
#include "fs.h"
#include "log.h"
#include "registries.h"
#include "store.h"
#include <string.h>

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

/* find_anywhere - in the store itself first; @err is what it says then */
static int find_anywhere(const struct store *s, const struct reference *ref, struct image *ret, struct error *err)
{
	int r = find_name(s, s, ref, ret, err);
	for (size_t i = 0; r == -ENOENT && i < s->n_others; i++)
		r = find_name(s, &s->others[i], ref, ret, NULL);
	return r;
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
		if (reference_parse(names.v[i], &pool, &ref, NULL) == 0)
			r = find_anywhere(s, &ref, ret, NULL);
	return r;
}

int store_find(const struct store *s, const char *name, struct image *ret, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct reference ref;
	struct error why = { 0 };
	int r = reference_parse(name, &pool, &ref, &why);
	bool is_name = r == 0;
	if (is_name)
		r = find_anywhere(s, &ref, ret, &why);
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
