/* examine.h - is the store what it says it is? Looks at everything, and takes away what is damaged when asked to, so that it can be had again.
 *
 * Theory of operation. Blobs are read again by carrier-unpack, which compares their digests. A layer's tree cannot be hashed back to its
 * diff_id; it is compared with the fingerprint that was noted when the layer had reached the disk (walk.h), or, on request, with what its blob
 * is unpacked to, names, metadata and content. A layer from before an unclean end is no damage: it is unpacked again when it is
 * needed, from its blob, and that must be there. What is damaged can be repaired in two ways, and the caller does it: what its blob can
 * give by pull_complete(), the rest by fetching the image again by its digest.
 */
#pragma once
#include "store.h"

struct problem {
	char *kind;		/* "index", "image", "blob", "layer", "container" */
	char *object;		/* what it is called */
	char *text;		/* what is wrong with it, and what to do */
	char *image;		/* manifest digest of an image that is to be fetched again, or NULL */
	char *name;		/* one of its names, or NULL */
	bool repaired;
};
struct examination {
	struct problem *problems;
	size_t n_problems;
	int64_t blobs, layers, images, containers;	/* looked at */
	int64_t unclean;	/* layers that will be unpacked again */
	int64_t leftovers;	/* of commands that were killed, and what nobody needs */
	bool swept;		/* and they are removed */
};
extern const struct json_type examination_type;

enum { EXAMINE_FIX = 1, EXAMINE_DEEP = 2 };
/* examine - @flags: EXAMINE_FIX removes what is damaged (unless a container runs on it) and what was left behind; EXAMINE_DEEP unpacks every layer
 * again to compare. The caller is root, or root of the user's namespace. @pool owns the result.
 * Return: 0, whatever was found; an error when it could not be done */
int examine(const struct store *s, int flags, struct pool *pool, struct examination *ret, struct error *err);
