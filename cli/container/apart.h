/* apart.h - a job in a child process, because what it does to itself (entering a namespace) cannot be undone. */
#pragma once
#include "error.h"
#include <stdbool.h>

/* apart_run - fork, call @job in the child, wait
 * Return: what it returned; @err is what it recorded. A child that was killed is -ECANCELED. */
int apart_run(int (*job)(void *ctx, struct error *err), void *ctx, struct error *err);

/* apart_fd - the same where @job returns a file descriptor: it becomes ours. For what can be opened only in another namespace. Return: the fd */
int apart_fd(int (*job)(void *ctx, struct error *err), void *ctx, struct error *err);

/* apart_keep - in a child that stays: what it was forked with it must not hold, the lock, pipes, the terminal. Of all that is open only @fds are
 * left; they become @first, @first + 1 ..., -1 where one is -1; and stdin, stdout and stderr are /dev/null */
void apart_keep(int *const fds[], int n, int first);

/* apart_as_owner - the same where files of many owners are to be changed: an ordinary user's (@rootless) child becomes root of a user namespace
 * first; root does it here and now, without a child. What @job prints is seen; what it changes in memory is not. */
int apart_as_owner(bool rootless, int (*job)(void *ctx, struct error *err), void *ctx, struct error *err);
