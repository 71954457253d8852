#include "log_reader.h"
#include "cleanup.h"
#include "fs.h"
#include "log.h"
#include "log_options.h"
#include "runtime.h"
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>

enum { CHUNK = 64 * 1024, TRIES = 200, TRY_US = 1000, MONITOR_UNKNOWN_MS = 200 };

struct log_reader {
	enum log_driver driver;
	char *path;
	int64_t files;			/* how many there are at most */
	int fd;				/* the one that is read */
	int watch, monitor;		/* inotify, pidfd; -1: not yet */
	int watched;			/* inotify's number of fd's file */
	bool last_look;			/* nobody writes any more: what is there now is all */
	struct buf rest;		/* read, but not given out; from @at on */
	size_t at;
};

static char *file_name(const struct log_reader *r, int64_t k)
{
	return k ? xasprintf("%s.%lld", r->path, (long long) k) : xstrdup(r->path);
}

static int open_file(const struct log_reader *r, int64_t k)
{
	cleanup_free char *name = file_name(r, k);
	int fd = open(name, O_RDONLY | O_NOCTTY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static bool same_file(int fd, const struct log_reader *r, int64_t k)
{
	struct stat a, b;
	cleanup_free char *name = file_name(r, k);
	return fstat(fd, &a) == 0 && stat(name, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* ---- entries ---- */

/* parse_k8s - TIME stdout|stderr F|P TEXT */
static int parse_k8s(const char *line, size_t len, struct log_entry *e)
{
	const char *end = line + len, *stream = memchr(line, ' ', len);
	const char *flag = stream ? memchr(stream + 1, ' ', (size_t) (end - stream - 1)) : NULL;
	if (!flag || end - flag < 3 || (flag[1] != 'F' && flag[1] != 'P') || flag[2] != ' ')
		return -EINVAL;
	bool is_err = flag - stream == 7 && memcmp(stream + 1, "stderr", 6) == 0;
	if (!is_err && !(flag - stream == 7 && memcmp(stream + 1, "stdout", 6) == 0))
		return -EINVAL;
	e->stderr_ = is_err;
	e->time.len = e->text.len = 0;
	buf_add(&e->time, line, (size_t) (stream - line));
	buf_add(&e->text, flag + 3, (size_t) (end - flag - 3));
	if (flag[1] == 'F')
		buf_putc(&e->text, '\n');
	return 0;
}

static int parse(const struct log_reader *r, const char *line, size_t len, struct log_entry *e)
{
	return r->driver == LOG_K8S_FILE ? parse_k8s(line, len, e) : log_line_parse(line, len, e);
}

static bool ends_line(const struct log_entry *e) { return e->text.len && e->text.data[e->text.len - 1] == '\n'; }

/* ---- from behind ---- */

/* struct tail - counting lines backwards */
struct tail {
	int64_t left;			/* lines that are still wanted */
	bool open_end;			/* nothing was seen yet: an entry without end is a line, too */
	struct log_entry entry;
};

/* takes - does the line @text, which is in front of what was seen, still belong to what is wanted? */
static bool takes(const struct log_reader *r, struct tail *t, const char *text, size_t len)
{
	if (len == 0 || parse(r, text, len, &t->entry) < 0)
		return true;	/* no entry: half a line, where a machine stopped */
	bool counts = ends_line(&t->entry) || t->open_end;
	t->open_end = false;
	if (counts && t->left == 0)
		return false;
	t->left -= counts;
	return true;
}

/* scan_back - Return: where what is wanted begins in this file, 0 when all of it is wanted (and perhaps more), or -errno */
static off_t scan_back(const struct log_reader *r, int fd, struct tail *t)
{
	struct buf piece cleanup_buf = { 0 };	/* the file from @at to the first newline that was seen */
	char data[CHUNK];
	off_t at = lseek(fd, 0, SEEK_END);
	while (at > 0) {
		size_t len = at < CHUNK ? (size_t) at : CHUNK;
		at -= (off_t) len;
		if (pread(fd, data, len, at) != (ssize_t) len)
			return -EIO;
		size_t end = len;
		for (size_t i = len; i-- > 0;) {
			if (data[i] != '\n')
				continue;
			struct buf line cleanup_buf = { 0 };
			buf_add(&line, data + i + 1, end - i - 1);
			buf_add(&line, piece.data, piece.len);
			piece.len = 0;
			if (!takes(r, t, line.data, line.len))
				return at + (off_t) end + (off_t) (line.len - (end - i - 1)) + (off_t) 1;
			end = i;
		}
		struct buf longer = { 0 };
		buf_add(&longer, data, end);
		buf_add(&longer, piece.data, piece.len);
		buf_done(&piece);
		piece = longer;
	}
	/* the first line: in front of it there is nothing of this file */
	return takes(r, t, piece.data, piece.len) ? 0 : (off_t) piece.len + 1;
}

/* open_at_tail - the file that the last @tail lines begin in */
static int open_at_tail(struct log_reader *r, int64_t tail, struct error *err)
{
	struct tail t = { .left = tail, .open_end = true };
	int result = -ENOENT;
	for (int64_t k = 0; k < r->files; k++) {
		int fd = open_file(r, k);
		if (fd < 0)
			break;
		off_t from = scan_back(r, fd, &t);
		close_fd(&r->fd);
		r->fd = fd;
		result = from < 0 || lseek(fd, from, SEEK_SET) < 0 ? error_set(err, EIO, "read the log '%s'", r->path) : 0;
		if (result < 0 || from > 0)
			break;
	}
	log_entry_done(&t.entry);
	return result;
}

/* open_oldest - there may be rotations while we look */
static int open_oldest(struct log_reader *r)
{
	for (int64_t k = r->files - 1; k >= 0; k--) {
		int fd = open_file(r, k);
		if (fd < 0)
			continue;
		close_fd(&r->fd);
		r->fd = fd;
		return 0;
	}
	return -ENOENT;
}

/* ---- the next file ---- */

/* place_of - the number of the file that is read: 0 is the one that is written; -1: it is not there any more */
static int64_t place_of(const struct log_reader *r)
{
	for (int64_t k = 0; k < r->files; k++)
		if (same_file(r->fd, r, k))
			return k;
	return -1;
}

/* next_file - 1: there is one, and it is open; 0: this is the last */
static int next_file(struct log_reader *r)
{
	for (int tries = 0; tries < TRIES; tries++) {
		int64_t k = place_of(r);
		if (k == 0)
			return 0;
		cleanup_close int fd = k > 0 ? open_file(r, k - 1) : -ENOENT;
		if (fd >= 0 && same_file(r->fd, r, k)) {
			close_fd(&r->fd);
			r->fd = take_fd(fd);
			return 1;
		}
		if (k < 0 && tries >= TRIES / 10) {	/* not just between two names: it was removed */
			if (open_oldest(r) < 0)		/* with the whole container */
				return 0;
			if (r->files > 1)
				log_warn("the log was rotated faster than it was read: some of it is not shown");
			return 1;
		}
		(void) usleep(TRY_US);	/* in the middle of a rotation */
	}
	return 0;
}

/* ---- forward ---- */

/* fill - more of the file. 1: there is more; 0: not now */
static int fill(struct log_reader *r, struct error *err)
{
	char data[CHUNK];
	memmove(r->rest.data, r->rest.data + r->at, r->rest.len - r->at);
	r->rest.len -= r->at;
	r->at = 0;
	for (;;) {
		ssize_t n = read(r->fd, data, sizeof data);
		if (n < 0)
			return error_set(err, errno, "read the log '%s'", r->path);
		if (n > 0) {
			buf_add(&r->rest, data, (size_t) n);
			return 1;
		}
		/* at the end of one that is not written any more; what was written before it was renamed is read now */
		bool rotated = place_of(r) != 0;
		n = rotated ? read(r->fd, data, sizeof data) : 0;
		if (n > 0) {
			buf_add(&r->rest, data, (size_t) n);
			return 1;
		}
		if (!rotated || next_file(r) == 0)
			return 0;
		r->rest.len = 0;
		r->watched = -1;
	}
}

int log_reader_next(struct log_reader *r, struct log_entry *e, struct error *err)
{
	for (;;) {
		size_t left = r->rest.len - r->at;
		char *line = left ? r->rest.data + r->at : NULL, *end = left ? memchr(line, '\n', left) : NULL;
		if (end) {
			r->at += (size_t) (end - line) + 1;
			if (end > line && parse(r, line, (size_t) (end - line), e) == 0)
				return 1;
			continue;	/* half a line: the machine or the monitor stopped there */
		}
		int more = r->rest.data || !left ? fill(r, err) : 0;
		if (more <= 0)
			return more;
	}
}

/* watch - the file that is read now. Before it is read once more: what is written in between is then seen */
static int watch(struct log_reader *r, struct error *err)
{
	char name[32];
	if (r->watch < 0)
		r->watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (r->watched < 0)
		r->watched = inotify_add_watch(r->watch, fs_fd_path(r->fd, name), IN_MODIFY | IN_MOVE_SELF | IN_ATTRIB);
	return r->watch < 0 || r->watched < 0 ? error_set(err, errno, "watch the log '%s'", r->path) : 0;
}

int log_reader_wait(struct log_reader *r, struct container *c, int timeout_ms, struct error *err)
{
	char events[4096];
	if (r->last_look)
		return 0;
	bool fresh = r->watched < 0;
	int result = watch(r, err);
	if (result < 0)
		return result;
	bool there = record_refresh(c, NULL) == 0;	/* with --rm it vanishes at its end, the open log does not */
	if (!there || !container_active(c) || c->state == RECORD_UNATTENDED) {
		r->last_look = true;
		return 1;
	}
	if (fresh)
		return 1;
	if (r->monitor < 0 && c->status.monitor > 0)
		r->monitor = (int) syscall(SYS_pidfd_open, (pid_t) c->status.monitor, 0);
	struct pollfd p[] = { { .fd = r->watch, .events = POLLIN }, { .fd = r->monitor, .events = POLLIN } };
	/* the monitor has ended but the lock is still seen: not at once again */
	if (r->monitor < 0 && (timeout_ms < 0 || timeout_ms > MONITOR_UNKNOWN_MS))
		timeout_ms = MONITOR_UNKNOWN_MS;
	(void) poll(p, 2, timeout_ms);
	if (p[1].revents)
		close_fd(&r->monitor);
	while (read(r->watch, events, sizeof events) > 0)
		;
	return 1;
}

/* ---- the whole ---- */

/* no_log - where the output went */
static int no_log(const struct container *c, struct error *err)
{
	const char *name = c->record.name;
	switch (log_driver_of(&c->record.life.log)) {
	case LOG_JOURNALD:
		return error_say(err, ENOTSUP, "the log of container %s is journald's: `journalctl%s CONTAINER_ID_FULL=%s` shows it", name,
				 getuid() ? " --user" : "", c->record.id);
	case LOG_NONE: return error_say(err, ENOTSUP, "container %s keeps no log (--log-driver none)", name);
	case LOG_PASSTHROUGH:
		return error_say(err, ENOTSUP, "container %s keeps no log: it writes to where it was started from (--log-driver passthrough)", name);
	case LOG_JSON_FILE:
	case LOG_K8S_FILE: break;
	}
	return error_say(err, ENOENT, "container %s has no log: it was never started", name);
}

int log_reader_open(const struct container *c, int64_t tail, struct log_reader **ret, struct error *err)
{
	cleanup_log_reader struct log_reader *r = xcalloc(1, sizeof *r);
	const struct record_log *l = &c->record.life.log;
	*r = (struct log_reader) { .driver = log_driver_of(l), .path = log_path(c), .files = l->max_file > 1 ? l->max_file : 1, .fd = -1,
				   .watch = -1, .watched = -1, .monitor = -1 };
	if (!r->path)
		return no_log(c, err);
	int result = tail < 0 ? open_oldest(r) : open_at_tail(r, tail, err);
	if (result == -ENOENT)
		return no_log(c, err);
	if (result == 0)
		*ret = take_ptr(r);
	return result;
}

void log_reader_close(struct log_reader *r)
{
	if (!r)
		return;
	close_fd(&r->fd);
	close_fd(&r->watch);
	close_fd(&r->monitor);
	buf_done(&r->rest);
	free(r->path);
	free(r);
}
