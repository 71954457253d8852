#include "../container/begin.h"
#include "cleanup.h"
#include "select.h"

struct start_options { struct selection which; bool attach, interactive, sig_proxy; char *detach_keys; };

static const struct start_options defaults = { .sig_proxy = true };
static const struct option_def options[] = {
	OPTION(struct start_options, attach, 'a', "attach", NULL, "attach to its output, and end as it ends"),
	OPTION(struct start_options, interactive, 'i', "interactive", NULL, "attach to its input, too"),
	OPTION(struct start_options, detach_keys, 0, "detach-keys", "KEYS",
	       "what detaches from its terminal (default: ctrl-p,ctrl-q; \"\": nothing)"),
	OPTION(struct start_options, sig_proxy, 0, "sig-proxy", NULL, "with --attach: pass on signals to its process (default)"),
	OPTION(struct start_options, which.all, 0, "all", NULL, "every container that does not run"),
	OPTION(struct start_options, which.latest, 'l', "latest", NULL, "the one that was made last"),
	OPTION(struct start_options, which.filter, 'f', "filter", "KEY=VALUE",
	       "of all only those that fit; keys as for `carrier list`; again for more"),
};

static int start_one(const struct carrier *c, struct container *container, void *given, struct error *err)
{
	const struct start_options *o = given;
	if (o->which.all && container->state != RECORD_CREATED && container->state != RECORD_EXITED && container->state != RECORD_DEAD)
		return 1;
	return container_begin_detached(c, container, err);
}

static int start_attached(const struct carrier *c, const char *name, const struct start_options *o)
{
	struct container container cleanup_container = CONTAINER_NONE;
	struct error err = { 0 };
	unsigned wants = (o->attach ? CLIENT_WANTS_STDOUT | CLIENT_WANTS_STDERR : 0) |
			 (o->interactive ? CLIENT_WANTS_STDIN | CLIENT_WANTS_STDOUT | CLIENT_WANTS_STDERR : 0);
	int r = record_find(c, name, o->which.latest, &container, &err);
	cleanup_close int socket = r < 0 ? r : container_begin(c, &container, wants, &err);
	if (socket == -EALREADY)
		(void) error_hint(&err, "`carrier attach %s` attaches to it", container.record.name);
	if (socket < 0)
		return carrier_fail(&err), 1;
	const struct client_options client = { .wants = wants, .proxy_signals = o->sig_proxy, .detach_keys = o->detach_keys };
	int code = client_attend(socket, &container, &client, &err);
	return err.code ? carrier_fail(&err), code : code;
}

static int run(void *program, void *given, char **args, int n_args)
{
	struct start_options *o = given;
	int r = selection_check("start", n_args, &o->which);
	if (r || !(o->attach || o->interactive))
		return r ? r : each_selected(program, args, &o->which, start_one, o);
	struct error err = { 0 };
	if (o->which.latest ? n_args > 0 : n_args != 1) {
		error_say(&err, EINVAL, "start: --attach and --interactive take exactly one container");
		return carrier_fail(&err);
	}
	return start_attached(program, o->which.latest ? "" : args[0], o);
}

const struct command command_start = {
	.name = "start", .arguments = "[CONTAINER...]", .summary = "run containers that were made or have ended",
	.description = "With all that was said when they were made, and in the files that they have left. One that runs already is no error.",
	.examples = "The one that was stopped, with its output and input:\n\tcarrier start -ai shell",
	.exit_status = "0, or 1 when any of them could not be started. With --attach the container's own.",
	OPTIONS(struct start_options, options), .defaults = &defaults, .max_args = -1, .run = run,
};
