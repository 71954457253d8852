/* overlayfs.h - mounting directories one over the other: a container's layers, an image's, a mount with the option O. overlayfs.rst of the kernel.
 *
 * The directories are given one by one with fsconfig(2) "lowerdir+" (Linux 6.8), so neither the length of the list nor colons and commas
 * in paths matter, and a refusal comes with the kernel's own words. Before that there is mount(2), whose text of options must fit into
 * one page: the paths are escaped, and, if it becomes too long, relative to what all have in common.
 *
 *	const struct overlayfs o = { .what = "the image", .target = path, .lower = dirs, .flags = MS_RDONLY };
 *	r = overlayfs_mount(&o, &err);
 */
#pragma once
#include "error.h"
#include <stdbool.h>

struct overlayfs {
	const char *what, *target;	/* "mount WHAT on 'TARGET': ..." */
	char *const *lower;		/* topmost first; without @upper at least two */
	char *const *data;		/* those behind them that are reached from a tree of metadata alone (mapped.h), or NULL */
	const char *upper, *work;	/* what is written goes to @upper, NULL: read-only */
	unsigned flags;			/* MS_RDONLY, MS_NOSUID, MS_NODEV of mount(2) */
	bool discard;			/* @upper need not survive a crash */
};

/* overlayfs_mount
 * Return: 0, or -errno; the sentence says what the kernel said, and has no remedy but for -E2BIG (too many directories for mount(2)) and
 * -EOPNOTSUPP (->data before Linux 6.8) */
int overlayfs_mount(const struct overlayfs *o, struct error *err);

/* overlayfs_common - the length of the directory, with its slash, that @first and all of @more are in */
size_t overlayfs_common(const char *first, char *const *more);
