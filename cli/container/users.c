#include "users.h"
#include "cleanup.h"
#include "fs.h"
#include "lists.h"
#include "record.h"
#include <fcntl.h>
#include <string.h>

enum { TEXT_MAX = 16 << 20 };

const struct json_type record_users_type = JSON_TYPE(struct record_users,
	JSON_FIELD(struct record_users, userns, "userns"), JSON_FIELD(struct record_users, name, "name"),
	JSON_FIELD(struct record_users, group, "group"), JSON_FIELD(struct record_users, home, "home"),
	JSON_FIELD(struct record_users, user, "user"));

/* ---- maps as text ---- */

static char **to_texts(const struct idmap *m, struct pool *pool)
{
	char **list = pool_alloc(pool, (m->n + 1) * sizeof *list);
	for (size_t i = 0; i < m->n; i++)
		list[i] = pool_printf(pool, "%u %u %u", m->ranges[i].container_id, m->ranges[i].host_id, m->ranges[i].size);
	return list;
}

static int from_texts(const struct record *r, char *const *list, struct idmap *ret, struct error *err)
{
	for (; list && *list; list++) {
		unsigned container, outside, size;
		char end;
		if (sscanf(*list, "%u %u %u%c", &container, &outside, &size, &end) != 3)
			return error_say(err, EBADMSG, "the record of container %.12s is damaged: '%s' is no map of ids", r->id, *list);
		idmap_add(ret, container, outside, size);
	}
	return 0;
}

void users_set_maps(struct record *r, const struct idmap *uids, const struct idmap *gids, struct pool *pool)
{
	r->uid_map = to_texts(uids, pool);
	r->gid_map = to_texts(gids, pool);
}

bool users_mapped(const struct record *r) { return r->uid_map && r->uid_map[0]; }

int users_maps(const struct record *r, struct idmap *uids, struct idmap *gids, struct error *err)
{
	*uids = *gids = (struct idmap) { 0 };
	int result = from_texts(r, r->uid_map, uids, err);
	return result < 0 ? result : from_texts(r, r->gid_map, gids, err);
}

int users_mount_maps(const struct record *r, const struct record_mount *m, struct idmap *uids, struct idmap *gids, struct error *err)
{
	char **uid_map = m->uid_map ? m->uid_map : r->uid_map, **gid_map = m->gid_map ? m->gid_map : r->gid_map;
	*uids = *gids = (struct idmap) { 0 };
	if (!uid_map || !gid_map)
		return error_say(err, EINVAL, "mount on '%s': idmap without ids is for a container in a user namespace of its own; give the ids: "
				 "idmap=uids=FROM-TO-SIZE;gids=FROM-TO-SIZE", m->destination);
	int result = from_texts(r, uid_map, uids, err);
	return result < 0 ? result : from_texts(r, gid_map, gids, err);
}

int users_outer(const struct record *r, uint32_t *uid, uint32_t *gid, struct error *err)
{
	struct idmap uids cleanup_idmap = { 0 }, gids cleanup_idmap = { 0 };
	if (!users_mapped(r))
		return 0;
	int result = users_maps(r, &uids, &gids, err);
	if (result < 0)
		return result;
	uint32_t u = idmap_to_host(&uids, *uid), g = idmap_to_host(&gids, *gid);
	if (u == UINT32_MAX || g == UINT32_MAX)
		return error_say(err, EINVAL, "the container's user namespace has no %u:%u", *uid, *gid);
	*uid = u;
	*gid = g;
	return 0;
}

/* ---- --uidmap ---- */

static int check_overlap(const char *option, const struct idmap *m, struct error *err)
{
	for (size_t i = 0; i < m->n; i++)
		for (size_t k = 0; k < i; k++) {
			const struct id_range *a = &m->ranges[i], *b = &m->ranges[k];
			bool inside = a->container_id < b->container_id + b->size && b->container_id < a->container_id + a->size;
			bool outside = a->host_id < b->host_id + b->size && b->host_id < a->host_id + a->size;
			if (inside || outside)
				return error_say(err, EINVAL, "%s: an id is mapped twice, by '%u:%u:%u' and by '%u:%u:%u'", option, b->container_id,
						 b->host_id, b->size, a->container_id, a->host_id, a->size);
		}
	return 0;
}

int users_parse_map(const char *option, const char *word, struct idmap *ret, struct error *err)
{
	struct strings parts cleanup_strings = { 0 };
	uint64_t container = 0, outside = 0, size = 1;
	strings_split(&parts, word, ":");
	if (parts.n < 2 || parts.n > 3 || str_to_u64(parts.v[0], UINT32_MAX - 1, &container) < 0 ||
	    str_to_u64(parts.v[1], UINT32_MAX - 1, &outside) < 0 || (parts.n == 3 && str_to_u64(parts.v[2], UINT32_MAX, &size) < 0) ||
	    size == 0 || container + size > UINT32_MAX || outside + size > UINT32_MAX)
		return error_say(err, EINVAL, "%s '%s': give CONTAINER-ID:ID[:COUNT], three numbers", option, word);
	idmap_add(ret, (uint32_t) container, (uint32_t) outside, (uint32_t) size);
	return check_overlap(option, ret, err);
}

static int parse_list(const char *option, const struct strings *words, struct idmap *ret, struct error *err)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < words->n; i++)
		r = users_parse_map(option, words->v[i], ret, err);
	return r;
}

/* has_all - are all ids of @m among the @n that an ordinary user has, 0 and up? */
static int has_all(const char *option, const struct idmap *m, uint64_t n, struct error *err)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->ranges[i].host_id + (uint64_t) m->ranges[i].size > n)
			return error_say(err, EINVAL, "%s: id %llu is not yours to map: 0 is you, and 1 to %llu are your subordinate ids", option,
					 m->ranges[i].host_id + (unsigned long long) m->ranges[i].size - 1, (unsigned long long) n - 1);
	return 0;
}

/* ---- what there is to map ---- */

static uint64_t count(const struct idmap *m)
{
	uint64_t n = 0;
	for (size_t i = 0; i < m->n; i++)
		n += m->ranges[i].size;
	return n;
}

/* count_own - how many ids an ordinary user has in M. Without subordinate ones it is one: @why then has the sentence that says how to get some */
static int count_own(uint64_t *uids, uint64_t *gids, struct error *why, struct error *err)
{
	struct idmap u cleanup_idmap = { 0 }, g cleanup_idmap = { 0 };
	int r = idmap_rootless(&u, &g, why);
	*uids = *gids = 1;
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return error_say(err, -r, "%s", why->text);
	*uids = count(&u);
	*gids = count(&g);
	return 0;
}

/* ---- keep-id, nomap ---- */

/* keep - the caller (0 of M) is @own, the others come in their order around it */
static void keep(struct idmap *m, uint32_t own, uint64_t n)
{
	uint32_t below = own < n - 1 ? own : (uint32_t) (n - 1);
	idmap_add(m, 0, 1, below);
	idmap_add(m, own, 0, 1);
	if (n > (uint64_t) own + 1)
		idmap_add(m, own + 1, own + 1, (uint32_t) (n - own - 1));
}

/* parse_keep - of "uid=200,gid=210,size=1000"; @size: 0: all there are */
static int parse_keep(const char *text, uint32_t *uid, uint32_t *gid, uint64_t *size, struct error *err)
{
	struct strings words cleanup_strings = { 0 };
	strings_split(&words, text, ",");
	*size = 0;
	for (size_t i = 0; i < words.n; i++) {
		const char *u = str_after(words.v[i], "uid="), *g = str_after(words.v[i], "gid="), *n = str_after(words.v[i], "size=");
		uint64_t v;
		if ((!u && !g && !n) || str_to_u64(u ? u : g ? g : n, UINT32_MAX - 1, &v) < 0 || (n && v == 0))
			return error_say(err, EINVAL, "--userns 'keep-id:%s': there are uid=NUMBER, gid=NUMBER and size=NUMBER, with commas between",
					 text);
		if (n)
			*size = v;
		else
			*(u ? uid : gid) = (uint32_t) v;
	}
	return 0;
}

/* take_only - of what there is to map, @size ids */
static int take_only(uint64_t size, uint64_t *n, const char *kind, struct error *err)
{
	if (size > *n)
		return error_say(err, EINVAL, "--userns keep-id:size=%llu: there are %llu %s ids, you and your subordinate ones",
				 (unsigned long long) size, (unsigned long long) *n, kind);
	*n = size ? size : *n;
	return 0;
}

/* note_caller - what it is called, for the container's /etc/passwd */
static void note_caller(struct record_users *u, struct pool *pool)
{
	cleanup_free char *passwd = NULL, *group = NULL;
	if (fs_read_file(AT_FDCWD, "/etc/passwd", TEXT_MAX, &passwd, NULL, NULL) == 0) {
		cleanup_free char *name = idmap_user_name(passwd, geteuid());
		u->name = name ? pool_strdup(pool, name) : NULL;
	}
	if (fs_read_file(AT_FDCWD, "/etc/group", TEXT_MAX, &group, NULL, NULL) == 0) {
		cleanup_free char *name = idmap_user_name(group, getegid());	/* the same three fields */
		u->group = name ? pool_strdup(pool, name) : NULL;
	}
	const char *home = getenv("HOME");
	u->home = home && *home == '/' ? pool_strdup(pool, home) : NULL;
}

static int needs_subids(const char *mode, const struct error *why, struct error *err)
{
	return error_say(err, EPERM, "--userns=%s needs subordinate ids: %s", mode, why->text);
}

static int make_keep(const char *text, bool user_given, struct pool *pool, struct record *ret, struct error *err)
{
	struct idmap uids cleanup_idmap = { 0 }, gids cleanup_idmap = { 0 };
	uint32_t uid = geteuid(), gid = getegid();
	uint64_t n_uids, n_gids, size;
	struct error why = { 0 };
	int r = parse_keep(text, &uid, &gid, &size, err);
	if (r == 0)
		r = count_own(&n_uids, &n_gids, &why, err);
	if (r == 0)
		r = take_only(size, &n_uids, "user", err);
	if (r == 0)
		r = take_only(size, &n_gids, "group", err);
	if (r < 0)
		return r;
	if (size == 1 && (uid || gid))
		return error_say(err, EINVAL, "--userns keep-id:size=1: nobody would be root, and the container needs one; give 2 or more");
	if ((n_uids == 1 && uid != 0) || (n_gids == 1 && gid != 0))	/* nobody would be root, and the runtime needs one */
		return needs_subids("keep-id", &why, err);
	keep(&uids, uid, n_uids);
	keep(&gids, gid, n_gids);
	users_set_maps(ret, &uids, &gids, pool);
	ret->users.user = pool_printf(pool, "%u:%u", uid, gid);
	if (!user_given)
		ret->user = ret->users.user;
	note_caller(&ret->users, pool);
	return 0;
}

static int make_nomap(struct pool *pool, struct record *ret, struct error *err)
{
	struct idmap uids cleanup_idmap = { 0 }, gids cleanup_idmap = { 0 };
	uint64_t n_uids, n_gids;
	struct error why = { 0 };
	int r = count_own(&n_uids, &n_gids, &why, err);
	if (r < 0)
		return r;
	if (n_uids == 1 || n_gids == 1)
		return needs_subids("nomap", &why, err);
	idmap_add(&uids, 0, 1, (uint32_t) (n_uids - 1));
	idmap_add(&gids, 0, 1, (uint32_t) (n_gids - 1));
	users_set_maps(ret, &uids, &gids, pool);
	return 0;
}

/* ---- given maps ---- */

static int make_given(const struct users_options *o, struct pool *pool, struct record *ret, struct error *err)
{
	struct idmap uids cleanup_idmap = { 0 }, gids cleanup_idmap = { 0 };
	uint64_t n_uids, n_gids;
	struct error why = { 0 };
	int r = parse_list("--uidmap", o->uidmap.n ? &o->uidmap : &o->gidmap, &uids, err);
	if (r == 0)
		r = parse_list("--gidmap", o->gidmap.n ? &o->gidmap : &o->uidmap, &gids, err);
	if (r == 0 && (idmap_to_host(&uids, 0) == UINT32_MAX || idmap_to_host(&gids, 0) == UINT32_MAX))
		r = error_say(err, EINVAL, "%s: the container needs an id 0, for nobody else may set it up",
			      idmap_to_host(&uids, 0) == UINT32_MAX ? "--uidmap" : "--gidmap");
	if (r == 0 && geteuid() != 0) {
		r = count_own(&n_uids, &n_gids, &why, err);
		if (r == 0)
			r = has_all("--uidmap", &uids, n_uids, err);
		if (r == 0)
			r = has_all("--gidmap", &gids, n_gids, err);
		if (r == -EINVAL && (n_uids == 1 || n_gids == 1))
			(void) error_hint(err, "%s", why.text);
	}
	if (r < 0)
		return r;
	users_set_maps(ret, &uids, &gids, pool);
	return 0;
}

/* ---- all modes ---- */

static int only_for_users(const char *mode, struct error *err)
{
	return error_say(err, EINVAL, "--userns=%s is for ordinary users: root's id would not change; as root there are host and auto, and --uidmap",
			 mode);
}

static int make_mode(const char *mode, bool user_given, struct pool *pool, struct record *ret, struct error *err)
{
	static const char *const modes[] = { "host", "keep-id", "auto", "nomap", NULL };
	const char *more = strchr(mode, ':');
	cleanup_free char *word = xstrndup(mode, strcspn(mode, ":"));
	if (strcmp(word, "host") == 0 && !more)
		return 0;
	ret->users.userns = pool_strdup(pool, mode);
	if (strcmp(word, "auto") == 0)
		return users_check_auto(more ? more + 1 : "", err);
	if (strcmp(word, "keep-id") == 0)
		return geteuid() == 0 ? only_for_users(word, err) : make_keep(more ? more + 1 : "", user_given, pool, ret, err);
	if (strcmp(word, "nomap") == 0 && !more)
		return geteuid() == 0 ? only_for_users(word, err) : make_nomap(pool, ret, err);
	if (strcmp(word, "container") == 0 && more && more[1])	/* users_resolve() finds it */
		return 0;
	const char *near = strings_have((char *const *) modes, word) ? NULL : str_nearest(word, modes);
	return error_say(err, EINVAL, "--userns '%s': there are host, keep-id[:uid=N,gid=N,size=N], auto[:size=N,...], nomap and "
			 "container:NAME%s%s%s", mode,
			 near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

int users_to_record(const struct users_options *o, bool user_given, struct pool *pool, struct record *ret, struct error *err)
{
	bool maps = o->uidmap.n || o->gidmap.n;
	if (o->userns && maps)
		return error_say(err, EINVAL, "--userns with --%s: one of them decides the ids, leave the other out",
				 o->uidmap.n ? "uidmap" : "gidmap");
	return maps ? make_given(o, pool, ret, err) : o->userns ? make_mode(o->userns, user_given, pool, ret, err) : 0;
}

/* ---- another container's ---- */

int users_resolve(const struct carrier *c, struct pool *pool, struct record *r, struct error *err)
{
	struct container found cleanup_container = CONTAINER_NONE;
	const char *name = users_other(r);
	if (!name)
		return 0;
	int result = record_find(c, name, false, &found, err);
	if (result < 0)
		return error_wrap(err, "--userns");
	r->users.userns = pool_printf(pool, "container:%s", found.record.id);
	if (users_mapped(&found.record)) {
		r->uid_map = list_copy(pool, found.record.uid_map, NULL);
		r->gid_map = list_copy(pool, found.record.gid_map, NULL);
	}
	return 0;
}

const char *users_other(const struct record *r) { return r->users.userns ? str_after(r->users.userns, "container:") : NULL; }

/* ---- config.json ---- */

struct spec_id_mapping *users_mappings(const struct idmap *m, struct pool *pool, size_t *n)
{
	struct spec_id_mapping *list = pool_alloc(pool, (m->n + 1) * sizeof *list);
	for (*n = 0; *n < m->n; ++*n)
		list[*n] = (struct spec_id_mapping) { m->ranges[*n].container_id, m->ranges[*n].host_id, m->ranges[*n].size };
	return list;
}

int users_to_spec(const struct record *r, pid_t other, struct spec_linux *l, struct pool *pool, struct error *err)
{
	struct idmap uids cleanup_idmap = { 0 }, gids cleanup_idmap = { 0 };
	if (!users_mapped(r))
		return 0;
	int result = users_maps(r, &uids, &gids, err);
	if (result < 0)
		return result;
	struct spec_namespace *list = pool_alloc(pool, (l->n_namespaces + 1) * sizeof *list);
	memcpy(list + 1, l->namespaces, l->n_namespaces * sizeof *list);
	list[0] = (struct spec_namespace) { .type = pool_strdup(pool, "user") };
	l->namespaces = list;
	l->n_namespaces++;
	if (other) {	/* its maps are written already */
		list[0].path = pool_printf(pool, "/proc/%d/ns/user", (int) other);
		return 0;
	}
	l->uid_mappings = users_mappings(&uids, pool, &l->n_uid_mappings);
	l->gid_mappings = users_mappings(&gids, pool, &l->n_gid_mappings);
	return 0;
}

/* ---- the caller's name inside ---- */

static char *with_line(const char *text, char *line)
{
	size_t len = strlen(text);
	char *all = xasprintf("%s%s%s", text, len && text[len - 1] != '\n' ? "\n" : "", line);
	free(line);
	return all;
}

int users_passwd(const struct record *r, const char *passwd, const char *group, const char *home, char **ret_passwd, char **ret_group)
{
	const struct record_users *u = &r->users;
	unsigned uid, gid;
	*ret_passwd = *ret_group = NULL;
	if (!u->user || sscanf(u->user, "%u:%u", &uid, &gid) != 2)
		return 0;
	cleanup_free char *known = idmap_user_name(passwd, uid), *known_group = idmap_user_name(group, gid);
	const char *name = u->name ? u->name : "user";
	if (!known)
		*ret_passwd = with_line(passwd, xasprintf("%s:*:%u:%u::%s:/bin/sh\n", name, uid, gid, home));
	if (!known_group)
		*ret_group = with_line(group, xasprintf("%s:x:%u:%s\n", u->group ? u->group : name, gid, name));
	return !known || !known_group;
}
