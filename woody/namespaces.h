/* namespaces.h - which namespaces a container has: its own, another's (by path), or the caller's (absent).
 * namespaces(7), setns(2), clone(2).
 */
#pragma once
#include "error.h"
#include "runtime_spec.h"
#include <stdbool.h>
#include <sys/types.h>

enum { NAMESPACES_MAX = 8 };

struct namespaces {
	int own;		/* CLONE_NEW* flags: made for this container */
	int joined;		/* CLONE_NEW* flags: entered by path */
	struct { int flag, fd; } join[NAMESPACES_MAX];
	int n_join;
};
#define NAMESPACES_INIT { 0 }

/* namespaces_open - read linux.namespaces, open the paths and verify that each is a namespace of its type
 * Unknown types, types given twice, time offsets without a time namespace and mappings without a user namespace are errors.
 */
int namespaces_open(const struct runtime_spec *spec, struct namespaces *ret, struct error *err);
void namespaces_done(struct namespaces *n);

/* namespaces_join - setns() into those of n->join whose flag is in @flags; the user namespace first, because it gives the
 * privilege for the others, the mount namespace last, because it changes / and the cwd */
int namespaces_join(const struct namespaces *n, int flags, struct error *err);

/* namespaces_join_early - before a user namespace is entered or made: those of n->join that the caller's own
 * privileges open (the host's, often: they do not belong to the container's user namespace, which could not enter
 * them). What is refused with EPERM is left to namespaces_join(), which passes over what was joined here. */
int namespaces_join_early(struct namespaces *n, struct error *err);

/* namespaces_of - CLONE_NEW* flags of the namespaces in which the process behind @pid differs from us
 * @proc_fd: directory of a procfs that shows it */
int namespaces_of(int proc_fd, pid_t pid, int *ret, struct error *err);

/* namespace_flag - "network" -> CLONE_NEWNET; 0 when unknown. namespace_name - the reverse. */
int namespace_flag(const char *type);
const char *namespace_name(int flag);
/* the spec's names, NULL-terminated (for `features`) */
const char *const *namespace_names(void);
