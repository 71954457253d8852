/* namespaces.h - --pid, --ipc, --uts, --cgroupns: which namespaces a container has of its own, shares with the host, or with another
 * container.
 *
 *	options:	namespaces_to_record(), then namespaces_resolve(): a container's name becomes its id, which stays
 *	(the user namespace, --userns, is users.h's matter; that of another container is joined here)
 *	every start:	namespaces_find() before anything else: the others must run; in place of userns_become_root() namespaces_world(),
 *			since an ordinary user's namespaces can be joined only from the user namespace that they belong to;
 *			namespaces_stage(), and namespaces_to_spec() with the rest of config.json
 *
 * namespaces(7), pid_namespaces(7), ipc_namespaces(7), open_tree(2).
 */
#pragma once
#include "command.h"
#include "idmap.h"
#include "json.h"
#include "runtime_spec.h"
#include <stdbool.h>

struct carrier;
struct container;
struct record;

/* struct record_namespaces - NULL: private; "host", "container:ID"; ipc also "private" (nobody may join), "shareable", "none" (no
 * /dev/shm) */
struct record_namespaces { char *pid, *ipc, *uts, *cgroup; };
extern const struct json_type record_namespaces_type;

struct namespace_options { char *pid, *ipc, *uts, *cgroup; };
enum { NAMESPACE_OPTION_ROWS_N = 4 };
#define NAMESPACE_OPTION_ROWS(T, m) \
	OPTION(T, m.pid, 0, "pid", "private|host|container:NAME", "which processes it sees: its own, the host's, or those of another"), \
	OPTION(T, m.ipc, 0, "ipc", "MODE", "shared memory and semaphores: private, shareable, host, none, or container:NAME"), \
	OPTION(T, m.uts, 0, "uts", "private|host|container:NAME", "host name: its own, the host's, or that of another"), \
	OPTION(T, m.cgroup, 0, "cgroupns", "private|host|container:NAME", "how it sees cgroups: its own as /, as the host, or as another")

/* namespaces_to_record - @hostname: of --hostname, or NULL; what cannot be together is said */
int namespaces_to_record(const struct namespace_options *o, const char *hostname, struct pool *pool, struct record_namespaces *ret,
			 struct error *err);
/* @network: the record's mode, or NULL: container:NAME becomes an id as well; ns:PATH must be a network namespace */
int namespaces_resolve(const struct carrier *c, struct record_namespaces *n, char **network, struct pool *pool, struct error *err);

/* struct namespace_pids - processes whose namespaces are joined; 0: none */
struct namespace_pids { pid_t pid, ipc, uts, cgroup, user, network; };
/* namespaces_find - -ESRCH for one that does not run. Without container: in the record nothing is done. */
int namespaces_find(const struct carrier *c, const struct record *r, struct namespace_pids *ret, struct error *err);
/* namespaces_world - userns_become_root() with a mount namespace; in the user namespace of the others, where there are others, or in
 * @user_fd, where that is one (of named networks, holder.h) */
int namespaces_world(const struct carrier *c, const struct record *r, const struct namespace_pids *others, int user_fd, struct idmap *uids,
		     struct idmap *gids, struct error *err);
/* namespaces_find_again - at a start by the restart policy: the others may have been started again, too
 * @others: of the last start. Return: 1 they are other processes now, 0 they are not; -ESRCH; -EPERM: an ordinary user's have a user namespace
 * now that is out of our reach */
int namespaces_find_again(const struct carrier *c, const struct record *r, struct namespace_pids *others, struct error *err);
/* namespaces_stage - --ipc container: the other's /dev/shm is mounted on shm/ in the container's directory, in our mount namespace */
int namespaces_stage(const struct container *c, const struct namespace_pids *others, struct error *err);

/* namespaces_network_first - is its network namespace made before the runtime works, so that a helper can connect it meanwhile? One with a user
 * namespace of its own makes that which belongs to it itself. A link to it, of this name, is in the container's directory as long as it runs */
#define NAMESPACE_NETWORK "netns"
bool namespaces_network_first(const struct record *r);
/* namespaces_to_spec - linux.namespaces; the host's network is left out */
void namespaces_to_spec(const struct container *c, const struct namespace_pids *others, struct pool *pool, struct spec_linux *l);
/* namespaces_mount - one of the usual mounts, as these namespaces need it. @m: its options belong to @pool
 * Return: false when there is none. */
bool namespaces_mount(const struct container *c, bool rootless, struct pool *pool, struct spec_mount *m);
/* namespaces_own_uts - may the container have a host name of its own? */
bool namespaces_own_uts(const struct record_namespaces *n);
