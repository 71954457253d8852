/* Theory of operation.
 *
 * One pass by recursive descent. A document is lines: `[a.b]` opens a table, `[[a.b]]` appends one to an array of tables, `c.d = value`
 * puts a value below the table that is open. What makes TOML hard is who may add to a table later; so each table knows how it came
 * to be: TOML_OPEN was only gone through ([a.b] makes a), and may be opened once; TOML_HEADED had its own header; TOML_DOTTED
 * was made by a dotted key, and only further dotted keys below the same header may add to it; TOML_CLOSED is `{ ... }` or `[ ... ]`,
 * complete as it stands.
 */
#include "toml.h"
#include "str.h"
#include <stdio.h>
#include <string.h>

struct parser {
	const char *at, *end;
	unsigned line, depth;
	struct pool *pool;
	struct error *err;
	struct toml *root, *open;
};

static int fail(struct parser *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int fail(struct parser *p, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	char text[300];
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return error_say(p->err, EINVAL, "line %u: %s", p->line, text);
}

const char *toml_kind_name(enum toml_kind kind)
{
	static const char *const names[] = { "a string", "a number", "true or false", "an array", "a table" };
	return names[kind];
}

/* ---- characters ---- */

static bool more(const struct parser *p) { return p->at < p->end; }
static char peek(const struct parser *p) { return more(p) ? *p->at : 0; }

static bool looking_at(const struct parser *p, const char *word)
{
	size_t n = strlen(word);
	return (size_t) (p->end - p->at) >= n && memcmp(p->at, word, n) == 0;
}

static void skip_blanks(struct parser *p)
{
	while (peek(p) == ' ' || peek(p) == '\t')
		p->at++;
}

/* utf8_length - of the character at @s, 0 when it is none (RFC 3629) */
static size_t utf8_length(const unsigned char *s, size_t left)
{
	size_t n = *s < 0x80 ? 1 : *s < 0xc2 ? 0 : *s < 0xe0 ? 2 : *s < 0xf0 ? 3 : *s < 0xf5 ? 4 : 0;
	if (n == 0 || n > left)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	bool bad = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
		   (s[0] == 0xf4 && s[1] > 0x8f);
	return bad ? 0 : n;
}

static int check_characters(struct parser *p)
{
	for (const char *c = p->at; c < p->end;) {
		size_t n = utf8_length((const unsigned char *) c, (size_t) (p->end - c));
		bool control = n == 1 && ((*c < ' ' && *c != '\t' && *c != '\n' && !(*c == '\r' && c + 1 < p->end && c[1] == '\n')) || *c == 0x7f);
		if (n == 0 || control)
			return fail(p, n ? "a control character" : "this is no UTF-8");
		p->line += *c == '\n';
		c += n;
	}
	p->line = 1;
	return 0;
}

static void skip_comment(struct parser *p)
{
	if (peek(p) == '#')
		while (more(p) && *p->at != '\n')
			p->at++;
	if (peek(p) == '\r')
		p->at++;
}

/* skip_lines - blanks, comments and ends of lines */
static void skip_lines(struct parser *p)
{
	for (;;) {
		skip_blanks(p);
		skip_comment(p);
		if (peek(p) != '\n')
			return;
		p->at++;
		p->line++;
	}
}

static int expect_line_end(struct parser *p)
{
	skip_blanks(p);
	skip_comment(p);
	if (!more(p))
		return 0;
	if (*p->at == '\n')
		return 0;
	size_t n = 0;
	while (p->at + n < p->end && p->at[n] != '\n' && n < 40)
		n++;
	return fail(p, "'%.*s' stands behind what is complete; one value or header a line", (int) n, p->at);
}

/* ---- strings ---- */

static int hex_digits(struct parser *p, int n, uint32_t *ret)
{
	uint32_t v = 0;
	for (int i = 0; i < n; i++) {
		char c = peek(p);
		int digit = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
		if (digit < 0)
			return fail(p, "\\u needs 4 hex digits, \\U 8");
		v = v << 4 | (uint32_t) digit;
		p->at++;
	}
	*ret = v;
	return 0;
}

static char *put_utf8(char *out, uint32_t c)
{
	if (c < 0x80) {
		*out++ = (char) c;
	} else if (c < 0x800) {
		*out++ = (char) (0xc0 | c >> 6);
	} else if (c < 0x10000) {
		*out++ = (char) (0xe0 | c >> 12);
		*out++ = (char) (0x80 | (c >> 6 & 0x3f));
	} else {
		*out++ = (char) (0xf0 | c >> 18);
		*out++ = (char) (0x80 | (c >> 12 & 0x3f));
		*out++ = (char) (0x80 | (c >> 6 & 0x3f));
	}
	if (c >= 0x80)
		*out++ = (char) (0x80 | (c & 0x3f));
	return out;
}

static int escape(struct parser *p, char **out)
{
	static const char letters[] = "btnfr\"\\", meant[] = "\b\t\n\f\r\"\\";
	char c = peek(p);
	const char *known = c ? strchr(letters, c) : NULL;
	uint32_t code = 0;
	p->at += more(p);
	if (known) {
		*(*out)++ = meant[known - letters];
		return 0;
	}
	if (c != 'u' && c != 'U')
		return fail(p, "'\\%c' is no escape", c ? c : ' ');
	int r = hex_digits(p, c == 'u' ? 4 : 8, &code);
	if (r < 0)
		return r;
	if (code == 0 || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return fail(p, "\\%c%x is no character that a string may hold", c, code);
	*out = put_utf8(*out, code);
	return 0;
}

/* skip_continuation - behind a backslash at the end of a line of a long string: to the next that is no blank */
static bool skip_continuation(struct parser *p)
{
	const char *c = p->at;
	while (c < p->end && (*c == ' ' || *c == '\t' || *c == '\r'))
		c++;
	if (c == p->end || *c != '\n')
		return false;
	for (; c < p->end && strchr(" \t\r\n", *c); c++)
		p->line += *c == '\n';
	p->at = c;
	return true;
}

/* string - at the first quote. Long ones are between three; literal ones ('') know no escapes */
static int string(struct parser *p, bool may_be_long, char **ret)
{
	char quote = *p->at;
	const char three[] = { quote, quote, quote, 0 };
	bool is_long = may_be_long && looking_at(p, three), literal = quote == '\'';
	const char *closing = is_long ? three : three + 2;
	p->at += is_long ? 3 : 1;
	if (is_long && peek(p) == '\r')
		p->at++;
	if (is_long && peek(p) == '\n') {
		p->at++;
		p->line++;
	}
	char *out = *ret = pool_alloc(p->pool, (size_t) (p->end - p->at) + 1);
	for (; !looking_at(p, closing); ) {
		if (!more(p) || (!is_long && *p->at == '\n'))
			return fail(p, "the string is not closed");
		if (*p->at == '\\' && !literal) {
			p->at++;
			int r = is_long && skip_continuation(p) ? 0 : escape(p, &out);
			if (r < 0)
				return r;
			continue;
		}
		p->line += *p->at == '\n';
		*out++ = *p->at++;
	}
	p->at += is_long ? 3 : 1;
	for (int i = 0; is_long && i < 2 && peek(p) == quote; i++)	/* up to two more belong to it */
		*out++ = *p->at++;
	return 0;
}

/* ---- tables ---- */

static struct toml *find(const struct toml *table, const char *key)
{
	for (struct toml *t = table->first; t; t = t->next)
		if (strcmp(t->key, key) == 0)
			return t;
	return NULL;
}

const struct toml *toml_get(const struct toml *table, const char *key) { return find(table, key); }

static int add(struct parser *p, struct toml *to, char *key, enum toml_kind kind, struct toml **ret)
{
	if (to->n == TOML_MEMBERS_MAX)
		return fail(p, "more than %d members", TOML_MEMBERS_MAX);
	struct toml *t = pool_alloc(p->pool, sizeof *t);
	*t = (struct toml) { .kind = kind, .line = p->line, .key = key };
	*(to->last ? &to->last->next : &to->first) = t;
	to->last = t;
	to->n++;
	*ret = t;
	return 0;
}

static int key(struct parser *p, char **ret)
{
	skip_blanks(p);
	if (peek(p) == '"' || peek(p) == '\'')
		return string(p, false, ret);
	const char *start = p->at;
	while (more(p) && strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-", *p->at))
		p->at++;
	if (p->at == start)
		return fail(p, "a name is expected (letters, digits, '_', '-', or a string)");
	*ret = pool_strndup(p->pool, start, (size_t) (p->at - start));
	return 0;
}

/* step - into the table @name of @from; made when it is not there */
static int step(struct parser *p, struct toml *from, char *name, bool dotted, struct toml **ret)
{
	struct toml *t = find(from, name);
	if (!t) {
		int r = add(p, from, name, TOML_TABLE, ret);
		if (r == 0)
			(*ret)->state = dotted ? TOML_DOTTED : TOML_OPEN;
		return r;
	}
	if (t->kind == TOML_ARRAY && t->state != TOML_CLOSED && !dotted)
		t = t->last;		/* the table of [[name]] that was opened last */
	if (t->kind != TOML_TABLE)
		return fail(p, "'%.100s' is %s (line %u), no table", name, toml_kind_name(t->kind), t->line);
	if (t->state == TOML_CLOSED || (dotted && t->state != TOML_DOTTED))
		return fail(p, "the table '%.100s' is complete (line %u); nothing can be added to it here", name, t->line);
	*ret = t;
	return 0;
}

/* path - `a.b.c`: steps into all but the last, which is *@ret_name */
static int path(struct parser *p, struct toml **from, bool dotted, char **ret_name)
{
	for (unsigned depth = 0;; depth++) {
		int r = key(p, ret_name);
		if (r < 0)
			return r;
		skip_blanks(p);
		if (peek(p) != '.')
			return 0;
		p->at++;
		if (depth == TOML_DEPTH_MAX)
			return fail(p, "tables deeper than %d levels", TOML_DEPTH_MAX);
		r = step(p, *from, *ret_name, dotted, from);
		if (r < 0)
			return r;
	}
}

static int header(struct parser *p)
{
	bool array = looking_at(p, "[[");
	struct toml *from = p->root, *t;
	char *name;
	p->at += array ? 2 : 1;
	int r = path(p, &from, false, &name);
	if (r < 0)
		return r;
	if (!looking_at(p, array ? "]]" : "]"))
		return fail(p, "'%s' is expected behind the table's name", array ? "]]" : "]");
	p->at += array ? 2 : 1;
	t = find(from, name);
	if (array) {
		if (t && (t->kind != TOML_ARRAY || t->state == TOML_CLOSED))
			return fail(p, "'%.100s' is no array of tables (line %u)", name, t->line);
		r = t ? 0 : add(p, from, name, TOML_ARRAY, &t);
		if (r == 0)
			r = add(p, t, NULL, TOML_TABLE, &t);
	} else {
		if (t && (t->kind != TOML_TABLE || t->state != TOML_OPEN))
			return fail(p, "'%.100s' is there already (line %u)", name, t->line);
		r = t ? 0 : add(p, from, name, TOML_TABLE, &t);
	}
	if (r < 0)
		return r;
	t->state = TOML_HEADED;
	p->open = t;
	return expect_line_end(p);
}

/* ---- values ---- */

static int value(struct parser *p, struct toml *to, char *name);

static int pair(struct parser *p, struct toml *to)
{
	char *name;
	int r = path(p, &to, true, &name);
	if (r < 0)
		return r;
	if (peek(p) != '=')
		return fail(p, "'=' is expected behind '%.100s'", name);
	p->at++;
	skip_blanks(p);
	const struct toml *there = find(to, name);
	if (there)
		return fail(p, "'%.100s' is there already (line %u)", name, there->line);
	return value(p, to, name);
}

static int array(struct parser *p, struct toml *t)
{
	p->at++;
	for (;;) {
		skip_lines(p);
		if (peek(p) == ']')
			break;
		int r = value(p, t, NULL);
		if (r < 0)
			return r;
		skip_lines(p);
		if (peek(p) == ',')
			p->at++;
		else if (peek(p) != ']')
			return fail(p, "',' or ']' is expected in the array of line %u", t->line);
	}
	p->at++;
	t->state = TOML_CLOSED;
	return 0;
}

static void close_all(struct toml *t)
{
	for (struct toml *c = t->first; c; c = c->next)
		if (c->kind == TOML_TABLE && c->state == TOML_DOTTED)
			close_all(c);
	t->state = TOML_CLOSED;
}

static int inline_table(struct parser *p, struct toml *t)
{
	p->at++;
	skip_blanks(p);
	for (bool first = true; first || peek(p) != '}'; first = false) {
		if (first && peek(p) == '}')
			break;
		if (!first && peek(p) != ',')
			return fail(p, "',' or '}' is expected in the table of line %u", t->line);
		p->at += !first;
		int r = pair(p, t);
		if (r < 0)
			return r;
		skip_blanks(p);
	}
	p->at++;
	close_all(t);
	return 0;
}

/* digits - the word without its underscores, each of which stands between two digits; "" when that is wrong */
static void digits(const char *word, size_t n, char out[80])
{
	size_t to = 0;
	for (size_t i = 0; i < n && to < 79; i++) {
		bool between = i > 0 && i + 1 < n && word[i - 1] != '_' && strchr("+-", word[i - 1]) == NULL && word[i + 1] != '_';
		if (word[i] == '_' && !between) {
			to = 0;
			break;
		}
		if (word[i] != '_')
			out[to++] = word[i];
	}
	out[to] = 0;
}

static int based(const char *s, unsigned base, int64_t *ret)
{
	uint64_t v = 0;
	if (!*s)
		return -EINVAL;
	for (; *s; s++) {
		unsigned digit = *s >= '0' && *s <= '9' ? (unsigned) (*s - '0') : (*s | 32) >= 'a' && (*s | 32) <= 'f' ?
			(unsigned) ((*s | 32) - 'a' + 10) : 99;
		if (digit >= base || v > (uint64_t) INT64_MAX / base)
			return -EINVAL;
		v = v * base + digit;
	}
	*ret = (int64_t) v;
	return v <= INT64_MAX ? 0 : -EINVAL;
}

static int integer(const char *word, size_t n, int64_t *ret)
{
	char s[80];
	if (n == 0 || n > 70)
		return -EINVAL;
	digits(word, n, s);
	if (str_starts(s, "0x"))
		return based(s + 2, 16, ret);
	if (str_starts(s, "0o"))
		return based(s + 2, 8, ret);
	if (str_starts(s, "0b"))
		return based(s + 2, 2, ret);
	const char *number = s + (*s == '+' || *s == '-');
	if ((*number == '0' && number[1]) || *number < '0' || *number > '9')
		return -EINVAL;
	return str_to_i64(*s == '+' ? s + 1 : s, INT64_MIN, INT64_MAX, ret);
}

static int word(struct parser *p, struct toml *t)
{
	const char *start = p->at;
	while (more(p) && !strchr(" \t\r\n,]}#=", *p->at))
		p->at++;
	size_t n = (size_t) (p->at - start);
	if ((n == 4 && memcmp(start, "true", 4) == 0) || (n == 5 && memcmp(start, "false", 5) == 0)) {
		t->kind = TOML_BOOL;
		t->boolean = n == 4;
		return 0;
	}
	t->kind = TOML_INTEGER;
	if (integer(start, n, &t->integer) == 0)
		return 0;
	bool number = n && (strchr("+-0123456789", *start) || memcmp(start, "nan", n < 3 ? n : 3) == 0 || memcmp(start, "inf", n < 3 ? n : 3) == 0);
	if (number && n >= 3)
		return fail(p, "'%.*s': of numbers only whole ones of 64 bits are understood, and no dates", n > 40 ? 40 : (int) n, start);
	return fail(p, "'%.*s' is no value: a string in quotes, a number, true, false, an array or a table", n > 40 ? 40 : (int) n, start);
}

/* value - of any kind, as the member @name of @to (NULL: of an array) */
static int value(struct parser *p, struct toml *to, char *name)
{
	struct toml *t;
	char c = peek(p);
	enum toml_kind kind = c == '[' ? TOML_ARRAY : c == '{' ? TOML_TABLE : TOML_STRING;
	int r = add(p, to, name, kind, &t);
	if (r < 0)
		return r;
	if (c == '"' || c == '\'')
		return string(p, true, &t->string);
	if (kind == TOML_STRING)
		return word(p, t);
	if (++p->depth > TOML_DEPTH_MAX)
		return fail(p, "values deeper than %d levels", TOML_DEPTH_MAX);
	r = kind == TOML_ARRAY ? array(p, t) : inline_table(p, t);
	p->depth--;
	return r;
}

int toml_parse(const char *text, size_t len, struct pool *pool, struct toml **ret, struct error *err)
{
	struct parser p = { .at = text, .end = text + len, .line = 1, .pool = pool, .err = err };
	int r = check_characters(&p);
	p.root = p.open = pool_alloc(pool, sizeof *p.root);
	*p.root = (struct toml) { .kind = TOML_TABLE, .line = 1, .state = TOML_HEADED };
	for (skip_lines(&p); r == 0 && more(&p); skip_lines(&p)) {
		r = peek(&p) == '[' ? header(&p) : pair(&p, p.open);
		if (r == 0)
			r = expect_line_end(&p);
	}
	if (r == 0)
		*ret = p.root;
	return r;
}
