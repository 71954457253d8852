/* remove.h - ending a container, if need be, and removing everything of it: for rm, destroy, prune, --replace. */
#pragma once
#include "runtime.h"

struct remove_how {
	bool force;		/* one that runs is ended first */
	bool volumes;		/* its anonymous volumes go, too */
	int64_t stop_seconds;	/* with force: its stop signal and so much time before KILL; 0: KILL; -1: no limit */
};

/* container_remove - -EBUSY: it runs, and there is no force. One that vanishes meanwhile is success. */
int container_remove(const struct carrier *c, struct container *container, const struct remove_how *how, struct error *err);
