/* select.h - commands that are given a regular expression in place of one id (kill --regex, delete --regex). */
#pragma once
#include "../woody.h"

/* for_each_id - call @one for every container below --root whose id @pattern (POSIX extended, anywhere in the id) matches, in the
 * order of their names. A failure is reported as @command's and does not keep the others from their turn.
 * Return: the exit code; none that matches is success. */
int for_each_id(const struct woody *w, const char *command, const char *pattern,
		int (*one)(const struct woody *w, const char *id, void *ctx, struct error *err), void *ctx);
