/* ownership.h - layers that were unpacked where only one id could be had.
 *
 * In a user namespace of one id (a user without subordinate ids, or without newuidmap) every file of a layer belongs to the user, and
 * carrier-unpack leaves the file `single-id` beside the layer's tree. Such a layer is as good as another for as long as there is one id.
 * When the user gets a range it is unpacked again, with the owners that the archive names, before it is used the next time; containers
 * that run on it meanwhile should be stopped before.
 * The store has `single-id` when it was ever noted, so that a store without such layers is not searched: one system call, and none as root.
 * The other way round nothing is done: layers with owners of their own can be used with one id; what belongs to others is seen as nobody's.
 */
#pragma once
#include "store.h"

/* ownership_note - before layers are unpacked: is there one id only? Then the store gets its mark, and one warning says what that means */
int ownership_note(const struct store *s, struct error *err);
/* ownership_refresh - remove those of the layers @diff_ids that were unpacked with one id, if there are more ids now, and what was
 * settled for images that have them. Return: how many were removed, or a negative errno */
int ownership_refresh(const struct store *s, char *const *diff_ids, struct error *err);
