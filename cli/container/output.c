#include "output.h"
#include "cleanup.h"
#include "fs.h"
#include "json.h"
#include <string.h>
#include <time.h>

enum { LINE_MAX_LENGTH = 16 * 1024 };

struct log_line { char *log, *stream, *time; };
#define T struct log_line
static const struct json_type line_type = JSON_TYPE(T, JSON_REQUIRED(T, log, "log"), JSON_REQUIRED(T, stream, "stream"),
	JSON_REQUIRED(T, time, "time"));
#undef T

static void log_line(const struct output *o, int stream, const char *text, size_t len)
{
	char when[40];
	struct timespec now;
	if (o->log_fd < 0)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	cleanup_free char *copy = xstrndup(text, len);	/* a NUL byte in the output ends the line in the log */
	const struct log_line line = { copy, (char *) (stream == OUTPUT_STDOUT ? "stdout" : "stderr"),
				       (char *) str_rfc3339(now.tv_sec, now.tv_nsec, when) };
	(void) json_send(o->log_fd, &line_type, &line);	/* a full disk must not stop the container */
}

static void to_log(struct output *o, int stream, const char *data, size_t len)
{
	struct buf *b = &o->line[stream];
	while (len) {
		const char *end = memchr(data, '\n', len);
		size_t n = end ? (size_t) (end - data) + 1 : len;
		buf_add(b, data, n);
		if (end || b->len >= LINE_MAX_LENGTH) {
			log_line(o, stream, b->data, b->len);
			b->len = 0;
		}
		data += n;
		len -= n;
	}
}

void output_write(struct output *o, int stream, const char *data, size_t len)
{
	if (o->client_fd[stream] >= 0 && fs_write_all(o->client_fd[stream], data, len) < 0)
		o->client_fd[stream] = -1;	/* nobody reads it any more; the container goes on */
	if (o->log_fd >= 0)
		to_log(o, stream, data, len);
}

void output_flush(struct output *o)
{
	for (int s = 0; s < 2; s++) {
		if (o->line[s].len)
			log_line(o, s, o->line[s].data, o->line[s].len);
		o->line[s].len = 0;
	}
}

void output_done(struct output *o)
{
	close_fd(&o->log_fd);
	buf_done(&o->line[0]);
	buf_done(&o->line[1]);
}
