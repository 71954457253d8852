#include "../carrier.h"
#include "../image/store.h"
#include "cleanup.h"
#include <string.h>

/* familiar - how people write a name */
static const char *familiar(const char *name, struct pool *pool)
{
	struct reference ref;
	return reference_parse(name, pool, &ref, NULL) == 0 ? ref.familiar : name;
}

static void print_size(const char *what, int64_t size)
{
	char text[16];
	printf("%s%s", what, str_human_size(size < 0 ? 0 : (uint64_t) size, text));
}

/* print_others - who else has the layer */
static void print_others(const struct image *list, size_t n, const struct image *self, const char *diff_id, struct pool *pool)
{
	const char *word = "  shared with ";
	for (size_t i = 0; i < n; i++) {
		const struct image *other = &list[i];
		if (strcmp(other->manifest_digest, self->manifest_digest) == 0 || !strings_have(other->config->rootfs.diff_ids, diff_id))
			continue;
		if (other->names.n)
			printf("%s%s", word, familiar(other->names.v[0], pool));
		else
			printf("%s%.12s", word, digest_hex(other->config_digest));
		word = ", ";
	}
}

static void print_tree(const struct image *image, const struct image *list, size_t n)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	char **diff_ids = image->config->rootfs.diff_ids;
	size_t layers = strings_count(diff_ids);
	printf("Image ID: %.12s\nTags:     ", digest_hex(image->config_digest));
	for (size_t i = 0; i < image->names.n; i++)
		printf("%s%s", i ? ", " : "", familiar(image->names.v[i], &pool));
	print_size("\nSize:     ", image->size);
	puts("\nLayers");
	for (size_t i = 0; i < layers; i++) {
		printf("%s %.12s", i + 1 < layers ? "├──" : "└──", digest_hex(diff_ids[i]));
		if (i < image->manifest->n_layers)
			print_size("  ", image->manifest->layers[i].size);
		print_others(list, n, image, diff_ids[i], &pool);
		putchar('\n');
	}
}

static int run(void *program, void *given, char **args, int n_args)
{
	const struct carrier *c = program;
	struct store s cleanup_store = STORE_INIT;
	struct image image cleanup_image = { 0 }, *list = NULL;
	struct error err = { 0 };
	size_t n = 0;
	(void) given, (void) n_args;
	int r = store_open(c->root, &s, &err);
	if (r == 0)
		r = store_find(&s, args[0], &image, &err);
	if (r == 0)
		r = store_list(&s, &list, &n, &err);
	if (r == 0)
		print_tree(&image, list, n);
	store_list_free(list, n);
	return r < 0 ? carrier_fail(&err) : 0;
}

const struct command command_image_tree = {
	.name = "tree", .arguments = "IMAGE", .summary = "show an image's layers, and which of them other images have, too",
	.description = "The lowest layer comes first; each by its diff_id, the digest of its uncompressed archive, with the size of its compressed "
		       "blob.",
	.examples = "Which layers do others share?\n\tcarrier image tree app:1",
	.exit_status = "0, or 125 when there is no such image.",
	.min_args = 1, .max_args = 1, .run = run,
};
