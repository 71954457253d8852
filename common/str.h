/* str.h - strings: growing buffers, lists, numbers and sizes parsed whole. */
#pragma once
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool str_empty(const char *s) { return !s || !*s; }
bool str_eq(const char *a, const char *b);	/* NULL equals only NULL */
bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);
/* str_after - the rest of @s behind @prefix, or NULL when it does not start so */
const char *str_after(const char *s, const char *prefix);

/* struct buf - text that grows. Zero-initialised is empty; data is NULL until something was added,
 * and NUL-terminated from then on. free(b.data) or buf_done() releases it. */
struct buf { char *data; size_t len, size; };
void buf_add(struct buf *b, const void *data, size_t len);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
/* buf_str - the text, "" when nothing was added; borrowed */
const char *buf_str(const struct buf *b);
/* buf_take - the text as a string of its own, never NULL; the buffer is empty afterwards. Caller frees. */
char *buf_take(struct buf *b);
void buf_done(struct buf *b);
#define cleanup_buf __attribute__((cleanup(buf_done)))

/* struct strings - a list that grows; v is NULL-terminated and NULL while empty. The list owns its strings. */
struct strings { char **v; size_t n, size; };
void strings_add(struct strings *l, const char *s);	/* a copy */
void strings_take(struct strings *l, char *s);		/* s itself, from malloc */
void strings_printf(struct strings *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool strings_have(char *const *list, const char *s);	/* any NULL-terminated list, or NULL */
size_t strings_count(char *const *list);		/* likewise */
void strings_done(struct strings *l);
#define cleanup_strings __attribute__((cleanup(strings_done)))
/* strings_split - the parts of @s between any of the characters of @separators, empty ones left out; adds to @l */
void strings_split(struct strings *l, const char *s, const char *separators);

/* env_get - the value of NAME in a NULL-terminated NAME=value list (the last one wins), or NULL; borrowed */
const char *env_get(char *const *env, const char *name);
/* env_set - replace or append NAME=value in @l */
void env_set(struct strings *l, const char *name_value);

/* The whole string must be the number: no blanks, no sign where none is possible, no rest.
 * Return: 0, -EINVAL when it is not a number, -ERANGE when it is outside. */
int str_to_u64(const char *s, uint64_t max, uint64_t *ret);
int str_to_i64(const char *s, int64_t min, int64_t max, int64_t *ret);
/* str_to_size - bytes: "100", "64k", "512m", "2g", "1t", also with "b" or "ib" behind (docker's, powers of 1024) */
int str_to_size(const char *s, int64_t *ret);

/* str_nearest - the word of a NULL-terminated list that @word was probably meant to be, or NULL when none is near */
const char *str_nearest(const char *word, const char *const *list);

/* str_hex - @n bytes as lower-case hex; @out has room for 2 * n + 1 */
void str_hex(const void *data, size_t n, char *out);

/* str_human_size - "1.5 MB" (powers of 1000, as docker prints); @out has room for 16 */
const char *str_human_size(uint64_t bytes, char out[16]);
/* str_rfc3339 - seconds and nanoseconds since the epoch, UTC, "2026-01-02T03:04:05.000000006Z"; @out has room for 40 */
const char *str_rfc3339(int64_t sec, long nsec, char out[40]);
