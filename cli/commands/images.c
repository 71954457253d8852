#include "images.h"
#include "../image/store.h"
#include "../format.h"
#include "../words.h"
#include "cleanup.h"
#include <string.h>
#include <time.h>

struct images_options { bool quiet, no_trunc, all; char *format; };

static const struct option_def options[] = {
	OPTION(struct images_options, all, 'a', "all", NULL, "taken for docker's sake: intermediate images do not exist here"),
	OPTION(struct images_options, quiet, 'q', "quiet", NULL, "ids only"),
	OPTION(struct images_options, no_trunc, 0, "no-trunc", NULL, "whole ids"),
	OPTION(struct images_options, format, 0, "format", "table|json|TEMPLATE",
	       "a table (the default), a JSON object for each line, or a template such as '{{.ID}} {{.Repository}}'"),
};

struct image_row { char *repository, *tag, *digest, *id, *created_at, *created_since, *size; };
#define T struct image_row
static const struct json_type row_type = JSON_TYPE(T, JSON_ALWAYS(T, created_at, "CreatedAt"), JSON_ALWAYS(T, created_since, "CreatedSince"),
	JSON_ALWAYS(T, digest, "Digest"), JSON_ALWAYS(T, id, "ID"), JSON_ALWAYS(T, repository, "Repository"), JSON_ALWAYS(T, size, "Size"),
	JSON_ALWAYS(T, tag, "Tag"));
#undef T
static const char heads[] = "{\"Repository\":\"REPOSITORY\",\"Tag\":\"TAG\",\"ID\":\"IMAGE ID\",\"Digest\":\"DIGEST\","
	"\"CreatedSince\":\"CREATED\",\"CreatedAt\":\"CREATED AT\",\"Size\":\"SIZE\"}";

struct output {
	const struct images_options *o;
	const char *only;
	int64_t now;
	struct pool pool;
	struct format format;
	struct strings ids;		/* with --quiet: those that were printed */
};

/* split_name - what people call it, before and behind the tag's colon */
static bool split_name(const char *name, const char *only, struct pool *pool, struct image_row *row)
{
	struct reference ref = { 0 };
	if (!name || reference_parse(name, pool, &ref, NULL) < 0) {
		row->repository = pool_strdup(pool, name ? name : "<none>");
		row->tag = pool_strdup(pool, "<none>");
		return !only;
	}
	size_t len = strcspn(ref.familiar, "@");
	if (ref.tag && len > strlen(ref.tag) && strncmp(ref.familiar + len - strlen(ref.tag), ref.tag, strlen(ref.tag)) == 0 &&
	    ref.familiar[len - strlen(ref.tag) - 1] == ':')
		len -= strlen(ref.tag) + 1;
	row->repository = pool_strndup(pool, ref.familiar, len);
	row->tag = pool_strdup(pool, ref.tag ? ref.tag : "<none>");
	return !only || str_eq(only, row->repository) || str_eq(only, ref.familiar) || str_eq(only, ref.name);
}

static int print_row(struct output *out, const struct image *image, const char *name, struct error *err)
{
	struct image_row row = { .digest = image->manifest_digest };
	char size[16], ago[40];
	const char *created = image->config->created;
	if (!split_name(name, out->only, &out->pool, &row))
		return 0;
	row.id = out->o->no_trunc ? image->config_digest : pool_strndup(&out->pool, digest_hex(image->config_digest), 12);
	row.created_at = pool_strdup(&out->pool, created ? created : "");
	row.created_since = pool_strdup(&out->pool, words_ago(created, out->now, ago));
	row.size = pool_strdup(&out->pool, str_human_size(image->size < 0 ? 0 : (uint64_t) image->size, size));
	if (!out->o->quiet && out->format.is != FORMAT_TABLE)
		return format_row(&out->format, &row_type, &row, err);
	if (!out->o->quiet) {
		table_add(&out->format.table, row.repository, row.tag, row.id, row.created_since, row.size, NULL);
	} else if (!strings_have(out->ids.v, row.id)) {
		strings_add(&out->ids, row.id);
		puts(row.id);
	}
	return 0;
}

/* list_lists - lists of images that have none for this machine: by their own digests. The others were listed as that image. */
static int list_lists(const struct store *s, const struct image *list, size_t n, struct output *out, struct error *err)
{
	static struct image_config none;
	struct index_document *index;
	int r = store_index(s, &out->pool, &index, err);
	for (size_t i = 0; r == 0 && i < index->n_manifests; i++) {
		const struct descriptor *d = &index->manifests[i];
		const char *name = store_name_of(d);
		bool listed = !name || !store_is_list(d);
		for (size_t k = 0; !listed && k < n; k++)
			listed = strings_have(list[k].names.v, name);
		const struct image shown = { .manifest_digest = d->digest, .config_digest = d->digest, .config = &none, .size = d->size };
		if (!listed)
			r = print_row(out, &shown, name, err);
	}
	return r;
}

static int list_all(const struct carrier *c, struct output *out, struct error *err)
{
	struct store store cleanup_store = STORE_INIT;
	struct image *list;
	size_t n;
	int r = store_open(c->root, &store, err);
	if (r == 0)
		r = store_list(&store, &list, &n, err);
	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < n; i++) {
		for (size_t k = 0; r == 0 && k < list[i].names.n; k++)
			r = print_row(out, &list[i], list[i].names.v[k], err);
		if (r == 0 && !list[i].names.n)
			r = print_row(out, &list[i], NULL, err);
	}
	if (r == 0)
		r = list_lists(&store, list, n, out, err);
	store_list_free(list, n);
	return r;
}

int images_list(const struct carrier *c, bool quiet, bool no_trunc, const char *format, const char *only)
{
	struct images_options o = { .quiet = quiet, .no_trunc = no_trunc };
	struct output out = { .o = &o, .only = only, .now = time(NULL) };
	struct error err = { 0 };
	int r = format_parse(format, &out.format, &err);
	if (r == 0 && !quiet)
		r = format_head(&out.format, heads, &err);
	if (!quiet && out.format.is == FORMAT_TABLE)
		table_add(&out.format.table, "REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE", NULL);
	if (r == 0)
		r = list_all(c, &out, &err);
	if (r == 0)
		format_end(&out.format);
	format_done(&out.format);
	strings_done(&out.ids);
	pool_done(&out.pool);
	return r < 0 ? carrier_fail(&err) : 0;
}

static int run(void *program, void *given, char **args, int n_args)
{
	const struct images_options *o = given;
	return images_list(program, o->quiet, o->no_trunc, o->format, n_args ? args[0] : NULL);
}

const struct command command_images = {
	.name = "images", .arguments = "[REPOSITORY[:TAG]]", .summary = "list images",
	.description = "SIZE is what was fetched: the compressed layers.",
	.examples = "All images, with whole ids:\n\tcarrier images --no-trunc\n\n"
		    "Those of one repository, as JSON:\n\tcarrier images --format json debian",
	OPTIONS(struct images_options, options), .max_args = 1, .run = run,
};

const struct command command_image_ls = {
	.name = "ls|list", .arguments = "[REPOSITORY[:TAG]]", .summary = "list images; the same as `carrier images`",
	.examples = "All images:\n\tcarrier image ls",
	OPTIONS(struct images_options, options), .max_args = 1, .run = run,
};
