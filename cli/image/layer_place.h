/* layer_place.h - the place in which one layer becomes whole: store/tmp/HEX/, HEX of its blob's digest.
 *
 *	lock	an open file description lock on it: somebody is at work here
 *	blob	what has arrived, in order: a beginning of the blob. It stays when a pull ends early, however it ends; the next one has
 *		carrier-unpack read it first and fetches what is missing behind it. Whether it is right shows at the end, by the digest.
 *	layer/	what is unpacked of it; made anew each time
 *
 *	layer_place_claim -> the blob comes whole, carrier-unpack verifies -> layer_place_settle -> layer_place_release
 */
#pragma once
#include "store.h"

struct layer_place {
	char name[96];			/* "tmp/HEX" */
	int dir_fd, lock_fd;		/* -1: not ours */
	int64_t kept;			/* bytes of the blob that are there */
};
#define LAYER_PLACE_NONE { .dir_fd = -1, .lock_fd = -1 }

/* layer_place_claim - take the lock, without waiting
 * Return: 1: it is ours; 0: another pull has it; or a negative errno */
int layer_place_claim(const struct store *s, const char *digest, struct layer_place *p, struct error *err);
/* layer_place_kept - how much of the blob of @size there is; looks only */
int64_t layer_place_kept(const struct store *s, const char *digest, int64_t size);
/* layer_place_prepare - in a claimed place: an empty layer/, and the part of the blob of @size if there is one that can be used (else none) */
int layer_place_prepare(const struct store *s, struct layer_place *p, int64_t size, struct error *err);
/* layer_place_drop - the part of the blob was wrong */
void layer_place_drop(struct layer_place *p);
/* layer_place_settle - verified: the blob (unless @digest is NULL: it is in the store already) and the layer get their names */
int layer_place_settle(const struct store *s, const struct layer_place *p, const char *digest, const char *diff_id, struct error *err);
/* layer_place_release - give it back; everything in it is removed, but with @keep the part of the blob stays. One that is not ours: nothing
 * is done. */
void layer_place_release(const struct store *s, struct layer_place *p, bool keep);
