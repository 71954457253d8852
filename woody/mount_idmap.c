/* Theory of operation. The kernel takes an id mapping in the form of a user namespace. A throw-away child
 * makes one, its maps are written as for any other, its namespace file is opened, and it is killed. We may be
 * in a pid namespace already: the child's number in the host's procfs is what the child itself reads there.
 * Only who is privileged over the file system may map it: the parent for a container with a user namespace
 * (rootfs_source), else the child itself. mount_setattr(2) "ID-mapped mounts".
 */
#include "mounts.h"
#include "cleanup.h"
#include "clone.h"
#include "fs.h"
#include "idmap.h"
#include "str.h"
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/wait.h>

bool mount_is_idmapped(const struct mount_entry *e)
{
	return e->options.idmap || e->spec->n_uid_mappings || e->spec->n_gid_mappings;
}

static const struct spec_namespace *user_namespace(const struct runtime_spec *spec)
{
	const struct spec_linux *l = spec->linux_;
	for (size_t i = 0; l && i < l->n_namespaces; i++)
		if (str_eq(l->namespaces[i].type, "user"))
			return &l->namespaces[i];
	return NULL;
}

bool mount_own_userns(const struct runtime_spec *spec)
{
	return user_namespace(spec) != NULL;
}

static void add_all(struct idmap *m, const struct spec_id_mapping *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		idmap_add(m, list[i].container_id, list[i].host_id, list[i].size);
}

/* hold - in the child: say who we are in @proc_fd, and stay until we are killed */
static _Noreturn void hold(int proc_fd, int pipe_fd)
{
	char self[16] = { 0 };
	ssize_t n = readlinkat(proc_fd, "self", self, sizeof self - 1);
	(void) !write(pipe_fd, self, n > 0 ? (size_t) n : 0);
	close(pipe_fd);
	for (;;)
		pause();
}

static int open_namespace_of(int proc_fd, const char *pid, const struct idmap *uids, const struct idmap *gids,
			     struct error *err)
{
	int64_t number;
	if (str_to_i64(pid, 1, INT32_MAX, &number) < 0)
		return error_say(err, ESRCH, "the process that holds an id mapping is not in /proc");
	int r = idmap_apply((pid_t) number, uids, gids, err);
	if (r < 0)
		return r;
	char name[32];
	snprintf(name, sizeof name, "%s/ns/user", pid);
	int fd = openat(proc_fd, name, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? error_set(err, errno, "open '/proc/%s'", name) : fd;
}

/* namespace_with - an fd of a new user namespace that has these maps */
static int namespace_with(int proc_fd, const struct idmap *uids, const struct idmap *gids, struct error *err)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_set(err, errno, "make a pipe");
	cleanup_close int read_fd = ends[0], write_fd = ends[1];
	struct clone_request c = { .flags = CLONE_NEWUSER, .cgroup_fd = -1 };
	pid_t pid = clone_process(&c, err);
	if (pid < 0)
		return pid;
	if (pid == 0)
		hold(proc_fd, write_fd);
	close_fd(&write_fd);
	char self[16] = { 0 };
	(void) fs_read_all(read_fd, self, sizeof self - 1);
	int fd = open_namespace_of(proc_fd, self, uids, gids, err);
	(void) kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return fd;
}

/* open_mapping - the mount's own; without one the container's */
static int open_mapping(const struct rootfs *r, const struct mount_entry *e, struct error *err)
{
	const struct spec_mount *m = e->spec;
	const struct spec_namespace *user = user_namespace(r->spec);
	struct idmap uids cleanup_idmap = { 0 }, gids cleanup_idmap = { 0 };
	if (m->n_uid_mappings || m->n_gid_mappings) {
		if (!m->n_uid_mappings || !m->n_gid_mappings)
			return error_say(err, EINVAL, "uidMappings and gidMappings of a mount come together");
		add_all(&uids, m->uid_mappings, m->n_uid_mappings);
		add_all(&gids, m->gid_mappings, m->n_gid_mappings);
	} else if (!user) {
		return error_say(err, EINVAL,
				 "option idmap without uidMappings needs a user namespace to take them from");
	} else if (!str_empty(user->path)) {
		int fd = open(user->path, O_RDONLY | O_CLOEXEC);
		return fd < 0 ? error_set(err, errno, "open '%s'", user->path) : fd;
	} else {
		add_all(&uids, r->spec->linux_->uid_mappings, r->spec->linux_->n_uid_mappings);
		add_all(&gids, r->spec->linux_->gid_mappings, r->spec->linux_->n_gid_mappings);
	}
	return namespace_with(r->proc_fd, &uids, &gids, err);
}

int mount_idmap(const struct rootfs *r, const struct mount_entry *e, int fd, struct error *err)
{
	cleanup_close int mapping_fd = open_mapping(r, e, err);
	if (mapping_fd < 0)
		return mapping_fd;
	const struct mount_change change = {
		.set = MOUNT_ATTR_IDMAP, .userns_fd = mapping_fd, .recursive = e->options.recursive_idmap,
	};
	int result = mount_set(fd, &change);
	if (result == -EINVAL)
		return error_set(err, EINVAL, "map the ids of the mount: its file system may not support it");
	return result < 0 ? error_set(err, -result, "map the ids of the mount") : 0;
}
