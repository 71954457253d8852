/* GVariant's text format, as far as properties of units need it: no dictionaries, maybes and variants.
 *
 * A value is read into its signature and its words at once. What it says about its type (`uint64 5`, `@at [1, 2]`) goes down
 * as the expected signature; without one a number is an int32, or a double when it has a point, and a list is of what its
 * first element is.
 */
#include "cleanup.h"
#include "error.h"
#include "systemd.h"
#include <string.h>

enum { DEPTH_MAX = 16, SIG_MAX = 64 };

struct reader { const char *p; int depth; };

static int parse_value(struct reader *in, const char *want, struct buf *sig, struct strings *out);

static void skip_blanks(struct reader *in)
{
	in->p += strspn(in->p, " \t\n");
}

static bool take(struct reader *in, char c)
{
	skip_blanks(in);
	if (*in->p != c)
		return false;
	in->p++;
	return true;
}

/* type_length - of the first complete type in a signature; 0: malformed, or none of ours */
static size_t type_length(const char *sig)
{
	size_t n = strspn(sig, "a");
	if (n > DEPTH_MAX)
		return 0;
	if (sig[n] != '(')
		return sig[n] && strchr("ybnqiuxtdsog", sig[n]) ? n + 1 : 0;
	for (n++; sig[n] != ')';) {
		size_t member = sig[n] == '(' ? 0 : type_length(sig + n);	/* structs in structs: no property has them */
		if (member == 0)
			return 0;
		n += member;
	}
	return n + 1;
}

/* basic - the word is of type @type: what is @want'ed, if anything is, must allow it */
static int basic(const char *want, const char *types, const char *word, struct buf *sig, struct strings *out)
{
	char type = want ? *want : *types;
	if (!strchr(types, type))
		return -EINVAL;
	buf_putc(sig, type);
	strings_add(out, word);
	return 0;
}

static int parse_string(struct reader *in, const char *want, struct buf *sig, struct strings *out)
{
	struct buf text cleanup_buf = { 0 };
	char quote = *in->p++;
	for (; *in->p != quote; in->p++) {
		static const char codes[] = "nrtabfv", meanings[] = "\n\r\t\a\b\f\v";
		if (*in->p == '\\' && in->p[1]) {
			const char *code = strchr(codes, *++in->p);
			if (*in->p == 'u' || *in->p == 'U')
				return -EINVAL;		/* write the character itself */
			buf_putc(&text, code ? meanings[code - codes] : *in->p);
			continue;
		}
		if (*in->p == 0)
			return -EINVAL;
		buf_putc(&text, *in->p);
	}
	in->p++;
	return basic(want, "sog", buf_str(&text), sig, out);
}

/* parse_number - also 0x1f; the range is checked by who knows the type */
static int parse_number(struct reader *in, const char *want, struct buf *sig, struct strings *out)
{
	char word[64];
	size_t n = strspn(in->p, "+-.0123456789abcdefxABCDEFX");
	if (n == 0 || n >= sizeof word)
		return -EINVAL;
	memcpy(word, in->p, n);
	word[n] = 0;
	in->p += n;

	char *end;
	bool hex = strpbrk(word, "xX"), whole = hex || !strpbrk(word, ".eE");
	if (!whole || (want && *want == 'd')) {
		(void) strtod(word, &end);
		return *end || hex ? -EINVAL : basic(want, "d", word, sig, out);
	}
	errno = 0;
	bool negative = *word == '-';
	int64_t signed_value = negative ? strtoll(word, &end, hex ? 16 : 10) : 0;
	uint64_t value = negative ? 0 : strtoull(word, &end, hex ? 16 : 10);
	if (errno || *end || end == word)
		return -EINVAL;

	static const struct { char type; int64_t min; uint64_t max; } ranges[] = {
		{ 'i', INT32_MIN, INT32_MAX }, { 'y', 0, UINT8_MAX }, { 'n', INT16_MIN, INT16_MAX }, { 'q', 0, UINT16_MAX },
		{ 'u', 0, UINT32_MAX }, { 'x', INT64_MIN, INT64_MAX }, { 't', 0, UINT64_MAX },
	};
	for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
		if (ranges[i].type != (want ? *want : 'i'))
			continue;
		if (negative ? signed_value < ranges[i].min : value > ranges[i].max)
			return -ERANGE;
		char type[2] = { ranges[i].type, 0 };
		cleanup_free char *plain = negative ? xasprintf("%lld", (long long) signed_value) :
						      xasprintf("%llu", (unsigned long long) value);
		return basic(want, type, plain, sig, out);
	}
	return -EINVAL;
}

static int parse_array(struct reader *in, const char *want, struct buf *sig, struct strings *out)
{
	struct strings elements cleanup_strings = { 0 };
	cleanup_free char *element = NULL;
	size_t n = 0;
	if (want && *want != 'a')
		return -EINVAL;
	if (want)
		element = xstrndup(want + 1, type_length(want) - 1);
	in->p++;
	for (; !take(in, ']'); n++) {
		struct buf one cleanup_buf = { 0 };
		if (n && !take(in, ','))
			return -EINVAL;
		int r = parse_value(in, element, &one, &elements);
		if (r < 0)
			return r;
		if (element && strcmp(element, buf_str(&one)) != 0)
			return -EINVAL;		/* a list is of one type */
		if (!element)
			element = buf_take(&one);
	}
	if (!element)
		return -EINVAL;		/* of nothing: its type must be said, @as [] */
	buf_printf(sig, "a%s", element);
	strings_printf(out, "%zu", n);
	for (size_t i = 0; i < elements.n; i++)
		strings_add(out, elements.v[i]);
	return 0;
}

static int parse_tuple(struct reader *in, const char *want, struct buf *sig, struct strings *out)
{
	if (want && *want != '(')
		return -EINVAL;
	if (want)
		want++;
	in->p++;
	buf_putc(sig, '(');
	for (size_t n = 0; !take(in, ')'); n++) {
		if (n && !take(in, ','))
			return -EINVAL;
		if (n == 1 && take(in, ')'))	/* (5,) has one member */
			break;
		size_t len = want ? type_length(want) : 0;
		if (want && len == 0)
			return -EINVAL;		/* more members than types */
		cleanup_free char *member = want ? xstrndup(want, len) : NULL;
		int r = parse_value(in, member, sig, out);
		if (r < 0)
			return r;
		want = want ? want + len : NULL;
	}
	if ((want && *want != ')') || sig->data[sig->len - 1] == '(')
		return -EINVAL;
	buf_putc(sig, ')');
	return 0;
}

/* take_type - "uint64 " or "@at " in front of the value: its signature, or NULL */
static char *take_type(struct reader *in)
{
	static const struct { const char *name; char type; } names[] = {
		{ "boolean", 'b' }, { "byte", 'y' }, { "int16", 'n' }, { "uint16", 'q' }, { "int32", 'i' }, { "uint32", 'u' },
		{ "int64", 'x' }, { "uint64", 't' }, { "double", 'd' }, { "string", 's' }, { "objectpath", 'o' }, { "signature", 'g' },
	};
	size_t n = strcspn(in->p, " \t\n");
	if (*in->p == '@') {
		const char *sig = in->p + 1;
		size_t len = type_length(sig);
		if (len == 0 || len != n - 1 || len > SIG_MAX)
			return NULL;
		in->p += n;
		skip_blanks(in);
		return xstrndup(sig, len);
	}
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strlen(names[i].name) == n && strncmp(names[i].name, in->p, n) == 0) {
			in->p += n;
			skip_blanks(in);
			return xstrndup(&names[i].type, 1);
		}
	return NULL;
}

static bool take_word(struct reader *in, const char *word)
{
	const char *rest = str_after(in->p, word);
	if (!rest || (*rest && !strchr(" \t\n,])", *rest)))
		return false;
	in->p = rest;
	return true;
}

static int parse_value(struct reader *in, const char *want, struct buf *sig, struct strings *out)
{
	if (++in->depth > DEPTH_MAX)
		return -EINVAL;
	skip_blanks(in);
	cleanup_free char *said = take_type(in);
	if (said && want && strcmp(said, want) != 0)
		return -EINVAL;
	if (said)
		want = said;
	int r;
	switch (*in->p) {
	case '\'':
	case '"': r = parse_string(in, want, sig, out); break;
	case '[': r = parse_array(in, want, sig, out); break;
	case '(': r = parse_tuple(in, want, sig, out); break;
	case 't':
	case 'f': {
		bool yes = take_word(in, "true");
		r = yes || take_word(in, "false") ? basic(want, "b", yes ? "true" : "false", sig, out) : -EINVAL;
		break;
	}
	default: r = parse_number(in, want, sig, out);
	}
	in->depth--;
	return r;
}

/* ---- annotations ---- */

static bool is_property_name(const char *name)
{
	return strlen(name) >= 3 && name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")] == 0 &&
	       (name[0] < '0' || name[0] > '9');
}

/* seconds_to_us - "1.5" is "1500000" */
static int seconds_to_us(const char *word, char ret[24])
{
	uint64_t whole;
	char *end;
	if (str_to_u64(word, UINT64_MAX / 1000000, &whole) == 0) {
		snprintf(ret, 24, "%llu", (unsigned long long) whole * 1000000);
		return 0;
	}
	double us = strtod(word, &end) * 1e6;
	if (*end || !(us >= 0) || us >= 1.8e19)		/* of 2^64 */
		return -ERANGE;
	snprintf(ret, 24, "%llu", (unsigned long long) (us + 0.5));
	return 0;
}

static int add_annotation(const char *name, const char *text, struct strings *out, struct error *err)
{
	struct reader in = { .p = text };
	struct buf sig cleanup_buf = { 0 };
	struct strings words cleanup_strings = { 0 };
	if (!is_property_name(name))
		return error_say(err, EINVAL, "annotation org.systemd.property.%s: '%s' is not the name of a property", name, name);
	int r = parse_value(&in, NULL, &sig, &words);
	skip_blanks(&in);
	if (r < 0 || *in.p)
		return error_say(err, EINVAL, "annotation org.systemd.property.%s: '%s' is no value %s; examples: 'text' in its quotes, true, "
				 "uint64 5, 1.5, ['a', 'b']", name, text, r == -ERANGE ? "of that type" : "that can be read");
	if (!str_ends(name, "Sec") || str_ends(name, "USec")) {
		strings_add(out, name);
		strings_add(out, buf_str(&sig));
		for (size_t i = 0; i < words.n; i++)
			strings_add(out, words.v[i]);
		return 0;
	}
	char us[24];
	if (sig.len != 1 || !strchr("ynqiuxtd", *sig.data) || seconds_to_us(words.v[0], us) < 0)
		return error_say(err, EINVAL, "annotation org.systemd.property.%s: '%s' is not a number of seconds", name, text);
	strings_printf(out, "%.*sUSec", (int) (strlen(name) - 3), name);
	strings_add(out, "t");
	strings_add(out, us);
	return 0;
}

int systemd_annotations(const struct json_map *annotations, struct strings *out, struct error *err)
{
	for (size_t i = 0; annotations && i < annotations->n; i++) {
		const char *name = str_after(annotations->pairs[i].key, "org.systemd.property.");
		int r = name ? add_annotation(name, annotations->pairs[i].value, out, err) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}
