#include "../container/begin.h"
#include "../container/runtime.h"
#include "select.h"

enum { UNSET = INT32_MIN };
struct restart_options { int64_t time; bool all, running; };

static const struct restart_options defaults = { .time = UNSET };
static const struct option_def options[] = {
	OPTION(struct restart_options, time, 't', "time|timeout", "SECONDS",
	       "wait this long before KILL; -1: for ever (default: the container's --stop-timeout, or 10)"),
	OPTION(struct restart_options, all, 'a', "all", NULL, "every container"),
	OPTION(struct restart_options, running, 0, "running", NULL, "with --all: every container that runs"),
};

static int restart_one(const struct carrier *c, struct container *container, void *given, struct error *err)
{
	const struct restart_options *o = given;
	if (o->running && !container_active(container))
		return 1;
	return container_begin_again(c, container, o->time != UNSET ? o->time : container->record.stop_timeout, err);
}

static int run(void *program, void *given, char **args, int n_args)
{
	struct restart_options *o = given;
	o->all = o->all || o->running;
	int r = need_names("restart", n_args, o->all);
	return r ? r : each_container(program, args, o->all, restart_one, o);
}

const struct command command_restart = {
	.name = "restart", .arguments = "[CONTAINER...]", .summary = "stop containers, and start them again",
	.description = "Those that do not run are started. A --rm container is not removed in between.",
	.examples = "With five seconds to end:\n\tcarrier restart -t 5 web",
	.exit_status = "0, or 1 when any of them could not be stopped or started.",
	OPTIONS(struct restart_options, options), .defaults = &defaults, .max_args = -1, .run = run,
};
