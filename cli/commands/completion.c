#include "../carrier.h"

static int complete(void *program, void *options, char **args, int n_args)
{
	struct error err = { 0 };
	(void) program;
	(void) options;
	(void) n_args;
	return command_complete(&carrier_program, args[0], stdout, &err) < 0 ? carrier_fail(&err) : 0;
}

const struct command command_completion = {
	.name = "completion", .arguments = "bash|zsh|fish", .summary = "print a completion script for a shell",
	.description = "Made of the same tables as --help: `carrier completion bash > /etc/bash_completion.d/carrier`.",
	.examples = "For all users, from the next shell on:\n\tcarrier completion bash > /usr/share/bash-completion/completions/carrier\n\tcarrier completion zsh > /usr/share/zsh/site-functions/_carrier\n\tcarrier completion fish > /usr/share/fish/vendor_completions.d/carrier.fish\n\n"
		    "For this shell alone:\n\tcarrier completion bash > /tmp/c && . /tmp/c",
	.min_args = 1, .max_args = 1, .run = complete,
};
