#include "../container/apart.h"
#include "../container/runtime.h"
#include "../format.h"
#include "../image/collect.h"
#include "../image/marks.h"
#include "../image/walk.h"
#include "../volume/volume.h"
#include "../words.h"
#include "cleanup.h"
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>

struct df_options { bool verbose; char *format; };
static const struct option_def options[] = {
	OPTION(struct df_options, verbose, 'v', "verbose", NULL, "each image, each container and each volume"),
	OPTION(struct df_options, format, 0, "format", "table|json|TEMPLATE",
	       "tables (the default), JSON, or a line for each kind by a template such as '{{.Type}} {{.Size}}'"),
};

/* ---- what is printed ---- */

struct total { char *type, *size, *reclaimable; int64_t count, active, raw_size, raw_reclaimable; };
#define T struct total
static const struct json_type total_type = JSON_TYPE(T, JSON_ALWAYS(T, type, "Type"), JSON_ALWAYS(T, count, "TotalCount"),
	JSON_ALWAYS(T, active, "Active"), JSON_ALWAYS(T, size, "Size"), JSON_ALWAYS(T, reclaimable, "Reclaimable"),
	JSON_ALWAYS(T, raw_size, "RawSize"), JSON_ALWAYS(T, raw_reclaimable, "RawReclaimable"));
#undef T
static const char total_heads[] = "{\"Type\":\"TYPE\",\"TotalCount\":\"TOTAL\",\"Active\":\"ACTIVE\",\"Size\":\"SIZE\","
	"\"Reclaimable\":\"RECLAIMABLE\",\"RawSize\":\"RAW SIZE\",\"RawReclaimable\":\"RAW RECLAIMABLE\"}";
struct image_use { char *repository, *id, *created, *size, *shared, *unique; int64_t containers, raw_size, raw_shared, raw_unique; };
#define T struct image_use
static const struct json_type image_use_type = JSON_TYPE(T, JSON_ALWAYS(T, repository, "Name"), JSON_ALWAYS(T, id, "ID"),
	JSON_ALWAYS(T, created, "CreatedAt"), JSON_ALWAYS(T, size, "Size"), JSON_ALWAYS(T, shared, "SharedSize"),
	JSON_ALWAYS(T, unique, "UniqueSize"), JSON_ALWAYS(T, containers, "Containers"), JSON_ALWAYS(T, raw_size, "RawSize"),
	JSON_ALWAYS(T, raw_shared, "RawSharedSize"), JSON_ALWAYS(T, raw_unique, "RawUniqueSize"));
#undef T
struct container_use { char *id, *image, *status, *names, *size; int64_t raw_size; };
#define T struct container_use
static const struct json_type container_use_type = JSON_TYPE(T, JSON_ALWAYS(T, id, "ID"), JSON_ALWAYS(T, image, "Image"),
	JSON_ALWAYS(T, status, "State"), JSON_ALWAYS(T, names, "Names"), JSON_ALWAYS(T, size, "Size"), JSON_ALWAYS(T, raw_size, "RawSize"));
#undef T
struct volume_use { char *name, *size; int64_t links, raw_size; };
#define T struct volume_use
static const struct json_type volume_use_type = JSON_TYPE(T, JSON_ALWAYS(T, name, "Name"), JSON_ALWAYS(T, links, "Links"),
	JSON_ALWAYS(T, size, "Size"), JSON_ALWAYS(T, raw_size, "RawSize"));
#undef T
struct report {
	struct total *totals;
	struct image_use *images;
	struct container_use *containers;
	struct volume_use *volumes;
	size_t n_totals, n_images, n_containers, n_volumes;
};
#define T struct report
static const struct json_type report_type = JSON_TYPE(T, JSON_LIST(T, totals, "Totals", total_type),
	JSON_LIST(T, images, "Images", image_use_type), JSON_LIST(T, containers, "Containers", container_use_type),
	JSON_LIST(T, volumes, "Volumes", volume_use_type));
#undef T

/* ---- what is counted ---- */

/* One unpacked layer, or what was settled for one image: how big, and how many images have it. */
struct tree { char *hex; int64_t bytes; size_t users; bool active; };
struct trees { struct tree *v; size_t n; };
struct df {
	const struct carrier *c;
	const struct df_options *o;
	struct format format;
	struct store store;
	struct trees layers, chains;
	struct container *containers;
	size_t n_containers;
	struct image *images;
	size_t n_images;
	struct volume *volumes;
	size_t n_volumes;
	struct pool pool;
	struct report report;
};

static char *human(struct df *d, int64_t bytes)
{
	char size[16];
	return pool_strdup(&d->pool, str_human_size(bytes < 0 ? 0 : (uint64_t) bytes, size));
}

static struct tree *find(const struct trees *t, const char *hex)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->v[i].hex, hex) == 0)
			return &t->v[i];
	return NULL;
}

static int measure(struct df *d, const char *dir, struct trees *ret, struct error *err)
{
	cleanup_close int fd = openat(d->store.fd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *entries = fd < 0 ? NULL : fdopendir(dup(fd));
	if (!entries)
		return error_set(err, errno, "read '%s/%s'", d->store.root, dir);
	for (struct dirent *e; (e = readdir(entries));) {
		if (e->d_name[0] == '.')
			continue;
		int64_t bytes = walk_usage(fd, e->d_name, err);
		if (bytes < 0)
			return (int) bytes;
		ret->v = xreallocarray(ret->v, ret->n + 1, sizeof *ret->v);
		ret->v[ret->n++] = (struct tree) { .hex = pool_strdup(&d->pool, e->d_name), .bytes = bytes };
	}
	return 0;
}

/* measure_mapped - what was made of images for containers with ids of their own is theirs, as what was settled for them */
static int measure_mapped(struct df *d, struct error *err)
{
	struct trees mapped = { 0 };
	if (faccessat(d->store.fd, "mapped", F_OK, 0) < 0)
		return 0;
	int r = measure(d, "mapped", &mapped, err);
	for (size_t i = 0; r == 0 && i < mapped.n; i++) {
		char *hex = pool_strndup(&d->pool, mapped.v[i].hex, strcspn(mapped.v[i].hex, "-"));
		struct tree *of = find(&d->chains, hex);
		if (of) {
			of->bytes += mapped.v[i].bytes;
			continue;
		}
		d->chains.v = xreallocarray(d->chains.v, d->chains.n + 1, sizeof *d->chains.v);
		d->chains.v[d->chains.n++] = (struct tree) { .hex = hex, .bytes = mapped.v[i].bytes };
	}
	free(mapped.v);
	return r;
}

static size_t containers_of(const struct df *d, const struct image *image)
{
	size_t n = 0;
	for (size_t i = 0; i < d->n_containers; i++)
		n += str_eq(d->containers[i].record.image_id, image->config_digest);
	return n;
}

/* use - each different tree of the image once: the same (empty) layer may be in it several times */
static void use(struct df *d, const struct image *image, bool active)
{
	char **diff_ids = image->config->rootfs.diff_ids;
	for (size_t i = 0; diff_ids && diff_ids[i]; i++) {
		struct tree *t = find(&d->layers, digest_hex(diff_ids[i]));
		bool again = false;
		for (size_t k = 0; k < i; k++)
			again = again || strcmp(diff_ids[k], diff_ids[i]) == 0;
		if (t && !again) {
			t->users++;
			t->active = t->active || active;
		}
	}
	struct tree *chain = find(&d->chains, digest_hex(image->config_digest));
	if (chain) {
		chain->users++;
		chain->active = chain->active || active;
	}
}

static void describe_image(struct df *d, const struct image *image)
{
	char **diff_ids = image->config->rootfs.diff_ids;
	struct image_use u = { .containers = (int64_t) containers_of(d, image) };
	for (size_t i = 0; diff_ids && diff_ids[i]; i++) {
		const struct tree *t = find(&d->layers, digest_hex(diff_ids[i]));
		bool again = false;
		for (size_t k = 0; k < i; k++)
			again = again || strcmp(diff_ids[k], diff_ids[i]) == 0;
		if (t && !again)
			*(t->users > 1 ? &u.raw_shared : &u.raw_unique) += t->bytes;
	}
	const struct tree *chain = find(&d->chains, digest_hex(image->config_digest));
	u.raw_unique += chain ? chain->bytes : 0;
	u.raw_size = u.raw_shared + u.raw_unique;
	u.repository = image->names.n ? image->names.v[0] : (char *) "<none>";
	u.id = pool_strndup(&d->pool, digest_hex(image->config_digest), 12);
	u.created = image->config->created ? image->config->created : (char *) "";
	u.size = human(d, u.raw_size);
	u.shared = human(d, u.raw_shared);
	u.unique = human(d, u.raw_unique);
	d->report.images[d->report.n_images++] = u;
}

static void count_images(struct df *d, struct total *t)
{
	for (size_t i = 0; i < d->n_images; i++) {
		bool active = containers_of(d, &d->images[i]) > 0;
		if (d->images[i].additional)
			continue;
		t->count++;
		t->active += active;
		use(d, &d->images[i], active);
	}
	const struct trees *both[] = { &d->layers, &d->chains };
	for (size_t k = 0; k < 2; k++)
		for (size_t i = 0; i < both[k]->n; i++) {
			t->raw_size += both[k]->v[i].bytes;
			t->raw_reclaimable += both[k]->v[i].active ? 0 : both[k]->v[i].bytes;
		}
	d->report.images = pool_alloc(&d->pool, (d->n_images + 1) * sizeof *d->report.images);
	for (size_t i = 0; i < d->n_images; i++)
		if (!d->images[i].additional)
			describe_image(d, &d->images[i]);
}

static void count_containers(struct df *d, struct total *t)
{
	d->report.containers = pool_alloc(&d->pool, (d->n_containers + 1) * sizeof *d->report.containers);
	for (size_t i = 0; i < d->n_containers; i++) {
		const struct container *c = &d->containers[i];
		int64_t bytes = walk_usage(AT_FDCWD, c->dir, NULL);
		bool active = container_active(c);
		bytes = bytes < 0 ? 0 : bytes;	/* it was removed meanwhile */
		t->count++;
		t->active += active;
		t->raw_size += bytes;
		t->raw_reclaimable += active ? 0 : bytes;
		d->report.containers[d->report.n_containers++] = (struct container_use) {
			.id = pool_strndup(&d->pool, c->record.id, 12), .image = c->record.image ? c->record.image : (char *) "",
			.status = (char *) (uintptr_t) record_state_name(c->state), .names = c->record.name, .size = human(d, bytes),
			.raw_size = bytes,
		};
	}
}

/* links - how many containers have it mounted; in one that has it twice it is one */
static int64_t links(const struct df *d, const char *volume)
{
	int64_t n = 0;
	for (size_t i = 0; i < d->n_containers; i++)
		n += volume_in(&d->containers[i].record, volume);
	return n;
}

static void count_volumes(struct df *d, struct total *t)
{
	d->report.volumes = pool_alloc(&d->pool, (d->n_volumes + 1) * sizeof *d->report.volumes);
	for (size_t i = 0; i < d->n_volumes; i++) {
		const struct volume *v = &d->volumes[i];
		int64_t bytes = walk_usage(AT_FDCWD, v->data, NULL), users = links(d, v->record.name);
		bytes = bytes < 0 ? 0 : bytes;	/* it was removed meanwhile */
		t->count++;
		t->active += users > 0;
		t->raw_size += bytes;
		t->raw_reclaimable += users ? 0 : bytes;
		d->report.volumes[d->report.n_volumes++] = (struct volume_use) {
			.name = v->record.name, .size = human(d, bytes), .links = users, .raw_size = bytes };
	}
}

static int count_blobs(struct df *d, struct total *t, struct error *err)
{
	struct marks m cleanup_marks = { 0 };
	struct trees blobs = { 0 };
	struct collected fetchable = { 0 };
	int r = measure(d, "blobs/sha256", &blobs, err);
	if (r == 0)
		r = marks_make(&d->store, &m, err);
	if (r == 0)
		r = collect_fetchable(&d->store, true, &fetchable, err);
	for (size_t i = 0; i < blobs.n; i++) {
		bool needed = marks_have(&m.blobs, blobs.v[i].hex);
		t->count++;
		t->active += needed;
		t->raw_size += blobs.v[i].bytes;
		t->raw_reclaimable += needed ? 0 : blobs.v[i].bytes;
	}
	t->raw_reclaimable += fetchable.bytes;
	free(blobs.v);
	return r;
}

static int count(struct df *d, struct error *err)
{
	static struct total t[] = { { .type = (char *) "Images" }, { .type = (char *) "Containers" }, { .type = (char *) "Local Volumes" },
				    { .type = (char *) "Blobs" } };
	enum { TOTALS = sizeof t / sizeof *t };
	int r = store_open(d->c->root, &d->store, err);
	if (r == 0)
		r = record_list(d->c, &d->containers, &d->n_containers, err);
	if (r == 0)
		r = store_list(&d->store, &d->images, &d->n_images, err);
	if (r == 0)
		r = volume_list(d->c, &d->volumes, &d->n_volumes, err);
	if (r == 0)
		r = measure(d, "layers/sha256", &d->layers, err);
	if (r == 0)
		r = measure(d, "chains", &d->chains, err);
	if (r == 0)
		r = measure_mapped(d, err);
	if (r < 0)
		return r;
	count_images(d, &t[0]);
	count_containers(d, &t[1]);
	count_volumes(d, &t[2]);
	r = count_blobs(d, &t[3], err);
	for (size_t i = 0; i < TOTALS; i++) {
		t[i].size = human(d, t[i].raw_size);
		t[i].reclaimable = pool_printf(&d->pool, "%s (%d%%)", human(d, t[i].raw_reclaimable),
					       t[i].raw_size ? (int) (t[i].raw_reclaimable * 100 / t[i].raw_size) : 0);
	}
	d->report.totals = t;
	d->report.n_totals = TOTALS;
	return r;
}

/* ---- printing ---- */

static void number(char out[24], int64_t n) { snprintf(out, 24, "%lld", (long long) n); }

static void print_totals(const struct report *r)
{
	struct table t cleanup_table = { 0 };
	table_add(&t, "TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE", NULL);
	for (size_t i = 0; i < r->n_totals; i++) {
		char total[24], active[24];
		number(total, r->totals[i].count);
		number(active, r->totals[i].active);
		table_add(&t, r->totals[i].type, total, active, r->totals[i].size, r->totals[i].reclaimable, NULL);
	}
	table_print(&t, stdout);
}

static void print_details(const struct report *r)
{
	struct table images cleanup_table = { 0 }, containers cleanup_table = { 0 }, volumes cleanup_table = { 0 };
	table_add(&images, "IMAGE", "IMAGE ID", "CREATED", "SIZE", "SHARED SIZE", "UNIQUE SIZE", "CONTAINERS", NULL);
	for (size_t i = 0; i < r->n_images; i++) {
		const struct image_use *u = &r->images[i];
		char n[24], ago[40];
		number(n, u->containers);
		table_add(&images, u->repository, u->id, words_ago(u->created, time(NULL), ago), u->size, u->shared, u->unique, n, NULL);
	}
	table_add(&containers, "CONTAINER ID", "IMAGE", "SIZE", "STATE", "NAMES", NULL);
	for (size_t i = 0; i < r->n_containers; i++) {
		const struct container_use *u = &r->containers[i];
		table_add(&containers, u->id, u->image, u->size, u->status, u->names, NULL);
	}
	table_add(&volumes, "VOLUME NAME", "LINKS", "SIZE", NULL);
	for (size_t i = 0; i < r->n_volumes; i++) {
		char n[24];
		number(n, r->volumes[i].links);
		table_add(&volumes, r->volumes[i].name, n, r->volumes[i].size, NULL);
	}
	puts("\nImages:\n");
	table_print(&images, stdout);
	puts("\nContainers:\n");
	table_print(&containers, stdout);
	puts("\nVolumes:\n");
	table_print(&volumes, stdout);
}

static int print(struct df *d, struct error *err)
{
	const struct report *report = &d->report;
	if (d->format.is == FORMAT_TABLE) {
		print_totals(report);
		if (d->o->verbose)
			print_details(report);
		return 0;
	}
	if (d->o->verbose)
		return format_row(&d->format, &report_type, report, err);
	int r = format_head(&d->format, total_heads, err);
	for (size_t i = 0; r == 0 && i < report->n_totals; i++)
		r = format_row(&d->format, &total_type, &report->totals[i], err);
	return r;
}

static int do_df(void *ctx, struct error *err)
{
	struct df *d = ctx;
	int r = count(d, err);
	if (r == 0)
		r = print(d, err);
	if (r == 0)
		format_end(&d->format);
	store_list_free(d->images, d->n_images);
	for (size_t i = 0; i < d->n_containers; i++)
		container_done(&d->containers[i]);
	free(d->containers);
	volume_list_free(d->volumes, d->n_volumes);
	free(d->layers.v);
	free(d->chains.v);
	store_close(&d->store);
	pool_done(&d->pool);
	return r;
}

static int run(void *program, void *given, char **args, int n_args)
{
	const struct carrier *c = program;
	struct error err = { 0 };
	struct df d = { .c = c, .o = given, .store = STORE_INIT };
	int r = format_parse(d.o->format, &d.format, &err);
	if (r == 0)
		r = apart_as_owner(c->rootless, do_df, &d, &err);
	format_done(&d.format);
	return r < 0 ? carrier_fail(&err) : 0;
}

const struct command command_system_df = {
	.name = "df", .summary = "print how much room images, containers and volumes take",
	.description = "Bytes on disk. What images share is counted once. Images are unpacked layers; they can be reclaimed (`carrier "
		       "system prune --all`) when no container is made of them. So can volumes (`carrier volume prune --all`) that no "
		       "container has mounted. Blobs are compressed layers and documents; layers that were pulled can be reclaimed "
		       "(`carrier system prune --blobs`) and are fetched again when they are needed.",
	.examples = "How much do images, containers and volumes take?\n\tcarrier system df\n\n"
		    "Which of them?\n\tcarrier system df -v",
	OPTIONS(struct df_options, options), .run = run,
};
