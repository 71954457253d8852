/* The public functions that are the same for every manager and version: the container's hierarchies as a list, the
 * record of it, joining. */
#include "cgroup.h"
#include "cleanup.h"
#include "driver.h"
#include "fs.h"
#include "idmap.h"
#include "str.h"
#include <fcntl.h>
#include <string.h>

#define T struct cgroup_record
const struct json_type cgroup_record_type = JSON_TYPE(T, JSON_FIELD(T, manager, "manager"), JSON_FIELD(T, paths, "paths"),
	JSON_FIELD(T, scope, "scope"));
#undef T

static const struct cgroup_manager *const managers[] = { &manager_cgroupfs, &manager_disabled, &manager_systemd };

static int find_manager(const char *name, const struct cgroup_manager **ret, struct error *err)
{
	for (size_t i = 0; i < sizeof managers / sizeof *managers; i++)
		if (str_eq(managers[i]->name, name)) {
			*ret = managers[i];
			return 0;
		}
	return error_say(err, EINVAL, "unknown cgroup manager '%s': cgroupfs, systemd or disabled", name ? name : "");
}

static struct cgroup *cgroup_new(const struct cgroup_manager *manager)
{
	struct cgroup *c = xcalloc(1, sizeof *c);
	c->manager = manager;
	c->version = &version_v1;
	return c;
}

void cgroup_free(struct cgroup *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n; i++) {
		close_fd(&c->h[i].dir_fd);
		close_fd(&c->h[i].join_fd);
	}
	if (c->listed)
		layout_done(c->listed);
	pool_done(&c->pool);
	free(c);
}

static void cgroup_freep(struct cgroup **c) { cgroup_free(*c); }
#define cleanup_cgroup CLEANUP(cgroup_freep)

/* ---- hierarchies ---- */

struct hierarchy *cgroup_for(struct cgroup *c, const char *controller)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->h[i].dir && layout_has(c->h[i].name, c->version == &version_v2 ? "" : controller))
			return &c->h[i];
	return NULL;
}

const char *cgroup_dir(const struct cgroup *c, const char *controller)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->h[i].dir && layout_has(c->h[i].name, controller))
			return c->h[i].dir;
	return NULL;
}

int hierarchy_fd(struct hierarchy *h, struct error *err)
{
	if (h->dir_fd < 0)
		h->dir_fd = open(h->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return h->dir_fd < 0 ? error_set(err, errno, "open cgroup '%s'", h->dir) : h->dir_fd;
}

/* ---- making and loading ---- */

static int locate(const struct cgroup_config *config, bool exact, struct cgroup **ret, struct error *err)
{
	const struct cgroup_manager *manager;
	int r = find_manager(config->manager, &manager, err);
	if (r < 0)
		return r;
	cleanup_cgroup struct cgroup *c = cgroup_new(manager);
	r = manager->locate(c, config, exact, err);
	if (r < 0)
		return r;
	*ret = take_ptr(c);
	return 0;
}

/* fill_paths - what the record says; once, as cgroup_to_record() lends it */
static void fill_paths(struct cgroup *c)
{
	c->paths.pairs = pool_alloc(&c->pool, (c->n + 1) * sizeof *c->paths.pairs);
	for (size_t i = 0; i < c->n; i++)
		if (c->h[i].dir)
			c->paths.pairs[c->paths.n++] = (struct json_pair) { (char *) c->h[i].name, (char *) c->h[i].dir };
}

int cgroup_create(const struct cgroup_config *config, struct cgroup **ret, struct error *err)
{
	cleanup_cgroup struct cgroup *c = NULL;
	int r = locate(config, false, &c, err);
	if (r == 0)
		r = c->manager->make(c, config, err);
	if (r < 0 && c && c->misplaced) {	/* mounted elsewhere */
		cgroup_free(take_ptr(c));
		r = locate(config, true, &c, err);
		if (r == 0)
			r = c->manager->make(c, config, err);
	}
	if (r < 0)
		return r;
	c->created = true;
	fill_paths(c);
	*ret = take_ptr(c);
	return 0;
}

bool cgroup_needs_process(const struct cgroup *c)
{
	return c->manager->adopt != NULL;
}

int cgroup_adopt(struct cgroup *c, pid_t pid, struct error *err)
{
	int r = c->manager->adopt(c, pid, err);
	c->paths.n = 0;
	fill_paths(c);
	return r;
}

int cgroup_locate(const struct cgroup_config *config, struct cgroup **ret, struct error *err)
{
	return locate(config, true, ret, err);
}

void cgroup_to_record(const struct cgroup *c, struct cgroup_record *ret)
{
	*ret = (struct cgroup_record) { .manager = (char *) c->manager->name, .paths = c->paths, .scope = (char *) c->scope };
}

int cgroup_load(const struct cgroup_record *record, struct cgroup **ret, struct error *err)
{
	const struct cgroup_manager *manager;
	/* a container whose creation was cut short has no manager on record, and no cgroup that we know of */
	int r = find_manager(record->manager ? record->manager : "disabled", &manager, err);
	if (r < 0)
		return r;
	cleanup_cgroup struct cgroup *c = cgroup_new(manager);
	c->scope = record->scope ? pool_strdup(&c->pool, record->scope) : NULL;
	c->h = pool_alloc(&c->pool, (record->paths.n + 1) * sizeof *c->h);
	for (size_t i = 0; i < record->paths.n; i++) {
		const struct json_pair *p = &record->paths.pairs[i];
		if (p->value[0] != '/' || strstr(p->value, "/.."))
			return error_say(err, EINVAL, "cgroup '%s' of the record is not an absolute path", p->value);
		c->h[c->n++] = (struct hierarchy) { .name = pool_strdup(&c->pool, p->key), .dir = pool_strdup(&c->pool, p->value),
						    .dir_fd = -1, .join_fd = -1 };
	}
	if (c->n == 1 && c->h[0].name[0] == 0)
		c->version = &version_v2;
	fill_paths(c);
	*ret = take_ptr(c);
	return 0;
}

/* update_devices - v1 takes one rule at a time, so nothing may run meanwhile; v2 replaces all of them at once */
static int update_devices(struct cgroup *c, const struct spec_resources *resources, struct error *err)
{
	bool forgiving = geteuid() != 0 || !idmap_is_initial(-1);
	if (c->version == &version_v2)
		return c->version->devices(c, resources, true, forgiving, err);
	bool frozen = cgroup_frozen(c) == 1;
	int r = frozen ? 0 : cgroup_freeze(c, true, err);
	if (r < 0)
		return error_wrap(err, "set device rules");
	r = c->version->devices(c, resources, true, forgiving, err);
	int thawed = frozen ? 0 : cgroup_freeze(c, false, r < 0 ? NULL : err);
	return r < 0 ? r : thawed;
}

/* complete - v2 limits swap alone, so a limit on memory+swap needs to know that on memory, which stays when it is not given */
static void complete(struct cgroup *c, struct spec_memory *m, int64_t *limit)
{
	bool both = m->limit && *m->limit;
	if (c->version == &version_v2 && m->swap && *m->swap > 0 && !both && v2_memory_limit(c, limit) == 0)
		m->limit = limit;
}

int cgroup_update(struct cgroup *c, const struct spec_resources *given, struct error *err)
{
	struct limits limits cleanup_limits = { 0 }, undo cleanup_limits = { 0 };
	struct strings former cleanup_strings = { 0 };
	struct spec_resources resources = *given;
	struct spec_memory memory;
	int64_t limit;
	int r = 0;
	if (given->memory) {
		memory = *given->memory;
		resources.memory = &memory;
		complete(c, &memory, &limit);
		if (c->version == &version_v2 && memory.check_before_update && *memory.check_before_update)
			r = v2_check_usage(c, &memory, err);
	}
	if (r == 0)
		r = c->version->plan(&resources, true, &limits, err);
	if (r == 0 && limits.n && c->n == 0)
		return error_say(err, EOPNOTSUPP, "linux.resources.%s: the container has no cgroup, so it cannot be limited (it was made "
				 "without permission for cgroups, or with --cgroup-manager disabled)", limits.v[0].member);
	if (r == 0)
		limits_remember(c, &limits, &undo);
	if (r == 0 && c->manager->update)
		r = c->manager->update(c, &resources, &former, err);
	if (r == 0)
		r = limits_apply(c, &limits, err);
	if (r == 0 && resources.n_devices)
		r = update_devices(c, &resources, err);
	if (r < 0 && c->manager->revert)
		c->manager->revert(c, &former);
	if (r < 0)
		limits_revert(c, &undo);
	return r;
}

int cgroup_remove(struct cgroup *c, struct error *err)
{
	return c->manager->remove(c, err);
}

/* ---- entering ---- */

int cgroup_open_join(struct hierarchy *h)
{
	cleanup_free char *path = *h->name ? xasprintf("%s/tasks", h->dir) : NULL;
	h->join_fd = path ? open(path, O_WRONLY | O_CLOEXEC) : open(h->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return h->join_fd < 0 ? -errno : 0;
}

int cgroup_prepare_join(struct cgroup *c, struct error *err)
{
	for (size_t i = 0; i < c->n; i++) {
		struct hierarchy *h = &c->h[i];
		int r = h->dir && h->join_fd < 0 ? cgroup_open_join(h) : 0;
		if (r < 0)
			return error_set(err, -r, "open cgroup '%s'", h->dir);
	}
	return 0;
}

int cgroup_fork_fd(const struct cgroup *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (*c->h[i].name == 0)
			return c->h[i].join_fd;
	return -1;
}

static int explain_join(const struct hierarchy *h, pid_t pid, int code, struct error *err)
{
	/* lower case: callers match it */
	int r = code == EBUSY ? error_say(err, EBUSY, "error adding pid %d to cgroups: write %s/cgroup.procs: device or resource busy: "
					  "it has handed controllers down to those below it (cgroup.subtree_control)", pid, h->dir)
			      : error_set(err, code, "enter cgroup '%s'", h->dir);
	if (code == ENOSPC && layout_has(h->name, "cpuset"))
		return error_hint(err, "its cpuset.cpus or cpuset.mems is empty");
	if (code == EINVAL && layout_has(h->name, "cpu"))
		return error_hint(err, "a realtime process needs linux.resources.cpu.realtimeRuntime");
	return r;
}

int cgroup_join(struct cgroup *c, struct error *err)
{
	/* adopted, but only our parent knows where that is; for cgroup_mounts() */
	if (c->created && c->manager->find && c->version != &version_v2)
		return c->manager->find(c, 0, err);
	for (size_t i = 0; i < c->n; i++) {
		struct hierarchy *h = &c->h[i];
		if (h->join_fd >= 0 && *h->name && write(h->join_fd, "0", 1) < 0)
			return explain_join(h, getpid(), errno, err);
		close_fd(&h->join_fd);
		close_fd(&h->dir_fd);
	}
	return 0;
}

void cgroup_joined(struct cgroup *c)
{
	for (size_t i = 0; i < c->n; i++)
		close_fd(&c->h[i].join_fd);
}

int cgroup_move(const struct cgroup *c, pid_t pid, struct error *err)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct hierarchy *h = &c->h[i];
		if (!h->dir)
			continue;
		cleanup_free char *path = xasprintf("%s/cgroup.procs", h->dir);
		cleanup_close int fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd >= 0 && dprintf(fd, "%d", pid) >= 0)
			continue;
		if (c->manager->attach && (errno == EACCES || errno == EPERM))
			return c->manager->attach(c, pid, err);
		return explain_join(h, pid, errno, err);
	}
	return 0;
}

int cgroup_follow(struct cgroup *c, pid_t pid, struct error *err)
{
	struct layout own cleanup_layout = { 0 }, its cleanup_layout = { 0 };
	struct hierarchy *h = cgroup_for(c, "");
	char path[32];
	cleanup_free char *text = NULL;
	snprintf(path, sizeof path, "/proc/%d/cgroup", pid);
	int r = fs_read_file(AT_FDCWD, path, 65536, &text, NULL, err);
	if (r == 0)
		r = layout_read(LAYOUT_LISTED, &own, err);
	if (r < 0)
		return r;
	layout_guess(text, &its);
	for (size_t i = 0; h && i < its.n; i++)
		for (size_t k = 0; k < own.n; k++) {
			const char *below = layout_below_mount(own.v[k].root, its.v[i].own);
			if (*its.v[i].name || *own.v[k].name || !below)
				continue;
			close_fd(&h->dir_fd);
			close_fd(&h->join_fd);
			h->dir = pool_printf(&c->pool, "%s%s", own.v[k].mount, below);
			return 0;
		}
	return error_say(err, ENOENT, "the cgroup of process %d cannot be reached", pid);
}

/* ---- exec --cgroup ---- */

static bool has_dotdot(const char *path)
{
	for (const char *p = path; (p = strstr(p, "..")); p += 2)
		if ((p == path || p[-1] == '/') && (p[2] == '/' || p[2] == 0))
			return true;
	return false;
}

/* enter_sub - @h's directory becomes @path below it. -ENOENT without @err when that does not exist. */
static int enter_sub(struct cgroup *c, struct hierarchy *h, const char *path, struct error *err)
{
	path += strspn(path, "/");
	if (*path == 0)
		return 0;
	const char *dir = pool_printf(&c->pool, "%s/%s", h->dir, path);
	if (access(dir, F_OK) < 0)
		return errno == ENOENT ? -ENOENT : error_set(err, errno, "error adding pid to cgroup '%s'", dir);
	h->dir = dir;
	return 0;
}

static int no_sub(const char *dir, const char *path, struct error *err)
{
	/* lower case: callers match it */
	return error_say(err, ENOENT, "error adding pid to cgroup '%s/%s': no such file or directory", dir, path + strspn(path, "/"));
}

static int sub_of_controllers(struct cgroup *c, const char *names, const char *path, struct error *err)
{
	struct strings list cleanup_strings = { 0 };
	strings_split(&list, names, ",");
	for (size_t i = 0; i < list.n; i++) {
		struct hierarchy *h = NULL;
		for (size_t k = 0; k < c->n; k++)
			if (c->h[k].dir && *c->h[k].name && (layout_has(c->h[k].name, list.v[i]) ||
							    str_eq(str_after(c->h[k].name, "name="), list.v[i])))
				h = &c->h[k];
		if (!h)
			return error_say(err, EINVAL, "unknown controller %s in --cgroup '%s:%s'", list.v[i], names, path);
		const char *dir = h->dir;
		int r = enter_sub(c, h, path, err);
		if (r == -ENOENT)
			return no_sub(dir, path, err);
		if (r < 0)
			return r;
	}
	return list.n ? 0 : error_say(err, EINVAL, "--cgroup '%s:%s' names no controller before the colon", names, path);
}

static int sub_of_all(struct cgroup *c, const char *path, struct error *err)
{
	size_t found = 0;
	for (size_t k = 0; k < c->n; k++) {
		int r = c->h[k].dir ? enter_sub(c, &c->h[k], path, err) : -ENOENT;
		if (r < 0 && r != -ENOENT)
			return r;
		found += r == 0;
	}
	return found || c->n == 0 ? 0 : no_sub(c->h[0].dir, path, err);
}

int cgroup_sub(const struct cgroup *c, char *const *specs, struct cgroup **ret, struct error *err)
{
	struct cgroup_record record;
	cgroup_to_record(c, &record);
	cleanup_cgroup struct cgroup *sub = NULL;
	int r = cgroup_load(&record, &sub, err);
	for (; r == 0 && specs && *specs; specs++) {
		const char *colon = strchr(*specs, ':');
		const char *path = colon ? colon + 1 : *specs;
		if (has_dotdot(path))
			return error_say(err, EINVAL, "bad sub cgroup path '%s': `..` components are not allowed", path);
		cleanup_free char *names = colon ? xstrndup(*specs, (size_t) (colon - *specs)) : NULL;
		r = names ? sub_of_controllers(sub, names, path, err) : sub_of_all(sub, path, err);
	}
	if (r < 0)
		return r;
	*ret = take_ptr(sub);
	return 0;
}

/* ---- what is shown inside ---- */

size_t cgroup_mounts(const struct cgroup *c, struct cgroup_mount *out, size_t max)
{
	size_t n = 0;
	for (size_t i = 0; i < c->n && n < max && c->version != &version_v2; i++) {
		const struct hierarchy *h = &c->h[i];
		if (!h->mount)
			continue;
		struct cgroup_mount *m = &out[n++];
		*m = (struct cgroup_mount) { .host = h->mount };
		const char *inside = h->dir ? h->dir + strlen(h->mount) : layout_below_mount(h->root, h->own ? h->own : "/");
		m->path = inside && *inside ? inside : "/";
		const char *base = strrchr(h->mount, '/');
		snprintf(m->name, sizeof m->name, "%s", base && base[1] ? base + 1 : h->name);
		snprintf(m->options, sizeof m->options, "%s%s", str_starts(h->name, "name=") ? "none," : "", h->name);
		const char *comma = strchr(h->name, ',');
		if (comma) {
			snprintf(m->link[0], sizeof m->link[0], "%.*s", (int) (comma - h->name), h->name);
			snprintf(m->link[1], sizeof m->link[1], "%s", comma + 1);
		}
	}
	return n;
}
