/* ulimits.h - --ulimit: limits of each process, by the names that docker has for them. getrlimit(2) */
#pragma once
#include "limits.h"
#include "mem.h"

/* ulimits_parse - "nofile=1024:4096", "core=-1"; "host" stands for none of its own, which is what a container has anyway
 * The last one of a name counts. @ret: in @pool */
int ulimits_parse(const struct strings *words, struct pool *pool, struct record_ulimit **ret, size_t *ret_n, struct error *err);
/* ulimits_to_spec - -EPERM for one that would have to be raised above ours, which takes CAP_SYS_RESOURCE of the host */
int ulimits_to_spec(const struct record_ulimit *l, size_t n, struct pool *pool, struct spec_process *p, struct error *err);
