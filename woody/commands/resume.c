#include "../container.h"
#include "../woody.h"

static int resume_container(const struct container *c, struct error *err)
{
	enum container_status status = container_status(c);
	if (status != CONTAINER_PAUSED)
		return error_say(err, EINVAL, "container not paused: '%s' is %s", c->id, container_status_name(status));
	struct cgroup *cgroup = NULL;
	int r = cgroup_load(&c->record.cgroup, &cgroup, err);
	if (r == 0)
		r = cgroup_freeze(cgroup, false, err);
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
		r = resume_container(&c, &err);
	return r < 0 ? fail(w, "resume", &err) : 0;
}

const struct command command_resume = {
	.name = "resume", .arguments = "CONTAINER-ID", .summary = "let the processes of a paused container go on",
	.min_args = 1, .max_args = 1, .run = run,
};
