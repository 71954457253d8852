#include "../carrier.h"
#include "../image/registry_call.h"
#include "../format.h"
#include "../words.h"
#include "cleanup.h"
#include <string.h>
#include <strings.h>

enum { ANSWER_MAX = 4 << 20, LIMIT = 25, LIMIT_MAX = 1000, PAGE = 1000, PAGES_MAX = 100, SHOWN = 60 };

struct search_options { int64_t limit; char *format; struct strings filters; bool no_trunc; struct registry_options registry; };
static const struct search_options defaults = { .limit = LIMIT, .registry = REGISTRY_OPTIONS_DEFAULT };

static const struct option_def options[] = {
	OPTION(struct search_options, limit, 0, "limit", "N", "at most so many of each registry (default: 25)"),
	OPTION(struct search_options, filters, 'f', "filter", "NAME=VALUE", "stars=N, is-official=true or is-automated=false; again for more"),
	OPTION(struct search_options, format, 0, "format", "table|json|TEMPLATE",
	       "a table (the default), a JSON object for each line, or a template such as '{{.Name}} {{.StarCount}}'"),
	OPTION(struct search_options, no_trunc, 0, "no-trunc", NULL, "whole descriptions"),
	REGISTRY_OPTION_ROWS(struct search_options, registry),
};

struct found { char *name, *description; int64_t stars; bool official, automated; };
#define T struct found
static const struct json_type found_type = JSON_TYPE(T, JSON_REQUIRED(T, name, "name"), JSON_FIELD(T, description, "description"),
	JSON_FIELD(T, stars, "star_count"), JSON_FIELD(T, official, "is_official"), JSON_FIELD(T, automated, "is_automated"));
#undef T
struct answer { struct found *results; size_t n_results; };
static const struct json_type answer_type = JSON_TYPE(struct answer, JSON_LIST(struct answer, results, "results", found_type));
struct catalog { char **repositories; };
static const struct json_type catalog_type = JSON_TYPE(struct catalog, JSON_FIELD(struct catalog, repositories, "repositories"));

struct shown { char *name, *description, *stars, *official, *automated; };
#define T struct shown
static const struct json_type shown_type = JSON_TYPE(T, JSON_ALWAYS(T, description, "Description"), JSON_ALWAYS(T, automated, "IsAutomated"),
	JSON_ALWAYS(T, official, "IsOfficial"), JSON_ALWAYS(T, name, "Name"), JSON_ALWAYS(T, stars, "StarCount"));
#undef T
static const char heads[] = "{\"Name\":\"NAME\",\"Description\":\"DESCRIPTION\",\"StarCount\":\"STARS\",\"IsOfficial\":\"OFFICIAL\","
	"\"IsAutomated\":\"AUTOMATED\"}";

struct search {
	const struct search_options *o;
	struct pool pool;
	struct format format;
	int64_t min_stars, left;	/* @left: how many more of this registry */
	int official, automated;	/* 1, 0, or -1: both */
};

/* ---- options ---- */

static int parse_filter(struct search *s, const char *word, struct error *err)
{
	const char *stars = str_after(word, "stars="), *official = str_after(word, "is-official="), *automated = str_after(word, "is-automated=");
	const char *flag = official ? official : automated;
	if (stars && str_to_i64(stars, 0, INT64_MAX, &s->min_stars) == 0)
		return 0;
	if (flag && (strcmp(flag, "true") == 0 || strcmp(flag, "false") == 0)) {
		*(official ? &s->official : &s->automated) = strcmp(flag, "true") == 0;
		return 0;
	}
	return error_say(err, EINVAL, "--filter '%s': there are stars=N, is-official=true|false and is-automated=true|false", word);
}

static int parse_options(struct search *s, struct error *err)
{
	const struct search_options *o = s->o;
	s->official = s->automated = -1;
	int r = format_parse(o->format, &s->format, err);
	if (r < 0)
		return r;
	if (o->limit < 1 || o->limit > LIMIT_MAX)
		return error_say(err, EINVAL, "--limit: a number from 1 to %d", LIMIT_MAX);
	for (size_t i = 0; r == 0 && i < o->filters.n; i++)
		r = parse_filter(s, o->filters.v[i], err);
	return r;
}

static char *escaped(struct pool *pool, const char *s)
{
	char *out = pool_alloc(pool, 3 * strlen(s) + 1), *to = out;
	for (; *s; s++) {
		bool plain = strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~", *s) != NULL;
		to += plain ? (*to = *s, 1) : sprintf(to, "%%%02X", (unsigned) (unsigned char) *s);
	}
	return out;
}

/* ---- showing ---- */

static int show(struct search *s, const char *registry, const struct found *f, struct error *err)
{
	bool right = f->stars >= s->min_stars && (s->official < 0 || s->official == f->official) &&
		(s->automated < 0 || s->automated == f->automated);
	if (!right || s->left == 0)
		return 0;
	s->left--;
	const char *path = f->name, *inside = str_after(f->name, registry);
	if (inside && *inside == '/')
		path = inside + 1;
	cleanup_free char *whole = xasprintf("%s/%s", registry, path), *name = words_cut(whole, 300);
	cleanup_free char *description = words_cut(f->description ? f->description : "", s->o->no_trunc ? 10000 : SHOWN);
	char stars[24];
	snprintf(stars, sizeof stars, "%lld", (long long) f->stars);
	if (s->format.is == FORMAT_TABLE) {
		table_add(&s->format.table, name, description, stars, f->official ? "[OK]" : "", NULL);
		return 0;
	}
	const struct shown row = { name, description, stars, (char *) (f->official ? "true" : "false"),
				   (char *) (f->automated ? "true" : "false") };
	return format_row(&s->format, &shown_type, &row, err);
}

/* ---- asking ---- */

/* ask_search - docker's API of version 1, which Docker Hub, Quay, Red Hat's and others have */
static int ask_search(struct search *s, const char *registry, const char *term, struct error *err)
{
	struct session *session cleanup_session = NULL;
	struct fetch_request q = { .max = ANSWER_MAX };
	cleanup_free char *text = NULL;
	size_t len;
	struct answer *answer;
	char *path = pool_printf(&s->pool, "/v1/search?q=%s&n=%lld", escaped(&s->pool, term), (long long) s->o->limit);
	int r = session_open(&s->o->registry, "pull", &session, err);
	if (r == 0)
		r = session_registry(session, registry, NULL, path, NULL, &q, err);
	if (r == 0)
		r = session_start(session, err);
	if (r == 0)
		r = registry_call(session, &q, &text, &len, err);
	if (r == 0 && json_decode(&answer_type, text, len, &s->pool, &answer, NULL) < 0)
		return error_say(err, ENOENT, "search on %s: its answer is none", registry);
	for (size_t i = 0; r == 0 && i < answer->n_results; i++)
		r = show(s, registry, &answer->results[i], err);
	return r;
}

/* ask_page - of the catalog, behind @last. Return: how many names there were */
static int ask_page(struct search *s, struct session *session, const struct fetch_request *q, const char *registry, const char *term, char **last,
		    struct error *err)
{
	struct fetch_request page = *q;
	cleanup_free char *text = NULL;
	size_t len;
	struct catalog *catalog;
	if (*last)
		page.path = pool_printf(&s->pool, "%s&last=%s", q->path, escaped(&s->pool, *last));
	int r = registry_call(session, &page, &text, &len, err), n = 0;
	if (r == 0)
		r = json_decode(&catalog_type, text, len, &s->pool, &catalog, err);
	if (r < 0)
		return r;
	for (char **name = catalog->repositories; r == 0 && name && *name; name++, n++) {
		const struct found f = { .name = *name };
		if (strcasestr(*name, term))
			r = show(s, registry, &f, err);
		*last = *name;
	}
	return r < 0 ? r : n;
}

/* ask_catalog - where there is no search: all names there are, and those that hold the word */
static int ask_catalog(struct search *s, const char *registry, const char *term, struct error *err)
{
	struct session *session cleanup_session = NULL;
	struct fetch_request q = { .max = ANSWER_MAX };
	char path[64], *last = NULL;
	snprintf(path, sizeof path, "/v2/_catalog?n=%d", PAGE);
	int r = session_open(&s->o->registry, "pull", &session, err);
	if (r == 0)
		r = session_registry(session, registry, NULL, path, "registry:catalog:*", &q, err);
	if (r == 0)
		r = session_start(session, err);
	for (int i = 0; r == 0 && i < PAGES_MAX && s->left; i++) {
		int n = ask_page(s, session, &q, registry, term, &last, err);
		if (n < PAGE)
			return n < 0 ? n : 0;
	}
	return r;
}

static int search_registry(struct search *s, const char *registry, const char *term, struct error *err)
{
	struct error no_search = { 0 };
	s->left = s->o->limit;
	int r = ask_search(s, registry, term, &no_search);
	bool has_none = r == -ENOENT || r == -EPROTO || r == -EACCES;
	if (has_none && ask_catalog(s, registry, term, err) == 0)
		return 0;
	if (has_none)
		return error_wrap(err, "search on %s: it has neither docker's search nor a catalog for us", registry);
	if (r < 0 && err)
		*err = no_search;
	return r < 0 ? error_wrap(err, "search on %s", registry) : 0;
}

static int search(struct search *s, const char *word, struct error *err)
{
	struct strings registries cleanup_strings = { 0 };
	const char *slash = strchr(word, '/'), *term = word;
	int r = parse_options(s, err);
	if (r == 0 && !reference_is_short(word) && slash) {
		strings_take(&registries, xstrndup(word, (size_t) (slash - word)));
		term = slash + 1;
	} else if (r == 0) {
		r = session_search_list(&registries, err);
	}
	if (r == 0)
		r = format_head(&s->format, heads, err);
	if (r == 0 && s->format.is == FORMAT_TABLE)
		table_add(&s->format.table, "NAME", "DESCRIPTION", "STARS", "OFFICIAL", NULL);
	for (size_t i = 0; r == 0 && i < registries.n; i++)
		r = search_registry(s, registries.v[i], term, err);
	if (r == 0)
		format_end(&s->format);
	return r;
}

static int run(void *program, void *given, char **args, int n_args)
{
	struct search s = { .o = given };
	struct error err = { 0 };
	(void) program;
	(void) n_args;
	int r = search(&s, args[0], &err);
	format_done(&s.format);
	pool_done(&s.pool);
	return r < 0 ? carrier_fail(&err) : 0;
}

const struct command command_search = {
	.name = "search", .arguments = "[REGISTRY/]WORD", .summary = "look for images on a registry",
	.description = "Without a REGISTRY those of registries.conf's search list are asked, else docker.io. A registry that has no search is asked "
		       "for the list of all its images.",
	.examples = "Programs of that name on Docker Hub, and on a registry of one's own:\n\tcarrier search nginx\n"
		    "\tcarrier search registry.example.org/app",
	.exit_status = "0, also when nothing was found; 125 when a registry could not be asked.",
	OPTIONS(struct search_options, options), .defaults = &defaults, .min_args = 1, .max_args = 1, .run = run,
};
