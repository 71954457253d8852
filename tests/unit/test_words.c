#include "../../cli/table.h"
#include "../../cli/words.h"
#include "cleanup.h"
#include "tap.h"
#include <errno.h>

static void test_time(void)
{
	static const struct { const char *text; int r; int64_t seconds; } cases[] = {
		{ "1970-01-01T00:00:00Z", 0, 0 },
		{ "1970-01-01T01:00:00+01:00", 0, 0 },
		{ "1969-12-31T18:30:00-05:30", 0, 0 },
		{ "2026-01-02T03:04:05.000000006Z", 0, 1767323045 },
		{ "2026-01-02t03:04:05z", 0, 1767323045 },
		{ "2026-01-02T03:04:05", -EINVAL, 0 },
		{ "2026-01-02 03:04:05Z", -EINVAL, 0 },
		{ "2026-13-02T03:04:05Z", -EINVAL, 0 },
		{ "2026-01-02T24:04:05Z", -EINVAL, 0 },
		{ "2026-01-02T03:04:05Zx", -EINVAL, 0 },
		{ "2026-01-02T03:04:05+1:00", -EINVAL, 0 },
		{ "2026-01-02T03:04:05+24:00", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ NULL, -EINVAL, 0 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int64_t got = 0;
		OK(words_time(cases[i].text, &got) == cases[i].r && got == cases[i].seconds);
	}
}

static void test_milliseconds(void)
{
	static const struct { const char *text; int r; int64_t ms; } cases[] = {
		{ "0", 0, 0 }, { "7", 0, 7000 }, { "500ms", 0, 500 }, { "2s", 0, 2000 }, { "1m30s", 0, 90000 }, { "24h", 0, 86400000 },
		{ "25h", -EINVAL, 0 }, { "24h1ms", -EINVAL, 0 }, { "", -EINVAL, 0 }, { "s", -EINVAL, 0 }, { "2x", -EINVAL, 0 },
		{ "-2s", -EINVAL, 0 }, { "2 s", -EINVAL, 0 }, { "2sm", -EINVAL, 0 }, { "1.5s", -EINVAL, 0 },
		{ "99999999999999999999s", -EINVAL, 0 }, { NULL, 0, 0 },
	};
	for (size_t i = 0; cases[i].text; i++) {
		int64_t got = 0;
		OK(words_milliseconds(cases[i].text, &got) == cases[i].r && got == cases[i].ms);
	}
}

static void test_duration(void)
{
	enum { MINUTE = 60, HOUR = 3600, DAY = 86400 };
	static const struct { int64_t seconds; const char *words; } cases[] = {
		{ -5, "Less than a second" }, { 0, "Less than a second" }, { 1, "1 second" }, { 2, "2 seconds" }, { 59, "59 seconds" },
		{ 60, "About a minute" }, { 119, "About a minute" }, { 120, "2 minutes" }, { 59 * MINUTE + 59, "59 minutes" },
		{ HOUR, "About an hour" }, { 89 * MINUTE, "About an hour" }, { 90 * MINUTE, "2 hours" }, { 47 * HOUR, "47 hours" },
		{ 47 * HOUR + 30 * MINUTE, "2 days" }, { 13 * DAY, "13 days" }, { 14 * DAY, "2 weeks" }, { 59 * DAY, "8 weeks" },
		{ 60 * DAY, "2 months" }, { 729 * DAY, "24 months" }, { 730 * DAY, "2 years" }, { 3650 * DAY, "10 years" },
	};
	char out[32], ago[40];
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		OK_STR(words_duration(cases[i].seconds, out), cases[i].words);
	OK_STR(words_ago("1970-01-01T00:00:10Z", 190, ago), "3 minutes ago");
	OK_STR(words_ago("never", 190, ago), "N/A");
}

static void test_cut(void)
{
	static const struct { const char *text; unsigned max; const char *cut; } cases[] = {
		{ "", 3, "" }, { "abc", 3, "abc" }, { "abcd", 3, "ab…" }, { "äöü", 3, "äöü" }, { "äöüß", 3, "äö…" }, { "a\n\tb\033", 9, "a  b " },
		{ "ab", 1, "…" }, { "ab", 0, "" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		cleanup_free char *got = words_cut(cases[i].text, cases[i].max);
		OK_STR(got, cases[i].cut);
	}
}

static void test_table(void)
{
	struct table t cleanup_table = { 0 };
	cleanup_free char *text = NULL;
	size_t len;
	table_add(&t, "ID", "NAME", "X", NULL);
	table_add(&t, "1", "höher", "", NULL);
	table_add(&t, "1234", "", "y", NULL);
	FILE *out = open_memstream(&text, &len);
	table_print(&t, out);
	(void) fclose(out);
	OK_STR(text, "ID     NAME    X\n1      höher\n1234           y\n");
}

int main(void)
{
	test_time();
	test_milliseconds();
	test_duration();
	test_cut();
	test_table();
	return tap_done();
}
