/* volumes.h - --volume SOURCE:DESTINATION[:OPTION,...] as mounts of the bundle */
#pragma once
#include "record.h"
#include "str.h"

/* volumes_parse - into @ret->mounts; the source must exist. Options: ro, rw, nosuid, nodev, noexec and their opposites, the
 * propagations, bind and rbind; z, Z, nocopy, cached, consistent and delegated have no effect here. @pool owns the result. */
int volumes_parse(const struct strings *volumes, struct pool *pool, struct record *ret, struct error *err);
