/* idmap.h - which ids a user may map into a user namespace, and mapping them.
 *
 *	struct idmap uids = { 0 }, gids = { 0 };
 *	idmap_rootless(&uids, &gids, &err);	// 0 -> the caller, 1.. -> its subordinate ids
 *	... a child unshares its user namespace and waits ...
 *	idmap_apply(child, &uids, &gids, &err);
 *	idmap_done(&uids); idmap_done(&gids);
 *
 * No name service is ever asked (a static program cannot, and its modules have no place in ours): users are
 * what /etc/passwd says, ranges what /etc/subuid and /etc/subgid say. Where these have none and /etc/nsswitch.conf
 * says that somebody else does (`subid: sss`, for users of a directory), the program getsubids(1) is asked.
 * user_namespaces(7), subuid(5), newuidmap(1), getsubids(1).
 */
#pragma once
#include "error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct id_range { uint32_t container_id, host_id, size; };
struct idmap { struct id_range *ranges; size_t n; };
void idmap_done(struct idmap *m);
#define cleanup_idmap __attribute__((cleanup(idmap_done)))
void idmap_add(struct idmap *m, uint32_t container_id, uint32_t host_id, uint32_t size);
/* idmap_parse - adds "INSIDE:OUTSIDE:COUNT"; -EINVAL for anything else */
int idmap_parse(const char *word, struct idmap *m);

/* idmap_user_name - the name of @uid
 * @passwd_text: the content of /etc/passwd. Return: the first line's that has @uid, caller frees; or NULL. */
char *idmap_user_name(const char *passwd_text, uid_t uid);

/* idmap_subids - the ranges that @file (/etc/subuid, /etc/subgid) grants to a user, by name or by number
 * @text: the file's content (parsers take memory). Adds to @m: container ids from @first on, one range after
 * the other.
 * @user: NULL when the user has no name: only lines with the number count.
 * Lines that are not name:start:count are skipped. Host ids that @m has already are left out (the kernel
 * refuses to map one twice), and so is what has no room below id 4294967295.
 * Return: how many ids were added.
 */
uint64_t idmap_subids(struct idmap *m, const char *text, const char *user, uid_t uid, uint32_t first);

/* idmap_rootless - 0 is the caller's effective id, 1 and up its subordinate ids, for both kinds
 * The user is who /etc/passwd says; when it does not know the caller and no range is given to its number,
 * the environment's USER (newuidmap checks what is claimed).
 * Return: 0, or -ENOENT when the user has no range; @err then says the command that gives one. @uids and
 * @gids are only changed on success; what they had is freed.
 */
int idmap_rootless(struct idmap *uids, struct idmap *gids, struct error *err);

/* idmap_getsubids - what getsubids(1) printed ("0: USER START COUNT"), added as idmap_subids() does; other lines are skipped */
uint64_t idmap_getsubids(struct idmap *m, const char *output, uint32_t first);
/* idmap_asks_others - does the text of /etc/nsswitch.conf name a source of subordinate ids that is not the files? */
bool idmap_asks_others(const char *nsswitch_text);

/* idmap_single - only 0 is mapped, to the caller's effective ids: what everybody may map, without any program's help */
void idmap_single(struct idmap *uids, struct idmap *gids);

/* idmap_to_host - the id outside for an id inside; -1 (as uint32_t) when it is not mapped */
uint32_t idmap_to_host(const struct idmap *m, uint32_t container_id);

/* idmap_from_host - the other way round: the id inside for an id outside; -1 (as uint32_t) when it is not mapped */
uint32_t idmap_from_host(const struct idmap *m, uint32_t host_id);

/* idmap_own - what our own user namespace has: of /proc/self/uid_map, or gid_map (@groups), every range with its ids inside as both
 * ids of the range. In the initial one that is one range of all. Adds to @m */
int idmap_own(struct idmap *m, bool groups, struct error *err);

/* idmap_apply - write both maps of @pid, which is in a new user namespace
 * Directly when the caller may (CAP_SETUID and CAP_SETGID in its own namespace, or only its own ids are
 * mapped; then setgroups is denied first), else through newuidmap(1) and newgidmap(1), both at once.
 * Return: 0, or a negative errno whose sentence names what is missing (the uidmap package, a range, setuid
 * bits).
 */
int idmap_apply(pid_t pid, const struct idmap *uids, const struct idmap *gids, struct error *err);

/* idmap_is_single - has our user namespace only one id? Then every owner is the same. Decided by /proc/self/uid_map; without: no */
bool idmap_is_single(void);

/* idmap_is_initial - are we in the initial user namespace (every id maps to itself)? Decided by /proc/self/uid_map: root of a
 * namespace that somebody else made has no more privilege outside than its owner. Without a readable map: yes.
 * @proc_fd: directory of a verified procfs, or -1 for /proc */
bool idmap_is_initial(int proc_fd);
