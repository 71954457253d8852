/* lists.h - NULL-terminated lists of strings in a pool */
#pragma once
#include "mem.h"
#include <stddef.h>

/* list_words - the blank-separated words of @text; NULL for NULL */
char **list_words(struct pool *pool, const char *text);
/* list_copy - of @first, then of @more; either may be NULL. Never NULL. */
char **list_copy(struct pool *pool, char *const *first, char *const *more);
