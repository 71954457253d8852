/* Which ids a container has: the words, the maps, and the caller's line in /etc/passwd. */
#include "../../cli/container/record.h"
#include "../../cli/container/users.h"
#include "cleanup.h"
#include "tap.h"
#include <errno.h>
#include <string.h>

#define LIST(...) ((char **) (const char *const[]) { __VA_ARGS__, NULL })

/* map - what @word, or a list of them with blanks between, makes; "" for a refusal, whose sentence is in @why */
static struct error why;
static const char *map(const char *words)
{
	static char text[256];
	cleanup_idmap struct idmap m = { 0 };
	struct strings list cleanup_strings = { 0 };
	strings_split(&list, words, " ");
	text[0] = 0;
	why = (struct error) { 0 };
	for (size_t i = 0; i < list.n; i++)
		if (users_parse_map("--uidmap", list.v[i], &m, &why) < 0)
			return "";
	for (size_t i = 0; i < m.n; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "%s%u %u %u", i ? "; " : "", m.ranges[i].container_id,
			 m.ranges[i].host_id, m.ranges[i].size);
	return text;
}

static void test_maps(void)
{
	OK_STR(map("0:1:10"), "0 1 10");
	OK_STR(map("5:7"), "5 7 1");
	OK_STR(map("0:1:10 10:0:1"), "0 1 10; 10 0 1");
	OK_STR(map("0:1:4294967294"), "0 1 4294967294");
	static const char *const bad[] = { "0", "0:", "a:1", "0:1:0", "0:1:2:3", "-1:0:1", "0:4294967295:1", "0:1:4294967295", "@0:1", "0:1:x" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		OK_STR(map(bad[i]), "");
		OK(strstr(why.text, "give CONTAINER-ID:ID[:COUNT], three numbers"));
	}
	OK_STR(map("0:1:10 9:100:1"), "");
	OK_STR(why.text, "--uidmap: an id is mapped twice, by '0:1:10' and by '9:100:1'");
	OK_STR(map("0:1:10 10:10:1"), "");
	OK_STR(map("0:1:10 10:11:1"), "0 1 10; 10 11 1");
}

static void test_auto(void)
{
	OK(users_check_auto("", NULL) == 0);
	OK(users_check_auto("size=2048", NULL) == 0);
	OK(users_check_auto("size=2048,uidmapping=0:5:1,gidmapping=0:5:1", NULL) == 0);
	OK(users_check_auto("size=0", NULL) == -EINVAL);
	OK(users_check_auto("size=-1", NULL) == -EINVAL);
	OK(users_check_auto("sizes=1", NULL) == -EINVAL);
	OK(users_check_auto("uidmapping=0:5:1,uidmapping=0:6:1", NULL) == -EINVAL);
}

static void test_record(void)
{
	struct record r = { .id = (char *) "0123456789ab", .uid_map = LIST("0 1 1000", "1000 0 1"), .gid_map = LIST("0 5 10") };
	cleanup_idmap struct idmap uids = { 0 }, gids = { 0 };
	const struct record none = { 0 };
	struct error err = { 0 };
	OK(users_mapped(&r) && !users_mapped(&none));
	OK(users_maps(&r, &uids, &gids, &err) == 0 && uids.n == 2 && gids.n == 1);
	OK(idmap_to_host(&uids, 1000) == 0 && idmap_from_host(&uids, 0) == 1000 && idmap_from_host(&uids, 1) == 0);
	OK(idmap_from_host(&uids, 1001) == UINT32_MAX && idmap_from_host(&gids, 14) == 9 && idmap_from_host(&gids, 15) == UINT32_MAX);
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct spec_namespace other = { .type = (char *) "pid" };
	struct spec_linux l = { .namespaces = &other, .n_namespaces = 1 };
	OK(users_to_spec(&none, 0, &l, &pool, &err) == 0 && l.n_namespaces == 1 && l.n_uid_mappings == 0);
	OK(users_to_spec(&r, 0, &l, &pool, &err) == 0 && l.n_namespaces == 2);
	OK_STR(l.namespaces[0].type, "user");
	OK_STR(l.namespaces[1].type, "pid");
	OK(l.n_uid_mappings == 2 && l.uid_mappings[1].container_id == 1000 && l.uid_mappings[1].host_id == 0 && l.uid_mappings[1].size == 1);
	OK(l.n_gid_mappings == 1 && l.gid_mappings[0].host_id == 5);
	r.gid_map = LIST("0 x 10");
	cleanup_idmap struct idmap u = { 0 }, g = { 0 };
	OK(users_maps(&r, &u, &g, &err) == -EBADMSG && strstr(err.text, "'0 x 10' is no map of ids"));
}

static void test_passwd(void)
{
	struct record r = { .users = { .user = (char *) "1000:1001", .name = (char *) "me", .group = (char *) "us" } };
	const struct record none = { 0 };
	char *passwd = NULL, *group = NULL;
	OK(users_passwd(&none, "", "", "/", &passwd, &group) == 0 && !passwd && !group);
	OK(users_passwd(&r, "root:x:0:0::/:/bin/sh", "", "/home/me", &passwd, &group) == 1);
	OK_STR(passwd, "root:x:0:0::/:/bin/sh\nme:*:1000:1001::/home/me:/bin/sh\n");
	OK_STR(group, "us:x:1001:me\n");
	free(passwd);
	free(group);
	OK(users_passwd(&r, "app:x:1000:1::/:/bin/sh\n", "app:x:1000:\n", "/", &passwd, &group) == 1 && !passwd);
	OK_STR(group, "app:x:1000:\nus:x:1001:me\n");
	free(group);
	OK(users_passwd(&r, "app:x:1000:1::/:/bin/sh\n", "app:x:1001:\n", "/", &passwd, &group) == 0 && !passwd && !group);
}

int main(void)
{
	test_maps();
	test_auto();
	test_record();
	test_passwd();
	return tap_done();
}
