/* command_impl.h - what the files behind command.h share; nobody else includes it. */
#pragma once
#include "command.h"

/* ---- command_parse.c ---- */

/* the words of one level: the program, a group or a command */
struct command_parser {
	const struct option_def *table;
	size_t n;
	int stop_after;
	const char *path;		/* "carrier run" */
	const struct program *program;	/* whose global options a hint may name, or NULL */
	bool global;			/* this level is the program itself: --version is known */
	void *options;
	int argc, at;
	char **argv, **args;
	bool help, version;		/* asked for: parsing ended there */
	struct error *err;
};

/* command_parse_level - as command_parse(); ends early with ps->help or ps->version set.
 * Return: the number of arguments, or -EINVAL. */
int command_parse_level(struct command_parser *ps);

/* command_usage - a usage error: the sentence, and where to read more (@path: "carrier run")
 * Return: -EINVAL. */
int command_usage(struct error *err, const char *path, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* command_find - the command of a NULL-terminated list (or NULL) that @word spells, or NULL */
const struct command *command_find(const struct command *const *list, const char *word);
void command_add_spellings(struct strings *l, const char *names);

/* ---- command_help.c: pieces of text ---- */

/* a paragraph, or an example: consecutive lines that begin with a blank and stay as they are */
struct command_block { const char *start; size_t len; bool example; };

/* command_next_block - the next block of *@text (may be NULL), which moves behind it; false: none */
bool command_next_block(const char **text, struct command_block *ret);
/* command_next_word - the next word of what is left of a text that ends at @end; length 0 behind the last */
const char *command_next_word(const char **s, const char *end, size_t *len);
/* command_aliases - "ls, ps" of "list|ls|ps". Caller frees. */
char *command_aliases(const char *names);
/* command_synopsis - what follows the command's path in a synopsis. Caller frees. */
char *command_synopsis(const struct command *command);
const char *command_summary(const struct program *p, const struct command *command);
