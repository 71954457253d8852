#include "flatten.h"
#include "cleanup.h"
#include "fs.h"
#include "log.h"
#include "mem.h"
#include "str.h"
#include "view.h"
#include <dirent.h>
#include <string.h>

enum { DEPTH_MAX = 512 };

/* Of the layer that is being applied: names that its files with several of them have got already. */
struct seen { ino_t ino; char *path; };
struct applying {
	int to_fd;
	const struct copy_as *as;
	bool ours;
	struct seen *seen;
	size_t n_seen, left_out;
};

static void forget_links(struct applying *a)
{
	for (size_t i = 0; i < a->n_seen; i++)
		free(a->seen[i].path);
	cleanup_freep(&a->seen);
	a->seen = NULL;
	a->n_seen = 0;
}

/* link_again - 1: it is a second name of what was copied */
static int link_again(struct applying *a, const struct stat *st, const char *path, struct error *err)
{
	if (st->st_nlink < 2)
		return 0;
	for (size_t i = 0; i < a->n_seen; i++)
		if (a->seen[i].ino == st->st_ino)
			return linkat(a->to_fd, a->seen[i].path, a->to_fd, path, 0) == 0 ? 1 : error_set(err, errno, "link '%s'", path);
	return 0;
}

static void remember_link(struct applying *a, const struct stat *st, const char *path)
{
	if (st->st_nlink < 2)
		return;
	a->seen = xreallocarray(a->seen, a->n_seen + 1, sizeof *a->seen);
	a->seen[a->n_seen++] = (struct seen) { st->st_ino, xstrdup(path) };
}

static int apply_file(struct applying *a, int dir_fd, const char *name, const char *path, const struct stat *st, struct error *err)
{
	struct error why = { 0 };
	int r = fs_remove_tree(a->to_fd, path, err);
	if (r == 0)
		r = link_again(a, st, path, err);
	if (r != 0)
		return r < 0 ? r : 0;
	r = copy_entry_as(dir_fd, name, a->to_fd, path, a->as, &why);
	if (a->ours && (r == -EACCES || r == -EPERM)) {
		a->left_out++;
		return 0;
	}
	if (r == 0)
		remember_link(a, st, path);
	if (r < 0 && err)
		*err = why;
	return r;
}

static int apply_children(struct applying *a, int dir_fd, const char *path, int depth, struct error *err);

static int apply_directory(struct applying *a, int dir_fd, const char *name, const char *path, int depth, struct error *err)
{
	struct stat there;
	cleanup_close int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && a->ours && errno == EACCES) {
		a->left_out++;
		return 0;
	}
	if (fd < 0)
		return error_set(err, errno, "open '%s'", path);
	bool exists = fstatat(a->to_fd, path, &there, AT_SYMLINK_NOFOLLOW) == 0;
	int r = 0;
	if (exists && (!S_ISDIR(there.st_mode) || view_is_opaque(fd))) {
		r = fs_remove_tree(a->to_fd, path, err);
		exists = false;
	}
	if (r == 0 && !exists && mkdirat(a->to_fd, path, 0700) < 0)
		r = error_set(err, errno, "create '%s'", path);
	if (r == 0)
		r = apply_children(a, fd, path, depth + 1, err);
	if (r == 0)	/* last, for its times, and because it may be one that is not to be written to */
		r = copy_metadata_as(dir_fd, name, a->to_fd, path, a->as, err);
	return r;
}

static int apply_entry(struct applying *a, int dir_fd, const char *name, const char *path, int depth, struct error *err)
{
	struct stat st;
	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return error_set(err, errno, "look at '%s'", path);
	if (S_ISDIR(st.st_mode))
		return apply_directory(a, dir_fd, name, path, depth, err);
	if (view_is_whiteout(&st))
		return fs_remove_tree(a->to_fd, path, err);
	return apply_file(a, dir_fd, name, path, &st, err);
}

static int apply_children(struct applying *a, int dir_fd, const char *path, int depth, struct error *err)
{
	if (depth > DEPTH_MAX)
		return error_say(err, ELOOP, "'%s' is nested too deeply", path);
	cleanup_dir DIR *d = fdopendir(fcntl(dir_fd, F_DUPFD_CLOEXEC, 0));
	if (!d)
		return error_set(err, errno, "read '%s'", path);
	int r = 0;
	for (struct dirent *e; r == 0 && (e = readdir(d));) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		cleanup_free char *below = *path ? xasprintf("%s/%s", path, e->d_name) : xstrdup(e->d_name);
		r = apply_entry(a, dir_fd, e->d_name, below, depth, err);
	}
	return r;
}

int flatten(char *const *lowerdirs, int to_fd, const struct copy_as *as, struct error *err)
{
	struct applying a = { .to_fd = to_fd, .as = as, .ours = as && as->ours };
	int r = 0;
	for (size_t i = strings_count(lowerdirs); r == 0 && i-- > 0;) {
		cleanup_close int fd = open(lowerdirs[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return error_set(err, errno, "open layer '%s'", lowerdirs[i]);
		r = apply_children(&a, fd, "", 0, err);
		forget_links(&a);
	}
	if (r == 0 && a.left_out)
		log_warn("%zu files of the image are not in the container: they are not yours to read in the additional store", a.left_out);
	return r;
}
