#include "../image/archive.h"
#include "archives.h"
#include "cleanup.h"

struct save_options { char *output, *format; bool multi, quiet; };
static const struct save_options defaults = { .format = (char *) "docker-archive" };

static const struct option_def options[] = {
	OPTION(struct save_options, format, 0, "format", "docker-archive|oci-archive|oci-dir|docker-dir", "what to write (default: docker-archive)"),
	OPTION(struct save_options, output, 'o', "output", "FILE", "write it here instead of to standard output; of the two -dir, the directory"),
	OPTION(struct save_options, multi, 'm', "multi-image-archive", NULL, "taken for podman's sake: several names are several images anyway"),
	OPTION(struct save_options, quiet, 'q', "quiet", NULL, "taken for podman's sake: nothing else is printed anyway"),
};

static int run(void *program, void *given, char **args, int n_args)
{
	const struct save_options *o = given;
	struct output_file out cleanup_output = OUTPUT_FILE_NONE;
	struct error err = { 0 };
	enum archive_format format;
	int r = archive_format_parse(o->format, &format, &err);
	bool directory = r == 0 && (format == ARCHIVE_OCI_DIR || format == ARCHIVE_DOCKER_DIR);
	if (directory && str_empty(o->output))
		r = error_say(&err, EINVAL, "--format %s writes a directory: name it with --output", o->format);
	if (r == 0 && !directory)
		r = output_open(o->output, &out, &err);
	if (r == 0)
		r = archive_save(program, args, format, out.fd, directory ? o->output : NULL, &err);
	if (r == 0)
		r = output_finish(&out, &err);
	if (r < 0)
		error_wrap(&err, "save");
	return r < 0 ? carrier_fail(&err) : 0;
}

const struct command command_save = {
	.name = "save", .arguments = "IMAGE...", .summary = "write images as an archive that `load` and other engines read",
	.description = "docker-archive is what `docker save` writes and every engine reads; its layers are not compressed. oci-archive is "
		       "an OCI image layout as a tar archive, in which the layers are as they were pulled: it keeps the digests of "
		       "manifests. oci-dir is the same as a directory, docker-dir what skopeo calls dir: and holds one image.\n\n"
		       "An image that is named by its id has no name in the archive. The same images always give the same archive. Examples:\n\n"
		       "    carrier save debian busybox | zstd > images.tar.zst\n"
		       "    carrier save --format oci-archive -o debian.tar debian",
	.examples = "One archive with two images:\n\tcarrier save -o both.tar debian:12 app:1\n\n"
		    "Straight into another engine:\n\tcarrier save app:1 | docker load",
	.exit_status = "0, or 125 when it could not be done; then the file of --output is not there.",
	OPTIONS(struct save_options, options), .defaults = &defaults, .min_args = 1, .max_args = -1, .run = run,
};
