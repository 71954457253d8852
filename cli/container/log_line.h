/* log_line.h - one line of a container's log: {"log":"text\n","stream":"stdout","time":"..."} in any order of the members. */
#pragma once
#include "str.h"

struct log_entry { struct buf text, time; bool stderr_; };
void log_entry_done(struct log_entry *e);
#define cleanup_log_entry __attribute__((cleanup(log_entry_done)))

/* log_line_parse - @line without its newline; what @e had is replaced, its memory used again. Bytes are kept as they are, a NUL too.
 * -EINVAL when it is not such a line: one that was being written when the machine stopped, say */
int log_line_parse(const char *line, size_t len, struct log_entry *e);
