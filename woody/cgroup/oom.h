/* oom.h - being told when the kernel has ended a process of the container for want of memory.
 *
 *	oom_open(cgroup, &watch, &err)
 *	poll watch.fd for POLLIN; then oom_happened(&watch) says whether it was that
 *	oom_close(&watch)
 * v1: an eventfd registered in cgroup.event_control with memory.oom_control; v2: inotify on memory.events, whose counter is compared.
 */
#pragma once
#include "cgroup.h"

struct oom_watch { int fd, events_fd; bool counted; uint64_t seen; };
#define OOM_WATCH_INIT { .fd = -1, .events_fd = -1 }

/* oom_open - -EOPNOTSUPP when the container has no memory controller */
int oom_open(struct cgroup *c, struct oom_watch *ret, struct error *err);
/* oom_happened - since the last call (v2), or in the cgroup that is there still (v1, where its removal also wakes us). Never
 * blocks. */
bool oom_happened(struct oom_watch *w);
void oom_close(struct oom_watch *w);
