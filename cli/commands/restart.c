#include "../container/begin.h"
#include "../container/event.h"
#include "../container/runtime.h"
#include "select.h"

enum { UNSET = INT32_MIN };
struct restart_options { struct selection which; int64_t time; bool running; };

static const struct restart_options defaults = { .time = UNSET };
static const struct option_def options[] = {
	OPTION(struct restart_options, time, 't', "time|timeout", "SECONDS",
	       "wait this long before KILL; -1: for ever (default: the container's --stop-timeout, or 10)"),
	OPTION(struct restart_options, running, 0, "running", NULL, "every container that runs"),
	SELECT_OPTION_ROWS(struct restart_options, which, "every container"),
	SELECT_IGNORE_ROW(struct restart_options, which),
};

static int restart_one(const struct carrier *c, struct container *container, void *given, struct error *err)
{
	const struct restart_options *o = given;
	if (o->running && !container_active(container))
		return 1;
	int r = container_begin_again(c, container, o->time != UNSET ? o->time : container->record.stop_timeout, err);
	if (r == 0)
		event_container(c, container, "restart", NULL);
	return r;
}

static int run(void *program, void *given, char **args, int n_args)
{
	struct restart_options *o = given;
	o->which.all = o->which.all || o->running;
	int r = selection_check("restart", n_args, &o->which);
	return r ? r : each_selected(program, args, &o->which, restart_one, o);
}

const struct command command_restart = {
	.name = "restart", .arguments = "[CONTAINER...]", .summary = "stop containers, and start them again",
	.description = "Those that do not run are started. A --rm container is not removed in between.",
	.examples = "With five seconds to end:\n\tcarrier restart -t 5 web",
	.exit_status = "0, or 1 when any of them could not be stopped or started.",
	OPTIONS(struct restart_options, options), .defaults = &defaults, .max_args = -1, .run = run,
};
