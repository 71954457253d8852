/* lists.h - lists of images for several platforms: OCI indexes that are made here, under a name of the store's index.json.
 *
 *	lists_begin -> lists_add, lists_annotate, lists_remove -> lists_save
 * Between the first and the last step nobody else changes a list of this store. A list names manifests by digest: those of images in
 * the store, or those that only a registry has; of these the manifest and the config are fetched, and no layers.
 */
#pragma once
#include "names.h"
#include "session.h"

struct list {
	struct pool pool;
	struct reference ref;
	struct index_document *index;
	int lock_fd, hold_fd;
};
#define LIST_INIT { .lock_fd = -1, .hold_fd = -1 }

/* what is said of one image of a list; NULL: as the image says itself */
struct list_platform { char *os, *architecture, *variant, *os_version; char *const *annotations; };

enum list_begin { LIST_MUST_EXIST, LIST_MUST_BE_NEW, LIST_EITHER };
/* lists_begin - @word names the list. -ENOENT or -EEXIST with a sentence when it is not as @how wants it */
int lists_begin(const struct store *s, const char *word, enum list_begin how, struct list *ret, struct error *err);
/* lists_add - an image of the store, or (@session: prepared for @remote and started) of a registry
 * @all: of one that is a list itself, every image; else the one that @p says, or this machine's. An image that is there already is
 * replaced. */
int lists_add(const struct store *s, struct list *list, const char *word, const struct list_platform *p, bool all, struct error *err);
int lists_add_remote(const struct store *s, struct list *list, struct session *session, const struct reference *remote,
		     const struct list_platform *p, bool all, struct error *err);
/* lists_annotate, lists_remove - @word is a digest that the list has, or an image of the store */
int lists_annotate(const struct store *s, struct list *list, const char *word, const struct list_platform *p, struct error *err);
int lists_remove(const struct store *s, struct list *list, const char *word, struct error *err);
/* lists_save - @ret_digest: room for 80 */
int lists_save(const struct store *s, struct list *list, char ret_digest[80], struct error *err);
void lists_done(struct list *list);
#define cleanup_list __attribute__((cleanup(lists_done)))

/* lists_fetch - the document that a registry has for @ref, as it is; in @pool */
int lists_fetch(const struct store *s, struct session *session, const struct reference *ref, struct pool *pool, char **ret_text,
		size_t *ret_len, struct error *err);
