/* The pure parts of the systemd driver: names, annotations, limits as properties. */
#include "tap.h"
#include "woody/cgroup/cgroup.h"
#include "woody/cgroup/systemd.h"
#include "cleanup.h"
#include "error.h"
#include <unistd.h>

static struct error err;
static struct pool pool;

/* joined - all words in one text, each behind a blank but the first */
static const char *joined(struct strings *words)
{
	struct buf b cleanup_buf = { 0 };
	for (size_t i = 0; i < words->n; i++)
		buf_printf(&b, "%s%s", i ? " " : "", words->v[i]);
	strings_done(words);
	return pool_strdup(&pool, buf_str(&b));
}

/* ---- names ---- */

static void good_slice(const char *slice, const char *path)
{
	cleanup_free char *got = systemd_slice_path(slice);
	OK_STR(got, path);
}

static void bad_slice(const char *slice)
{
	cleanup_free char *got = systemd_slice_path(slice);
	if (!OK(!got))
		printf("# '%s' was taken\n", slice);
}

static void test_slices(void)
{
	good_slice("system.slice", "/system.slice");
	good_slice("a-b.slice", "/a.slice/a-b.slice");
	good_slice("kubepods-besteffort-pod1_2.slice",
		   "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod1_2.slice");
	good_slice("-.slice", "");
	static const char *const bad[] = { "", "x", ".slice", "-a.slice", "a-.slice", "a--b.slice", "a/b.slice", "--.slice",
					   "system.slice/", "a b.slice", "x.scope", "../x.slice", NULL };
	for (size_t i = 0; bad[i]; i++)
		bad_slice(bad[i]);
}

static void good_unit(const char *path, bool user, const char *slice, const char *name, const char *full)
{
	struct systemd_unit u = { 0 };
	if (!OK(systemd_unit_parse(path, "id", user, &pool, &u, &err) == 0)) {
		printf("# %s\n", err.text);
		return;
	}
	OK_STR(u.slice, slice);
	OK_STR(u.name, name);
	OK_STR(u.path, full);
}

static void bad_unit(const char *path, const char *text)
{
	struct systemd_unit u = { 0 };
	OK(systemd_unit_parse(path, "id", false, &pool, &u, &err) == -EINVAL);
	if (!OK(strstr(err.text, text)))
		printf("# %s\n", err.text);
}

static void test_units(void)
{
	good_unit(NULL, false, "system.slice", "woody-id.scope", "/system.slice/woody-id.scope");
	good_unit("", true, "user.slice", "woody-id.scope", "/user.slice/woody-id.scope");
	good_unit("machine.slice:libpod:0a1b", false, "machine.slice", "libpod-0a1b.scope", "/machine.slice/libpod-0a1b.scope");
	good_unit("a-b.slice:p:n", false, "a-b.slice", "p-n.scope", "/a.slice/a-b.slice/p-n.scope");
	good_unit(":p:n", false, "system.slice", "p-n.scope", "/system.slice/p-n.scope");
	good_unit(":p:n", true, "user.slice", "p-n.scope", "/user.slice/p-n.scope");
	good_unit("::n", false, "system.slice", "-n.scope", "/system.slice/-n.scope");
	good_unit(":p:", false, "system.slice", "p-id.scope", "/system.slice/p-id.scope");
	good_unit("-.slice:p:n", false, "-.slice", "p-n.scope", "/p-n.scope");

	bad_unit("/a/b", "linux.cgroupsPath '/a/b' is not of the form slice:prefix:name, which the systemd cgroup driver needs, such as "
			 "'system.slice:woody:name'; or use --cgroup-manager cgroupfs");
	bad_unit("a:b", "is not of the form slice:prefix:name");
	bad_unit("a.slice:b:c:d", "is not of the form slice:prefix:name");
	bad_unit("system:b:c", "linux.cgroupsPath 'system:b:c': 'system' is not the name of a slice");
	bad_unit("../x.slice:b:c", "is not the name of a slice");
	bad_unit("a--b.slice:b:c", "is not the name of a slice");
	bad_unit(":p:n.slice", "'n.slice' is a slice, and a slice holds no processes; a container needs a name without .slice");
	bad_unit(":p:a/../b", "is not the name of a unit");
	bad_unit(":p:a b", "is not the name of a unit");
	bad_unit(":p\n:a", "is not the name of a unit");
	char longest[300] = ":p:";
	memset(longest + 3, 'x', 250);
	bad_unit(longest, "is not the name of a unit");		/* 258 with p- and .scope */
	longest[250] = 0;
	struct systemd_unit u = { 0 };
	OK(systemd_unit_parse(longest, "id", false, &pool, &u, &err) == 0 && strlen(u.name) == 255);

	/* ids may have a plus, units not */
	OK(systemd_unit_parse(NULL, "a+b", false, &pool, &u, &err) == 0);
	OK_STR(u.name, "woody-a\\x2bb.scope");
}

/* ---- annotations ---- */

static int annotate(const char *name, const char *value, struct strings *out)
{
	cleanup_free char *key = xasprintf("org.systemd.property.%s", name);
	struct json_pair pair = { key, (char *) value };
	return systemd_annotations(&(struct json_map) { 1, &pair }, out, &err);
}

static void good_property(const char *name, const char *value, const char *words)
{
	struct strings out = { 0 };
	if (!OK(annotate(name, value, &out) == 0))
		printf("# %s = %s: %s\n", name, value, err.text);
	OK_STR(joined(&out), words);
}

static void bad_property(const char *name, const char *value, const char *text)
{
	struct strings out cleanup_strings = { 0 };
	if (!OK(annotate(name, value, &out) == -EINVAL && out.n == 0))
		printf("# %s = %s was taken\n", name, value);
	if (!OK(strstr(err.text, text)))
		printf("# %s\n", err.text);
}

static void test_annotations(void)
{
	good_property("CollectMode", "'inactive-or-failed'", "CollectMode s inactive-or-failed");
	good_property("Description", "\"a \\\"b\\\" 'c'\\n\"", "Description s a \"b\" 'c'\n");
	good_property("MemoryAccounting", "true", "MemoryAccounting b true");
	good_property("IOAccounting", " false ", "IOAccounting b false");
	good_property("Value", "5", "Value i 5");
	good_property("Value", "-0x10", "Value i -16");
	good_property("Value", "1.5", "Value d 1.5");
	good_property("TimeoutStopUSec", "uint64 123456789", "TimeoutStopUSec t 123456789");
	good_property("TasksMax", "@t 0xffffffffffffffff", "TasksMax t 18446744073709551615");
	good_property("Value", "byte 255", "Value y 255");
	good_property("Value", "int16 -32768", "Value n -32768");
	good_property("Value", "double 2", "Value d 2");
	good_property("Value", "objectpath '/a'", "Value o /a");
	good_property("After", "['a.service', 'b.service']", "After as 2 a.service b.service");
	good_property("After", "@as []", "After as 0");
	good_property("Value", "[uint64 1, 2]", "Value at 2 1 2");
	good_property("Value", "@at [ 1 , 2 ]", "Value at 2 1 2");
	good_property("Value", "[[1], [2, 3]]", "Value aai 2 1 1 2 2 3");
	good_property("DeviceAllow", "[('/dev/null', 'rw')]", "DeviceAllow a(ss) 1 /dev/null rw");
	good_property("Value", "@(tb) (1, true)", "Value (tb) 1 true");
	good_property("Value", "(1,)", "Value (i) 1");
	/* seconds, of whatever type, become microseconds */
	good_property("TimeoutStopSec", "2", "TimeoutStopUSec t 2000000");
	good_property("RuntimeMaxSec", "1.5", "RuntimeMaxUSec t 1500000");
	good_property("RuntimeMaxSec", "uint64 18446744073709", "RuntimeMaxUSec t 18446744073709000000");
	good_property("CPUQuotaPerSecUSec", "uint64 20000", "CPUQuotaPerSecUSec t 20000");

	static const char *const bad[] = { "", "text", "'text", "'a' 'b'", "true1", "True", "[]", "[1, 'a']", "[1 2]", "[1,]", "[1",
		"(1", "()", "1x", "0x", "--1", "1.5.5", "uint64", "uint64 'a'", "uint64 -1", "boolean 1", "@zz 1", "@a 1", "@as 'a'",
		"@as [1]", "@(tb) (1, true, 3)", "@(tb) (1)", "{'a': 1}", "<1>", "nothing", "'\\u0041'", "string 5", NULL };
	for (size_t i = 0; bad[i]; i++)
		bad_property("Value", bad[i], "annotation org.systemd.property.Value: '");
	bad_property("Value", "3000000000", "is no value of that type");
	bad_property("Value", "byte 256", "is no value of that type");
	bad_property("Value", "what", "is no value that can be read; examples: 'text' in its quotes, true, uint64 5");
	bad_property("TimeoutStopSec", "'5'", "is not a number of seconds");
	bad_property("TimeoutStopSec", "-5", "is not a number of seconds");
	bad_property("TimeoutStopSec", "true", "is not a number of seconds");
	bad_property("TimeoutStopSec", "1e30", "annotation org.systemd.property.TimeoutStopSec");
	bad_property("TimeoutStopSec", "[1]", "is not a number of seconds");
	bad_property("", "1", "is not the name of a property");
	bad_property("No Name", "1", "is not the name of a property");
	char deep[41];
	memset(deep, '[', sizeof deep - 1);
	deep[sizeof deep - 1] = 0;
	bad_property("Value", deep, "can be read");

	struct strings out cleanup_strings = { 0 };
	struct json_pair other = { (char *) "org.example", (char *) "[" };
	OK(systemd_annotations(&(struct json_map) { 1, &other }, &out, &err) == 0 && out.n == 0);
	OK(systemd_annotations(NULL, &out, &err) == 0);
}

static void test_subgroup(void)
{
	struct json_pair pair = { (char *) "run.oci.systemd.subgroup", (char *) "inner" };
	const struct json_map map = { 1, &pair };
	const char *sub = NULL;
	OK(systemd_subgroup(&map, &pool, &sub, &err) == 0);
	OK_STR(sub, "/inner");
	pair.value = (char *) "";
	OK(systemd_subgroup(&map, &pool, &sub, &err) == 0);
	OK_STR(sub, "");
	OK(systemd_subgroup(NULL, &pool, &sub, &err) == 0);
	static const char *const bad[] = { "..", ".", "../x", "a/b", "/a", "a\nb", NULL };
	for (size_t i = 0; bad[i]; i++) {
		pair.value = (char *) bad[i];
		OK(systemd_subgroup(&map, &pool, &sub, &err) == -EINVAL);
		OK(strstr(err.text, "is not the name of one cgroup"));
	}
}

/* ---- limits ---- */

static const char *limits(const char *json, struct systemd_limits l)
{
	struct spec_resources *r;
	struct strings out = { 0 };
	if (json_decode(&spec_resources_type, json, strlen(json), &pool, &r, &err) < 0)
		return err.text;
	l.r = r;
	int code = systemd_limits_add(&l, &out, &err);
	const char *words = joined(&out);
	return code < 0 ? err.text : words;
}

static void test_limits(void)
{
	const struct systemd_limits v1 = { 0 }, v2 = { .v2 = true };
	OK_STR(limits("{}", v2), "");
	OK_STR(limits("{\"memory\":{\"limit\":100,\"swap\":300,\"reservation\":50}}", v2),
	       "MemoryMax t 100 MemoryLow t 50 MemorySwapMax t 200");
	OK_STR(limits("{\"memory\":{\"limit\":100,\"swap\":300,\"reservation\":50}}", v1), "MemoryLimit t 100");
	OK_STR(limits("{\"memory\":{\"limit\":-1,\"swap\":-1}}", v2),
	       "MemoryMax t 18446744073709551615 MemorySwapMax t 18446744073709551615");
	OK_STR(limits("{\"memory\":{\"limit\":0,\"swap\":0}}", v2), "");
	OK(strstr(limits("{\"memory\":{\"limit\":300,\"swap\":100}}", v2), "is less than"));
	OK_STR(limits("{\"cpu\":{\"shares\":1024}}", v2), "CPUWeight t 100");
	OK_STR(limits("{\"cpu\":{\"shares\":1024}}", v1), "CPUShares t 1024");
	/* whole percents, rounded up */
	OK_STR(limits("{\"cpu\":{\"quota\":12345,\"period\":50000}}", v2), "CPUQuotaPeriodUSec t 50000 CPUQuotaPerSecUSec t 250000");
	OK_STR(limits("{\"cpu\":{\"quota\":50000}}", v2), "CPUQuotaPerSecUSec t 500000");
	OK_STR(limits("{\"cpu\":{\"quota\":-1}}", v2), "CPUQuotaPerSecUSec t 18446744073709551615");
	OK_STR(limits("{\"cpu\":{\"period\":50000}}", v2), "CPUQuotaPeriodUSec t 50000 CPUQuotaPerSecUSec t 18446744073709551615");
	/* an update of one of the two */
	OK_STR(limits("{\"cpu\":{\"quota\":5000}}", (struct systemd_limits) { .v2 = true, .quota = 1, .period = 10000 }),
	       "CPUQuotaPeriodUSec t 10000 CPUQuotaPerSecUSec t 500000");
	OK_STR(limits("{\"cpu\":{\"period\":20000}}", (struct systemd_limits) { .v2 = true, .quota = 5000, .period = 10000 }),
	       "CPUQuotaPeriodUSec t 20000 CPUQuotaPerSecUSec t 250000");
	OK_STR(limits("{\"cpu\":{\"cpus\":\"0-2,9\",\"mems\":\"0\"}}", v2), "AllowedCPUs ay 2 7 2 AllowedMemoryNodes ay 1 1");
	OK_STR(limits("{\"cpu\":{\"cpus\":\"0-2\"}}", v1), "");
	static const char *const bad[] = { "a", "1-", "3-1", "1,,2", "-1", "8192", "1 2", "1,", NULL };
	for (size_t i = 0; bad[i]; i++) {
		cleanup_free char *json = xasprintf("{\"cpu\":{\"cpus\":\"%s\"}}", bad[i]);
		if (!OK(strstr(limits(json, v2), "linux.resources.cpu.cpus: '")))
			printf("# %s\n", json);
	}
	OK_STR(limits("{\"pids\":{\"limit\":10}}", v2), "TasksMax t 10");
	OK_STR(limits("{\"pids\":{\"limit\":0}}", v2), "TasksMax t 1");
	OK_STR(limits("{\"pids\":{\"limit\":-1}}", v1), "TasksMax t 18446744073709551615");
	OK_STR(limits("{\"blockIO\":{\"weight\":1000}}", v2), "IOWeight t 10000");
	OK_STR(limits("{\"blockIO\":{\"weight\":500}}", v1), "BlockIOWeight t 500");
	OK_STR(limits("{\"unified\":{\"memory.high\":\"max\",\"memory.min\":\"5\",\"cpu.max\":\"5000 10000\",\"cpuset.cpus\":\"1\","
		      "\"hugetlb.2MB.max\":\"0\"}}", v2),
	       "MemoryHigh t 18446744073709551615 MemoryMin t 5 CPUQuotaPeriodUSec t 10000 CPUQuotaPerSecUSec t 500000 AllowedCPUs ay 1 2");
	OK_STR(limits("{\"unified\":{\"memory.high\":\"much\"}}", v2), "linux.resources.unified: 'memory.high' cannot be 'much'");
	OK_STR(limits("{\"unified\":{\"cpu.max\":\"1 0\"}}", v2), "linux.resources.unified: 'cpu.max' cannot be '1 0'");
}

static void test_devices(void)
{
	const struct systemd_limits l = { .devices = true };
	static const char defaults[] = "char-* m block-* m /dev/char/1:3 rwm /dev/char/1:8 rwm /dev/char/1:7 rwm /dev/char/5:0 rwm "
				       "/dev/char/1:5 rwm /dev/char/1:9 rwm char-136 rwm /dev/char/5:2 rwm";
	cleanup_free char *none = xasprintf("DevicePolicy s strict DeviceAllow a(ss) 0 DeviceAllow a(ss) 10 %s", defaults);
	OK_STR(limits("{}", l), none);
	cleanup_free char *some = xasprintf("DevicePolicy s strict DeviceAllow a(ss) 0 DeviceAllow a(ss) 13 /dev/char/10:229 rw "
					    "block-8 r char-* r %s", defaults);
	OK_STR(limits("{\"devices\":[{\"allow\":false,\"access\":\"rwm\"},{\"allow\":true,\"type\":\"c\",\"major\":10,\"minor\":229,"
		      "\"access\":\"rw\"},{\"allow\":true,\"type\":\"b\",\"major\":8,\"access\":\"r\"},"
		      "{\"allow\":true,\"type\":\"c\",\"minor\":3,\"access\":\"r\"}]}", l), some);
	/* all but some: systemd has no words for that, and must not forbid more */
	OK_STR(limits("{\"devices\":[{\"allow\":true,\"access\":\"rwm\"},{\"allow\":false,\"type\":\"c\",\"major\":1,\"minor\":3,"
		      "\"access\":\"w\"}]}", l), "DevicePolicy s auto DeviceAllow a(ss) 0");
	OK(strstr(limits("{\"devices\":[{\"allow\":true,\"type\":\"x\"}]}", l), "linux.resources.devices[0].type"));
}

/* ---- without systemd ---- */

static void test_refusal(void)
{
	struct cgroup *c = NULL;
	struct cgroup_config config = { .id = "test", .manager = "systemd", .path = "bad" };
	int r = cgroup_create(&config, &c, &err);
	if (access("/run/systemd/system", F_OK) == 0) {
		OK(r < 0 && strstr(err.text, "use --cgroup-manager cgroupfs"));
		return;
	}
	OK(r == -EOPNOTSUPP);
	OK(strcmp(err.text, "the systemd cgroup driver needs systemd, which does not run here (/run/systemd/system is missing); use "
			    "--cgroup-manager cgroupfs") == 0 ||
	   strcmp(err.text, "this woody was built without the systemd cgroup driver (meson -Dsystemd=enabled); use --cgroup-manager "
			    "cgroupfs") == 0);
}

int main(void)
{
	test_slices();
	test_units();
	test_annotations();
	test_subgroup();
	test_limits();
	test_devices();
	test_refusal();
	pool_done(&pool);
	return tap_done();
}
