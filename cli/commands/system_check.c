/* `system check`: three steps. A child that may look at files of every owner examines the store, and takes away what is damaged; we fetch
 * and unpack again what is missing then, as a pull would; and another look says what is left. */
#include "system_check.h"
#include "../container/apart.h"
#include "../image/acquire.h"
#include "cleanup.h"
#include "fs.h"
#include <string.h>
#include <sys/mman.h>

static const struct check_options defaults = { .registry = REGISTRY_OPTIONS_DEFAULT };
static const struct option_def options[] = {
	OPTION(struct check_options, fix, 0, "fix|repair", NULL, "remove what is damaged, and unpack it or fetch it again"),
	OPTION(struct check_options, deep, 0, "deep", NULL, "unpack every layer again, and compare each file"),
	OPTION(struct check_options, json, 0, "json", NULL, "print a JSON object"),
	REGISTRY_OPTION_ROWS(struct check_options, registry),
};

struct looking { const struct carrier *c; int flags, fd; };

/* look - in the child; what was found crosses as JSON, by a file in memory */
static int look(void *ctx, struct error *err)
{
	const struct looking *l = ctx;
	struct store s cleanup_store = STORE_INIT;
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct examination e;
	size_t len;
	int r = store_open(l->c->root, &s, err);
	if (r == 0)
		r = examine(&s, l->flags, &pool, &e, err);
	if (r < 0)
		return r;
	cleanup_free char *text = json_encode(&examination_type, &e, JSON_COMPACT, &len);
	r = fs_write_all(l->fd, text, len);
	return r < 0 ? error_set(err, -r, "write down what was found") : 0;
}

static int look_at(const struct carrier *c, int flags, struct pool *pool, struct examination **ret, struct error *err)
{
	cleanup_free char *text = NULL;
	size_t len;
	cleanup_close int fd = memfd_create("examination", MFD_CLOEXEC);
	if (fd < 0)
		return error_set(err, errno, "make a file in memory");
	struct looking l = { c, flags, fd };
	int r = apart_as_owner(c->rootless, look, &l, err);
	if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
		r = error_set(err, errno, "read what was found");
	if (r == 0)
		r = fs_read_fd(fd, "what was found", 256 << 20, &text, &len, err);
	return r == 0 ? json_decode(&examination_type, text, len, pool, ret, err) : r;
}

/* ---- repairing ---- */

/* fetch - the image again, by its digest from where its name says; the further name that a pull gives it is taken away again */
static int fetch(const struct carrier *c, const struct store *s, const struct problem *p, const struct registry_options *registry,
		 struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct image image cleanup_image = { 0 };
	struct reference ref;
	int r = reference_parse(p->name, &pool, &ref, err);
	if (r < 0)
		return r;
	const struct pull_options o = { .registry = registry, .progress = PROGRESS_NONE };
	cleanup_free char *exact = xasprintf("%s/%s@%s", ref.registry, ref.path, p->image);
	fprintf(stderr, "fetching %s\n", exact);
	r = image_acquire(c, s, exact, PULL_ALWAYS, &o, &image, err);
	if (r == 0 && strcmp(exact, p->name) != 0)
		(void) store_unname(s, exact, NULL);
	return r;
}

static void fetch_damaged(const struct carrier *c, const struct store *s, const struct examination *e,
			  const struct registry_options *registry)
{
	struct strings done cleanup_strings = { 0 };
	for (size_t i = 0; i < e->n_problems; i++) {
		const struct problem *p = &e->problems[i];
		struct error why = { 0 };
		if (!p->image || !p->name || strings_have(done.v, p->image))
			continue;
		strings_add(&done, p->image);
		if (fetch(c, s, p, registry, &why) < 0)	/* the last look tells what is still wrong */
			(void) carrier_fail(&why);
	}
}

/* unpack_missing - of every image, from the blobs that are there */
static void unpack_missing(const struct carrier *c, const struct store *s, const struct registry_options *registry)
{
	const struct pull_options o = { .progress = PROGRESS_NONE, .registry = registry };
	struct image *list = NULL;
	struct error why = { 0 };
	size_t n = 0;
	if (store_list(s, &list, &n, &why) < 0) {
		(void) carrier_fail(&why);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		struct image again cleanup_image = { 0 };
		why = (struct error) { 0 };
		if (!list[i].additional && list[i].config->rootfs.diff_ids &&
		    image_acquire(c, s, list[i].config_digest, PULL_NEVER, &o, &again, &why) < 0)
			(void) carrier_fail(&why);
	}
	store_list_free(list, n);
}

/* is_among - the same problem of @e */
static bool is_among(const struct problem *p, const struct examination *e)
{
	for (size_t i = 0; i < e->n_problems; i++)
		if (str_eq(e->problems[i].kind, p->kind) && str_eq(e->problems[i].object, p->object))
			return true;
	return false;
}

/* settle - what was found earlier, and is gone, is repaired; what only the later look found is added */
static void settle(struct examination *e, const struct examination *later, struct pool *pool)
{
	struct problem *all = pool_alloc(pool, (e->n_problems + later->n_problems + 1) * sizeof *all);
	size_t n = 0;
	for (size_t i = 0; i < e->n_problems; i++) {
		all[n] = e->problems[i];
		all[n++].repaired = !is_among(&e->problems[i], later);
	}
	for (size_t i = 0; i < later->n_problems; i++)
		if (!is_among(&later->problems[i], e))
			all[n++] = later->problems[i];
	e->problems = all;
	e->n_problems = n;
}

static int repair(const struct carrier *c, const struct check_options *o, int flags, struct pool *pool, struct examination *e, struct error *err)
{
	struct store s cleanup_store = STORE_INIT;
	struct examination *later;
	int r = store_open(c->root, &s, err);
	/* with what the first look has taken away, more is found missing: the images that it belongs to */
	if (r == 0)
		r = look_at(c, flags, pool, &later, err);
	if (r < 0)
		return r;
	settle(e, later, pool);
	fetch_damaged(c, &s, e, &o->registry);
	unpack_missing(c, &s, &o->registry);
	r = look_at(c, flags & ~EXAMINE_FIX, pool, &later, err);
	if (r == 0)
		settle(e, later, pool);
	return r;
}

int store_check(struct carrier *c, const struct check_options *o, struct pool *pool, struct examination **ret, struct error *err)
{
	int flags = (o->fix ? EXAMINE_FIX : 0) | (o->deep ? EXAMINE_DEEP : 0);
	int r = look_at(c, flags, pool, ret, err);
	if (r < 0 || !o->fix || ((*ret)->n_problems == 0 && (*ret)->unclean == 0))
		return r;
	return repair(c, o, flags, pool, *ret, err);
}

/* ---- printing ---- */

static void print(const struct examination *e, bool fixed)
{
	for (size_t i = 0; i < e->n_problems; i++)
		printf("%s %s: %s%s\n", e->problems[i].kind, e->problems[i].object, e->problems[i].text,
		       e->problems[i].repaired ? " (repaired)" : "");
	if (e->unclean)
		printf("%lld layers were not unpacked, or before an unclean end: they %s\n", (long long) e->unclean,
		       fixed ? "were unpacked again" : "are unpacked again when they are needed");
	if (e->leftovers)
		printf("%lld leftovers of commands that were killed %s\n", (long long) e->leftovers,
		       e->swept ? "were removed" : "take room: the next removal takes them along");
	printf("checked %lld images, %lld blobs, %lld layers, %lld containers: %s\n", (long long) e->images, (long long) e->blobs,
	       (long long) e->layers, (long long) e->containers, e->n_problems ? "problems were found" : "all is well");
}

static int run(void *program, void *given, char **args, int n_args)
{
	const struct check_options *o = given;
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct examination *e;
	struct error err = { 0 };
	int left = 0;
	if (store_check(program, o, &pool, &e, &err) < 0)
		return carrier_fail(&err);
	for (size_t i = 0; i < e->n_problems; i++)
		left += !e->problems[i].repaired;
	if (o->json) {
		cleanup_free char *text = json_encode(&examination_type, e, JSON_INDENTED, NULL);
		(void) fputs(text, stdout);
	} else {
		print(e, o->fix);
	}
	return left ? 1 : 0;
}

#define DESCRIPTION "Reads every blob again and compares its digest; compares each layer with what was noted when it was unpacked; looks whether " \
	"images and containers have what they need. With --fix what is damaged is removed, unpacked again from its blob, or fetched again " \
	"by its digest. Leftovers of commands that were killed are counted, and are no problem."

const struct command command_system_check = {
	.name = "check", .summary = "look whether the store is whole, and repair it", .description = DESCRIPTION,
	.examples = "Is every file still what it was when it was fetched?\n\tcarrier system check --deep\n\n"
		    "Repair what is not:\n\tcarrier system check --fix",
	.exit_status = "0 when all is well or was repaired, 1 when something is not, 125 when it could not be checked.",
	OPTIONS(struct check_options, options), .defaults = &defaults, .run = run,
};
