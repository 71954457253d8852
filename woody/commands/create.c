#include "../launch.h"
#include "../woody.h"

struct create_options {
	char *bundle, *config, *console_socket, *pid_file, *pidfd_socket;
	int64_t preserve_fds;
	bool no_pivot, no_new_keyring;
};

static const struct option_def options[] = {
	OPTION(struct create_options, bundle, 'b', "bundle", "DIR", "the bundle's directory (default: the current one)"),
	OPTION(struct create_options, config, 'f', "config", "FILE", "read this file instead of the bundle's config.json"),
	OPTION(struct create_options, console_socket, 0, "console-socket", "PATH",
	       "UNIX socket that receives the master of the container's terminal"),
	OPTION(struct create_options, pid_file, 0, "pid-file", "FILE", "write the pid of the container's process to FILE"),
	OPTION(struct create_options, pidfd_socket, 0, "pidfd-socket", "PATH", "UNIX socket that receives a pidfd of the process"),
	OPTION(struct create_options, no_pivot, 0, "no-pivot", NULL, "move the root instead of pivot_root, for a rootfs on a ramdisk"),
	OPTION(struct create_options, no_new_keyring, 0, "no-new-keyring", NULL, "keep the caller's session keyring"),
	OPTION(struct create_options, preserve_fds, 0, "preserve-fds", "N", "pass N file descriptors, from 3 on, to the container"),
};

static int run(void *program, void *given, char **args, int n_args)
{
	struct woody *w = program;
	struct create_options *o = given;
	struct error err = { 0 };
	(void) n_args;
	struct launch l = LAUNCH_INIT;
	l.root = w->root;
	l.id = args[0];
	l.bundle = o->bundle ? o->bundle : ".";
	l.config = o->config;
	l.manager = w->manager;
	l.rootless = w->rootless;
	l.console_socket = o->console_socket;
	l.pid_file = o->pid_file;
	l.pidfd_socket = o->pidfd_socket;
	l.no_pivot = o->no_pivot;
	l.no_new_keyring = o->no_new_keyring;
	l.preserve_fds = (int) o->preserve_fds;
	l.detach = l.wait_for_start = true;

	int r = seal(w, o->preserve_fds, &err);
	if (r == 0)
		r = launch_create(&l, &err);
	launch_done(&l);
	return r < 0 ? fail(w, "create", &err) : 0;
}

const struct command command_create = {
	.name = "create", .arguments = "CONTAINER-ID", .summary = "create a container", OPTIONS(struct create_options, options),
	.description = "Sets up everything that the bundle's config.json asks for, up to the program, which `start` executes.",
	.min_args = 1, .max_args = 1, .run = run,
};
