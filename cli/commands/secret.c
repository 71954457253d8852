/* The group `secret`. */
#include "../volume/secret_store.h"
#include "../format.h"
#include "../pairs.h"
#include "../words.h"
#include "archives.h"
#include "cleanup.h"
#include "fs.h"
#include "volume_words.h"
#include <string.h>
#include <time.h>

/* ---- create ---- */

struct create_options { char *driver; struct strings labels; bool env, replace; };
static const struct option_def create_table[] = {
	OPTION(struct create_options, driver, 'd', "driver", "file", "the only one there is"),
	OPTION(struct create_options, env, 0, "env", NULL, "the second argument is a variable of ours, whose value is taken"),
	OPTION(struct create_options, labels, 'l', "label", "NAME[=VALUE]", "attach a label; again for more"),
	OPTION(struct create_options, replace, 0, "replace", NULL, "in place of the one that has this name"),
};

static int read_value(const struct create_options *o, const char *from, char **ret, size_t *len, struct error *err)
{
	if (o->env) {
		const char *value = getenv(from);
		if (!value)
			return error_say(err, ENOENT, "--env: the variable %s is not set", from);
		*ret = xstrdup(value);
		*len = strlen(value);
		return 0;
	}
	cleanup_close int fd = input_open(from, "a secret", err);
	return fd < 0 ? fd : fs_read_fd(fd, from, SECRET_STORE_MAX, ret, len, err);
}

static int run_create(void *program, void *given, char **args, int n_args)
{
	const struct create_options *o = given;
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct json_map labels;
	struct error err = { 0 };
	cleanup_free char *value = NULL;
	size_t len = 0;
	char id[26];
	int r = o->driver && strcmp(o->driver, "file") != 0 ? error_say(&err, EINVAL, "--driver '%s': there is only the driver file", o->driver) : 0;
	if (r == 0)
		r = pairs_parse("--label", &o->labels, false, &pool, &labels, &err);
	if (r == 0)
		r = read_value(o, args[1], &value, &len, &err);
	if (r == 0)
		r = secret_make(program, args[0], &labels, value, len, o->replace, id, &err);
	if (value)
		explicit_bzero(value, len);
	if (r < 0)
		return carrier_fail(&err);
	puts(id);
	return 0;
}

static const struct command command_secret_create = {
	.name = "create", .arguments = "NAME FILE|-", .summary = "keep a secret for containers",
	.description = "Its value is what is in FILE or comes from standard input, at most 512,000 bytes. Prints the id. It is kept in a "
		       "file that only its owner can read, not encrypted.",
	.examples = "From a file:\n\tcarrier secret create db-password password.txt\n\n"
		    "From a variable of ours, which no process list shows:\n\tcarrier secret create --env db-password PGPASSWORD",
	OPTIONS(struct create_options, create_table), .min_args = 2, .max_args = 2, .run = run_create,
};

/* ---- ls ---- */

struct ls_options { struct strings filters; char *format; bool quiet, json, no_heading; };
static const struct option_def ls_table[] = {
	OPTION(struct ls_options, filters, 'f', "filter", "KEY=VALUE", "only those with name=PART, id=BEGINNING or label=NAME[=VALUE]"),
	OPTION(struct ls_options, format, 0, "format", "table|json|TEMPLATE",
	       "a table (the default), a JSON object for each line, or a template such as '{{.Name}}'"),
	OPTION(struct ls_options, json, 0, "json", NULL, "the same as --format json"),
	OPTION(struct ls_options, no_heading, 'n', "noheading", NULL, "no line with the columns' names"),
	OPTION(struct ls_options, quiet, 'q', "quiet", NULL, "ids only"),
};

struct seen_secret { char *id, *name, *driver, *created, *updated, *data; struct json_map labels; };
#define T struct seen_secret
static const struct json_type seen_type = JSON_TYPE(T, JSON_ALWAYS(T, id, "ID"), JSON_ALWAYS(T, name, "Name"), JSON_ALWAYS(T, driver, "Driver"),
	JSON_ALWAYS(T, labels, "Labels"), JSON_ALWAYS(T, created, "CreatedAt"), JSON_ALWAYS(T, updated, "UpdatedAt"),
	JSON_FIELD(T, data, "SecretData"));
#undef T

static const char seen_heads[] = "{\"ID\":\"ID\",\"Name\":\"NAME\",\"Driver\":\"DRIVER\",\"CreatedAt\":\"CREATED AT\","
	"\"UpdatedAt\":\"UPDATED AT\",\"Labels\":\"LABELS\"}";

static struct seen_secret seen_of(const struct secret *s)
{
	return (struct seen_secret) { .id = s->record.id, .name = s->record.name, .driver = (char *) "file", .created = s->record.created,
		.updated = s->record.updated ? s->record.updated : s->record.created, .labels = s->record.labels };
}

struct secret_filter { struct filter common; struct strings names, ids; };

static void secret_filter_done(struct secret_filter *f)
{
	filter_done(&f->common);
	strings_done(&f->names);
	strings_done(&f->ids);
}

static int parse_filter(const struct strings *words, struct secret_filter *ret, struct error *err)
{
	struct strings rest cleanup_strings = { 0 };
	struct error why = { 0 };
	for (size_t i = 0; i < words->n; i++) {
		const char *name = str_after(words->v[i], "name="), *id = str_after(words->v[i], "id=");
		strings_add(name ? &ret->names : id ? &ret->ids : &rest, name ? name : id ? id : words->v[i]);
	}
	return filter_parse(&rest, time(NULL), &ret->common, &why) < 0 ? error_say(err, EINVAL, "%s, name=PART, id=BEGINNING", why.text) : 0;
}

static bool takes(const struct secret_filter *f, const struct secret_record *s)
{
	bool named = f->names.n == 0, known = f->ids.n == 0;
	for (size_t i = 0; i < f->names.n; i++)
		named = named || strstr(s->name, f->names.v[i]);
	for (size_t i = 0; i < f->ids.n; i++)
		known = known || str_starts(s->id, f->ids.v[i]);
	return named && known && filter_takes(&f->common, s->created, &s->labels);
}

static int run_ls(void *program, void *given, char **args, int n_args)
{
	const struct ls_options *o = given;
	struct secret_filter filter CLEANUP(secret_filter_done) = { 0 };
	struct table table cleanup_table = { 0 };
	struct format format cleanup_format = { 0 };
	struct secret *list = NULL;
	struct error err = { 0 };
	size_t n = 0;
	int r = format_parse(o->json ? "json" : o->format, &format, &err);
	if (r == 0)
		r = parse_filter(&o->filters, &filter, &err);
	if (r == 0)
		r = secret_list(program, &list, &n, &err);
	if (r == 0 && !o->quiet && !o->no_heading)
		r = format_head(&format, seen_heads, &err);
	if (!o->no_heading)
		table_add(&table, "ID", "NAME", "DRIVER", "CREATED", "UPDATED", NULL);
	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct seen_secret seen = seen_of(&list[i]);
		char created[64], updated[64];
		if (!takes(&filter, &list[i].record))
			continue;
		if (o->quiet)
			puts(seen.id);
		else if (format.is != FORMAT_TABLE)
			r = format_row(&format, &seen_type, &seen, &err);
		else
			table_add(&table, seen.id, seen.name, seen.driver, words_ago(seen.created, time(NULL), created),
				  words_ago(seen.updated, time(NULL), updated), NULL);
	}
	if (r == 0 && format.is == FORMAT_TABLE && !o->quiet)
		table_print(&table, stdout);
	format_end(&format);
	secret_list_free(list, n);
	return r < 0 ? carrier_fail(&err) : 0;
}

static const struct command command_secret_ls = {
	.name = "ls|list", .summary = "list the secrets",
	.examples = "All there are:\n\tcarrier secret ls",
	OPTIONS(struct ls_options, ls_table), .run = run_ls,
};

/* ---- inspect ---- */

struct inspect_options { bool show; char *format; };
static const struct option_def inspect_table[] = {
	OPTION(struct inspect_options, format, 'f', "format", "json|TEMPLATE", "a list (the default), or a line for each, such as '{{.ID}}'"),
	OPTION(struct inspect_options, show, 0, "showsecret", NULL, "also the value"),
};

static int run_inspect(void *program, void *given, char **args, int n_args)
{
	const struct inspect_options *o = given;
	struct carrier *c = program;
	struct secret *list = xcalloc((size_t) n_args, sizeof *list);
	struct seen_secret *seen = xcalloc((size_t) n_args, sizeof *seen);
	struct error err = { 0 };
	size_t n = 0, len;
	int code = 0;
	cleanup_free char *dir = xasprintf("%s/secrets", c->root);
	for (; *args; args++) {
		int r = secret_find(c, *args, &list[n], &err);
		if (r == 0) {
			seen[n] = seen_of(&list[n]);
			r = o->show ? secret_value(dir, list[n].record.name, &seen[n].data, &len, &err) : 0;
			n++;
		}
		if (r < 0)
			code = (carrier_fail(&err), 1);
	}
	int printed = print_records(&seen_type, seen, n, o->format, &err);
	for (size_t i = 0; i < n; i++)
		free(seen[i].data);
	free(seen);
	secret_list_free(list, n);
	return printed < 0 ? carrier_fail(&err) : code;
}

static const struct command command_secret_inspect = {
	.name = "inspect", .arguments = "SECRET...", .summary = "print what is known of secrets, as JSON",
	.examples = "The value itself:\n\tcarrier secret inspect --showsecret db-password",
	.exit_status = "0, or 1 when any of them was not found.",
	OPTIONS(struct inspect_options, inspect_table), .min_args = 1, .max_args = -1, .run = run_inspect,
};

static int run_exists(void *program, void *unused, char **args, int n_args)
{
	struct secret s cleanup_secret = { 0 };
	struct error err = { 0 };
	int r = secret_find(program, args[0], &s, &err);
	return r == 0 ? 0 : r == -ENOENT || r == -EINVAL ? 1 : carrier_fail(&err);
}

static const struct command command_secret_exists = {
	.name = "exists", .arguments = "SECRET", .summary = "tell by the exit code whether there is such a secret",
	.examples = "In a script:\n\tcarrier secret exists db-password && echo there",
	.exit_status = "0 when there is, 1 when there is not.", .min_args = 1, .max_args = 1, .run = run_exists,
};

/* ---- rm ---- */

struct rm_options { bool all, ignore; };
static const struct option_def rm_table[] = {
	OPTION(struct rm_options, all, 'a', "all", NULL, "every secret"),
	OPTION(struct rm_options, ignore, 'i', "ignore", NULL, "one that does not exist is no error"),
};

static int rm_all(const struct carrier *c, struct error *err)
{
	struct secret *list;
	size_t n;
	int code = 0;
	if (secret_list(c, &list, &n, err) < 0)
		return carrier_fail(err);
	for (size_t i = 0; i < n; i++) {
		int r = secret_remove(c, list[i].record.name, err);
		if (r == 0)
			puts(list[i].record.id);
		else if (r != -ENOENT)
			code = (carrier_fail(err), 1);
	}
	secret_list_free(list, n);
	return code;
}

static int run_rm(void *program, void *given, char **args, int n_args)
{
	const struct rm_options *o = given;
	struct error err = { 0 };
	if (o->all == (n_args > 0))
		return error_say(&err, EINVAL, "secret rm: name at least one secret, or give --all"), carrier_fail(&err);
	if (o->all)
		return rm_all(program, &err);
	return remove_each(program, args, secret_remove, o->ignore);
}

static const struct command command_secret_rm = {
	.name = "rm|remove", .arguments = "[SECRET...]", .summary = "forget secrets",
	.description = "Containers that run and show it keep it until they end; one that is started again without it fails.",
	.examples = "One that is not needed any more:\n\tcarrier secret rm db-password",
	.exit_status = "0, or 1 when any of them could not be removed.",
	OPTIONS(struct rm_options, rm_table), .max_args = -1, .run = run_rm,
};

static const struct command *const commands[] = {
	&command_secret_create, &command_secret_exists, &command_secret_inspect, &command_secret_ls, &command_secret_rm, NULL,
};
const struct command command_secret = { .name = "secret", .summary = "manage secrets", .sub = commands };
