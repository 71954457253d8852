#include "begin.h"
#include "cleanup.h"
#include "runtime.h"

int container_begin(const struct carrier *c, struct container *container, unsigned wants, struct error *err)
{
	int r = container_active(container) ? 0 : container_settle(c, container, err);
	if (r == 0 && container_active(container))
		return error_say(err, EALREADY, "container %s is running already", container->record.name);
	return r < 0 ? r : monitor_start(c, container, wants, err);
}

int container_begin_detached(const struct carrier *c, struct container *container, struct error *err)
{
	struct error why = { 0 };
	cleanup_close int socket = container_begin(c, container, 0, &why);
	int r = socket;
	if (r >= 0)
		r = client_wait_started(socket, NULL, &why) == 0 ? 0 : -why.code;
	if (r == -EALREADY || r == -EAGAIN)	/* somebody else was faster */
		return 0;
	if (r < 0 && err)
		*err = why;
	return r < 0 ? r : 0;
}

int container_begin_again(const struct carrier *c, struct container *container, int64_t timeout_s, struct error *err)
{
	int r = container_stop_to_restart(c, container, container_stop_signal(container), timeout_s, err);
	if (r < 0)
		return r;
	if (access(container->dir, F_OK) < 0)
		return error_say(err, ENOENT, "container %s was removed when it ended", container->record.name);
	return container_begin_detached(c, container, err);
}
