/* walk.h - every entry of a tree, each once; and the two things that are asked of whole trees: how much room they take, and whether they
 * are still what they were.
 *
 * Nothing is followed: names are opened one beneath the other, without symlinks. What vanishes meanwhile is passed over.
 */
#pragma once
#include "error.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/* struct walk_entry - @path is relative to the tree, "" for its root; @dir_fd/@name is where it is */
struct walk_entry { int dir_fd; const char *name, *path; struct stat st; };

/* walk_tree - @visit each entry, a directory before what is in it. A negative result ends the walk and is returned.
 * Return: 0; what is not there at all is success */
int walk_tree(int dir_fd, const char *name, int (*visit)(void *ctx, const struct walk_entry *e, struct error *err), void *ctx,
	      struct error *err);

/* walk_usage - bytes on disk of the tree (or file): a file with several names counts once, when all of them are in it; -errno */
int64_t walk_usage(int dir_fd, const char *name, struct error *err);

enum { FINGERPRINT_MAX = 64 };
/* walk_fingerprint - of names, types, modes, owners, sizes, times, link targets: what damage changes and what can be read without reading
 * the files. No proof against somebody who wants it to be equal.
 * @all_times: those of directories and whiteouts count, too; an archive need not say them
 * @out: text, FINGERPRINT_MAX */
int walk_fingerprint(int dir_fd, const char *name, bool all_times, char out[FINGERPRINT_MAX], struct error *err);
