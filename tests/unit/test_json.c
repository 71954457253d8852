#include "runtime_spec.h"
#include "tap.h"
#include <stdlib.h>

struct inner { char *name; int64_t n; };
struct doc {
	char *text, **list, **set, *any;
	bool yes, *maybe;
	uint16_t small;
	uint64_t big;
	struct json_map map;
	struct u32s ids;
	struct inner in, *ptr, *items, *named;
	size_t n_items, n_named;
};

static const struct json_type inner_type = JSON_TYPE(struct inner,
	JSON_FIELD(struct inner, name, "name"), JSON_ALWAYS(struct inner, n, "n"));
static const struct json_type named_type = JSON_TYPE(struct inner, JSON_FIELD(struct inner, n, "n"));
static const struct json_type doc_type = JSON_TYPE(struct doc,
	JSON_REQUIRED(struct doc, text, "text"),
	JSON_FIELD(struct doc, list, "list"),
	JSON_KEYS(struct doc, set, "set"),
	JSON_ANY(struct doc, any, "any"),
	JSON_FIELD(struct doc, yes, "yes"),
	JSON_FIELD(struct doc, maybe, "maybe"),
	JSON_FIELD(struct doc, small, "small"),
	JSON_FIELD(struct doc, big, "big"),
	JSON_FIELD(struct doc, map, "map"),
	JSON_FIELD(struct doc, ids, "ids"),
	JSON_INLINE(struct doc, in, "in", inner_type),
	JSON_OBJECT(struct doc, ptr, "ptr", inner_type),
	JSON_LIST(struct doc, items, "items", inner_type),
	JSON_NAMED(struct doc, named, "named", named_type));

static const struct { const char *text, *error; } bad[] = {
	{ "[]", "expected an object" },
	{ "{}", "ociVersion: missing" },
	{ "{\"ociVersion\":\"1\",\"process\":{\"cwd\":\"/\",\"user\":{\"uid\":-1}}}",
	  "process.user.uid: expected a whole number from 0 to 4294967295" },
	{ "{\"ociVersion\":\"1\",\"process\":{\"cwd\":\"/\",\"user\":{\"uid\":4294967296}}}",
	  "process.user.uid: expected a whole number from 0 to 4294967295" },
	{ "{\"ociVersion\":\"1\",\"process\":{\"cwd\":\"/\",\"user\":{\"uid\":1.5}}}",
	  "process.user.uid: expected a whole number from 0 to 4294967295" },
	{ "{\"ociVersion\":\"1\",\"mounts\":[{}]}", "mounts[0].destination: missing" },
	{ "{\"ociVersion\":\"1\",\"hostname\":\"a\\u0000b\"}", "hostname: a string holds a NUL byte at byte 39" },
	{ "{\"ociVersion\":", NULL },
	{ "", NULL },
};

static void test_bad(void)
{
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct pool pool = { 0 };
		struct error err = { 0 };
		struct runtime_spec *spec = NULL;
		OK(json_decode(&runtime_spec_type, bad[i].text, strlen(bad[i].text), &pool, &spec, &err) < 0);
		if (bad[i].error)
			OK_STR(err.text, bad[i].error);
		else
			OK(err.text[0] != 0);
		OK(spec == NULL);
		pool_done(&pool);
	}
}

static void test_depth(void)
{
	enum { DEEP = 100000 };
	char *text = calloc(1, DEEP + 1);
	memset(text, '[', DEEP);
	struct pool pool = { 0 };
	struct error err = { 0 };
	struct doc *doc;
	OK(json_decode(&doc_type, text, DEEP, &pool, &doc, &err) < 0);
	OK(strstr(err.text, "nested too deeply") != NULL);
	pool_done(&pool);
	free(text);
}

static void test_round_trip(void)
{
	static const char text[] =
		"{\"text\":\"a\\\"\\n\",\"list\":[\"x\",\"y\"],\"set\":{\"80/tcp\":{}},\"any\":{\"k\":[1,null,true,\"s\",2.5]},"
		"\"yes\":true,\"maybe\":false,\"small\":65535,\"big\":18446744073709551615,\"map\":{\"b\":\"1\",\"a\":\"2\"},"
		"\"ids\":[0,4294967295],\"in\":{\"name\":\"i\",\"n\":0},\"ptr\":{\"name\":\"p\",\"n\":-9223372036854775808},"
		"\"items\":[{\"name\":\"1\",\"n\":1},{\"n\":2}],\"named\":{\"one\":{\"n\":1}}}";
	struct pool pool = { 0 };
	struct error err = { 0 };
	struct doc *doc = NULL;
	OK(json_decode(&doc_type, text, strlen(text), &pool, &doc, &err) == 0);
	OK(doc && doc->small == 65535 && doc->big == UINT64_MAX);
	OK_STR(doc->set[0], "80/tcp");
	OK_STR(doc->any, "{\"k\":[1,null,true,\"s\",2.5]}");
	OK_STR(doc->named[0].name, "one");
	OK(doc->ptr->n == INT64_MIN && doc->n_items == 2 && doc->ids.v[1] == UINT32_MAX);
	size_t len;
	char *again = json_encode(&doc_type, doc, JSON_COMPACT, &len);
	OK_STR(again, text);
	OK(len == strlen(text));
	free(again);
	again = json_encode(&inner_type, &doc->in, JSON_INDENTED, NULL);
	OK_STR(again, "{\n  \"name\": \"i\",\n  \"n\": 0\n}\n");
	free(again);
	again = json_encode_list(&inner_type, doc->items, 2, JSON_COMPACT, NULL);
	OK_STR(again, "[{\"name\":\"1\",\"n\":1},{\"n\":2}]");
	free(again);
	pool_done(&pool);
}

/* as Go reads: null is absent, unknown members are skipped, the last of equal members wins */
static void test_custom(void)
{
	static const char text[] = "{\"text\":\"1\",\"what\":[{}],\"text\":\"2\",\"list\":null,\"maybe\":null}";
	struct pool pool = { 0 };
	struct error err = { 0 };
	struct doc *doc = NULL;
	OK(json_decode(&doc_type, text, strlen(text), &pool, &doc, &err) == 0);
	OK_STR(doc->text, "2");
	OK(doc->list == NULL && doc->maybe == NULL);
	pool_done(&pool);
}

/* documents of people: in any case, at every depth; keys that are names stay as they are */
static void test_any_case(void)
{
	static const char text[] = "{\"TEXT\":\"1\",\"Ptr\":{\"NAME\":\"p\"},\"Items\":[{\"N\":7}],\"NAMED\":{\"N\":{\"N\":3}},"
				   "\"Map\":{\"Text\":\"x\"},\"text\":\"2\"}";
	struct pool pool = { 0 };
	struct error err = { 0 };
	struct doc *doc = NULL;
	OK(json_decode(&doc_type, text, strlen(text), &pool, &doc, &err) == 0 && !doc->ptr && !doc->n_items);
	OK(json_decode_any_case(&doc_type, text, strlen(text), &pool, &doc, &err) == 0);
	OK_STR(doc->text, "2");
	OK_STR(doc->ptr->name, "p");
	OK(doc->n_items == 1 && doc->items[0].n == 7 && doc->n_named == 1 && doc->named[0].n == 3);
	OK_STR(doc->named[0].name, "N");
	OK_STR(doc->map.pairs[0].key, "Text");
	OK(json_decode_any_case(&doc_type, "{\"Text\":[]}", 11, &pool, &doc, &err) < 0);
	OK(json_decode_any_case(&doc_type, "[1]", 3, &pool, &doc, &err) < 0);
	pool_done(&pool);
}

int main(void)
{
	test_any_case();
	test_bad();
	test_depth();
	test_round_trip();
	test_custom();
	return tap_done();
}
