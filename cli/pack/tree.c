#include "tree.h"
#include "cleanup.h"
#include "mem.h"
#include "str.h"
#include "tar_write.h"
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

enum { NOBODY = 65534, DEPTH_MAX = 500, READ_SIZE = 256 << 10, XATTR_NAMES = 64 << 10 };

/* files with several names, by device and inode; the first name */
struct seen { uint64_t dev, ino; char *path; };

struct walk {
	enum tree_kind kind;
	bool mounts;
	const struct tree_what *what;
	struct sink *sink;
	int (*progress)(void *ctx, struct error *err);
	void *ctx;
	struct tree_numbers *n;
	struct buf path;		/* of the entry, relative; a directory's ends in "/" while we are in it */
	struct buf header;
	int depth;
	struct seen *seen;		/* a hash table, size a power of two */
	size_t n_seen, seen_size;
	struct tar_xattr *xattrs;	/* of the entry; names and values are in xattr_data */
	size_t n_xattrs, xattrs_size;
	struct pool xattr_data;
	char names[XATTR_NAMES], value[XATTR_SIZE_MAX];
	uint8_t data[READ_SIZE];
};

static int failed(const struct walk *w, int code, const char *what, struct error *err)
{
	return error_set(err, code, "%s '%.300s'", what, w->path.len ? w->path.data : "the directory");
}

/* ---- several names ---- */

static struct seen *seen_slot(struct seen *table, size_t size, uint64_t dev, uint64_t ino)
{
	size_t i = (size_t) ((ino * UINT64_C(0x9e3779b97f4a7c15)) ^ dev) & (size - 1);
	while (table[i].path && (table[i].ino != ino || table[i].dev != dev))
		i = (i + 1) & (size - 1);
	return &table[i];
}

static void seen_grow(struct walk *w)
{
	size_t size = w->seen_size ? 2 * w->seen_size : 256;
	struct seen *table = xcalloc(size, sizeof *table);
	for (size_t i = 0; i < w->seen_size; i++)
		if (w->seen[i].path)
			*seen_slot(table, size, w->seen[i].dev, w->seen[i].ino) = w->seen[i];
	free(w->seen);
	w->seen = table;
	w->seen_size = size;
}

/* first_name - under which this file was written already; NULL: this is the first one, and is remembered */
static const char *first_name(struct walk *w, const struct statx *st)
{
	if (st->stx_nlink < 2)
		return NULL;
	if (2 * w->n_seen >= w->seen_size)
		seen_grow(w);
	uint64_t dev = makedev(st->stx_dev_major, st->stx_dev_minor);
	struct seen *s = seen_slot(w->seen, w->seen_size, dev, st->stx_ino);
	if (s->path)
		return s->path;
	*s = (struct seen) { dev, st->stx_ino, xstrdup(w->path.data) };
	w->n_seen++;
	return NULL;
}

/* ---- xattrs ---- */

static bool overlay_own(const char *name)
{
	return str_starts(name, "user.overlay.") || str_starts(name, "user.fuseoverlayfs.");
}

/* xattr_wanted - 1, 0: it is the host's or the overlay's, -errno: it says that the data is elsewhere */
static int xattr_wanted(struct walk *w, const char *name, struct error *err)
{
	if (w->kind == TREE_NORMAL || overlay_own(name)) {
		if (w->kind == TREE_OVERLAY && (strcmp(name, "user.overlay.redirect") == 0 || strcmp(name, "user.overlay.metacopy") == 0))
			return error_say(err, EOPNOTSUPP, "'%.300s' has %s: an overlay that was mounted with redirect_dir or metacopy cannot be "
					 "packed", w->path.data, name);
		return 0;
	}
	if (strchr(name, '=')) {	/* pax has no place for it */
		w->n->xattrs_left_out++;
		return 0;
	}
	return str_starts(name, "user.") || strcmp(name, "security.capability") == 0;
}

static int by_xattr_name(const void *a, const void *b)
{
	const struct tar_xattr *x = a, *y = b;
	return strcmp(x->name, y->name);
}

static int add_xattr(struct walk *w, int fd, const char *name, struct error *err)
{
	ssize_t len = fgetxattr(fd, name, w->value, sizeof w->value);
	if (len < 0)
		return errno == ENODATA ? 0 : error_set(err, errno, "read the attribute %.100s of '%.300s'", name, w->path.data);
	if (w->n_xattrs == w->xattrs_size) {
		w->xattrs_size = w->xattrs_size ? 2 * w->xattrs_size : 16;
		w->xattrs = xreallocarray(w->xattrs, w->xattrs_size, sizeof *w->xattrs);
	}
	void *value = pool_alloc(&w->xattr_data, (size_t) len + 1);
	memcpy(value, w->value, (size_t) len);
	w->xattrs[w->n_xattrs++] = (struct tar_xattr) { pool_strdup(&w->xattr_data, name), value, (size_t) len };
	return 0;
}

static int read_xattrs(struct walk *w, int fd, struct error *err)
{
	pool_done(&w->xattr_data);
	w->n_xattrs = 0;
	if (w->kind == TREE_NORMAL)
		return 0;
	ssize_t n = flistxattr(fd, w->names, sizeof w->names);
	if (n < 0)
		return errno == ENOTSUP ? 0 : failed(w, errno, "list the extended attributes of", err);
	for (const char *name = w->names; name < w->names + n; name += strlen(name) + 1) {
		int r = xattr_wanted(w, name, err);
		if (r > 0)
			r = add_xattr(w, fd, name, err);
		if (r < 0)
			return r;
	}
	qsort(w->xattrs, w->n_xattrs, sizeof *w->xattrs, by_xattr_name);
	return 0;
}

/* ---- one entry ---- */

static uint32_t owner(const struct idmap *m, uint32_t id)
{
	uint32_t inside = m->n ? idmap_from_host(m, id) : id;
	return inside == UINT32_MAX ? NOBODY : inside;
}

static struct tar_entry entry_of(const struct walk *w, const struct statx *st, enum tar_type type, const char *link)
{
	struct tar_entry e = {
		.type = type, .name = w->path.data, .link = link, .mode = st->stx_mode & 07777, .uid = owner(&w->what->uids, st->stx_uid),
		.gid = owner(&w->what->gids, st->stx_gid),
		.size = type == TAR_FILE ? (int64_t) st->stx_size : 0, .mtime_sec = st->stx_mtime.tv_sec, .mtime_nsec = st->stx_mtime.tv_nsec,
	};
	if (type == TAR_CHAR_DEVICE || type == TAR_BLOCK_DEVICE) {
		e.major = st->stx_rdev_major;
		e.minor = st->stx_rdev_minor;
	}
	if (w->kind == TREE_NORMAL) {
		e.mode = type == TAR_DIRECTORY ? 0755 : 0644;
		e.uid = e.gid = 0;
		e.mtime_sec = e.mtime_nsec = 0;
	}
	return e;
}

static int write_header(struct walk *w, const struct tar_entry *e, struct error *err)
{
	w->header.len = 0;
	tar_write_entry(e, &w->header);
	w->n->entries++;
	int r = sink_write(w->sink, w->header.data, w->header.len, err);
	return r < 0 ? r : w->progress(w->ctx, err);
}

static int write_simple(struct walk *w, const struct statx *st, enum tar_type type, const char *link, struct error *err)
{
	const struct tar_entry e = entry_of(w, st, type, link);
	return write_header(w, &e, err);
}

/* write_data - exactly @left bytes, whatever becomes of the file meanwhile: the header has said so */
static int write_data(struct walk *w, int fd, int64_t left, struct error *err)
{
	size_t padding = tar_padding(left);
	while (left > 0) {
		size_t want = left < READ_SIZE ? (size_t) left : READ_SIZE;
		ssize_t n = read(fd, w->data, want);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return failed(w, errno, "read", err);
		if (n == 0) {
			w->n->changed++;
			memset(w->data, 0, want);
			n = (ssize_t) want;
			(void) lseek(fd, 0, SEEK_END);
		}
		int r = sink_write(w->sink, w->data, (size_t) n, err);
		if (r == 0)
			r = w->progress(w->ctx, err);
		if (r < 0)
			return r;
		left -= n;
	}
	static const char zeros[512];
	return sink_write(w->sink, zeros, padding, err);
}

static int write_file(struct walk *w, int dir_fd, const char *name, struct error *err)
{
	struct statx st;
	/* a container that runs may have put a fifo there since we looked; devices cannot be opened at all (confine.h) */
	cleanup_close int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return failed(w, errno, "open", err);
	if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &st) < 0)
		return failed(w, errno, "look at", err);
	if (!S_ISREG(st.stx_mode))
		return error_say(err, EAGAIN, "'%.300s' was replaced while it was read: try again, with the container paused", w->path.data);
	struct tar_entry e = entry_of(w, &st, TAR_FILE, "");
	int r = read_xattrs(w, fd, err);
	if (r < 0)
		return r;
	e.xattrs = w->xattrs;
	e.n_xattrs = w->n_xattrs;
	r = write_header(w, &e, err);
	return r < 0 ? r : write_data(w, fd, e.size, err);
}

static int write_symlink(struct walk *w, int dir_fd, const char *name, const struct statx *st, struct error *err)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(dir_fd, name, target, sizeof target - 1);
	if (n < 0)
		return failed(w, errno, "read the link", err);
	target[n] = 0;
	return write_simple(w, st, TAR_SYMLINK, target, err);
}

/* write_mark - an empty file that says something of others: @name in the directory we are in, of the same owner and time */
static int write_mark(struct walk *w, const char *name, const struct statx *st, struct error *err)
{
	size_t len = w->path.len;
	buf_puts(&w->path, name);
	struct tar_entry e = entry_of(w, st, TAR_FILE, "");
	e.size = 0;
	e.mode = 0600;
	int r = write_header(w, &e, err);
	w->path.len = len;
	w->path.data[len] = 0;
	return r;
}

static int write_whiteout(struct walk *w, size_t parent_len, const char *name, const struct statx *st, struct error *err)
{
	cleanup_free char *mark = xasprintf(".wh.%s", name);
	if (strlen(mark) > NAME_MAX)
		return error_say(err, ENAMETOOLONG, "'%.300s' was deleted, and its name is too long for a layer to say so", w->path.data);
	w->path.len = parent_len;
	w->path.data[parent_len] = 0;
	return write_mark(w, mark, st, err);
}

/* ---- directories ---- */

static int by_bytes(const void *a, const void *b) { return strcmp(*(char *const *) a, *(char *const *) b); }

static int read_names(const struct walk *w, int fd, struct strings *ret, struct error *err)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *d = copy < 0 ? NULL : fdopendir(copy);
	if (!d)
		return failed(w, errno, "read", err);
	errno = 0;
	for (struct dirent *e; (e = readdir(d)); errno = 0)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			strings_add(ret, e->d_name);
	if (errno)
		return failed(w, errno, "read", err);
	if (ret->n)
		qsort(ret->v, ret->n, sizeof *ret->v, by_bytes);
	return 0;
}

static int write_entry(struct walk *w, int dir_fd, const char *name, struct error *err);

/* is_opaque - does it hide what is in the layers below? */
static bool is_opaque(const struct walk *w, int fd)
{
	char value;
	return w->kind == TREE_OVERLAY && ((fgetxattr(fd, "user.overlay.opaque", &value, 1) == 1 && value == 'y') ||
					   (fgetxattr(fd, "user.fuseoverlayfs.opaque", &value, 1) == 1 && value == 'y'));
}

/* write_content - the directory's entry is written; w->path is its name and a slash, or empty */
static int write_content(struct walk *w, int fd, const struct statx *st, struct error *err)
{
	struct strings names cleanup_strings = { 0 };
	size_t len = w->path.len;
	int r = read_names(w, fd, &names, err);
	if (r == 0 && is_opaque(w, fd) && !strings_have(names.v, ".wh..wh..opq"))
		r = write_mark(w, ".wh..wh..opq", st, err);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		buf_puts(&w->path, names.v[i]);
		if (w->path.len >= PATH_MAX - 8)
			r = error_say(err, ENAMETOOLONG, "'%.100s...' has a name of more than %d bytes", w->path.data, PATH_MAX - 8);
		else
			r = write_entry(w, fd, names.v[i], err);
		w->path.len = len;
		w->path.data[len] = 0;
	}
	return r;
}

static int write_directory_entry(struct walk *w, int fd, const struct statx *st, struct error *err)
{
	struct tar_entry e = entry_of(w, st, TAR_DIRECTORY, "");
	if (!w->path.len)
		e.name = "./";
	int r = read_xattrs(w, fd, err);
	if (r < 0)
		return r;
	e.xattrs = w->xattrs;
	e.n_xattrs = w->n_xattrs;
	return write_header(w, &e, err);
}

static int write_directory(struct walk *w, int dir_fd, const char *name, const struct statx *st, struct error *err)
{
	if (w->depth == DEPTH_MAX)
		return error_say(err, ELOOP, "'%.100s...' is more than %d directories deep", w->path.data, DEPTH_MAX);
	cleanup_close int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return failed(w, errno, "open", err);
	buf_putc(&w->path, '/');
	int r = write_directory_entry(w, fd, st, err);
	if (r < 0 || (!w->mounts && (st->stx_attributes & STATX_ATTR_MOUNT_ROOT)))
		return r;
	w->depth++;
	r = write_content(w, fd, st, err);
	w->depth--;
	return r;
}

/* ---- all of it ---- */

static int check_name(const struct walk *w, const char *name, const struct statx *st, struct error *err)
{
	if (!str_starts(name, ".wh."))
		return 0;
	/* fuse-overlayfs says deletions as a layer does, where it can make no devices */
	if (w->kind == TREE_OVERLAY && S_ISREG(st->stx_mode) && st->stx_size == 0)
		return 0;
	if (w->kind == TREE_LAYER || w->kind == TREE_OVERLAY)
		return error_say(err, EINVAL, "'%.300s' cannot be in an image: a name that begins with .wh. means a deletion there; rename or "
				 "remove it", w->path.data);
	return 0;
}

static int write_entry(struct walk *w, int dir_fd, const char *name, struct error *err)
{
	struct statx st;
	size_t name_len = strlen(name), parent_len = w->path.len > name_len ? w->path.len - name_len : 0;
	if (statx(dir_fd, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &st) < 0)
		return errno == ENOENT ? 0 : failed(w, errno, "look at", err);	/* removed meanwhile */
	bool device0 = S_ISCHR(st.stx_mode) && st.stx_rdev_major == 0 && st.stx_rdev_minor == 0;
	if (w->kind == TREE_OVERLAY && device0)
		return write_whiteout(w, parent_len, name, &st, err);
	int r = check_name(w, name, &st, err);
	if (r < 0)
		return r;
	if (S_ISDIR(st.stx_mode))
		return write_directory(w, dir_fd, name, &st, err);
	if (S_ISSOCK(st.stx_mode)) {
		w->n->sockets++;
		return 0;
	}
	const char *first = w->kind == TREE_NORMAL ? NULL : first_name(w, &st);
	w->n_xattrs = 0;
	if (first)
		return write_simple(w, &st, TAR_HARDLINK, first, err);
	switch (st.stx_mode & S_IFMT) {
	case S_IFREG: return write_file(w, dir_fd, name, err);
	case S_IFLNK: return write_symlink(w, dir_fd, name, &st, err);
	case S_IFIFO: return write_simple(w, &st, TAR_FIFO, "", err);
	case S_IFCHR: return write_simple(w, &st, TAR_CHAR_DEVICE, "", err);
	}
	return write_simple(w, &st, TAR_BLOCK_DEVICE, "", err);
}

static void walk_free(struct walk *w)
{
	for (size_t i = 0; i < w->seen_size; i++)
		free(w->seen[i].path);
	free(w->seen);
	free(w->xattrs);
	pool_done(&w->xattr_data);
	buf_done(&w->path);
	buf_done(&w->header);
	free(w);
}

static int write_all(struct walk *w, int dir_fd, struct error *err)
{
	struct statx st;
	if (statx(dir_fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &st) < 0)
		return failed(w, errno, "look at", err);
	int r = w->kind != TREE_NORMAL ? write_directory_entry(w, dir_fd, &st, err) : 0;
	return r < 0 ? r : write_content(w, dir_fd, &st, err);
}

int tree_write(int dir_fd, const struct tree_what *what, struct sink *sink, int (*progress)(void *ctx, struct error *err), void *ctx,
	       struct tree_numbers *n, struct error *err)
{
	struct walk *w = xcalloc(1, sizeof *w);
	w->kind = what->kind;
	w->mounts = what->mounts;
	w->what = what;
	w->sink = sink;
	w->progress = progress;
	w->ctx = ctx;
	w->n = n;
	buf_puts(&w->path, what->entry ? what->as : "");
	int r = what->entry ? write_entry(w, dir_fd, what->entry, err) : write_all(w, dir_fd, err);
	walk_free(w);
	return r;
}
