#include "../container/sample.h"
#include "../words.h"
#include "cleanup.h"
#include "str.h"
#include <stdlib.h>
#include <string.h>

/* Prometheus' text format 0.0.4: everything of one metric together, HELP and TYPE in front of it; in base units; sums end in _total. */

struct one { const struct container *c; struct sample s; bool sampled; };

static double cpu_seconds(const struct one *o) { return (double) o->s.cpu_ns / 1e9; }
static double memory(const struct one *o) { return (double) o->s.memory; }
static double memory_limit(const struct one *o) { return (double) o->s.memory_limit; }
static double received(const struct one *o) { return o->s.has_network ? (double) o->s.received_bytes : -1; }
static double sent(const struct one *o) { return o->s.has_network ? (double) o->s.sent_bytes : -1; }
static double bytes_read(const struct one *o) { return o->s.has_io ? (double) o->s.read_bytes : -1; }
static double bytes_written(const struct one *o) { return o->s.has_io ? (double) o->s.written_bytes : -1; }
static double pids(const struct one *o) { return (double) o->s.pids; }
static double some(const struct one *o, int which) { return o->s.pressure[which].known ? (double) o->s.pressure[which].some_us / 1e6 : -1; }
static double full(const struct one *o, int which) { return o->s.pressure[which].known ? (double) o->s.pressure[which].full_us / 1e6 : -1; }
static double cpu_some(const struct one *o) { return some(o, PRESSURE_CPU); }
static double memory_some(const struct one *o) { return some(o, PRESSURE_MEMORY); }
static double memory_full(const struct one *o) { return full(o, PRESSURE_MEMORY); }
static double io_some(const struct one *o) { return some(o, PRESSURE_IO); }
static double io_full(const struct one *o) { return full(o, PRESSURE_IO); }
static double restarts(const struct one *o) { return (double) o->c->status.restarts; }

static double started(const struct one *o)
{
	int64_t at;
	return words_time(o->c->status.started, &at) < 0 ? -1 : (double) at;
}

static double healthy(const struct one *o)
{
	const char *health = o->c->status.health;
	return !health ? -1 : strcmp(health, "healthy") == 0;
}

/* negative values are not known, and left out */
static const struct metric { const char *name, *type, *help; double (*value)(const struct one *o); } metrics[] = {
	{ "cpu_usage_seconds_total", "counter", "Processor time used.", cpu_seconds },
	{ "memory_usage_bytes", "gauge", "Memory used, without page cache that is easily given up.", memory },
	{ "memory_limit_bytes", "gauge", "Limit of memory, or the memory of the machine.", memory_limit },
	{ "network_receive_bytes_total", "counter", "Bytes received, without the loopback.", received },
	{ "network_transmit_bytes_total", "counter", "Bytes sent, without the loopback.", sent },
	{ "io_read_bytes_total", "counter", "Bytes read from block devices.", bytes_read },
	{ "io_written_bytes_total", "counter", "Bytes written to block devices.", bytes_written },
	{ "tasks", "gauge", "Processes and threads.", pids },
	{ "pressure_cpu_waiting_seconds_total", "counter", "Time in which some task waited for a processor.", cpu_some },
	{ "pressure_memory_waiting_seconds_total", "counter", "Time in which some task waited for memory.", memory_some },
	{ "pressure_memory_stalled_seconds_total", "counter", "Time in which all tasks waited for memory.", memory_full },
	{ "pressure_io_waiting_seconds_total", "counter", "Time in which some task waited for I/O.", io_some },
	{ "pressure_io_stalled_seconds_total", "counter", "Time in which all tasks waited for I/O.", io_full },
	{ "start_time_seconds", "gauge", "When it was started, since the epoch.", started },
	{ "restarts_total", "counter", "How often its policy has restarted it.", restarts },
	{ "healthy", "gauge", "1 when its health check says so, 0 when not.", healthy },
};

/* quote - a label's value: backslash, double quote and newline are escaped */
static void add_label(struct buf *b, const char *name, const char *value)
{
	buf_printf(b, "%s%s=\"", b->len > 1 ? "," : "", name);
	for (; value && *value; value++) {
		if (*value == '\\' || *value == '"')
			buf_putc(b, '\\');
		if (*value == '\n')
			buf_puts(b, "\\n");
		else
			buf_putc(b, *value);
	}
	buf_putc(b, '"');
}

static void print_metric(const struct metric *m, const struct one *list, size_t n)
{
	printf("# HELP carrier_container_%s %s\n# TYPE carrier_container_%s %s\n", m->name, m->help, m->name, m->type);
	for (size_t i = 0; i < n; i++) {
		struct buf labels cleanup_buf = { 0 };
		double v = list[i].sampled ? m->value(&list[i]) : -1;
		if (v < 0)
			continue;
		buf_putc(&labels, '{');
		add_label(&labels, "id", list[i].c->record.id);
		add_label(&labels, "name", list[i].c->record.name);
		add_label(&labels, "image", list[i].c->record.image ? list[i].c->record.image : list[i].c->record.rootfs);
		printf("carrier_container_%s%s} %.15g\n", m->name, buf_str(&labels), v);
	}
}

static void print_states(const struct container *list, size_t n)
{
	static const char *const states[] = { "created", "running", "paused", "restarting", "exited", "dead" };
	puts("# HELP carrier_containers Containers by their state.\n# TYPE carrier_containers gauge");
	for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
		size_t count = 0;
		for (size_t k = 0; k < n; k++)
			count += strcmp(record_state_word(&list[k]), states[i]) == 0;
		printf("carrier_containers{state=\"%s\"} %zu\n", states[i], count);
	}
}

static int run(void *program, void *given, char **args, int n_args)
{
	struct container *list = NULL;
	size_t n = 0;
	struct error err = { 0 };
	if (record_list(program, &list, &n, &err) < 0)
		return carrier_fail(&err);
	cleanup_free struct one *ones = xcalloc(n + 1, sizeof *ones);
	for (size_t i = 0; i < n; i++) {
		ones[i].c = &list[i];
		ones[i].sampled = sample_take(&list[i], &ones[i].s, NULL) == 0;
	}
	puts("# HELP carrier_info The version of carrier.\n# TYPE carrier_info gauge\ncarrier_info{version=\"" VERSION "\"} 1");
	print_states(list, n);
	for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++)
		print_metric(&metrics[i], ones, n);
	for (size_t i = 0; i < n; i++)
		container_done(&list[i]);
	free(list);
	return 0;
}

const struct command command_metrics = {
	.name = "metrics", .summary = "print what containers use, for Prometheus",
	.description = "In Prometheus' text format, once: for the textfile collector of its node exporter, or for whatever answers a "
		       "scrape. What the kernel does not count here is left out.",
	.examples = "For the node exporter, from a timer:\n\tcarrier metrics > /var/lib/prometheus/node-exporter/carrier.prom",
	.max_args = 0, .run = run,
};
