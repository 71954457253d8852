/* What process and linux say about CPUs, scheduler, I/O, memory and personality: what is refused, and in which words. */
#include "../../woody/affinity.h"
#include "../../woody/memory_policy.h"
#include "../../woody/number_list.h"
#include "../../woody/scheduling.h"
#include "cleanup.h"
#include "mem.h"
#include "runtime_spec.h"
#include "str.h"
#include "tap.h"

static struct error last;

/* numbers - the set that @list makes, as hex; "" when it is refused */
static const char *numbers(const char *list)
{
	static char hex[NUMBERS_MAX / 4 + 3];
	struct number_set set = { 0 };
	return number_list_parse(list, &set) < 0 ? "" : number_set_hex(&set, hex);
}

static void test_numbers(void)
{
	struct number_set set = { .n = 77 };
	OK_STR(numbers("0"), "0x1");
	OK_STR(numbers("0-3,7"), "0x8f");
	OK_STR(numbers(" 0 , 2 - 3 ,"), "0xd");
	OK_STR(numbers(",,1"), "0x2");
	OK_STR(numbers("3,3,2-3"), "0xc");
	OK_STR(numbers("64"), "0x10000000000000000");
	OK_STR(numbers("63-64"), "0x18000000000000000");
	OK(strlen(numbers("8191")) == 2 + 2048);
	OK(number_list_parse("5-7,6", &set) == 0 && set.n == 3);
	static const char *const bad[] = { "", " ", ",", "x", "1x", "-", "-1", "1-", "3-1", "0 1", "1--2", "1-2-3", "0x1", "+1", "1.5", NULL };
	for (int i = 0; bad[i]; i++)
		if (!OK(number_list_parse(bad[i], &set) == -EINVAL))
			printf("# '%s'\n", bad[i]);
	OK(set.n == 3);	/* untouched */
	OK(number_list_parse("8192", &set) == -ERANGE);
	OK(number_list_parse("0-8192", &set) == -ERANGE);
	OK(number_list_parse("99999999999999999999999999", &set) == -ERANGE);
	OK(number_list_parse("4294967296", &set) == -ERANGE);	/* no wrapping around */
}

/* check - scheduling_check() of a process in JSON; its sentence, or "" when it is right */
static const char *check(const char *process, const char *cpus)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct spec_process *p;
	struct spec_cpu cpu = { .cpus = (char *) cpus };
	struct spec_resources resources = { .cpu = &cpu };
	struct spec_linux l = { .resources = &resources };
	last = (struct error) { 0 };
	if (json_decode(&spec_process_type, process, strlen(process), &pool, &p, &last) < 0) {
		printf("Bail out! %s\n", last.text);
		return "";
	}
	return scheduling_check(p, &l, &last) < 0 ? last.text : "";
}
#define SCHEDULER(text) check("{\"cwd\":\"/\",\"scheduler\":{" text "}}", NULL)
#define IO(text) check("{\"cwd\":\"/\",\"ioPriority\":{" text "}}", NULL)
#define HAS(text, part) do { const char *t_ = (text); if (!OK(strstr(t_, part))) printf("# %s\n", t_); } while (0)

static void test_scheduler(void)
{
	OK_STR(check("{\"cwd\":\"/\"}", "0"), "");
	OK_STR(SCHEDULER("\"policy\":\"SCHED_OTHER\",\"nice\":-20"), "");
	OK_STR(SCHEDULER("\"policy\":\"SCHED_BATCH\",\"nice\":19,\"flags\":[\"SCHED_FLAG_RESET_ON_FORK\",\"SCHED_FLAG_UTIL_CLAMP_MIN\"]"), "");
	OK_STR(SCHEDULER("\"policy\":\"SCHED_IDLE\",\"nice\":77"), "");	/* means nothing there */
	OK_STR(SCHEDULER("\"policy\":\"SCHED_FIFO\",\"priority\":99"), "");
	OK_STR(SCHEDULER("\"policy\":\"SCHED_RR\",\"priority\":1"), "");
	OK_STR(SCHEDULER("\"policy\":\"SCHED_DEADLINE\",\"nice\":19,\"runtime\":1024,\"deadline\":1024,\"period\":1024"), "");
	OK_STR(SCHEDULER("\"policy\":\"SCHED_DEADLINE\",\"runtime\":1024,\"deadline\":1024"), "");
	HAS(SCHEDULER("\"policy\":\"\""), "process.scheduler.policy: ''");
	HAS(SCHEDULER("\"policy\":\"sched_other\""), "process.scheduler.policy: 'sched_other'");
	HAS(SCHEDULER("\"policy\":\"SCHED_OTHER\",\"flags\":[\"RESET\"]"), "process.scheduler.flags: 'RESET'");
	HAS(SCHEDULER("\"policy\":\"SCHED_OTHER\",\"nice\":20"), "nice: 20 is not within");
	HAS(SCHEDULER("\"policy\":\"SCHED_FIFO\",\"priority\":0"), "priority: 0 is not within");
	HAS(SCHEDULER("\"policy\":\"SCHED_FIFO\",\"priority\":-1"), "priority: -1 is not within");
	HAS(SCHEDULER("\"policy\":\"SCHED_BATCH\",\"priority\":1"), "not for SCHED_BATCH");
	HAS(SCHEDULER("\"policy\":\"SCHED_FIFO\",\"priority\":1,\"deadline\":1"), "not for SCHED_FIFO");
	HAS(SCHEDULER("\"policy\":\"SCHED_DEADLINE\",\"runtime\":1023,\"deadline\":5000"), "runtime is 1023 ns");
	HAS(SCHEDULER("\"policy\":\"SCHED_DEADLINE\",\"runtime\":5001,\"deadline\":5000"), "runtime 5001 is longer than deadline 5000");
	HAS(SCHEDULER("\"policy\":\"SCHED_DEADLINE\",\"runtime\":5000,\"deadline\":5001,\"period\":5000"), "deadline 5001 is longer than period 5000");
	HAS(check("{\"cwd\":\"/\",\"scheduler\":{\"policy\":\"SCHED_DEADLINE\",\"runtime\":1024,\"deadline\":1024}}", "0-1"),
	    "process scheduler can't be used together with AllowedCPUs");
	OK_STR(check("{\"cwd\":\"/\",\"scheduler\":{\"policy\":\"SCHED_BATCH\"}}", "0-1"), "");
	OK(scheduling_check(NULL, NULL, &last) == 0);
}

static void test_io(void)
{
	OK_STR(IO("\"class\":\"IOPRIO_CLASS_RT\",\"priority\":0"), "");
	OK_STR(IO("\"class\":\"IOPRIO_CLASS_BE\",\"priority\":7"), "");
	OK_STR(IO("\"class\":\"IOPRIO_CLASS_IDLE\""), "");
	HAS(IO("\"class\":\"IOPRIO_CLASS_NONE\""), "process.ioPriority.class: 'IOPRIO_CLASS_NONE'");
	HAS(IO("\"class\":\"IOPRIO_CLASS_BE\",\"priority\":8"), "process.ioPriority.priority: 8");
	HAS(IO("\"class\":\"IOPRIO_CLASS_BE\",\"priority\":-1"), "process.ioPriority.priority: -1");
}

static const char *personality_of(const char *domain, const char *flag)
{
	char *flags[] = { (char *) flag, NULL };
	struct spec_personality p = { .domain = (char *) domain, .flags = flags };
	struct spec_linux l = { .personality = &p };
	return scheduling_check(NULL, &l, &last) < 0 ? last.text : "";
}

static void test_personality(void)
{
	OK_STR(personality_of("LINUX", NULL), "");
	OK_STR(personality_of("LINUX32", NULL), "");
	HAS(personality_of("", NULL), "linux.personality.domain");
	HAS(personality_of("LINUX64", NULL), "'LINUX64' is neither");
	HAS(personality_of("LINUX", "READ_IMPLIES_EXEC"), "linux.personality.flags: 'READ_IMPLIES_EXEC'");
}

static const char *memory(const char *mode, const char *nodes, const char *flag)
{
	char *flags[] = { (char *) flag, NULL };
	struct spec_memory_policy p = { .mode = (char *) mode, .nodes = (char *) nodes, .flags = flags };
	return memory_policy_check(&p, &last) < 0 ? last.text : "";
}

static void test_memory(void)
{
	static const char *const none[] = { "MPOL_DEFAULT", "MPOL_LOCAL", NULL };
	static const char *const some[] = { "MPOL_BIND", "MPOL_INTERLEAVE", "MPOL_PREFERRED_MANY", "MPOL_WEIGHTED_INTERLEAVE", NULL };
	for (int i = 0; none[i]; i++) {
		OK_STR(memory(none[i], NULL, NULL), "");
		OK_STR(memory(none[i], "", NULL), "");
		HAS(memory(none[i], "0-7", NULL), "mode requires 0 nodes but got 8");
	}
	for (int i = 0; some[i]; i++) {
		OK_STR(memory(some[i], "0,1023", "MPOL_F_STATIC_NODES"), "");
		HAS(memory(some[i], NULL, NULL), "requires at least 1 node but got 0");
	}
	OK_STR(memory("MPOL_PREFERRED", NULL, NULL), "");
	OK_STR(memory("MPOL_PREFERRED", "3", "MPOL_F_RELATIVE_NODES"), "");
	OK_STR(memory("MPOL_BIND", "3", "MPOL_F_NUMA_BALANCING"), "");
	HAS(memory(NULL, "0", NULL), "invalid memory policy mode");
	HAS(memory("", NULL, NULL), "invalid memory policy mode");
	HAS(memory("BIND", "0", NULL), "invalid memory policy mode");
	HAS(memory("MPOL_BIND", "0", "STATIC"), "invalid memory policy flag");
	HAS(memory("MPOL_BIND", "1024", NULL), "invalid memory policy node");
	HAS(memory("MPOL_BIND", "9223372036854775807", NULL), "invalid memory policy node");
	HAS(memory("MPOL_BIND", "zero", NULL), "is not a list of nodes");
	OK(memory_policy_check(NULL, &last) == 0);
	OK(strings_count((char *const *) memory_policy_modes()) == 7);
	OK(strings_count((char *const *) memory_policy_flags()) == 3);
}

static void test_affinity(void)
{
	struct spec_cpu_affinity a = { .initial = (char *) "0-3", .final = (char *) "7" };
	OK(affinity_check(NULL, &last) == 0);
	OK(affinity_check(&a, &last) == 0);
	a.final = (char *) "";
	OK(affinity_check(&a, &last) == 0);
	a.final = (char *) "7-";
	OK(affinity_check(&a, &last) == -EINVAL);
	OK_STR(last.text, "process.execCPUAffinity.final: '7-' is not a list of CPUs, such as 0-3,7");
	a.initial = (char *) "8192";
	OK(affinity_check(&a, &last) == -ERANGE);
	OK_STR(last.text, "process.execCPUAffinity.initial: '8192' has a CPU beyond 8191");
}

int main(void)
{
	test_numbers();
	test_scheduler();
	test_io();
	test_personality();
	test_memory();
	test_affinity();
	return tap_done();
}
