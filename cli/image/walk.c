#include "walk.h"
#include "cleanup.h"
#include "mem.h"
#include "view.h"
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>

enum { DEPTH_MAX = 1024 };
struct walking {
	int (*visit)(void *ctx, const struct walk_entry *e, struct error *err);
	void *ctx;
};

static int walk_directory(const struct walking *w, int dir_fd, const char *name, const char *path, int depth, struct error *err);

static int visit_one(const struct walking *w, int dir_fd, const char *name, const char *path, int depth, struct error *err)
{
	struct walk_entry e = { .dir_fd = dir_fd, .name = name, .path = path };
	if (fstatat(dir_fd, name, &e.st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : error_set(err, errno, "look at '%s'", *path ? path : name);
	int r = w->visit(w->ctx, &e, err);
	return r < 0 || !S_ISDIR(e.st.st_mode) ? r : walk_directory(w, dir_fd, name, path, depth + 1, err);
}

static int walk_directory(const struct walking *w, int dir_fd, const char *name, const char *path, int depth, struct error *err)
{
	if (depth > DEPTH_MAX)
		return error_say(err, ELOOP, "look at '%s': nested too deeply", path);
	int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	cleanup_dir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d)
		return errno == ENOENT ? 0 : error_set(err, errno, "read '%s'", *path ? path : name);
	int r = 0;
	for (struct dirent *e; r >= 0 && (e = readdir(d));) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		cleanup_free char *below = *path ? xasprintf("%s/%s", path, e->d_name) : xstrdup(e->d_name);
		r = visit_one(w, dirfd(d), e->d_name, below, depth, err);
	}
	return r;
}

int walk_tree(int dir_fd, const char *name, int (*visit)(void *ctx, const struct walk_entry *e, struct error *err), void *ctx,
	      struct error *err)
{
	const struct walking w = { visit, ctx };
	int r = visit_one(&w, dir_fd, name, "", 0, err);
	return r < 0 ? r : 0;
}

/* ---- usage ---- */

/* Each name of a file is given its share. */
static int add_usage(void *ctx, const struct walk_entry *e, struct error *err)
{
	int64_t *sum = ctx, bytes = (int64_t) e->st.st_blocks * 512;
	(void) err;
	*sum += S_ISDIR(e->st.st_mode) || e->st.st_nlink < 2 ? bytes : bytes / (int64_t) e->st.st_nlink;
	return 0;
}

int64_t walk_usage(int dir_fd, const char *name, struct error *err)
{
	int64_t sum = 0;
	int r = walk_tree(dir_fd, name, add_usage, &sum, err);
	return r < 0 ? r : sum;
}

/* ---- fingerprint ---- */

/* FNV-1a, twice, with different starts */
struct hash { uint64_t a, b; };

static void hash_bytes(struct hash *h, const void *data, size_t len)
{
	for (const unsigned char *p = data; len--; p++) {
		h->a = (h->a ^ *p) * UINT64_C(0x100000001b3);
		h->b = (h->b ^ (*p ^ 0x5aU)) * UINT64_C(0x100000001b3);
	}
}

struct fingerprint { struct hash sum; uint64_t entries; bool all_times; };

/* The entries' hashes are added up, so that the order in which a file system lists them does not matter. */
static int add_entry(void *ctx, const struct walk_entry *e, struct error *err)
{
	struct fingerprint *f = ctx;
	const struct stat *st = &e->st;
	bool is_dir = S_ISDIR(st->st_mode), is_whiteout = view_is_whiteout(st);
	bool has_time = f->all_times || !(is_dir || is_whiteout);
	struct hash h = { UINT64_C(0xcbf29ce484222325), UINT64_C(0x84222325cbf29ce4) };
	const int64_t numbers[] = { st->st_mode, st->st_uid, st->st_gid, is_dir ? 0 : (int64_t) st->st_nlink, is_dir ? 0 : st->st_size,
				    has_time ? st->st_mtim.tv_sec : 0, has_time ? st->st_mtim.tv_nsec : 0, (int64_t) st->st_rdev };
	hash_bytes(&h, e->path, strlen(e->path) + 1);
	hash_bytes(&h, numbers, sizeof numbers);
	if (S_ISLNK(st->st_mode)) {
		char target[PATH_MAX];
		ssize_t n = readlinkat(e->dir_fd, e->name, target, sizeof target);
		if (n < 0)
			return error_set(err, errno, "read the link '%s'", e->path);
		hash_bytes(&h, target, (size_t) n);
	}
	f->sum.a += h.a;
	f->sum.b += h.b;
	f->entries++;
	return 0;
}

int walk_fingerprint(int dir_fd, const char *name, bool all_times, char out[FINGERPRINT_MAX], struct error *err)
{
	struct fingerprint f = { .all_times = all_times };
	int r = walk_tree(dir_fd, name, add_entry, &f, err);
	if (r == 0)
		snprintf(out, FINGERPRINT_MAX, "1 %" PRIu64 " %016" PRIx64 "%016" PRIx64, f.entries, f.sum.a, f.sum.b);
	return r;
}
