/* fuzz_command.c - the first line picks stop_after, each further line is a word of argv. */
#include "cleanup.h"
#include "command.h"
#include "mem.h"
#include <string.h>

struct options { bool flag, other; char *string; int64_t number, size; struct strings list; };
static const struct option_def table[] = {
	OPTION(struct options, flag, 'f', "flag", NULL, "a flag"),
	OPTION(struct options, other, 'o', "other|another", NULL, "another flag"),
	OPTION(struct options, string, 's', "string", "TEXT", "a string"),
	OPTION(struct options, number, 'n', "number", "N", "a number"),
	OPTION_SIZE(struct options, size, 'm', "memory|size", "BYTES", "a size"),
	OPTION(struct options, list, 'l', "list", "ITEM", "a list"),
};
enum { ROWS = sizeof table / sizeof *table };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct options options = { 0 };
	struct error err = { 0 };
	cleanup_free char *text = xstrndup((const char *) data, size);
	cleanup_strings struct strings words = { 0 };
	for (char *s = text, *end; s; s = end) {
		end = strchr(s, '\n');	/* by hand: strings_split() leaves out empty words */
		if (end)
			*end++ = 0;
		strings_add(&words, s);
	}

	int stop_after = words.v[0][0] >= '0' && words.v[0][0] <= '9' ? words.v[0][0] - '0' : 0;
	int argc = (int) words.n - 1;
	cleanup_free char **args = xcalloc((size_t) argc + 1, sizeof *args);
	int n = command_parse(table, ROWS, stop_after, "fuzz", &options, argc, words.v + 1, args, &err);

	/* what must hold for every input */
	bool right = n == -EINVAL ? err.text[0] != 0 : n >= 0 ? n <= argc && !args[n] : n == -ECANCELED;
	right = right && (n == -EINVAL) == (err.code != 0);
	if (options.string)
		right = right && strlen(options.string) <= size;
	for (int i = 0; i < n; i++)
		right = right && strings_have(words.v + 1, args[i]);
	if (!right)
		abort();
	command_options_done(table, ROWS, &options);
	return 0;
}
