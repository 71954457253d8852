#include "select.h"

static int freeze(const struct container *c, bool frozen, struct error *err)
{
	struct cgroup *cgroup = NULL;
	int r = cgroup_load(&c->record.cgroup, &cgroup, err);
	if (r == 0)
		r = cgroup_freeze(cgroup, frozen, err);
	cgroup_free(cgroup);
	return r;
}

static int pause_container(struct container *c, void *ctx, struct error *err)
{
	(void) ctx;
	enum container_status status = container_status(c);
	if (status != CONTAINER_CREATED && status != CONTAINER_RUNNING)
		return error_say(err, EBUSY, "container not running or created: '%s' is %s", c->id, container_status_name(status));
	return freeze(c, true, err);
}

static int resume_container(struct container *c, void *ctx, struct error *err)
{
	(void) ctx;
	enum container_status status = container_status(c);
	if (status != CONTAINER_PAUSED)
		return error_say(err, EINVAL, "container not paused: '%s' is %s", c->id, container_status_name(status));
	return freeze(c, false, err);
}

static int run_pause(void *program, void *given, char **args, int n_args)
{
	(void) n_args;
	return with_container(program, "pause", args[0], pause_container, given);
}

static int run_resume(void *program, void *given, char **args, int n_args)
{
	(void) n_args;
	return with_container(program, "resume", args[0], resume_container, given);
}

const struct command command_pause = {
	.name = "pause", .arguments = "CONTAINER-ID", .summary = "freeze all processes of a container",
	.description = "They stay as they are, and take no processor time, until `resume`.",
	.min_args = 1, .max_args = 1, .run = run_pause,
};

const struct command command_resume = {
	.name = "resume", .arguments = "CONTAINER-ID", .summary = "let the processes of a paused container go on",
	.min_args = 1, .max_args = 1, .run = run_resume,
};
