/* chain.h - settling: what of a layer depends on the layers below it.
 *
 * Theory of operation. Layers are unpacked alone and in any order. Three things cannot be known alone, and the unpacker
 * leaves them in the layer's pending.json:
 *	- implicit directories: parents of entries that the layer itself does not contain; made 0755 root, but the lower
 *	  layer's mode, owner, times and xattrs are meant (a layer with only tmp/x over a 1777 /tmp)
 *	- names through what is no directory below: with `lib -> usr/lib` in a lower layer, lib/y is meant to be usr/lib/y
 *	  and the link to stay
 *	- hard links to files of lower layers
 *	- whiteouts of what no layer below has: overlayfs shows their names in a directory that it does not have to merge with another
 * Settling compares these, for each image, with the merged view of the lower layers, and makes one more overlay layer above the layer, holding only
 * what differs: directories with the right metadata, the link again and the moved files, the linked files. Most layers need none.
 * The result is that of applying the layers one over the other. A layer whose root is opaque has nothing below it.
 *
 * What was settled is kept by the image's config digest, which covers the list of its layers, and not by the chain id of each layer: that is
 * a hash that carrier would have to compute itself, and it links no library for one. Images that share their lower layers
 * settle those once each; what is made are directories and, seldom, a few files.
 */
#pragma once
#include "error.h"
#include "json.h"
#include "store.h"

/* pending.json, written by carrier-unpack. Names are bytes, JSON's strings are text: what is no UTF-8 is %XX there, and so is % */
struct pending_link { char *path, *target; };
struct pending {
	char **directories;		/* implicit ones, relative to the layer's root, parents before children */
	struct pending_link *links;	/* hard links whose target the layer does not contain */
	size_t n_links;
	char **whiteouts;		/* directories that have some, and are not opaque nor below one that is */
};
extern const struct json_type pending_type;
char *pending_escape(const char *path);		/* caller frees */
/* pending_read - what was decoded: names as they are, in place; -EBADMSG for one that leads out of the layer. The unpacker that wrote
 * it reads foreign bytes, and is not to be trusted with more than its own directory. */
int pending_read(struct pending *p, struct error *err);

/* chain_settle - for the image @id (its config digest): make chains/HEX with N/diff for each layer N that needs one, at once
 * Needs the privilege to chown (root, or root of the user's namespace). Everything of the layers' trees is reached beneath
 * their fds. Does nothing when it was done before. */
int chain_settle(const struct store *s, const char *id, char *const *diff_ids, struct error *err);
