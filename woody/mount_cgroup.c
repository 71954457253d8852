/* Theory of operation. On v1 (and hybrid) a mount of type cgroup is a small tmpfs with a directory for each
 * hierarchy. With a cgroup namespace each is a fresh mount, whose root is then the container's own cgroup;
 * without one the container's directory of the host's mount is bound, so that it is the root all the same. On
 * v2 there is one hierarchy, mounted as a whole.
 */
#include "mounts.h"
#include "cleanup.h"
#include "fs.h"
#include "log.h"
#include "mem.h"
#include "str.h"
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/vfs.h>

enum { HIERARCHIES_MAX = 24 };
static const char host_cgroups[] = "/sys/fs/cgroup";

static struct mount_change change_from(unsigned long flags)
{
	return (struct mount_change){ .set = mount_attributes(
					      flags & (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)) };
}

static int bind_by_name(struct rootfs *r, const char *source, int dir_fd, const char *name,
			const struct mount_change *change)
{
	cleanup_close int source_fd = open(source, O_PATH | O_DIRECTORY | O_CLOEXEC);
	cleanup_close int target_fd = openat(dir_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (source_fd < 0 || target_fd < 0)
		return -errno;
	int result = mount_bind_by_name(r, source_fd, target_fd, false);
	if (result < 0)
		return result;
	cleanup_close int fd = openat(dir_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : mount_set_attached(r, fd, change);
}

/* bind_hierarchy - the container's directory of the host's mount */
static int bind_hierarchy(struct rootfs *r, const struct cgroup_mount *m, int dir_fd, unsigned long flags,
			  struct error *err)
{
	cleanup_free char *source = xasprintf("%s%s", m->host, m->path);
	const struct mount_change change = change_from(flags);
	cleanup_close int fd = mount_clone(AT_FDCWD, source, 0);
	int result = fd < 0 ? fd : mount_set(fd, &change);
	if (result >= 0)
		result = mount_move_to(fd, dir_fd, m->name);
	else if (mount_missing(result))
		result = bind_by_name(r, source, dir_fd, m->name, &change);
	return result < 0 ? error_set(err, -result, "bind '%s'", source) : 0;
}

static int mount_hierarchy(struct rootfs *r, const struct cgroup_mount *m, int dir_fd, unsigned long flags,
			   struct error *err)
{
	if (mkdirat(dir_fd, m->name, 0755) < 0)
		return error_set(err, errno, "make the directory '%s'", m->name);
	if (!r->cgroup_namespace)
		return bind_hierarchy(r, m, dir_fd, flags, err);

	/* the directory is in a tmpfs that only we have seen: its name is as safe as an fd */
	bool v2 = !*m->options;
	if (fchdir(dir_fd) < 0)
		return error_set(err, errno, "enter the cgroup tmpfs");
	if (mount("cgroup", m->name, v2 ? "cgroup2" : "cgroup", flags, v2 ? NULL : m->options) == 0)
		return 0;
	if (errno != EPERM && errno != EBUSY)
		return error_set(err, errno, "mount the cgroup hierarchy '%s'", m->name);
	log_debug("cgroup hierarchy %s: %s; the host's is bound", m->name, strerror(errno));
	return bind_hierarchy(r, m, dir_fd, flags, err);
}

static int link_controllers(const struct cgroup_mount *m, int dir_fd, struct error *err)
{
	for (size_t i = 0; i < sizeof m->link / sizeof *m->link; i++)
		if (*m->link[i] && symlinkat(m->name, dir_fd, m->link[i]) < 0)
			return error_set(err, errno, "make the link '%s'", m->link[i]);
	return 0;
}

static int mount_v1(struct rootfs *r, const struct mount_entry *e, const struct cgroup_mount *list, size_t n,
		    int target_fd, struct error *err)
{
	unsigned long flags = e->options.flags, readonly = flags & MS_RDONLY;
	cleanup_close int fd = -1;
	int result =
		mount_new(r, "tmpfs", "tmpfs", target_fd, e->destination, flags & ~readonly, "mode=755", &fd);
	if (result < 0)
		return error_set(err, -result, "mount a tmpfs for the hierarchies");
	for (size_t i = 0; i < n; i++) {
		result = mount_hierarchy(r, &list[i], fd, flags, err);
		if (result == 0)
			result = link_controllers(&list[i], fd, err);
		if (result < 0)
			return result;
	}
	if (!readonly)
		return 0;
	const struct mount_change change = { .set = MOUNT_ATTR_RDONLY };
	result = mount_set_attached(r, fd, &change);
	return result < 0 ? error_set(err, -result, "make the tmpfs read-only") : 0;
}

/* bind_host - all of the host's; never writable, as it is more than the container's own */
static int bind_host(struct rootfs *r, const struct mount_entry *e, int target_fd, struct error *err)
{
	struct mount_change change = change_from(e->options.flags | MS_RDONLY);
	change.recursive = true;
	int result = mount_host_bind(r, host_cgroups, target_fd, &change, err);
	if (!mount_missing(result) || cgroup_layout() != CGROUP_LAYOUT_V2)
		return result;
	/* v2 is one mount: mount(2) can do it */
	cleanup_close int source_fd = open(host_cgroups, O_PATH | O_DIRECTORY | O_CLOEXEC);
	result = source_fd < 0 ? -errno : mount_bind_by_name(r, source_fd, target_fd, false);
	cleanup_close int fd = result < 0 ? -1 : fs_open_beneath(r->fd, e->destination, O_PATH | O_DIRECTORY, 0, NULL);
	change.recursive = false;
	if (result == 0)
		result = fd < 0 ? fd : mount_set_attached(r, fd, &change);
	return result < 0 ? error_set(err, -result, "bind '%s' of the host by mount(2)", host_cgroups) : 0;
}

static int mount_v2(struct rootfs *r, const struct mount_entry *e, int target_fd, struct error *err)
{
	int result =
		mount_fs(target_fd, "cgroup2", e->spec->source, e->options.flags, buf_str(&e->options.data));
	if (result == -EPERM || result == -EBUSY) {
		log_debug("cgroup2: %s; the host's is bound", strerror(-result));
		return bind_host(r, e, target_fd, err);
	}
	return result < 0 ? error_set(err, -result, "mount a cgroup2") : 0;
}

int mount_cgroup(struct rootfs *r, const struct mount_entry *e, struct error *err)
{
	cleanup_close int target_fd = mount_open_directory(r, e->destination, NULL, err);
	if (target_fd < 0)
		return target_fd;
	if (str_eq(e->spec->type, "cgroup2") || cgroup_layout() == CGROUP_LAYOUT_V2)
		return mount_v2(r, e, target_fd, err);
	if (!r->cgroup)
		return bind_host(r, e, target_fd, err);
	struct cgroup_mount list[HIERARCHIES_MAX];
	size_t n = cgroup_mounts(r->cgroup, list, HIERARCHIES_MAX);
	return n ? mount_v1(r, e, list, n < HIERARCHIES_MAX ? n : HIERARCHIES_MAX, target_fd, err)
		 : bind_host(r, e, target_fd, err);
}

/* last_at_cgroups - the spec's last mount that decides what is at /sys/fs/cgroup: there, or on a directory above */
static const struct spec_mount *last_at_cgroups(const struct rootfs *r, bool *ret_exactly)
{
	const struct spec_mount *last = NULL;
	for (size_t i = 0; i < r->spec->n_mounts; i++) {
		cleanup_free char *at = fs_clean_path(r->spec->mounts[i].destination);
		const char *rest = str_eq(at, "/") ? "/" : str_after(host_cgroups, at);
		if (!rest || (*rest && *rest != '/'))
			continue;
		last = &r->spec->mounts[i];
		*ret_exactly = !*rest;
	}
	return last;
}

/* is_own_tmpfs - does the spec put a file system of the container's own there? */
static bool is_own_tmpfs(const struct rootfs *r)
{
	bool exactly = false;
	const struct spec_mount *m = last_at_cgroups(r, &exactly);
	return m && exactly && str_eq(m->type, "tmpfs");
}

/* is_own_readonly - are they the container's own cgroups, all of them mounted read-only by mount_v1()? */
static bool is_own_readonly(const struct rootfs *r)
{
	bool exactly = false;
	const struct spec_mount *m = last_at_cgroups(r, &exactly);
	return m && exactly && str_eq(m->type, "cgroup") && r->cgroup && strings_have(m->options, "ro") &&
	       !strings_have(m->options, "rw");
}

/* CVE-2023-25809: rootless, the host's cgroups belong to the same user. They come in as a mount of type
 * cgroup, but also with a bind of /sys, whose option "ro" is not recursive. */
int mount_cgroup_guard(struct rootfs *r, struct error *err)
{
	if (!r->user_namespace || r->cgroup_namespace || is_own_tmpfs(r))
		return 0;
	cleanup_close int fd = fs_open_beneath(r->fd, host_cgroups, O_PATH | O_DIRECTORY, 0, NULL);
	struct statfs st;
	if (fd < 0 || fstatfs(fd, &st) < 0)
		return 0;	/* nothing there */
	unsigned long type = (unsigned long) st.f_type;
	if (type != CGROUP_SUPER_MAGIC && type != CGROUP2_SUPER_MAGIC && type != TMPFS_MAGIC)
		return 0;
	const struct mount_change change = { .set = MOUNT_ATTR_RDONLY, .recursive = true };
	int result = mount_set(fd, &change);
	if (result == -EINVAL)
		return 0;	/* no mount of its own: a directory of an ordinary tmpfs */
	if (mount_missing(result) && is_own_readonly(r))
		return 0;
	if (mount_missing(result))	/* nothing else is recursive: hide them */
		result = mount_fs(fd, "tmpfs", "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
				  "mode=755");
	return result < 0 ? error_set(err, -result, "make the host's '%s' read-only in the container",
				      host_cgroups)
			  : 0;
}
