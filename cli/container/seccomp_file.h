/* seccomp_file.h - a seccomp profile in docker's format (also containers' and the runtime-spec's own).
 *
 * Beyond linux.seccomp of config.json: "archMap" (which architectures come with the native one), a single "name" in place of "names", and
 * rules with "includes" and "excludes" (caps, arches by Go's names, minKernel), which hold or not for this container on this machine.
 */
#pragma once
#include "runtime_spec.h"

/* seccomp_parse - @name: for the sentences; @capabilities: what the container has; @arch: Go's name of the machine; @kernel: "6.1.0-13"
 * Actions and operators are the runtime's to judge. Pure. */
int seccomp_parse(const char *name, const char *text, size_t len, char *const *capabilities, const char *arch, const char *kernel,
		  struct pool *pool, struct spec_seccomp **ret, struct error *err);
/* seccomp_read - for this machine */
int seccomp_read(const char *path, char *const *capabilities, struct pool *pool, struct spec_seccomp **ret, struct error *err);
