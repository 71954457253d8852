#include "../container/pause.h"
#include "select.h"

struct pause_options { struct selection which; };
static const struct option_def pause_options[] = { SELECT_OPTION_ROWS(struct pause_options, which, "every container that runs") };
static const struct option_def unpause_options[] = { SELECT_OPTION_ROWS(struct pause_options, which, "every container that is paused") };

static int pause_one(const struct carrier *c, struct container *container, void *given, struct error *err)
{
	const struct pause_options *o = given;
	bool runs = record_runs(container);
	return o->which.all && (!runs || container->paused) ? 1 : container_pause(c, container, err);
}

static int unpause_one(const struct carrier *c, struct container *container, void *given, struct error *err)
{
	const struct pause_options *o = given;
	return o->which.all && !container->paused ? 1 : container_unpause(c, container, err);
}

static int run_pause(void *program, void *given, char **args, int n_args)
{
	struct pause_options *o = given;
	int r = selection_check("pause", n_args, &o->which);
	return r ? r : each_selected(program, args, &o->which, pause_one, o);
}

static int run_unpause(void *program, void *given, char **args, int n_args)
{
	struct pause_options *o = given;
	int r = selection_check("unpause", n_args, &o->which);
	return r ? r : each_selected(program, args, &o->which, unpause_one, o);
}

const struct command command_pause = {
	.name = "pause", .arguments = "[CONTAINER...]", .summary = "hold all processes of containers still",
	.description = "They get no processor time until `carrier unpause`; what is written to them waits. It needs the freezer of "
		       "control groups, which an ordinary user's containers have where a group was delegated to the user.",
	.examples = "Hold a job while something else needs the machine:\n\tcarrier pause job",
	.exit_status = "0, or 1 when any of them could not be paused.",
	OPTIONS(struct pause_options, pause_options), .max_args = -1, .run = run_pause,
};

const struct command command_unpause = {
	.name = "unpause", .arguments = "[CONTAINER...]", .summary = "let paused containers go on",
	.examples = "Let it go on; let all go on:\n\tcarrier unpause job\n\tcarrier unpause --all",
	.exit_status = "0, or 1 when any of them could not go on.",
	OPTIONS(struct pause_options, unpause_options), .max_args = -1, .run = run_unpause,
};
