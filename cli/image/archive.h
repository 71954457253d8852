/* archive.h - images as archives and directories that other engines know, written (`save`) and read (`load`).
 *
 *	docker-archive	manifest.json, the configs and the uncompressed layers: what `docker save` has always written. The image's id survives.
 *	oci-archive	an OCI image layout in a tar archive, layers as they are in the store. The manifest's digest survives, too.
 *	oci-dir		the same layout, as a directory
 *	docker-dir	skopeo's `dir:`: manifest.json and the blobs of one image
 *
 * Reading: only carrier-unpack opens an archive. It becomes an ordinary tree below store/tmp, in which names are then looked up beneath
 * its root, and only regular files are opened. Nothing has a name in the store before it was verified: blobs by their digests, layers
 * by the diff_ids of the config. All images of an archive get their names when all of them are complete.
 */
#pragma once
#include "../carrier.h"
#include "store.h"

enum archive_format { ARCHIVE_DOCKER, ARCHIVE_OCI, ARCHIVE_OCI_DIR, ARCHIVE_DOCKER_DIR };
/* archive_format_parse - the names above; -EINVAL with a sentence */
int archive_format_parse(const char *word, enum archive_format *ret, struct error *err);

/* archive_save - @images as people name them: by a name, which is written, too, or by id
 * @fd: where an archive goes. @dir: the directory that is made (it may be there, empty) */
int archive_save(const struct carrier *c, char *const *images, enum archive_format format, int fd, const char *dir, struct error *err);

/* archive_load - every image in @fd, an archive or a layout's directory; prints what was loaded */
int archive_load(const struct carrier *c, int fd, bool quiet, struct error *err);

/* docker's manifest.json: a list of these */
struct docker_entry { char *config, **repo_tags, **layers; };
extern const struct json_type docker_entry_type;
