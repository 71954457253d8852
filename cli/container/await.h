/* await.h - waiting for a container's end. */
#pragma once
#include "record.h"

enum await_condition {
	AWAIT_NOT_RUNNING,	/* it does not run, nor is it about to be started again; at once for one that never did */
	AWAIT_NEXT_EXIT,	/* its process ends; one that does not run is waited for until it does */
	AWAIT_REMOVED,		/* it is removed */
};
int await_parse(const char *word, enum await_condition *ret, struct error *err);

/* container_await - nothing is polled where the container has a monitor: that tells
 * @ret_code: its exit code; 255 where nobody saw it */
int container_await(const struct carrier *carrier, struct container *c, enum await_condition condition, int *ret_code, struct error *err);
