/* devices.h - --device, --device-cgroup-rule, --gpus: devices of the host in a container.
 *
 * As root a node is made in the container and its cgroup told to allow it. In a user namespace no node can be made and no rule is
 * ours to write: the host's file is bound in, and opening it is decided by its permissions for the caller.
 */
#pragma once
#include "command.h"
#include "json.h"
#include "runtime_spec.h"
#include <stdbool.h>

struct record;

struct record_device { char *host, *container, *permissions; };	/* "/dev/a", "/dev/b", "rwm" */
struct record_devices {
	struct record_device *devices;	/* a directory stands for all devices in it */
	size_t n_devices;
	char **rules;			/* "c 1:3 rwm", "a *:* rwm" */
	char **cdi;			/* "vendor.com/class=name" */
};
extern const struct json_type record_devices_type;

struct device_options { struct strings devices, rules; char *gpus; };
enum { DEVICE_OPTION_ROWS_N = 3 };
#define DEVICE_OPTION_ROWS(T, m) \
	OPTION(T, m.devices, 0, "device", "DEVICE[:PATH[:rwm]]|CDI-NAME", "a device of the host, a directory of them, or one that a CDI " \
	       "file describes (vendor.com/class=name); again for more"), \
	OPTION(T, m.rules, 0, "device-cgroup-rule", "TYPE MAJOR:MINOR rwm", "allow these device numbers (not for ordinary users); again for more"), \
	OPTION(T, m.gpus, 0, "gpus", "all|N|device=LIST", "graphics processors, by the CDI files of nvidia.com/gpu")

/* devices_to_record - sentences name the option; a device that is not there is -ENOENT */
int devices_to_record(const struct device_options *o, struct pool *pool, struct record_devices *ret, struct error *err);
/* devices_to_spec - nodes, binds and rules; ->linux_ with resources.devices "deny all", and ->mounts are there.
 * @privileged: all devices that the host has in /dev, too */
int devices_to_spec(const struct record_devices *d, bool privileged, bool rootless, struct pool *pool, struct runtime_spec *s,
		    struct error *err);

/* device_parse - "/dev/a[:/dev/b][:rwm]", pure; -EINVAL with a sentence */
int device_parse(const char *word, struct pool *pool, struct record_device *ret, struct error *err);
/* device_add - one device node @host (looked at now) as @container. For CDI, too. @owner: NULL, or what the node is to be in place of what
 * the host's is */
struct device_owner { uint32_t *mode, *uid, *gid; };
int device_add(const struct record_device *device, const struct device_owner *owner, bool rootless, struct pool *pool, struct runtime_spec *s,
	       struct error *err);
