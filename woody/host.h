/* host.h - what this machine and this caller can do, for `woody features --json`; each by asking the kernel, not its version.
 */
#pragma once
#include "json.h"
#include "mem.h"
#include <stdbool.h>

struct host_cgroup {
	char *mode;			/* "v1", "hybrid", "v2", "none" */
	char **controllers;		/* that are there */
	char **delegated;		/* those of them in whose hierarchy the caller may make cgroups below its own */
};

struct host_seccomp {
	char **actions;			/* SECCOMP_GET_ACTION_AVAIL: kernel and kernel.seccomp.actions_avail */
	char **flags;			/* of seccomp(2) */
};

struct host {
	char *kernel;
	char **namespaces;		/* as in linux.namespaces */
	bool user_namespaces;		/* the caller may make one */
	struct host_cgroup cgroup;
	char **lsms;			/* in the kernel's order */
	bool idmapped_mounts;		/* mount_setattr(2); the file systems decide for themselves */
	uint32_t landlock_abi;		/* 0: none */
	struct host_seccomp seccomp;
};
extern const struct json_type host_type;

/* host_read - everything belongs to @pool; nothing fails: what cannot be found out is not there */
void host_read(struct pool *pool, struct host *ret);
/* host_seccomp_flags - those of seccomp_flag_names() that the kernel takes */
char **host_seccomp_flags(struct pool *pool);
