#include "user.h"
#include "cleanup.h"
#include "str.h"
#include "tap.h"

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
			     "# a comment: 1:2:3:4:5\n"
			     "\n"
			     ":x:77:77::/empty:/bin/sh\n"
			     "short:x:5\n"
			     "bad:x:-1:0::/bad:/bin/sh\n"
			     "bad:x:4294967295:0::/bad:/bin/sh\n"
			     "bad:x:99999999999999999999:0::/bad:/bin/sh\n"
			     "bad:x:10:1x::/bad:/bin/sh\n"
			     "user:x:1000:1001:A User:/home/user:/bin/sh\n"
			     "user:x:2000:2000:second:/home/second:/bin/sh\n"
			     "other:x:1000:3000:same uid:/home/other:/bin/sh\n"
			     "1234:x:55:56:a name of digits:/home/digits:/bin/sh\n"
			     "nohome:x:60:60\n"
			     "relative:x:61:61::tmp/x:/bin/sh\n"
			     "max:x:4294967294:4294967294::/max:/bin/sh\n"
			     "last:x:70:71::/last:/bin/sh"; /* no newline */
static const char group[] = "root:x:0:\n"
			    "wheel:x:10:root,user\n"
			    "bad:x:1x:user\n"
			    "twice:x:10:user\n"
			    "audio:x:5:userx,xuser,user \n"
			    "video:x:7:user,root,user\n"
			    "user:x:1001:\n"
			    "nine:x:9:,,user,\n"
			    "4321:x:66:last\n"
			    "short:x\n"
			    "max:x:4294967295:user\n"
			    "last:x:71:last";

static void test_home(void)
{
	static const struct {
		uint32_t uid;
		const char *home;
	} table[] = {
		{ 0, "/root" },
		{ 1000, "/home/user" },
		{ 2000, "/home/second" },
		{ 70, "/last" },
		{ 4294967294, "/max" },
		{ 60, "/" },
		{ 61, "/" },
		{ 77, "/" },
		{ 5, "/" },
		{ 10, "/" },
		{ 424242, "/" },
		{ UINT32_MAX, "/" },
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		cleanup_free char *home = identity_home(passwd, table[i].uid);
		OK_STR(home, table[i].home);
	}
	static const char *const texts[] = { "",      "\n",	  ":",	       ":::::::",    "::::::/x\n",
					     "a:x:0", "a:x:0:0:", "a:x:0:0::", "a:x:0:0::\n" };
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		cleanup_free char *home = identity_home(texts[i], 0);
		OK_STR(home, "/");
	}
}

/* parse - the result as "uid:gid:groups", or the error's sentence */
static const char *parse(const char *word, char out[256])
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	uint32_t mask = 077, before[] = { 8, 9 };
	struct spec_user u = { .uid = 3, .gid = 4, .umask = &mask, .additional_gids = { 2, before } },
			 was = u;
	struct error err = { 0 };
	int r = identity_parse_user(word, passwd, group, &pool, &u, &err);
	if (u.umask != &mask || (r < 0 && memcmp(&u, &was, sizeof u) != 0))
		return "what must stay was changed";
	if (r < 0) {
		snprintf(out, 256, "%.255s", err.text);
		return out;
	}
	int n = snprintf(out, 256, "%u:%u:", u.uid, u.gid);
	for (size_t i = 0; i < u.additional_gids.n && n < 200; i++)
		n += snprintf(out + n, 256 - (size_t) n, "%s%u", i ? "," : "", u.additional_gids.v[i]);
	return out;
}

static void test_parse_user(void)
{
	static const struct {
		const char *word, *result;
	} table[] = {
		{ "0", "0:0:7,10" },
		{ "root", "0:0:7,10" },
		{ "1000:1000", "1000:1000:" },
		{ "1000", "1000:1001:7,9,10" },
		{ "user", "1000:1001:7,9,10" },
		{ "other", "1000:3000:" },
		{ "user:audio", "1000:5:" },
		{ "user:20", "1000:20:" },
		{ "5000", "5000:4:" }, /* not in passwd: the group stays */
		{ "5000:user", "5000:1001:" },
		{ "1234", "1234:4:" }, /* digits are an id, whoever has such a name */
		{ "0:4321", "0:4321:" },
		{ "007", "7:4:" },
		{ "last", "70:71:66,71" },
		{ "4294967294:4294967294", "4294967294:4294967294:" },
		{ "max", "4294967294:4294967294:" },
		{ "", "there is no user; give USER or USER:GROUP" },
		{ ":", "there is no user; give USER or USER:GROUP" },
		{ ":0", "there is no user; give USER or USER:GROUP" },
		{ "user:", "there is no group behind the colon" },
		{ "0:0:0", "there is a second colon; give USER or USER:GROUP" },
		{ "0:0:", "there is a second colon; give USER or USER:GROUP" },
		{ "4294967295", "a user id is at most 4294967294" },
		{ "18446744073709551616", "a user id is at most 4294967294" },
		{ "0:4294967295", "a group id is at most 4294967294" },
		{ "-1", "no user '-1' in the container's /etc/passwd" },
		{ "+1", "no user '+1' in the container's /etc/passwd" },
		{ " 0", "no user ' 0' in the container's /etc/passwd" },
		{ "0 ", "no user '0 ' in the container's /etc/passwd" },
		{ "0x0", "no user '0x0' in the container's /etc/passwd" },
		{ "1000\n", "no user '1000\n' in the container's /etc/passwd" },
		{ "1000,0", "no user '1000,0' in the container's /etc/passwd" },
		{ "1e3", "no user '1e3' in the container's /etc/passwd" },
		{ "use", "no user 'use' in the container's /etc/passwd" },
		{ "userx", "no user 'userx' in the container's /etc/passwd" },
		{ "User", "no user 'User' in the container's /etc/passwd" },
		{ "bad", "no user 'bad' in the container's /etc/passwd" },
		{ "short", "no user 'short' in the container's /etc/passwd" },
		{ "0:-1", "no group '-1' in the container's /etc/group" },
		{ "0:0x", "no group '0x' in the container's /etc/group" },
		{ "0:bad", "no group 'bad' in the container's /etc/group" },
		{ "0:max", "no group 'max' in the container's /etc/group" },
		{ "1000:nope", "no group 'nope' in the container's /etc/group" },
	};
	char out[256];
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		OK_STR(parse(table[i].word, out), table[i].result);
}

static void test_many_groups(void)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct buf text cleanup_buf = { 0 };
	struct spec_user u = { 0 };
	struct error err = { 0 };
	for (int i = 65536; i > 0; i--)
		buf_printf(&text, "g:x:%d:root\n", i);
	OK(identity_parse_user("root", passwd, buf_str(&text), &pool, &u, &err) == 0 &&
	   u.additional_gids.n == 65536);
	OK(u.additional_gids.v[0] == 1 && u.additional_gids.v[65535] == 65536);
	buf_puts(&text, "g:x:70000:root\n");
	OK(identity_parse_user("root", passwd, buf_str(&text), &pool, &u, &err) == -E2BIG);
	OK_STR(err.text, "the user is in more than 65536 groups of the container's /etc/group");
}

int main(void)
{
	test_home();
	test_parse_user();
	test_many_groups();
	return tap_done();
}
