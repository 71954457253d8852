/* `system prune`, `image prune`, `prune`: what nothing uses. */
#include "../container/apart.h"
#include "../container/event.h"
#include "../container/remove.h"
#include "../image/collect.h"
#include "../image/mount.h"
#include "../image/unfinished.h"
#include "../image/walk.h"
#include "ask.h"
#include "cleanup.h"
#include "filter.h"
#include "log.h"
#include "volume_words.h"
#include <fcntl.h>
#include <string.h>
#include <time.h>

struct prune_options { bool force, all, blobs, volumes; struct strings filter; };

static const struct option_def system_options[] = {
	OPTION(struct prune_options, all, 'a', "all", NULL, "also images with names that no container is made of"),
	OPTION(struct prune_options, blobs, 0, "blobs", NULL,
	       "also the compressed layers of images that were pulled: they can be fetched again; the images stay usable"),
	OPTION(struct prune_options, filter, 0, "filter", "KEY=VALUE",
	       "only what was made before until=TIME or DURATION, has label=KEY[=VALUE], or has not: label!=KEY[=VALUE]"),
	OPTION(struct prune_options, force, 'f', "force", NULL, "do not ask"),
	OPTION(struct prune_options, volumes, 0, "volumes", NULL, "also the anonymous volumes that no container uses"),
};
static const struct option_def container_options[] = {
	OPTION(struct prune_options, filter, 0, "filter", "KEY=VALUE",
	       "only what was made before until=TIME or DURATION, has label=KEY[=VALUE], or has not: label!=KEY[=VALUE]"),
	OPTION(struct prune_options, force, 'f', "force", NULL, "do not ask"),
};
static const struct option_def image_options[] = {
	OPTION(struct prune_options, all, 'a', "all", NULL, "also images with names that no container is made of"),
	OPTION(struct prune_options, filter, 0, "filter", "KEY=VALUE",
	       "only what was made before until=TIME or DURATION, has label=KEY[=VALUE], or has not: label!=KEY[=VALUE]"),
	OPTION(struct prune_options, force, 'f', "force", NULL, "do not ask"),
};

struct pruning {
	const struct carrier *c;
	const struct prune_options *o;
	const struct filter *filter;
	bool containers, images;
	int64_t bytes;
};

/* ---- containers ---- */

static int prune_containers(struct pruning *p, struct error *err)
{
	struct container *list = NULL;
	size_t n = 0, removed = 0;
	int r = record_list(p->c, &list, &n, err);
	for (size_t i = 0; i < n; i++) {
		struct container *one = &list[i];
		if (r == 0 && !container_active(one) && filter_takes(p->filter, one->record.created, &one->record.labels)) {
			int64_t bytes = walk_usage(AT_FDCWD, one->dir, NULL);
			r = container_remove(p->c, one, &(struct remove_how) { .volumes = true }, err);
			if (r == 0) {
				printf("%s%s\n", removed++ ? "" : "Deleted Containers:\n", one->record.id);
				p->bytes += bytes > 0 ? bytes : 0;
			}
		}
		container_done(one);
	}
	free(list);
	if (removed)
		putchar('\n');
	return r;
}

/* ---- images ---- */

/* used_images - the ids of images that containers are made of, or that somebody looks at */
static int used_images(const struct carrier *c, struct strings *ret, struct error *err)
{
	struct container *list = NULL;
	size_t n = 0;
	int r = image_mounts(c, ret, err);
	if (r == 0)
		r = record_list(c, &list, &n, err);
	for (size_t i = 0; i < n; i++) {
		if (list[i].record.image_id)
			strings_add(ret, list[i].record.image_id);
		container_done(&list[i]);
	}
	free(list);
	return r;
}

static int forget_image(const struct carrier *c, const struct store *s, const struct image *image, size_t already, struct error *err)
{
	if (already == 0)
		puts("Deleted Images:");
	int r = 0;
	for (size_t i = 0; r >= 0 && i < image->names.n; i++) {	/* one may be a list's, whose digest is another */
		r = store_unname(s, image->names.v[i], err);
		if (r >= 0) {
			printf("Untagged: %s\n", image->names.v[i]);
			event_record(c, "image", "untag", image->config_digest, image->names.v[i], NULL, NULL);
		}
	}
	if (r >= 0)
		r = store_drop(s, image->manifest_digest, err);
	if (r == 0) {
		printf("Deleted: %s\n", image->config_digest);
		event_record(c, "image", "delete", image->config_digest, image->config_digest, NULL, NULL);
	}
	return r;
}

static int prune_images(struct pruning *p, const struct store *s, struct error *err)
{
	struct strings used cleanup_strings = { 0 };
	struct image *list = NULL;
	size_t n = 0, removed = 0;
	int r = used_images(p->c, &used, err);
	if (r == 0)
		r = store_list(s, &list, &n, err);
	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct image *image = &list[i];
		bool unneeded = !image->additional && !strings_have(used.v, image->config_digest) && (p->o->all || image->names.n == 0);
		if (unneeded && filter_takes(p->filter, image->config->created, &image->config->config.labels))
			r = forget_image(p->c, s, image, removed++, err);
	}
	store_list_free(list, n);
	if (removed)
		putchar('\n');
	return r;
}

/* ---- both ---- */

static int do_prune(void *ctx, struct error *err)
{
	struct pruning *p = ctx;
	struct store s cleanup_store = STORE_INIT;
	struct collected gone = { 0 }, blobs = { 0 };
	char size[16];
	int r = store_open(p->c->root, &s, err);
	if (r == 0 && p->containers)
		r = prune_containers(p, err);
	if (r == 0 && p->o->volumes)
		r = volumes_prune(p->c, &(struct volume_filter) { 0 }, false, &p->bytes, err);
	if (r == 0 && !p->images) {
		printf("Total reclaimed space: %s\n", str_human_size((uint64_t) p->bytes, size));
		return 0;
	}
	if (r == 0)
		r = prune_images(p, &s, err);
	if (r == 0 && p->containers)	/* what pulls that broke off have kept for the next one */
		r = unfinished_forget(&s, err);
	if (r == 0)
		r = collect(&s, true, &gone, err);
	if (r == 0 && p->o->blobs)
		r = collect_fetchable(&s, false, &blobs, err);
	if (r < 0)
		return r;
	if (gone.busy || blobs.busy)
		log_warn("another command is at work in the store: what nobody needs stays until the next removal");
	if (p->o->blobs && !blobs.busy)
		printf("Dropped blobs that can be fetched again: %zu\n", blobs.blobs);
	printf("Total reclaimed space: %s\n", str_human_size((uint64_t) (p->bytes + gone.bytes + blobs.bytes), size));
	return 0;
}

static int prune(struct carrier *c, const struct prune_options *o, bool containers, bool images)
{
	struct filter filter cleanup_filter = { 0 };
	struct error err = { 0 };
	struct buf text cleanup_buf = { 0 };
	int r = filter_parse(&o->filter, time(NULL), &filter, &err);
	if (!images)
		buf_puts(&text, "This removes all containers that do not run");
	else
		buf_printf(&text, "This removes:%s\n  - %s%s", containers ? "\n  - all containers that do not run\n"
			   "  - what pulls that broke off have kept" : "",
		   o->all ? "all images that no container is made of" : "all images without a name",
		   o->blobs ? "\n  - the compressed layers of pulled images" : "");
	if (r == 0)
		r = ask(o->force, text.data, &err);
	if (r == 0 && !err.code)
		return 0;	/* the answer was no */
	struct pruning p = { .c = c, .o = o, .filter = &filter, .containers = containers, .images = images };
	if (r >= 0)
		r = apart_as_owner(c->rootless, do_prune, &p, &err);
	return r < 0 ? carrier_fail(&err) : 0;
}

static int run_system(void *program, void *options, char **args, int n_args) { return prune(program, options, true, true); }
static int run_image(void *program, void *options, char **args, int n_args) { return prune(program, options, false, true); }
static int run_containers(void *program, void *options, char **args, int n_args) { return prune(program, options, true, false); }

const struct command command_system_prune = {
	.name = "prune", .summary = "remove containers that do not run, and what of the store nothing needs",
	.description = "Marks what names and containers need, and removes the rest: images without a name, layers, blobs, what commands "
		       "that were killed have left, and what pulls that broke off have kept for the next one. "
		       "Asks first; where no terminal is, --force is needed.",
	.examples = "What nothing needs any more, without being asked:\n\tcarrier system prune --force",
	OPTIONS(struct prune_options, system_options), .run = run_system,
};

const struct command command_image_prune = {
	.name = "prune", .summary = "remove images that nothing needs",
	.description = "Those without a name; with --all also those that no container is made of. Asks first; where no terminal is, "
		       "--force is needed.",
	.examples = "Images without a name:\n\tcarrier image prune\n\n"
		    "All that no container uses, and that are older than a week:\n\tcarrier image prune --all --filter until=168h",
	OPTIONS(struct prune_options, image_options), .run = run_image,
};

const struct command command_prune = {
	.name = "prune", .summary = "remove all containers that do not run",
	.description = "With their volumes that have no name. Asks first; where no terminal is, --force is needed. `carrier system prune` and "
		       "`carrier image prune` are for images.",
	.examples = "What ended more than a day ago, without being asked:\n\tcarrier prune --force --filter until=24h",
	OPTIONS(struct prune_options, container_options), .max_args = 0, .run = run_containers,
};
