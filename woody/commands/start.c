#include "../channel.h"
#include "../hooks.h"
#include "select.h"
#include "cleanup.h"
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

static int connect_init(const struct container *c, struct error *err)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	snprintf(at.sun_path, sizeof at.sun_path, "/proc/self/fd/%d/start.sock", c->dir_fd);
	cleanup_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *) &at, sizeof at) < 0)
		return error_set(err, errno, "reach init of container '%s'", c->id);
	return take_fd(fd);
}

static int poststart(struct container *c, struct error *err)
{
	int r = container_read_spec(c, err);
	if (r < 0 || !c->spec->hooks || !c->spec->hooks->n_poststart)
		return r;
	cleanup_free char *state = container_state(c, CONTAINER_RUNNING, false, JSON_COMPACT);
	struct hook_output output cleanup_hook_output = HOOK_OUTPUT_INIT;
	r = hook_output_open(c->spec, &output, err);
	if (r == 0)
		r = hooks_run("poststart", c->spec->hooks->poststart, c->spec->hooks->n_poststart,
			      &(struct hook_call) { .state = state, .cwd = c->record.bundle, .output = &output }, err);
	if (r < 0)
		(void) container_kill_all(c, NULL);	/* runtime-spec 1.3: a failing poststart hook stops the container */
	return r;
}

/* wait_for_end - of init, which has told its error and exits. An engine that is told of the error deletes the container at
 * once, and containerd's shim takes it for alive until the signal of its end has come. */
static void wait_for_end(const struct container *c)
{
	cleanup_close int pidfd = container_pidfd(c);
	struct pollfd end = { .fd = pidfd, .events = POLLIN };
	if (pidfd >= 0)
		(void) poll(&end, 1, 2000);
}

static int start(struct container *c, void *ctx, struct error *err)
{
	(void) ctx;
	enum container_status status = container_status(c);
	if (status == CONTAINER_STOPPED)
		return error_say(err, EINVAL, "cannot start a container that has stopped");
	if (status != CONTAINER_CREATED)
		return error_say(err, EINVAL, "cannot start a container in the %s state", container_status_name(status));

	cleanup_close int channel = connect_init(c, err);
	if (channel < 0)
		return channel;
	int r = channel_receive(channel, NULL, NULL, err);
	(void) unlinkat(c->dir_fd, "start.sock", 0);
	if (r != -EPIPE) {	/* the end of the channel is execve's success */
		wait_for_end(c);
		return r < 0 ? r : error_set(err, EPROTO, "message %d from init", r);
	}
	return poststart(c, err);
}

static int run(void *program, void *given, char **args, int n_args)
{
	(void) n_args;
	return with_container(program, "start", args[0], start, given);
}

const struct command command_start = {
	.name = "start", .arguments = "CONTAINER-ID", .summary = "execute the program of a created container",
	.description = "Returns once the program has been executed, and the poststart hooks have run.",
	.min_args = 1, .max_args = 1, .run = run,
};
