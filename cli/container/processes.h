/* processes.h - which processes run in a container, as the host sees them. pid_namespaces(7), proc(5)
 *
 * Those in the pid namespace of its first process; where it shares that with the host (--pid host), those in its control group; without one of
 * its own, what descends from its first process.
 */
#pragma once
#include "record.h"
#include <sys/types.h>

/* container_processes - pids in the order of their numbers; caller frees. -ESRCH: it does not run */
int container_processes(const struct container *c, pid_t **ret, size_t *n, struct error *err);
