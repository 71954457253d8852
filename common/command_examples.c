/* command_examples.c - the examples of command.h are commands that the same tables understand. */
#include "command_impl.h"
#include "cleanup.h"
#include "mem.h"
#include <string.h>

/* split - the words of a line as a shell has them: blanks part words, quotes and backslashes keep them, and what is no word of
 * ours ends the command (|, <, >, &, ;, #). Return: is there a quote without its end? */
static bool split(struct strings *ret, const char *s, size_t len)
{
	struct buf word cleanup_buf = { 0 };
	bool inside = false;
	char quote = 0;
	for (const char *end = s + len; s < end; s++) {
		if (!quote && (strchr("|<>&;", *s) || (*s == '#' && !inside)))
			break;
		if (quote ? *s == quote : *s == '\'' || *s == '"') {
			quote = quote ? 0 : *s;
			inside = true;
		} else if (!quote && (*s == ' ' || *s == '\t')) {
			if (inside)
				strings_take(ret, buf_take(&word));
			inside = false;
		} else {
			s += *s == '\\' && quote != '\'' && s + 1 < end;
			buf_putc(&word, *s);
			inside = true;
		}
	}
	if (inside)
		strings_take(ret, buf_take(&word));
	return quote != 0;
}

/* level - the words of one command against its table; their number may be wrong. Return: as command_parse() */
static int level(const struct option_def *table, size_t n, size_t size, int stop_after, const char *who, char **words, int n_words,
		 char **args, struct error *err)
{
	cleanup_free void *options = size ? xcalloc(1, size) : NULL;
	int r = command_parse(table, n, stop_after, who, options, n_words, words, args, err);
	command_options_done(table, n, options);
	return r;
}

/* understood - 1 when @words, behind the program's name, are a call of @command, 0 of another one */
static int understood(const struct program *p, const struct command *command, const char *path, struct strings *words, struct error *err)
{
	int n = (int) words->n - 1;
	cleanup_free char **args = xcalloc(words->n + 1, sizeof *args);
	cleanup_free char **below = xcalloc(words->n + 1, sizeof *below);
	const struct command *const *list = p->commands;
	const struct command *found = NULL;
	n = level(p->options, p->n_options, p->options_size, 1, p->name, words->v + 1, n, args, err);
	while (n > 0 && (!found || found->sub)) {	/* as command.c's dispatch() */
		found = command_find(list, args[0]);
		if (!found)
			return error_set(err, 0, "%s: '%s' in the example is no command", path, args[0]);
		list = found->sub;
		n = level(found->options, found->n_options, found->options_size, found->sub ? 1 : found->stop_after, path, args + 1,
			  n - 1, below, err);
		memcpy(args, below, (words->n + 1) * sizeof *args);
	}
	if (n < 0)
		return n == -ECANCELED ? 0 : n;
	if (!found || n < found->min_args || (found->max_args >= 0 && n > found->max_args))
		return error_set(err, 0, "%s: an example has %d arguments", path, n);
	return found == command;
}

/* check_lines - Return: how many lines of an example are calls of @command */
static int check_lines(const struct program *p, const struct command *command, const char *path, const struct command_block *b,
		       struct error *err)
{
	int found = 0;
	size_t n;
	for (const char *s = b->start, *end = s + b->len; s < end; s += n + 1) {
		struct strings words cleanup_strings = { 0 };
		n = strcspn(s, "\n");
		if (split(&words, s, s + n > end ? (size_t) (end - s) : n))
			return error_set(err, 0, "%s: an example has a quote without its end", path);
		if (words.n == 0 || strcmp(words.v[0], p->name) != 0)
			continue;	/* another program's line between ours */
		int r = understood(p, command, path, &words, err);
		if (r < 0)
			return r;
		found += r;
	}
	return found;
}

int command_check_examples(const struct program *p, const struct command *command, struct error *err)
{
	cleanup_free char *path = command_path(p, command, " ");
	const char *text = command->examples;
	struct command_block b;
	int found = 0;
	while (command_next_block(&text, &b)) {
		if (!b.example && (b.len < 2 || !strchr(".:?", b.start[b.len - 1])))
			return error_set(err, 0, "%s: what an example does is a sentence: '%.*s'", path, (int) b.len, b.start);
		int r = b.example ? check_lines(p, command, path, &b, err) : 0;
		if (r < 0)
			return r;
		found += r;
	}
	return found ? 0 : error_set(err, 0, "%s has no example", path);
}
