#include "../container/event.h"
#include "../container/runtime.h"
#include "proc.h"
#include "select.h"

enum { UNSET = INT32_MIN };
struct stop_options { struct selection which; int64_t time; char *signal; int sig; };

static const struct stop_options defaults = { .time = UNSET };
static const struct option_def options[] = {
	OPTION(struct stop_options, time, 't', "time|timeout", "SECONDS",
	       "wait this long before KILL; -1: for ever (default: the container's --stop-timeout, or 10)"),
	OPTION(struct stop_options, signal, 's', "signal", "SIGNAL", "send this at first (default: the container's, its image's, or TERM)"),
	SELECT_OPTION_ROWS(struct stop_options, which, "every container that runs"),
	SELECT_IGNORE_ROW(struct stop_options, which),
};

static int stop_one(const struct carrier *c, struct container *container, void *given, struct error *err)
{
	const struct stop_options *o = given;
	bool ran = container_active(container);
	if (o->which.all && !ran)
		return 1;
	int64_t seconds = o->time != UNSET ? o->time : container->record.stop_timeout;
	int r = container_stop(c, container, o->sig ? o->sig : container_stop_signal(container), seconds, err);
	if (r == 0 && ran)
		event_container(c, container, "stop", NULL);
	return r;
}

static int run(void *program, void *given, char **args, int n_args)
{
	struct stop_options *o = given;
	struct error err = { 0 };
	int r = selection_check("stop", n_args, &o->which);
	if (r == 0 && o->signal && (o->sig = signal_parse(o->signal)) < 0) {
		error_say(&err, EINVAL, "--signal '%s' is no signal: give a name such as TERM, or a number", o->signal);
		return carrier_fail(&err);
	}
	return r ? r : each_selected(program, args, &o->which, stop_one, o);
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
