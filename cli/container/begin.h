/* begin.h - starting a container that is there already. */
#pragma once
#include "monitor.h"

/* container_begin - start it, whatever became of it before: one whose monitor was killed and that has ended is cleaned up first
 * @wants: as monitor_start()'s
 * Return: the client's socket; -EALREADY when it runs (@err says so); or a negative errno */
int container_begin(const struct carrier *c, struct container *container, unsigned wants, struct error *err);
/* container_begin_detached - the same, and wait until the program runs. 0, also when it runs already */
int container_begin_detached(const struct carrier *c, struct container *container, struct error *err);
/* container_begin_again - stop it, if it runs, and start it. @timeout_s: as container_stop()'s */
int container_begin_again(const struct carrier *c, struct container *container, int64_t timeout_s, struct error *err);
