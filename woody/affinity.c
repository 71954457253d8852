#include "affinity.h"
#include "log.h"
#include "number_list.h"
#include "str.h"
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int parse(const char *member, const char *list, struct number_set *ret, struct error *err)
{
	int r = number_list_parse(list, ret);
	if (r == -ERANGE)
		return error_say(err, ERANGE, "process.execCPUAffinity.%s: '%s' has a CPU beyond %d", member, list, NUMBERS_MAX - 1);
	return r < 0 ? error_say(err, EINVAL, "process.execCPUAffinity.%s: '%s' is not a list of CPUs, such as 0-3,7", member, list) : 0;
}

int affinity_check(const struct spec_cpu_affinity *a, struct error *err)
{
	struct number_set set;
	int r = 0;
	if (a && !str_empty(a->initial))
		r = parse("initial", a->initial, &set, err);
	if (r == 0 && a && !str_empty(a->final))
		r = parse("final", a->final, &set, err);
	return r;
}

static int bind_to(const char *member, const char *list, struct number_set *set, struct error *err)
{
	int r = parse(member, list, set, err);
	if (r < 0)
		return r;
	if (syscall(SYS_sched_setaffinity, 0, sizeof set->bits, set->bits) == 0)
		return 0;
	if (errno == EINVAL)
		return error_say(err, EINVAL, "process.execCPUAffinity.%s: none of the CPUs %s is there, or the cgroup's cpuset has none of them",
				 member, list);
	return error_set(err, errno, "process.execCPUAffinity.%s: run on the CPUs %s", member, list);
}

int affinity_initial(const struct spec_cpu_affinity *a, struct error *err)
{
	struct number_set set;
	char hex[NUMBERS_MAX / 4 + 3];
	if (!a || str_empty(a->initial))
		return 0;
	int r = bind_to("initial", a->initial, &set, err);
	if (r == 0 && log_enabled(LOG_LEVEL_DEBUG))
		log_debug("nsexec[%d]: affinity: %s", getpid(), number_set_hex(&set, hex));
	return r;
}

int affinity_final(const struct spec_cpu_affinity *a, struct error *err)
{
	struct number_set set;
	if (a && !str_empty(a->final))
		return bind_to("final", a->final, &set, err);
	memset(set.bits, 0xff, sizeof set.bits);
	if (syscall(SYS_sched_setaffinity, 0, sizeof set.bits, set.bits) < 0)
		log_debug("reset the CPU affinity: %s", strerror(errno));	/* a filter of the caller's; all else works */
	return 0;
}
