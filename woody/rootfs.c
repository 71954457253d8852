#include "rootfs.h"
#include "cleanup.h"
#include "fs.h"
#include "log.h"
#include "mem.h"
#include "mounts.h"
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>

/* ---- in the parent ---- */

static int open_mount_source(const struct rootfs *r, const struct mount_entry *e, struct error *err)
{
	cleanup_free char *source = mount_source(r, e->spec);
	cleanup_close int fd = mount_clone(AT_FDCWD, source, e->options.recursive ? AT_RECURSIVE : 0);
	if (fd < 0)
		return error_set(err, -fd, "open '%s'", source);
	int result = mount_is_idmapped(e) ? mount_idmap(r, e, fd, err) : 0;
	return result < 0 ? result : take_fd(fd);
}

int rootfs_source(const struct rootfs *r, size_t index, struct error *err)
{
	if (index == r->spec->n_mounts) {
		int fd = mount_clone(AT_FDCWD, r->path, AT_RECURSIVE);
		return fd < 0 ? error_set(err, -fd, "open the rootfs '%s'", r->path) : fd;
	}
	struct mount_entry e cleanup_mount_entry = { 0 };
	if (!r->privileged_parent || index > r->spec->n_mounts)
		return error_say(err, EPROTO, "init asks for a source that it cannot want");
	int result = mount_entry_parse(r, index, &e, err);
	if (result == 0)
		result = open_mount_source(r, &e, err);
	if (result < 0)
		error_wrap(err, "error mounting \"%s\" to rootfs at \"%s\"", e.spec->source ? e.spec->source : "",
			   e.spec->destination);
	return result;
}

/* ---- propagation ---- */

struct propagation {
	const char *word;
	unsigned long first;	/* for the host's tree, before anything is attached; 0: as it is */
	unsigned long holder;	/* for the mount that holds the rootfs; 0: `first` reaches it */
	unsigned long last;	/* for the container's / */
};

static const struct propagation propagations[] = {
	{ "", MS_SLAVE | MS_REC, 0, 0 },
	{ "shared", 0, MS_PRIVATE, MS_SHARED },
	{ "rshared", 0, MS_PRIVATE, MS_SHARED | MS_REC },
	{ "slave", MS_SLAVE, MS_SLAVE, MS_SLAVE },
	{ "rslave", MS_SLAVE | MS_REC, 0, MS_SLAVE | MS_REC },
	{ "private", MS_PRIVATE, MS_PRIVATE, MS_PRIVATE },
	{ "rprivate", MS_PRIVATE | MS_REC, 0, MS_PRIVATE | MS_REC },
	/* an unbindable tree could not even be bound as the rootfs: that comes last */
	{ "unbindable", MS_SLAVE | MS_REC, 0, MS_UNBINDABLE },
	{ "runbindable", MS_SLAVE | MS_REC, 0, MS_UNBINDABLE | MS_REC },
};

static const struct propagation *find_propagation(const struct rootfs *r, struct error *err)
{
	const char *word = r->spec->linux_ && r->spec->linux_->rootfs_propagation
				   ? r->spec->linux_->rootfs_propagation
				   : "";
	for (size_t i = 0; i < sizeof propagations / sizeof *propagations; i++)
		if (str_eq(propagations[i].word, word))
			return &propagations[i];
	(void) error_say(err, EINVAL,
			 "linux.rootfsPropagation: '%s' is none of private, slave, shared, unbindable and "
			 "these with an r in front", word);
	return NULL;
}

/* set_holder - the mount that holds @fd is found by going up until something is the root of one */
static int set_holder(const struct rootfs *r, int fd, unsigned long propagation)
{
	const struct mount_change change = { .propagation = propagation };
	cleanup_close int at = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	for (int levels = 0; at >= 0 && levels < PATH_MAX / 2; levels++) {
		int result = mount_set_attached(r, at, &change);
		if (result != -EINVAL)
			return result;
		int up = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		close_fd(&at);
		at = up;
	}
	/* the top of a chroot need not be a mount: then it is not ours to change */
	return at < 0 ? -errno : 0;
}

/* ---- the rootfs as a mount of its own ---- */

/* attach_by_name - bind it by mount(2), and hold what is there then */
static int attach_by_name(struct rootfs *r, int fd, struct error *err)
{
	int result = mount_bind_by_name(r, fd, fd, true);
	if (result < 0)
		return error_set(err, -result, "bind the rootfs '%s' onto itself", r->path);
	r->fd = open(r->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return r->fd < 0 ? error_set(err, errno, "open the rootfs '%s'", r->path) : 0;
}

/* attach_prepared - our root may not reach its path: the parent's clone goes where we can */
static int attach_prepared(struct rootfs *r, unsigned long holder, struct error *err)
{
	cleanup_close int fd = r->ask(r->ask_context, r->spec->n_mounts, err);
	if (fd < 0)
		return fd;
	const struct mount_change slave = { .propagation = MS_SLAVE | MS_REC };
	cleanup_close int top_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int result = top_fd < 0 ? -errno : mount_set(fd, &slave);
	if (result == 0 && holder)
		result = set_holder(r, top_fd, holder);
	if (result == 0)
		result = mount_move(fd, top_fd);
	if (result < 0)
		return error_set(err, -result, "attach the rootfs '%s'", r->path);
	r->fd = take_fd(fd);
	return 0;
}

static int attach(struct rootfs *r, unsigned long holder, struct error *err)
{
	cleanup_close int dir_fd = open(r->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0 && errno == EACCES && r->privileged_parent)
		return attach_prepared(r, holder, err);
	if (dir_fd < 0) {
		int code = errno;
		error_set(err, code, "open the rootfs '%s'", r->path);
		if (code == EACCES && r->user_namespace)
			error_hint(err, "the root of the user namespace needs the search permission on every "
					"directory above it");
		return -code;
	}
	int result = holder ? set_holder(r, dir_fd, holder) : 0;
	if (result < 0)
		return error_set(err, -result, "make the mount that holds '%s' private", r->path);

	cleanup_close int fd = mount_clone(dir_fd, "", AT_EMPTY_PATH | AT_RECURSIVE);
	if (mount_missing(fd))
		return attach_by_name(r, dir_fd, err);
	result = fd < 0 ? fd : mount_move(fd, dir_fd);
	if (result < 0)
		return error_set(err, -result, "bind the rootfs '%s' onto itself", r->path);
	r->fd = take_fd(fd);
	return 0;
}

int rootfs_attach(struct rootfs *r, struct error *err)
{
	if (!r->mount_namespace) {
		r->fd = open(r->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		return r->fd < 0 ? error_set(err, errno, "open the rootfs '%s'", r->path) : 0;
	}
	const struct propagation *p = find_propagation(r, err);
	if (!p)
		return -EINVAL;
	bool changed = p->first && mount(NULL, "/", NULL, p->first, NULL) == 0;
	if (p->first && !changed && errno != EINVAL)
		return error_set(err, errno, "change the propagation of /");
	/* EINVAL: / is a chroot's, and no mount */
	r->isolated = changed && (p->first & MS_REC);
	return attach(r, p->holder || r->isolated ? p->holder : MS_PRIVATE, err);
}

/* ---- change of root ---- */

static int enter(const struct rootfs *r, struct error *err)
{
	return fchdir(r->fd) < 0 ? error_set(err, errno, "enter the rootfs '%s'", r->path) : 0;
}

static int change_root(struct error *err)
{
	return chroot(".") < 0 || chdir("/") < 0 ? error_set(err, errno, "change the root to the rootfs") : 0;
}

/* unescape - mountinfo's \040 and the like, in place */
static void unescape(char *s)
{
	char *to = s;
	for (; *s; to++) {
		bool octal = s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
			     s[3] >= '0' && s[3] <= '7';
		*to = octal ? (char) ((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0')) : *s;
		s += octal ? 4 : 1;
	}
	*to = 0;
}

/* hide_mount - unmounted where we may, else covered */
static int hide_mount(const char *at, struct error *err)
{
	(void) mount(NULL, at, NULL, MS_SLAVE | MS_REC, NULL);	/* or the host would lose it, too */
	if (umount2(at, MNT_DETACH) == 0)
		return 0;
	if (mount("tmpfs", at, "tmpfs", MS_RDONLY, "nr_blocks=1,nr_inodes=1") < 0)
		return error_set(err, errno, "hide '%s'", at);
	return 0;
}

/* hide_full_mounts - every procfs and sysfs of the host. With chroot the old root stays in the namespace, and
 * a fully visible procfs in it would entitle the container's user namespaces to a fresh one, without our
 * masks. */
static int hide_full_mounts(const struct rootfs *r, struct error *err)
{
	cleanup_free char *text = NULL;
	int result = fs_read_file(r->proc_fd, "self/mountinfo", 16 << 20, &text, NULL, err);
	if (result < 0)
		return result;
	char name[32], root[PATH_MAX];
	snprintf(name, sizeof name, "self/fd/%d", r->fd);
	ssize_t len = readlinkat(r->proc_fd, name, root, sizeof root - 1);
	if (len < 0)
		return error_set(err, errno, "find the rootfs in /proc");
	root[len] = 0;

	char *save = NULL;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		/* id parent major:minor root mountpoint options [optional ...] - type source options */
		char *field[5], *words = NULL, *type = strstr(line, " - ");
		size_t n = 0;
		if (!type || (!str_starts(type + 3, "proc ") && !str_starts(type + 3, "sysfs ")))
			continue;
		for (char *w = strtok_r(line, " ", &words); w && n < 5; w = strtok_r(NULL, " ", &words))
			field[n++] = w;
		if (n < 5 || !str_eq(field[3], "/"))
			continue;
		unescape(field[4]);
		const char *below = str_after(field[4], root);
		if (below && (!*below || *below == '/'))
			continue;
		result = hide_mount(field[4], err);
		if (result < 0)
			return result;
	}
	return 0;
}

static int move_root(const struct rootfs *r, struct error *err)
{
	int result = hide_full_mounts(r, err);
	if (result == 0)
		result = enter(r, err);
	if (result < 0)
		return result;
	if (mount(".", "/", NULL, MS_MOVE, NULL) < 0)
		return error_set(err, errno, "move the rootfs '%s' to /", r->path);
	return change_root(err);
}

static int pivot(const struct rootfs *r, struct error *err)
{
	cleanup_close int old_fd = r->isolated ? -1 : open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int result = enter(r, err);
	if (result < 0)
		return result;
	/* pivot_root(2) NOTES: the old root lies on top of the new one afterwards, and "." names it for
	 * umount2 */
	if (syscall(SYS_pivot_root, ".", ".") < 0) {
		int code = errno;
		error_set(err, code, "pivot_root to '%s'", r->path);
		if (code == EINVAL)
			error_hint(err, "on an initial ramdisk, or in a chroot, use --no-pivot");
		return -code;
	}
	if (!r->isolated) {	/* or the host's mounts would be unmounted with ours */
		const struct mount_change slave = { .propagation = MS_SLAVE | MS_REC };
		result = old_fd < 0 ? -EBADF : mount_set_attached(r, old_fd, &slave);
		if (result < 0)
			return error_set(err, -result, "take the old root from the host's peer groups");
		if (fchdir(old_fd) < 0)
			return error_set(err, errno, "enter the old root");
	}
	if (umount2(".", MNT_DETACH) < 0)
		return error_set(err, errno, "unmount the old root");
	return chdir("/") < 0 ? error_set(err, errno, "enter the new root") : 0;
}

int rootfs_pivot(struct rootfs *r, struct error *err)
{
	if (r->mount_namespace)
		return r->no_pivot ? move_root(r, err) : pivot(r, err);
	int result = enter(r, err);
	return result < 0 ? result : change_root(err);
}

/* ---- the end ---- */

int rootfs_finish(struct rootfs *r, struct error *err)
{
	const struct mount_change readonly = { .set = MOUNT_ATTR_RDONLY };
	if (!r->mount_namespace)
		return 0;
	int result = masks_apply(r, err);
	if (result < 0)
		return result;
	for (size_t i = 0; i < r->n_late; i++) {
		result = mount_set_attached(r, r->late[i], &readonly);
		if (result < 0)
			return error_set(err, -result, "make a mount read-only");
		close_fd(&r->late[i]);
	}
	if (r->spec->root->readonly) {
		result = mount_set_attached(r, r->fd, &readonly);
		if (result < 0)
			return error_set(err, -result, "make the rootfs read-only");
	}
	const struct propagation *p = find_propagation(r, err);
	const struct mount_change last = { .propagation = p ? p->last : 0 };
	if (last.propagation) {
		result = mount_set_attached(r, r->fd, &last);
		if (result < 0)
			return error_set(err, -result, "change the propagation of the container's /");
	}
	return enter(r, err);	/* masks may have left us in the host's procfs */
}

void rootfs_done(struct rootfs *r)
{
	close_fd(&r->fd);
	for (size_t i = 0; i < r->n_late; i++)
		close_fd(&r->late[i]);
	cleanup_freep(&r->late);
	r->late = NULL;
	r->n_late = 0;
}
