/* copy_files.h - files into a container and out of it, through its volumes and mounts, running or not.
 *
 * Theory of operation. Everything in the container is found beneath the fd of its root directory with openat2(2): whatever symlinks the
 * container has, or makes meanwhile, lead within it (CVE-2018-15664). That fd is /proc/PID/root of its process, so that its mounts are seen,
 * without entering its mount namespace: no program, library or configuration of the container is ever loaded (CVE-2019-14271). One that does
 * not run is mounted in a namespace of our own, with its volumes and directories of the host, while we hold its lock. What is to be read or
 * written on the host is opened before that, as who we are.
 *
 * Owners in the archive between the two are numbers as they are in the container, also where it has ids of its own (users.h).
 *
 * Between the two carrier-pack writes an archive, and carrier-unpack unpacks it over what is there; both have nothing but their directory.
 *
 * What goes where is docker's: a file to a name that is not there gets that name, a directory's content goes to a directory of that name; to a
 * directory that is there both go with their own name, and with /. behind it a directory's content alone. Parents must be there.
 */
#pragma once
#include "record.h"

struct copy_files {
	const struct carrier *carrier;
	struct container *container;
	const char *source, *target;	/* paths; "-": the archive at our standard input or output */
	bool out;			/* from the container */
	bool archive;			/* owners as they were, by their numbers; else all is the caller's, or, in the container, root's */
	bool follow;			/* a source that is a symlink: what it leads to */
};

/* copy_files - @ret_left_out: what could not be copied (sockets ...), caller frees, or NULL; @ret_bytes: of the archive, 0 for "-" */
int copy_files(const struct copy_files *what, char **ret_left_out, int64_t *ret_bytes, struct error *err);
