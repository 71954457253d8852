#include "mem.h"
#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *must(void *p)
{
	if (!p) {
		static const char text[] = "out of memory\n";
		(void) !write(STDERR_FILENO, text, sizeof text - 1);
		abort();
	}
	return p;
}

/* malloc(0) may be NULL without being a failure */
void *xmalloc(size_t size) { return must(malloc(size ? size : 1)); }
void *xcalloc(size_t n, size_t size) { return must(calloc(n ? n : 1, size ? size : 1)); }
void *xrealloc(void *p, size_t size) { return must(realloc(p, size ? size : 1)); }

void *xreallocarray(void *p, size_t n, size_t size)
{
	return must(reallocarray(p, n ? n : 1, size ? size : 1));
}

char *xstrdup(const char *s) { return must(strdup(s)); }
char *xstrndup(const char *s, size_t len) { return must(strndup(s, len)); }

char *xvasprintf(const char *fmt, va_list ap)
{
	char *s;
	return must(vasprintf(&s, fmt, ap) < 0 ? NULL : s);
}

char *xasprintf(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	char *s = xvasprintf(fmt, ap);
	va_end(ap);
	return s;
}

/* ---- pool ---- */

struct pool_block {
	struct pool_block *next;
	size_t used, size;
	alignas(max_align_t) char data[];
};

enum { BLOCK_SIZE = 8192 };

void *pool_alloc(struct pool *pool, size_t size)
{
	if (size > SIZE_MAX / 2)
		must(NULL);
	size = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	struct pool_block *b = pool->head;
	if (!b || b->size - b->used < size) {
		size_t room = size > BLOCK_SIZE ? size : BLOCK_SIZE;
		b = xcalloc(1, sizeof *b + room);
		b->size = room;
		b->next = pool->head;
		pool->head = b;
	}
	void *p = b->data + b->used;
	b->used += size;
	return p;
}

char *pool_strndup(struct pool *pool, const char *s, size_t len)
{
	return memcpy(pool_alloc(pool, len + 1), s, len);
}

char *pool_strdup(struct pool *pool, const char *s)
{
	return pool_strndup(pool, s, strlen(s));
}

char *pool_printf(struct pool *pool, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	char *s = xvasprintf(fmt, ap);
	va_end(ap);
	char *kept = pool_strdup(pool, s);
	free(s);
	return kept;
}

void pool_done(struct pool *pool)
{
	for (struct pool_block *b = pool->head, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	pool->head = NULL;
}
