/* record_change.h - a command changes a container's record (rename, update).
 *
 * record.json is replaced at once, so readers need no lock; those who change it take turns by flock(2) on the container's directory. It is
 * another lock than the monitor's, which is held for as long as the container runs.
 */
#pragma once
#include "record.h"

/* record_change - wait for the turn and read the record again; @c's becomes what it is now
 * Return: an fd that holds the lock until it is closed; after it, record_save(). -ENOENT: it was removed meanwhile. */
int record_change(struct container *c, struct error *err);
