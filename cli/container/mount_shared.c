/* Theory of operation. The monitor's mounts receive what is mounted on the host and pass nothing on (MS_SLAVE). A source that is to be
 * shared with the container (shared, rshared) must not become such a slave, so before it would, it is cloned: the clone is in the host's peer
 * group. It gets a place of its own below the container's directory, from where the runtime binds it. Whoever unmounts that place makes it
 * private first, or the host would lose what is mounted below the source.
 */
#include "cleanup.h"
#include "fs.h"
#include "log.h"
#include "mount_stage.h"
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

bool mount_is_shared(const struct record_mount *m)
{
	return str_eq(m->type, "bind") && !m->overlay && (strings_have(m->options, "shared") || strings_have(m->options, "rshared"));
}

bool mounts_are_shared(const struct record *r)
{
	for (size_t i = 0; i < r->n_mounts; i++)
		if (mount_is_shared(&r->mounts[i]))
			return true;
	return false;
}

/* place - where the clone goes: something of the same kind as the source */
static int place(const struct container *c, size_t i, int tree, struct error *err)
{
	cleanup_free char *dir = xasprintf("%s/mounts", c->dir), *path = xasprintf("%s/mounts/%zu.shared", c->dir, i);
	struct stat st;
	if (fstat(tree, &st) < 0)
		return error_set(err, errno, "look at '%s'", c->record.mounts[i].source);
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return error_set(err, errno, "make '%s'", dir);
	if ((S_ISDIR(st.st_mode) ? mkdir(path, 0700) : mknod(path, S_IFREG | 0600, 0)) < 0 && errno != EEXIST)
		return error_set(err, errno, "make '%s'", path);
	return move_mount(tree, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) < 0 ? error_set(err, errno, "mount '%s'", path) : 0;
}

static int clone_all(const struct record *r, int *trees, struct error *err)
{
	for (size_t i = 0; i < r->n_mounts; i++) {
		const struct record_mount *m = &r->mounts[i];
		unsigned deep = strings_have(m->options, "rbind") ? AT_RECURSIVE : 0;
		if (!mount_is_shared(m))
			continue;
		trees[i] = open_tree(AT_FDCWD, m->source, deep | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
		if (trees[i] < 0)
			return error_set(err, errno, "open '%s'", m->source);
	}
	return 0;
}

static int be_slave(struct error *err)
{
	return mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 ? error_set(err, errno, "make the mounts private") : 0;
}

int mounts_separate(const struct container *c, bool rootless, struct error *err)
{
	const struct record *r = &c->record;
	if (!mounts_are_shared(r))
		return be_slave(err);
	if (rootless)	/* the kernel lets no user namespace pass a mount on to the one above it */
		log_warn("what is mounted in a shared directory is not seen outside without root of the host");
	int *trees = xcalloc(r->n_mounts, sizeof *trees);
	for (size_t i = 0; i < r->n_mounts; i++)
		trees[i] = -1;
	int result = clone_all(r, trees, err);
	if (result == 0)
		result = be_slave(err);
	for (size_t i = 0; i < r->n_mounts; i++) {
		if (result == 0 && trees[i] >= 0)
			result = place(c, i, trees[i], err);
		close_fd(&trees[i]);
	}
	free(trees);
	return result;
}

void mounts_unshare(const struct container *c)
{
	for (size_t i = 0; i < c->record.n_mounts; i++) {
		cleanup_free char *path = xasprintf("%s/mounts/%zu.shared", c->dir, i);
		if (!mount_is_shared(&c->record.mounts[i]))
			continue;
		if (mount(NULL, path, NULL, MS_REC | MS_PRIVATE, NULL) == 0)
			(void) umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);
	}
}
