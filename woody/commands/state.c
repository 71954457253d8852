#include "../container.h"
#include "../woody.h"
#include "cleanup.h"

static int run(void *program, void *given, char **args, int n_args)
{
	struct woody *w = program;
	struct error err = { 0 };
	struct container c cleanup_container = CONTAINER_INIT;
	(void) given;
	(void) n_args;
	if (container_load(w->root, args[0], &c, &err) < 0)
		return fail(w, "state", &err);
	cleanup_free char *text = container_state(&c, container_status(&c), true, JSON_INDENTED);
	fputs(text, stdout);
	return 0;
}

const struct command command_state = {
	.name = "state", .arguments = "CONTAINER-ID", .summary = "print the state of a container as JSON",
	.min_args = 1, .max_args = 1, .run = run,
};
