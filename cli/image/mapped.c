#include "mapped.h"
#include "cleanup.h"
#include "copy.h"
#include "fs.h"
#include "mem.h"
#include "merged.h"
#include "proc.h"
#include "store.h"
#include "view.h"
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>

enum { DEPTH_MAX = 250, NAME_SIZE = 96, MAPS_MAX = 1 << 16 };

struct link { dev_t dev; ino_t ino; char *path; };
struct building {
	int tree_fd;
	struct copy_as as;
	struct buf path;		/* of the directory we are in, "/etc"; empty for the root */
	int depth;
	struct link *links;		/* files with several names, under their first one */
	size_t n_links;
};

/* ---- files ---- */

/* link_again - 1: it is a second name of what is there */
static int link_again(const struct building *b, const struct stat *st, int out_fd, const char *name, struct error *err)
{
	for (size_t i = 0; st->st_nlink > 1 && i < b->n_links; i++)
		if (b->links[i].ino == st->st_ino && b->links[i].dev == st->st_dev)
			return linkat(b->tree_fd, b->links[i].path, out_fd, name, 0) < 0 ? error_set(err, errno, "link '%s'", name) : 1;
	return 0;
}

static void remember_link(struct building *b, const struct stat *st, const char *name)
{
	if (st->st_nlink < 2)
		return;
	const char *dir = b->path.len ? b->path.data + 1 : "";
	b->links = xreallocarray(b->links, b->n_links + 1, sizeof *b->links);
	b->links[b->n_links++] = (struct link) { st->st_dev, st->st_ino, xasprintf("%s%s%s", dir, *dir ? "/" : "", name) };
}

static int make_file(struct building *b, int from_fd, const struct stat *st, int out_fd, const char *name, struct error *err)
{
	int linked = link_again(b, st, out_fd, name, err);
	if (linked)
		return linked < 0 ? linked : 0;
	cleanup_close int fd = openat(out_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_set(err, errno, "create '%s'", name);
	cleanup_free char *redirect = xasprintf("%s/%s", buf_str(&b->path), name);
	if (st->st_size > 0 && (ftruncate(fd, st->st_size) < 0 || fsetxattr(fd, "user.overlay.metacopy", "", 0, 0) < 0 ||
				fsetxattr(fd, "user.overlay.redirect", redirect, strlen(redirect), 0) < 0))
		return error_set(err, errno, "say where the content of '%s' is", redirect);
	close_fd(&fd);
	int r = copy_metadata_as(from_fd, name, out_fd, name, &b->as, err);
	if (r == 0)
		remember_link(b, st, name);
	return r;
}

static int build(struct building *b, const struct merged *m, int out_fd, struct error *err);

static int make_directory(struct building *b, const struct merged *m, size_t at, int out_fd, const char *name, struct error *err)
{
	struct merged below = { 0 };
	size_t len = b->path.len;
	if (b->depth == DEPTH_MAX)
		return error_say(err, ELOOP, "'%.100s...' is more than %d directories deep", buf_str(&b->path), DEPTH_MAX);
	if (mkdirat(out_fd, name, 0700) < 0)
		return error_set(err, errno, "create '%s'", name);
	cleanup_close int fd = openat(out_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r = fd < 0 ? error_set(err, errno, "open '%s'", name) : merged_enter(m, name, at, &below, err);
	buf_printf(&b->path, "/%s", name);
	b->depth++;
	if (r == 0)
		r = build(b, &below, fd, err);
	b->depth--;
	b->path.len = len;
	b->path.data[len] = 0;
	merged_done(&below);
	return r < 0 ? r : copy_metadata_as(m->fds[at], name, out_fd, name, &b->as, err);	/* last, for its times */
}

static int build(struct building *b, const struct merged *m, int out_fd, struct error *err)
{
	struct strings names cleanup_strings = { 0 };
	int r = merged_names(m, &names, err);
	merged_sort(&names);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		struct stat st;
		size_t at;
		const char *name = names.v[i];
		if (i > 0 && strcmp(name, names.v[i - 1]) == 0)
			continue;
		int found = merged_look(m, name, &st, &at);
		if (found == -ENOENT)
			continue;
		if (found < 0)
			return error_set(err, -found, "look at '%s/%s'", buf_str(&b->path), name);
		if (S_ISDIR(st.st_mode))
			r = make_directory(b, m, at, out_fd, name, err);
		else if (S_ISREG(st.st_mode))
			r = make_file(b, m->fds[at], &st, out_fd, name, err);
		else
			r = copy_entry_as(m->fds[at], name, out_fd, name, &b->as, err);
	}
	return r;
}

/* ---- the tree ---- */

static int build_tree(const struct mapping *m, int dir_fd, struct error *err)
{
	struct building b = { .tree_fd = -1, .as = { .uids = m->uids, .gids = m->gids } };
	struct merged top = { xcalloc(strings_count(m->lowerdirs) + 1, sizeof(int)), 0 };
	int r = 0;
	if (mkdirat(dir_fd, "tree", 0755) < 0)
		r = error_set(err, errno, "create a directory in the store");
	cleanup_close int tree = r < 0 ? -1 : openat(dir_fd, "tree", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	for (char *const *l = m->lowerdirs; r == 0 && *l; l++) {
		int fd = open(*l, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			r = error_set(err, errno, "open layer '%s'", *l);
		else
			top.fds[top.n++] = fd;
	}
	b.tree_fd = tree;
	if (r == 0)
		r = build(&b, &top, tree, err);
	if (r == 0)
		r = copy_metadata_as(AT_FDCWD, m->root_layer, dir_fd, "tree", &b.as, err);
	for (size_t i = 0; i < b.n_links; i++)
		free(b.links[i].path);
	free(b.links);
	buf_done(&b.path);
	merged_done(&top);
	return r;
}

static int make(const struct mapping *m, const struct store *s, const char *name, const char *maps, struct error *err)
{
	char path[64];
	cleanup_close int hold = store_hold(s, err);	/* or what we make would be swept from tmp/ */
	if (hold < 0)
		return hold;
	snprintf(path, sizeof path, "tmp/mapped-%d", (int) getpid());
	int r = fs_remove_tree(s->fd, path, err);	/* of a process that was killed, and had our number */
	if (r == 0)
		r = fs_mkdir_all(s->fd, path, 0755, err);
	cleanup_close int fd = r < 0 ? -1 : openat(s->fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return r < 0 ? r : error_set(err, errno, "open '%s/%s'", s->root, path);
	r = build_tree(m, fd, err);
	if (r == 0)
		r = fs_replace_file(fd, "maps", maps, strlen(maps), 0600, false, err);
	if (r == 0)
		r = fs_replace_file(fd, "boot", proc_boot_id(), strlen(proc_boot_id()), 0600, false, err);
	if (r == 0)
		r = store_put_mapped(s, s->fd, path, name, err);
	(void) fs_remove_tree(s->fd, path, NULL);
	return r < 0 ? error_wrap(err, "make a tree of the image with the container's owners") : 0;
}

/* ---- its name ---- */

static char *maps_text(const struct mapping *m)
{
	struct buf b = { 0 };
	const struct idmap *both[] = { m->uids, m->gids };
	for (size_t i = 0; i < 2; i++)
		for (size_t k = 0; k < both[i]->n; k++) {
			const struct id_range *r = &both[i]->ranges[k];
			buf_printf(&b, "%c %u %u %u\n", i ? 'g' : 'u', r->container_id, r->host_id, r->size);
		}
	return buf_take(&b);
}

/* name_of - FNV-1a: carrier links no library for a better hash, and the file `maps` says whether it is the right one */
static void name_of(const char *image_id, const char *maps, char out[NAME_SIZE])
{
	uint64_t h = UINT64_C(14695981039346656037);
	for (; *maps; maps++)
		h = (h ^ (unsigned char) *maps) * UINT64_C(1099511628211);
	snprintf(out, NAME_SIZE, "%.64s-%016llx", digest_hex(image_id), (unsigned long long) h);
}

static int check_maps(const struct store *s, const char *name, const char *maps, struct error *err)
{
	cleanup_free char *text = NULL, *path = xasprintf("mapped/%s/maps", name);
	int r = fs_read_file(s->fd, path, MAPS_MAX, &text, NULL, err);
	return r < 0 ? r : strcmp(text, maps) == 0 ? 0 : error_say(err, EOPNOTSUPP, "'%s/%s' is of other ids", s->root, path);
}

int mapped_tree(const struct mapping *m, char **ret, struct error *err)
{
	char name[NAME_SIZE];
	if (!m->image_id)
		return error_say(err, EOPNOTSUPP, "the container has no image whose owners could be changed");
	cleanup_free char *maps = maps_text(m);
	cleanup_close int fd = open(m->store_root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_set(err, errno, "open '%s'", m->store_root);
	const struct store s = { .root = (char *) (uintptr_t) m->store_root, .fd = fd };
	name_of(m->image_id, maps, name);
	int r = store_has_mapped(&s, name) ? 0 : make(m, &s, name, maps, err);
	if (r == 0)
		r = check_maps(&s, name, maps, err);
	if (r == 0)
		*ret = xasprintf("%s/mapped/%s/tree", m->store_root, name);
	return r;
}
