/* command.h - a program's commands and options as tables.
 *
 * One table row says everything about an option: how it is spelled, where its value is stored and what
 * --help, the man page and completion say of it. Nothing else parses argv.
 *
 *	struct run_options { bool detach; char *name; struct strings env; int64_t pids; };
 *	static const struct option_def run_options[] = {
 *		OPTION(struct run_options, detach, 'd', "detach", NULL, "run in the background"),
 *		OPTION(struct run_options, name, 0, "name", "NAME", "give the container this name"),
 *		OPTION(struct run_options, env, 'e', "env", "NAME=VALUE", "set a variable; again for more"),
 *	};
 *	const struct command command_run = {
 *		.name = "run", .arguments = "IMAGE [COMMAND [ARG...]]", .summary = "run a command",
 *		OPTIONS(struct run_options, run_options), .min_args = 1, .max_args = -1, .stop_after = 1,
 *		.run = run,
 *	};
 *
 * The kind follows from the C type, as in json.h:
 *	bool                        --x, --x=true|false
 *	char *                      --x VALUE, --x=VALUE, -x VALUE, -xVALUE, -x=VALUE
 *	struct strings              the same; may be given again, each is kept
 *	int64_t                     the same; a whole number
 *	int64_t with OPTION_SIZE    bytes, with a unit (64k, 512m, 2g), or -1: no limit
 * OPTION_NOTED(T, m, noted, ...) also sets the bool `noted` when the option is given at all, with whatever value.
 * A `char *` points into argv (or at the default): borrowed. A struct strings owns copies; command_main()
 * releases them. An option that takes a value takes the next word whatever it is (`--memory -1`). What was
 * given twice and is no list: the last counts.
 *
 * Short flags may be bundled (-it). `--` ends the options, a lone `-` is an argument. Long names are never
 * abbreviated and need both dashes. Options before the command's name are the program's own (the global
 * table); behind it they may stand before and after the arguments, unless .stop_after says otherwise.
 *
 * Understood without a row: --help and -h everywhere, --version and -v among the global options, and the
 * command `help [COMMAND...]`. A table that has such a name or letter itself (`run -h NAME`) keeps it.
 * For the build, `help` takes: --man (the man page in place of the help), --man-pages DIR (writes all of
 * them) and --completion bash|zsh|fish.
 *
 * Completion reads the words of synopses and values: in "IMAGE [COMMAND [ARG...]]" the first argument is an IMAGE (see struct completer).
 * FILE, DIR, DIRECTORY and PATH are completed with files; alternatives in small letters ("text|json", "no|on-failure[:N]") with
 * themselves; what else is in capitals with nothing.
 *
 * Descriptions, examples and exit_status texts are paragraphs with an empty line between them; they are filled anew for
 * the reader's terminal, except for lines that begin with a blank or a tab: those are examples and stay.
 */
#pragma once
#include "error.h"
#include "str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum option_kind {
	OPTION_KIND_FLAG, OPTION_KIND_STRING, OPTION_KIND_INT, OPTION_KIND_LIST, OPTION_KIND_SIZE,
};

struct option_def {
	char letter;		/* 0: none */
	const char *name;	/* without the dashes; several spellings as "name|other" */
	enum option_kind kind;
	size_t offset;
	const char *value;	/* what --help calls it: "NAME"; or all there are: "text|json"; flags: NULL */
	const char *help;	/* one sentence, no capital, no full stop; NULL: understood, not shown */
	size_t noted;		/* where a bool becomes true when the option is given at all; 0: nowhere */
};

#define OPTION_KIND_OF(T, m) _Generic(((T *) 0)->m, bool: OPTION_KIND_FLAG, char *: OPTION_KIND_STRING, \
	const char *: OPTION_KIND_STRING, int64_t: OPTION_KIND_INT, struct strings: OPTION_KIND_LIST)
#define OPTION(T, m, letter_, name_, value_, help_) { .letter = (letter_), .name = (name_), \
	.kind = OPTION_KIND_OF(T, m), .offset = offsetof(T, m), .value = (value_), .help = (help_) }
#define OPTION_NOTED(T, m, noted_, letter_, name_, value_, help_) { .letter = (letter_), .name = (name_), \
	.kind = OPTION_KIND_OF(T, m), .offset = offsetof(T, m), .value = (value_), .help = (help_), .noted = offsetof(T, noted_) }
#define OPTION_SIZE(T, m, letter_, name_, value_, help_) { .letter = (letter_), .name = (name_), \
	.kind = _Generic(((T *) 0)->m, int64_t: OPTION_KIND_SIZE), .offset = offsetof(T, m), \
	.value = (value_), .help = (help_) }
#define OPTIONS(T, table) .options = (table), .n_options = sizeof(table) / sizeof *(table), \
	.options_size = sizeof(T)

struct command {
	const char *name;		/* aliases behind it: "list|ls|ps" */
	const char *section;		/* heading above it in a long list of commands ("Images"), which holds
					 * until the next row that has one; NULL: none of its own */
	const char *arguments;		/* synopsis without options: "CONTAINER [COMMAND...]"; NULL: none */
	const char *summary;		/* one line, no full stop; NULL: understood, not shown */
	const char *description;	/* paragraphs for --help and the man page, or NULL */
	const char *examples;		/* for --help and the man page: what it does, and below that a line with a tab
					 * and the command ("Who is on port 80?\n\tcarrier ps | grep 80"); or NULL */
	const char *exit_status;	/* paragraphs for the man page, or NULL */
	const char *see_also;		/* "podman-run(1), runc(8)", besides our own pages; or NULL */
	const struct option_def *options;
	size_t n_options, options_size;
	int min_args, max_args;		/* max -1: any number */
	int stop_after;			/* options end after this many arguments (0: never): what follows is
					 * the container's command's */
	const void *defaults;		/* initial content of the options (lists empty), or NULL for zeroes */
	/* @options: the filled struct, NULL when options_size is 0; it and @args (NULL-terminated, the
	 * strings borrowed from argv) live until run() returns. Return: the exit code. */
	int (*run)(void *program, void *options, char **args, int n_args);

	/* A group ("image") has these in place of run and arguments: */
	const struct command *const *sub;	/* the commands below ("image inspect"), NULL-terminated */
	/* takes the group's own options (`compose -f FILE up`), which live until the subcommand returns;
	 * or NULL. Return: 0, or an exit code to end with */
	int (*prepare)(void *program, void *options);
};

/* struct completer - where completion finds words for an argument or an option's value that is called @argument
 * ("CONTAINER", or "CONTAINER|IMAGE" where both will do): what the program itself prints, one a line, when it is called with @words
 * ("list --quiet"). @of: the commands that this row is for ("start|restart"; with blanks for one of a group: "image rm"), NULL: all that
 * no row above is for. */
struct completer { const char *argument, *words, *of; };

struct program {
	const char *name, *summary, *description, *version;
	const char *exit_status, *see_also;	/* for the man page, as in struct command */
	int man_section;			/* of all its pages; 0: 1 */
	const struct option_def *options;	/* global ones, into a struct of options_size */
	size_t n_options, options_size;
	const struct command *const *commands;	/* NULL-terminated, in the order of --help */
	const struct completer *completers;	/* ends with a row of NULL; or NULL */
	int usage_exit;			/* exit code for a usage error: woody 1, carrier 125 */
	/* called with the parsed global options, before the command and after its words were found right;
	 * NULL: nothing. Return: 0, or an exit code to end with */
	int (*prepare)(void *program, void *options);
	/* a usage error, after it was printed on stderr; for who writes it to a log too. @options: the global
	 * ones, as far as they were parsed. NULL: nothing */
	void (*on_usage_error)(void *program, void *options, const struct error *err);
	/* --version; NULL: "NAME version VERSION" */
	void (*print_version)(FILE *out);
};

/* command_main - parse argv and run the command
 * @context: handed to prepare() and run() as `program`
 * @global:  the zeroed or preset struct for the global options; its lists are released before the return
 * Usage errors are printed on stderr: what is wrong, the nearest valid word, and how to get help.
 * Order: all words are parsed, then prepare() of the program and of the groups is called, then run().
 * Return: the process' exit code: run()'s; prepare()'s if not 0; usage_exit; 0 for help (also without any
 * command); a group without a subcommand prints its help on stderr and is a usage error.
 */
int command_main(const struct program *p, void *context, void *global, int argc, char **argv);

/* command_help - what --help prints, 80 columns wide (up to 100 where @out is a terminal that has them);
 * @command NULL: of the whole program */
void command_help(const struct program *p, const struct command *command, FILE *out);
/* command_man - the man page, in man(7) macros, of the program (@command NULL) or one command. Its date is
 * today's, or SOURCE_DATE_EPOCH's for a reproducible build. */
void command_man(const struct program *p, const struct command *command, FILE *out);
/* command_man_pages - write the pages of the program and of every shown command ("carrier-image-inspect.1")
 * Return: 0, or a negative errno with @err naming the file. */
int command_man_pages(const struct program *p, const char *dir, struct error *err);
/* command_complete - a completion script for "bash", "zsh" or "fish", made of the tables
 * Return: 0, or -EINVAL with @err for another shell. */
int command_complete(const struct program *p, const char *shell, FILE *out, struct error *err);

/* command_parse - the part without side effects, for tests and fuzzers
 * @who:     "carrier run", for the errors
 * @options: the struct to fill; what was parsed before an error is in it, see command_options_done()
 * @argv:    @argc words, without the program's and the command's names
 * @args:    room for argc + 1; receives the arguments, NULL-terminated
 * Return: the number of arguments; -ECANCELED with @err untouched when --help was asked for;
 * -EINVAL with the usage error.
 */
int command_parse(const struct option_def *table, size_t n, int stop_after, const char *who, void *options,
		  int argc, char **argv, char **args, struct error *err);
/* command_options_done - release the lists of an options struct */
void command_options_done(const struct option_def *table, size_t n, void *options);

/* command_check - is the table itself right? For the program's unit tests.
 * Every name and letter once, a value exactly where the kind has one, offsets inside the struct, each command
 * either runs or has commands below it, texts as this header wants them.
 * Return: 0, or -EINVAL with @err naming the row.
 */
int command_check(const struct program *p, struct error *err);
/* command_check_examples - has @command at least one example, and is every line of them that begins with the program's name a call
 * that the tables understand? Return: 0, or -EINVAL with @err naming what is wrong. */
int command_check_examples(const struct program *p, const struct command *command, struct error *err);

/* ---- for those who print the tables ---- */

/* command_spelling - the @i-th name of "list|ls|ps", not NUL-terminated: @len long; NULL behind the last */
const char *command_spelling(const char *names, size_t i, size_t *len);
/* command_path - "carrier image inspect", with @separator for the blanks. Caller frees. */
char *command_path(const struct program *p, const struct command *command, const char *separator);
/* command_rows - the options that are shown for @command (NULL: the global ones), the built-in ones behind
 * them. Caller frees the array. */
struct option_def *command_rows(const struct program *p, const struct command *command, size_t *ret_n);
/* command_builtin_help - the row of `help` in the list of commands; NULL when the program has its own */
const struct command *command_builtin_help(const struct program *p);
