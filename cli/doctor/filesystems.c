/* 06: how containers' files can be put together. Each way is tried, on the file system of --root, in a child that is root of namespaces of
 * its own: nothing of it stays. overlayfs.rst of the kernel, mount_setattr(2).
 */
#include "doctor.h"
#include "../container/apart.h"
#include "../container/userns.h"
#include "cleanup.h"
#include "fs.h"
#include "proc.h"
#include "str.h"
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

/* what the child found: errno, 0 for success, and the kernel's own words */
struct trial { int native, data_only, idmapped; char said[200]; };
struct trying { const struct carrier *c; struct trial *result; char *dir; };

static void kernel_said(int fs_fd, char *out, size_t size)
{
	char line[200];
	for (ssize_t n; (n = read(fs_fd, line, sizeof line - 1)) > 0;) {
		line[n] = 0;
		line[strcspn(line, "\n")] = 0;
		snprintf(out, size, "%s", line[0] && line[1] == ' ' ? line + 2 : line);
	}
}

/* mount_overlay - of pairs KEY, VALUE (NULL: a flag), which end with a NULL. Return: a mount that is nowhere, or -errno */
static int mount_overlay(const char *const *options, char *said, size_t size)
{
	cleanup_close int fs_fd = fsopen("overlay", FSOPEN_CLOEXEC);
	int r = fs_fd < 0 ? -errno : 0;
	for (; r == 0 && *options; options += 2)
		if (fsconfig(fs_fd, options[1] ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, options[0], options[1], 0) < 0)
			r = -errno;
	if (r == 0 && fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		r = -errno;
	if (r < 0) {
		if (fs_fd >= 0)
			kernel_said(fs_fd, said, size);
		return r;
	}
	int fd = fsmount(fs_fd, FSMOUNT_CLOEXEC, 0);
	return fd < 0 ? -errno : fd;
}

static int write_in(int dir_fd, const char *name, const char *text)
{
	cleanup_close int fd = openat(dir_fd, name, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	return fd < 0 ? -errno : fs_write_all(fd, text, strlen(text));
}

/* what images are made of: a layer, and over it a directory that is written to; a file of the layer is removed, and one is new */
static int try_native(const char *dir, struct trial *t)
{
	cleanup_free char *lower = xasprintf("%s/lower", dir), *upper = xasprintf("%s/upper", dir), *work = xasprintf("%s/work", dir);
	const char *const options[] = { "lowerdir", lower, "upperdir", upper, "workdir", work, "userxattr", NULL, "source", "doctor", NULL };
	cleanup_close int fd = mount_overlay(options, t->said, sizeof t->said);
	int r = fd < 0 ? fd : write_in(fd, "new", "x");
	return r == 0 && unlinkat(fd, "old", 0) < 0 ? -errno : r;
}

/* a tree of metadata over a store of objects: "old" has no content of its own, but names an object that has */
static int try_data_only(const char *dir, struct trial *t)
{
	char text[8] = "";
	cleanup_free char *meta = xasprintf("%s/meta", dir), *objects = xasprintf("%s/objects", dir), *lower = xasprintf("%s/lower", dir);
	const char *const options[] = { "lowerdir+", lower, "lowerdir+", meta, "datadir+", objects, "userxattr", NULL, "source", "doctor", NULL };
	cleanup_free char *file = xasprintf("%s/file", meta);
	if (truncate(file, 4) < 0 || setxattr(file, "user.overlay.metacopy", "", 0, 0) < 0 ||
	    setxattr(file, "user.overlay.redirect", "/object", 7, 0) < 0)
		return -errno;
	char said[200];
	cleanup_close int fd = mount_overlay(options, said, sizeof said);
	cleanup_close int file_fd = fd < 0 ? -1 : openat(fd, "file", O_RDONLY | O_CLOEXEC);
	if (file_fd < 0)
		return fd < 0 ? fd : -errno;
	return fs_read_all(file_fd, text, 4) == 4 && strcmp(text, "data") == 0 ? 0 : -EIO;
}

/* other_ids - a user namespace in which 0 is 1, held by a child that the caller ends; the namespace's fd or -errno */
static int other_ids(pid_t *ret_child)
{
	int go[2];
	char byte;
	if (pipe2(go, O_CLOEXEC) < 0)
		return -errno;
	*ret_child = fork();
	if (*ret_child == 0) {
		byte = unshare(CLONE_NEWUSER) < 0 ? 1 : 0;
		(void) fs_write_all(go[1], &byte, 1);
		(void) pause();
		_exit(0);
	}
	close_fd(&go[1]);
	int r = *ret_child < 0 ? -errno : fs_read_all(go[0], &byte, 1) == 1 && byte == 0 ? 0 : -EPERM;
	close_fd(&go[0]);
	cleanup_free char *uids = xasprintf("/proc/%d/uid_map", (int) *ret_child), *gids = xasprintf("/proc/%d/gid_map", (int) *ret_child);
	cleanup_free char *space = xasprintf("/proc/%d/ns/user", (int) *ret_child);
	if (r == 0)
		r = fs_write_file(AT_FDCWD, uids, "0 1 1\n", NULL);
	if (r == 0)
		r = fs_write_file(AT_FDCWD, gids, "0 1 1\n", NULL);
	int fd = r < 0 ? r : open(space, O_RDONLY | O_CLOEXEC);
	return fd == -1 ? -errno : fd;
}

static int try_idmapped(const char *dir)
{
	pid_t child = -1;
	cleanup_close int space = other_ids(&child);
	cleanup_close int tree = open_tree(AT_FDCWD, dir, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP, .userns_fd = space < 0 ? 0 : (uint64_t) space };
	int r = space < 0 ? space : tree < 0 ? -errno : mount_setattr(tree, "", AT_EMPTY_PATH, &attr, sizeof attr) < 0 ? -errno : 0;
	if (child > 0) {
		(void) kill(child, SIGKILL);
		(void) proc_wait(child);
	}
	return r;
}

static int make_places(const char *dir)
{
	static const char *const names[] = { "lower", "upper", "work", "meta", "objects" };
	int r = fs_mkdir_all(AT_FDCWD, dir, 0700, NULL);
	cleanup_close int fd = r < 0 ? -1 : open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; r == 0 && i < sizeof names / sizeof *names; i++)
		r = mkdirat(fd, names[i], 0755) < 0 ? -errno : 0;
	static const struct { const char *name, *text; } files[] = { { "lower/old", "x" }, { "meta/file", "" }, { "objects/object", "data" } };
	for (size_t i = 0; r == 0 && i < sizeof files / sizeof *files; i++)
		r = write_in(fd, files[i].name, files[i].text);
	return r;
}

static int try_all(void *ctx, struct error *err)
{
	struct trying *t = ctx;
	int r = userns_become_root(CLONE_NEWNS, NULL, NULL, err);
	if (r < 0)
		return r;
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return error_set(err, errno, "make mounts private");
	r = make_places(t->dir);
	if (r < 0) {
		(void) fs_remove_tree(AT_FDCWD, t->dir, NULL);
		return error_set(err, -r, "make directories in '%s'", t->dir);
	}
	t->result->native = -try_native(t->dir, t->result);
	t->result->data_only = -try_data_only(t->dir, t->result);
	t->result->idmapped = -try_idmapped(t->dir);
	r = fs_remove_tree(AT_FDCWD, t->dir, err);
	return r;
}

static void say_native(struct doctor *d, const struct trial *t)
{
	if (t->native == 0)
		doctor_ok(d, "overlayfs is mounted natively on the file system of '%s'", d->carrier->root);
	else
		doctor_warn(d, t->native == ENODEV ? "as root: modprobe overlay" :
			    "put --root on ext4, xfs, btrfs or tmpfs (no overlay, no NFS); ordinary users need Linux 5.11; or install fuse-overlayfs",
			    "overlayfs cannot be mounted on the file system of '%s': %s%s%s%s; slower ways are used", d->carrier->root,
			    strerror(t->native), *t->said ? " (" : "", t->said, *t->said ? ")" : "");
}

static void say_data_only(struct doctor *d, const struct trial *t)
{
	if (t->data_only == 0)
		doctor_ok(d, "metadata trees over data-only layers can be mounted");
	else
		doctor_more(d, "Linux 6.16 or later, and a file system with user xattrs",
			    "metadata trees over data-only layers cannot be mounted (%s): where "
			    "ids are mapped otherwise (--userns keep-id) an image may have to be copied", strerror(t->data_only));
}

static void say_idmapped(struct doctor *d, const struct trial *t)
{
	if (t->idmapped == 0)
		doctor_ok(d, "can be made on the file system of '%s'", d->carrier->root);
	else if (t->idmapped == EPERM && d->carrier->rootless)
		doctor_ok(d, "are for root: %s gets the same by other ways", doctor_user(d));
	else
		doctor_more(d, "Linux 5.12 or later, and a file system that has them (ext4, xfs, btrfs, tmpfs)",
			    "cannot be made (%s): volumes with the option "
			    "idmap are not to be had", strerror(t->idmapped));
}

static const struct trial *trial(struct doctor *d, struct error *err)
{
	static struct trial kept;
	static struct error failure;
	static bool tried;
	if (!tried) {
		struct trial *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		cleanup_free char *dir = xasprintf("%s/.tmp-%d-doctor", d->carrier->root, (int) getpid());
		struct trying t = { d->carrier, shared, dir };
		if (shared == MAP_FAILED)
			(void) error_set(&failure, errno, "get memory");
		else if (apart_run(try_all, &t, &failure) == 0)
			kept = *shared;
		if (shared != MAP_FAILED)
			(void) munmap(shared, sizeof *shared);
		tried = true;
	}
	*err = failure;
	return failure.code ? NULL : &kept;
}

static void look(struct doctor *d, void (*say)(struct doctor *, const struct trial *))
{
	struct error err = { 0 };
	const struct trial *t = trial(d, &err);
	if (t)
		say(d, t);
	else
		doctor_error(d, false, &err);
}

static void look_native(struct doctor *d) { look(d, say_native); }
static void look_data_only(struct doctor *d) { look(d, say_data_only); }
static void look_idmapped(struct doctor *d) { look(d, say_idmapped); }

static void look_fuse(struct doctor *d)
{
	struct error err = { 0 };
	const struct trial *t = trial(d, &err);
	bool needed = t && t->native;
	const char *remedy = "as root: install the package fuse-overlayfs";
	cleanup_free char *path = proc_find("fuse-overlayfs", NULL), *version = path ? doctor_program_version(path) : NULL;
	if (!path) {
		(needed ? doctor_warn : doctor_more)(d, remedy, "is not installed%s", needed ? ": every container's files are copied" :
			"; it is not needed where overlayfs is mounted natively");
		return;
	}
	if (version)
		doctor_ok(d, "'%s', %s", path, version);
	else
		doctor_warn(d, remedy, "'%s' does not run", path);
}

const struct doctor_check doctor_filesystems[] = {
	{ "CD0601", "overlayfs", look_native },
	{ "CD0602", "data-only layers", look_data_only },
	{ "CD0603", "idmapped mounts", look_idmapped },
	{ "CD0604", "fuse-overlayfs", look_fuse },
	{ NULL, NULL, NULL },
};
