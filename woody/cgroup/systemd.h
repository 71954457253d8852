/* systemd.h - the pure parts of the systemd cgroup driver: names, and properties as words for woody-systemd.
 *
 * systemd owns the hierarchy: who wants a cgroup asks it for a unit, here a transient scope, which it makes around a process
 * that exists. linux.cgroupsPath is then not a path but SLICE:PREFIX:NAME, for the scope PREFIX-NAME.scope in SLICE.
 * systemd.slice(5), systemd.scope(5), systemd.resource-control(5), systemd.unit(5).
 */
#pragma once
#include "mem.h"
#include "runtime_spec.h"
#include "str.h"
#include <stdbool.h>

struct systemd_unit {
	const char *slice;	/* "a-b.slice" */
	const char *name;	/* "prefix-name.scope" */
	const char *path;	/* "/a.slice/a-b.slice/prefix-name.scope", below the manager's own cgroup, which is only
				 * known for the system's; where a process is, its /proc/PID/cgroup tells */
};

/* systemd_unit_parse - what linux.cgroupsPath names
 * @path: NULL or "": the slice's default, "woody" and @id. An empty slice is system.slice (@user: user.slice), an empty
 *        name is @id; an empty prefix gives "-name.scope", as engines expect that compute the name themselves.
 */
int systemd_unit_parse(const char *path, const char *id, bool user, struct pool *pool, struct systemd_unit *ret, struct error *err);
/* systemd_slice_path - "a-b.slice" is "/a.slice/a-b.slice", "-.slice" is ""; NULL: not the name of a slice. Caller frees. */
char *systemd_slice_path(const char *slice);

/* All that follows adds words to @out as woody-systemd takes them: NAME SIGNATURE VALUE... */

/* systemd_annotations - each org.systemd.property.NAME of @annotations. Its value is GVariant's text format: 'text', true,
 * 5 (int32), uint64 5, 1.5, ['a', 'b'], (1, 'x'), @as []. A NAME that ends in Sec is a number of seconds, and becomes the
 * NAME...USec that D-Bus knows, in microseconds. */
int systemd_annotations(const struct json_map *annotations, struct strings *out, struct error *err);

/* systemd_subgroup - the annotation run.oci.systemd.subgroup: "" or "/name", the cgroup below the scope's that the
 * container is put into; belongs to @pool */
int systemd_subgroup(const struct json_map *annotations, struct pool *pool, const char **ret, struct error *err);

struct systemd_limits {
	const struct spec_resources *r;
	bool v2;
	bool devices;		/* also the device rules: the user's manager may not */
	/* what is in the kernel now, for an update that gives one of the two; 0: the default */
	int64_t quota;
	uint64_t period;
};
/* systemd_limits_add - linux.resources as properties, so that systemd does not undo them when it is reloaded. What has no
 * property, and the exact values, are only in the kernel's files. Device rules are told no narrower than they are. */
int systemd_limits_add(const struct systemd_limits *l, struct strings *out, struct error *err);
