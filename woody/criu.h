/* criu.h - one conversation with CRIU, which saves and brings back processes.
 *
 *	struct criu c cleanup_criu = CRIU_INIT;
 *	criu_open(&c, "checkpoint", NULL, true, &err)	the directories
 *	criu_put_...(&c.options, ...)
 *	criu_start(&c, ..., &err)			`criu swrk`, which waits for us
 *	criu_ask(&c, CRIU_DUMP, notify, ctx, &response, &err)
 *
 * criu is a program of its own that we start for one request, with a socket pair as its fd 3. It finds its own settings in
 * /etc/criu/default.conf; what config.json or the administrator of woody name beside (criu_config_file()) overrides ours.
 * Whatever it does is told in its log, whose name is in every error. criu(8), criu.org "RPC".
 */
#pragma once
#include "criu_rpc.h"
#include "error.h"
#include "proc.h"
#include "runtime_spec.h"
#include <stdbool.h>
#include <sys/types.h>

struct criu {
	char *program;		/* the path of criu */
	char *images, *work;	/* absolute paths */
	int images_fd, work_fd;	/* criu opens them through /proc: they stay open until it is done */
	const char *log;	/* the log's name in ->work: "dump.log" */
	struct buf options;	/* criu_opts, for the caller to fill */
	int socket, pidfd, output_fd;
	pid_t pid;		/* 0: does not run */
};
#define CRIU_INIT { .images_fd = -1, .work_fd = -1, .socket = -1, .pidfd = -1, .output_fd = -1 }

/* criu_find - the program @given with --criu, or found in PATH. Caller frees; NULL: there is none. */
char *criu_find(const char *given);

/* criu_open - open the directory of the images, and that of the log
 * @program: as for criu_find()
 * @work: NULL: the images' directory
 * @make: make them (0700) where they are missing
 * @log: the log's name
 */
int criu_open(struct criu *c, const char *program, const char *images, const char *work, bool make, const char *log,
	      struct error *err);
/* criu_reopen - the same directories, as they are in the mount namespace that we have moved to since; criu mounts in them */
int criu_reopen(struct criu *c, struct error *err);
/* criu_config_file - add what org.criu.config or, without that annotation, /etc/criu/woody.conf or runc.conf say; empty: nothing */
void criu_config_file(struct criu *c, const struct runtime_spec *spec);

/* criu_start - it runs, in our namespaces of this moment, and waits
 * @fds: what it gets besides 0 and its own; from CRIU_FIRST_FD on
 * @apart: in a session of its own, so that what is typed at our terminal does not interrupt it */
enum { CRIU_FIRST_FD = 10 };
int criu_start(struct criu *c, const struct proc_fd *fds, size_t n, bool apart, struct error *err);

/* criu_ask - send the request, answer its notifications, and wait until it is done
 * @notify: called for each; @fd: passed with it or -1, closed afterwards. 0, or a negative errno with @err: criu is told to
 *          give up. NULL: none is looked at
 * Return: 0, or a negative errno with criu's last complaint and the log's name in @err */
int criu_ask(struct criu *c, enum criu_type type, int (*notify)(void *ctx, const struct criu_response *n, int fd, struct error *err),
	     void *ctx, struct criu_response *ret, struct error *err);
/* criu_done - ends it, if it still runs */
void criu_done(struct criu *c);
#define cleanup_criu __attribute__((cleanup(criu_done)))
