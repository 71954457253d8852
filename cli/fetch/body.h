/* body.h - where the bytes of one answer go: a pipe, whose reader may be slow or gone, or a file.
 *
 * At most one chunk is kept. body_write() takes a chunk only when none is left over; the caller polls body.fd for POLLOUT while
 * body.left is not 0, and calls body_flush().
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct body {
	int fd;
	bool is_pipe;		/* its reader sets the pace */
	char *kept;		/* the chunk that the pipe did not take, from @at, @left bytes; room for @size */
	size_t at, left, size;
};

/* body_open - takes @fd. A pipe is made non-blocking, and as large as an ordinary user may have it. */
void body_open(struct body *b, int fd);
/* body_write - all of it, or the rest is kept; -errno (-EPIPE: the reader is gone) */
int body_write(struct body *b, const void *data, size_t len);
/* body_flush - what is kept; -errno */
int body_flush(struct body *b);
void body_done(struct body *b);
