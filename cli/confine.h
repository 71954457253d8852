/* confine.h - what carrier-fetch and carrier-unpack take away from themselves before they look at foreign bytes.
 *
 * Layers, each of which holds alone: no capability that is not needed (and no_new_privs), a root directory of its own for who is
 * handed directories and opens nothing by name, Landlock for files and for TCP, seccomp for everything else. What is lost without
 * Landlock is said once, by carrier (confine_lost()); a refused filter is an error. tests/integration/attack.c tries what must not work.
 * landlock(7), seccomp(2), capabilities(7), open_tree(2), chroot(2).
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
	bool input;		/* fd 0 is what it reads; else it becomes /dev/null, as fd 1 always does */
	bool network;		/* may open TCP connections and UDP sockets (to resolve names); else no socket at all */
	bool mounts;		/* what is mounted beneath the directories stays visible, too */
	uint64_t capabilities;	/* bit n: capability n stays effective and permitted */
};

/* confine_self - for good. Afterwards: no execve, no process (threads only), no ptrace, no mount, no namespace, no key, no bpf, no
 * process but our own reached; each named call returns EPERM (tried one by one in tests). Who may write nowhere cannot change a
 * file's mode, owner or time either, which Landlock does not look at.
 * When all paths are fds of directories (CAP_SYS_CHROOT): one of them is / afterwards, and each, under its old number, is open in
 * a mount of its own, in which no device can be opened; where the kernel or a lack of CAP_SYS_ADMIN makes that impossible,
 * CAP_MKNOD goes, too. */
int confine_self(const struct confine *c, struct error *err);
/* confine_lost - what this kernel cannot keep from carrier-fetch, as one sentence; NULL: nothing. For carrier to say, as the confined
 * programs print nothing of their own (confine_lost.c) */
const char *confine_lost(void);
/* confine_denied - names of the calls that the filter denies, for the test; NULL-terminated. @writes: to some path */
const char *const *confine_denied(bool network, bool writes);
