#include "../carrier.h"

static int run(void *program, void *options, char **args, int n_args)
{
	(void) program;
	(void) options;
	(void) args;
	(void) n_args;
	puts("carrier version " VERSION);
	return 0;
}

const struct command command_version = {
	.name = "version", .section = "The rest", .summary = "print the version of carrier",
	.examples = "Which version is this?\n\tcarrier version",
	.run = run,
};
