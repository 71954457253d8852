#include "mounts.h"
#include "cleanup.h"
#include "fs.h"
#include "mem.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

#ifndef ST_NOSYMFOLLOW
#define ST_NOSYMFOLLOW 8192
#endif

int mount_fs(int target_fd, const char *type, const char *source, unsigned long flags, const char *data)
{
	if (fchdir(target_fd) < 0)
		return -errno;
	return mount(source, ".", type, flags, data && *data ? data : NULL) < 0 ? -errno : 0;
}

/* configure - "a=b,c" one by one; @words is cut into pieces */
static int configure(int fs_fd, char *words)
{
	char *save = NULL;
	for (char *w = strtok_r(words, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
		char *value = strchr(w, '=');
		if (value)
			*value++ = 0;
		if (fsconfig(fs_fd, value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, w, value, 0) < 0)
			return -errno;
	}
	return 0;
}

int mount_fs_detached(const char *type, const char *source, uint64_t attributes, const char *data)
{
	if (data && strpbrk(data, "\\\""))
		return -ENOSYS;	/* escaped and quoted commas are mount(2)'s */
	cleanup_close int fs_fd = fsopen(type, FSOPEN_CLOEXEC);
	if (fs_fd < 0)
		return -errno;
	cleanup_free char *words = data ? xstrdup(data) : NULL;
	if (source && fsconfig(fs_fd, FSCONFIG_SET_STRING, "source", source, 0) < 0)
		return -errno;
	int r = words ? configure(fs_fd, words) : 0;
	if (r < 0)
		return r;
	if (fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	int fd = fsmount(fs_fd, FSMOUNT_CLOEXEC, (unsigned) attributes);
	return fd < 0 ? -errno : fd;
}

int mount_clone(int dir_fd, const char *path, unsigned flags)
{
	int fd = open_tree(dir_fd, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | flags);
	return fd < 0 ? -errno : fd;
}

int mount_move(int fd, int target_fd)
{
	return move_mount(fd, "", target_fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0
		       ? -errno
		       : 0;
}

int mount_move_to(int fd, int dir_fd, const char *name)
{
	return move_mount(fd, "", dir_fd, name, MOVE_MOUNT_F_EMPTY_PATH) < 0 ? -errno : 0;
}

int mount_set(int fd, const struct mount_change *c)
{
	struct mount_attr a = {
		.attr_set = c->set,
		.attr_clr = c->clear,
		.propagation = c->propagation & ~(unsigned long) MS_REC,
		.userns_fd = c->set & MOUNT_ATTR_IDMAP ? (unsigned) c->userns_fd : 0,
	};
	bool recursive = c->recursive || (c->propagation & MS_REC);
	return mount_setattr(fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &a, sizeof a) < 0
		       ? -errno
		       : 0;
}

bool mount_missing(int error)
{
	return error == -ENOSYS || error == -EPERM;
}

/* by_name - the cwd becomes the procfs; fds are then "self/fd/N" */
static int by_name(const struct rootfs *r, int fd, char out[32])
{
	if (fchdir(r->proc_fd) < 0)
		return -errno;
	snprintf(out, 32, "self/fd/%d", fd);
	return 0;
}

static unsigned long flags_from(uint64_t attributes)
{
	return (attributes & MOUNT_ATTR_RDONLY ? MS_RDONLY : 0) |
	       (attributes & MOUNT_ATTR_NOSUID ? MS_NOSUID : 0) |
	       (attributes & MOUNT_ATTR_NODEV ? MS_NODEV : 0) |
	       (attributes & MOUNT_ATTR_NOEXEC ? MS_NOEXEC : 0);
}

int mount_set_attached(const struct rootfs *r, int fd, const struct mount_change *c)
{
	int result = mount_set(fd, c);
	if (!mount_missing(result) || c->recursive || c->clear || r->proc_fd < 0)
		return result;
	unsigned long has;
	char name[32];
	int e = mount_flags_of(fd, &has);
	if (e == 0)
		e = by_name(r, fd, name);
	if (e < 0)
		return e;
	if (c->set && mount(NULL, name, NULL, MS_REMOUNT | MS_BIND | has | flags_from(c->set), NULL) < 0)
		return -errno;
	return c->propagation && mount(NULL, name, NULL, c->propagation, NULL) < 0 ? -errno : 0;
}

int mount_bind_by_name(const struct rootfs *r, int source_fd, int target_fd, bool recursive)
{
	char source[32], target[32];
	int e = by_name(r, source_fd, source);
	if (e < 0)
		return e;
	snprintf(target, sizeof target, "self/fd/%d", target_fd);
	return mount(source, target, NULL, MS_BIND | (recursive ? MS_REC : 0), NULL) < 0 ? -errno : 0;
}

int mount_flags_of(int fd, unsigned long *ret)
{
	static const struct { unsigned long st, ms; } map[] = {
		{ ST_RDONLY, MS_RDONLY },     { ST_NOSUID, MS_NOSUID },
		{ ST_NODEV, MS_NODEV },	      { ST_NOEXEC, MS_NOEXEC },
		{ ST_NOATIME, MS_NOATIME },   { ST_NODIRATIME, MS_NODIRATIME },
		{ ST_RELATIME, MS_RELATIME }, { ST_NOSYMFOLLOW, MS_NOSYMFOLLOW },
	};
	struct statfs st;
	if (fstatfs(fd, &st) < 0)
		return -errno;
	*ret = 0;
	for (size_t i = 0; i < sizeof map / sizeof *map; i++)
		if ((unsigned long) st.f_flags & map[i].st)
			*ret |= map[i].ms;
	if (!(*ret & (MS_NOATIME | MS_RELATIME)))
		*ret |= MS_STRICTATIME;
	return 0;
}
