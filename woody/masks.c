/* Theory of operation. This runs after the pivot: names start at the container's root and cannot leave it,
 * and are resolved beneath its fd all the same. Masks are clones: of the container's null device for files,
 * verified to be it, for it may lie in the image or have been exchanged; of one empty tmpfs for directories,
 * whose first mount is the template of the others.
 */
#include "mounts.h"
#include "cleanup.h"
#include "fs.h"
#include "mem.h"
#include "str.h"
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

struct masks {
	struct rootfs *r;
	int null_fd;		/* of /dev/null in the container; -1 until it is needed */
	int empty_fd;		/* of the tmpfs; -1 until it is needed, attached from then on */
};

static void masks_done(struct masks *m)
{
	close_fd(&m->null_fd);
	close_fd(&m->empty_fd);
}

/* bind_fd - what @source_fd holds onto @target_fd */
static int bind_fd(struct rootfs *r, int source_fd, int target_fd)
{
	cleanup_close int fd = mount_clone(source_fd, "", AT_EMPTY_PATH);
	if (mount_missing(fd))
		return mount_bind_by_name(r, source_fd, target_fd, false);
	return fd < 0 ? fd : mount_move(fd, target_fd);
}

static int mask_file(struct masks *m, int target_fd, struct error *err)
{
	if (m->null_fd < 0) {
		m->null_fd = fs_open_beneath(m->r->fd, "/dev/null", O_PATH | O_NOFOLLOW, 0, err);
		if (m->null_fd < 0)
			return error_wrap(err, "the file that masks others");
	}
	if (fs_is_dev(m->null_fd, S_IFCHR, 1, 3) <= 0)
		return error_say(
			err, EINVAL,
			"'/dev/null' in the container is not the null device: nothing can be masked by it");
	int result = bind_fd(m->r, m->null_fd, target_fd);
	return result < 0 ? error_set(err, -result, "bind /dev/null") : 0;
}

static int mask_directory(struct masks *m, int target_fd, const char *path, struct error *err)
{
	int result;
	if (m->empty_fd >= 0)
		result = bind_fd(m->r, m->empty_fd, target_fd);
	else
		result = mount_new(m->r, "tmpfs", "tmpfs", target_fd, path,
				   MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
				   "nr_blocks=1,nr_inodes=1,mode=755", &m->empty_fd);
	return result < 0 ? error_set(err, -result, "mount an empty directory") : 0;
}

/* is_missing - what is not there needs no protection */
static bool is_missing(int error)
{
	return error == -ENOENT || error == -ENOTDIR;
}

static int mask(struct masks *m, const char *path, struct error *err)
{
	struct error why = { 0 };
	cleanup_close int fd = fs_open_beneath(m->r->fd, path, O_PATH, 0, &why);
	if (fd < 0) {
		if (is_missing(fd))
			return 0;
		if (err)
			*err = why;
		return fd;
	}
	struct stat st;
	if (fstat(fd, &st) < 0)
		return error_set(err, errno, "look at it");
	return S_ISDIR(st.st_mode) ? mask_directory(m, fd, path, err) : mask_file(m, fd, err);
}

/* protect - a read-only bind of @path onto itself. Its other flags are the source's; mounts beneath it keep
 * theirs. */
static int protect(struct rootfs *r, const char *path, struct error *err)
{
	const struct mount_change readonly = { .set = MOUNT_ATTR_RDONLY };
	struct error why = { 0 };
	cleanup_close int target_fd = fs_open_beneath(r->fd, path, O_PATH, 0, &why);
	if (target_fd < 0) {
		if (is_missing(target_fd))
			return 0;
		if (err)
			*err = why;
		return target_fd;
	}
	cleanup_close int fd = mount_clone(target_fd, "", AT_EMPTY_PATH | AT_RECURSIVE);
	int result = fd < 0 ? fd : mount_set(fd, &readonly);
	if (result >= 0)
		result = mount_move(fd, target_fd);
	if (!mount_missing(result))
		return result < 0 ? error_set(err, -result, "bind it read-only") : 0;

	result = mount_bind_by_name(r, target_fd, target_fd, true);
	if (result < 0)
		return error_set(err, -result, "bind it by mount(2)");
	close_fd(&fd);
	fd = fs_open_beneath(r->fd, path, O_PATH, 0, err);
	if (fd < 0)
		return fd;
	result = mount_set_attached(r, fd, &readonly);
	return result < 0 ? error_set(err, -result, "make it read-only") : 0;
}

static bool seen_before(char *const *list, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (str_eq(list[k], list[i]))
			return true;
	return false;
}

int masks_apply(struct rootfs *r, struct error *err)
{
	const struct spec_linux *l = r->spec->linux_;
	if (!l)
		return 0;
	for (size_t i = 0; l->readonly_paths && l->readonly_paths[i]; i++) {
		int result = seen_before(l->readonly_paths, i) ? 0 : protect(r, l->readonly_paths[i], err);
		if (result < 0) {
			error_wrap(err, "make '%s' read-only", l->readonly_paths[i]);
			return result;
		}
	}
	struct masks m CLEANUP(masks_done) = { .r = r, .null_fd = -1, .empty_fd = -1 };
	for (size_t i = 0; l->masked_paths && l->masked_paths[i]; i++) {
		int result = seen_before(l->masked_paths, i) ? 0 : mask(&m, l->masked_paths[i], err);
		if (result < 0) {
			error_wrap(err, "mask '%s'", l->masked_paths[i]);
			return result;
		}
	}
	return 0;
}
