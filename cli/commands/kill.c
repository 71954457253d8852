#include "../container/runtime.h"
#include "proc.h"
#include "select.h"

struct kill_options { char *signal; bool all; };
struct kill_job { int sig; bool all; };

static const struct kill_options defaults = { .signal = (char *) "KILL" };
static const struct option_def options[] = {
	OPTION(struct kill_options, signal, 's', "signal", "SIGNAL", "a name or a number (default: KILL)"),
	OPTION(struct kill_options, all, 'a', "all", NULL, "every container that runs"),
};

/* After KILL nothing can go differently, so its end is waited for: `carrier kill x && carrier rm x` must not fail. */
static int kill_one(const struct carrier *c, struct container *container, void *given, struct error *err)
{
	const struct kill_job *job = given;
	bool active = container_active(container) && container->state != RECORD_STARTING;
	if (!active && job->all)
		return 1;
	if (!active)
		return error_say(err, ESRCH, "container %s is not running", container->record.name);
	return job->sig == SIGKILL ? container_stop(c, container, SIGKILL, 0, err) : runtime_signal(c, container, job->sig, false, err);
}

static int run(void *program, void *given, char **args, int n_args)
{
	struct kill_options *o = given;
	struct kill_job job = { signal_parse(o->signal), o->all };
	struct error err = { 0 };
	int r = need_names("kill", n_args, o->all);
	if (r)
		return r;
	if (job.sig < 0) {
		error_say(&err, EINVAL, "--signal '%s' is no signal: give a name such as TERM, or a number", o->signal);
		return carrier_fail(&err);
	}
	return each_container(program, args, o->all, kill_one, &job);
}

const struct command command_kill = {
	.name = "kill", .arguments = "[CONTAINER...]", .summary = "send a signal to containers",
	.description = "The signal goes to the container's first process.",
	.exit_status = "0, or 1 when any of them does not run or could not be signalled.",
	OPTIONS(struct kill_options, options), .defaults = &defaults, .max_args = -1, .run = run,
};
