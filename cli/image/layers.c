#include "layers.h"
#include "../transfer/unpacker.h"
#include "cleanup.h"
#include "fs.h"
#include "layer_place.h"
#include "log.h"
#include "ownership.h"
#include "proc.h"
#include "progress.h"
#include "room.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>

/* UNPACK_AT_ONCE: what bounds the memory of a pull, whatever the image. Each costs 2 MB, and 10 MB where zstd has its largest window; with
 * carrier-fetch all of them are to stay below 64 MiB. */
enum { PIPE_SIZE = 1 << 20, UNPACK_AT_ONCE = 5, LOOK_AGAIN_MS = 100, DRAW_MS = 200 };

/* One layer on its way. */
struct transfer {
	const struct descriptor *layer;
	const char *diff_id;
	struct layer_place place;
	int pipe_fd;			/* the unpacker's input, until it is started */
	int64_t request;		/* the fetcher's id of it; 0: nothing is asked for */
	struct unpacker unpacker;
	bool stored;			/* the blob is in the store already */
	bool done;
};

struct layers {
	const struct store *store;
	const struct layers_source *source;
	struct transfer *list;
	size_t n, running, left;
	int64_t requests;
	struct progress progress;
	struct unpack_report spent;	/* summed over the layers: bytes and microseconds */
	size_t unpacked;
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

int layers_interrupted(int signal_fd, struct error *err)
{
	struct signalfd_siginfo info;
	while (read(signal_fd, &info, sizeof info) == sizeof info)
		;	/* one left pending would end us when the mask goes back, before we have cleaned up */
	return error_say(err, EINTR, "interrupted; what has arrived is kept for %d days, and the next pull goes on from there",
			 UNFINISHED_KEPT_S / 86400);
}

bool layers_may_go_on(int r)
{
	static const int codes[] = { EINTR, EIO, ENODATA, EPIPE, ETIMEDOUT, ECONNREFUSED, ECONNRESET, ECONNABORTED, EHOSTUNREACH,
				     ENETUNREACH, ENETDOWN, EBUSY, EREMOTEIO, EACCES };
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		if (r == -codes[i])
			return true;
	return false;
}

/* ---- one layer ---- */

/* is_there - nothing is left to do: unpacked, and, where it can be fetched, kept as a blob, too */
static bool is_there(const struct layers *l, struct transfer *t)
{
	t->stored = store_has_blob(l->store, t->layer->digest);
	return (t->stored || !l->source->fetcher) && store_has_layer(l->store, t->diff_id);
}

static void finish(struct layers *l, struct transfer *t, const char *state)
{
	t->done = true;
	l->left--;
	progress_state(&l->progress, (size_t) (t - l->list), state);
}

/* stop - whatever is under way for it; the part of the blob that is on disk stays there */
static void stop(struct layers *l, struct transfer *t)
{
	if (t->unpacker.pid > 0)
		l->running--;
	unpacker_stop(&t->unpacker);
	close_fd(&t->pipe_fd);
	t->request = 0;
}

static int request(struct layers *l, struct transfer *t, struct error *err)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_set(err, errno, "create a pipe");
	cleanup_close int in = ends[0], out = ends[1];
	(void) fcntl(out, F_SETPIPE_SZ, PIPE_SIZE);	/* fewer switches between the two; refused above a user's quota */
	t->pipe_fd = take_fd(in);
	if (t->place.kept == t->layer->size)
		return 0;	/* all of it had come, and nobody had verified it: the pipe's end is the end */
	t->request = ++l->requests;
	struct fetch_request q = { .id = t->request, .offset = t->place.kept, .size = t->layer->size, .max = t->layer->size };
	int r = session_request(l->source->session, l->source->ref, "blobs", t->layer->digest, &q, err);
	return r < 0 ? r : fetcher_request(l->source->fetcher, &q, out, err);
}

static void show_start(struct layers *l, const struct transfer *t)
{
	struct progress_row *row = &l->progress.rows[t - l->list];
	row->from = row->now = t->place.kept;
	progress_state(&l->progress, (size_t) (t - l->list), t->stored ? "unpacking" : t->place.kept ? "resuming" : "pulling");
}

/* start - in a place that is ours */
static int start(struct layers *l, struct transfer *t, struct error *err)
{
	int r = layer_place_prepare(l->store, &t->place, t->layer->size, err);
	if (r == 0 && t->stored) {
		t->pipe_fd = store_open_blob(l->store, t->layer->digest, err);
		r = t->pipe_fd < 0 ? t->pipe_fd : 0;
	} else if (r == 0 && !l->source->fetcher) {
		r = error_say(err, ENOENT, "layer %s is neither unpacked nor kept as a blob: pull the image again", t->layer->digest);
	} else if (r == 0) {
		r = request(l, t, err);
	}
	cleanup_close int layer_fd = r < 0 ? -1 : openat(t->place.dir_fd, "layer", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r < 0 || layer_fd < 0)
		return r < 0 ? r : error_set(err, errno, "open '%s/%s/layer'", l->store->root, t->place.name);
	/* LAYER_UNKNOWN: by the first bytes, as docker does; images whose media type is wrong there are common, and what counts is verified */
	const struct unpack_job job = {
		.input_fd = t->pipe_fd, .blob_dir_fd = t->stored ? -1 : t->place.dir_fd, .blob_name = "blob", .layer_dir_fd = layer_fd,
		.digest = t->layer->digest, .diff_id = t->diff_id, .size = t->layer->size, .compression = LAYER_UNKNOWN,
		.may_resume = !t->stored, .kept = t->place.kept,
	};
	r = unpacker_start(&job, &t->unpacker, err);
	close_fd(&t->pipe_fd);
	if (r == 0) {
		l->running++;
		show_start(l, t);
	}
	return r;
}

/* begin - unless another pull is at it: then we look again later. Nobody waits while holding what others wait for. */
static int begin(struct layers *l, struct transfer *t, struct error *err)
{
	if (is_there(l, t)) {
		finish(l, t, "exists");
		return 0;
	}
	int r = layer_place_claim(l->store, t->layer->digest, &t->place, err);
	if (r < 0)
		return r;
	if (r == 0) {
		progress_state(&l->progress, (size_t) (t - l->list), "waiting for another pull");
		return 0;
	}
	if (is_there(l, t)) {
		layer_place_release(l->store, &t->place, false);
		finish(l, t, "exists");
		return 0;
	}
	return start(l, t, err);
}

static int begin_some(struct layers *l, struct error *err)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < l->n && l->running < UNPACK_AT_ONCE; i++)
		if (!l->list[i].done && l->list[i].unpacker.pid <= 0)
			r = begin(l, &l->list[i], err);
	return r;
}

/* ---- running ---- */

static int on_fetch_report(struct layers *l, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct fetch_report *report;
	int r = fetcher_read(l->source->fetcher, &pool, &report, err);
	if (r < 0 || strcmp(report->kind, "error") != 0)
		return r < 0 ? r : 0;
	bool wanted = false;
	for (size_t i = 0; i < l->n; i++)
		wanted = wanted || (l->list[i].request == report->id && !l->list[i].done);
	if (!wanted || report->code == EPIPE)
		return 0;	/* the unpacker has given up: it says why */
	return error_say(err, report->code > 0 ? (int) report->code : EIO, "%s", report->message);
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

/* on_failure - what was kept of it may have been the fault: then all of it is fetched, once */
static int on_failure(struct layers *l, struct transfer *t, int r, struct error *err)
{
	struct error why = { 0 };
	bool full = r == -ENOSPC || r == -EDQUOT || r == -ENOMEM;
	if (t->place.kept == 0 || full || layers_may_go_on(r)) {
		error_wrap(err, "layer %.19s", t->layer->digest);
		return prefer_fetch_error(l, r, err);
	}
	log_info("what was kept of layer %s is damaged: it is fetched again", t->layer->digest);
	stop(l, t);
	layer_place_drop(&t->place);
	r = start(l, t, &why);
	if (r < 0 && err)
		*err = why;
	return r;
}

static void add_times(struct layers *l, const struct unpack_report *r)
{
	l->unpacked++;
	l->spent.size += r->size;
	l->spent.receive_us += r->receive_us;
	l->spent.hash_us += r->hash_us;
	l->spent.inflate_us += r->inflate_us;
	l->spent.write_us += r->write_us;
}

static int on_unpack_report(struct layers *l, struct transfer *t, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct unpack_report *report;
	int r = unpacker_read(&t->unpacker, &pool, &report, err);
	if (r < 0)
		return on_failure(l, t, r, err);
	if (r == 0)
		return 0;
	l->progress.rows[t - l->list].now = report->size;
	if (strcmp(report->kind, "done") != 0)
		return 0;
	add_times(l, report);
	if (report->message)
		log_info("layer %s: %s", t->layer->digest, report->message);
	r = layer_place_settle(l->store, &t->place, t->stored ? NULL : t->layer->digest, t->diff_id, err);
	if (r < 0)
		return r;
	stop(l, t);
	layer_place_release(l->store, &t->place, false);
	finish(l, t, "done");
	return 0;
}

/* turn - wait for something, and see to it */
static int turn(struct layers *l, struct pollfd *p, struct error *err)
{
	p[0] = (struct pollfd) { .fd = l->source->signal_fd, .events = POLLIN };
	p[1] = (struct pollfd) { .fd = l->source->fetcher ? l->source->fetcher->socket : -1, .events = POLLIN };
	for (size_t i = 0; i < l->n; i++)
		p[i + 2] = (struct pollfd) { .fd = l->list[i].unpacker.report_fd, .events = POLLIN };
	bool others = l->running < l->left && l->running < UNPACK_AT_ONCE;
	if (poll(p, l->n + 2, others ? LOOK_AGAIN_MS : DRAW_MS) < 0 && errno != EINTR)
		return error_set(err, errno, "wait for the transfer");
	if (p[0].revents)
		return layers_interrupted(l->source->signal_fd, err);
	int r = p[1].revents ? on_fetch_report(l, err) : 0;
	for (size_t i = 0; r == 0 && i < l->n; i++)
		if (p[i + 2].fd >= 0 && p[i + 2].revents)
			r = on_unpack_report(l, &l->list[i], err);
	progress_draw(&l->progress, false);
	return r;
}

static int run(struct layers *l, struct error *err)
{
	struct pollfd *p = xcalloc(l->n + 2, sizeof *p);
	int r = begin_some(l, err);
	while (r == 0 && l->left) {
		r = turn(l, p, err);
		if (r == 0)
			r = begin_some(l, err);
	}
	free(p);
	return r;
}

/* ---- all of them ---- */

static int check_layer(const struct transfer *t, struct error *err)
{
	enum layer_compression compression;
	int r = digest_check(t->layer->digest, err);
	if (r == 0)
		r = digest_check(t->diff_id, err);
	if (r == 0)
		r = layer_media_type(t->layer->media_type, &compression, err);
	if (r == 0 && t->layer->size <= 0)
		r = error_say(err, EINVAL, "the size of layer %s is %lld bytes, which no layer can have", t->layer->digest,
			      (long long) t->layer->size);
	return r;
}

/* list_transfers - each different layer once: images with the same (empty) layer several times are common */
static int list_transfers(struct layers *l, const struct manifest_document *m, const struct image_config *config, struct error *err)
{
	size_t n = strings_count(config->rootfs.diff_ids);
	if (n != m->n_layers)
		return error_say(err, EINVAL, "the image's config names %zu layers and its manifest %zu", n, m->n_layers);
	l->list = xcalloc(n, sizeof *l->list);
	for (size_t i = 0; i < n; i++) {
		struct transfer t = { .layer = &m->layers[i], .diff_id = config->rootfs.diff_ids[i], .place = LAYER_PLACE_NONE,
				      .pipe_fd = -1, .unpacker = UNPACKER_INIT };
		int r = check_layer(&t, err);
		if (r < 0)
			return r;
		bool seen = false;
		for (size_t k = 0; k < l->n; k++) {
			if (strcmp(l->list[k].layer->digest, t.layer->digest) != 0)
				continue;
			seen = true;
			if (strcmp(l->list[k].diff_id, t.diff_id) != 0)
				return error_say(err, EINVAL, "the image's config has two diff_ids for one layer, %s", t.layer->digest);
		}
		if (!seen)
			l->list[l->n++] = t;
	}
	l->left = l->n;
	return 0;
}

/* check_room - for what is not there yet; what is unpacked is hardly ever smaller than what was fetched */
static int check_room(struct layers *l, struct error *err)
{
	int64_t fetch = 0, unpack = 0;
	for (size_t i = 0; i < l->n; i++) {
		struct transfer *t = &l->list[i];
		if (is_there(l, t))
			continue;
		if (!t->stored)
			fetch += t->layer->size - layer_place_kept(l->store, t->layer->digest, t->layer->size);
		if (!store_has_layer(l->store, t->diff_id))
			unpack += t->layer->size;
	}
	return room_check(l->store, fetch, unpack, err);
}

static void show_all(struct layers *l)
{
	progress_start(&l->progress, l->n, l->source->progress);
	for (size_t i = 0; i < l->n; i++) {
		struct progress_row *row = &l->progress.rows[i];
		snprintf(row->name, sizeof row->name, "%.12s", digest_hex(l->list[i].layer->digest));
		row->total = l->list[i].layer->size;
		progress_state(&l->progress, i, "waiting");
	}
}

/* say_times - one line for who measures (tests/bench reads it) */
static void say_times(const struct layers *l, int64_t began_ms)
{
	char size[16];
	const struct unpack_report *s = &l->spent;
	if (l->unpacked == 0)
		return;
	log_info("%s: %zu layers, %s in %.2f s; receiving %.2f s, hashing %.2f s, inflating %.2f s, writing %.2f s (summed over the layers)",
		 l->source->ref ? l->source->ref->familiar : "unpacked again", l->unpacked, str_human_size((uint64_t) s->size, size),
		 (double) (now_ms() - began_ms) / 1e3, (double) s->receive_us / 1e6, (double) s->hash_us / 1e6, (double) s->inflate_us / 1e6,
		 (double) s->write_us / 1e6);
}

int layers_get(const struct store *s, const struct manifest_document *manifest, const struct image_config *config,
	       const struct layers_source *source, struct error *err)
{
	struct layers l = { .store = s, .source = source };
	int64_t began_ms = now_ms();
	int r = ownership_note(s, err);
	if (r == 0)
		r = ownership_refresh(s, config->rootfs.diff_ids, err);
	if (r >= 0)
		r = list_transfers(&l, manifest, config, err);
	if (r == 0)
		r = check_room(&l, err);
	show_all(&l);
	if (r == 0)
		r = run(&l, err);
	for (size_t i = 0; i < l.n; i++) {
		stop(&l, &l.list[i]);
		layer_place_release(s, &l.list[i].place, r < 0 && layers_may_go_on(r));
	}
	progress_end(&l.progress, r < 0);
	if (r == 0)
		say_times(&l, began_ms);
	free(l.list);
	return r;
}
