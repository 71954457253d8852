/* landlock.h - the annotation io.woody.landlock: what the container's program may reach, enforced by the kernel on top of
 * everything else, for root as well as for ordinary users.
 *
 * The value is words with blanks between them; what is not named is denied:
 *	ro:PATH		files below PATH are read, directories listed
 *	exec:PATH	the same, and programs executed (a dynamic program's loader is one, too)
 *	rw:PATH		files and directories below PATH are read, written, made, renamed and removed, devices get ioctl(2)
 *	tcp-connect:PORT[,PORT...]	connections to these ports; "none": to no port
 *	tcp-bind:PORT[,PORT...]		likewise, for listening
 *	scope:SCOPE[,SCOPE...]		abstract-unix, signal: only to sockets and processes within the container's program
 * Words add up. As soon as there is a path, files that no word allows are out of reach; without any, files are not looked
 * at; the same holds for each of the two of TCP. Paths are the container's, absolute, and have no blanks.
 *
 * It also applies to what exec starts; startContainer hooks run before it. Descriptors that are open already stay usable.
 * landlock(7), landlock_create_ruleset(2).
 */
#pragma once
#include "error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct landlock_rules {
	struct landlock_path { uint64_t access; char *path; } *paths;
	struct landlock_port { uint64_t access; uint16_t port; } *ports;
	size_t n_paths, n_ports;
	uint64_t net, scopes;	/* what is handled: LANDLOCK_ACCESS_NET_*, LANDLOCK_SCOPE_* */
};

/* landlock_parse - @value NULL: no rules. @ret is untouched on failure; landlock_done() releases it.
 * Errors name the word. */
int landlock_parse(const char *value, struct landlock_rules *ret, struct error *err);
void landlock_done(struct landlock_rules *r);

/* landlock_check - can this kernel do what is asked for? TCP needs Linux 6.7, scopes 6.12: without, a failure that says so.
 * A kernel that knows only a part of the accesses to files (truncation since 6.2, ioctl since 6.10) warns. */
int landlock_check(const struct landlock_rules *r, struct error *err);
/* landlock_make - the ruleset; called with the container's root as /, while every path in it can be opened
 * @ret_fd: close-on-exec; -1 when there are no rules */
int landlock_make(const struct landlock_rules *r, int *ret_fd, struct error *err);
/* landlock_restrict - the calling process, for good. Needs no_new_privs or CAP_SYS_ADMIN. */
int landlock_restrict(int ruleset_fd, struct error *err);
