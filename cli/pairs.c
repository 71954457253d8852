#include "pairs.h"
#include <string.h>

void pairs_set(struct json_map *map, struct pool *pool, const char *name, size_t len, const char *value)
{
	size_t at = 0;
	while (at < map->n && (strlen(map->pairs[at].key) != len || memcmp(map->pairs[at].key, name, len) != 0))
		at++;
	if (at == map->n && (at & (at - 1)) == 0) {	/* full at every power of two */
		struct json_pair *pairs = pool_alloc(pool, (at ? 2 * at : 1) * sizeof *pairs);
		if (at)
			memcpy(pairs, map->pairs, at * sizeof *pairs);
		map->pairs = pairs;
	}
	if (at == map->n)
		map->pairs[map->n++].key = pool_strndup(pool, name, len);
	map->pairs[at].value = pool_strdup(pool, value);
}

void pairs_add(struct json_map *map, struct pool *pool, const char *word)
{
	size_t len = strcspn(word, "=");
	pairs_set(map, pool, word, len, word[len] ? word + len + 1 : "");
}

int pairs_parse(const char *option, const struct strings *words, bool value, struct pool *pool, struct json_map *map, struct error *err)
{
	for (size_t i = 0; i < words->n; i++) {
		const char *word = words->v[i];
		size_t len = strcspn(word, "=");
		if (len == 0 || (value && !word[len]))
			return error_say(err, EINVAL, "%s '%s': give NAME=VALUE", option, word);
		pairs_add(map, pool, word);
	}
	return 0;
}
