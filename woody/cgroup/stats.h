/* stats.h - what a container has used, as `events` tells it: the members of runc's JSON, from the kernel's files of v1 or v2.
 * Counters that this kernel does not have are left at 0, lists of them are left out.
 */
#pragma once
#include "cgroup.h"
#include "str.h"

/* cgroup_stats - add `"cpu":{...},"cpuset":{...},"memory":{...},"pids":{...},"blkio":{...},"hugetlb":{...}` to @out */
void cgroup_stats(struct cgroup *c, struct buf *out);
