#include "../container/await.h"
#include "cleanup.h"
#include "select.h"

struct wait_options { char *condition, *interval; enum await_condition until; struct selection which; };

static const struct wait_options defaults = { .condition = (char *) "not-running" };
static const struct option_def options[] = {
	OPTION(struct wait_options, condition, 0, "condition", "not-running|next-exit|removed", "what is waited for (default: not-running)"),
	OPTION(struct wait_options, interval, 'i', "interval", "TIME", "podman's; has no effect: the end is told, and need not be asked for"),
	OPTION(struct wait_options, which.ignore, 0, "ignore", NULL, "one that does not exist is no error: its exit code is -1"),
	SELECT_OPTION_ROWS(struct wait_options, which, "for every container"),
};

static int wait_one(const struct carrier *c, struct container *container, void *given, struct error *err)
{
	const struct wait_options *o = given;
	int code = 0, r = container_await(c, container, o->until, &code, err);
	if (r < 0)
		return r;
	printf("%d\n", code);
	return 1;
}

static bool exists(const struct carrier *c, const char *name)
{
	struct container container cleanup_container = CONTAINER_NONE;
	return record_find(c, name, false, &container, NULL) != -ENOENT;
}

static int run(void *program, void *given, char **args, int n_args)
{
	struct wait_options *o = given;
	struct error err = { 0 };
	char *none[] = { NULL };
	int r = selection_check("wait", n_args, &o->which);
	if (r)
		return r;
	if (await_parse(o->condition, &o->until, &err) < 0)
		return carrier_fail(&err);
	int code = each_selected(program, none, &o->which, wait_one, o);
	for (; *args; args++) {
		if (o->which.ignore && !exists(program, *args))
			puts("-1");
		else
			code |= each_selected(program, (char *[]) { *args, NULL }, &(struct selection) { 0 }, wait_one, o);
	}
	return code;
}

const struct command command_wait = {
	.name = "wait", .arguments = "[CONTAINER...]", .summary = "wait until containers have ended, and print their exit codes",
	.description = "One after the other. A container that is started again by its policy has not ended. Where the monitor was killed the exit "
		       "code is not known: 255.",
	.examples = "What did it return?\n\tcarrier wait job\n\nUntil all of a kind have ended:\n\tcarrier wait --filter label=job=nightly",
	.exit_status = "0, or 1 when any of them does not exist.",
	OPTIONS(struct wait_options, options), .defaults = &defaults, .max_args = -1, .run = run,
};
