#include "checkpoint.h"
#include "annotations.h"
#include "checkpoint_mounts.h"
#include "cleanup.h"
#include "criu.h"
#include "fs.h"
#include "idmap.h"
#include "log.h"
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* ---- what both need ---- */

static int put_cgroups_mode(struct criu *c, const char *word, struct error *err)
{
	static const struct { const char *word; enum criu_cgroups_mode mode; } modes[] = {
		{ "soft", CRIU_CGROUPS_SOFT }, { "full", CRIU_CGROUPS_FULL }, { "strict", CRIU_CGROUPS_STRICT },
		{ "ignore", CRIU_CGROUPS_IGNORE },
	};
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
		if (str_eq(word ? word : "soft", modes[i].word)) {
			criu_put_flag(&c->options, CRIU_MANAGE_CGROUPS, true);
			criu_put_int(&c->options, CRIU_MANAGE_CGROUPS_MODE, modes[i].mode);
			return 0;
		}
	return error_say(err, EINVAL, "--manage-cgroups-mode: soft, full, strict or ignore, not '%s'", word);
}

static int check(const struct runtime_spec *spec, struct error *err)
{
	if (geteuid() != 0 || !idmap_is_initial(-1))
		return error_say(err, EPERM, "checkpoint and restore need root of the host: CRIU, which does them, reads and writes what belongs to "
				 "the kernel");
	if (annotation_get(spec, ANNOTATION_LANDLOCK))
		return error_say(err, ENOTSUP, "annotation " ANNOTATION_LANDLOCK ": the kernel does not tell a process' Landlock rules, so CRIU would "
				 "bring the container back without them");
	return 0;
}

int checkpoint_prepare(struct criu *c, const char *program, const struct checkpoint_settings *s, const struct runtime_spec *spec,
		       bool restore, struct error *err)
{
	int r = check(spec, err);
	if (r == 0)
		r = put_cgroups_mode(c, s->cgroups_mode, err);
	if (r == 0 && s->empty_ns && !str_eq(s->empty_ns, "network"))
		r = error_say(err, EINVAL, "--empty-ns: only a network namespace can be left empty, not '%s'", s->empty_ns);
	if (r == 0)
		r = criu_open(c, program, s->image_path ? s->image_path : "checkpoint", s->work_path, !restore,
			      restore ? "restore.log" : "dump.log", err);
	if (r < 0)
		return r;
	struct buf *o = &c->options;
	if (s->empty_ns)
		criu_put_int(o, CRIU_EMPTY_NS, CLONE_NEWNET);
	criu_put_flag(o, CRIU_TCP_ESTABLISHED, s->tcp_established);
	criu_put_flag(o, CRIU_EXT_UNIX_SK, s->ext_unix_sk);
	criu_put_flag(o, CRIU_SHELL_JOB, s->shell_job);
	criu_put_flag(o, CRIU_FILE_LOCKS, s->file_locks);
	criu_put_flag(o, CRIU_AUTO_DEDUP, s->auto_dedup);
	criu_put_flag(o, CRIU_LAZY_PAGES, s->lazy_pages);
	criu_put_flag(o, CRIU_ORPHAN_PTS_MASTER, true);	/* who has the master is outside of the container */
	criu_put_flag(o, CRIU_EXT_MASTERS, true);	/* the container's mounts are slaves of the host's */
	criu_config_file(c, spec);
	return 0;
}

/* ---- saving: the options ---- */

/* put_parent - CRIU makes a link `parent` to it in the directory of the images; a wrong one it would only notice as an absence */
static int put_parent(struct criu *c, const char *parent, struct error *err)
{
	struct stat st;
	if (!parent)
		return 0;
	if (*parent == '/' || !*parent)
		return error_say(err, EINVAL, "--parent-path '%s' must be relative, to the directory of the images '%s'", parent, c->images);
	if (fstatat(c->images_fd, parent, &st, 0) < 0)
		return error_set(err, errno, "look at --parent-path '%s/%s'", c->images, parent);
	if (!S_ISDIR(st.st_mode))
		return error_say(err, ENOTDIR, "--parent-path '%s/%s' is not a directory with images of a --pre-dump", c->images, parent);
	criu_put_string(&c->options, CRIU_PARENT_IMG, parent);
	return 0;
}

/* put_page_server - ADDRESS:PORT, also [ADDRESS]:PORT */
static int put_page_server(struct criu *c, const char *word, struct error *err)
{
	if (!word)
		return 0;
	const char *colon = strrchr(word, ':');
	int64_t port = 0;
	if (!colon || str_to_i64(colon + 1, 1, 65535, &port) < 0)
		return error_say(err, EINVAL, "--page-server '%s' should be ADDRESS:PORT", word);
	bool bracket = *word == '[' && colon > word + 1 && colon[-1] == ']';
	cleanup_free char *address = xstrndup(word + bracket, (size_t) (colon - word) - 2 * bracket);
	criu_put_pair(&c->options, CRIU_PAGE_SERVER, address, port);
	return 0;
}

/* put_freezer - the processes are frozen all at once, through the container's cgroup */
static void put_freezer(struct criu *c, const struct cgroup_record *record)
{
	for (size_t i = 0; i < record->paths.n; i++)
		if (str_eq(record->paths.pairs[i].key, "freezer") ||
		    (str_eq(record->paths.pairs[i].key, "") && cgroup_layout() == CGROUP_LAYOUT_V2)) {
			criu_put_string(&c->options, CRIU_FREEZE_CGROUP, record->paths.pairs[i].value);
			return;
		}
}

/* put_namespaces - those by path stay what they are */
static int put_namespaces(struct criu *c, const struct runtime_spec *spec, pid_t pid, struct error *err)
{
	static const struct { const char *type, *name, *key; } known[] = {
		{ "network", "net", CHECKPOINT_NET_KEY }, { "pid", "pid", CHECKPOINT_PID_KEY },
	};
	const struct spec_linux *l = spec->linux_;
	for (size_t i = 0; l && i < l->n_namespaces; i++)
		for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
			if (str_empty(l->namespaces[i].path) || !str_eq(l->namespaces[i].type, known[k].type))
				continue;
			struct stat st;
			cleanup_free char *path = xasprintf("/proc/%d/ns/%s", pid, known[k].name);
			if (stat(path, &st) < 0)
				return error_set(err, errno, "look at '%s'", path);
			cleanup_free char *word = xasprintf("%s[%llu]:%s", known[k].name, (unsigned long long) st.st_ino, known[k].key);
			criu_put_string(&c->options, CRIU_EXTERNAL, word);
		}
	return 0;
}

/* ---- saving: 0, 1 and 2 ---- */

/* mount_id - of the file behind the container's fd, or -1 */
static int mount_id(pid_t pid, int fd)
{
	cleanup_free char *path = xasprintf("/proc/%d/fdinfo/%d", pid, fd);
	cleanup_free char *text = NULL;
	if (fs_read_file(AT_FDCWD, path, 1 << 16, &text, NULL, NULL) < 0)
		return -1;
	const char *at = strstr(text, "mnt_id:");
	return at ? atoi(at + strlen("mnt_id:")) : -1;
}

static bool mounted_inside(const struct mount_list *l, int id)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].id == id)
			return true;
	return false;
}

/* is_terminal - a console or a pty's slave: CRIU has another name for those than for files (its external "tty[RDEV:DEV]") */
static bool is_terminal(const struct stat *st)
{
	unsigned n = major(st->st_rdev);
	return S_ISCHR(st->st_mode) && (n == 4 || (n >= 136 && n < 144));
}

/* describe_fd - for descriptors.json; a file that is on no mount of the container's is external. Caller frees. */
static char *describe_fd(struct criu *c, pid_t pid, int fd, const struct mount_list *mounts)
{
	cleanup_free char *path = xasprintf("/proc/%d/fd/%d", pid, fd);
	char text[PATH_MAX];
	struct stat st;
	ssize_t n = readlink(path, text, sizeof text - 1);
	int id = mount_id(pid, fd);
	if (n < 0)
		return xstrdup("");	/* closed */
	text[n] = 0;
	if (*text != '/' || stat(path, &st) < 0 || id < 0 || mounted_inside(mounts, id))
		return xstrdup(text);
	char *word = is_terminal(&st) ? xasprintf("tty[%llx:%llx]", (unsigned long long) st.st_rdev, (unsigned long long) st.st_dev)
				      : xasprintf("file[%x:%llx]", (unsigned) id, (unsigned long long) st.st_ino);
	criu_put_string(&c->options, CRIU_EXTERNAL, word);
	return word;
}

static int save_descriptors(struct criu *c, pid_t pid, const struct mount_list *mounts, struct error *err)
{
	struct buf json cleanup_buf = { 0 };
	for (int fd = 0; fd < CHECKPOINT_STDIO; fd++) {
		cleanup_free char *word = describe_fd(c, pid, fd, mounts);
		cleanup_free char *quoted = json_quote(word);
		buf_printf(&json, "%c%s", fd ? ',' : '[', quoted);
	}
	buf_putc(&json, ']');
	return fs_replace_file(c->images_fd, CHECKPOINT_DESCRIPTORS, json.data, json.len, 0600, false, err);
}

/* ---- saving ---- */

static int put_process(struct criu *c, const struct container *container, const struct checkpoint_request *q, struct error *err)
{
	pid_t pid = (pid_t) container->record.pid;
	struct mount_list mounts cleanup_mount_list = { 0 };
	struct strings externals cleanup_strings = { 0 };
	cleanup_free char *path = xasprintf("/proc/%d/mountinfo", pid);
	int r = mount_list_read(path, &mounts, err);
	if (r == 0)
		r = checkpoint_mounts(container->spec, pid, &mounts, &externals, err);
	if (r == 0)
		r = put_namespaces(c, container->spec, pid, err);
	if (r == 0 && !q->pre_dump)
		r = save_descriptors(c, pid, &mounts, err);
	for (size_t i = 0; i < externals.n; i++)
		criu_put_string(&c->options, CRIU_EXTERNAL, externals.v[i]);
	criu_put_int(&c->options, CRIU_PID, pid);
	return r;
}

static int put_request(struct criu *c, const struct container *container, const struct checkpoint_request *q, struct error *err)
{
	struct buf *o = &c->options;
	int r = put_parent(c, q->parent_path, err);
	if (r == 0)
		r = put_page_server(c, q->page_server, err);
	if (r == 0)
		r = put_process(c, container, q, err);
	put_freezer(c, &container->record.cgroup);
	criu_put_flag(o, CRIU_LEAVE_RUNNING, q->leave_running);
	criu_put_flag(o, CRIU_TCP_SKIP_IN_FLIGHT, q->tcp_skip_in_flight);
	criu_put_flag(o, CRIU_LINK_REMAP, q->link_remap);
	/* only pages that were written since the parent are saved then, which the kernel tells from now on */
	criu_put_flag(o, CRIU_TRACK_MEM, q->pre_dump || q->parent_path);
	if (q->status_fd >= 0)
		criu_put_int(o, CRIU_STATUS_FD, q->status_fd);	/* ours; it opens it through /proc */
	return r;
}

/* parent_of - 0 when there is no such process */
static pid_t parent_of(pid_t pid)
{
	cleanup_free char *path = xasprintf("/proc/%d/status", pid), *text = NULL;
	if (fs_read_file(AT_FDCWD, path, 1 << 16, &text, NULL, NULL) < 0)
		return 0;
	const char *at = strstr(text, "\nPPid:");
	return at ? atoi(at + strlen("\nPPid:")) : 0;
}

/* warn_of_strays - criu saves init and its descendants. What `exec` has started is a child of somebody on the host; it would vanish
 * without a word. */
static void warn_of_strays(const struct container *c)
{
	struct cgroup *cgroup = NULL;
	cleanup_free pid_t *pids = NULL;
	ssize_t n = cgroup_load(&c->record.cgroup, &cgroup, NULL) < 0 ? 0 : cgroup_procs(cgroup, &pids);
	cgroup_free(cgroup);
	for (ssize_t i = 0; i < n; i++) {
		pid_t at = pids[i];
		while (at > 1 && at != c->record.pid)
			at = parent_of(at);
		if (at != c->record.pid && parent_of(pids[i]) > 0)
			log_warn("process %d, which exec has started, is not saved: it does not descend from the container's first process", pids[i]);
	}
}

static int check_request(const struct container *c, const struct checkpoint_request *q, struct error *err)
{
	enum container_status status = container_status(c);
	if (status != CONTAINER_RUNNING && status != CONTAINER_PAUSED)
		return error_say(err, EBUSY, "container '%s' cannot be checkpointed: it is %s", c->id, container_status_name(status));
	if (q->status_fd >= 0 && fcntl((int) q->status_fd, F_GETFD) < 0)
		return error_set(err, errno, "--status-fd %lld", (long long) q->status_fd);
	return 0;
}

/* thaw - a criu that was killed leaves them frozen */
static void thaw(const struct container *c)
{
	struct cgroup *cgroup = NULL;
	if (cgroup_load(&c->record.cgroup, &cgroup, NULL) == 0 && cgroup_frozen(cgroup) == 1)
		(void) cgroup_freeze(cgroup, false, NULL);
	cgroup_free(cgroup);
}

int checkpoint_save(struct container *container, const struct checkpoint_request *q, const char *program, struct error *err)
{
	struct criu c cleanup_criu = CRIU_INIT;
	struct criu_response response;
	int r = check_request(container, q, err);
	if (r == 0)
		r = container_read_spec(container, err);
	if (r == 0)
		r = checkpoint_prepare(&c, program, &q->settings, container->spec, false, err);
	if (r == 0)
		r = put_request(&c, container, q, err);
	if (r < 0)
		return r;

	if (!q->leave_running && !q->pre_dump)
		warn_of_strays(container);
	bool paused = container_status(container) == CONTAINER_PAUSED;
	r = criu_start(&c, NULL, 0, true, err);
	if (r == 0)
		r = criu_ask(&c, q->pre_dump ? CRIU_PRE_DUMP : CRIU_DUMP, NULL, NULL, &response, err);
	if (r < 0 && !paused) {
		criu_done(&c);
		thaw(container);
	}
	return r;
}
