/* Theory of operation: see rootfs.h. Mounts are done strictly in the spec's order, as later ones may lie in
 * earlier ones and may have their sources there.
 */
#include "mounts.h"
#include "cleanup.h"
#include "fs.h"
#include "log.h"
#include "mem.h"
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

/* flags of the file system, not of the mount: only mount(2) takes them in one go */
#define FS_FLAGS \
	((unsigned long) (MS_SYNCHRONOUS | MS_DIRSYNC | MS_MANDLOCK | MS_LAZYTIME | MS_SILENT | \
			  MS_POSIXACL | MS_I_VERSION))

/* ---- entries ---- */

int mount_entry_parse(const struct rootfs *r, size_t index, struct mount_entry *ret, struct error *err)
{
	const struct spec_mount *m = &r->spec->mounts[index];
	*ret = (struct mount_entry) { .spec = m, .index = index };
	int result = mount_options_parse(m->options, &ret->options, err);
	if (result < 0)
		return result;
	ret->destination = fs_clean_path(m->destination);
	if (str_eq(m->type, "bind") || str_eq(m->type, "rbind")) {
		ret->options.bind = true;
		ret->options.recursive |= m->type[0] == 'r';
	}
	return 0;
}

void mount_entry_done(struct mount_entry *e)
{
	mount_options_done(&e->options);
	cleanup_freep(&e->destination);
}

/* ---- targets ---- */

/* open_ordinary - a directory that no symlink leads to: what is written below it later must arrive there */
static int open_ordinary(const struct rootfs *r, const char *path, struct error *err)
{
	int fd = fs_open_ordinary(r->fd, path, O_PATH | O_DIRECTORY, NULL);
	if (fd == -ENOENT) {
		cleanup_close int made_fd = fs_mkdir_beneath(r->fd, path, 0755, err);
		if (made_fd < 0)
			return made_fd;
		fd = fs_open_ordinary(r->fd, path, O_PATH | O_DIRECTORY, NULL);
	}
	if (fd >= 0)
		return fd;
	if (fd == -ELOOP || fd == -ENOTDIR)
		return error_say(err, -fd,
				 "filesystem \"%s\" must be mounted on ordinary directory: a symbolic link "
				 "or something else is in its place in the rootfs", path);
	return error_set(err, -fd, "open '%s'", path);
}

/* make_directory - mostly only the last name is missing: four calls, not a walk's dozen. The umask is 0. */
static int make_directory(const struct rootfs *r, const char *path, struct error *err)
{
	const char *base = strrchr(path, '/') + 1;
	cleanup_free char *parent = xstrndup(path, (size_t) (base - path));
	cleanup_close int parent_fd = fs_open_beneath(r->fd, parent, O_PATH | O_DIRECTORY, 0, NULL);
	if (parent_fd >= 0 && mkdirat(parent_fd, base, 0755) == 0) {
		int fd = openat(parent_fd, base, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0)
			return fd;
	}
	return fs_mkdir_beneath(r->fd, path, 0755, err);
}

int mount_open_directory(const struct rootfs *r, const char *path, mode_t *ret_mode, struct error *err)
{
	struct stat st;
	if (ret_mode)
		*ret_mode = 0;
	cleanup_close int fd = fs_open_beneath(r->fd, path, O_PATH | O_DIRECTORY, 0, NULL);
	if (fd < 0)
		return make_directory(r, path, err);
	if (ret_mode && fstat(fd, &st) < 0)
		return error_set(err, errno, "look at '%s'", path);
	if (ret_mode)
		*ret_mode = st.st_mode & 07777;
	return take_fd(fd);
}

/* ---- file systems ---- */

int mount_new(const struct rootfs *r, const char *type, const char *source, int target_fd,
	      const char *destination, unsigned long flags, const char *data, int *ret_fd)
{
	if (ret_fd && !(flags & FS_FLAGS)) {
		cleanup_close int fd = mount_fs_detached(type, source, mount_attributes(flags), data);
		if (fd >= 0 && mount_move(fd, target_fd) == 0) {
			*ret_fd = take_fd(fd);
			return 0;
		}
		/* missing calls, a value of more than 255 bytes, ...: when it is a real failure mount(2) says
		 * the same */
	}
	if (ret_fd && str_eq(destination, "/"))
		return -ENOSYS;	/* what lies on / cannot be opened beneath it */
	int result = mount_fs(target_fd, type, source, flags, data);
	if (result == 0 && ret_fd) {
		*ret_fd = fs_open_beneath(r->fd, destination, O_PATH, 0, NULL);
		result = *ret_fd < 0 ? *ret_fd : 0;
	}
	return result;
}

/* is_late_readonly - others may still have to be made in it: a tmpfs gets mount points, /dev gets nodes */
static bool is_late_readonly(const struct mount_entry *e)
{
	return (e->options.flags & MS_RDONLY) &&
	       (str_eq(e->spec->type, "tmpfs") || str_eq(e->destination, "/dev"));
}

/* takes_label - SELinux has contexts of its own for what the kernel makes up itself */
static bool takes_label(const char *type)
{
	return !str_eq(type, "proc") && !str_eq(type, "sysfs") && !str_eq(type, "mqueue");
}

/* data_for - what the file system is told. The label's commas are no separators in quotes. Caller frees. */
static char *data_for(const struct rootfs *r, const struct mount_entry *e, mode_t mode)
{
	size_t len;
	struct buf data = { 0 };
	buf_puts(&data, buf_str(&e->options.data));
	if (mode && !mount_options_data(buf_str(&data), "mode", &len))
		buf_printf(&data, "%smode=%o", data.len ? "," : "", mode);
	if (r->mount_label && takes_label(e->spec->type) && !mount_options_data(buf_str(&data), "context", &len))
		buf_printf(&data, "%scontext=\"%s\"", data.len ? "," : "", r->mount_label);
	return buf_take(&data);
}

/* bind_sysfs - the host's, where a fresh one is refused; all of it read-only, for much in it belongs to the
 * same user */
static int bind_sysfs(struct rootfs *r, const char *destination, int target_fd, struct error *err)
{
	struct mount_change change = {
		.set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
		.recursive = true,
	};
	int result = mount_host_bind(r, "/sys", target_fd, &change, err);
	if (!mount_missing(result))
		return result;
	/* mount(2) changes only the top; what counts of the rest is left to mount_cgroup_guard() */
	cleanup_close int source_fd = open("/sys", O_PATH | O_DIRECTORY | O_CLOEXEC);
	result = source_fd < 0 ? -errno : mount_bind_by_name(r, source_fd, target_fd, true);
	cleanup_close int fd = result < 0 ? -1 : open_ordinary(r, destination, NULL);
	change.recursive = false;
	if (result == 0)
		result = fd < 0 ? fd : mount_set_attached(r, fd, &change);
	return result < 0 ? error_set(err, -result, "bind /sys of the host by mount(2)") : 0;
}

/* refused - another way for what the kernel does not let us have in a user namespace. @result: its words */
static int refused(struct rootfs *r, const struct mount_entry *e, int target_fd, unsigned long flags,
		   const char *data, int *ret_fd, int result, struct error *err)
{
	const char *type = e->spec->type;
	size_t len;
	if (r->user_namespace && result == -EINVAL && str_eq(type, "devpts") &&
	    mount_options_data(data, "gid", &len)) {
		/* the tty group is not mapped: terminals belong to the user's own group then */
		log_debug("devpts: group %.*s is not mapped in the user namespace; mounted without gid=",
			  (int) len, mount_options_data(data, "gid", &len));
		cleanup_free char *without = mount_options_without(data, "gid");
		result = mount_new(r, type, e->spec->source, target_fd, e->destination, flags, without,
				   ret_fd);
	}
	if (r->user_namespace && result == -EPERM && str_eq(type, "sysfs")) {
		log_debug("sysfs: a fresh one needs a network namespace of our own; the host's /sys is "
			  "bound, read-only");
		return bind_sysfs(r, e->destination, target_fd, err);
	}
	if (result == 0)
		return 0;
	error_set(err, -result, "mount a %s", str_empty(type) ? "file system without a type" : type);
	if (r->user_namespace && result == -EPERM && str_eq(type, "proc"))
		error_hint(err, "a user namespace gets a procfs only with a pid namespace of its own, and "
				"where no part of the one outside is covered by other mounts");
	return result;
}

/* verify - the procfs or sysfs is where others will look for it, whoever moved directories meanwhile */
static int verify(const struct rootfs *r, const struct mount_entry *e, unsigned long magic, struct error *err)
{
	cleanup_close int fd = open_ordinary(r, e->destination, err);
	if (fd < 0)
		return fd;
	return fs_is_type(fd, magic) > 0 ? 0
					 : error_say(err, EINVAL,
						     "'%s' is not a %s after it was mounted: another process "
						     "changes the rootfs",
						     e->destination, e->spec->type);
}

/* set_fresh - what needs the mount itself: option words about it, content, and read-only when all is done */
static int set_fresh(struct rootfs *r, const struct mount_entry *e, int below_fd, int *fd, struct error *err)
{
	int result = e->options.tmpcopyup ? mount_copy_up(below_fd, *fd, e->destination, err) : 0;
	if (result < 0)
		return result;
	result = mount_set_tree(*fd, &e->options);
	if (result < 0)
		return error_set(err, -result, "set its options");
	if (is_late_readonly(e)) {
		r->late = xreallocarray(r->late, r->n_late + 1, sizeof *r->late);
		r->late[r->n_late++] = take_fd(*fd);
	}
	return 0;
}

static int mount_filesystem(struct rootfs *r, const struct mount_entry *e, int *ret_fd, struct error *err)
{
	const struct mount_options *o = &e->options;
	const char *type = e->spec->type;
	unsigned long magic = str_eq(type, "proc")    ? PROC_SUPER_MAGIC
			      : str_eq(type, "sysfs") ? SYSFS_MAGIC
						      : 0;
	mode_t mode = 0;
	if (o->tmpcopyup && (!str_eq(type, "tmpfs") || str_eq(e->destination, "/")))
		return error_say(err, EINVAL, "tmpcopyup is for a tmpfs, and not for /");
	if (mount_is_idmapped(e))
		return error_say(err, EINVAL, "id mappings are for bind mounts");

	cleanup_close int target_fd = magic ? open_ordinary(r, e->destination, err)
		: mount_open_directory(r, e->destination, str_eq(type, "tmpfs") ? &mode : NULL, err);
	if (target_fd < 0)
		return target_fd;
	cleanup_free char *data = data_for(r, e, mode);
	unsigned long flags = is_late_readonly(e) ? o->flags & ~(unsigned long) MS_RDONLY : o->flags;
	bool held = is_late_readonly(e) || o->tmpcopyup || o->propagation || o->rec_set || o->rec_clear ||
		    str_eq(e->destination, "/");
	cleanup_close int fd = -1;
	int *wanted = held ? &fd : NULL;
	int result = mount_new(r, str_empty(type) ? "none" : type, e->spec->source, target_fd, e->destination,
			       flags, data, wanted);
	if (result < 0)
		result = refused(r, e, target_fd, flags, data, wanted, result, err);
	if (result == 0 && magic)
		result = verify(r, e, magic, err);
	if (result == 0 && fd >= 0)
		result = set_fresh(r, e, target_fd, &fd, err);
	*ret_fd = take_fd(fd);
	return result;
}

/* remount - option "remount": change what is mounted there */
static int remount(const struct rootfs *r, const struct mount_entry *e, struct error *err)
{
	const struct mount_options *o = &e->options;
	cleanup_close int fd = fs_open_beneath(r->fd, e->destination, O_PATH, 0, err);
	if (fd < 0)
		return fd;
	int result;
	if (!o->bind && (o->data.len || (o->flags & FS_FLAGS)))
		result = mount_fs(fd, e->spec->type, e->spec->source, o->flags, buf_str(&o->data));
	else
		result = mount_set_flags(fd, o, false);
	if (mount_missing(result))
		result = mount_set_flags_by_name(r, fd, o);
	if (result == 0)
		result = mount_set_tree(fd, o);
	return result < 0 ? error_set(err, -result, "remount") : 0;
}

/* ---- all of them ---- */

static int mount_entry(struct rootfs *r, const struct mount_entry *e, struct error *err)
{
	const char *type = e->spec->type;
	if (e->options.flags & MS_REMOUNT)
		return remount(r, e, err);
	if (!e->options.bind && (str_eq(type, "cgroup") || str_eq(type, "cgroup2")))
		return mount_cgroup(r, e, err);

	cleanup_close int fd = -1;
	int result = e->options.bind ? mount_bind(r, e, &fd, err) : mount_filesystem(r, e, &fd, err);
	if (result == 0 && str_eq(e->destination, "/")) {
		/* the rootfs is what lies on top from now on */
		if (fd < 0)
			return error_set(err, ENOSYS, "mount on / without open_tree(2) and move_mount(2)");
		close_fd(&r->fd);
		r->fd = take_fd(fd);
	}
	return result;
}

static int mount_all(struct rootfs *r, struct error *err)
{
	for (size_t i = 0; i < r->spec->n_mounts; i++) {
		struct mount_entry e cleanup_mount_entry = { 0 };
		int result = mount_entry_parse(r, i, &e, err);
		if (result == 0)
			result = mount_entry(r, &e, err);
		if (result < 0) {
			const char *source = r->spec->mounts[i].source;
			error_wrap(err, "error mounting \"%s\" to rootfs at \"%s\"", source ? source : "",
				   r->spec->mounts[i].destination);
			return result;
		}
	}
	return 0;
}

int rootfs_mounts(struct rootfs *r, struct error *err)
{
	if (!r->mount_namespace) {
		if (r->spec->n_mounts)
			log_debug("no mount namespace: the %zu mounts of config.json are left out",
				  r->spec->n_mounts);
		return 0;
	}
	mode_t mask = umask(0);
	int result = mount_all(r, err);
	(void) umask(mask);
	return result < 0 ? result : mount_cgroup_guard(r, err);
}

int rootfs_add_mounts(struct rootfs *r, struct error *err)
{
	const struct mount_change readonly = { .set = MOUNT_ATTR_RDONLY };
	mode_t mask = umask(0);
	int result = mount_all(r, err);
	(void) umask(mask);
	for (size_t i = 0; i < r->n_late; i++) {
		int done = mount_set_attached(r, r->late[i], &readonly);
		if (done < 0 && result >= 0)
			result = error_set(err, -done, "make a mount read-only");
	}
	return result;
}
