/* command.c - argv against the commands of command.h: dispatch, and the built-in --help,
 * --version and `help`.
 *
 * command_parse_level() walks the words of one level (program, group or command) and stops behind the level's
 * own: for the program and a group after the first argument, which names the next level. Nothing is run
 * before the words of all levels were found right; then prepare() is called from the outermost level inwards.
 */
#include "command_impl.h"
#include "cleanup.h"
#include "mem.h"
#include <string.h>

struct call {
	const struct program *p;
	void *context, *global;
	struct buf path;	/* "carrier image", as far as the words were commands */
	struct error err;
};

/* a group on the way to the command */
struct level {
	const struct level *up;
	const struct command *command;
	void *options;
};

static int usage_error(struct call *call)
{
	fprintf(stderr, "%s: %s\n", call->p->name, call->err.text);
	if (call->p->on_usage_error)
		call->p->on_usage_error(call->context, call->global, &call->err);
	return call->p->usage_exit;
}

/* what was printed has arrived, or the exit code says that it has not */
static int printed(const struct program *p)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	fprintf(stderr, "%s: write to the standard output: %s\n", p->name, strerror(errno));
	return p->usage_exit;
}

static int show_help(const struct program *p, const struct command *command)
{
	command_help(p, command, stdout);
	return printed(p);
}

static int show_version(const struct program *p)
{
	if (p->print_version)
		p->print_version(stdout);
	else
		printf("%s version %s\n", p->name, p->version ? p->version : "unknown");
	return printed(p);
}

static int check_count(const struct command *c, const char *path, char **args, int n, struct error *err)
{
	bool few = n < c->min_args, many = c->max_args >= 0 && n > c->max_args;
	int limit = few ? c->min_args : c->max_args;
	const char *colon = c->arguments ? ": " : "", *synopsis = c->arguments ? c->arguments : "";
	const char *bound = c->min_args == c->max_args ? "" : few ? "at least " : "at most ";
	if (few)
		return command_usage(err, path, "'%s' needs %s%d argument%s%s%s; %d given", path, bound,
				     limit, limit == 1 ? "" : "s", colon, synopsis, n);
	if (many && limit == 0)
		return command_usage(err, path, "'%s' takes no arguments; '%s' is one", path, args[0]);
	if (many)
		return command_usage(err, path, "'%s' takes %s%d argument%s%s%s; '%s' is one too many", path,
				     bound, limit, limit == 1 ? "" : "s", colon, synopsis, args[limit]);
	return 0;
}

/* the words of @path behind the program's name: "image " */
static const char *below_program(const struct call *call)
{
	return buf_str(&call->path) + strlen(call->p->name);
}

static int unknown_command(struct call *call, const struct command *const *list, const char *word, bool help)
{
	cleanup_strings struct strings names = { 0 };
	if (list == call->p->commands)
		strings_add(&names, "help");
	for (; list && *list; list++)
		if ((*list)->summary)
			command_add_spellings(&names, (*list)->name);
	const char *near = names.n ? str_nearest(word, (const char *const *) names.v) : NULL;

	const char *path = buf_str(&call->path), *group = below_program(call);
	const char *blank = *group ? " " : "";
	group += *group == ' ';
	/* the first sentence is runc's, which scripts look for */
	const char *what = help ? "No help topic for" : "unknown command";
	if (near)
		command_usage(&call->err, path, "%s '%s%s%s'; did you mean '%s%s%s'?", what, group, blank,
			      word, group, blank, near);
	else
		command_usage(&call->err, path, "%s '%s%s%s'", what, group, blank, word);
	return usage_error(call);
}

struct help_options { bool man; char *man_pages, *completion; };
static const struct option_def help_options[] = {
	OPTION(struct help_options, man, 0, "man", NULL, NULL),
	OPTION(struct help_options, man_pages, 0, "man-pages", "DIR", NULL),
	OPTION(struct help_options, completion, 0, "completion", "bash|zsh|fish", NULL),
};

/* `carrier help --man image inspect` */
static int run_help(struct call *call, char **words, int n)
{
	const struct program *p = call->p;
	struct help_options o = { 0 };
	cleanup_free char **args = xcalloc((size_t) n + 1, sizeof *args);
	cleanup_free char *path = command_path(p, command_builtin_help(p), " ");
	n = command_parse(help_options, sizeof help_options / sizeof *help_options, 0, path, &o, n, words,
			  args, &call->err);
	if (n == -ECANCELED)
		return show_help(p, command_builtin_help(p));
	if (n < 0)
		return usage_error(call);
	if (o.completion)
		return command_complete(p, o.completion, stdout, &call->err) < 0 ? usage_error(call) :
										   printed(p);
	if (o.man_pages)
		return command_man_pages(p, o.man_pages, &call->err) < 0 ? usage_error(call) : 0;

	const struct command *command = NULL;
	const struct command *const *list = p->commands;
	for (int i = 0; i < n; i++) {
		const struct command *next = command_find(list, args[i]);
		if (!next && !command && strcmp(args[i], "help") == 0)
			next = command_builtin_help(p);
		if (!next)
			return unknown_command(call, list, args[i], true);
		buf_printf(&call->path, " %s", args[i]);
		command = next;
		list = next->sub;
	}
	if (!o.man)
		return show_help(p, command);
	command_man(p, command, stdout);
	return printed(p);
}

static int prepare(const struct call *call, const struct level *level)
{
	if (!level)
		return call->p->prepare ? call->p->prepare(call->context, call->global) : 0;
	int r = prepare(call, level->up);
	if (r == 0 && level->command->prepare)
		r = level->command->prepare(call->context, level->options);
	return r;
}

static int dispatch(struct call *call, const struct level *up, const struct command *const *list,
		    char **words, int n);

static int run_parsed(struct call *call, const struct level *level, char **args, int n)
{
	const struct command *command = level->command;
	if (command->sub && n == 0) {
		command_help(call->p, command, stderr);
		return call->p->usage_exit;
	}
	if (command->sub)
		return dispatch(call, level, command->sub, args, n);

	if (check_count(command, buf_str(&call->path), args, n, &call->err) < 0)
		return usage_error(call);
	int r = prepare(call, level->up);
	return r ? r : command->run(call->context, level->options, args, n);
}

static int run_command(struct call *call, const struct level *up, const struct command *command, char **words,
		       int n)
{
	size_t size = command->options_size;
	cleanup_free void *options = size ? xcalloc(1, size) : NULL;
	if (size && command->defaults)
		memcpy(options, command->defaults, size);
	cleanup_free char **args = xcalloc((size_t) n + 1, sizeof *args);
	struct command_parser ps = { .table = command->options, .n = command->n_options,
		.path = buf_str(&call->path),
		.stop_after = command->sub ? 1 : command->stop_after, .program = call->p, .options = options,
		.argc = n, .argv = words, .args = args, .err = &call->err };
	int r = command_parse_level(&ps);
	if (r < 0)
		r = usage_error(call);
	else if (ps.help)
		r = show_help(call->p, command);
	else
		r = run_parsed(call, &(struct level) { up, command, options }, args, r);

	command_options_done(command->options, command->n_options, options);
	return r;
}

static int dispatch(struct call *call, const struct level *up, const struct command *const *list,
		    char **words, int n)
{
	const struct command *command = command_find(list, words[0]);
	if (command) {
		size_t len;
		const char *name = command_spelling(command->name, 0, &len);
		buf_printf(&call->path, " %.*s", (int) len, name);
		return run_command(call, up, command, words + 1, n - 1);
	}
	if (!up && strcmp(words[0], "help") == 0)
		return run_help(call, words + 1, n - 1);
	return unknown_command(call, list, words[0],
			       strings_have(words + 1, "-h") || strings_have(words + 1, "--help"));
}

int command_main(const struct program *p, void *context, void *global, int argc, char **argv)
{
	int n = argc > 0 ? argc - 1 : 0;
	cleanup_free char **args = xcalloc((size_t) n + 1, sizeof *args);
	struct call call = { .p = p, .context = context, .global = global };
	buf_puts(&call.path, p->name);
	struct command_parser ps = { .table = p->options, .n = p->n_options, .stop_after = 1,
		.path = p->name, .global = true,
		.options = global, .argc = n, .argv = argv + (argc > 0), .args = args, .err = &call.err };
	int r = command_parse_level(&ps);
	if (r < 0)
		r = usage_error(&call);
	else if (ps.version)
		r = show_version(p);
	else if (ps.help || r == 0)
		r = show_help(p, NULL);
	else
		r = dispatch(&call, NULL, p->commands, args, r);

	command_options_done(p->options, p->n_options, global);
	buf_done(&call.path);
	return r;
}
