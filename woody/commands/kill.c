#include "../container.h"
#include "../woody.h"
#include "select.h"
#include "proc.h"
#include <signal.h>

struct kill_options { bool all, regex; };

static const struct option_def options[] = {
	OPTION(struct kill_options, all, 'a', "all", NULL, "signal every process of the container's cgroup"),
	OPTION(struct kill_options, regex, 'r', "regex", NULL, "CONTAINER-ID is a regular expression; all that it matches get the signal"),
};

static int signal_all(const struct container *c, int sig, struct error *err)
{
	struct cgroup *cgroup = NULL;
	int r = cgroup_load(&c->record.cgroup, &cgroup, err);
	if (r == 0)
		r = cgroup_kill(cgroup, sig, err);
	cgroup_free(cgroup);
	return r;
}

static int signal_container(const struct container *c, int sig, bool all, struct error *err)
{
	enum container_status status = container_status(c);
	if (all)
		return signal_all(c, sig, err);
	if (status == CONTAINER_STOPPED || status == CONTAINER_CREATING) {
		/* init of a shared pid namespace does not take the others with it: KILL still reaches them */
		if (sig == SIGKILL && container_read_spec((struct container *) c, NULL) == 0 && !container_own_pids(c))
			return signal_all(c, sig, err);
		return error_say(err, ESRCH, "container not running");
	}
	int r = container_signal_init(c, sig);
	if (r < 0)
		return error_set(err, -r, "signal container '%s'", c->id);
	return sig == SIGKILL && !container_own_pids(c) ? signal_all(c, sig, err) : 0;
}

struct request { int sig; bool all; };

static int kill_one(const struct woody *w, const char *id, void *ctx, struct error *err)
{
	const struct request *request = ctx;
	struct container c cleanup_container = CONTAINER_INIT;
	int r = container_load(w->root, id, &c, err);
	if (r == 0)
		r = container_read_spec(&c, err);
	return r < 0 ? r : signal_container(&c, request->sig, request->all, err);
}

static int run(void *program, void *given, char **args, int n_args)
{
	struct woody *w = program;
	struct kill_options *o = given;
	struct error err = { 0 };
	struct request request = { n_args > 1 ? signal_parse(args[1]) : SIGTERM, o->all };
	if (o->regex && request.sig > 0)
		return for_each_id(w, "kill", args[0], kill_one, &request);
	int r = request.sig < 0 ? error_say(&err, EINVAL, "unknown signal '%s'", args[1]) : kill_one(w, args[0], &request, &err);
	return r < 0 ? fail(w, "kill", &err) : 0;
}

const struct command command_kill = {
	.name = "kill", .arguments = "CONTAINER-ID [SIGNAL]", .summary = "send a signal to a container's process",
	.description = "SIGNAL is a name or a number; TERM by default. KILL reaches every process of the container, also where it has "
		       "no pid namespace of its own.",
	OPTIONS(struct kill_options, options), .min_args = 1, .max_args = 2, .run = run,
};
