/* mem.h - memory that cannot run out half-way, and memory that dies together.
 *
 * These are short-lived programs: running out of memory aborts, with one line on
 * stderr, so no caller has a path for it that is never tested.
 */
#pragma once
#include <stdarg.h>
#include <stddef.h>

/* As malloc(3), calloc(3), realloc(3), strdup(3), strndup(3), asprintf(3); never NULL. free() the result. */
void *xmalloc(size_t size) __attribute__((malloc, alloc_size(1)));
void *xcalloc(size_t n, size_t size) __attribute__((malloc, alloc_size(1, 2)));
void *xrealloc(void *p, size_t size);
/* xreallocarray - @n items of @size bytes; aborts when the product overflows */
void *xreallocarray(void *p, size_t n, size_t size);
char *xstrdup(const char *s) __attribute__((malloc));
char *xstrndup(const char *s, size_t len) __attribute__((malloc));
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
char *xvasprintf(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));

/* struct pool - an arena: one for each parsed document, freed at once.
 * Zero-initialised is empty and valid. */
struct pool { struct pool_block *head; };

/* pool_alloc - zeroed, max-aligned memory that lives until pool_done(); never NULL */
void *pool_alloc(struct pool *pool, size_t size);
char *pool_strndup(struct pool *pool, const char *s, size_t len);
char *pool_strdup(struct pool *pool, const char *s);
char *pool_printf(struct pool *pool, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* pool_done - frees everything; the pool is empty and reusable */
void pool_done(struct pool *pool);
/* for `struct pool pool CLEANUP(pool_done) = { 0 };` */
