#include "documents.h"
#include "cleanup.h"
#include "mem.h"
#include "str.h"
#include <string.h>

char *const manifest_media_types[] = { (char *) MEDIA_OCI_INDEX, (char *) MEDIA_DOCKER_LIST, (char *) MEDIA_OCI_MANIFEST,
				       (char *) MEDIA_DOCKER_MANIFEST, NULL };

#define TABLE(name, ...) const struct json_type name = { .size = sizeof(T), \
	.n_fields = sizeof((struct json_field[]) { __VA_ARGS__ }) / sizeof(struct json_field), \
	.fields = (const struct json_field[]) { __VA_ARGS__ } }

#define T struct platform
static TABLE(platform_type, JSON_REQUIRED(T, architecture, "architecture"), JSON_REQUIRED(T, os, "os"),
	JSON_FIELD(T, os_version, "os.version"), JSON_FIELD(T, variant, "variant"));
#undef T
#define T struct descriptor
TABLE(descriptor_type, JSON_FIELD(T, media_type, "mediaType"), JSON_REQUIRED(T, digest, "digest"),
	JSON_REQUIRED(T, size, "size"), JSON_FIELD(T, urls, "urls"), JSON_FIELD(T, annotations, "annotations"),
	JSON_OBJECT(T, platform, "platform", platform_type), JSON_FIELD(T, artifact_type, "artifactType"));
#undef T
#define T struct index_document
TABLE(index_type, JSON_REQUIRED(T, schema_version, "schemaVersion"), JSON_FIELD(T, media_type, "mediaType"),
	{ .key = "manifests", .kind = JSON_OBJECTS, .required = true, .offset = offsetof(T, manifests),
	  .count_offset = offsetof(T, n_manifests), .type = &descriptor_type },
	JSON_FIELD(T, annotations, "annotations"), JSON_ANY(T, config, "config"), JSON_ANY(T, layers, "layers"));
#undef T
#define T struct manifest_document
TABLE(manifest_type, JSON_REQUIRED(T, schema_version, "schemaVersion"), JSON_FIELD(T, media_type, "mediaType"),
	JSON_FIELD(T, artifact_type, "artifactType"),
	{ .key = "config", .kind = JSON_OBJECT_IN, .required = true, .offset = offsetof(T, config), .type = &descriptor_type },
	{ .key = "layers", .kind = JSON_OBJECTS, .required = true, .offset = offsetof(T, layers),
	  .count_offset = offsetof(T, n_layers), .type = &descriptor_type },
	JSON_FIELD(T, annotations, "annotations"), JSON_ANY(T, manifests, "manifests"));
#undef T

#define T struct image_healthcheck
static TABLE(healthcheck_type, JSON_FIELD(T, test, "Test"), JSON_FIELD(T, interval, "Interval"), JSON_FIELD(T, timeout, "Timeout"),
	JSON_FIELD(T, start_period, "StartPeriod"), JSON_FIELD(T, start_interval, "StartInterval"), JSON_FIELD(T, retries, "Retries"));
#undef T
#define T struct image_settings
static TABLE(settings_type, JSON_FIELD(T, hostname, "Hostname"), JSON_FIELD(T, user, "User"),
	JSON_KEYS(T, exposed_ports, "ExposedPorts"), JSON_FIELD(T, env, "Env"), JSON_FIELD(T, entrypoint, "Entrypoint"),
	JSON_FIELD(T, cmd, "Cmd"), JSON_FIELD(T, args_escaped, "ArgsEscaped"), JSON_KEYS(T, volumes, "Volumes"),
	JSON_FIELD(T, working_dir, "WorkingDir"), JSON_FIELD(T, labels, "Labels"), JSON_FIELD(T, stop_signal, "StopSignal"),
	JSON_OBJECT(T, healthcheck, "Healthcheck", healthcheck_type), JSON_FIELD(T, shell, "Shell"), JSON_FIELD(T, on_build, "OnBuild"));
#undef T
#define T struct image_rootfs
static TABLE(rootfs_type, JSON_REQUIRED(T, type, "type"), JSON_REQUIRED(T, diff_ids, "diff_ids"));
#undef T
#define T struct image_history
static TABLE(history_type, JSON_FIELD(T, created, "created"), JSON_FIELD(T, created_by, "created_by"), JSON_FIELD(T, author, "author"),
	JSON_FIELD(T, comment, "comment"), JSON_FIELD(T, empty_layer, "empty_layer"));
#undef T
#define T struct image_config
TABLE(image_config_type, JSON_FIELD(T, created, "created"), JSON_FIELD(T, author, "author"),
	JSON_REQUIRED(T, architecture, "architecture"), JSON_REQUIRED(T, os, "os"), JSON_FIELD(T, variant, "variant"),
	JSON_FIELD(T, os_version, "os.version"), JSON_INLINE(T, config, "config", settings_type),
	{ .key = "rootfs", .kind = JSON_OBJECT_IN, .required = true, .offset = offsetof(T, rootfs), .type = &rootfs_type },
	JSON_LIST(T, history, "history", history_type));
#undef T
#define T struct layout_document
TABLE(layout_type, JSON_REQUIRED(T, image_layout_version, "imageLayoutVersion"));
#undef T

/* ---- what a document is ---- */

#define T struct kind_probe
struct kind_probe { int64_t schema_version; char *media_type, *manifests, *layers, *config, *fs_layers; };
static const struct json_type probe_type = JSON_TYPE(T, JSON_FIELD(T, schema_version, "schemaVersion"),
	JSON_FIELD(T, media_type, "mediaType"), JSON_ANY(T, manifests, "manifests"), JSON_ANY(T, layers, "layers"),
	JSON_ANY(T, config, "config"), JSON_ANY(T, fs_layers, "fsLayers"));
#undef T

static int kind_of(const char *media_type)
{
	if (strcmp(media_type, MEDIA_OCI_INDEX) == 0 || strcmp(media_type, MEDIA_DOCKER_LIST) == 0)
		return DOCUMENT_INDEX;
	if (strcmp(media_type, MEDIA_OCI_MANIFEST) == 0 || strcmp(media_type, MEDIA_DOCKER_MANIFEST) == 0)
		return DOCUMENT_MANIFEST;
	return -ENOENT;
}

/* Registries and descriptors say what a document is; the document says it again. All that speak must agree, and a document must
 * not have the members of the other kind: two readers would see two images under one digest (CVE-2021-41190). */
int document_kind(const char *media_type, const char *text, size_t len, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct kind_probe *p;
	int r = json_decode(&probe_type, text, len, &pool, &p, err);
	if (r < 0)
		return error_wrap(err, "manifest");
	if (p->schema_version == 1 || p->fs_layers)
		return error_say(err, ENOTSUP, "the image is of docker's schema 1, which registries no longer serve and which cannot be verified: "
				 "push it again with a newer tool");
	if (p->schema_version != 2)
		return error_say(err, EINVAL, "manifest: schemaVersion is %lld, not 2", (long long) p->schema_version);

	cleanup_free char *type = media_type ? xstrndup(media_type, strcspn(media_type, "; ")) : NULL;
	int given = type ? kind_of(type) : -ENOENT, own = p->media_type ? kind_of(p->media_type) : -ENOENT;
	if (p->media_type && own < 0)
		return error_say(err, ENOTSUP, "manifest: mediaType '%.100s' is not that of an image", p->media_type);
	if (given >= 0 && own >= 0 && given != own)
		return error_say(err, EINVAL, "manifest: it is served as '%s' and says it is '%s'", type, p->media_type);
	int kind = own >= 0 ? own : given >= 0 ? given : p->manifests ? DOCUMENT_INDEX : DOCUMENT_MANIFEST;
	if (kind == DOCUMENT_INDEX && (p->layers || p->config))
		return error_say(err, EINVAL, "index: it has the members of a manifest, too ('layers', 'config'); refused, as it could be "
				 "read as either");
	if (kind == DOCUMENT_MANIFEST && p->manifests)
		return error_say(err, EINVAL, "manifest: it has the member of an index, too ('manifests'); refused, as it could be read as either");
	return kind;
}

int layer_media_type(const char *media_type, enum layer_compression *ret, struct error *err)
{
	static const struct { const char *type; enum layer_compression compression; } types[] = {
		{ MEDIA_OCI_LAYER, LAYER_PLAIN }, { MEDIA_OCI_LAYER "+gzip", LAYER_GZIP }, { MEDIA_OCI_LAYER "+zstd", LAYER_ZSTD },
		{ "application/vnd.docker.image.rootfs.diff.tar.gzip", LAYER_GZIP },
		{ "application/vnd.docker.image.rootfs.diff.tar", LAYER_PLAIN },
		{ "application/vnd.docker.image.rootfs.diff.tar.zstd", LAYER_ZSTD },
	};
	if (!media_type)
		return error_say(err, EINVAL, "a layer has no mediaType");
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (strcmp(types[i].type, media_type) == 0) {
			*ret = types[i].compression;
			return 0;
		}
	if (strstr(media_type, "foreign") || strstr(media_type, "nondistributable"))
		return error_say(err, ENOTSUP, "a layer is foreign ('%s'): it would have to be fetched from elsewhere than the registry; refused",
				 media_type);
	return error_say(err, ENOTSUP, "a layer has the mediaType '%.100s', which is not that of an image's layer: is this an artifact?", media_type);
}

/* ---- platforms ---- */

const char *platform_machine(void)
{
#if defined(__x86_64__)
	return "linux/amd64";
#elif defined(__aarch64__)
	return "linux/arm64/v8";
#elif defined(__arm__)
	return "linux/arm/v7";
#elif defined(__i386__)
	return "linux/386";
#elif defined(__riscv)
	return "linux/riscv64";
#elif defined(__powerpc64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return "linux/ppc64le";
#elif defined(__s390x__)
	return "linux/s390x";
#else
#error "name this machine as Go does"
#endif
}

/* rank - how well @have serves @want: 0 not at all, else higher is better. A machine of variant vN runs code for the variants
 * up to its own (arm: v8 to v5; amd64: v4 to v1); no variant means arm64's v8, arm's v7, amd64's v1. */
static int rank(const char *architecture, const char *want, const char *have)
{
	const char *standard = strcmp(architecture, "arm64") == 0 ? "v8" : strcmp(architecture, "arm") == 0 ? "v7" : "v1";
	if (str_empty(want))
		want = standard;
	if (str_empty(have))
		have = standard;
	if (want[0] != 'v' || have[0] != 'v')
		return strcmp(want, have) == 0 ? 100 : 0;
	int w = want[1] - '0', h = have[1] - '0';
	return h > w || h < 1 ? 0 : 100 - (w - h);
}

static void list_platforms(const struct index_document *index, struct buf *out)
{
	for (size_t i = 0; i < index->n_manifests; i++) {
		const struct platform *p = index->manifests[i].platform;
		if (!p || strcmp(p->os, "unknown") == 0)
			continue;
		buf_printf(out, "%s%s/%s%s%s", out->len ? ", " : "", p->os, p->architecture, str_empty(p->variant) ? "" : "/",
			   p->variant ? p->variant : "");
	}
}

int index_choose(const struct index_document *index, const char *wanted, const struct descriptor **ret, struct error *err)
{
	if (!wanted)
		wanted = platform_machine();
	struct strings parts cleanup_strings = { 0 };
	strings_split(&parts, wanted, "/");
	if (parts.n < 1 || parts.n > 3)
		return error_say(err, EINVAL, "platform '%s': expected OS/ARCHITECTURE[/VARIANT], as in linux/arm64/v8", wanted);
	const char *os = parts.n == 1 ? "linux" : parts.v[0], *architecture = parts.n == 1 ? parts.v[0] : parts.v[1];
	const char *variant = parts.n == 3 ? parts.v[2] : NULL;

	const struct descriptor *best = index->n_manifests == 1 && !index->manifests[0].platform ? &index->manifests[0] : NULL;
	int best_rank = 0;
	for (size_t i = 0; i < index->n_manifests; i++) {
		const struct descriptor *d = &index->manifests[i];
		if (!d->platform || strcmp(d->platform->os, os) != 0 || strcmp(d->platform->architecture, architecture) != 0)
			continue;
		int r = rank(architecture, variant, d->platform->variant);
		if (r > best_rank) {
			best_rank = r;
			best = d;
		}
	}
	if (!best) {
		struct buf have cleanup_buf = { 0 };
		list_platforms(index, &have);
		return error_say(err, ENOENT, "the image is not there for %s; it is there for: %s", wanted, have.len ? have.data : "no platform");
	}
	*ret = best;
	return 0;
}

int config_platform(const struct image_config *c, const char *wanted, const char *variant, struct error *err)
{
	struct platform p = { .architecture = c->architecture, .os = c->os,
			      .variant = str_empty(c->variant) ? (char *) (uintptr_t) variant : c->variant };
	struct descriptor d = { .platform = &p };
	const struct index_document one = { .manifests = &d, .n_manifests = 1 };
	const struct descriptor *chosen;
	return index_choose(&one, wanted, &chosen, err);
}
