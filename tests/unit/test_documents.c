#include "../../cli/image/documents.h"
#include "tap.h"

static int kind(const char *type, const char *text, struct error *err)
{
	*err = (struct error) { 0 };
	return document_kind(type, text, strlen(text), err);
}

static void test_kind(void)
{
	struct error err;
	OK(kind(MEDIA_OCI_MANIFEST, "{\"schemaVersion\":2,\"config\":{},\"layers\":[]}", &err) == DOCUMENT_MANIFEST);
	OK(kind(MEDIA_DOCKER_LIST "; charset=utf-8", "{\"schemaVersion\":2,\"manifests\":[]}", &err) == DOCUMENT_INDEX);
	OK(kind(NULL, "{\"schemaVersion\":2,\"manifests\":[]}", &err) == DOCUMENT_INDEX);
	OK(kind("text/plain", "{\"schemaVersion\":2,\"layers\":[]}", &err) == DOCUMENT_MANIFEST);
	/* CVE-2021-41190 */
	OK(kind(MEDIA_OCI_MANIFEST, "{\"schemaVersion\":2,\"layers\":[],\"manifests\":[]}", &err) < 0 && strstr(err.text, "index"));
	OK(kind(MEDIA_OCI_INDEX, "{\"schemaVersion\":2,\"layers\":[],\"manifests\":[]}", &err) < 0 && strstr(err.text, "manifest"));
	OK(kind(MEDIA_OCI_MANIFEST, "{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_OCI_INDEX "\",\"manifests\":[]}", &err) < 0);
	OK(kind(NULL, "{\"schemaVersion\":1,\"fsLayers\":[]}", &err) < 0 && strstr(err.text, "schema 1"));
	OK(kind(NULL, "{\"schemaVersion\":2,\"mediaType\":\"application/x\"}", &err) < 0);
	OK(kind(NULL, "not json", &err) < 0 && strstr(err.text, "not JSON"));
}

static void test_choice(void)
{
	struct platform p[] = { { .os = (char *) "linux", .architecture = (char *) "amd64" },
		{ .os = (char *) "linux", .architecture = (char *) "arm", .variant = (char *) "v6" },
		{ .os = (char *) "linux", .architecture = (char *) "arm", .variant = (char *) "v7" },
		{ .os = (char *) "linux", .architecture = (char *) "arm64", .variant = (char *) "v8" },
		{ .os = (char *) "windows", .architecture = (char *) "amd64" } };
	struct descriptor d[5];
	for (int i = 0; i < 5; i++)
		d[i] = (struct descriptor) { .platform = &p[i] };
	const struct index_document index = { .manifests = d, .n_manifests = 5 };
	const struct descriptor *got = NULL;
	struct error err = { 0 };
	OK(index_choose(&index, "linux/amd64", &got, &err) == 0 && got == &d[0]);
	OK(index_choose(&index, "amd64", &got, &err) == 0 && got == &d[0]);
	OK(index_choose(&index, "linux/arm/v7", &got, &err) == 0 && got == &d[2]);
	OK(index_choose(&index, "linux/arm", &got, &err) == 0 && got == &d[2]);
	OK(index_choose(&index, "linux/arm/v6", &got, &err) == 0 && got == &d[1]);
	OK(index_choose(&index, "linux/arm64", &got, &err) == 0 && got == &d[3]);
	OK(index_choose(&index, "linux/arm/v5", &got, &err) == -ENOENT && strstr(err.text, "linux/arm/v6"));
	OK(index_choose(&index, "linux/s390x", &got, &err) == -ENOENT);
	OK(index_choose(&index, "a/b/c/d", &got, &err) == -EINVAL);

	/* alone and without a platform: its config tells; with others it is passed over, as attestations are */
	struct descriptor lone[] = { { .digest = (char *) "x" }, { .digest = (char *) "y" } };
	struct platform unknown = { .os = (char *) "unknown", .architecture = (char *) "unknown" };
	OK(index_choose(&(struct index_document) { .manifests = lone, .n_manifests = 1 }, NULL, &got, &err) == 0 && got == &lone[0]);
	OK(index_choose(&(struct index_document) { .manifests = lone, .n_manifests = 2 }, NULL, &got, &err) == -ENOENT);
	lone[0].platform = &unknown;
	OK(index_choose(&(struct index_document) { .manifests = lone, .n_manifests = 1 }, NULL, &got, &err) == -ENOENT);
	OK(strstr(err.text, "no platform") != NULL);

	struct image_config config = { .os = (char *) "linux", .architecture = (char *) "arm" };
	OK(config_platform(&config, "linux/arm/v7", NULL, &err) == 0);
	OK(config_platform(&config, "linux/arm/v6", NULL, &err) == -ENOENT);
	OK(config_platform(&config, "linux/arm/v6", "v6", &err) == 0);
	config.variant = (char *) "v7";
	OK(config_platform(&config, "linux/arm/v6", "v6", &err) == -ENOENT && strstr(err.text, "linux/arm/v7"));
	OK(config_platform(&config, "linux/arm64", NULL, &err) == -ENOENT);
}

static void test_layers(void)
{
	enum layer_compression c;
	struct error err = { 0 };
	OK(layer_media_type(MEDIA_OCI_LAYER "+gzip", &c, &err) == 0 && c == LAYER_GZIP);
	OK(layer_media_type("application/vnd.docker.image.rootfs.diff.tar.gzip", &c, &err) == 0 && c == LAYER_GZIP);
	OK(layer_media_type(MEDIA_OCI_LAYER, &c, &err) == 0 && c == LAYER_PLAIN);
	OK(layer_media_type("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", &c, &err) < 0 && strstr(err.text, "foreign"));
	OK(layer_media_type("application/vnd.cncf.helm.chart", &c, &err) < 0 && strstr(err.text, "artifact"));
	OK(layer_media_type(NULL, &c, &err) < 0);
}

int main(void)
{
	test_kind();
	test_choice();
	test_layers();
	return tap_done();
}
