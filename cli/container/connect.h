/* connect.h - `network connect` and `network disconnect`: a container's record has one network more, or less.
 *
 * The record is changed at once and as a whole, under its lock (record_change.h); then the monitor, where there is one, is told and wires what
 * is new (named.h), and when it cannot, the record is again what it was. One that does not run is wired at its next start.
 *
 * Containers on named networks can be changed so, and those without any (--network none): one that has left its last network is such a one.
 * With the host's network, another's, or one that a helper makes, there is none to connect.
 */
#pragma once
#include "record.h"

/* container_connect - to @network (a name, an id or the beginning of one). -EEXIST: it is connected already */
int container_connect(const struct carrier *c, struct container *container, const char *network, const struct network_options *o, struct error *err);
/* container_disconnect - from one, which may have been removed by force meanwhile. -ENOTCONN: it is not connected to it */
int container_disconnect(const struct carrier *c, struct container *container, const char *network, struct error *err);
