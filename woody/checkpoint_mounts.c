/* Theory of operation of the restore. CRIU puts the mounts of its images below a directory that must be a mount, and wants every
 * mount point there. A fresh rootfs has none, and one may lie within what another mount brings, so each bind is really made on the
 * way. All of that happens in a mount namespace that only we and criu are in: the host sees nothing, and however we end, nothing
 * stays. Names in the rootfs are resolved beneath its fd, and the place that was found is the name of the mount.
 */
#include "checkpoint_mounts.h"
#include "cleanup.h"
#include "fs.h"
#include "log.h"
#include "mounts.h"
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

enum { MOUNTINFO_MAX = 16 << 20, HIERARCHIES_MAX = 32 };

/* ---- mountinfo ---- */

/* unescape - \040 and the like, in place */
static char *unescape(char *s)
{
	char *to = s;
	for (const char *at = s; *at; to++) {
		bool octal = at[0] == '\\' && at[1] >= '0' && at[1] <= '3' && at[2] >= '0' && at[2] <= '7' && at[3] >= '0' && at[3] <= '7';
		*to = octal ? (char) ((at[1] - '0') * 64 + (at[2] - '0') * 8 + (at[3] - '0')) : *at;
		at += octal ? 4 : 1;
	}
	*to = 0;
	return s;
}

void mount_list_parse(char *text, struct mount_list *ret)
{
	size_t lines = 1;
	for (const char *c = text; *c; c++)
		lines += *c == '\n';
	ret->v = pool_alloc(&ret->pool, lines * sizeof *ret->v);
	char *save = NULL;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		/* id parent major:minor root point options [optional ...] - type source options */
		char *field[5], *words = NULL, *type = strstr(line, " - ");
		size_t n = 0;
		if (!type)
			continue;
		*type = 0;
		type += 3;
		type[strcspn(type, " ")] = 0;
		for (char *w = strtok_r(line, " ", &words); w && n < 5; w = strtok_r(NULL, " ", &words))
			field[n++] = w;
		if (n == 5)
			ret->v[ret->n++] = (struct mount_line) {
				.id = atoi(field[0]), .point = pool_strdup(&ret->pool, unescape(field[4])), .type = pool_strdup(&ret->pool, type),
			};
	}
}

int mount_list_read(const char *path, struct mount_list *ret, struct error *err)
{
	cleanup_free char *text = NULL;
	int r = fs_read_file(AT_FDCWD, path, MOUNTINFO_MAX, &text, NULL, err);
	if (r == 0)
		mount_list_parse(text, ret);
	return r;
}

void mount_list_done(struct mount_list *l)
{
	pool_done(&l->pool);
	*l = (struct mount_list) { 0 };
}

/* ---- which are external ---- */

/* below - the rest of @path behind the directory @dir: "" for itself, "/x" for what is in it, else NULL */
static const char *below(const char *path, const char *dir)
{
	if (str_eq(dir, "/"))
		return path[1] ? path : "";
	const char *rest = str_after(path, dir);
	return rest && (!*rest || *rest == '/') ? rest : NULL;
}

/* real_path - where the fd is, as the kernel names it. Caller frees; NULL: no name */
static char *real_path(int fd)
{
	char link[32], path[PATH_MAX];
	ssize_t n = readlink(fs_fd_path(fd, link), path, sizeof path - 1);
	return n > 0 ? xstrndup(path, (size_t) n) : NULL;
}

/* struct entry - one of mounts[]: where it really is */
struct entry {
	char *at;
	bool bind, cgroup, mounted;
};
struct entries { struct entry *v; size_t n; };

static void entries_done(struct entries *e)
{
	for (size_t i = 0; i < e->n; i++)
		free(e->v[i].at);
	free(e->v);
}

/* entry_of - the one that @path belongs to, or NULL. The innermost counts, of two at one place the later one. */
static const struct entry *entry_of(const struct entries *e, const char *path)
{
	const struct entry *found = NULL;
	for (size_t i = 0; i < e->n; i++)
		if (below(path, e->v[i].at) && (!found || strlen(e->v[i].at) >= strlen(found->at)))
			found = &e->v[i];
	return found;
}

static bool own_cgroup_namespace(const struct runtime_spec *spec)
{
	const struct spec_linux *l = spec->linux_;
	for (size_t i = 0; l && i < l->n_namespaces; i++)
		if (str_eq(l->namespaces[i].type, "cgroup"))
			return true;
	return false;
}

static void add_external(struct strings *ret, const char *name, const char *value)
{
	cleanup_free char *prefix = xasprintf("mnt[%s]:", name);
	for (size_t i = 0; i < ret->n; i++)
		if (str_starts(ret->v[i], prefix)) {	/* what was mounted later lies on top */
			free(ret->v[i]);
			ret->v[i] = xasprintf("%s%s", prefix, value);
			return;
		}
	strings_printf(ret, "%s%s", prefix, value);
}

/* ---- saving ---- */

static int find_entries(const struct runtime_spec *spec, int root_fd, struct entries *ret, struct error *err)
{
	const struct rootfs r = { .spec = spec, .fd = -1, .proc_fd = -1 };
	ret->v = xcalloc(spec->n_mounts + 1, sizeof *ret->v);
	for (size_t i = 0; i < spec->n_mounts; i++) {
		struct mount_entry e cleanup_mount_entry = { 0 };
		int result = mount_entry_parse(&r, i, &e, err);
		if (result < 0)
			return result;
		cleanup_close int fd = fs_open_beneath(root_fd, e.destination, O_PATH, 0, NULL);
		char *at = fd < 0 ? NULL : real_path(fd);
		ret->v[ret->n++] = (struct entry) {
			.at = at ? at : xstrdup(e.destination), .bind = e.options.bind, .cgroup = str_eq(e.spec->type, "cgroup"),
		};
	}
	return 0;
}

static bool is_device(int root_fd, const char *path)
{
	struct stat st;
	cleanup_close int fd = fs_open_beneath(root_fd, path, O_PATH, 0, NULL);
	return fd >= 0 && fstat(fd, &st) == 0 && (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode));
}

int checkpoint_mounts(const struct runtime_spec *spec, pid_t pid, const struct mount_list *list, struct strings *ret, struct error *err)
{
	cleanup_free char *path = xasprintf("/proc/%d/root", pid);
	cleanup_close int root_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0)
		return error_set(err, errno, "open '%s'", path);
	struct entries entries CLEANUP(entries_done) = { 0 };
	int result = find_entries(spec, root_fd, &entries, err);
	if (result < 0)
		return result;

	bool host_cgroups = !own_cgroup_namespace(spec);
	for (size_t i = 0; i < list->n; i++) {
		const struct mount_line *m = &list->v[i];
		const struct entry *e = entry_of(&entries, m->point);
		bool cgroup = e && e->cgroup && host_cgroups && str_starts(m->type, "cgroup") && !str_eq(m->point, e->at);
		bool device = !str_eq(m->type, "devpts") && !str_eq(m->point, "/") && is_device(root_fd, m->point);
		if (device || cgroup || (e && e->bind))
			add_external(ret, m->point, m->point);
	}
	return 0;
}

/* ---- restoring ---- */

/* make_point - the directory or file at @path beneath the rootfs that a mount goes onto. Return: an O_PATH fd */
static int make_point(int root_fd, const char *path, const char *source, struct error *err)
{
	struct stat st;
	if (source && stat(source, &st) < 0)
		return error_set(err, errno, "look at '%s', which is bound to '%s'", source, path);
	bool directory = !source || S_ISDIR(st.st_mode);
	int fd = directory ? fs_mkdir_beneath(root_fd, path, 0755, err) : fs_create_beneath(root_fd, path, 0755, err);
	return fd < 0 ? error_wrap(err, "make the mount point '%s'", path) : fd;
}

/* bind_here - for those that come onto it later; what comes with it is external, too */
static int bind_here(const char *source, const char *target, const char *at, unsigned long recursive, struct strings *ret, struct error *err)
{
	cleanup_free char *point = xasprintf("%s%s", at, target);
	if (mount(source, point, NULL, MS_BIND | recursive, NULL) < 0)
		return error_set(err, errno, "bind '%s' to '%s'", source, target);
	add_external(ret, target, source);
	if (!recursive)
		return 0;
	struct mount_list all cleanup_mount_list = { 0 };
	int result = mount_list_read("/proc/self/mountinfo", &all, err);
	for (size_t i = 0; result == 0 && i < all.n; i++) {
		const char *rest = below(all.v[i].point, point);
		if (!rest || !*rest)
			continue;
		cleanup_free char *name = xasprintf("%s%s", target, rest), *from = xasprintf("%s%s", source, rest);
		add_external(ret, name, from);
	}
	return result;
}

static int restore_entry(const struct rootfs *r, size_t index, int root_fd, const char *at, struct entries *done, struct strings *ret,
			 struct error *err)
{
	struct mount_entry e cleanup_mount_entry = { 0 };
	int result = mount_entry_parse(r, index, &e, err);
	if (result < 0)
		return result;
	cleanup_free char *source = e.options.bind ? mount_source(r, e.spec) : NULL;
	const struct entry *outer = entry_of(done, e.destination);
	cleanup_free char *real = NULL;
	if (outer && !outer->bind) {	/* in a file system that is in the images, mount points included */
		if (source)
			add_external(ret, e.destination, source);
	} else {
		cleanup_close int fd = make_point(root_fd, e.destination, source, err);
		if (fd < 0)
			return fd;
		cleanup_free char *found = real_path(fd);
		const char *inside = found ? below(found, at) : NULL;
		if (!inside)
			return error_say(err, EINVAL, "the mount point '%s' is not in the rootfs", e.destination);
		real = xstrdup(*inside ? inside : "/");
		if (source)
			result = bind_here(source, real, at, e.options.recursive ? MS_REC : 0, ret, err);
	}
	bool mounted = real && source && result == 0;
	done->v[done->n++] = (struct entry) {
		.at = real ? take_ptr(real) : xstrdup(e.destination), .bind = e.options.bind, .mounted = mounted,
	};
	return result;
}

/* restore_devices - under every name under which a device could have been saved; those that were not are not looked for */
static void restore_devices(const struct runtime_spec *spec, struct strings *ret)
{
	static const char *const usual[] = { "/dev/null", "/dev/zero", "/dev/full", "/dev/tty", "/dev/random", "/dev/urandom" };
	const struct spec_linux *l = spec->linux_;
	for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
		add_external(ret, usual[i], usual[i]);
	for (size_t i = 0; l && i < l->n_devices; i++)
		add_external(ret, l->devices[i].path, l->devices[i].path);
	for (size_t i = 0; l && l->masked_paths && l->masked_paths[i]; i++) {
		cleanup_free char *path = fs_clean_path(l->masked_paths[i]);
		add_external(ret, path, "/dev/null");
	}
}

static void restore_cgroups(const struct runtime_spec *spec, struct cgroup *cgroup, struct strings *ret)
{
	struct cgroup_mount list[HIERARCHIES_MAX];
	size_t n = own_cgroup_namespace(spec) ? 0 : cgroup_mounts(cgroup, list, HIERARCHIES_MAX);
	for (size_t i = 0; i < spec->n_mounts; i++)
		for (size_t k = 0; str_eq(spec->mounts[i].type, "cgroup") && k < n && k < HIERARCHIES_MAX; k++) {
			cleanup_free char *at = fs_clean_path(spec->mounts[i].destination);
			cleanup_free char *name = xasprintf("%s/%s", at, list[k].name), *from = xasprintf("%s%s", list[k].host, list[k].path);
			add_external(ret, name, from);
		}
}

/* hold - the way back */
static int hold(struct restore_view *v, struct error *err)
{
	v->root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	v->cwd_fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	v->ns_fd = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	return v->root_fd < 0 || v->cwd_fd < 0 || v->ns_fd < 0 ? error_set(err, errno, "hold our mount namespace") : 0;
}

int restore_view_enter(struct restore_view *v, const struct rootfs *r, const char *at, struct cgroup *cgroup, struct strings *ret,
		       struct error *err)
{
	int result = hold(v, err);
	if (result < 0)
		return result;
	if (unshare(CLONE_NEWNS) < 0)
		return error_set(err, errno, "make a mount namespace");
	/* nothing goes to the host from here; and everything is in a peer group, of which the container's mounts become slaves again
	 * where they were, also when the host's are in none. EINVAL: / is a chroot's, and no mount. */
	if ((mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0 || mount(NULL, "/", NULL, MS_SHARED | MS_REC, NULL) < 0) && errno != EINVAL)
		return error_set(err, errno, "change the propagation of /");
	if (mount(r->path, at, NULL, MS_BIND | MS_REC, NULL) < 0)
		return error_set(err, errno, "bind the rootfs '%s'", r->path);
	cleanup_close int root_fd = open(at, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0)
		return error_set(err, errno, "open the rootfs '%s'", r->path);

	restore_devices(r->spec, ret);	/* first: a mount of config.json at such a place is what counts */
	restore_cgroups(r->spec, cgroup, ret);
	struct entries done CLEANUP(entries_done) = { .v = xcalloc(r->spec->n_mounts + 1, sizeof *done.v) };
	for (size_t i = 0; result == 0 && i < r->spec->n_mounts; i++)
		result = restore_entry(r, i, root_fd, at, &done, ret, err);
	for (size_t i = done.n; i-- > 0;)	/* criu mounts them itself, onto the points that are there now */
		if (done.v[i].mounted) {
			cleanup_free char *point = xasprintf("%s%s", at, done.v[i].at);
			(void) umount2(point, MNT_DETACH);
		}
	return result;
}

int restore_view_leave(struct restore_view *v, struct error *err)
{
	int r = 0;
	if (v->ns_fd >= 0 && (setns(v->ns_fd, CLONE_NEWNS) < 0 || fchdir(v->root_fd) < 0 || chroot(".") < 0 || fchdir(v->cwd_fd) < 0))
		r = error_set(err, errno, "go back to our mount namespace");
	close_fd(&v->ns_fd);
	close_fd(&v->root_fd);
	close_fd(&v->cwd_fd);
	return r;
}
