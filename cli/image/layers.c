#include "layers.h"
#include "../transfer/unpacker.h"
#include "cleanup.h"
#include "fs.h"
#include "log.h"
#include "ownership.h"
#include "progress.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

enum { DOCUMENT_MAX = 4 << 20, PIPE_SIZE = 1 << 20, UNPACK_AT_ONCE = 8 };

/* One layer on its way. */
struct transfer {
	const struct descriptor *layer;
	const char *diff_id;
	enum layer_compression compression;
	char tmp[96];			/* "tmp/HEX" */
	int lock_fd, dir_fd;
	int pipe_fd;			/* the unpacker's input, until it is started */
	struct unpacker unpacker;
	bool stored;			/* the blob is in the store already */
	bool done;
};

struct layers {
	const struct store *store;
	const struct layers_source *source;
	struct transfer *list;
	size_t n, running;
	struct progress progress;
	struct pool pool;
};

int layers_signals(sigset_t *was, struct error *err)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, was);
	int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? error_set(err, errno, "receive signals") : fd;
}

static int interrupted(int signal_fd, struct error *err)
{
	struct signalfd_siginfo info;
	while (read(signal_fd, &info, sizeof info) == sizeof info)
		;	/* one left pending would end us when the mask goes back, before we have cleaned up */
	return error_say(err, EINTR, "interrupted; nothing of this pull is left in the store");
}

/* ---- one layer's place ---- */

static int open_place(struct layers *l, struct transfer *t, struct error *err)
{
	const struct store *s = l->store;
	snprintf(t->tmp, sizeof t->tmp, "tmp/%.64s", digest_hex(t->layer->digest));
	if (mkdirat(s->fd, t->tmp, 0700) < 0 && errno != EEXIST)
		return error_set(err, errno, "create '%s/%s'", s->root, t->tmp);
	t->dir_fd = openat(s->fd, t->tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	t->lock_fd = t->dir_fd < 0 ? -1 : openat(t->dir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int r = t->lock_fd < 0 ? -errno : fs_lock(t->lock_fd, true, true);
	if (r < 0)
		return error_set(err, -r, "lock '%s/%s'", s->root, t->tmp);
	/* whoever had it before has removed it, with the work done */
	if (faccessat(s->fd, t->tmp, F_OK, 0) < 0) {
		close_fd(&t->lock_fd);
		close_fd(&t->dir_fd);
		return -EAGAIN;
	}
	return 0;
}

/* claim - take the layer's lock, then see what is left to do. Locks are taken in the order of the digests: two pulls cannot wait for
 * each other. */
static int claim(struct layers *l, struct transfer *t, size_t row, struct error *err)
{
	int r;
	do
		r = open_place(l, t, err);
	while (r == -EAGAIN);
	if (r < 0)
		return r;
	t->stored = store_has_blob(l->store, t->layer->digest);
	if (store_has_layer(l->store, t->diff_id) && (t->stored || !l->source->fetcher)) {
		t->done = true;
		progress_state(&l->progress, row, "exists");
		return 0;
	}
	(void) fs_remove_tree(t->dir_fd, "layer", NULL);	/* of a pull that was killed */
	(void) unlinkat(t->dir_fd, "blob", 0);
	if (mkdirat(t->dir_fd, "layer", 0700) < 0)
		return error_set(err, errno, "create '%s/%s/layer'", l->store->root, t->tmp);
	return 0;
}

static void release(struct layers *l, struct transfer *t)
{
	unpacker_stop(&t->unpacker);
	close_fd(&t->pipe_fd);
	if (t->dir_fd >= 0 && t->lock_fd >= 0)
		(void) fs_remove_tree(l->store->fd, t->tmp, NULL);
	close_fd(&t->dir_fd);
	close_fd(&t->lock_fd);
}

/* settle_place - verified: blob and layer get their names */
static int put_in_place(struct layers *l, struct transfer *t, struct error *err)
{
	const struct store *s = l->store;
	char name[128];
	snprintf(name, sizeof name, "blobs/sha256/%.64s", digest_hex(t->layer->digest));
	if (!t->stored && renameat(t->dir_fd, "blob", s->fd, name) < 0)
		return error_set(err, errno, "store the blob '%s/%s'", s->root, name);
	return store_put_layer(s, t->dir_fd, "layer", t->diff_id, err);
}

/* ---- starting ---- */

static int request(struct layers *l, struct transfer *t, size_t id, struct error *err)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_set(err, errno, "create a pipe");
	cleanup_close int in = ends[0], out = ends[1];
	(void) fcntl(out, F_SETPIPE_SZ, PIPE_SIZE);	/* fewer switches between the two; refused above a user's quota */
	struct fetch_request q = { .id = (int64_t) id, .size = t->layer->size, .max = t->layer->size };
	int r = session_request(l->source->session, l->source->ref, "blobs", t->layer->digest, &q, err);
	t->pipe_fd = take_fd(in);
	return r < 0 ? r : fetcher_request(l->source->fetcher, &q, out, err);
}

static int start(struct layers *l, struct transfer *t, size_t row, struct error *err)
{
	int r = 0;
	if (t->stored) {
		t->pipe_fd = store_open_blob(l->store, t->layer->digest, err);
		r = t->pipe_fd < 0 ? t->pipe_fd : 0;
	} else {
		r = request(l, t, row, err);
	}
	cleanup_close int layer_fd = r < 0 ? -1 : openat(t->dir_fd, "layer", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r < 0 || layer_fd < 0)
		return r < 0 ? r : error_set(err, errno, "open '%s/%s/layer'", l->store->root, t->tmp);
	const struct unpack_job job = {
		.input_fd = t->pipe_fd, .blob_dir_fd = t->stored ? -1 : t->dir_fd, .blob_name = "blob", .layer_dir_fd = layer_fd,
		.digest = t->layer->digest, .diff_id = t->diff_id, .size = t->layer->size, .compression = t->compression,
	};
	r = unpacker_start(&job, &t->unpacker, err);
	close_fd(&t->pipe_fd);
	if (r == 0) {
		l->running++;
		progress_state(&l->progress, row, "pulling");
	}
	return r;
}

static int start_some(struct layers *l, struct error *err)
{
	for (size_t i = 0; i < l->n && l->running < UNPACK_AT_ONCE; i++) {
		struct transfer *t = &l->list[i];
		if (t->done || t->unpacker.pid > 0)
			continue;
		int r = start(l, t, i, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- running ---- */

static int on_fetch_report(struct layers *l, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct fetch_report *report;
	int r = fetcher_read(l->source->fetcher, &pool, &report, err);
	if (r < 0 || strcmp(report->kind, "error") != 0)
		return r < 0 ? r : 0;
	if (report->code == EPIPE)
		return 0;	/* the unpacker has given up: it says why */
	return error_say(err, report->code > 0 ? (int) report->code : EIO, "%s", report->message);
}

static int on_unpack_report(struct layers *l, size_t row, struct error *err)
{
	struct transfer *t = &l->list[row];
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct unpack_report *report;
	int r = unpacker_read(&t->unpacker, &pool, &report, err);
	if (r <= 0)
		return r < 0 ? error_wrap(err, "layer %.19s", t->layer->digest) : 0;
	l->progress.rows[row].now = report->size;
	if (strcmp(report->kind, "done") != 0)
		return 0;
	log_debug("layer %s: hash %lld us, inflate %lld us, write %lld us", t->layer->digest, (long long) report->hash_us,
		  (long long) report->inflate_us, (long long) report->write_us);
	r = put_in_place(l, t, err);
	t->done = true;
	l->running--;
	progress_state(&l->progress, row, "done");
	release(l, t);
	return r;
}

/* An error that the unpacker reports is often only the consequence of one that the fetcher is about to report: a stream that broke off. */
static int prefer_fetch_error(struct layers *l, int r, struct error *err)
{
	struct error why = { 0 };
	if (!l->source->fetcher)
		return r;
	struct pollfd p = { .fd = l->source->fetcher->socket, .events = POLLIN };
	while (poll(&p, 1, 50) > 0) {
		int f = on_fetch_report(l, &why);
		if (f < 0) {
			if (f != -EPIPE && err) {
				*err = why;
				return f;
			}
			break;
		}
	}
	return r;
}

static int run(struct layers *l, struct error *err)
{
	struct pollfd *p = xcalloc(l->n + 2, sizeof *p);
	int r = start_some(l, err);
	while (r == 0 && l->running) {
		p[0] = (struct pollfd) { .fd = l->source->signal_fd, .events = POLLIN };
		p[1] = (struct pollfd) { .fd = l->source->fetcher ? l->source->fetcher->socket : -1, .events = POLLIN };
		for (size_t i = 0; i < l->n; i++)
			p[i + 2] = (struct pollfd) { .fd = l->list[i].unpacker.report_fd, .events = POLLIN };
		if (poll(p, l->n + 2, 200) < 0 && errno != EINTR)
			r = error_set(err, errno, "wait for the transfer");
		if (p[0].revents)
			r = interrupted(l->source->signal_fd, err);
		if (r == 0 && p[1].revents)
			r = on_fetch_report(l, err);
		for (size_t i = 0; r == 0 && i < l->n; i++)
			if (p[i + 2].fd >= 0 && p[i + 2].revents) {
				r = on_unpack_report(l, i, err);
				if (r < 0)
					r = prefer_fetch_error(l, r, err);
			}
		progress_draw(&l->progress, false);
		if (r == 0)
			r = start_some(l, err);
	}
	free(p);
	return r;
}

/* ---- all of them ---- */

static int by_digest(const void *a, const void *b)
{
	const struct transfer *x = a, *y = b;
	return strcmp(x->layer->digest, y->layer->digest);
}

/* list_transfers - each different layer once: images with the same (empty) layer several times are common */
static int list_transfers(struct layers *l, const struct manifest_document *m, const struct image_config *config, struct error *err)
{
	size_t n = strings_count(config->rootfs.diff_ids);
	if (n != m->n_layers)
		return error_say(err, EINVAL, "the image's config names %zu layers and its manifest %zu", n, m->n_layers);
	l->list = xcalloc(n, sizeof *l->list);
	for (size_t i = 0; i < n; i++) {
		struct transfer t = { .layer = &m->layers[i], .diff_id = config->rootfs.diff_ids[i], .lock_fd = -1, .dir_fd = -1,
				      .pipe_fd = -1, .unpacker = UNPACKER_INIT };
		int r = digest_check(t.layer->digest, err);
		if (r == 0)
			r = digest_check(t.diff_id, err);
		if (r == 0)
			r = layer_media_type(t.layer->media_type, &t.compression, err);
		if (r == 0 && t.layer->size < 0)
			r = error_say(err, EINVAL, "the size of layer %s is negative", t.layer->digest);
		if (r < 0)
			return r;
		bool seen = false;
		for (size_t k = 0; k < l->n; k++)
			seen = seen || strcmp(l->list[k].layer->digest, t.layer->digest) == 0;
		if (!seen)
			l->list[l->n++] = t;
	}
	qsort(l->list, l->n, sizeof *l->list, by_digest);
	return 0;
}

int layers_get(const struct store *s, const struct manifest_document *manifest, const struct image_config *config,
	       const struct layers_source *source, struct error *err)
{
	struct layers l = { .store = s, .source = source };
	int r = ownership_note(s, err);
	if (r == 0)
		r = ownership_refresh(s, config->rootfs.diff_ids, err);
	if (r >= 0)
		r = list_transfers(&l, manifest, config, err);
	progress_start(&l.progress, l.n, source->quiet);
	for (size_t i = 0; i < l.n; i++) {
		snprintf(l.progress.rows[i].name, sizeof l.progress.rows[i].name, "%.12s", digest_hex(l.list[i].layer->digest));
		l.progress.rows[i].total = l.list[i].layer->size;
		progress_state(&l.progress, i, "waiting");
	}
	for (size_t i = 0; r == 0 && i < l.n; i++)
		r = claim(&l, &l.list[i], i, err);
	if (r == 0)
		r = run(&l, err);
	for (size_t i = 0; i < l.n; i++)
		release(&l, &l.list[i]);
	if (r < 0)
		l.progress.quiet = true;	/* no last picture of what failed */
	progress_end(&l.progress);
	free(l.list);
	pool_done(&l.pool);
	return r;
}

/* ---- documents ---- */

static int fetch_to_memory(const struct layers_source *source, const char *kind, const char *what, int64_t size, char *const *accept,
			   struct pool *pool, struct fetch_report *response, struct error *err)
{
	cleanup_close int fd = memfd_create("document", MFD_CLOEXEC);
	if (fd < 0)
		return error_set(err, errno, "make room for a document");
	struct fetch_request q = { .accept = (char **) accept, .size = size, .max = DOCUMENT_MAX };
	int r = session_request(source->session, source->ref, kind, what, &q, err);
	if (r == 0)
		r = fetcher_request(source->fetcher, &q, fd, err);
	while (r >= 0) {
		struct fetch_report *report;
		struct pollfd p[2] = { { .fd = source->signal_fd, .events = POLLIN }, { .fd = source->fetcher->socket, .events = POLLIN } };
		(void) poll(p, 2, -1);
		if (p[0].revents)
			return interrupted(source->signal_fd, err);
		r = fetcher_read(source->fetcher, pool, &report, err);
		if (r < 0)
			break;
		if (strcmp(report->kind, "response") == 0)
			*response = *report;
		else if (strcmp(report->kind, "error") == 0)
			return error_say(err, report->code > 0 ? (int) report->code : EIO, "%s", report->message);
		else if (strcmp(report->kind, "done") == 0)
			return lseek(fd, 0, SEEK_SET) < 0 ? error_set(err, errno, "read a document") : take_fd(fd);
	}
	return r;
}

int layers_document(const struct store *s, const struct layers_source *source, const char *kind, const char *what, const char *digest,
		    int64_t size, char *const *accept, struct pool *pool, char ret_digest[80], char **ret_type, struct error *err)
{
	if (digest && store_has_blob(s, digest) && !ret_type) {
		snprintf(ret_digest, 80, "%s", digest);
		return 0;
	}
	struct fetch_report response = { 0 };
	cleanup_close int body = fetch_to_memory(source, kind, what, size, accept, pool, &response, err);
	if (body < 0)
		return body;
	/* a directory of its own: the unpacker can write all that is in it, and tmp/ has what other pulls work on */
	char name[64], final[128];
	snprintf(name, sizeof name, "tmp/document-%d-%d", getpid(), body);
	if (mkdirat(s->fd, name, 0700) < 0 && errno != EEXIST)
		return error_set(err, errno, "create '%s/%s'", s->root, name);
	cleanup_close int dir = openat(s->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	const struct unpack_job job = { .input_fd = body, .blob_dir_fd = dir, .blob_name = "blob", .layer_dir_fd = -1, .digest = digest,
					.size = size };
	int r = dir < 0 ? error_set(err, errno, "open '%s/%s'", s->root, name) : unpack_document(&job, ret_digest, err);
	if (r == 0) {
		snprintf(final, sizeof final, "blobs/sha256/%.64s", digest_hex(ret_digest));
		/* one that is there has the same content */
		if (!store_has_blob(s, ret_digest) && renameat(dir, "blob", s->fd, final) < 0)
			r = error_set(err, errno, "store '%s/%s'", s->root, final);
	}
	(void) fs_remove_tree(s->fd, name, NULL);
	if (ret_type)
		*ret_type = response.content_type;
	return r;
}
