#include "container.h"
#include "cleanup.h"
#include "fs.h"
#include "hooks.h"
#include "idmap.h"
#include "intel_rdt.h"
#include "log.h"
#include "proc.h"
#include "str.h"
#include <dirent.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { CONFIG_MAX = 16 << 20, WAIT_MS = 2000, THAW_MS = 200 };

#define T struct container_record
static const struct json_type record_type = JSON_TYPE(T,
	JSON_REQUIRED(T, oci_version, "ociVersion"), JSON_REQUIRED(T, id, "id"), JSON_REQUIRED(T, bundle, "bundle"),
	JSON_REQUIRED(T, rootfs, "rootfs"), JSON_REQUIRED(T, created, "created"), JSON_REQUIRED(T, boot_id, "bootId"),
	JSON_REQUIRED(T, pid, "pid"), JSON_REQUIRED(T, start_time, "startTime"), JSON_REQUIRED(T, owner, "owner"),
	JSON_FIELD(T, annotations, "annotations"), JSON_FIELD(T, no_new_keyring, "noNewKeyring"), JSON_INLINE(T, cgroup, "cgroup", cgroup_record_type));
#undef T

#define T struct container_row
const struct json_type container_row_type = JSON_TYPE(T,
	JSON_REQUIRED(T, oci_version, "ociVersion"), JSON_REQUIRED(T, id, "id"), JSON_REQUIRED(T, pid, "pid"),
	JSON_REQUIRED(T, status, "status"), JSON_REQUIRED(T, bundle, "bundle"), JSON_FIELD(T, rootfs, "rootfs"),
	JSON_FIELD(T, created, "created"), JSON_FIELD(T, annotations, "annotations"), JSON_FIELD(T, owner, "owner"));
#undef T

const char *container_status_name(enum container_status s)
{
	static const char *const names[] = { "creating", "created", "running", "paused", "stopped" };
	return names[s];
}

int container_check_id(const char *id, struct error *err)
{
	size_t n = strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+.-");
	if (n == 0 || id[n] || id[0] == '.')
		return error_say(err, EINVAL, "invalid character in container ID '%s': letters, digits and _ + . - are "
				 "allowed, and no dot at the start", id);
	if (n > 1024)
		return error_say(err, EINVAL, "container ID is longer than 1024 characters");
	return 0;
}

void container_done(struct container *c)
{
	close_fd(&c->dir_fd);
	free(c->id);
	free(c->dir);
	pool_done(&c->pool);
	*c = (struct container) CONTAINER_INIT;
}

static int open_dir(struct container *c, struct error *err)
{
	c->dir_fd = open(c->dir, O_DIRECTORY | O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (c->dir_fd < 0)
		return error_set(err, errno, "open '%s'", c->dir);
	struct stat st;
	if (fstat(c->dir_fd, &st) < 0 || (st.st_uid != geteuid() && geteuid() != 0))
		return error_say(err, EPERM, "'%s' belongs to another user", c->dir);
	return 0;
}

int container_reserve(const char *root, const char *id, struct container *ret, struct error *err)
{
	struct container c cleanup_container = CONTAINER_INIT;
	int r = container_check_id(id, err);
	if (r < 0)
		return r;

	c.id = xstrdup(id);
	c.dir = xasprintf("%s/%s", root, id);
	int failed = mkdir(c.dir, 0700) < 0 ? errno : 0;
	if (failed == ENOENT) {
		r = fs_mkdir_all(AT_FDCWD, root, 0700, err);
		if (r < 0)
			return r;
		failed = mkdir(c.dir, 0700) < 0 ? errno : 0;
	}
	if (failed == EEXIST)
		return error_say(err, EEXIST, "container with given ID already exists: '%s'", id);
	if (failed)
		return error_set(err, failed, "create '%s'", c.dir);
	r = open_dir(&c, err);
	if (r < 0)
		return r;
	*ret = c;
	c = (struct container) CONTAINER_INIT;
	return 0;
}

int container_load(const char *root, const char *id, struct container *ret, struct error *err)
{
	struct container c cleanup_container = CONTAINER_INIT;
	int r = container_check_id(id, err);
	if (r < 0)
		return r;

	c.id = xstrdup(id);
	c.dir = xasprintf("%s/%s", root, id);
	r = open_dir(&c, err);
	if (r == -ENOENT)
		return error_say(err, ENOENT, "container does not exist: '%s'", id);
	if (r < 0)
		return r;

	cleanup_free char *text = NULL;
	size_t len;
	struct container_record *record = NULL;
	r = fs_read_file(c.dir_fd, "state.json", CONFIG_MAX, &text, &len, err);
	if (r == 0)
		r = json_decode(&record_type, text, len, &c.pool, &record, err);
	if (r < 0 && r != -ENOENT)
		return error_wrap(err, "state of container '%s'", id);
	if (record)
		c.record = *record;
	*ret = c;
	c = (struct container) CONTAINER_INIT;
	return 0;
}

/* No fsync: the state describes processes, and lives no longer than the boot. */
int container_save_config(struct container *c, const char *text, size_t len, struct error *err)
{
	cleanup_close int fd = openat(c->dir_fd, "config.json", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_set(err, errno, "create '%s/config.json'", c->dir);
	int r = fs_write_all(fd, text, len);
	return r < 0 ? error_set(err, -r, "write '%s/config.json'", c->dir) : 0;
}

int container_read_spec(struct container *c, struct error *err)
{
	cleanup_free char *text = NULL;
	size_t len;
	if (c->spec)
		return 0;
	int r = fs_read_file(c->dir_fd, "config.json", CONFIG_MAX, &text, &len, err);
	if (r == 0)
		r = json_decode(&runtime_spec_type, text, len, &c->pool, &c->spec, err);
	return r < 0 ? error_wrap(err, "config.json of container '%s'", c->id) : 0;
}

int container_save(struct container *c, struct error *err)
{
	size_t len;
	cleanup_free char *text = json_encode(&record_type, &c->record, JSON_COMPACT, &len);
	return fs_replace_file(c->dir_fd, "state.json", text, len, 0600, false, err);
}

int container_remove(struct container *c, struct error *err)
{
	/* the record goes last: until then the next `delete` knows what is left to do */
	static const char *const files[] = { "start.sock", "config.json", "state.json" };
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		(void) unlinkat(c->dir_fd, files[i], 0);
	if (rmdir(c->dir) < 0 && errno != ENOENT)
		return fs_remove_tree(AT_FDCWD, c->dir, err);
	return 0;
}

/* ---- status ---- */

static bool init_alive(const struct container *c)
{
	if (c->record.pid <= 0 || !str_eq(c->record.boot_id, proc_boot_id()))
		return false;
	int state = proc_state((pid_t) c->record.pid, c->record.start_time);
	return state > 0 && state != 'Z' && state != 'X';
}

enum container_status container_status(const struct container *c)
{
	if (c->record.pid == 0)
		return CONTAINER_CREATING;
	if (!init_alive(c))
		return CONTAINER_STOPPED;

	struct cgroup *cgroup = NULL;
	bool frozen = cgroup_load(&c->record.cgroup, &cgroup, NULL) == 0 && cgroup_frozen(cgroup) == 1;
	cgroup_free(cgroup);
	if (frozen)
		return CONTAINER_PAUSED;
	return faccessat(c->dir_fd, "start.sock", F_OK, 0) == 0 ? CONTAINER_CREATED : CONTAINER_RUNNING;
}

int container_pidfd(const struct container *c)
{
	if (c->record.pid <= 0 || !str_eq(c->record.boot_id, proc_boot_id()))
		return -ESRCH;
	return proc_open((pid_t) c->record.pid, c->record.start_time);
}

int container_signal_init(const struct container *c, int sig)
{
	cleanup_close int pidfd = container_pidfd(c);
	return pidfd < 0 ? pidfd : proc_signal(pidfd, sig);
}

/* user_name - of @uid in /etc/passwd, read as a file: no NSS call is ever made */
static char *user_name(uint32_t uid, struct pool *pool)
{
	cleanup_free char *text = NULL;
	cleanup_free char *name = NULL;
	if (fs_read_file(AT_FDCWD, "/etc/passwd", 1 << 20, &text, NULL, NULL) == 0)
		name = idmap_user_name(text, uid);
	return name ? pool_strdup(pool, name) : pool_printf(pool, "#%u", uid);
}

struct container_row container_to_row(const struct container *c, enum container_status status, struct pool *pool)
{
	const struct container_record *r = &c->record;
	return (struct container_row) {
		.oci_version = r->oci_version, .id = c->id, .status = (char *) container_status_name(status),
		.bundle = r->bundle, .rootfs = r->rootfs, .created = r->created, .annotations = r->annotations,
		.pid = status == CONTAINER_STOPPED ? 0 : r->pid, .owner = user_name((uint32_t) r->owner, pool),
	};
}

char *container_state(const struct container *c, enum container_status status, bool full, enum json_style style)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct container_row row = container_to_row(c, status, &pool);
	if (!full)
		row.rootfs = row.created = row.owner = NULL;
	return json_encode(&container_row_type, &row, style, NULL);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

int container_ids(const char *root, struct strings *ret, struct error *err)
{
	cleanup_dir DIR *d = opendir(root);
	if (!d)
		return errno == ENOENT ? 0 : error_set(err, errno, "open '%s'", root);
	for (struct dirent *e; (e = readdir(d));)
		if (e->d_name[0] != '.' && (e->d_type == DT_DIR || e->d_type == DT_UNKNOWN) && container_check_id(e->d_name, NULL) == 0)
			strings_add(ret, e->d_name);
	if (ret->n)
		qsort(ret->v, ret->n, sizeof *ret->v, by_name);
	return 0;
}

/* ---- the end ---- */

static bool wait_gone(int pidfd, int timeout_ms)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	return poll(&p, 1, timeout_ms) > 0;
}

int container_kill_all(struct container *c, struct error *err)
{
	struct cgroup *cgroup = NULL;
	cleanup_close int pidfd = container_pidfd(c);
	int r = cgroup_load(&c->record.cgroup, &cgroup, err);
	if (r == 0) {
		r = cgroup_kill(cgroup, SIGKILL, err);
		/* what is frozen dies only when it is thawed */
		if (r == 0 && cgroup_frozen(cgroup) == 1)
			(void) cgroup_freeze(cgroup, false, NULL);
	}
	cgroup_free(cgroup);
	if (pidfd >= 0) {
		(void) proc_signal(pidfd, SIGKILL);
		if (!wait_gone(pidfd, THAW_MS)) {
			cgroup_thaw_process((pid_t) c->record.pid);
			(void) wait_gone(pidfd, WAIT_MS);
		}
	}
	return r;
}

bool container_own_pids(const struct container *c)
{
	const struct spec_linux *l = c->spec->linux_;
	for (size_t i = 0; l && i < l->n_namespaces; i++)
		if (strcmp(l->namespaces[i].type, "pid") == 0)
			return str_empty(l->namespaces[i].path);
	return false;
}

/* remove_cgroup - of the record, with all that is still in there */
static int remove_cgroup(const struct container *c, struct error *err)
{
	struct cgroup *cgroup = NULL;
	int r = cgroup_load(&c->record.cgroup, &cgroup, err);
	if (r == 0) {
		(void) cgroup_kill(cgroup, SIGKILL, NULL);	/* shared pid namespace: others may live on */
		r = cgroup_remove(cgroup, err);
	}
	cgroup_free(cgroup);
	return r;
}

int container_abandon(struct container *c, struct error *err)
{
	if (c->record.cgroup.manager) {		/* systemd: on record before there is a pid */
		int r = remove_cgroup(c, err);
		if (r < 0)
			return r;
	} else if (container_read_spec(c, NULL) == 0) {
		struct cgroup *cgroup = NULL;
		const struct spec_linux *l = c->spec->linux_;
		const struct cgroup_config config = { .id = c->id, .path = l ? l->cgroups_path : NULL, .manager = "cgroupfs" };
		if (cgroup_locate(&config, &cgroup, NULL) == 0)
			(void) cgroup_remove(cgroup, NULL);	/* one in use stays: it is somebody else's */
		cgroup_free(cgroup);
	}
	intel_rdt_remove(c, true);
	return container_remove(c, err);
}

int container_destroy(struct container *c, struct error *err)
{
	int r = c->record.cgroup.manager ? remove_cgroup(c, err) : 0;
	if (r < 0)
		return r;	/* the record stays, so that the next delete can try again */

	/* A `run` in the foreground and a `delete` beside it may both come here: whoever takes the record away runs the hooks.
	   They are read before, for without a record the other one removes everything. */
	bool known = container_read_spec(c, NULL) == 0;
	bool first = unlinkat(c->dir_fd, "state.json", 0) == 0;
	if (first && known && c->spec->hooks && c->spec->hooks->n_poststop) {
		cleanup_free char *state = container_state(c, CONTAINER_STOPPED, false, JSON_COMPACT);
		struct hook_output output cleanup_hook_output = HOOK_OUTPUT_INIT;
		struct error opened = { 0 };
		if (hook_output_open(c->spec, &output, &opened) < 0)
			log_warn("%s", opened.text);
		hooks_run_all("poststop", c->spec->hooks->poststop, c->spec->hooks->n_poststop,
			      &(struct hook_call) { .state = state, .cwd = c->record.bundle, .output = &output });
	}
	intel_rdt_remove(c, false);
	return container_remove(c, err);
}
