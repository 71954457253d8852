#include "event_read.h"
#include "cleanup.h"
#include "fs.h"
#include "str.h"
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

void event_reader_done(struct event_reader *r)
{
	close_fd(&r->notify_fd);
	close_fd(&r->old.fd);
	close_fd(&r->now.fd);
	buf_done(&r->old.rest);
	buf_done(&r->now.rest);
	free(r->dir);
}

static int open_file(const struct event_reader *r, const char *name)
{
	cleanup_free char *path = xasprintf("%s/%s", r->dir, name);
	return open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
}

static bool same_file(int a, int b)
{
	struct stat x, y;
	return a >= 0 && b >= 0 && fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_ino == y.st_ino && x.st_dev == y.st_dev;
}

int event_reader_open(const struct carrier *c, bool past, struct event_reader *ret, struct error *err)
{
	ret->dir = xstrdup(c->runroot);
	ret->notify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	int r = fs_mkdir_all(AT_FDCWD, ret->dir, 0700, err);
	if (r < 0)
		return r;
	if (ret->notify_fd < 0 || inotify_add_watch(ret->notify_fd, ret->dir, IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)
		return error_set(err, errno, "watch '%s'", ret->dir);
	ret->now.fd = open_file(ret, "events");
	ret->old.fd = open_file(ret, "events.1");
	if (same_file(ret->now.fd, ret->old.fd)) {	/* it was renamed between the two; its successor is found by event_reader_next() */
		close_fd(&ret->old.fd);
	}
	if (!past && ret->old.fd >= 0)
		(void) lseek(ret->old.fd, 0, SEEK_END);
	if (!past && ret->now.fd >= 0)
		(void) lseek(ret->now.fd, 0, SEEK_END);
	return 0;
}

static int read_lines(struct event_file *f, int (*line)(void *ctx, const char *text, size_t len, struct error *err), void *ctx, struct error *err)
{
	char data[16384];
	ssize_t n;
	while (f->fd >= 0 && (n = read(f->fd, data, sizeof data)) > 0) {
		buf_add(&f->rest, data, (size_t) n);
		char *at = f->rest.data, *end = at + f->rest.len, *newline;
		for (; (newline = memchr(at, '\n', (size_t) (end - at))); at = newline + 1) {
			int r = line(ctx, at, (size_t) (newline - at), err);
			if (r < 0)
				return r;
		}
		f->rest.len = (size_t) (end - at);
		memmove(f->rest.data, at, f->rest.len);
	}
	return 0;
}

/* succeed - the file that was being written is the old one from now on */
static void succeed(struct event_reader *r, int fd)
{
	close_fd(&r->old.fd);
	buf_done(&r->old.rest);
	r->old = r->now;
	r->now = (struct event_file) { .fd = fd };
}

int event_reader_next(struct event_reader *r, int (*line)(void *ctx, const char *text, size_t len, struct error *err), void *ctx,
		      struct error *err)
{
	for (;;) {
		int result = read_lines(&r->old, line, ctx, err);
		if (result == 0)
			result = read_lines(&r->now, line, ctx, err);
		if (result < 0)
			return result;
		cleanup_close int named = open_file(r, "events"), before = open_file(r, "events.1");
		if (named < 0 || same_file(named, r->now.fd))
			return 0;
		if (before >= 0 && !same_file(before, r->now.fd) && !same_file(before, r->old.fd))
			succeed(r, take_fd(before));	/* rotated twice since we looked: this one came between */
		else
			succeed(r, take_fd(named));
	}
}

void event_reader_wait(struct event_reader *r, int timeout_ms)
{
	char data[4096];
	struct pollfd p = { .fd = r->notify_fd, .events = POLLIN };
	if (poll(&p, 1, timeout_ms) > 0)
		while (read(r->notify_fd, data, sizeof data) > 0)
			continue;	/* what they say does not matter */
}
