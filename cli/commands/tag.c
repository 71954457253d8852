#include "../container/event.h"
#include "../image/names.h"
#include "cleanup.h"
#include "../carrier.h"

/* ---- tag ---- */

static int run_tag(void *program, void *given, char **args, int n_args)
{
	const struct carrier *c = program;
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct store s cleanup_store = STORE_INIT;
	struct error err = { 0 };
	struct named named;
	struct reference ref;
	(void) given;
	int r = store_open(c->root, &s, &err);
	if (r == 0)
		r = names_find(&s, args[0], &pool, &named, &err);
	for (int i = 1; r == 0 && i < n_args; i++)	/* all of them are right, or none is given */
		r = names_parse(args[i], &pool, &ref, &err);
	for (int i = 1; r == 0 && i < n_args; i++) {
		r = names_parse(args[i], &pool, &ref, &err);
		if (r == 0)
			r = store_name(&s, &named.descriptor, ref.name, &err);
		if (r == 0)
			event_record(c, "image", "tag", named.descriptor.digest, ref.familiar, NULL, NULL);
	}
	return r < 0 ? carrier_fail(&err) : 0;
}

const struct command command_tag = {
	.name = "tag", .arguments = "IMAGE NAME...", .summary = "give an image further names",
	.description = "A name that another image has goes over to this one. IMAGE is a name, an id or a digest, or a list of images.",
	.examples = "A further name:\n\tcarrier tag debian:12 registry.example.org/base:latest",
	.exit_status = "0, or 125 when there is no such image or a name is wrong.",
	.min_args = 2, .max_args = -1, .run = run_tag,
};

/* ---- untag ---- */

/* take_away - the name @word of @image */
static int take_away(const struct carrier *c, const struct store *s, const struct strings *names, const char *image, const char *word,
		     struct pool *pool, struct error *err)
{
	struct reference ref;
	int r = reference_parse(word, pool, &ref, err);
	if (r == 0 && !strings_have(names->v, ref.name))
		return error_say(err, ENOENT, "'%s' is no name of image %s", ref.familiar, image);
	if (r == 0)
		r = store_untag(s, ref.name, err);
	if (r == 0)
		event_record(c, "image", "untag", image, ref.familiar, NULL, NULL);
	return r;
}

static int names_of(const struct store *s, const char *word, struct pool *pool, struct strings *ret, struct error *err)
{
	struct named named;
	struct index_document *index;
	int r = names_find(s, word, pool, &named, err);
	if (r == 0)
		r = store_index(s, pool, &index, err);
	for (size_t i = 0; r == 0 && i < index->n_manifests; i++)
		if (str_eq(index->manifests[i].digest, named.descriptor.digest) && store_name_of(&index->manifests[i]))
			strings_add(ret, store_name_of(&index->manifests[i]));
	return r;
}

static int run_untag(void *program, void *given, char **args, int n_args)
{
	const struct carrier *c = program;
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct strings names cleanup_strings = { 0 };
	struct store s cleanup_store = STORE_INIT;
	struct error err = { 0 };
	(void) given;
	int r = store_open(c->root, &s, &err);
	if (r == 0)
		r = names_of(&s, args[0], &pool, &names, &err);
	for (int i = 1; r == 0 && i < n_args; i++)
		r = take_away(c, &s, &names, args[0], args[i], &pool, &err);
	for (size_t i = 0; r == 0 && n_args == 1 && i < names.n; i++)
		r = take_away(c, &s, &names, args[0], names.v[i], &pool, &err);
	return r < 0 ? carrier_fail(&err) : 0;
}

const struct command command_untag = {
	.name = "untag", .arguments = "IMAGE [NAME...]", .summary = "take names away from an image, which stays",
	.description = "Without a NAME, all of them. An image without any is found by its id, and removed by `carrier rmi` or `carrier image prune`.",
	.examples = "One of its names, or all:\n\tcarrier untag debian:12 registry.example.org/base:latest\n\tcarrier untag debian:12",
	.exit_status = "0, or 125 when there is no such image or it has no such name.",
	.min_args = 1, .max_args = -1, .run = run_untag,
};

/* ---- image exists ---- */

static int run_exists(void *program, void *given, char **args, int n_args)
{
	const struct carrier *c = program;
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct store s cleanup_store = STORE_INIT;
	struct error err = { 0 };
	struct named named;
	(void) given, (void) n_args;
	int r = store_open(c->root, &s, &err);
	if (r == 0)
		r = names_find(&s, args[0], &pool, &named, &err);
	return r == 0 ? 0 : r == -ENOENT ? 1 : carrier_fail(&err);
}

const struct command command_image_exists = {
	.name = "exists", .arguments = "IMAGE", .summary = "is an image in the store?", .description = "Prints nothing: the exit code says it.",
	.examples = "Fetch it only when it is not there:\n\tcarrier image exists debian:12 || carrier pull debian:12",
	.exit_status = "0 when it is, 1 when it is not, 125 when that cannot be told.",
	.min_args = 1, .max_args = 1, .run = run_exists,
};
