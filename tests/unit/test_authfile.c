#include "../../cli/image/authfile.h"
#include "json.h"
#include "tap.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct pool pool;
static struct authfile_found found;
static struct error err;

/* look - "user:password", "user:password+token", "" when there are none */
static const char *look(const char *text, const char *registry, const char *path)
{
	static char said[300];
	if (authfile_lookup(text, strlen(text), registry, path, &pool, &found, &err) < 0)
		return err.text;
	const struct credential *c = &found.credential;
	snprintf(said, sizeof said, "%s%s%s%s%s", c->username ? c->username : "", c->username ? ":" : "", c->password ? c->password : "",
		 c->identity_token ? "+" : "", c->identity_token ? c->identity_token : "");
	return said;
}

static char *edited;
static int edit(const char *text, const char *key, const struct credential *c)
{
	free(edited);
	edited = NULL;
	return authfile_edit(text, strlen(text), key, c, &edited, &err);
}

static void test_match(void)
{
	OK(authfile_match("quay.io", "quay.io", "a/b") == 1);
	OK(authfile_match("quay.io/a", "quay.io", "a/b") == 2 && authfile_match("quay.io/a/b", "quay.io", "a/b") == 4);
	OK(authfile_match("quay.io/a", "quay.io", "ab") == 0 && authfile_match("quay.io/a/b/c", "quay.io", "a/b") == 0);
	OK(authfile_match("quay.io/a", "quay.io", NULL) == 0 && authfile_match("quay.io", "quay.io", NULL) == 1);
	OK(authfile_match("quay.io.evil.org", "quay.io", "a") == 0 && authfile_match("quay.io", "quay.io.evil.org", "a") == 0);
	OK(authfile_match("quay.io:443", "quay.io", "a") == 0 && authfile_match("QUAY.io", "quay.io", "a") == 1);
	OK(authfile_match("https://index.docker.io/v1/", "docker.io", "library/debian") == 1);
	OK(authfile_match("docker.io/library", "docker.io", "library/debian") == 8);
	OK(authfile_match("index.docker.io/v1/", "docker.io", NULL) == 1 && authfile_match("https://quay.io/v1/", "quay.io", "x") == 1);
	OK(authfile_match("[::1]:5000/x", "[::1]:5000", "x") == 2 && authfile_match("", "", "") == 0 && authfile_match("/x", "", "x") == 0);
}

static void test_lookup(void)
{
	static const char file[] = "{\"auths\":{\"quay.io\":{\"auth\":\"bWU6c2VjcmV0\"},\"quay.io/org\":{\"auth\":\"b3JnOnB3OjI=\"},"
		"\"https://index.docker.io/v1/\":{\"auth\":\"aHViOg==\",\"identitytoken\":\"refresh\"},\"empty.io\":{},"
		"\"plain.io\":{\"username\":\"u\",\"password\":\"p\"},\"token.io\":{\"identitytoken\":\"t\"}},"
		"\"credHelpers\":{\"helped.io\":\"vault\",\"quay.io\":\"q\"},\"credsStore\":\"all\",\"HttpHeaders\":{\"X\":1}}";
	OK_STR(look(file, "quay.io", "org/x"), "org:pw:2");
	OK(found.helper == NULL);
	OK_STR(look(file, "quay.io", "else/x"), "me:secret");
	OK_STR(found.helper, "q");
	OK_STR(found.store, "all");
	OK_STR(look(file, "docker.io", "library/x"), "hub:+refresh");
	OK_STR(look(file, "plain.io", "x"), "u:p");
	OK_STR(look(file, "token.io", "x"), "<token>:+t");
	OK(found.credential.password != NULL);
	OK_STR(look(file, "empty.io", "x"), "");
	OK_STR(look(file, "helped.io", "x"), "");
	OK_STR(found.helper, "vault");
	OK_STR(look(file, "evil.org", "x"), "");
	OK(found.helper == NULL && strcmp(found.store, "all") == 0);
	OK_STR(look("", "quay.io", NULL), "");
	OK_STR(look(" \n", "quay.io", NULL), "");
	OK_STR(look("{\"auths\":{\"x.io\":{\"auth\":\"bm9jb2xvbg==\"}}}", "x.io", NULL),
	       "the entry 'x.io' is malformed: \"auth\" is not base64 of USER:PASSWORD; log in again");
	OK(strstr(look("{\"auths\":{\"x.io\":{\"auth\":\"!!\"}}}", "x.io", NULL), "malformed") != NULL);
	OK(strstr(look("{\"auths\":{\"x.io\":{\"auth\":\"YTpiYw===\"}}}", "x.io", NULL), "malformed") != NULL);
	OK(strstr(look("{\"auths\":{\"x.io\":{\"auth\":\"YQA6Yg==\"}}}", "x.io", NULL), "malformed") != NULL);
	/* the sentence does not repeat what was found */
	OK_STR(look("{\"auths\":{\"x.io\":{\"auth\":topsecret}}}", "x.io", NULL), "it is no JSON of the expected form; see containers-auth.json(5)");
	OK_STR(look("[]", "x.io", NULL), "it is no JSON of the expected form; see containers-auth.json(5)");
}

static void test_edit(void)
{
	const struct credential me = { (char *) "me", (char *) "s:\"ecret", NULL }, token = { (char *) "u", (char *) "", (char *) "tok" }, none = { 0 };
	OK(edit("", "x.io", &me) == 0);
	OK_STR(edited, "{\n\t\"auths\": {\n\t\t\"x.io\": {\n\t\t\t\"auth\": \"bWU6czoiZWNyZXQ=\"\n\t\t}\n\t}\n}\n");
	OK_STR(look(edited, "x.io", NULL), "me:s:\"ecret");
	OK(edit("{\"a\":[1,{\"auths\":\"}\\\"\"}],\"auths\":{\"y.io\":{\"auth\":\"YTpi\",\"more\":[]},\"x.io\":{}},\"z\" : null }", "x.io", &token) == 1);
	OK_STR(edited, "{\n\t\"a\": [1,{\"auths\":\"}\\\"\"}],\n\t\"auths\": {\n\t\t\"y.io\": {\"auth\":\"YTpi\",\"more\":[]},\n\t\t\"x.io\": {\n"
	       "\t\t\t\"auth\": \"dTo=\",\n\t\t\t\"identitytoken\": \"tok\"\n\t\t}\n\t},\n\t\"z\": null\n}\n");
	OK_STR(look(edited, "x.io", NULL), "u:+tok");
	OK(edit("{\"auths\":{\"docker.io\":{},\"https:\\/\\/index.docker.io\\/v1\\/\":{}, \"x.io/y\":{}}}", "docker.io", NULL) == 2);
	OK_STR(edited, "{\n\t\"auths\": {\n\t\t\"x.io/y\": {}\n\t}\n}\n");
	OK(edit("{\"auths\":{\"x.io/y\":{}},\"k\":true}", "x.io", NULL) == 0);
	OK(edit("{\"auths\":{\"x.io/y\":{},\"b\":{}},\"k\":true}", NULL, NULL) == 2);
	OK_STR(edited, "{\n\t\"auths\": {},\n\t\"k\": true\n}\n");
	OK(edit("{}", "x.io", &none) == 0);
	OK_STR(edited, "{\n\t\"auths\": {\n\t\t\"x.io\": {}\n\t}\n}\n");
	OK(edit("{\"auths\":", "x.io", &me) == -EINVAL && edit("3", "x.io", &me) == -EINVAL);
	OK(edit("{\"auths\":null}", "x.io", &me) == 0);
	OK_STR(look(edited, "x.io", NULL), "me:s:\"ecret");
	free(edited);
}

static void test_keys(void)
{
	struct strings keys cleanup_strings = { 0 }, helpers cleanup_strings = { 0 };
	const char *text = "{\"auths\":{\"a\":{},\"b/c\":{}},\"credHelpers\":{\"x\":\"one\",\"y\":\"two\",\"z\":\"one\"},\"credsStore\":\"two\"}";
	OK(authfile_keys(text, strlen(text), &keys, &helpers, &err) == 0 && keys.n == 2 && helpers.n == 2);
	OK_STR(keys.v[1], "b/c");
	OK_STR(helpers.v[1], "one");
}

int main(void)
{
	test_match();
	test_lookup();
	test_edit();
	test_keys();
	pool_done(&pool);
	return tap_done();
}
