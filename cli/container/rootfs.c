/* Theory of operation.
 *
 * What "/" looks like to a container is what upper/ looks like: overlayfs takes owner, mode and times of a merged directory from its
 * topmost layer. So upper/ is made beside its place, given those of the image's "/", and renamed. A copy gets them in the same way.
 *
 * A driver's refusal leads to the next one only when the container is started for the first time: later its files are where the first
 * driver has put them, and the file `driver` says which that was (none: overlay, which is the usual one, and costs nothing to note).
 */
#include "rootfs.h"
#include "../image/flatten.h"
#include "../image/mapped.h"
#include "cleanup.h"
#include "drivers.h"
#include "fs.h"
#include "log.h"
#include "str.h"
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

static const char *const driver_names[] = { "auto", "overlay", "fuse-overlayfs", "copy", NULL };

int storage_driver_parse(const char *word, enum storage_driver *ret, struct error *err)
{
	for (int i = 0; driver_names[i]; i++)
		if (str_eq(driver_names[i], word)) {
			*ret = (enum storage_driver) i;
			return 0;
		}
	return error_say(err, EINVAL, "--storage-driver: auto, overlay, fuse-overlayfs or copy, not '%s'", word);
}

const char *storage_driver_name(enum storage_driver d) { return driver_names[d]; }

/* ---- directories ---- */

/* rootfs_root_layer - the topmost layer whose own entry for "/" counts. One that has none in its archive has `implicit-root` beside its
 * tree; when all have, the lowest is as good as any. */
const char *rootfs_root_layer(char *const *lowerdirs)
{
	for (; *lowerdirs; lowerdirs++) {
		const char *slash = strrchr(*lowerdirs, '/');
		cleanup_free char *mark = slash ? xasprintf("%.*s/implicit-root", (int) (slash - *lowerdirs), *lowerdirs) : NULL;
		if (!lowerdirs[1] || !mark || access(mark, F_OK) < 0)
			return *lowerdirs;
	}
	return NULL;
}

static int make_dir(const struct container *c, const char *name, mode_t mode, struct error *err)
{
	if (mkdirat(c->dir_fd, name, mode) < 0 && errno != EEXIST)
		return error_set(err, errno, "make directory '%s/%s'", c->dir, name);
	return 0;
}

static int layer_missing(const char *layer, int code, struct error *err)
{
	int r = error_set(err, code, "open layer '%s'", layer);
	if (code == ENOENT)
		(void) error_hint(err, "`carrier pull` of the image brings it back");
	return r;
}

/* make_upper - only the first time: later its metadata are the container's own */
static int make_upper(const struct container *c, const struct copy_as *as, struct error *err)
{
	if (faccessat(c->dir_fd, "upper", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	const char *layer = rootfs_root_layer(c->record.lowerdirs);
	if (access(layer, F_OK) < 0)
		return layer_missing(layer, errno, err);
	int r = make_dir(c, "upper.new", 0755, err);
	if (r == 0)
		r = copy_metadata_as(AT_FDCWD, layer, c->dir_fd, "upper.new", as, err);
	if (r < 0)
		return r;
	if (renameat(c->dir_fd, "upper.new", c->dir_fd, "upper") < 0)
		return error_set(err, errno, "rename '%s/upper.new' to 'upper'", c->dir);
	return 0;
}

/* make_upper_and_work - @as: the owner of / */
static int make_upper_and_work(const struct container *c, const struct copy_as *as, struct error *err)
{
	int r = make_upper(c, as, err);
	if (r == 0)
		r = make_dir(c, "work", 0700, err);
	if (r == 0)
		r = make_dir(c, "rootfs", 0755, err);
	if (r < 0)
		return r;
	/* a volatile overlay leaves it, so that nobody takes for whole what a crash may have torn; whoever starts the container
	 * again has been told that it was one */
	return fs_remove_tree(c->dir_fd, "work/work/incompat", err);
}

/* ---- which driver ---- */

enum storage_driver rootfs_driver(const struct container *c)
{
	enum storage_driver d = DRIVER_OVERLAY;
	cleanup_free char *text = NULL;
	if (fs_read_file(c->dir_fd, "driver", 64, &text, NULL, NULL) == 0)
		(void) storage_driver_parse(text, &d, NULL);
	return d;
}

static int remember(const struct container *c, enum storage_driver d, struct error *err)
{
	const char *name = driver_names[d];
	return d == DRIVER_OVERLAY ? 0 : fs_replace_file(c->dir_fd, "driver", name, strlen(name), 0600, false, err);
}

/* is_foreign - layers of an additional store whose owners have no id in our user namespace: overlayfs would show them as nobody's, and
 * nothing of them could be changed */
static bool is_foreign(const struct container *c)
{
	const char *end = strstr(c->dir, "/containers/");
	size_t len = end ? (size_t) (end - c->dir) : 0;
	struct stat st;
	for (char **l = c->record.lowerdirs; *l; l++)
		if (strncmp(*l, c->dir, len) != 0 || (*l)[len] != '/') {
			cleanup_free char *above = xasprintf("%s/..", *l);
			if (stat(above, &st) == 0 && st.st_uid == OVERFLOW_ID)
				return true;
		}
	return false;
}

/* ---- a plain copy ---- */

static int make_copy(const struct container *c, const struct layers *l, struct error *err)
{
	const char *layer = rootfs_root_layer(c->record.lowerdirs);
	int r = fs_remove_tree(c->dir_fd, "rootfs", err);	/* of a start that failed */
	if (r == 0)
		r = fs_remove_tree(c->dir_fd, "rootfs.new", err);
	if (r == 0)
		r = make_dir(c, "rootfs.new", 0755, err);
	cleanup_close int fd = r < 0 ? -1 : openat(c->dir_fd, "rootfs.new", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return r < 0 ? r : error_set(err, errno, "open '%s/rootfs.new'", c->dir);
	r = flatten(l->dirs, fd, &l->as, err);
	if (r == 0)
		r = copy_metadata_as(AT_FDCWD, layer, c->dir_fd, "rootfs.new", &l->as, err);
	if (r == 0 && renameat(c->dir_fd, "rootfs.new", c->dir_fd, "rootfs") < 0)
		r = error_set(err, errno, "rename '%s/rootfs.new' to 'rootfs'", c->dir);
	if (r < 0) {
		(void) fs_remove_tree(c->dir_fd, "rootfs.new", NULL);
		return error_wrap(err, "copy the layers to '%s'", c->dir);
	}
	return 0;
}

/* ---- owners ---- */

static void layers_done(struct layers *l)
{
	cleanup_freep(&l->tree);
	idmap_done(&l->uids);
	idmap_done(&l->gids);
}

static int layers_of(const struct container *c, struct layers *ret, struct error *err)
{
	*ret = (struct layers) { .dirs = c->record.lowerdirs, .foreign = is_foreign(c), .mapped = users_mapped(&c->record) };
	int r = users_maps(&c->record, &ret->uids, &ret->gids, err);
	ret->as.ours = ret->foreign;
	if (ret->mapped) {
		ret->as.uids = &ret->uids;
		ret->as.gids = &ret->gids;
	}
	return r;
}

struct mounting { const struct container *c; const struct layers *l; bool discard; };

static int mount_now(void *ctx, struct error *err)
{
	const struct mounting *m = ctx;
	return overlay_mount(m->c, m->l, m->discard, err);
}

/* mount_mapped - the owners of the container's own namespace: by mounts with a map of ids, where we may, else by a tree of metadata */
static int mount_mapped(const struct container *c, struct layers *l, bool discard, struct error *err)
{
	struct error why = { 0 };
	const char *end = strstr(c->dir, "/containers/");
	if (l->foreign || !end)
		return error_say(err, EOPNOTSUPP, "the layers are another user's");
	if (idmap_is_initial(-1)) {	/* elsewhere the kernel always says no */
		struct mounting mounting = { c, l, discard };
		if (idmapped_during(l->dirs, &l->uids, &l->gids, mount_now, &mounting, &why) == 0)
			return 0;
		log_warn("layers cannot be mounted with the container's ids here, a tree of metadata takes their place: %s", why.text);
	}
	cleanup_free char *store = xasprintf("%.*s/store", (int) (end - c->dir), c->dir);
	const struct mapping m = { .store_root = store, .image_id = c->record.image_id, .lowerdirs = l->dirs, .uids = &l->uids,
				   .gids = &l->gids, .root_layer = rootfs_root_layer(l->dirs) };
	int r = mapped_tree(&m, &l->tree, err);
	return r < 0 ? r : overlay_mount(c, l, discard, err);
}

bool rootfs_owners_mapped(const struct container *c)
{
	return users_mapped(&c->record) && rootfs_driver(c) != DRIVER_FUSE;
}

/* ---- all ---- */

static int mount_by(const struct container *c, enum storage_driver d, bool first, bool discard, struct layers *l, struct rootfs *ret,
		    struct error *err)
{
	static const struct copy_as as_they_are;
	int r = 0;
	if (first && l->mapped)	/* of a driver that could not be used: / has another owner there. One with files in it stays. */
		(void) unlinkat(c->dir_fd, "upper", AT_REMOVEDIR);
	if (d == DRIVER_COPY)
		r = first ? make_copy(c, l, err) : 0;
	else
		r = make_upper_and_work(c, d == DRIVER_OVERLAY && l->mapped ? &l->as : &as_they_are, err);
	if (r == 0 && d == DRIVER_OVERLAY)
		r = l->mapped ? mount_mapped(c, l, discard, err) : overlay_mount(c, l, discard, err);
	if (r == 0 && d == DRIVER_FUSE)
		r = ret->helper = fuse_overlay_mount(c, l, err);
	if (r < 0)
		return r;
	ret->driver = d;
	return 0;
}

/* another_may - a refusal for what the machine is, and not for what the container is */
static bool another_may(int r)
{
	static const int codes[] = { ENODEV, EPERM, EACCES, EINVAL, EOPNOTSUPP, ENOSYS, E2BIG, EUSERS };
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		if (r == -codes[i])
			return true;
	return false;
}

static int mount_first(const struct container *c, bool discard, struct layers *l, struct rootfs *ret, struct error *err)
{
	enum storage_driver d = DRIVER_AUTO;
	struct error why = { 0 };
	int r = c->record.storage_driver ? storage_driver_parse(c->record.storage_driver, &d, err) : 0;
	if (r < 0 || d != DRIVER_AUTO)
		return r < 0 ? r : mount_by(c, d, true, discard, l, ret, err);
	for (d = l->foreign ? DRIVER_FUSE : DRIVER_OVERLAY; d < DRIVER_COPY; d++) {
		r = mount_by(c, d, true, discard, l, ret, &why);
		if (r == 0 || !another_may(r)) {
			if (r < 0 && err)
				*err = why;
			return r;
		}
		log_warn("the storage driver %s cannot be used here, %s is tried: %s", driver_names[d], driver_names[d + 1], why.text);
		why = (struct error) { 0 };
	}
	return mount_by(c, DRIVER_COPY, true, discard, l, ret, err);
}

int rootfs_mount(const struct container *c, bool discard, struct rootfs *ret, struct error *err)
{
	if (c->record.rootfs)
		return 0;
	if (!c->record.lowerdirs || !*c->record.lowerdirs)
		return error_say(err, EINVAL, "container %.12s has neither layers nor a root directory", c->record.id);
	struct layers layers CLEANUP(layers_done) = { 0 };
	int r = layers_of(c, &layers, err);
	if (r < 0)
		return r;
	if (c->status.started)
		return mount_by(c, rootfs_driver(c), false, discard, &layers, ret, err);
	r = mount_first(c, discard, &layers, ret, err);
	return r < 0 ? r : remember(c, ret->driver, err);
}

int rootfs_unmount(const struct container *c, struct rootfs *rootfs, struct error *err)
{
	if (rootfs->driver == DRIVER_AUTO || rootfs->driver == DRIVER_COPY)
		return 0;
	cleanup_free char *target = xasprintf("%s/rootfs", c->dir);
	int r = 0;
	/* EINVAL: nothing is mounted there. Detached: what still has a file open there keeps nobody from going on. */
	if (umount2(target, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 && errno != EINVAL && errno != ENOENT)
		r = error_set(err, errno, "unmount '%s'", target);
	fuse_overlay_end(&rootfs->helper);
	return r;
}
