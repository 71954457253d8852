/* pause.h - holding a container still until it is told to go on.
 *
 * That it is paused is said by a symbolic link `paused` in its directory, made behind the runtime's `pause`, whose target is "PID START"
 * of its process: one that was left behind by another process of it does not count. struct container has it as ->paused; its state stays
 * RECORD_RUNNING, since it has a process and a monitor.
 */
#pragma once
#include "record.h"

/* container_pause - -EBUSY when it is paused already or does not run */
int container_pause(const struct carrier *c, struct container *container, struct error *err);
/* container_unpause - -EINVAL when it is not paused */
int container_unpause(const struct carrier *c, struct container *container, struct error *err);
