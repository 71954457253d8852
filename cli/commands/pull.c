#include "../carrier.h"
#include "../image/acquire.h"
#include "cleanup.h"

enum { INTERRUPTED = 130 };

struct pull_command_options { bool quiet; char *platform; struct registry_options registry; };
static const struct pull_command_options defaults = { .registry = REGISTRY_OPTIONS_DEFAULT };

static const struct option_def options[] = {
	OPTION(struct pull_command_options, platform, 0, "platform", "OS/ARCH[/VARIANT]", "take the image for this platform instead of this machine's"),
	REGISTRY_OPTION_ROWS(struct pull_command_options, registry),
	OPTION(struct pull_command_options, quiet, 'q', "quiet", NULL, "print the image's id only"),
};

static int run(void *program, void *given, char **args, int n_args)
{
	struct carrier *c = program;
	struct pull_command_options *o = given;
	struct error err = { 0 };
	struct store s cleanup_store = STORE_INIT;
	const struct pull_options p = { .platform = o->platform, .registry = &o->registry, .quiet = o->quiet };
	int r = store_open(c->root, &s, &err);
	for (int i = 0; r == 0 && i < n_args; i++) {
		struct image image cleanup_image = { 0 };
		r = image_acquire(c, &s, args[i], PULL_ALWAYS, &p, &image, &err);
		if (r == 0)
			puts(digest_hex(image.config_digest));
	}
	if (r == -EINTR) {
		(void) carrier_fail(&err);
		return INTERRUPTED;
	}
	return r < 0 ? carrier_fail(&err) : 0;
}

const struct command command_pull = {
	.name = "pull|p|get|download", .section = "Images", .arguments = "IMAGE...", .summary = "fetch images from a registry",
	.description = "All layers are received, verified and unpacked at the same time. What was verified stays if the pull breaks off; what was "
		       "not is removed. Prints the id of each image.",
	.exit_status = "0, 125 when an image could not be fetched, 130 when a signal ended it.",
	OPTIONS(struct pull_command_options, options), .defaults = &defaults, .min_args = 1, .max_args = -1, .run = run,
};
