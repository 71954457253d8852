/* cdi.h - devices by the Container Device Interface: what a vendor's file says that a container needs for one of its devices.
 *
 * A device is named VENDOR/CLASS=NAME. The *.json of /etc/cdi and /var/run/cdi (which counts more) describe kinds VENDOR/CLASS, their devices,
 * and for each, and for all of a file, edits: environment, device nodes, mounts, hooks, groups. Nothing is read unless one is asked for.
 * YAML is not read, but found: the sentence says how to have JSON.
 * https://github.com/cncf-tags/container-device-interface/blob/main/SPEC.md
 */
#pragma once
#include "error.h"
#include "runtime_spec.h"
#include <stdbool.h>

/* cdi_is_name - is it such a name, and not a path? */
bool cdi_is_name(const char *word);
/* cdi_check - is every one of @names described? -ENODEV with a sentence that lists what there is */
int cdi_check(char *const *names, struct error *err);
/* cdi_to_spec - apply the edits of @names; ->process, ->linux_ and ->mounts are there */
int cdi_to_spec(char *const *names, bool rootless, struct pool *pool, struct runtime_spec *s, struct error *err);
