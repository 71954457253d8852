/* pull.h - an image from a registry into the store.
 *
 * Theory of operation. Two confined programs do the work: carrier-fetch receives (it cannot touch the store), one carrier-unpack a blob verifies,
 * stores and unpacks (it cannot open a connection). A pipe leads from the one to the other; we only say what goes where, and rename
 * what was verified into its place. All layers are transferred at the same time. Everything unfinished is below
 * store/tmp/DIGEST/, which is locked, so that two pulls of one blob do the work once (layer_place.h); whoever is killed leaves a directory
 * without a lock, which the next one takes over together with what has arrived of the blob. From its manifest to its name the image is marked
 * as unfinished, which keeps the layers that were verified until the next try (unfinished.h).
 */
#pragma once
#include "progress.h"
#include "session.h"
#include "store.h"

struct pull_options {
	const char *platform;		/* NULL: this machine's */
	enum progress_mode progress;
	int64_t retries, retry_delay_ms;	/* of the whole, when it breaks off; the fetcher has tried several times before that */
	const struct registry_options *registry;
};

/* pull_image - fetch, unpack, settle, name. The caller is root, or root of a user namespace (userns.h).
 * @session: prepared for @ref, not started
 * @ret: the image as it is in the store then. Return: 0; -EINTR when a signal ended it */
int pull_image(const struct store *s, struct session *session, const struct reference *ref, const struct pull_options *o,
	       struct image *ret, struct error *err);

/* pull_complete - unpack again, from the blobs that are kept, what is missing of an image's layers (after an unclean end); settle.
 * -ENOENT: a blob is not kept either, so that the image has to be pulled.
 * Without anything missing it costs one look at each layer. */
int pull_complete(const struct store *s, const struct image *image, enum progress_mode progress, struct error *err);
