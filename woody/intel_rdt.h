/* intel_rdt.h - linux.intelRdt: cache and memory bandwidth by resctrl (runtime-spec config-linux.md "IntelRdt",
 * the kernel's Documentation/filesystems/resctrl.rst).
 *
 * A class of service is a directory of the resctrl file system: closID, or the container's id, or the root itself
 * (closID "/"). One that is not there is made and gets the schemata; one that is there must have them already. The
 * container's process is written to its tasks file, and with enableMonitoring to that of a monitoring group
 * mon_groups/ID in it. What delete has to remove is noted in the container's directory before it is made: the class
 * that is named as the container, and the monitoring group; a closID outlives the containers that use it.
 */
#pragma once
#include "container.h"
#include "error.h"
#include "runtime_spec.h"
#include "str.h"

/* intel_rdt_check - before anything is made: the texts, and whether a resctrl is mounted. No system call without
 * linux.intelRdt. */
int intel_rdt_check(const struct runtime_spec *spec, struct error *err);
/* intel_rdt_apply - class, schemata, monitoring group, and @pid into them; once the process is there, before the record */
int intel_rdt_apply(struct container *c, pid_t pid, struct error *err);
/* intel_rdt_remove - at delete; @failed: after a failed create, a closID too, if we have made it. Only warns. */
void intel_rdt_remove(struct container *c, bool failed);
/* intel_rdt_find - for who reads or changes the schemata of a running container: where resctrl is mounted, and the directory
 * of the container's class there (which need not exist: without linux.intelRdt nobody made one). Caller frees both. */
int intel_rdt_find(const struct container *c, char **ret_root, char **ret_group, struct error *err);

/* ---- the text, without the kernel ---- */

/* intel_rdt_schemata - the lines to be written, in their order: l3CacheSchema (without lines for MB when memBwSchema
 * has one), memBwSchema, schemata. Return: false when there are none. */
bool intel_rdt_schemata(const struct spec_intel_rdt *rdt, struct buf *out);
/* intel_rdt_compare - has a class with the schemata file @present everything that @wanted says, for every resource
 * and domain? Blanks, leading zeros and the case of hexadecimal digits do not count. -EINVAL with the first
 * difference. */
int intel_rdt_compare(const char *wanted, const char *present, struct error *err);
/* intel_rdt_find_mount - where a resctrl is mounted by the text of mountinfo, or NULL. Caller frees. */
char *intel_rdt_find_mount(const char *mountinfo);
