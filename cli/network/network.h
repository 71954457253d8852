/* network.h - how a container reaches the world.
 *
 *	none     a namespace with loopback only
 *	host     the host's
 *	private  a namespace with a user-mode network: slirp4netns(1), started while the runtime creates the container and
 *	         waited for by its ready fd, ended by its exit fd
 */
#pragma once
#include "error.h"
#include <sys/types.h>

struct network_helper { pid_t pid; int pidfd, exit_fd, ready_fd, output_fd; };
#define NETWORK_HELPER_NONE { .pid = -1, .pidfd = -1, .exit_fd = -1, .ready_fd = -1, .output_fd = -1 }

/* network_check - the mode is known, the helper is installed, /dev/net/tun can be opened: sentences with the package or the
 * chmod/modprobe that helps. Called before anything is made. */
int network_check(const char *mode, struct error *err);
/* network_start - for the namespace of @pid; returns at once; nothing for none and host. The caller is root of the user namespace
 * that @pid's network belongs to, or of the host. The helper ends by itself when the last copy of ->exit_fd is closed: so also when
 * the caller is killed. network_wait - until tap0 is up with 10.0.2.100 (10 s at most); after a failure network_stop() is due */
int network_start(const char *mode, pid_t pid, struct network_helper *ret, struct error *err);
int network_wait(struct network_helper *h, struct error *err);
/* network_stop - ends the helper and reaps it */
void network_stop(struct network_helper *h);
