/* Theory of operation.
 *
 * The grammar is a list of lists that share the comma: `Basic realm="a", charset="UTF-8", Negotiate, Bearer realm="b"`. A word that
 * is followed by "=" and a value is a parameter of the challenge before it; any other word begins the next challenge. The third
 * form, `Negotiate YII==`, is a word behind the scheme that runs with its padding up to a comma or the end.
 */
#include "challenge.h"
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

struct text { const char *at, *end; };

static bool is_word(unsigned char c)
{
	return c > ' ' && c < 0x7f && !strchr("\"(),/:;<=>?@[\\]{}", c);
}

static void skip_blanks(struct text *t)
{
	while (t->at < t->end && (*t->at == ' ' || *t->at == '\t'))
		t->at++;
}

static void skip_commas(struct text *t)
{
	while (t->at < t->end && (*t->at == ' ' || *t->at == '\t' || *t->at == ','))
		t->at++;
}

/* word - NULL when there is none */
static char *word(struct text *t, struct pool *pool)
{
	const char *start = t->at;
	while (t->at < t->end && is_word((unsigned char) *t->at))
		t->at++;
	return t->at > start ? pool_strndup(pool, start, (size_t) (t->at - start)) : NULL;
}

/* quoted - behind the first quote; NULL when the second is missing */
static char *quoted(struct text *t, struct pool *pool)
{
	char *out = pool_alloc(pool, (size_t) (t->end - t->at) + 1), *to = out;
	for (; t->at < t->end && *t->at != '"'; t->at++) {
		if (*t->at == '\\' && ++t->at == t->end)
			return NULL;
		*to++ = *t->at;
	}
	if (t->at == t->end)
		return NULL;
	t->at++;
	return out;
}

/* skip_token68 - `YII==` and the like; true when there was one */
static bool skip_token68(struct text *t)
{
	struct text ahead = *t;
	while (ahead.at < ahead.end && (is_word((unsigned char) *ahead.at) || *ahead.at == '/'))
		ahead.at++;
	if (ahead.at == t->at)
		return false;
	while (ahead.at < ahead.end && *ahead.at == '=')
		ahead.at++;
	skip_blanks(&ahead);
	if (ahead.at < ahead.end && *ahead.at != ',')
		return false;
	*t = ahead;
	return true;
}

static void set_parameter(struct challenge *c, const char *name, char *value)
{
	const struct { const char *name; char **at; } known[] = {
		{ "realm", &c->realm }, { "service", &c->service }, { "scope", &c->scope }, { "error", &c->error },
	};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strcasecmp(name, known[i].name) == 0 && !*known[i].at)
			*known[i].at = value;
}

/* parse_value - behind the "=" */
static int parse_value(struct text *t, struct pool *pool, struct challenge *c, const char *name)
{
	skip_blanks(t);
	char *value;
	if (t->at < t->end && *t->at == '"') {
		t->at++;
		value = quoted(t, pool);
	} else {
		value = word(t, pool);
	}
	if (!value || !c)
		return -EINVAL;
	set_parameter(c, name, value);
	skip_blanks(t);
	return t->at == t->end || *t->at == ',' ? 0 : -EINVAL;
}

int challenge_parse(const char *text, size_t len, struct pool *pool, struct challenge *ret)
{
	struct text t = { text, text + len };
	int n = 0;
	for (size_t i = 0; i < len; i++)
		if (((unsigned char) text[i] < ' ' && text[i] != '\t') || text[i] == 0x7f)
			return -EINVAL;

	for (skip_commas(&t); t.at < t.end; skip_commas(&t)) {
		char *name = word(&t, pool);
		if (!name)
			return -EINVAL;
		bool blank = t.at < t.end && (*t.at == ' ' || *t.at == '\t');
		skip_blanks(&t);
		if (t.at < t.end && *t.at == '=') {
			t.at++;
			if (parse_value(&t, pool, n ? &ret[n - 1] : NULL, name) < 0)
				return -EINVAL;
			continue;
		}
		if (n == CHALLENGES_MAX || (!blank && t.at < t.end && *t.at != ','))
			return -EINVAL;
		ret[n++] = (struct challenge) { .scheme = name };
		if (blank)
			(void) skip_token68(&t);
	}
	return n;
}
