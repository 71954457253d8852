#include "select.h"
#include "cleanup.h"

static int print_state(struct container *c, void *ctx, struct error *err)
{
	(void) ctx;
	(void) err;
	cleanup_free char *text = container_state(c, container_status(c), true, JSON_INDENTED);
	fputs(text, stdout);
	return 0;
}

static int run(void *program, void *given, char **args, int n_args)
{
	(void) n_args;
	return with_container(program, "state", args[0], print_state, given);
}

const struct command command_state = {
	.name = "state", .arguments = "CONTAINER-ID", .summary = "print the state of a container as JSON",
	.min_args = 1, .max_args = 1, .run = run,
};
