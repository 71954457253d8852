#include "tree.h"
#include "../image/changes.h"
#include "../image/copy.h"
#include "apart.h"
#include "cleanup.h"
#include "drivers.h"
#include "fs.h"
#include "proc.h"
#include "runtime.h"
#include "users.h"
#include "userns.h"
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>

/* ---- the whole of it ---- */

/* mount_own - @discard: nothing is written through it, so nothing needs to be synced when it goes */
static int mount_own(const struct container *container, bool discard, struct rootfs *mounted, struct error *err)
{
	int r = userns_become_root(CLONE_NEWNS, NULL, NULL, err);
	if (r < 0)
		return r;
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return error_set(err, errno, "keep mounts to ourselves");
	return rootfs_mount(container, discard, mounted, err);
}

int container_tree(const struct carrier *c, const struct container *container, struct rootfs *mounted, struct error *err)
{
	const struct record *record = &container->record;
	cleanup_free char *path = record->rootfs ? xstrdup(record->rootfs) : xasprintf("%s/rootfs", container->dir);
	int r = 0;
	if (container->state == RECORD_UNATTENDED || container->state == RECORD_STARTING)
		return error_say(err, EBUSY, container->state == RECORD_STARTING ? "container %s is being started: try again when it runs"
			     : "container %s has lost its monitor, and with it the way to its files: stop it first", record->name);
	if (record->rootfs)
		r = c->rootless ? userns_become_root(0, NULL, NULL, err) : 0;
	else if (container->state == RECORD_RUNNING)
		r = userns_join((pid_t) container->status.monitor, err);
	else
		r = mount_own(container, true, mounted, err);
	if (r < 0)
		return r;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? error_set(err, errno, "open '%s'", path) : fd;
}

/* open_source - a clone of what is mounted, and what is mounted below it; @ret_dir: is it a directory? */
static int open_source(const struct record *r, const struct record_mount *m, bool *ret_dir, struct error *err)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	struct idmap uids cleanup_idmap = { 0 }, gids cleanup_idmap = { 0 };
	struct stat st;
	cleanup_close int whole = open(m->source, O_PATH | O_CLOEXEC);
	cleanup_close int part = whole < 0 || !m->subpath ? -1 : fs_open_beneath(whole, m->subpath, O_PATH, 0, err);
	if (whole < 0)
		return error_set(err, errno, "open '%s'", m->source);
	if (m->subpath && part < 0)
		return part;
	int from = m->subpath ? part : whole;
	cleanup_close int tree = open_tree(from, "", AT_EMPTY_PATH | AT_RECURSIVE | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0 || fstat(from, &st) < 0 ||
	    (mount_is_read_only(m) && mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof attr) < 0))
		return error_set(err, errno, "mount '%s'", m->source);
	int result = m->idmap ? users_mount_maps(r, m, &uids, &gids, err) : 0;
	if (result == 0 && m->idmap)
		result = idmapped_show(tree, &uids, &gids, err);
	*ret_dir = S_ISDIR(st.st_mode);
	return result < 0 ? result : take_fd(tree);
}

/* mount_on - beneath the root @root_fd */
static int mount_on(const struct record *r, int root_fd, const struct record_mount *m, struct error *err)
{
	bool is_dir = false;
	cleanup_close int tree = open_source(r, m, &is_dir, err);
	if (tree < 0)
		return tree;
	cleanup_close int target = is_dir ? fs_mkdir_beneath(root_fd, m->destination, 0755, err)
					  : fs_create_beneath(root_fd, m->destination, 0644, err);
	if (target < 0)
		return target;
	if (move_mount(tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return error_set(err, errno, "mount '%s'", m->source);
	return 0;
}

static size_t depth(const char *path)
{
	size_t n = 0;
	for (; *path; path++)
		n += *path == '/';
	return n;
}

/* mount_volumes - parents first. What has no place of its own on the disk (tmpfs), and what is only seen (images), is left out. */
static int mount_volumes(const struct record *r, int root_fd, struct error *err)
{
	size_t left = r->n_mounts;
	for (size_t level = 1; left; level++) {
		left = 0;
		for (size_t i = 0; i < r->n_mounts; i++) {
			const struct record_mount *m = &r->mounts[i];
			bool ours = (str_eq(m->type, "bind") || str_eq(m->type, "volume")) && !m->fs && !m->overlay;
			left += depth(m->destination) > level;
			int result = ours && depth(m->destination) == level ? mount_on(r, root_fd, m, err) : 0;
			if (result < 0)
				return error_wrap(err, "mount on '%s'", m->destination);
		}
	}
	return 0;
}

int container_whole_tree(const struct container *container, struct rootfs *mounted, struct error *err)
{
	const struct record *record = &container->record;
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	int r = mount_own(container, false, mounted, err);	/* a --rootfs directory is not mounted, but what is in it is */
	if (r < 0)
		return r;
	cleanup_free char *path = record->rootfs ? xstrdup(record->rootfs) : xasprintf("%s/rootfs", container->dir);
	/* a mount of its own, so that it can be made read-only whatever it is */
	cleanup_close int tree = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0)
		return error_set(err, errno, "open '%s'", path);
	if (move_mount(tree, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return error_set(err, errno, "mount '%s'", path);
	cleanup_close int root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return error_set(err, errno, "open '%s'", path);
	r = mount_volumes(record, root, err);
	if (r == 0 && record->read_only && mount_setattr(root, "", AT_EMPTY_PATH, &attr, sizeof attr) < 0)
		r = error_set(err, errno, "make '%s' read-only", path);
	return r < 0 ? r : take_fd(root);
}

void container_tree_end(const struct container *container, struct rootfs *mounted)
{
	if (mounted->driver != DRIVER_AUTO)
		(void) rootfs_unmount(container, mounted, NULL);
}

/* ---- layer by layer ---- */

int container_layers(const struct carrier *c, const struct container *container, int **ret, size_t *n, size_t *ret_own, bool *ret_whole,
		     struct error *err)
{
	const struct record *record = &container->record;
	if (record->rootfs)
		return error_say(err, EINVAL, "container %s runs from the directory '%s' and has no layers: `carrier snapshot '%s' NAME` makes an "
				 "image of that", record->name, record->rootfs, record->rootfs);
	int r = c->rootless ? userns_become_root(0, NULL, NULL, err) : 0;
	if (r < 0)
		return r;
	size_t below = strings_count(record->lowerdirs);
	int *fds = xcalloc(below + 1, sizeof *fds);
	*n = *ret_own = 0;
	*ret_whole = rootfs_driver(container) == DRIVER_COPY;
	const char *name = *ret_whole ? "rootfs" : "upper";
	int own = openat(container->dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (own >= 0) {
		fds[(*n)++] = own;
		*ret_own = 1;
	} else if (errno != ENOENT) {
		r = error_set(err, errno, "open '%s/%s'", container->dir, name);
	}
	for (size_t i = 0; r == 0 && i < below; i++) {
		fds[*n] = open(record->lowerdirs[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fds[*n] < 0)
			r = error_set(err, errno, "open the layer '%s'", record->lowerdirs[i]);
		else
			++*n;
	}
	if (r < 0)
		free(fds);	/* the process ends */
	else
		*ret = fds;
	return r;
}

int container_owners(const struct container *container, bool own, struct idmap *uids, struct idmap *gids, struct error *err)
{
	*uids = *gids = (struct idmap) { 0 };
	return own && !rootfs_owners_mapped(container) ? 0 : users_maps(&container->record, uids, gids, err);
}

/* ---- what a copy has of its own ---- */

struct writing { int from_fd, to_fd; struct strings dirs; };

/* make_parents - of @path; what they look like is decided at the end */
static int make_parents(struct writing *w, const char *path, struct error *err)
{
	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		cleanup_free char *dir = xstrndup(path, (size_t) (slash - path));
		if (mkdirat(w->to_fd, dir, 0700) == 0)
			strings_add(&w->dirs, dir);
		else if (errno != EEXIST)
			return error_set(err, errno, "make '%s'", dir);
	}
	return 0;
}

static int deleted(const struct writing *w, const char *path, struct error *err)
{
	const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	cleanup_free char *mark = xasprintf("%.*s.wh.%s", (int) (base - path), path, base);
	cleanup_close int fd = openat(w->to_fd, mark, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? error_set(err, errno, "make '%s'", mark) : 0;
}

static int written(void *ctx, char kind, const char *path, struct error *err)
{
	struct writing *w = ctx;
	struct stat st;
	int r = make_parents(w, ++path, err);
	if (r < 0 || kind == 'D')
		return r < 0 ? r : deleted(w, path, err);
	if (fstatat(w->from_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return error_set(err, errno, "look at '%s'", path);
	if (!S_ISDIR(st.st_mode))
		return linkat(w->from_fd, path, w->to_fd, path, 0) < 0 ? error_set(err, errno, "link '%s'", path) : 0;
	if (mkdirat(w->to_fd, path, 0700) == 0)
		strings_add(&w->dirs, path);
	else if (errno != EEXIST)
		return error_set(err, errno, "make '%s'", path);
	return 0;
}

int container_written(const struct view *whole, const struct view *below, int to_fd, struct error *err)
{
	int whole_fd = whole->fds[0];
	struct writing w = { .from_fd = whole_fd, .to_fd = to_fd };
	int r = changes_between(below, whole, NULL, written, &w, err);
	for (size_t i = w.dirs.n; r == 0 && i-- > 0;)	/* the deepest first, so that the times stay */
		r = copy_metadata(whole_fd, w.dirs.v[i], to_fd, w.dirs.v[i], err);
	if (r == 0)
		r = copy_metadata(whole_fd, ".", to_fd, ".", err);
	strings_done(&w.dirs);
	return r;
}

/* ---- holding it still ---- */

struct freezing { struct error err; int r; };

__attribute__((noreturn)) static void freezer(const struct carrier *c, const struct container *container, int socket)
{
	char *pause[] = { (char *) "pause", container->record.id, NULL }, *resume[] = { (char *) "resume", container->record.id, NULL };
	struct freezing said = { .r = 0 };
	char word;
	/* Ctrl-C ends the command, not us */
	(void) signal(SIGINT, SIG_IGN);
	(void) signal(SIGTERM, SIG_IGN);
	(void) signal(SIGHUP, SIG_IGN);
	said.r = runtime_enter(c, container, &said.err);
	if (said.r == 0)
		said.r = runtime_run(c, pause, NULL, &said.err);
	(void) fs_write_all(socket, &said, sizeof said);
	if (said.r == 0) {
		(void) fs_read_all(socket, &word, 1);
		(void) runtime_run(c, resume, NULL, NULL);
	}
	_exit(0);
}

int container_freeze(const struct carrier *c, const struct container *container, struct error *err)
{
	int ends[2];
	struct freezing said;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return error_set(err, errno, "make a socket pair");
	cleanup_close int ours = ends[0], theirs = ends[1];
	(void) fflush(NULL);
	pid_t pid = fork();
	if (pid < 0)
		return error_set(err, errno, "fork");
	if (pid == 0) {
		close_fd(&ours);	/* or the end would never be seen */
		freezer(c, container, theirs);
	}
	close_fd(&theirs);
	if (fs_read_all(ours, &said, sizeof said) != (ssize_t) sizeof said)
		return error_say(err, ECANCELED, "the process that pauses container %s ended early", container->record.name);
	if (said.r < 0) {
		(void) proc_wait(pid);
		if (err)
			*err = said.err;
		return said.r;
	}
	return take_fd(ours);
}

void container_thaw(int *fd)
{
	char word;
	if (*fd < 0)
		return;
	(void) shutdown(*fd, SHUT_WR);
	(void) fs_read_all(*fd, &word, 1);	/* until the child has ended */
	close_fd(fd);
}
