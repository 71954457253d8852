/* sample.h - what a running container uses at this moment, read from the files of its control group; nothing is executed for it.
 *
 * cgroups(7), the kernel's admin-guide/cgroup-v1 and cgroup-v2.rst, accounting/psi.rst. Both versions are read, and a hybrid of them, where
 * version 2 has the pressure and version 1 the rest. What its group does not count, as no controller does there, is summed up from /proc of
 * its processes: the processor time of one that has no group of its own (an ordinary user's where none was delegated; ->own_group is false,
 * limits and I/O are unknown), memory and pids also of one that was delegated without their controllers.
 */
#pragma once
#include "record.h"

enum { PRESSURE_CPU, PRESSURE_MEMORY, PRESSURE_IO, PRESSURES };

struct pressure {
	bool known;
	double some_avg10;		/* percent of the last 10 s in which some process waited */
	uint64_t some_us, full_us;	/* microseconds since it began: some, and all, waited */
};

struct sample {
	bool own_group, has_io, has_network;
	int64_t at_ns;			/* CLOCK_MONOTONIC */
	uint64_t cpu_ns;		/* used since it began */
	uint64_t memory, memory_limit;	/* bytes, without page cache that is easily given up; the limit is at most what the machine has */
	uint64_t read_bytes, written_bytes, received_bytes, sent_bytes;
	uint64_t pids, pids_limit;	/* limit 0: none */
	struct pressure pressure[PRESSURES];
};

/* sample_take - -ESRCH: it does not run */
int sample_take(const struct container *c, struct sample *ret, struct error *err);
/* sample_cpu_percent - between two samples; 100 is one processor */
double sample_cpu_percent(const struct sample *before, const struct sample *after);

/* for tests: pure */
/* sample_keyed - the number behind "KEY " at the start of a line; @fallback when it has none */
uint64_t sample_keyed(const char *text, const char *key, uint64_t fallback);
/* sample_pressure - of a file like cpu.pressure */
void sample_pressure(const char *text, struct pressure *ret);
/* sample_group - of /proc/PID/cgroup: the path of @controller ("": version 2), cut behind the component that has @id in it when one has;
 * caller frees. @ret_list: its line's list of controllers ("cpu,cpuacct"), NULL or caller frees. NULL when there is none. */
char *sample_group(const char *text, const char *controller, const char *id, char **ret_list);
