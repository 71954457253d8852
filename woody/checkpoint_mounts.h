/* checkpoint_mounts.h - the mounts of a container that are not in its images.
 *
 * CRIU saves file systems that the container has for itself (tmpfs with its files, proc, devpts ...). What comes from the host is
 * named when it is saved, "mnt[/data]:/data", and found by that name when it is restored, "mnt[/data]:/srv/data":
 *	binds of config.json	and what is mounted below their sources, with rbind
 *	device nodes		that are bound, and /dev/null, which masks files
 *	cgroup v1		the hierarchies below a mount of type cgroup, without a cgroup namespace
 * The name is the place where it is mounted, as it is for runc, so either restores what the other saved.
 */
#pragma once
#include "cgroup/cgroup.h"
#include "error.h"
#include "mem.h"
#include "rootfs.h"
#include "runtime_spec.h"
#include "str.h"
#include <stdbool.h>
#include <sys/types.h>

/* struct mount_list - what a /proc/PID/mountinfo says */
struct mount_list {
	struct pool pool;
	struct mount_line { int id; const char *point, *type; } *v;
	size_t n;
};
int mount_list_read(const char *path, struct mount_list *ret, struct error *err);
/* mount_list_parse - of its text, which is changed */
void mount_list_parse(char *text, struct mount_list *ret);
void mount_list_done(struct mount_list *l);
#define cleanup_mount_list __attribute__((cleanup(mount_list_done)))

/* checkpoint_mounts - the words for CRIU's option `external`
 * @pid: the container's process, whose mounts @list are */
int checkpoint_mounts(const struct runtime_spec *spec, pid_t pid, const struct mount_list *list, struct strings *ret, struct error *err);

/* struct restore_view - a mount namespace of ours, where the container is put together for criu */
struct restore_view { int ns_fd, root_fd, cwd_fd; };
#define RESTORE_VIEW_INIT { -1, -1, -1 }
/* restore_view_enter - into a new one: the rootfs lies at @at, with all mount points made, and what this needs on the way mounted
 * @r:      ->spec, ->bundle and ->path
 * @at:     absolute; an empty directory
 * @cgroup: the new container's
 * @ret:    words as above
 * The caller starts criu, and leaves, also after a failure; what was mounted ends with criu. */
int restore_view_enter(struct restore_view *v, const struct rootfs *r, const char *at, struct cgroup *cgroup, struct strings *ret,
		       struct error *err);
int restore_view_leave(struct restore_view *v, struct error *err);
