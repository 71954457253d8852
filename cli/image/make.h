/* make.h - images that carrier itself makes: `commit`, `snapshot`, `import`, and what `load` finds in docker's archives.
 *
 *	place_open -> make_layer() or make_layer_of_archive(), make_document()... -> make_image() -> place_close
 *
 * Whoever calls is root, or root of a user namespace (userns.h), and holds the store (make_hold()) from before the first blob until
 * the image has a name. Digests are always what carrier-pack or carrier-unpack computed. What is made is made below store/tmp and renamed when
 * it is whole: who is killed leaves only what the next store_collect() removes.
 */
#pragma once
#include "../carrier.h"
#include "../transfer/unpacker.h"
#include "store.h"

#define MEDIA_OCI_LAYER_GZIP MEDIA_OCI_LAYER "+gzip"
#define MEDIA_OCI_LAYER_ZSTD MEDIA_OCI_LAYER "+zstd"

/* make_hold - store_hold(), after what a killed process has left below store/tmp is removed */
int make_hold(const struct store *s, struct error *err);
/* make_begin - in a child (apart.h): become root of the user's own namespace, open the store, and hold it. Return: make_hold()'s fd */
int make_begin(const struct carrier *c, struct store *ret, struct error *err);

/* struct place - a directory of our own below store/tmp, locked while we live */
struct place { const struct store *store; char name[64]; int fd, lock_fd; };
#define PLACE_INIT { .fd = -1, .lock_fd = -1 }
int place_open(const struct store *s, const char *what, struct place *ret, struct error *err);
/* place_close - removes it with all that is in it */
void place_close(struct place *p);
#define cleanup_place __attribute__((cleanup(place_close)))

/* make_file - a file without a name, in memory, with @data in it. Return: its fd, at the beginning */
int make_file(const void *data, size_t len, struct error *err);
/* make_document - @text becomes a blob; @digest receives what it is */
int make_document(const struct place *p, const char *text, size_t len, char digest[80], struct error *err);
/* make_bytes - what @fd holds, from its beginning, becomes a blob. @expected: its digest, or NULL; @size: 0 when it is not known */
int make_bytes(const struct place *p, int fd, const char *expected, int64_t size, char digest[80], struct error *err);
/* make_blob - the file @fd, which is read from its beginning, becomes a blob, if its digest is @digest; nothing when there is one */
int make_blob(const struct place *p, int fd, const char *digest, int64_t size, struct error *err);

struct made_layer { char digest[80], diff_id[80]; int64_t size; const char *media_type; };
/* make_layer - the directory @tree_fd becomes a blob and an unpacked layer. @kind, @compression, @level: of struct pack_job */
int make_layer(const struct place *p, const struct pack_job *how, struct made_layer *ret, struct error *err);
/* make_layer_of_archive - the tar archive @fd (a pipe, too), compressed or not, becomes both; stored as it came. @diff_id: NULL, or
 * what it has to be */
int make_layer_of_archive(const struct place *p, int fd, const char *diff_id, struct made_layer *ret, struct error *err);

/* make_layers_of - the descriptors of an image's layers, with room for @more behind them, and media types of OCI's */
struct descriptor *make_layers_of(const struct image *image, size_t more, struct pool *pool, struct error *err);
/* make_add_history - one more step of how the image came to be, borrowed */
void make_add_history(struct image_config *config, const struct image_history *history, struct pool *pool);
/* make_add_layer - to the config's diff_ids and history, and to the list of @n descriptors, which has room. @history: borrowed, NULL: none */
void make_add_layer(struct image_config *config, struct descriptor *layers, size_t *n, const struct made_layer *layer,
		    const struct image_history *history, struct pool *pool);

/* make_image - config and manifest are stored, and the chain is settled; only its name is missing then
 * @config_text: as it is, or NULL: @config is encoded
 * @id: receives the config's digest. @ret: the manifest's descriptor, its strings in @pool */
int make_image(const struct place *p, const struct image_config *config, const char *config_text, struct descriptor *layers, size_t n,
	       struct pool *pool, char id[80], struct descriptor *ret, struct error *err);
/* make_names - the image of @manifest gets its names (canonical); none: it is known by its id only */
int make_names(const struct store *s, const struct descriptor *manifest, char *const *names, struct error *err);

/* make_platform - OS/ARCH[/VARIANT], NULL: this machine's, into a config that has none; -EINVAL with a sentence on --platform */
int make_platform(struct image_config *config, const char *platform, struct pool *pool, struct error *err);
/* make_now - the time, as documents have it */
char *make_now(struct pool *pool);
