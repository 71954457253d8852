/* validate.h - one place that says what of config.json cannot be, before anything is made of it.
 * What concerns one module alone (namespaces, mount options, seccomp, sysctl) is checked there. */
#pragma once
#include "error.h"
#include "runtime_spec.h"

/* validate_spec - ociVersion, root, args, cwd, mounts' destinations, hooks' paths, id maps that overlap, rlimits given twice.
 * The sentence names the member by its path. */
int validate_spec(const struct runtime_spec *spec, struct error *err);
/* validate_process - the same for `exec --process` */
int validate_process(const struct spec_process *p, struct error *err);
