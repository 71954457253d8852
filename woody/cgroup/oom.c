#include "oom.h"
#include "cleanup.h"
#include "driver.h"
#include "str.h"
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>

static uint64_t killed(int events_fd)
{
	char text[1024];
	ssize_t n = pread(events_fd, text, sizeof text - 1, 0);
	text[n < 0 ? 0 : n] = 0;
	const char *at = strstr(text, "oom_kill ");
	return at ? strtoull(at + 9, NULL, 10) : 0;
}

static int open_v1(struct hierarchy *h, struct oom_watch *w, struct error *err)
{
	int dir_fd = hierarchy_fd(h, err);
	if (dir_fd < 0)
		return dir_fd;
	w->events_fd = openat(dir_fd, "memory.oom_control", O_RDONLY | O_CLOEXEC);
	cleanup_close int control_fd = openat(dir_fd, "cgroup.event_control", O_WRONLY | O_CLOEXEC);
	w->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->events_fd < 0 || control_fd < 0 || w->fd < 0 || dprintf(control_fd, "%d %d", w->fd, w->events_fd) < 0)
		return error_set(err, errno, "watch '%s/memory.oom_control'", h->dir);
	return 0;
}

static int open_v2(struct hierarchy *h, struct oom_watch *w, struct error *err)
{
	cleanup_free char *path = xasprintf("%s/memory.events", h->dir);
	w->events_fd = open(path, O_RDONLY | O_CLOEXEC);
	w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (w->events_fd < 0 || w->fd < 0 || inotify_add_watch(w->fd, path, IN_MODIFY) < 0)
		return error_set(err, errno, "watch '%s'", path);
	w->counted = true;
	w->seen = killed(w->events_fd);
	return 0;
}

int oom_open(struct cgroup *c, struct oom_watch *ret, struct error *err)
{
	struct hierarchy *h = cgroup_for(c, "memory");
	*ret = (struct oom_watch) OOM_WATCH_INIT;
	if (!h)
		return error_say(err, EOPNOTSUPP, "the container has no cgroup with the memory controller");
	int r = *h->name ? open_v1(h, ret, err) : open_v2(h, ret, err);
	if (r < 0)
		oom_close(ret);
	return r;
}

bool oom_happened(struct oom_watch *w)
{
	char text[4096] __attribute__((aligned(8)));
	ssize_t n = w->fd < 0 ? -1 : read(w->fd, text, sizeof text);
	if (!w->counted)	/* the file of a cgroup that is gone cannot be read any more */
		return n > 0 && pread(w->events_fd, text, sizeof text, 0) >= 0;
	/* also without an event: the last one may be on its way when the container has ended */
	uint64_t before = w->seen, now = killed(w->events_fd);
	if (now > before)
		w->seen = now;
	return now > before;
}

void oom_close(struct oom_watch *w)
{
	close_fd(&w->fd);
	close_fd(&w->events_fd);
}
