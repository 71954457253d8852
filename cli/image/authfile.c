#include "authfile.h"
#include "cleanup.h"
#include "json.h"
#include <string.h>
#include <strings.h>

struct entry { char *name, *auth, *identity_token, *username, *password; };
struct authfile { struct entry *auths; size_t n_auths; struct json_map helpers; char *store; };
#define T struct entry
static const struct json_type entry_type = JSON_TYPE(T, JSON_FIELD(T, auth, "auth"), JSON_FIELD(T, identity_token, "identitytoken"),
	JSON_FIELD(T, username, "username"), JSON_FIELD(T, password, "password"));
#undef T
#define T struct authfile
static const struct json_type authfile_type = JSON_TYPE(T, JSON_NAMED(T, auths, "auths", entry_type), JSON_FIELD(T, helpers, "credHelpers"),
	JSON_FIELD(T, store, "credsStore"));
#undef T

/* ---- keys ---- */

struct key { char *host; const char *path; };

/* split_key - caller frees host, in which path is, too */
static struct key split_key(const char *key)
{
	static const char *const hub[] = { "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com" };
	const char *bare = str_after(key, "https://");
	bare = bare ? bare : str_after(key, "http://");
	bool url = bare != NULL;
	char *host = xstrdup(url ? bare : key), *path = strchr(host, '/');
	if (path)
		*path++ = 0;
	for (size_t n = path ? strlen(path) : 0; n && path[n - 1] == '/'; n--)
		path[n - 1] = 0;
	bool api = path && (strcmp(path, "v1") == 0 || strcmp(path, "v2") == 0);
	for (size_t i = 0; i < sizeof hub / sizeof *hub; i++)
		if (strcasecmp(host, hub[i]) == 0)
			strcpy(host, "docker.io");	/* shorter than each */
	return (struct key) { host, url || api || !path ? "" : path };
}

static bool same_key(const char *a, const char *b)
{
	struct key x = split_key(a), y = split_key(b);
	bool same = strcasecmp(x.host, y.host) == 0 && strcmp(x.path, y.path) == 0;
	free(x.host);
	free(y.host);
	return same;
}

size_t authfile_match(const char *key, const char *registry, const char *path)
{
	struct key k = split_key(key), r = split_key(registry);
	size_t n = strlen(k.path);
	bool fits = n == 0 || (path && strncmp(path, k.path, n) == 0 && (path[n] == 0 || path[n] == '/'));
	size_t score = *k.host && strcasecmp(k.host, r.host) == 0 && fits ? n + 1 : 0;
	free(k.host);
	free(r.host);
	return score;
}

/* ---- base64, RFC 4648 ---- */

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static char *base64(const char *text)
{
	const unsigned char *s = (const unsigned char *) text;
	size_t n = strlen(text);
	char *out = xmalloc((n + 2) / 3 * 4 + 1), *to = out;
	for (size_t i = 0; i < n; i += 3) {
		unsigned long v = (unsigned long) s[i] << 16 | (i + 1 < n ? (unsigned long) s[i + 1] << 8 : 0) | (i + 2 < n ? s[i + 2] : 0);
		*to++ = digits[v >> 18];
		*to++ = digits[v >> 12 & 63];
		*to++ = i + 1 < n ? digits[v >> 6 & 63] : '=';
		*to++ = i + 2 < n ? digits[v & 63] : '=';
	}
	*to = 0;
	return out;
}

/* unbase64 - NULL when it is none, or holds a NUL byte other than at its end (docker has written those) */
static char *unbase64(struct pool *pool, const char *text)
{
	char *out = pool_alloc(pool, strlen(text) + 1);
	size_t n = 0;
	unsigned long v = 0;
	unsigned bits = 0;
	for (; *text && *text != '='; text++) {
		const char *digit = strchr(digits, *text);
		if (!digit)
			return NULL;
		v = (v << 6 | (unsigned long) (digit - digits)) & 0xffffff;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			out[n++] = (char) (v >> bits & 0xff);
		}
	}
	if (text[strspn(text, "=")] || strlen(text) > 2)
		return NULL;
	while (n && out[n - 1] == 0)
		n--;
	return memchr(out, 0, n) ? NULL : out;
}

/* ---- reading ---- */

static int read_entry(const struct entry *e, struct pool *pool, struct credential *ret, struct error *err)
{
	*ret = (struct credential) { e->username, e->password, str_empty(e->identity_token) ? NULL : e->identity_token };
	if (!str_empty(e->auth)) {
		char *pair = unbase64(pool, e->auth), *colon = pair ? strchr(pair, ':') : NULL;
		if (!colon)
			return error_say(err, EINVAL, "the entry '%.100s' is malformed: \"auth\" is not base64 of USER:PASSWORD; log in "
					 "again", e->name);
		*colon = 0;
		ret->username = pair;
		ret->password = colon + 1;
	}
	if (!ret->username && ret->identity_token)
		ret->username = pool_strdup(pool, "<token>");
	if (ret->username && !ret->password)
		ret->password = pool_strdup(pool, "");
	return 0;
}

static int decode(const char *text, size_t len, struct pool *pool, struct authfile **ret, struct error *err)
{
	size_t blank = 0;
	while (blank < len && strchr(" \t\r\n", text[blank]) && text[blank])
		blank++;
	if (blank == len) {	/* an empty file is an empty object, as docker has it */
		text = "{}";
		len = 2;
	}
	int r = json_decode(&authfile_type, text, len, pool, ret, err);
	/* the sentence may quote what stands at the place, which is a secret */
	return r < 0 ? error_say(err, EINVAL, "it is no JSON of the expected form; see containers-auth.json(5)") : 0;
}

int authfile_lookup(const char *text, size_t len, const char *registry, const char *path, struct pool *pool, struct authfile_found *ret,
		    struct error *err)
{
	struct authfile *file;
	int r = decode(text, len, pool, &file, err);
	if (r < 0)
		return r;
	struct authfile_found found = { .store = str_empty(file->store) ? NULL : file->store };
	size_t best = 0, best_helper = 0;
	for (size_t i = 0; i < file->helpers.n; i++) {
		size_t n = authfile_match(file->helpers.pairs[i].key, registry, path);
		if (n > best_helper) {
			best_helper = n;
			found.helper = file->helpers.pairs[i].value;
		}
	}
	for (size_t i = 0; r == 0 && i < file->n_auths; i++) {
		const struct entry *e = &file->auths[i];
		size_t n = authfile_match(e->name, registry, path);
		if (n > best && (e->auth || e->identity_token || e->username)) {
			best = n;
			r = read_entry(e, pool, &found.credential, err);
		}
	}
	if (best > best_helper || str_empty(found.helper))
		found.helper = NULL;
	if (r == 0)
		*ret = found;
	return r;
}

int authfile_keys(const char *text, size_t len, struct strings *keys, struct strings *helpers, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct authfile *file;
	int r = decode(text, len, &pool, &file, err);
	if (r < 0)
		return r;
	for (size_t i = 0; keys && i < file->n_auths; i++)
		strings_add(keys, file->auths[i].name);
	if (helpers && !str_empty(file->store))
		strings_add(helpers, file->store);
	for (size_t i = 0; helpers && i < file->helpers.n; i++)
		if (!strings_have(helpers->v, file->helpers.pairs[i].value))
			strings_add(helpers, file->helpers.pairs[i].value);
	return 0;
}

/* ---- editing ----
 *
 * The document is known to be JSON by then, and is cut at the members of an object: what is not ours is copied as it stands. */

struct cutter { const char *at, *end; };
struct member { const char *key, *value; size_t key_len, value_len; };	/* key without its quotes */

/* what json.h takes for blanks */
static void skip_blanks(struct cutter *c)
{
	while (c->at < c->end && strchr(" \t\r\n\v\f,:", *c->at) && *c->at)
		c->at++;
}

static void skip_string(struct cutter *c)
{
	for (c->at++; c->at < c->end && *c->at != '"'; c->at++)
		if (*c->at == '\\')
			c->at++;
	c->at++;
}

static void skip_value(struct cutter *c)
{
	unsigned depth = 0;
	do {
		if (*c->at == '"') {
			skip_string(c);
			continue;
		}
		if (*c->at == '{' || *c->at == '[')
			depth++;
		if (depth && (*c->at == '}' || *c->at == ']'))
			depth--;
		c->at++;
	} while (c->at < c->end && (depth || !strchr(",}] \t\r\n\v\f", *c->at)));
}

/* next_member - of the object that @c is in; false behind the last */
static bool next_member(struct cutter *c, struct member *ret)
{
	skip_blanks(c);
	if (c->at >= c->end || *c->at != '"')
		return false;
	ret->key = c->at + 1;
	skip_string(c);
	ret->key_len = (size_t) (c->at - ret->key - 1);
	skip_blanks(c);
	ret->value = c->at;
	skip_value(c);
	ret->value_len = (size_t) (c->at - ret->value);
	return true;
}

static struct cutter enter(const char *text, size_t len)
{
	const char *brace = memchr(text, '{', len);
	return brace ? (struct cutter) { brace + 1, text + len } : (struct cutter) { text, text };
}

struct name { char *text; };
static const struct json_type name_type = JSON_TYPE(struct name, JSON_FIELD(struct name, text, "name"));

/* key_is - whatever escapes it is written with */
static bool key_is(const struct member *m, const char *key)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct name *name;
	const char *document = pool_printf(&pool, "{\"name\":\"%.*s\"}", (int) m->key_len, m->key);
	return json_decode(&name_type, document, strlen(document), &pool, &name, NULL) == 0 && same_key(name->text, key);
}

static void separate(struct buf *out, bool *first, const char *indent)
{
	buf_printf(out, "%s\n%s", *first ? "" : ",", indent);
	*first = false;
}

static void add_entry(struct buf *out, const char *key, const struct credential *c)
{
	cleanup_free char *name = json_quote(key);
	buf_printf(out, "%s: {", name);
	if (c->username) {
		cleanup_free char *pair = xasprintf("%s:%s", c->username, c->identity_token || !c->password ? "" : c->password);
		cleanup_free char *encoded = base64(pair), *token = c->identity_token ? json_quote(c->identity_token) : NULL;
		buf_printf(out, "\n\t\t\t\"auth\": \"%s\"", encoded);
		if (token)
			buf_printf(out, ",\n\t\t\t\"identitytoken\": %s", token);
		buf_puts(out, "\n\t\t");
	}
	buf_puts(out, "}");
}

static int edit_auths(struct buf *out, const struct member *auths, const char *key, const struct credential *c)
{
	struct cutter in = auths ? enter(auths->value, auths->value_len) : (struct cutter) { "", "" };
	struct member m;
	int gone = 0;
	bool first = true;
	buf_puts(out, "\"auths\": {");
	while (next_member(&in, &m)) {
		if (!key || key_is(&m, key)) {
			gone++;
			continue;
		}
		separate(out, &first, "\t\t");
		buf_printf(out, "\"%.*s\": %.*s", (int) m.key_len, m.key, (int) m.value_len, m.value);
	}
	if (c) {
		separate(out, &first, "\t\t");
		add_entry(out, key, c);
	}
	buf_puts(out, first ? "}" : "\n\t}");
	return gone;
}

int authfile_edit(const char *text, size_t len, const char *key, const struct credential *c, char **ret, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct authfile *file;
	int r = decode(text, len, &pool, &file, err);
	if (r < 0)
		return r;
	struct buf out cleanup_buf = { 0 };
	struct cutter in = enter(text, len);
	struct member m;
	bool first = true, seen = false;
	int gone = 0;
	buf_puts(&out, "{");
	while (next_member(&in, &m)) {
		bool auths = m.key_len == 5 && memcmp(m.key, "auths", 5) == 0;
		if (auths && seen)
			return error_say(err, EINVAL, "\"auths\" is in it twice");
		separate(&out, &first, "\t");
		if (auths)
			gone = edit_auths(&out, &m, key, c);
		else
			buf_printf(&out, "\"%.*s\": %.*s", (int) m.key_len, m.key, (int) m.value_len, m.value);
		seen = seen || auths;
	}
	if (!seen) {
		separate(&out, &first, "\t");
		gone = edit_auths(&out, NULL, key, c);
	}
	buf_puts(&out, "\n}\n");
	*ret = buf_take(&out);
	return gone;
}
