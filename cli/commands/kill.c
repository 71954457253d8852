#include "../container/event.h"
#include "../container/pause.h"
#include "../container/runtime.h"
#include "proc.h"
#include "select.h"
#include <stdio.h>

struct kill_options { char *signal; struct selection which; };
struct kill_job { int sig; bool all; };

static const struct kill_options defaults = { .signal = (char *) "KILL" };
static const struct option_def options[] = {
	OPTION(struct kill_options, signal, 's', "signal", "SIGNAL", "a name or a number (default: KILL)"),
	SELECT_OPTION_ROWS(struct kill_options, which, "every container that runs"),
};

static int send_signal(const struct carrier *c, struct container *container, int sig, struct error *err)
{
	const struct record *r = &container->record;
	int stop = r->stop_signal ? signal_parse(r->stop_signal) : SIGTERM;
	if (sig == SIGKILL)	/* nothing can go differently, so its end is waited for: `carrier kill x && carrier rm x` must not fail */
		return container_stop(c, container, SIGKILL, 0, err);
	if (container->state == RECORD_RESTARTING)	/* there is no process that could be told */
		return container_stop(c, container, sig, 0, err);
	/* whoever ends it means it: no restart policy holds. A signal that tells it something is no end */
	int result = container->record.life.restart && (sig == stop || sig == SIGTERM || sig == SIGINT || sig == SIGQUIT)
		? record_note_stop(container, false, err) : 0;
	if (result == 0)
		result = runtime_signal(c, container, sig, false, err);
	return result == 0 && container->paused && sig == stop ? container_unpause(c, container, err) : result;
}

static int kill_one(const struct carrier *c, struct container *container, void *given, struct error *err)
{
	const struct kill_job *job = given;
	char number[16];
	bool active = container_active(container) && container->state != RECORD_STARTING;
	if (!active && job->all)
		return 1;
	if (!active)
		return error_say(err, ESRCH, "container %s is not running", container->record.name);
	int r = send_signal(c, container, job->sig, err);
	snprintf(number, sizeof number, "%d", job->sig);
	if (r == 0)
		event_container(c, container, "kill", "signal", number, NULL);
	return r;
}

static int run(void *program, void *given, char **args, int n_args)
{
	struct kill_options *o = given;
	struct kill_job job = { signal_parse(o->signal), o->which.all };
	struct error err = { 0 };
	int r = selection_check("kill", n_args, &o->which);
	if (r)
		return r;
	if (job.sig < 0) {
		error_say(&err, EINVAL, "--signal '%s' is no signal: give a name such as TERM, or a number", o->signal);
		return carrier_fail(&err);
	}
	return each_selected(program, args, &o->which, kill_one, &job);
}

const struct command command_kill = {
	.name = "kill", .arguments = "[CONTAINER...]", .summary = "send a signal to containers",
	.description = "The signal goes to the container's first process. A paused container sees it when it goes on; KILL and its own "
		       "stop signal let it.",
	.examples = "Have a server read its configuration again:\n\tcarrier kill -s HUP web",
	.exit_status = "0, or 1 when any of them does not run or could not be signalled.",
	OPTIONS(struct kill_options, options), .defaults = &defaults, .max_args = -1, .run = run,
};
