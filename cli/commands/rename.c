#include "../container/event.h"
#include "../container/record_change.h"
#include "../network/named.h"
#include "cleanup.h"

static int run(void *program, void *given, char **args, int n_args)
{
	const struct carrier *c = program;
	struct container container cleanup_container = CONTAINER_NONE;
	struct error err = { 0 };
	int r = record_find(c, args[0], false, &container, &err);
	if (r < 0)
		return carrier_fail(&err), 1;
	cleanup_free char *old = xstrdup(container.record.name);
	r = record_rename(c, &container, args[1], &err);
	if (r < 0)
		return carrier_fail(&err), 1;
	named_rename(c, &container);
	(void) record_changed(&container, NULL);	/* its monitor has the old one in memory */
	event_container(c, &container, "rename", "oldName", old, NULL);
	return 0;
}

const struct command command_rename = {
	.name = "rename", .arguments = "CONTAINER NAME", .summary = "give a container another name",
	.description = "The old name is free at once. It may run; its host name stays, and others on its networks that have names "
		       "find it by the new one.",
	.examples = "Keep the old one beside the new one:\n\tcarrier rename web web-old",
	.exit_status = "0, or 1 when there is no such container, or the name is used or none.",
	.min_args = 2, .max_args = 2, .run = run,
};
