#include "../container.h"
#include "../woody.h"
#include "select.h"

struct delete_options { bool force, regex; };

static const struct option_def options[] = {
	OPTION(struct delete_options, force, 'f', "force", NULL, "kill the container first; one that does not exist is no error"),
	OPTION(struct delete_options, regex, 'r', "regex", NULL, "CONTAINER-ID is a regular expression; all that it matches are deleted"),
};

static int delete(struct container *c, bool force, struct error *err)
{
	enum container_status status = container_status(c);
	if (status == CONTAINER_CREATING && !force)
		return error_say(err, EBUSY, "container '%s' is being created, or its creation was killed: delete --force removes it", c->id);
	if ((status == CONTAINER_RUNNING || status == CONTAINER_PAUSED) && !force)
		return error_say(err, EBUSY, "cannot delete container '%s' that is not stopped: %s; kill it first, or give --force",
				 c->id, container_status_name(status));
	if (status == CONTAINER_CREATING)
		return container_abandon(c, err);
	if (status != CONTAINER_STOPPED) {
		int r = container_kill_all(c, err);
		if (r < 0)
			return r;
	}
	return container_destroy(c, err);
}

static int delete_one(const struct woody *w, const char *id, void *ctx, struct error *err)
{
	const struct delete_options *o = ctx;
	struct container c cleanup_container = CONTAINER_INIT;
	int r = container_load(w->root, id, &c, err);
	if (r == -ENOENT && o->force)
		return 0;
	return r < 0 ? r : delete(&c, o->force, err);
}

static int run(void *program, void *given, char **args, int n_args)
{
	struct woody *w = program;
	struct delete_options *o = given;
	struct error err = { 0 };
	(void) n_args;
	if (o->regex)
		return for_each_id(w, "delete", args[0], delete_one, o);
	return delete_one(w, args[0], o, &err) < 0 ? fail(w, "delete", &err) : 0;
}

const struct command command_delete = {
	.name = "delete", .arguments = "CONTAINER-ID", .summary = "delete what a stopped container holds",
	.description = "Removes its cgroup and its state, and runs the poststop hooks. A created container is ended first.",
	OPTIONS(struct delete_options, options), .min_args = 1, .max_args = 1, .run = run,
};
