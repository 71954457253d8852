/* pairs.h - options' NAME=VALUE words as maps (labels, annotations, sysctls ...). A map starts empty and grows only here. */
#pragma once
#include "error.h"
#include "json.h"
#include "str.h"

/* pairs_set - the first @len bytes of @name have the value @value; one of the same name is replaced, in its place. Copies of @pool. */
void pairs_set(struct json_map *map, struct pool *pool, const char *name, size_t len, const char *value);
/* pairs_add - the word NAME[=VALUE]; NAME alone is NAME= */
void pairs_add(struct json_map *map, struct pool *pool, const char *word);
/* pairs_parse - all @words of @option; @value: NAME alone is refused */
int pairs_parse(const char *option, const struct strings *words, bool value, struct pool *pool, struct json_map *map, struct error *err);
