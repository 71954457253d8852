#include "../container/event_read.h"
#include "../format.h"
#include "../words.h"
#include "cleanup.h"
#include "filter.h"
#include "fs.h"
#include <ctype.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct events_options { char *since, *until, *format; struct strings filter; bool stream, no_stream; };
static const struct events_options defaults = { .stream = true };
static const struct option_def options[] = {
	OPTION(struct events_options, since, 0, "since", "TIME", "also what has happened since then: a time, or a duration before now (10m)"),
	OPTION(struct events_options, until, 0, "until", "TIME", "end then; also what has happened"),
	OPTION(struct events_options, filter, 'f', "filter", "KEY=VALUE",
	       "only these: container, image, volume, network, event, type or label; again for more"),
	OPTION(struct events_options, format, 0, "format", "json|TEMPLATE", "a JSON object for each, or what a template makes of it"),
	OPTION(struct events_options, stream, 0, "stream", NULL, "wait for more (the default)"),
	OPTION(struct events_options, no_stream, 0, "no-stream", NULL, "print what has happened, and end"),
};

/* the members as Go's programs call them; podman's are behind */
struct event_row { char *status, *id, *from, *type, *action, *scope, *name, *image; struct event_actor actor; int64_t time, time_nano; };
#define T struct event_actor
static const struct json_type actor_type = JSON_TYPE(T, JSON_ALWAYS(T, id, "ID"), JSON_ALWAYS(T, attributes, "Attributes"));
#undef T
#define T struct event_row
static const struct json_type row_type = JSON_TYPE(T, JSON_ALWAYS(T, status, "Status"), JSON_ALWAYS(T, id, "ID"), JSON_ALWAYS(T, from, "From"),
	JSON_ALWAYS(T, type, "Type"), JSON_ALWAYS(T, action, "Action"), JSON_INLINE(T, actor, "Actor", actor_type), JSON_ALWAYS(T, scope, "Scope"),
	JSON_ALWAYS(T, time, "Time"), JSON_ALWAYS(T, time_nano, "TimeNano"), JSON_ALWAYS(T, name, "Name"), JSON_ALWAYS(T, image, "Image"));
#undef T

static const char *const filter_keys[] = { "container", "image", "volume", "network", "event", "type", "label", NULL };
enum { FILTER_CONTAINER, FILTER_IMAGE, FILTER_VOLUME, FILTER_NETWORK, FILTER_EVENT, FILTER_TYPE, FILTER_LABEL, FILTER_KEYS };

struct watch {
	struct format format;
	struct strings wanted[FILTER_KEYS];	/* of each key: one of them has to fit */
	int64_t since_ns, until_ns;		/* 0: none */
};

/* ---- which ---- */

static const char *attribute(const struct event *e, const char *key)
{
	for (size_t i = 0; i < e->actor.attributes.n; i++)
		if (strcmp(e->actor.attributes.pairs[i].key, key) == 0)
			return e->actor.attributes.pairs[i].value;
	return "";
}

/* is_image - @name with or without its tag */
static bool is_image(const char *name, const char *wanted)
{
	const char *colon = strrchr(name, ':');
	size_t bare = colon && !strchr(colon, '/') ? (size_t) (colon - name) : strlen(name);
	return strcmp(name, wanted) == 0 || (strlen(wanted) == bare && strncmp(name, wanted, bare) == 0);
}

static bool fits(const struct event *e, int key, const char *wanted)
{
	const char *rest;
	switch (key) {
	case FILTER_CONTAINER:
		return strcmp(e->type, "container") == 0 && (str_starts(e->actor.id, wanted) || strcmp(attribute(e, "name"), wanted) == 0);
	case FILTER_IMAGE:
		if (strcmp(e->type, "image") == 0)
			return is_image(e->actor.id, wanted) || is_image(attribute(e, "name"), wanted);
		return is_image(attribute(e, "image"), wanted);
	case FILTER_VOLUME: return strcmp(e->type, "volume") == 0 && strcmp(e->actor.id, wanted) == 0;
	case FILTER_NETWORK:
		return strcmp(e->type, "network") == 0 && (str_starts(e->actor.id, wanted) || strcmp(attribute(e, "name"), wanted) == 0);
	case FILTER_EVENT:	/* "health_status" is also "health_status: healthy" */
		rest = str_after(e->action, wanted);
		return (rest && (!*rest || *rest == ':')) || (strcmp(wanted, "died") == 0 && strcmp(e->action, "die") == 0);
	case FILTER_TYPE: return strcmp(e->type, wanted) == 0;
	default: return filter_has_label(&e->actor.attributes, wanted);
	}
}

static bool is_wanted(const struct watch *w, const struct event *e)
{
	if ((w->since_ns && e->time_nano < w->since_ns) || (w->until_ns && e->time_nano > w->until_ns))
		return false;
	for (int key = 0; key < FILTER_KEYS; key++) {
		bool any = w->wanted[key].n == 0;
		for (size_t i = 0; !any && i < w->wanted[key].n; i++)
			any = fits(e, key, w->wanted[key].v[i]);
		if (!any)
			return false;
	}
	return true;
}

/* ---- printing ---- */

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct json_pair *) a)->key, ((const struct json_pair *) b)->key);
}

/* print_line - "2026-01-02T03:04:05.000000006+01:00 container start ID (image=debian, name=web)" */
static void print_line(struct event *e)
{
	time_t seconds = e->time_nano / 1000000000;
	struct tm tm;
	char when[40], east[8];
	localtime_r(&seconds, &tm);
	(void) strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &tm);
	(void) strftime(east, sizeof east, "%z", &tm);
	printf("%s.%09lld", when, (long long) (e->time_nano % 1000000000));
	if (tm.tm_gmtoff == 0)
		putchar('Z');
	else
		printf("%.3s:%s", east, east + 3);
	printf(" %s %s %s", e->type, e->action, e->actor.id);
	qsort(e->actor.attributes.pairs, e->actor.attributes.n, sizeof *e->actor.attributes.pairs, by_key);
	for (size_t i = 0; i < e->actor.attributes.n; i++)
		printf("%s%s=%s", i ? ", " : " (", e->actor.attributes.pairs[i].key, e->actor.attributes.pairs[i].value);
	puts(e->actor.attributes.n ? ")" : "");
}

static int on_line(void *ctx, const char *text, size_t len, struct error *err)
{
	struct watch *w = ctx;
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct event *e;
	/* half a line: the machine or its writer stopped there */
	if (json_decode(&event_type, text, len, &pool, &e, NULL) < 0 || !e->actor.id || !is_wanted(w, e))
		return 0;
	int r = 0;
	if (w->format.is == FORMAT_JSON) {
		printf("%.*s\n", (int) len, text);
	} else if (w->format.is == FORMAT_LINES) {
		const struct event_row row = { e->status, e->id, e->from, e->type, e->action, e->scope, (char *) attribute(e, "name"),
					       (char *) attribute(e, "image"), e->actor, e->time, e->time_nano };
		r = format_row(&w->format, &row_type, &row, err);
	} else {
		print_line(e);
	}
	if (r == 0 && fflush(stdout))
		return error_say(err, EPIPE, "nobody reads the output");
	return r;
}

/* ---- the command ---- */

/* parse_moment - as filter_time(), and what is behind the seconds' point */
static int parse_moment(const char *option, const char *text, int64_t *ret_ns, struct error *err)
{
	int64_t seconds, ns = 0, unit = 100000000;
	const char *point = strchr(text, '.');
	cleanup_free char *whole = xstrndup(text, point && strspn(text, "0123456789") == (size_t) (point - text) ?
					    (size_t) (point - text) : strlen(text));
	if (filter_time(whole, time(NULL), &seconds) < 0)
		return error_say(err, EINVAL, "%s '%s': a time (2006-01-02T15:04:05Z, 2006-01-02, seconds since 1970) or a duration before now "
				 "(10m, 1h30m)", option, text);
	for (const char *p = point ? point + 1 : ""; isdigit((unsigned char) *p); p++, unit /= 10)
		ns += (*p - '0') * unit;
	*ret_ns = seconds * INT64_C(1000000000) + ns;
	return 0;
}

static int parse_filters(const struct strings *words, struct watch *w, struct error *err)
{
	for (size_t i = 0; i < words->n; i++) {
		const char *equals = strchr(words->v[i], '=');
		int key = 0;
		size_t len = equals ? (size_t) (equals - words->v[i]) : 0;
		while (key < FILTER_KEYS && (strlen(filter_keys[key]) != len || strncmp(filter_keys[key], words->v[i], len) != 0))
			key++;
		if (key == FILTER_KEYS || !equals[1])
			return error_say(err, EINVAL, "--filter '%s': container=, image=, volume=, network=, event=, type= or label=, and "
					 "a value", words->v[i]);
		strings_add(&w->wanted[key], equals + 1);
	}
	return 0;
}

static int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static int watch(const struct carrier *c, const struct events_options *o, struct watch *w, struct error *err)
{
	struct event_reader reader cleanup_event_reader = EVENT_READER_INIT;
	bool stream = o->stream && !o->no_stream;
	int r = event_reader_open(c, o->since || o->until || !stream, &reader, err);
	while (r == 0) {
		r = event_reader_next(&reader, on_line, w, err);
		int64_t left_ms = w->until_ns ? (w->until_ns - now_ns()) / 1000000 + 1 : INT32_MAX;
		if (r < 0 || !stream || left_ms <= 0)
			break;
		event_reader_wait(&reader, w->until_ns ? (int) (left_ms > 60000 ? 60000 : left_ms) : -1);
	}
	return r == -EPIPE ? 0 : r;
}

static int run(void *program, void *given, char **args, int n_args)
{
	const struct events_options *o = given;
	struct watch w = { 0 };
	struct error err = { 0 };
	int r = o->since ? parse_moment("--since", o->since, &w.since_ns, &err) : 0;
	r = r < 0 || !o->until ? r : parse_moment("--until", o->until, &w.until_ns, &err);
	r = r < 0 ? r : parse_filters(&o->filter, &w, &err);
	r = r < 0 ? r : format_parse(o->format, &w.format, &err);
	if (r == 0 && w.format.is == FORMAT_COLUMNS)
		r = error_say(&err, EINVAL, "--format: the columns of a table that has no end cannot be measured: leave 'table' out");
	r = r < 0 ? r : watch(program, o, &w, &err);
	for (int key = 0; key < FILTER_KEYS; key++)
		strings_done(&w.wanted[key]);
	format_done(&w.format);
	return r < 0 ? carrier_fail(&err) : 0;
}

const struct command command_events = {
	.name = "events", .summary = "print what happens to containers, images and volumes",
	.description = "Each process that changes something writes it down, so nothing has to run for that, and `events` follows what is "
		       "written until it is ended. Without --since, --until and --no-stream only what happens from now on is printed. Of "
		       "the past the last thousands of events are known, until the machine is restarted.\n\n"
		       "Filters of the same key are alternatives, those of different keys all have to fit. Example:\n\n"
		       "    carrier events --since 1h --filter event=die --format '{{.Actor.Attributes.name}} {{.Actor.Attributes.exitCode}}'",
	.examples = "What happens from now on, and what happened within the last hour:\n\tcarrier events\n"
		    "\tcarrier events --since 1h --stream=false\n\nHow containers ended:\n\tcarrier events --filter event=die --format json",
	OPTIONS(struct events_options, options), .defaults = &defaults, .max_args = 0, .run = run,
};
