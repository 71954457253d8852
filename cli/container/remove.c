#include "remove.h"
#include "../volume/volume.h"
#include "proc.h"
#include <unistd.h>

static int end(const struct carrier *c, struct container *container, const struct remove_how *how, struct error *err)
{
	const char *signal = container->record.stop_signal;
	int sig = how->stop_seconds == 0 ? SIGKILL : signal ? signal_parse(signal) : SIGTERM;
	return container_stop(c, container, sig < 0 ? SIGTERM : sig, how->stop_seconds, err);
}

int container_remove(const struct carrier *c, struct container *container, const struct remove_how *how, struct error *err)
{
	int r = 0;
	if (container_active(container) && !how->force)
		return error_say(err, EBUSY, "container %s is %s: stop it first, or give --force", container->record.name,
				 container->paused ? "paused" : "running");
	if (container_active(container))
		r = end(c, container, how, err);
	else
		r = container_settle(c, container, err);
	if (r < 0)
		return r;
	if (access(container->dir, F_OK) < 0 && errno == ENOENT)	/* --rm: the monitor was faster */
		return 0;
	r = record_remove(c, container, err);
	if (r == 0 && how->volumes)
		volume_drop(c, container);
	return r == -ENOENT ? 0 : r;
}
