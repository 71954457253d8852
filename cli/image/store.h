/* store.h - images on disk.
 *
 *	ROOT/version				"1", of all that is below
 *	ROOT/store/oci-layout, index.json	an OCI image layout: which names there are; replaced atomically
 *	ROOT/store/blobs/sha256/HEX		manifests, configs and compressed layers, as they came, verified
 *	ROOT/store/layers/sha256/HEX/		one unpacked layer, by diff_id:
 *		diff/				its tree in overlayfs' form (whiteouts as 0:0 devices, opaque as xattr user.overlay.opaque)
 *		pending.json			what depends on the layers below it (layer.h); absent when nothing does
 *		implicit-root			there when the layer says nothing of / itself: a lower layer's mode and owner count
 *		boot				boot id in which it was written; "synced" once a syncfs has covered it
 *	ROOT/store/chains/HEX/			what was settled for the image HEX (chain.h): N/diff is one more overlay layer above its
 *						Nth layer; `done` when all is settled
 *	ROOT/store/tmp/				downloads and layers that are not finished; its files are locked while in use
 *	ROOT/containers/ID/, ROOT/names/NAME	see container/record.h
 *
 * Readers never lock. Blobs and layers appear by rename(2) when they are complete and verified, so what has a name is whole.
 * index.json is changed under ROOT/store/lock. A blob that is being fetched is locked by its file in tmp/, so two pulls fetch it once.
 */
#pragma once
#include "documents.h"
#include "error.h"
#include "reference.h"
#include "str.h"
#include <stdbool.h>

struct store {
	char *root;		/* ROOT/store */
	int fd;			/* of it */
};
#define STORE_INIT { .fd = -1 }

/* store_open - make the directories if need be (0700), check the version */
int store_open(const char *root, struct store *ret, struct error *err);
void store_close(struct store *s);
#define cleanup_store __attribute__((cleanup(store_close)))

/* store_has_blob - 1 or 0. store_read_blob - a document, whole, at most 4 MiB; its digest was verified when it was stored */
int store_has_blob(const struct store *s, const char *digest);
int store_read_blob(const struct store *s, const char *digest, char **ret, size_t *len, struct error *err);
int store_open_blob(const struct store *s, const char *digest, struct error *err);
/* store_has_layer - 1 when it is unpacked and can be trusted (same boot, or synced); one that cannot is removed; 0 */
int store_has_layer(const struct store *s, const char *diff_id);

/* struct image - one that is in the store, read */
struct image {
	struct pool pool;
	char *manifest_digest, *config_digest;	/* the config's digest is the image's id */
	struct strings names;			/* canonical references, from index.json */
	struct manifest_document *manifest;
	struct image_config *config;
	char *config_text;
	int64_t size;				/* of the blobs */
};
void image_done(struct image *i);
#define cleanup_image __attribute__((cleanup(image_done)))

/* store_find - by reference, by id prefix (at least 4 hex digits, with or without sha256:), by digest
 * Return: 0, -ENOENT "no image 'x' in the store", or an error. */
int store_find(const struct store *s, const char *name, struct image *ret, struct error *err);
/* store_list - every image, one entry for each manifest; caller frees with store_list_free() */
int store_list(const struct store *s, struct image **ret, size_t *n, struct error *err);
/* store_list_root - the same of the store below @root (struct carrier's), opened for that */
int store_list_root(const char *root, struct image **ret, size_t *n, struct error *err);
void store_list_free(struct image *list, size_t n);

/* store_name - @name points to this manifest from now on (another it pointed to loses it); under the lock */
int store_name(const struct store *s, const struct descriptor *manifest, const char *name, struct error *err);
/* store_unname - remove a name; 1 when it was the manifest's last one (store_collect() may then remove it), 0 */
int store_unname(const struct store *s, const char *name, struct error *err);
/* store_collect - remove blobs, layers and chains that no image needs, and tmp files that nobody holds
 * Removes nothing while a pull holds the store. */
int store_collect(const struct store *s, struct error *err);

/* store_hold - while its fd is open (also across fork), store_collect() removes nothing: for a pull, whose blobs have no name yet */
int store_hold(const struct store *s, struct error *err);

/* store_sync - syncfs, then mark the layers that are covered */
int store_sync(const struct store *s, struct error *err);

/* store_lowerdirs - the image's layers as overlay directories, topmost first (lowerdir's order); settled ones included;
 * none below a layer whose root is opaque.
 * Every layer must be there: else -ENOENT naming it. */
int store_lowerdirs(const struct store *s, const struct image *i, struct strings *ret, struct error *err);
