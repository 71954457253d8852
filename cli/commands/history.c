#include "../carrier.h"
#include "../image/store.h"
#include "../format.h"
#include "../words.h"
#include "cleanup.h"
#include <string.h>
#include <time.h>

struct history_options { bool quiet, no_trunc, human; char *format; };
static const struct history_options defaults = { .human = true };

static const struct option_def options[] = {
	OPTION(struct history_options, quiet, 'q', "quiet", NULL, "ids only"),
	OPTION(struct history_options, no_trunc, 0, "no-trunc", NULL, "whole ids and commands"),
	OPTION(struct history_options, human, 'H', "human", NULL, "how long ago, and sizes with units (the default); =false: times and bytes"),
	OPTION(struct history_options, format, 0, "format", "table|json|TEMPLATE",
	       "a table (the default), a JSON object for each line, or a template such as '{{.ID}} {{.Size}}'"),
};

struct history_row { char *comment, *created_at, *created_by, *created_since, *id, *size; };
#define T struct history_row
static const struct json_type row_type = JSON_TYPE(T, JSON_ALWAYS(T, comment, "Comment"), JSON_ALWAYS(T, created_at, "CreatedAt"),
	JSON_ALWAYS(T, created_by, "CreatedBy"), JSON_ALWAYS(T, created_since, "CreatedSince"), JSON_ALWAYS(T, id, "ID"),
	JSON_ALWAYS(T, size, "Size"));
#undef T
static const char heads[] = "{\"ID\":\"IMAGE\",\"CreatedSince\":\"CREATED\",\"CreatedAt\":\"CREATED AT\",\"CreatedBy\":\"CREATED BY\","
	"\"Size\":\"SIZE\",\"Comment\":\"COMMENT\"}";

/* How an image came to be is a list of steps, some of which made a layer, in order. Who leaves out steps leaves out the first ones:
 * steps and layers are paired from the top. */
struct step { const struct image_history *history; int64_t size; };

static struct step *list_steps(const struct image *i, size_t *n)
{
	const struct image_config *config = i->config;
	size_t layers = i->manifest->n_layers;
	struct step *steps = xcalloc(config->n_history + layers, sizeof *steps);
	*n = 0;
	for (size_t k = config->n_history; k-- > 0;) {
		const struct image_history *h = &config->history[k];
		steps[(*n)++] = (struct step) { h, h->empty_layer || layers == 0 ? 0 : i->manifest->layers[--layers].size };
	}
	while (layers-- > 0)
		steps[(*n)++] = (struct step) { NULL, i->manifest->layers[layers].size };
	return steps;
}

static struct history_row make_row(const struct image *i, const struct step *step, bool top, const struct history_options *o,
				   struct pool *pool)
{
	static const struct image_history none;
	const struct image_history *h = step->history ? step->history : &none;
	const char *created = h->created ? h->created : "";
	char size[24], ago[40];
	cleanup_free char *by = words_cut(h->created_by ? h->created_by : "", o->no_trunc ? UINT32_MAX : 45);
	if (o->human)
		(void) str_human_size((uint64_t) step->size, size);
	else
		snprintf(size, sizeof size, "%lld", (long long) step->size);
	const char *id = !top ? "<missing>" : o->no_trunc ? i->config_digest : pool_strndup(pool, digest_hex(i->config_digest), 12);
	return (struct history_row) {
		.id = pool_strdup(pool, id), .created_by = pool_strdup(pool, by), .size = pool_strdup(pool, size),
		.created_at = pool_strdup(pool, created), .comment = pool_strdup(pool, h->comment ? h->comment : ""),
		.created_since = pool_strdup(pool, o->human ? words_ago(created, time(NULL), ago) : created),
	};
}

static int print_steps(const struct image *i, const struct history_options *o, struct format *f, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	size_t n;
	cleanup_free struct step *steps = list_steps(i, &n);
	int r = o->quiet ? 0 : format_head(f, heads, err);
	if (!o->quiet && f->is == FORMAT_TABLE)
		table_add(&f->table, "IMAGE", o->human ? "CREATED" : "CREATED AT", "CREATED BY", "SIZE", "COMMENT", NULL);
	for (size_t k = 0; r == 0 && k < n; k++) {
		struct history_row row = make_row(i, &steps[k], k == 0, o, &pool);
		if (o->quiet)
			puts(row.id);
		else if (f->is == FORMAT_TABLE)
			table_add(&f->table, row.id, row.created_since, row.created_by, row.size, row.comment, NULL);
		else
			r = format_row(f, &row_type, &row, err);
	}
	format_end(f);
	return r;
}

static int run(void *program, void *given, char **args, int n_args)
{
	const struct carrier *c = program;
	const struct history_options *o = given;
	struct store s cleanup_store = STORE_INIT;
	struct image image cleanup_image = { 0 };
	struct format format cleanup_format = { 0 };
	struct error err = { 0 };
	(void) n_args;
	int r = format_parse(o->format, &format, &err);
	if (r == 0)
		r = store_open(c->root, &s, &err);
	if (r == 0)
		r = store_find(&s, args[0], &image, &err);
	if (r == 0)
		r = print_steps(&image, o, &format, &err);
	return r < 0 ? carrier_fail(&err) : 0;
}

const struct command command_history = {
	.name = "history", .arguments = "IMAGE", .summary = "show how an image was made",
	.description = "The last step comes first. SIZE is that of the layer which a step made, compressed as it was fetched.",
	.examples = "Which steps have made the image, and how large is each?\n\tcarrier history debian:12",
	.exit_status = "0, or 125 when there is no such image.",
	OPTIONS(struct history_options, options), .defaults = &defaults, .min_args = 1, .max_args = 1, .run = run,
};
