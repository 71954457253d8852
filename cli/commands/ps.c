#include "../container/record.h"
#include "../table.h"
#include "../words.h"
#include "images.h"
#include "cleanup.h"
#include <string.h>
#include <time.h>


struct ps_options { bool all, quiet, no_trunc, latest, images; char *format; int64_t last; };

static const struct option_def options[] = {
	OPTION(struct ps_options, all, 'a', "all", NULL, "also those that do not run"),
	OPTION(struct ps_options, quiet, 'q', "quiet", NULL, "ids only"),
	OPTION(struct ps_options, no_trunc, 0, "no-trunc", NULL, "whole ids and commands"),
	OPTION(struct ps_options, format, 0, "format", "table|json", "a table (the default), or a JSON object for each line"),
	OPTION(struct ps_options, last, 'n', "last", "N", "the N newest, whether they run or not"),
	OPTION(struct ps_options, latest, 'l', "latest", NULL, "the newest, whether it runs or not"),
	OPTION(struct ps_options, images, 'i', "images", NULL, "images in place of containers"),
};

struct ps_row { char *id, *image, *command, *created_at, *running_for, *status, *state, *names, *labels; };
#define T struct ps_row
static const struct json_type row_type = JSON_TYPE(T, JSON_ALWAYS(T, command, "Command"), JSON_ALWAYS(T, created_at, "CreatedAt"),
	JSON_ALWAYS(T, id, "ID"), JSON_ALWAYS(T, image, "Image"), JSON_ALWAYS(T, labels, "Labels"), JSON_ALWAYS(T, names, "Names"),
	JSON_ALWAYS(T, running_for, "RunningFor"), JSON_ALWAYS(T, state, "State"), JSON_ALWAYS(T, status, "Status"));
#undef T

static char *status_words(const struct container *c, int64_t now, struct pool *pool)
{
	const struct status *s = &c->status;
	char words[40];
	int64_t started;
	switch (c->state) {
	case RECORD_RUNNING:
	case RECORD_UNATTENDED:
		words_duration(words_time(s->started, &started) < 0 ? 0 : now - started, words);
		return pool_printf(pool, "Up %s%s", words, c->state == RECORD_UNATTENDED ? " (unattended)" : "");
	case RECORD_EXITED:
		return pool_printf(pool, "Exited (%lld) %s", (long long) s->exit_code, words_ago(s->finished, now, words));
	case RECORD_STARTING: return pool_strdup(pool, "Starting");
	case RECORD_DEAD: return pool_strdup(pool, "Dead");
	case RECORD_CREATED:
	case RECORD_REMOVING: break;	/* is not listed */
	}
	return pool_strdup(pool, "Created");
}

static char *command_words(char *const *args, bool whole, struct pool *pool)
{
	struct buf b cleanup_buf = { 0 };
	for (char *const *a = args; a && *a; a++)
		buf_printf(&b, "%s%s", a == args ? "" : " ", *a);
	cleanup_free char *shown = words_cut(buf_str(&b), whole ? UINT32_MAX : 20);
	return pool_printf(pool, "\"%s\"", shown);
}

static struct ps_row make_row(const struct container *c, const struct ps_options *o, int64_t now, struct pool *pool)
{
	const struct record *r = &c->record;
	struct buf labels cleanup_buf = { 0 };
	char ago[40];
	for (size_t i = 0; i < r->labels.n; i++)
		buf_printf(&labels, "%s%s=%s", i ? "," : "", r->labels.pairs[i].key, r->labels.pairs[i].value);
	return (struct ps_row) {
		.id = pool_strndup(pool, r->id, o->no_trunc ? strlen(r->id) : strnlen(r->id, 12)),
		.image = pool_strdup(pool, r->image ? r->image : r->rootfs ? r->rootfs : ""),
		.command = command_words(r->args, o->no_trunc, pool),
		.created_at = pool_strdup(pool, r->created ? r->created : ""),
		.running_for = pool_strdup(pool, words_ago(r->created, now, ago)),
		.status = status_words(c, now, pool),
		.state = pool_strdup(pool, record_state_name(c->state)),
		.names = pool_strdup(pool, r->name ? r->name : ""), .labels = pool_strdup(pool, buf_str(&labels)),
	};
}

static bool is_shown(const struct container *c, size_t i, const struct ps_options *o)
{
	if (o->latest || o->last > 0)
		return i < (o->latest ? 1 : (size_t) o->last);
	return o->all || c->state == RECORD_RUNNING || c->state == RECORD_UNATTENDED;
}

static void print(const struct container *list, size_t n, const struct ps_options *o, bool json)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct table t cleanup_table = { 0 };
	int64_t now = time(NULL);
	table_add(&t, "CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "NAMES", NULL);
	for (size_t i = 0; i < n; i++) {
		if (!is_shown(&list[i], i, o))
			continue;
		struct ps_row row = make_row(&list[i], o, now, &pool);
		if (o->quiet) {
			puts(row.id);
		} else if (json) {
			cleanup_free char *text = json_encode(&row_type, &row, JSON_COMPACT, NULL);
			puts(text);
		} else {
			table_add(&t, row.id, row.image, row.command, row.running_for, row.status, row.names, NULL);
		}
	}
	if (!o->quiet && !json)
		table_print(&t, stdout);
}

static int run(void *program, void *given, char **args, int n_args)
{
	const struct ps_options *o = given;
	struct container *list = NULL;
	size_t n = 0;
	struct error err = { 0 };
	bool json = str_eq(o->format, "json");
	if (o->images)
		return images_list(program, o->quiet, o->no_trunc, o->format, NULL);
	if (o->format && !json && !str_eq(o->format, "table")) {
		error_say(&err, EINVAL, "--format '%s' is not known: table or json", o->format);
		return carrier_fail(&err);
	}
	if (record_list(program, &list, &n, &err) < 0)
		return carrier_fail(&err);
	print(list, n, o, json);
	for (size_t i = 0; i < n; i++)
		container_done(&list[i]);
	free(list);
	return 0;
}

const struct command command_ps = {
	.name = "ps|list|ls", .summary = "list containers",
	.description = "Those that run, the newest first; all of them with --all. \"Unattended\" is one whose monitor was killed: it runs on, "
		       "but nobody writes its log, and its exit code will not be known. \"Dead\" is one that ended in such a state.",
	OPTIONS(struct ps_options, options), .run = run,
};
