#include "making.h"
#include "log.h"

struct run_options {
	struct making making;
	bool detach, keep, no_subreaper, explain;
};

static const struct option_def options[] = {
	MAKING_OPTIONS(struct run_options),
	OPTION(struct run_options, detach, 'd', "detach", NULL, "return once the program runs"),
	OPTION(struct run_options, explain, 0, "explain", NULL, "tell on stderr which system calls the seccomp profile denies, and by which rule"),
	OPTION(struct run_options, keep, 0, "keep", NULL, "do not delete the container when it has ended"),
	OPTION(struct run_options, no_subreaper, 0, "no-subreaper", NULL, NULL),	/* we never are one */
};

static int run(void *program, void *given, char **args, int n_args)
{
	struct woody *w = program;
	struct run_options *o = given;
	struct error err = { 0 }, more = { 0 };
	(void) n_args;
	struct launch l = making_launch(w, &o->making, args[0]);
	l.detach = o->detach;
	l.explain = o->explain;

	int r = explain_check(o->explain, o->detach, &err);
	if (r == 0)
		r = seal(w, o->making.preserve_fds, &err);
	if (r == 0)
		r = launch_create(&l, &err);
	if (r == 0) {
		r = launch_start(&l, &err);
		if (r < 0) {
			(void) container_kill_all(&l.container, NULL);
			netdev_restore(&l.netdevs);
			if (launch_end(&l, &more) < 0)
				log_warn("%s", more.text);
		}
	}
	if (r == 0 && !o->detach)
		r = launch_foreground(&l, o->keep, &err);
	launch_done(&l);
	return r < 0 ? fail(w, "run", &err) : r;
}

const struct command command_run = {
	.name = "run", .arguments = "CONTAINER-ID", .summary = "create a container and start it", OPTIONS(struct run_options, options),
	.description = "The same as `create` and `start`, then waits for the program and deletes the container, unless --detach or --keep "
		       "say otherwise. Exits with the program's exit code, or 128 + n when signal n ended it. " EXPLAIN_HELP,
	.min_args = 1, .max_args = 1, .run = run,
};
