/* users.h - which ids a container has: --userns, --uidmap, --gidmap.
 *
 * Theory of operation. An ordinary user's monitor lives in a user namespace (userns.h), call it M: 0 is the caller, 1 and up are its
 * subordinate ids. By default the container is M's, too. In every other mode the runtime, which runs as root of M, makes one more namespace
 * inside: config.json has uidMappings and gidMappings, from container ids to ids of M. As root of the host M is the host.
 *
 *	host		M itself, the default: container 0 is the caller, rootless
 *	keep-id		rootless: the caller has its own number inside (or uid=N, gid=N), and the program runs as it; container 0 is the first
 *			subordinate id; with size=N only so many ids are mapped
 *	nomap		rootless: 0 and up are subordinate ids; the caller's own files are nobody's
 *	auto		a range that no other container has. Of the caller's subordinate ids; as root, of those that /etc/subuid and /etc/subgid
 *			give to `containers`, or else to root
 *	container:ID	the user namespace of another container, which must run; the maps are copied from its record
 *	--uidmap ...	what is given
 *
 * The maps are decided when the container is made, and stay in its record (uid_map, gid_map: "CONTAINER M COUNT"). What the image's files
 * look like then is rootfs.h's matter.
 *
 * Calling sequence (run, create):
 *	users_to_record		what was asked for, and its maps where they do not depend on other containers
 *	users_resolve		container: its name becomes its id, and its maps ours
 *	users_claim		auto: the range; the lock stays until the record is saved
 *	users_to_spec		into config.json
 */
#pragma once
#include "../carrier.h"
#include "idmap.h"
#include "json.h"
#include "mem.h"
#include "runtime_spec.h"
#include "str.h"

struct record;
struct record_mount;

struct users_options { char *userns; struct strings uidmap, gidmap; };
enum { USERS_OPTION_ROWS_N = 3 };
#define USERS_OPTION_ROWS(T, m) \
	OPTION(T, m.userns, 0, "userns", "host|keep-id|auto|nomap|container:NAME", \
	       "which ids the container has: keep-id[:uid=N,gid=N,size=N], auto[:size=N,uidmapping=C:H:N,gidmapping=C:H:N], or those of " \
	       "another, whose user namespace it joins"), \
	OPTION(T, m.uidmap, 0, "uidmap", "CONTAINER:ID[:N]", "map N users (rootless: ID 0 is you, 1 your first subordinate id); again for more"), \
	OPTION(T, m.gidmap, 0, "gidmap", "CONTAINER:ID[:N]", "the same for groups (default: as --uidmap)")

/* struct record_users - of the record; all NULL: host */
struct record_users {
	char *userns;			/* as given: "keep-id:uid=200" */
	char *name, *group, *home;	/* keep-id: what the caller is called outside */
	char *user;			/* "UID:GID": keep-id runs as it, where --user says nothing */
};
extern const struct json_type record_users_type;

/* users_to_record - everything that can be wrong with the words is found here
 * @user_given: --user was. Sets ->users, ->uid_map, ->gid_map, and for keep-id ->user; for auto the maps are left to users_claim() */
int users_to_record(const struct users_options *o, bool user_given, struct pool *pool, struct record *ret, struct error *err);

/* users_resolve - -ENOENT; nothing in other modes */
int users_resolve(const struct carrier *c, struct pool *pool, struct record *r, struct error *err);
/* users_other - of container:ID the name or id; else NULL. Borrowed */
const char *users_other(const struct record *r);

/* users_claim - --userns=auto: the lowest range that is free, so that a container that takes the place of another finds what was made for
 * that one's ids; nothing in other modes
 * @r: with ->lowerdirs, where the highest ids of the image are looked up when no size is given: at least 1024
 * @ret_lock: the caller closes it when the record is saved; -1 */
int users_claim(const struct carrier *c, struct pool *pool, struct record *r, int *ret_lock, struct error *err);

/* users_mapped - has it a user namespace inside M? */
bool users_mapped(const struct record *r);
/* users_maps - of one that has, from container ids to M's; the caller frees both. Empty for others. */
int users_maps(const struct record *r, struct idmap *uids, struct idmap *gids, struct error *err);
/* users_mount_maps - of a mount that has the option idmap: from ids on the disk to what they are in the mount, its own maps or the
 * container's; the caller frees both. -EINVAL: neither has any */
int users_mount_maps(const struct record *r, const struct record_mount *m, struct idmap *uids, struct idmap *gids, struct error *err);
/* users_mappings - a map as config.json has it */
struct spec_id_mapping *users_mappings(const struct idmap *m, struct pool *pool, size_t *n);
/* users_outer - what ids of the container are in M, in place; unchanged for one without maps. -EINVAL: it has no such ids */
int users_outer(const struct record *r, uint32_t *uid, uint32_t *gid, struct error *err);
/* users_to_spec - the namespace and its maps; nothing for a container without
 * @other: a process whose namespace is joined, 0: a new one is made */
int users_to_spec(const struct record *r, pid_t other, struct spec_linux *l, struct pool *pool, struct error *err);
/* users_passwd - /etc/passwd and /etc/group of a keep-id container whose image does not know the caller
 * @passwd, @group: the image's, as text. @home: the directory that is its home inside
 * Return: 1 with the texts of what to bind over them, which the caller frees (NULL: as the image has it); 0: nothing to do */
int users_passwd(const struct record *r, const char *passwd, const char *group, const char *home, char **ret_passwd, char **ret_group);

/* ---- between users.c and users_auto.c ---- */

/* users_parse_map - "CONTAINER:ID[:COUNT]", added to @ret; @option for the sentence */
int users_parse_map(const char *option, const char *word, struct idmap *ret, struct error *err);
/* users_check_auto - what stands behind "auto:" */
int users_check_auto(const char *text, struct error *err);
void users_set_maps(struct record *r, const struct idmap *uids, const struct idmap *gids, struct pool *pool);
