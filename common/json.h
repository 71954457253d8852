/* json.h - JSON text <-> C structs, driven by tables.
 *
 * Describe a struct once; the same table reads and writes it:
 *
 *	struct mount { char *destination, *type; char **options; };
 *	const struct json_type mount_type = JSON_TYPE(struct mount,
 *		JSON_REQUIRED(struct mount, destination, "destination"),
 *		JSON_FIELD(struct mount, type, "type"),
 *		JSON_FIELD(struct mount, options, "options"));
 *
 * The kind of a field is taken from its C type at compile time, so the table
 * cannot disagree with the struct:
 *	char *       string, NULL when absent      char **     NULL-terminated list
 *	bool         false when absent             bool *      NULL when absent
 *	int64_t, uint64_t, uint32_t, uint16_t, int32_t         0 when absent
 *	int64_t *, uint64_t *, uint32_t *, uint16_t *, int32_t *   NULL when absent
 *	struct json_map   string -> string, in document order
 *	struct u32s       list of uint32_t
 * and, where the macro says so:
 *	JSON_KEYS         char **, the names of an object's members (docker's sets: {"80/tcp":{}})
 *	JSON_ANY          char *, the member's JSON text whatever it is, kept to be written again
 * Everything a decode returns belongs to the pool it was given.
 * Unknown members are skipped, null is the same as absent (both as Go does).
 */
#pragma once
#include "error.h"
#include "mem.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json_map { size_t n; struct json_pair { char *key, *value; } *pairs; };
struct u32s { size_t n; uint32_t *v; };

enum json_kind {
	JSON_BAD, JSON_STRING, JSON_STRINGS, JSON_BOOL, JSON_I32, JSON_I64, JSON_U16,
	JSON_U32, JSON_U64, JSON_OPT_BOOL, JSON_OPT_I32, JSON_OPT_I64, JSON_OPT_U16,
	JSON_OPT_U32, JSON_OPT_U64, JSON_STRING_MAP, JSON_U32_LIST,
	JSON_OBJECT_PTR, JSON_OBJECT_IN, JSON_OBJECTS, JSON_OBJECT_MAP, JSON_KEY_LIST, JSON_RAW_TEXT,
};

struct json_type {
	size_t size, n_fields;
	const struct json_field *fields;
};

struct json_field {
	const char *key;
	enum json_kind kind;
	bool required;			/* an error when absent; written also when zero */
	bool always;			/* written also when zero */
	uint16_t offset, count_offset;	/* count_offset: of the size_t beside a list */
	const struct json_type *type;	/* of the object(s), else NULL */
};

#define JSON_KIND(T, m) _Generic(((T *) 0)->m, char *: JSON_STRING, char **: JSON_STRINGS, \
	bool: JSON_BOOL, int32_t: JSON_I32, int64_t: JSON_I64, uint16_t: JSON_U16, \
	uint32_t: JSON_U32, uint64_t: JSON_U64, bool *: JSON_OPT_BOOL, int32_t *: JSON_OPT_I32, \
	int64_t *: JSON_OPT_I64, uint16_t *: JSON_OPT_U16, uint32_t *: JSON_OPT_U32, \
	uint64_t *: JSON_OPT_U64, struct json_map: JSON_STRING_MAP, struct u32s: JSON_U32_LIST)
#define JSON_FIELD(T, m, k) { .key = k, .kind = JSON_KIND(T, m), .offset = offsetof(T, m) }
#define JSON_REQUIRED(T, m, k) { .key = k, .kind = JSON_KIND(T, m), .required = true, .offset = offsetof(T, m) }
/* written even when zero, false, NULL (as null) or empty: for readers that want the member to be there */
#define JSON_ALWAYS(T, m, k) { .key = k, .kind = JSON_KIND(T, m), .always = true, .offset = offsetof(T, m) }
#define JSON_KEYS(T, m, k) { .key = k, .kind = JSON_KEY_LIST, .offset = offsetof(T, m) + 0 * sizeof(((T *) 0)->m == (char **) 0) }
#define JSON_ANY(T, m, k) { .key = k, .kind = JSON_RAW_TEXT, .offset = offsetof(T, m) + 0 * sizeof(((T *) 0)->m == (char *) 0) }
/* a pointer to a struct, NULL when absent */
#define JSON_OBJECT(T, m, k, t) { .key = k, .kind = JSON_OBJECT_PTR, .offset = offsetof(T, m), .type = &t }
/* a struct within the struct, zeroed when absent */
#define JSON_INLINE(T, m, k, t) { .key = k, .kind = JSON_OBJECT_IN, .offset = offsetof(T, m), .type = &t }
/* `S *m; size_t n_m;`: a list of structs */
#define JSON_LIST(T, m, k, t) { .key = k, .kind = JSON_OBJECTS, .offset = offsetof(T, m), .count_offset = offsetof(T, n_##m), .type = &t }
/* same, from an object whose keys are names: S's first member is `char *name` */
#define JSON_NAMED(T, m, k, t) { .key = k, .kind = JSON_OBJECT_MAP, .offset = offsetof(T, m), .count_offset = offsetof(T, n_##m), .type = &t }
#define JSON_TYPE(T, ...) { .size = sizeof(T), \
	.n_fields = sizeof((struct json_field[]) { __VA_ARGS__ }) / sizeof(struct json_field), \
	.fields = (const struct json_field[]) { __VA_ARGS__ } }

/* json_decode - read one JSON document into a new struct
 * @type: what to read
 * @text, @len: the document, at most 64 levels deep
 * @pool: owns the result
 * @ret:  the struct, untouched on failure
 * Return: 0, or a negative errno; @err then names the member at fault,
 *         such as "process.user.uid: expected a number from 0 to 4294967295".
 */
int json_decode(const struct json_type *type, const char *text, size_t len,
		struct pool *pool, void *ret, struct error *err);

/* json_decode_any_case - the same, but members are known in any case ("CPU" for "cpu"): for documents that people and
 * programs in Go write. What was given twice, in whatever case: the last one counts. */
int json_decode_any_case(const struct json_type *type, const char *text, size_t len,
			 struct pool *pool, void *ret, struct error *err);

enum json_style {
	JSON_COMPACT,	/* one line, no newline behind it */
	JSON_INDENTED,	/* for people: two blanks a level, a newline at the end */
	JSON_TABBED,	/* the same with tabs, as runc writes config.json */
};

/* json_encode - write a struct as JSON, absent members left out
 * @len: NULL, or receives its length
 * Return: text to free().
 */
char *json_encode(const struct json_type *type, const void *object, enum json_style style, size_t *len);

/* json_encode_list - the same for an array of @n structs: [ {...}, ... ] */
char *json_encode_list(const struct json_type *type, const void *objects, size_t n, enum json_style style, size_t *len);

/* json_send - one object as one line to @fd (a pipe between our programs); -errno */
int json_send(int fd, const struct json_type *type, const void *object);

/* struct json_value - a document without a table, as a tree, for those who print what others ask for */
struct json_value {
	enum json_value_kind { JSON_VALUE_NULL, JSON_VALUE_TRUTH, JSON_VALUE_NUMBER, JSON_VALUE_TEXT, JSON_VALUE_LIST, JSON_VALUE_OBJECT } is;
	bool truth;
	char *key;		/* inside an object */
	char *text;		/* of a string, and of a number as it was written */
	struct json_value *first, *last, *next;	/* what is in a list or object; the one behind this */
	size_t n;
};
/* json_read - @pool owns the tree; errors as json_decode()'s */
int json_read(const char *text, size_t len, struct pool *pool, struct json_value **ret, struct error *err);
/* json_write - caller frees */
char *json_write(const struct json_value *value, enum json_style style);

/* json_quote - @s as a JSON string with its quotes; caller frees */
char *json_quote(const char *s);
