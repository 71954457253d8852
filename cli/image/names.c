#include "names.h"
#include "cleanup.h"
#include <string.h>

int names_read(const struct store *s, const struct descriptor *d, struct pool *pool, char **ret_text, size_t *ret_len,
	       enum document_kind *ret_kind, struct error *err)
{
	cleanup_free char *text = NULL;
	size_t len;
	int r = store_read_blob(s, d->digest, &text, &len, err);
	int kind = r < 0 ? r : document_kind(d->media_type, text, len, err);
	if (kind < 0)
		return error_wrap(err, "manifest %s", d->digest);
	*ret_text = pool_strndup(pool, text, len);
	*ret_len = len;
	*ret_kind = (enum document_kind) kind;
	return 0;
}

/* find_entry - the first entry of @s, or of an additional store, that is @ref, or has @digest */
static bool find_entry(const struct store *s, const struct reference *ref, const char *digest, struct pool *pool, struct descriptor *ret)
{
	struct index_document *index;
	if (store_index(s, pool, &index, NULL) < 0)
		return false;
	for (size_t i = 0; i < index->n_manifests; i++) {
		const struct descriptor *d = &index->manifests[i];
		/* what was pulled by the digest of an index has that in its name */
		if ((ref && str_eq(store_name_of(d), ref->name)) || (digest && strcmp(d->digest, digest) == 0)) {
			*ret = *d;
			return true;
		}
	}
	for (size_t i = 0; i < s->n_others; i++)
		if (find_entry(&s->others[i], ref, digest, pool, ret))
			return true;
	return false;
}

/* whole_name - of a short name that registries.conf has made another registry's of: that of @image which ends so; else none */
static struct reference whole_name(const struct image *image, const struct reference *shortened, struct pool *pool)
{
	struct reference ref;
	cleanup_free char *end = xasprintf("/%s", shortened->familiar ? shortened->familiar : "");
	for (size_t i = 0; shortened->familiar && i < image->names.n; i++)
		if (str_ends(image->names.v[i], end) && reference_parse(image->names.v[i], pool, &ref, NULL) == 0)
			return ref;
	return (struct reference) { 0 };
}

/* find_image - by id, or by a name that store_find() understands */
static int find_image(const struct store *s, const char *word, struct pool *pool, struct named *ret, struct error *err)
{
	struct image image cleanup_image = { 0 };
	int r = store_find(s, word, &image, err);
	if (r < 0)
		return r;
	ret->ref = whole_name(&image, &ret->ref, pool);
	if (find_entry(s, NULL, image.manifest_digest, pool, &ret->descriptor))
		return 0;
	/* the platform's image of a list, which has no entry of its own */
	cleanup_free char *text = NULL;
	size_t len = 0;
	r = store_read_blob(s, image.manifest_digest, &text, &len, err);
	ret->descriptor = (struct descriptor) {
		.digest = pool_strdup(pool, image.manifest_digest), .size = (int64_t) len,
		.media_type = pool_strdup(pool, image.manifest->media_type ? image.manifest->media_type : MEDIA_OCI_MANIFEST),
	};
	return r;
}

int names_find(const struct store *s, const char *word, struct pool *pool, struct named *ret, struct error *err)
{
	struct named n = { 0 };
	char *text;
	size_t len;
	int r = reference_parse(word, pool, &n.ref, NULL);
	if (r < 0 || !find_entry(s, &n.ref, n.ref.digest, pool, &n.descriptor))
		r = find_image(s, word, pool, &n, err);
	if (r == 0)
		r = names_read(s, &n.descriptor, pool, &text, &len, &n.kind, err);
	if (r == 0 && !n.descriptor.media_type)	/* of a layout that another program has written */
		n.descriptor.media_type = (char *) (n.kind == DOCUMENT_INDEX ? MEDIA_OCI_INDEX : MEDIA_OCI_MANIFEST);
	if (r == 0)
		*ret = n;
	return r;
}

int names_parse(const char *word, struct pool *pool, struct reference *ret, struct error *err)
{
	const char *bare = str_after(word, "docker://");
	int r = reference_parse(bare ? bare : word, pool, ret, err);
	if (r == 0 && ret->digest)
		return error_say(err, EINVAL, "'%s': a digest follows from the content, so it cannot be given to it; give a tag", word);
	return r;
}
