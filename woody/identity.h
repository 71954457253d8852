/* identity.h - who the process is and what it may: users, groups, capabilities, limits.
 *
 * The order, argued in init.c and execute.c: identity_limits() before the user changes (raising limits wants
 * privileges), then the capabilities in two steps around the seccomp filter. identity_become() changes groups
 * and user, and keeps CAP_SYS_ADMIN effective when the filter has yet to be loaded without no_new_privs;
 * identity_capabilities() then sets what the program gets.
 *
 * credentials(7), capabilities(7), setrlimit(2), oom_score_adj in proc(5).
 */
#pragma once
#include "error.h"
#include "runtime_spec.h"
#include "str.h"
#include "user.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* the five sets as bit masks; bit n is capability n */
struct capability_sets {
	uint64_t bounding, effective, inheritable, permitted, ambient;
};

/* identity_parse_capabilities - names to masks; NULL: all empty. Names that the library or the kernel does
 * not know warn, once each, and are left out (as runc). Permitted and effective are limited by bounding. What
 * the kernel would refuse anyway is an error that names the capability: inheritable beyond bounding,
 * effective beyond permitted. Ambient beyond inheritable or permitted stays wanted, and warns when it is
 * raised. */
int identity_parse_capabilities(const struct spec_capabilities *spec, struct capability_sets *ret,
				struct error *err);
/* capability_last - CAP_LAST_CAP of the running kernel; asks it seven times, so keep the answer */
int capability_last(void);
/* capability_name - "CAP_CHOWN", or NULL when the library has no name for it; @out has room for 32 */
const char *capability_name(int cap, char out[32]);
/* capability_parse - with or without CAP_, any case; -EINVAL */
int capability_parse(const char *name);

/* identity_limits - process.rlimits; an unknown type, or soft above hard, is an error. Without
 * CAP_SYS_RESOURCE raising above the hard limit fails with a sentence that says so. */
int identity_limits(const struct spec_process *p, struct error *err);
/* identity_raise_limits - raise only the hard limits that process.rlimits wants higher than they are, of
 * another process: the child cannot once it is in a user namespace of its own. Missing privilege is an error
 * that says so. */
int identity_raise_limits(pid_t pid, const struct spec_process *p, struct error *err);
/* identity_oom_score - writes @score (-1000 to 1000) of @pid (0: ours) through @proc_fd, an O_PATH directory of a
 * procfs, which is verified. A lowering that the kernel refuses (no CAP_SYS_RESOURCE) only warns when @may_fail. */
int identity_oom_score(int proc_fd, pid_t pid, int32_t score, bool may_fail, struct error *err);

/* identity_become - bounding set, groups, gid, uid, umask (022 when none is given, as runc), and the
 * capabilities but for one: effective is @sets->permitted until identity_capabilities(), so that what follows
 * may use it, and CAP_SYS_ADMIN is kept beside it with IDENTITY_KEEP_ADMIN. The caller's supplementary groups stay
 * with IDENTITY_KEEP_GROUPS. Ambient capabilities are raised here; one
 * that cannot be only warns. setgroups(2) is skipped where the user namespace denies it and no groups were
 * asked for. What the caller does not have itself cannot be granted: it is taken out of @sets, with a warning
 * (config.md, "Linux Process"). The calling process must have one thread. */
enum { IDENTITY_KEEP_ADMIN = 1, IDENTITY_KEEP_GROUPS = 2 };
int identity_become(const struct spec_user *user, struct capability_sets *sets, int keep, struct error *err);
/* identity_capabilities - the sets for good: one capset(2), all that the seccomp filter must allow */
int identity_capabilities(const struct capability_sets *sets, struct error *err);
