#include "cleanup.h"
#include "template_impl.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { PAD_MAX = 1000 };

struct call { const char *name; const struct json_value *const *args; size_t n; struct pool *pool; struct error *err; };

static int fault(const struct call *c, const char *why)
{
	return error_say(c->err, EINVAL, "%s: %s", c->name, why);
}

static char *as_text(const struct json_value *v)
{
	struct buf b = { 0 };
	template_print(v, &b);
	return buf_take(&b);
}

static const struct json_value *take_text(const struct call *c, char *s)
{
	const struct json_value *v = template_text(c->pool, s);
	free(s);
	return v;
}

static const struct json_value *number(const struct call *c, int64_t n)
{
	struct json_value *v = pool_alloc(c->pool, sizeof *v);
	*v = (struct json_value) { .is = JSON_VALUE_NUMBER, .text = pool_printf(c->pool, "%lld", (long long) n) };
	return v;
}

static const struct json_value *truth(const struct call *c, bool is)
{
	struct json_value *v = pool_alloc(c->pool, sizeof *v);
	*v = (struct json_value) { .is = JSON_VALUE_TRUTH, .truth = is };
	return v;
}

static bool as_integer(const struct json_value *v, int64_t *ret)
{
	return v->is == JSON_VALUE_NUMBER && str_to_i64(v->text, INT64_MIN, INT64_MAX, ret) == 0;
}

/* ---- text ---- */

static int call_json(const struct call *c, const struct json_value **ret)
{
	char *text = json_write(c->args[0], strcmp(c->name, "pretty") == 0 ? JSON_INDENTED : JSON_COMPACT);
	text[strcspn(text, "\n") && text[strlen(text) - 1] == '\n' ? strlen(text) - 1 : strlen(text)] = 0;
	*ret = take_text(c, text);
	return 0;
}

static int call_join(const struct call *c, const struct json_value **ret)
{
	struct buf b = { 0 };
	cleanup_free char *between = as_text(c->args[1]);
	if (c->args[0]->is != JSON_VALUE_LIST && c->args[0]->is != JSON_VALUE_NULL)
		return fault(c, "its first argument has to be a list");
	for (const struct json_value *v = c->args[0]->first; v; v = v->next) {
		template_print(v, &b);
		if (v->next)
			buf_puts(&b, between);
	}
	*ret = take_text(c, buf_take(&b));
	return 0;
}

static int call_split(const struct call *c, const struct json_value **ret)
{
	struct json_value *list = pool_alloc(c->pool, sizeof *list);
	cleanup_free char *text = as_text(c->args[0]), *between = as_text(c->args[1]);
	size_t len = strlen(between);
	list->is = JSON_VALUE_LIST;
	if (!len)
		return fault(c, "its second argument is empty");
	for (char *at = text, *end; at; at = end ? end + len : NULL) {
		end = strstr(at, between);
		struct json_value *v = pool_alloc(c->pool, sizeof *v);
		*v = (struct json_value) { .is = JSON_VALUE_TEXT, .text = pool_strndup(c->pool, at, end ? (size_t) (end - at) : strlen(at)) };
		if (list->last)
			list->last->next = v;
		else
			list->first = v;
		list->last = v;
		list->n++;
	}
	*ret = list;
	return 0;
}

static int call_case(const struct call *c, const struct json_value **ret)
{
	char *s = as_text(c->args[0]);
	bool start = true;
	for (char *p = s; *p; p++) {
		bool up = *c->name == 'u' || (*c->name == 't' && start);
		*p = (char) (up ? toupper((unsigned char) *p) : *c->name == 'l' ? tolower((unsigned char) *p) : *p);
		start = *p == ' ';
	}
	*ret = take_text(c, s);
	return 0;
}

static int call_truncate(const struct call *c, const struct json_value **ret)
{
	int64_t n;
	char *s = as_text(c->args[0]);
	if (!as_integer(c->args[1], &n) || n < 0)
		return free(s), fault(c, "its second argument has to be a number of characters");
	if ((uint64_t) n < strlen(s))
		s[n] = 0;
	*ret = take_text(c, s);
	return 0;
}

static int call_pad(const struct call *c, const struct json_value **ret)
{
	int64_t left, right;
	cleanup_free char *s = as_text(c->args[0]);
	if (!as_integer(c->args[1], &left) || !as_integer(c->args[2], &right) || left < 0 || right < 0 || left > PAD_MAX || right > PAD_MAX)
		return fault(c, "the blanks in front and behind are two numbers up to 1000");
	*ret = take_text(c, *s ? xasprintf("%*s%s%*s", (int) left, "", s, (int) right, "") : xstrdup(""));
	return 0;
}

static int call_print(const struct call *c, const struct json_value **ret)
{
	struct buf b = { 0 };
	bool line = strcmp(c->name, "println") == 0;
	for (size_t i = 0; i < c->n; i++) {
		/* Go's Print puts a blank between two of which neither is a string */
		if (i && (line || (c->args[i]->is != JSON_VALUE_TEXT && c->args[i - 1]->is != JSON_VALUE_TEXT)))
			buf_putc(&b, ' ');
		template_print(c->args[i], &b);
	}
	if (line)
		buf_putc(&b, '\n');
	*ret = take_text(c, buf_take(&b));
	return 0;
}

/* print_one - the conversion @verb, whose flags and width are @spec ("%-10"), for @v */
static int print_one(const struct call *c, const char *spec, char verb, const struct json_value *v, struct buf *out)
{
	char format[40];
	int64_t n = 0;
	cleanup_free char *text = verb == 'q' && v->is == JSON_VALUE_TEXT ? json_quote(v->text) : as_text(v);
	if (strchr("sqvt", verb)) {
		snprintf(format, sizeof format, "%ss", spec);
	} else if (strchr("dxXo", verb)) {
		if (!as_integer(v, &n))
			return fault(c, "%d, %x, %X and %o take a whole number");
		snprintf(format, sizeof format, "%sll%c", spec, verb);
	} else if (strchr("feg", verb)) {
		if (v->is != JSON_VALUE_NUMBER)
			return fault(c, "%f, %e and %g take a number");
		snprintf(format, sizeof format, "%s%c", spec, verb);
	} else {
		return fault(c, "there are %s, %q, %v, %t, %d, %x, %X, %o, %f, %e and %g");
	}
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	/* made of flags, digits and a letter of the lists above, for the type of each */
	if (strchr("sqvt", verb))
		buf_printf(out, format, text);
	else if (strchr("dxXo", verb))
		buf_printf(out, format, (long long) n);
	else
		buf_printf(out, format, strtod(v->text, NULL));
#pragma GCC diagnostic pop
	return 0;
}

static int call_printf(const struct call *c, const struct json_value **ret)
{
	struct buf b cleanup_buf = { 0 };
	size_t next = 1;
	int r = 0;
	if (c->args[0]->is != JSON_VALUE_TEXT)
		return fault(c, "its first argument has to be a string");
	for (const char *s = c->args[0]->text; r == 0 && *s; s++) {
		char spec[16] = "%";
		if (*s != '%' || s[1] == '%') {
			buf_putc(&b, *s);
			s += *s == '%';
			continue;
		}
		size_t flags = strspn(s + 1, "-+ 0#"), width = strspn(s + 1 + flags, "0123456789.");
		if (flags + width > 8 || !s[1 + flags + width])
			return fault(c, "a % with nothing, or too much, behind it");
		snprintf(spec, sizeof spec, "%%%.*s", (int) (flags + width), s + 1);
		s += 1 + flags + width;
		r = next < c->n ? print_one(c, spec, *s, c->args[next++], &b) : fault(c, "fewer values than conversions");
	}
	if (r == 0)
		*ret = take_text(c, buf_take(&b));
	return r;
}

/* ---- lists ---- */

static int call_len(const struct call *c, const struct json_value **ret)
{
	const struct json_value *v = c->args[0];
	if (v->is == JSON_VALUE_NUMBER || v->is == JSON_VALUE_TRUTH)
		return fault(c, "neither a list nor a map nor a string");
	*ret = number(c, (int64_t) (v->is == JSON_VALUE_TEXT ? strlen(v->text) : v->n));
	return 0;
}

static int index_one(const struct call *c, const struct json_value *in, const struct json_value *at, const struct json_value **ret)
{
	static const struct json_value nothing = { .is = JSON_VALUE_TEXT, .text = (char *) "" };
	int64_t i;
	if (in->is == JSON_VALUE_LIST) {
		if (!as_integer(at, &i) || i < 0 || (uint64_t) i >= in->n)
			return fault(c, "the list has no such place");
		for (*ret = in->first; i; i--)
			*ret = (*ret)->next;
		return 0;
	}
	if (in->is != JSON_VALUE_OBJECT && in->is != JSON_VALUE_NULL)
		return fault(c, "neither a list nor a map");
	cleanup_free char *key = as_text(at);
	*ret = in->first && in->first->is != JSON_VALUE_TEXT ? &template_null : &nothing;	/* as Go: the zero of what the map holds */
	for (const struct json_value *v = in->first; v; v = v->next)
		if (strcmp(v->key, key) == 0)
			*ret = v;
	return 0;
}

static int call_index(const struct call *c, const struct json_value **ret)
{
	int r = 0;
	*ret = c->args[0];
	for (size_t i = 1; r == 0 && i < c->n; i++)
		r = index_one(c, *ret, c->args[i], ret);
	return r;
}

static int call_slice(const struct call *c, const struct json_value **ret)
{
	const struct json_value *in = c->args[0];
	int64_t from = 0, to, n = (int64_t) (in->is == JSON_VALUE_TEXT ? strlen(in->text) : in->n);
	to = n;
	if (in->is != JSON_VALUE_TEXT && in->is != JSON_VALUE_LIST)
		return fault(c, "neither a list nor a string");
	if ((c->n > 1 && !as_integer(c->args[1], &from)) || (c->n > 2 && !as_integer(c->args[2], &to)) || from < 0 || to > n || from > to)
		return fault(c, "there is no such part of it");
	if (in->is == JSON_VALUE_TEXT) {
		cleanup_free char *part = xstrndup(in->text + from, (size_t) (to - from));
		*ret = template_text(c->pool, part);
		return 0;
	}
	struct json_value *list = pool_alloc(c->pool, sizeof *list);
	list->is = JSON_VALUE_LIST;
	int64_t i = 0;
	for (const struct json_value *v = in->first; v; v = v->next, i++) {
		if (i < from || i >= to)
			continue;
		struct json_value *copy = pool_alloc(c->pool, sizeof *copy);
		*copy = *v;
		copy->next = NULL;
		if (list->last)
			list->last->next = copy;
		else
			list->first = copy;
		list->last = copy;
		list->n++;
	}
	*ret = list;
	return 0;
}

/* ---- comparing ---- */

static int call_not(const struct call *c, const struct json_value **ret)
{
	*ret = truth(c, !template_truth(c->args[0]));
	return 0;
}

/* compare - below, equal to or above nothing; of two kinds nothing is equal */
static int compare(const struct json_value *a, const struct json_value *b)
{
	int64_t x, y;
	if (as_integer(a, &x) && as_integer(b, &y))
		return x < y ? -1 : x > y;
	if (a->is == JSON_VALUE_NUMBER && b->is == JSON_VALUE_NUMBER) {
		double p = strtod(a->text, NULL), q = strtod(b->text, NULL);
		return p < q ? -1 : p > q;
	}
	if (a->is != b->is)
		return a->is < b->is ? -1 : 1;
	if (a->is == JSON_VALUE_TRUTH)
		return (int) a->truth - (int) b->truth;
	cleanup_free char *p = as_text(a), *q = as_text(b);
	return strcmp(p, q);
}

static int call_compare(const struct call *c, const struct json_value **ret)
{
	bool is = false;
	int order = compare(c->args[0], c->args[1]);
	if (strcmp(c->name, "eq") == 0)		/* to any of the others */
		for (size_t i = 1; i < c->n; i++)
			is = is || compare(c->args[0], c->args[i]) == 0;
	else if (strcmp(c->name, "ne") == 0)
		is = order != 0;
	else
		is = (c->name[0] == 'l' && order < 0) || (c->name[0] == 'g' && order > 0) || (c->name[1] == 'e' && order == 0);
	*ret = truth(c, is);
	return 0;
}

/* ---- which there are ---- */

static const struct function { const char *name; size_t min, max; int (*call)(const struct call *c, const struct json_value **ret); } functions[] = {
	{ "and", 1, 16, NULL }, { "or", 1, 16, NULL },	/* template_run.c: they look at their arguments one by one */
	{ "json", 1, 1, call_json }, { "pretty", 1, 1, call_json }, { "join", 2, 2, call_join }, { "split", 2, 2, call_split },
	{ "lower", 1, 1, call_case }, { "upper", 1, 1, call_case }, { "title", 1, 1, call_case }, { "truncate", 2, 2, call_truncate },
	{ "pad", 3, 3, call_pad }, { "print", 1, 16, call_print }, { "println", 0, 16, call_print }, { "printf", 1, 16, call_printf },
	{ "len", 1, 1, call_len }, { "index", 1, 16, call_index }, { "slice", 1, 3, call_slice }, { "not", 1, 1, call_not },
	{ "eq", 2, 16, call_compare }, { "ne", 2, 2, call_compare }, { "lt", 2, 2, call_compare }, { "le", 2, 2, call_compare },
	{ "gt", 2, 2, call_compare }, { "ge", 2, 2, call_compare },
};
enum { N_FUNCTIONS = sizeof functions / sizeof *functions };

static const struct function *find(const char *name)
{
	for (size_t i = 0; i < N_FUNCTIONS; i++)
		if (strcmp(functions[i].name, name) == 0)
			return &functions[i];
	return NULL;
}

int template_function(const char *name, size_t n_args, struct error *err)
{
	const char *names[N_FUNCTIONS + 1] = { NULL };
	const struct function *f = find(name);
	if (f && n_args >= f->min && n_args <= f->max)
		return 0;
	if (f)
		return error_say(err, EINVAL, "'%s' takes %zu%s argument%s, not %zu", name, f->min, f->max > f->min ? " or more" : "",
				 f->min == 1 ? "" : "s", n_args);
	for (size_t i = 0; i < N_FUNCTIONS; i++)
		names[i] = functions[i].name;
	const char *near = str_nearest(name, names);
	return error_say(err, EINVAL, "there is no function '%s'%s%s%s", name, near ? "; did you mean '" : "; a member begins with a dot: .",
			 near ? near : name, near ? "'?" : "");
}

int template_call(const char *name, const struct json_value *const *args, size_t n, struct pool *pool, const struct json_value **ret,
		  struct error *err)
{
	const struct call c = { name, args, n, pool, err };
	return find(name)->call(&c, ret);
}
