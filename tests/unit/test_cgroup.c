/* The parts of cgroups that need no cgroup: what a machine looks like, what resources mean as writes, and, on directories
 * that only look like cgroups, how they are written and read. */
#include "../../woody/cgroup/driver.h"
#include "cleanup.h"
#include "fs.h"
#include "log.h"
#include "str.h"
#include "tap.h"
#include "../../woody/cgroup/delegate.h"
#include "../../woody/cgroup/oom.h"
#include "../../woody/cgroup/stats.h"
#include <linux/bpf.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

static struct error err;
static char base[] = "/tmp/test_cgroup.XXXXXX";

/* ---- layouts ---- */

static const struct layout_hierarchy *get(const struct layout *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i].name, name) == 0)
			return &l->v[i];
	return NULL;
}

static void test_hybrid(void)
{
	struct layout l cleanup_layout = { 0 };
	layout_parse("22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n"
		     "30 22 0:26 / /sys/fs/cgroup ro,nosuid shared:9 - tmpfs tmpfs ro,mode=755\n"
		     "31 30 0:27 / /sys/fs/cgroup/unified rw,nosuid shared:10 master:2 - cgroup2 cgroup2 rw,nsdelegate\n"
		     "32 30 0:28 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n"
		     "33 30 0:29 / /sys/fs/cgroup/memory rw shared:16 - cgroup cgroup rw,memory\n"
		     "34 30 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct,clone_children,release_agent=/x\n"
		     "35 30 0:31 / /mnt/a\\040b rw - cgroup cgroup rw,pids\n",
		     "12:memory:/user.slice/x\n5:cpu,cpuacct:/\n4:pids:/p:q\n1:name=systemd:/s\n0::/u\n", &l);
	OK(l.kind == CGROUP_LAYOUT_HYBRID);
	OK(l.n == 5);
	OK_STR(get(&l, "")->mount, "/sys/fs/cgroup/unified");
	OK_STR(get(&l, "")->own, "/u");
	OK_STR(get(&l, "memory")->own, "/user.slice/x");
	OK_STR(get(&l, "cpu,cpuacct")->mount, "/sys/fs/cgroup/cpu,cpuacct");
	OK_STR(get(&l, "cpu,cpuacct")->own, "/");
	OK_STR(get(&l, "pids")->mount, "/mnt/a b");
	OK_STR(get(&l, "pids")->own, "/p:q");
	OK_STR(get(&l, "name=systemd")->own, "/s");
}

static void test_other_layouts(void)
{
	struct layout l cleanup_layout = { 0 };
	layout_parse("33 30 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n", NULL, &l);
	OK(l.kind == CGROUP_LAYOUT_V1 && l.n == 1 && !l.v[0].own);
	layout_done(&l);

	layout_parse("30 22 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot\n",
		     "0::/user.slice/a.scope\n", &l);
	OK(l.kind == CGROUP_LAYOUT_V2 && l.n == 1);
	OK_STR(l.v[0].mount, "/sys/fs/cgroup");
	OK_STR(l.v[0].own, "/user.slice/a.scope");
	layout_done(&l);

	/* a v1 hierarchy for old programs beside a real v2 */
	layout_parse("31 30 0:27 / /mnt/systemd rw - cgroup cgroup rw,none,name=systemd\n"
		     "30 22 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", "1:name=systemd:/\n0::/a\n", &l);
	OK(l.kind == CGROUP_LAYOUT_V2 && l.n == 1 && *l.v[0].name == 0);
	OK_STR(l.v[0].own, "/a");
	layout_done(&l);

	layout_parse("22 1 8:1 / / rw - ext4 /dev/sda1 rw\n", "0::/\n", &l);
	OK(l.kind == CGROUP_LAYOUT_NONE && l.n == 0);
	layout_done(&l);

	/* seen twice: a bind mount elsewhere does not count, a later one at the usual place does */
	layout_parse("33 30 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
		     "34 30 0:29 / /var/lib/x/memory rw - cgroup cgroup rw,memory\n", NULL, &l);
	OK(l.n == 1);
	OK_STR(l.v[0].mount, "/sys/fs/cgroup/memory");
	layout_done(&l);
	layout_parse("34 30 0:29 / /var/lib/x/memory rw - cgroup cgroup rw,memory\n"
		     "33 30 0:29 / /sys/fs/cgroup/m rw - cgroup cgroup rw,memory\n", NULL, &l);
	OK_STR(l.v[0].mount, "/sys/fs/cgroup/m");
	layout_done(&l);

	/* text that is none */
	layout_parse("\n - cgroup\n1 2 3 - cgroup\n1 2 3 4 5 6 - cgroup x\n1 2 3 4 5 6 - cgroup x rw\n- cgroup2", "::\n\nx\n1:", &l);
	OK(l.n == 0 && l.kind == CGROUP_LAYOUT_NONE);
}

static void test_container_layout(void)
{
	/* in a container without a cgroup namespace: the mounts show its own cgroup only */
	struct layout l cleanup_layout = { 0 };
	layout_parse("33 30 0:29 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
		     "5:memory:/docker/abc/inner\n", &l);
	OK_STR(l.v[0].root, "/docker/abc");
	OK_STR(layout_below_mount(l.v[0].root, l.v[0].own), "/inner");
	OK_STR(layout_below_mount("/docker/abc", "/docker/abc"), "");
	OK(layout_below_mount("/docker/abc", "/docker/abcd") == NULL);
	OK(layout_below_mount("/docker/abc", "/") == NULL);
	OK_STR(layout_below_mount("/", "/"), "");
	OK_STR(layout_below_mount("/", "/x/y"), "/x/y");
}

static void test_guess(void)
{
	struct layout l cleanup_layout = { 0 };
	layout_guess("5:cpu,cpuacct:/\n1:name=systemd:/s\n0::/u\n", &l);
	OK(l.kind == CGROUP_LAYOUT_HYBRID && l.n == 3);
	OK_STR(get(&l, "cpu,cpuacct")->mount, "/sys/fs/cgroup/cpu,cpuacct");
	OK_STR(get(&l, "name=systemd")->mount, "/sys/fs/cgroup/systemd");
	OK_STR(get(&l, "")->mount, "/sys/fs/cgroup/unified");
	layout_done(&l);
	layout_guess("0::/u\n", &l);
	OK(l.kind == CGROUP_LAYOUT_V2);
	OK_STR(l.v[0].mount, "/sys/fs/cgroup");
	layout_done(&l);
	layout_guess("", &l);
	OK(l.kind == CGROUP_LAYOUT_NONE);

	OK(layout_has("cpu,cpuacct", "cpu") && layout_has("cpu,cpuacct", "cpuacct") && !layout_has("cpuset", "cpu"));
	OK(layout_has("", "") && !layout_has("", "cpu") && !layout_has("cpu", ""));
}

/* ---- numbers ---- */

static void test_conversions(void)
{
	int64_t v = 7, limit = 100;
	OK(v2_cpu_weight(0) == 0 && v2_cpu_weight(1) == 1 && v2_cpu_weight(2) == 1);
	OK(v2_cpu_weight(1024) == 100);
	OK(v2_cpu_weight(512) == 59);
	OK(v2_cpu_weight(2048) == 174);
	OK(v2_cpu_weight(100) == 17);
	OK(v2_cpu_weight(262144) == 10000 && v2_cpu_weight(UINT64_MAX) == 10000);
	uint64_t last = 0;
	int falls = 0;
	for (uint64_t s = 2; s <= 262144; s += 97) {
		falls += v2_cpu_weight(s) < last;
		last = v2_cpu_weight(s);
	}
	OK(falls == 0 && last > 9900 && last <= 10000);
	OK(v2_io_weight(0) == 0 && v2_io_weight(10) == 1 && v2_io_weight(500) == 4950 && v2_io_weight(1000) == 10000);
	OK(v2_io_weight(5) == 1 && v2_io_weight(60000) == 10000);

	OK(v2_swap(&limit, 150, &v, &err) == 0 && v == 50);
	OK(v2_swap(&limit, 100, &v, &err) == 0 && v == 0);
	OK(v2_swap(NULL, -1, &v, &err) == 0 && v == -1);
	OK(v2_swap(NULL, 5, &v, &err) == -EINVAL);
	OK_STR(err.text, "linux.resources.memory.swap: memory+swap cannot be limited without memory.limit");
	OK(v2_swap(&limit, 99, &v, &err) == -EINVAL);
	OK_STR(err.text, "linux.resources.memory.swap: 99 for memory+swap is less than 100 for memory alone");
}

/* ---- plans ---- */

static struct spec_resources *decode(const char *json, struct pool *pool)
{
	struct spec_resources *r = NULL;
	if (json_decode(&spec_resources_type, json, strlen(json), pool, &r, &err) < 0)
		printf("Bail out! %s\n", err.text);
	return r;
}

/* plan - "file=value" for every write, "~" before those that may come late, blanks between; or the error */
static const char *plan(const struct cgroup_version *v, bool update, const char *json)
{
	static struct buf text;
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct limits l cleanup_limits = { 0 };
	buf_done(&text);
	text = (struct buf) { 0 };
	if (v->plan(decode(json, &pool), update, &l, &err) < 0)
		return err.text;
	for (size_t i = 0; i < l.n; i++)
		buf_printf(&text, "%s%s%s=%s", i ? " " : "", l.v[i].flags & LIMIT_LATE ? "~" : "", l.v[i].file, l.v[i].value);
	return buf_str(&text);
}

static void test_v1_plan(void)
{
	const struct cgroup_version *v = &version_v1;
	OK_STR(plan(v, false, "{}"), "");
	/* the limit before memory+swap: in a new cgroup nothing else is allowed */
	OK_STR(plan(v, false, "{\"memory\":{\"limit\":1000,\"swap\":2000,\"reservation\":500,\"swappiness\":10,\"kernelTCP\":7}}"),
	       "~memory.limit_in_bytes=1000 ~memory.memsw.limit_in_bytes=2000 memory.soft_limit_in_bytes=500 "
	       "memory.kmem.tcp.limit_in_bytes=7 memory.swappiness=10");
	OK_STR(plan(v, false, "{\"memory\":{\"limit\":-1}}"), "~memory.limit_in_bytes=-1");
	OK_STR(plan(v, true, "{\"memory\":{\"limit\":-1}}"), "~memory.limit_in_bytes=-1 memory.memsw.limit_in_bytes=-1");
	OK_STR(plan(v, false, "{\"memory\":{\"disableOOMKiller\":true}}"), "memory.oom_control=1");
	OK_STR(plan(v, false, "{\"memory\":{\"disableOOMKiller\":false}}"), "");
	OK_STR(plan(v, true, "{\"memory\":{\"disableOOMKiller\":false}}"), "memory.oom_control=0");
	/* zeroes of callers that mean "not set" */
	OK_STR(plan(v, false, "{\"memory\":{\"limit\":0,\"swap\":0,\"reservation\":0,\"kernel\":0},"
	       "\"cpu\":{\"shares\":0,\"quota\":0,\"period\":0,\"realtimeRuntime\":0,\"realtimePeriod\":0,\"cpus\":\"\"},"
	       "\"blockIO\":{\"weight\":0},\"network\":{\"classID\":0}}"), "");
	OK_STR(plan(v, false, "{\"pids\":{\"limit\":0}}"), "pids.max=1");
	OK_STR(plan(v, false, "{\"pids\":{\"limit\":-1}}"), "pids.max=max");
	OK_STR(plan(v, false, "{\"pids\":{\"limit\":77}}"), "pids.max=77");
	OK_STR(plan(v, false, "{\"cpu\":{\"shares\":512,\"quota\":5,\"period\":10,\"burst\":1,\"idle\":1,\"cpus\":\"0-1\",\"mems\":\"0\"}}"),
	       "cpu.shares=512 ~cpu.cfs_period_us=10 ~cpu.cfs_burst_us=1 ~cpu.cfs_quota_us=5 cpu.idle=1 cpuset.cpus=0-1 cpuset.mems=0");
	OK_STR(plan(v, true, "{\"cpu\":{\"shares\":512,\"idle\":0,\"quota\":-7}}"), "cpu.idle=0 cpu.shares=512 ~cpu.cfs_quota_us=-1");
	OK_STR(plan(v, false, "{\"cpu\":{\"realtimeRuntime\":1,\"realtimePeriod\":2}}"), "~cpu.rt_period_us=2 ~cpu.rt_runtime_us=1");
	OK_STR(plan(v, false, "{\"blockIO\":{\"weight\":10,\"leafWeight\":20,\"weightDevice\":[{\"major\":8,\"minor\":0,\"weight\":30}],"
	       "\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":1,\"rate\":9}],\"throttleWriteIOPSDevice\":[{\"major\":8,\"minor\":2,\"rate\":3}]}}"),
	       "blkio.weight=10 blkio.leaf_weight=20 blkio.weight_device=8:0 30 blkio.throttle.read_bps_device=8:1 9 "
	       "blkio.throttle.write_iops_device=8:2 3");
	OK_STR(plan(v, false, "{\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":9}]}"),
	       "hugetlb.2MB.limit_in_bytes=9 hugetlb.2MB.rsvd.limit_in_bytes=9");
	OK_STR(plan(v, false, "{\"hugepageLimits\":[{\"pageSize\":\"../x\",\"limit\":9}]}"),
	       "linux.resources.hugepageLimits: '../x' is not a page size like 2MB or 1GB");
	OK_STR(plan(v, false, "{\"network\":{\"classID\":5,\"priorities\":[{\"name\":\"eth0\",\"priority\":3}]},"
	       "\"rdma\":{\"mlx\":{\"hcaHandles\":2,\"hcaObjects\":4}}}"),
	       "net_cls.classid=5 net_prio.ifpriomap=eth0 3 rdma.max=mlx hca_handle=2 rdma.max=mlx hca_object=4");
	OK_STR(plan(v, false, "{\"unified\":{\"memory.high\":\"5\"}}"),
	       "invalid configuration: unified resources need cgroup v2, this machine has v1");
	OK(limits_hugepage_check("64KB", NULL) == 0 && limits_hugepage_check("1GB", NULL) == 0);
	OK(limits_hugepage_check("02MB", NULL) < 0 && limits_hugepage_check("MB", NULL) < 0 && limits_hugepage_check("2", NULL) < 0 &&
	   limits_hugepage_check("2MBx", NULL) < 0 && limits_hugepage_check("", NULL) < 0);
}

/* former - limits_former() as a borrowed string */
static const char *former(const char *file, const char *text, const char *value)
{
	static char *last;
	free(last);
	last = limits_former(file, text, value);
	return last ? last : "(none)";
}

static void test_former(void)
{
	static const char io[] = "8:0 rbps=1000 wbps=max riops=max wiops=max\n8:16 rbps=max wbps=7 riops=max wiops=max\n";
	OK_STR(former("pids.max", "max\n", "7"), "max");
	OK_STR(former("cpu.max", "max 100000\n", "20000 50000"), "max 100000");
	OK_STR(former("cpuset.cpus", "\n", "0-1"), "\n");
	OK_STR(former("cpuset.cpus", "", "0-1"), "\n");
	OK_STR(former("io.max", io, "8:16 wbps=9"), "8:16 rbps=max wbps=7 riops=max wiops=max");
	OK_STR(former("io.max", io, "8:1 wbps=9"), "8:1 rbps=max wbps=max riops=max wiops=max");
	OK_STR(former("io.max", "", "8:0 wbps=9"), "8:0 rbps=max wbps=max riops=max wiops=max");
	OK_STR(former("io.bfq.weight", "default 100\n8:0 200\n", "8:0 300"), "8:0 200");
	OK_STR(former("io.bfq.weight", "default 100\n", "8:0 300"), "8:0 default");
	OK_STR(former("io.bfq.weight", "default 100\n8:0 200\n", "300"), "default 100");
	OK_STR(former("blkio.throttle.read_bps_device", "", "8:0 1000"), "8:0 0");
	OK_STR(former("io.latency", "", "8:0 target=100"), "(none)");
	OK_STR(former("rdma.max", "mlx hca_handle=2 hca_object=max\n", "mlx hca_handle=5"), "mlx hca_handle=2 hca_object=max");
	OK_STR(former("net_prio.ifpriomap", "lo 0\neth0 4\neth01 5\n", "eth0 9"), "eth0 4");
	OK_STR(former("memory.oom_control", "oom_kill_disable 1\nunder_oom 0\noom_kill 0\n", "0"), "1");
	OK_STR(former("memory.oom_control", "odd\n", "0"), "\n");
}

static void test_v2_plan(void)
{
	const struct cgroup_version *v = &version_v2;
	OK_STR(plan(v, false, "{}"), "");
	OK_STR(plan(v, false, "{\"memory\":{\"limit\":1000,\"swap\":1500,\"reservation\":5}}"),
	       "memory.max=1000 memory.swap.max=500 memory.low=5");
	OK_STR(plan(v, false, "{\"memory\":{\"limit\":-1}}"), "memory.max=max memory.swap.max=max");
	OK_STR(plan(v, false, "{\"memory\":{\"swap\":5}}"),
	       "linux.resources.memory.swap: memory+swap cannot be limited without memory.limit");
	OK_STR(plan(v, false, "{\"cpu\":{\"shares\":1024,\"quota\":50,\"period\":100}}"), "cpu.weight=100 ~cpu.max=50 100");
	OK_STR(plan(v, false, "{\"cpu\":{\"quota\":-1}}"), "~cpu.max=max");
	OK_STR(plan(v, false, "{\"cpu\":{\"period\":100}}"), "~cpu.max=max 100");
	OK_STR(plan(v, true, "{\"cpu\":{\"period\":100}}"), "~cpu.max=100");
	OK_STR(plan(v, false, "{\"cpu\":{\"realtimeRuntime\":5}}"),
	       "linux.resources.cpu.realtimeRuntime and realtimePeriod need cgroup v1");
	OK_STR(plan(v, false, "{\"pids\":{\"limit\":0}}"), "pids.max=1");
	OK_STR(plan(v, false, "{\"blockIO\":{\"weight\":100,\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0,\"rate\":9}],"
	       "\"throttleWriteIOPSDevice\":[{\"major\":8,\"minor\":0,\"rate\":0}]}}"),
	       "io.bfq.weight=100 io.max=8:0 rbps=9 io.max=8:0 wiops=max");
	OK_STR(plan(v, false, "{\"hugepageLimits\":[{\"pageSize\":\"1GB\",\"limit\":9}]}"), "hugetlb.1GB.max=9 hugetlb.1GB.rsvd.max=9");
	/* what is named exactly comes last */
	OK_STR(plan(v, false, "{\"pids\":{\"limit\":7},\"unified\":{\"pids.max\":\"8\",\"io.max\":\"8:0 rbps=1\\n8:1 rbps=2\\n\"}}"),
	       "pids.max=7 ~pids.max=8 ~io.max=8:0 rbps=1 ~io.max=8:1 rbps=2");
	OK_STR(plan(v, false, "{\"unified\":{\"../cgroup.procs\":\"1\"}}"),
	       "linux.resources.unified: '../cgroup.procs' is not the name of a cgroup file like memory.high");
}

/* ---- device rules ---- */

#define DEFAULTS "+c *:* m +b *:* m +c 1:3 rwm +c 1:8 rwm +c 1:7 rwm +c 5:0 rwm +c 1:5 rwm +c 1:9 rwm +c 136:* rwm +c 5:2 rwm"

/* devices - "+rule" for devices.allow, "-rule" for devices.deny; @json is the list */
static const char *devices(bool fresh, const char *json)
{
	static struct buf text;
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct device_plan p CLEANUP(device_plan_done) = { 0 };
	cleanup_free char *document = xasprintf("{\"devices\":%s}", json);
	buf_done(&text);
	text = (struct buf) { 0 };
	struct spec_resources *r = decode(document, &pool);
	if (devices_plan(r->devices, r->n_devices, fresh, &p, &err) < 0)
		return err.text;
	for (size_t i = 0; i < p.n; i++)
		buf_printf(&text, "%s%c%s", i ? " " : "", p.v[i].allow ? '+' : '-', p.v[i].text);
	return buf_str(&text);
}

static void test_devices(void)
{
	OK_STR(devices(true, "[]"), "-a " DEFAULTS);
	OK_STR(devices(true, "[{\"allow\":false,\"access\":\"rwm\"}]"), "-a " DEFAULTS);
	/* the config's in their order, the defaults behind them */
	OK_STR(devices(true, "[{\"allow\":false,\"type\":\"a\",\"access\":\"rwm\"},{\"allow\":true,\"type\":\"c\",\"major\":1,\"minor\":11,\"access\":\"rw\"},"
	       "{\"allow\":true,\"type\":\"b\",\"major\":8,\"access\":\"r\"}]"), "-a +c 1:11 rw +b 8:* r " DEFAULTS);
	/* what stands before a rule about everything is pointless, privileged containers need no write at all */
	OK_STR(devices(true, "[{\"allow\":true,\"type\":\"c\",\"major\":9,\"minor\":9,\"access\":\"r\"},{\"allow\":false,\"access\":\"mrw\"}]"),
	       "-a " DEFAULTS);
	OK_STR(devices(true, "[{\"allow\":false,\"access\":\"rwm\"},{\"allow\":true,\"access\":\"rwm\"}]"), "");
	OK_STR(devices(false, "[{\"allow\":true,\"access\":\"rwm\"}]"), "+a");
	/* all but one */
	OK_STR(devices(true, "[{\"allow\":true,\"access\":\"rwm\"},{\"allow\":false,\"type\":\"c\",\"major\":10,\"minor\":-1,\"access\":\"w\"}]"),
	       "-c 10:* w " DEFAULTS);
	/* the kernel would take "a 1:3 r" for everything */
	OK_STR(devices(true, "[{\"allow\":true,\"type\":\"a\",\"major\":1,\"minor\":4,\"access\":\"r\"}]"), "-a +b 1:4 r +c 1:4 r " DEFAULTS);
	/* a default that the config has already */
	OK_STR(devices(true, "[{\"allow\":true,\"type\":\"c\",\"major\":1,\"minor\":3,\"access\":\"rwm\"}]"),
	       "-a +c 1:3 rwm +c *:* m +b *:* m +c 1:8 rwm +c 1:7 rwm +c 5:0 rwm +c 1:5 rwm +c 1:9 rwm +c 136:* rwm +c 5:2 rwm");
	/* no access named: nothing given, but everything denied if it is about everything */
	OK_STR(devices(true, "[{\"allow\":true}]"), "-a " DEFAULTS);
	OK_STR(devices(true, "[{\"allow\":true,\"access\":\"rwm\"},{\"allow\":false}]"), "-a " DEFAULTS);
	OK_STR(devices(true, "[{\"allow\":true,\"type\":\"x\",\"access\":\"r\"}]"),
	       "linux.resources.devices[0].type: 'x' is not one of a, b, c");
	OK_STR(devices(true, "[{\"allow\":false},{\"allow\":true,\"type\":\"c\",\"access\":\"rx\"}]"),
	       "linux.resources.devices[1].access: 'rx' has other letters than r, w, m");

	struct spec_device_rule all[] = { { .allow = true, .access = (char *) "rwm" },
					  { .allow = false, .type = (char *) "c", .access = (char *) "r" } };
	OK(device_rules_restrict(NULL, 0) && !device_rules_restrict(all, 1) && device_rules_restrict(all, 2));
}

/* ---- device rules of v2: asked of the kernel itself ---- */

static void program_of(const char *rules, struct device_program *ret)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct device_plan p CLEANUP(device_plan_done) = { 0 };
	cleanup_free char *document = xasprintf("{\"devices\":%s}", rules);
	struct spec_resources *r = decode(document, &pool);
	OK(devices_plan(r->devices, r->n_devices, false, &p, &err) == 0);
	device_program(&p, ret);
}

static void test_device_program(void)
{
	struct device_program p CLEANUP(device_program_done) = { 0 };
	device_program(&(struct device_plan) { 0 }, &p);
	OK(p.n == 8 && p.v[6].imm == 1 && p.v[7].code == (BPF_JMP | BPF_EXIT));	/* no rules, no refusal */
	device_program_done(&p);

	/* every jump stays inside, and nothing runs off the end */
	program_of("[{\"allow\":true,\"access\":\"rwm\"},{\"allow\":false,\"type\":\"c\",\"major\":10,\"minor\":1,\"access\":\"w\"},"
		   "{\"allow\":true,\"type\":\"b\",\"major\":8,\"access\":\"r\"},{\"allow\":false,\"type\":\"a\",\"access\":\"m\"}]", &p);
	size_t wrong = 0;
	for (size_t i = 0; i < p.n; i++)
		if ((p.v[i].code & 7) == BPF_JMP && p.v[i].code != (BPF_JMP | BPF_EXIT))
			wrong += p.v[i].off <= 0 || i + 1 + (size_t) p.v[i].off >= p.n;
	OK(wrong == 0 && p.v[p.n - 1].code == (BPF_JMP | BPF_EXIT));
}

/* v2_mount - where a cgroup2 is that we may use, or NULL */
static const char *v2_mount(void)
{
	static const char *const mounts[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified", NULL };
	for (size_t i = 0; geteuid() == 0 && mounts[i]; i++) {
		cleanup_free char *file = xasprintf("%s/cgroup.controllers", mounts[i]);
		if (access(file, W_OK) == 0)
			return mounts[i];
	}
	return NULL;
}

/* as_member - what a process of the cgroup gets: bits 1 read, 2 write, 4 both at once, 8 mknod */
static int as_member(const char *cgroup, mode_t type, unsigned major, unsigned minor)
{
	cleanup_free char *node = xasprintf("%s/node", base), *made = xasprintf("%s/made", base);
	cleanup_free char *procs = xasprintf("%s/cgroup.procs", cgroup);
	static const int modes[] = { O_RDONLY, O_WRONLY, O_RDWR };
	int status = 0;
	if (mknod(node, type | 0600, makedev(major, minor)) < 0)
		return -1;
	pid_t pid = fork();
	if (pid == 0) {
		int got = 0;
		if (fs_write_file(AT_FDCWD, procs, "0", NULL) < 0)
			_exit(255);
		for (int i = 0; i < 3; i++)	/* a device that is not there is not refused */
			got |= open(node, modes[i] | O_NONBLOCK | O_NOCTTY) >= 0 || errno != EPERM ? 1 << i : 0;
		got |= mknod(made, type | 0600, makedev(major, minor)) == 0 ? 8 : 0;
		_exit(got);
	}
	(void) waitpid(pid, &status, 0);
	(void) unlink(node);
	(void) unlink(made);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static unsigned attached(int cgroup_fd)
{
	union bpf_attr attr = { 0 };
	attr.query.target_fd = (uint32_t) cgroup_fd;
	attr.query.attach_type = BPF_CGROUP_DEVICE;
	return syscall(SYS_bpf, BPF_PROG_QUERY, &attr, sizeof attr) < 0 && errno != ENOSPC ? 99 : attr.query.prog_cnt;
}

static void test_device_rules(void)
{
	static const struct { const char *rules; mode_t type; unsigned major, minor; int want; } cases[] = {
		{ "[]", S_IFCHR, 1, 3, 15 },	/* null is everybody's */
		{ "[]", S_IFCHR, 1, 11, 8 },	/* kmsg is nobody's, but its node may be made */
		{ "[]", S_IFCHR, 136, 77, 15 },
		{ "[]", S_IFBLK, 7, 200, 8 },
		{ "[{\"allow\":true,\"type\":\"c\",\"major\":1,\"minor\":11,\"access\":\"r\"}]", S_IFCHR, 1, 11, 9 },
		{ "[{\"allow\":true,\"type\":\"c\",\"major\":1,\"minor\":11,\"access\":\"w\"}]", S_IFCHR, 1, 11, 10 },
		{ "[{\"allow\":true,\"type\":\"c\",\"major\":1,\"minor\":11,\"access\":\"rw\"}]", S_IFCHR, 1, 11, 15 },
		/* two rules together: O_RDWR needs both */
		{ "[{\"allow\":true,\"type\":\"c\",\"major\":1,\"minor\":11,\"access\":\"r\"},"
		  "{\"allow\":true,\"type\":\"c\",\"major\":1,\"access\":\"w\"}]", S_IFCHR, 1, 11, 15 },
		{ "[{\"allow\":true,\"type\":\"c\",\"major\":1,\"minor\":-1,\"access\":\"rw\"}]", S_IFCHR, 1, 12, 15 },
		{ "[{\"allow\":true,\"type\":\"c\",\"major\":1,\"access\":\"rw\"}]", S_IFCHR, 10, 229, 8 },
		{ "[{\"allow\":true,\"type\":\"c\",\"major\":7,\"access\":\"rwm\"}]", S_IFBLK, 7, 200, 8 },	/* the other type */
		{ "[{\"allow\":true,\"type\":\"b\",\"major\":7,\"access\":\"rwm\"}]", S_IFBLK, 7, 200, 15 },
		{ "[{\"allow\":true,\"access\":\"rwm\"}]", S_IFCHR, 1, 11, 15 },
		/* all but one; and later rules win */
		{ "[{\"allow\":true,\"access\":\"rwm\"},{\"allow\":false,\"type\":\"c\",\"major\":1,\"minor\":11,\"access\":\"w\"}]",
		  S_IFCHR, 1, 11, 9 },
		{ "[{\"allow\":true,\"access\":\"rwm\"},{\"allow\":false,\"type\":\"c\",\"major\":1,\"access\":\"rwm\"},"
		  "{\"allow\":true,\"type\":\"c\",\"major\":1,\"minor\":11,\"access\":\"r\"}]", S_IFCHR, 1, 11, 9 },
		{ "[{\"allow\":true,\"access\":\"rwm\"},{\"allow\":false,\"access\":\"rwm\"}]", S_IFCHR, 1, 11, 8 },
		{ "[{\"allow\":true,\"type\":\"c\",\"major\":99999999999,\"access\":\"rw\"}]", S_IFCHR, 1, 11, 8 },
	};
	const char *mount = v2_mount();
	if (!mount) {
		printf("ok %d - rules in the kernel # SKIP needs root and a cgroup2\n", ++tap_count);
		return;
	}
	cleanup_free char *dir = xasprintf("%s/test_cgroup.%d", mount, getpid());
	OK(mkdir(dir, 0755) == 0);
	cleanup_close int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct device_program p CLEANUP(device_program_done) = { 0 };
		program_of(cases[i].rules, &p);
		if (!OK(device_program_attach(fd, &p, i == 0, &err) == 0))
			printf("# %s\n", err.text);
		int got = as_member(dir, cases[i].type, cases[i].major, cases[i].minor);
		if (!OK(got == cases[i].want))
			printf("# %d, not %d, for %s\n", got, cases[i].want, cases[i].rules);
		OK(attached(fd) == 1);	/* replaced, not added */
	}

	/* as many as anybody has */
	struct buf many cleanup_buf = { 0 };
	for (int i = 0; i < 1000; i++)
		buf_printf(&many, "%s{\"allow\":%s,\"type\":\"c\",\"major\":%d,\"minor\":%d,\"access\":\"%s\"}", i ? "," : "[",
			   i % 3 ? "true" : "false", 300 + i, i, i % 2 ? "rw" : "r");
	buf_puts(&many, "]");
	struct device_program p CLEANUP(device_program_done) = { 0 };
	program_of(buf_str(&many), &p);
	if (!OK(device_program_attach(fd, &p, false, &err) == 0))
		printf("# %s\n", err.text);
	OK(as_member(dir, S_IFCHR, 1, 3) == 15 && as_member(dir, S_IFCHR, 1, 11) == 8 && attached(fd) == 1);
	OK(rmdir(dir) == 0);
}

/* ---- on directories that look like cgroups ---- */


static void put(const char *file, const char *text)
{
	cleanup_free char *path = xasprintf("%s/%s", base, file);
	cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || fs_write_all(fd, text, strlen(text)) < 0)
		printf("Bail out! write %s\n", path);
}

static const char *content(const char *file)
{
	static char *text[4];
	static unsigned next;
	cleanup_free char *path = xasprintf("%s/%s", base, file);
	char **t = &text[next++ % 4];
	free(*t);
	*t = NULL;
	return fs_read_file(AT_FDCWD, path, 4096, t, NULL, NULL) < 0 ? "(no file)" : *t;
}

static void dir(const char *name)
{
	cleanup_free char *path = xasprintf("%s/%s", base, name);
	if (mkdir(path, 0700) < 0)
		printf("Bail out! mkdir %s\n", path);
}

/* load - a cgroup with @n hierarchies, each in the directory of its name below base; v2's is "v2" */
static struct cgroup *load(size_t n, const char *const *names)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct json_pair pairs[8];
	struct cgroup *c = NULL;
	for (size_t i = 0; i < n; i++)
		pairs[i] = (struct json_pair) { (char *) names[i], pool_printf(&pool, "%s/%s", base, *names[i] ? names[i] : "v2") };
	struct cgroup_record record = { .manager = (char *) "cgroupfs", .paths = { n, pairs } };
	OK(cgroup_load(&record, &c, &err) == 0);
	return c;
}

static int update(struct cgroup *c, const char *json)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	return cgroup_update(c, decode(json, &pool), &err);
}

static void test_apply(void)
{
	dir("v2");
	put("v2/cpu.max", "500 1000\n");
	put("v2/cpu.weight", "");
	put("v2/io.weight", "");
	struct cgroup *c = load(1, (const char *const[]) { "" });
	OK(update(c, "{\"cpu\":{\"shares\":1024}}") == 0);
	OK_STR(content("v2/cpu.weight"), "100");
	OK(update(c, "{\"cpu\":{\"period\":2000}}") == 0);
	OK(strstr(content("v2/cpu.max"), "500 2000") != NULL);	/* the quota stayed */
	OK(update(c, "{\"blockIO\":{\"weight\":500}}") == 0);	/* no bfq here */
	OK_STR(content("v2/io.weight"), "4950");
	OK(update(c, "{\"pids\":{\"limit\":5}}") == -EOPNOTSUPP);
	OK(strstr(err.text, "linux.resources.pids.limit: there is no 'pids.max' in '/tmp/test_cgroup.") == err.text);
	OK(strstr(err.text, "or the pids controller is not enabled there") != NULL);
	OK(update(c, "{\"hugepageLimits\":[{\"pageSize\":\"3MB\",\"limit\":9}]}") == -EINVAL);
	OK_STR(err.text, "linux.resources.hugepageLimits: unknown hugepage size, this machine has no 'hugetlb.3MB.max'");
	cgroup_free(c);

	dir("memory");
	put("memory/memory.limit_in_bytes", "");
	c = load(1, (const char *const[]) { "memory" });
	OK(update(c, "{\"memory\":{\"limit\":4096}}") == 0);
	OK_STR(content("memory/memory.limit_in_bytes"), "4096");
	OK(update(c, "{\"memory\":{\"limit\":-1}}") == 0);	/* no memsw file: nothing lost */
	OK(update(c, "{\"memory\":{\"swap\":8192}}") == -EOPNOTSUPP);
	OK_STR(err.text, "linux.resources.memory.swap: the kernel does not count swap; boot it with swapaccount=1, or leave the limit out");
	OK(update(c, "{\"cpu\":{\"shares\":10}}") == -EOPNOTSUPP);
	OK_STR(err.text, "linux.resources.cpu.shares: the container has no cgroup with the cpu controller");
	cgroup_free(c);
}

static void test_memory_checks(void)
{
	put("v2/memory.current", "5000\n");
	put("v2/memory.max", "9000\n");
	put("v2/memory.swap.max", "");
	struct cgroup *c = load(1, (const char *const[]) { "" });
	OK(update(c, "{\"memory\":{\"limit\":4000,\"checkBeforeUpdate\":true}}") == -EBUSY);
	OK_STR(err.text, "rejecting memory limit 4000: the container uses 5000 bytes now");
	OK(update(c, "{\"memory\":{\"limit\":4000,\"swap\":4000,\"checkBeforeUpdate\":true}}") == -EBUSY);
	OK_STR(err.text, "rejecting memory+swap limit 4000: the container uses 5000 bytes now");
	OK_STR(content("v2/memory.max"), "9000\n");
	OK(update(c, "{\"memory\":{\"swap\":10000}}") == 0);	/* the limit on memory is the one that is set */
	OK_STR(content("v2/memory.swap.max"), "1000");
	OK(update(c, "{\"memory\":{\"swap\":8000}}") == -EINVAL);
	put("v2/memory.max", "max\n");
	OK(update(c, "{\"memory\":{\"swap\":8000}}") == -EINVAL);
	OK_STR(err.text, "linux.resources.memory.swap: memory+swap cannot be limited without memory.limit");
	put("v2/memory.max", "");
	OK(update(c, "{\"memory\":{\"limit\":4000,\"checkBeforeUpdate\":false}}") == 0);
	OK_STR(content("v2/memory.max"), "4000");
	cgroup_free(c);

	c = load(0, NULL);
	OK(update(c, "{\"pids\":{\"limit\":4000}}") == -EOPNOTSUPP);
	OK(strstr(err.text, "linux.resources.pids.limit: the container has no cgroup, so it cannot be limited") == err.text);
	OK(update(c, "{}") == 0);
	cgroup_free(c);
}

/* ---- statistics ---- */

static const char *stats(struct cgroup *c)
{
	static struct buf text;
	buf_done(&text);
	text = (struct buf) { 0 };
	cgroup_stats(c, &text);
	return buf_str(&text);
}

static void test_stats(void)
{
	dir("v2s");
	struct json_pair pair = { (char *) "", xasprintf("%s/v2s", base) };
	struct cgroup *c = NULL;
	OK(cgroup_load(&(struct cgroup_record) { .manager = (char *) "cgroupfs", .paths = { 1, &pair } }, &c, &err) == 0);
	/* a cgroup without any file is one that has used nothing */
	OK_STR(stats(c), "\"cpu\":{\"usage\":{\"total\":0,\"kernel\":0,\"user\":0},\"throttling\":{\"periods\":0,\"throttledPeriods\":0,"
	       "\"throttledTime\":0}},\"cpuset\":{\"cpu_exclusive\":0,\"mem_hardwall\":0,\"mem_exclusive\":0,\"memory_migrate\":0,"
	       "\"memory_spread_page\":0,\"memory_spread_slab\":0,\"memory_pressure\":0,\"sched_load_balance\":0,"
	       "\"sched_relax_domain_level\":0},\"memory\":{\"cache\":0,\"usage\":{\"limit\":0,\"usage\":0,\"max\":0,\"failcnt\":0},"
	       "\"swap\":{\"limit\":0,\"usage\":0,\"max\":0,\"failcnt\":0},\"kernel\":{\"limit\":0,\"usage\":0,\"max\":0,\"failcnt\":0},"
	       "\"kernelTCP\":{\"limit\":0,\"usage\":0,\"max\":0,\"failcnt\":0}},\"pids\":{\"current\":0,\"limit\":0},\"blkio\":{},"
	       "\"hugetlb\":{}");
	put("v2s/cpu.stat", "usage_usec 7\nuser_usec 4\nsystem_usec 3\nnr_periods 5\nnr_throttled 2\nthrottled_usec 9\n");
	put("v2s/cpu.pressure", "some avg10=0.10 avg60=0.20 avg300=0.30 total=44\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n");
	put("v2s/cpuset.cpus.effective", "0-2,5\n");
	put("v2s/memory.stat", "anon 1\nfile 4096\n");
	put("v2s/memory.max", "max\n");
	put("v2s/memory.current", "10\n");
	put("v2s/memory.swap.current", "5\n");
	put("v2s/memory.swap.max", "100\n");
	put("v2s/memory.events", "low 0\nmax 3\noom 0\noom_kill 0\n");
	put("v2s/pids.max", "max\n");
	put("v2s/pids.current", "2\n");
	put("v2s/io.stat", "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6 cost.usage=7\n");
	put("v2s/hugetlb.2MB.current", "8\n");
	put("v2s/hugetlb.2MB.rsvd.current", "9\n");
	put("v2s/hugetlb.2MB.events", "max 4\n");
	const char *s = stats(c);
	OK(strstr(s, "{\"usage\":{\"total\":7000,\"kernel\":3000,\"user\":4000},\"throttling\":{\"periods\":5,\"throttledPeriods\":2,"
		     "\"throttledTime\":9000},\"psi\":{\"some\":{\"avg10\":0.10,\"avg60\":0.20,\"avg300\":0.30,\"total\":44},\"full\":{"));
	OK(strstr(s, "\"cpus\":[0,1,2,5]"));
	OK(strstr(s, "\"cache\":4096,\"usage\":{\"limit\":18446744073709551615,\"usage\":10,\"max\":0,\"failcnt\":3},"
		     "\"swap\":{\"limit\":18446744073709551615,\"usage\":15,"));
	OK(strstr(s, "\"raw\":{\"anon\":1,\"file\":4096}"));
	OK(strstr(s, "\"pids\":{\"current\":2,\"limit\":0}"));
	OK(strstr(s, "\"ioServiceBytesRecursive\":[{\"major\":8,\"minor\":0,\"op\":\"Read\",\"value\":1},{\"major\":8,\"minor\":0,\"op\":\"Write\","
		     "\"value\":2},{\"major\":8,\"minor\":0,\"op\":\"Discard\",\"value\":5}],\"ioServicedRecursive\":[{"));
	OK(strstr(s, "\"hugetlb\":{\"2MB\":{\"usage\":9,\"max\":0,\"failcnt\":4}}"));
	cgroup_free(c);
	free(pair.value);

	dir("cpuacct");
	dir("blkio");
	put("cpuacct/cpuacct.usage", "9\n");
	put("cpuacct/cpuacct.stat", "user 2\nsystem 1\n");
	put("cpuacct/cpuacct.usage_percpu", "4 5 \n");
	put("cpuacct/cpuacct.usage_all", "cpu user system\n0 1 3\n1 2 3\n");
	put("blkio/blkio.throttle.io_serviced_recursive", "254:0 Read 7\n254:0 Total 7\nTotal 7\n");
	c = load(2, (const char *const[]) { "cpuacct", "blkio" });
	s = stats(c);
	OK(strstr(s, "\"cpu\":{\"usage\":{\"total\":9,\"percpu\":[4,5],\"percpu_kernel\":[3,3],\"percpu_user\":[1,2],\"kernel\":10000000,"
		     "\"user\":20000000}") == s);
	OK(strstr(s, "\"blkio\":{\"ioServicedRecursive\":[{\"major\":254,\"minor\":0,\"op\":\"Read\",\"value\":7},{"));
	cgroup_free(c);
}

static void test_oom(void)
{
	struct oom_watch w = OOM_WATCH_INIT;
	struct cgroup *c = load(1, (const char *const[]) { "pids" });
	OK(oom_open(c, &w, &err) == -EOPNOTSUPP && w.fd == -1);
	cgroup_free(c);
	put("v2/memory.events", "low 0\noom 4\noom_kill 3\noom_group_kill 0\n");
	c = load(1, (const char *const[]) { "" });
	OK(oom_open(c, &w, &err) == 0 && !oom_happened(&w));	/* those before us are not news */
	put("v2/memory.events", "low 9\noom 4\noom_kill 3\noom_group_kill 0\n");
	OK(!oom_happened(&w));	/* something else has changed */
	put("v2/memory.events", "low 9\noom 5\noom_kill 4\noom_group_kill 0\n");
	OK(oom_happened(&w) && !oom_happened(&w));
	oom_close(&w);
	OK(w.fd == -1 && !oom_happened(&w));
	cgroup_free(c);
}

/* ---- delegation ---- */

static bool delegated(const char *linux_, const char *mount, unsigned uid, uid_t *owner)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct runtime_spec *spec = NULL;
	cleanup_free char *text = xasprintf("{\"ociVersion\":\"1.2.0\",\"process\":{\"cwd\":\"/\",\"user\":{\"uid\":%u}},\"mounts\":[%s],\"linux\":%s}",
					    uid, mount, linux_);
	if (json_decode(&runtime_spec_type, text, strlen(text), &pool, &spec, &err) < 0)
		printf("Bail out! %s\n", err.text);
	return cgroup_is_delegated(spec, owner);
}

static void test_delegation(void)
{
	static const char mapped[] = "{\"uidMappings\":[{\"containerID\":0,\"hostID\":5000,\"size\":10},{\"containerID\":10,\"hostID\":90,\"size\":1}],"
				     "\"namespaces\":[{\"type\":\"user\"},{\"type\":\"cgroup\"}]}";
	static const char rw[] = "{\"destination\":\"/sys/fs/cgroup/\",\"type\":\"cgroup\",\"options\":[\"nosuid\",\"rw\"]}";
	static const char ro[] = "{\"destination\":\"/sys/fs/cgroup\",\"type\":\"cgroup\",\"options\":[\"ro\"]}";
	static const char bind[] = "{\"destination\":\"/sys/fs/cgroup\",\"type\":\"bind\",\"source\":\"/x\",\"options\":[\"rbind\"]}";
	uid_t owner = 77;
	OK(delegated(mapped, rw, 0, &owner) && owner == 5000);
	OK(delegated(mapped, rw, 3, &owner) && owner == 5003);
	OK(delegated(mapped, rw, 10, &owner) && owner == 90);
	OK(!delegated(mapped, rw, 11, &owner));
	OK(!delegated(mapped, ro, 0, &owner) && !delegated(mapped, bind, 0, &owner) && !delegated(mapped, "", 0, &owner));
	OK(!delegated("{\"namespaces\":[{\"type\":\"user\"}]}", rw, 0, &owner));	/* the host's cgroup namespace */
	OK(!delegated("{\"namespaces\":[{\"type\":\"cgroup\",\"path\":\"/proc/1/ns/cgroup\"}]}", rw, 0, &owner));
	OK(!delegated("{\"namespaces\":[{\"type\":\"cgroup\"},{\"type\":\"user\",\"path\":\"/x\"}]}", rw, 0, &owner));
	OK(delegated("{\"namespaces\":[{\"type\":\"cgroup\"}]}", rw, 1000, &owner) && owner == 1000);
}

static void test_tree(void)
{
	dir("pids");
	dir("pids/a");
	dir("pids/a/b");
	dir("pids/c");
	put("pids/cgroup.procs", "0\n100\n");
	put("pids/a/cgroup.procs", "");
	put("pids/a/b/cgroup.procs", "200\n300\n");
	put("pids/c/cgroup.procs", "400\n");
	struct cgroup *c = load(1, (const char *const[]) { "pids" });
	pid_t *pids = NULL;
	bool seen[5] = { false };
	ssize_t n = cgroup_procs(c, &pids);
	for (ssize_t i = 0; i < n; i++)
		seen[pids[i] / 100] = true;
	OK(n == 4 && seen[1] && seen[2] && seen[3] && seen[4]);	/* and no 0, to which a signal would be ours */
	free(pids);
	OK(cgroup_frozen(c) == 0);
	OK(cgroup_freeze(c, true, &err) == -EOPNOTSUPP);
	OK_STR(err.text, "cannot freeze the container: it has no cgroup with a freezer");

	/* exec --cgroup */
	struct cgroup *sub = NULL;
	OK(cgroup_sub(c, (char *const[]) { (char *) "a/b", NULL }, &sub, &err) == 0);
	OK(str_ends(cgroup_dir(sub, "pids"), "/pids/a/b"));
	cgroup_free(sub);
	OK(cgroup_sub(c, (char *const[]) { (char *) "pids:/", NULL }, &sub, &err) == 0);
	OK(str_ends(cgroup_dir(sub, "pids"), "/pids"));
	cgroup_free(sub);
	OK(cgroup_sub(c, (char *const[]) { (char *) "a/../c", NULL }, &sub, &err) == -EINVAL);
	OK_STR(err.text, "bad sub cgroup path 'a/../c': `..` components are not allowed");
	OK(cgroup_sub(c, (char *const[]) { (char *) "cpu:a", NULL }, &sub, &err) == -EINVAL);
	OK_STR(err.text, "unknown controller cpu in --cgroup 'cpu:a'");
	OK(cgroup_sub(c, (char *const[]) { (char *) "nowhere", NULL }, &sub, &err) == -ENOENT);
	OK(strstr(err.text, " adding pid ") && str_ends(err.text, "/pids/nowhere': no such file or directory"));
	cgroup_free(c);

	dir("rm");
	dir("rm/x");
	dir("rm/x/y");
	dir("rm/z");
	cleanup_free char *rm = xasprintf("%s/rm", base);
	OK(tree_remove(rm) == 0 && access(rm, F_OK) < 0);
	OK(tree_remove(rm) == 0);	/* what is not there is gone */
	dir("rm");
	put("rm/busy", "");
	OK(tree_remove(rm) == -EBUSY);
}

static void test_frozen(void)
{
	dir("freezer");
	put("freezer/freezer.state", "FREEZING\n");
	put("v2/cgroup.events", "populated 1\nfrozen 1\n");
	struct cgroup *c = load(2, (const char *const[]) { "freezer", "" });
	OK(cgroup_frozen(c) == 0);	/* not yet; and v1's word counts */
	put("freezer/freezer.state", "FROZEN\n");
	OK(cgroup_frozen(c) == 1);
	cgroup_free(c);
	c = load(1, (const char *const[]) { "" });
	OK(cgroup_frozen(c) == 1);
	put("v2/cgroup.events", "populated 1\nfrozen 0\n");
	OK(cgroup_frozen(c) == 0);
	cgroup_free(c);

	struct hierarchy h = { .name = "freezer", .dir = NULL, .existed = true };
	cleanup_free char *path = xasprintf("%s/freezer", base);
	h.dir = path;
	put("freezer/cgroup.procs", "7\n");
	OK(tree_check_unused(&h, &err) == -EBUSY);
	OK(strstr(err.text, "container's cgroup is not empty: process 7 is in '") == err.text);
	put("freezer/cgroup.procs", "");
	OK(tree_check_unused(&h, &err) == -EBUSY);
	OK(strstr(err.text, "container's cgroup unexpectedly frozen: '") == err.text);
	put("freezer/freezer.state", "THAWED\n");
	OK(tree_check_unused(&h, &err) == 0);
}

static void test_record(void)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct cgroup_record *record = NULL, out;
	static const char text[] = "{\"manager\":\"cgroupfs\",\"paths\":{\"cpu,cpuacct\":\"/sys/fs/cgroup/cpu,cpuacct/x\",\"\":\"/u/x\"}}";
	struct cgroup *c = NULL;
	OK(json_decode(&cgroup_record_type, text, strlen(text), &pool, &record, &err) == 0 && record->paths.n == 2);
	OK(cgroup_load(record, &c, &err) == 0);
	OK_STR(cgroup_dir(c, "cpu"), "/sys/fs/cgroup/cpu,cpuacct/x");
	OK_STR(cgroup_dir(c, ""), "/u/x");
	OK(cgroup_fork_fd(c) == -1);
	cgroup_to_record(c, &out);
	cleanup_free char *again = json_encode(&cgroup_record_type, &out, JSON_COMPACT, NULL);
	OK_STR(again, text);
	cgroup_free(c);

	record->paths.pairs[0].value = (char *) "relative";
	OK(cgroup_load(record, &c, &err) == -EINVAL);
	record->paths.pairs[0].value = (char *) "/sys/fs/cgroup/../x";
	OK(cgroup_load(record, &c, &err) == -EINVAL);
	/* a creation that was cut short */
	OK(cgroup_load(&(struct cgroup_record) { 0 }, &c, &err) == 0 && cgroup_kill(c, 9, &err) == 0 && cgroup_remove(c, &err) == 0);
	cgroup_free(c);
	cgroup_free(NULL);
}

static void test_refusals(void)
{
	struct cgroup *c = NULL;
	struct cgroup_config config = { .id = "test", .manager = "none" };
	OK(cgroup_create(&config, &c, &err) == -EINVAL);
	OK_STR(err.text, "unknown cgroup manager 'none': cgroupfs, systemd or disabled");
	config.manager = "cgroupfs";
	config.path = "/a/../..";
	OK(cgroup_create(&config, &c, &err) == -EINVAL);
	OK_STR(err.text, "linux.cgroupsPath '/a/../..' names the root of all cgroups: give the container one of its own");
	OK(cgroup_locate(&config, &c, &err) == -EINVAL);
	config.manager = "disabled";
	config.path = "/a";
	OK(cgroup_create(&config, &c, &err) == 0);
	struct cgroup_record record;
	cgroup_to_record(c, &record);
	OK_STR(record.manager, "disabled");
	OK(record.paths.n == 0 && cgroup_prepare_join(c, &err) == 0 && cgroup_join(c, &err) == 0 && cgroup_remove(c, &err) == 0);
	cgroup_free(c);
}

int main(void)
{
	log_open(-1, LOG_FORMAT_PLAIN, LOG_LEVEL_ERROR, "test");
	if (!mkdtemp(base))
		return 1;
	test_hybrid();
	test_other_layouts();
	test_container_layout();
	test_guess();
	test_conversions();
	test_v1_plan();
	test_former();
	test_v2_plan();
	test_devices();
	test_device_program();
	test_device_rules();
	test_apply();
	test_memory_checks();
	test_stats();
	test_oom();
	test_delegation();
	test_tree();
	test_frozen();
	test_record();
	test_refusals();
	(void) fs_remove_tree(AT_FDCWD, base, NULL);
	return tap_done();
}
