#include "str.h"
#include "tap.h"
#include <errno.h>
#include <stdlib.h>
#include <time.h>

static void test_numbers(void)
{
	uint64_t u = 7;
	int64_t i = 7;
	OK(str_to_u64("0", 10, &u) == 0 && u == 0);
	OK(str_to_u64("18446744073709551615", UINT64_MAX, &u) == 0 && u == UINT64_MAX);
	OK(str_to_u64("18446744073709551616", UINT64_MAX, &u) == -ERANGE);
	OK(str_to_u64("11", 10, &u) == -ERANGE);
	OK(str_to_u64("-1", 10, &u) == -EINVAL && str_to_u64("", 10, &u) == -EINVAL && str_to_u64("1x", 10, &u) == -EINVAL);
	OK(str_to_u64(" 1", 10, &u) == -EINVAL && str_to_u64("+1", 10, &u) == -EINVAL);
	OK(str_to_i64("-1", -1, 10, &i) == 0 && i == -1);
	OK(str_to_i64("-2", -1, 10, &i) == -ERANGE && str_to_i64("-", -1, 10, &i) == -EINVAL);
	OK(str_to_size("100", &i) == 0 && i == 100);
	OK(str_to_size("64k", &i) == 0 && i == 65536);
	OK(str_to_size("512MiB", &i) == 0 && i == 512LL << 20);
	OK(str_to_size("2G", &i) == 0 && i == 2LL << 30);
	OK(str_to_size("2gb", &i) == 0 && i == 2LL << 30);
	OK(str_to_size("5b", &i) == 0 && i == 5);
	OK(str_to_size("5bb", &i) == -EINVAL && str_to_size("m", &i) == -EINVAL && str_to_size("1x", &i) == -EINVAL);
	OK(str_to_size("1mm", &i) == -EINVAL && str_to_size("-1", &i) == -EINVAL);
	OK(str_to_size("9223372036854775807k", &i) == -ERANGE);
}

static void test_lists(void)
{
	struct strings l = { 0 };
	strings_split(&l, ":a::b:c:", ":");
	OK(l.n == 3 && l.v[3] == NULL);
	OK_STR(l.v[0], "a");
	OK_STR(l.v[2], "c");
	OK(strings_have(l.v, "b") && !strings_have(l.v, "d") && !strings_have(NULL, "d"));
	env_set(&l, "X=1");
	env_set(&l, "X=2");
	env_set(&l, "XY=3");
	OK(l.n == 5);
	OK_STR(env_get(l.v, "X"), "2");
	OK_STR(env_get(l.v, "XY"), "3");
	OK(env_get(l.v, "Z") == NULL);
	strings_done(&l);
	OK(l.v == NULL && l.n == 0);
}

static void test_buf(void)
{
	struct buf b = { 0 };
	OK_STR(buf_str(&b), "");
	for (int i = 0; i < 1000; i++)
		buf_printf(&b, "%d,", i);
	buf_putc(&b, 'x');
	OK(b.len == strlen(b.data) && strncmp(b.data, "0,1,2,", 6) == 0 && b.data[b.len - 1] == 'x');
	char *s = buf_take(&b);
	OK(b.data == NULL && s);
	free(s);
	s = buf_take(&b);
	OK_STR(s, "");
	free(s);
}

int main(void)
{
	static const char *const words[] = { "start", "state", "kill", "create", NULL };
	char out[40];
	test_numbers();
	test_lists();
	test_buf();
	OK_STR(str_nearest("strat", words), "start");
	OK_STR(str_nearest("craete", words), "create");
	OK_STR(str_nearest("kil", words), "kill");
	OK(str_nearest("zzzzz", words) == NULL);
	OK_STR(str_after("docker.io/x", "docker.io/"), "x");
	OK(!str_starts("doc", "docker") && str_ends("a.json", ".json") && !str_ends("n", ".json"));
	str_hex("\x00\xfa\x10", 3, out);
	OK_STR(out, "00fa10");
	OK_STR(str_human_size(0, out), "0 B");
	OK_STR(str_human_size(999, out), "999 B");
	OK_STR(str_human_size(1500, out), "1.50 kB");
	OK_STR(str_human_size(132000000, out), "132 MB");
	OK_STR(str_rfc3339(0, 5, out), "1970-01-01T00:00:00.000000005Z");
	OK_STR(str_rfc3339(951782399, 0, out), "2000-02-28T23:59:59.000000000Z");
	OK_STR(str_rfc3339(951782400, 999999999, out), "2000-02-29T00:00:00.999999999Z");
	OK_STR(str_rfc3339(-1, 0, out), "1969-12-31T23:59:59.000000000Z");
	size_t wrong = 0;
	for (int64_t t = -20000000000; t < 20000000000; t += 86399 * 31) {	/* the years 1336 to 2603, at changing hours */
		char same[40];
		struct tm tm;
		(void) gmtime_r(&(time_t) { t }, &tm);
		(void) strftime(same, sizeof same, "%Y-%m-%dT%H:%M:%S.000000000Z", &tm);
		wrong += strcmp(same, str_rfc3339(t, 0, out)) != 0;
	}
	OK(wrong == 0);
	return tap_done();
}
