#include "../container/apart.h"
#include "../container/tree.h"
#include "../transfer/unpacker.h"
#include "archives.h"
#include "cleanup.h"
#include "log.h"

struct export_options { char *output; };
static const struct option_def options[] = {
	OPTION(struct export_options, output, 'o', "output", "FILE", "write the archive here instead of to standard output"),
};

struct export { const struct carrier *c; const struct container *container; int fd; };

static int work(void *ctx, struct error *err)
{
	const struct export *e = ctx;
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct unpack_report *report;
	struct rootfs mounted = ROOTFS_NONE;
	cleanup_close int tree = container_tree(e->c, e->container, &mounted, err);
	struct idmap uids cleanup_idmap = { 0 }, gids cleanup_idmap = { 0 };
	const struct pack_job job = { .tree_fd = tree, .output_fd = e->fd, .kind = "archive", .compression = LAYER_PLAIN, .uids = &uids,
				      .gids = &gids };
	int r = tree < 0 ? tree : container_owners(e->container, false, &uids, &gids, err);
	if (r == 0)
		r = pack_all(&job, &pool, &report, err);
	close_fd(&tree);
	container_tree_end(e->container, &mounted);
	if (r == 0 && report->message)
		log_warn("%s", report->message);
	return r;
}

static int run(void *program, void *given, char **args, int n_args)
{
	const struct carrier *c = program;
	const struct export_options *o = given;
	struct container container cleanup_container = CONTAINER_NONE;
	struct output_file out cleanup_output = OUTPUT_FILE_NONE;
	struct error err = { 0 };
	int r = record_find(c, args[0], false, &container, &err);
	if (r == 0)
		r = output_open(o->output, &out, &err);
	struct export e = { .c = c, .container = &container, .fd = out.fd };
	if (r == 0)
		r = apart_run(work, &e, &err);
	if (r == 0)
		r = output_finish(&out, &err);
	return r < 0 ? carrier_fail(&err) : 0;
}

const struct command command_export = {
	.name = "export", .arguments = "CONTAINER", .summary = "write a container's files as a tar archive",
	.description = "All of its files, whichever layer they are of; nothing of what is mounted in it, and nothing of its settings: `carrier "
		       "commit` keeps those. It may run meanwhile.",
	.examples = "All files of a container, for another machine:\n\tcarrier export -o web.tar web\n\n"
		    "Look at one of them:\n\tcarrier export web | tar -xO etc/hostname",
	.exit_status = "0, or 125 when it could not be done; then the file of --output is not there.",
	OPTIONS(struct export_options, options), .min_args = 1, .max_args = 1, .run = run,
};
