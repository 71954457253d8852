/* output.h - where a container's output goes: the log, and the client in the foreground.
 *
 * The log is docker's json-file: one JSON object a line, {"log":"text\n","stream":"stdout","time":"..."}; a line of output that is longer
 * than a buffer becomes several of them, the last of which ends with the newline.
 */
#pragma once
#include "str.h"
#include <stdbool.h>

enum { OUTPUT_STDOUT, OUTPUT_STDERR };

struct output {
	int log_fd;			/* -1: no log */
	int client_fd[2];		/* -1: no client */
	struct buf line[2];		/* what has not come to its newline yet */
};
#define OUTPUT_INIT { .log_fd = -1, .client_fd = { -1, -1 } }

void output_write(struct output *o, int stream, const char *data, size_t len);
/* output_flush - also lines without an end; when the container has ended */
void output_flush(struct output *o);
void output_done(struct output *o);
