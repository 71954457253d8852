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

struct ps_options { bool all, quiet, no_trunc, latest, images, containers, size, no_heading; char *format, *sort; int64_t last; struct strings filter; };

static const struct option_def options[] = {
	OPTION(struct ps_options, all, 'a', "all", NULL, "also those that do not run"),
	OPTION(struct ps_options, containers, 'c', "containers", NULL, "containers (which is what is listed anyway)"),
	OPTION(struct ps_options, filter, 'f', "filter", "KEY=VALUE", "only those that fit, also those that do not run where it asks for their status; keys: " CONTAINER_FILTER_HELP "; again for more"),
	OPTION(struct ps_options, format, 0, "format", "table|json|TEMPLATE", "a table (the default), a JSON object for each line, or a template such as '{{.ID}} {{.Names}}'"),
	OPTION(struct ps_options, images, 'i', "images", NULL, "images in place of containers"),
	OPTION(struct ps_options, last, 'n', "last", "N", "the N newest, whether they run or not"),
	OPTION(struct ps_options, latest, 'l', "latest", NULL, "the newest, whether it runs or not"),
	OPTION(struct ps_options, no_heading, 0, "noheading", NULL, "no line of headings"),
	OPTION(struct ps_options, no_trunc, 0, "no-trunc", NULL, "whole ids, commands and mounts"),
	OPTION(struct ps_options, quiet, 'q', "quiet", NULL, "ids only"),
	OPTION(struct ps_options, size, 's', "size", NULL, "also how much they have written, and that together with their images"),
	OPTION(struct ps_options, sort, 0, "sort", "created|command|id|image|names|runningfor|size|status", "in this order (default: created, the newest first)"),
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

struct shown { const struct container *container; struct ps_row row; };

static int compare(const void *a, const void *b, void *ctx)
{
	const struct shown *x = a, *y = b;
	int order = 0;
	switch (*(const enum sort *) ctx) {
	case SORT_COMMAND: order = strcmp(x->row.command, y->row.command); break;
	case SORT_ID: order = strcmp(x->row.id, y->row.id); break;
	case SORT_IMAGE: order = strcmp(x->row.image, y->row.image); break;
	case SORT_NAMES: order = strcmp(x->row.names, y->row.names); break;
	case SORT_RUNNING_FOR: order = strcmp(x->container->record.created, y->container->record.created); break;
	case SORT_SIZE: order = (x->row.bytes > y->row.bytes) - (x->row.bytes < y->row.bytes); break;
	case SORT_STATUS: order = strcmp(x->row.status, y->row.status); break;
	case SORT_CREATED: break;	/* as they come */
	}
	return order ? order : (x->container > y->container) - (x->container < y->container);
}

/* ---- the list ---- */

struct listing {
	const struct carrier *c;
	const struct ps_options *o;
	struct format format;
	struct container_filter filter;
	enum sort sort;
};

/* is_shown - docker: who asks for a state, an exit code or a number of them, means those that do not run as well */
static bool is_shown(const struct container *c, const struct listing *l)
{
	bool any = l->o->all || l->o->latest || l->o->last > 0 || container_filter_has(&l->filter, "status") || container_filter_has(&l->filter, "exited");
	bool runs = c->state == RECORD_RUNNING || c->state == RECORD_UNATTENDED || c->state == RECORD_RESTARTING;
	return (any || runs) && container_filter_takes(&l->filter, c);
}

static void print_table(const struct shown *list, size_t n, const struct ps_options *o)
{
	struct table t cleanup_table = { 0 };
	if (!o->no_heading)
		table_add(&t, "CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES", o->size ? "SIZE" : NULL, NULL);
	for (size_t i = 0; i < n; i++) {
		const struct ps_row *r = &list[i].row;
		table_add(&t, r->id, r->image, r->command, r->running_for, r->status, r->ports, r->names, o->size ? r->size : NULL, NULL);
	}
	table_print(&t, stdout);
}

static int print(struct listing *l, const struct shown *list, size_t n, struct error *err)
{
	int r = l->o->quiet || l->o->no_heading ? 0 : format_head(&l->format, &ps_row_type, &ps_row_heads, err);
	if (l->format.is == FORMAT_TABLE && !l->o->quiet) {
		print_table(list, n, l->o);
		return 0;
	}
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (l->o->quiet)
			puts(list[i].row.id);
		else
			r = format_row(&l->format, &ps_row_type, &list[i].row, err);
	}
	format_end(&l->format);
	return r;
}

static int list_containers(void *ctx, struct error *err)
{
	struct listing *l = ctx;
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct ps_sizes sizes CLEANUP(ps_sizes_done) = { 0 };
	struct container *list = NULL;
	size_t n = 0, n_shown = 0;
	size_t most = l->o->latest ? 1 : l->o->last > 0 ? (size_t) l->o->last : SIZE_MAX;
	int64_t now = time(NULL);
	int r = record_list(l->c, &list, &n, err);
	cleanup_free struct shown *shown = xcalloc(n + 1, sizeof *shown);
	for (size_t i = 0; i < n && n_shown < most; i++)
		if (is_shown(&list[i], l))
			shown[n_shown++] = (struct shown) { &list[i], ps_row_make(&list[i], l->o->no_trunc, l->o->size ? &sizes : NULL, now, &pool) };
	if (l->sort != SORT_CREATED && n_shown)
		qsort_r(shown, n_shown, sizeof *shown, compare, &l->sort);
	if (r == 0)
		r = print(l, shown, n_shown, err);
	for (size_t i = 0; i < n; i++)
		container_done(&list[i]);
	free(list);
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
		       "A template has .ID, .Image, .Command, .CreatedAt, .RunningFor, .Status, .State, .Ports, .Names, .Labels, .Mounts, .LocalVolumes, "
		       ".Networks, .Size (with --size), .ImageID, .Health, .Pid, .ExitCode and .Restarts. Examples:\n\n"
		       "    carrier list --all --filter status=exited --filter exited=1\n"
		       "    carrier ps --format 'table {{.Names}}\\t{{.Status}}'",
	OPTIONS(struct ps_options, options), .run = run,
};
