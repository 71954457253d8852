/* store.h - images on disk.
 *
 *	ROOT/version				"2", of all that is below
 *	ROOT/store/oci-layout, index.json	an OCI image layout: which names there are; replaced atomically
 *	ROOT/store/blobs/sha256/HEX		manifests, configs and compressed layers, as they came, verified
 *	ROOT/store/layers/sha256/HEX/		one unpacked layer, by diff_id:
 *		diff/				its tree in overlayfs' form (whiteouts as 0:0 devices, opaque as xattr user.overlay.opaque)
 *		pending.json			what depends on the layers below it (layer.h); absent when nothing does
 *		implicit-root			there when the layer says nothing of / itself: a lower layer's mode and owner count
 *		boot				boot id in which it was written; "synced" once a syncfs has covered it (cover.h)
 *		fingerprint			of the tree, from then on (walk.h)
 *	ROOT/store/chains/HEX/			what was settled for the image HEX (chain.h): N/diff is one more overlay layer above its
 *						Nth layer; `boot` as a layer's
 *	ROOT/store/mapped/HEX-KEY/		the image HEX with the owners that a container with ids of its own sees (mapped.h)
 *	ROOT/store/origins/HEX			where the manifest HEX came from: what can be fetched again (origin.h)
 *	ROOT/store/tmp/				downloads and layers that are not finished; its files are locked while in use (layer_place.h)
 *	ROOT/store/unfinished/HEX		a pull of the manifest HEX broke off: what it has verified is kept for the next one (unfinished.h)
 *	ROOT/containers/ID/, ROOT/names/NAME	see container/record.h
 *
 * contrib/store.md has the whole list, with writers and lifetimes.
 *
 * Readers never lock. Blobs and layers appear by rename(2) when they are complete and verified, so what has a name is whole.
 * index.json is changed under ROOT/store/lock, a list of images (lists.h) under ROOT/store/lists.lock besides. Who has put something
 * into the store that has no name yet, or is about to write down that a container uses it, holds ROOT/store/hold, shared; who removes
 * what has no name (collect.h) holds it alone.
 *
 * Additional stores: other directories of this form, named by the environment's CARRIER_ADDITIONAL_STORES (--additional-store), which
 * are read and never written. What is not in ROOT/store is looked for there. ROOT's index may name what only they have.
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
	struct store *others;	/* additional ones */
	size_t n_others;
};
#define STORE_INIT { .fd = -1 }

#define STORE_ADDITIONAL "CARRIER_ADDITIONAL_STORES"	/* directories with a colon between them */

/* store_open - make the directories if need be (0700), check the version, open the additional ones. A newer carrier's is -EPROTO, an older's
 * is upgraded. */
int store_open(const char *root, struct store *ret, struct error *err);
void store_close(struct store *s);
#define cleanup_store __attribute__((cleanup(store_close)))

/* store_has_blob - 1 or 0. store_read_blob - a document, whole, at most 4 MiB; its digest was verified when it was stored */
int store_has_blob(const struct store *s, const char *digest);
int store_read_blob(const struct store *s, const char *digest, char **ret, size_t *len, struct error *err);
int store_open_blob(const struct store *s, const char *digest, struct error *err);
/* store_has_layer, store_has_chain - 1 when it is unpacked or settled, and can be trusted (same boot, or synced); 0 */
int store_has_layer(const struct store *s, const char *diff_id);
int store_has_chain(const struct store *s, const char *config_digest);
/* store_open_layer - the directory of one that is there */
int store_open_layer(const struct store *s, const char *diff_id, struct error *err);
/* store_put_blob - the file @from/@name, verified, gets its name in the store; one that is there has the same content, unless the disk has
 * lost it */
int store_put_blob(const struct store *s, int from_fd, const char *name, const char *digest, struct error *err);
/* store_put_layer, store_put_chain - the directory @from/@name, complete, with its `boot`, gets its name in the store at once. Where a trusted one
 * is already nothing is done; where one is that cannot be trusted they change places. The caller then removes what is in @from. */
int store_put_layer(const struct store *s, int from_fd, const char *name, const char *diff_id, struct error *err);
int store_put_chain(const struct store *s, int from_fd, const char *name, const char *config_digest, struct error *err);

/* store_has_mapped, store_put_mapped - the same of ROOT/store/mapped/@name; it is made here only, and looked for here only */
int store_has_mapped(const struct store *s, const char *name);
int store_put_mapped(const struct store *s, int from_fd, const char *from, const char *name, struct error *err);

/* struct image - one that is in the store, read */
struct image {
	struct pool pool;
	char *manifest_digest, *config_digest;	/* the config's digest is the image's id */
	struct strings names;			/* canonical references, from index.json */
	struct manifest_document *manifest;
	struct image_config *config;
	char *config_text;
	int64_t size;				/* of the blobs */
	bool additional;			/* named by an additional store: it cannot be changed */
};
void image_done(struct image *i);
#define cleanup_image __attribute__((cleanup(image_done)))

/* store_find - by reference, by id prefix (at least 4 hex digits, with or without sha256:), by digest
 * A name without a registry is docker.io's, or else one of those that registries.conf makes of it.
 * Return: 0, -ENOENT "no image 'x' in the store", or an error. */
int store_find(const struct store *s, const char *name, struct image *ret, struct error *err);
/* store_list - every image, one entry for each manifest; caller frees with store_list_free() */
int store_list(const struct store *s, struct image **ret, size_t *n, struct error *err);
/* store_list_root - the same of the store below @root (struct carrier's), opened for that */
int store_list_root(const char *root, struct image **ret, size_t *n, struct error *err);
void store_list_free(struct image *list, size_t n);

/* store_name - @name points to this manifest from now on (another it pointed to loses it); under the lock. NULL: it is listed without a
 * name, unless it has one already */
int store_name(const struct store *s, const struct descriptor *manifest, const char *name, struct error *err);
/* store_unname - remove a name; 1 when it was the manifest's last one (store_collect() may then remove it), 0 */
int store_unname(const struct store *s, const char *name, struct error *err);
/* store_untag - the same, but a manifest that loses its last name stays, without one, until store_drop() or store_name() */
int store_untag(const struct store *s, const char *name, struct error *err);
/* store_drop - all entries of a manifest, with names and without */
int store_drop(const struct store *s, const char *manifest_digest, struct error *err);
/* store_index - index.json, as it is now; store_name_of - the canonical reference of one of its entries, or NULL; borrowed */
int store_index(const struct store *s, struct pool *pool, struct index_document **ret, struct error *err);
const char *store_name_of(const struct descriptor *d);
/* store_is_list - is the entry a list of images (lists.h)? */
bool store_is_list(const struct descriptor *d);

/* store_collect - remove blobs, layers and chains that neither an image nor a container nor an unfinished pull needs, and tmp files
 * that nobody holds (collect.h)
 * Removes nothing while a pull holds the store. */
int store_collect(const struct store *s, struct error *err);

/* store_hold - while its fd is open (also across fork), store_collect() removes nothing: for a pull, whose blobs have no name yet, and for
 * a run, whose container has no record yet */
int store_hold(const struct store *s, struct error *err);
/* store_hold_alone - for what removes; -EAGAIN, without a sentence, when somebody is at work */
int store_hold_alone(const struct store *s, struct error *err);

/* store_lowerdirs - the image's layers as overlay directories, topmost first (lowerdir's order); settled ones included;
 * none below a layer whose root is opaque.
 * Every layer must be there: else -ENOENT naming it. */
int store_lowerdirs(const struct store *s, const struct image *i, struct strings *ret, struct error *err);
