#include "../carrier.h"
#include "../container/userns.h"
#include "proc.h"
#include "str.h"
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

static int run(void *program, void *given, char **args, int n_args)
{
	const struct carrier *c = program;
	const char *shell = getenv("SHELL");
	char *own[] = { (char *) (str_empty(shell) ? "/bin/sh" : shell), NULL };
	char **command = n_args ? args : own;
	struct error err = { 0 };
	if (!c->rootless) {
		error_say(&err, EPERM, "unshare: root has no user namespace to enter: it may look at its containers' files as they are");
		return carrier_fail(&err);
	}
	int r = userns_become_root(CLONE_NEWNS, NULL, NULL, &err);
	if (r == 0 && mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		r = error_set(&err, errno, "keep mounts to ourselves");
	char *path = r < 0 ? NULL : proc_find(command[0], NULL);
	if (r == 0 && !path) {
		error_say(&err, ENOENT, "unshare: there is no program '%s'", command[0]);
		(void) carrier_fail(&err);
		return EXIT_NOT_FOUND;
	}
	if (r < 0)
		return carrier_fail(&err);
	(void) setenv("CARRIER_UNSHARED", "1", true);
	(void) execv(path, command);
	error_set(&err, errno, "execute '%s'", path);
	(void) carrier_fail(&err);
	return err.code == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
}

const struct command command_unshare = {
	.name = "unshare", .arguments = "[COMMAND [ARG...]]", .summary = "run a command in a user namespace like those of your containers",
	.description = "There the ordinary user is root, and subordinate ids have the numbers that containers see: files which containers "
		       "have written can be looked at, changed and removed. Without a COMMAND it is your shell. What is mounted there is "
		       "seen by nobody else.",
	.examples = "What a container has left in a directory of yours:\n\tcarrier unshare ls -ln data\n\tcarrier unshare rm -r data",
	.exit_status = "The command's own; 127 when it is not there, 126 when it cannot be executed, 125 when the namespace could not be made.",
	.max_args = -1, .stop_after = 1, .run = run,
};
