#include "../container/await.h"
#include "cleanup.h"

struct wait_options { char *condition, *interval; bool ignore, latest; };

static const struct wait_options defaults = { .condition = (char *) "not-running" };
static const struct option_def options[] = {
	OPTION(struct wait_options, condition, 0, "condition", "not-running|next-exit|removed", "what is waited for (default: not-running)"),
	OPTION(struct wait_options, interval, 'i', "interval", "TIME", "podman's; has no effect: the end is told, and need not be asked for"),
	OPTION(struct wait_options, ignore, 0, "ignore", NULL, "one that does not exist is no error: its exit code is -1"),
	OPTION(struct wait_options, latest, 'l', "latest", NULL, "for the container that was made last"),
};

static int wait_one(const struct carrier *c, const char *name, bool latest, enum await_condition condition, bool ignore)
{
	struct container container cleanup_container = CONTAINER_NONE;
	struct error err = { 0 };
	int code = 0, r = record_find(c, name, latest, &container, &err);
	if (r == -ENOENT && ignore) {
		puts("-1");
		return 0;
	}
	if (r == 0)
		r = container_await(c, &container, condition, &code, &err);
	if (r < 0)
		return carrier_fail(&err), 1;
	printf("%d\n", code);
	(void) fflush(stdout);
	return 0;
}

static int run(void *program, void *given, char **args, int n_args)
{
	const struct wait_options *o = given;
	enum await_condition condition;
	struct error err = { 0 };
	int code = 0;
	if (await_parse(o->condition, &condition, &err) < 0)
		return carrier_fail(&err);
	if (o->latest ? n_args > 0 : n_args == 0) {
		fprintf(stderr, "carrier wait: name at least one container, or give --latest\n");
		return EXIT_CARRIER;
	}
	if (o->latest)
		return wait_one(program, "", true, condition, o->ignore);
	for (; *args; args++)
		code |= wait_one(program, *args, false, condition, o->ignore);
	return code;
}

const struct command command_wait = {
	.name = "wait", .arguments = "[CONTAINER...]", .summary = "wait until containers have ended, and print their exit codes",
	.description = "One after the other. A container that is started again by its policy has not ended. Where the monitor was killed the exit "
		       "code is not known: 255.",
	.examples = "What did it return?\n\tcarrier wait job",
	.exit_status = "0, or 1 when any of them does not exist.",
	OPTIONS(struct wait_options, options), .defaults = &defaults, .max_args = -1, .run = run,
};
