/* command_man.c - the tables of command.h as man(7) pages: the text of --help, in the same order. The lines
 * are filled by man(1); they are broken here only so that the source can be read. */
#include "command_impl.h"
#include "cleanup.h"
#include "mem.h"
#include <ctype.h>
#include <string.h>
#include <time.h>

/* man_escape - characters that troff would take for requests, or print as other ones */
static void man_escape(FILE *out, const char *s, size_t len)
{
	static const struct { char c; const char *escape; } table[] = {
		{ '\\', "\\e" }, { '-', "\\-" }, { '\'', "\\(aq" }, { '`', "\\(ga" },
		{ '^', "\\(ha" }, { '~', "\\(ti" }, { '"', "\\(dq" },
	};
	for (size_t i = 0; i < len; i++) {
		const char *escape = NULL;
		for (size_t k = 0; k < sizeof table / sizeof *table; k++)
			if (table[k].c == s[i])
				escape = table[k].escape;
		if (escape)
			fputs(escape, out);
		else
			fputc(s[i], out);
	}
}

static void man_puts(FILE *out, const char *s) { man_escape(out, s, strlen(s)); }

/* filled text as source lines of a readable length */
static void man_fill(FILE *out, const char *s, size_t s_len)
{
	const char *end = s + s_len, *word;
	size_t len, at = 0;
	while (word = command_next_word(&s, end, &len), len > 0) {
		bool fits = at > 0 && at + 1 + len <= 72;
		if (at > 0)
			fputc(fits ? ' ' : '\n', out);
		if (!fits && word[0] == '.')
			fputs("\\&", out);	/* a dot that begins a line would be a request */
		man_escape(out, word, len);
		at = fits ? at + 1 + len : len;
	}
	fputc('\n', out);
}

static void man_example(FILE *out, const struct command_block *b)
{
	fputs(".RS 4\n.EX\n", out);
	const char *s = b->start, *end = s + b->len;
	while (s < end) {
		size_t n = strcspn(s, "\n");
		if (s + n > end)
			n = (size_t) (end - s);
		size_t blank = strspn(s, " \t");
		blank = blank > n ? n : blank;
		fputs("\\&", out);
		man_escape(out, s + blank, n - blank);
		fputc('\n', out);
		s += n + 1;
	}
	fputs(".EE\n.RE\n", out);
}

static void man_text(FILE *out, const char *text)
{
	struct command_block b;
	for (bool first = true; command_next_block(&text, &b); first = false) {
		if (!first)
			fputs(".PP\n", out);
		if (b.example)
			man_example(out, &b);
		else
			man_fill(out, b.start, b.len);
	}
}

/* words in capitals stand for something: italic */
static void man_synopsis(FILE *out, const char *s)
{
	bool italic = false;
	for (; *s; s++) {
		bool capital =
			isupper((unsigned char) *s) || (italic && (isdigit((unsigned char) *s) || *s == '_'));
		if (capital != italic)
			fputs(capital ? "\\fI" : "\\fR", out);
		italic = capital;
		man_escape(out, s, 1);
	}
	fputs(italic ? "\\fR\n" : "\n", out);
}

static int man_section(const struct program *p) { return p->man_section ? p->man_section : 1; }

static void man_commands(const struct program *p, const struct command *command, FILE *out)
{
	const struct command *const *list = command ? command->sub : p->commands;
	if (!list || !*list)
		return;
	fputs(".SH COMMANDS\n", out);
	for (; *list; list++) {
		if (!(*list)->summary)
			continue;
		if (!command && (*list)->section) {
			fputs(".SS ", out);
			man_puts(out, (*list)->section);
			fputc('\n', out);
		}
		cleanup_free char *page = command_path(p, *list, "-");
		fputs(".TP\n\\fB", out);
		man_puts(out, page);
		fprintf(out, "\\fR(%d)\n", man_section(p));
		man_fill(out, (*list)->summary, strlen((*list)->summary));
	}
}

static void man_options(const struct program *p, const struct command *command, FILE *out)
{
	size_t n, len;
	cleanup_free struct option_def *rows = command_rows(p, command, &n);
	fprintf(out, ".SH %s\n", command ? "OPTIONS" : "GLOBAL OPTIONS");
	for (size_t i = 0; i < n; i++) {
		fputs(".TP\n", out);
		if (rows[i].letter)
			fprintf(out, "\\fB\\-%c\\fR, ", rows[i].letter);
		const char *s;
		for (size_t k = 0; (s = command_spelling(rows[i].name, k, &len)); k++) {
			fprintf(out, "%s\\fB\\-\\-", k ? ", " : "");
			man_escape(out, s, len);
			fputs("\\fR", out);
		}
		if (rows[i].value) {
			fputs(" \\fI", out);
			man_puts(out, rows[i].value);
			fputs("\\fR", out);
		}
		fputc('\n', out);
		man_fill(out, rows[i].help, strlen(rows[i].help));
	}
}

static const struct command *parent_of(const struct command *const *list, const struct command *command,
				       const struct command *parent)
{
	for (; list && *list; list++) {
		const struct command *found =
			*list == command ? parent : parent_of((*list)->sub, command, *list);
		if (found)
			return found;
	}
	return NULL;
}

static void man_see_also(const struct program *p, const struct command *command, FILE *out)
{
	cleanup_strings struct strings pages = { 0 };
	const struct command *parent = command ? parent_of(p->commands, command, NULL) : NULL;
	const char *more = command ? command->see_also : p->see_also;
	if (command)
		strings_printf(&pages, "%s(%d)", p->name, man_section(p));
	cleanup_free char *parent_page = parent ? command_path(p, parent, "-") : NULL;
	if (parent)
		strings_printf(&pages, "%s(%d)", parent_page, man_section(p));
	strings_split(&pages, more ? more : "", ", \n");
	if (pages.n)
		fputs(".SH SEE ALSO\n", out);
	for (size_t i = 0; i < pages.n; i++) {
		size_t len = strcspn(pages.v[i], "(");
		fputs(".BR ", out);
		man_escape(out, pages.v[i], len);
		fprintf(out, " %s%s\n", pages.v[i] + len, i + 1 < pages.n ? "," : "");
	}
}

static void man_head(const struct program *p, const char *page, FILE *out)
{
	char date[16];
	int64_t when = time(NULL);
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	if (epoch)
		(void) str_to_i64(epoch, 0, INT64_MAX, &when);
	time_t t = (time_t) when;
	struct tm tm = { 0 };
	(void) gmtime_r(&t, &tm);
	(void) strftime(date, sizeof date, "%Y-%m-%d", &tm);

	fputs(".TH \"", out);
	for (const char *s = page; *s; s++)
		fprintf(out, "%s%c", *s == '-' ? "\\" : "", toupper((unsigned char) *s));
	fprintf(out, "\" \"%d\" \"%s\" \"%s %s\"\n", man_section(p), date, p->name,
		p->version ? p->version : "");
}

static void man_description(const struct program *p, const struct command *command, FILE *out)
{
	const char *text = command ? command->description : p->description;
	cleanup_free char *sentence = xasprintf("%s.", command_summary(p, command));
	sentence[0] = (char) toupper((unsigned char) sentence[0]);
	fputs(".SH DESCRIPTION\n", out);
	man_text(out, text ? text : sentence);

	cleanup_free char *other = command_aliases(command ? command->name : p->name);
	if (*other)
		fputs(".PP\nAlso spelled: ", out);
	man_puts(out, other);
	if (*other)
		fputs(".\n", out);
}

void command_man(const struct program *p, const struct command *command, FILE *out)
{
	cleanup_free char *path = command_path(p, command, " ");
	cleanup_free char *page = command_path(p, command, "-");
	man_head(p, page, out);
	fputs(".SH NAME\n", out);
	man_puts(out, page);
	fputs(" \\- ", out);
	man_puts(out, command_summary(p, command));

	cleanup_free char *rest = command_synopsis(command);
	fputs("\n.SH SYNOPSIS\n\\fB", out);
	man_puts(out, path);
	fputs(*rest ? "\\fR " : "\\fR", out);
	man_synopsis(out, rest);

	man_description(p, command, out);
	man_commands(p, command, out);
	man_options(p, command, out);
	if (command && command->examples)
		fputs(".SH EXAMPLES\n", out);
	man_text(out, command ? command->examples : NULL);
	const char *exit_status = command ? command->exit_status : p->exit_status;
	if (exit_status)
		fputs(".SH EXIT STATUS\n", out);
	man_text(out, exit_status);
	man_see_also(p, command, out);
}

static int write_page(const struct program *p, const struct command *command, const char *dir,
		      struct error *err)
{
	cleanup_free char *page = command_path(p, command, "-");
	cleanup_free char *path = xasprintf("%s/%s.%d", dir, page, man_section(p));
	FILE *out = fopen(path, "we");
	if (!out)
		return error_set(err, errno, "create '%s'", path);
	command_man(p, command, out);
	bool failed = ferror(out);
	if (fclose(out) != 0 || failed)
		return error_set(err, errno ? errno : EIO, "write '%s'", path);
	return 0;
}

static int write_pages(const struct program *p, const struct command *const *list, const char *dir,
		       struct error *err)
{
	int r = 0;
	for (; r == 0 && list && *list; list++) {
		if (!(*list)->summary)
			continue;
		r = write_page(p, *list, dir, err);
		if (r == 0)
			r = write_pages(p, (*list)->sub, dir, err);
	}
	return r;
}

int command_man_pages(const struct program *p, const char *dir, struct error *err)
{
	int r = write_page(p, NULL, dir, err);
	return r < 0 ? r : write_pages(p, p->commands, dir, err);
}
