/* documents.h - the JSON documents of an image: image-spec's and docker's forms of index, manifest and config, as structs.
 * Nothing is interpreted here but the media types. https://github.com/opencontainers/image-spec */
#pragma once
#include "json.h"

#define MEDIA_OCI_INDEX "application/vnd.oci.image.index.v1+json"
#define MEDIA_OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define MEDIA_OCI_CONFIG "application/vnd.oci.image.config.v1+json"
#define MEDIA_OCI_LAYER "application/vnd.oci.image.layer.v1.tar"
#define MEDIA_DOCKER_LIST "application/vnd.docker.distribution.manifest.list.v2+json"
#define MEDIA_DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define MEDIA_DOCKER_CONFIG "application/vnd.docker.container.image.v1+json"

enum { IMAGE_DOCUMENT_MAX = 4 << 20 };	/* a longer one is refused, wherever it comes from */

/* manifest_media_types - what a registry is asked for: both families, docker's and OCI's, single and multi-platform; NULL ends them */
extern char *const manifest_media_types[];

struct platform { char *architecture, *os, *os_version, *variant; };
struct descriptor {
	char *media_type, *digest;
	int64_t size;
	char **urls;
	struct json_map annotations;
	struct platform *platform;
	char *artifact_type;
};
struct index_document {
	int64_t schema_version;
	char *media_type;
	struct descriptor *manifests;
	size_t n_manifests;
	struct json_map annotations;
	/* must not be there (CVE-2021-41190): a manifest that is also an index */
	char *config, *layers;		/* JSON text */
};
struct manifest_document {
	int64_t schema_version;
	char *media_type, *artifact_type;
	struct descriptor config;
	struct descriptor *layers;
	size_t n_layers;
	struct json_map annotations;
	char *manifests;		/* JSON text; must not be there */
};
struct image_healthcheck { char **test; int64_t interval, timeout, start_period, start_interval, retries; };	/* nanoseconds */
struct image_settings {			/* "config" of the image config */
	char *user, *working_dir, *stop_signal, *hostname;
	char **env, **entrypoint, **cmd, **volumes, **exposed_ports, **shell, **on_build;
	struct json_map labels;
	struct image_healthcheck *healthcheck;
	bool args_escaped;
};
struct image_history { char *created, *created_by, *author, *comment; bool empty_layer; };
struct image_config {
	char *created, *author, *architecture, *os, *variant, *os_version;
	struct image_settings config;
	struct image_rootfs { char *type, **diff_ids; } rootfs;
	struct image_history *history;
	size_t n_history;
};
struct layout_document { char *image_layout_version; };

extern const struct json_type descriptor_type, index_type, manifest_type, image_config_type, layout_type;

enum document_kind { DOCUMENT_INDEX, DOCUMENT_MANIFEST };
/* document_kind - by the media type (of the descriptor or the response; the document's own must agree), for documents without
 * any by their shape. Schema 1, artifacts and unknown types are refused by name. Return: enum document_kind or -errno */
int document_kind(const char *media_type, const char *text, size_t len, struct error *err);
/* index_choose - the manifest for os/architecture/variant, with docker's variant rules (arm v8..v5 downward, amd64 variants);
 * never another platform: -ENOENT lists those that there are. Entries without a platform (and attestations, which are unknown/unknown) are
 * passed over, but one that is alone in its index is taken: then its config tells. @wanted: "linux/arm64/v8", NULL: this machine's */
int index_choose(const struct index_document *index, const char *wanted, const struct descriptor **ret, struct error *err);
/* config_platform - is the image of @c for @wanted (as above)? A config that names no variant: @variant is what the index says of it, or NULL.
 * -ENOENT names the platform that it is for */
int config_platform(const struct image_config *c, const char *wanted, const char *variant, struct error *err);
/* platform_machine - this machine's "linux/amd64"; borrowed */
const char *platform_machine(void);

enum layer_compression { LAYER_UNKNOWN, LAYER_PLAIN, LAYER_GZIP, LAYER_ZSTD };
/* layer_media_type - of a layer's media type; foreign (nondistributable) layers are -EINVAL with a sentence */
int layer_media_type(const char *media_type, enum layer_compression *ret, struct error *err);
