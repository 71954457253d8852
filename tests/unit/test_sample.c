#include "../../cli/container/sample.h"
#include "cleanup.h"
#include "tap.h"
#include <stdlib.h>

static const char v1[] = "12:hugetlb:/\n4:memory:/carrier/abc\n2:cpu,cpuacct:/carrier/abc/init\n0::/user/carrier-abc.scope/sub\n";
static const char shared[] = "4:memory:/user\n0::/user\n";

static void test_group(void)
{
	static const struct { const char *text, *controller, *path, *list; } cases[] = {
		{ v1, "memory", "/carrier/abc", "memory" },
		{ v1, "cpuacct", "/carrier/abc", "cpu,cpuacct" },	/* what it made below is its own */
		{ v1, "cpu", "/carrier/abc", "cpu,cpuacct" },
		{ v1, "", "/user/carrier-abc.scope", "" },
		{ v1, "acct", NULL, NULL },
		{ v1, "pids", NULL, NULL },
		{ shared, "memory", "/user", "memory" },
		{ "", "", NULL, NULL },
		{ "4:memory", "memory", NULL, NULL },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		cleanup_free char *list = NULL;
		cleanup_free char *path = sample_group(cases[i].text, cases[i].controller, "abc", &list);
		OK(cases[i].path ? path && strcmp(path, cases[i].path) == 0 : !path);
		OK(cases[i].list ? list && strcmp(list, cases[i].list) == 0 : !list);
	}
}

static void test_keyed(void)
{
	static const char stat[] = "cache 12\ninactive_file 34\ntotal_inactive_file 56\n";
	OK(sample_keyed(stat, "inactive_file", 0) == 34);
	OK(sample_keyed(stat, "total_inactive_file", 0) == 56);
	OK(sample_keyed(stat, "cache", 0) == 12);
	OK(sample_keyed(stat, "file", 7) == 7);
	OK(sample_keyed("", "x", 7) == 7);
	OK(sample_keyed(NULL, "x", 7) == 7);
}

static void test_pressure(void)
{
	struct pressure p;
	sample_pressure("some avg10=1.25 avg60=0.50 avg300=0.00 total=123456\nfull avg10=0.10 avg60=0.00 avg300=0.00 total=777\n", &p);
	OK(p.known && p.some_avg10 > 1.24 && p.some_avg10 < 1.26 && p.some_us == 123456 && p.full_us == 777);
	sample_pressure("some avg10=0.00 avg60=0.00 avg300=0.00 total=5\n", &p);
	OK(p.known && p.some_us == 5 && p.full_us == 0);
	sample_pressure("", &p);
	OK(!p.known);
	sample_pressure("some of it\n", &p);
	OK(!p.known);
	sample_pressure(NULL, &p);
	OK(!p.known && p.some_us == 0);
}

static void test_percent(void)
{
	const struct sample a = { .at_ns = 1000000000, .cpu_ns = 500000000 }, b = { .at_ns = 2000000000, .cpu_ns = 2000000000 };
	OK(sample_cpu_percent(&a, &b) > 149.9 && sample_cpu_percent(&a, &b) < 150.1);
	OK(sample_cpu_percent(&b, &a) == 0);	/* a clock, or a container, that began anew */
	OK(sample_cpu_percent(&a, &a) == 0);
}

int main(void)
{
	test_group();
	test_keyed();
	test_pressure();
	test_percent();
	return tap_done();
}
