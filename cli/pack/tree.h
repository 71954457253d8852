/* tree.h - a directory becomes a tar archive, always the same for the same directory.
 *
 * Names are in the order of their bytes, a directory before what is in it, "./" first for the directory itself. Owners are what the
 * calling process' user namespace calls them; or, for the files of a container with ids of its own, what they are in there. Files with
 * several names are written once, the other names are hard links to the first. Holes are written as the zeros that they read as: every
 * reader takes that, and it compresses to nothing. Sockets are left out, and so is what is mounted on a directory beneath (its mount point
 * stays). Nothing is followed. xattrs: user.* and security.capability, that is, what unpacking (../unpack/layer.c) would take.
 */
#pragma once
#include "idmap.h"
#include "sink.h"
#include <stdbool.h>

enum tree_kind {
	TREE_ARCHIVE,		/* as it is: for `export` */
	TREE_LAYER,		/* of an image: a name that would mean a deletion there is refused */
	TREE_OVERLAY,		/* what overlayfs wrote to its upper directory: whiteouts and opaque directories become a layer's */
	TREE_NORMAL,		/* of ours: all of root and of 1970, 0644 and 0755 */
};

/* struct tree_what - which part of a directory, and under which name */
struct tree_what {
	enum tree_kind kind;
	const char *entry;		/* NULL: all of it; else this entry of it, alone, with what is beneath it */
	const char *as;			/* what the entry is called in the archive */
	bool mounts;			/* also what is mounted beneath */
	/* from what is written to what is on the disk; empty: the same. Who has no id inside is written as nobody (65534). */
	struct idmap uids, gids;
};

struct tree_numbers {
	int64_t entries;
	int64_t sockets, xattrs_left_out, changed;	/* changed: files that became shorter while they were read; zeros are there */
};

/* tree_write - @progress is called now and then; what it returns below 0 ends it
 * Without the end mark of the archive (tar_write_end) */
int tree_write(int dir_fd, const struct tree_what *what, struct sink *sink, int (*progress)(void *ctx, struct error *err), void *ctx,
	       struct tree_numbers *n, struct error *err);
