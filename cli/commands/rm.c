#include "../container/runtime.h"
#include "rmi.h"
#include "select.h"
#include <unistd.h>

struct rm_options { bool force, all; };

static const struct option_def options[] = {
	OPTION(struct rm_options, force, 'f', "force", NULL, "kill those that run first; one that does not exist is no error"),
	OPTION(struct rm_options, all, 'a', "all", NULL, "every container"),
};

static int remove_one(const struct carrier *c, struct container *container, void *given, struct error *err)
{
	const struct rm_options *o = given;
	if (container_active(container) && !o->force)
		return error_say(err, EBUSY, "container %s is running: stop it first, or give --force", container->record.name);
	int r = 0;
	if (container_active(container))
		r = container_stop(c, container, SIGKILL, 0, err);
	else if (container->state == RECORD_DEAD)
		r = container_kill_rest(c, container, err);
	if (r < 0)
		return r;
	if (access(container->dir, F_OK) < 0 && errno == ENOENT)	/* --rm: the monitor was faster */
		return 0;
	r = record_remove(c, container, err);
	return r == -ENOENT ? 0 : r;
}

/* remove_image - @name is no container's: it may be an image's */
static int remove_image(struct carrier *c, const char *name, bool force, struct error *err)
{
	struct error why = { 0 };
	int r = rmi_one(c, name, force, &why);
	if (r == -ENOENT || r == -EINVAL)
		return error_say(err, ENOENT, "there is no container and no image '%s'", name);
	if (r < 0)
		*err = why;
	return r;
}

static int run_names(struct carrier *c, char **names, struct rm_options *o)
{
	int code = 0;
	for (; *names; names++) {
		struct container container cleanup_container = CONTAINER_NONE;
		struct error err = { 0 };
		int r = record_find(c, *names, false, &container, &err);
		if (r == 0)
			r = remove_one(c, &container, o, &err);
		if (r == 0)
			puts(*names);
		else if (r == -ENOENT)
			r = remove_image(c, *names, o->force, &err);
		if (r < 0)
			carrier_fail(&err);
		(void) fflush(stdout);
		/* with --force docker does not mind one that does not exist */
		code |= r < 0 && !(o->force && r == -ENOENT);
	}
	return code;
}

static int run(void *program, void *given, char **args, int n_args)
{
	struct rm_options *o = given;
	int r = need_names("rm", n_args, o->all);
	if (r)
		return r;
	return o->all ? each_container(program, args, true, remove_one, o) : run_names(program, args, o);
}

const struct command command_rm = {
	.name = "rm", .arguments = "[CONTAINER|IMAGE...]", .summary = "remove containers",
	.description = "Removes what a container has written, its log and its name. Its image stays. A name that no container has is an "
		       "image's, which is removed as by `carrier rmi`.",
	.exit_status = "0, or 1 when any of them could not be removed.",
	OPTIONS(struct rm_options, options), .max_args = -1, .run = run,
};
