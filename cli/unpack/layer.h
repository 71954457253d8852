/* layer.h - a tar archive becomes a directory that overlayfs takes as a layer.
 *
 *	layer_open(dir_fd, &limits, &l, err)		makes diff/ in dir_fd
 *	layer_feed(l, data, len, err)			any number of times: bytes of the archive
 *	layer_finish(l, err)				directories' times, pending.json
 *	layer_free(l)
 *	layer_undo(dir_fd)				after any failure: removes what was made
 *
 * Or, with limits.plain, an archive is unpacked over what is in dir_fd itself, as tar -x does: `cp` and `volume import`. Nothing means a deletion
 * then, a directory is never replaced by something else nor the other way round, hard links lead to what is there, and what was made stays
 * after a failure.
 *
 * Whiteouts become 0:0 character devices, opaque directories the xattr user.overlay.opaque (overlay's option userxattr);
 * neither can be smuggled in as an ordinary entry. image-spec layer.md; overlayfs.rst of the kernel.
 * As docker and umoci do: a leading / is the layer's root, a later entry replaces an earlier one of the same name, a whiteout
 * hides the lower layers only. Device nodes that the kernel refuses (in a user namespace) are left out and counted. With single_id
 * nothing is given to anybody; setuid and setgid bits stay: they make nobody who runs the file another than he is.
 */
#pragma once
#include "error.h"
#include "idmap.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What of the world outside the archive decides how a layer is unpacked */
struct layer_limits {
	int64_t max_entries;
	int64_t max_holes;		/* bytes that sparse files may have without being in the archive */
	bool plain;			/* see above */
	bool single_id;			/* there is one id only: every file is its, whatever the archive says */
	const struct idmap *uids, *gids;	/* plain: from the archive's owners to those of the files; both NULL or empty: the same. Its 0 is
					 * the file system id of the caller */
};

struct layer_numbers {
	int64_t entries;
	int64_t devices_left_out;	/* not permitted here, or 0:0, which would be a whiteout */
	int64_t xattrs_left_out;	/* of kinds that the host's kernel must not be told by an image */
	bool pending;			/* pending.json was written */
};

struct layer;
/* layer_open - -EEXIST when there is a diff/ already (then nothing was made, and nothing is to be undone) */
int layer_open(int dir_fd, const struct layer_limits *limits, struct layer **ret, struct error *err);
int layer_feed(struct layer *l, const uint8_t *data, size_t len, struct error *err);
int layer_finish(struct layer *l, struct error *err);
const struct layer_numbers *layer_numbers(const struct layer *l);
void layer_free(struct layer *l);
void layer_undo(int dir_fd);
