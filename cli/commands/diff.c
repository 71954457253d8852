#include "../container/apart.h"
#include "../container/tree.h"
#include "../container/userns.h"
#include "../image/changes.h"
#include "../image/store.h"
#include "cleanup.h"
#include "mem.h"
#include <fcntl.h>
#include <string.h>

struct diff_options { char *format; bool json; };
static const struct option_def options[] = {
	OPTION(struct diff_options, format, 0, "format", "json|table", "json: one object with the lists changed, added and deleted"),
	OPTION(struct diff_options, json, 0, "json", NULL, "the same as --format json"),
};

/* What is printed, by the child that may look into layers. */
struct diff {
	const struct carrier *c;
	char **args;
	bool container, json;
	struct strings changed, added, deleted;
};

#define T struct diff
static const struct json_type lists_type = JSON_TYPE(T,
	{ .key = "changed", .kind = JSON_STRINGS, .always = true, .offset = offsetof(T, changed) + offsetof(struct strings, v) },
	{ .key = "added", .kind = JSON_STRINGS, .always = true, .offset = offsetof(T, added) + offsetof(struct strings, v) },
	{ .key = "deleted", .kind = JSON_STRINGS, .always = true, .offset = offsetof(T, deleted) + offsetof(struct strings, v) });
#undef T

static int each(void *ctx, char kind, const char *path, struct error *err)
{
	struct diff *d = ctx;
	if (d->json)
		strings_add(kind == 'C' ? &d->changed : kind == 'A' ? &d->added : &d->deleted, path);
	else
		printf("%c %s\n", kind, path);
	return 0;
}

/* ---- containers ---- */

/* what carrier itself mounts in every container; the mount points are its work, too */
static const char *const mounted[] = { "/dev", "/proc", "/sys", "/etc/hostname", "/etc/hosts", "/etc/resolv.conf", NULL };

static int diff_container(struct diff *d, struct error *err)
{
	struct container container cleanup_container = CONTAINER_NONE;
	bool whole;
	int *fds;
	size_t n, own;
	int r = record_find(d->c, d->args[0], false, &container, err);
	if (r == 0)
		r = container_layers(d->c, &container, &fds, &n, &own, &whole, err);
	if (r < 0)
		return r;
	struct strings mounts cleanup_strings = { 0 };
	for (const char *const *m = mounted; *m; m++)
		strings_add(&mounts, *m);
	for (size_t i = 0; i < container.record.n_mounts; i++)
		strings_add(&mounts, container.record.mounts[i].destination);
	struct idmap uids cleanup_idmap = { 0 }, gids cleanup_idmap = { 0 };
	r = container_owners(&container, true, &uids, &gids, err);
	if (r < 0)
		return r;
	const struct view is = { fds, whole && own ? 1 : n, own && uids.n ? &uids : NULL, &gids }, was = { fds + own, n - own, NULL, NULL };
	return changes_between(&was, &is, (const char *const *) mounts.v, each, d, err);	/* the process ends, and with it the fds */
}

/* ---- images ---- */

/* is_settled - .../chains/HEX/N/diff: what was settled for the layer below it, which is .../layers/sha256/HEX/diff */
static bool is_settled(const char *dir)
{
	const char *end = dir + strlen(dir);
	for (int parts = 0; end > dir && parts < 4; parts += *end == '/')
		end--;
	return str_starts(end, "/chains/");
}

/* open_layers - of an image, topmost first; @parent: without its topmost layer (and what was settled for that) */
static int open_layers(const struct store *s, const char *name, bool parent, struct view *ret, struct error *err)
{
	struct image image cleanup_image = { 0 };
	struct strings dirs cleanup_strings = { 0 };
	size_t i = 0;
	int r = store_find(s, name, &image, err);
	if (r == 0)
		r = store_lowerdirs(s, &image, &dirs, err);
	if (r < 0)
		return r;
	while (parent && i < dirs.n && is_settled(dirs.v[i]))
		i++;
	i += parent;
	*ret = (struct view) { xcalloc(dirs.n + 1, sizeof(int)), 0 };
	for (; i < dirs.n; i++) {
		int fd = open(dirs.v[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return error_set(err, errno, "open the layer '%s'", dirs.v[i]);
		ret->fds[ret->n++] = fd;
	}
	return 0;
}

static int diff_images(struct diff *d, struct error *err)
{
	struct store store cleanup_store = STORE_INIT;
	struct view is = { NULL, 0 }, was = { NULL, 0 };
	int r = d->c->rootless ? userns_become_root(0, NULL, NULL, err) : 0;
	if (r == 0)
		r = store_open(d->c->root, &store, err);
	if (r == 0)
		r = open_layers(&store, d->args[0], false, &is, err);
	if (r == 0)
		r = d->args[1] ? open_layers(&store, d->args[1], false, &was, err) : open_layers(&store, d->args[0], true, &was, err);
	return r < 0 ? r : changes_between(&was, &is, NULL, each, d, err);
}

/* ---- both ---- */

static int work(void *ctx, struct error *err)
{
	struct diff *d = ctx;
	int r = d->container ? diff_container(d, err) : diff_images(d, err);
	if (r == 0 && d->json) {
		cleanup_free char *text = json_encode(&lists_type, d, JSON_INDENTED, NULL);
		fputs(text, stdout);
	}
	return r;
}

static int run(struct carrier *c, const struct diff_options *o, char **args, bool container)
{
	struct error err = { 0 };
	struct diff d = { .c = c, .args = args, .container = container, .json = o->json || str_eq(o->format, "json") };
	if (o->format && !str_eq(o->format, "json") && !str_eq(o->format, "table")) {
		error_say(&err, EINVAL, "--format '%s' is not known: json or table", o->format);
		return carrier_fail(&err);
	}
	return apart_run(work, &d, &err) < 0 ? carrier_fail(&err) : 0;
}

static int run_container(void *program, void *given, char **args, int n_args) { return run(program, given, args, true); }
static int run_image(void *program, void *given, char **args, int n_args) { return run(program, given, args, false); }

const struct command command_diff = {
	.name = "diff", .arguments = "CONTAINER", .summary = "list the files that a container has changed",
	.description = "One line for each, as docker has them: A was added, C was changed, D was deleted, against its image. A directory is changed "
		       "when something in it is. It may run meanwhile.",
	.examples = "Which files has the container changed?\n\tcarrier diff web",
	OPTIONS(struct diff_options, options), .min_args = 1, .max_args = 1, .run = run_container,
};

const struct command command_image_diff = {
	.name = "diff", .arguments = "IMAGE [OTHER]", .summary = "list the files in which an image differs from another",
	.description = "One line for each: A is in IMAGE only, C differs, D is in OTHER only. Without OTHER it is what the topmost layer "
		       "of IMAGE changes. Contents are not compared: files of the same size, time, mode and owner count as the same.",
	.examples = "What does the new version change?\n\tcarrier image diff app:1.0 app:1.1",
	OPTIONS(struct diff_options, options), .min_args = 1, .max_args = 2, .run = run_image,
};
