#include "../container/event.h"
#include "../image/build.h"
#include "archives.h"
#include "cleanup.h"
#include <string.h>

struct import_options { char *message, *author, *platform; struct strings changes; bool quiet; };
static const struct option_def options[] = {
	OPTION(struct import_options, author, 'a', "author", "NAME", "who made it"),
	OPTION(struct import_options, changes, 'c', "change", "INSTRUCTION",
	       "apply an instruction of a Dockerfile, such as 'CMD [\"sh\"]' or 'ENV NAME=VALUE'; again for more"),
	OPTION(struct import_options, message, 'm', "message", "TEXT", "what the image's history says of it"),
	OPTION(struct import_options, platform, 0, "platform", "OS/ARCH[/VARIANT]", "what its programs run on (default: this machine)"),
	OPTION(struct import_options, quiet, 'q', "quiet", NULL, "taken for podman's sake: nothing else is printed anyway"),
};

static int check_source(const char *path, struct error *err)
{
	if (str_starts(path, "http://") || str_starts(path, "https://"))
		return error_say(err, EOPNOTSUPP, "import does not fetch archives: `curl -fL '%s' | carrier import -` does", path);
	return 0;
}

static int run(void *program, void *given, char **args, int n_args)
{
	const struct carrier *c = program;
	const struct import_options *o = given;
	struct strings names cleanup_strings = { 0 };
	struct error err = { 0 };
	char id[80];
	int r = n_args > 1 ? new_name(args[1], &names, &err) : 0;
	if (r == 0)
		r = check_source(args[0], &err);
	cleanup_close int fd = r < 0 ? -1 : input_open(args[0], "a tar archive", &err);
	if (fd < 0)
		return carrier_fail(&err);
	cleanup_free char *comment = xasprintf("Imported from %s", args[0]);
	const struct build_options b = {
		.fd = fd, .archive = true, .message = o->message, .author = o->author, .comment = comment, .changes = o->changes.v,
		.names = names.v, .platform = o->platform,
	};
	if (build_image(c, &b, id, &err) < 0) {
		error_wrap(&err, "import %s", args[0]);
		return carrier_fail(&err);
	}
	event_record(c, "image", "import", id, names.n ? names.v[0] : id, NULL, NULL);
	return show_id(id, false, NULL);
}

const struct command command_import = {
	.name = "import", .arguments = "FILE|- [IMAGE[:TAG]]", .summary = "make an image of a tar archive of files",
	.description = "The archive, such as `carrier export` writes, becomes the only layer of an image. It may be compressed with gzip "
		       "or zstd, and is kept as it is. An archive of an image (of `save`) is for `carrier load`. The image has no command "
		       "to run unless --change gives it one. Prints its id.",
	.examples = "A root file system from a tar archive:\n\tcarrier import rootfs.tar example.org/base:1\n\n"
		    "From the standard input:\n\tdebootstrap --variant=minbase bookworm root && tar -C root -c . | carrier import - "
		    "debian:mine\n\tcarrier import - debian:mine < root.tar",
	.exit_status = "0, or 125 when it could not be done; then no image is there.",
	OPTIONS(struct import_options, options), .min_args = 1, .max_args = 2, .run = run,
};
