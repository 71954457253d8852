#include "log_writer.h"
#include "cleanup.h"
#include "fs.h"
#include "log_journal.h"
#include "log_options.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { LINE_MAX_LENGTH = 16 * 1024, OUT_MAX = 64 * 1024, ENDLESS = 1 << 20 };

struct log_writer {
	enum log_driver driver;
	/* of a file */
	char *path;
	int fd;
	int64_t max_size, size;		/* size: counted only where there is a limit */
	int64_t max_file;
	struct buf out;			/* entries that are not written yet; always whole ones */
	bool inside[2];			/* the last entry of this stream had no end */
	/* of journald */
	struct log_journal *journal;
	struct buf line[2];		/* what has not come to its newline yet */
};

static const char *const streams[] = { "stdout", "stderr" };

/* ---- files ---- */

static int open_file(struct log_writer *w, struct error *err)
{
	w->fd = open(w->path, O_RDWR | O_CREAT | O_APPEND | O_NOCTTY | O_CLOEXEC, 0600);
	return w->fd < 0 ? error_set(err, errno, "open the log '%s'", w->path) : 0;
}

/* mend - the last line of a log whose writer was killed may have no end; it is no line then, and must not spoil the next one */
static void mend(struct log_writer *w)
{
	char last;
	off_t end = lseek(w->fd, 0, SEEK_END);
	w->size = end > 0 ? end : 0;
	if (end > 0 && pread(w->fd, &last, 1, end - 1) == 1 && last != '\n' && write(w->fd, "\n", 1) == 1)
		w->size++;
}

static void write_out(struct log_writer *w)
{
	size_t done = 0;
	while (done < w->out.len && w->fd >= 0) {
		ssize_t n = write(w->fd, w->out.data + done, w->out.len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t) n;
	}
	if (done < w->out.len && done > 0)	/* the disk is full: better no entry than half a one */
		(void) !ftruncate(w->fd, lseek(w->fd, 0, SEEK_END) - (off_t) done);
	else if (done == w->out.len)
		w->size += (int64_t) done;
	w->out.len = 0;
}

/* rotate - a reader knows the order by the names (log_reader.c): the oldest is moved first */
static void rotate(struct log_writer *w)
{
	write_out(w);
	for (int64_t i = w->max_file - 1; i > 0; i--) {
		cleanup_free char *from = i == 1 ? xstrdup(w->path) : xasprintf("%s.%lld", w->path, (long long) i - 1);
		cleanup_free char *to = xasprintf("%s.%lld", w->path, (long long) i);
		(void) rename(from, to);
	}
	if (w->max_file <= 1)
		(void) unlink(w->path);
	int old = w->fd;
	if (open_file(w, NULL) < 0) {	/* better too large than none */
		w->fd = old;
		return;
	}
	(void) close(old);
	w->size = 0;
}

static void make_room(struct log_writer *w, int stream, size_t len)
{
	int64_t size = w->size + (int64_t) w->out.len;
	if (w->max_size <= 0 || size == 0 || size + (int64_t) len <= w->max_size)
		return;
	/* a line is not cut: neither this stream's, nor one of the other that is in two parts */
	if ((!w->inside[stream] && !w->inside[!stream]) || size > w->max_size + ENDLESS)
		rotate(w);
}

/* ---- entries ---- */

static void add_json(struct buf *b, const char *text, size_t len)
{
	static const char hex[] = "0123456789abcdef";
	size_t start = 0;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char) text[i];
		if (c >= ' ' && c != '"' && c != '\\')
			continue;
		buf_add(b, text + start, i - start);
		start = i + 1;
		const char *letter = c ? strchr("\"\"\\\\\nn\tt\rr\bb\ff", c) : NULL;
		if (letter)
			buf_add(b, (char[]) { '\\', letter[1] }, 2);
		else
			buf_add(b, (char[]) { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] }, 6);
	}
	buf_add(b, text + start, len - start);
}

/* struct frame - what is in front of a text, and behind it: the same for all that is written at once */
struct frame { char front[64], back[96]; size_t front_len, back_len; };

static void make_frame(const struct log_writer *w, int stream, struct frame *f)
{
	char when[40];
	struct timespec t;
	int n = 0;
	clock_gettime(CLOCK_REALTIME, &t);
	(void) str_rfc3339(t.tv_sec, t.tv_nsec, when);
	if (w->driver == LOG_K8S_FILE) {
		n = snprintf(f->front, sizeof f->front, "%s %s F ", when, streams[stream]);
		f->back_len = 0;
	} else {
		n = snprintf(f->front, sizeof f->front, "{\"log\":\"");
		f->back_len = (size_t) snprintf(f->back, sizeof f->back, "\",\"stream\":\"%s\",\"time\":\"%s\"}\n", streams[stream], when);
	}
	f->front_len = (size_t) n;
}

static void add_entry(struct log_writer *w, int stream, const char *text, size_t len, const struct frame *f)
{
	bool whole = text[len - 1] == '\n';
	if (w->driver == LOG_JOURNALD) {
		log_journal_send(w->journal, stream, text, whole ? len - 1 : len, !whole);
		return;
	}
	make_room(w, stream, len + 64);
	buf_add(&w->out, f->front, f->front_len);
	if (w->driver == LOG_JSON_FILE) {
		add_json(&w->out, text, len);
		buf_add(&w->out, f->back, f->back_len);
	} else {
		if (!whole)
			w->out.data[w->out.len - 2] = 'P';
		buf_add(&w->out, text, len);
		if (!whole)
			buf_putc(&w->out, '\n');
	}
	w->inside[stream] = !whole;
	if (w->out.len >= OUT_MAX)
		write_out(w);
}

void log_writer_write(struct log_writer *w, int stream, const char *data, size_t len)
{
	struct frame frame;
	struct buf *b = &w->line[stream];
	make_frame(w, stream, &frame);	/* what was written at once has one time */
	while (len) {
		size_t room = LINE_MAX_LENGTH - b->len, look = len < room ? len : room;
		const char *end = memchr(data, '\n', look);
		size_t n = end ? (size_t) (end - data) + 1 : look;
		if (b->len || (!end && n < room))
			buf_add(b, data, n);
		if (end || n == room) {
			add_entry(w, stream, b->len ? b->data : data, b->len ? b->len : n, &frame);
			b->len = 0;
		}
		data += n;
		len -= n;
	}
	write_out(w);
}

void log_writer_flush(struct log_writer *w)
{
	for (int s = 0; s < 2; s++) {
		struct frame frame;
		if (w->line[s].len) {
			make_frame(w, s, &frame);
			add_entry(w, s, w->line[s].data, w->line[s].len, &frame);
		}
		w->line[s].len = 0;
		w->inside[s] = false;
	}
	write_out(w);
}

/* ---- the whole ---- */

int log_writer_open(const struct container *c, struct log_writer **ret, struct error *err)
{
	const struct record_log *l = &c->record.life.log;
	enum log_driver driver = log_driver_of(l);
	*ret = NULL;
	if (driver == LOG_NONE || driver == LOG_PASSTHROUGH)
		return 0;
	struct log_writer *w = xcalloc(1, sizeof *w);
	*w = (struct log_writer) { .driver = driver, .fd = -1, .max_size = l->max_size, .max_file = l->max_file };
	int r;
	if (driver == LOG_JOURNALD) {
		r = log_journal_open(c, &w->journal, err);
	} else {
		w->path = log_path(c);
		r = open_file(w, err);
		if (r == 0 && (c->status.started || l->path))	/* it may have been written before */
			mend(w);
	}
	if (r < 0) {
		log_writer_close(w);
		return r;
	}
	*ret = w;
	return 0;
}

void log_writer_close(struct log_writer *w)
{
	if (!w)
		return;
	close_fd(&w->fd);
	log_journal_close(w->journal);
	buf_done(&w->out);
	buf_done(&w->line[0]);
	buf_done(&w->line[1]);
	free(w->path);
	free(w);
}
