#include "../../cli/toml.h"
#include "tap.h"
#include <errno.h>
#include <string.h>

static struct pool pool;
static struct toml *root;
static struct error err;

static int parse(const char *text)
{
	err = (struct error) { 0 };
	root = NULL;
	return toml_parse(text, strlen(text), &pool, &root, &err);
}

/* at - "a.b.0.c" */
static const struct toml *at(const char *path)
{
	const struct toml *t = root;
	char copy[100], *save;
	snprintf(copy, sizeof copy, "%s", path);
	for (char *part = strtok_r(copy, "/", &save); t && part; part = strtok_r(NULL, "/", &save)) {
		if (t->kind == TOML_TABLE) {
			t = toml_get(t, part);
			continue;
		}
		const struct toml *c = t->first;
		for (int i = *part - '0'; c && i > 0; i--)
			c = c->next;
		t = c;
	}
	return t;
}

static const char *text(const char *path)
{
	const struct toml *t = at(path);
	return t && t->kind == TOML_STRING ? t->string : NULL;
}

static int64_t number(const char *text)
{
	char line[100];
	snprintf(line, sizeof line, "n = %s", text);
	return parse(line) == 0 && at("n")->kind == TOML_INTEGER ? at("n")->integer : -99;
}

static void test_registries_conf(void)
{
	OK(parse("# a comment\nunqualified-search-registries = ['docker.io', \"quay.io\",]\n\n[[registry]] # one\nprefix = \"a/b\"\n"
		 "insecure = true\n  [[registry.mirror]]\n  location=\"m1\"\n  [[registry.mirror]]\n  location = \"m2\"\r\n"
		 "[[registry]]\nlocation = \"second\"\n[[registry.mirror]]\nlocation = \"m3\"\n[aliases]\n\"debian\" = \"docker.io/library/debian\"\n") == 0);
	OK_STR(text("unqualified-search-registries/1"), "quay.io");
	OK(at("unqualified-search-registries")->n == 2);
	OK_STR(text("registry/0/mirror/1/location"), "m2");
	OK_STR(text("registry/1/mirror/0/location"), "m3");
	OK(at("registry/0/insecure")->kind == TOML_BOOL && at("registry/0/insecure")->boolean);
	OK(at("registry/1")->line == 11);
	OK_STR(text("aliases/debian"), "docker.io/library/debian");
	OK(at("nothing") == NULL);
	OK(parse("") == 0 && root->n == 0);
	OK(parse("\n\n # only\n") == 0 && root->n == 0);
}

static void test_strings(void)
{
	OK(parse("a = \"x\\ty\\\"\\\\\\u00e9\\U0001F433\"\nb = 'no \\escape'") == 0);
	OK_STR(text("a"), "x\ty\"\\\xc3\xa9\xf0\x9f\x90\xb3");
	OK_STR(text("b"), "no \\escape");
	OK(parse("a = \"\"\"\nfirst\nse\\\n   cond\"\"\"\"\nb = '''\na'b''''\n") == 0);
	OK_STR(text("a"), "first\nsecond\"");
	OK_STR(text("b"), "a'b'");
	OK(parse("a = \"x") == -EINVAL);
	OK_STR(err.text, "line 1: the string is not closed");
	OK(parse("a = \"x\ny\"") == -EINVAL && parse("a = \"\"\"x") == -EINVAL);
	OK(parse("a = \"\\q\"") == -EINVAL);
	OK_STR(err.text, "line 1: '\\q' is no escape");
	OK(parse("a = \"\\u12\"") == -EINVAL && parse("a = \"\\ud800\"") == -EINVAL && parse("a = \"\\u0000\"") == -EINVAL);
	OK(parse("a = \"\\U00110000\"") == -EINVAL);
	OK(parse("a = '\xff'") == -EINVAL);
	OK_STR(err.text, "line 1: this is no UTF-8");
	OK(parse("a = '\xed\xa0\x80'") == -EINVAL && parse("a = '\xc0\x80'") == -EINVAL && parse("a = '\xe2\x82'") == -EINVAL);
	OK(parse("\na = '\x01'") == -EINVAL);
	OK_STR(err.text, "line 2: a control character");
	OK(parse("a = 1\rb = 2") == -EINVAL);
}

static void test_numbers(void)
{
	OK(number("0") == 0 && number("-17") == -17 && number("+1_000") == 1000 && number("0xff") == 255 && number("0o17") == 15);
	OK(number("0b101") == 5 && number("9223372036854775807") == INT64_MAX && number("-9223372036854775808") == INT64_MIN);
	OK(number("01") == -99 && number("1__0") == -99 && number("_1") == -99 && number("1_") == -99 && number("0x") == -99);
	OK(number("9223372036854775808") == -99 && number("0xffffffffffffffff") == -99 && number("1.5") == -99 && number("--1") == -99);
	OK(parse("a = 1.5") == -EINVAL);
	OK_STR(err.text, "line 1: '1.5': of numbers only whole ones of 64 bits are understood, and no dates");
	OK(parse("a = 1979-05-27") == -EINVAL && parse("a = inf") == -EINVAL);
	OK(parse("a = True") == -EINVAL);
	OK_STR(err.text, "line 1: 'True' is no value: a string in quotes, a number, true, false, an array or a table");
	OK(parse("a = ") == -EINVAL && parse("a =\n1") == -EINVAL);
}

static void test_tables(void)
{
	OK(parse("a.b.c = 1\na.b.d = 2\n[x.y]\nz = 3\n[x]\nw = 4\n\"quoted key\" = { e = 1, f.g = 'h' }\n") == 0);
	OK(at("a/b/d")->integer == 2 && at("x/y/z")->integer == 3 && at("x/w")->integer == 4);
	OK_STR(text("x/quoted key/f/g"), "h");
	OK(parse("a = [ [1, 2], [\"x\"], # comment\n {b = 1} , ]") == 0 && at("a")->n == 3 && at("a/2/b")->integer == 1);
	OK(parse("a = {}\nb = []") == 0);
	OK(parse("a = 1\na = 2") == -EINVAL);
	OK_STR(err.text, "line 2: 'a' is there already (line 1)");
	OK(parse("[a]\n[a]") == -EINVAL);
	OK_STR(err.text, "line 2: 'a' is there already (line 1)");
	OK(parse("a = 1\n[a]") == -EINVAL && parse("[a]\nb = 1\n[a.b]") == -EINVAL && parse("a = 1\n[a.b]") == -EINVAL);
	OK_STR(err.text, "line 2: 'a' is a number (line 1), no table");
	OK(parse("a = {b = 1}\n[a.c]") == -EINVAL && parse("a = {b = 1}\na.c = 2") == -EINVAL && parse("a = {b.c = 1, b.d = 2}\na.b.e = 2") == -EINVAL);
	OK(parse("a = [1]\n[[a]]") == -EINVAL && parse("[[a]]\n[a]") == -EINVAL && parse("[a]\n[[a]]") == -EINVAL);
	OK(parse("a.b = 1\n[a]") == -EINVAL && parse("[a.b]\n[a]\nb.c = 1") == -EINVAL && parse("a = [{b = 1}]\n[a.c]") == -EINVAL);
	OK(parse("[a]\n[a.b]\n[[c.d]]\n[c]") == 0);
}

static void test_malformed(void)
{
	static const char *const bad[] = { "a", "= 1", "a = 1 b = 2", "[a", "[[a]", "[]", "[a]]", "[a] b = 1", "a = [1 2]", "a = [1,,2]", "a = {b = 1,}",
		"a = {b = 1", "a = {\nb = 1}", "a. = 1", ".a = 1", "a b = 1", "a = [", "\"a\nb\" = 1", "[ [a]]", "a = 'x' 'y'", "\"\"\"a\"\"\" = 1" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (!OK(parse(bad[i]) == -EINVAL && strncmp(err.text, "line ", 5) == 0))
			printf("#  it was: %s\n", bad[i]);
	char deep[200] = "a = ";
	memset(deep + 4, '[', 100);
	OK(parse(deep) == -EINVAL);
	OK_STR(err.text, "line 1: values deeper than 32 levels");
	memset(deep, 0, sizeof deep);
	for (int i = 0; i < 60; i++)
		memcpy(deep + 2 * i, i < 59 ? "a." : "a=", 2);
	OK(parse(deep) == -EINVAL);
}

int main(void)
{
	test_registries_conf();
	test_strings();
	test_numbers();
	test_tables();
	test_malformed();
	pool_done(&pool);
	return tap_done();
}
