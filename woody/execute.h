/* execute.h - the last steps of init, the same for a container's first process and for exec: environment, working directory,
 * user, seccomp filter, capabilities, execve. Separate from init.c because their order is the delicate part.
 */
#pragma once
#include "init.h"

/* execute_prepare - everything that can be found out before the start: environment, the program's path, the working
 * directory. Called inside the container, still with all privileges. Failures here fail `create`. */
struct program {
	char **env;
	char *path;	/* absolute, or relative to the cwd */
	bool in_cwd;	/* chdir has been done */
};
int execute_prepare(const struct init *i, struct program *ret, struct error *err);

/* execute_program - become the user and execute; returns only on failure */
int execute_program(const struct init *i, const struct program *p, struct error *err);
