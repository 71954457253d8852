/* limits.h - linux.resources as a list of writes into kernel files.
 *
 * v1.c and v2.c say which files and values (pure: no file is touched); limits_apply() writes them in this order.
 * The kernel refuses some values only because of others that are about to change (a memory limit above the present
 * memory+swap limit, a period that makes the present quota too large): such a write is LIMIT_LATE and is tried
 * again behind the others, so no order has to be right for raising and for lowering.
 */
#pragma once
#include "error.h"
#include "mem.h"
#include "runtime_spec.h"

struct cgroup;

enum {
	LIMIT_LATE = 1,		/* EINVAL: once more after all others */
	LIMIT_OPTIONAL = 2,	/* no such file in this kernel: nothing lost */
	LIMIT_WARN = 4,		/* refused, or no such file: a warning is enough */
	LIMIT_KEEP_FIRST = 8,	/* @value goes behind the first word that the file has now (the quota in cpu.max) */
};

struct limits {
	struct limit {
		const char *controller;	/* the hierarchy to look for: "memory" */
		const char *member;	/* of linux.resources, for the errors: "memory.limit" */
		const char *file;	/* "memory.limit_in_bytes" */
		const char *instead;	/* file with the same meaning in other kernels, or NULL */
		const char *instead_value;	/* what to write there; NULL: the same */
		const char *value;
		unsigned flags;
	} *v;
	size_t n, size;
	struct pool pool;	/* owns the values and the composed names */
};

/* limits_add - the returned row may be completed (flags, instead) until the next call */
struct limit *limits_add(struct limits *l, const char *controller, const char *member, const char *file, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
void limits_done(struct limits *l);
#define cleanup_limits __attribute__((cleanup(limits_done)))

/* limits_add_rdma - rdma.max is the same in v1 and v2 */
void limits_add_rdma(struct limits *l, const struct spec_rdma *r);
/* limits_hugepage_check - "2MB", "64KB", "1GB": part of a file's name */
int limits_hugepage_check(const char *size, struct error *err);

/* limits_apply - write them. A controller that the machine or the container does not have is an error. */
int limits_apply(struct cgroup *c, const struct limits *l, struct error *err);

/* limits_remember - what would put back the files that @l is about, as they are now. Files that cannot be read are left out. */
void limits_remember(struct cgroup *c, const struct limits *l, struct limits *ret);
/* limits_revert - put them back, where they have changed. Only warns. */
void limits_revert(struct cgroup *c, const struct limits *former);
/* limits_former - what to write to @file, which says @text now, to have that again after @value was written there; pure. Files
 * with a line for each device or name take one line at a time. NULL: not known. Caller frees. */
char *limits_former(const char *file, const char *text, const char *value);
