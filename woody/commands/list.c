#include "../container.h"
#include "../woody.h"
#include "cleanup.h"
#include <string.h>
#include <sys/stat.h>

struct list_options { bool quiet; char *format; };

static const struct option_def options[] = {
	OPTION(struct list_options, quiet, 'q', "quiet", NULL, "ids only"),
	OPTION(struct list_options, format, 'f', "format", "FORMAT", "table (the default) or json"),
};

static void print_table(const struct container_row *rows, size_t n)
{
	int id = 2, bundle = 6, created = 7;
	for (size_t i = 0; i < n; i++) {
		id = (int) strlen(rows[i].id) > id ? (int) strlen(rows[i].id) : id;
		bundle = rows[i].bundle && (int) strlen(rows[i].bundle) > bundle ? (int) strlen(rows[i].bundle) : bundle;
		created = rows[i].created && (int) strlen(rows[i].created) > created ? (int) strlen(rows[i].created) : created;
	}
	printf("%-*s   %-8s %-8s   %-*s   %-*s   %s\n", id, "ID", "PID", "STATUS", bundle, "BUNDLE", created, "CREATED", "OWNER");
	for (size_t i = 0; i < n; i++)
		printf("%-*s   %-8lld %-8s   %-*s   %-*s   %s\n", id, rows[i].id, (long long) rows[i].pid, rows[i].status, bundle,
		       rows[i].bundle ? rows[i].bundle : "", created, rows[i].created ? rows[i].created : "",
		       rows[i].owner ? rows[i].owner : "");
}

static int run(void *program, void *given, char **args, int n_args)
{
	struct woody *w = program;
	struct list_options *o = given;
	struct error err = { 0 };
	(void) args;
	(void) n_args;
	bool json = o->format && strcmp(o->format, "json") == 0;
	if (o->format && !json && strcmp(o->format, "table") != 0) {
		error_say(&err, EINVAL, "invalid format option '%s': table or json", o->format);
		return fail(w, "list", &err);
	}
	struct strings ids cleanup_strings = { 0 };
	if (w->root_given && access(w->root, F_OK) < 0) {
		error_set(&err, errno, "--root '%s'", w->root);
		return fail(w, "list", &err);
	}
	if (container_ids(w->root, &ids, &err) < 0)
		return fail(w, "list", &err);

	struct container *containers = xcalloc(ids.n, sizeof *containers);
	struct container_row *rows = xcalloc(ids.n, sizeof *rows);
	struct pool pool CLEANUP(pool_done) = { 0 };
	size_t n = 0;
	for (size_t i = 0; i < ids.n; i++)
		if (container_load(w->root, ids.v[i], &containers[n], NULL) == 0) {	/* one deleted meanwhile is not listed */
			rows[n] = container_to_row(&containers[n], container_status(&containers[n]), &pool);
			n++;
		}
	if (o->quiet) {
		for (size_t i = 0; i < n; i++)
			puts(rows[i].id);
	} else if (json) {
		cleanup_free char *text = json_encode_list(&container_row_type, rows, n, JSON_COMPACT, NULL);
		puts(text);
	} else {
		print_table(rows, n);
	}
	for (size_t i = 0; i < n; i++)
		container_done(&containers[i]);
	free(containers);
	free(rows);
	return 0;
}

const struct command command_list = {
	.name = "list", .summary = "list the containers below --root", OPTIONS(struct list_options, options), .run = run,
};
