#include "pull.h"
#include "chain.h"
#include "cleanup.h"
#include "document_fetch.h"
#include "fs.h"
#include "layers.h"
#include "origin.h"
#include "unfinished.h"
#include <poll.h>
#include <string.h>
#include <sys/stat.h>

struct found_manifest {
	char digest[80], named[80];	/* named: of what the tag leads to, an index perhaps */
	char *media_type;
	const char *variant;		/* as the index says, or NULL */
	struct manifest_document *document;
	int64_t size;
};

static int get_manifest(const struct store *s, const struct layers_source *source, const char *what, const char *digest,
			struct pool *pool, char ret_digest[80], char **text, size_t *len, enum document_kind *kind, struct error *err)
{
	char *type = NULL;
	int r = document_fetch(s, source, "manifests", what, digest, 0, manifest_media_types, pool, ret_digest, &type, err);
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
	snprintf(ret->named, sizeof ret->named, "%s", ret->digest);
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
		ret->variant = chosen->platform ? chosen->platform->variant : NULL;
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
	int r = document_fetch(s, source, "blobs", d->digest, d->digest, d->size, NULL, pool, digest, NULL, err);
	if (r == 0)
		r = store_read_blob(s, d->digest, &text, &len, err);
	if (r == 0)
		r = json_decode(&image_config_type, text, len, pool, ret, err);
	return r < 0 ? error_wrap(err, "image config") : 0;
}

/* check_kind - artifacts share the registries and the manifests of images */
static int check_kind(const struct manifest_document *m, struct error *err)
{
	const char *config = m->config.media_type;
	bool image = !config || strcmp(config, MEDIA_OCI_CONFIG) == 0 || strcmp(config, MEDIA_DOCKER_CONFIG) == 0;
	const char *type = m->artifact_type && *m->artifact_type ? m->artifact_type : config;
	if (image && str_empty(m->artifact_type))
		return 0;
	return error_say(err, ENOTSUP, "this is not an image but an artifact of type '%.100s': oras and skopeo can fetch those", type);
}

/* keep_mark - what is verified of the image is worth keeping when there is some, and another try may succeed */
static bool keep_mark(const struct store *s, const struct manifest_document *m, int r)
{
	if (!layers_may_go_on(r) && r != -ENOSPC && r != -EDQUOT)
		return false;
	for (size_t i = 0; i < m->n_layers; i++)
		if (store_has_blob(s, m->layers[i].digest))
			return true;
	return false;
}

static int get_layers(const struct store *s, const struct layers_source *source, const struct found_manifest *found,
		      const struct image_config *config, struct error *err)
{
	const struct manifest_document *m = found->document;
	int r = unfinished_begin(s, found->digest, err);
	if (r == 0)
		r = layers_get(s, m, config, source, err);
	if (r == 0)
		r = chain_settle(s, m->config.digest, config->rootfs.diff_ids, err);
	if (r == 0) {
		cleanup_free char *repository = xasprintf("%s/%s", source->ref->registry, source->ref->path);
		origin_set(s, found->digest, repository);
		const struct descriptor d = { .media_type = found->media_type, .digest = (char *) (uintptr_t) found->digest, .size = found->size };
		r = store_name(s, &d, source->ref->name, err);
	}
	if (r == 0 || !keep_mark(s, m, r))
		unfinished_end(s, found->digest);
	return r;
}

/* previous - the manifest that the name led to before, or NULL; caller frees */
static char *previous(const struct store *s, const struct reference *ref)
{
	struct image image cleanup_image = { 0 };
	return store_find(s, ref->name, &image, NULL) == 0 ? xstrdup(image.manifest_digest) : NULL;
}

static int pull(const struct store *s, const struct layers_source *source, const struct pull_options *o, struct pool *pool,
		struct error *err)
{
	struct found_manifest found = { .document = NULL };
	struct image_config *config;
	cleanup_free char *before = previous(s, source->ref);
	int r = find_manifest(s, source, o->platform, pool, &found, err);
	if (r == 0)
		r = check_kind(found.document, err);
	if (r == 0)
		r = get_config(s, source, &found.document->config, pool, &config, err);
	if (r == 0)
		r = config_platform(config, o->platform, found.variant, err);
	if (r == 0)
		r = get_layers(s, source, &found, config, err);
	if (r < 0)
		return r;
	bool same = before && strcmp(before, found.digest) == 0;
	progress_note(o->progress, "Digest: %s", found.named);
	progress_note(o->progress, "Status: %s for %s", same ? "Image is up to date" : "Downloaded newer image", source->ref->familiar);
	return 0;
}

/* attempt - with a fetcher of its own: one that failed may have failed for good */
static int attempt(const struct store *s, struct session *session, const struct reference *ref, const struct pull_options *o, int signal_fd,
		   struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	int r = session_start(session, err);
	const struct layers_source source = { .session = session, .fetcher = session_fetcher(session), .ref = ref, .progress = o->progress,
					      .signal_fd = signal_fd };
	if (r == 0)
		r = pull(s, &source, o, &pool, err);
	session_stop(session);
	return r;
}

static int attempts(const struct store *s, struct session *session, const struct reference *ref, const struct pull_options *o,
		    int signal_fd, struct error *err)
{
	for (int64_t tries = 0;; tries++) {
		struct error why = { 0 };
		int r = attempt(s, session, ref, o, signal_fd, &why);
		if (r == 0)
			return 0;
		/* who is denied now is denied then */
		if (tries >= o->retries || r == -EINTR || r == -EACCES || !layers_may_go_on(r)) {
			if (err)
				*err = why;
			return r;
		}
		progress_note(o->progress, "%s; trying again in %lld s", why.text, (long long) o->retry_delay_ms / 1000);
		struct pollfd p = { .fd = signal_fd, .events = POLLIN };
		if (poll(&p, 1, (int) o->retry_delay_ms) > 0)
			return layers_interrupted(signal_fd, err);
	}
}

int pull_image(const struct store *s, struct session *session, const struct reference *ref, const struct pull_options *o,
	       struct image *ret, struct error *err)
{
	cleanup_close int hold = store_hold(s, err);
	sigset_t was;
	cleanup_close int signal_fd = hold < 0 ? hold : layers_signals(&was, err);
	if (signal_fd < 0)
		return signal_fd;
	int r = attempts(s, session, ref, o, signal_fd, err);
	if (r < 0) {
		close_fd(&hold);
		(void) store_collect(s, NULL);	/* documents and layers that nothing names; a second Ctrl-C waits for that */
	}
	sigprocmask(SIG_SETMASK, &was, NULL);
	if (r < 0)
		return r == -EINTR ? r : error_wrap(err, "pull %s", ref->familiar);
	return store_find(s, ref->name, ret, err);
}

int pull_complete(const struct store *s, const struct image *image, enum progress_mode progress, struct error *err)
{
	char **diff_ids = image->config->rootfs.diff_ids;
	bool missing = false;
	for (size_t i = 0; diff_ids && diff_ids[i]; i++)
		missing = missing || !store_has_layer(s, diff_ids[i]);
	const struct layers_source source = { .progress = progress, .signal_fd = -1 };
	int r = 0;
	if (missing) {
		cleanup_close int hold = store_hold(s, err);
		r = hold < 0 ? hold : layers_get(s, image->manifest, image->config, &source, err);
	}
	if (r == 0)
		r = chain_settle(s, image->config_digest, diff_ids, err);
	return r < 0 ? error_wrap(err, "unpack image %s again", image->config_digest) : 0;
}
