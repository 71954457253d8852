#include "copy.h"
#include "cleanup.h"
#include "fs.h"
#include "mem.h"
#include "str.h"
#include <dirent.h>
#include <limits.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

enum { OVERFLOW_ID = 65534 };

/* ---- metadata ---- */

/* fd_path - for the xattr calls, which have no *at() form that takes symlinks and O_PATH fds; /proc/self/fd does */
static int open_entry(int dir_fd, const char *path)
{
	return openat(dir_fd, path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

static uint32_t owner_as(const struct idmap *m, uint32_t id)
{
	uint32_t mapped = idmap_to_host(m, id);
	return mapped == UINT32_MAX ? 0 : mapped;
}

/* Of a POSIX ACL as an xattr (linux/posix_acl_xattr.h): a header, then entries of tag, permissions and id, little-endian. */
enum { ACL_HEADER = 4, ACL_ENTRY = 8, ACL_ENTRY_ID = 4, ACL_TAG_USER = 0x02, ACL_TAG_GROUP = 0x08 };

static void map_acl(unsigned char *value, size_t len, const struct copy_as *as)
{
	for (size_t at = ACL_HEADER; at + ACL_ENTRY <= len; at += ACL_ENTRY) {
		unsigned char *id = value + at + ACL_ENTRY_ID;
		bool user = value[at] == ACL_TAG_USER;
		if (!user && value[at] != ACL_TAG_GROUP)
			continue;
		uint32_t v = owner_as(user ? as->uids : as->gids, (uint32_t) id[0] | (uint32_t) id[1] << 8 | (uint32_t) id[2] << 16 |
								      (uint32_t) id[3] << 24);
		for (int i = 0; i < 4; i++)
			id[i] = (unsigned char) (v >> (8 * i));
	}
}

static int copy_xattrs(int from, int to, const struct copy_as *as)
{
	char source[32], target[32], names[64 * 1024];
	static char value[XATTR_SIZE_MAX];
	ssize_t n = listxattr(fs_fd_path(from, source), names, sizeof names);
	if (n < 0)
		return errno == ENOTSUP ? 0 : -errno;
	(void) fs_fd_path(to, target);
	for (char *name = names; name < names + n; name += strlen(name) + 1) {
		if (str_starts(name, "user.overlay.") || str_starts(name, "trusted.overlay."))
			continue;
		ssize_t len = getxattr(source, name, value, sizeof value);
		if (len > 0 && as && as->uids && str_starts(name, "system.posix_acl_"))
			map_acl((unsigned char *) value, (size_t) len, as);
		if (len < 0 || (setxattr(target, name, value, (size_t) len, 0) < 0 && errno != ENOTSUP && errno != EPERM))
			return -errno;
	}
	return 0;
}

int copy_metadata(int from_fd, const char *from, int to_fd, const char *to, struct error *err)
{
	return copy_metadata_as(from_fd, from, to_fd, to, NULL, err);
}

int copy_metadata_as(int from_fd, const char *from, int to_fd, const char *to, const struct copy_as *as, struct error *err)
{
	struct stat st;
	cleanup_close int source = open_entry(from_fd, from), target = open_entry(to_fd, to);
	if (source < 0 || target < 0 || fstat(source, &st) < 0)
		return error_set(err, errno, "look at '%s'", to);
	/* what belongs to an id that we do not have is shown as nobody's, and cannot be given away */
	bool nobodys = st.st_uid == OVERFLOW_ID || st.st_gid == OVERFLOW_ID, ours = as && as->ours;
	if (as && as->uids) {
		st.st_uid = owner_as(as->uids, st.st_uid);
		st.st_gid = owner_as(as->gids, st.st_gid);
	}
	if (!ours && fchownat(target, "", st.st_uid, st.st_gid, AT_EMPTY_PATH) < 0 && !(errno == EINVAL && nobodys))
		return error_set(err, errno, "change the owner of '%s'", to);
	char path[32];
	if (!S_ISLNK(st.st_mode)) {
		int r = copy_xattrs(source, target, as);
		if (r < 0 && !ours)
			return error_set(err, -r, "copy the extended attributes of '%s'", to);
		if (chmod(fs_fd_path(target, path), st.st_mode & 07777) < 0)
			return error_set(err, errno, "change the mode of '%s'", to);
	}
	struct timespec times[2] = { st.st_atim, st.st_mtim };
	if (utimensat(to_fd, to, times, AT_SYMLINK_NOFOLLOW) < 0)
		return error_set(err, errno, "set the times of '%s'", to);
	return 0;
}

/* ---- content ---- */

static int copy_data(int from, int to)
{
	if (ioctl(to, FICLONE, from) == 0)
		return 0;
	for (;;) {
		ssize_t n = copy_file_range(from, NULL, to, NULL, 1 << 30, 0);
		if (n == 0)
			return 0;
		if (n < 0 && errno != EXDEV && errno != ENOSYS && errno != EINVAL && errno != EOPNOTSUPP)
			return -errno;
		if (n < 0)
			break;
	}
	static char buffer[128 * 1024];
	for (;;) {
		ssize_t n = fs_read_all(from, buffer, sizeof buffer);
		if (n <= 0)
			return (int) n;
		int r = fs_write_all(to, buffer, (size_t) n);
		if (r < 0)
			return r;
	}
}

static int copy_file(int from_fd, const char *from, int to_fd, const char *to, struct error *err)
{
	cleanup_close int source = openat(from_fd, from, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (source < 0)
		return error_set(err, errno, "open '%s'", from);
	cleanup_close int target = openat(to_fd, to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (target < 0)
		return error_set(err, errno, "create '%s'", to);
	int r = copy_data(source, target);
	return r < 0 ? error_set(err, -r, "copy '%s'", to) : 0;
}

int copy_entry(int from_fd, const char *from, int to_fd, const char *to, struct error *err)
{
	return copy_entry_as(from_fd, from, to_fd, to, NULL, err);
}

int copy_entry_as(int from_fd, const char *from, int to_fd, const char *to, const struct copy_as *as, struct error *err)
{
	struct stat st;
	char target[PATH_MAX];
	if (fstatat(from_fd, from, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return error_set(err, errno, "look at '%s'", from);
	int r = 0;
	switch (st.st_mode & S_IFMT) {
	case S_IFREG:
		r = copy_file(from_fd, from, to_fd, to, err);
		break;
	case S_IFLNK: {
		ssize_t n = readlinkat(from_fd, from, target, sizeof target - 1);
		if (n >= 0)
			target[n] = 0;
		if (n < 0 || symlinkat(target, to_fd, to) < 0)
			r = error_set(err, errno, "copy the link '%s'", to);
		break;
	}
	case S_IFDIR:
		if (mkdirat(to_fd, to, 0700) < 0)
			r = error_set(err, errno, "create '%s'", to);
		break;
	default:
		if (mknodat(to_fd, to, st.st_mode & (S_IFMT | 0777), st.st_rdev) < 0)
			r = error_set(err, errno, "create the node '%s'", to);
	}
	return r < 0 ? r : copy_metadata_as(from_fd, from, to_fd, to, as, err);
}

/* ---- trees ---- */

struct seen { ino_t ino; char *path; };
struct copying { int from_fd, to_fd; struct seen *seen; size_t n_seen; };

/* link_again - a second name of a file that was copied under another one. 1: linked */
static int link_again(struct copying *c, const struct stat *st, const char *to)
{
	if (S_ISDIR(st->st_mode) || st->st_nlink < 2)
		return 0;
	for (size_t i = 0; i < c->n_seen; i++)
		if (c->seen[i].ino == st->st_ino)
			return linkat(c->to_fd, c->seen[i].path, c->to_fd, to, 0) == 0 ? 1 : -errno;
	c->seen = xreallocarray(c->seen, c->n_seen + 1, sizeof *c->seen);
	c->seen[c->n_seen++] = (struct seen) { st->st_ino, xstrdup(to) };
	return 0;
}

static int copy_children(struct copying *c, const char *from, const char *to, int depth, struct error *err)
{
	if (depth > 512)
		return error_say(err, ELOOP, "copy '%s': nested too deeply", from);
	int fd = openat(c->from_fd, from, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	cleanup_dir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d)
		return error_set(err, errno, "read '%s'", from);
	for (struct dirent *e; (e = readdir(d));) {
		struct stat st;
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		cleanup_free char *source = xasprintf("%s/%s", from, e->d_name);
		cleanup_free char *target = strcmp(to, ".") == 0 ? xstrdup(e->d_name) : xasprintf("%s/%s", to, e->d_name);
		if (fstatat(c->from_fd, source, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return error_set(err, errno, "look at '%s'", source);
		int r = link_again(c, &st, target);
		if (r == 1)
			continue;
		if (r == 0)
			r = copy_entry(c->from_fd, source, c->to_fd, target, err);
		struct stat there;
		if (r == -EEXIST && S_ISDIR(st.st_mode) && fstatat(c->to_fd, target, &there, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(there.st_mode))
			r = 0;	/* merged */
		if (r == 0 && S_ISDIR(st.st_mode))
			r = copy_children(c, source, target, depth + 1, err);
		if (r == 0 && S_ISDIR(st.st_mode))
			r = copy_metadata(c->from_fd, source, c->to_fd, target, err);	/* the times once more */
		if (r < 0)
			return r;
	}
	return 0;
}

int copy_tree_content(int from_fd, const char *from, int to_fd, const char *to, struct error *err)
{
	struct copying c = { .from_fd = from_fd, .to_fd = to_fd };
	int r = copy_children(&c, from, to, 0, err);
	for (size_t i = 0; i < c.n_seen; i++)
		free(c.seen[i].path);
	free(c.seen);
	return r;
}
