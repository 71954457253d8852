/* `carrier boot`: what a machine's start does for containers, there being no daemon that would. */
#include "../container/begin.h"
#include "cleanup.h"
#include "proc.h"

struct boot_options { bool dry_run, quiet; };
static const struct option_def options[] = {
	OPTION(struct boot_options, dry_run, 0, "dry-run", NULL, "only print which would be started"),
	OPTION(struct boot_options, quiet, 'q', "quiet", NULL, "print no ids"),
};

/* is_due - was it left behind, by a boot that is over or a monitor that was killed, and does its policy want it? One that a person has ended
 * in this boot stays as it is, so the command may be given again at any time. */
static bool is_due(const struct container *c)
{
	if (c->state != RECORD_DEAD && (c->state != RECORD_EXITED || str_eq(c->status.boot_id, proc_boot_id())))
		return false;
	switch (restart_policy_of(&c->record.life)) {
	case RESTART_ALWAYS: return true;
	case RESTART_UNLESS_STOPPED: return record_noted_stop(c) == RECORD_NOT_STOPPED;
	case RESTART_ON_FAILURE:	/* a failure, if not its own */
		return c->state == RECORD_DEAD && record_noted_stop(c) == RECORD_NOT_STOPPED;
	case RESTART_NO: break;
	}
	return false;
}

static int boot_one(const struct carrier *c, struct container *container, const struct boot_options *o)
{
	struct error err = { 0 };
	if (!o->dry_run && container_begin_detached(c, container, &err) < 0) {
		(void) error_wrap(&err, "start container %s", container->record.name);
		return carrier_fail(&err), 1;
	}
	if (!o->quiet)
		puts(container->record.id);
	return 0;
}

static int run(void *program, void *given, char **args, int n_args)
{
	struct container *list = NULL;
	size_t n = 0;
	struct error err = { 0 };
	int code = 0;
	(void) args;
	(void) n_args;
	if (record_list(program, &list, &n, &err) < 0)
		return carrier_fail(&err);
	for (size_t i = n; i-- > 0;) {	/* the oldest first: others may depend on it */
		if (is_due(&list[i]))
			code |= boot_one(program, &list[i], given);
		container_done(&list[i]);
	}
	free(list);
	return code;
}

const struct command command_boot = {
	.name = "boot", .summary = "start the containers whose restart policy wants it, after a reboot",
	.description = "Those with --restart always; with unless-stopped, when nobody had stopped them; with on-failure, when the machine's end "
		       "was theirs. The same for those whose monitor was killed. What runs, and what was stopped since the machine is up, is left "
		       "alone, so nothing happens when it is given once more.",
	.examples = "Which would be started?\n\tcarrier boot --dry-run",
	.exit_status = "0, or 1 when any of them could not be started.",
	OPTIONS(struct boot_options, options), .run = run,
};
