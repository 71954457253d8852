#include "../container/apart.h"
#include "../container/event.h"
#include "../container/runtime.h"
#include "../container/userns.h"
#include "../image/mount.h"
#include "../image/names.h"
#include "cleanup.h"
#include "rmi.h"

struct rmi_options { bool force, all; };

static const struct option_def options[] = {
	OPTION(struct rmi_options, force, 'f', "force", NULL, "also one that stopped containers are made of, or that has several names"),
	OPTION(struct rmi_options, all, 'a', "all", NULL, "every image"),
};

/* check_unused - a container's layers must stay below it */
static int check_unused(const struct carrier *c, const struct image *image, const char *name, bool force, struct error *err)
{
	struct container *list = NULL;
	size_t n = 0;
	cleanup_free char *mounted = image_mounted(c, image->config_digest);
	if (mounted)
		return error_say(err, EBUSY, "image %s is mounted on '%s': `carrier image unmount` it first", name, mounted);
	int r = record_list(c, &list, &n, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		const struct record *record = &list[i].record;
		bool runs = container_active(&list[i]);
		bool uses = str_eq(record->image_id, image->config_digest) || str_eq(record->manifest, image->manifest_digest);
		if (r == 0 && uses && runs)
			r = error_say(err, EBUSY, "image %s is used by container %s (%.12s), which runs: stop and remove that first", name,
				      record->name, record->id);
		else if (r == 0 && uses && !force)
			r = error_say(err, EBUSY, "image %s is used by container %s (%.12s): remove that first, or give --force: its "
				      "layers then stay until it is removed", name, record->name, record->id);
		container_done(&list[i]);
	}
	free(list);
	return r;
}

/* chosen_names - those of the image that @word takes away: the one that it says, or, where it is an id or digest, all */
static int chosen_names(const struct image *image, const char *word, bool force, struct strings *ret, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct reference ref = { 0 };
	if (reference_parse(word, &pool, &ref, NULL) == 0 && strings_have(image->names.v, ref.name)) {
		strings_add(ret, ref.name);
		return 0;
	}
	if (image->names.n > 1 && !force)
		return error_say(err, EBUSY, "image %s has %zu names, '%s' and '%s' among them: remove it by name, or all of them with --force",
				 word, image->names.n, image->names.v[0], image->names.v[1]);
	for (size_t i = 0; i < image->names.n; i++)
		strings_add(ret, image->names.v[i]);
	return 0;
}

static void say_untagged(const struct carrier *c, const char *id, const char *name)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct reference ref = { 0 };
	const char *shown = reference_parse(name, &pool, &ref, NULL) == 0 ? ref.familiar : name;
	printf("Untagged: %s\n", shown);
	event_record(c, "image", "untag", id, shown, NULL, NULL);
}

static void say_deleted(const struct carrier *c, const char *id)
{
	printf("Deleted: %s\n", id);
	event_record(c, "image", "delete", id, id, NULL, NULL);
}

/* remove_damaged - a name whose documents are gone or unreadable can still be taken away */
static int remove_damaged(const struct carrier *c, const struct store *store, const char *word)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct reference ref;
	struct index_document *index;
	if (reference_parse(word, &pool, &ref, NULL) < 0 || store_index(store, &pool, &index, NULL) < 0)
		return -ENOENT;
	for (size_t i = 0; i < index->n_manifests; i++)
		if (str_eq(store_name_of(&index->manifests[i]), ref.name)) {
			int r = store_unname(store, ref.name, NULL);
			if (r >= 0)
				say_untagged(c, index->manifests[i].digest, ref.name);
			return r < 0 ? r : 0;
		}
	return -ENOENT;
}

/* remove_list - a list of images loses its name; what it lists, and nothing else names, is collected then
 * Return: 1 when @word was one's name, 0 when not */
static int remove_list(const struct carrier *c, const struct store *store, const char *word, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct named named;
	if (names_find(store, word, &pool, &named, NULL) < 0 || named.kind != DOCUMENT_INDEX)
		return 0;
	const char *name = store_name_of(&named.descriptor);
	int r = name ? store_unname(store, name, err) : store_drop(store, named.descriptor.digest, err);
	if (r >= 0 && name)
		say_untagged(c, named.descriptor.digest, name);
	if (r > 0)
		say_deleted(c, named.descriptor.digest);
	return r < 0 ? r : 1;
}

static int remove_image(const struct carrier *c, const struct store *store, const char *word, const struct rmi_options *o, struct error *err)
{
	struct image image cleanup_image = { 0 };
	struct strings names cleanup_strings = { 0 };
	int r = remove_list(c, store, word, err);
	if (r != 0)
		return r < 0 ? r : 0;
	r = store_find(store, word, &image, err);
	if (r < 0)
		return remove_damaged(c, store, word) == 0 ? 0 : r;
	if (image.additional)
		return error_say(err, EROFS, "image %s is in an additional store, which is never written to", word);
	if (r == 0)
		r = chosen_names(&image, word, o->force, &names, err);
	if (r == 0 && names.n == image.names.n)
		r = check_unused(c, &image, word, o->force, err);
	if (r == 0 && !image.names.n) {
		r = store_drop(store, image.manifest_digest, err);
		if (r == 0)
			say_deleted(c, image.config_digest);
	}
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		r = store_unname(store, names.v[i], err);
		if (r < 0)
			return r;
		say_untagged(c, image.config_digest, names.v[i]);
		if (r == 1)
			say_deleted(c, image.config_digest);
		r = 0;
	}
	return r;
}

/* remove_lists - those that are left: they have no image for this machine */
static int remove_lists(const struct carrier *c, const struct store *store, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct index_document *index;
	int r = store_index(store, &pool, &index, err);
	for (size_t i = 0; r >= 0 && i < index->n_manifests; i++) {
		const char *name = store_name_of(&index->manifests[i]);
		if (name && store_is_list(&index->manifests[i]))
			r = remove_list(c, store, name, err);
	}
	return r < 0 ? r : 0;
}

static int remove_all(const struct carrier *c, const struct store *store, const struct rmi_options *o, struct error *err)
{
	struct image *list = NULL;
	size_t n = 0;
	struct rmi_options each = { .force = true };	/* every name goes; what containers use is still asked for */
	int code = 0;
	if (store_list(store, &list, &n, err) < 0)
		return carrier_fail(err), 1;
	for (size_t i = 0; i < n; i++) {
		int r = list[i].additional ? 0 : check_unused(c, &list[i], list[i].config_digest, o->force, err);
		if (r == 0 && !list[i].additional)
			r = remove_image(c, store, list[i].config_digest, &each, err);
		if (r < 0) {
			carrier_fail(err);
			code = 1;
		}
		image_done(&list[i]);
	}
	free(list);
	if (remove_lists(c, store, err) < 0) {
		carrier_fail(err);
		code = 1;
	}
	return code;
}

/* sweep - layers hold files of many owners */
static int sweep(void *ctx, struct error *err)
{
	const struct carrier *c = ctx;
	struct store store cleanup_store = STORE_INIT;
	int r = store_open(c->root, &store, err);
	return r < 0 ? r : store_collect(&store, err);
}

static int collect_apart(struct carrier *c, struct error *err)
{
	return apart_as_owner(c->rootless, sweep, c, err);
}

int rmi_one(struct carrier *c, const char *word, bool force, struct error *err)
{
	const struct rmi_options o = { .force = force };
	struct store store cleanup_store = STORE_INIT;
	int r = store_open(c->root, &store, err);
	if (r == 0)
		r = remove_image(c, &store, word, &o, err);
	return r < 0 ? r : collect_apart(c, err);
}

static int run(void *program, void *given, char **args, int n_args)
{
	struct carrier *c = program;
	const struct rmi_options *o = given;
	struct store store cleanup_store = STORE_INIT;
	struct error err = { 0 };
	int code = 0;
	if (o->all ? n_args > 0 : n_args == 0) {
		error_say(&err, EINVAL, o->all ? "rmi: --all and names of images exclude each other" : "rmi: name at least one image, or give --all");
		return carrier_fail(&err);
	}
	if (store_open(c->root, &store, &err) < 0)
		return carrier_fail(&err);
	if (o->all)
		code = remove_all(c, &store, o, &err);
	for (; *args; args++)
		if (remove_image(c, &store, *args, o, &err) < 0) {
			carrier_fail(&err);
			code = 1;
		}
	if (collect_apart(c, &err) < 0) {
		carrier_fail(&err);
		code = 1;
	}
	return code;
}

const struct command command_rmi = {
	.name = "rmi", .arguments = "[IMAGE...]", .summary = "remove images",
	.description = "A name is taken away; with its last name the image goes, and with it the layers that no other image has.",
	.examples = "An image, and one that has several names:\n\tcarrier rmi debian:12\n\tcarrier rmi -f 6a2b7c1d",
	.exit_status = "0, or 1 when any of them could not be removed.",
	OPTIONS(struct rmi_options, options), .max_args = -1, .run = run,
};

const struct command command_image_rm = {
	.name = "rm|remove", .arguments = "[IMAGE...]", .summary = "remove images; the same as `carrier rmi`",
	.examples = "An image:\n\tcarrier image rm debian:12",
	.exit_status = "0, or 1 when any of them could not be removed.",
	OPTIONS(struct rmi_options, options), .max_args = -1, .run = run,
};
