#include "user.h"
#include "mem.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Everything works on pieces of the text as it is: nothing is copied before it is known to be wanted. */
struct slice {
	const char *at;
	size_t len;
};

static struct slice whole(const char *s) { return (struct slice){ s, strlen(s) }; }

static bool same(struct slice a, struct slice b) { return a.len == b.len && memcmp(a.at, b.at, a.len) == 0; }

/* cut - the part before the next @separator; @rest goes on behind it, and is NULL after the last part. false:
 * none left */
static bool cut(struct slice *rest, char separator, struct slice *part)
{
	if (!rest->at)
		return false;
	const char *end = memchr(rest->at, separator, rest->len);
	*part = (struct slice){ rest->at, end ? (size_t) (end - rest->at) : rest->len };
	*rest = end ? (struct slice){ end + 1, rest->len - part->len - 1 } : (struct slice){ NULL, 0 };
	return true;
}

static bool is_digits(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.at[i] < '0' || s.at[i] > '9')
			return false;
	return s.len > 0;
}

/* to_id - 2^32 - 1 is no id: system calls take it for "unchanged" */
static bool to_id(struct slice s, uint32_t *ret)
{
	uint64_t v = 0;
	if (!is_digits(s))
		return false;
	for (size_t i = 0; i < s.len; i++) {
		v = v * 10 + (uint64_t) (s.at[i] - '0');
		if (v >= UINT32_MAX)
			return false;
	}
	*ret = (uint32_t) v;
	return true;
}

/* ---- lines ---- */

struct passwd_line {
	struct slice name, home;
	uint32_t uid, gid;
};

/* name:password:uid:gid:comment:home:shell */
static bool parse_passwd_line(struct slice line, struct passwd_line *ret)
{
	struct slice field[6];
	size_t n = 0;
	while (n < 6 && cut(&line, ':', &field[n]))
		n++;
	if (n < 4 || field[0].len == 0 || !to_id(field[2], &ret->uid) || !to_id(field[3], &ret->gid))
		return false;
	ret->name = field[0];
	ret->home = n == 6 ? field[5] : (struct slice){ NULL, 0 };
	return true;
}

struct group_line {
	struct slice name, members;
	uint32_t gid;
};

/* name:password:gid:member,member */
static bool parse_group_line(struct slice line, struct group_line *ret)
{
	struct slice field[4];
	size_t n = 0;
	while (n < 4 && cut(&line, ':', &field[n]))
		n++;
	if (n < 3 || field[0].len == 0 || !to_id(field[2], &ret->gid))
		return false;
	ret->name = field[0];
	ret->members = n == 4 ? field[3] : (struct slice){ NULL, 0 };
	return true;
}

/* find_user - the first line of that uid, or, when @uid is NULL, of that name */
static bool find_user(const char *text, const uint32_t *uid, struct slice name, struct passwd_line *ret)
{
	struct slice rest = whole(text), line;
	while (cut(&rest, '\n', &line))
		if (parse_passwd_line(line, ret) && (uid ? ret->uid == *uid : same(ret->name, name)))
			return true;
	return false;
}

static bool find_group(const char *text, struct slice name, uint32_t *ret)
{
	struct slice rest = whole(text), line;
	struct group_line g;
	while (cut(&rest, '\n', &line)) {
		if (parse_group_line(line, &g) && same(g.name, name)) {
			*ret = g.gid;
			return true;
		}
	}
	return false;
}

/* ---- home ---- */

char *identity_home(const char *text, uint32_t uid)
{
	struct passwd_line p;
	bool known = find_user(text, &uid, (struct slice){ NULL, 0 }, &p);
	return known && p.home.len && p.home.at[0] == '/' ? xstrndup(p.home.at, p.home.len) : xstrdup("/");
}

/* ---- groups of a user ---- */

static bool is_member(struct slice members, struct slice name)
{
	struct slice member;
	while (cut(&members, ',', &member))
		if (same(member, name))
			return true;
	return false;
}

static int by_id(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *) a, y = *(const uint32_t *) b;
	return (x > y) - (x < y);
}

/* member_of - into @ids (NGROUPS_MAX long), ascending, each once. Return: how many, or -E2BIG */
static int member_of(const char *group_text, struct slice name, uint32_t *ids)
{
	struct slice rest = whole(group_text), line;
	struct group_line g;
	size_t n = 0;
	while (cut(&rest, '\n', &line)) {
		if (!parse_group_line(line, &g) || !is_member(g.members, name))
			continue;
		if (n == NGROUPS_MAX)
			return -E2BIG;
		ids[n++] = g.gid;
	}
	qsort(ids, n, sizeof *ids, by_id);
	size_t unique = 0;
	for (size_t i = 0; i < n; i++)
		if (unique == 0 || ids[unique - 1] != ids[i])
			ids[unique++] = ids[i];
	return (int) unique;
}

static int add_groups(const char *group_text, struct slice name, struct pool *pool, struct u32s *ret,
		      struct error *err)
{
	uint32_t *ids = xreallocarray(NULL, NGROUPS_MAX, sizeof *ids);
	int n = member_of(group_text, name, ids);
	if (n > 0) {
		ret->v = memcpy(pool_alloc(pool, (size_t) n * sizeof *ids), ids, (size_t) n * sizeof *ids);
		ret->n = (size_t) n;
	}
	free(ids);
	return n < 0 ? error_say(err, -n, "the user is in more than %d groups of the container's /etc/group",
				 NGROUPS_MAX)
		     : 0;
}

/* ---- --user ---- */

static int parse_group(struct slice word, const char *group_text, uint32_t *ret, struct error *err)
{
	if (word.len == 0)
		return error_say(err, EINVAL, "there is no group behind the colon");
	if (to_id(word, ret))
		return 0;
	if (is_digits(word))
		return error_say(err, ERANGE, "a group id is at most %u", UINT32_MAX - 1);
	if (!find_group(group_text, word, ret))
		return error_say(err, EINVAL, "no group '%.*s' in the container's /etc/group", (int) word.len,
				 word.at);
	return 0;
}

/* parse_name - @known: there is a line for it, which then is in @line */
static int parse_name(struct slice word, const char *passwd_text, uint32_t *uid, struct passwd_line *line,
		      bool *known, struct error *err)
{
	if (word.len == 0)
		return error_say(err, EINVAL, "there is no user; give USER or USER:GROUP");
	if (to_id(word, uid)) {
		*known = find_user(passwd_text, uid, word, line);
		return 0;
	}
	if (is_digits(word))
		return error_say(err, ERANGE, "a user id is at most %u", UINT32_MAX - 1);
	*known = find_user(passwd_text, NULL, word, line);
	if (!*known)
		return error_say(err, EINVAL, "no user '%.*s' in the container's /etc/passwd", (int) word.len,
				 word.at);
	*uid = line->uid;
	return 0;
}

int identity_parse_user(const char *word, const char *passwd_text, const char *group_text, struct pool *pool,
			struct spec_user *ret, struct error *err)
{
	struct slice rest = whole(word), name, group = { NULL, 0 };
	if (rest.len > INT_MAX / 2)
		return error_say(err, EINVAL, "the name is too long");
	(void) cut(&rest, ':', &name);
	bool has_group = cut(&rest, ':', &group);
	if (rest.at)
		return error_say(err, EINVAL, "there is a second colon; give USER or USER:GROUP");

	struct spec_user user = *ret;
	struct passwd_line line;
	bool known = false;
	user.additional_gids = (struct u32s){ 0 };
	int r = parse_name(name, passwd_text, &user.uid, &line, &known, err);
	if (r == 0 && known)
		user.gid = line.gid;
	if (r == 0 && has_group)
		r = parse_group(group, group_text, &user.gid, err);
	else if (r == 0 && known)
		r = add_groups(group_text, line.name, pool, &user.additional_gids, err);
	if (r == 0)
		*ret = user;
	return r;
}
