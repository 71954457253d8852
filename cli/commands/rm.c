#include "../container/remove.h"
#include "rmi.h"
#include "select.h"
#include "cleanup.h"
#include <stdio.h>

enum { UNSET = INT32_MIN };
struct rm_options { bool force, volumes, every, no_images; int64_t time; struct selection which; };
static const struct rm_options defaults = { .time = UNSET };

static const struct option_def options[] = {
	OPTION(struct rm_options, force, 'f', "force", NULL, "end those that run first; one that does not exist is no error"),
	SELECT_OPTION_ROWS(struct rm_options, which, "every container; one that runs is an error without --force"),
	SELECT_IGNORE_ROW(struct rm_options, which),
	OPTION(struct rm_options, every, 'c', "all-containers", NULL, "every container that does not run; with --force, every one"),
	OPTION(struct rm_options, time, 't', "time", "SECONDS", "with --force, let them end by themselves for so long before KILL (default: 0)"),
	OPTION(struct rm_options, volumes, 'v', "volumes", NULL, "also their volumes that have no name"),
};

static struct remove_how how(const struct rm_options *o)
{
	return (struct remove_how) { .force = o->force, .volumes = o->volumes, .stop_seconds = o->time == UNSET ? 0 : o->time };
}

static int remove_one(const struct carrier *c, struct container *container, void *given, struct error *err)
{
	const struct rm_options *o = given;
	const struct remove_how as = how(o);
	return o->every && !o->force && container_active(container) ? 1 : container_remove(c, container, &as, err);
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
	bool absent_is_fine = o->force || o->which.ignore;	/* as docker's and podman's */
	for (; *names; names++) {
		struct container container cleanup_container = CONTAINER_NONE;
		struct error err = { 0 };
		int r = record_find(c, *names, false, &container, &err);
		if (r == 0)
			r = remove_one(c, &container, o, &err);
		if (r == 0)
			puts(*names);
		else if (r == -ENOENT && !o->which.ignore && !o->no_images)
			r = remove_image(c, *names, o->force, &err);
		if (r < 0 && !(r == -ENOENT && o->which.ignore))
			carrier_fail(&err);
		(void) fflush(stdout);
		code |= r < 0 && !(absent_is_fine && r == -ENOENT);
	}
	return code;
}

static int run(void *program, void *given, char **args, int n_args)
{
	struct rm_options *o = given;
	o->which.all = o->which.all || o->every;
	o->which.ignore = o->which.ignore || (o->force && n_args == 0);
	int r = selection_check("rm", n_args, &o->which);
	if (r == 0 && o->time != UNSET && (!o->force || o->time < -1)) {
		fprintf(stderr, o->force ? "carrier rm: --time: a number of seconds, or -1 to wait for ever\n" :
			"carrier rm: --time says how long --force waits: give both\n");
		r = EXIT_CARRIER;
	}
	if (r)
		return r;
	return n_args ? run_names(program, args, o) : each_selected(program, args, &o->which, remove_one, o);
}

const struct command command_rm = {
	.name = "rm", .arguments = "[CONTAINER|IMAGE...]", .summary = "remove containers",
	.description = "Removes what a container has written, its log and its name. Its image stays. A name that no container has is an "
		       "image's, which is removed as by `carrier rmi`.",
	.examples = "One that has ended; one that runs; every one that does not run:\n\tcarrier rm job\n\tcarrier rm -f web\n\tcarrier rm -c\n\n"
		    "By a label:\n\tcarrier rm --force --filter label=test",
	.exit_status = "0, or 1 when any of them could not be removed.",
	OPTIONS(struct rm_options, options), .defaults = &defaults, .max_args = -1, .run = run,
};

static int run_containers(void *program, void *given, char **args, int n_args)
{
	struct rm_options *o = given;
	o->no_images = true;
	return run(program, o, args, n_args);
}

const struct command command_container_rm = {
	.name = "rm", .arguments = "[CONTAINER...]", .summary = "remove containers",
	.description = "The same as `carrier rm`, but never an image.",
	.examples = "Whether it runs or not:\n\tcarrier container rm -f web",
	.exit_status = "0, or 1 when any of them could not be removed.",
	OPTIONS(struct rm_options, options), .defaults = &defaults, .max_args = -1, .run = run_containers,
};

/* ---- destroy ---- */

static const struct option_def destroy_options[] = {
	SELECT_OPTION_ROWS(struct rm_options, which, "every container"),
	SELECT_IGNORE_ROW(struct rm_options, which),
	OPTION(struct rm_options, time, 't', "time", "SECONDS", "let them end by themselves for so long before KILL (default: 0)"),
};

static int run_destroy(void *program, void *given, char **args, int n_args)
{
	struct rm_options *o = given;
	o->force = o->volumes = true;
	int r = selection_check("destroy", n_args, &o->which);
	return r ? r : each_selected(program, args, &o->which, remove_one, o);
}

const struct command command_destroy = {
	.name = "destroy", .arguments = "[CONTAINER...]", .summary = "end and remove containers, with their volumes that have no name",
	.description = "The same as `carrier rm --force --volumes`, but never an image.",
	.examples = "Whatever it is doing:\n\tcarrier destroy web",
	.exit_status = "0, or 1 when any of them does not exist or could not be removed.",
	OPTIONS(struct rm_options, destroy_options), .defaults = &defaults, .max_args = -1, .run = run_destroy,
};
