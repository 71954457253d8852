/* command_parse.c - words against the option tables of command.h, and what is said of wrong ones. */
#include "command_impl.h"
#include "cleanup.h"
#include "mem.h"
#include <ctype.h>
#include <string.h>
#include <strings.h>

/* ---- the tables ---- */

const char *command_spelling(const char *names, size_t i, size_t *len)
{
	for (; i > 0; i--) {
		names += strcspn(names, "|");
		if (!*names)
			return NULL;
		names++;
	}
	*len = strcspn(names, "|");
	return names;
}

static bool spelled(const char *names, const char *word, size_t word_len)
{
	size_t len;
	const char *s;
	for (size_t i = 0; (s = command_spelling(names, i, &len)); i++)
		if (len == word_len && memcmp(s, word, len) == 0)
			return true;
	return false;
}

static const struct option_def *find_name(const struct option_def *table, size_t n, const char *name,
					  size_t len)
{
	for (size_t i = 0; i < n; i++)
		if (spelled(table[i].name, name, len))
			return &table[i];
	return NULL;
}

static const struct option_def *find_letter(const struct option_def *table, size_t n, char letter)
{
	for (size_t i = 0; i < n; i++)
		if (table[i].letter && table[i].letter == letter)
			return &table[i];
	return NULL;
}

const struct command *command_find(const struct command *const *list, const char *word)
{
	for (; list && *list; list++)
		if (spelled((*list)->name, word, strlen(word)))
			return *list;
	return NULL;
}

void command_add_spellings(struct strings *l, const char *names)
{
	size_t len;
	const char *s;
	for (size_t i = 0; (s = command_spelling(names, i, &len)); i++)
		strings_take(l, xstrndup(s, len));
}

static const struct command builtin_help = {
	.name = "help", .arguments = "[COMMAND...]", .summary = "show what a command does and its options",
	.max_args = -1,
};

const struct command *command_builtin_help(const struct program *p)
{
	return command_find(p->commands, "help") ? NULL : &builtin_help;
}

struct option_def *command_rows(const struct program *p, const struct command *command, size_t *ret_n)
{
	const struct option_def *table = command ? command->options : p->options;
	size_t n = command ? command->n_options : p->n_options, shown = 0;
	struct option_def *rows = xcalloc(n + 2, sizeof *rows);
	for (size_t i = 0; i < n; i++)
		if (table[i].help)
			rows[shown++] = table[i];
	if (!find_name(table, n, "help", 4))
		rows[shown++] = (struct option_def) { .name = "help", .help = "show this help",
			.letter = find_letter(table, n, 'h') ? 0 : 'h' };
	if (!command && !find_name(table, n, "version", 7))
		rows[shown++] = (struct option_def) { .name = "version", .help = "show the version",
			.letter = find_letter(table, n, 'v') ? 0 : 'v' };
	*ret_n = shown;
	return rows;
}

static bool path_to(struct buf *path, const struct command *const *list, const struct command *command,
		    const char *separator)
{
	size_t was = path->len, len;
	for (; list && *list; list++) {
		const char *name = command_spelling((*list)->name, 0, &len);
		buf_printf(path, "%s%.*s", separator, (int) len, name);
		if (*list == command || path_to(path, (*list)->sub, command, separator))
			return true;
		path->len = was;
		path->data[was] = 0;
	}
	return false;
}

char *command_path(const struct program *p, const struct command *command, const char *separator)
{
	struct buf path = { 0 };
	buf_puts(&path, p->name);
	if (command && !path_to(&path, p->commands, command, separator))
		buf_printf(&path, "%s%s", separator, command->name);
	return buf_take(&path);
}

/* ---- usage errors ---- */

int command_usage(struct error *err, const char *path, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	cleanup_free char *text = xvasprintf(fmt, ap);
	va_end(ap);
	return error_say(err, EINVAL, "%s%s See '%s --help'.", text, str_ends(text, "?") ? "" : ".", path);
}

static int unknown_option(const struct command_parser *ps, const char *word)
{
	cleanup_strings struct strings names = { 0 };
	strings_add(&names, "help");
	for (size_t i = 0; i < ps->n; i++)
		if (ps->table[i].help)
			command_add_spellings(&names, ps->table[i].name);

	cleanup_free char *name = xstrdup(word + strspn(word, "-"));
	name[strcspn(name, "=")] = 0;
	size_t len = strlen(name);
	/* one dash before a whole name, which is how some programs spell it */
	const char *near = len > 1 && find_name(ps->table, ps->n, name, len) ? name : NULL;
	if (near)
		return command_usage(ps->err, ps->path, "unknown option '%s' for '%s'; did you mean '--%s'?",
				     word, ps->path, near);
	if (word[1] == '-' && ps->program &&
	    find_name(ps->program->options, ps->program->n_options, name, len))
		return command_usage(ps->err, ps->path,
				     "unknown option '--%s' for '%s'; it is an option of '%s' and stands "
				     "before the command",
				     name, ps->path, ps->program->name);

	near = word[1] == '-' ? str_nearest(name, (const char *const *) names.v) : NULL;
	if (near)
		return command_usage(ps->err, ps->path,
				     "unknown option '--%s' for '%s'; did you mean '--%s'?", name, ps->path,
				     near);
	if (word[1] == '-')
		return command_usage(ps->err, ps->path, "unknown option '--%s' for '%s'", name, ps->path);
	return command_usage(ps->err, ps->path, "unknown option '%s' for '%s'", word, ps->path);
}

/* ---- values ---- */

static int parse_bool(const char *value, bool *ret)
{
	static const char *const words[] = { "false", "true", "0", "1", "f", "t", "no", "yes" };
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcasecmp(value, words[i]) == 0) {
			*ret = i % 2;
			return 0;
		}
	return -EINVAL;
}

static int bad_number(const struct command_parser *ps, const struct option_def *o, const char *word,
		      const char *value, int r)
{
	if (r == -ERANGE)
		return command_usage(ps->err, ps->path, "option '%s' of '%s': %s is too large a number", word,
				     ps->path, value);
	if (o->kind == OPTION_KIND_SIZE)
		return command_usage(ps->err, ps->path,
				     "option '%s' of '%s': '%s' is not a size; give bytes, or a number "
				     "with a unit as in 64k, 512m or 2g",
				     word, ps->path, value);
	return command_usage(ps->err, ps->path, "option '%s' of '%s': '%s' is not a whole number", word,
			     ps->path, value);
}

/* -1 is everyone's word for "no limit", and no size */
static int parse_size(const char *value, int64_t *ret)
{
	if (strcmp(value, "-1") != 0)
		return str_to_size(value, ret);
	*ret = -1;
	return 0;
}

/* store - put @value where row @o says; @value NULL: it is the next word
 * @word: the option as it was spelled, for errors */
static int store(struct command_parser *ps, const struct option_def *o, const char *word, char *value)
{
	void *at = (char *) ps->options + o->offset;
	if (o->noted)
		*(bool *) ((char *) ps->options + o->noted) = true;
	if (o->kind == OPTION_KIND_FLAG) {
		*(bool *) at = true;
		if (value && parse_bool(value, at) < 0)
			return command_usage(ps->err, ps->path, "option '%s' of '%s' is a flag: it takes "
					     "true or false, not '%s'", word, ps->path, value);
		return 0;
	}

	if (!value && ps->at < ps->argc)
		value = ps->argv[ps->at++];
	if (!value)
		/* the first words are cobra's: podman asks a runtime for an option by giving it without its value */
		return command_usage(ps->err, ps->path, "flag needs an argument: %s %s of '%s'", word, o->value ? o->value : "VALUE",
				     ps->path);

	int r = 0;
	if (o->kind == OPTION_KIND_STRING)
		*(char **) at = value;
	else if (o->kind == OPTION_KIND_LIST)
		strings_add(at, value);
	else if (o->kind == OPTION_KIND_INT)
		r = str_to_i64(value, INT64_MIN, INT64_MAX, at);
	else
		r = parse_size(value, at);
	return r < 0 ? bad_number(ps, o, word, value, r) : 0;
}

/* ---- words ---- */

static int parse_long(struct command_parser *ps, char *word)
{
	size_t len = strcspn(word, "=");
	char *value = word[len] ? word + len + 1 : NULL;
	const struct option_def *o = find_name(ps->table, ps->n, word + 2, len - 2);
	if (o) {
		cleanup_free char *name = xstrndup(word, len);
		return store(ps, o, name, value);
	}

	if (strcmp(word, "--help") == 0)
		ps->help = true;
	else if (ps->global && strcmp(word, "--version") == 0)
		ps->version = true;
	else
		return unknown_option(ps, word);
	return 0;
}

static int unknown_letter(const struct command_parser *ps, const char *word, char letter)
{
	/* inside a bundle the letter alone is named, unless it is a piece of a UTF-8 character */
	if (letter == word[1] || !isgraph((unsigned char) letter) ||
	    find_name(ps->table, ps->n, word + 1, strcspn(word + 1, "=")))
		return unknown_option(ps, word);
	return command_usage(ps->err, ps->path, "unknown option '-%c' in '%s' for '%s'", letter, word,
			     ps->path);
}

static int parse_letters(struct command_parser *ps, char *word)
{
	for (char *s = word + 1; *s; s++) {
		const struct option_def *o = find_letter(ps->table, ps->n, *s);
		if (!o && *s == 'h') {
			ps->help = true;
			return 0;
		}
		if (!o && *s == 'v' && ps->global) {
			ps->version = true;
			return 0;
		}
		if (!o)
			return unknown_letter(ps, word, *s);

		char name[] = { '-', *s, 0 };
		if (o->kind == OPTION_KIND_FLAG && s[1] != '=') {
			(void) store(ps, o, name, NULL);	/* a flag without a value cannot be wrong */
			continue;
		}
		return store(ps, o, name, s[1] ? s + 1 + (s[1] == '=') : NULL);
	}
	return 0;
}

int command_parse_level(struct command_parser *ps)
{
	int n = 0;
	bool ended = false;
	while (ps->at < ps->argc && !ps->help && !ps->version) {
		char *word = ps->argv[ps->at++];
		if (ended || word[0] != '-' || !word[1]) {
			ps->args[n++] = word;
			ended |= ps->stop_after > 0 && n >= ps->stop_after;
			continue;
		}
		if (strcmp(word, "--") == 0) {
			ended = true;
			continue;
		}
		int r = word[1] == '-' ? parse_long(ps, word) : parse_letters(ps, word);
		if (r < 0)
			return r;
	}
	ps->args[n] = NULL;
	return n;
}

int command_parse(const struct option_def *table, size_t n, int stop_after, const char *who, void *options,
		  int argc, char **argv, char **args, struct error *err)
{
	struct command_parser ps = { .table = table, .n = n, .stop_after = stop_after, .path = who,
		.options = options, .argc = argc, .argv = argv, .args = args, .err = err };
	int r = command_parse_level(&ps);
	return r >= 0 && ps.help ? -ECANCELED : r;
}

void command_options_done(const struct option_def *table, size_t n, void *options)
{
	for (size_t i = 0; i < n; i++)
		if (table[i].kind == OPTION_KIND_LIST)
			strings_done((struct strings *) ((char *) options + table[i].offset));
}
