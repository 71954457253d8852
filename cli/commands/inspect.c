#include "../container/apart.h"
#include "../container/show.h"
#include "../format.h"
#include "../image/store.h"
#include "cleanup.h"
#include <string.h>

struct inspect_options { char *type, *format; bool size, latest; };
static const struct option_def options[] = {
	OPTION(struct inspect_options, format, 'f', "format", "json|TEMPLATE",
	       "one JSON object a line, or what a template makes of each: '{{.State.Status}}'"),
	OPTION(struct inspect_options, latest, 'l', "latest", NULL, "the container that was made last"),
	OPTION(struct inspect_options, size, 's', "size", NULL,
	       "of containers, also how much they have written, and that together with their images"),
	OPTION(struct inspect_options, type, 't', "type", "container|image", "only look for this (default: a container, else an image)"),
};
static const struct option_def container_options[] = {
	OPTION(struct inspect_options, format, 'f', "format", "json|TEMPLATE",
	       "one JSON object a line, or what a template makes of each: '{{.State.Status}}'"),
	OPTION(struct inspect_options, latest, 'l', "latest", NULL, "the container that was made last"),
	OPTION(struct inspect_options, size, 's', "size", NULL, "also how much they have written, and that together with their images"),
};
static const struct option_def image_options[] = {
	OPTION(struct inspect_options, format, 'f', "format", "json|TEMPLATE",
	       "one JSON object a line, or what a template makes of each: '{{.Config.Env}}'"),
};

/* what never was is docker's zero time */
static char *when(char *time) { return time ? time : (char *) "0001-01-01T00:00:00Z"; }
static char *text(char *s) { return s ? s : (char *) ""; }

/* ---- images ---- */

#define T struct image_settings
static const struct json_type settings_type = JSON_TYPE(T, JSON_ALWAYS(T, user, "User"), JSON_ALWAYS(T, env, "Env"), JSON_ALWAYS(T, cmd, "Cmd"),
	JSON_ALWAYS(T, entrypoint, "Entrypoint"), JSON_ALWAYS(T, working_dir, "WorkingDir"), JSON_FIELD(T, stop_signal, "StopSignal"),
	JSON_KEYS(T, exposed_ports, "ExposedPorts"), JSON_KEYS(T, volumes, "Volumes"), JSON_FIELD(T, shell, "Shell"),
	JSON_FIELD(T, on_build, "OnBuild"), JSON_ALWAYS(T, labels, "Labels"));
#undef T

struct seen_rootfs { char *type, **layers; };
static const struct json_type rootfs_type = JSON_TYPE(struct seen_rootfs, JSON_ALWAYS(struct seen_rootfs, type, "Type"),
	JSON_ALWAYS(struct seen_rootfs, layers, "Layers"));

struct seen_image {
	char *id, *digest, **repo_tags, **repo_digests, *created, *author, *architecture, *variant, *os;
	int64_t size;
	struct image_settings config;
	struct seen_rootfs rootfs;
};
#define T struct seen_image
static const struct json_type image_type = JSON_TYPE(T, JSON_ALWAYS(T, id, "Id"), JSON_ALWAYS(T, digest, "Digest"),
	JSON_ALWAYS(T, repo_tags, "RepoTags"), JSON_ALWAYS(T, repo_digests, "RepoDigests"), JSON_ALWAYS(T, created, "Created"),
	JSON_FIELD(T, author, "Author"), JSON_ALWAYS(T, architecture, "Architecture"), JSON_FIELD(T, variant, "Variant"),
	JSON_ALWAYS(T, os, "Os"), JSON_ALWAYS(T, size, "Size"), JSON_INLINE(T, config, "Config", settings_type),
	JSON_INLINE(T, rootfs, "RootFS", rootfs_type));
#undef T

static char *image_text(const struct image *i)
{
	static char *none[] = { NULL };
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct strings tags cleanup_strings = { 0 }, digests cleanup_strings = { 0 };
	for (size_t k = 0; k < i->names.n; k++) {
		struct reference ref = { 0 };
		bool parsed = reference_parse(i->names.v[k], &pool, &ref, NULL) == 0;
		strings_add(parsed && !ref.tag ? &digests : &tags, parsed ? ref.familiar : i->names.v[k]);
	}
	struct seen_image seen = {
		.id = i->config_digest, .digest = i->manifest_digest, .repo_tags = tags.n ? tags.v : none,
		.repo_digests = digests.n ? digests.v : none, .created = when(i->config->created), .author = i->config->author,
		.architecture = text(i->config->architecture), .variant = i->config->variant, .os = text(i->config->os), .size = i->size,
		.config = i->config->config,
		.rootfs = { (char *) "layers", i->config->rootfs.diff_ids ? i->config->rootfs.diff_ids : none },
	};
	return json_encode(&image_type, &seen, JSON_COMPACT, NULL);
}

/* ---- names ---- */

static int find_container(const struct carrier *c, const char *name, const struct inspect_options *o, char **ret, struct error *err)
{
	struct container container cleanup_container = CONTAINER_NONE;
	int r = record_find(c, name, o->latest, &container, err);
	if (r == 0)
		*ret = container_show(&container, o->size);
	return r;
}

static int find_image(const struct carrier *c, const char *name, char **ret, struct error *err)
{
	struct store store cleanup_store = STORE_INIT;
	struct image image cleanup_image = { 0 };
	int r = store_open(c->root, &store, err);
	if (r == 0)
		r = store_find(&store, name, &image, err);
	if (r == 0)
		*ret = image_text(&image);
	return r;
}

static int find(const struct carrier *c, const char *name, const struct inspect_options *o, char **ret, struct error *err)
{
	if (str_eq(o->type, "image"))
		return find_image(c, name, ret, err);
	int r = find_container(c, name, o, ret, err);
	if (r != -ENOENT || o->type || o->latest)
		return r;
	struct error why = { 0 };
	r = find_image(c, name, ret, &why);
	if (r == 0 || !err)
		return r;
	if (r == -ENOENT || r == -EINVAL)
		return error_say(err, ENOENT, "there is no container and no image '%s'", name);
	*err = why;
	return r;
}

/* print_list - the objects as one list, for people */
static void print_list(const struct strings *texts)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct buf list cleanup_buf = { 0 };
	struct json_value *tree;
	buf_putc(&list, '[');
	for (size_t i = 0; i < texts->n; i++)
		buf_printf(&list, "%s%s", i ? "," : "", texts->v[i]);
	buf_putc(&list, ']');
	if (texts->n == 0 || json_read(list.data, list.len, &pool, &tree, NULL) < 0) {	/* what we wrote is JSON */
		puts(list.data);
		return;
	}
	cleanup_free char *shown = json_write(tree, JSON_INDENTED);
	(void) fputs(shown, stdout);
}

struct inspecting { const struct carrier *c; const struct inspect_options *o; char **args; struct format *format; int code; };

static int inspect(void *ctx, struct error *err)
{
	struct inspecting *i = ctx;
	struct strings texts cleanup_strings = { 0 };
	static char *latest[] = { (char *) "", NULL };
	int r = 0;
	for (char **name = i->o->latest ? latest : i->args; r == 0 && *name; name++) {
		struct error why = { 0 };
		char *one = NULL;
		if (find(i->c, *name, i->o, &one, &why) < 0) {
			carrier_fail(&why);
			i->code = 1;
			continue;
		}
		strings_take(&texts, one);
		if (i->format->is != FORMAT_TABLE)
			r = format_text(i->format, one, err);
	}
	if (i->format->is == FORMAT_TABLE)
		print_list(&texts);
	else
		format_end(i->format);
	return r < 0 ? r : i->code;
}

static int check(const struct inspect_options *o, int n_args, struct format *format, struct error *err)
{
	if (o->type && !str_eq(o->type, "container") && !str_eq(o->type, "image"))
		return error_say(err, EINVAL, "--type '%s' is not known: container or image", o->type);
	if (o->latest ? n_args > 0 : n_args == 0)
		return error_say(err, EINVAL, o->latest ? "--latest and names exclude each other" :
				 "inspect: name at least one container or image, or give --latest");
	return format_parse(o->format, format, err);
}

static int run(void *program, void *given, char **args, int n_args)
{
	const struct carrier *c = program;
	const struct inspect_options *o = given;
	struct format format cleanup_format = { 0 };
	struct error err = { 0 };
	struct inspecting i = { .c = c, .o = o, .args = args, .format = &format };
	int r = check(o, n_args, &format, &err);
	/* what has to be measured belongs to ids that only a namespace of theirs may look at */
	if (r == 0)
		r = o->size ? apart_as_owner(c->rootless, inspect, &i, &err) : inspect(&i, &err);
	return r < 0 ? carrier_fail(&err) : r;
}

static int run_image(void *program, void *given, char **args, int n_args)
{
	struct inspect_options *o = given;
	o->type = (char *) "image";
	return run(program, o, args, n_args);
}

static int run_container(void *program, void *given, char **args, int n_args)
{
	struct inspect_options *o = given;
	o->type = (char *) "container";
	return run(program, o, args, n_args);
}

const struct command command_inspect = {
	.name = "inspect", .arguments = "[NAME...]", .summary = "print all that is known of containers and images, as JSON",
	.description = "A list with one object for each name that was found; its members are called as docker calls them.",
	.examples = "How did it end?\n\tcarrier inspect --format '{{.State.Status}} {{.State.ExitCode}}' web\n\n"
		    "What is mounted in it?\n\tcarrier inspect --format '{{range .Mounts}}{{.Destination}} {{end}}' web",
	.exit_status = "0, or 1 when any of them was not found.",
	OPTIONS(struct inspect_options, options), .max_args = -1, .run = run,
};

const struct command command_container_inspect = {
	.name = "inspect", .arguments = "[CONTAINER...]", .summary = "print all that is known of containers, as JSON",
	.examples = "How did it end?\n\tcarrier container inspect --format '{{.State.Status}} {{.State.ExitCode}}' web",
	.exit_status = "0, or 1 when any of them was not found.",
	OPTIONS(struct inspect_options, container_options), .max_args = -1, .run = run_container,
};

const struct command command_image_inspect = {
	.name = "inspect", .arguments = "IMAGE...", .summary = "print all that is known of images, as JSON",
	.examples = "The environment that an image sets:\n\tcarrier image inspect debian:12 | jq '.[0].Config.Env'",
	.exit_status = "0, or 1 when any of them was not found.",
	OPTIONS(struct inspect_options, image_options), .min_args = 1, .max_args = -1, .run = run_image,
};
