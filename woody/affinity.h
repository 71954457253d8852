/* affinity.h - on which CPUs a process may run: process.execCPUAffinity, and the reset of what the caller has.
 *
 * A container's processes may run on every CPU that its cgroup allows, whatever CPUs their starter is bound to (taskset,
 * CPUAffinity= of a unit). Linux before 6.2 saw to that when a process entered a cpuset; since then it remembers
 * what was set and intersects. So the mask is set to everything again, unless exec asks for certain CPUs.
 * sched_setaffinity(2), cpuset(7), runtime-spec config.md "execCPUAffinity" (exec only, not the container's init).
 */
#pragma once
#include "error.h"
#include "runtime_spec.h"

/* affinity_check - are both lists such? Before anything is made. @a may be NULL. */
int affinity_check(const struct spec_cpu_affinity *a, struct error *err);
/* affinity_initial - bind the calling process, before its child is in the container's cgroup; the child inherits it.
 * Nothing when there is no initial list. With debugging on, says so in runc's words ("nsexec ...: affinity: 0x3"). */
int affinity_initial(const struct spec_cpu_affinity *a, struct error *err);
/* affinity_final - in the container's cgroup: the final list, or everything that the cgroup allows. One system call: to
 * ask first would need as many, and the answer does not tell how many CPUs there are. @a may be NULL. */
int affinity_final(const struct spec_cpu_affinity *a, struct error *err);
