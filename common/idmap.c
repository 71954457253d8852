#include "idmap.h"
#include "cleanup.h"
#include "fs.h"
#include "mem.h"
#include "proc.h"
#include "str.h"
#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

enum {
	FILE_MAX = 64 << 20,	/* of /etc/passwd and the like; large sites copy their directory into them */
	RANGES_MAX = 340, /* the kernel's, since Linux 4.15 */
	SUBIDS_FIRST = 100000,
	SUBIDS_COUNT = 65536, /* what useradd(8) gives to the first user, and to each */
};
static const char program_path[] = "/usr/bin:/bin:/usr/sbin:/sbin:/usr/local/bin";
#define ID_END UINT32_MAX	/* (uid_t) -1 is no id */

void idmap_done(struct idmap *m)
{
	cleanup_freep(&m->ranges);
	*m = (struct idmap) { 0 };
}

void idmap_add(struct idmap *m, uint32_t container_id, uint32_t host_id, uint32_t size)
{
	if (!size)
		return;
	m->ranges = xreallocarray(m->ranges, m->n + 1, sizeof *m->ranges);
	m->ranges[m->n++] = (struct id_range) { container_id, host_id, size };
}

int idmap_parse(const char *word, struct idmap *m)
{
	unsigned inside, outside, count;
	char end;
	if (sscanf(word, "%u:%u:%u%c", &inside, &outside, &count, &end) != 3)
		return -EINVAL;
	idmap_add(m, inside, outside, count);
	return 0;
}

uint32_t idmap_to_host(const struct idmap *m, uint32_t container_id)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct id_range *r = &m->ranges[i];
		if (container_id >= r->container_id && container_id - r->container_id < r->size)
			return r->host_id + (container_id - r->container_id);
	}
	return (uint32_t) -1;
}

uint32_t idmap_from_host(const struct idmap *m, uint32_t host_id)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct id_range *r = &m->ranges[i];
		if (host_id >= r->host_id && host_id - r->host_id < r->size)
			return r->container_id + (host_id - r->host_id);
	}
	return (uint32_t) -1;
}

int idmap_own(struct idmap *m, bool groups, struct error *err)
{
	const char *path = groups ? "/proc/self/gid_map" : "/proc/self/uid_map";
	cleanup_free char *text = NULL;
	int r = fs_read_file(AT_FDCWD, path, 1 << 16, &text, NULL, err);
	if (r < 0)
		return r;
	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		unsigned long inside, outside, size;
		if (sscanf(line, "%lu %lu %lu", &inside, &outside, &size) != 3)
			return error_say(err, EBADMSG, "'%s' has a line that is no map", path);
		idmap_add(m, (uint32_t) inside, (uint32_t) inside, (uint32_t) size);
	}
	return 0;
}

/* ---- /etc/passwd, /etc/subuid, /etc/subgid ---- */

enum { FIELDS_MAX = 3, FIELD_SIZE = 264 };

/* next_line - the first @n fields of the line at *@text, which moves on. A field that is too long to be a
 * name or a number, or missing, is empty. Return: how many fields the line has, -1 behind the last line. */
static int next_line(const char **text, int n, char fields[][FIELD_SIZE])
{
	if (!**text)
		return -1;
	const char *p = *text;
	size_t len = strcspn(p, "\n");
	const char *end = p + len;
	*text = end + (*end == '\n');

	for (int i = 0; i < n; i++)
		fields[i][0] = 0;
	int count = 0;
	for (;; p++, count++) {
		size_t field = strcspn(p, ":\n");
		if (count < n && field < FIELD_SIZE) {
			memcpy(fields[count], p, field);
			fields[count][field] = 0;
		}
		p += field;
		if (p >= end)
			return count + 1;
	}
}

char *idmap_user_name(const char *passwd_text, uid_t uid)
{
	char f[FIELDS_MAX][FIELD_SIZE];
	for (int n; (n = next_line(&passwd_text, FIELDS_MAX, f)) >= 0;) {
		uint64_t v;
		/* "+" and "-" are the name service's, no users */
		if (n > 2 && *f[0] && *f[0] != '+' && *f[0] != '-' && str_to_u64(f[2], UINT32_MAX, &v) == 0 &&
		    v == uid)
			return xstrdup(f[0]);
	}
	return NULL;
}

/* next_subids - the next valid line: whose (a name or a number), and the ids from *@start to before *@end */
static bool next_subids(const char **text, char owner[FIELD_SIZE], uint64_t *start, uint64_t *end)
{
	char f[FIELDS_MAX][FIELD_SIZE];
	for (int n; (n = next_line(text, FIELDS_MAX, f)) >= 0;) {
		uint64_t count;
		if (n != 3 || !*f[0] || str_to_u64(f[1], ID_END, start) < 0 ||
		    str_to_u64(f[2], ID_END, &count) < 0 || *start + count > ID_END)
			continue;
		*end = *start + count;
		strcpy(owner, f[0]);
		return true;
	}
	return false;
}

static bool is_owner(const char *owner, const char *user, uid_t uid)
{
	uint64_t v;
	return str_eq(owner, user) || (str_to_u64(owner, UINT32_MAX, &v) == 0 && v == uid);
}

/* skip_mapped - the first id from @id on, up to @end, that @m does not have; *@ret_free_end: before the next
 * it has */
static uint64_t skip_mapped(const struct idmap *m, uint64_t id, uint64_t end, uint64_t *ret_free_end)
{
	bool again = true;
	while (again) {
		again = false;
		*ret_free_end = end;
		for (size_t i = 0; i < m->n; i++) {
			uint64_t first = m->ranges[i].host_id, behind = first + m->ranges[i].size;
			if (first <= id && id < behind) {
				id = behind;
				again = true;
			} else if (first > id && first < *ret_free_end) {
				*ret_free_end = first;
			}
		}
	}
	return id < end ? id : end;
}

uint64_t idmap_subids(struct idmap *m, const char *text, const char *user, uid_t uid, uint32_t first)
{
	char owner[FIELD_SIZE];
	uint64_t next = first, start, end, free_end;
	while (next_subids(&text, owner, &start, &end)) {
		if (!is_owner(owner, user, uid))
			continue;
		while ((start = skip_mapped(m, start, end, &free_end)) < end && next < ID_END) {
			uint64_t size = free_end - start;
			if (size > ID_END - next)
				size = ID_END - next;
			idmap_add(m, (uint32_t) next, (uint32_t) start, (uint32_t) size);
			next += size;
			start += size;
		}
	}
	return next - first;
}

static bool has_number(const char *text, uid_t uid)
{
	char owner[FIELD_SIZE];
	uint64_t start, end;
	while (next_subids(&text, owner, &start, &end))
		if (is_owner(owner, NULL, uid))
			return true;
	return false;
}

/* free_subids - where a range begins that nobody has yet: behind all others */
static uint64_t free_subids(const char *uids_text, const char *gids_text)
{
	char owner[FIELD_SIZE];
	uint64_t free_id = SUBIDS_FIRST, start, end;
	for (int i = 0; i < 2; i++)
		for (const char *text = i ? gids_text : uids_text; next_subids(&text, owner, &start, &end);)
			if (end > free_id)
				free_id = end;
	return free_id;
}

/* ---- who else may know ---- */

bool idmap_asks_others(const char *nsswitch_text)
{
	for (const char *line = nsswitch_text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		const char *sources = str_after(line + strspn(line, " \t"), "subid:");
		if (!sources)
			continue;
		sources += strspn(sources, " \t");
		size_t len = strcspn(sources, " \t\n#");
		return len && !(len == 5 && strncmp(sources, "files", 5) == 0);
	}
	return false;
}

uint64_t idmap_getsubids(struct idmap *m, const char *output, uint32_t first)
{
	cleanup_buf struct buf text = { 0 };
	for (const char *line = output; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		unsigned long long number, start, count;
		char end;
		cleanup_free char *one = xstrndup(line, strcspn(line, "\n"));
		if (sscanf(one, "%llu: %*255s %llu %llu%c", &number, &start, &count, &end) == 3)
			buf_printf(&text, "0:%llu:%llu\n", start, count);
	}
	return idmap_subids(m, buf_str(&text), NULL, 0, first);
}

/* ask - "-g" for group ids. No answer is one, too */
static uint64_t ask(struct idmap *m, const char *path, const char *kind, const char *user)
{
	cleanup_strings struct strings argv = { 0 };
	cleanup_free char *output = NULL;
	strings_add(&argv, "getsubids");
	if (kind)
		strings_add(&argv, kind);
	strings_add(&argv, user);
	const struct proc_spawn what = { .path = path, .argv = argv.v };
	return proc_run(&what, &output, NULL) == 0 ? idmap_getsubids(m, output, 1) : 0;
}

/* ask_others - only when the files have nothing: nobody waits for a program whose answer is not needed */
static void ask_others(const char *user, struct idmap *uids, struct idmap *gids, bool *no_uids, bool *no_gids)
{
	cleanup_free char *text = NULL;
	if (fs_read_file(AT_FDCWD, "/etc/nsswitch.conf", FILE_MAX, &text, NULL, NULL) < 0 || !idmap_asks_others(text))
		return;
	cleanup_free char *path = proc_find("getsubids", program_path);
	if (!path || !user)
		return;
	if (*no_uids)
		*no_uids = ask(uids, path, NULL, user) == 0;
	if (*no_gids)
		*no_gids = ask(gids, path, "-g", user) == 0;
}

/* ---- the caller's map ---- */

static int read_optional(const char *path, char **ret, struct error *err)
{
	struct error why = { 0 };
	int r = fs_read_file(AT_FDCWD, path, FILE_MAX, ret, NULL, &why);
	if (r == -ENOENT)
		*ret = xstrdup("");
	else if (r < 0)
		return error_say(err, -r, "%s", why.text);
	return 0;
}

struct sources {
	char *passwd, *subuid, *subgid, *user;	/* user: NULL when nobody knows its name */
	uid_t uid;
};

static void sources_done(struct sources *s)
{
	cleanup_freep(&s->passwd);
	cleanup_freep(&s->subuid);
	cleanup_freep(&s->subgid);
	cleanup_freep(&s->user);
}

static int sources_read(struct sources *s, struct error *err)
{
	int r = read_optional("/etc/passwd", &s->passwd, err);
	if (r == 0)
		r = read_optional("/etc/subuid", &s->subuid, err);
	if (r == 0)
		r = read_optional("/etc/subgid", &s->subgid, err);
	if (r < 0)
		return r;

	s->uid = geteuid();
	s->user = idmap_user_name(s->passwd, s->uid);
	const char *claimed = getenv("USER");
	if (!s->user && !str_empty(claimed) && !has_number(s->subuid, s->uid) &&
	    !has_number(s->subgid, s->uid))
		s->user = xstrdup(claimed);
	return 0;
}

static int no_range(const struct sources *s, bool no_uids, bool no_gids, struct error *err)
{
	const char *what = no_uids && no_gids ? "user and group ids in /etc/subuid and /etc/subgid"
		: no_uids ? "user ids in /etc/subuid" : "group ids in /etc/subgid";
	unsigned long long first = free_subids(s->subuid, s->subgid), last = first + SUBIDS_COUNT - 1;
	if (!s->user)
		return error_say(err, ENOENT,
				 "user %u has no name in /etc/passwd and no subordinate %s; as root, add the "
				 "line '%u:%llu:%d' there",
				 s->uid, what, s->uid, first, SUBIDS_COUNT);

	int r = error_say(err, ENOENT, "user '%s' has no subordinate %s", s->user, what);
	if (last >= ID_END)
		return r;	/* the last ids are given away: no command to offer */
	if (no_uids && no_gids)
		(void) error_hint(err, "as root, run `usermod --add-subuids %llu-%llu --add-subgids %llu-%llu"
				  " %s`", first, last, first, last, s->user);
	else
		(void) error_hint(err, "as root, run `usermod --add-sub%s %llu-%llu %s`",
				  no_uids ? "uids" : "gids", first, last, s->user);
	return r;
}

int idmap_rootless(struct idmap *uids, struct idmap *gids, struct error *err)
{
	struct sources s CLEANUP(sources_done) = { 0 };
	int r = sources_read(&s, err);
	if (r < 0)
		return r;

	cleanup_idmap struct idmap u = { 0 }, g = { 0 };
	idmap_add(&u, 0, s.uid, 1);
	idmap_add(&g, 0, getegid(), 1);
	bool no_uids = idmap_subids(&u, s.subuid, s.user, s.uid, 1) == 0;
	bool no_gids = idmap_subids(&g, s.subgid, s.user, s.uid, 1) == 0;
	if (no_uids || no_gids)
		ask_others(s.user, &u, &g, &no_uids, &no_gids);
	if (no_uids || no_gids)
		return no_range(&s, no_uids, no_gids, err);

	idmap_done(uids);
	idmap_done(gids);
	*uids = u;
	*gids = g;
	u = g = (struct idmap) { 0 };
	return 0;
}

void idmap_single(struct idmap *uids, struct idmap *gids)
{
	idmap_done(uids);
	idmap_done(gids);
	idmap_add(uids, 0, geteuid(), 1);
	idmap_add(gids, 0, getegid(), 1);
}

/* ---- writing the maps ---- */

static bool may_write_directly(void)
{
	return proc_has_capabilities(1U << CAP_SETUID | 1U << CAP_SETGID);
}

static bool is_only(const struct idmap *m, uint32_t host_id)
{
	return m->n == 1 && m->ranges[0].host_id == host_id && m->ranges[0].size == 1;
}

static int write_map(pid_t pid, const char *file, const struct idmap *m, struct error *err)
{
	cleanup_free char *path = xasprintf("/proc/%d/%s", (int) pid, file);
	cleanup_buf struct buf text = { 0 };
	for (size_t i = 0; i < m->n; i++)
		buf_printf(&text, "%u %u %u\n", m->ranges[i].container_id, m->ranges[i].host_id,
			   m->ranges[i].size);
	return fs_write_file(AT_FDCWD, path, buf_str(&text), err);
}

static int write_directly(pid_t pid, const struct idmap *uids, const struct idmap *gids, bool deny,
			  struct error *err)
{
	if (deny) {	/* else the kernel lets nobody but root map a group: dropping one can add rights */
		cleanup_free char *path = xasprintf("/proc/%d/setgroups", (int) pid);
		int r = fs_write_file(AT_FDCWD, path, "deny", err);
		if (r < 0)
			return r;
	}
	int r = write_map(pid, "uid_map", uids, err);
	if (r == 0)
		r = write_map(pid, "gid_map", gids, err);
	return r;
}

/* ---- newuidmap, newgidmap ---- */

struct mapper {
	const char *name, *kind;
	char *path;
	pid_t pid;	/* 0: not started */
	int output_fd;
	char output[300];
	int code;
};

static void mapper_done(struct mapper *m)
{
	cleanup_freep(&m->path);
	close_fd(&m->output_fd);
	if (m->pid > 0)
		(void) proc_wait(m->pid);
	m->pid = 0;
}

static int mapper_find(struct mapper *m, struct error *err)
{
	m->path = proc_find(m->name, NULL);
	if (!m->path)	/* a PATH of one's own making should not decide over this */
		m->path = proc_find(m->name, program_path);
	if (!m->path)
		return error_say(err, ENOENT,
				 "%s is not installed, and without it only one's own id can be mapped; "
				 "install the `uidmap` package (`shadow-utils` or `shadow` in some "
				 "distributions)", m->name);
	return 0;
}

static int mapper_start(struct mapper *m, pid_t pid, const struct idmap *map, struct error *err)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_set(err, errno, "run '%s': make a pipe", m->path);
	m->output_fd = ends[0];
	cleanup_close int write_fd = ends[1];

	cleanup_strings struct strings argv = { 0 };
	strings_add(&argv, m->name);
	strings_printf(&argv, "%d", (int) pid);
	for (size_t i = 0; i < map->n; i++) {
		strings_printf(&argv, "%u", map->ranges[i].container_id);
		strings_printf(&argv, "%u", map->ranges[i].host_id);
		strings_printf(&argv, "%u", map->ranges[i].size);
	}
	const struct proc_fd fds[] = {
		{ -1, STDIN_FILENO }, { write_fd, STDOUT_FILENO }, { write_fd, STDERR_FILENO },
	};
	const struct proc_spawn what = { .path = m->path, .argv = argv.v, .fds = fds, .n_fds = 3 };
	int r = proc_spawn(&what, NULL, err);
	m->pid = r > 0 ? r : 0;
	return r < 0 ? r : 0;
}

/* mapper_wait - what it said, as one line, and its exit code; both run meanwhile */
static void mapper_wait(struct mapper *m)
{
	ssize_t n = fs_read_all(m->output_fd, m->output, sizeof m->output - 1);
	m->output[n > 0 ? n : 0] = 0;
	/* closed only now: a longer text breaks its pipe, which is a failure it had already */
	close_fd(&m->output_fd);
	m->code = proc_wait(m->pid);
	m->pid = 0;
	for (char *p = m->output; *p; p++)
		if ((unsigned char) *p < ' ')
			*p = ' ';
	/* a part of a sentence of ours */
	for (size_t len = strlen(m->output); len && strchr(" .", m->output[len - 1]); len--)
		m->output[len - 1] = 0;
}

/* why_unprivileged - the reason why a helper runs without the privilege that is its purpose, or NULL */
static const char *why_unprivileged(const char *path)
{
	struct stat st;
	struct statvfs fs;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		return "this process was started with no_new_privs, under which setuid programs have no "
		       "effect; start it without";
	if (stat(path, &st) < 0 || statvfs(path, &fs) < 0)
		return NULL;
	if (fs.f_flag & ST_NOSUID)
		return "its file system is mounted nosuid; mount it without";
	bool setuid_root = (st.st_mode & S_ISUID) && st.st_uid == 0;
	if (!setuid_root && getxattr(path, "security.capability", NULL, 0) < 0)
		return "it has neither the setuid bit nor file capabilities; reinstall the `uidmap` package, "
		       "or make it setuid root (`chmod u+s`)";
	return NULL;
}

static int mapper_failed(const struct mapper *m, pid_t pid, struct error *err)
{
	const char *said = str_after(m->output, m->name);	/* it begins with its name */
	said = said ? said + strspn(said, ": ") : m->output;
	const char *remedy = why_unprivileged(m->path);
	int r = *said ? error_say(err, EPERM, "map %s ids of process %d: '%s' failed: %s", m->kind, (int) pid,
				  m->path, said)
		      : error_say(err, EPERM, "map %s ids of process %d: '%s' failed with exit code %d",
				  m->kind, (int) pid, m->path, m->code);
	if (remedy)
		(void) error_hint(err, "%s", remedy);
	else if (strstr(said, "not allowed"))
		(void) error_hint(err, "the range must be the user's in /etc/sub%cid; as root, "
				  "`usermod --add-sub%cids FIRST-LAST USER` gives it", *m->kind, *m->kind);
	return r;
}

static int map_by_helpers(pid_t pid, const struct idmap *uids, const struct idmap *gids, struct error *err)
{
	struct mapper u CLEANUP(mapper_done) = { .name = "newuidmap", .kind = "user", .output_fd = -1 };
	struct mapper g CLEANUP(mapper_done) = { .name = "newgidmap", .kind = "group", .output_fd = -1 };
	int r = mapper_find(&u, err);
	if (r == 0)
		r = mapper_find(&g, err);
	if (r == 0)
		r = mapper_start(&u, pid, uids, err);
	if (r == 0)
		r = mapper_start(&g, pid, gids, err);
	if (r < 0)
		return error_wrap(err, "map ids of process %d", (int) pid), r;

	mapper_wait(&u);
	mapper_wait(&g);
	if (u.code)
		return mapper_failed(&u, pid, err);
	return g.code ? mapper_failed(&g, pid, err) : 0;
}

/* ---- both ways ---- */

static int check_map(const struct idmap *m, const char *kind, struct error *err)
{
	if (m->n == 0)
		return error_say(err, EINVAL, "there are no %s ids to map", kind);
	if (m->n > RANGES_MAX)
		return error_say(err, EINVAL, "%zu ranges of %s ids are more than the %d that Linux can map",
				 m->n, kind, RANGES_MAX);
	return 0;
}

int idmap_apply(pid_t pid, const struct idmap *uids, const struct idmap *gids, struct error *err)
{
	int r = check_map(uids, "user", err);
	if (r == 0)
		r = check_map(gids, "group", err);
	if (r < 0)
		return r;

	bool capable = may_write_directly();
	if (!capable && !(is_only(uids, geteuid()) && is_only(gids, getegid())))
		return map_by_helpers(pid, uids, gids, err);
	r = write_directly(pid, uids, gids, !capable, err);
	if (r == -EPERM && capable)
		(void) error_hint(err, "the process must be in a user namespace made in this one that has no "
				  "map yet, and the ids must be mapped here (id 0 also needs CAP_SETFCAP)");
	else if (r == -EPERM)
		(void) error_hint(err, "the process must be this user's, in a user namespace that has no map "
				  "yet");
	return r;
}

bool idmap_is_single(void)
{
	cleanup_free char *map = NULL;
	unsigned inside, outside, size;
	int end = 0;
	return fs_read_file(AT_FDCWD, "/proc/self/uid_map", 4096, &map, NULL, NULL) == 0 &&
	       sscanf(map, "%u %u %u\n%n", &inside, &outside, &size, &end) == 3 && size == 1 && end > 0 && !map[end];
}

bool idmap_is_initial(int proc_fd)
{
	cleanup_free char *map = NULL;
	unsigned inside, outside, size;
	const char *path = proc_fd < 0 ? "/proc/self/uid_map" : "self/uid_map";
	return fs_read_file(proc_fd < 0 ? AT_FDCWD : proc_fd, path, 4096, &map, NULL, NULL) < 0 ||
	       (sscanf(map, "%u %u %u", &inside, &outside, &size) == 3 && inside == 0 && outside == 0 && size == UINT32_MAX);
}
