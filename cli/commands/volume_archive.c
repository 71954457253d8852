/* volume export, volume import: a volume's files as a tar archive. */
#include "../container/apart.h"
#include "../transfer/unpacker.h"
#include "archives.h"
#include "cleanup.h"
#include "log.h"
#include "volume_words.h"
#include <fcntl.h>

struct export_options { char *output; };
static const struct option_def options[] = {
	OPTION(struct export_options, output, 'o', "output", "FILE", "write the archive here instead of to standard output"),
};

/* @fd: of the archive */
struct job { const char *data; int fd; };

static int open_data(const char *data, struct error *err)
{
	int fd = open(data, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? error_set(err, errno, "open '%s'", data) : fd;
}

static int say_left_out(const struct unpack_report *report)
{
	if (report->message)
		log_warn("%s", report->message);
	return 0;
}

static int pack(void *ctx, struct error *err)
{
	const struct job *j = ctx;
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct unpack_report *report;
	cleanup_close int data = open_data(j->data, err);
	const struct pack_job job = { .tree_fd = data, .output_fd = j->fd, .kind = "archive", .compression = LAYER_PLAIN };
	int r = data < 0 ? data : pack_all(&job, &pool, &report, err);
	return r < 0 ? r : say_left_out(report);
}

static int unpack(void *ctx, struct error *err)
{
	const struct job *j = ctx;
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct unpack_report *report;
	cleanup_close int data = open_data(j->data, err);
	const struct unpack_job job = { .input_fd = j->fd, .blob_dir_fd = -1, .layer_dir_fd = data, .compression = LAYER_UNKNOWN, .extract = true };
	int r = data < 0 ? data : unpack_all(&job, &pool, &report, err);
	return r < 0 ? r : say_left_out(report);
}

static int find(const struct carrier *c, const char *name, struct volume *ret, struct error *err)
{
	int r = volume_find(c, name, ret, err);
	if (r == 0 && ret->record.options.n)
		return error_say(err, EINVAL, "volume '%s' is mounted by its options in each container: it has no files of its own here", name);
	return r;
}

static int run_export(void *program, void *given, char **args, int n_args)
{
	const struct carrier *c = program;
	const struct export_options *o = given;
	struct volume v cleanup_volume = { 0 };
	struct output_file out cleanup_output = OUTPUT_FILE_NONE;
	struct error err = { 0 };
	int r = find(c, args[0], &v, &err);
	if (r == 0)
		r = output_open(o->output, &out, &err);
	struct job j = { v.data, out.fd };
	if (r == 0)
		r = apart_as_owner(c->rootless, pack, &j, &err);
	if (r == 0)
		r = output_finish(&out, &err);
	return r < 0 ? carrier_fail(&err) : 0;
}

static int run_import(void *program, void *unused, char **args, int n_args)
{
	const struct carrier *c = program;
	struct volume v cleanup_volume = { 0 };
	struct error err = { 0 };
	int r = find(c, args[0], &v, &err);
	cleanup_close int fd = r < 0 ? -1 : input_open(n_args > 1 ? args[1] : NULL, "an archive", &err);
	struct job j = { v.data, fd };
	if (r == 0)
		r = fd < 0 ? fd : apart_as_owner(c->rootless, unpack, &j, &err);
	return r < 0 ? carrier_fail(&err) : 0;
}

const struct command command_volume_export = {
	.name = "export", .arguments = "VOLUME", .summary = "write a volume's files as a tar archive",
	.examples = "A copy, compressed:\n\tcarrier volume export shop-db | gzip >shop-db.tar.gz",
	OPTIONS(struct export_options, options), .min_args = 1, .max_args = 1, .run = run_export,
};

const struct command command_volume_import = {
	.name = "import", .arguments = "VOLUME [FILE|-]", .summary = "unpack a tar archive in a volume",
	.description = "The archive, compressed or not, comes from FILE or standard input. What is in the volume and not in the archive stays.",
	.examples = "What was exported comes back:\n\tcarrier volume import shop-db shop-db.tar.gz",
	.min_args = 1, .max_args = 2, .run = run_import,
};
