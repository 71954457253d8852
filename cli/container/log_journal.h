/* log_journal.h - lines for journald, in its native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL), without any of its libraries.
 *
 * Each line is one datagram to /run/systemd/journal/socket: "NAME=value\n", or for a value of any bytes "NAME\n", its length as 64 bits
 * little-endian, the value and "\n". The fields are those of docker's driver: CONTAINER_ID, CONTAINER_ID_FULL, CONTAINER_NAME,
 * CONTAINER_TAG, IMAGE_NAME, SYSLOG_IDENTIFIER, CONTAINER_PARTIAL_MESSAGE; PRIORITY is 6 for stdout and 3 for stderr.
 * A journald that does not read is waited for, a second at most; what is lost then is counted, and told in the next line that arrives.
 */
#pragma once
#include "error.h"
#include <stdbool.h>

struct container;
struct log_journal;

/* log_journal_check - is there one? -ENOENT with a sentence */
int log_journal_check(struct error *err);
int log_journal_open(const struct container *c, struct log_journal **ret, struct error *err);
/* log_journal_send - one line without its newline; @partial: it goes on in the next one */
void log_journal_send(struct log_journal *j, int stream, const char *text, size_t len, bool partial);
void log_journal_close(struct log_journal *j);	/* NULL is nothing */

/* log_tag - --log-opt tag's text with {{.ID}}, {{.FullID}}, {{.Name}}, {{.ImageName}} filled in; NULL is "{{.ID}}". Caller frees. */
char *log_tag(const char *tag, const struct container *c);
