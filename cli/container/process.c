#include "process.h"
#include "../pairs.h"
#include "bundle.h"
#include "cleanup.h"
#include "fs.h"
#include "hooksdir.h"
#include "lists.h"
#include "record.h"
#include "str.h"
#include "user.h"
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum { ZONE_MAX = 1 << 20, UMASK_MAX = 0777 };

#define T struct record_process
const struct json_type record_process_type = JSON_TYPE(T, JSON_FIELD(T, groups, "groups"), JSON_FIELD(T, keep_groups, "keepGroups"),
	JSON_FIELD(T, no_passwd, "noPasswd"), JSON_FIELD(T, umask, "umask"), JSON_FIELD(T, sysctl, "sysctl"),
	JSON_FIELD(T, annotations, "annotations"), JSON_FIELD(T, hooks_dirs, "hooksDirs"), JSON_FIELD(T, timezone, "timezone"),
	JSON_FIELD(T, domainname, "domainname"), JSON_FIELD(T, personality, "personality"), JSON_FIELD(T, runtime, "runtime"));
#undef T

/* ---- options ---- */

int sysctl_allowed(const char *name, bool own_ipc, bool own_network, bool own_uts, struct error *err)
{
	static const char *const ipc[] = { "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall", "kernel.shmmax",
		"kernel.shmmni", "kernel.shm_rmid_forced", NULL };
	bool of_ipc = strings_have((char *const *) ipc, name) || str_starts(name, "fs.mqueue."), of_network = str_starts(name, "net.");
	bool of_uts = strcmp(name, "kernel.domainname") == 0;
	const char *shared = of_ipc && !own_ipc ? "--ipc" : of_network && !own_network ? "--network" : of_uts && !own_uts ? "--uts" : NULL;
	if (shared)
		return error_say(err, EINVAL, "--sysctl '%s': the container does not have this for itself because of %s; it would change "
				 "others", name,
				 shared);
	if (strcmp(name, "kernel.hostname") == 0)
		return error_say(err, EINVAL, "--sysctl 'kernel.hostname': that is what --hostname is for");
	if (!of_ipc && !of_network && !of_uts)
		return error_say(err, EINVAL, "--sysctl '%s': the kernel has one for all, not one for each container; what can be set are net.*, "
				 "fs.mqueue.*, kernel.domainname and those of System V IPC (kernel.shmmax, kernel.sem ...)", name);
	return 0;
}

static int set_sysctl(const struct process_options *o, bool host_network, struct pool *pool, struct record *ret, struct error *err)
{
	struct json_map *map = &ret->process.sysctl;
	int r = pairs_parse("--sysctl", &o->sysctl, true, pool, map, err);
	const char *ipc = ret->namespaces.ipc;
	bool own_ipc = !ipc || (strcmp(ipc, "host") != 0 && !str_starts(ipc, "container:"));
	for (size_t i = 0; r == 0 && i < map->n; i++) {
		for (char *c = map->pairs[i].key; *c; c++)	/* sysctl(8) takes both */
			*c = *c == '/' ? '.' : *c;
		r = sysctl_allowed(map->pairs[i].key, own_ipc, !host_network, !ret->namespaces.uts, err);
	}
	return r;
}

static int set_groups(const struct process_options *o, struct pool *pool, struct record_process *p, struct error *err)
{
	for (size_t i = 0; i < o->groups.n; i++)
		p->keep_groups |= strcmp(o->groups.v[i], "keep-groups") == 0;
	if (p->keep_groups && o->groups.n > 1)
		return error_say(err, EINVAL, "--group-add keep-groups leaves the process the caller's groups, and cannot be combined with others");
	p->groups = o->groups.n && !p->keep_groups ? list_copy(pool, o->groups.v, NULL) : NULL;
	return 0;
}

static int set_hooks(const struct process_options *o, struct pool *pool, struct record_process *p, struct error *err)
{
	if (o->hooks_dirs.n == 0)
		return 0;
	p->hooks_dirs = pool_alloc(pool, (o->hooks_dirs.n + 1) * sizeof *p->hooks_dirs);
	for (size_t i = 0; i < o->hooks_dirs.n; i++) {
		cleanup_free char *path = NULL;
		int r = fs_absolute(o->hooks_dirs.v[i], &path, err);
		if (r == 0)
			r = hooksdir_check(path, err);
		if (r < 0)
			return error_wrap(err, "--hooks-dir");
		p->hooks_dirs[i] = pool_strdup(pool, path);
	}
	return 0;
}

/* zone_path - of the host's file. Caller frees. */
static char *zone_path(const char *zone)
{
	const char *dir = getenv("TZDIR");
	return strcmp(zone, "local") == 0 ? xstrdup("/etc/localtime") : xasprintf("%s/%s", str_empty(dir) ? "/usr/share/zoneinfo" : dir, zone);
}

static int set_timezone(const char *zone, struct pool *pool, struct record_process *p, struct error *err)
{
	if (str_empty(zone))
		return 0;
	cleanup_free char *path = zone_path(zone);
	struct stat st;
	if (*zone == '/' || strstr(zone, "..") || stat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return error_say(err, ENOENT, "--tz '%s': there is no such zone in '%s'; `timedatectl list-timezones` has their names (package "
				 "tzdata)", zone, path);
	p->timezone = pool_strdup(pool, zone);
	return 0;
}

static int set_words(const struct process_options *o, struct pool *pool, struct record *record, struct error *err)
{
	struct record_process *p = &record->process;
	if (o->umask && (!*o->umask || strlen(o->umask) > 4 || strspn(o->umask, "01234567") != strlen(o->umask) ||
			 strtoul(o->umask, NULL, 8) > UMASK_MAX))
		return error_say(err, EINVAL, "--umask '%s': give an octal number up to 0777", o->umask);
	if (o->personality && strcmp(o->personality, "LINUX") != 0 && strcmp(o->personality, "LINUX32") != 0)
		return error_say(err, EINVAL, "--personality '%s': there are LINUX and LINUX32", o->personality);
	if (o->domainname && record->namespaces.uts)
		return error_say(err, EINVAL, "--domainname with --uts %s would change that of others; leave one out", record->namespaces.uts);
	p->umask = o->umask ? pool_strdup(pool, o->umask) : NULL;
	p->personality = o->personality ? pool_strdup(pool, o->personality) : NULL;
	p->domainname = str_empty(o->domainname) ? NULL : pool_strdup(pool, o->domainname);
	p->no_passwd = !o->passwd;
	if (str_empty(o->runtime))
		return 0;
	cleanup_free char *path = NULL;
	int r = strchr(o->runtime, '/') ? fs_absolute(o->runtime, &path, err) : 0;
	p->runtime = pool_strdup(pool, path ? path : o->runtime);
	return r;
}

int process_to_record(const struct process_options *o, bool host_network, struct pool *pool, struct record *ret, struct error *err)
{
	struct record_process *p = &ret->process;
	int r = set_sysctl(o, host_network, pool, ret, err);
	r = r < 0 ? r : pairs_parse("--annotation", &o->annotations, true, pool, &p->annotations, err);
	r = r < 0 ? r : set_groups(o, pool, p, err);
	r = r < 0 ? r : set_hooks(o, pool, p, err);
	r = r < 0 ? r : set_timezone(o->timezone, pool, p, err);
	return r < 0 ? r : set_words(o, pool, ret, err);
}

/* ---- config.json ---- */

/* find_group - a number, or a name of the container's. As a group of some user, so that one parser knows the file */
static int find_group(const char *word, const char *group_text, struct pool *pool, uint32_t *ret, struct error *err)
{
	struct spec_user found = { 0 };
	struct error why = { 0 };
	cleanup_free char *user = xasprintf("0:%s", word);
	if (strchr(word, ':') || identity_parse_user(user, "", group_text, pool, &found, &why) < 0)
		return error_say(err, EINVAL, "--group-add '%s': the container's /etc/group has no such group; give its number, or "
				 "keep-groups", word);
	*ret = found.gid;
	return 0;
}

int process_groups(const struct record_process *r, const char *group_text, struct pool *pool, struct spec_user *ret, struct error *err)
{
	if (r->keep_groups) {
		ret->additional_gids = (struct u32s) { 0 };
		return 0;
	}
	size_t more = strings_count(r->groups), n = ret->additional_gids.n;
	if (more == 0)
		return 0;
	uint32_t *v = pool_alloc(pool, (n + more) * sizeof *v);
	if (n)
		memcpy(v, ret->additional_gids.v, n * sizeof *v);
	for (size_t i = 0; i < more; i++) {
		uint32_t gid;
		size_t at = 0;
		int result = find_group(r->groups[i], group_text, pool, &gid, err);
		if (result < 0)
			return result;
		while (at < n && v[at] != gid)
			at++;
		v[at] = gid;
		n += at == n;
	}
	ret->additional_gids = (struct u32s) { n, v };
	return 0;
}

/* add_map - @more's pairs take the place of those of the same name */
static void add_map(struct json_map *map, const struct json_map *more, struct pool *pool)
{
	if (more->n == 0)
		return;
	struct json_pair *pairs = pool_alloc(pool, (map->n + more->n) * sizeof *pairs);
	if (map->n)
		memcpy(pairs, map->pairs, map->n * sizeof *pairs);
	map->pairs = pairs;
	for (size_t i = 0; i < more->n; i++) {
		size_t at = 0;
		while (at < map->n && strcmp(pairs[at].key, more->pairs[i].key) != 0)
			at++;
		pairs[at] = more->pairs[i];
		map->n += at == map->n;
	}
}

/* add_bind - a file of the container's directory on @destination, unless something is mounted there */
static void add_bind(const struct container *c, struct runtime_spec *s, const char *name, const char *destination, struct pool *pool)
{
	for (size_t i = 0; i < s->n_mounts; i++)
		if (str_eq(s->mounts[i].destination, destination))
			return;
	struct spec_mount *list = pool_alloc(pool, (s->n_mounts + 1) * sizeof *list);
	if (s->n_mounts)
		memcpy(list, s->mounts, s->n_mounts * sizeof *list);
	list[s->n_mounts++] = (struct spec_mount) { .destination = pool_strdup(pool, destination), .type = pool_strdup(pool, "bind"),
		.source = pool_printf(pool, "%s/%s", c->dir, name), .options = list_words(pool, "bind rprivate nosuid nodev noexec") };
	s->mounts = list;
}

static int make_timezone(const struct container *c, struct runtime_spec *s, struct pool *pool, struct error *err)
{
	const char *zone = c->record.process.timezone;
	cleanup_free char *path = NULL, *data = NULL;
	size_t len;
	if (!zone)
		return 0;
	path = zone_path(zone);
	int r = fs_read_file(AT_FDCWD, path, ZONE_MAX, &data, &len, err);
	if (r == 0)
		r = fs_replace_file(c->dir_fd, "localtime", data, len, 0644, false, err);
	if (r < 0)
		return error_wrap(err, "--tz %s", zone);
	add_bind(c, s, "localtime", "/etc/localtime", pool);
	return 0;
}

/* ---- a user that the image does not know ---- */

/* has_id - is there a line of passwd(5) or group(5) with this number? */
static bool has_id(const char *text, uint32_t id)
{
	struct strings lines cleanup_strings = { 0 };
	strings_split(&lines, text, "\n");
	for (size_t i = 0; i < lines.n; i++) {
		const char *field = strchr(lines.v[i], ':');
		field = field ? strchr(field + 1, ':') : NULL;
		cleanup_free char *number = field ? xstrndup(field + 1, strcspn(field + 1, ":")) : NULL;
		uint64_t v;
		if (number && str_to_u64(number, UINT32_MAX, &v) == 0 && v == id)
			return true;
	}
	return false;
}

/* add_entry - @line behind the image's own file, as a file of the container's directory that is bound over it */
static int add_entry(const struct container *c, struct runtime_spec *s, int root_fd, const char *name, uint32_t id, const char *line,
		     struct pool *pool, struct error *err)
{
	cleanup_free char *path = xasprintf("etc/%s", name), *destination = xasprintf("/etc/%s", name), *text = NULL;
	int r = bundle_read_etc(root_fd, path, &text, err);
	if (r < 0 || !*text || has_id(text, id))
		return r;
	cleanup_free char *more = xasprintf("%s%s%s\n", text, str_ends(text, "\n") ? "" : "\n", line);
	r = fs_replace_file(c->dir_fd, name, more, strlen(more), 0644, false, err);
	if (r == 0)
		add_bind(c, s, name, destination, pool);
	return r;
}

/* make_passwd - only a number can be unknown: a name was looked up. root is known to everyone. */
static int make_passwd(const struct container *c, struct runtime_spec *s, struct pool *pool, struct error *err)
{
	const struct spec_user *u = &s->process->user;
	const char *word = c->record.user;
	if (c->record.process.no_passwd || str_empty(word) || *word < '0' || *word > '9' || u->uid == 0 ||
	    str_eq(word, c->record.users.user))	/* keep-id's has a name: users_files.c */
		return 0;
	cleanup_close int root_fd = open(s->root->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0)
		return error_set(err, errno, "open the rootfs '%s'", s->root->path);
	cleanup_free char *user = xasprintf("%u:*:%u:%u:container user:%s:/bin/sh", u->uid, u->uid, u->gid, s->process->cwd);
	cleanup_free char *group = xasprintf("%u:x:%u:%u", u->gid, u->gid, u->uid);
	int r = add_entry(c, s, root_fd, "passwd", u->uid, user, pool, err);
	return r < 0 ? r : add_entry(c, s, root_fd, "group", u->gid, group, pool, err);
}

int process_to_spec(const struct container *c, struct pool *pool, struct runtime_spec *s, struct error *err)
{
	const struct record_process *p = &c->record.process;
	static struct json_pair keep = { (char *) "run.oci.keep_original_groups", (char *) "1" };
	if (p->umask) {
		s->process->user.umask = pool_alloc(pool, sizeof *s->process->user.umask);
		*s->process->user.umask = (uint32_t) strtoul(p->umask, NULL, 8);
	}
	if (p->personality) {
		s->linux_->personality = pool_alloc(pool, sizeof *s->linux_->personality);
		s->linux_->personality->domain = p->personality;
	}
	s->domainname = p->domainname;
	add_map(&s->linux_->sysctl, &p->sysctl, pool);
	add_map(&s->annotations, &p->annotations, pool);
	if (p->keep_groups)
		add_map(&s->annotations, &(struct json_map) { 1, &keep }, pool);
	int r = make_passwd(c, s, pool, err);
	r = r < 0 ? r : make_timezone(c, s, pool, err);
	return r < 0 || !p->hooks_dirs ? r : hooksdir_to_spec(p->hooks_dirs, c->record.n_mounts > 0, pool, s, err);
}
