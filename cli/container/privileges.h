/* privileges.h - --privileged, --security-opt, --cap-add, --cap-drop: what the container's processes may do.
 *
 * --privileged, as docker: every capability that we have, no seccomp filter, no security module, nothing masked or read-only in /proc and
 * /sys, cgroups writable, all of the host's devices. Rootless that is: all of it that a user namespace has; devices are bound in, and open
 * for who may open them outside.
 */
#pragma once
#include "bundle.h"
#include "command.h"

struct privilege_options { bool privileged; struct strings cap_add, cap_drop, security; };
enum { PRIVILEGE_OPTION_ROWS_N = 4 };
#define PRIVILEGE_OPTION_ROWS(T, m) \
	OPTION(T, m.privileged, 0, "privileged", NULL, "all capabilities and devices, no filter, nothing masked"), \
	OPTION(T, m.cap_add, 0, "cap-add", "CAPABILITY", "add a capability, or ALL"), \
	OPTION(T, m.cap_drop, 0, "cap-drop", "CAPABILITY", "drop a capability, or ALL"), \
	OPTION(T, m.security, 0, "security-opt", "OPTION", "seccomp=FILE|unconfined, apparmor=PROFILE|unconfined, label=..., " \
	       "no-new-privileges, mask=PATHS, unmask=ALL|PATHS, systempaths=unconfined, proc-opts=OPTIONS")

/* privileges_to_record - sentences name the option; a profile is read and checked, and its path kept */
int privileges_to_record(const struct privilege_options *o, struct pool *pool, struct record_settings *ret, struct error *err);

/* privileges_to_spec - seccomp, security modules, masked and read-only paths; ->process and ->linux_ are there, with the capabilities */
int privileges_to_spec(const struct record_settings *s, struct pool *pool, struct runtime_spec *ret, struct error *err);
/* privileges_mount - the options of one of the usual mounts, as these settings need it; @pool owns what changes */
void privileges_mount(const struct record_settings *s, struct pool *pool, struct spec_mount *m);

/* paths_without - of the blank-separated @paths, those that match none of the patterns of @unmask, then @more; pure */
char **paths_without(const char *paths, char *const *unmask, char *const *more, struct pool *pool);
