/* 08: what a container leaves when its monitor is killed, and nobody has taken away yet.
 *
 * Theory of operation. A monitor takes away everything itself, and the next command what a killed one has left; what is found here is what
 * both have missed. Each look collects suspects. Since containers come and go meanwhile, they are looked at again until none is left or
 * SETTLE_MS have passed since the first was seen: what a monitor or another command is just removing is no leftover. Only what carries an id of
 * --root's containers, or a path below --root or --runroot, is ours; a cgroup that carries an unknown id may be of a carrier with another --root, and
 * is removed only when it is empty and old.
 */
#include "doctor.h"
#include "../container/apart.h"
#include "../container/runtime.h"
#include "../container/userns.h"
#include "cleanup.h"
#include "fs.h"
#include "proc.h"
#include "str.h"
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>

enum { ID_LEN = 64, SHORT_ID = 12, SETTLE_MS = 1500, PAUSE_US = 100000, CGROUP_DEPTH = 12, OLD_S = 60, MOUNTS_MAX = 16 << 20 };

/* ---- our containers ---- */

struct known { struct container *list; size_t n; };

static void known_done(struct known *k)
{
	for (size_t i = 0; i < k->n; i++)
		container_done(&k->list[i]);
	free(k->list);
	*k = (struct known) { 0 };
}
#define cleanup_known CLEANUP(known_done)

static void known_read(const struct doctor *d, struct known *k)
{
	known_done(k);
	(void) record_list(d->carrier, &k->list, &k->n, NULL);
}

static const struct container *known_find(const struct known *k, const char *id)
{
	for (size_t i = 0; i < k->n; i++)
		if (strncmp(k->list[i].record.id, id, ID_LEN) == 0)
			return &k->list[i];
	return NULL;
}

/* is_active - the container may have processes, cgroups and the like */
static bool is_active(const struct known *k, const char *id)
{
	const struct container *c = known_find(k, id);
	return c && container_active(c);
}

static bool is_id(const char *s) { return strspn(s, "0123456789abcdef") >= ID_LEN; }

/* ---- looking again ---- */

/* settle - what @find, which adds its suspects to a list, still finds after a while */
static void settle(struct doctor *d, void (*find)(struct doctor *d, const struct known *k, struct strings *ret), struct strings *ret)
{
	for (;; (void) usleep(PAUSE_US)) {
		struct known k cleanup_known = { 0 };
		strings_done(ret);
		known_read(d, &k);
		find(d, &k, ret);
		if (ret->n && !d->patient_until)
			d->patient_until = now_ms() + SETTLE_MS;
		if (ret->n == 0 || now_ms() > d->patient_until)
			return;
	}
}

/* ---- containers ---- */

static void find_unattended(struct doctor *d, const struct known *k, struct strings *ret)
{
	for (size_t i = 0; i < k->n; i++)
		if (k->list[i].state == RECORD_UNATTENDED)
			strings_printf(ret, "%s", k->list[i].record.name);
}

static void look_containers(struct doctor *d)
{
	struct strings list cleanup_strings = { 0 };
	settle(d, find_unattended, &list);
	for (size_t i = 0; i < list.n; i++)
		doctor_warn(d, doctor_printf(d, "carrier stop %s; carrier start %s", list.v[i], list.v[i]),
			    "%s runs without its monitor, which was killed: "
			    "nobody writes its log, and its exit code will not be known", list.v[i]);
	if (list.n == 0)
		doctor_ok(d, "every one that runs has its monitor");
}

/* damaged - a directory that record_list() does not understand */
static void look_records(struct doctor *d)
{
	struct known k cleanup_known = { 0 };
	cleanup_free char *path = xasprintf("%s/containers", d->carrier->root);
	cleanup_dir DIR *dir = opendir(path);
	size_t before = d->n;
	known_read(d, &k);
	for (struct dirent *e; dir && (e = readdir(dir));) {
		struct stat st;
		cleanup_free char *record = xasprintf("%s/record.json", e->d_name);
		struct container c cleanup_container = CONTAINER_NONE;
		struct error err = { 0 };
		if (!is_id(e->d_name) || e->d_name[ID_LEN] || fstatat(dirfd(dir), record, &st, AT_SYMLINK_NOFOLLOW) < 0 || known_find(&k, e->d_name))
			continue;
		/* one that was made, or began to end, since the list was read, is none */
		if (record_find(d->carrier, e->d_name, false, &c, &err) == 0 && c.state == RECORD_DEAD && !*c.record.name)
			doctor_bad(d, doctor_printf(d, "carrier rm %.*s", SHORT_ID, e->d_name), "the record of container %.*s is damaged",
				   SHORT_ID, e->d_name);
	}
	if (d->n == before)
		doctor_ok(d, "%zu can be read", k.n);
}

/* ---- names ---- */

static void find_names(struct doctor *d, const struct known *k, struct strings *ret)
{
	cleanup_free char *path = xasprintf("%s/names", d->carrier->root);
	cleanup_dir DIR *dir = opendir(path);
	for (struct dirent *e; dir && (e = readdir(dir));) {
		char id[ID_LEN + 2];
		struct stat st;
		ssize_t n = e->d_name[0] == '.' ? -1 : readlinkat(dirfd(dir), e->d_name, id, sizeof id - 1);
		if (n < 0)
			continue;
		id[n] = 0;
		cleanup_free char *target = xasprintf("%s/containers/%s", d->carrier->root, id);
		if (lstat(target, &st) < 0 && errno == ENOENT)
			strings_add(ret, e->d_name);
	}
}

/* free_names - as record_names.c does: whoever unlinks a name locks their directory, and looks again */
static void free_names(struct doctor *d, const struct strings *names)
{
	cleanup_free char *path = xasprintf("%s/names", d->carrier->root);
	cleanup_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct strings again cleanup_strings = { 0 };
	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		return;
	find_names(d, NULL, &again);
	for (size_t i = 0; i < again.n; i++)
		if (strings_have(names->v, again.v[i]) && unlinkat(fd, again.v[i], 0) == 0)
			doctor_fixed(d, "the name %s was of a container that is gone: it is free again", again.v[i]);
}

static void look_names(struct doctor *d)
{
	struct strings list cleanup_strings = { 0 };
	settle(d, find_names, &list);
	if (d->fix && list.n)
		free_names(d, &list);
	else if (list.n)
		for (size_t i = 0; i < list.n; i++)
			doctor_warn(d, "carrier doctor --fix", "the name %s is of a container that is gone", list.v[i]);
	else
		doctor_ok(d, "each is of a container");
}

/* ---- temporary files ---- */

static bool writer_lives(const char *name)
{
	const char *number = str_after(name, ".tmp-");
	int pid = 0;
	return !number || sscanf(number, "%d-", &pid) != 1 || pid <= 0 || kill(pid, 0) == 0 || errno != ESRCH;
}

static void find_files_in(const char *path, struct strings *ret)
{
	cleanup_dir DIR *dir = opendir(path);
	for (struct dirent *e; dir && (e = readdir(dir));)
		if (str_starts(e->d_name, ".tmp-") && !writer_lives(e->d_name))
			strings_printf(ret, "%s/%s", path, e->d_name);
}

static void find_files(struct doctor *d, const struct known *k, struct strings *ret)
{
	cleanup_free char *containers = xasprintf("%s/containers", d->carrier->root), *names = xasprintf("%s/names", d->carrier->root);
	cleanup_free char *volumes = xasprintf("%s/volumes", d->carrier->root), *secrets = xasprintf("%s/secrets", d->carrier->root);
	const char *const places[] = { d->carrier->root, d->carrier->runroot, containers, names, volumes, secrets };
	for (size_t i = 0; i < sizeof places / sizeof *places; i++)
		find_files_in(places[i], ret);
	for (size_t i = 0; i < k->n; i++)
		find_files_in(k->list[i].dir, ret);
}

static int remove_tree(void *ctx, struct error *err) { return fs_remove_tree(AT_FDCWD, ctx, err); }

static void look_files(struct doctor *d)
{
	struct strings list cleanup_strings = { 0 };
	settle(d, find_files, &list);
	for (size_t i = 0; i < list.n; i++) {
		struct error err = { 0 };
		if (!d->fix)
			doctor_warn(d, "carrier doctor --fix", "'%s' is what a killed command was writing", list.v[i]);
		else if (apart_as_owner(d->carrier->rootless, remove_tree, list.v[i], &err) < 0)
			doctor_error(d, true, &err);
		else
			doctor_fixed(d, "'%s' was what a killed command was writing, and is removed", list.v[i]);
	}
	if (list.n == 0)
		doctor_ok(d, "no half-written files");
}

/* ---- the runtime's states ---- */

static void find_states(struct doctor *d, const struct known *k, struct strings *ret)
{
	cleanup_free char *path = xasprintf("%s/woody", d->carrier->runroot);
	cleanup_dir DIR *dir = opendir(path);
	for (struct dirent *e; dir && (e = readdir(dir));)
		if (is_id(e->d_name) && !is_active(k, e->d_name))
			strings_add(ret, e->d_name);
}

/* delete_state - by the runtime, which knows cgroups, too; for an id without a record there is one made up */
static int delete_state(struct doctor *d, const char *id, struct error *err)
{
	struct container c cleanup_container = CONTAINER_NONE;
	if (record_find(d->carrier, id, false, &c, NULL) < 0) {
		c.dir = pool_printf(&c.pool, "%s/containers/%s", d->carrier->root, id);
		c.record.id = pool_strdup(&c.pool, id);
		c.record.name = pool_strndup(&c.pool, id, SHORT_ID);
	}
	return container_active(&c) ? 0 : container_kill_rest(d->carrier, &c, err);
}

static void look_states(struct doctor *d)
{
	struct strings list cleanup_strings = { 0 };
	settle(d, find_states, &list);
	for (size_t i = 0; i < list.n; i++) {
		struct error err = { 0 };
		if (!d->fix)
			doctor_bad(d, "carrier doctor --fix", "the runtime still knows container %.*s, which does not run", SHORT_ID, list.v[i]);
		else if (delete_state(d, list.v[i], &err) < 0)
			doctor_error(d, true, &err);
		else
			doctor_fixed(d, "the runtime knew container %.*s, which does not run: it has forgotten it", SHORT_ID, list.v[i]);
	}
	if (list.n == 0)
		doctor_ok(d, "the runtime knows only what runs");
}

/* ---- cgroups ---- */

/* group_id - of ".../carrier/ID", "carrier-ID.scope"; NULL: none of carrier's */
static const char *group_id(const char *parent, const char *name)
{
	const char *id = str_after(name, "carrier-");
	if (!id && str_ends(parent, "/carrier"))
		id = name;
	return id && is_id(id) && (id[ID_LEN] == 0 || str_eq(id + ID_LEN, ".scope")) ? id : NULL;
}

static bool is_empty_group(const char *path)
{
	cleanup_free char *procs = xasprintf("%s/cgroup.procs", path), *text = NULL;
	return fs_read_file(AT_FDCWD, procs, 1 << 20, &text, NULL, NULL) == 0 && !*text;
}

/* find_groups_in - @strange: in place of those of our containers the empty, old ones with ids that we do not know */
static void find_groups_in(const char *path, int depth, const struct known *k, bool strange, struct strings *ret)
{
	cleanup_dir DIR *dir = opendir(path);
	for (struct dirent *e; dir && (e = readdir(dir));) {
		struct stat st;
		if (e->d_type != DT_DIR || e->d_name[0] == '.')
			continue;
		cleanup_free char *below = xasprintf("%s/%s", path, e->d_name);
		const char *id = group_id(path, e->d_name);
		if (!id && depth > 0)
			find_groups_in(below, depth - 1, k, strange, ret);
		if (!id || lstat(below, &st) < 0 || (st.st_uid != geteuid() && geteuid() != 0) || strange == !!known_find(k, id))
			continue;
		if (strange ? is_empty_group(below) && time(NULL) - st.st_mtime > OLD_S : !is_active(k, id))
			strings_add(ret, below);
	}
}

static void find_groups(struct doctor *d, const struct known *k, struct strings *ret)
{
	find_groups_in("/sys/fs/cgroup", CGROUP_DEPTH, k, false, ret);
}

/* strange_groups - of containers that are gone, or of another --root: one line for all of them */
static size_t strange_groups(struct doctor *d)
{
	struct known k cleanup_known = { 0 };
	struct strings list cleanup_strings = { 0 };
	size_t removed = 0;
	known_read(d, &k);
	find_groups_in("/sys/fs/cgroup", CGROUP_DEPTH, &k, true, &list);
	for (size_t i = 0; d->fix && i < list.n; i++)
		removed += rmdir(list.v[i]) == 0;
	if (removed)
		doctor_fixed(d, "%zu cgroups of containers that are gone were empty, and are removed", removed);
	else if (list.n)
		doctor_warn(d, "carrier doctor --fix, which removes the empty ones only",
			    "%zu empty cgroups are of containers that --root does not have, such as "
			    "'%s'", list.n, list.v[0]);
	return list.n;
}

/* end_group - its processes are of a container that does not run: a record of ours says so */
static int end_group(const char *path, struct error *err)
{
	cleanup_free char *procs = xasprintf("%s/cgroup.procs", path), *text = NULL;
	for (int tries = 0; tries < 50; tries++, (void) usleep(20000)) {
		free(take_ptr(text));
		if (rmdir(path) == 0 || errno == ENOENT)
			return 0;
		if (errno != EBUSY || fs_read_file(AT_FDCWD, procs, 1 << 20, &text, NULL, NULL) < 0)
			break;
		for (char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n')
			(void) kill(atoi(line) > 1 ? atoi(line) : INT32_MAX, SIGKILL);
	}
	return error_set(err, errno, "remove the cgroup '%s'", path);
}

static void look_groups(struct doctor *d)
{
	struct strings list cleanup_strings = { 0 };
	settle(d, find_groups, &list);
	for (size_t i = 0; i < list.n; i++) {
		struct error err = { 0 };
		if (!d->fix)
			doctor_warn(d, "carrier doctor --fix", "'%s' is the cgroup of a container that does not run", list.v[i]);
		else if (end_group(list.v[i], &err) < 0)
			doctor_error(d, true, &err);
		else
			doctor_fixed(d, "'%s' was the cgroup of a container that does not run, and is removed", list.v[i]);
	}
	if (strange_groups(d) + list.n == 0)
		doctor_ok(d, "none without its container");
}

/* ---- processes ---- */

/* id_behind - the id that follows "CONTAINERS/" in a text, or NULL */
static const char *id_behind(const char *text, const char *containers)
{
	for (const char *s = text; (s = strstr(s, containers)); s++)
		if (is_id(s + strlen(containers)))
			return s + strlen(containers);
	return NULL;
}

/* id_of_links - a process that holds a file of a container's directory open, as its monitor does with the lock */
static char *id_of_links(int proc_fd, const char *pid, const char *containers)
{
	cleanup_free char *path = xasprintf("%s/fd", pid);
	cleanup_close int fd = openat(proc_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (dir)
		(void) take_fd(fd);
	for (struct dirent *e; dir && (e = readdir(dir));) {
		char target[4096];
		ssize_t n = readlinkat(dirfd(dir), e->d_name, target, sizeof target - 1);
		target[n > 0 ? n : 0] = 0;
		const char *id = id_behind(target, containers);
		if (id)
			return xstrndup(id, ID_LEN);
	}
	return NULL;
}

/* id_of_mounts - a process that lives in a container's mounts, or made them */
static char *id_of_mounts(int proc_fd, const char *pid, const char *containers)
{
	char ours[64] = "", theirs[64] = "";
	cleanup_free char *space = xasprintf("%s/ns/mnt", pid), *path = xasprintf("%s/mountinfo", pid), *text = NULL;
	if (readlinkat(proc_fd, "self/ns/mnt", ours, sizeof ours - 1) < 0 || readlinkat(proc_fd, space, theirs, sizeof theirs - 1) < 0 ||
	    str_eq(ours, theirs) || fs_read_file(proc_fd, path, MOUNTS_MAX, &text, NULL, NULL) < 0)
		return NULL;
	const char *id = id_behind(text, containers);
	return id ? xstrndup(id, ID_LEN) : NULL;
}

static void find_processes(struct doctor *d, const struct known *k, struct strings *ret)
{
	cleanup_free char *containers = xasprintf("%s/containers/", d->carrier->root);
	cleanup_dir DIR *dir = opendir("/proc");
	for (struct dirent *e; dir && (e = readdir(dir));) {
		uint64_t start;
		int64_t pid;
		if (str_to_i64(e->d_name, 2, INT32_MAX, &pid) < 0 || pid == getpid() || proc_start_time((pid_t) pid, &start) < 0)
			continue;
		cleanup_free char *id = id_of_links(dirfd(dir), e->d_name, containers);
		if (!id)
			id = id_of_mounts(dirfd(dir), e->d_name, containers);
		if (id && !is_active(k, id) && proc_state((pid_t) pid, start) != 'Z')
			strings_printf(ret, "%lld %llu %s", (long long) pid, (unsigned long long) start, id);
	}
}

static void look_processes(struct doctor *d)
{
	struct strings list cleanup_strings = { 0 };
	settle(d, find_processes, &list);
	for (size_t i = 0; i < list.n; i++) {
		long long pid;
		unsigned long long start;
		char id[ID_LEN + 1], name[64] = "?";
		if (sscanf(list.v[i], "%lld %llu %64s", &pid, &start, id) != 3)
			continue;
		cleanup_free char *path = xasprintf("/proc/%lld/comm", pid), *comm = NULL;
		if (fs_read_file(AT_FDCWD, path, 64, &comm, NULL, NULL) == 0)
			snprintf(name, sizeof name, "%.*s", (int) strcspn(comm, "\n"), comm);
		cleanup_close int pidfd = d->fix ? proc_open((pid_t) pid, start) : -1;
		int r = d->fix && pidfd >= 0 ? proc_signal(pidfd, SIGKILL) : 0;
		if (!d->fix)
			doctor_bad(d, doctor_printf(d, "carrier doctor --fix, or kill -9 %lld", pid),
				   "process %lld (%s) is of container %.*s, which does "
				   "not run", pid, name, SHORT_ID, id);
		else if (r < 0)
			doctor_bad(d, doctor_printf(d, "as root: kill -9 %lld", pid),
				   "process %lld (%s) is of container %.*s, which does not run, and "
				   "cannot be ended: %s", pid, name, SHORT_ID, id, strerror(-r));
		else
			doctor_fixed(d, "process %lld (%s) was of container %.*s, which does not run: it was ended", pid, name, SHORT_ID, id);
	}
	if (list.n == 0)
		doctor_ok(d, "none without its container");
}

/* ---- mounts ---- */

static void find_mounts(struct doctor *d, const struct known *k, struct strings *ret)
{
	cleanup_free char *containers = xasprintf("%s/containers/", d->carrier->root), *text = NULL;
	struct strings lines cleanup_strings = { 0 };
	if (fs_read_file(AT_FDCWD, "/proc/self/mountinfo", MOUNTS_MAX, &text, NULL, NULL) < 0)
		return;
	strings_split(&lines, text, "\n");
	for (size_t i = lines.n; i-- > 0;) {	/* the last is on top */
		struct strings f cleanup_strings = { 0 };
		strings_split(&f, lines.v[i], " ");
		if (f.n > 4 && id_behind(f.v[4], containers))
			strings_add(ret, f.v[4]);
	}
}

static void look_mounts(struct doctor *d)
{
	struct strings list cleanup_strings = { 0 };
	settle(d, find_mounts, &list);
	for (size_t i = 0; i < list.n; i++) {
		if (d->fix && umount2(list.v[i], MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
			doctor_fixed(d, "'%s' was mounted, though monitors mount in namespaces of their own: it is unmounted", list.v[i]);
		else
			doctor_bad(d, doctor_printf(d, "as root: umount -l '%s'", list.v[i]),
				   "something is mounted on '%s', though monitors mount in namespaces "
				   "of their own", list.v[i]);
	}
	if (list.n == 0)
		doctor_ok(d, "none below --root");
}

const struct doctor_check doctor_leftovers[] = {
	{ "CD0801", "containers", look_containers },
	{ "CD0802", "records", look_records },
	{ "CD0803", "names", look_names },
	{ "CD0804", "temporary files", look_files },
	{ "CD0805", "runtime states", look_states },
	{ "CD0806", "processes", look_processes },
	{ "CD0807", "leftover cgroups", look_groups },
	{ "CD0808", "leftover mounts", look_mounts },
	{ NULL, NULL, NULL },
};
