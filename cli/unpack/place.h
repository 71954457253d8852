/* place.h - where in the layer's tree an entry goes: the directory it is to be in, found or made.
 *
 * Names are cleaned as text first (a leading / is the layer's root, ".." is refused). Parents are then walked from the tree's
 * fd, one name at a time and following nothing: a symlink that this layer made is read and its text walked in its place,
 * within the root. What is missing is made, and recorded as implicit; a whiteout in the way becomes a new, opaque directory.
 * The last directory is kept open, since most entries share it with the one before.
 */
#pragma once
#include "error.h"
#include "pending_set.h"
#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>

/* a cleaned name, split: dir "" for entries of the root itself, base "" for the root */
struct place_name {
	char dir[PATH_MAX], base[NAME_MAX + 2];
};

struct place {
	int root_fd;			/* borrowed: diff/ */
	struct pending_set *pending;	/* borrowed */
	uid_t uid;			/* whose what is missing becomes: root's */
	gid_t gid;
	int fd;				/* the directory we are in, O_PATH; -1: nowhere yet */
	char dir[PATH_MAX];		/* as entries call it */
	char real[PATH_MAX];		/* what it is, no symlink in it; "" is the root */
	bool setgid;			/* what is made in it takes its group */
};

/* place_split - @raw is an entry's name or a hard link's target; -EINVAL for "..", -ENAMETOOLONG */
int place_split(const char *raw, struct place_name *ret, struct error *err);
/* place_enter - be in @dir, making what is missing */
int place_enter(struct place *p, const char *dir, struct error *err);
/* place_path - of @base in the directory we are in; @out has room for PATH_MAX; -ENAMETOOLONG */
int place_path(const struct place *p, const char *base, char *out, struct error *err);
void place_done(struct place *p);

/* place_make_opaque - the directory @name in @dir_fd ("." for itself) hides what is below it */
int place_make_opaque(int dir_fd, const char *name, struct error *err);
bool place_is_whiteout(const struct stat *st);
