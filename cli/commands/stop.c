#include "../container/runtime.h"
#include "proc.h"
#include "select.h"

enum { UNSET = INT32_MIN };
struct stop_options { int64_t time; bool all; };

static const struct stop_options defaults = { .time = UNSET };
static const struct option_def options[] = {
	OPTION(struct stop_options, time, 't', "time|timeout", "SECONDS",
	       "wait this long before KILL; -1: for ever (default: the container's --stop-timeout, or 10)"),
	OPTION(struct stop_options, all, 'a', "all", NULL, "every container that runs"),
};

static int stop_one(const struct carrier *c, struct container *container, void *given, struct error *err)
{
	const struct stop_options *o = given;
	const struct record *r = &container->record;
	if (o->all && !container_active(container))
		return 1;
	int64_t seconds = o->time != UNSET ? o->time : r->stop_timeout;
	return container_stop(c, container, container_stop_signal(container), seconds, err);
}

static int run(void *program, void *given, char **args, int n_args)
{
	struct stop_options *o = given;
	int r = need_names("stop", n_args, o->all);
	return r ? r : each_container(program, args, o->all, stop_one, o);
}

const struct command command_stop = {
	.name = "stop", .arguments = "[CONTAINER...]", .summary = "end containers, gently at first",
	.description = "Sends the stop signal of the container or its image (TERM, when they have none), and KILL when it has not ended in "
		       "time. Returns when the container is cleaned up. One that does not run is no error.",
	.examples = "Gently, with a minute's time:\n\tcarrier stop -t 60 db\n\n"
		    "All:\n\tcarrier stop --all",
	.exit_status = "0, or 1 when any of them could not be stopped.",
	OPTIONS(struct stop_options, options), .defaults = &defaults, .max_args = -1, .run = run,
};
