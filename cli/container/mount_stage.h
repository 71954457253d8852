/* mount_stage.h - what has to be there before the runtime can mount a container's mounts, made anew at every start.
 *
 *	mounts_separate()	our mounts pass nothing on to the host any more, but for those that were asked to (shared)
 *	mounts_to_spec()	record.mounts as mounts of config.json, sorted so that parents come first
 *	mounts_stage()		volumes are filled, overlays, images and parts of volumes mounted, files given to the container's user (U), secrets
 *				shown
 *	mounts_unstage()	the mirror
 *
 * Everything is mounted in the monitor's own mount namespace, below the container's directory, from where the runtime binds it: nothing of it
 * outlives the monitor, and the runtime never walks a path in which somebody else could have put a symlink.
 *
 *	mounts/N, N.upper, N.work, N.root	the Nth mount: an overlay over its source or image; what was written there at the last start is
 *						thrown away at the next one
 *	mounts/N.part				its subpath
 *	mounts/N.shared				a source that is in the host's peer group
 *	mounts/secrets/				a tmpfs: files/ is bound on /run/secrets, at/N elsewhere; config.json, bound over the container's,
 *						when a variable holds a secret
 */
#pragma once
#include "bundle.h"

/* mounts_separate - in a mount namespace that was made just now */
int mounts_separate(const struct container *c, bool rootless, struct error *err);
bool mount_is_shared(const struct record_mount *m);
bool mounts_are_shared(const struct record *r);
/* mounts_unshare - the mirror, called by mounts_unstage() */
void mounts_unshare(const struct container *c);

/* mounts_to_spec - adds to @s->mounts, which has room for mounts_room() more */
size_t mounts_room(const struct record *r);
int mounts_to_spec(const struct container *c, struct runtime_spec *s, struct pool *pool, struct error *err);

/* mounts_stage - the rootfs is mounted, and @s says who the container's user is. Adds secrets to its environment. */
int mounts_stage(const struct container *c, struct runtime_spec *s, struct pool *pool, struct error *err);
/* mounts_write_config - config.json, in memory only when a variable holds a secret */
int mounts_write_config(const struct container *c, const char *text, size_t len, struct error *err);
/* mounts_unstage - success when nothing is there */
void mounts_unstage(const struct container *c);
