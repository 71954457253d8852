/* complete.c - the tables of command.h as completion scripts.
 *
 * Theory of operation: each script is a small state machine over the words in front of the cursor. `at` is
 * the path of commands so far (" image inspect"); a table of cases, made by write_steps() for bash and zsh
 * alike, says for "path word" either the next path or, for an option with a value, what that value may be:
 * "*" a file, else the words. A second table says what can stand at a path. Commands and options are names of
 * our own tables and need no quoting; the texts shown beside them do.
 */
#include "command.h"
#include "cleanup.h"
#include "mem.h"
#include <ctype.h>
#include <string.h>

/* somewhere in the tree: the program (command NULL), a group or a command */
struct node {
	const struct program *p;
	const struct command *command;
	const struct command *const *sub;
	const char *at;		/* " image inspect"; the program: "" */
};

static void walk(const struct node *node, void (*visit)(const struct node *node, FILE *out), FILE *out)
{
	visit(node, out);
	for (const struct command *const *c = node->sub; c && *c; c++) {
		if (!(*c)->summary)
			continue;
		size_t len;
		const char *name = command_spelling((*c)->name, 0, &len);
		cleanup_free char *at = xasprintf("%s %.*s", node->at, (int) len, name);
		struct node below = { node->p, *c, (*c)->sub, at };
		walk(&below, visit, out);
	}
}

/* in single quotes; bash and zsh want 'it'\''s', fish takes that too */
static void quote(FILE *out, const char *s, size_t len)
{
	fputc('\'', out);
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '\'')
			fputs("'\\''", out);
		else
			fputc(s[i], out);
	}
	fputc('\'', out);
}

static void quotes(FILE *out, const char *s) { quote(out, s, strlen(s)); }

/* "text|json" are all the values there are; "FILE", "NAME|ID" stand for something. Caller frees; NULL: no
 * choice */
static char *choices(const char *value)
{
	if (!value || !strchr(value, '|'))
		return NULL;
	for (const char *s = value; *s; s++)
		if (isupper((unsigned char) *s) || (!isalnum((unsigned char) *s) && !strchr("|-_.", *s)))
			return NULL;
	char *words = xstrdup(value);
	for (char *s = words; *s; s++)
		if (*s == '|')
			*s = ' ';
	return words;
}

/* the command whose output completes the arguments here, or NULL */
static const char *completer(const struct node *node)
{
	const char *arguments = node->command ? node->command->arguments : NULL;
	if (!arguments)
		return NULL;
	arguments += strspn(arguments, "[");
	size_t len = strcspn(arguments, " |.]");
	for (const struct completer *c = node->p->completers; c && c->argument; c++)
		if (strlen(c->argument) == len && memcmp(c->argument, arguments, len) == 0)
			return c->command;
	return NULL;
}

/* ---- bash and zsh ---- */

static void write_steps(const struct node *node, FILE *out)
{
	size_t len, n;
	const char *s;
	for (const struct command *const *c = node->sub; c && *c; c++) {
		if (!(*c)->summary)
			continue;
		fputs("\t", out);
		for (size_t i = 0; (s = command_spelling((*c)->name, i, &len)); i++)
			fprintf(out, "%s\"%s %.*s\"", i ? "|" : "", node->at, (int) len, s);
		s = command_spelling((*c)->name, 0, &len);
		fprintf(out, ") at=\"%s %.*s\" ;;\n", node->at, (int) len, s);
	}

	cleanup_free struct option_def *rows = command_rows(node->p, node->command, &n);
	for (size_t i = 0; i < n; i++) {
		if (!rows[i].value)
			continue;
		fputs("\t", out);
		for (size_t k = 0; (s = command_spelling(rows[i].name, k, &len)); k++)
			fprintf(out, "%s\"%s --%.*s\"", k ? "|" : "", node->at, (int) len, s);
		if (rows[i].letter)
			fprintf(out, "|\"%s -%c\"", node->at, rows[i].letter);
		cleanup_free char *words = choices(rows[i].value);
		fprintf(out, ") value='%s' ;;\n", words ? words : "*");
	}
}

/* one candidate: with its text for zsh, bare for bash */
static void write_name(FILE *out, const char *dashes, const char *name, const char *text, bool with_text)
{
	size_t len;
	name = command_spelling(name, 0, &len);
	if (!with_text) {
		fprintf(out, "%s%.*s ", dashes, (int) len, name);
		return;
	}
	cleanup_free char *entry = xasprintf("%s%.*s:%s", dashes, (int) len, name, text);
	quotes(out, entry);
	fputc(' ', out);
}

static void write_names(const struct node *node, FILE *out, bool zsh)
{
	const char *open = zsh ? "(" : "\"", *close = zsh ? ")" : "\"";
	const struct command *builtin = node->command ? NULL : command_builtin_help(node->p);
	fprintf(out, "\t\"%s\") names=%s", node->at, open);
	for (const struct command *const *c = node->sub; c && *c; c++)
		if ((*c)->summary)
			write_name(out, "", (*c)->name, (*c)->summary, zsh);
	if (builtin)
		write_name(out, "", builtin->name, builtin->summary, zsh);

	size_t n;
	cleanup_free struct option_def *rows = command_rows(node->p, node->command, &n);
	fprintf(out, "%s flags=%s", close, open);
	for (size_t i = 0; i < n; i++)
		write_name(out, "--", rows[i].name, rows[i].help, zsh);
	fputs(close, out);

	const char *command = completer(node);
	if (command)
		fputs(" source=", out);
	if (command)
		quotes(out, command);
	fputs(" ;;\n", out);
}

static void bash_names(const struct node *node, FILE *out) { write_names(node, out, false); }
static void zsh_names(const struct node *node, FILE *out) { write_names(node, out, true); }

static void write_bash(const struct node *top, const char *f, FILE *out)
{
	/* bash splits --x=y at the "=" (COMP_WORDBREAKS); compgen -W would expand what it is given, so words
	 * are compared by hand */
	fprintf(out,
		"%s()\n{\n\tlocal at= value= names= flags= source= i word cur=${COMP_WORDS[COMP_CWORD]}\n"
		"\tlocal -a words\n\tCOMPREPLY=()\n\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
		"\tvalue=\n\tcase \"$at ${COMP_WORDS[i]}\" in\n",
		f);
	walk(top, write_steps, out);
	fputs("\tesac\n\t[[ $value ]] || continue\n\t[[ ${COMP_WORDS[i+1]-} == = ]] && ((i++))\n"
	      "\t((i + 1 >= COMP_CWORD)) && break\n\t((i++))\n\tvalue=\n\tdone\n"
	      "\t[[ $cur == = ]] && cur=\n\tcase $at in\n", out);
	walk(top, bash_names, out);
	fputs("\tesac\n\tif [[ $value ]]; then\n\t\twords=()\n"
	      "\t\t[[ $value == \\* ]] || read -r -a words <<< \"$value\"\n"
	      "\telif [[ $cur == -* ]]; then read -r -a words <<< \"$flags\"\n"
	      "\telif [[ $names ]]; then read -r -a words <<< \"$names\"\n"
	      "\telif [[ $source ]]; then mapfile -t words < <($source 2>/dev/null)\n\tfi\n"
	      "\tfor word in \"${words[@]}\"; do\n"
	      "\t\t[[ $word == \"$cur\"* ]] && COMPREPLY+=(\"$word\")\n\tdone\n\treturn 0\n}\n", out);
	/* -o default: where nothing of ours fits, a file name */
	fprintf(out, "complete -o default -F %s %s\n", f, top->p->name);
}

static void write_zsh(const struct node *top, const char *f, FILE *out)
{
	fprintf(out, "%s_step() {\n\tvalue=\n\tcase \"$at $1\" in\n", f);
	walk(top, write_steps, out);
	fprintf(out, "\tesac\n}\n%s() {\n\tlocal at= value= source= i\n\tlocal -a names flags\n"
		"\tfor ((i = 2; i < CURRENT; i++)); do\n\t\t%s_step \"${words[i]}\"\n"
		"\t\tif [[ -n $value ]]; then\n\t\t\t((i + 1 >= CURRENT)) && break\n\t\t\t((i++))\n\t\tfi\n"
		"\t\tvalue=\n\tdone\n"
		"\tif [[ -z $value && $PREFIX == --*=* ]]; then\n\t\t%s_step \"${PREFIX%%%%=*}\"\n"
		"\t\t[[ -n $value ]] && compset -P '*='\n\tfi\n\tcase $at in\n", f, f, f);
	walk(top, zsh_names, out);
	/* found by its name in $fpath this file is the function's first call; sourced it only declares */
	fprintf(out,
		"\tesac\n\tif [[ $value == '*' ]]; then _files\n"
		"\telif [[ -n $value ]]; then compadd -- ${=value}\n"
		"\telif [[ $PREFIX == -* ]]; then _describe -o option flags\n"
		"\telif (($#names)); then _describe command names\n"
		"\telif [[ -n $source ]]; then compadd -- ${(f)\"$(${=source} 2>/dev/null)\"}\n"
		"\telse _files\n\tfi\n}\n"
		"if [[ $funcstack[1] == %s ]]; then %s \"$@\"; else compdef %s %s; fi\n",
		f, f, f, top->p->name);
}

/* ---- fish: it keeps the table, and asks our function where it is ---- */

static void fish_steps(const struct node *node, FILE *out)
{
	size_t len, n;
	const char *s;
	for (const struct command *const *c = node->sub; c && *c; c++) {
		if (!(*c)->summary)
			continue;
		fputs("\t\tcase", out);
		for (size_t i = 0; (s = command_spelling((*c)->name, i, &len)); i++)
			fprintf(out, " '%s %.*s'", node->at, (int) len, s);
		s = command_spelling((*c)->name, 0, &len);
		fprintf(out, "\n\t\t\tset at '%s %.*s'\n", node->at, (int) len, s);
	}

	cleanup_free struct option_def *rows = command_rows(node->p, node->command, &n);
	const char *before = "\t\tcase";
	for (size_t i = 0; i < n; i++) {
		if (!rows[i].value)
			continue;
		fputs(before, out);
		before = "";
		for (size_t k = 0; (s = command_spelling(rows[i].name, k, &len)); k++)
			fprintf(out, " '%s --%.*s'", node->at, (int) len, s);
		if (rows[i].letter)
			fprintf(out, " '%s -%c'", node->at, rows[i].letter);
	}
	if (!*before)
		fputs("\n\t\t\tset skip 1\n", out);
}

static void fish_head(const struct node *node, FILE *out)
{
	fprintf(out, "complete -c %s -n '__%s_at \"%s\"'", node->p->name, node->p->name, node->at);
}

static void fish_command(const struct node *node, const char *name, const char *text, FILE *out)
{
	size_t len;
	name = command_spelling(name, 0, &len);
	fish_head(node, out);
	fprintf(out, " -f -a %.*s -d ", (int) len, name);
	quotes(out, text);
	fputc('\n', out);
}

static void fish_option(const struct node *node, const struct option_def *o, FILE *out)
{
	size_t len;
	const char *s;
	fish_head(node, out);
	if (o->letter)
		fprintf(out, " -s %c", o->letter);
	for (size_t k = 0; (s = command_spelling(o->name, k, &len)); k++)
		fprintf(out, " -l %.*s", (int) len, s);
	cleanup_free char *words = choices(o->value);
	if (words)
		fprintf(out, " -x -a '%s'", words);
	else if (o->value)
		fputs(" -r", out);
	fputs(" -d ", out);
	quotes(out, o->help);
	fputc('\n', out);
}

static void fish_rows(const struct node *node, FILE *out)
{
	for (const struct command *const *c = node->sub; c && *c; c++)
		if ((*c)->summary)
			fish_command(node, (*c)->name, (*c)->summary, out);
	const struct command *builtin = node->command ? NULL : command_builtin_help(node->p);
	if (builtin)
		fish_command(node, builtin->name, builtin->summary, out);

	const char *command = completer(node);
	if (command) {
		cleanup_free char *source = xasprintf("(%s 2>/dev/null)", command);
		fish_head(node, out);
		fputs(" -f -a ", out);
		quotes(out, source);
		fputc('\n', out);
	}

	size_t n;
	cleanup_free struct option_def *rows = command_rows(node->p, node->command, &n);
	for (size_t i = 0; i < n; i++)
		fish_option(node, &rows[i], out);
}

static void write_fish(const struct node *top, FILE *out)
{
	fprintf(out, "function __%s_at\n\tset -l at ''\n\tset -l skip 0\n"
		"\tfor word in (commandline -opc)[2..]\n"
		"\t\tif test $skip = 1\n\t\t\tset skip 0\n\t\t\tcontinue\n\t\tend\n"
		"\t\tswitch \"$at $word\"\n", top->p->name);
	walk(top, fish_steps, out);
	fputs("\t\tend\n\tend\n\ttest \"$at\" = \"$argv[1]\"\nend\n", out);
	walk(top, fish_rows, out);
}

/* ---- all ---- */

int command_complete(const struct program *p, const char *shell, FILE *out, struct error *err)
{
	static const char *const shells[] = { "bash", "zsh", "fish", NULL };
	if (!strings_have((char *const *) shells, shell))
		return error_set(err, 0,
				 "no completion for the shell '%s'; there is one for bash, zsh and fish",
				 shell);

	/* zsh wants its directive in the first line of the file */
	bool zsh = strcmp(shell, "zsh") == 0;
	fprintf(out, zsh ? "#compdef %s\n" : "# completion of %s\n", p->name);
	fprintf(out, "# made by '%s help --completion %s': change the program, not this file\n", p->name,
		shell);

	/* a program's name may have dashes, a function's not everywhere */
	cleanup_free char *f = xasprintf("_%s", p->name);
	for (char *s = f; *s; s++)
		if (*s == '-')
			*s = '_';
	struct node top = { p, NULL, p->commands, "" };
	if (zsh)
		write_zsh(&top, f, out);
	else if (strcmp(shell, "bash") == 0)
		write_bash(&top, f, out);
	else
		write_fish(&top, out);
	return 0;
}
