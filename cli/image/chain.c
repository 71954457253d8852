#include "chain.h"
#include "cleanup.h"
#include "copy.h"
#include "fs.h"
#include "proc.h"
#include "view.h"
#include <string.h>
#include <sys/stat.h>

enum { PENDING_MAX = 64 << 20 };

/* One layer being settled: what lies below it, itself, and the directory that receives what differs. */
struct settling {
	struct view below;		/* the lower layers with what was settled for them */
	struct view settled;		/* the same with what is settled for this layer on top */
	struct view with;		/* and with the layer itself between the two */
	const struct pending *pending;
	int layer_fd, out_fd;
	struct strings moved;		/* pairs: implicit directory of the layer, where it is really meant to be */
	struct strings made;		/* directories made in out, in order; their metadata is set at the end */
};

/* ---- where things are meant to be ---- */

/* meant - @path of the layer with its implicit parents replaced by what they are below; caller frees */
static char *meant(const struct settling *s, const char *path)
{
	for (size_t i = s->moved.n; i >= 2; i -= 2) {	/* the deepest was added last */
		const char *rest = str_after(path, s->moved.v[i - 2]);
		if (rest && (*rest == '/' || *rest == 0))
			return xasprintf("%s%s", s->moved.v[i - 1], rest);
	}
	return xstrdup(path);
}

/* make_dirs - @path and its parents in out; what each looks like is decided at the end. A link that was copied there is no directory:
 * nothing is made through one. */
static int make_dirs(struct settling *s, const char *path, struct error *err)
{
	for (const char *p = path; *p;) {
		struct stat st;
		p += strcspn(p, "/");
		cleanup_free char *part = xstrndup(path, (size_t) (p - path));
		if (mkdirat(s->out_fd, part, 0755) == 0)
			strings_add(&s->made, part);
		else if (errno != EEXIST || fstatat(s->out_fd, part, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return error_set(err, errno, "settle '%s'", part);
		else if (!S_ISDIR(st.st_mode))
			return error_say(err, ENOTDIR, "settle '%s': it is both a file and the parent of one", part);
		p += strspn(p, "/");
	}
	return 0;
}

static int make_parents(struct settling *s, const char *path, struct error *err)
{
	const char *slash = strrchr(path, '/');
	if (!slash)
		return 0;
	cleanup_free char *parent = xstrndup(path, (size_t) (slash - path));
	return make_dirs(s, parent, err);
}

/* ---- implicit directories ---- */

/* move_through_link - below, @at is a symlink: the link stays, and what the layer has in its directory @path goes to where it leads */
static int move_through_link(struct settling *s, const char *path, const char *at, int where, struct error *err)
{
	cleanup_free char *target = NULL;
	if (view_resolve(&s->below, at, true, &target) < 0)
		return error_say(err, ELOOP, "settle '%s': too many symbolic links below", path);
	int r = make_parents(s, at, err);
	if (r == 0)
		r = copy_entry(s->below.fds[where], at, s->out_fd, at, err);
	if (r == 0)
		r = make_dirs(s, target, err);
	if (r == 0)
		r = copy_tree_content(s->layer_fd, path, s->out_fd, *target ? target : ".", err);
	strings_add(&s->moved, path);
	strings_take(&s->moved, take_ptr(target));
	return r;
}

static int settle_directory(struct settling *s, const char *path, struct error *err)
{
	cleanup_free char *at = meant(s, path);
	struct stat st;
	int where = view_find(&s->below, at, &st);
	if (where < 0)
		return 0;	/* the layer alone makes it */
	if (S_ISLNK(st.st_mode))
		return move_through_link(s, path, at, where, err);
	if (S_ISDIR(st.st_mode))
		return make_dirs(s, at, err);
	return error_say(err, ENOTDIR, "settle '%s': it is a directory in this layer and a file below, and the layer does not replace it", path);
}

/* ---- hard links ---- */

/* find_target - as view_find(); @target is where it really is, caller frees */
static int find_target(const struct view *v, const struct pending_link *l, char **target, struct stat *st, struct error *err)
{
	cleanup_freep(target);
	*target = NULL;
	if (view_resolve(v, l->target, false, target) < 0)
		return error_say(err, ELOOP, "settle the link '%s': too many symbolic links", l->path);
	return view_find(v, *target, st);
}

static int settle_link(struct settling *s, const struct pending_link *l, struct error *err)
{
	cleanup_free char *target = NULL;
	cleanup_free char *path = meant(s, l->path);
	struct stat st;
	/* the layer had no such file when it linked to it: one that it made later is another */
	const struct view *view = &s->settled;
	int where = find_target(view, l, &target, &st, err);
	if (where == -ENOENT) {
		view = &s->with;
		where = find_target(view, l, &target, &st, err);
	}
	if (where < 0 && where != -ENOENT)
		return where;
	if (where < 0 || S_ISDIR(st.st_mode))
		return error_say(err, ENOENT, "layer: '%s' is a hard link to '%s', which is in no layer below", l->path, l->target);

	int r = make_parents(s, path, err);
	if (r == 0 && view == &s->settled && fstatat(s->layer_fd, target, &st, AT_SYMLINK_NOFOLLOW) == 0 && where > 0)
		return copy_entry(view->fds[where], target, s->out_fd, path, err);
	if (r == 0)
		r = make_parents(s, target, err);
	if (r == 0 && fstatat(s->out_fd, target, &st, AT_SYMLINK_NOFOLLOW) < 0)
		r = copy_entry(view->fds[where], target, s->out_fd, target, err);
	if (r == 0 && linkat(s->out_fd, target, s->out_fd, path, 0) < 0)
		r = error_set(err, errno, "settle the link '%s'", l->path);
	return r;
}

/* ---- whiteouts ---- */

/* settle_whiteouts - a directory with whiteouts that no layer below has becomes one of two, which overlayfs merges */
static int settle_whiteouts(struct settling *s, const char *path, struct error *err)
{
	struct stat st;
	cleanup_free char *at = meant(s, path);
	return view_find(&s->below, at, &st) >= 0 && S_ISDIR(st.st_mode) ? 0 : make_dirs(s, at, err);
}

/* ---- one layer ---- */

static bool implicit(const struct settling *s, const char *path)
{
	return strings_have(s->pending->directories, path);
}

/* finish_directories - deepest first, so that the times stay: as the layer has it where the layer says so, else as it is below */
static int finish_directories(const struct settling *s, struct error *err)
{
	for (size_t i = s->made.n; i-- > 0;) {
		struct stat st;
		const char *path = s->made.v[i];
		bool has = fstatat(s->layer_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
		int where = has && !implicit(s, path) ? -1 : view_find(&s->below, path, &st);
		int from = where >= 0 ? s->below.fds[where] : has ? s->layer_fd : -1;
		int r = from < 0 ? 0 : copy_metadata(from, path, s->out_fd, path, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int settle_layer(struct settling *s, struct error *err)
{
	int r = 0;
	for (char **d = s->pending->directories; r == 0 && d && *d; d++)
		r = settle_directory(s, *d, err);
	for (size_t i = 0; r == 0 && i < s->pending->n_links; i++)
		r = settle_link(s, &s->pending->links[i], err);
	for (char **d = s->pending->whiteouts; r == 0 && d && *d; d++)
		r = settle_whiteouts(s, *d, err);
	if (r == 0)
		r = finish_directories(s, err);
	strings_done(&s->moved);
	strings_done(&s->made);
	return r;
}

static int read_pending(int layer_fd, struct pool *pool, struct pending **ret, struct error *err)
{
	cleanup_free char *text = NULL;
	size_t len;
	int r = fs_read_file(layer_fd, "pending.json", PENDING_MAX, &text, &len, NULL);
	*ret = NULL;
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return error_set(err, -r, "read pending.json");
	r = json_decode(&pending_type, text, len, pool, ret, err);
	if (r == 0)
		r = pending_read(*ret, err);
	return r;
}

/* ---- the chain ---- */

/* push - @fd on top of the view */
static void push(struct view *v, int fd)
{
	memmove(v->fds + 1, v->fds, v->n * sizeof *v->fds);
	v->fds[0] = fd;
	v->n++;
}

static void forget(struct view *v)
{
	for (size_t i = 0; i < v->n; i++)
		close_fd(&v->fds[i]);
	v->n = 0;
}

/* settle_over - what the layer needs, in @chain_fd/K/diff, which goes on top of the view. @ret_fd stays -1 when it needs nothing */
static int settle_over(int chain_fd, size_t k, int layer, const struct pending *pending, const struct view *below, int *ret_fd,
		       struct error *err)
{
	char path[32];
	snprintf(path, sizeof path, "%zu/diff", k);
	int r = fs_mkdir_all(chain_fd, path, 0755, err);
	cleanup_close int out = r < 0 ? -1 : openat(chain_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (out < 0)
		return r < 0 ? r : error_set(err, errno, "open '%s'", path);
	int *fds = xcalloc(2 * below->n + 3, sizeof *fds), *with = fds + below->n + 1;
	fds[0] = with[0] = out;
	with[1] = layer;
	if (below->n) {
		memcpy(fds + 1, below->fds, below->n * sizeof *fds);
		memcpy(with + 2, below->fds, below->n * sizeof *fds);
	}
	struct settling settling = { .below = *below, .settled = { fds, below->n + 1 }, .with = { with, below->n + 2 }, .pending = pending,
				     .layer_fd = layer, .out_fd = out };
	r = settle_layer(&settling, err);
	free(fds);
	/* nothing differed: overlayfs has one directory less to look into */
	if (r == 0 && unlinkat(chain_fd, path, AT_REMOVEDIR) < 0)
		*ret_fd = take_fd(out);
	return r;
}

static int settle_one(const struct store *s, int chain_fd, size_t k, const char *diff_id, struct view *below, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct pending *pending;
	cleanup_close int dir = store_open_layer(s, diff_id, err);
	int layer = dir < 0 ? -1 : openat(dir, "diff", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (layer < 0)
		return dir < 0 ? dir : error_set(err, errno, "open layer %s", diff_id);
	if (view_is_opaque(layer))	/* as store_lowerdirs() sees it: there is nothing below */
		forget(below);
	int r = read_pending(dir, &pool, &pending, err);
	int out = -1;
	if (r == 0 && pending)
		r = settle_over(chain_fd, k, layer, pending, below, &out, err);
	push(below, layer);
	if (out >= 0)
		push(below, out);
	return r;
}

static int settle_all(const struct store *s, int chain_fd, char *const *diff_ids, struct error *err)
{
	size_t n = strings_count(diff_ids);
	struct view below = { xcalloc(2 * n + 1, sizeof(int)), 0 };
	int r = 0;
	for (size_t k = 0; r == 0 && k < n; k++)
		r = settle_one(s, chain_fd, k, diff_ids[k], &below, err);
	forget(&below);
	free(below.fds);
	if (r == 0)
		r = fs_replace_file(chain_fd, "boot", proc_boot_id(), strlen(proc_boot_id()), 0600, false, err);
	return r;
}

int chain_settle(const struct store *s, const char *id, char *const *diff_ids, struct error *err)
{
	char path[128];
	if (store_has_chain(s, id))
		return 0;
	cleanup_close int hold = store_hold(s, err);	/* or what we make would be swept from tmp/ */
	if (hold < 0)
		return hold;
	snprintf(path, sizeof path, "tmp/chain-%.16s-%d", digest_hex(id), (int) getpid());
	int r = fs_remove_tree(s->fd, path, err);	/* of a process that was killed, and had our number */
	if (r == 0)
		r = fs_mkdir_all(s->fd, path, 0700, err);
	cleanup_close int chain_fd = r < 0 ? -1 : openat(s->fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (chain_fd < 0)
		return r < 0 ? r : error_set(err, errno, "open '%s/%s'", s->root, path);
	r = settle_all(s, chain_fd, diff_ids, err);
	if (r == 0)
		r = store_put_chain(s, s->fd, path, id, err);
	(void) fs_remove_tree(s->fd, path, NULL);
	return r;
}
