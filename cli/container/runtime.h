/* runtime.h - executing the OCI runtime: woody, or what --runtime names.
 *
 *	RUNTIME --root RUNROOT/woody [--cgroup-manager NAME] COMMAND...
 *
 * Without root of the host a container lives in a user namespace, in which its process may be signalled and its state deleted:
 * there the runtime runs in the namespaces of the monitor, or, when that was killed, in the user namespace of the process.
 */
#pragma once
#include "record.h"
#include "str.h"
#include <signal.h>

/* runtime_of - @c with the runtime and the cgroup manager that this container has; everything in it is borrowed
 * @manager: the one that is to be used (cgroups disabled count more), or NULL: as @c */
struct carrier runtime_of(const struct carrier *c, const struct record *r, const char *manager);

/* runtime_path - caller frees; -ENOENT with a sentence when it is nowhere */
int runtime_path(const struct carrier *c, char **ret, struct error *err);
/* runtime_arguments - the words in front of the command, adds to @ret: @path as argv[0], beside which woody looks for woody-systemd; --root and
 * what else carrier was told */
void runtime_arguments(const struct carrier *c, const char *path, struct strings *ret);
/* runtime_run - execute it with @args (NULL-terminated, the command first) and wait
 * @output: NULL, or receives what it printed; caller frees, NULL when it could not be started
 * Return: 0; -EIO when it failed, @err being the last line it said; -EINTR when it was killed; or why it could not be started */
int runtime_run(const struct carrier *c, char *const *args, char **output, struct error *err);
/* runtime_message - the last thing that was said: @text is stderr or a log, of plain lines, logrus' key=value lines or JSON lines.
 * Caller frees; NULL when there is nothing. */
char *runtime_message(const char *text);

/* runtime_enter - this process enters the namespaces in which the runtime has to act on a running container; nothing as root */
int runtime_enter(const struct carrier *c, const struct container *container, struct error *err);

/* runtime_signal - @all: every process of the container */
int runtime_signal(const struct carrier *c, const struct container *container, int sig, bool all, struct error *err);

/* runtime_update - tell a running container its new limits
 * @resources: linux.resources as JSON */
int runtime_update(const struct carrier *c, const struct container *container, const char *resources, struct error *err);

/* container_active - has it, or is it about to have, a process? */
bool container_active(const struct container *container);
/* container_stop - end it for good, whatever its restart policy (record_note_stop()): send @sig, wait until it has ended, after @timeout_s
 * (negative: no limit) send KILL, and wait until the monitor has cleaned up; one that is not running is success. @container is refreshed
 * where it is still there: with --rm it may not be.
 * A container without monitor is also cleaned up behind (container_kill_rest).
 * -ETIMEDOUT: it survived KILL, or the monitor did not end. */
int container_stop(const struct carrier *c, struct container *container, int sig, int64_t timeout_s, struct error *err);
/* container_stop_to_restart - the same; a --rm container stays */
int container_stop_to_restart(const struct carrier *c, struct container *container, int sig, int64_t timeout_s, struct error *err);
/* container_stop_signal - its own, its image's, or TERM */
int container_stop_signal(const struct container *container);
/* container_settle - of one that is not active: wait until its monitor has cleaned up behind it, and do what one that was killed did not get
 * to. Its state is read again: somebody may have started it meanwhile. */
int container_settle(const struct carrier *c, struct container *container, struct error *err);
/* container_kill_rest - of an unattended or dead container: its process if it lives, its cgroup, the runtime's state */
int container_kill_rest(const struct carrier *c, struct container *container, struct error *err);
