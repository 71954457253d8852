/* oom.h - did the kernel kill a process of a container for want of memory? cgroup v1 memory.oom_control, v2 memory.events */
#pragma once
#include <stdbool.h>
#include <sys/types.h>

/* oom_place - the file in which the kernel counts, for a process that runs; caller frees. NULL: it does not */
char *oom_place(pid_t pid);
/* oom_happened - does it count any? */
bool oom_happened(const char *place);
