#include "../container/client.h"
#include "../container/event.h"
#include "../container/runtime.h"
#include "cleanup.h"

struct attach_options { bool no_stdin, sig_proxy, latest; char *detach_keys; };

static const struct attach_options defaults = { .sig_proxy = true };
static const struct option_def options[] = {
	OPTION(struct attach_options, no_stdin, 0, "no-stdin", NULL, "do not give it our input"),
	OPTION(struct attach_options, detach_keys, 0, "detach-keys", "KEYS",
	       "what detaches from its terminal (default: ctrl-p,ctrl-q; \"\": nothing)"),
	OPTION(struct attach_options, sig_proxy, 0, "sig-proxy", NULL, "pass on signals to its process (default)"),
	OPTION(struct attach_options, latest, 'l', "latest", NULL, "to the container that was made last"),
};

static int check(const struct container *c, struct error *err)
{
	if (c->state == RECORD_UNATTENDED)
		return error_say(err, EPIPE, "container %s runs on, but its monitor was killed, and its input and output have ended with it: "
				 "`carrier restart %s` gives it new ones", c->record.name, c->record.name);
	if (!container_active(c))
		return error_say(err, ESRCH, "container %s is not running: `carrier start -a %s` starts it and attaches to it", c->record.name,
				 c->record.name);
	if (log_driver_of(&c->record.life.log) == LOG_PASSTHROUGH)
		return error_say(err, ENOTSUP, "container %s writes to where it was started from (--log-driver passthrough): there is nothing to "
				 "attach to", c->record.name);
	return 0;
}

static int run(void *program, void *given, char **args, int n_args)
{
	const struct attach_options *o = given;
	struct container c cleanup_container = CONTAINER_NONE;
	struct error err = { 0 };
	unsigned wants = CLIENT_WANTS_STDOUT | CLIENT_WANTS_STDERR | (o->no_stdin ? 0 : CLIENT_WANTS_STDIN);
	int r = o->latest ? n_args > 0 : n_args == 0;
	if (r)
		r = error_say(&err, EINVAL, "attach: name a container, or give --latest");
	else
		r = record_find(program, o->latest ? "" : args[0], o->latest, &c, &err);
	if (r == 0)
		r = check(&c, &err);
	cleanup_close int socket = r < 0 ? r : client_connect(&c, wants, &err);
	if (socket < 0)
		return carrier_fail(&err), r == -EINVAL ? EXIT_CARRIER : 1;
	event_container(program, &c, "attach", NULL);
	const struct client_options client = { .wants = wants, .proxy_signals = o->sig_proxy, .detach_keys = o->detach_keys, .joined = true };
	int code = client_attend(socket, &c, &client, &err);
	return err.code ? carrier_fail(&err), code : code;
}

const struct command command_attach = {
	.name = "attach", .arguments = "[CONTAINER]", .summary = "see a running container's output, and give it input",
	.description = "Its input only where it was made with --interactive. Several may attach at once; who reads so slowly that the container "
		       "would have to wait is cut off. ctrl-p ctrl-q leaves a terminal, and the container goes on.",
	.examples = "Look at what it prints, and leave with Ctrl-C without ending it:\n\tcarrier attach --no-stdin --sig-proxy=false web",
	.exit_status = "The container's own, 0 when it was detached from, 1 when it does not run.",
	OPTIONS(struct attach_options, options), .defaults = &defaults, .max_args = 1, .run = run,
};
