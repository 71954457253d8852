#include "lists.h"
#include "str.h"

char **list_copy(struct pool *pool, char *const *first, char *const *more)
{
	char **list = pool_alloc(pool, (strings_count(first) + strings_count(more) + 1) * sizeof *list);
	size_t n = 0;
	for (; first && *first; first++)
		list[n++] = pool_strdup(pool, *first);
	for (; more && *more; more++)
		list[n++] = pool_strdup(pool, *more);
	return list;
}

char **list_words(struct pool *pool, const char *text)
{
	struct strings words cleanup_strings = { 0 };
	if (!text)
		return NULL;
	strings_split(&words, text, " ");
	return list_copy(pool, words.v, NULL);
}
