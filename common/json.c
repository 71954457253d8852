#include "json.h"
#include "str.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <yajl/yajl_gen.h>
#include <yajl/yajl_parse.h>

/* ---- text -> tree: yajl's events, kept in the pool ---- */

enum { MAX_DEPTH = 64 };

struct builder {
	struct pool *pool;
	struct json_value *root, *stack[MAX_DEPTH];
	size_t depth;
	char *key;
	const char *fault;
};

static struct json_value *add(struct builder *b, int is)
{
	struct json_value *n = pool_alloc(b->pool, sizeof *n);
	n->is = is;
	n->key = b->key;
	b->key = NULL;
	if (b->depth) {
		struct json_value *up = b->stack[b->depth - 1];
		if (up->last)
			up->last->next = n;
		else
			up->first = n;
		up->last = n;
		up->n++;
	} else {
		b->root = n;
	}
	return n;
}

static char *keep(struct builder *b, const unsigned char *s, size_t len)
{
	if (memchr(s, 0, len)) {
		b->fault = "a string holds a NUL byte";
		return NULL;
	}
	return pool_strndup(b->pool, (const char *) s, len);
}

static int open_node(struct builder *b, int is)
{
	if (b->depth == MAX_DEPTH) {
		b->fault = "nested too deeply";
		return 0;
	}
	struct json_value *n = add(b, is);
	b->stack[b->depth++] = n;
	return 1;
}

static int on_null(void *b) { add(b, JSON_VALUE_NULL); return 1; }
static int on_bool(void *b, int v) { add(b, JSON_VALUE_TRUTH)->truth = v; return 1; }
static int on_open_map(void *b) { return open_node(b, JSON_VALUE_OBJECT); }
static int on_open_list(void *b) { return open_node(b, JSON_VALUE_LIST); }
static int on_close(void *b) { ((struct builder *) b)->depth--; return 1; }

static int on_number(void *b, const char *s, size_t len)
{
	struct json_value *n = add(b, JSON_VALUE_NUMBER);
	return (n->text = keep(b, (const unsigned char *) s, len)) != NULL;
}

static int on_string(void *b, const unsigned char *s, size_t len)
{
	struct json_value *n = add(b, JSON_VALUE_TEXT);
	return (n->text = keep(b, s, len)) != NULL;
}

static int on_key(void *b, const unsigned char *s, size_t len)
{
	return (((struct builder *) b)->key = keep(b, s, len)) != NULL;
}

/* builder_fault - where: the keys and indices of what is open, then the member at hand */
static int builder_fault(const struct builder *b, size_t at, struct error *err)
{
	struct buf path cleanup_buf = { 0 };
	for (size_t d = 1; d <= b->depth && d < 8; d++) {
		const struct json_value *up = b->stack[d - 1], *n = up->last;
		if (up->is == JSON_VALUE_LIST)
			buf_printf(&path, "[%zu]", up->n - 1);
		else if (n && n->key)
			buf_printf(&path, "%s%s", path.len ? "." : "", n->key);
	}
	return error_set(err, 0, "%s%s%s at byte %zu", buf_str(&path), path.len ? ": " : "", b->fault, at);
}

static int parse(struct pool *pool, const char *text, size_t len, struct json_value **ret, struct error *err)
{
	static const yajl_callbacks events = {
		on_null, on_bool, NULL, NULL, on_number, on_string,
		on_open_map, on_key, on_close, on_open_list, on_close,
	};
	struct builder b = { .pool = pool };
	yajl_handle h = yajl_alloc(&events, NULL, &b);
	yajl_status s = yajl_parse(h, (const unsigned char *) text, len);
	if (s == yajl_status_ok)
		s = yajl_complete_parse(h);

	int r = 0;
	if (b.fault) {
		r = builder_fault(&b, yajl_get_bytes_consumed(h), err);
	} else if (s != yajl_status_ok) {
		unsigned char *why = yajl_get_error(h, 0, NULL, 0);
		r = error_set(err, 0, "not JSON: %.*s at byte %zu", (int) strcspn((char *) why, "\n"),
			      why, yajl_get_bytes_consumed(h));
		yajl_free_error(h, why);
	} else {
		*ret = b.root;
	}
	yajl_free(h);
	return r;
}

/* ---- tree -> struct ---- */

/* While a failure travels up, err->text is PATH SEPARATOR MESSAGE; each level puts its key in front of the path, so that the
 * member is named as people write it: "process.user.uid", "mounts[3].destination". */
enum { SEPARATOR = 0x1f };

static int fault(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int fault(struct error *err, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	(void) vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return error_set(err, 0, "%c%s", SEPARATOR, text);
}

static int under(struct error *err, const char *key)
{
	if (!err)
		return -EINVAL;
	char was[sizeof err->text];
	memcpy(was, err->text, sizeof was);
	return error_set(err, 0, "%s%s%s", key, was[0] == SEPARATOR || was[0] == '[' ? "" : ".", was);
}

static int under_index(struct error *err, size_t i)
{
	char index[24];
	snprintf(index, sizeof index, "[%zu]", i);
	return under(err, index);
}

/* name_fault - the finished sentence */
static int name_fault(struct error *err)
{
	if (!err)
		return -EINVAL;
	char *at = strchr(err->text, SEPARATOR);
	if (!at)
		return -EINVAL;
	char was[sizeof err->text];
	memcpy(was, err->text, sizeof was);
	*at = 0;
	size_t path = (size_t) (at - err->text);
	return path ? error_set(err, 0, "%.*s: %s", (int) path, was, was + path + 1) : error_set(err, 0, "%s", was + 1);
}

static const struct { int64_t min; uint64_t max; size_t size; } ranges[] = {
	[JSON_I32] = { INT32_MIN, INT32_MAX, 4 }, [JSON_I64] = { INT64_MIN, INT64_MAX, 8 },
	[JSON_U16] = { 0, UINT16_MAX, 2 }, [JSON_U32] = { 0, UINT32_MAX, 4 }, [JSON_U64] = { 0, UINT64_MAX, 8 },
};

static int read_number(const struct json_value *n, enum json_kind kind, void *out, struct error *err)
{
	bool negative = n->is == JSON_VALUE_NUMBER && n->text[0] == '-';
	char *end = (char *) "?";	/* not the end, so not a number */
	uint64_t v = 0;
	errno = 0;
	if (n->is == JSON_VALUE_NUMBER)
		v = strtoull(n->text + negative, &end, 10);
	uint64_t limit = negative ? (uint64_t) 0 - (uint64_t) ranges[kind].min : ranges[kind].max;
	if (*end || errno || v > limit)
		return fault(err, "expected a whole number from %" PRId64 " to %" PRIu64,
				 ranges[kind].min, ranges[kind].max);
	if (negative)
		v = 0 - v;
	switch (ranges[kind].size) {	/* by width, not by memcpy: big-endian machines are machines, too */
	case 2: *(uint16_t *) out = (uint16_t) v; break;
	case 4: *(uint32_t *) out = (uint32_t) v; break;
	default: *(uint64_t *) out = v;
	}
	return 0;
}

static int read_string(const struct json_value *n, char **out, struct error *err)
{
	if (n->is != JSON_VALUE_TEXT)
		return fault(err, "expected a string");
	*out = n->text;
	return 0;
}

static int read_object(const struct json_type *type, const struct json_value *n, struct pool *pool,
		       void *out, struct error *err);

/* read_list - a list, or an object's members, as a C array of @size-byte items */
static int read_list(const struct json_field *f, const struct json_value *n, size_t size,
		     struct pool *pool, void **ret, struct error *err)
{
	bool named = f->kind == JSON_OBJECT_MAP || f->kind == JSON_STRING_MAP;
	if (n->is != (named ? JSON_VALUE_OBJECT : JSON_VALUE_LIST))
		return fault(err, "expected %s", named ? "an object" : "a list");

	char *items = pool_alloc(pool, (n->n + 1) * size), *at = items;
	size_t i = 0;
	int r = 0;
	for (const struct json_value *c = n->first; c; c = c->next, at += size, i++) {
		switch (f->kind) {
		case JSON_STRINGS: r = read_string(c, (char **) at, err); break;
		case JSON_U32_LIST: r = read_number(c, JSON_U32, at, err); break;
		case JSON_STRING_MAP:
			((struct json_pair *) at)->key = c->key;
			r = read_string(c, &((struct json_pair *) at)->value, err);
			break;
		default:
			if (!named || c->is != JSON_VALUE_NULL)	/* Go makes null a zeroed value there */
				r = read_object(f->type, c, pool, at, err);
			if (named)
				*(char **) at = c->key;
		}
		if (r < 0)
			return named ? under(err, c->key) : under_index(err, i);
	}
	*ret = items;
	return 0;
}

static void put_node(yajl_gen g, const struct json_value *n);
static char *to_text(yajl_gen g, size_t *len);

/* node_text - a member's JSON text, made again from what was parsed */
static char *node_text(const struct json_value *n, struct pool *pool)
{
	yajl_gen g = yajl_gen_alloc(NULL);
	put_node(g, n);
	char *text = to_text(g, NULL);
	char *kept = pool_strdup(pool, text);
	free(text);
	return kept;
}

static int read_keys(const struct json_value *n, struct pool *pool, char ***ret, struct error *err)
{
	if (n->is != JSON_VALUE_OBJECT)
		return fault(err, "expected an object");
	char **keys = pool_alloc(pool, (n->n + 1) * sizeof *keys);
	size_t i = 0;
	for (const struct json_value *c = n->first; c; c = c->next)
		keys[i++] = c->key;
	*ret = keys;
	return 0;
}

static int read_field(const struct json_field *f, const struct json_value *n, struct pool *pool,
		      char *base, struct error *err)
{
	void *out = base + f->offset;
	void *made = NULL;
	int r;

	switch (f->kind) {
	case JSON_STRING: return read_string(n, out, err);
	case JSON_KEY_LIST: return read_keys(n, pool, out, err);
	case JSON_RAW_TEXT:
		*(char **) out = node_text(n, pool);
		return 0;
	case JSON_BOOL:
	case JSON_OPT_BOOL:
		if (n->is != JSON_VALUE_TRUTH)
			return fault(err, "expected true or false");
		if (f->kind == JSON_OPT_BOOL)
			out = *(void **) out = pool_alloc(pool, sizeof(bool));
		*(bool *) out = n->truth;
		return 0;
	case JSON_I32: case JSON_I64: case JSON_U16: case JSON_U32: case JSON_U64:
		return read_number(n, f->kind, out, err);
	case JSON_OPT_I32: case JSON_OPT_I64: case JSON_OPT_U16: case JSON_OPT_U32: case JSON_OPT_U64:
		made = pool_alloc(pool, sizeof(uint64_t));
		r = read_number(n, f->kind - JSON_OPT_I32 + JSON_I32, made, err);
		break;
	case JSON_OBJECT_IN: return read_object(f->type, n, pool, out, err);
	case JSON_OBJECT_PTR:
		made = pool_alloc(pool, f->type->size);
		r = read_object(f->type, n, pool, made, err);
		break;
	case JSON_STRINGS: r = read_list(f, n, sizeof(char *), pool, &made, err); break;
	case JSON_U32_LIST:
		((struct u32s *) out)->n = n->n;
		out = &((struct u32s *) out)->v;
		r = read_list(f, n, sizeof(uint32_t), pool, &made, err);
		break;
	case JSON_STRING_MAP:
		((struct json_map *) out)->n = n->n;
		out = &((struct json_map *) out)->pairs;
		r = read_list(f, n, sizeof(struct json_pair), pool, &made, err);
		break;
	default:
		*(size_t *) (base + f->count_offset) = n->n;
		r = read_list(f, n, f->type->size, pool, &made, err);
	}
	if (r == 0)
		*(void **) out = made;
	return r;
}

static int read_object(const struct json_type *type, const struct json_value *n, struct pool *pool,
		       void *out, struct error *err)
{
	if (n->is != JSON_VALUE_OBJECT)
		return fault(err, "expected an object");

	for (size_t i = 0; i < type->n_fields; i++) {
		const struct json_field *f = &type->fields[i];
		const struct json_value *found = NULL;
		for (const struct json_value *c = n->first; c; c = c->next)
			if (c->is != JSON_VALUE_NULL && strcmp(c->key, f->key) == 0)
				found = c;	/* the last one wins */
		if (!found && f->required)
			return under((fault(err, "missing"), err), f->key);
		if (found && read_field(f, found, pool, out, err) < 0)
			return under(err, f->key);
	}
	return 0;
}

/* spell - the members that @type knows get its spelling; the tree is as deep as MAX_DEPTH allows */
static void spell(const struct json_type *type, struct json_value *n)
{
	for (struct json_value *c = n->is == JSON_VALUE_OBJECT ? n->first : NULL; c; c = c->next)
		for (size_t i = 0; i < type->n_fields; i++) {
			const struct json_field *f = &type->fields[i];
			if (strcasecmp(c->key, f->key) != 0)
				continue;
			c->key = (char *) f->key;
			bool many = f->kind == JSON_OBJECTS || f->kind == JSON_OBJECT_MAP;
			for (struct json_value *item = many ? c->first : NULL; item; item = item->next)
				spell(f->type, item);
			if (!many && f->type)
				spell(f->type, c);
		}
}

static int decode(const struct json_type *type, bool any_case, const char *text, size_t len,
		  struct pool *pool, void *ret, struct error *err)
{
	struct json_value *root;
	int r = parse(pool, text, len, &root, err);
	if (r < 0)
		return r;
	if (any_case)
		spell(type, root);
	void *object = pool_alloc(pool, type->size);
	r = read_object(type, root, pool, object, err);
	if (r < 0)
		return name_fault(err);
	*(void **) ret = object;
	return 0;
}

int json_decode(const struct json_type *type, const char *text, size_t len,
		struct pool *pool, void *ret, struct error *err)
{
	return decode(type, false, text, len, pool, ret, err);
}

int json_decode_any_case(const struct json_type *type, const char *text, size_t len,
			 struct pool *pool, void *ret, struct error *err)
{
	return decode(type, true, text, len, pool, ret, err);
}

/* ---- struct -> text ---- */

static void put(yajl_gen g, const char *s)
{
	yajl_gen_string(g, (const unsigned char *) s, strlen(s));
}

static void put_number(yajl_gen g, enum json_kind kind, const void *p)
{
	char s[24];
	int n;
	switch (kind) {
	case JSON_I32: n = snprintf(s, sizeof s, "%" PRId32, *(const int32_t *) p); break;
	case JSON_I64: n = snprintf(s, sizeof s, "%" PRId64, *(const int64_t *) p); break;
	case JSON_U16: n = snprintf(s, sizeof s, "%" PRIu16, *(const uint16_t *) p); break;
	case JSON_U32: n = snprintf(s, sizeof s, "%" PRIu32, *(const uint32_t *) p); break;
	default: n = snprintf(s, sizeof s, "%" PRIu64, *(const uint64_t *) p);
	}
	yajl_gen_number(g, s, n);
}

static void put_node(yajl_gen g, const struct json_value *n)
{
	switch (n->is) {
	case JSON_VALUE_NULL: yajl_gen_null(g); break;
	case JSON_VALUE_TRUTH: yajl_gen_bool(g, n->truth); break;
	case JSON_VALUE_NUMBER: yajl_gen_number(g, n->text, strlen(n->text)); break;
	case JSON_VALUE_TEXT: put(g, n->text); break;
	case JSON_VALUE_LIST:
	case JSON_VALUE_OBJECT:
		n->is == JSON_VALUE_LIST ? yajl_gen_array_open(g) : yajl_gen_map_open(g);
		for (const struct json_value *c = n->first; c; c = c->next) {
			if (n->is == JSON_VALUE_OBJECT)
				put(g, c->key);
			put_node(g, c);
		}
		n->is == JSON_VALUE_LIST ? yajl_gen_array_close(g) : yajl_gen_map_close(g);
	}
}

static void put_object(yajl_gen g, const struct json_type *type, const char *base);

static bool absent(const struct json_field *f, const char *base)
{
	static const uint64_t zero;
	const void *p = base + f->offset;
	switch (f->kind) {
	case JSON_BOOL: return !*(const bool *) p;
	case JSON_I32: case JSON_I64: case JSON_U16: case JSON_U32: case JSON_U64:
		return memcmp(p, &zero, ranges[f->kind].size) == 0;
	case JSON_STRING_MAP: return ((const struct json_map *) p)->n == 0;
	case JSON_U32_LIST: return ((const struct u32s *) p)->n == 0;
	case JSON_OBJECT_IN: return false;
	case JSON_OBJECTS: case JSON_OBJECT_MAP: return *(const size_t *) (base + f->count_offset) == 0;
	default: return *(void *const *) p == NULL;
	}
}

static void put_field(yajl_gen g, const struct json_field *f, const char *base)
{
	const void *p = base + f->offset;
	bool by_value = f->kind >= JSON_BOOL && f->kind <= JSON_U64;
	bool in_place = by_value || f->kind == JSON_STRING_MAP || f->kind == JSON_U32_LIST || f->kind == JSON_OBJECT_IN;
	const char *at = in_place ? NULL : *(char *const *) p;

	if (!in_place && !at && f->kind != JSON_STRINGS && f->kind != JSON_OBJECTS && f->kind != JSON_OBJECT_MAP) {
		yajl_gen_null(g);
		return;
	}
	switch (f->kind) {
	case JSON_STRING: put(g, at); break;
	case JSON_RAW_TEXT: yajl_gen_number(g, at, strlen(at)); break;	/* written as it is */
	case JSON_KEY_LIST:
		yajl_gen_map_open(g);
		for (char **s = *(char **const *) p; *s; s++) {
			put(g, *s);
			yajl_gen_map_open(g);
			yajl_gen_map_close(g);
		}
		yajl_gen_map_close(g);
		break;
	case JSON_BOOL: yajl_gen_bool(g, *(const bool *) p); break;
	case JSON_OPT_BOOL: yajl_gen_bool(g, *(const bool *) at); break;
	case JSON_I32: case JSON_I64: case JSON_U16: case JSON_U32: case JSON_U64:
		put_number(g, f->kind, p);
		break;
	case JSON_OPT_I32: case JSON_OPT_I64: case JSON_OPT_U16: case JSON_OPT_U32: case JSON_OPT_U64:
		put_number(g, f->kind - JSON_OPT_I32 + JSON_I32, at);
		break;
	case JSON_OBJECT_IN: put_object(g, f->type, p); break;
	case JSON_OBJECT_PTR: put_object(g, f->type, at); break;
	case JSON_STRINGS:
		yajl_gen_array_open(g);
		for (char **s = *(char **const *) p; s && *s; s++)
			put(g, *s);
		yajl_gen_array_close(g);
		break;
	case JSON_U32_LIST:
		yajl_gen_array_open(g);
		for (size_t i = 0; i < ((const struct u32s *) p)->n; i++)
			put_number(g, JSON_U32, &((const struct u32s *) p)->v[i]);
		yajl_gen_array_close(g);
		break;
	case JSON_STRING_MAP:
		yajl_gen_map_open(g);
		for (size_t i = 0; i < ((const struct json_map *) p)->n; i++) {
			put(g, ((const struct json_map *) p)->pairs[i].key);
			put(g, ((const struct json_map *) p)->pairs[i].value);
		}
		yajl_gen_map_close(g);
		break;
	default: {
		bool named = f->kind == JSON_OBJECT_MAP;
		named ? yajl_gen_map_open(g) : yajl_gen_array_open(g);
		for (size_t i = *(const size_t *) (base + f->count_offset); i; i--, at += f->type->size) {
			if (named)
				put(g, *(char *const *) at);
			put_object(g, f->type, at);
		}
		named ? yajl_gen_map_close(g) : yajl_gen_array_close(g);
	}
	}
}

static void put_object(yajl_gen g, const struct json_type *type, const char *base)
{
	yajl_gen_map_open(g);
	for (size_t i = 0; i < type->n_fields; i++) {
		const struct json_field *f = &type->fields[i];
		if (!f->required && !f->always && absent(f, base))
			continue;
		put(g, f->key);
		put_field(g, f, base);
	}
	yajl_gen_map_close(g);
}

/* to_text - what was generated, as a string of its own; ends the generator */
static char *to_text(yajl_gen g, size_t *len)
{
	const unsigned char *s;
	size_t n;
	yajl_gen_get_buf(g, &s, &n);
	char *copy = xstrndup((const char *) s, n);
	if (len)
		*len = n;
	yajl_gen_free(g);
	return copy;
}

static yajl_gen generator(enum json_style style)
{
	yajl_gen g = yajl_gen_alloc(NULL);
	if (!g)
		abort();
	if (style != JSON_COMPACT) {
		yajl_gen_config(g, yajl_gen_beautify, 1);
		yajl_gen_config(g, yajl_gen_indent_string, style == JSON_TABBED ? "\t" : "  ");
	}
	return g;
}

char *json_encode(const struct json_type *type, const void *object, enum json_style style, size_t *len)
{
	yajl_gen g = generator(style);
	put_object(g, type, object);
	return to_text(g, len);
}

char *json_encode_list(const struct json_type *type, const void *objects, size_t n, enum json_style style, size_t *len)
{
	yajl_gen g = generator(style);
	yajl_gen_array_open(g);
	for (const char *at = objects; n; n--, at += type->size)
		put_object(g, type, at);
	yajl_gen_array_close(g);
	return to_text(g, len);
}

int json_send(int fd, const struct json_type *type, const void *object)
{
	size_t len;
	char *text = json_encode(type, object, JSON_COMPACT, &len);
	text = xrealloc(text, len + 2);
	text[len++] = '\n';	/* one write, so that lines of several writers do not mix */
	ssize_t n = write(fd, text, len);
	int r = n < 0 ? -errno : (size_t) n == len ? 0 : -EPIPE;
	free(text);
	return r;
}

char *json_quote(const char *s)
{
	yajl_gen g = generator(JSON_COMPACT);
	put(g, s);
	return to_text(g, NULL);
}

int json_read(const char *text, size_t len, struct pool *pool, struct json_value **ret, struct error *err)
{
	return parse(pool, text, len, ret, err);
}

char *json_write(const struct json_value *value, enum json_style style)
{
	yajl_gen g = generator(style);
	put_node(g, value);
	return to_text(g, NULL);
}
