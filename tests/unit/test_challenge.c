#include "../../cli/fetch/challenge.h"
#include "tap.h"
#include <errno.h>
#include <string.h>

static struct pool pool;
static struct challenge list[CHALLENGES_MAX];

static int parse(const char *text)
{
	memset(list, 0, sizeof list);
	return challenge_parse(text, strlen(text), &pool, list);
}

static void test_one(void)
{
	OK(parse("Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\",scope=\"repository:a/b:pull,push\"") == 1);
	OK_STR(list[0].scheme, "Bearer");
	OK_STR(list[0].realm, "https://auth.docker.io/token");
	OK_STR(list[0].service, "registry.docker.io");
	OK_STR(list[0].scope, "repository:a/b:pull,push");
	OK(list[0].error == NULL);
	OK(parse("bearer REALM=\"x\" , Error = invalid_token") == 1);
	OK_STR(list[0].realm, "x");
	OK_STR(list[0].error, "invalid_token");
	OK(parse("Basic realm=\"first\", realm=\"second\"") == 1);
	OK_STR(list[0].realm, "first");
	OK(parse("Basic realm=\"\"") == 1);
	OK_STR(list[0].realm, "");
	OK(parse("Basic unknown=\"x\"") == 1 && list[0].realm == NULL);
}

static void test_several(void)
{
	OK(parse("Basic realm=\"a, b\", charset=\"UTF-8\", Negotiate, Bearer realm=\"https://x/t?a=b\",service=s") == 3);
	OK_STR(list[0].realm, "a, b");
	OK_STR(list[1].scheme, "Negotiate");
	OK_STR(list[2].realm, "https://x/t?a=b");
	OK_STR(list[2].service, "s");
	OK(parse("Negotiate YIIabc/+==, Basic realm=\"x\"") == 2);
	OK_STR(list[1].realm, "x");
	OK(parse(" , ,Negotiate,, ") == 1);
	OK(parse("") == 0 && parse(" ,") == 0);
}

static void test_escapes(void)
{
	OK(parse("Bearer realm=\"a\\\"b\\\\c\\d\"") == 1);
	OK_STR(list[0].realm, "a\"b\\cd");
}

static void test_malformed(void)
{
	OK(parse("Bearer realm=\"abc") == -EINVAL);
	OK(parse("Bearer realm=\"abc\\") == -EINVAL);
	OK(parse("realm=\"x\"") == -EINVAL);
	OK(parse("Bearer realm=\"a\nb\"") == -EINVAL);
	OK(parse("Bearer realm=\"a\" service=\"b\"") == -EINVAL);
	OK(parse("Bearer realm=\"a\"b") == -EINVAL);
	/* by the grammar "realm=" is no parameter without its value but the third form, a padded word */
	OK(parse("Bearer realm=, service=\"b\"") == 1 && list[0].realm == NULL);
	OK(parse("Bearer service=\"b\", realm=, scope=c") == -EINVAL);
	OK(parse("\"quoted\"") == -EINVAL);
	OK(parse("Bearer@ realm=x") == -EINVAL);
	OK(challenge_parse("Basic\0x", 7, &pool, list) == -EINVAL);
	OK(parse("a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a") == 16);
	OK(parse("a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a") == -EINVAL);
}

int main(void)
{
	test_one();
	test_several();
	test_escapes();
	test_malformed();
	pool_done(&pool);
	return tap_done();
}
