/* merged.h - a directory as overlayfs would show it: those of the layers that are merged in it, topmost first. */
#pragma once
#include "error.h"
#include "str.h"
#include <stdbool.h>
#include <sys/stat.h>

struct merged { int *fds; size_t n; bool mapped; };	/* mapped: the first has owners of the container's maps (changes.c) */
void merged_done(struct merged *m);

/* merged_look - the file @name; @ret_at: in which layer. -ENOENT, also when a whiteout says so */
int merged_look(const struct merged *m, const char *name, struct stat *st, size_t *ret_at);
/* merged_enter - the directory @name: of all layers from @at on, until one hides what is below. merged_done() is due, after a failure, too */
int merged_enter(const struct merged *m, const char *name, size_t at, struct merged *ret, struct error *err);
/* merged_names - all names in all of them, unsorted, some of them twice, whiteouts among them; added to @ret */
int merged_names(const struct merged *m, struct strings *ret, struct error *err);
/* merged_sort - by the names' bytes */
void merged_sort(struct strings *names);
