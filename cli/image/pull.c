#include "pull.h"
#include "chain.h"
#include "cleanup.h"
#include "fs.h"
#include "layers.h"
#include "origin.h"
#include <string.h>
#include <sys/stat.h>

/* The types that are asked for; both families, docker's and OCI's, single and multi-platform. */
static char *const accepted[] = { (char *) MEDIA_OCI_INDEX, (char *) MEDIA_DOCKER_LIST, (char *) MEDIA_OCI_MANIFEST,
				  (char *) MEDIA_DOCKER_MANIFEST, NULL };

struct found_manifest { char digest[80]; char *media_type; struct manifest_document *document; int64_t size; };

static int get_manifest(const struct store *s, const struct layers_source *source, const char *what, const char *digest,
			struct pool *pool, char ret_digest[80], char **text, size_t *len, enum document_kind *kind, struct error *err)
{
	char *type = NULL;
	int r = layers_document(s, source, "manifests", what, digest, 0, accepted, pool, ret_digest, &type, err);
	if (r == 0)
		r = store_read_blob(s, ret_digest, text, len, err);
	if (r == 0) {
		int k = document_kind(type, *text, *len, err);
		if (k >= 0)
			*kind = (enum document_kind) k;
		r = k < 0 ? k : 0;
	}
	return r;
}

/* find_manifest - by tag or digest, through an index to the platform's */
static int find_manifest(const struct store *s, const struct layers_source *source, const char *platform, struct pool *pool,
			 struct found_manifest *ret, struct error *err)
{
	const struct reference *ref = source->ref;
	cleanup_free char *text = NULL;
	size_t len;
	enum document_kind kind;
	int r = get_manifest(s, source, ref->digest ? ref->digest : ref->tag, ref->digest, pool, ret->digest, &text, &len, &kind, err);
	if (r < 0)
		return r;
	if (kind == DOCUMENT_INDEX) {
		struct index_document *index;
		const struct descriptor *chosen;
		r = json_decode(&index_type, text, len, pool, &index, err);
		if (r == 0)
			r = index_choose(index, platform, &chosen, err);
		if (r == 0)
			r = digest_check(chosen->digest, err);
		if (r < 0)
			return r;
		cleanup_freep(&text);
		text = NULL;
		r = get_manifest(s, source, chosen->digest, chosen->digest, pool, ret->digest, &text, &len, &kind, err);
		if (r < 0)
			return r;
		if (kind == DOCUMENT_INDEX)
			return error_say(err, ENOTSUP, "the image's index leads to a further index, which is not supported");
	}
	ret->size = (int64_t) len;
	r = json_decode(&manifest_type, text, len, pool, &ret->document, err);
	if (r < 0)
		return error_wrap(err, "manifest");
	ret->media_type = ret->document->media_type ? ret->document->media_type : (char *) MEDIA_OCI_MANIFEST;
	return digest_check(ret->document->config.digest, err);
}

static int get_config(const struct store *s, const struct layers_source *source, const struct descriptor *d, struct pool *pool,
		      struct image_config **ret, struct error *err)
{
	char digest[80];
	cleanup_free char *text = NULL;
	size_t len;
	if (d->media_type && strcmp(d->media_type, MEDIA_OCI_CONFIG) != 0 && strcmp(d->media_type, MEDIA_DOCKER_CONFIG) != 0)
		return error_say(err, ENOTSUP, "this is not an image but an artifact of type '%.100s'", d->media_type);
	int r = layers_document(s, source, "blobs", d->digest, d->digest, d->size, NULL, pool, digest, NULL, err);
	if (r == 0)
		r = store_read_blob(s, d->digest, &text, &len, err);
	if (r == 0)
		r = json_decode(&image_config_type, text, len, pool, ret, err);
	return r < 0 ? error_wrap(err, "image config") : 0;
}

static int check_platform(const struct image_config *c, const char *wanted, struct error *err)
{
	struct platform p = { .architecture = c->architecture, .os = c->os, .variant = c->variant };
	struct descriptor d = { .platform = &p };
	const struct index_document one = { .manifests = &d, .n_manifests = 1 };
	const struct descriptor *chosen;
	return index_choose(&one, wanted, &chosen, err);
}

static int pull(const struct store *s, const struct layers_source *source, const struct pull_options *o, struct pool *pool,
		struct error *err)
{
	struct found_manifest found = { .document = NULL };
	struct image_config *config;
	int r = find_manifest(s, source, o->platform, pool, &found, err);
	if (r == 0)
		r = get_config(s, source, &found.document->config, pool, &config, err);
	if (r == 0)
		r = check_platform(config, o->platform, err);
	if (r == 0)
		r = layers_get(s, found.document, config, source, err);
	if (r == 0)
		r = chain_settle(s, found.document->config.digest, config->rootfs.diff_ids, err);
	if (r < 0)
		return r;
	cleanup_free char *repository = xasprintf("%s/%s", source->ref->registry, source->ref->path);
	origin_set(s, found.digest, repository);
	const struct descriptor d = { .media_type = found.media_type, .digest = found.digest, .size = found.size };
	return store_name(s, &d, source->ref->name, err);
}

int pull_image(const struct store *s, struct session *session, const struct reference *ref, const struct pull_options *o,
	       struct image *ret, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	cleanup_close int hold = store_hold(s, err);
	sigset_t was;
	cleanup_close int signal_fd = layers_signals(&was, err);
	int r = hold < 0 ? hold : signal_fd < 0 ? signal_fd : session_start(session, err);
	const struct layers_source source = { .session = session, .fetcher = session_fetcher(session), .ref = ref, .quiet = o->quiet, .signal_fd = signal_fd };
	if (r == 0)
		r = pull(s, &source, o, &pool, err);
	sigprocmask(SIG_SETMASK, &was, NULL);
	session_stop(session);
	if (r < 0) {
		close_fd(&hold);
		(void) store_collect(s, NULL);	/* documents and layers that nothing names */
		return r == -EINTR ? r : error_wrap(err, "pull %s", ref->familiar);
	}
	return store_find(s, ref->name, ret, err);
}

int pull_complete(const struct store *s, const struct image *image, bool quiet, struct error *err)
{
	char **diff_ids = image->config->rootfs.diff_ids;
	bool missing = false;
	for (size_t i = 0; diff_ids && diff_ids[i]; i++)
		missing = missing || !store_has_layer(s, diff_ids[i]);
	const struct layers_source source = { .quiet = quiet, .signal_fd = -1 };
	int r = 0;
	if (missing) {
		cleanup_close int hold = store_hold(s, err);
		r = hold < 0 ? hold : layers_get(s, image->manifest, image->config, &source, err);
	}
	if (r == 0)
		r = chain_settle(s, image->config_digest, diff_ids, err);
	return r < 0 ? error_wrap(err, "unpack image %s again", image->config_digest) : 0;
}
