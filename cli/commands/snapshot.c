#include "../image/build.h"
#include "archives.h"
#include "cleanup.h"
#include <fcntl.h>

struct snapshot_options {
	char *message, *author, *compression, *iidfile, *platform;
	struct strings changes;
	int64_t level;
	bool quiet;
};
static const struct option_def options[] = {
	OPTION(struct snapshot_options, author, 'a', "author", "NAME", "who made it"),
	OPTION(struct snapshot_options, changes, 'c', "change", "INSTRUCTION",
	       "apply an instruction of a Dockerfile, such as 'CMD [\"sh\"]' or 'ENV NAME=VALUE'; again for more"),
	OPTION(struct snapshot_options, compression, 0, "compression", "gzip|zstd|none", "of the layer (default: gzip)"),
	OPTION(struct snapshot_options, level, 0, "compression-level", "N", "the compressor's level (default: a quick one)"),
	OPTION(struct snapshot_options, iidfile, 0, "iidfile", "FILE", "write the image's id to this file"),
	OPTION(struct snapshot_options, message, 'm', "message", "TEXT", "what the image's history says of it"),
	OPTION(struct snapshot_options, platform, 0, "platform", "OS/ARCH[/VARIANT]", "what its programs run on (default: this machine)"),
	OPTION(struct snapshot_options, quiet, 'q', "quiet", NULL, "do not print the image's id"),
};

static int run(void *program, void *given, char **args, int n_args)
{
	const struct carrier *c = program;
	const struct snapshot_options *o = given;
	struct strings names cleanup_strings = { 0 };
	struct error err = { 0 };
	struct build_options b = { .message = o->message, .author = o->author, .changes = o->changes.v, .level = o->level, .platform = o->platform };
	char id[80];
	int r = n_args > 1 ? new_name(args[1], &names, &err) : 0;
	if (r == 0)
		r = compression_parse(o->compression, o->level, &b.compression, &err);
	cleanup_close int fd = r < 0 ? -1 : open(args[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r == 0 && fd < 0)
		r = error_set(&err, errno, "open the directory '%s'", args[0]);
	cleanup_free char *comment = xasprintf("Snapshot of %s", args[0]);
	b.fd = fd;
	b.names = names.v;
	b.comment = comment;
	if (r == 0 && (r = build_image(c, &b, id, &err)) < 0)
		error_wrap(&err, "snapshot '%s'", args[0]);
	return r < 0 ? carrier_fail(&err) : show_id(id, o->quiet, o->iidfile);
}

const struct command command_snapshot = {
	.name = "snapshot", .arguments = "DIRECTORY [IMAGE[:TAG]]", .summary = "make an image of a directory",
	.description = "Everything beneath the directory becomes the only layer of an image: owners (as your user namespace calls them: "
		       "for an ordinary user, its own files are root's), modes, times, links, devices, extended attributes. Sockets are "
		       "left out, and so is what is mounted on directories beneath it. The same directory always gives the same layer. "
		       "Prints the image's id.",
	.examples = "A directory becomes an image:\n\tcarrier snapshot ./rootfs example.org/base:1",
	.exit_status = "0, or 125 when it could not be done; then no image is there.",
	OPTIONS(struct snapshot_options, options), .min_args = 1, .max_args = 2, .run = run,
};
