/* woody.h - what main() hands to every command. */
#pragma once
#include "command.h"
#include "error.h"
#include <stdbool.h>
#include <stdint.h>

struct woody {
	/* global options */
	char *root, *log, *log_format, *log_level, *manager, *rootless_word, *criu;
	bool debug, systemd_cgroup;
	/* from them */
	bool rootless, root_given;
	bool nested;		/* our user namespace is not the initial one */
	int argc, log_fd;
	char **argv;
};

/* fail - print @err as the command's failure and return its exit code: as runc, "runc run failed: ..." without the first word */
int fail(const struct woody *w, const char *command, const struct error *err);
/* seal - for commands whose process enters a container: execute ourselves from a place that cannot be written to (exeseal.h), close what
 * the caller left open. 0, or -errno */
int seal(const struct woody *w, int64_t preserve_fds, struct error *err);

extern const struct command command_create, command_delete, command_exec, command_features, command_kill, command_list, command_mounts,
	command_run, command_spec, command_start, command_state;
extern const struct command command_checkpoint, command_restore;
extern const struct command command_events, command_pause, command_ps, command_resume, command_update;
