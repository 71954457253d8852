#include "created.h"
#include "cleanup.h"
#include "str.h"
#include <string.h>

/* ---- words by a table ---- */

struct reading { const struct option_def *table; size_t n; int stop_after; struct created_option *options; size_t n_options; };

static const struct option_def *row_of(const struct reading *r, const char *name, size_t len, char letter)
{
	for (size_t i = 0; i < r->n; i++) {
		size_t n;
		const char *s;
		if (letter && r->table[i].letter == letter)
			return &r->table[i];
		for (size_t k = 0; !letter && (s = command_spelling(r->table[i].name, k, &n)); k++)
			if (n == len && memcmp(s, name, len) == 0)
				return &r->table[i];
	}
	return NULL;
}

static void add(struct reading *r, const struct option_def *row, const char *value, struct pool *pool)
{
	size_t len;
	const char *name = command_spelling(row->name, 0, &len);
	bool flag = row->kind == OPTION_KIND_FLAG;
	if (flag && value)	/* 0, no, f: as command_parse() reads them */
		value = strchr("0fFnN", *value) ? "false" : "true";
	r->options[r->n_options++] = (struct created_option) { pool_strndup(pool, name, len), flag && !value ? "true" : value, flag };
}

/* letters - "-itv/x:/y": flags, and perhaps one at the end that takes a value. Return: how many further words it took, -1: not ours */
static int letters(struct reading *r, char *const *words, struct pool *pool)
{
	for (const char *s = *words + 1; *s; s++) {
		const struct option_def *row = row_of(r, NULL, 0, *s);
		if (!row)
			return -1;
		if (row->kind == OPTION_KIND_FLAG && s[1] != '=') {
			add(r, row, NULL, pool);
			continue;
		}
		const char *value = s[1] == '=' ? s + 2 : s[1] ? s + 1 : words[1];
		if (!value)
			return -1;
		add(r, row, value, pool);
		return value == words[1];
	}
	return 0;
}

static int one_long(struct reading *r, char *const *words, struct pool *pool)
{
	const char *name = *words + 2;
	size_t len = strcspn(name, "=");
	const struct option_def *row = row_of(r, name, len, 0);
	const char *value = name[len] ? name + len + 1 : NULL;
	if (!row)
		return -1;
	bool next = !value && row->kind != OPTION_KIND_FLAG;
	if (next && !words[1])
		return -1;
	add(r, row, next ? words[1] : value, pool);
	return next;
}

/* read_words - what is no option is added to @args; false: these are not the table's words */
static bool read_words(struct reading *r, char *const *words, struct pool *pool, struct strings *args)
{
	bool ended = false;
	size_t most = 0;	/* of options: each is a letter at least */
	for (char *const *w = words; *w; w++)
		most += strlen(*w);
	r->options = pool_alloc(pool, (most + 1) * sizeof *r->options);
	for (; *words; words++) {
		const char *w = *words;
		if (ended || w[0] != '-' || !w[1]) {
			strings_add(args, w);
			ended |= r->stop_after > 0 && args->n >= (size_t) r->stop_after;
			continue;
		}
		if (str_eq(w, "--")) {
			ended = true;
			continue;
		}
		int taken = w[1] == '-' ? one_long(r, words, pool) : letters(r, words, pool);
		if (taken < 0)
			return false;
		words += taken;
	}
	return true;
}

/* ---- a record's ---- */

static char **keep(const struct strings *l, size_t first, struct pool *pool)
{
	char **list = pool_alloc(pool, (l->n + 1) * sizeof *list);
	for (size_t i = first; i < l->n; i++)
		list[i - first] = pool_strdup(pool, l->v[i]);
	return list;
}

/* fill_variables - `-e NAME` passed on the caller's, which nobody has when the unit starts */
static void fill_variables(const struct container *c, struct created *r, struct pool *pool)
{
	for (size_t i = 0; i < r->n; i++) {
		struct created_option *o = &r->options[i];
		if (!str_eq(o->name, "env") || strchr(o->value, '='))
			continue;
		const char *value = env_get(c->record.env, o->value);
		o->value = pool_printf(pool, "%s=%s", o->value, value ? value : "");
	}
}

static int not_ours(const struct container *c, struct error *err)
{
	return error_say(err, EINVAL, "the command line that made container %s is not understood: was it made by another version?", c->record.name);
}

int created_read(const struct container *c, struct pool *pool, struct created *ret, struct error *err)
{
	const struct record *rec = &c->record;
	struct strings args cleanup_strings = { 0 }, own cleanup_strings = { 0 };
	if (!rec->create_command || !rec->create_command[0])
		return error_say(err, ENODATA, "how container %s was made is not known, as it is older than this version of carrier: make "
				 "it anew", rec->name);
	struct reading global = { carrier_program.options, carrier_program.n_options, 1, NULL, 0 };
	if (!read_words(&global, rec->create_command + 1, pool, &args))
		return not_ours(c, err);
	size_t at = args.n && str_eq(args.v[0], "container") ? 1 : 0;
	if (at >= args.n || (!str_eq(args.v[at], "run") && !str_eq(args.v[at], "create")))
		return not_ours(c, err);
	struct reading run = { command_run.options, command_run.n_options, command_run.stop_after, NULL, 0 };
	if (!read_words(&run, args.v + at + 1, pool, &own))
		return not_ours(c, err);
	*ret = (struct created) { global.options, run.options, global.n_options, run.n_options, keep(&own, 0, pool) };
	/* the values point into words that end here */
	for (size_t i = 0; i < ret->n; i++)
		ret->options[i].value = pool_strdup(pool, ret->options[i].value);
	fill_variables(c, ret, pool);
	return 0;
}

const char *created_value(const struct created *c, const char *name)
{
	const char *value = NULL;
	for (size_t i = 0; i < c->n; i++)
		if (str_eq(c->options[i].name, name))
			value = c->options[i].value;
	return value;
}

bool created_have(const struct created *c, const char *name) { return str_eq(created_value(c, name), "true"); }

/* ---- units ---- */

void unit_word(struct buf *b, const char *word)
{
	bool quoted = !*word || strpbrk(word, " \t\n\"'\\;") || *word == '#';
	if (b->len && !strchr("= ", b->data[b->len - 1]))
		buf_putc(b, ' ');
	if (quoted)
		buf_putc(b, '"');
	for (; *word; word++) {
		if (*word == '\n')
			buf_puts(b, "\\n");
		else if (*word == '\t')
			buf_puts(b, "\\t");
		else if (strchr("\"\\", *word))
			buf_printf(b, "\\%c", *word);
		else if (strchr("%$", *word))
			buf_printf(b, "%c%c", *word, *word);
		else
			buf_putc(b, *word);
	}
	if (quoted)
		buf_putc(b, '"');
}
