#include "pause.h"
#include "apart.h"
#include "cleanup.h"
#include "event.h"
#include "runtime.h"
#include <unistd.h>

struct call { const struct carrier *c; const struct container *container; const char *command; };

static int call_inside(void *ctx, struct error *err)
{
	const struct call *call = ctx;
	char *args[] = { (char *) call->command, call->container->record.id, NULL };
	const struct carrier own = runtime_of(call->c, &call->container->record, NULL);
	int r = runtime_enter(&own, call->container, err);
	return r < 0 ? r : runtime_run(&own, args, NULL, err);
}

static int call_runtime(const struct carrier *c, const struct container *container, const char *command, struct error *err)
{
	struct call call = { c, container, command };
	int r = c->rootless ? apart_run(call_inside, &call, err) : call_inside(&call, err);
	return r < 0 ? error_wrap(err, "%s container %s", command, container->record.name) : 0;
}

int container_pause(const struct carrier *c, struct container *container, struct error *err)
{
	const struct status *s = &container->status;
	const char *name = container->record.name;
	char process[48];
	if (!record_runs(container))
		return error_say(err, EBUSY, "container %s is not running (it is %s)", name, record_state_word(container));
	if (container->paused)
		return error_say(err, EBUSY, "container %s is paused already: `carrier unpause %s` lets it go on", name, name);
	int r = call_runtime(c, container, "pause", err);
	if (r < 0)
		return r;
	snprintf(process, sizeof process, "%lld %llu", (long long) s->pid, (unsigned long long) s->start_time);
	(void) unlinkat(container->dir_fd, RECORD_PAUSED_LINK, 0);	/* an older process' */
	if (symlinkat(process, container->dir_fd, RECORD_PAUSED_LINK) < 0) {
		r = error_set(err, errno, "note that container %s is paused", name);
		(void) call_runtime(c, container, "resume", NULL);	/* nobody would know that it has to be */
		return r;
	}
	container->paused = true;
	event_container(c, container, "pause", NULL);
	return 0;
}

int container_unpause(const struct carrier *c, struct container *container, struct error *err)
{
	if (!container->paused)
		return error_say(err, EINVAL, "container %s is not paused", container->record.name);
	int r = call_runtime(c, container, "resume", err);
	if (r < 0)
		return r;
	(void) unlinkat(container->dir_fd, RECORD_PAUSED_LINK, 0);
	container->paused = false;
	event_container(c, container, "unpause", NULL);
	return 0;
}
