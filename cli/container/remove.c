#include "remove.h"
#include "../volume/volume.h"
#include "proc.h"
#include <unistd.h>

enum { ATTENDED_MS = 10000, ATTENDED_PAUSE_US = 2000 };

static int end(const struct carrier *c, struct container *container, const struct remove_how *how, struct error *err)
{
	const char *signal = container->record.stop_signal;
	int sig = how->stop_seconds == 0 ? SIGKILL : signal ? signal_parse(signal) : SIGTERM;
	return container_stop(c, container, sig < 0 ? SIGTERM : sig, how->stop_seconds, err);
}

/* settle - it is ended, or what its monitor left is cleaned up */
static int settle(const struct carrier *c, struct container *container, const struct remove_how *how, struct error *err)
{
	if (!container_active(container))
		return container_settle(c, container, err);
	if (!how->force)
		return error_say(err, EBUSY, "container %s is %s: stop it first, or give --force", container->record.name,
				 container->paused ? "paused" : "running");
	return end(c, container, how, err);
}

int container_remove(const struct carrier *c, struct container *container, const struct remove_how *how, struct error *err)
{
	int64_t until = now_ms() + ATTENDED_MS;
	for (;;) {
		struct error why = { 0 };
		int r = settle(c, container, how, err);
		if (r < 0)
			return r;
		if (access(container->dir, F_OK) < 0 && errno == ENOENT)	/* --rm: the monitor was faster */
			return 0;
		r = record_remove(c, container, &why);
		if (r == 0 && how->volumes)
			volume_drop(c, container);
		if (r != -EAGAIN || now_ms() > until)
			return r < 0 ? error_say(err, why.code, "%s", why.text) : 0;
		(void) usleep(ATTENDED_PAUSE_US);	/* somebody starts it at this moment, and has not said so yet */
		r = record_refresh(container, err);
		if (r < 0)
			return r == -ENOENT ? 0 : r;
	}
}
