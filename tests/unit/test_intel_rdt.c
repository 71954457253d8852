/* intel_rdt: the text part. No machine here has resctrl; what is written there is what these functions give. */
#include "../../woody/intel_rdt.h"
#include "cleanup.h"
#include "tap.h"
#include <stdlib.h>

static struct error err;

static const char *merged(const char *l3, const char *mb, char **list)
{
	static struct buf out;
	buf_done(&out);
	const struct spec_intel_rdt rdt = { .l3_cache_schema = (char *) l3, .mem_bw_schema = (char *) mb, .schemata = list };
	return intel_rdt_schemata(&rdt, &out) ? buf_str(&out) : "none";
}

static int compare(const char *wanted, const char *present)
{
	err = (struct error) { 0 };
	return intel_rdt_compare(wanted, present, &err);
}

static int check(struct spec_intel_rdt rdt)
{
	struct spec_linux l = { .intel_rdt = &rdt };
	const struct runtime_spec spec = { .linux_ = &l };
	err = (struct error) { 0 };
	return intel_rdt_check(&spec, &err);
}

static void find(void)
{
	cleanup_free char *none = intel_rdt_find_mount("22 1 0:20 / /sys rw - sysfs sysfs rw\n");
	OK(!none);
	cleanup_free char *other = intel_rdt_find_mount("22 1 0:20 / /sys rw - sysfs resctrl rw\n23 1 0:21 / /resctrl rw - ext4 x rw\n");
	OK(!other);
	cleanup_free char *there = intel_rdt_find_mount("22 1 0:20 / /sys rw - sysfs sysfs rw\n"
							"40 22 0:33 / /mnt/rdt rw,relatime shared:9 - resctrl resctrl rw\n");
	OK_STR(there, "/mnt/rdt");
	cleanup_free char *cut_off = intel_rdt_find_mount("40 22 - resctrl ");
	OK(!cut_off || *cut_off);
	cleanup_free char *empty = intel_rdt_find_mount("");
	OK(!empty);
}

int main(void)
{
	char l2[] = "L2:0=f", mb[] = "MB:0=30";
	char *list[] = { l2, mb, NULL };
	OK_STR(merged(NULL, NULL, NULL), "none");
	OK_STR(merged("", "", NULL), "none");
	OK_STR(merged("L3:0=7f0;1=1f", NULL, NULL), "L3:0=7f0;1=1f\n");
	OK_STR(merged("L3:0=7f0", "MB:0=20", NULL), "L3:0=7f0\nMB:0=20\n");
	OK_STR(merged("L3:0=7f0\nMB:0=70\nL2:0=1", "MB:0=20", NULL), "L3:0=7f0\nL2:0=1\nMB:0=20\n");
	OK_STR(merged("L3:0=7f0\nMB:0=70\n", NULL, NULL), "L3:0=7f0\nMB:0=70\n");
	OK_STR(merged(NULL, NULL, list), "L2:0=f\nMB:0=30\n");
	OK_STR(merged("L3:0=1", "MB:0=20", list), "L3:0=1\nMB:0=20\nL2:0=f\nMB:0=30\n");

	static const char present[] = "    L3:0=007ff;1=00ff\n    MB:0= 100;1=  20\nL3DATA:0=3\n";
	OK(compare("L3:0=7ff", present) == 0);
	OK(compare("L3:0=7FF;1=ff\nMB:1=20\n", present) == 0);
	OK(compare(" L3 : 1 = ff ", present) == 0);
	OK(compare("", present) == 0);
	OK(compare("L3:0=7fe", present) == -EINVAL);
	OK_STR(err.text, "L3:0=7fe is wanted, and 007ff is there");
	OK(compare("L3:2=1", present) == -EINVAL);
	OK_STR(err.text, "L3:2=1 is wanted, and nothing is there");
	OK(compare("MB:0=10", present) == -EINVAL);
	OK(compare("L2:0=1", present) == -EINVAL);
	OK(compare("L3DATA:0=3", present) == 0);
	OK(compare("L3:0=0", "L3:0=000") == 0);
	OK(compare("L3:0=", "L3:0=") == 0);
	OK(compare("nonsense", present) == -EINVAL);
	OK(compare("L3:nonsense", present) == -EINVAL);
	OK(compare("L3:0=7ff", "") == -EINVAL);
	OK(compare("L3:0=7ff", "garbage\n:::\n;;==\nL3:\nL3:=\n") == -EINVAL);

	OK(check((struct spec_intel_rdt) { .mem_bw_schema = (char *) "L3:0=1" }) == -EINVAL && strstr(err.text, "memBwSchema"));
	OK(check((struct spec_intel_rdt) { .mem_bw_schema = (char *) "MB:0=1\nMB:0=2" }) == -EINVAL);
	char two[] = "L3:0=1\nL3:1=1", none[] = "x", *bad[] = { two, NULL }, *word[] = { none, NULL };
	OK(check((struct spec_intel_rdt) { .schemata = bad }) == -EINVAL && strstr(err.text, "schemata[0]"));
	OK(check((struct spec_intel_rdt) { .schemata = word }) == -EINVAL);
	static const char *const names[] = { "..", ".", "info", "mon_groups", "mon_data", "a/b", "/a", "a\nb" };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		OK(check((struct spec_intel_rdt) { .clos_id = (char *) names[i] }) == -EINVAL && strstr(err.text, "closID"));
	find();
	return tap_done();
}
