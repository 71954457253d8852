/* annotations.h - the annotations that change what woody does; all others are only kept and shown.
 *
 *	run.oci.keep_original_groups	leave the caller's supplementary groups as they are (crun)
 *	run.oci.hooks.stdout, .stderr	files that get the output of hooks, see hooks.h (crun)
 *	run.oci.seccomp.receiver	where a listener goes that linux.seccomp names no socket for (crun; seccomp_notify.h)
 *	module.wasm.image/variant	refused: such an image is no program of this kernel
 *	io.woody.landlock		rules for the payload, see landlock.h
 *	org.criu.config			a CRIU configuration file, see criu.h (runc)
 */
#pragma once
#include "error.h"
#include "runtime_spec.h"
#include <stdbool.h>

#define ANNOTATION_KEEP_GROUPS "run.oci.keep_original_groups"
#define ANNOTATION_HOOKS_STDOUT "run.oci.hooks.stdout"
#define ANNOTATION_HOOKS_STDERR "run.oci.hooks.stderr"
#define ANNOTATION_SECCOMP_RECEIVER "run.oci.seccomp.receiver"
#define ANNOTATION_WASM "module.wasm.image/variant"
#define ANNOTATION_CRIU "org.criu.config"
#define ANNOTATION_LANDLOCK "io.woody.landlock"

/* annotation_get - the value (borrowed), or NULL; the last one of that name counts */
const char *annotation_get(const struct runtime_spec *spec, const char *name);
/* annotation_on - is it there with another value than "0" and "false"? */
bool annotation_on(const struct runtime_spec *spec, const char *name);
/* annotations_check - refuse what cannot be done, before anything is made */
int annotations_check(const struct runtime_spec *spec, struct error *err);
/* annotations_unsafe - those that an engine which takes annotations from images or from its users has to filter (for `features`),
 * NULL-terminated */
const char *const *annotations_unsafe(void);
