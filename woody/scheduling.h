/* scheduling.h - how the kernel treats the process: process.scheduler, process.ioPriority, linux.personality.
 *
 * They are set in the container's cgroup, before the user changes (real-time classes and a better nice value want
 * CAP_SYS_NICE) and before the seccomp filter, which may forbid the calls. What the document does not name is not touched.
 * sched(7), sched_setattr(2), ioprio_set(2), personality(2); runtime-spec config.md "process", config-linux.md "Personality".
 */
#pragma once
#include "error.h"
#include "runtime_spec.h"

/* scheduling_check - what can be said without the kernel, before anything is made
 * @p: the process, or NULL. @l: the container's, or NULL, for its cpuset (SCHED_DEADLINE needs all CPUs) and personality.
 * Errors name the member: unknown names, values out of range, values that do not belong to the policy, runtime, deadline
 * and period that contradict each other. */
int scheduling_check(const struct spec_process *p, const struct spec_linux *l, struct error *err);
/* scheduling_apply - to the calling process; the same arguments, once checked */
int scheduling_apply(const struct spec_process *p, const struct spec_linux *l, struct error *err);
