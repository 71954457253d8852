/* complete.c - the tables of command.h as completion scripts.
 *
 * Theory of operation: each script is a small state machine over the words in front of the cursor. `at` is
 * the path of commands so far (" image inspect"), `n` counts the arguments behind it, and `ended` says that options are over (behind
 * "--", or as .stop_after says); a table of cases, made by write_steps() for bash and zsh alike, says for "path word" either the next
 * path or, for an option with a value, what that value may be. A second table says what can stand at a path: names of commands,
 * flags, and for each argument what it may be. "What it may be" is a text everywhere:
 *	*		a file			-	nothing that could be listed
 *	!WORDS		what the program prints when it is called with WORDS
 *	else		the words themselves
 * Commands and options are names of our own tables and need no quoting; the texts shown beside them do.
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

/* is_of - is the row's list of commands (NULL: every one) about the command here? */
static bool is_of(const char *list, const struct node *node)
{
	size_t len;
	const char *s;
	for (size_t i = 0; list && (s = command_spelling(list, i, &len)); i++)
		if (strlen(node->at) == len + 1 && memcmp(node->at + 1, s, len) == 0)
			return true;
	return !list;
}

static const char *completer(const struct node *node, const char *word, size_t len)
{
	for (const struct completer *c = node->p->completers; c && c->argument; c++)
		if (strlen(c->argument) == len && memcmp(c->argument, word, len) == 0 && is_of(c->of, node))
			return c->words;
	return NULL;
}

static bool is_file(const char *word, size_t len)
{
	static const char *const names[] = { "FILE", "DIR", "DIRECTORY", "PATH" };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strlen(names[i]) == len && memcmp(names[i], word, len) == 0)
			return true;
	return false;
}

/* what_it_may_be - of one word of a synopsis, or of an option's value, as said at the head of this file. Caller frees. */
static char *what_it_may_be(const struct node *node, const char *word, size_t len)
{
	struct buf words = { 0 };
	bool file = false;
	const char *source = completer(node, word, len);
	for (const char *s = word, *end = word + len; !source && s < end;) {
		size_t n = strcspn(s, "|"), name;
		n = s + n > end ? (size_t) (end - s) : n;
		name = strcspn(s, "[:=.,");
		name = name > n ? n : name;
		source = completer(node, s, name);
		file |= is_file(s, name);
		/* small letters up to where something begins that stands for something: "on-failure[:N]", "container:" of "container:ID" */
		size_t small = 0;
		while (small < n && !isupper((unsigned char) s[small]) && s[small] != '[')
			small++;
		if (small && (islower((unsigned char) *s) || isdigit((unsigned char) *s)))
			buf_printf(&words, "%s%.*s", words.len ? " " : "", (int) small, s);
		s += n + 1;
	}
	if (source || file || !words.len) {
		buf_done(&words);
		return source ? xasprintf("!%s", source) : xstrdup(file ? "*" : "-");
	}
	return buf_take(&words);
}

/* arguments - what each may be; @ret_more: the last again and again */
static void arguments(const struct node *node, struct strings *ret, bool *ret_more)
{
	struct strings words cleanup_strings = { 0 };
	const char *synopsis = node->command && !node->sub ? node->command->arguments : NULL;
	if (synopsis)
		strings_split(&words, synopsis, " ");
	*ret_more = false;
	for (size_t i = 0; i < words.n; i++) {
		const char *s = words.v[i] + strspn(words.v[i], "[");
		size_t len = strlen(s);
		while (len && strchr("].", s[len - 1]))
			len--;
		if (s[0] == '-' && s[1])	/* an option that stands among the arguments */
			continue;
		/* "[IMAGE...]" behind "IMAGE" is the same once more */
		strings_take(ret, what_it_may_be(node, s, len));
		*ret_more = strstr(s, "...") != NULL;
	}
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
		fprintf(out, ") at=\"%s %.*s\" stop=%d ;;\n", node->at, (int) len, s, (*c)->stop_after);
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
		cleanup_free char *what = what_it_may_be(node, rows[i].value, strlen(rows[i].value));
		fprintf(out, ") value='%s' ;;\n", what);
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

	struct strings args cleanup_strings = { 0 };
	bool more;
	arguments(node, &args, &more);
	fputs(" args=(", out);
	for (size_t i = 0; i < args.n; i++) {
		fputs(i ? " " : "", out);
		quotes(out, args.v[i]);
	}
	fprintf(out, ") more=%d ;;\n", more);
}

static void bash_names(const struct node *node, FILE *out) { write_names(node, out, false); }
static void zsh_names(const struct node *node, FILE *out) { write_names(node, out, true); }

static void write_bash(const struct node *top, const char *f, FILE *out)
{
	/* bash splits at "=" and ":" (COMP_WORDBREAKS): what has no blank in front of it in the line belongs to the word before. compgen -W would
	 * expand what it is given, so words are compared by hand. A reply begins where bash begins the word. */
	fprintf(out,
		"%s_words()\n{\n\tlocal i rest=$COMP_LINE\n\twords=()\n"
		"\tfor ((i = 0; i <= COMP_CWORD; i++)); do\n"
		"\t\tif ((i > 0)) && [[ $rest != [[:space:]]* && ( ${COMP_WORDS[i]} == [=:]* || ${COMP_WORDS[i-1]} == *[=:] ) ]]; then\n"
		"\t\t\twords[${#words[@]}-1]+=${COMP_WORDS[i]}\n\t\telse\n\t\t\twords+=(\"${COMP_WORDS[i]}\")\n\t\tfi\n"
		"\t\trest=${rest#\"${rest%%%%[![:space:]]*}\"}\n\t\trest=${rest#\"${COMP_WORDS[i]}\"}\n\tdone\n}\n",
		f);
	fprintf(out,
		"%s()\n{\n\tlocal at= was value= names= flags= what=- more=0 stop=0 ended= n=0 i word cur before=\n"
		"\tlocal -a words args found\n\tCOMPREPLY=()\n\t%s_words\n\tcur=${words[${#words[@]}-1]}\n"
		"\tfor ((i = 1; i < ${#words[@]} - 1; i++)); do\n"
		"\tword=${words[i]} was=$at value=\n"
		"\tif [[ $ended ]]; then ((n++)); continue; fi\n"
		"\tcase \"$at ${word%%%%=*}\" in\n",
		f, f);
	walk(top, write_steps, out);
	fputs("\tesac\n\tif [[ $at != \"$was\" ]]; then n=0\n"
	      "\telif [[ $word == -- ]]; then ended=1\n"
	      "\telif [[ $word != -?* ]]; then ((++n == stop)) && ended=1\n"
	      "\telif [[ $value && $word != *=* ]]; then\n"
	      "\t\t((i + 2 >= ${#words[@]})) && break\n\t\t((i++))\n\tfi\n"
	      "\tvalue=\n\tdone\n"
	      "\tif [[ ! $value && ! $ended && $cur == --*=* ]]; then\n\tcase \"$at ${cur%%=*}\" in\n", out);
	walk(top, write_steps, out);
	fputs("\tesac\n\tbefore=${cur%%=*}= cur=${cur#*=}\n\tfi\n\tcase $at in\n", out);
	walk(top, bash_names, out);
	fputs("\tesac\n"
	      "\tif [[ $value ]]; then what=$value\n"
	      "\telif [[ ! $ended && $cur == -* ]]; then what=$flags\n"
	      "\telif [[ $names ]]; then what=$names\n"
	      "\telif ((n < ${#args[@]})); then what=${args[n]}\n"
	      "\telif ((more)); then what=${args[${#args[@]}-1]}\n\tfi\n"
	      "\tcase $what in\n"
	      "\t'*') compopt -o default 2>/dev/null; return 0 ;;\n"
	      "\t-) return 0 ;;\n"
	      "\t'!'*) read -r -a args <<< \"${what#!}\"; mapfile -t found < <(\"${words[0]}\" \"${args[@]}\" 2>/dev/null) ;;\n"
	      "\t*) read -r -a found <<< \"$what\" ;;\n\tesac\n"
	      "\tword=$before$cur\n"
	      "\tbefore=${word%\"${word##*[=:]}\"}\n"	/* bash has these already, unless the two split nothing */
	      "\t[[ $COMP_WORDBREAKS == *=* && $COMP_WORDBREAKS == *:* ]] || before=\n"
	      "\tfor i in \"${found[@]}\"; do\n"
	      "\t\t[[ $i == \"$cur\"* ]] || continue\n"
	      "\t\ti=${word%\"$cur\"}$i\n"
	      "\t\tCOMPREPLY+=(\"${i#\"$before\"}\")\n\tdone\n\treturn 0\n}\n", out);
	fprintf(out, "complete -F %s %s\n", f, top->p->name);
}

static void write_zsh(const struct node *top, const char *f, FILE *out)
{
	fprintf(out, "%s_step() {\n\tvalue=\n\tcase \"$at ${1%%%%=*}\" in\n", f);
	walk(top, write_steps, out);
	fprintf(out, "\tesac\n}\n%s() {\n\tlocal at= was= value= what=- word= i ended=\n\tlocal -i n=0 stop=0 more=0\n"
		"\tlocal -a names flags args found\n"
		"\tfor ((i = 2; i < CURRENT; i++)); do\n\t\tword=${words[i]} was=$at value=\n"
		"\t\tif [[ -n $ended ]]; then ((n++)); continue; fi\n"
		"\t\t%s_step \"$word\"\n"
		"\t\tif [[ $at != \"$was\" ]]; then n=0\n"
		"\t\telif [[ $word == -- ]]; then ended=1\n"
		"\t\telif [[ $word != -?* ]]; then ((++n == stop)) && ended=1\n"
		"\t\telif [[ -n $value && $word != *=* ]]; then\n\t\t\t((i + 1 >= CURRENT)) && break\n\t\t\t((i++))\n\t\tfi\n"
		"\t\tvalue=\n\tdone\n"
		"\tif [[ -z $value && -z $ended && $PREFIX == --*=* ]]; then\n\t\t%s_step \"$PREFIX\"\n"
		"\t\t[[ -n $value ]] && compset -P '*='\n\tfi\n\tcase $at in\n", f, f, f);
	walk(top, zsh_names, out);
	/* found by its name in $fpath this file is the function's first call; sourced it only declares */
	fprintf(out,
		"\tesac\n"
		"\tif [[ -n $value ]]; then what=$value\n"
		"\telif [[ -z $ended && $PREFIX == -* ]]; then _describe -o option flags; return\n"
		"\telif (($#names)); then _describe command names; return\n"
		"\telif ((n < $#args)); then what=${args[n+1]}\n"
		"\telif ((more)); then what=${args[-1]}\n\tfi\n"
		"\tcase $what in\n"
		"\t'*') _files ;;\n"
		"\t-) return 1 ;;\n"
		"\t'!'*) found=(${(f)\"$(\"${words[1]}\" ${=what#!} 2>/dev/null)\"}); compadd -a found ;;\n"
		"\t*) found=(${=what}); compadd -a found ;;\n\tesac\n}\n"
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
		fprintf(out, "\n\t\t\tset at '%s %.*s'\n\t\t\tset n -1\n\t\t\tset stop %d\n", node->at, (int) len, s, (*c)->stop_after);
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

/* @n: the number of the argument, NULL: an option may stand here */
static void fish_head(const struct node *node, const char *n, FILE *out)
{
	fprintf(out, "complete -c %s -n '__%s_at \"%s\"%s%s'", node->p->name, node->p->name, node->at, n ? " " : "", n ? n : "");
}

static void fish_command(const struct node *node, const char *name, const char *text, FILE *out)
{
	size_t len;
	name = command_spelling(name, 0, &len);
	fish_head(node, "0", out);
	fprintf(out, " -f -a %.*s -d ", (int) len, name);
	quotes(out, text);
	fputc('\n', out);
}

/* fish_words - @what may be there; nothing else with -f, which -x is for an option */
static void fish_words(const struct node *node, const char *what, const char *alone, FILE *out)
{
	if (strcmp(what, "*") == 0) {
		fputs(alone[2] == 'x' ? " -r -F" : " -F", out);
		return;
	}
	fputs(alone, out);
	cleanup_free char *call = what[0] == '!' ? xasprintf("(__%s_words %s)", node->p->name, what + 1) : xstrdup(what);
	if (strcmp(what, "-") != 0)
		fputs(" -a ", out);
	if (strcmp(what, "-") != 0)
		quotes(out, call);
}

static void fish_option(const struct node *node, const struct option_def *o, FILE *out)
{
	size_t len;
	const char *s;
	fish_head(node, NULL, out);
	if (o->letter)
		fprintf(out, " -s %c", o->letter);
	for (size_t k = 0; (s = command_spelling(o->name, k, &len)); k++)
		fprintf(out, " -l %.*s", (int) len, s);
	cleanup_free char *what = o->value ? what_it_may_be(node, o->value, strlen(o->value)) : NULL;
	if (what)
		fish_words(node, what, " -x", out);
	fputs(" -d ", out);
	quotes(out, o->help);
	fputc('\n', out);
}

static void fish_arguments(const struct node *node, FILE *out)
{
	struct strings args cleanup_strings = { 0 };
	bool more;
	arguments(node, &args, &more);
	for (size_t i = 0; i < args.n; i++) {
		cleanup_free char *at = xasprintf("%zu%s", i, more && i + 1 == args.n ? " more" : "");
		fish_head(node, at, out);
		fish_words(node, args.v[i], " -f", out);
		fputc('\n', out);
	}
}

static void fish_rows(const struct node *node, FILE *out)
{
	for (const struct command *const *c = node->sub; c && *c; c++)
		if ((*c)->summary)
			fish_command(node, (*c)->name, (*c)->summary, out);
	const struct command *builtin = node->command ? NULL : command_builtin_help(node->p);
	if (builtin)
		fish_command(node, builtin->name, builtin->summary, out);
	fish_arguments(node, out);

	size_t n;
	cleanup_free struct option_def *rows = command_rows(node->p, node->command, &n);
	for (size_t i = 0; i < n; i++)
		fish_option(node, &rows[i], out);
}

static void write_fish(const struct node *top, FILE *out)
{
	fprintf(out, "function __%s_at\n\tset -l at ''\n\tset -l n 0\n\tset -l stop 0\n\tset -l skip 0\n\tset -l ended 0\n"
		"\tfor word in (commandline -opc)[2..]\n"
		"\t\tif test $skip = 1\n\t\t\tset skip 0\n\t\t\tcontinue\n\t\tend\n"
		"\t\tif test $ended = 1\n\t\t\tset n (math $n + 1)\n\t\t\tcontinue\n\t\tend\n"
		"\t\tswitch \"$at $word\"\n", top->p->name);
	walk(top, fish_steps, out);
	fputs("\t\tcase '* --'\n\t\t\tset ended 1\n\t\t\tcontinue\n\t\tend\n"
	      "\t\tstring match -q -- '-*' $word; or set n (math $n + 1)\n"
	      "\t\ttest $n -gt 0 -a $n = $stop; and set ended 1\n"
	      "\tend\n\ttest \"$at\" = \"$argv[1]\"; or return 1\n"
	      "\tif not set -q argv[2]\n\t\ttest $ended = 0\n\t\treturn\n\tend\n"
	      "\tif set -q argv[3]\n\t\ttest $n -ge $argv[2]\n\telse\n\t\ttest $n = $argv[2]\n\tend\nend\n", out);
	/* files only where we say so */
	fprintf(out, "function __%s_words\n\tset -l program (commandline -opc)[1]\n\t$program $argv 2>/dev/null\nend\ncomplete -c %s -f\n",
		top->p->name, top->p->name);
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
