#include "../image/archive.h"
#include "archives.h"
#include "cleanup.h"

struct load_options { char *input; bool quiet; };
static const struct option_def options[] = {
	OPTION(struct load_options, input, 'i', "input", "FILE|DIR", "read this archive or OCI layout instead of standard input"),
	OPTION(struct load_options, quiet, 'q', "quiet", NULL, "say only what was loaded"),
};

static int run(void *program, void *given, char **args, int n_args)
{
	const struct load_options *o = given;
	struct error err = { 0 };
	cleanup_close int fd = input_open(o->input, "an archive of images", &err);
	if (fd < 0)
		return carrier_fail(&err);
	if (archive_load(program, fd, o->quiet, &err) < 0) {
		error_wrap(&err, "load %s", o->input ? o->input : "-");
		return carrier_fail(&err);
	}
	return 0;
}

const struct command command_load = {
	.name = "load", .summary = "bring images from an archive into the store",
	.description = "Reads what `carrier save`, docker, podman, skopeo, buildah and umoci write: docker-archive and oci-archive, with "
		       "one image or many, plain or compressed with gzip or zstd, from a file or a pipe; and a directory that is an OCI "
		       "layout. Everything is verified as it is when it is pulled. The images get the names that the archive has for "
		       "them, when all of them are complete.",
	.examples = "From a file, and from another machine:\n\tcarrier load -i debian.tar\n\tcarrier load < debian.tar",
	.exit_status = "0, or 125 when the archive could not be loaded; then nothing of it is there.",
	OPTIONS(struct load_options, options), .max_args = 0, .run = run,
};
