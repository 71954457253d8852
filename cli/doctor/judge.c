/* The pure parts of the checks: what lines of text say. */
#include "doctor.h"
#include "cleanup.h"
#include "str.h"
#include <string.h>

enum { IDS_WANTED = 65536 };

struct range { char *owner; uint64_t first, end; };

/* read_ranges - NAME:FIRST:COUNT; other lines are counted in *@ret_odd. Caller frees; the names are @pool's */
static struct range *read_ranges(const char *text, struct pool *pool, size_t *ret_n, size_t *ret_odd)
{
	struct strings lines cleanup_strings = { 0 };
	strings_split(&lines, text, "\n");
	struct range *list = xcalloc(lines.n + 1, sizeof *list);
	*ret_n = *ret_odd = 0;
	for (size_t i = 0; i < lines.n; i++) {
		struct strings f cleanup_strings = { 0 };
		uint64_t first, count;
		if (lines.v[i][0] == '#')
			continue;
		strings_split(&f, lines.v[i], ":");
		if (f.n != 3 || str_to_u64(f.v[1], UINT32_MAX, &first) < 0 || str_to_u64(f.v[2], UINT32_MAX, &count) < 0 ||
		    first + count > UINT32_MAX) {
			++*ret_odd;
			continue;
		}
		list[(*ret_n)++] = (struct range) { pool_strdup(pool, f.v[0]), first, first + count };
	}
	return list;
}

static bool is_mine(const struct range *r, const char *user, uid_t uid)
{
	uint64_t v;
	return str_eq(r->owner, user) || (str_to_u64(r->owner, UINT32_MAX, &v) == 0 && v == uid);
}

/* real_owner - who of /etc/passwd or /etc/group has an id of @r; the name is @pool's */
static char *real_owner(const struct range *r, const char *passwd, struct pool *pool)
{
	struct strings lines cleanup_strings = { 0 };
	strings_split(&lines, passwd, "\n");
	for (size_t i = 0; i < lines.n; i++) {
		struct strings f cleanup_strings = { 0 };
		uint64_t id;
		strings_split(&f, lines.v[i], ":");
		if (f.n > 2 && str_to_u64(f.v[2], UINT32_MAX, &id) == 0 && id >= r->first && id < r->end)
			return pool_printf(pool, "%s (%llu)", f.v[0], (unsigned long long) id);
	}
	return NULL;
}

/* shared_with - who else has ids of @r: another user's range, or a real user */
static char *shared_with(const struct range *r, const struct range *list, size_t n, const char *passwd, const char *user, uid_t uid,
			 struct pool *pool)
{
	for (size_t i = 0; i < n; i++)
		if (!is_mine(&list[i], user, uid) && list[i].first < r->end && r->first < list[i].end)
			return pool_printf(pool, "the subordinate ids of %s (%llu to %llu)", list[i].owner, (unsigned long long) list[i].first,
					   (unsigned long long) list[i].end - 1);
	return real_owner(r, passwd, pool);
}

char *subids_judge(const char *file, const char *text, const char *passwd, const char *user, uid_t uid, uint64_t *ret_ids, bool *ret_bad)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	size_t n, odd;
	cleanup_free struct range *list = read_ranges(text, &pool, &n, &odd);
	char *sentence = NULL;
	*ret_ids = 0;
	*ret_bad = false;
	for (size_t i = 0; i < n; i++) {
		if (!is_mine(&list[i], user, uid))
			continue;
		*ret_ids += list[i].end - list[i].first;
		char *who = shared_with(&list[i], list, n, passwd, user, uid, &pool);
		if (who && !sentence) {
			*ret_bad = true;
			sentence = xasprintf("%s's ids %llu to %llu of %s are also %s: each can change the other's files", user,
					     (unsigned long long) list[i].first, (unsigned long long) list[i].end - 1, file, who);
		}
	}
	if (!sentence && *ret_ids == 0)
		sentence = xasprintf("%s has none in %s", user, file);
	if (!sentence && *ret_ids < IDS_WANTED)
		sentence = xasprintf("%s has only %llu in %s: images with ids above that cannot be unpacked (%d are usual)", user,
				     (unsigned long long) *ret_ids, file, IDS_WANTED);
	if (!sentence && odd)
		sentence = xasprintf("%zu line%s of %s %s not NAME:FIRST:COUNT, and %s left out", odd, odd == 1 ? "" : "s", file,
				     odd == 1 ? "is" : "are", odd == 1 ? "is" : "are");
	return sentence;
}

char *controllers_missing(const char *have, const char *wanted)
{
	struct strings has cleanup_strings = { 0 }, wants cleanup_strings = { 0 };
	struct buf b = { 0 };
	strings_split(&has, have, " \n");
	strings_split(&wants, wanted, " ");
	for (size_t i = 0; i < wants.n; i++)
		if (!strings_have(has.v, wants.v[i]))
			buf_printf(&b, "%s%s", b.len ? " " : "", wants.v[i]);
	return b.data;
}
