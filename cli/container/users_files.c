/* The files of a container with ids of its own that are not its image's: carrier's own belong to its root, and with keep-id the
 * caller has a line in /etc/passwd and /etc/group, without which programs have no name and no home for it. The lines are bound over the image's
 * files, which stay as they are: neither `diff` nor `commit` sees them. */
#include "bundle.h"
#include "cleanup.h"
#include "fs.h"
#include "lists.h"
#include <fcntl.h>
#include <string.h>

static int give(const struct container *c, const char *name, const struct idmap *uids, const struct idmap *gids, struct error *err)
{
	if (fchownat(c->dir_fd, name, idmap_to_host(uids, 0), idmap_to_host(gids, 0), AT_SYMLINK_NOFOLLOW) < 0)
		return error_set(err, errno, "give '%s/%s' to the container's root", c->dir, name);
	return 0;
}

/* covered - is something of the caller's mounted on @path, or on a directory above it? */
static bool covered(const struct runtime_spec *s, const char *path)
{
	for (size_t i = 0; i < s->n_mounts; i++) {
		const char *rest = str_after(path, s->mounts[i].destination);
		if (rest && (*rest == 0 || *rest == '/'))
			return true;
	}
	return false;
}

static int add_file(const struct container *c, const char *name, const char *text, const struct idmap *uids, const struct idmap *gids,
		    struct runtime_spec *s, struct pool *pool, struct error *err)
{
	char *destination = pool_printf(pool, "/etc/%s", name);
	if (!text || covered(s, destination))
		return 0;
	int r = fs_replace_file(c->dir_fd, name, text, strlen(text), 0644, false, err);
	if (r == 0)
		r = give(c, name, uids, gids, err);
	struct spec_mount *list = pool_alloc(pool, (s->n_mounts + 1) * sizeof *list);
	memcpy(list, s->mounts, s->n_mounts * sizeof *list);
	list[s->n_mounts++] = (struct spec_mount) {
		.destination = destination, .type = pool_strdup(pool, "bind"), .source = pool_printf(pool, "%s/%s", c->dir, name),
		.options = list_words(pool, "bind rprivate rw"),
	};
	s->mounts = list;
	return r;
}

static int add_caller(const struct container *c, const struct idmap *uids, const struct idmap *gids, struct runtime_spec *s, struct pool *pool,
		      struct error *err)
{
	cleanup_free char *passwd = NULL, *group = NULL, *new_passwd = NULL, *new_group = NULL;
	const char *own = c->record.users.home, *home = own && covered(s, own) ? own : s->process->cwd;
	cleanup_close int root = open(s->root->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return error_set(err, errno, "open the rootfs '%s'", s->root->path);
	int r = bundle_read_etc(root, "etc/passwd", &passwd, err);
	if (r == 0)
		r = bundle_read_etc(root, "etc/group", &group, err);
	if (r < 0 || !users_passwd(&c->record, passwd, group, home, &new_passwd, &new_group))
		return r;
	r = add_file(c, "passwd", new_passwd, uids, gids, s, pool, err);
	return r < 0 ? r : add_file(c, "group", new_group, uids, gids, s, pool, err);
}

int users_files(const struct container *c, struct runtime_spec *s, struct pool *pool, struct error *err)
{
	static const char *const own[] = { "hosts", "hostname", "resolv.conf", "passwd", "group" };
	struct idmap uids cleanup_idmap = { 0 }, gids cleanup_idmap = { 0 };
	if (!users_mapped(&c->record))
		return 0;
	int r = users_maps(&c->record, &uids, &gids, err);
	for (size_t i = 0; r == 0 && i < sizeof own / sizeof *own; i++)
		if (faccessat(c->dir_fd, own[i], F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			r = give(c, own[i], &uids, &gids, err);
	return r < 0 || !c->record.users.user || c->record.process.no_passwd ? r : add_caller(c, &uids, &gids, s, pool, err);
}
