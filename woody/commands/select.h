/* select.h - which containers a command is for: one by its id, or those whose ids match a regular expression (kill, delete). */
#pragma once
#include "../container.h"
#include "../woody.h"

/* for_each_id - call @one for every container below --root whose id @pattern (POSIX extended, anywhere in the id) matches, in the
 * order of their names. A failure is reported as @command's and does not keep the others from their turn.
 * Return: the exit code; none that matches is success. */
int for_each_id(const struct woody *w, const char *command, const char *pattern,
		int (*one)(const struct woody *w, const char *id, void *ctx, struct error *err), void *ctx);

/* with_container - load the container @id, and call @act with it. Return: the exit code; a failure is reported as @command's */
int with_container(const struct woody *w, const char *command, const char *id,
		   int (*act)(struct container *c, void *ctx, struct error *err), void *ctx);
