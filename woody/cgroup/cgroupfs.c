/* The managers: cgroupfs, which makes the directories itself; disabled, which makes none. */
#include "cleanup.h"
#include "driver.h"
#include "fs.h"
#include "log.h"
#include "str.h"
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { REMOVE_WAIT_US = 2000000 };

/* ---- where ---- */

/* default_parent - what stands for a missing linux.cgroupsPath, before "/ID": nothing, directly below the mount point, for
 * who may write there. A service or a session that starts containers must not have them counted, limited and killed as
 * itself. Others can make cgroups below their own, if anywhere. */
static const char *default_parent(const struct hierarchy *h, bool privileged)
{
	if (privileged || !h->own || faccessat(AT_FDCWD, h->mount, W_OK, AT_EACCESS) == 0)
		return "";
	const char *below = layout_below_mount(h->root, h->own);
	return below ? below : "";
}

/* place - @h becomes the layout's hierarchy; @named: with the container's directory in it */
static void place(struct cgroup *c, struct hierarchy *h, const struct layout_hierarchy *l, const struct cgroup_config *config,
		  enum layout_care care, bool named)
{
	*h = (struct hierarchy) {
		.name = pool_strdup(&c->pool, l->name), .mount = pool_strdup(&c->pool, l->mount),
		.root = pool_strdup(&c->pool, l->root), .own = l->own ? pool_strdup(&c->pool, l->own) : NULL,
		.dir_fd = -1, .join_fd = -1,
	};
	if (!named)
		return;
	if (!str_empty(config->path)) {
		cleanup_free char *path = fs_clean_path(config->path);
		h->dir = pool_printf(&c->pool, "%s%s", h->mount, path);
		return;
	}
	/* only a shortcut: who asks exactly comes to the same, and may not know any more whether we were rootless */
	bool privileged = care == LAYOUT_GUESSED;
	h->dir = pool_printf(&c->pool, "%s%s/%s", h->mount, default_parent(h, privileged), config->id);
}

static int check_path(const struct cgroup_config *config, struct error *err)
{
	cleanup_free char *path = str_empty(config->path) ? NULL : fs_clean_path(config->path);
	if (path && strcmp(path, "/") == 0)
		return error_say(err, EINVAL, "linux.cgroupsPath '%s' names the root of all cgroups: give the container one of its own",
				 config->path);
	return 0;
}

/* fill - the list of hierarchies */
static int fill(struct cgroup *c, const struct cgroup_config *config, enum layout_care care, bool named, struct error *err)
{
	struct layout l cleanup_layout = { 0 };
	int r = check_path(config, err);
	if (r < 0)
		return r;
	if (care == LAYOUT_GUESSED && (config->rootless || geteuid() != 0))
		care = LAYOUT_LISTED;	/* our own cgroups matter, so do the mounts' roots */
	c->unverified = care != LAYOUT_VERIFIED;
	r = layout_read(care, &l, err);
	if (r < 0)
		return r;

	c->version = l.kind == CGROUP_LAYOUT_V2 ? &version_v2 : &version_v1;
	c->h = pool_alloc(&c->pool, (l.n + 1) * sizeof *c->h);
	for (size_t i = 0; i < l.n; i++)
		place(c, &c->h[c->n++], &l.v[i], config, care, named);
	return 0;
}

static int cgroupfs_locate(struct cgroup *c, const struct cgroup_config *config, bool exact, struct error *err)
{
	return fill(c, config, exact ? LAYOUT_VERIFIED : LAYOUT_GUESSED, true, err);
}

/* ---- making ---- */

static bool is_nested(const struct hierarchy *h)
{
	return strchr(h->dir + strlen(h->mount) + 1, '/') != NULL;
}

/* make_parents - mkdir -p between the mount and the last name; -ENOENT when the mount itself is not there */
static int make_parents(struct hierarchy *h)
{
	cleanup_free char *path = xstrdup(h->dir);
	size_t mount = strlen(h->mount);
	for (char *p = path + mount + 1; (p = strchr(p, '/')); p++) {
		*p = 0;
		if (mkdir(path, 0755) == 0)
			h->made++;
		else if (errno != EEXIST)
			return -errno;
		*p = '/';
	}
	return 0;
}

/* make_dir - 0, or -errno; h->made and h->existed say what happened */
static int make_dir(struct hierarchy *h)
{
	for (int attempt = 0; attempt < 10; attempt++) {	/* another delete may take the parent away again */
		if (mkdir(h->dir, 0755) == 0) {
			h->made++;
			return 0;
		}
		h->existed = errno == EEXIST;
		if (h->existed)
			return 0;
		if (errno != ENOENT)
			return -errno;
		int r = is_nested(h) ? make_parents(h) : -ENOENT;
		if (r < 0)
			return r;
	}
	return -ENOENT;
}

/* unmake - exactly what make_dir() made, the last first */
static void unmake(struct hierarchy *h)
{
	close_fd(&h->join_fd);
	close_fd(&h->dir_fd);
	cleanup_free char *path = h->made ? xstrdup(h->dir) : NULL;
	for (; h->made; h->made--) {
		(void) rmdir(path);	/* a parent may have got another child meanwhile: it stays */
		*strrchr(path, '/') = 0;
	}
}

/* open_checked - what is joined later can be opened, and is a cgroup at all, not a directory on the
 * tmpfs around the hierarchies, which a wrong guess finds */
static int open_checked(const struct cgroup *c, struct hierarchy *h)
{
	int r = cgroup_open_join(h);
	if (r == 0 && c->unverified && *h->name == 0 && fs_is_type(h->join_fd, CGROUP2_SUPER_MAGIC) <= 0)
		r = -ENOENT;
	return r;
}

/* relocate - @h is not where we thought: the kernel's list is read after all. It may be nowhere: a hierarchy that lives on
 * without a mount is in /proc/self/cgroup, too. Return: 1 when it is elsewhere, 0 when nowhere. */
static int relocate(struct cgroup *c, struct hierarchy *h, const struct cgroup_config *config, struct error *err)
{
	unmake(h);
	if (!c->listed) {
		struct layout l = { 0 };
		int r = layout_read(LAYOUT_LISTED, &l, err);
		if (r < 0)
			return r;
		c->listed = pool_alloc(&c->pool, sizeof l);
		*c->listed = l;
	}
	c->misplaced = (c->listed->kind == CGROUP_LAYOUT_V2) != (c->version == &version_v2);
	if (c->misplaced)
		return error_set(err, ENOENT, "make cgroup '%s'", h->dir);
	for (size_t i = 0; i < c->listed->n; i++) {
		const struct layout_hierarchy *l = &c->listed->v[i];
		if (strcmp(l->name, h->name) == 0 && layout_is_reachable(l)) {
			place(c, h, l, config, LAYOUT_LISTED, true);
			return 1;
		}
	}
	h->dir = h->mount = NULL;
	return 0;
}

static int make_one(struct cgroup *c, struct hierarchy *h, const struct cgroup_config *config, struct error *err)
{
	int r = make_dir(h);
	if (r == 0)
		r = open_checked(c, h);
	if (c->unverified && (r == -ENOENT || r == -ENOTDIR)) {
		r = relocate(c, h, config, err);
		if (r <= 0)
			return r;
		r = make_dir(h);
		if (r == 0)
			r = cgroup_open_join(h);
	}
	if (config->rootless && (r == -EACCES || r == -EPERM || r == -EROFS)) {
		unmake(h);
		h->denied = -r;
		h->wanted = h->dir;
		h->dir = NULL;	/* the container stays in the cgroup that we are in */
		return 0;
	}
	if (r < 0)
		return error_set(err, -r, "make cgroup '%s'", h->dir);
	return h->existed || is_nested(h) ? tree_check_unused(h, err) : 0;
}

static void tell_denied(const struct cgroup *c, bool path_given)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct hierarchy *h = &c->h[i];
		if (!h->denied)
			continue;
		if (path_given)	/* once is enough */
			log_warn("linux.cgroupsPath cannot be used: make cgroup '%s': %s", h->wanted, strerror(h->denied));
		else
			log_debug("no cgroup of its own for the container: make '%s': %s", h->wanted, strerror(h->denied));
		path_given = false;
	}
}

static int cgroupfs_make(struct cgroup *c, const struct cgroup_config *config, struct error *err)
{
	static const struct spec_resources none;
	const struct spec_resources *resources = config->resources ? config->resources : &none;
	struct limits limits cleanup_limits = { 0 };
	int r = c->version->plan(resources, false, &limits, err);
	for (size_t i = 0; r == 0 && i < c->n; i++)
		r = make_one(c, &c->h[i], config, err);
	if (r == 0)
		r = c->version->prepare(c, resources, err);
	if (r == 0)
		r = limits_apply(c, &limits, err);
	if (r == 0)
		r = c->version->devices(c, resources, false, config->rootless, err);
	if (r == 0)
		tell_denied(c, !str_empty(config->path));
	for (size_t i = 0; r < 0 && i < c->n; i++)
		unmake(&c->h[i]);
	return r;
}

/* ---- removing ---- */

/* still_there - for the error: who keeps it busy */
static int still_there(const char *dir, int code, struct error *err)
{
	cleanup_free pid_t *pids = NULL;
	ssize_t n = tree_procs(dir, &pids);
	int r = error_set(err, code, "remove cgroup '%s'", dir);
	if (n == 1)
		return error_hint(err, "process %d is still in it", pids[0]);
	return n > 1 ? error_hint(err, "%zd processes are still in it, one is %d", n, pids[0]) : r;
}

/* remove_dirs - one attempt at all that are left; 0: nothing is left. -EBUSY: try again. */
static int remove_dirs(struct cgroup *c, const char **left, int *code)
{
	*left = NULL;
	for (size_t i = 0; i < c->n; i++) {
		struct hierarchy *h = &c->h[i];
		if (!h->dir || (c->created && !h->made))
			continue;
		int r = tree_remove(h->dir);
		if (r < 0) {
			*left = h->dir;
			*code = -r;
			continue;
		}
		if (h->made > 1)
			unmake(h);	/* the parents */
		h->dir = NULL;
	}
	return *left ? -*code : 0;
}

static int cgroupfs_remove(struct cgroup *c, struct error *err)
{
	const char *left;
	int code = 0;
	for (long waited_us = 0, step_us = 50; remove_dirs(c, &left, &code) < 0; waited_us += step_us) {
		if (code != EBUSY || waited_us >= REMOVE_WAIT_US)
			return still_there(left, code, err);
		if (step_us < 5000)
			step_us *= 2;
		(void) nanosleep(&(struct timespec) { .tv_nsec = step_us * 1000 }, NULL);
	}
	return 0;
}

const struct cgroup_manager manager_cgroupfs = { "cgroupfs", cgroupfs_locate, cgroupfs_make, cgroupfs_remove };

/* ---- disabled ---- */

static int disabled_locate(struct cgroup *c, const struct cgroup_config *config, bool exact, struct error *err)
{
	(void) exact;
	return fill(c, config, LAYOUT_LISTED, false, err);	/* for what is mounted at /sys/fs/cgroup */
}

static int disabled_make(struct cgroup *c, const struct cgroup_config *config, struct error *err)
{
	struct limits limits cleanup_limits = { 0 };
	int r = config->resources ? c->version->plan(config->resources, false, &limits, err) : 0;
	if (r == 0 && limits.n)
		log_warn("linux.resources.%s is not enforced: cgroups are disabled by --cgroup-manager", limits.v[0].member);
	return r;
}

static int disabled_remove(struct cgroup *c, struct error *err)
{
	(void) c;
	(void) err;
	return 0;
}

const struct cgroup_manager manager_disabled = { "disabled", disabled_locate, disabled_make, disabled_remove };
