/* toml.h - TOML 1.0 as configuration files of containers use it: toml.io/en/v1.0.0. Pure, on memory.
 *
 *	toml_parse(text, len, &pool, &root, &err);
 *	const struct toml *search = toml_get(root, "unqualified-search-registries");
 *	for (const struct toml *t = search ? search->first : NULL; t; t = t->next) ...
 *
 * Strict: what the specification forbids is an error that names the line, a key given twice too. All of it is read but numbers
 * with a fraction and dates, for which no file that we read has a use: they are refused by name.
 */
#pragma once
#include "error.h"
#include "mem.h"
#include <stdbool.h>
#include <stdint.h>

enum toml_kind { TOML_STRING, TOML_INTEGER, TOML_BOOL, TOML_ARRAY, TOML_TABLE };

struct toml {
	enum toml_kind kind;
	unsigned line;			/* where it begins, from 1 */
	char *key;			/* of a member of a table; else NULL */
	struct toml *next;		/* beside it */
	struct toml *first, *last;	/* TOML_ARRAY, TOML_TABLE: what is in it, in the file's order */
	size_t n;			/* of them */
	char *string;			/* holds no NUL byte */
	int64_t integer;
	bool boolean;
	/* who may still add to a table */
	enum { TOML_OPEN, TOML_HEADED, TOML_DOTTED, TOML_CLOSED } state;
};
enum { TOML_DEPTH_MAX = 32, TOML_MEMBERS_MAX = 8192 };

/* toml_parse - a whole document
 * @ret: its root, a table; belongs to @pool
 * Return: 0, or -EINVAL with "line N: ..." */
int toml_parse(const char *text, size_t len, struct pool *pool, struct toml **ret, struct error *err);
/* toml_get - the member @key of a table, or NULL */
const struct toml *toml_get(const struct toml *table, const char *key);
/* toml_kind_name - "a string", for sentences */
const char *toml_kind_name(enum toml_kind kind);
