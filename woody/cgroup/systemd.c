/* The systemd driver. Theory of operation.
 *
 * A scope is made around processes that exist, so this manager makes nothing before the clone: init is cloned into the
 * caller's cgroup and waits, as its very first step, until cgroup_adopt() has had systemd make the scope with it as the only
 * process. Why not a process of our own that init replaces: the kernel lets an ordinary user start a process (or move one)
 * only where both ends are below a cgroup of his, and a login session is not below his manager's. systemd may, and init itself
 * is what it has to move. And nothing can be left behind that way: whatever ends early, woody, woody-systemd or systemd's job,
 * init reads the end of its channel and ends, and a scope without processes is removed by systemd on its own.
 *
 * What systemd is told are its properties; afterwards the kernel's files are written as if the cgroup were ours (it is,
 * Delegate=yes): they know limits that systemd does not, and exact values. On v1 systemd makes the scope only in
 * some hierarchies; in the others it is made here, under the same path.
 *
 * systemd is asked by a program of its own, woody-systemd, and only here: libsystemd stays out of woody.
 */
#include "systemd.h"
#include "cleanup.h"
#include "driver.h"
#include "fs.h"
#include "log.h"
#include "proc.h"
#include <string.h>
#include <sys/stat.h>

#ifdef WOODY_LIBEXECDIR
static const bool built = true;
#else
static const bool built = false;
#define WOODY_LIBEXECDIR ""
#endif

/* ---- asking systemd ---- */

/* users_own - is it the user's own manager that we have to ask? Not by uid alone: root of a user namespace is whoever
 * made it, unless the namespace has a systemd of its own, whose files are then root's. */
static bool users_own(void)
{
	struct stat st;
	return geteuid() != 0 || (stat("/run/systemd/system", &st) == 0 && st.st_uid != 0);
}

static int check_present(struct error *err)
{
	if (!built)
		return error_say(err, EOPNOTSUPP, "this woody was built without the systemd cgroup driver (meson -Dsystemd=enabled); use "
				 "--cgroup-manager cgroupfs");
	if (access("/run/systemd/system", F_OK) < 0)
		return error_say(err, EOPNOTSUPP, "the systemd cgroup driver needs systemd, which does not run here (/run/systemd/system is "
				 "missing); use --cgroup-manager cgroupfs");
	return 0;
}

/* find_program - beside the woody that was called, as in a build tree, else where it was installed. Not by /proc/self/exe:
 * what runs is a sealed copy (exeseal.h). */
static char *find_program(struct error *err)
{
	static const char name[] = "woody-systemd";
	const char *slash = strrchr(program_invocation_name, '/');
	int dir = slash ? (int) (slash - program_invocation_name) : 0;
	cleanup_free char *beside = slash ? xasprintf("%.*s/%s", dir, program_invocation_name, name) : NULL;
	if (beside && access(beside, X_OK) == 0)
		return take_ptr(beside);
	cleanup_free char *installed = xasprintf(WOODY_LIBEXECDIR "/%s", name);
	if (access(installed, X_OK) == 0)
		return take_ptr(installed);
	error_say(err, ENOENT, "the systemd cgroup driver needs '%s', which is not installed; use --cgroup-manager cgroupfs", installed);
	return NULL;
}

/* ask_for - run woody-systemd; what it says is the error, else @ret, which the caller frees */
static int ask_for(const char *operation, const char *unit, const struct strings *more, char **ret, struct error *err)
{
	cleanup_free char *path = find_program(err);
	if (!path)
		return -ENOENT;
	bool user = users_own();
	struct strings argv cleanup_strings = { 0 }, env cleanup_strings = { 0 };
	strings_add(&argv, path);
	if (user)
		strings_add(&argv, "--user");
	strings_add(&argv, operation);
	strings_add(&argv, unit);
	for (size_t i = 0; i < more->n; i++)
		strings_add(&argv, more->v[i]);
	static const char *const passed[] = { "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR" };
	for (size_t i = 0; i < 2 && user; i++)
		if (getenv(passed[i]))
			strings_printf(&env, "%s=%s", passed[i], getenv(passed[i]));

	static char *no_env[] = { NULL };
	const struct proc_spawn what = { .path = path, .argv = argv.v, .envp = env.v ? env.v : no_env };
	cleanup_free char *output = NULL;
	int r = proc_run(&what, &output, err);
	if (r == 0) {
		*ret = take_ptr(output);
		return 0;
	}
	if (r > 0) {
		output[strcspn(output, "\n")] = 0;
		r = *output ? error_say(err, EIO, "%s", output) : error_say(err, EIO, "'%s' ended with status %d", path, r);
	}
	return r;
}

static int ask(const char *operation, const char *unit, const struct strings *more, struct error *err)
{
	cleanup_free char *said = NULL;
	return ask_for(operation, unit, more, &said, err);
}

/* ---- where ---- */

static int systemd_locate(struct cgroup *c, const struct cgroup_config *config, bool exact, struct error *err)
{
	struct layout l cleanup_layout = { 0 };
	struct systemd_unit unit;
	const char *sub;
	(void) exact;	/* always: a start through systemd takes long enough */
	int r = check_present(err);
	if (r == 0)
		r = systemd_unit_parse(config->path, config->id, users_own(), &c->pool, &unit, err);
	if (r == 0)	/* only whether it can be used: systemd_find() */
		r = systemd_subgroup(config->annotations, &c->pool, &sub, err);
	if (r == 0)
		r = layout_read(LAYOUT_VERIFIED, &l, err);
	if (r < 0)
		return r;
	c->config = *config;
	c->scope = unit.name;
	c->version = l.kind == CGROUP_LAYOUT_V2 ? &version_v2 : &version_v1;
	c->h = pool_alloc(&c->pool, (l.n + 1) * sizeof *c->h);
	for (size_t i = 0; i < l.n; i++) {
		/* no directory before systemd has made it: one of that name may be another's, whose processes must live */
		c->h[c->n++] = (struct hierarchy) { .name = pool_strdup(&c->pool, l.v[i].name), .mount = pool_strdup(&c->pool, l.v[i].mount),
					  .root = pool_strdup(&c->pool, l.v[i].root), .dir_fd = -1, .join_fd = -1,
					  .own = l.v[i].own ? pool_strdup(&c->pool, l.v[i].own) : NULL };
	}
	return 0;
}

/* scope_end - where in the path @dir the scope ends, also when the container is in a cgroup below it; or NULL */
static const char *scope_end(const char *dir, const char *scope)
{
	for (const char *p = dir; (p = strstr(p, scope)); p++) {
		const char *end = p + strlen(scope);
		if (p > dir && p[-1] == '/' && (*end == 0 || *end == '/'))
			return end;
	}
	return NULL;
}

static int systemd_find(struct cgroup *c, pid_t pid, struct error *err)
{
	struct layout l cleanup_layout = { 0 };
	cleanup_free char *name = pid ? xasprintf("/proc/%d/cgroup", pid) : xstrdup("/proc/self/cgroup");
	cleanup_free char *text = NULL;
	const char *sub, *path = NULL;
	int r = systemd_subgroup(c->config.annotations, &c->pool, &sub, err);
	if (r == 0)
		r = fs_read_file(AT_FDCWD, name, 1 << 20, &text, NULL, err);
	if (r < 0)
		return r;
	layout_guess(text, &l);
	for (size_t i = 0; i < l.n; i++)
		if (strcmp(l.v[i].name, c->version == &version_v2 ? "" : "name=systemd") == 0)
			path = l.v[i].own;
	const char *end = path ? scope_end(path, c->scope) : NULL;
	if (!end)
		return error_say(err, EIO, "systemd did not put the container's process into '%s', but into '%s'", c->scope,
				 path ? path : "no cgroup of its own");
	path = pool_strndup(&c->pool, path, (size_t) (end - path));
	for (size_t i = 0; i < c->n; i++) {
		struct hierarchy *h = &c->h[i];
		const char *below = layout_below_mount(h->root, path);
		h->dir = below ? pool_printf(&c->pool, "%s%s%s", h->mount, below, sub) : NULL;
	}
	return 0;
}

/* ---- making ---- */

static int systemd_make(struct cgroup *c, const struct cgroup_config *config, struct error *err)
{
	(void) c;
	(void) config;
	(void) err;
	return 0;	/* see adopt */
}

static void add_string(struct strings *l, const char *name, const char *type, const char *value)
{
	strings_add(l, name);
	strings_add(l, type);
	strings_add(l, value);
}

static int add_limits(const struct cgroup *c, const struct spec_resources *r, const struct systemd_limits *now, bool devices,
		      struct strings *out, struct error *err)
{
	struct systemd_limits l = now ? *now : (struct systemd_limits) { 0 };
	l.r = r;
	l.v2 = c->version == &version_v2;
	l.devices = devices && !users_own();
	return systemd_limits_add(&l, out, err);
}

static int start(struct cgroup *c, const struct spec_resources *resources, pid_t pid, struct error *err)
{
	struct strings words cleanup_strings = { 0 };
	struct systemd_unit unit;
	int r = systemd_unit_parse(c->config.path, c->config.id, users_own(), &c->pool, &unit, err);
	if (r < 0)
		return r;
	cleanup_free char *description = xasprintf("woody container %s", c->config.id);
	add_string(&words, "Description", "s", description);
	add_string(&words, "Slice", "s", unit.slice);
	add_string(&words, "Delegate", "b", "true");
	add_string(&words, "DefaultDependencies", "b", "false");	/* else it is stopped before who runs containers can do so */
	add_string(&words, "PIDs", "au", "1");
	strings_printf(&words, "%d", pid);
	static const char *const accounting[] = { "MemoryAccounting", "CPUAccounting", "TasksAccounting", NULL };
	for (size_t i = 0; accounting[i]; i++)
		add_string(&words, accounting[i], "b", "true");
	add_string(&words, c->version == &version_v2 ? "IOAccounting" : "BlockIOAccounting", "b", "true");
	r = add_limits(c, resources, NULL, true, &words, err);
	if (r == 0)
		r = systemd_annotations(c->config.annotations, &words, err);	/* last: they win */
	if (r == 0)
		r = ask("start", unit.name, &words, err);
	c->adopted = r == 0;
	return r;
}

/* make_dirs - what systemd did not make of h->dir */
static int make_dirs(struct hierarchy *h)
{
	cleanup_free char *path = xstrdup(h->dir);
	for (char *p = path + strlen(h->mount); p;) {
		p = strchr(p + 1, '/');
		if (p)
			*p = 0;
		if (mkdir(path, 0755) == 0)
			h->made++;
		else if (errno != EEXIST)
			return -errno;
		else
			h->existed = !p;
		if (p)
			*p = '/';
	}
	return 0;
}

static int make_rest(struct cgroup *c, struct error *err)
{
	for (size_t i = 0; i < c->n; i++) {
		struct hierarchy *h = &c->h[i];
		int r = h->dir ? make_dirs(h) : 0;
		if (c->config.rootless && (r == -EACCES || r == -EPERM || r == -EROFS)) {
			h->denied = -r;	/* v1: a user's manager has no controllers */
			h->wanted = h->dir;
			h->dir = NULL;
			continue;
		}
		if (r < 0)
			return error_set(err, -r, "make cgroup '%s'", h->dir);
		/* its slice may be; who is in it would never come back */
		struct hierarchy fresh = *h;
		fresh.existed = false;
		r = h->dir ? tree_check_unused(&fresh, err) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

static int systemd_adopt(struct cgroup *c, pid_t pid, struct error *err)
{
	static const struct spec_resources none;
	const struct spec_resources *resources = c->config.resources ? c->config.resources : &none;
	struct limits limits cleanup_limits = { 0 };
	bool v2 = c->version == &version_v2;
	int r = c->version->plan(resources, false, &limits, err);
	if (r == 0)
		r = start(c, resources, pid, err);
	if (r == 0)
		r = systemd_find(c, pid, err);
	if (r == 0)
		r = make_rest(c, err);
	/* v2: controllers go down only past a cgroup without processes, the scope above a subgroup; v1: a cpuset that is still
	 * empty, or gets its CPUs as a limit, cannot be entered */
	if (r == 0 && v2)
		r = cgroup_move(c, pid, err);
	if (r == 0)
		r = c->version->prepare(c, resources, err);
	if (r == 0)
		r = limits_apply(c, &limits, err);
	if (r == 0)
		r = c->version->devices(c, resources, false, c->config.rootless, err);
	if (r == 0 && !v2)
		r = cgroup_move(c, pid, err);
	return r;
}

/* ---- later ---- */

/* read_cpu - quota and period as they are; what cannot be read stays 0 */
static void read_cpu(struct cgroup *c, struct systemd_limits *ret)
{
	const struct hierarchy *h = cgroup_for(c, "cpu");
	struct strings words cleanup_strings = { 0 };
	static const char *const files[2][2] = { { "cpu.cfs_quota_us", "cpu.cfs_period_us" }, { "cpu.max", NULL } };
	for (size_t i = 0; h && i < 2; i++) {
		const char *file = files[c->version == &version_v2][i];
		cleanup_free char *path = file ? xasprintf("%s/%s", h->dir, file) : NULL;
		cleanup_free char *text = NULL;
		if (path && fs_read_file(AT_FDCWD, path, 4096, &text, NULL, NULL) == 0)
			strings_split(&words, text, " \n");
	}
	if (words.n == 2) {
		(void) str_to_i64(words.v[0], -1, INT64_MAX, &ret->quota);	/* "max" is 0: none */
		(void) str_to_u64(words.v[1], UINT64_MAX, &ret->period);
	}
}

static int systemd_update(struct cgroup *c, const struct spec_resources *r, struct strings *ret_former, struct error *err)
{
	cleanup_free char *former = NULL;
	struct systemd_limits now = { 0 };
	struct strings words cleanup_strings = { 0 };
	read_cpu(c, &now);
	int ret = add_limits(c, r, &now, r->n_devices > 0, &words, err);
	if (ret < 0 || words.n == 0)
		return ret;
	ret = ask_for("set", c->scope, &words, &former, err);
	if (ret == 0)
		strings_split(ret_former, former, "\n");
	return ret;
}

static void systemd_revert(struct cgroup *c, const struct strings *former)
{
	struct error failed = { 0 };
	if (former->n && ask("set", c->scope, former, &failed) < 0)
		log_warn("the former limits could not be put back: %s", failed.text);
}

static int systemd_attach(const struct cgroup *c, pid_t pid, struct error *err)
{
	struct strings words cleanup_strings = { 0 };
	const char *sub = c->n && c->h[0].dir ? scope_end(c->h[0].dir, c->scope) : NULL;
	if (!sub)
		return error_say(err, ENOENT, "the container's cgroup is not in '%s'", c->scope);
	strings_add(&words, sub);
	strings_printf(&words, "%d", pid);
	return ask("attach", c->scope, &words, err);
}

static int systemd_remove(struct cgroup *c, struct error *err)
{
	static const struct strings nothing;
	struct error failed = { 0 };
	if (!c->scope || (c->created && !c->adopted))
		return 0;
	/* a scope without processes goes by itself, but a failed one stays until it is told to */
	if (ask("stop", c->scope, &nothing, &failed) < 0)
		log_warn("%s", failed.text);
	for (size_t i = 0; i < c->n; i++) {
		struct hierarchy *h = &c->h[i];
		const char *end = h->dir ? scope_end(h->dir, c->scope) : NULL;
		if (end)
			h->dir = pool_strndup(&c->pool, h->dir, (size_t) (end - h->dir));
		h->made = 0;
	}
	c->created = false;	/* all of it is ours: the unit's name was free */
	return manager_cgroupfs.remove(c, err);
}

const struct cgroup_manager manager_systemd = {
	.name = "systemd", .locate = systemd_locate, .make = systemd_make, .remove = systemd_remove, .adopt = systemd_adopt,
	.find = systemd_find, .update = systemd_update, .revert = systemd_revert, .attach = systemd_attach,
};
