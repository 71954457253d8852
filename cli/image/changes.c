#include "changes.h"
#include "cleanup.h"
#include "mem.h"
#include "merged.h"
#include "str.h"
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

enum { DEPTH_MAX = 250 };

struct comparing {
	const char *const *skip;
	const struct view *is;
	int (*each)(void *ctx, char kind, const char *path, struct error *err);
	void *ctx;
	struct buf path;
	int depth;
	struct buf *held;	/* lines that are said only if something follows: the directories we are in */
};

/* ---- one name ---- */

/* the_same_dirs - do both see the same directories, and nothing else? */
static bool the_same_dirs(const struct merged *a, const struct merged *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		struct stat x, y;
		if (fstat(a->fds[i], &x) < 0 || fstat(b->fds[i], &y) < 0 || x.st_ino != y.st_ino || x.st_dev != y.st_dev)
			return false;
	}
	return true;
}

static bool same_link(const struct merged *a, size_t at_a, const struct merged *b, size_t at_b, const char *name)
{
	char x[PATH_MAX], y[PATH_MAX];
	ssize_t n = readlinkat(a->fds[at_a], name, x, sizeof x), m = readlinkat(b->fds[at_b], name, y, sizeof y);
	return n >= 0 && n == m && memcmp(x, y, (size_t) n) == 0;
}

static bool same_owner_and_mode(const struct stat *a, const struct stat *b)
{
	return a->st_mode == b->st_mode && a->st_uid == b->st_uid && a->st_gid == b->st_gid;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	if (a->st_ino == b->st_ino && a->st_dev == b->st_dev)
		return true;
	bool device = S_ISCHR(a->st_mode) || S_ISBLK(a->st_mode);
	return same_owner_and_mode(a, b) && (!device || a->st_rdev == b->st_rdev) && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && (!S_ISREG(a->st_mode) || a->st_size == b->st_size);
}

/* ---- the walk ---- */

static int compare(struct comparing *c, const struct merged *was, const struct merged *is, struct error *err);

static int say(struct comparing *c, char kind, struct error *err)
{
	if (c->held) {	/* the directories above come first */
		struct buf *held = c->held;
		c->held = NULL;
		for (char *line = held->data; line && line < held->data + held->len; line += strlen(line) + 1) {
			int r = c->each(c->ctx, 'C', line, err);
			if (r < 0)
				return r;
		}
		held->len = 0;
	}
	return c->each(c->ctx, kind, c->path.data, err);
}

/* below - both sides of a directory; @was is empty for one that is new */
static int below(struct comparing *c, const struct merged *was, const struct merged *is, const char *name, size_t at_was, size_t at_is,
		 bool existed, struct error *err)
{
	struct merged old = { 0 }, new = { 0 };
	int r = existed ? merged_enter(was, name, at_was, &old, err) : 0;
	if (r == 0)
		r = merged_enter(is, name, at_is, &new, err);
	if (r == 0 && !the_same_dirs(&old, &new))
		r = compare(c, &old, &new, err);
	merged_done(&old);
	merged_done(&new);
	return r;
}

static int compare_name(struct comparing *c, const struct merged *was, const struct merged *is, const char *name, struct error *err)
{
	struct stat old, new;
	size_t at_was, at_is;
	int had = merged_look(was, name, &old, &at_was), has = merged_look(is, name, &new, &at_is);
	if ((had < 0 && had != -ENOENT) || (has < 0 && has != -ENOENT))
		return error_set(err, had < 0 && had != -ENOENT ? -had : -has, "look at '%.300s'", c->path.data);
	if (has < 0)
		return had < 0 ? 0 : say(c, 'D', err);
	if (is->mapped && at_is == 0) {
		new.st_uid = idmap_from_host(c->is->uids, new.st_uid);
		new.st_gid = idmap_from_host(c->is->gids, new.st_gid);
	}
	bool dir = S_ISDIR(new.st_mode), dir_was = had == 0 && S_ISDIR(old.st_mode);
	if (had < 0) {
		int r = say(c, 'A', err);
		return r < 0 || !dir ? r : below(c, was, is, name, at_was, at_is, false, err);
	}
	if (dir && dir_was) {
		if (!same_owner_and_mode(&old, &new)) {
			int r = say(c, 'C', err);
			return r < 0 ? r : below(c, was, is, name, at_was, at_is, true, err);
		}
		/* only if something in it differs */
		struct buf held cleanup_buf = { 0 }, *outer = c->held;
		if (outer && outer->len)
			buf_add(&held, outer->data, outer->len);
		buf_add(&held, c->path.data, c->path.len + 1);
		c->held = &held;
		int r = below(c, was, is, name, at_was, at_is, true, err);
		c->held = c->held ? outer : NULL;
		return r;
	}
	bool link_differs = S_ISLNK(new.st_mode) && S_ISLNK(old.st_mode) && !same_link(was, at_was, is, at_is, name);
	if (same_file(&old, &new) && !link_differs)
		return 0;
	int r = say(c, 'C', err);
	return r < 0 || !dir ? r : below(c, was, is, name, at_was, at_is, false, err);
}

static int compare(struct comparing *c, const struct merged *was, const struct merged *is, struct error *err)
{
	struct strings names cleanup_strings = { 0 };
	size_t len = c->path.len;
	if (c->depth == DEPTH_MAX)
		return error_say(err, ELOOP, "'%.100s...' is more than %d directories deep", c->path.data, DEPTH_MAX);
	int r = merged_names(was, &names, err);
	if (r == 0)
		r = merged_names(is, &names, err);
	merged_sort(&names);
	c->depth++;
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		if (i > 0 && strcmp(names.v[i], names.v[i - 1]) == 0)
			continue;
		buf_printf(&c->path, "/%s", names.v[i]);
		r = strings_have((char *const *) (uintptr_t) c->skip, c->path.data) ? 0 : compare_name(c, was, is, names.v[i], err);
		c->path.len = len;
		c->path.data[len] = 0;
	}
	c->depth--;
	return r;
}

/* top - without the layers below one whose root is opaque */
static struct merged top(const struct view *v)
{
	struct merged m = { .fds = v->fds, .mapped = v->uids != NULL };
	while (m.n < v->n && !(m.n > 0 && view_is_opaque(v->fds[m.n - 1])))
		m.n++;
	return m;
}

int changes_between(const struct view *was, const struct view *is, const char *const *skip,
		    int (*each)(void *ctx, char kind, const char *path, struct error *err), void *ctx, struct error *err)
{
	struct comparing c = { .skip = skip, .is = is, .each = each, .ctx = ctx };
	const struct merged old = top(was), new = top(is);
	buf_puts(&c.path, "");
	int r = compare(&c, &old, &new, err);
	buf_done(&c.path);
	return r;
}
