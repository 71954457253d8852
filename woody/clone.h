/* clone.h - a new process in new namespaces: clone3(2), or clone(2) where a filter answers ENOSYS for it. */
#pragma once
#include "error.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct clone_request {
	uint64_t flags;		/* CLONE_NEW*, CLONE_PARENT */
	int cgroup_fd;		/* directory of a v2 cgroup to start in, or -1 */
	int *ret_pidfd;		/* NULL: none wanted */
	bool outside_cgroup;	/* set when cgroup_fd could not be honoured: move the child with cgroup_move() */
};

/* clone_process - returns twice, as fork(2). The caller must have one thread. -errno on failure. */
pid_t clone_process(struct clone_request *c, struct error *err);
