#include "../container/event.h"
#include "../container/record_change.h"
#include "../container/runtime.h"
#include "cleanup.h"
#include "runtime_spec.h"
#include "select.h"

struct update_options { struct resource_options resources; char *restart; struct selection which; };

static const struct update_options defaults = { .resources = RESOURCE_OPTIONS_DEFAULT };
static const struct option_def options[] = {
	RESOURCE_OPTION_ROWS(struct update_options, resources),
	OPTION(struct update_options, restart, 0, "restart", "POLICY", "start it again when it ends: no, on-failure[:TIMES], always, unless-stopped"),
	SELECT_OPTION_ROWS(struct update_options, which, "every container"),
};

/* tell - the runtime, of what has changed */
static int tell(const struct carrier *c, struct container *container, const struct resource_options *o, struct error *err)
{
	struct spec_resources *resources = NULL;
	int r = resources_to_update(o, &container->record, &container->pool, &resources, err);
	if (r < 0)
		return r;
	cleanup_free char *text = json_encode(&spec_resources_type, resources, JSON_COMPACT, NULL);
	r = runtime_update(c, container, text, err);
	return r < 0 ? limits_name_option(err) : 0;
}

static int set_restart(const char *word, struct container *container, struct error *err)
{
	struct record_life *life = &container->record.life;
	enum restart_policy policy;
	if (!word)
		return 0;
	int r = restart_parse(word, &policy, &life->restart_max, err);
	if (r == 0 && policy != RESTART_NO && container->record.remove)
		return error_say(err, EINVAL, "--restart: container %s was made with --rm, and is removed when it ends", container->record.name);
	if (r == 0)
		life->restart = policy == RESTART_NO ? NULL : pool_strdup(&container->pool, restart_word(policy));
	return r;
}

/* update_one - the running container first, since the kernel may refuse; the record then, for the next start */
static int update_one(const struct carrier *c, struct container *container, void *given, struct error *err)
{
	const struct update_options *o = given;
	const char *manager = c->cgroup_manager;
	cleanup_close int lock = record_change(container, err);
	int r = lock < 0 ? lock : resources_to_record(&o->resources, &container->pool, &container->record, err);
	if (r == 0)
		r = set_restart(o->restart, container, err);
	bool limits = resources_given(&o->resources);
	if (r == 0 && limits && container->record.limits.no_cgroup)
		r = error_say(err, EINVAL, "container %s was created with --cgroups disabled: there is nothing that could be limited",
			      container->record.name);
	if (r == 0 && limits)
		r = limits_check(&container->record, c->rootless, &manager, err);
	if (r == 0 && limits && container_active(container))
		r = tell(c, container, &o->resources, err);
	r = r < 0 ? r : record_save(container, err);
	r = r < 0 ? r : record_changed(container, err);
	if (r == 0)
		event_container(c, container, "update", NULL);
	return r;
}

static int run(void *program, void *given, char **args, int n_args)
{
	struct update_options *o = given;
	struct error err = { 0 };
	int r = selection_check("update", n_args, &o->which);
	if (r)
		return r;
	if (!resources_given(&o->resources) && !o->restart) {
		(void) error_say(&err, EINVAL, "update: give at least one limit, such as --memory 512m, or --restart");
		return carrier_fail(&err);
	}
	return each_selected(program, args, &o->which, update_one, o);
}

const struct command command_update = {
	.name = "update", .arguments = "[CONTAINER...]", .summary = "change the limits and the restart policy of containers",
	.description = "What is not given stays as it is. A running container has the new limits at once, and every one has them whenever it "
		       "is started again. What the kernel or this user cannot do is an error, and changes nothing.",
	.examples = "More memory for two that run:\n\tcarrier update --memory 1g --cpus 2 web db\n\n"
		    "No limit of processes any more:\n\tcarrier update --pids-limit -1 web\n\n"
		    "Started again from now on:\n\tcarrier update --restart unless-stopped web",
	.exit_status = "0, or 1 when any of them could not be changed.",
	OPTIONS(struct update_options, options), .defaults = &defaults, .max_args = -1, .run = run,
};
