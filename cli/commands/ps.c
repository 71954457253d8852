#include "../container/apart.h"
#include "../format.h"
#include "../table.h"
#include "cleanup.h"
#include "container_filter.h"
#include "images.h"
#include "ps_row.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct ps_options {
	bool all, quiet, no_trunc, latest, images, containers, size, no_heading;
	char *format, *sort;
	int64_t last;
	struct strings filter;
};

static const struct option_def options[] = {
	OPTION(struct ps_options, all, 'a', "all", NULL, "also those that do not run"),
	OPTION(struct ps_options, containers, 'c', "containers", NULL, "containers (which is what is listed anyway)"),
	OPTION(struct ps_options, filter, 'f', "filter", "KEY=VALUE",
	       "only those that fit, also those that do not run where it asks for their status; keys: " CONTAINER_FILTER_HELP
	       "; again for more"),
	OPTION(struct ps_options, format, 0, "format", "table|json|TEMPLATE",
	       "a table (the default), a JSON object for each line, or a template such as '{{.ID}} {{.Names}}'"),
	OPTION(struct ps_options, images, 'i', "images", NULL, "images in place of containers"),
	OPTION(struct ps_options, last, 'n', "last", "N", "the N newest, whether they run or not"),
	OPTION(struct ps_options, latest, 'l', "latest", NULL, "the newest, whether it runs or not"),
	OPTION(struct ps_options, no_heading, 0, "noheading", NULL, "no line of headings"),
	OPTION(struct ps_options, no_trunc, 0, "no-trunc", NULL, "whole ids, commands and mounts"),
	OPTION(struct ps_options, quiet, 'q', "quiet", NULL, "ids only"),
	OPTION(struct ps_options, size, 's', "size", NULL, "also how much they have written, and that together with their images"),
	OPTION(struct ps_options, sort, 0, "sort", "created|command|id|image|names|runningfor|size|status",
	       "in this order (default: created, the newest first)"),
};

/* ---- order ---- */

enum sort { SORT_CREATED, SORT_COMMAND, SORT_ID, SORT_IMAGE, SORT_NAMES, SORT_RUNNING_FOR, SORT_SIZE, SORT_STATUS };
static const char *const sort_words[] = { "created", "command", "id", "image", "names", "runningfor", "size", "status", NULL };

static int parse_sort(const struct ps_options *o, enum sort *ret, struct error *err)
{
	*ret = SORT_CREATED;
	for (int i = 0; o->sort && sort_words[i]; i++)
		if (strcmp(sort_words[i], o->sort) == 0) {
			*ret = (enum sort) i;
			return 0;
		}
	return o->sort ? error_say(err, EINVAL, "--sort '%s': created, command, id, image, names, runningfor, size or status", o->sort) : 0;
}

static int compare(const void *a, const void *b, void *ctx)
{
	const struct ps_row *x = a, *y = b;
	int order = 0;
	switch (*(const enum sort *) ctx) {
	case SORT_COMMAND: order = strcmp(x->command, y->command); break;
	case SORT_ID: order = strcmp(x->id, y->id); break;
	case SORT_IMAGE: order = strcmp(x->image, y->image); break;
	case SORT_NAMES: order = strcmp(x->names, y->names); break;
	case SORT_RUNNING_FOR: order = strcmp(x->made, y->made); break;
	case SORT_SIZE: order = (x->bytes > y->bytes) - (x->bytes < y->bytes); break;
	case SORT_STATUS: order = strcmp(x->status, y->status); break;
	case SORT_CREATED: break;
	}
	order = order ? order : strcmp(y->made, x->made);	/* the newest first */
	return order ? order : strcmp(x->whole_id, y->whole_id);
}

/* ---- the list ---- */

struct listing {
	const struct carrier *c;
	const struct ps_options *o;
	struct format format;
	struct container_filter filter;
	enum sort sort;
	struct ps_sizes sizes;
	struct pool pool;
	int64_t now;
	struct ps_row *rows;
	size_t n, size;
};

/* wants_any - docker: who asks for a state, an exit code or a number of them, means those that do not run as well */
static bool wants_any(const struct listing *l)
{
	return l->o->all || l->o->latest || l->o->last > 0 || container_filter_has(&l->filter, "status") ||
		container_filter_has(&l->filter, "exited");
}

static bool is_shown(const struct container *c, const struct listing *l)
{
	bool runs = record_runs(c) || c->state == RECORD_RESTARTING;
	return (runs || wants_any(l)) && container_filter_takes(&l->filter, c);
}

static void add_row(void *ctx, const struct container *c)
{
	struct listing *l = ctx;
	if (!is_shown(c, l))
		return;
	if (l->n == l->size)
		l->rows = xreallocarray(l->rows, l->size = l->size ? 2 * l->size : 64, sizeof *l->rows);
	bool table = l->format.is == FORMAT_TABLE;
	l->rows[l->n++] = ps_row_make(c, l->o->no_trunc, table, l->o->size ? &l->sizes : NULL, l->now, &l->pool);
}

static void print_table(const struct listing *l)
{
	struct table t cleanup_table = { 0 };
	bool size = l->o->size;
	if (!l->o->no_heading)
		table_add(&t, "CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES", size ? "SIZE" : NULL, NULL);
	for (size_t i = 0; i < l->n; i++) {
		const struct ps_row *r = &l->rows[i];
		table_add(&t, r->id, r->image, r->command, r->running_for, r->status, r->ports, r->names, size ? r->size : NULL, NULL);
	}
	table_print(&t, stdout);
}

static int print(struct listing *l, struct error *err)
{
	int r = l->o->quiet || l->o->no_heading ? 0 : format_head(&l->format, ps_row_heads, err);
	if (l->format.is == FORMAT_TABLE && !l->o->quiet) {
		print_table(l);
		return 0;
	}
	for (size_t i = 0; r == 0 && i < l->n; i++) {
		if (l->o->quiet)
			puts(l->rows[i].id);
		else
			r = format_row(&l->format, &ps_row_type, &l->rows[i], err);
	}
	format_end(&l->format);
	return r;
}

static int list_containers(void *ctx, struct error *err)
{
	struct listing *l = ctx;
	size_t most = l->o->latest ? 1 : l->o->last > 0 ? (size_t) l->o->last : SIZE_MAX;
	enum sort newest = SORT_CREATED;
	l->now = time(NULL);
	int r = record_each(l->c, !wants_any(l), add_row, l, err);
	if (l->n)
		qsort_r(l->rows, l->n, sizeof *l->rows, compare, &newest);
	l->n = l->n < most ? l->n : most;
	if (l->n && l->sort != SORT_CREATED)
		qsort_r(l->rows, l->n, sizeof *l->rows, compare, &l->sort);
	if (r == 0)
		r = print(l, err);
	ps_sizes_done(&l->sizes);
	pool_done(&l->pool);
	free(l->rows);
	return r;
}

static int run(void *program, void *given, char **args, int n_args)
{
	const struct ps_options *o = given;
	struct listing l = { .c = program, .o = o };
	struct error err = { 0 };
	if (o->images)
		return images_list(program, o->quiet, o->no_trunc, o->format, NULL);
	int r = format_parse(o->format, &l.format, &err);
	r = r < 0 ? r : parse_sort(o, &l.sort, &err);
	if (r == 0 && o->last < 0)
		r = error_say(&err, EINVAL, "--last: a number of containers, not %lld", (long long) o->last);
	r = r < 0 ? r : container_filter_parse(l.c, &o->filter, &l.filter, &err);
	/* what they have written belongs to ids that only a namespace of theirs may look at */
	if (r == 0)
		r = o->size ? apart_as_owner(l.c->rootless, list_containers, &l, &err) : list_containers(&l, &err);
	container_filter_done(&l.filter);
	format_done(&l.format);
	return r < 0 ? carrier_fail(&err) : 0;
}

const struct command command_ps = {
	.name = "ps|list|ls", .summary = "list containers",
	.description = "Those that run, the newest first; all of them with --all. \"Unattended\" is one whose monitor was killed: it runs on, "
		       "but nobody writes its log, and its exit code will not be known. \"Dead\" is one that ended in such a state.\n\n"
		       "A template has .ID, .Image, .Command, .CreatedAt, .RunningFor, .Status, .State, .Ports, .Names, .Labels, .Mounts, "
		       ".LocalVolumes, .Networks, .Size (with --size), .ImageID, .Health, .Pid, .ExitCode and .Restarts.",
	.examples = "Those that run, and all:\n\tcarrier ps\n\tcarrier ps -a\n\n"
		    "Those that failed:\n\tcarrier list --all --filter status=exited --filter exited=1\n\n"
		    "For a script:\n\tcarrier ps -a --format json\n\tcarrier ps --format 'table {{.Names}}\\t{{.Status}}'",
	OPTIONS(struct ps_options, options), .run = run,
};
