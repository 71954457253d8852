#include "scheduling.h"
#include "str.h"
#include <linux/ioprio.h>
#include <sched.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <unistd.h>

/* of sched_setattr(2), which has no declaration and whose structure grows; this is its first size */
struct attributes {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
	uint32_t util_min, util_max;
};
enum { SIZE_FIRST = 48, SIZE_CLAMPS = 56, CLAMPS = 0x20 | 0x40, DEADLINE_POLICY = 6 };

struct name { const char *name; unsigned value; };

static const struct name policies[] = {
	{ "SCHED_OTHER", SCHED_OTHER }, { "SCHED_FIFO", SCHED_FIFO }, { "SCHED_RR", SCHED_RR }, { "SCHED_BATCH", SCHED_BATCH },
	{ "SCHED_ISO", 4 },	/* reserved, in no kernel so far: refused by the kernel */
	{ "SCHED_IDLE", SCHED_IDLE }, { "SCHED_DEADLINE", DEADLINE_POLICY }, { NULL, 0 },
};

static const struct name sched_flags[] = {
	{ "SCHED_FLAG_RESET_ON_FORK", 0x01 }, { "SCHED_FLAG_RECLAIM", 0x02 }, { "SCHED_FLAG_DL_OVERRUN", 0x04 },
	{ "SCHED_FLAG_KEEP_POLICY", 0x08 }, { "SCHED_FLAG_KEEP_PARAMS", 0x10 }, { "SCHED_FLAG_UTIL_CLAMP_MIN", 0x20 },
	{ "SCHED_FLAG_UTIL_CLAMP_MAX", 0x40 }, { NULL, 0 },
};

static const struct name io_classes[] = {
	{ "IOPRIO_CLASS_RT", IOPRIO_CLASS_RT }, { "IOPRIO_CLASS_BE", IOPRIO_CLASS_BE }, { "IOPRIO_CLASS_IDLE", IOPRIO_CLASS_IDLE },
	{ NULL, 0 },
};

static const struct name domains[] = { { "LINUX", PER_LINUX }, { "LINUX32", PER_LINUX32 }, { NULL, 0 } };

static const struct name *find(const struct name *table, const char *word)
{
	for (; table->name; table++)
		if (strcmp(table->name, word) == 0)
			return table;
	return NULL;
}

/* ---- process.scheduler ---- */

/* check_deadline - the kernel's rules (sched_setattr(2)), which it answers with EINVAL alone */
static int check_deadline(const struct attributes *a, struct error *err)
{
	if (a->runtime < 1024)
		return error_say(err, EINVAL, "process.scheduler: SCHED_DEADLINE: runtime is %llu ns, and must be 1024 at least",
				 (unsigned long long) a->runtime);
	if (a->deadline < a->runtime)
		return error_say(err, EINVAL, "process.scheduler: SCHED_DEADLINE: runtime %llu is longer than deadline %llu",
				 (unsigned long long) a->runtime, (unsigned long long) a->deadline);
	if (a->period && a->period < a->deadline)
		return error_say(err, EINVAL, "process.scheduler: SCHED_DEADLINE: deadline %llu is longer than period %llu",
				 (unsigned long long) a->deadline, (unsigned long long) a->period);
	return 0;
}

static int check_values(const struct spec_scheduler *s, const struct attributes *a, struct error *err)
{
	bool fair = a->policy == SCHED_OTHER || a->policy == SCHED_BATCH;
	bool realtime = a->policy == SCHED_FIFO || a->policy == SCHED_RR;
	if (fair && (s->nice < -20 || s->nice > 19))
		return error_say(err, EINVAL, "process.scheduler.nice: %d is not within -20 and 19", s->nice);
	if (realtime && (s->priority < 1 || s->priority > 99))
		return error_say(err, EINVAL, "process.scheduler.priority: %d is not within 1 and 99, as %s wants it", s->priority, s->policy);
	if (!realtime && s->priority)
		return error_say(err, EINVAL, "process.scheduler.priority: is for SCHED_FIFO and SCHED_RR, not for %s", s->policy);
	if (a->policy == DEADLINE_POLICY)
		return check_deadline(a, err);
	if (s->runtime || s->deadline || s->period)
		return error_say(err, EINVAL, "process.scheduler: runtime, deadline and period are for SCHED_DEADLINE, not for %s", s->policy);
	return 0;
}

static int parse_scheduler(const struct spec_scheduler *s, struct attributes *ret, struct error *err)
{
	const struct name *policy = find(policies, s->policy);
	if (!policy)
		return error_say(err, EINVAL, "process.scheduler.policy: '%s' is none of the kernel's, such as SCHED_BATCH", s->policy);
	*ret = (struct attributes) {
		.size = SIZE_FIRST, .policy = policy->value, .nice = s->nice, .priority = (uint32_t) s->priority,
		.runtime = s->runtime, .deadline = s->deadline, .period = s->period,
	};
	for (char **f = s->flags; f && *f; f++) {
		const struct name *flag = find(sched_flags, *f);
		if (!flag)
			return error_say(err, EINVAL, "process.scheduler.flags: '%s' is none of the kernel's, such as SCHED_FLAG_RESET_ON_FORK", *f);
		ret->flags |= flag->value;
	}
	if (ret->flags & CLAMPS)
		ret->size = SIZE_CLAMPS;
	return check_values(s, ret, err);
}

static bool has_cpuset(const struct spec_linux *l)
{
	return l && l->resources && l->resources->cpu && !str_empty(l->resources->cpu->cpus);
}

static int check_scheduler(const struct spec_scheduler *s, const struct spec_linux *l, struct error *err)
{
	struct attributes a;
	int r = parse_scheduler(s, &a, err);
	if (r == 0 && a.policy == DEADLINE_POLICY && has_cpuset(l))
		return error_say(err, EINVAL, "process scheduler can't be used together with AllowedCPUs: SCHED_DEADLINE needs all CPUs; leave out "
				 "linux.resources.cpu.cpus");
	return r;
}

static int set_scheduler(const struct spec_scheduler *s, struct error *err)
{
	struct attributes a;
	int r = parse_scheduler(s, &a, err);
	if (r < 0)
		return r;
	if (syscall(SYS_sched_setattr, 0, &a, 0) == 0)
		return 0;
	int failed = errno;
	error_set(err, failed, "process.scheduler: set %s", s->policy);
	if (failed == EPERM && a.policy == DEADLINE_POLICY)
		error_hint(err, "it needs CAP_SYS_NICE, and a process that may run on all CPUs");
	else if (failed == EPERM && (a.policy == SCHED_FIFO || a.policy == SCHED_RR))
		error_hint(err, "it needs CAP_SYS_NICE, and, where the cgroup has cpu.rt_runtime_us, linux.resources.cpu.realtimeRuntime");
	else if (failed == EPERM)
		error_hint(err, "a nice value below what it is needs CAP_SYS_NICE, and so does leaving SCHED_IDLE");
	else if (failed == EINVAL)
		error_hint(err, "this kernel does not know the policy or a flag%s", a.policy == DEADLINE_POLICY
			   ? ", or the period is outside of the sysctls kernel.sched_deadline_period_min_us and _max_us" : "");
	else if (failed == EBUSY)
		error_hint(err, "other processes have reserved too much of the CPUs' time");
	return -failed;
}

/* ---- process.ioPriority ---- */

static int parse_io(const struct spec_io_priority *io, int *ret, struct error *err)
{
	const struct name *class = find(io_classes, io->class);
	if (!class)
		return error_say(err, EINVAL, "process.ioPriority.class: '%s' is none of IOPRIO_CLASS_RT, IOPRIO_CLASS_BE, IOPRIO_CLASS_IDLE",
				 io->class);
	if (io->priority < 0 || io->priority > 7)
		return error_say(err, EINVAL, "process.ioPriority.priority: %d is not within 0 and 7", io->priority);
	*ret = (int) IOPRIO_PRIO_VALUE(class->value, (unsigned) io->priority);
	return 0;
}

static int set_io(const struct spec_io_priority *io, struct error *err)
{
	int value, r = parse_io(io, &value, err);
	if (r < 0)
		return r;
	if (syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, value) == 0)
		return 0;
	r = error_set(err, errno, "process.ioPriority: set %s %d", io->class, io->priority);
	if (r == -EPERM)
		error_hint(err, "IOPRIO_CLASS_RT needs CAP_SYS_NICE or CAP_SYS_ADMIN");
	return r;
}

/* ---- linux.personality ---- */

static int parse_personality(const struct spec_personality *p, unsigned long *ret, struct error *err)
{
	const struct name *domain = find(domains, p->domain);
	if (!domain)
		return error_say(err, EINVAL, "linux.personality.domain: '%s' is neither LINUX nor LINUX32", p->domain);
	if (p->flags && p->flags[0])
		return error_say(err, EINVAL, "linux.personality.flags: '%s': the runtime specification knows no flags yet", p->flags[0]);
	*ret = domain->value;
	return 0;
}

static int set_personality(const struct spec_personality *p, struct error *err)
{
	unsigned long domain;
	int r = parse_personality(p, &domain, err);
	if (r == 0 && personality(domain) < 0)
		return error_set(err, errno, "linux.personality: become %s", p->domain);
	return r;
}

/* ---- all ---- */

int scheduling_check(const struct spec_process *p, const struct spec_linux *l, struct error *err)
{
	unsigned long domain;
	int value, r = 0;
	if (p && p->scheduler)
		r = check_scheduler(p->scheduler, l, err);
	if (r == 0 && p && p->io_priority)
		r = parse_io(p->io_priority, &value, err);
	if (r == 0 && l && l->personality)
		r = parse_personality(l->personality, &domain, err);
	return r;
}

int scheduling_apply(const struct spec_process *p, const struct spec_linux *l, struct error *err)
{
	int r = 0;
	if (p && p->scheduler)
		r = set_scheduler(p->scheduler, err);
	if (r == 0 && p && p->io_priority)
		r = set_io(p->io_priority, err);
	if (r == 0 && l && l->personality)
		r = set_personality(l->personality, err);
	return r;
}
