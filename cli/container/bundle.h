/* bundle.h - a record becomes an OCI bundle: config.json as docker would write it, and the files that are bound in.
 *
 * Capabilities, masked and read-only paths, devices, mounts and the seccomp profile are docker's defaults. Differences when rootless
 * (in a user namespace with an empty cgroup): no cgroup limits unless they can be had, /sys by bind where the network is the host's.
 */
#pragma once
#include "activation.h"
#include "record.h"
#include "runtime_spec.h"
#include "settings.h"

struct bundle_environment {
	bool rootless;			/* woody will run in a user namespace */
	bool single_id;			/* which has only one id */
	struct bundle_lacks {		/* what bundle_degrade() has found out */
		bool proc;		/* no new one can be mounted: the one outside is shown, read-only */
		bool hostname;		/* it cannot be set */
	} lacks;
	bool systemd_cgroups;		/* woody asks systemd: linux.cgroupsPath is slice:prefix:name */
	const struct record_settings *settings;	/* NULL: docker's defaults */
	struct namespace_pids others;		/* whose namespaces are joined */
	struct activation sockets;		/* that the container is given */
	uint16_t rows, columns;			/* of the caller's terminal; 0: unknown */
};

/* bundle_spec - @pool owns the result. The rootfs must be mounted: names of users are looked up beneath it. */
int bundle_spec(const struct container *c, const struct bundle_environment *e, struct pool *pool, struct runtime_spec **ret,
		struct error *err);
/* bundle_write - config.json, hosts, hostname, resolv.conf and rootfs/ in the container's directory */
int bundle_write(const struct container *c, const struct bundle_environment *e, struct error *err);

/* bundle_write_etc - hosts and resolv.conf once more, while the container runs and has them bound in */
int bundle_write_etc(const struct container *c, const struct bundle_environment *e, struct error *err);

/* bundle_read_etc - a file of the rootfs ("etc/passwd"), wherever its symlinks lead inside; "" when there is none. Caller frees. */
int bundle_read_etc(int root_fd, const char *path, char **ret, struct error *err);

/* seccomp_default - the profile, for the capabilities the container has; @pool owns it (seccomp_profile.c) */
struct spec_seccomp *seccomp_default(char *const *capabilities, struct pool *pool);

/* users_files - in a container with ids of its own: the owners of carrier's files, and the caller's line in /etc/passwd (users_files.c) */
int users_files(const struct container *c, struct runtime_spec *s, struct pool *pool, struct error *err);
/* bundle_degrade - the runtime failed with @err for what containers inside of containers lack: is there another way? One warning says what is
 * done without. True: config.json is written anew, and the runtime may be tried once more; once for each thing that may lack. */
bool bundle_degrade(const struct container *c, struct bundle_environment *e, struct error *err);
