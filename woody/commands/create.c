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
	.description =
		"Sets up everything that the bundle's config.json asks for, up to the program, which `start` executes.\n\n"
		"Annotations that change something: io.woody.landlock confines the program by the kernel's Landlock, beyond what users and "
		"capabilities do, also for `exec`. Its value is words with blanks between them. What is named is allowed; as soon as there is a "
		"path, all other files are denied, and likewise for TCP:\n\n"
		"\tro:PATH              read files, list directories\n"
		"\texec:PATH            the same, and execute; also needed for the loader of dynamic programs\n"
		"\trw:PATH              read, write, make, rename, remove; ioctl on devices\n"
		"\ttcp-connect:PORT,... connect to these ports only (none: to no port)\n"
		"\ttcp-bind:PORT,...    listen on these ports only (none: on no port)\n"
		"\tscope:abstract-unix,signal  no abstract socket, no process outside of what it started\n\n"
		"Paths are the container's and must exist there. What the kernel cannot do is refused: files need Linux 5.13, TCP 6.7, scope "
		"6.12. For example:\n\n"
		"\t\"io.woody.landlock\": \"exec:/bin exec:/usr exec:/lib ro:/etc rw:/data rw:/dev tcp-connect:443\"\n\n"
		"run.oci.hooks.stdout and run.oci.hooks.stderr name files of the host that hooks write to. run.oci.keep_original_groups=1 leaves "
		"the supplementary groups as the caller has them. module.wasm.image/variant is refused.",
	.min_args = 1, .max_args = 1, .run = run,
};
