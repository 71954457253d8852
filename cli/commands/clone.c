#include "../container/begin.h"
#include "../container/event.h"
#include "../container/remove.h"
#include "../image/store.h"
#include "cleanup.h"
#include <string.h>

struct clone_options { bool run, destroy, force; char *name; struct resource_options resources; };
static const struct clone_options defaults = { .resources = RESOURCE_OPTIONS_DEFAULT };

static const struct option_def options[] = {
	OPTION(struct clone_options, name, 0, "name", "NAME", "give the new one this name (default: the old one's with -clone behind it)"),
	OPTION(struct clone_options, run, 0, "run", NULL, "start the new one"),
	OPTION(struct clone_options, destroy, 0, "destroy", NULL, "remove the old one"),
	OPTION(struct clone_options, force, 'f', "force", NULL, "with --destroy: also one that runs"),
	RESOURCE_OPTION_ROWS(struct clone_options, resources),
};

/* copy - the record under a new id and name. What it has written stays where it is: the new one begins with its image. */
static int copy(const struct carrier *c, struct container *from, const struct clone_options *o, const char *name, struct container *ret,
		struct error *err)
{
	struct record rec = from->record;
	const char *manager = c->cgroup_manager;
	int r = resources_to_record(&o->resources, &from->pool, &rec, err);
	if (r == 0 && resources_given(&o->resources))
		r = limits_check(&rec, c->rootless, &manager, err);
	if (r == 0)
		r = record_new(c, name, ret, err);
	if (r < 0)
		return r;
	rec.id = ret->record.id;
	rec.name = ret->record.name;
	rec.created = ret->record.created;
	ret->record = rec;
	r = record_commit(ret, err);
	if (r < 0) {
		(void) record_remove(c, ret, NULL);
		container_done(ret);
	}
	return r;
}

/* new_name - "web-clone", "web-clone1" ...; caller frees */
static char *new_name(const struct carrier *c, const char *old)
{
	for (int i = 0;; i++) {
		struct container used cleanup_container = CONTAINER_NONE;
		char *name = i ? xasprintf("%s-clone%d", old, i) : xasprintf("%s-clone", old);
		if (record_find(c, name, false, &used, NULL) == -ENOENT)
			return name;
		free(name);
	}
}

static int clone_one(const struct carrier *c, const struct clone_options *o, const char *old, const char *given, struct error *err)
{
	struct container from cleanup_container = CONTAINER_NONE, to cleanup_container = CONTAINER_NONE;
	struct store s cleanup_store = STORE_INIT;
	int r = record_find(c, old, false, &from, err);
	if (r == 0 && o->destroy && !o->force && container_active(&from))
		r = error_say(err, EBUSY, "container %s is running: stop it first, or give --force with --destroy", from.record.name);
	/* its layers must not be removed between our two looks */
	if (r == 0 && !from.record.rootfs)
		r = store_open(c->root, &s, err);
	cleanup_close int hold = r == 0 && !from.record.rootfs ? store_hold(&s, err) : -1;
	if (r == 0 && !from.record.rootfs && hold < 0)
		r = hold;
	cleanup_free char *name = r < 0 || given || o->name ? NULL : new_name(c, from.record.name);
	if (r == 0)
		r = copy(c, &from, o, given ? given : o->name ? o->name : name, &to, err);
	if (r < 0)
		return r;
	event_container(c, &to, "create", NULL);
	close_fd(&hold);	/* nor is the monitor to have it for as long as it lives */
	if (o->destroy)
		r = container_remove(c, &from, &(struct remove_how) { .force = o->force }, err);
	if (r == 0)
		puts(to.record.id);
	if (r == 0 && o->run)
		r = container_begin_detached(c, &to, err);
	return r;
}

static int run(void *program, void *given, char **args, int n_args)
{
	const struct clone_options *o = given;
	struct error err = { 0 };
	if (n_args > 1 && o->name) {
		error_say(&err, EINVAL, "clone: --name '%s' and the name '%s' exclude each other", o->name, args[1]);
		return carrier_fail(&err);
	}
	int r = clone_one(program, o, args[0], n_args > 1 ? args[1] : NULL, &err);
	return r < 0 ? (carrier_fail(&err), r == -ENOENT ? 1 : EXIT_CARRIER) : 0;
}

const struct command command_clone = {
	.name = "clone", .arguments = "CONTAINER [NAME]", .summary = "make a container with all that was said when another was made",
	.description = "The same image, command, options and limits (but for those that are given) under another name. What the old one "
		       "has written is not copied (`carrier commit` makes an image of that), but volumes are shared. Prints the new one's id.",
	.examples = "A second one beside it, with less memory:\n\tcarrier clone --run --memory 256m web web2\n\n"
		    "In place of it, with empty files:\n\tcarrier clone --destroy --force --run --name web-new web",
	.exit_status = "0, 1 when there is no such container, or 125.",
	OPTIONS(struct clone_options, options), .defaults = &defaults, .min_args = 1, .max_args = 2, .run = run,
};
