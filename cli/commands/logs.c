#include "../container/log_line.h"
#include "../container/record.h"
#include "cleanup.h"
#include "fs.h"
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/syscall.h>

enum { CHUNK = 64 * 1024 };
struct logs_options { bool follow, timestamps, latest; char *tail; };

static const struct logs_options defaults = { .tail = (char *) "all" };
static const struct option_def options[] = {
	OPTION(struct logs_options, follow, 'f', "follow", NULL, "go on until the container ends"),
	OPTION(struct logs_options, tail, 'n', "tail", "N", "only the last N lines, or all"),
	OPTION(struct logs_options, timestamps, 't', "timestamps", NULL, "the time in front of every line"),
	OPTION(struct logs_options, latest, 'l', "latest", NULL, "of the container that was made last"),
};

struct reader {
	int fd;
	bool timestamps;
	bool inside[2];		/* the last entry of this stream had no newline: the next one continues its line */
	struct buf rest;	/* a line that is not complete yet */
	struct log_entry entry;
};

static int print_line(struct reader *r, const char *line, size_t len)
{
	struct log_entry *e = &r->entry;
	if (!len || log_line_parse(line, len, e) < 0)
		return 0;	/* half a line: the machine or the monitor stopped there */
	FILE *out = e->stderr_ ? stderr : stdout;
	if (e->stderr_ && fflush(stdout))	/* in order, where both are one terminal; stderr has no buffer */
		return -EPIPE;
	if (r->timestamps && !r->inside[e->stderr_])
		(void) fprintf(out, "%s ", buf_str(&e->time));
	if (e->text.len && fwrite(e->text.data, 1, e->text.len, out) != e->text.len)
		return -EPIPE;
	r->inside[e->stderr_] = e->text.len && e->text.data[e->text.len - 1] != '\n';
	return 0;
}

static int print_available(struct reader *r, struct error *err)
{
	char data[CHUNK];
	ssize_t n;
	while ((n = read(r->fd, data, sizeof data)) > 0) {
		buf_add(&r->rest, data, (size_t) n);
		char *line = r->rest.data, *end = line + r->rest.len, *newline;
		for (; (newline = memchr(line, '\n', (size_t) (end - line))); line = newline + 1)
			if (print_line(r, line, (size_t) (newline - line)) < 0)
				return error_say(err, EPIPE, "nobody reads the output");
		r->rest.len = (size_t) (end - line);
		memmove(r->rest.data, line, r->rest.len);
	}
	if (n < 0)
		return error_set(err, errno, "read the log");
	return fflush(stdout) || fflush(stderr) ? error_set(err, errno, "write the output") : 0;
}

/* seek_tail - to the start of the last @n lines, from behind: a log can be large */
static int seek_tail(int fd, int64_t n, struct error *err)
{
	char data[CHUNK];
	off_t at = lseek(fd, 0, SEEK_END);
	if (at < 0)
		return error_set(err, errno, "seek in the log");
	int64_t newlines = 0;
	while (at > 0) {
		size_t len = at < CHUNK ? (size_t) at : CHUNK;
		at -= (off_t) len;
		if (pread(fd, data, len, at) != (ssize_t) len)
			return error_set(err, EIO, "read the log");
		for (size_t i = len; i-- > 0;)
			if (data[i] == '\n' && newlines++ == n)
				return lseek(fd, at + (off_t) i + 1, SEEK_SET) < 0 ? error_set(err, errno, "seek in the log") : 0;
	}
	return lseek(fd, 0, SEEK_SET) < 0 ? error_set(err, errno, "seek in the log") : 0;
}

/* follow - woken by what is written and by the monitor's end; both are looked at again after what can be read was printed */
static int follow(struct reader *r, struct container *c, struct error *err)
{
	cleanup_close int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	char name[32], events[4096];
	if (watch < 0 || inotify_add_watch(watch, fs_fd_path(r->fd, name), IN_MODIFY) < 0)
		return error_set(err, errno, "watch the log");
	cleanup_close int monitor = -1;
	for (;;) {
		bool there = record_refresh(c, NULL) == 0;	/* with --rm it vanishes at its end, the open log does not */
		bool writes = there && (c->state == RECORD_RUNNING || c->state == RECORD_STARTING);
		int result = print_available(r, err);
		if (result < 0 || !writes)
			return result;
		if (monitor < 0 && c->status.monitor > 0)
			monitor = (int) syscall(SYS_pidfd_open, (pid_t) c->status.monitor, 0);
		struct pollfd p[] = { { .fd = watch, .events = POLLIN }, { .fd = monitor, .events = POLLIN } };
		/* the monitor has ended but the lock is still seen: not at once again */
		(void) poll(p, 2, monitor < 0 ? 200 : -1);
		if (p[1].revents)
			close_fd(&monitor);
		while (read(watch, events, sizeof events) > 0)
			;
	}
}

static int show(struct container *c, const struct logs_options *o, int64_t tail, struct error *err)
{
	struct reader r = { .timestamps = o->timestamps };
	r.fd = openat(c->dir_fd, "log", O_RDONLY | O_CLOEXEC);
	if (r.fd < 0 && errno == ENOENT)
		return error_say(err, ENOENT, "container %s has no log: it was never started", c->record.name);
	if (r.fd < 0)
		return error_set(err, errno, "open the log of container %s", c->record.name);
	int result = tail < 0 ? 0 : seek_tail(r.fd, tail, err);
	if (result == 0)
		result = o->follow ? follow(&r, c, err) : print_available(&r, err);
	log_entry_done(&r.entry);
	buf_done(&r.rest);
	close_fd(&r.fd);
	return result;
}

static int run(void *program, void *given, char **args, int n_args)
{
	const struct logs_options *o = given;
	struct container c cleanup_container = CONTAINER_NONE;
	struct error err = { 0 };
	int64_t tail = -1;
	int r = 0;
	if (o->latest ? n_args > 0 : n_args == 0)
		r = error_say(&err, EINVAL, "logs: name a container, or give --latest");
	else if (!str_eq(o->tail, "all") && str_to_i64(o->tail, INT64_MIN, INT64_MAX, &tail) < 0)
		r = error_say(&err, EINVAL, "--tail '%s' is not a number of lines, and not \"all\"", o->tail);
	if (r < 0)
		return carrier_fail(&err);
	r = record_find(program, o->latest ? "" : args[0], o->latest, &c, &err);
	if (r == 0)
		r = show(&c, o, tail, &err);
	if (r == -EPIPE)	/* `carrier logs x | head`: what was wanted was shown */
		return 0;
	return r < 0 ? (carrier_fail(&err), 1) : 0;
}

const struct command command_logs = {
	.name = "logs", .arguments = "[CONTAINER]", .summary = "print what a container wrote",
	.description = "What it wrote to stdout goes to stdout, what it wrote to stderr to stderr.",
	.examples = "The last lines, and what comes:\n\tcarrier logs --tail 20 -f web",
	.exit_status = "0, or 1 when there is no such container or it has no log.",
	OPTIONS(struct logs_options, options), .defaults = &defaults, .max_args = 1, .run = run,
};
