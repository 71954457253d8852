/* confine.h - what carrier-fetch and carrier-unpack take away from themselves before they look at foreign bytes.
 *
 * Three layers, each of which holds alone: no capability that is not needed (and no_new_privs), Landlock for files and for TCP,
 * seccomp for everything else. A kernel without Landlock is told in one log_debug line; a refused filter is an error.
 * landlock(7), seccomp(2), capabilities(7).
 */
#pragma once
#include "error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct confine_path {
	int fd;			/* directory or file that stays reachable; or -1 with... */
	const char *path;	/* ...a path; one that does not exist is left out */
	bool write;		/* everything beneath it, except execution; else reading only */
};

struct confine {
	const struct confine_path *paths;
	size_t n_paths;
	bool network;		/* may open TCP connections and UDP sockets (to resolve names); else no socket at all */
	uint64_t capabilities;	/* bit n: capability n stays effective and permitted */
};

/* confine_self - for good. Afterwards: no execve, no ptrace, no mount, no namespace, no key, no bpf, no process but our own
 * reached; each named call returns EPERM (tried one by one in tests). */
int confine_self(const struct confine *c, struct error *err);
/* confine_denied - names of the calls that the filter denies, for the test; NULL-terminated */
const char *const *confine_denied(bool network);
