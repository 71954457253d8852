/* log_reader.h - a container's log, read across its files, as it is and as it grows. log_writer.h says what is in them.
 *
 *	log_reader_open(container, tail, &r, err);	at the last @tail lines, or the beginning
 *	log_reader_next(r, &entry, err)			1: an entry; 0: no more for now
 *	log_reader_wait(r, container, timeout, err)	for more: 0 when there will be none
 *
 * Files that are open stay readable when they are renamed or removed; the next one is found by the inode of the one that was read, among
 * FILE, FILE.1 ...: the writer moves the oldest first, so at every moment what follows FILE.k is FILE.k-1.
 */
#pragma once
#include "log_line.h"
#include "record.h"

struct log_reader;
/* log_reader_open - @tail: negative for all. -ENOENT, -ENOTSUP: there is no log, with a sentence that says where the output went */
int log_reader_open(const struct container *c, int64_t tail, struct log_reader **ret, struct error *err);
void log_reader_close(struct log_reader *r);	/* NULL is nothing */
static inline void log_reader_closep(struct log_reader **r) { log_reader_close(*r); }
#define cleanup_log_reader __attribute__((cleanup(log_reader_closep)))

/* log_reader_next - @e: its memory is used again by the next call; its text ends with a newline unless its line goes on */
int log_reader_next(struct log_reader *r, struct log_entry *e, struct error *err);

/* log_reader_wait - at most @timeout_ms (negative: for ever). Return: 1 when it may have grown, 0 when nobody writes it any more and all was
 * read */
int log_reader_wait(struct log_reader *r, struct container *c, int timeout_ms, struct error *err);
