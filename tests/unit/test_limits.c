/* Limits: what cannot be had is named, with what gives it; a runtime's refusal names the option. */
#include "../../cli/container/record.h"
#include "../../cli/container/ulimits.h"
#include "cleanup.h"
#include "str.h"
#include "tap.h"

static char *word(const char *s) { return (char *) s; }

/* says - limits_missing() fails, with a sentence that contains both */
static bool says(const struct record *r, const struct limits_view *view, const char *a, const char *b)
{
	struct error err = { 0 };
	int result = limits_missing(r, view, &err);
	bool good = result == -EOPNOTSUPP && strstr(err.text, a) && strstr(err.text, b);
	if (!good)
		printf("# %d: %s\n", result, err.text);
	return good;
}

static void test_missing(void)
{
	const struct limits_view stock = { .v2 = true, .controllers = word("cpu memory pids") };
	const struct limits_view nothing = { .v2 = true, .controllers = word("") };
	const struct limits_view v1 = { .controllers = word("") }, root_v1 = { .privileged = true, .controllers = word("cpu memory") };
	const struct record memory = { .memory = 64 << 20 }, cpuset = { .limits = { .cpuset_cpus = word("0") } };
	const struct record weight = { .limits = { .blkio_weight = 100 } }, none = { .name = word("none") };
	struct json_pair pair = { word("memory.high"), word("1") };
	const struct record unified = { .limits = { .unified = { 1, &pair } } };
	int64_t twenty = 20;
	const struct record swappy = { .limits = { .swappiness = &twenty } };

	OK(limits_missing(&none, &v1, NULL) == 0 && limits_missing(&memory, &stock, NULL) == 0);
	OK(says(&cpuset, &stock, "--cpuset-cpus: the controller cpuset is not delegated to you (cpu memory pids)",
		"Delegate=cpu cpuset io memory pids"));
	OK(says(&weight, &stock, "--blkio-weight: the controller io", "user@.service.d"));
	OK(says(&memory, &nothing, "--memory: the controller memory", "(none is)"));
	OK(says(&memory, &v1, "--memory", "boot with systemd.unified_cgroup_hierarchy=1"));
	OK(says(&weight, &v1, "--blkio-weight: the controller blkio", "cannot be given to an ordinary user"));
	OK(says(&cpuset, &root_v1, "--cpuset-cpus: there is no cgroup controller cpuset here", "there are: cpu memory"));
	OK(says(&unified, &root_v1, "--cgroup-conf", "cgroup v1"));
	OK(says(&swappy, &stock, "--memory-swappiness", "cgroup v2"));
}

static void test_name(void)
{
	struct error err = { 0 };
	(void) error_say(&err, EIO, "woody run failed: linux.resources.cpu.cpus: write '9' to '/sys/x': Invalid argument");
	OK(limits_name_option(&err) == -EIO && str_starts(err.text, "--cpuset-cpus: woody run failed"));
	(void) error_say(&err, EIO, "linux.resources.blockIO.weightDevice: no");
	OK(limits_name_option(&err) == -EIO && str_starts(err.text, "--blkio-weight-device: "));
	(void) error_say(&err, EIO, "something else");
	OK(limits_name_option(&err) == -EIO && str_eq(err.text, "something else"));
}

static int parse(const char *line, struct pool *pool, struct record_ulimit **ret, size_t *n, struct error *err)
{
	struct strings words cleanup_strings = { 0 };
	strings_split(&words, line, " ");
	return ulimits_parse(&words, pool, ret, n, err);
}

static void test_ulimits(void)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct record_ulimit *l;
	size_t n;
	struct error err = { 0 };
	OK(parse("nofile=1:2 core=-1 host nofile=7", &pool, &l, &n, NULL) == 0 && n == 2);
	OK(str_eq(l[0].name, "nofile") && l[0].soft == 7 && l[0].hard == 7 && l[1].soft == -1 && l[1].hard == -1);
	OK(parse("nofile=2:1", &pool, &l, &n, &err) == -EINVAL && strstr(err.text, "above the hard limit 1"));
	OK(parse("nofile=-1:1", &pool, &l, &n, &err) == -EINVAL);
	OK(parse("nproc=1:-1", &pool, &l, &n, NULL) == 0 && l[0].hard == -1);
	static const char *const bad[] = { "nofile", "nofile=", "nofile=x", "=5", "nofile=1:", "nofile=1:2:3", "nofile=-2", "nofile=1k" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		OK(parse(bad[i], &pool, &l, &n, &err) == -EINVAL);
	OK(parse("nofiles=1", &pool, &l, &n, &err) == -EINVAL && strstr(err.text, "did you mean 'nofile'?"));

	struct spec_process p = { 0 };
	const struct record_ulimit one = { word("memlock"), 0, 0 };
	OK(ulimits_to_spec(&one, 1, &pool, &p, NULL) == 0 && p.n_rlimits == 1 && str_eq(p.rlimits[0].type, "RLIMIT_MEMLOCK"));
}

/* record_of - the record that these options make, and what update changes of it */
static void test_update(void)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct limit_options o = LIMIT_OPTIONS_DEFAULT;
	struct resource_options change = RESOURCE_OPTIONS_DEFAULT;
	struct record r = { 0 };
	struct spec_resources *told;
	o.resources.memory = 64 << 20;
	o.resources.pids = 9;
	OK(limits_to_record(&o, &pool, &r, NULL) == 0 && r.memory == 64 << 20 && r.pids_limit == 9);
	OK(!resources_given(&change));
	change.pids = -1;
	change.cpus = word("0.5");
	OK(resources_given(&change) && resources_to_record(&change, &pool, &r, NULL) == 0);
	OK(r.memory == 64 << 20 && r.pids_limit == 0 && r.cpu_quota == 50000);
	OK(resources_to_update(&change, &r, &pool, &told, NULL) == 0 && !told->memory && *told->pids->limit == -1 &&
	   *told->cpu->quota == 50000 && *told->cpu->period == 100000 && !told->cpu->shares);
	change = (struct resource_options) RESOURCE_OPTIONS_DEFAULT;
	change.memory = -1;
	OK(resources_to_record(&change, &pool, &r, NULL) == 0 && r.memory == 0);
	OK(resources_to_update(&change, &r, &pool, &told, NULL) == 0 && *told->memory->limit == -1 && !told->pids && !told->cpu);
}

int main(void)
{
	test_missing();
	test_name();
	test_ulimits();
	test_update();
	return tap_done();
}
