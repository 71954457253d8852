#include "await.h"
#include "cleanup.h"
#include "client.h"
#include "log.h"
#include "proc.h"
#include "runtime.h"
#include <poll.h>

enum { UNSEEN = 255, POLL_US = 20000 };

static const char *const conditions[] = { [AWAIT_NOT_RUNNING] = "not-running", [AWAIT_NEXT_EXIT] = "next-exit", [AWAIT_REMOVED] = "removed",
					  NULL };

int await_parse(const char *word, enum await_condition *ret, struct error *err)
{
	for (int i = 0; conditions[i]; i++)
		if (str_eq(word, conditions[i])) {
			*ret = (enum await_condition) i;
			return 0;
		}
	if (str_eq(word, "stopped") || str_eq(word, "exited")) {	/* podman's */
		*ret = AWAIT_NOT_RUNNING;
		return 0;
	}
	return error_say(err, EINVAL, "--condition '%s': there are not-running, next-exit and removed", word);
}

static bool is_gone(const struct container *c)
{
	return access(c->dir, F_OK) < 0 && errno == ENOENT;
}

/* of_monitor - by its socket. -EAGAIN: it has none (any more) */
static int of_monitor(const struct container *c, enum await_condition condition, int *ret_code)
{
	cleanup_close int socket = client_connect(c, condition == AWAIT_NEXT_EXIT ? 0 : CLIENT_WANTS_END, NULL);
	if (socket < 0)
		return -EAGAIN;
	return client_wait(socket, MONITOR_EXIT, ret_code, NULL) < 0 ? -EAGAIN : 0;
}

/* of_process - its monitor was killed: only that it ends can be seen */
static void of_process(const struct container *c, int *ret_code)
{
	cleanup_close int pidfd = proc_open((pid_t) c->status.pid, c->status.start_time);
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	while (pidfd >= 0 && poll(&p, 1, -1) <= 0)
		;
	log_warn("container %s had no monitor when it ended: its exit code is not known", c->record.name);
	*ret_code = UNSEEN;
}

/* await_exit - until it does not run */
static int await_exit(struct container *c, enum await_condition condition, int *ret_code, struct error *err)
{
	for (;;) {
		*ret_code = c->state == RECORD_DEAD ? UNSEEN : (int) c->status.exit_code;
		if (c->state == RECORD_UNATTENDED)
			return of_process(c, ret_code), 0;
		if (!container_active(c) && condition != AWAIT_NEXT_EXIT)
			return 0;
		if (container_active(c) && of_monitor(c, condition, ret_code) == 0)
			return 0;
		(void) usleep(POLL_US);	/* it is about to be started, or to have ended */
		if (is_gone(c))
			return 0;
		int r = record_refresh(c, err);
		if (r < 0)
			return is_gone(c) ? 0 : r;
	}
}

int container_await(const struct carrier *carrier, struct container *c, enum await_condition condition, int *ret_code, struct error *err)
{
	(void) carrier;
	int r = await_exit(c, condition, ret_code, err);
	while (r == 0 && condition == AWAIT_REMOVED && !is_gone(c))
		(void) usleep(POLL_US);
	return r;
}
