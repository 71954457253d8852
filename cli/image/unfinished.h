/* unfinished.h - what a pull that broke off leaves for the next one, and for how long.
 *
 *	store/unfinished/HEX		an empty file: a pull of the manifest HEX has begun and has not come to its end. For store_collect() it
 *					is as good as an image's name: what was verified of that image stays and is not fetched again.
 *	store/tmp/HEX/blob		a beginning of the layer blob HEX (layer_place.h)
 *
 * Both stay UNFINISHED_KEPT_S after the last attempt (their mtime), then store_collect() drops them; unfinished_forget() does so at once.
 * The mark goes when the image gets its name (then that keeps everything), when the name goes, and when the pull failed for what
 * the image is: trying again would be of no use.
 */
#pragma once
#include "store.h"

enum { UNFINISHED_KEPT_S = 7 * 24 * 3600 };

/* unfinished_begin - mark the manifest; also renews the time. The manifest and its config are in the store. */
int unfinished_begin(const struct store *s, const char *manifest_digest, struct error *err);
/* unfinished_end - take the mark back; one that is not there is no error */
void unfinished_end(const struct store *s, const char *manifest_digest);

/* unfinished_list - the digests of all manifests that are marked ("sha256:HEX"), appended to @ret; marks that are too old are removed */
void unfinished_list(const struct store *s, struct strings *ret);
/* unfinished_keeps - does the entry @name of store/tmp (an fd) hold a part of a blob that is young enough? To be asked only for what nobody
 * has locked.
 * @tidy: remove what is beside the part, an unpacked tree that nobody can go on with */
bool unfinished_keeps(int tmp_fd, const char *name, bool tidy);

/* unfinished_forget - make all marks and parts too old to be kept: the next collect() removes them, and what
 * only they needed. Nothing is done while a pull is under way. */
int unfinished_forget(const struct store *s, struct error *err);
