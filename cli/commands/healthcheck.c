#include "../container/client.h"
#include "../container/health.h"
#include "../container/runtime.h"
#include "cleanup.h"

struct healthcheck_options { bool ignore_result; };
static const struct option_def options[] = {
	OPTION(struct healthcheck_options, ignore_result, 0, "ignore-result", NULL, "0 whatever the answer was"),
};

static int check(const struct container *c, struct error *err)
{
	if (!health_asked(&c->record.life.health))
		return error_say(err, EINVAL, "container %s has no health check: it is given by --health-cmd when a container is made, or "
				 "by its image",
				 c->record.name);
	if (c->state == RECORD_RUNNING)
		return 0;
	return error_say(err, ESRCH, "container %s is not running%s", c->record.name,
			 c->state == RECORD_UNATTENDED ? " attended: its monitor was killed, `carrier restart` gives it a new one" : "");
}

static int run_check(void *program, void *given, char **args, int n_args)
{
	const struct healthcheck_options *o = given;
	struct container c cleanup_container = CONTAINER_NONE;
	struct error err = { 0 };
	int code = 0, r = record_find(program, args[0], false, &c, &err);
	(void) n_args;
	if (r == 0)
		r = check(&c, &err);
	cleanup_close int socket = r < 0 ? r : client_connect(&c, 0, &err);
	r = socket;
	if (r >= 0)
		r = client_send(socket, CLIENT_CHECK);
	if (r >= 0)
		r = client_wait(socket, MONITOR_HEALTH, &code, &err);
	if (r < 0)
		return carrier_fail(&err);
	if (record_refresh(&c, NULL) == 0 && c.status.health)
		puts(c.status.health);
	return code != 0 && !o->ignore_result;
}

static const struct command command_healthcheck_run = {
	.name = "run", .arguments = "CONTAINER", .summary = "ask about a container's health now",
	.description = "Its monitor asks, and the answer counts as if it had asked in its own time. Prints what the container is now: starting, "
		       "healthy or unhealthy.",
	.examples = "Is the database well?\n\tcarrier healthcheck run db",
	.exit_status = "0 when the answer was good, 1 when it was not, 125 when nobody could be asked.",
	OPTIONS(struct healthcheck_options, options), .min_args = 1, .max_args = 1, .run = run_check,
};

static const struct command *const commands[] = { &command_healthcheck_run, NULL };
const struct command command_healthcheck = { .name = "healthcheck", .summary = "look at containers' health", .sub = commands };
