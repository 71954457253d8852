/* event_read.h - reading what event.h has written, and following it without a daemon. inotify(7)
 *
 *	struct event_reader r cleanup_event_reader = EVENT_READER_INIT;
 *	event_reader_open(carrier, past, &r, err);
 *	event_reader_next(&r, line, ctx, err);		what is there now
 *	event_reader_wait(&r, timeout_ms);		until there may be more
 *
 * Rotation loses nothing for a reader that keeps up with EVENT_FILE_MAX bytes: the file that was read is kept open beside its successor.
 */
#pragma once
#include "event.h"

struct event_file { int fd; struct buf rest; };	/* rest: a line that is not complete yet */
struct event_reader {
	char *dir;
	int notify_fd;
	struct event_file old, now;
};
#define EVENT_READER_INIT { .notify_fd = -1, .old.fd = -1, .now.fd = -1 }
void event_reader_done(struct event_reader *r);
#define cleanup_event_reader __attribute__((cleanup(event_reader_done)))

/* event_reader_open - @past: from the first line that there is; else only what is written from now on */
int event_reader_open(const struct carrier *c, bool past, struct event_reader *ret, struct error *err);
/* event_reader_next - hand every complete line, without its newline, to @line, which may return a negative errno to end */
int event_reader_next(struct event_reader *r, int (*line)(void *ctx, const char *text, size_t len, struct error *err), void *ctx,
		      struct error *err);
/* event_reader_wait - @timeout_ms: negative is for ever */
void event_reader_wait(struct event_reader *r, int timeout_ms);
