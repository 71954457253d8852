/* memory_policy.h - linux.memoryPolicy: from which NUMA nodes the process gets its memory.
 * set_mempolicy(2), runtime-spec config-linux.md "Memory Policy". It survives execve(2). */
#pragma once
#include "error.h"
#include "runtime_spec.h"

/* memory_policy_check - the document alone, before anything is made; runc's words ("invalid memory policy ...") */
int memory_policy_check(const struct spec_memory_policy *p, struct error *err);
/* memory_policy_apply - to the calling process, inside the container's cgroup (its cpuset limits the nodes); NULL: nothing */
int memory_policy_apply(const struct spec_memory_policy *p, struct error *err);

/* lists for `features`, NULL-terminated */
const char *const *memory_policy_modes(void);
const char *const *memory_policy_flags(void);
