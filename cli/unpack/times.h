/* times.h - directories get their times when nothing is made in them any more. Kept in 64 KiB of memory and an unlinked file. */
#pragma once
#include "error.h"
#include <stdint.h>
#include <time.h>

struct times;
/* times_new - @dir_fd: where the file is made, should it be needed */
struct times *times_new(int dir_fd);
void times_free(struct times *t);
int times_add(struct times *t, const char *path, int64_t sec, uint32_t nsec, struct error *err);
/* times_apply - to all that are still directories beneath @root_fd, the last one of a path counts */
int times_apply(struct times *t, int root_fd, struct error *err);
