/* Theory of operation. The source is cloned (open_tree), changed while nobody can see it, and moved onto its
 * target. The child opens the source itself, in its own mount namespace: there the kernel has locked the
 * flags that a user namespace must not lose. Only what it cannot reach (-EACCES), and what only the parent
 * may map, is asked from the parent: rootfs_source().
 */
#include "mounts.h"
#include "cleanup.h"
#include "fs.h"
#include "mem.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#define ATIME_FLAGS ((unsigned long) (MS_NOATIME | MS_NODIRATIME | MS_RELATIME | MS_STRICTATIME))
#define LOCKABLE ((unsigned long) (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC))
#define MOUNT_FLAGS (LOCKABLE | MS_NOSYMFOLLOW | ATIME_FLAGS)

char *mount_source(const struct rootfs *r, const struct spec_mount *m)
{
	const char *s = m->source ? m->source : "";
	return *s == '/' ? xstrdup(s) : xasprintf("%s/%s", r->bundle, s);
}

/* ---- flags ---- */

static struct mount_change change_for(const struct mount_options *o)
{
	struct mount_change c = {
		.set = mount_attributes(o->flags & MOUNT_FLAGS & ~ATIME_FLAGS),
		.clear = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC |
			 MOUNT_ATTR_NOSYMFOLLOW,
	};
	if (o->flags & ATIME_FLAGS) {	/* as mount(2): one of them says all of them */
		c.set |= mount_attributes(o->flags & ATIME_FLAGS);
		c.clear |= MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME;
	} else {
		c.clear |= (o->cleared & MS_NOATIME ? MOUNT_ATTR__ATIME : 0) |
			   (o->cleared & MS_NODIRATIME ? MOUNT_ATTR_NODIRATIME : 0);
	}
	c.clear &= ~(c.set & ~(uint64_t) MOUNT_ATTR__ATIME);
	return c;
}

/* atime_differs - would @c change the access time bits that the mount has? */
static bool atime_differs(const struct mount_change *c, unsigned long has)
{
	enum { BITS = MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME };
	uint64_t now = mount_attributes(has & ATIME_FLAGS & ~(unsigned long) MS_RELATIME) & BITS;
	return ((now & ~c->clear) | (c->set & BITS)) != now;
}

/* respect_locks - take from @c what the mount has and its owner did not say to clear. -EPERM when he did. */
static int respect_locks(int fd, const struct mount_options *o, struct mount_change *c)
{
	unsigned long has;
	int r = mount_flags_of(fd, &has);
	if (r < 0)
		return r;
	if ((has & LOCKABLE & o->cleared) || atime_differs(c, has))
		return -EPERM;
	c->clear &= ~mount_attributes(has & LOCKABLE);
	return 0;
}

int mount_set_flags(int fd, const struct mount_options *o, bool foreign)
{
	if (!((o->flags | o->cleared) & MOUNT_FLAGS))
		return 0;
	struct mount_change c = change_for(o);
	int r = foreign ? respect_locks(fd, o, &c) : mount_set(fd, &c);
	if (r == -EPERM && !foreign)
		r = respect_locks(fd, o, &c);
	else if (!foreign)
		return r;
	return r < 0 ? r : mount_set(fd, &c);
}

int mount_set_tree(int fd, const struct mount_options *o)
{
	bool tree = o->propagation & MS_REC;
	struct mount_change all = {
		.set = o->rec_set,
		.clear = o->rec_clear,
		.propagation = tree ? o->propagation : 0,
		.recursive = true,
	};
	struct mount_change top = { .propagation = tree ? 0 : o->propagation };
	int r = all.set || all.clear || all.propagation ? mount_set(fd, &all) : 0;
	if (r == 0 && top.propagation)
		r = mount_set(fd, &top);
	return r;
}

/* ---- by mount(2), where the other calls are missing ---- */

int mount_set_flags_by_name(const struct rootfs *r, int fd, const struct mount_options *o)
{
	unsigned long given = o->flags & MOUNT_FLAGS, has;
	char name[32];
	if (!((o->flags | o->cleared) & MOUNT_FLAGS))
		return 0;
	if (fchdir(r->proc_fd) < 0)
		return -errno;
	snprintf(name, sizeof name, "self/fd/%d", fd);
	if (!(given & ATIME_FLAGS) && (o->cleared & (MS_NOATIME | MS_NODIRATIME)) && mount_flags_of(fd, &has) == 0) {
		/* mount(2) keeps all of the access time flags, or is told all */
		given |= has & ATIME_FLAGS & ~o->cleared;
		given |= given & (MS_NOATIME | MS_STRICTATIME) ? 0 : MS_RELATIME;
	}
	if (mount(NULL, name, NULL, MS_REMOUNT | MS_BIND | given, NULL) == 0)
		return 0;
	int code = errno;
	struct mount_change c = change_for(o);
	if (code != EPERM || mount_flags_of(fd, &has) < 0 || (has & LOCKABLE & o->cleared) ||
	    atime_differs(&c, has))
		return -code;
	given |= has & (LOCKABLE | ATIME_FLAGS);
	return mount(NULL, name, NULL, MS_REMOUNT | MS_BIND | given, NULL) < 0 ? -errno : 0;
}

/* options_refused - in lower case: callers match it */
static int options_refused(int result, const char *how, struct error *err)
{
	if (result != -EPERM)
		return error_set(err, -result, "set its options%s", how);
	return error_say(err, EPERM, "set its options%s: operation not permitted; in a user namespace flags of the source (ro, "
			 "nosuid, nodev, noexec, the access time) cannot be cleared", how);
}

static int open_target(const struct rootfs *r, const struct mount_entry *e, int source_fd, struct error *err)
{
	struct stat st;
	if (fstat(source_fd, &st) < 0)
		return error_set(err, errno, "look at the source");
	return S_ISDIR(st.st_mode) ? mount_open_directory(r, e->destination, NULL, err)
				   : fs_create_beneath(r->fd, e->destination, 0755, err);
}

static int bind_by_name(struct rootfs *r, const struct mount_entry *e, const char *source, struct error *err)
{
	const struct mount_options *o = &e->options;
	if (o->rec_set || o->rec_clear || mount_is_idmapped(e))
		return error_set(err, ENOSYS,
				 "recursive options and id mappings need open_tree(2) and mount_setattr(2)");
	cleanup_close int source_fd = open(source, O_PATH | O_CLOEXEC);
	if (source_fd < 0)
		return error_set(err, errno, "open '%s'", source);
	cleanup_close int target_fd = open_target(r, e, source_fd, err);
	if (target_fd < 0)
		return target_fd;
	int result = mount_bind_by_name(r, source_fd, target_fd, o->recursive);
	if (result < 0)
		return error_set(err, -result, "bind by mount(2)");

	cleanup_close int fd = fs_open_beneath(r->fd, e->destination, O_PATH, 0, err);
	if (fd < 0)
		return fd;
	result = mount_set_flags_by_name(r, fd, o);
	struct mount_change c = { .propagation = o->propagation };
	if (result == 0 && c.propagation)
		result = mount_set_attached(r, fd, &c);
	return result < 0 ? options_refused(result, " by mount(2)", err) : 0;
}

/* ---- the bind ---- */

/* open_source - a clone of it. @ret_foreign: it was made outside of our user namespace */
static int open_source(struct rootfs *r, const struct mount_entry *e, const char *source, bool *ret_foreign,
		       struct error *err)
{
	*ret_foreign = r->privileged_parent && mount_is_idmapped(e);
	if (!*ret_foreign && !r->sources_outside) {
		int fd = mount_clone(AT_FDCWD, source, e->options.recursive ? AT_RECURSIVE : 0);
		if (fd != -EACCES || !r->privileged_parent)
			return fd < 0 ? error_set(err, -fd, "open '%s'", source) : fd;
		*ret_foreign = true;
	}
	cleanup_close int fd = r->ask(r->ask_context, e->index, err);
	if (fd < 0)
		return fd;
	if (r->sources_outside)
		*ret_foreign |= r->user_namespace;
	/* it is in the host's peer groups; a user namespace gets slaves, and so must these be */
	struct mount_change slave = { .propagation = MS_SLAVE | MS_REC };
	int result = mount_set(fd, &slave);
	return result < 0 ? error_set(err, -result, "take '%s' from the host's peer groups", source) : take_fd(fd);
}

/* copy_symlink - option copy-symlink: a source that is a symlink is made anew. Return: 1 when it was one */
static int copy_symlink(const struct rootfs *r, const struct mount_entry *e, const char *source,
			struct error *err)
{
	char text[4096];
	ssize_t n = readlinkat(AT_FDCWD, source, text, sizeof text - 1);
	if (n < 0)
		return errno == EINVAL ? 0 : error_set(err, errno, "read the link '%s'", source);
	text[n] = 0;
	cleanup_free char *parent = xstrdup(e->destination);
	char *slash = strrchr(parent, '/');
	*slash = 0;
	cleanup_close int dir_fd = fs_mkdir_beneath(r->fd, *parent ? parent : "/", 0755, err);
	if (dir_fd < 0)
		return dir_fd;
	if (symlinkat(text, dir_fd, slash + 1) == 0)
		return 1;
	char there[4096];
	ssize_t has = errno == EEXIST ? readlinkat(dir_fd, slash + 1, there, sizeof there) : -1;
	if (has == n && memcmp(there, text, (size_t) n) == 0)
		return 1;
	return error_set(err, EEXIST, "make the link '%s'", e->destination);
}

int mount_bind(struct rootfs *r, const struct mount_entry *e, int *ret_fd, struct error *err)
{
	cleanup_free char *source = mount_source(r, e->spec);
	if (e->options.copy_symlink) {
		int done = copy_symlink(r, e, source, err);
		if (done)
			return done < 0 ? done : 0;
	}
	bool foreign;
	cleanup_close int fd = open_source(r, e, source, &foreign, err);
	if (mount_missing(fd))
		return bind_by_name(r, e, source, err);
	if (fd < 0)
		return fd;

	cleanup_close int target_fd = open_target(r, e, fd, err);
	if (target_fd < 0)
		return target_fd;
	int result = mount_is_idmapped(e) && !foreign && !r->sources_outside ? mount_idmap(r, e, fd, err) : 0;
	if (result < 0)
		return result;
	result = mount_set_flags(fd, &e->options, foreign);
	if (result == 0)
		result = mount_set_tree(fd, &e->options);
	if (result == -ENOSYS)
		return bind_by_name(r, e, source, err);
	if (result < 0)
		return options_refused(result, "", err);
	result = mount_move(fd, target_fd);
	if (result < 0)
		return error_set(err, -result, "attach it");
	*ret_fd = take_fd(fd);
	return 0;
}

int mount_host_bind(struct rootfs *r, const char *source, int target_fd, const struct mount_change *change,
		    struct error *err)
{
	cleanup_close int fd = mount_clone(AT_FDCWD, source, AT_RECURSIVE);
	int result = fd < 0 ? fd : mount_set(fd, change);
	if (result >= 0)
		result = mount_move(fd, target_fd);
	return result < 0 ? error_set(err, -result, "bind '%s' of the host in its place", source) : 0;
}
