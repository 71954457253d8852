/* activation.h - sockets that systemd listens at for a service, and hands to it when somebody connects. sd_listen_fds(3), systemd.socket(5)
 *
 * A unit whose ExecStart= is `carrier run ...` or `carrier start -a ...` is given them as file descriptors from 3 on, and three variables. The
 * container gets the same ones at the same numbers, with LISTEN_PID being its first process: the runtime's --preserve-fds passes them. Its
 * monitor keeps them, so that it has them again when its policy starts it again.
 */
#pragma once
#include "mem.h"

struct activation { int n; const char *names; };	/* n: 0 without any; names: as LISTEN_FDNAMES has them, or NULL */

/* activation_find - those that are meant for this process: to be asked before it forks; -> n 0 when none are, or when they are not there */
struct activation activation_find(void);
/* activation_environment - @env, and the variables; @pool owns it. Without any @env itself. */
char **activation_environment(const struct activation *a, char **env, struct pool *pool);
