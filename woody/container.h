/* container.h - what a container is on disk: one directory below --root, and nothing else.
 *
 *	ROOT/ID/config.json   a copy of the bundle's, made by `create`; everything later reads this one
 *	ROOT/ID/state.json    the record below; written once init exists, so a directory without it is a container whose
 *	                      `create` is under way or was killed
 *	ROOT/ID/start.sock    where init waits for `start`; removed once the program runs
 *
 * The status is never stored: it follows from init's pid and start time, start.sock and the freezer.
 */
#pragma once
#include "cgroup/cgroup.h"
#include "mem.h"
#include "runtime_spec.h"
#include "str.h"
#include <stdbool.h>
#include <stdint.h>

struct container_record {
	char *oci_version, *id, *bundle, *rootfs, *created;
	char *boot_id;			/* a pid means nothing after a reboot */
	int64_t pid;
	uint64_t start_time;		/* of the pid, proc.h */
	int64_t owner;			/* uid */
	struct json_map annotations;
	bool no_new_keyring;		/* it has the session keyring of its creator, and exec that of its own */
	struct cgroup_record cgroup;
};

struct container {
	char *id, *dir;
	int dir_fd;
	struct pool pool;		/* owns record and spec */
	struct container_record record;
	struct runtime_spec *spec;	/* once container_read_spec() was called, else NULL */
};
#define CONTAINER_INIT { .dir_fd = -1 }

enum container_status {
	CONTAINER_CREATING,	/* no record yet */
	CONTAINER_CREATED, CONTAINER_RUNNING, CONTAINER_PAUSED, CONTAINER_STOPPED,
};
const char *container_status_name(enum container_status s);

/* container_check_id - [A-Za-z0-9_+.-]+, at most 1024, not starting with a dot */
int container_check_id(const char *id, struct error *err);

/* container_reserve - make ROOT/ID (ROOT too, 0700); -EEXIST when the id is used */
int container_reserve(const char *root, const char *id, struct container *ret, struct error *err);
/* container_load - -ENOENT "container does not exist". A container that is being created has record.pid == 0. */
int container_load(const char *root, const char *id, struct container *ret, struct error *err);
void container_done(struct container *c);
#define cleanup_container __attribute__((cleanup(container_done)))

/* container_save_config - keep a copy of config.json's @text; container_read_spec - decode that copy into c->spec */
int container_save_config(struct container *c, const char *text, size_t len, struct error *err);
int container_read_spec(struct container *c, struct error *err);
/* container_save - write c->record */
int container_save(struct container *c, struct error *err);
/* container_remove - remove the directory; the container is gone */
int container_remove(struct container *c, struct error *err);

enum container_status container_status(const struct container *c);
/* container_pidfd - init, or -ESRCH */
int container_pidfd(const struct container *c);
/* container_signal_init - -ESRCH when it is not there any more */
int container_signal_init(const struct container *c, int sig);

/* container_state - runtime-spec's state as JSON, for hooks and `state`
 * @pid: shown; @full: with rootfs, created and owner, as `state` and `list` print. Caller frees. */
char *container_state(const struct container *c, enum container_status status, bool full, enum json_style style);
/* struct container_row - the same as a struct, for `list` */
struct container_row {
	char *oci_version, *id, *status, *bundle, *rootfs, *created, *owner;
	int64_t pid;
	struct json_map annotations;
};
extern const struct json_type container_row_type;
/* @pool owns what is new; the rest is borrowed from @c */
struct container_row container_to_row(const struct container *c, enum container_status status, struct pool *pool);

/* container_ids - names below @root, sorted; a root that is not there has none */
int container_ids(const char *root, struct strings *ret, struct error *err);

/* container_kill_all - end every process of its cgroup and of its pid namespace, and wait until init is gone (2 s) */
int container_kill_all(struct container *c, struct error *err);
/* container_own_pids - has it a pid namespace of its own, so that init takes all others with it? Needs c->spec. */
bool container_own_pids(const struct container *c);
/* container_abandon - remove what a killed `create` left: the directory, and the cgroup its config.json names, if that is empty */
int container_abandon(struct container *c, struct error *err);
/* container_destroy - cgroup, poststop hooks, directory; init must have ended */
int container_destroy(struct container *c, struct error *err);
