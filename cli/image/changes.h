/* changes.h - what differs between two trees of layers, as docker's `diff` says it: A added, C changed, D deleted.
 *
 * Each tree is a list of directories as overlayfs would stack them, topmost first (view.h). They are walked side by side. Where both
 * see the very same directories nothing below can differ, so the cost is that of what is different. Files are the same when they are one
 * file, or agree in type, mode, owner, size, time, link and device: contents are not read. A directory is changed when its mode or
 * owner is, or when something in it is added, changed or deleted, as docker has it; one that is added or deleted is named, and (added
 * only) everything in it.
 */
#pragma once
#include "error.h"
#include "view.h"

/* changes_between - from @was to @is, in the order of the names; @path begins with a slash. What @each returns below 0 ends it.
 * @skip: paths that are not looked at, NULL-terminated; or NULL */
int changes_between(const struct view *was, const struct view *is, const char *const *skip,
		    int (*each)(void *ctx, char kind, const char *path, struct error *err), void *ctx, struct error *err);
