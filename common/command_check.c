/* command_check.c - the mistakes that a table of command.h can hold, found by the program's unit test. */
#include "command.h"
#include "cleanup.h"
#include "mem.h"
#include <ctype.h>
#include <string.h>

static size_t kind_size(enum option_kind kind)
{
	switch (kind) {
	case OPTION_KIND_FLAG: return sizeof(bool);
	case OPTION_KIND_STRING: return sizeof(char *);
	case OPTION_KIND_LIST: return sizeof(struct strings);
	case OPTION_KIND_INT:
	case OPTION_KIND_SIZE: break;
	}
	return sizeof(int64_t);
}

/* adds the spellings of @names to @seen; each must be new, of lower case letters, digits and dashes */
static int check_names(const char *where, const char *names, struct strings *seen, struct error *err)
{
	size_t len;
	const char *s;
	for (size_t i = 0; (s = command_spelling(names, i, &len)); i++) {
		cleanup_free char *name = xstrndup(s, len);
		if (len == 0 || name[0] == '-' ||
		    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_") != len)
			return error_set(err, 0, "%s: '%s' is no name", where, name);
		if (strings_have(seen->v, name))
			return error_set(err, 0, "%s: '%s' is there twice", where, name);
		strings_add(seen, name);
	}
	return 0;
}

/* one line that another text goes on with: no capital (unless an acronym), no full stop */
static int check_line(const char *where, const char *text, struct error *err)
{
	if (!text)
		return 0;
	if (!*text || strchr(text, '\n') || str_ends(text, ".") ||
	    (isupper((unsigned char) text[0]) && islower((unsigned char) text[1])))
		return error_set(err, 0, "%s: '%s' is to be one line without a capital and a full stop",
				 where, text);
	return 0;
}

static int check_options(const char *path, const struct option_def *table, size_t n, size_t size,
			 struct error *err)
{
	cleanup_strings struct strings names = { 0 };
	char letters[256] = "";
	for (size_t i = 0; i < n; i++) {
		const struct option_def *o = &table[i];
		cleanup_free char *where = xasprintf("%s --%s", path, o->name);
		if (o->letter && (!isalnum((unsigned char) o->letter) || strchr(letters, o->letter)))
			return error_set(err, 0, "%s: the letter '%c' is there twice, or none", where,
					 o->letter);
		if (o->letter)
			letters[strlen(letters)] = o->letter;
		if ((o->kind == OPTION_KIND_FLAG) != (o->value == NULL))
			return error_set(err, 0, "%s: a flag has no value, everything else has one", where);
		if (o->offset + kind_size(o->kind) > size)
			return error_set(err, 0, "%s: lies outside the options struct of %zu bytes", where,
					 size);
		if (check_names(where, o->name, &names, err) < 0 || check_line(where, o->help, err) < 0)
			return -EINVAL;
	}
	return 0;
}

static int check_commands(const struct program *p, const char *path, const struct command *const *list,
			  struct error *err)
{
	cleanup_strings struct strings names = { 0 };
	for (; list && *list; list++) {
		const struct command *c = *list;
		cleanup_free char *where = xasprintf("%s %s", path, c->name);
		if (!c->run == !c->sub)
			return error_set(err, 0, "%s: either runs or has commands below it", where);
		if (c->max_args >= 0 && c->min_args > c->max_args)
			return error_set(err, 0, "%s: needs %d arguments and takes %d", where, c->min_args,
					 c->max_args);
		if (!c->sub && (c->max_args != 0) != (c->arguments != NULL))
			return error_set(err, 0, "%s: .arguments and .max_args disagree", where);
		if (check_names(where, c->name, &names, err) < 0 || check_line(where, c->summary, err) < 0 ||
		    check_options(where, c->options, c->n_options, c->options_size, err) < 0 ||
		    check_commands(p, where, c->sub, err) < 0)
			return -EINVAL;
	}
	return 0;
}

int command_check(const struct program *p, struct error *err)
{
	if (!p->usage_exit)
		return error_set(err, 0, "%s: a usage error is no success", p->name);
	int r = check_options(p->name, p->options, p->n_options, p->options_size, err);
	return r < 0 ? r : check_commands(p, p->name, p->commands, err);
}
