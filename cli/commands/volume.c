/* The group `volume`. */
#include "../volume/volume.h"
#include "../container/apart.h"
#include "../format.h"
#include "../pairs.h"
#include "ask.h"
#include "cleanup.h"
#include "fs.h"
#include "volume_words.h"
#include <string.h>
#include <time.h>

/* ---- create ---- */

struct create_options { char *driver, *name; struct strings labels, options; bool ignore; };
static const struct option_def create_table[] = {
	OPTION(struct create_options, driver, 'd', "driver", "local", "the only one there is"),
	OPTION(struct create_options, labels, 'l', "label", "NAME[=VALUE]", "attach a label; again for more"),
	OPTION(struct create_options, name, 0, "name", "NAME", "the same as the argument"),
	OPTION(struct create_options, options, 'o', "opt", "KEY=VALUE",
	       "what is mounted in place of a directory of carrier's: type=tmpfs; type=none, o=bind, device=DIR; type=nfs, o=addr=..., device=:/DIR"),
	OPTION(struct create_options, ignore, 0, "ignore", NULL, "one that is there already is no error, whatever its options"),
};

static int create(const struct carrier *c, const struct create_options *o, const char *name, struct volume *ret, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct named volumes cleanup_named = NAMED_NONE;
	struct volume_record wanted = { .name = (char *) (uintptr_t) name };
	if (o->driver && strcmp(o->driver, "local") != 0)
		return error_say(err, EINVAL, "--driver '%s': there is only the driver local", o->driver);
	int r = pairs_parse("--label", &o->labels, false, &pool, &wanted.labels, err);
	if (r == 0)
		r = pairs_parse("--opt", &o->options, true, &pool, &wanted.options, err);
	if (r == 0)
		r = volumes_open(c, true, &volumes, err);
	cleanup_close int hold = r < 0 ? -1 : named_hold(&volumes, false, err);
	if (r < 0 || hold < 0)
		return r < 0 ? r : hold;
	r = volume_make(c, &volumes, &wanted, ret, err);
	return r == -EEXIST && o->ignore ? volume_find(c, name, ret, err) : r;
}

static int run_create(void *program, void *given, char **args, int n_args)
{
	const struct create_options *o = given;
	struct volume v cleanup_volume = { 0 };
	struct error err = { 0 };
	if (o->name && n_args)
		return error_say(&err, EINVAL, "volume create: the name is given twice, as an argument and by --name"), carrier_fail(&err);
	if (create(program, o, n_args ? args[0] : o->name, &v, &err) < 0)
		return carrier_fail(&err);
	puts(v.record.name);
	return 0;
}

static const struct command command_volume_create = {
	.name = "create", .arguments = "[NAME]", .summary = "make a volume",
	.description = "Prints its name. Without one it is anonymous, and 64 hex digits. One that is there already stays as it is.\n\n"
		       "A volume with --opt is mounted in each container that uses it when that starts: a tmpfs is empty then, and each "
		       "container's own.",
	.examples = "A volume for a database, found again by its label:\n\tcarrier volume create --label app=shop shop-db\n\n"
		    "A directory of the host under a name:\n\tcarrier volume create -o type=none -o o=bind -o device=/srv/pages pages",
	OPTIONS(struct create_options, create_table), .max_args = 1, .run = run_create,
};

/* ---- ls ---- */

struct ls_options { struct strings filters; char *format; bool quiet, json; };
static const struct option_def ls_table[] = {
	OPTION(struct ls_options, filters, 'f', "filter", "KEY=VALUE",
	       "only those with name=PART, label=NAME[=VALUE], driver=local, dangling=true|false (no container uses it)"),
	OPTION(struct ls_options, format, 0, "format", "table|json|TEMPLATE",
	       "a table (the default), a JSON object for each line, or a template such as '{{.Name}}'"),
	OPTION(struct ls_options, json, 0, "json", NULL, "the same as --format json"),
	OPTION(struct ls_options, quiet, 'q', "quiet", NULL, "names only"),
};

#define T struct seen_volume
static const struct json_type seen_type = JSON_TYPE(T, JSON_ALWAYS(T, created, "CreatedAt"), JSON_ALWAYS(T, driver, "Driver"),
	JSON_ALWAYS(T, labels, "Labels"), JSON_ALWAYS(T, mountpoint, "Mountpoint"), JSON_ALWAYS(T, name, "Name"), JSON_ALWAYS(T, options, "Options"),
	JSON_ALWAYS(T, scope, "Scope"), JSON_FIELD(T, anonymous, "Anonymous"));
#undef T

static const char seen_heads[] = "{\"Name\":\"VOLUME NAME\",\"Driver\":\"DRIVER\",\"CreatedAt\":\"CREATED AT\","
	"\"Mountpoint\":\"MOUNTPOINT\",\"Scope\":\"SCOPE\",\"Labels\":\"LABELS\"}";

struct seen_volume volume_seen(const struct volume *v)
{
	return (struct seen_volume) { .name = v->record.name, .created = v->record.created, .driver = (char *) "local", .mountpoint = v->data,
		.scope = (char *) "local", .labels = v->record.labels, .options = v->record.options, .anonymous = v->record.anonymous };
}

static int run_ls(void *program, void *given, char **args, int n_args)
{
	const struct ls_options *o = given;
	struct volume_filter filter cleanup_volume_filter = { 0 };
	struct table table cleanup_table = { 0 };
	struct format format cleanup_format = { 0 };
	struct volume *list = NULL;
	struct error err = { 0 };
	size_t n = 0;
	int r = format_parse(o->json ? "json" : o->format, &format, &err);
	if (r == 0)
		r = volume_filter_parse(program, &o->filters, &filter, &err);
	if (r == 0)
		r = volume_list(program, &list, &n, &err);
	if (r == 0 && !o->quiet)
		r = format_head(&format, seen_heads, &err);
	table_add(&table, "DRIVER", "VOLUME NAME", NULL);
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (!volume_filter_takes(&filter, &list[i].record))
			continue;
		const struct seen_volume seen = volume_seen(&list[i]);
		if (o->quiet)
			puts(seen.name);
		else if (format.is == FORMAT_TABLE)
			table_add(&table, seen.driver, seen.name, NULL);
		else
			r = format_row(&format, &seen_type, &seen, &err);
	}
	if (r == 0 && format.is == FORMAT_TABLE && !o->quiet)
		table_print(&table, stdout);
	format_end(&format);
	volume_list_free(list, n);
	return r < 0 ? carrier_fail(&err) : 0;
}

static const struct command command_volume_ls = {
	.name = "ls|list", .summary = "list the volumes",
	.examples = "Those that no container uses:\n\tcarrier volume ls --filter dangling=true",
	OPTIONS(struct ls_options, ls_table), .run = run_ls,
};

/* ---- inspect ---- */

struct inspect_options { bool all; char *format; };
static const struct option_def inspect_table[] = {
	OPTION(struct inspect_options, all, 'a', "all", NULL, "every volume"),
	OPTION(struct inspect_options, format, 'f', "format", "json|TEMPLATE", "a list (the default), or a line for each, such as '{{.Mountpoint}}'"),
};

static int run_inspect(void *program, void *given, char **args, int n_args)
{
	const struct inspect_options *o = given;
	struct volume *list = NULL;
	struct error err = { 0 };
	size_t n = 0;
	int code = 0;
	if (o->all == (n_args > 0))
		return error_say(&err, EINVAL, "volume inspect: name at least one volume, or give --all"), carrier_fail(&err);
	if (o->all && volume_list(program, &list, &n, &err) < 0)
		return carrier_fail(&err);
	if (!o->all)
		list = xcalloc((size_t) n_args, sizeof *list);
	for (; *args; args++) {
		if (volume_find(program, *args, &list[n], &err) == 0)
			n++;
		else
			code = (carrier_fail(&err), 1);
	}
	struct seen_volume *seen = xcalloc(n + 1, sizeof *seen);
	for (size_t i = 0; i < n; i++)
		seen[i] = volume_seen(&list[i]);
	int r = print_records(&seen_type, seen, n, o->format, &err);
	free(seen);
	volume_list_free(list, n);
	return r < 0 ? carrier_fail(&err) : code;
}

static const struct command command_volume_inspect = {
	.name = "inspect", .arguments = "[VOLUME...]", .summary = "print all that is known of volumes, as JSON",
	.examples = "Where are its files?\n\tcarrier volume inspect shop-db",
	.exit_status = "0, or 1 when any of them was not found.",
	OPTIONS(struct inspect_options, inspect_table), .max_args = -1, .run = run_inspect,
};

static int run_exists(void *program, void *unused, char **args, int n_args)
{
	struct volume v cleanup_volume = { 0 };
	struct error err = { 0 };
	int r = volume_find(program, args[0], &v, &err);
	return r == 0 ? 0 : r == -ENOENT || r == -EINVAL ? 1 : carrier_fail(&err);
}

static const struct command command_volume_exists = {
	.name = "exists", .arguments = "VOLUME", .summary = "tell by the exit code whether there is such a volume",
	.examples = "In a script:\n\tcarrier volume exists shop-db && echo there",
	.exit_status = "0 when there is, 1 when there is not.", .min_args = 1, .max_args = 1, .run = run_exists,
};

/* ---- rm ---- */

struct rm_options { bool force, all; };
static const struct option_def rm_table[] = {
	OPTION(struct rm_options, all, 'a', "all", NULL, "every volume that no container uses"),
	OPTION(struct rm_options, force, 'f', "force", NULL, "one that does not exist is no error"),
};

static int rm_all(const struct carrier *c, struct error *err)
{
	struct volume *list;
	size_t n;
	int code = 0;
	if (volume_list(c, &list, &n, err) < 0)
		return carrier_fail(err);
	for (size_t i = 0; i < n; i++) {
		int r = volume_remove(c, list[i].record.name, err);
		if (r == 0)
			puts(list[i].record.name);
		else if (r != -EBUSY && r != -ENOENT)
			code = (carrier_fail(err), 1);
	}
	volume_list_free(list, n);
	return code;
}

static int run_rm(void *program, void *given, char **args, int n_args)
{
	const struct rm_options *o = given;
	struct error err = { 0 };
	if (o->all == (n_args > 0))
		return error_say(&err, EINVAL, "volume rm: name at least one volume, or give --all"), carrier_fail(&err);
	if (o->all)
		return rm_all(program, &err);
	return remove_each(program, args, volume_remove, o->force);
}

static const struct command command_volume_rm = {
	.name = "rm|remove", .arguments = "[VOLUME...]", .summary = "remove volumes, and all that is in them",
	.description = "One that a container uses, running or not, stays: the container has to be removed first.",
	.examples = "One volume, and all that is in it:\n\tcarrier volume rm shop-db",
	.exit_status = "0, or 1 when any of them could not be removed.",
	OPTIONS(struct rm_options, rm_table), .max_args = -1, .run = run_rm,
};

/* ---- prune ---- */

struct prune_options { struct strings filters; bool all, force; };
static const struct option_def prune_table[] = {
	OPTION(struct prune_options, all, 'a', "all", NULL, "also those that have a name of their own"),
	OPTION(struct prune_options, filters, 0, "filter", "KEY=VALUE", "only those with label=NAME[=VALUE], label!=..., until=TIME"),
	OPTION(struct prune_options, force, 'f', "force", NULL, "do not ask"),
};
struct pruning { const struct carrier *c; const struct volume_filter *filter; bool all; };

static int prune_all(void *ctx, struct error *err)
{
	const struct pruning *p = ctx;
	int64_t bytes = 0;
	char size[16];
	int r = volumes_prune(p->c, p->filter, p->all, &bytes, err);
	if (r == 0)
		printf("Total reclaimed space: %s\n", str_human_size((uint64_t) bytes, size));
	return r;
}

static int run_prune(void *program, void *given, char **args, int n_args)
{
	const struct prune_options *o = given;
	struct carrier *c = program;
	struct volume_filter filter cleanup_volume_filter = { 0 };
	struct pruning p = { c, &filter, o->all };
	struct error err = { 0 };
	int r = volume_filter_parse(c, &o->filters, &filter, &err);
	if (r == 0)
		r = ask(o->force, o->all ? "This removes all volumes that no container uses." :
			"This removes all anonymous volumes that no container uses.", &err);
	if (r > 0)
		r = apart_as_owner(c->rootless, prune_all, &p, &err);
	return r < 0 ? carrier_fail(&err) : 0;
}

static const struct command command_volume_prune = {
	.name = "prune", .summary = "remove the anonymous volumes that no container uses",
	.description = "Asks first; where no terminal is, --force is needed.",
	.examples = "All that no container uses, whatever they are called:\n\tcarrier volume prune --all --force",
	OPTIONS(struct prune_options, prune_table), .run = run_prune,
};

static const struct command *const commands[] = {
	&command_volume_create, &command_volume_exists, &command_volume_export, &command_volume_import, &command_volume_inspect,
	&command_volume_ls, &command_volume_prune, &command_volume_rm, NULL,
};
const struct command command_volume = { .name = "volume", .section = "Volumes and secrets", .summary = "manage volumes", .sub = commands };
