/* mounts.h - attaching mounts to fds; what the files behind rootfs.h share. Nobody else includes it.
 *
 * Two families of system calls do the same work. The fd-based ones (Linux 5.2, mount_setattr 5.12) make a
 * mount detached and move it onto an fd. mount(2) takes names: for a directory fchdir(2) and "." is as good
 * as the fd; anything else is named through the host's procfs that the caller holds (r->proc_fd), never
 * through the container's /proc. Which is used: mount(2) for a new file system whose mount we need not hold
 * (measured: 2 to 7 us less for each, 13 us less for each cgroup hierarchy); the fd-based calls for
 * everything else, mount(2) again where they are missing or denied by a seccomp filter (-ENOSYS, -EPERM).
 * mount_* functions without an `err` return 0 or an fd, or a negative errno; their callers know the words.
 */
#pragma once
#include "mount_options.h"
#include "rootfs.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

/* ---- calls (mount_calls.c) ---- */

/* mount_fs - mount a file system on the directory @target_fd by mount(2). Moves the cwd into the container's
 * tree. */
int mount_fs(int target_fd, const char *type, const char *source, unsigned long flags, const char *data);
/* mount_fs_detached - the same without a place yet. Return: the mount's fd. */
int mount_fs_detached(const char *type, const char *source, uint64_t attributes, const char *data);
/* mount_clone - a detached copy of the mount at @path. @flags: AT_RECURSIVE, AT_EMPTY_PATH,
 * AT_SYMLINK_NOFOLLOW. Return: its fd. */
int mount_clone(int dir_fd, const char *path, unsigned flags);
/* mount_move - attach a detached mount at @target_fd; or at @name in it, which is not followed if it is a
 * symlink */
int mount_move(int fd, int target_fd);
int mount_move_to(int fd, int dir_fd, const char *name);

struct mount_change { uint64_t set, clear; unsigned long propagation; int userns_fd; bool recursive; };
/* mount_set - change the mount that @fd is the root of (-EINVAL when it is none); mount_setattr(2) */
int mount_set(int fd, const struct mount_change *change);
/* mount_set_attached - the same for one that is attached in our namespace; in a pinch by mount(2), when
 * neither recursive nor to be cleared. */
int mount_set_attached(const struct rootfs *r, int fd, const struct mount_change *change);
/* mount_missing - is it that the kernel or a filter does not let us have the fd-based calls at all? */
bool mount_missing(int error);
/* mount_bind_by_name - mount(2): @source_fd onto @target_fd, through r->proc_fd. Moves the cwd there. */
int mount_bind_by_name(const struct rootfs *r, int source_fd, int target_fd, bool recursive);
/* mount_flags_of - MS_* that the mount of @fd has now, of those that statfs(2) tells */
int mount_flags_of(int fd, unsigned long *ret);

/* mount_new - a file system on the directory @target_fd, which is beneath the rootfs at @destination
 * @ret_fd: the new mount's fd, for who must hold it; NULL: not wanted, which is faster */
int mount_new(const struct rootfs *r, const char *type, const char *source, int target_fd,
	      const char *destination, unsigned long flags, const char *data, int *ret_fd);
/* mount_set_flags - per-mount flags of a bind, as "exactly those" (mount_bind.c)
 * Without any in @o everything stays as the source has it; with one, those not mentioned are cleared, but the
 * access time mode stays unless mentioned. What a user namespace has locked stays unless it was cleared
 * explicitly: -EPERM.
 * @foreign: the mount was cloned outside of our user namespace: nothing is locked in it, and we act as if. */
int mount_set_flags(int fd, const struct mount_options *o, bool foreign);
/* mount_set_flags_by_name - the same by mount(2), for an attached mount. Moves the cwd to r->proc_fd. */
int mount_set_flags_by_name(const struct rootfs *r, int fd, const struct mount_options *o);
/* mount_set_tree - the recursive options and the propagation of @o */
int mount_set_tree(int fd, const struct mount_options *o);

/* mount_open_directory - the directory @path (cleaned) beneath the rootfs, made (0755) with its parents where
 * it is missing
 * @ret_mode: of one that was there, else 0; NULL: not wanted, which saves a call */
int mount_open_directory(const struct rootfs *r, const char *path, mode_t *ret_mode, struct error *err);

/* ---- the kinds of mounts ---- */

/* struct mount_entry - one of mounts[] while it is being mounted */
struct mount_entry {
	const struct spec_mount *spec;
	size_t index;
	char *destination;		/* cleaned: absolute, no "..", no trailing slash */
	struct mount_options options;
};

/* mount_bind - mounts of kind bind (mount_bind.c). @ret_fd: the mount, or -1 when it was made by name */
int mount_bind(struct rootfs *r, const struct mount_entry *e, int *ret_fd, struct error *err);
/* mount_host_bind - @source of the host, recursively, with exactly @change, on @target_fd: where a fresh file
 * system is refused */
int mount_host_bind(struct rootfs *r, const char *source, int target_fd, const struct mount_change *change,
		    struct error *err);
/* mount_cgroup - mounts of type cgroup (mount_cgroup.c) */
int mount_cgroup(struct rootfs *r, const struct mount_entry *e, struct error *err);
/* mount_cgroup_guard - after all mounts: the host's cgroups are read-only in a rootless container that shares
 * them */
int mount_cgroup_guard(struct rootfs *r, struct error *err);
/* mount_copy_up - fill the empty mount @fd with what the directory @from_fd has (tmpcopyup.c) */
int mount_copy_up(int from_fd, int fd, const char *name, struct error *err);
/* mount_idmap - give the detached mount @fd the id mapping that the entry asks for (mount_idmap.c) */
int mount_idmap(const struct rootfs *r, const struct mount_entry *e, int fd, struct error *err);
bool mount_is_idmapped(const struct mount_entry *e);

/* mount_entry_parse - @ret is released by mount_entry_done(), also after a failure */
int mount_entry_parse(const struct rootfs *r, size_t index, struct mount_entry *ret, struct error *err);
void mount_entry_done(struct mount_entry *e);
#define cleanup_mount_entry __attribute__((cleanup(mount_entry_done)))
/* mount_source - of a bind, absolute: relative ones start at the bundle. Caller frees. */
char *mount_source(const struct rootfs *r, const struct spec_mount *m);
/* mount_own_userns - does the container have a user namespace of its own or by path? */
bool mount_own_userns(const struct runtime_spec *spec);

/* masks_apply - maskedPaths and readonlyPaths, after the pivot (masks.c) */
int masks_apply(struct rootfs *r, struct error *err);
