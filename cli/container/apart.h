/* apart.h - a job in a child process, because what it does to itself (entering a namespace) cannot be undone. */
#pragma once
#include "error.h"

/* apart_run - fork, call @job in the child, wait
 * Return: what it returned; @err is what it recorded. A child that was killed is -ECANCELED. */
int apart_run(int (*job)(void *ctx, struct error *err), void *ctx, struct error *err);
