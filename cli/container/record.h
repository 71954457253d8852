/* record.h - what carrier knows of a container: a directory, a few files, one lock.
 *
 *	ROOT/names/NAME			symlink to the id: making it is what makes a name unique
 *	ROOT/containers/ID/record.json	what was asked for (struct record); rename, update and network connect change it (record_change.h)
 *	                   status.json	what has become of it; small, replaced atomically (struct status)
 *	                   lock		held exclusively by the monitor for as long as it lives
 *	                   config.json, rootfs/	the OCI bundle
 *	                   upper/, work/	overlay's writable layer; with the driver copy all is in rootfs/
 *	                   driver		the storage driver, when it is not overlay
 *	                   hosts, hostname, resolv.conf	bound into the container
 *	                   log, log.1...	what it wrote (log_writer.h)
 *	                   health.json	the last answers to its health check (health.h); status.json has what they mean
 *	                   attach	the monitor's socket (client.h); there while the monitor lives
 *	                   updated	the record was changed; the monitor reads it again before the next start (record_change.h)
 *	                   stopped	a person has ended it: no restart policy holds until it is started again (record_note_stop())
 *	                   mounts/	what mounts need besides (mount_stage.h); mounted there only in the monitor's namespace
 *	RUNROOT/woody/			the runtime's --root
 *
 * Readers never lock and never run the runtime: the state is derived. A --rm container whose program has ended is "removing" while its
 * monitor cleans up: for everybody else it is gone already. A status "running" (or "removing")
 * whose lock nobody holds, or from another boot, is a container whose monitor was killed; whether its process still lives is told by pid
 * and start time.
 */
#pragma once
#include "../carrier.h"
#include "../network/mode.h"
#include "json.h"
#include "devices.h"
#include "life.h"
#include "limits.h"
#include "mem.h"
#include "mounts.h"
#include "namespaces.h"
#include "process.h"
#include "settings.h"
#include "users.h"
#include <stdint.h>

struct record {
	char *id, *name, *created;
	char *image, *image_id, *manifest;	/* reference as given, config digest, manifest digest; NULL with --rootfs */
	char *rootfs;			/* --rootfs DIR, absolute; else NULL */
	char **args, **env;		/* of the process, complete */
	char *user, *workdir, *hostname, *stop_signal, *network;
	bool tty, interactive, remove, detached, read_only;
	int64_t memory, pids_limit, cpu_quota, cpu_period, stop_timeout;
	struct record_mount *mounts;
	size_t n_mounts;
	struct json_map labels;
	char **lowerdirs;		/* of the overlay, topmost first */
	char *storage_driver;		/* the one that was asked for; NULL: auto. rootfs.h says which it became */
	struct record_settings settings;
	struct record_networking networking;
	struct record_life life;
	struct record_limits limits;
	struct record_devices devices;
	struct record_namespaces namespaces;
	struct record_process process;
	struct record_files files;
	struct record_users users;
	char **uid_map, **gid_map;	/* of users.h: "0 1 1000"; NULL: no user namespace of its own */
	char **create_command;		/* the command line that made it, for `generate`; NULL: older than that */
};
extern const struct json_type record_type;

struct status {
	char *state;			/* "created", "starting", "running", "restarting", "exited", "removing" */
	int64_t pid;			/* of the container's process */
	uint64_t start_time;
	int64_t monitor;		/* its pid; for people: the lock says whether it lives */
	char *boot_id, *started, *finished, *error;
	int64_t exit_code;		/* of its last end; also while it is "restarting" */
	int64_t restarts;		/* by its policy, since a person has started it */
	char *health;			/* docker's words: "starting", "healthy", "unhealthy"; NULL: it has no check */
	int64_t failing_streak;		/* failures in a row */
	struct port_mapping *ports;	/* of the host that lead into it, as they were chosen at its start */
	size_t n_ports;
	char *network_lost;		/* why it has no network any more, though it runs; NULL: nothing was lost */
	bool oom_killed;		/* the kernel killed a process of it for want of memory, and that was its end */
};
extern const struct json_type status_type;

/* what people are told */
enum record_state { RECORD_CREATED, RECORD_STARTING, RECORD_RUNNING, RECORD_EXITED,
	RECORD_RESTARTING,	/* ended; its monitor waits before it starts it again */
	RECORD_REMOVING,		/* --rm, ended, being cleaned up: neither listed nor found */
	RECORD_UNATTENDED,	/* the monitor was killed, the process runs on */
	RECORD_DEAD };		/* the monitor was killed, so was the process; nobody saw the exit code */
const char *record_state_name(enum record_state s);	/* docker's words: created, running, exited, dead */

struct container {
	struct pool pool;
	char *dir;			/* ROOT/containers/ID */
	int dir_fd;
	struct record record;
	struct status status;
	enum record_state state;
	bool paused;			/* it runs, but is held still (pause.h) */
	char *const *restore;		/* of whoever starts it: it goes on from a checkpoint, these are the runtime's options for it; else NULL */
};
#define RECORD_PAUSED_LINK "paused"
/* record_state_word - what people are told: as record_state_name(), and "paused" */
const char *record_state_word(const struct container *c);
#define CONTAINER_NONE { .dir_fd = -1 }
void container_done(struct container *c);
#define cleanup_container __attribute__((cleanup(container_done)))

/* record_new - an id (64 hex digits of the kernel's random), the directory, the name (NULL or "": one is made, "quiet_otter");
 * ->record.id, name, created and ->status.state "created" are set, nothing is saved yet: that is record_commit()'s
 * -EEXIST: the name is used, the sentence says by which container and how to free it */
int record_new(const struct carrier *c, const char *name, struct container *ret, struct error *err);
/* record_commit - save what record_new() has begun, and whose ->record was filled in; from now on it is found. ->record is a copy then, as
 * if it had been read: what it borrowed may end. */
int record_commit(struct container *c, struct error *err);
/* record_save - again, after a change (record_change.h) */
int record_save(const struct container *c, struct error *err);
/* record_rename - the new name is taken before the old one is given up, so it is never without one; -EEXIST as above, -EINVAL for what cannot be
 * a name. Readers see the one or the other. */
int record_rename(const struct carrier *c, struct container *container, const char *name, struct error *err);
int status_save(struct container *c, struct error *err);
/* record_find - by id, name, unique prefix of an id; "" with @latest: the newest. -ENOENT "no container 'x'", -ENOTUNIQ for a prefix
 * of several. One whose record.json is damaged is found by its id, and is dead, with a warning: so it can be removed. */
int record_find(const struct carrier *c, const char *name, bool latest, struct container *ret, struct error *err);
/* record_list - all of them, newest first (also removes what record_new() began and nobody will finish); those that vanish meanwhile or
 * cannot be read (warned of) are left out; caller frees */
int record_list(const struct carrier *c, struct container **ret, size_t *n, struct error *err);
/* record_each - call @visit with all of them, in no order, for who only looks, quickly: each is gone when @visit returns, its ->dir_fd may
 * be -1, and of ->record only what `list` shows may be there. @only_active: those that are made, exited or dead are left out */
int record_each(const struct carrier *c, bool only_active, void (*visit)(void *ctx, const struct container *c), void *ctx, struct error *err);
/* record_runs - has it a process now, whether it is attended or not? */
static inline bool record_runs(const struct container *c) { return c->state == RECORD_RUNNING || c->state == RECORD_UNATTENDED; }
/* record_refresh - read status.json again and derive the state */
int record_refresh(struct container *c, struct error *err);
/* record_policy - read its restart policy again, which `update` may have changed since the record was read */
void record_policy(struct container *c);
/* record_lock - the monitor's lock; it lives as long as any copy of the returned fd; -EAGAIN when another holds it, -ENOENT when the
 * container was removed since it was read */
int record_lock(const struct container *c, struct error *err);
/* record_note_stop - a person ends it: its restart policy does not hold, until it is started again. Called before the signal.
 * @restart: and starts it again at once, so a --rm container is not removed in between */
int record_note_stop(const struct container *c, bool restart, struct error *err);
enum record_note { RECORD_NOT_STOPPED, RECORD_STOPPED, RECORD_STOPPED_TO_RESTART };
enum record_note record_noted_stop(const struct container *c);
void record_forget_stop(const struct container *c);
/* record_retire - of --rm, once the program has ended: the name is free, and nobody finds the container any more. Its monitor, which must
 * hold the lock, goes on to remove it. */
int record_retire(const struct carrier *carrier, struct container *c, struct error *err);
/* record_remove - the name, then the directory, whatever is in it. Rootless: what is of subordinate ids, by a child in a user namespace.
 * Either the caller is its monitor and has retired it, or nobody attends it: -EAGAIN when a monitor has begun to since @c was read.
 * @c stays valid and wants container_done(). Gone already is success. */
int record_remove(const struct carrier *carrier, struct container *c, struct error *err);
