/* Theory of operation.
 *
 * Only this process writes in the tree, and nothing in the tree is ever followed by the kernel: a parent is found by
 * place_enter(), and an entry is made with O_EXCL, mkdirat(2), symlinkat(2), linkat(2) or mknodat(2) under its last name in that
 * parent's fd. What is there already is removed first, so that nothing is ever written through a name.
 *
 * A directory that replaces something else of this layer, or a whiteout, is opaque: applied in order, what the lower layers have
 * there would have been deleted. A whiteout of what this layer contains hides only what is below it.
 *
 * Per file: openat, write, (fchown, fchmod where the kernel did not do it already), futimens, close.
 */
#include "layer.h"
#include "beneath.h"
#include "cleanup.h"
#include "fs.h"
#include "mem.h"
#include "pending_set.h"
#include "place.h"
#include "tar.h"
#include "times.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

struct layer {
	struct layer_numbers n;
	struct layer_limits limits;
	int64_t holes;			/* bytes of sparse files that are in no archive */
	int dir_fd, diff_fd;
	uid_t uid;			/* what new files belong to */
	gid_t gid;
	uid_t owner;			/* of the entry, here */
	gid_t group;
	bool default_acl;		/* the store hands down modes: set each one */
	bool explicit_root;
	struct tar *tar;
	struct times *times;
	struct pending_set *pending;
	struct place place;
	int file_fd;			/* being written, or -1: its data is skipped */
	bool ends_in_hole;
};

/* ---- what was there before ---- */

/* clear - make room for @base, which is no directory to be kept. Return: 0 */
static int clear(struct layer *l, const char *base, struct error *err)
{
	if (unlinkat(l->place.fd, base, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR)
		return error_set(err, errno, "replace it");
	if (l->limits.plain)
		return error_say(err, EISDIR, "there is a directory of that name, and this is none");
	char path[PATH_MAX];
	int r = place_path(&l->place, base, path, err);
	if (r == 0)
		r = fs_remove_tree(l->place.fd, base, err);
	if (r == 0)
		pending_set_forget(l->pending, path);
	return r;
}

/* again - was it in the way? Then there is room now */
static bool again(struct layer *l, const char *base, int *failed, struct error *err)
{
	if (errno != EEXIST)
		return false;
	*failed = clear(l, base, err);
	return *failed == 0;
}

/* ---- metadata ---- */

static const struct { const char *prefix; bool keep; } xattr_rules[] = {
	{ "user.overlay.", false },		/* overlayfs' own: would make whiteouts, redirects, metacopies */
	{ "user.", true },
	{ "security.capability", true },	/* in a user namespace the kernel binds it to that */
	{ "", false },				/* trusted.: the host's. security.selinux, .ima: the host's policy says. system.: ACLs
						 * hold ids of whoever made the archive */
};

static bool xattr_wanted(const char *name)
{
	size_t i = 0;
	while (strncmp(name, xattr_rules[i].prefix, strlen(xattr_rules[i].prefix)) != 0)
		i++;
	return xattr_rules[i].keep;
}

static int set_xattrs(struct layer *l, int fd, const struct tar_entry *e, struct error *err)
{
	for (size_t i = 0; i < e->n_xattrs; i++) {
		const struct tar_xattr *x = &e->xattrs[i];
		if (!xattr_wanted(x->name)) {
			l->n.xattrs_left_out++;
			continue;
		}
		if (fsetxattr(fd, x->name, x->value, x->len, 0) < 0)
			return error_set(err, errno, "set its xattr '%.100s' (%zu bytes)", x->name, x->len);
	}
	return 0;
}

static void mtime_of(const struct tar_entry *e, struct timespec out[2])
{
	out[0] = (struct timespec) { .tv_nsec = UTIME_OMIT };
	out[1] = (struct timespec) { (time_t) e->mtime_sec, e->mtime_nsec };
}

static bool has_maps(const struct layer_limits *limits) { return limits->uids && (limits->uids->n || limits->gids->n); }

/* find_owner - of the entry, as he is here */
static int find_owner(struct layer *l, const struct tar_entry *e, struct error *err)
{
	l->owner = e->uid;
	l->group = e->gid;
	if (!has_maps(&l->limits) || l->limits.single_id)
		return 0;
	l->owner = idmap_to_host(l->limits.uids, e->uid);
	l->group = idmap_to_host(l->limits.gids, e->gid);
	if (l->owner == UINT32_MAX || l->group == UINT32_MAX)
		return error_say(err, EINVAL, "it belongs to %u:%u, and the container has no such id", e->uid, e->gid);
	return 0;
}

/* give - to the entry's owner; the same call for what is open and for what has only a name */
static int give(struct layer *l, int fd, const char *base, const struct tar_entry *e, struct error *err)
{
	if (l->limits.single_id || fchownat(fd, base, l->owner, l->group, AT_SYMLINK_NOFOLLOW | (*base ? 0 : AT_EMPTY_PATH)) == 0)
		return 0;
	if (errno != EINVAL)
		return error_set(err, errno, "give it to %u:%u", e->uid, e->gid);
	error_say(err, EINVAL, "it belongs to %u:%u, and that is not among the ids that can be used here", e->uid, e->gid);
	return error_hint(err, "the ranges in /etc/subuid and /etc/subgid end before: as root, give more with `usermod --add-subuids FIRST-LAST "
			  "--add-subgids FIRST-LAST USER`");
}

/* needs_chown - or did the kernel give it to the right one already? */
static bool needs_chown(const struct layer *l)
{
	return l->owner != l->uid || l->group != l->gid || l->place.setgid;
}

/* set_fd - of a file or directory: the mode after the owner (chown clears setuid), capabilities after both */
static int set_fd(struct layer *l, int fd, const struct tar_entry *e, bool owner, bool mode, struct error *err)
{
	int r = owner ? give(l, fd, "", e, err) : 0;
	if (r < 0)
		return r;
	if (mode && fchmod(fd, e->mode) < 0)
		return error_set(err, errno, "set its mode %04o", e->mode);
	return set_xattrs(l, fd, e, err);
}

/* set_name - of a symlink or node: nothing can be opened, and xattrs of ours it cannot have */
static int set_name(struct layer *l, const char *base, const struct tar_entry *e, struct error *err)
{
	struct timespec when[2];
	mtime_of(e, when);
	l->n.xattrs_left_out += (int64_t) e->n_xattrs;
	int r = needs_chown(l) ? give(l, l->place.fd, base, e, err) : 0;
	if (r < 0)
		return r;
	/* it is no symlink then: we have just made it */
	if (e->type != TAR_SYMLINK && fchmodat(l->place.fd, base, e->mode, 0) < 0)
		return error_set(err, errno, "set its mode %04o", e->mode);
	if (utimensat(l->place.fd, base, when, AT_SYMLINK_NOFOLLOW) < 0)
		return error_set(err, errno, "set its time");
	return 0;
}

/* ---- one for each type ---- */

static int make_file(struct layer *l, const char *base, const struct tar_entry *e, struct error *err)
{
	int r = 0;
	do
		l->file_fd = openat(l->place.fd, base, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, e->mode & 0777);
	while (l->file_fd < 0 && again(l, base, &r, err));
	return l->file_fd < 0 && r == 0 ? error_set(err, errno, "create it") : r;
}

static int finish_file(struct layer *l, const struct tar_entry *e, struct error *err)
{
	cleanup_close int fd = take_fd(l->file_fd);
	if (l->ends_in_hole && ftruncate(fd, e->size) < 0)
		return error_set(err, errno, "make it %lld bytes long", (long long) e->size);
	int r = set_fd(l, fd, e, needs_chown(l), (e->mode & 07000) || l->default_acl, err);
	if (r < 0)
		return r;
	struct timespec when[2];
	mtime_of(e, when);
	return futimens(fd, when) < 0 ? error_set(err, errno, "set its time") : 0;
}

static int set_directory(struct layer *l, int fd, const char *path, const struct tar_entry *e, struct error *err)
{
	/* it may have been made before, with another owner: always set all */
	int r = set_fd(l, fd, e, true, true, err);
	return r < 0 ? r : times_add(l->times, path, e->mtime_sec, e->mtime_nsec, err);
}

/* make_directory - or take the one that is there; over anything else it is a new, opaque one */
static int make_directory(struct layer *l, const char *base, const struct tar_entry *e, struct error *err)
{
	char path[PATH_MAX];
	struct stat st;
	bool opaque = false;
	int r = place_path(&l->place, base, path, err);
	if (r < 0)
		return r;
	if (mkdirat(l->place.fd, base, 0700) < 0) {
		if (errno != EEXIST || fstatat(l->place.fd, base, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return error_set(err, errno, "create it");
		opaque = !S_ISDIR(st.st_mode);
		if (opaque && l->limits.plain)
			return error_say(err, ENOTDIR, "it is a directory, and there is something else of that name");
		if (opaque && (unlinkat(l->place.fd, base, 0) < 0 || mkdirat(l->place.fd, base, 0700) < 0))
			return error_set(err, errno, "replace it");
	}
	pending_set_explicit(l->pending, path);
	cleanup_close int fd = openat(l->place.fd, base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_set(err, errno, "open it");
	if (opaque && (r = place_make_opaque(fd, ".", err)) < 0)
		return r;
	return set_directory(l, fd, path, e, err);
}

static int make_symlink(struct layer *l, const char *base, const struct tar_entry *e, struct error *err)
{
	int r = 0, made;
	do
		made = symlinkat(e->link, l->place.fd, base);
	while (made < 0 && again(l, base, &r, err));
	if (r < 0 || made < 0)
		return r < 0 ? r : error_set(err, errno, "create it");
	return set_name(l, base, e, err);
}

static int make_node(struct layer *l, const char *base, const struct tar_entry *e, struct error *err)
{
	mode_t type = e->type == TAR_FIFO ? S_IFIFO : e->type == TAR_CHAR_DEVICE ? S_IFCHR : S_IFBLK;
	dev_t device = type == S_IFIFO ? 0 : makedev(e->major, e->minor);
	int r = 0, made;
	if (type == S_IFCHR && device == 0) {	/* would be a whiteout */
		l->n.devices_left_out++;
		return clear(l, base, err);
	}
	do
		made = mknodat(l->place.fd, base, type | (e->mode & 0777), device);
	while (made < 0 && again(l, base, &r, err));
	if (made < 0 && r == 0 && errno == EPERM && type != S_IFIFO) {
		l->n.devices_left_out++;
		return clear(l, base, err);	/* EPERM comes before EEXIST */
	}
	if (r < 0 || made < 0)
		return r < 0 ? r : error_set(err, errno, "create it");
	return set_name(l, base, e, err);
}

/* ---- hard links ---- */

/* find_target - the directory of a link's target, as this layer has it; symlinks of the layer lead within the root. An fd,
 * -ENOENT when the layer does not contain it */
static int find_target(struct layer *l, const struct place_name *target, struct stat *st, struct error *err)
{
	cleanup_close int fd = beneath_open(l->diff_fd, *target->dir ? target->dir : ".", O_PATH | O_DIRECTORY,
					    RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
	if (fd == -ENOENT || fd == -ENOTDIR)
		return -ENOENT;
	if (fd < 0)
		return error_set(err, -fd, "find the target '%.300s' of the hard link", target->dir);
	if (fstatat(fd, target->base, st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? -ENOENT : error_set(err, errno, "find the target of the hard link");
	if (place_is_whiteout(st))
		return error_say(err, EINVAL, "it is a hard link to a file that this layer deletes");
	if (S_ISDIR(st->st_mode))
		return error_say(err, EINVAL, "it is a hard link to a directory");
	return take_fd(fd);
}

static int link_later(struct layer *l, const char *base, const struct place_name *target, struct error *err)
{
	char path[PATH_MAX], to[sizeof(struct place_name) + 1];
	int r = clear(l, base, err);
	if (r == 0)
		r = place_path(&l->place, base, path, err);
	if (r < 0)
		return r;
	snprintf(to, sizeof to, "%s%s%s", target->dir, *target->dir ? "/" : "", target->base);
	pending_set_forget(l->pending, path);	/* an earlier one of the same name */
	return pending_set_link(l->pending, path, to, err);
}

static int make_hardlink(struct layer *l, const char *base, const struct tar_entry *e, struct error *err)
{
	struct place_name target;
	struct stat st, there;
	int r = place_split(e->link, &target, err);
	if (r < 0)
		return error_wrap(err, "the target of the hard link");
	if (!*target.base)
		return error_say(err, EINVAL, "it is a hard link to a directory");
	cleanup_close int target_fd = find_target(l, &target, &st, err);
	if (target_fd == -ENOENT)
		return l->limits.plain ? error_say(err, ENOENT, "it is a hard link to '%.300s', which is not there", e->link)
				       : link_later(l, base, &target, err);
	if (target_fd < 0)
		return target_fd;
	/* a link to itself must not remove its target */
	if (fstatat(l->place.fd, base, &there, AT_SYMLINK_NOFOLLOW) == 0 && there.st_dev == st.st_dev && there.st_ino == st.st_ino)
		return 0;
	int made;
	do
		made = linkat(target_fd, target.base, l->place.fd, base, 0);
	while (made < 0 && again(l, base, &r, err));
	return r < 0 || made == 0 ? r : error_set(err, errno, "link it to '%.300s'", e->link);
}

/* ---- whiteouts ---- */

static int make_whiteout(struct layer *l, const char *name, struct error *err)
{
	struct stat st;
	char path[PATH_MAX];
	int r = place_path(&l->place, name, path, err);
	if (r < 0)
		return r;
	if (fstatat(l->place.fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		/* of this layer, which hides what is below anyway; a directory has to be told to, and is new then */
		if (!S_ISDIR(st.st_mode))
			return 0;
		pending_set_explicit(l->pending, path);
		return place_make_opaque(l->place.fd, name, err);
	}
	if (errno != ENOENT || mknodat(l->place.fd, name, S_IFCHR, makedev(0, 0)) < 0)
		return error_set(err, errno, "make the whiteout of '%.255s'", name);
	/* / is merged with what the container writes, always */
	return *l->place.real ? pending_set_whiteouts(l->pending, l->place.real, err) : 0;
}

/* aufs_name - is a component of it one of aufs' own? They mean nothing to others; opq is asked for before */
static bool aufs_name(const struct place_name *name)
{
	return strncmp(name->dir, ".wh..wh.", 8) == 0 || strstr(name->dir, "/.wh..wh.") || strncmp(name->base, ".wh..wh.", 8) == 0;
}

/* whiteout - 1 when the entry is one, or is skipped; 0 when it is an ordinary one */
static int whiteout(struct layer *l, const struct place_name *name, struct error *err)
{
	bool opaque = strcmp(name->base, ".wh..wh..opq") == 0;
	if (!opaque && aufs_name(name))
		return 1;
	if (strncmp(name->dir, ".wh.", 4) == 0 || strstr(name->dir, "/.wh."))
		return error_say(err, EINVAL, "a whiteout is no directory");
	if (strncmp(name->base, ".wh.", 4) != 0)
		return 0;
	const char *what = name->base + 4;
	if (!*what || strcmp(what, ".") == 0 || strcmp(what, "..") == 0)
		return error_say(err, EINVAL, "it is a whiteout of no file");
	int r = place_enter(&l->place, name->dir, err);
	if (r == 0)
		r = opaque ? place_make_opaque(l->place.fd, ".", err) : make_whiteout(l, what, err);
	return r < 0 ? r : 1;
}

/* ---- entries ---- */

static int root_entry(struct layer *l, const struct tar_entry *e, struct error *err)
{
	if (e->type != TAR_DIRECTORY)
		return error_say(err, EINVAL, "the layer's root can only be a directory");
	l->explicit_root = true;
	place_done(&l->place);	/* its group may change what is made in it */
	return set_directory(l, l->diff_fd, ".", e, err);
}

static int make_entry(struct layer *l, const struct tar_entry *e, struct error *err)
{
	struct place_name name;
	int r = place_split(e->name, &name, err);
	if (r < 0)
		return r;
	if (!*name.base)
		return root_entry(l, e, err);
	r = l->limits.plain ? 0 : whiteout(l, &name, err);
	if (r == 0)
		r = place_enter(&l->place, name.dir, err);
	else
		return r < 0 ? r : 0;
	if (r < 0)
		return r;
	switch (e->type) {
	case TAR_FILE: return make_file(l, name.base, e, err);
	case TAR_DIRECTORY: return make_directory(l, name.base, e, err);
	case TAR_SYMLINK: return make_symlink(l, name.base, e, err);
	case TAR_HARDLINK: return make_hardlink(l, name.base, e, err);
	case TAR_CHAR_DEVICE: case TAR_BLOCK_DEVICE: case TAR_FIFO: break;
	}
	return make_node(l, name.base, e, err);
}

static int begin_entry(struct layer *l, struct error *err)
{
	if (++l->n.entries > l->limits.max_entries)
		return error_say(err, E2BIG, "it has more than %lld entries", (long long) l->limits.max_entries);
	int r = find_owner(l, tar_entry(l->tar), err);
	return r < 0 ? r : make_entry(l, tar_entry(l->tar), err);
}

/* make_hole - it takes no room here, but whoever copies or hashes the file reads all of it: counted as if it were data */
static int make_hole(struct layer *l, int64_t len, struct error *err)
{
	if (len > l->limits.max_holes - l->holes)
		return error_say(err, EFBIG, "its sparse files are larger than the %lld bytes allowed", (long long) l->limits.max_holes);
	l->holes += len;
	return lseek(l->file_fd, len, SEEK_CUR) < 0 ? error_set(err, errno, "skip a hole in it") : 0;
}

static int one_event(struct layer *l, int event, const uint8_t *data, size_t len, struct error *err)
{
	int r = 0;
	if (event == TAR_ENTRY)
		r = begin_entry(l, err);
	else if (l->file_fd < 0)
		return 0;	/* of a whiteout, or of no file */
	else if (event == TAR_HOLE)
		r = make_hole(l, (int64_t) len, err);
	else if (event == TAR_ENTRY_END)
		r = finish_file(l, tar_entry(l->tar), err);
	else if ((r = fs_write_all(l->file_fd, data, len)) < 0)
		r = error_set(err, -r, "write it");
	l->ends_in_hole = event == TAR_HOLE;
	return r < 0 ? error_wrap(err, "entry '%.300s'", tar_entry(l->tar)->name) : 0;
}

int layer_feed(struct layer *l, const uint8_t *data, size_t len, struct error *err)
{
	const uint8_t *body = NULL;
	size_t body_len = 0;
	int event;
	while ((event = tar_next(l->tar, &data, &len, &body, &body_len, err)) > 0) {
		int r = one_event(l, event, body, body_len, err);
		if (r < 0)
			return r;
	}
	return event;
}

/* ---- beginning and end ---- */

int layer_open(int dir_fd, const struct layer_limits *limits, struct layer **ret, struct error *err)
{
	if (!limits->plain && mkdirat(dir_fd, "diff", 0755) < 0)
		return error_set(err, errno, "make 'diff' in the store");
	struct layer *l = xcalloc(1, sizeof *l);
	l->limits = *limits;
	l->dir_fd = dir_fd;
	l->uid = has_maps(limits) ? idmap_to_host(limits->uids, 0) : geteuid();
	l->gid = has_maps(limits) ? idmap_to_host(limits->gids, 0) : getegid();
	l->file_fd = l->place.fd = -1;
	l->tar = tar_new();
	l->times = times_new(dir_fd);
	l->pending = pending_set_new();
	l->diff_fd = openat(dir_fd, limits->plain ? "." : "diff", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (l->diff_fd < 0 || (!limits->plain && (fchown(l->diff_fd, 0, 0) < 0 || fchmod(l->diff_fd, 0755) < 0))) {
		int r = error_set(err, errno, limits->plain ? "open the directory" : "set up 'diff' in the store");
		layer_free(l);
		if (!limits->plain)
			layer_undo(dir_fd);
		return r;
	}
	l->default_acl = fgetxattr(l->diff_fd, "system.posix_acl_default", NULL, 0) > 0;
	l->place.root_fd = l->diff_fd;
	l->place.uid = has_maps(limits) ? l->uid : 0;
	l->place.gid = has_maps(limits) ? l->gid : 0;
	l->place.pending = l->pending;
	*ret = l;
	return 0;
}

int layer_finish(struct layer *l, struct error *err)
{
	int r = tar_finish(l->tar, err);
	if (l->limits.plain)
		return r < 0 ? r : times_apply(l->times, l->diff_fd, err);
	if (r == 0 && !l->explicit_root)
		r = fs_replace_file(l->dir_fd, "implicit-root", "", 0, 0600, false, err);
	if (r == 0)	/* it may still change directories: their times come last */
		r = pending_set_write(l->pending, l->dir_fd, l->diff_fd, err);
	if (r < 0)
		return r;
	l->n.pending = r;
	return times_apply(l->times, l->diff_fd, err);
}

const struct layer_numbers *layer_numbers(const struct layer *l) { return &l->n; }

void layer_free(struct layer *l)
{
	if (!l)
		return;
	place_done(&l->place);
	close_fd(&l->file_fd);
	close_fd(&l->diff_fd);
	pending_set_free(l->pending);
	times_free(l->times);
	tar_free(l->tar);
	free(l);
}

void layer_undo(int dir_fd)
{
	(void) unlinkat(dir_fd, "boot", 0);
	(void) unlinkat(dir_fd, "pending.json", 0);
	(void) unlinkat(dir_fd, "implicit-root", 0);
	(void) unlinkat(dir_fd, "single-id", 0);
	(void) fs_remove_tree(dir_fd, "diff", NULL);
}
