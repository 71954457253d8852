#include "../container.h"
#include "../woody.h"

static int pause_container(const struct container *c, struct error *err)
{
	enum container_status status = container_status(c);
	if (status != CONTAINER_CREATED && status != CONTAINER_RUNNING)
		return error_say(err, EBUSY, "container not running or created: '%s' is %s", c->id, container_status_name(status));
	struct cgroup *cgroup = NULL;
	int r = cgroup_load(&c->record.cgroup, &cgroup, err);
	if (r == 0)
		r = cgroup_freeze(cgroup, true, err);
	cgroup_free(cgroup);
	return r;
}

static int run(void *program, void *given, char **args, int n_args)
{
	struct woody *w = program;
	struct error err = { 0 };
	struct container c cleanup_container = CONTAINER_INIT;
	(void) given;
	(void) n_args;
	int r = container_load(w->root, args[0], &c, &err);
	if (r == 0)
		r = pause_container(&c, &err);
	return r < 0 ? fail(w, "pause", &err) : 0;
}

const struct command command_pause = {
	.name = "pause", .arguments = "CONTAINER-ID", .summary = "freeze all processes of a container",
	.description = "They stay as they are, and take no processor time, until `resume`.",
	.min_args = 1, .max_args = 1, .run = run,
};
