/* log_writer.h - a container's output becomes its log: json-file, k8s-file or journald. The monitor's side; log_reader.h is the other.
 *
 * json-file	{"log":"text\n","stream":"stdout","time":"..."}, docker's: one object a line. Bytes are kept as they are; what JSON cannot
 *		hold as it is (quotes, control characters, NUL) is escaped, so every program's output comes back byte by byte
 * k8s-file	2026-01-02T03:04:05.000000006Z stdout F text, as kubelet's and podman's; P in place of F: the line goes on
 * journald	a datagram for each line, log_journal.h
 *
 * A line of output that is longer than 16 KiB becomes several entries, the last of which has its end. Files are rotated between lines,
 * never within one (but one without end, a megabyte behind the limit): FILE becomes FILE.1, FILE.1 becomes FILE.2 ..., the oldest goes.
 * A disk that is full costs lines, whole ones, but never stops the container.
 */
#pragma once
#include "record.h"

enum { OUTPUT_STDOUT, OUTPUT_STDERR };

struct log_writer;
/* log_writer_open - *@ret: NULL when the driver has no log */
int log_writer_open(const struct container *c, struct log_writer **ret, struct error *err);
void log_writer_write(struct log_writer *w, int stream, const char *data, size_t len);
/* log_writer_flush - also lines without an end; when the program has ended */
void log_writer_flush(struct log_writer *w);
void log_writer_close(struct log_writer *w);	/* NULL is nothing */
