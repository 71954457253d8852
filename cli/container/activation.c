#include "activation.h"
#include "lists.h"
#include "log.h"
#include "str.h"
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { FIRST = 3, MOST = 1024 };

struct activation activation_find(void)
{
	static const struct activation none;
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	uint64_t for_pid, n;
	if (!pid || !fds || str_to_u64(pid, INT32_MAX, &for_pid) < 0 || (pid_t) for_pid != getpid() || str_to_u64(fds, MOST, &n) < 0)
		return none;
	for (int fd = FIRST; fd < FIRST + (int) n; fd++)
		if (fcntl(fd, F_GETFD) < 0) {
			log_warn("LISTEN_FDS=%s, but file descriptor %d is not open: no sockets are passed to the container", fds, fd);
			return none;
		}
	return (struct activation) { .n = (int) n, .names = getenv("LISTEN_FDNAMES") };
}

char **activation_environment(const struct activation *a, char **env, struct pool *pool)
{
	char *words[4] = { NULL };
	if (!a->n)
		return env;
	words[0] = pool_printf(pool, "LISTEN_FDS=%d", a->n);
	words[1] = pool_strdup(pool, "LISTEN_PID=1");
	if (a->names)
		words[2] = pool_printf(pool, "LISTEN_FDNAMES=%s", a->names);
	return list_copy(pool, env, words);
}
