#include "mount_stage.h"
#include "../image/copy.h"
#include "../image/mapped.h"
#include "../image/overlayfs.h"
#include "../image/walk.h"
#include "../volume/fill.h"
#include "../volume/secret_store.h"
#include "cleanup.h"
#include "drivers.h"
#include "fs.h"
#include "lists.h"
#include "log.h"
#include "rootfs.h"
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

/* ---- where things are ---- */

static bool has_overlay(const struct record_mount *m) { return m->overlay || str_eq(m->type, "image"); }

static bool has_stage(const struct record *r)
{
	for (size_t i = 0; i < r->n_mounts; i++)
		if (has_overlay(&r->mounts[i]) || r->mounts[i].subpath || mount_is_shared(&r->mounts[i]))
			return true;
	return r->files.n_secrets > 0;
}

static bool has_env_secrets(const struct record *r)
{
	for (size_t i = 0; i < r->files.n_secrets; i++)
		if (r->files.secrets[i].env)
			return true;
	return false;
}

static bool is_below_secrets(const struct record_secret *s) { return !s->env && str_starts(s->target, "/run/secrets/"); }

/* whole_source - of what a subpath is a part, or all there is */
static char *whole_source(const struct container *c, size_t i)
{
	const struct record_mount *m = &c->record.mounts[i];
	return has_overlay(m) || mount_is_shared(m) ? xasprintf("%s/mounts/%zu%s", c->dir, i, has_overlay(m) ? "" : ".shared") : xstrdup(m->source);
}

/* ---- config.json ---- */

static int set_idmap(const struct container *c, const struct record_mount *m, struct spec_mount *ret, struct pool *pool, struct error *err)
{
	struct idmap uids cleanup_idmap = { 0 }, gids cleanup_idmap = { 0 };
	int r = m->idmap ? users_mount_maps(&c->record, m, &uids, &gids, err) : 0;
	if (r < 0 || !m->idmap)
		return r;
	ret->uid_mappings = users_mappings(&uids, pool, &ret->n_uid_mappings);
	ret->gid_mappings = users_mappings(&gids, pool, &ret->n_gid_mappings);
	return 0;
}

static int one_mount(const struct container *c, size_t i, struct spec_mount *ret, struct pool *pool, struct error *err)
{
	static const char *const fs_types[] = { "tmpfs", "devpts", NULL };
	const struct record_mount *m = &c->record.mounts[i];
	cleanup_free char *source = m->source ? whole_source(c, i) : NULL;
	bool is_fs = m->fs || strings_have((char *const *) fs_types, m->type);
	*ret = (struct spec_mount) {
		.destination = pool_strdup(pool, m->destination), .type = pool_strdup(pool, m->fs ? m->fs : is_fs ? m->type : "bind"),
		.options = list_copy(pool, m->options, NULL),
		.source = m->subpath ? pool_printf(pool, "%s/mounts/%zu.part", c->dir, i) : source ? pool_strdup(pool, source) : NULL,
	};
	if (str_eq(m->type, "image"))
		ret->options = list_copy(pool, ret->options, list_words(pool, m->writable ? "rbind rprivate" : "rbind rprivate ro"));
	return set_idmap(c, m, ret, pool, err);
}

static size_t depth(const char *path)
{
	size_t n = 0;
	for (; *path; path++)
		n += *path == '/';
	return n;
}

/* sort - parents first; those of the same depth stay in the order in which they were given. There are few. */
static void sort(struct spec_mount *list, size_t n)
{
	for (size_t i = 1; i < n; i++)
		for (size_t k = i; k > 0 && depth(list[k - 1].destination) > depth(list[k].destination); k--) {
			struct spec_mount m = list[k];
			list[k] = list[k - 1];
			list[k - 1] = m;
		}
}

size_t mounts_room(const struct record *r) { return r->n_mounts + r->files.n_secrets + 1; }

static void add_bind(struct runtime_spec *s, struct pool *pool, char *source, const char *destination)
{
	s->mounts[s->n_mounts++] = (struct spec_mount) { .destination = pool_strdup(pool, destination), .type = pool_strdup(pool, "bind"),
		.source = source, .options = list_words(pool, "bind rprivate nosuid nodev noexec ro") };
}

static void secrets_to_spec(const struct container *c, struct runtime_spec *s, struct pool *pool)
{
	const struct record_files *f = &c->record.files;
	bool below = false;
	for (size_t i = 0; i < f->n_secrets; i++) {
		below = below || is_below_secrets(&f->secrets[i]);
		if (!f->secrets[i].env && !is_below_secrets(&f->secrets[i]))
			add_bind(s, pool, pool_printf(pool, "%s/mounts/secrets/at/%zu", c->dir, i), f->secrets[i].target);
	}
	if (below)
		add_bind(s, pool, pool_printf(pool, "%s/mounts/secrets/files", c->dir), "/run/secrets");
}

int mounts_to_spec(const struct container *c, struct runtime_spec *s, struct pool *pool, struct error *err)
{
	const struct record *r = &c->record;
	for (size_t i = 0; i < r->n_mounts; i++) {
		int result = one_mount(c, i, &s->mounts[s->n_mounts], pool, err);
		if (result < 0)
			return result;
		s->n_mounts++;
	}
	secrets_to_spec(c, s, pool);
	if (r->n_mounts || r->files.n_secrets)
		sort(s->mounts, s->n_mounts);
	return 0;
}

/* unmount_last - of an earlier life under the same monitor; EINVAL: there was none */
static void unmount_last(const char *target) { (void) umount2(target, MNT_DETACH | UMOUNT_NOFOLLOW); }

/* ---- overlays ---- */

static char *stage_path(const struct container *c, size_t i, const char *what) { return xasprintf("%s/mounts/%zu%s", c->dir, i, what); }

/* fresh_dir - an empty directory that looks like @model, with these owners */
static int fresh_dir(const struct container *c, size_t i, const char *what, const char *model, const struct copy_as *as, struct error *err)
{
	cleanup_free char *path = stage_path(c, i, what);
	int r = fs_remove_tree(AT_FDCWD, path, err);
	if (r == 0 && mkdir(path, 0755) < 0)
		r = error_set(err, errno, "make '%s'", path);
	return r < 0 || !model ? r : copy_metadata_as(AT_FDCWD, model, AT_FDCWD, path, as, err);
}

/* struct overlay - the Nth mount's */
struct overlay {
	const struct container *c;
	size_t i;
	char *const *lower, *const *data;	/* drivers.h */
	const char *model;		/* what / looks like */
	struct copy_as as;		/* whose it is */
};

static int mount_overlay(void *ctx, struct error *err)
{
	const struct overlay *o = ctx;
	const struct record_mount *m = &o->c->record.mounts[o->i];
	bool writes = m->overlay || m->writable;
	cleanup_free char *root = stage_path(o->c, o->i, ".root"), *target = stage_path(o->c, o->i, "");
	cleanup_free char *upper = m->upper_dir ? xstrdup(m->upper_dir) : stage_path(o->c, o->i, ".upper");
	cleanup_free char *work = m->work_dir ? xstrdup(m->work_dir) : stage_path(o->c, o->i, ".work");
	unmount_last(target);
	int r = fresh_dir(o->c, o->i, "", NULL, NULL, err);
	if (r == 0 && writes && !m->upper_dir)
		r = fresh_dir(o->c, o->i, ".upper", o->model, &o->as, err);
	if (r == 0 && writes && !m->upper_dir)
		r = fresh_dir(o->c, o->i, ".work", NULL, NULL, err);
	if (r == 0 && !writes)
		r = fresh_dir(o->c, o->i, ".root", o->model, &o->as, err);
	if (r < 0)
		return r;
	struct strings dirs cleanup_strings = { 0 };
	if (!writes)
		strings_add(&dirs, root);	/* what / looks like; and one directory alone would be no overlay */
	for (char *const *l = o->lower; *l; l++)
		strings_add(&dirs, *l);
	const struct overlayfs overlay = { .what = "an overlay", .target = target, .lower = dirs.v, .data = o->data,
					   .upper = writes ? upper : NULL, .work = work, .flags = writes ? 0 : MS_RDONLY };
	return overlayfs_mount(&overlay, err);
}

/* mount_tree - an image as rootfs.h does it for who may not mount layers with a map of ids: a tree of its metadata over them */
static int mount_tree(struct overlay o, const struct idmap *uids, const struct idmap *gids, struct error *err)
{
	const struct record_mount *m = &o.c->record.mounts[o.i];
	const char *end = strstr(o.c->dir, "/containers/");
	cleanup_free char *store = end ? xasprintf("%.*s/store", (int) (end - o.c->dir), o.c->dir) : NULL, *tree = NULL;
	const struct mapping mapping = { .store_root = store, .image_id = m->source, .lowerdirs = m->lowerdirs, .uids = uids,
					 .gids = gids, .root_layer = o.model };
	int r = store ? mapped_tree(&mapping, &tree, err) : error_say(err, EOPNOTSUPP, "the layers are another user's");
	char *lower[] = { tree, NULL };
	o.lower = lower;
	o.data = m->lowerdirs;
	o.as = (struct copy_as) { .uids = uids, .gids = gids };
	return r < 0 ? r : mount_overlay(&o, err);
}

/* mount_mapped - an image with the container's own ids */
static int mount_mapped(struct overlay *o, struct error *err)
{
	const struct record_mount *m = &o->c->record.mounts[o->i];
	struct idmap uids cleanup_idmap = { 0 }, gids cleanup_idmap = { 0 };
	struct error why = { 0 };
	int r = users_maps(&o->c->record, &uids, &gids, err);
	if (r < 0)
		return r;
	/* elsewhere the kernel always says no. The model is one of them, so that its copy has the right owner, too */
	r = idmap_is_initial(-1) ? idmapped_during(m->lowerdirs, &uids, &gids, mount_overlay, o, &why) : -EPERM;
	if (r < 0)
		r = mount_tree(*o, &uids, &gids, &why);
	if (r == 0)
		return 0;
	log_warn("in '%s' the owners of image '%s' are not what the container takes them for: its ids cannot be mapped here: %s",
		 m->destination, m->name, why.text);
	return mount_overlay(o, err);
}

static int make_overlay(const struct container *c, size_t i, struct error *err)
{
	const struct record_mount *m = &c->record.mounts[i];
	char *source[] = { m->source, NULL };
	struct overlay o = { .c = c, .i = i, .lower = m->overlay ? source : m->lowerdirs };
	o.model = m->overlay ? m->source : rootfs_root_layer(m->lowerdirs);
	return !m->overlay && users_mapped(&c->record) ? mount_mapped(&o, err) : mount_overlay(&o, err);
}

/* ---- a part of a volume or image ---- */

static int make_part(const struct container *c, size_t i, struct error *err)
{
	const struct record_mount *m = &c->record.mounts[i];
	cleanup_free char *whole = whole_source(c, i), *target = stage_path(c, i, ".part");
	cleanup_close int whole_fd = open(whole, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (whole_fd < 0)
		return error_set(err, errno, "open '%s'", whole);
	struct stat st;
	cleanup_close int fd = fs_open_beneath(whole_fd, m->subpath, O_PATH, 0, NULL);
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_set(err, fd < 0 ? -fd : errno, "find '%s' in what is mounted on '%s'", m->subpath, m->destination);
	unmount_last(target);
	(void) fs_remove_tree(AT_FDCWD, target, NULL);
	if ((S_ISDIR(st.st_mode) ? mkdir(target, 0700) : mknod(target, S_IFREG | 0600, 0)) < 0)
		return error_set(err, errno, "make '%s'", target);
	cleanup_close int tree = open_tree(fd, "", AT_EMPTY_PATH | AT_RECURSIVE | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0 || move_mount(tree, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return error_set(err, errno, "mount '%s' of '%s'", m->subpath, whole);
	return 0;
}

/* ---- volumes and owners ---- */

static bool is_empty(const char *path)
{
	cleanup_dir DIR *d = opendir(path);
	size_t n = 0;
	while (d && n <= 2 && readdir(d))
		n++;
	return d && n == 2;	/* "." and ".." */
}

/* let_in - a new volume is its maker's. A container in whose user namespace he has no id could not write there: it is given to its root */
static int let_in(const struct container *c, const char *data, struct error *err)
{
	struct idmap uids cleanup_idmap = { 0 }, gids cleanup_idmap = { 0 };
	struct stat st;
	uint32_t uid = 0, gid = 0;
	if (!users_mapped(&c->record))
		return 0;
	int r = users_maps(&c->record, &uids, &gids, err);
	for (size_t i = 0; r == 0 && i < uids.n; i++)
		if (uids.ranges[i].host_id == 0)
			return 0;
	if (r < 0 || stat(data, &st) < 0 || st.st_uid != 0 || !is_empty(data))
		return r;
	r = users_outer(&c->record, &uid, &gid, err);
	if (r == 0 && chown(data, uid, gid) < 0)
		r = error_set(err, errno, "give '%s' to the container's root", data);
	return r;
}

static int fill(const struct container *c, const struct record_mount *m, struct error *err)
{
	if (!str_eq(m->type, "volume") || m->fs || !str_ends(m->source, "/_data"))
		return 0;
	cleanup_close int from = -1;
	/* docker does it when a container is made, and never again: what was deleted stays deleted */
	if (!c->status.started && !m->no_copy && !m->subpath) {
		cleanup_free char *path = c->record.rootfs ? xstrdup(c->record.rootfs) : xasprintf("%s/rootfs", c->dir);
		cleanup_close int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		from = root < 0 ? -1 : fs_open_beneath(root, m->destination, O_RDONLY | O_DIRECTORY, 0, NULL);
	}
	int r = volume_fill(m->source, from, err);
	return r < 0 || c->status.started ? (r < 0 ? r : 0) : let_in(c, m->source, err);
}

struct owner { uint32_t uid, gid; };

static int give(void *ctx, const struct walk_entry *e, struct error *err)
{
	const struct owner *o = ctx;
	if ((e->st.st_uid == o->uid && e->st.st_gid == o->gid) || fchownat(e->dir_fd, e->name, o->uid, o->gid, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	return error_set(err, errno, "give '%s' to %u:%u", e->path, o->uid, o->gid);
}

/* chown_all - following nothing */
static int chown_all(const struct container *c, size_t i, const struct spec_user *user, struct error *err)
{
	const struct record_mount *m = &c->record.mounts[i];
	cleanup_free char *path = m->subpath ? stage_path(c, i, ".part") : whole_source(c, i);
	struct owner o = { user->uid, user->gid };
	int mapped = users_outer(&c->record, &o.uid, &o.gid, err);
	if (mapped < 0)
		return mapped;
	cleanup_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOTDIR) {
		cleanup_close int file = open(path, O_PATH | O_CLOEXEC);
		return file < 0 || fchownat(file, "", o.uid, o.gid, AT_EMPTY_PATH) < 0 ?
			error_set(err, errno, "give '%s' to %u:%u", path, o.uid, o.gid) : 0;
	}
	if (fd < 0)
		return error_set(err, errno, "open '%s'", path);
	int r = walk_tree(fd, ".", give, &o, err);
	if (r == -EPERM || r == -EINVAL)
		(void) error_hint(err, "these files are of ids that are not the container's; leave the option U out");
	return r;
}

/* ---- secrets ---- */

static int write_secret(const struct container *c, int dir_fd, const char *name, const struct record_secret *s, const char *value, size_t len,
			struct error *err)
{
	uint32_t uid = (uint32_t) s->uid, gid = (uint32_t) s->gid;
	int mapped = users_outer(&c->record, &uid, &gid, err);
	if (mapped < 0)
		return mapped;
	cleanup_close int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : fs_write_all(fd, value, len);
	if (r == 0 && (fchown(fd, uid, gid) < 0 || fchmod(fd, s->mode) < 0))
		r = -errno;
	return r < 0 ? error_set(err, -r, "show the secret '%s'", s->name) : 0;
}

static int show_file(const struct container *c, size_t i, const char *value, size_t len, struct error *err)
{
	const struct record_secret *s = &c->record.files.secrets[i];
	const char *below = str_after(s->target, "/run/secrets/");
	cleanup_free char *dir = xasprintf("%s/mounts/secrets/%s", c->dir, below ? "files" : "at"), *number = xasprintf("%zu", i);
	cleanup_close int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_set(err, errno, "open '%s'", dir);
	const char *slash = below ? strrchr(below, '/') : NULL;
	if (!slash)
		return write_secret(c, fd, below ? below : number, s, value, len, err);
	cleanup_free char *parents = xstrndup(below, (size_t) (slash - below));
	cleanup_close int parent = fs_mkdir_beneath(fd, parents, 0755, err);
	return parent < 0 ? parent : write_secret(c, parent, slash + 1, s, value, len, err);
}

static int show_secret(const struct container *c, size_t i, struct strings *env, struct error *err)
{
	const struct record_secret *s = &c->record.files.secrets[i];
	cleanup_free char *secrets = xstrndup(c->dir, (size_t) (strstr(c->dir, "/containers/") - c->dir)), *path = NULL, *value = NULL;
	size_t len;
	path = xasprintf("%s/secrets", secrets);
	int r = secret_value(path, s->name, &value, &len, err);
	if (r < 0)
		return r;
	if (!s->env) {
		r = show_file(c, i, value, len, err);
	} else if (strlen(value) != len) {
		r = error_say(err, EINVAL, "secret '%s' holds a NUL byte: it can be a file, and no variable", s->name);
	} else {
		cleanup_free char *word = xasprintf("%s=%s", s->target, value);
		env_set(env, word);
		explicit_bzero(word, strlen(word));
	}
	explicit_bzero(value, len);
	return r;
}

/* mount_secrets - on a file system that is never written to the disk, not even as swap where the kernel lets us say so */
static int mount_secrets(const char *target, struct error *err)
{
	static const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
	if (mkdir(target, 0700) < 0 && errno != EEXIST)
		return error_set(err, errno, "make '%s'", target);
	unmount_last(target);
	if (mount("secrets", target, "tmpfs", flags, "mode=0755,noswap") < 0 && mount("secrets", target, "tmpfs", flags, "mode=0755") < 0)
		return error_set(err, errno, "mount a tmpfs for the secrets");
	for (const char *const *d = (const char *const[]) { "files", "at", NULL }; *d; d++) {
		cleanup_free char *dir = xasprintf("%s/%s", target, *d);
		if (mkdir(dir, 0755) < 0 || chmod(dir, 0755) < 0)
			return error_set(err, errno, "make '%s'", dir);
	}
	return 0;
}

static int stage_secrets(const struct container *c, struct runtime_spec *s, struct pool *pool, struct error *err)
{
	struct strings env cleanup_strings = { 0 };
	cleanup_free char *target = xasprintf("%s/mounts/secrets", c->dir);
	int r = mount_secrets(target, err);
	for (char **v = s->process->env; v && *v; v++)
		strings_add(&env, *v);
	for (size_t i = 0; r == 0 && i < c->record.files.n_secrets; i++)
		r = show_secret(c, i, &env, err);
	s->process->env = list_copy(pool, env.v, NULL);
	return r;
}

int mounts_write_config(const struct container *c, const char *text, size_t len, struct error *err)
{
	if (!has_env_secrets(&c->record))
		return fs_replace_file(c->dir_fd, "config.json", text, len, 0600, false, err);
	cleanup_free char *hidden = xasprintf("%s/mounts/secrets/config.json", c->dir), *path = xasprintf("%s/config.json", c->dir);
	unmount_last(path);
	int r = fs_replace_file(c->dir_fd, "config.json", "", 0, 0600, false, err);
	if (r == 0)
		r = fs_replace_file(AT_FDCWD, hidden, text, len, 0600, false, err);
	if (r == 0 && mount(hidden, path, NULL, MS_BIND, NULL) < 0)
		r = error_set(err, errno, "bind '%s'", path);
	return r;
}

/* ---- all ---- */

static int stage_mounts(const struct container *c, const struct spec_user *user, struct error *err)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < c->record.n_mounts; i++) {
		const struct record_mount *m = &c->record.mounts[i];
		r = fill(c, m, err);
		if (r == 0 && has_overlay(m))
			r = make_overlay(c, i, err);
		if (r == 0 && m->subpath)
			r = make_part(c, i, err);
		if (r == 0 && m->chown)
			r = chown_all(c, i, user, err);
		if (r < 0)
			return error_wrap(err, "mount on '%s'", m->destination);
	}
	return r;
}

int mounts_stage(const struct container *c, struct runtime_spec *s, struct pool *pool, struct error *err)
{
	if (!c->record.n_mounts && !c->record.files.n_secrets)
		return 0;
	cleanup_free char *dir = xasprintf("%s/mounts", c->dir);
	if (has_stage(&c->record) && mkdir(dir, 0700) < 0 && errno != EEXIST)
		return error_set(err, errno, "make '%s'", dir);
	int r = stage_mounts(c, &s->process->user, err);
	if (r == 0 && c->record.files.n_secrets)
		r = stage_secrets(c, s, pool, err);
	return r;
}

void mounts_unstage(const struct container *c)
{
	static const char *const places[] = { "config.json", "mounts/secrets" };
	if (!has_stage(&c->record))
		return;
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		cleanup_free char *path = xasprintf("%s/%s", c->dir, places[i]);
		(void) umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);	/* EINVAL: nothing is mounted there */
	}
	mounts_unshare(c);
	for (size_t i = c->record.n_mounts; i-- > 0;) {
		const struct record_mount *m = &c->record.mounts[i];
		cleanup_free char *part = stage_path(c, i, ".part"), *whole = stage_path(c, i, "");
		if (m->subpath)
			(void) umount2(part, MNT_DETACH | UMOUNT_NOFOLLOW);
		if (has_overlay(m))
			(void) umount2(whole, MNT_DETACH | UMOUNT_NOFOLLOW);
	}
}
