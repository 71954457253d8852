/* select.h - what the commands that take several containers have in common: which they mean, one after another, and what is printed. */
#pragma once
#include "../container/record.h"
#include "command.h"

struct selection { bool all, latest, ignore; struct strings filter, cidfiles; };

/* rows for a command's table: @T has a struct selection @m; @which: "every container that runs" */
#define SELECT_OPTION_ROWS(T, m, which) \
	OPTION(T, m.all, 'a', "all", NULL, which), \
	OPTION(T, m.latest, 'l', "latest", NULL, "the one that was made last"), \
	OPTION(T, m.filter, 0, "filter", "KEY=VALUE", "of all only those that fit; keys as for `carrier list`; again for more"), \
	OPTION(T, m.cidfiles, 0, "cidfile", "FILE", "also the container whose id is in this file; again for more")
#define SELECT_IGNORE_ROW(T, m) \
	OPTION(T, m.ignore, 'i', "ignore", NULL, "one that does not exist is no error")

/* selection_check - names, --all, --latest, --filter: at least one, and none that exclude each other
 * Return: 0, or docker's exit code for a usage error, which was printed */
int selection_check(const char *command, int n_names, const struct selection *s);
/* each_selected - find them, and call @act for each
 * A failure is printed, and the rest still done. @act returns 0 to have printed what it was called by (of --all, --latest and --filter its id),
 * 1 to have nothing printed. What --all or --filter found, and is gone when its turn comes, is none.
 * Return: the exit code: 0, or 1 when any failed. */
int each_selected(const struct carrier *c, char *const *names, const struct selection *s,
		  int (*act)(const struct carrier *c, struct container *container, void *options, struct error *err), void *options);
