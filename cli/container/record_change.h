/* record_change.h - a command changes a container's record (rename, update, network connect).
 *
 * record.json is replaced at once, so readers need no lock; those who change it take turns by flock(2) on the container's directory. It is
 * another lock than the monitor's, which is held for as long as the container runs.
 */
#pragma once
#include "record.h"

/* record_change - wait for the turn and read the record again; @c's becomes what it is now
 * Return: an fd that holds the lock until it is closed; after it, record_save(). -ENOENT: it was removed meanwhile. */
int record_change(struct container *c, struct error *err);

/* record_changed - tell the monitor, which has the record in memory, to read it again before it starts the process again: the file
 * "updated" in the container's directory. After record_save(). */
int record_changed(const struct container *c, struct error *err);
/* record_networks - the name and the networks as the record has them now; who calls knows that nobody changes it meanwhile. Its words are added to @c's pool */
int record_networks(struct container *c, struct error *err);
/* record_reread - the monitor's side: 1 when it was changed, and @c has what it is now; 0 when not */
int record_reread(struct container *c, struct error *err);
