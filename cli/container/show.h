/* show.h - all that is known of a container as a JSON object, with docker's names and in docker's shape.
 *
 * Most members are what its record says, under another name: show.c has a table of both. So nothing has to be done here for a record's new
 * part but to add its rows.
 */
#pragma once
#include "record.h"

/* container_show - @size: also SizeRw and SizeRootFs, which take time to find out (of files that may belong to ids which only a namespace
 * of the container's may look at). Caller frees. */
char *container_show(const struct container *c, bool size);
