#include "criu.h"
#include "annotations.h"
#include "cleanup.h"
#include "fs.h"
#include "log.h"
#include "mem.h"
#include "socket.h"
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

/* its fds: 1, 2, and 3, the end of the socket pair, as its command line says */
enum { SOCKET_FD = 3, OWN_FDS = 3, LOG_LEVEL = 4, LOG_MAX = 64 << 20, PACKET_MAX = 64 << 10, FDS_MAX = 16 };

char *criu_find(const char *given)
{
	char *path = proc_find(given ? given : "criu", NULL);
	if (path && access(path, X_OK) == 0)
		return path;
	free(path);
	return NULL;
}

/* ---- before it runs ---- */

static int reopen(const char *path, int *fd, struct error *err)
{
	close_fd(fd);
	*fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *fd < 0 ? error_set(err, errno, "open '%s'", path) : 0;
}

static int open_dir(const char *path, bool make, const char *what, char **ret_path, int *ret_fd, struct error *err)
{
	int r = make ? fs_mkdir_all(AT_FDCWD, path, 0700, err) : 0;
	if (r == 0)
		r = fs_absolute(path, ret_path, err);
	if (r == 0)
		r = reopen(*ret_path, ret_fd, err);
	return r < 0 ? error_wrap(err, "the directory of %s", what) : 0;
}

int criu_open(struct criu *c, const char *program, const char *images, const char *work, bool make, const char *log,
	      struct error *err)
{
	c->program = criu_find(program);
	if (!c->program)
		return error_say(err, ENOENT, "%s: No such program; checkpoint and restore are done by CRIU: install the package criu, "
				 "or name it with --criu PATH", program ? program : "criu");
	int r = open_dir(images, make, "the images (--image-path)", &c->images, &c->images_fd, err);
	if (r == 0)
		r = open_dir(work ? work : images, work || make, "the log (--work-path)", &c->work, &c->work_fd, err);
	if (r < 0)
		return r;
	c->log = log;
	criu_put_int(&c->options, CRIU_LOG_LEVEL, LOG_LEVEL);
	criu_put_string(&c->options, CRIU_LOG_FILE, log);
	criu_put_flag(&c->options, CRIU_NOTIFY_SCRIPTS, true);
	return 0;
}

int criu_reopen(struct criu *c, struct error *err)
{
	int r = reopen(c->images, &c->images_fd, err);
	return r < 0 ? r : reopen(c->work, &c->work_fd, err);
}

void criu_config_file(struct criu *c, const struct runtime_spec *spec)
{
	static const char *const usual[] = { "/etc/criu/woody.conf", "/etc/criu/runc.conf" };
	const char *path = annotation_get(spec, ANNOTATION_CRIU);
	for (size_t i = 0; !path && i < sizeof usual / sizeof *usual; i++)
		if (access(usual[i], F_OK) == 0)
			path = usual[i];
	if (!str_empty(path))
		criu_put_string(&c->options, CRIU_CONFIG_FILE, path);
}

int criu_start(struct criu *c, const struct proc_fd *more, size_t n, bool apart, struct error *err)
{
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return error_set(err, errno, "make a socket for criu");
	c->socket = ends[0];
	cleanup_close int theirs = ends[1];
	c->output_fd = memfd_create("criu", MFD_CLOEXEC);
	if (c->output_fd < 0)
		return error_set(err, errno, "make room for the output of criu");

	struct proc_fd fds[FDS_MAX + OWN_FDS] = {
		{ c->output_fd, STDOUT_FILENO }, { c->output_fd, STDERR_FILENO }, { theirs, SOCKET_FD },
	};
	size_t n_fds = OWN_FDS;
	for (size_t i = 0; i < n && i < FDS_MAX; i++)
		fds[n_fds++] = more[i];
	/* ours: it opens them in /proc/PID/fd of whoever made the socket */
	criu_put_int(&c->options, CRIU_IMAGES_DIR_FD, c->images_fd);
	criu_put_int(&c->options, CRIU_WORK_DIR_FD, c->work_fd);
	char *const argv[] = { (char *) "criu", (char *) "swrk", (char *) "3", NULL };
	const struct proc_spawn what = { .path = c->program, .argv = argv, .fds = fds, .n_fds = n_fds, .new_session = apart };
	c->pid = proc_spawn(&what, &c->pidfd, err);
	if (c->pid < 0) {
		int r = c->pid;
		c->pid = 0;
		return r;
	}
	return 0;
}

/* ---- its complaints ---- */

/* last_error - of the log: the last line with "Error", but not the one that only says that all has failed. Borrowed from @text. */
static const char *last_error(char *text)
{
	const char *found = NULL;
	char *save = NULL;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *error = strstr(line, "Error");
		if (error && (!found || !str_ends(error, "FAILED.")))
			found = error;
	}
	return found;
}

/* complain - @err becomes the whole sentence. @said: what is known without the log, or "" */
static int complain(const struct criu *c, const char *verb, const char *said, struct error *err)
{
	cleanup_free char *log = NULL, *output = NULL;
	const char *line = NULL;
	bool logged = fs_read_file(c->work_fd, c->log, LOG_MAX, &log, NULL, NULL) == 0;
	if (logged)
		line = last_error(log);
	if (!line && lseek(c->output_fd, 0, SEEK_SET) == 0 && fs_read_fd(c->output_fd, "", LOG_MAX, &output, NULL, NULL) == 0)
		line = last_error(output);
	error_say(err, ECANCELED, "criu failed to %s the container%s%s%s%s", verb, *said ? ": " : "", said, line ? ": " : "",
		  line ? line : "");
	return logged ? error_hint(err, "see the log '%s/%s'", c->work, c->log) :
			error_hint(err, "it wrote no log '%s/%s'", c->work, c->log);
}

static int ended_early(struct criu *c, const char *verb, struct error *err)
{
	int code = proc_wait(c->pid);
	c->pid = 0;
	char said[64];
	snprintf(said, sizeof said, "it ended early, with status %d", code);
	return complain(c, verb, said, err);
}

/* ---- the conversation ---- */

static int send_buf(struct criu *c, const struct buf *b, struct error *err)
{
	int r = socket_send(c->socket, b->data, b->len, -1);
	return r < 0 && r != -EPIPE ? error_set(err, -r, "send a message to criu") : r;
}

static int receive(struct criu *c, struct criu_response *ret, int *ret_fd, struct error *err)
{
	cleanup_free char *packet = xmalloc(PACKET_MAX);
	ssize_t n = socket_receive(c->socket, packet, PACKET_MAX, ret_fd);
	if (n == 0)
		return -EPIPE;
	if (n < 0)
		return error_set(err, (int) -n, "receive a message from criu");
	return criu_response_decode(packet, (size_t) n, ret, err);
}

/* converse - until it says how it went. -EPIPE: it has ended. @ret_ours: the failure was a notification's, and is in @err */
static int converse(struct criu *c, int (*notify)(void *, const struct criu_response *, int, struct error *), void *ctx,
		    struct criu_response *ret, bool *ret_ours, struct error *err)
{
	for (;;) {
		cleanup_close int fd = -1;
		int r = receive(c, ret, &fd, err);
		if (r < 0 || ret->type != CRIU_NOTIFY)
			return r;
		log_debug("criu: %s, pid %d", ret->script, ret->pid);
		r = notify && !*ret_ours ? notify(ctx, ret, fd, err) : 0;
		*ret_ours |= r < 0;
		struct buf answer cleanup_buf = { 0 };
		criu_answer(&answer, !*ret_ours);
		struct error lost = { 0 };
		r = send_buf(c, &answer, &lost);
		if (r < 0 && !*ret_ours) {
			if (err)
				*err = lost;
			return r;
		}
	}
}

int criu_ask(struct criu *c, enum criu_type type, int (*notify)(void *ctx, const struct criu_response *n, int fd, struct error *err),
	     void *ctx, struct criu_response *ret, struct error *err)
{
	const char *verb = type == CRIU_RESTORE ? "restore" : type == CRIU_PRE_DUMP ? "pre-dump" : "checkpoint";
	struct buf request cleanup_buf = { 0 };
	struct error why = { 0 };
	bool ours = false;
	criu_request(&request, type, &c->options);
	int r = send_buf(c, &request, &why);
	if (r == 0)
		r = converse(c, notify, ctx, ret, &ours, &why);
	close_fd(&c->socket);	/* it waits for no further request */
	if (ours) {
		(void) proc_wait(c->pid);
		c->pid = 0;
		if (err)
			*err = why;
		return -why.code;
	}
	if (r == -EPIPE)
		return ended_early(c, verb, err);
	if (r < 0) {
		if (err)
			*err = why;
		return r;
	}
	int code = proc_wait(c->pid);
	c->pid = 0;
	if (!ret->success)
		return complain(c, verb, ret->message, err);
	if (code != 0)
		log_debug("criu ended with status %d", code);
	return 0;
}

void criu_done(struct criu *c)
{
	close_fd(&c->socket);	/* the end of what it listens to makes it stop and clean up */
	if (c->pid > 0 && proc_wait_timeout(c->pid, c->pidfd, 5000) == -ETIMEDOUT) {
		(void) kill(c->pid, SIGKILL);
		(void) proc_wait(c->pid);
	}
	c->pid = 0;
	close_fd(&c->images_fd);
	close_fd(&c->work_fd);
	close_fd(&c->pidfd);
	close_fd(&c->output_fd);
	buf_done(&c->options);
	cleanup_freep(&c->program);
	cleanup_freep(&c->images);
	cleanup_freep(&c->work);
	*c = (struct criu) CRIU_INIT;
}
