#include "fill.h"
#include "../image/copy.h"
#include "cleanup.h"
#include "fs.h"
#include "mem.h"
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/stat.h>

static int open_dir(int dir_fd, const char *name, struct error *err)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? error_set(err, errno, "open '%s'", name) : fd;
}

/* each_entry - until @visit returns something else than 0 */
static int each_entry(int dir_fd, int (*visit)(void *ctx, const char *name, struct error *err), void *ctx, struct error *err)
{
	int copy = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	cleanup_dir DIR *d = copy < 0 ? NULL : fdopendir(copy);
	if (!d)
		return error_set(err, errno, "read a directory of the volume");
	for (struct dirent *e; r == 0 && (e = readdir(d));)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			r = visit(ctx, e->d_name, err);
	return r;
}

static int found(void *ctx, const char *name, struct error *err) { return 1; }

struct move { int from_fd, to_fd; };

/* move_entry - what has its name already was moved before, or is a container's own, and stays */
static int move_entry(void *ctx, const char *name, struct error *err)
{
	const struct move *m = ctx;
	if (renameat2(m->from_fd, name, m->to_fd, name, RENAME_NOREPLACE) < 0 && errno != EEXIST)
		return error_set(err, errno, "move '%s' into the volume", name);
	return 0;
}

/* finish - fill/ is whole */
static int finish(int volume_fd, int data_fd, struct error *err)
{
	cleanup_close int fill_fd = open_dir(volume_fd, "fill", err);
	if (fill_fd < 0)
		return fill_fd;
	struct move m = { fill_fd, data_fd };
	int r = each_entry(fill_fd, move_entry, &m, err);
	if (r == 0)	/* last, since moving changes its times */
		r = copy_metadata(volume_fd, "fill", volume_fd, "_data", err);
	return r < 0 ? r : fs_remove_tree(volume_fd, "fill", err);
}

static int begin(int volume_fd, int from_fd, struct error *err)
{
	int r = fs_remove_tree(volume_fd, "fill.new", err);
	if (r == 0 && mkdirat(volume_fd, "fill.new", 0700) < 0)
		r = error_set(err, errno, "make a directory in the volume");
	cleanup_close int new_fd = r < 0 ? -1 : open_dir(volume_fd, "fill.new", err);
	if (new_fd < 0)
		return r < 0 ? r : new_fd;
	r = copy_tree_content(from_fd, ".", new_fd, ".", err);
	if (r == 0)
		r = copy_metadata(from_fd, ".", volume_fd, "fill.new", err);
	if (r == 0 && renameat(volume_fd, "fill.new", volume_fd, "fill") < 0)
		r = error_set(err, errno, "rename 'fill.new'");
	if (r < 0)
		(void) fs_remove_tree(volume_fd, "fill.new", NULL);
	return r;
}

static int fill(int volume_fd, int from_fd, struct error *err)
{
	cleanup_close int data_fd = open_dir(volume_fd, "_data", err);
	if (data_fd < 0)
		return data_fd;
	int r = faccessat(volume_fd, "fill", F_OK, AT_SYMLINK_NOFOLLOW) == 0 ? finish(volume_fd, data_fd, err) : 0;
	if (r < 0 || from_fd < 0)
		return r;
	r = each_entry(data_fd, found, NULL, err);
	if (r != 0)
		return r < 0 ? r : 0;
	r = begin(volume_fd, from_fd, err);
	if (r == 0)
		r = finish(volume_fd, data_fd, err);
	return r < 0 ? r : 1;
}

int volume_fill(const char *data, int from_fd, struct error *err)
{
	cleanup_free char *dir = xstrdup(data);
	*strrchr(dir, '/') = 0;
	cleanup_close int volume_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (volume_fd < 0)
		return error_set(err, errno, "open the volume '%s'", dir);
	if (from_fd < 0 && faccessat(volume_fd, "fill", F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;	/* nothing was begun: no lock */
	cleanup_close int lock = openat(volume_fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r = lock < 0 ? -errno : fs_lock(lock, true, true);
	if (r < 0)
		return error_set(err, -r, "lock the volume '%s'", dir);
	r = fill(volume_fd, from_fd, err);
	return r < 0 ? error_wrap(err, "fill the volume '%s'", dir) : r;
}
