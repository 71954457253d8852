/* The group `container`: what can be done with containers under the names that docker and podman have for it. All but `exists`, `inspect` and `rm`,
 * which know no images here, are the commands of the top level themselves. */
#include "../container/record.h"

static int run_exists(void *program, void *given, char **args, int n_args)
{
	struct container container cleanup_container = CONTAINER_NONE;
	struct error err = { 0 };
	(void) given, (void) n_args;
	int r = record_find(program, args[0], false, &container, &err);
	return r == 0 ? 0 : r == -ENOENT ? 1 : carrier_fail(&err);
}

static const struct command command_container_exists = {
	.name = "exists", .arguments = "CONTAINER", .summary = "is there such a container?", .description = "Prints nothing: the exit code says it.",
	.examples = "Make it only when it is not there:\n\tcarrier container exists web || carrier create --name web nginx",
	.exit_status = "0 when there is, 1 when there is not, 125 when that cannot be told.",
	.min_args = 1, .max_args = 1, .run = run_exists,
};

static const struct command *const commands[] = {
	&command_attach,
	&command_checkpoint,
	&command_clone,
	&command_commit,
	&command_cp,
	&command_create,
	&command_diff,
	&command_exec,
	&command_container_exists,
	&command_export,
	&command_container_inspect,
	&command_kill,
	&command_logs,
	&command_ps,
	&command_pause,
	&command_prune,
	&command_rename,
	&command_restart,
	&command_restore,
	&command_container_rm,
	&command_run,
	&command_start,
	&command_stats,
	&command_stop,
	&command_top,
	&command_port,
	&command_unpause,
	&command_update,
	&command_wait,
	NULL,
};

const struct command command_container = { .name = "container", .summary = "manage containers", .sub = commands };
