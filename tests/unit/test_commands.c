/* carrier's own tables: every command has examples that they understand, every option a sentence, and --help, the man page and the
 * three completions say the same. */
#include "command.h"
#include "cleanup.h"
#include "mem.h"
#include "str.h"
#include "tap.h"
#include "../../cli/carrier.h"
#include <stdlib.h>

static char *printed(void (*print)(const struct program *, const struct command *, FILE *), const struct command *command)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	print(&carrier_program, command, out);
	(void) fclose(out);
	return text;
}

static char *script(const char *shell)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	if (command_complete(&carrier_program, shell, out, NULL) < 0)
		fputs("", out);
	(void) fclose(out);
	return text;
}

static void say(bool ok, const char *path, const char *what)
{
	printf("%sok %d - %s: %s\n", ok ? "" : "not ", ++tap_count, path, what);
	tap_failed |= !ok;
}

/* plain - a man page's text without its escapes */
static void plain(char *s)
{
	char *out = s;
	for (; *s; s++) {
		if (s[0] == '\\' && s[1] == '-')
			s++;
		*out++ = *s;
	}
	*out = 0;
}

/* has_word - @word with no letter of a name behind it */
static bool has_word(const char *text, const char *word)
{
	size_t len = strlen(word);
	for (const char *s = text; (s = strstr(s, word)); s += len)
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789-_", s[len]) || !s[len])
			return true;
	return false;
}

static char *bash, *zsh, *fish;

/* every spelling of every option is in all of them */
static void check_options(const struct command *command, const char *path)
{
	cleanup_free char *help = printed(command_help, command), *man = printed(command_man, command);
	struct strings missing cleanup_strings = { 0 };
	plain(man);
	for (size_t i = 0; i < command->n_options; i++) {
		size_t len;
		const char *name;
		if (!command->options[i].help)
			strings_printf(&missing, "--%s has no help", command->options[i].name);
		for (size_t k = 0; (name = command_spelling(command->options[i].name, k, &len)); k++) {
			cleanup_free char *word = xasprintf("--%.*s", (int) len, name), *bare = xasprintf("-l %.*s", (int) len, name);
			bool first = k == 0 || command->options[i].value;	/* further spellings are completed where a value follows */
			if (!has_word(help, word))
				strings_printf(&missing, "%s is not in --help", word);
			if (!has_word(man, word))
				strings_printf(&missing, "%s is not in the man page", word);
			if (first && (!has_word(bash, word) || !has_word(zsh, word) || !has_word(fish, bare)))
				strings_printf(&missing, "%s is not in the completions", word);
		}
	}
	for (size_t i = 0; i < missing.n; i++)
		printf("# %s\n", missing.v[i]);
	say(missing.n == 0, path, "options are documented everywhere");
	if (command->examples)
		say(strstr(help, "\nEXAMPLES:\n") && strstr(man, "\n.SH EXAMPLES\n"), path, "examples are shown");
}

static void check(const struct command *const *list)
{
	for (; *list; list++) {
		if (!(*list)->summary)
			continue;
		struct error err = { 0 };
		cleanup_free char *path = command_path(&carrier_program, *list, " ");
		check_options(*list, path);
		if ((*list)->sub) {
			check((*list)->sub);
			continue;
		}
		bool ok = command_check_examples(&carrier_program, *list, &err) == 0;
		say(ok, path, ok ? "has examples" : err.text);
	}
}

int main(void)
{
	struct error err = { 0 };
	if (!OK(command_check(&carrier_program, &err) == 0))
		printf("# %s\n", err.text);
	bash = script("bash");
	zsh = script("zsh");
	fish = script("fish");
	check(carrier_program.commands);
	free(bash);
	free(zsh);
	free(fish);
	return tap_done();
}
