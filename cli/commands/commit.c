#include "../container/commit.h"
#include "../container/event.h"
#include "archives.h"
#include "cleanup.h"

struct commit_command_options {
	char *author, *message, *iidfile, *compression;
	struct strings changes;
	int64_t level;
	bool pause, quiet, squash;
};
static const struct commit_command_options defaults = { .pause = true };

static const struct option_def options[] = {
	OPTION(struct commit_command_options, author, 'a', "author", "NAME", "who made it"),
	OPTION(struct commit_command_options, changes, 'c', "change", "INSTRUCTION",
	       "apply an instruction of a Dockerfile, such as 'CMD [\"sh\"]' or 'ENV NAME=VALUE'; again for more"),
	OPTION(struct commit_command_options, compression, 0, "compression", "gzip|zstd|none", "of the new layer (default: gzip)"),
	OPTION(struct commit_command_options, level, 0, "compression-level", "N", "the compressor's level (default: a quick one)"),
	OPTION(struct commit_command_options, iidfile, 0, "iidfile", "FILE", "write the image's id to this file"),
	OPTION(struct commit_command_options, message, 'm', "message", "TEXT", "what the image's history says of it"),
	OPTION(struct commit_command_options, pause, 'p', "pause", NULL, "hold the container still meanwhile (the default; =false: do not)"),
	OPTION(struct commit_command_options, quiet, 'q', "quiet", NULL, "do not print the image's id"),
	OPTION(struct commit_command_options, squash, 's', "squash", NULL, "put all of the container's files into one layer"),
};

static int run(void *program, void *given, char **args, int n_args)
{
	const struct carrier *c = program;
	const struct commit_command_options *o = given;
	struct container container cleanup_container = CONTAINER_NONE;
	struct strings names cleanup_strings = { 0 };
	enum layer_compression compression = LAYER_GZIP;
	struct error err = { 0 };
	char id[80];
	int r = n_args > 1 ? new_name(args[1], &names, &err) : 0;
	if (r == 0)
		r = compression_parse(o->compression, o->level, &compression, &err);
	if (r == 0)
		r = record_find(c, args[0], false, &container, &err);
	const struct commit_options options_of = {
		.author = o->author, .message = o->message, .changes = o->changes.v, .names = names.v, .pause = o->pause,
		.squash = o->squash, .compression = compression, .level = o->level,
	};
	if (r == 0)
		r = commit_container(c, &container, &options_of, id, &err);
	if (r == 0)
		event_container(c, &container, "commit", "comment", o->message, "imageID", id, NULL);
	return r < 0 ? carrier_fail(&err) : show_id(id, o->quiet, o->iidfile);
}

const struct command command_commit = {
	.name = "commit", .arguments = "CONTAINER [IMAGE[:TAG]]", .summary = "make an image of what a container has changed",
	.description = "What the container has written becomes one more layer above those of its image, in an image that is set up as the "
		       "container was run: its command, environment, user, directory and labels. What is mounted in it (volumes) is not "
		       "included. Without a name the image is known by its id, which is printed.",
	.examples = "Keep what was installed in a container as an image:\n"
		    "\tcarrier commit -m 'with curl' -c 'CMD [\"curl\", \"--version\"]' web example.org/web:curl",
	.exit_status = "0, or 125 when it could not be done; then no image is there.",
	OPTIONS(struct commit_command_options, options), .defaults = &defaults, .min_args = 1, .max_args = 2, .run = run,
};
