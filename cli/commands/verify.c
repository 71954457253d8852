#include "../carrier.h"
#include "../image/verify.h"
#include "cleanup.h"

struct verify_options { char *format; };

static const struct option_def options[] = {
	OPTION(struct verify_options, format, 0, "format", "text|json", "words (the default), or a JSON object for each line"),
};

struct verify_row { char *kind, *digest, *diff_id, *result, *reason; };
#define T struct verify_row
static const struct json_type row_type = JSON_TYPE(T, JSON_ALWAYS(T, kind, "Kind"), JSON_ALWAYS(T, digest, "Digest"),
	JSON_FIELD(T, diff_id, "DiffID"), JSON_ALWAYS(T, result, "Result"), JSON_FIELD(T, reason, "Reason"));
#undef T

/* tell - one line. Return: is it well? */
static bool tell(const struct verify_options *o, const char *kind, const struct descriptor *d, const char *diff_id, int r, struct error *err)
{
	struct verify_row row = {
		.kind = (char *) (uintptr_t) kind, .digest = d->digest, .diff_id = (char *) (uintptr_t) diff_id,
		.result = (char *) (r == 0 ? "ok" : r == -ENOENT ? "missing" : r == -EBADMSG ? "damaged" : "failed"),
		.reason = r == 0 ? NULL : err->text,
	};
	if (str_eq(o->format, "json")) {
		cleanup_free char *line = json_encode(&row_type, &row, JSON_COMPACT, NULL);
		puts(line);
	} else {
		printf("%-8s %s %s\n", kind, d->digest, row.result);
	}
	(void) fflush(stdout);
	if (r < 0)
		carrier_fail(err);
	return r == 0;
}

static int verify_image(const struct store *s, const char *word, const struct verify_options *o, bool *well, struct error *err)
{
	struct image image cleanup_image = { 0 };
	struct error why = { 0 };
	int r = store_find(s, word, &image, err);
	if (r < 0)
		return r;
	char **diff_ids = image.config->rootfs.diff_ids;
	const struct manifest_document *m = image.manifest;
	if (strings_count(diff_ids) != m->n_layers)
		return error_say(err, EINVAL, "the image's config names %zu layers and its manifest %zu", strings_count(diff_ids), m->n_layers);
	const struct descriptor manifest = { .digest = image.manifest_digest };
	*well = tell(o, "manifest", &manifest, NULL, verify_blob(s, manifest.digest, 0, &why), &why) && *well;
	*well = tell(o, "config", &m->config, NULL, verify_blob(s, m->config.digest, m->config.size, &why), &why) && *well;
	for (size_t i = 0; i < m->n_layers; i++)
		*well = tell(o, "layer", &m->layers[i], diff_ids[i], verify_layer(s, &m->layers[i], diff_ids[i], &why), &why) && *well;
	return 0;
}

static int run(void *program, void *given, char **args, int n_args)
{
	const struct carrier *c = program;
	const struct verify_options *o = given;
	struct store s cleanup_store = STORE_INIT;
	struct error err = { 0 };
	bool well = true;
	(void) n_args;
	if (o->format && !str_eq(o->format, "json") && !str_eq(o->format, "text")) {
		error_say(&err, EINVAL, "--format '%s' is not known: text or json", o->format);
		return carrier_fail(&err);
	}
	int r = store_open(c->root, &s, &err);
	for (; r == 0 && *args; args++)
		r = verify_image(&s, *args, o, &well, &err);
	return r < 0 ? carrier_fail(&err) : !well;
}

const struct command command_image_verify = {
	.name = "verify", .arguments = "IMAGE...", .summary = "read an image's blobs again, and compare them with their digests",
	.description = "One line for the manifest, the config and each layer: ok, damaged or missing. Of layers the archive inside is "
		       "compared with its diff_id, too. Blobs that `carrier system prune --blobs` has removed are missing. Signatures are "
		       "not looked at.",
	.examples = "After a disk has had errors:\n\tcarrier image verify debian:12",
	.exit_status = "0 when all is well, 1 when anything is not, 125 when there is no such image.",
	OPTIONS(struct verify_options, options), .min_args = 1, .max_args = -1, .run = run,
};
