#include "../container/sample.h"
#include "../format.h"
#include "cleanup.h"
#include "proc.h"
#include "str.h"
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HISTORY = 16, FIRST_MS = 200, INTERVAL_S = 1 };
struct stats_options { bool all, latest, no_stream, no_reset, no_trunc; int64_t interval; char *format; };
static const struct stats_options defaults = { .interval = INTERVAL_S };
static const struct option_def options[] = {
	OPTION(struct stats_options, all, 'a', "all", NULL, "also those that do not run"),
	OPTION(struct stats_options, format, 0, "format", "table|json|TEMPLATE",
	       "a table (the default), a JSON object for each, or a template such as '{{.Name}} {{.CPUPerc}}'"),
	OPTION(struct stats_options, interval, 'i', "interval", "SECONDS", "between two looks (default: 1)"),
	OPTION(struct stats_options, latest, 'l', "latest", NULL, "the container that was made last"),
	OPTION(struct stats_options, no_reset, 0, "no-reset", NULL, "do not clear the terminal in between"),
	OPTION(struct stats_options, no_stream, 0, "no-stream", NULL, "look once and end"),
	OPTION(struct stats_options, no_trunc, 0, "no-trunc", NULL, "whole ids"),
};

struct row { char *block_io, *cpu_perc, *container, *id, *mem_perc, *mem_usage, *name, *net_io, *pids, *cpu_pressure, *mem_pressure, *io_pressure; };
#define T struct row
static const struct json_type row_type = JSON_TYPE(T, JSON_ALWAYS(T, block_io, "BlockIO"), JSON_ALWAYS(T, cpu_perc, "CPUPerc"),
	JSON_ALWAYS(T, container, "Container"), JSON_ALWAYS(T, id, "ID"), JSON_ALWAYS(T, mem_perc, "MemPerc"), JSON_ALWAYS(T, mem_usage, "MemUsage"),
	JSON_ALWAYS(T, name, "Name"), JSON_ALWAYS(T, net_io, "NetIO"), JSON_ALWAYS(T, pids, "PIDs"), JSON_ALWAYS(T, cpu_pressure, "CPUPressure"),
	JSON_ALWAYS(T, mem_pressure, "MemPressure"), JSON_ALWAYS(T, io_pressure, "IOPressure"));
#undef T
static const char heads[] = "{\"ID\":\"CONTAINER ID\",\"Container\":\"CONTAINER\",\"Name\":\"NAME\",\"CPUPerc\":\"CPU %\","
	"\"MemUsage\":\"MEM USAGE / LIMIT\",\"MemPerc\":\"MEM %\",\"NetIO\":\"NET I/O\",\"BlockIO\":\"BLOCK I/O\","
	"\"PIDs\":\"PIDS\",\"CPUPressure\":\"CPU PSI\",\"MemPressure\":\"MEM PSI\",\"IOPressure\":\"IO PSI\"}";

/* struct seen - a container from one look to the next */
struct seen {
	char id[65];
	struct sample last;
	bool sampled;
	double cpu[HISTORY];		/* the last ones, oldest first */
	size_t n;
};

struct watching {
	const struct carrier *c;
	const struct stats_options *o;
	char **names;
	struct format *format;
	bool terminal;
	struct seen *seen;
	size_t n_seen;
};

/* ---- words ---- */

/* amount - docker's: four digits, "1.953MiB" by 1024 or "2.05kB" by 1000 */
static char *amount(uint64_t bytes, bool binary, struct pool *pool)
{
	static const char *const two[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" }, *const ten[] = { "B", "kB", "MB", "GB", "TB", "PB" };
	double v = (double) bytes, base = binary ? 1024 : 1000;
	size_t i = 0;
	for (; v >= base && i < 5; i++)
		v /= base;
	return pool_printf(pool, "%.*g%s", binary ? 4 : 3, v, binary ? two[i] : ten[i]);
}

static char *pair(bool known, uint64_t a, uint64_t b, bool binary, struct pool *pool)
{
	return known ? pool_printf(pool, "%s / %s", amount(a, binary, pool), amount(b, binary, pool)) : pool_strdup(pool, "-- / --");
}

static char *pressure_words(const struct pressure *p, struct pool *pool)
{
	return p->known ? pool_printf(pool, "%.2f%%", p->some_avg10) : pool_strdup(pool, "--");
}

/* sparkline - of the last looks; as high as the highest of them, but a tenth of a processor is not drawn as a mountain */
static char *sparkline(const struct seen *s, struct pool *pool)
{
	static const char *const bars[] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
	struct buf b cleanup_buf = { 0 };
	double top = 10;
	for (size_t i = 0; i < s->n; i++)
		top = s->cpu[i] > top ? s->cpu[i] : top;
	for (size_t i = 0; i < s->n; i++)
		buf_puts(&b, bars[(int) (s->cpu[i] / top * 7 + 0.5)]);
	return pool_strdup(pool, buf_str(&b));
}

static struct row make_row(const struct container *c, const struct sample *s, double cpu, const struct watching *w, struct pool *pool)
{
	const struct record *r = &c->record;
	char *id = pool_strndup(pool, r->id, w->o->no_trunc ? strlen(r->id) : 12);
	struct row row = { .container = id, .id = id, .name = pool_strdup(pool, r->name), .cpu_perc = pool_printf(pool, "%.2f%%", cpu) };
	row.mem_perc = pool_printf(pool, "%.2f%%", s->memory_limit ? 100.0 * (double) s->memory / (double) s->memory_limit : 0);
	row.mem_usage = pair(true, s->memory, s->memory_limit, true, pool);
	row.net_io = pair(s->has_network, s->received_bytes, s->sent_bytes, false, pool);
	row.block_io = pair(s->has_io, s->read_bytes, s->written_bytes, false, pool);
	row.pids = pool_printf(pool, "%llu", (unsigned long long) s->pids);
	row.cpu_pressure = pressure_words(&s->pressure[PRESSURE_CPU], pool);
	row.mem_pressure = pressure_words(&s->pressure[PRESSURE_MEMORY], pool);
	row.io_pressure = pressure_words(&s->pressure[PRESSURE_IO], pool);
	return row;
}

/* ---- one look ---- */

static struct seen *seen_of(struct watching *w, const char *id)
{
	for (size_t i = 0; i < w->n_seen; i++)
		if (strcmp(w->seen[i].id, id) == 0)
			return &w->seen[i];
	w->seen = xreallocarray(w->seen, w->n_seen + 1, sizeof *w->seen);
	w->seen[w->n_seen] = (struct seen) { 0 };
	snprintf(w->seen[w->n_seen].id, sizeof w->seen->id, "%s", id);
	return &w->seen[w->n_seen++];
}

static void remember(struct seen *s, double cpu)
{
	if (s->n == HISTORY)
		memmove(s->cpu, s->cpu + 1, --s->n * sizeof *s->cpu);
	s->cpu[s->n++] = cpu;
}

/* find - those that are to be shown now; caller frees */
static int find(struct watching *w, struct container **ret, size_t *n, struct error *err)
{
	if (!w->names[0] && !w->o->latest) {
		int r = record_list(w->c, ret, n, err);
		size_t kept = 0;
		for (size_t i = 0; r == 0 && i < *n; i++) {
			if (w->o->all || record_runs(&(*ret)[i]))
				(*ret)[kept++] = (*ret)[i];
			else
				container_done(&(*ret)[i]);
		}
		*n = kept;
		return r;
	}
	*ret = xcalloc(strings_count(w->names) + 1, sizeof **ret);
	*n = 0;
	static char *latest[] = { (char *) "", NULL };
	for (char **name = w->o->latest ? latest : w->names; *name; name++) {
		int r = record_find(w->c, *name, w->o->latest, &(*ret)[*n], err);
		if (r < 0)
			return r;
		++*n;
	}
	return 0;
}

struct shown { struct row row; char *line; };

/* look_at - a container; of one that does not run zeroes are shown, as docker does */
static struct shown look_at(struct watching *w, const struct container *c, struct pool *pool)
{
	struct sample now = { 0 };
	struct seen *s = seen_of(w, c->record.id);
	bool runs = sample_take(c, &now, NULL) == 0;
	double cpu = runs && s->sampled ? sample_cpu_percent(&s->last, &now) : 0;
	if (s->sampled)
		remember(s, cpu);
	s->last = now;
	s->sampled = runs;
	return (struct shown) { make_row(c, &now, cpu, w, pool), sparkline(s, pool) };
}

static int print(struct watching *w, const struct shown *list, size_t n, struct error *err)
{
	struct table t cleanup_table = { 0 };
	int r = format_head(w->format, heads, err);
	if (w->terminal && !w->o->no_reset)
		(void) fputs("\033[H\033[J", stdout);
	if (w->format->is == FORMAT_TABLE)
		table_add(&t, "CONTAINER ID", "NAME", "CPU %", "MEM USAGE / LIMIT", "MEM %", "NET I/O", "BLOCK I/O", "PIDS", "PSI CPU / MEM / IO",
			  w->terminal ? "CPU" : NULL, NULL);
	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct row *row = &list[i].row;
		cleanup_free char *psi = xasprintf("%s / %s / %s", row->cpu_pressure, row->mem_pressure, row->io_pressure);
		if (w->format->is == FORMAT_TABLE)
			table_add(&t, row->id, row->name, row->cpu_perc, row->mem_usage, row->mem_perc, row->net_io, row->block_io, row->pids, psi,
				  w->terminal ? list[i].line : NULL, NULL);
		else
			r = format_row(w->format, &row_type, row, err);
	}
	if (w->format->is == FORMAT_TABLE)
		table_print(&t, stdout);
	format_end(w->format);
	table_done(&w->format->table);
	return r < 0 ? r : fflush(stdout) ? error_say(err, EPIPE, "nobody reads the output") : 0;
}

static int look(struct watching *w, bool show, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct container *list = NULL;
	size_t n = 0;
	int r = find(w, &list, &n, err);
	cleanup_free struct shown *shown = xcalloc(n + 1, sizeof *shown);
	for (size_t i = 0; i < n; i++) {
		if (r == 0)
			shown[i] = look_at(w, &list[i], &pool);
		container_done(&list[i]);
	}
	free(list);
	return r < 0 || !show ? r : print(w, shown, n, err);
}

static int run(void *program, void *given, char **args, int n_args)
{
	const struct stats_options *o = given;
	struct format format cleanup_format = { 0 };
	struct error err = { 0 };
	struct watching w = { .c = program, .o = o, .names = args, .format = &format };
	int r = format_parse(o->format, &format, &err);
	if (r == 0 && (o->interval < 1 || o->interval > 86400))
		r = error_say(&err, EINVAL, "--interval: a number of seconds, at least 1");
	if (r == 0 && o->latest && n_args)
		r = error_say(&err, EINVAL, "--latest and names of containers exclude each other");
	w.terminal = !o->no_stream && isatty(STDOUT_FILENO) && !o->format;
	if (r == 0)
		r = look(&w, false, &err);	/* what is used between two looks is what there is to show */
	for (int ms = FIRST_MS; r == 0; ms = (int) o->interval * 1000) {
		(void) poll(NULL, 0, ms);
		r = look(&w, true, &err);
		if (o->no_stream)
			break;
	}
	free(w.seen);
	if (r == -EPIPE)
		return 0;
	return r < 0 ? (carrier_fail(&err), r == -ENOENT ? 1 : EXIT_CARRIER) : 0;
}

const struct command command_stats = {
	.name = "stats", .arguments = "[CONTAINER...]", .summary = "show what containers use: processor, memory, I/O, processes, pressure",
	.description = "Of those that run, or of those that are named; anew every second until it is ended, on a terminal with the "
		       "processor's last looks as a line of bars. CPU % is between two looks, and 100 is one processor. Memory is without "
		       "files that the kernel keeps as long as nobody needs the room. PSI is which part of the last ten seconds some "
		       "process waited for processor, memory or I/O, where the kernel counts that. What comes from control groups is "
		       "missing where a container has none of its own: it is summed up from its processes then, and I/O is `--`.\n\n"
		       "A template has .ID, .Name, .CPUPerc, .MemUsage, .MemPerc, .NetIO, .BlockIO, .PIDs, .CPUPressure, .MemPressure and "
		       ".IOPressure.",
	.examples = "Once, of all that run:\n\tcarrier stats --no-stream\n\nAs a line for a script:\n"
		    "\tcarrier stats --no-stream --format '{{.Name}} {{.CPUPerc}} {{.MemPerc}}' web",
	.exit_status = "0, or 1 when there is no such container.",
	OPTIONS(struct stats_options, options), .defaults = &defaults, .max_args = -1, .run = run,
};
