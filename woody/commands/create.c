#include "making.h"

struct create_options { struct making making; };

static const struct option_def options[] = { MAKING_OPTIONS(struct create_options) };

static int run(void *program, void *given, char **args, int n_args)
{
	struct woody *w = program;
	struct create_options *o = given;
	struct error err = { 0 };
	(void) n_args;
	struct launch l = making_launch(w, &o->making, args[0]);
	l.detach = l.wait_for_start = true;

	int r = seal(w, o->making.preserve_fds, &err);
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
