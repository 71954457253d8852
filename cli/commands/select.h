/* select.h - what the commands that take several containers have in common. */
#pragma once
#include "../container/record.h"

/* each_container - find every one of @names, or all with @all, and call @act
 * A failure is printed, and the rest still done. @act returns 0 to have the name printed as it was given, 1 to have nothing printed.
 * Return: the exit code: 0, or 1 when any failed. */
int each_container(const struct carrier *c, char *const *names, bool all,
		   int (*act)(const struct carrier *c, struct container *container, void *options, struct error *err), void *options);
/* need_names - names or --all, not both, not none: 0, or docker's exit code for a usage error, which was printed */
int need_names(const char *command, int n_names, bool all);
