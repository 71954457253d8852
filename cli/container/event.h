/* event.h - what has happened to containers, images and volumes, told by the processes that did it.
 *
 *	event_container(carrier, container, "die", "exitCode", "0", NULL);
 *	event_record(carrier, "image", "pull", "busybox:latest", "busybox", NULL, NULL);
 *
 * There is no daemon who could tell others, so there is a file: RUNROOT/events, one JSON object a line, in the form in which docker's API
 * gives them. It lives as long as docker's do: a reboot forgets them. A line is one write(2) to a file opened with O_APPEND, so writers
 * need no lock. When it has grown to EVENT_FILE_MAX it becomes RUNROOT/events.1 (in place of the one before) and a new one is begun.
 * A writer that had opened it before may still add a line behind: a reader who follows keeps reading the old one, too.
 *
 * Words are docker's: types container, image, volume, network; actions create start die destroy kill stop restart pause unpause rename
 * update attach oom "health_status: healthy" "exec_create: COMMAND" "exec_start: COMMAND" exec_die ... Further attributes, too: exitCode,
 * signal, oldName, execID.
 *
 * Nothing here ever fails its caller: what could not be written is not known, and log_info() says so.
 */
#pragma once
#include "record.h"

enum { EVENT_FILE_MAX = 1 << 20 };

struct event_actor { char *id; struct json_map attributes; };
struct event {
	char *status, *id, *from;		/* what docker's older API had: action, id and image of containers' */
	char *type, *action;
	struct event_actor actor;
	char *scope;
	int64_t time, time_nano;		/* since the epoch: seconds, nanoseconds */
};
extern const struct json_type event_type;

/* event_record - @type, @action and @id as above; @name, @image: NULL when there is none. Behind them further attributes as pairs of key
 * and value (a pair whose value is NULL is left out), and NULL. */
void event_record(const struct carrier *c, const char *type, const char *action, const char *id, const char *name, const char *image, ...)
	__attribute__((sentinel));
/* event_container - the same of a container, whose labels are attributes as well */
void event_container(const struct carrier *c, const struct container *container, const char *action, ...) __attribute__((sentinel));
