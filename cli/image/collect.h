/* collect.h - removing what nobody needs: mark and sweep.
 *
 * Theory of operation. Marked is what index.json names, what the records of containers name, and for a while what unfinished pulls have
 * verified (unfinished.h): manifests, through lists of them, their configs and layer blobs; the unpacked layers and the chain of each
 * config. All else of blobs/, layers/, chains/ and origins/ goes, and everything in tmp/ whose lock nobody holds but young parts of blobs.
 *
 * Whoever puts things into the store that have no name yet, and whoever is about to write a container's record, holds ROOT/store/hold
 * shared; we take it alone, and without waiting: when somebody is at work nothing is removed, and the next removal does it. It
 * is held only while what goes is unlinked or moved to ROOT/store/tmp/trash-PID/; emptying that, which takes longer, keeps nobody.
 * A container that is being removed is waited for before that: who removes its image at once, when `run --rm` has returned, is to find
 * nothing left; and to pull layers away from under a mount that still stands would be against overlayfs' rules.
 * Killed at any instant we leave garbage, which the next removal finds, and never a name without what it names.
 */
#pragma once
#include "store.h"

struct collected {
	int64_t bytes;			/* on disk; only counted with collect_count */
	size_t blobs, layers, chains, leftovers;
	bool busy;			/* somebody held the store: nothing was removed */
};

/* collect - as store_collect(), and tell what went
 * @count: also add up the bytes, which takes a look at every file */
int collect(const struct store *s, bool count, struct collected *ret, struct error *err);

/* collect_dry - the same, without removing anything */
int collect_dry(const struct store *s, struct collected *ret, struct error *err);

/* collect_fetchable - drop the compressed layers of images whose origin is known and whose layers are unpacked; documents stay
 * @dry: only count them. One that also an image without origin has stays. */
int collect_fetchable(const struct store *s, bool dry, struct collected *ret, struct error *err);
