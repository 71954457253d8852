#include "../image/acquire.h"
#include "../image/mount.h"
#include "../table.h"
#include "cleanup.h"

struct mount_options { char *format; bool json; };
static const struct option_def mount_table[] = {
	OPTION(struct mount_options, format, 0, "format", "json|table", "how the list is printed"),
	OPTION(struct mount_options, json, 0, "json", NULL, "the same as --format json"),
};
struct unmount_options { bool all, force; };
static const struct option_def unmount_table[] = {
	OPTION(struct unmount_options, all, 'a', "all", NULL, "every image that is mounted"),
	OPTION(struct unmount_options, force, 'f', "force", NULL, "also where somebody is in it; it vanishes when the last one leaves"),
};

/* may_mount - a mount in a namespace that ends with this command would be seen by nobody */
static int may_mount(const struct carrier *c, struct error *err)
{
	if (!c->rootless || c->nested)
		return 0;
	return error_say(err, EPERM, "an ordinary user cannot mount an image where others see it: be root of a namespace of your own first, "
			 "`unshare --map-root-user --map-auto --mount`, and do it there; or look at it with `carrier run`");
}

/* ---- mount ---- */

struct mounted { char *id, *mountpoint, **repositories; };
static const struct json_type mounted_type = JSON_TYPE(struct mounted, JSON_ALWAYS(struct mounted, id, "id"),
	JSON_ALWAYS(struct mounted, repositories, "Repositories"), JSON_ALWAYS(struct mounted, mountpoint, "mountpoint"));

static int list(const struct carrier *c, const struct store *s, bool json, struct error *err)
{
	struct strings ids cleanup_strings = { 0 };
	struct table table cleanup_table = { 0 };
	struct pool pool CLEANUP(pool_done) = { 0 };
	int r = image_mounts(c, &ids, err);
	struct mounted *rows = pool_alloc(&pool, (ids.n + 1) * sizeof *rows);
	for (size_t i = 0; r == 0 && i < ids.n; i++) {
		struct image image cleanup_image = { 0 };
		cleanup_free char *path = image_mounted(c, ids.v[i]);
		bool known = store_find(s, ids.v[i], &image, NULL) == 0 && image.names.n > 0;
		if (!json)
			table_add(&table, known ? image.names.v[0] : ids.v[i], path ? path : "", NULL);
		rows[i] = (struct mounted) { ids.v[i], pool_strdup(&pool, path ? path : ""), pool_alloc(&pool, 2 * sizeof(char *)) };
		if (known)
			rows[i].repositories[0] = pool_strdup(&pool, image.names.v[0]);
	}
	if (r == 0 && json) {
		cleanup_free char *text = json_encode_list(&mounted_type, rows, ids.n, JSON_INDENTED, NULL);
		fputs(text, stdout);
	} else if (r == 0) {
		table_print(&table, stdout);
	}
	return r;
}

static int mount_one(const struct carrier *c, const struct store *s, const char *name, struct error *err)
{
	struct image image cleanup_image = { 0 };
	const struct pull_options none = { .progress = PROGRESS_NONE };
	cleanup_free char *path = NULL;
	/* never fetched; but what an unclean end took from it is unpacked again */
	int r = image_acquire(c, s, name, PULL_NEVER, &none, &image, err);
	if (r == 0)
		r = image_mount(c, s, &image, &path, err);
	if (r == 0)
		puts(path);
	return r;
}

static int run_mount(void *program, void *given, char **args, int n_args)
{
	const struct carrier *c = program;
	const struct mount_options *o = given;
	struct store store cleanup_store = STORE_INIT;
	struct error err = { 0 };
	int r = o->format && !str_eq(o->format, "json") && !str_eq(o->format, "table")
			? error_say(&err, EINVAL, "--format '%s' is not known: json or table", o->format) : 0;
	if (r == 0 && n_args)
		r = may_mount(c, &err);
	if (r == 0)
		r = store_open(c->root, &store, &err);
	if (r == 0 && !n_args)
		r = list(c, &store, o->json || str_eq(o->format, "json"), &err);
	for (; r == 0 && *args; args++)
		r = mount_one(c, &store, *args, &err);
	return r < 0 ? carrier_fail(&err) : 0;
}

const struct command command_image_mount = {
	.name = "mount", .arguments = "[IMAGE...]", .summary = "mount images read-only, and print where; without a name, list what is mounted",
	.description = "For root. An ordinary user has to be root of a user and mount namespace first, in which the mounts stay:\n\n"
		       "    unshare --map-root-user --map-auto --mount\n\n"
		       "`carrier image unmount` takes them away again.",
	.examples = "Look into an image without running it (as an ordinary user from `carrier unshare`):\n"
		    "\tcarrier image mount debian:12\n\tls /run/carrier/images/*/etc\n\n"
		    "What is mounted?\n\tcarrier image mount",
	OPTIONS(struct mount_options, mount_table), .max_args = -1, .run = run_mount,
};

/* ---- unmount ---- */

static int unmount_one(const struct carrier *c, const struct store *s, const char *name, bool force, struct error *err)
{
	struct image image cleanup_image = { 0 };
	int r = store_find(s, name, &image, err);
	if (r == 0)
		r = image_unmount(c, image.config_digest, force, err);
	if (r == 1)
		return error_say(err, ENOENT, "image '%s' is not mounted", name);
	if (r == 0)
		puts(digest_hex(image.config_digest));
	return r;
}

static int unmount_all(const struct carrier *c, bool force, struct error *err)
{
	struct strings ids cleanup_strings = { 0 };
	int r = image_mounts(c, &ids, err);
	for (size_t i = 0; r >= 0 && i < ids.n; i++) {
		r = image_unmount(c, ids.v[i], force, err);
		if (r >= 0)
			puts(digest_hex(ids.v[i]));
	}
	return r < 0 ? r : 0;
}

static int run_unmount(void *program, void *given, char **args, int n_args)
{
	const struct carrier *c = program;
	const struct unmount_options *o = given;
	struct store store cleanup_store = STORE_INIT;
	struct error err = { 0 };
	int r = o->all == (n_args > 0) ? error_say(&err, EINVAL, "image unmount: name images, or give --all") : may_mount(c, &err);
	if (r == 0)
		r = store_open(c->root, &store, &err);
	if (r == 0 && o->all)
		r = unmount_all(c, o->force, &err);
	for (; r == 0 && *args; args++)
		r = unmount_one(c, &store, *args, o->force, &err);
	return r < 0 ? carrier_fail(&err) : 0;
}

const struct command command_image_unmount = {
	.name = "unmount|umount", .arguments = "[IMAGE...]", .summary = "unmount images",
	.examples = "One, or all:\n\tcarrier image unmount debian:12\n\tcarrier image unmount --all",
	OPTIONS(struct unmount_options, unmount_table), .max_args = -1, .run = run_unmount,
};
