#include "push.h"
#include "cleanup.h"
#include "layers.h"
#include "origin.h"
#include "progress.h"
#include <poll.h>
#include <string.h>
#include <sys/signalfd.h>

enum { AT_ONCE = 8, ITEMS_MAX = 4096 };
enum phase { PHASE_BLOBS, PHASE_LISTED, PHASE_NAMED, PHASES };

/* One blob or document on its way. */
struct item {
	enum phase phase;
	const struct descriptor *d;
	const char *from;		/* repository of the registry that may have the blob, or NULL */
	bool begun, ended;
};

struct push {
	const struct store *store;
	const struct reference *to;
	struct session *session;
	int signal_fd;
	struct pool pool;
	struct item *items;
	size_t n_items, running;
	struct image *images;		/* all of the store: where blobs may be mounted from */
	size_t n_images;
	struct progress progress;
};

/* ---- what is to be pushed ---- */

static int add_item(struct push *p, enum phase phase, const struct descriptor *d, const char *from, struct error *err)
{
	int r = digest_check(d->digest, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < p->n_items; i++)
		if (p->items[i].phase == phase && strcmp(p->items[i].d->digest, d->digest) == 0)
			return 0;
	if (p->n_items == ITEMS_MAX)
		return error_say(err, E2BIG, "it consists of more than %d blobs", ITEMS_MAX);
	p->items = xreallocarray(p->items, p->n_items + 1, sizeof *p->items);
	p->items[p->n_items++] = (struct item) { .phase = phase, .d = d, .from = from };
	return 0;
}

/* elsewhere - the path of the repository @name, where that is another one of the registry we push to; else NULL */
static const char *elsewhere(struct push *p, const char *name)
{
	struct reference ref;
	if (!name || reference_parse(name, &p->pool, &ref, NULL) < 0 || strcmp(ref.registry, p->to->registry) != 0)
		return NULL;
	return strcmp(ref.path, p->to->path) != 0 ? ref.path : NULL;
}

static int add_manifest(struct push *p, enum phase phase, const struct descriptor *d, struct error *err)
{
	struct manifest_document *m;
	enum document_kind kind;
	char *text;
	size_t len;
	int r = names_read(p->store, d, &p->pool, &text, &len, &kind, err);
	if (r == 0 && kind != DOCUMENT_MANIFEST)
		r = error_say(err, ENOTSUP, "%s is a list within a list, which is not supported", d->digest);
	if (r == 0)
		r = json_decode(&manifest_type, text, len, &p->pool, &m, err);
	if (r < 0)
		return r;
	cleanup_free char *origin = origin_get(p->store, d->digest);
	const char *from = elsewhere(p, origin);
	for (size_t i = 0; r == 0 && i < m->n_layers; i++)
		r = add_item(p, PHASE_BLOBS, &m->layers[i], from, err);
	if (r == 0)
		r = add_item(p, PHASE_BLOBS, &m->config, from, err);
	return r < 0 ? r : add_item(p, phase, d, NULL, err);
}

static int add_index(struct push *p, const struct descriptor *d, bool index_only, struct error *err)
{
	struct index_document *index;
	enum document_kind kind;
	char *text;
	size_t len;
	int r = names_read(p->store, d, &p->pool, &text, &len, &kind, err);
	if (r == 0)
		r = json_decode(&index_type, text, len, &p->pool, &index, err);
	for (size_t i = 0; r == 0 && !index_only && i < index->n_manifests; i++) {
		const struct descriptor *m = &index->manifests[i];
		/* one that was added from a registry is not here: it has to be there */
		if (store_has_blob(p->store, m->digest))
			r = add_manifest(p, PHASE_LISTED, m, err);
		else
			r = add_item(p, PHASE_LISTED, m, NULL, err);
	}
	return r < 0 ? r : add_item(p, PHASE_NAMED, d, NULL, err);
}

/* repository_with - of the registry we push to, another one that the store's names say has the blob */
static const char *repository_with(struct push *p, const char *digest)
{
	for (size_t i = 0; i < p->n_images; i++) {
		const struct image *image = &p->images[i];
		bool has = strcmp(image->config_digest, digest) == 0;
		for (size_t k = 0; k < image->manifest->n_layers; k++)
			has = has || strcmp(image->manifest->layers[k].digest, digest) == 0;
		for (size_t k = 0; has && k < image->names.n; k++) {
			const char *path = elsewhere(p, image->names.v[k]);
			if (path)
				return path;
		}
	}
	return NULL;
}

/* ---- on its way ---- */

static int request_blob(struct push *p, size_t id, struct error *err)
{
	struct item *item = &p->items[id];
	cleanup_close int fd = -1;
	if (store_has_blob(p->store, item->d->digest)) {
		fd = store_open_blob(p->store, item->d->digest, err);
		if (fd < 0)
			return fd;
	}
	if (!item->from)
		item->from = repository_with(p, item->d->digest);
	struct fetch_request q = { .id = (int64_t) id, .size = item->d->size, .method = (char *) "UPLOAD", .mount_from = (char *) item->from };
	int r = session_request(p->session, p->to, "blobs", item->d->digest, &q, err);
	if (r < 0)
		return r;
	if (item->from)
		q.scope = pool_printf(&p->pool, "%s repository:%s:pull", q.scope, item->from);
	return fetcher_request(session_fetcher(p->session), &q, fd, err);
}

static int request_document(struct push *p, size_t id, struct error *err)
{
	struct item *item = &p->items[id];
	bool here = store_has_blob(p->store, item->d->digest);
	cleanup_close int fd = here ? store_open_blob(p->store, item->d->digest, err) : -1;
	if (here && fd < 0)
		return fd;
	struct fetch_request q = {
		.id = (int64_t) id, .size = item->d->size, .method = (char *) (here ? "PUT" : "HEAD"),
		.content_type = item->d->media_type, .digest = item->d->digest, .accept = here ? NULL : (char **) (uintptr_t) manifest_media_types,
	};
	const char *name = item->phase == PHASE_NAMED ? p->to->tag : item->d->digest;
	int r = session_request(p->session, p->to, "manifests", name, &q, err);
	return r < 0 ? r : fetcher_request(session_fetcher(p->session), &q, fd, err);
}

static int begin_some(struct push *p, enum phase phase, struct error *err)
{
	for (size_t i = 0; i < p->n_items && p->running < AT_ONCE; i++) {
		struct item *item = &p->items[i];
		if (item->begun || item->phase != phase)
			continue;
		int r = phase == PHASE_BLOBS ? request_blob(p, i, err) : request_document(p, i, err);
		if (r < 0)
			return r;
		item->begun = true;
		p->running++;
		if (phase == PHASE_BLOBS)
			progress_state(&p->progress, i, "pushing");
	}
	return 0;
}

static int failed(const struct push *p, const struct item *item, const struct fetch_report *report, struct error *err)
{
	int code = report->code > 0 ? (int) report->code : EIO;
	if (code == ENOENT && !store_has_blob(p->store, item->d->digest)) {
		if (item->phase == PHASE_BLOBS)
			return error_say(err, ENOENT, "blob %s is not in the store any more, and registry %s has it not: pull the image again, then "
					 "push it", item->d->digest, p->to->registry);
		return error_say(err, ENOENT, "the list's manifest %s is neither in the store nor in registry %s: pull or push that image first",
				 item->d->digest, p->to->registry);
	}
	return error_say(err, code, "%s", report->message);
}

static int on_report(struct push *p, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct fetch_report *report;
	int r = fetcher_read(session_fetcher(p->session), &pool, &report, err);
	if (r < 0)
		return r;
	if (report->id < 0 || (size_t) report->id >= p->n_items)
		return error_say(err, EPROTO, "carrier-fetch reports about a request that was none");
	struct item *item = &p->items[report->id];
	bool blob = item->phase == PHASE_BLOBS;
	if (strcmp(report->kind, "error") == 0)
		return failed(p, item, report, err);
	if (blob)
		p->progress.rows[report->id].now = report->received;
	if (strcmp(report->kind, "done") != 0 || item->ended)
		return 0;
	item->ended = true;
	p->running--;
	if (blob) {
		bool sent = str_eq(report->outcome, "uploaded");
		progress_state(&p->progress, (size_t) report->id, sent ? "done" : str_eq(report->outcome, "mounted") ? "mounted" : "exists");
	}
	return 0;
}

static int interrupted(int signal_fd, struct error *err)
{
	struct signalfd_siginfo info;
	while (read(signal_fd, &info, sizeof info) == sizeof info)
		;	/* one left pending would end us when the mask goes back */
	return error_say(err, EINTR, "interrupted; the name in the registry is what it was");
}

static int run_phase(struct push *p, enum phase phase, struct error *err)
{
	int r = begin_some(p, phase, err);
	while (r == 0 && p->running) {
		struct pollfd fds[2] = { { .fd = p->signal_fd, .events = POLLIN }, { .fd = session_fetcher(p->session)->socket, .events = POLLIN } };
		if (poll(fds, 2, 200) < 0 && errno != EINTR)
			r = error_set(err, errno, "wait for the transfer");
		if (r == 0 && fds[0].revents)
			r = interrupted(p->signal_fd, err);
		if (r == 0 && fds[1].revents)
			r = on_report(p, err);
		progress_draw(&p->progress, false);
		if (r == 0)
			r = begin_some(p, phase, err);
	}
	return r;
}

/* ---- all of it ---- */

static void start_progress(struct push *p, enum progress_mode mode)
{
	size_t n = 0;	/* blobs first: a row's number is its item's */
	while (n < p->n_items && p->items[n].phase == PHASE_BLOBS)
		n++;
	progress_start(&p->progress, n, mode);
	for (size_t i = 0; i < n; i++) {
		snprintf(p->progress.rows[i].name, sizeof p->progress.rows[i].name, "%.12s", digest_hex(p->items[i].d->digest));
		p->progress.rows[i].total = p->items[i].d->size;
		progress_state(&p->progress, i, "waiting");
	}
}

static int by_phase(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	return (int) x->phase - (int) y->phase;
}

static int push_all(struct push *p, const struct named *what, const struct push_options *o, struct error *err)
{
	int r = what->kind == DOCUMENT_INDEX ? add_index(p, &what->descriptor, o->index_only, err)
					     : add_manifest(p, PHASE_NAMED, &what->descriptor, err);
	if (r == 0)
		r = store_list(p->store, &p->images, &p->n_images, err);
	if (r < 0)
		return r;
	qsort(p->items, p->n_items, sizeof *p->items, by_phase);
	start_progress(p, o->progress);
	for (enum phase phase = 0; r == 0 && phase < PHASES; phase++)
		r = run_phase(p, phase, err);
	progress_end(&p->progress, r < 0);
	return r;
}

int push_image(const struct store *s, struct session *session, const struct named *what, const struct reference *to,
	       const struct push_options *o, struct error *err)
{
	cleanup_close int hold = store_hold(s, err);	/* nothing of it is removed meanwhile */
	sigset_t was;
	cleanup_close int signal_fd = layers_signals(&was, err);
	struct push p = { .store = s, .to = to, .session = session, .signal_fd = signal_fd };
	int r = hold < 0 ? hold : signal_fd < 0 ? signal_fd : session_start(session, err);
	if (r == 0)
		r = push_all(&p, what, o, err);
	session_stop(session);
	store_list_free(p.images, p.n_images);
	free(p.items);
	pool_done(&p.pool);
	sigprocmask(SIG_SETMASK, &was, NULL);
	return r < 0 && r != -EINTR ? error_wrap(err, "push %s", to->familiar) : r;
}
