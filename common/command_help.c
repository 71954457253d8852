/* command_help.c - the tables of command.h as --help. */
#include "command_impl.h"
#include "cleanup.h"
#include "mem.h"
#include <ctype.h>
#include <string.h>
#include <sys/ioctl.h>

/* ---- pieces of text ---- */

bool command_next_block(const char **text, struct command_block *ret)
{
	const char *s = *text ? *text : "";
	s += strspn(s, "\n");
	if (!*s)
		return false;
	*ret = (struct command_block) { .start = s, .example = *s == ' ' || *s == '\t' };
	while (*s && *s != '\n' && (*s == ' ' || *s == '\t') == ret->example) {
		size_t n = strcspn(s, "\n");
		ret->len = (size_t) (s - ret->start) + n;
		s += n + (s[n] == '\n');
	}
	*text = s;
	return true;
}

const char *command_next_word(const char **s, const char *end, size_t *len)
{
	while (*s < end && isspace((unsigned char) **s))
		(*s)++;
	const char *word = *s;
	while (*s < end && !isspace((unsigned char) **s))
		(*s)++;
	*len = (size_t) (*s - word);
	return word;
}

char *command_aliases(const char *names)
{
	struct buf b = { 0 };
	size_t len;
	const char *s;
	for (size_t i = 1; (s = command_spelling(names, i, &len)); i++)
		buf_printf(&b, "%s%.*s", i > 1 ? ", " : "", (int) len, s);
	return buf_take(&b);
}

static bool has_options(const struct command *command)
{
	for (size_t i = 0; i < command->n_options; i++)
		if (command->options[i].help)
			return true;
	return false;
}

char *command_synopsis(const struct command *command)
{
	if (!command)
		return xstrdup("[GLOBAL OPTIONS] COMMAND [OPTIONS] [ARGUMENTS]");
	const char *options = has_options(command) ? " [OPTIONS]" : "";
	const char *arguments = command->sub ? "COMMAND [OPTIONS] [ARGUMENTS]" : command->arguments;
	char *s = xasprintf("%s%s%s", options, arguments ? " " : "", arguments ? arguments : "");
	if (*s)
		memmove(s, s + 1, strlen(s));
	return s;
}

const char *command_summary(const struct program *p, const struct command *command)
{
	const char *s = command ? command->summary : p->summary;
	return s ? s : "";
}

/* ---- --help ---- */

/* the columns of UTF-8 text: bytes that do not continue a character */
static size_t columns(const char *s, size_t len)
{
	size_t n = 0;
	for (size_t i = 0; i < len; i++)
		n += (s[i] & 0xc0) != 0x80;
	return n;
}

enum { INDENT = 3, GAP = 2, LEFT_MAX = 30, WIDTH_MIN = 80, WIDTH_MAX = 100 };

static size_t help_width(FILE *out)
{
	struct winsize size;
	int fd = fileno(out);
	if (fd < 0 || ioctl(fd, TIOCGWINSZ, &size) < 0 || size.ws_col < WIDTH_MIN)
		return WIDTH_MIN;
	return size.ws_col > WIDTH_MAX ? WIDTH_MAX : size.ws_col;
}

/* fill - the words of @s between the columns @indent and @width, the first at column @at; ends the line */
static void fill(FILE *out, const char *s, size_t s_len, size_t at, size_t indent, size_t width)
{
	const char *end = s + s_len, *word;
	size_t len;
	bool first = true;
	while (word = command_next_word(&s, end, &len), len > 0) {
		size_t w = columns(word, len);
		if (!first && at + 1 + w > width) {
			fputc('\n', out);
			first = true;
			at = 0;
		}
		if (at < indent)
			fprintf(out, "%*s", (int) (indent - at), "");
		fprintf(out, "%s%.*s", first ? "" : " ", (int) len, word);
		at = (at < indent ? indent : at) + w + !first;
		first = false;
	}
	fputc('\n', out);
}

static void help_text(FILE *out, const char *text, size_t width)
{
	struct command_block b;
	for (bool first = true; command_next_block(&text, &b); first = false) {
		if (!first)
			fputc('\n', out);
		if (!b.example) {
			fill(out, b.start, b.len, 0, INDENT, width);
			continue;
		}
		for (const char *s = b.start, *end = s + b.len; s < end; s++) {
			if (s == b.start || s[-1] == '\n')
				fprintf(out, "%*s", INDENT, "");
			if (*s == '\t')
				fprintf(out, "%*s", INDENT, "");
			else
				fputc(*s, out);
		}
		fputc('\n', out);
	}
}

/* two columns: what it is, what it does */
struct row { char *left; const char *text, *section; };

static void print_rows(FILE *out, const struct row *rows, size_t n, size_t width)
{
	size_t left = 0;
	for (size_t i = 0; i < n; i++) {
		size_t w = columns(rows[i].left, strlen(rows[i].left));
		if (w > left && w <= LEFT_MAX)
			left = w;
	}
	size_t indent = INDENT + left + GAP;
	for (size_t i = 0; i < n; i++) {
		if (rows[i].section)
			fprintf(out, "%s%*s%s:\n", i ? "\n" : "", INDENT - 1, "", rows[i].section);
		size_t at = INDENT + columns(rows[i].left, strlen(rows[i].left));
		fprintf(out, "%*s%s", INDENT, "", rows[i].left);
		if (at + GAP > indent) {
			fputc('\n', out);
			at = 0;
		}
		fill(out, rows[i].text, strlen(rows[i].text), at, indent, width);
	}
}

static void free_rows(struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(rows[i].left);
	free(rows);
}

static void help_commands(const struct program *p, const struct command *command, FILE *out, size_t width)
{
	const struct command *const *list = command ? command->sub : p->commands;
	const struct command *builtin = command ? NULL : command_builtin_help(p);
	size_t n = 0, max = 1;
	while (list && list[max - 1])
		max++;
	struct row *rows = xcalloc(max, sizeof *rows);
	for (; list && *list; list++) {
		if (!(*list)->summary)
			continue;
		cleanup_free char *more = command_aliases((*list)->name);
		size_t len;
		const char *name = command_spelling((*list)->name, 0, &len);
		rows[n++] = (struct row) { xasprintf("%.*s%s%s", (int) len, name, *more ? ", " : "", more),
			(*list)->summary, command ? NULL : (*list)->section };	/* a group's list is short */
	}
	if (builtin)
		rows[n++] = (struct row) { xstrdup(builtin->name), builtin->summary, NULL };
	if (n)
		fputs("\nCOMMANDS:\n", out);
	print_rows(out, rows, n, width);
	free_rows(rows, n);
}

/* "-d, --detach", "    --fsroot, --rootfs DIR" */
static char *option_left(const struct option_def *o)
{
	struct buf b = { 0 };
	if (o->letter)
		buf_printf(&b, "-%c, ", o->letter);
	else
		buf_puts(&b, "    ");
	size_t len;
	const char *s;
	for (size_t i = 0; (s = command_spelling(o->name, i, &len)); i++)
		buf_printf(&b, "%s--%.*s", i ? ", " : "", (int) len, s);
	if (o->value)
		buf_printf(&b, " %s", o->value);
	return buf_take(&b);
}

static void help_options(const struct program *p, const struct command *command, FILE *out, size_t width)
{
	size_t n;
	cleanup_free struct option_def *options = command_rows(p, command, &n);
	struct row *rows = xcalloc(n, sizeof *rows);
	for (size_t i = 0; i < n; i++)
		rows[i] = (struct row) { option_left(&options[i]), options[i].help, NULL };
	fprintf(out, "\n%s:\n", command ? "OPTIONS" : "GLOBAL OPTIONS");
	print_rows(out, rows, n, width);
	free_rows(rows, n);
}

void command_help(const struct program *p, const struct command *command, FILE *out)
{
	size_t width = help_width(out);
	cleanup_free char *path = command_path(p, command, " ");
	cleanup_free char *name = xasprintf("%s - %s", path, command_summary(p, command));
	fputs("NAME:\n", out);
	fill(out, name, strlen(name), 0, INDENT, width);

	cleanup_free char *rest = command_synopsis(command);
	fprintf(out, "\nUSAGE:\n%*s%s%s", INDENT, "", path, *rest ? " " : "");
	size_t at = INDENT + strlen(path) + 1;
	fill(out, rest, strlen(rest), at, at, width);

	cleanup_free char *other = command_aliases(command ? command->name : p->name);
	if (*other)
		fprintf(out, "\nALIASES:\n%*s%s\n", INDENT, "", other);

	const char *description = command ? command->description : p->description;
	if (description)
		fputs("\nDESCRIPTION:\n", out);
	help_text(out, description, width);
	help_commands(p, command, out, width);
	help_options(p, command, out, width);
	if (command && command->examples)
		fputs("\nEXAMPLES:\n", out);
	help_text(out, command ? command->examples : NULL, width);
	if (!command || command->sub)
		fprintf(out, "\n'%s COMMAND --help' shows the options of a command.\n", path);
}
