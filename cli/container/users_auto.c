/* --userns=auto: a range of ids that no other container has.
 *
 * Two that look for one at the same time must not find the same: a lock on ROOT/userns.lock is held from the look at the other
 * containers' records until ours is saved. It is nobody else's, and only --userns=auto takes it. */
#include "../image/view.h"
#include "cleanup.h"
#include "fs.h"
#include "record.h"
#include "users.h"
#include <fcntl.h>
#include <string.h>

enum { SIZE_LEAST = 1024, SIZE_MOST = 65536, NOBODY = 65534, TEXT_MAX = 16 << 20 };

struct request { uint64_t size; struct idmap uids, gids; };	/* size 0: as the image needs; the maps: given ones */

static void request_done(struct request *q)
{
	idmap_done(&q->uids);
	idmap_done(&q->gids);
}

/* parse - of "size=2048,uidmapping=0:1000:1" */
static int parse(const char *text, struct request *ret, struct error *err)
{
	struct strings words cleanup_strings = { 0 };
	int r = 0;
	strings_split(&words, text, ",");
	for (size_t i = 0; r == 0 && i < words.n; i++) {
		const char *word = words.v[i], *size = str_after(word, "size="), *u = str_after(word, "uidmapping="),
			   *g = str_after(word, "gidmapping=");
		if (size && (str_to_u64(size, UINT32_MAX, &ret->size) < 0 || ret->size == 0))
			r = error_say(err, EINVAL, "--userns 'auto:%s': size= takes a number of ids, at least 1", text);
		else if (u || g)
			r = users_parse_map(u ? "--userns: uidmapping=" : "--userns: gidmapping=", u ? u : g, u ? &ret->uids : &ret->gids, err);
		else if (!size)
			r = error_say(err, EINVAL, "--userns 'auto:%s': there are size=N, uidmapping=CONTAINER:ID:N and gidmapping=CONTAINER:ID:N",
				      text);
	}
	return r;
}

int users_check_auto(const char *text, struct error *err)
{
	struct request q CLEANUP(request_done) = { 0 };
	return parse(text, &q, err);
}

/* ---- how many ---- */

/* highest_id - of the third fields of /etc/passwd or /etc/group; nobody does not count */
static uint64_t highest_id(const char *text)
{
	uint64_t highest = 0;
	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		unsigned long id;
		const char *second = strchr(line, ':'), *third = second ? strchr(second + 1, ':') : NULL;
		if (third && third < line + strcspn(line, "\n") && sscanf(third, ":%lu", &id) == 1 && id != NOBODY && id > highest)
			highest = id;
	}
	return highest;
}

static uint64_t highest_in(const struct view *v, const char *path)
{
	struct stat st;
	cleanup_free char *where = NULL, *text = NULL;
	if (view_resolve(v, path, true, &where) < 0)
		return 0;
	int at = view_find(v, where, &st);
	if (at < 0 || !S_ISREG(st.st_mode) || fs_read_file(v->fds[at], where, TEXT_MAX, &text, NULL, NULL) < 0)
		return 0;
	return highest_id(text);
}

/* size_of - as podman: the image's users and the one that it runs as have a place. What cannot be read counts for nothing: then its
 * owner is not the container's, either. */
static uint64_t size_of(const struct record *r)
{
	struct view v = { xcalloc(strings_count(r->lowerdirs) + 1, sizeof(int)), 0 };
	unsigned long user = 0, group = 0;
	for (char **l = r->lowerdirs; l && *l; l++) {
		int fd = open(*l, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0)
			v.fds[v.n++] = fd;
	}
	uint64_t users = highest_in(&v, "etc/passwd"), groups = highest_in(&v, "etc/group"), size = SIZE_LEAST;
	(void) sscanf(r->user ? r->user : "", "%lu:%lu", &user, &group);
	const uint64_t highest[] = { users, groups, user, group };
	for (size_t i = 0; i < sizeof highest / sizeof *highest; i++)
		size = highest[i] >= size ? highest[i] + 1 : size;
	for (size_t i = 0; i < v.n; i++)
		close_fd(&v.fds[i]);
	free(v.fds);
	return size < SIZE_MOST ? size : SIZE_MOST;
}

/* ---- which ---- */

/* subids_of_root - of the user that engines have agreed on, or else root's own */
static int subids_of_root(struct idmap *ret, bool groups, struct error *err)
{
	const char *path = groups ? "/etc/subgid" : "/etc/subuid";
	cleanup_free char *text = NULL;
	if (fs_read_file(AT_FDCWD, path, TEXT_MAX, &text, NULL, NULL) < 0)
		text = xstrdup("");
	if (idmap_subids(ret, text, "containers", UINT32_MAX, 0) || idmap_subids(ret, text, "root", 0, 0))
		return 0;
	return error_say(err, ENOENT, "--userns=auto: neither 'containers' nor 'root' has ids in %s; run `echo containers:2147483647:2147483648 "
			 ">>%s`", path, path);
}

/* offered - what containers may be given, as ->host_id; never 0, which is somebody */
static int offered(const struct carrier *c, struct idmap *uids, struct idmap *gids, struct error *err)
{
	struct idmap u cleanup_idmap = { 0 }, g cleanup_idmap = { 0 };
	struct error why = { 0 };
	int r;
	if (!c->rootless) {
		r = subids_of_root(uids, false, err);
		return r < 0 ? r : subids_of_root(gids, true, err);
	}
	if (c->nested) {
		r = idmap_own(&u, false, err);
		if (r == 0)
			r = idmap_own(&g, true, err);
	} else {
		r = idmap_rootless(&u, &g, &why);
		for (int i = 0; r == 0 && i < 2; i++)	/* M has them one behind the other */
			for (size_t k = 0; k < (i ? &g : &u)->n; k++) {
				struct id_range *range = &(i ? &g : &u)->ranges[k];
				range->host_id = range->container_id;
			}
		if (r < 0)
			r = error_say(err, EPERM, "--userns=auto needs subordinate ids: %s", why.text);
	}
	for (int i = 0; r == 0 && i < 2; i++)
		for (size_t k = 0; k < (i ? &g : &u)->n; k++) {
			const struct id_range *range = &(i ? &g : &u)->ranges[k];
			uint32_t skip = range->host_id == 0;
			idmap_add(i ? gids : uids, 0, range->host_id + skip, range->size - skip);
		}
	return r;
}

/* add_taken - what the others have that were given theirs in this way */
static int add_taken(const struct carrier *c, struct idmap *uids, struct idmap *gids, struct error *err)
{
	struct container *list = NULL;
	size_t n = 0;
	int r = record_list(c, &list, &n, err);
	for (size_t i = 0; r == 0 && i < n; i++) {
		struct idmap u cleanup_idmap = { 0 }, g cleanup_idmap = { 0 };
		const char *mode = list[i].record.users.userns;
		if (!mode || !(str_starts(mode, "auto") || users_other(&list[i].record)) ||	/* the other may be gone, and its ids not free */
		    users_maps(&list[i].record, &u, &g, NULL) < 0)
			continue;
		for (size_t k = 0; k < u.n; k++)
			idmap_add(uids, 0, u.ranges[k].host_id, u.ranges[k].size);
		for (size_t k = 0; k < g.n; k++)
			idmap_add(gids, 0, g.ranges[k].host_id, g.ranges[k].size);
	}
	for (size_t i = 0; i < n; i++)
		container_done(&list[i]);
	free(list);
	return r;
}

/* fits - @size ids from @first on are in one range of @offer, and free of @taken */
static bool fits(const struct idmap *offer, const struct idmap *taken, uint64_t first, uint64_t size)
{
	bool there = false;
	for (size_t i = 0; i < offer->n; i++) {
		uint64_t from = offer->ranges[i].host_id;
		there = there || (first >= from && first + size <= from + offer->ranges[i].size);
	}
	for (size_t i = 0; there && i < taken->n; i++)
		there = first + size <= taken->ranges[i].host_id || first >= taken->ranges[i].host_id + (uint64_t) taken->ranges[i].size;
	return there;
}

/* lowest - a free range begins where one of the offer does, or behind one that is taken. -1: there is none */
static int64_t lowest(const struct idmap *offer, const struct idmap *taken, uint64_t size)
{
	int64_t best = -1;
	for (size_t i = 0; i < offer->n + taken->n; i++) {
		uint64_t first = i < offer->n ? offer->ranges[i].host_id : taken->ranges[i - offer->n].host_id +
									  (uint64_t) taken->ranges[i - offer->n].size;
		if ((best < 0 || first < (uint64_t) best) && fits(offer, taken, first, size))
			best = (int64_t) first;
	}
	return best;
}

/* fill - the container ids 0 to @size that @m has not mapped yet, to ids from @first on */
static void fill(struct idmap *m, uint64_t size, uint32_t first)
{
	struct idmap given = { xcalloc(m->n + 1, sizeof *m->ranges), m->n };
	memcpy(given.ranges, m->ranges, m->n * sizeof *m->ranges);
	for (uint64_t id = 0; id < size;) {
		uint64_t end = size, skip = 0;
		for (size_t i = 0; i < given.n; i++) {
			const struct id_range *g = &given.ranges[i];
			if (id >= g->container_id && id < g->container_id + (uint64_t) g->size)
				skip = g->container_id + (uint64_t) g->size - id;
			else if (g->container_id > id && g->container_id < end)
				end = g->container_id;
		}
		if (!skip) {
			idmap_add(m, (uint32_t) id, first, (uint32_t) (end - id));
			first += (uint32_t) (end - id);
		}
		id = skip ? id + skip : end;
	}
	idmap_done(&given);
}

static int choose(const char *kind, const struct idmap *offer, struct idmap *taken, uint64_t size, struct idmap *given, struct error *err)
{
	uint64_t inside = 0;
	for (size_t i = 0; i < given->n; i++) {	/* those that are mapped already need none */
		const struct id_range *g = &given->ranges[i];
		inside += g->container_id >= size ? 0 : g->container_id + (uint64_t) g->size > size ? size - g->container_id : g->size;
		idmap_add(taken, 0, g->host_id, g->size);
	}
	int64_t first = inside == size ? 0 : lowest(offer, taken, size - inside);
	if (first < 0)
		return error_say(err, ENOSPC, "--userns=auto: no %llu %s ids in a row are free: other containers have them "
				 "(`carrier ps -a`), or there are too few in /etc/sub%s; remove containers, or ask for fewer with auto:size=N",
				 (unsigned long long) (size - inside), kind, *kind == 'u' ? "uid" : "gid");
	fill(given, size, (uint32_t) first);
	return 0;
}

static int lock(const struct carrier *c, struct error *err)
{
	cleanup_free char *path = xasprintf("%s/userns.lock", c->root);
	cleanup_close int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : fs_lock(fd, true, true);
	return r < 0 ? error_set(err, -r, "lock '%s'", path) : take_fd(fd);
}

int users_claim(const struct carrier *c, struct pool *pool, struct record *r, int *ret_lock, struct error *err)
{
	*ret_lock = -1;
	if (!r->users.userns || !str_starts(r->users.userns, "auto"))
		return 0;
	struct idmap uids cleanup_idmap = { 0 }, gids cleanup_idmap = { 0 }, used_uids cleanup_idmap = { 0 }, used_gids cleanup_idmap = { 0 };
	struct request q CLEANUP(request_done) = { 0 };
	int result = parse(strchr(r->users.userns, ':') ? strchr(r->users.userns, ':') + 1 : "", &q, err);
	if (result == 0)
		result = offered(c, &uids, &gids, err);
	if (result < 0)
		return result;
	uint64_t size = q.size ? q.size : size_of(r);
	cleanup_close int held = lock(c, err);
	if (held < 0)
		return held;
	result = add_taken(c, &used_uids, &used_gids, err);
	if (result == 0)
		result = choose("user", &uids, &used_uids, size, &q.uids, err);
	if (result == 0)
		result = choose("group", &gids, &used_gids, size, &q.gids, err);
	if (result < 0)
		return result;
	users_set_maps(r, &q.uids, &q.gids, pool);
	*ret_lock = take_fd(held);
	return 0;
}
