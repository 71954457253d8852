/* userns.h - the user namespace that an ordinary user's containers, pulls and removals live in.
 *
 * user_namespaces(7), newuidmap(1). Without subordinate ids, or without newuidmap, it has one id: 0, which is the caller, and to which
 * everything belongs (idmap_is_single()). One log_info() line says so, and which command gives more.
 */
#pragma once
#include "error.h"
#include "idmap.h"
#include <stdbool.h>
#include <sys/types.h>

/* beside CLONE_NEW... in userns_become_root()'s @flags (a bit of clone(2)'s that is no flag of unshare(2)): the supplementary groups of the
 * caller stay, which in the namespace have no names, but still open what they open outside */
enum { USERNS_KEEP_GROUPS = 1 };

/* userns_become_root - move the calling process (one thread) into a new user namespace (and @flags: CLONE_NEWNS, ...), with the caller's
 * id as 0 and its subordinate ids behind it, and become 0 there. A helper process stays outside and runs newuidmap and
 * newgidmap, both at once. As uid 0, of the host or of a namespace that somebody else made, only @flags are unshared.
 * @ret_uids, @ret_gids: what was mapped, the caller's to free; unchanged for uid 0; may be NULL
 * Return: 0, or a negative errno; after a failure the process may be in a namespace without maps, and had better end.
 */
int userns_become_root(int flags, struct idmap *ret_uids, struct idmap *ret_gids, struct error *err);

/* userns_join - enter the user and mount namespaces of @pid (a container's monitor or process), and become 0 there;
 * nothing when they are ours already */
int userns_join(pid_t pid, struct error *err);

/* userns_enter - enter the user namespace of @pid alone, or (@outer) the one around it, and become 0 there; nothing when it is ours already */
int userns_enter(pid_t pid, bool outer, struct error *err);
/* userns_enter_fd - the one that @user_fd is */
int userns_enter_fd(int user_fd, bool keep_groups, struct error *err);
/* userns_is_within - is the user namespace of @pid ours, or directly within ours? */
bool userns_is_within(pid_t pid);
