#include "show.h"
#include "../network/leases.h"
#include "../image/walk.h"
#include "cleanup.h"
#include "fs.h"
#include "rootfs.h"
#include "str.h"
#include <fcntl.h>
#include <string.h>

enum { DOCUMENT_MAX = 16 << 20 };

/* ---- writing ---- */

/* An object is written as text, one member after another. */
struct out { struct buf text; const struct json_value *record; struct pool pool; };

static void key(struct out *o, const char *name)
{
	char last = o->text.len ? o->text.data[o->text.len - 1] : '{';
	if (last != '{' && last != '[')
		buf_putc(&o->text, ',');
	if (name)
		buf_printf(&o->text, "\"%s\":", name);
}

static void put_raw(struct out *o, const char *name, const char *json)
{
	key(o, name);
	buf_puts(&o->text, json);
}

static void put_text(struct out *o, const char *name, const char *s)
{
	cleanup_free char *quoted = json_quote(s ? s : "");
	put_raw(o, name, quoted);
}

static void put_number(struct out *o, const char *name, int64_t n)
{
	key(o, name);
	buf_printf(&o->text, "%lld", (long long) n);
}

static void put_truth(struct out *o, const char *name, bool is) { put_raw(o, name, is ? "true" : "false"); }
static void open_object(struct out *o, const char *name) { put_raw(o, name, "{"); }
static void close_object(struct out *o) { buf_putc(&o->text, '}'); }

/* ---- what the record says ---- */

/* find - "limits.cpuShares" in it, or NULL */
static const struct json_value *find(const struct json_value *v, const char *path)
{
	while (v && *path) {
		size_t len = strcspn(path, ".");
		const struct json_value *child = v->is == JSON_VALUE_OBJECT ? v->first : NULL;
		while (child && (strncmp(child->key, path, len) != 0 || child->key[len]))
			child = child->next;
		v = child;
		path += len + (path[len] == '.');
	}
	return v && v->is != JSON_VALUE_NULL ? v : NULL;
}

static const char *find_text(const struct out *o, const char *path)
{
	const struct json_value *v = find(o->record, path);
	return v && v->is == JSON_VALUE_TEXT ? v->text : NULL;
}

static bool find_truth(const struct out *o, const char *path)
{
	const struct json_value *v = find(o->record, path);
	return v && v->is == JSON_VALUE_TRUTH && v->truth;
}

/* struct row - docker's name, ours, and what docker has where there is nothing */
struct row { const char *name, *from, *zero; };

static void put_rows(struct out *o, const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct json_value *v = find(o->record, rows[i].from);
		cleanup_free char *text = v ? json_write(v, JSON_COMPACT) : NULL;
		put_raw(o, rows[i].name, text ? text : rows[i].zero);
	}
}
#define PUT_ROWS(o, rows) put_rows(o, rows, sizeof(rows) / sizeof *(rows))

/* ---- State ---- */

static const char *when(const char *time) { return time ? time : "0001-01-01T00:00:00Z"; }	/* docker's for what never was */

struct answer { char *start, *end, *output; int64_t exit_code; };
struct health { char *status; int64_t failing_streak; struct answer *log; size_t n_log; };
#define T struct answer
static const struct json_type answer_type = JSON_TYPE(T, JSON_FIELD(T, start, "start"), JSON_FIELD(T, end, "end"),
						      JSON_FIELD(T, exit_code, "exitCode"),
	JSON_FIELD(T, output, "output"));
#undef T
#define T struct health
static const struct json_type health_type = JSON_TYPE(T, JSON_LIST(T, log, "log", answer_type));
#undef T

static void put_health(struct out *o, const struct container *c)
{
	static struct health none;
	struct health *h = &none;
	cleanup_free char *text = NULL;
	size_t len;
	if (fs_read_file(c->dir_fd, "health.json", DOCUMENT_MAX, &text, &len, NULL) == 0 &&
	    json_decode(&health_type, text, len, &o->pool, &h, NULL) < 0)
		h = &none;
	open_object(o, "Health");
	put_text(o, "Status", c->status.health);
	put_number(o, "FailingStreak", c->status.failing_streak);
	put_raw(o, "Log", "[");
	for (size_t i = 0; i < h->n_log; i++) {
		open_object(o, NULL);
		put_text(o, "Start", h->log[i].start);
		put_text(o, "End", h->log[i].end);
		put_number(o, "ExitCode", h->log[i].exit_code);
		put_text(o, "Output", h->log[i].output);
		close_object(o);
	}
	buf_putc(&o->text, ']');
	close_object(o);
}

static void put_state(struct out *o, const struct container *c)
{
	const struct status *s = &c->status;
	bool runs = record_runs(c);
	open_object(o, "State");
	put_text(o, "Status", record_state_word(c));
	put_truth(o, "Running", runs || c->state == RECORD_RESTARTING);
	put_truth(o, "Paused", c->paused);
	put_truth(o, "Restarting", c->state == RECORD_RESTARTING);
	put_truth(o, "OOMKilled", s->oom_killed);
	put_truth(o, "Dead", c->state == RECORD_DEAD);
	put_truth(o, "Unattended", c->state == RECORD_UNATTENDED);
	put_number(o, "Pid", runs ? s->pid : 0);
	put_number(o, "ExitCode", runs ? 0 : s->exit_code);
	put_text(o, "Error", s->error);
	put_text(o, "StartedAt", when(s->started));
	put_text(o, "FinishedAt", when(runs ? NULL : s->finished));
	if (s->health)
		put_health(o, c);
	close_object(o);
}

/* ---- HostConfig ---- */

static void put_list(struct out *o, const char *name, const struct strings *words)
{
	put_raw(o, name, "[");
	for (size_t i = 0; i < words->n; i++)
		put_text(o, NULL, words->v[i]);
	buf_putc(&o->text, ']');
}

/* put_binds - "/host:/container:ro,rslave" */
static void put_binds(struct out *o, const struct record *r)
{
	struct strings binds cleanup_strings = { 0 };
	for (size_t i = 0; i < r->n_mounts; i++) {
		const struct record_mount *m = &r->mounts[i];
		struct buf words cleanup_buf = { 0 };
		if (!str_eq(m->type, "bind") && !str_eq(m->type, "volume"))
			continue;
		for (char **w = m->options; w && *w; w++)
			buf_printf(&words, "%s%s", w == m->options ? "" : ",", *w);
		strings_printf(&binds, "%s:%s%s%s", m->source ? m->source : "", m->destination, words.len ? ":" : "", buf_str(&words));
	}
	put_list(o, "Binds", &binds);
}

static void put_security(struct out *o)
{
	static const struct { const char *from, *words; } truths[] = {
		{ "settings.seccompUnconfined", "seccomp=unconfined" }, { "settings.noNewPrivileges", "no-new-privileges" },
		{ "settings.noLabels", "label=disable" },
	}, texts[] = {
		{ "settings.seccompProfile", "seccomp=" }, { "settings.apparmor", "apparmor=" }, { "settings.procOptions", "proc-opts=" },
	};
	struct strings words cleanup_strings = { 0 };
	for (size_t i = 0; i < sizeof truths / sizeof *truths; i++)
		if (find_truth(o, truths[i].from))
			strings_add(&words, truths[i].words);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (find_text(o, texts[i].from))
			strings_printf(&words, "%s%s", texts[i].words, find_text(o, texts[i].from));
	put_list(o, "SecurityOpt", &words);
}

static void put_log_config(struct out *o)
{
	const struct json_value *size = find(o->record, "life.log.maxSize"), *file = find(o->record, "life.log.maxFile");
	const char *driver = find_text(o, "life.log.driver");
	open_object(o, "LogConfig");
	put_text(o, "Type", driver ? driver : "json-file");
	open_object(o, "Config");
	if (size)
		put_text(o, "max-size", size->text);
	if (file)
		put_text(o, "max-file", file->text);
	if (find_text(o, "life.log.path"))
		put_text(o, "path", find_text(o, "life.log.path"));
	if (find_text(o, "life.log.tag"))
		put_text(o, "tag", find_text(o, "life.log.tag"));
	close_object(o);
	close_object(o);
}

static void put_restart_policy(struct out *o)
{
	static const struct row count[] = { { "MaximumRetryCount", "life.restartMax", "0" } };
	const char *name = find_text(o, "life.restart");
	open_object(o, "RestartPolicy");
	put_text(o, "Name", name ? name : "no");
	PUT_ROWS(o, count);
	close_object(o);
}

/* put_objects - a list of objects, each with @rows of one member of the record's list at @path */
static void put_objects(struct out *o, const char *name, const char *path, const struct row *rows, size_t n_rows)
{
	const struct json_value *list = find(o->record, path), *all = o->record;
	put_raw(o, name, "[");
	for (const struct json_value *v = list ? list->first : NULL; v; v = v->next) {
		open_object(o, NULL);
		o->record = v;
		put_rows(o, rows, n_rows);
		close_object(o);
	}
	o->record = all;
	buf_putc(&o->text, ']');
}

/* put_device_limits - the record has "/dev/sda:1048576" */
static void put_device_limits(struct out *o, const char *name, const char *path, const char *number)
{
	const struct json_value *list = find(o->record, path);
	put_raw(o, name, "[");
	for (const struct json_value *v = list ? list->first : NULL; v; v = v->next) {
		const char *colon = v->text ? strrchr(v->text, ':') : NULL;
		cleanup_free char *device = colon ? xstrndup(v->text, (size_t) (colon - v->text)) : NULL;
		open_object(o, NULL);
		put_text(o, "Path", device);
		put_raw(o, number, colon ? colon + 1 : "0");
		close_object(o);
	}
	buf_putc(&o->text, ']');
}

/* put_bindings - the places on the host of all of @v that lead where the first one does; 0.0.0.0 and :: of those that have no address, as
 * docker */
static void put_bindings(struct out *o, const char *port, const struct port_mapping *v, size_t n, bool actual)
{
	put_raw(o, port, "[");
	for (size_t i = 0; i < n; i++) {
		const struct port_mapping *m = &v[i];
		if (m->container_port != v->container_port || !str_eq(m->protocol, v->protocol))
			continue;
		cleanup_free char *host = m->host_end ? xasprintf("%u-%u", m->host_port, m->host_end) : m->host_port ? xasprintf("%u", m->host_port) : NULL;
		for (int six = 0; six <= (actual && !m->host_ip); six++) {
			open_object(o, NULL);
			put_text(o, "HostIp", m->host_ip ? m->host_ip : !actual ? "" : six ? "::" : "0.0.0.0");
			put_text(o, "HostPort", host);
			close_object(o);
		}
	}
	buf_putc(&o->text, ']');
}

/* put_ports - docker's map of "80/tcp". @exposed: NULL, or those that are null unless something leads to them */
static void put_ports(struct out *o, const char *name, const struct port_mapping *v, size_t n, char *const *exposed)
{
	struct strings ports cleanup_strings = { 0 };
	bool actual = strcmp(name, "Ports") == 0;
	open_object(o, name);
	for (size_t i = 0; i < n; i++) {
		cleanup_free char *port = xasprintf("%u/%s", v[i].container_port, v[i].protocol);
		if (strings_have(ports.v, port))
			continue;
		strings_add(&ports, port);
		put_bindings(o, port, v + i, n - i, actual);
	}
	for (; exposed && *exposed; exposed++)
		if (!strings_have(ports.v, *exposed))
			put_raw(o, *exposed, "null");
	close_object(o);
}

static void put_host_config(struct out *o, const struct container *c)
{
	static const struct row rows[] = {
		{ "NetworkMode", "network", "\"\"" }, { "AutoRemove", "remove", "false" }, { "ReadonlyRootfs", "readOnly", "false" },
		{ "Privileged", "settings.privileged", "false" }, { "Capabilities", "settings.capabilities", "null" },
		{ "Dns", "settings.dns", "[]" }, { "DnsOptions", "settings.dnsOptions", "[]" }, { "DnsSearch", "settings.dnsSearch", "[]" },
		{ "ExtraHosts", "settings.hosts", "[]" }, { "GroupAdd", "process.groups", "[]" },
		{ "MaskedPaths", "settings.mask", "null" }, { "UnmaskedPaths", "settings.unmask", "null" },
		{ "PidMode", "namespaces.pid", "\"\"" }, { "IpcMode", "namespaces.ipc", "\"private\"" }, { "UTSMode", "namespaces.uts", "\"\"" },
		{ "CgroupnsMode", "namespaces.cgroup", "\"private\"" }, { "CgroupParent", "limits.cgroupParent", "\"\"" },
		{ "Init", "life.init", "null" }, { "Runtime", "process.runtime", "\"woody\"" }, { "Sysctls", "process.sysctl", "{}" },
		{ "Annotations", "process.annotations", "{}" },
		{ "ShmSize", "limits.shmSize", "67108864" }, { "OomScoreAdj", "limits.oomScoreAdj", "0" },
		{ "OomKillDisable", "limits.oomKillDisable", "false" },
		{ "Memory", "memory", "0" }, { "MemoryReservation", "limits.memoryReservation", "0" }, { "MemorySwap", "limits.memorySwap", "0" },
		{ "MemorySwappiness", "limits.swappiness", "null" }, { "CpuShares", "limits.cpuShares", "0" }, { "CpuPeriod", "cpuPeriod", "0" },
		{ "CpuQuota", "cpuQuota", "0" }, { "CpuRealtimePeriod", "limits.cpuRtPeriod", "0" },
		{ "CpuRealtimeRuntime", "limits.cpuRtRuntime", "0" },
		{ "CpusetCpus", "limits.cpusetCpus", "\"\"" }, { "CpusetMems", "limits.cpusetMems", "\"\"" }, { "PidsLimit", "pidsLimit", "0" },
		{ "BlkioWeight", "limits.blkioWeight", "0" }, { "CgroupConf", "limits.unified", "{}" },
		{ "DeviceCgroupRules", "devices.rules", "[]" },
	};
	static const struct row devices[] = { { "PathOnHost", "host", "\"\"" }, { "PathInContainer", "container", "\"\"" },
					      { "CgroupPermissions", "permissions", "\"rwm\"" } };
	static const struct row ulimits[] = { { "Name", "name", "\"\"" }, { "Soft", "soft", "0" }, { "Hard", "hard", "0" } };
	int64_t period = c->record.cpu_period ? c->record.cpu_period : 1;
	open_object(o, "HostConfig");
	put_binds(o, &c->record);
	PUT_ROWS(o, rows);
	put_device_limits(o, "BlkioWeightDevice", "limits.blkioWeightDevices", "Weight");
	put_device_limits(o, "BlkioDeviceReadBps", "limits.deviceReadBps", "Rate");
	put_device_limits(o, "BlkioDeviceWriteBps", "limits.deviceWriteBps", "Rate");
	put_device_limits(o, "BlkioDeviceReadIOps", "limits.deviceReadIops", "Rate");
	put_device_limits(o, "BlkioDeviceWriteIOps", "limits.deviceWriteIops", "Rate");
	put_ports(o, "PortBindings", c->record.networking.ports, c->record.networking.n_ports, NULL);
	put_number(o, "NanoCpus", c->record.cpu_quota > 0 ? c->record.cpu_quota * INT64_C(1000000000) / period : 0);
	put_restart_policy(o);
	put_log_config(o);
	put_security(o);
	put_objects(o, "Devices", "devices.devices", devices, sizeof devices / sizeof *devices);
	put_objects(o, "Ulimits", "limits.ulimits", ulimits, sizeof ulimits / sizeof *ulimits);
	put_text(o, "UsernsMode", "");
	close_object(o);
}

/* ---- files ---- */

static void put_mounts(struct out *o, const struct record *r)
{
	static const char *const propagations[] = { "private", "rprivate", "slave", "rslave", "shared", "rshared", "unbindable", "runbindable" };
	put_raw(o, "Mounts", "[");
	for (size_t i = 0; i < r->n_mounts; i++) {
		const struct record_mount *m = &r->mounts[i];
		const char *volume = str_eq(m->type, "volume") ? m->name : NULL, *propagation = "";
		struct buf mode cleanup_buf = { 0 };
		struct strings options cleanup_strings = { 0 };
		for (char **w = m->options; w && *w; w++) {
			buf_printf(&mode, "%s%s", mode.len ? "," : "", *w);
			strings_add(&options, *w);
		}
		for (size_t k = 0; k < sizeof propagations / sizeof *propagations; k++)
			if (strings_have(m->options, propagations[k]))
				propagation = propagations[k];
		open_object(o, NULL);
		put_text(o, "Type", m->type);
		if (volume) {
			put_text(o, "Name", volume);
			put_text(o, "Driver", "local");
		}
		put_text(o, "Source", m->source);
		put_text(o, "Destination", m->destination);
		put_text(o, "Mode", buf_str(&mode));
		put_list(o, "Options", &options);
		put_truth(o, "RW", !mount_is_read_only(m));
		put_text(o, "Propagation", propagation);
		close_object(o);
	}
	buf_putc(&o->text, ']');
}

static void put_graph_driver(struct out *o, const struct container *c)
{
	const struct record *r = &c->record;
	struct buf lower cleanup_buf = { 0 };
	for (char **dir = r->lowerdirs; dir && *dir; dir++)
		buf_printf(&lower, "%s%s", dir == r->lowerdirs ? "" : ":", *dir);
	cleanup_free char *upper = xasprintf("%s/upper", c->dir), *work = xasprintf("%s/work", c->dir), *merged = xasprintf("%s/rootfs", c->dir);
	bool layered = r->lowerdirs && rootfs_driver(c) != DRIVER_COPY;
	open_object(o, "GraphDriver");
	put_text(o, "Name", r->rootfs ? "rootfs" : storage_driver_name(rootfs_driver(c)));
	open_object(o, "Data");
	if (layered) {
		put_text(o, "LowerDir", buf_str(&lower));
		put_text(o, "UpperDir", upper);
		put_text(o, "WorkDir", work);
	}
	put_text(o, "MergedDir", r->rootfs ? r->rootfs : merged);
	close_object(o);
	close_object(o);
}

static void put_sizes(struct out *o, const struct container *c)
{
	int64_t below = 0, own = walk_usage(c->dir_fd, "upper", NULL);
	for (char **dir = c->record.lowerdirs; dir && *dir; dir++) {
		int64_t bytes = walk_usage(AT_FDCWD, *dir, NULL);
		below += bytes > 0 ? bytes : 0;
	}
	if (rootfs_driver(c) == DRIVER_COPY) {
		int64_t whole = walk_usage(c->dir_fd, "rootfs", NULL);
		own = whole > below ? whole - below : 0;
	}
	put_number(o, "SizeRw", own > 0 ? own : 0);
	put_number(o, "SizeRootFs", below + (own > 0 ? own : 0));
}

/* ---- Config ---- */

/* put_exposed - docker's form of a set */
static void put_exposed(struct out *o)
{
	const struct json_value *list = find(o->record, "networking.exposed");
	open_object(o, "ExposedPorts");
	for (const struct json_value *v = list ? list->first : NULL; v; v = v->next)
		if (v->text)
			put_raw(o, v->text, "{}");
	close_object(o);
}

static void put_config(struct out *o)
{
	static const struct row rows[] = {
		{ "Hostname", "hostname", "\"\"" }, { "Domainname", "process.domainname", "\"\"" }, { "User", "user", "\"\"" },
		{ "Tty", "tty", "false" },
		{ "OpenStdin", "interactive", "false" }, { "StdinOnce", "life.stdinOnce", "false" }, { "AttachStdin", "interactive", "false" },
		{ "Env", "env", "[]" }, { "Cmd", "args", "[]" }, { "Entrypoint", "entrypoint", "null" }, { "Image", "image", "\"\"" },
		{ "WorkingDir", "workdir", "\"\"" }, { "Labels", "labels", "{}" }, { "StopSignal", "stopSignal", "\"\"" },
		{ "StopTimeout", "stopTimeout", "10" }, { "Timeout", "life.timeout", "0" }, { "Umask", "process.umask", "\"\"" },
		{ "Timezone", "process.timezone", "\"\"" }, { "Secrets", "files.secrets", "[]" }, { "Volumes", "volumes", "null" },
	}, health[] = {
		{ "Test", "life.health.test", "null" }, { "Interval", "life.health.interval", "0" }, { "Timeout", "life.health.timeout", "0" },
		{ "StartPeriod", "life.health.startPeriod", "0" }, { "StartInterval", "life.health.startInterval", "0" },
		{ "Retries", "life.health.retries", "0" }, { "OnFailure", "life.health.onFailure", "\"none\"" },
	};
	open_object(o, "Config");
	PUT_ROWS(o, rows);
	put_exposed(o);
	put_truth(o, "AttachStdout", !find_truth(o, "detached"));
	put_truth(o, "AttachStderr", !find_truth(o, "detached"));
	if (find(o->record, "life.health.test")) {
		open_object(o, "Healthcheck");
		PUT_ROWS(o, health);
		close_object(o);
	}
	close_object(o);
}

/* ---- all of it ---- */

static void put_paths(struct out *o, const struct container *c)
{
	static const struct { const char *name, *file; } files[] = {
		{ "ResolvConfPath", "resolv.conf" }, { "HostnamePath", "hostname" }, { "HostsPath", "hosts" }, { "LogPath", "log" },
		{ "OCIConfigPath", "config.json" },
	};
	const char *log = find_text(o, "life.log.path");
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		cleanup_free char *path = xasprintf("%s/%s", c->dir, files[i].file);
		put_text(o, files[i].name, log && strcmp(files[i].file, "log") == 0 ? log : path);
	}
}

/* network_error - why it has no network though it runs, or NULL. A helper ends with the monitor, who cannot tell it any more */
static const char *network_error(const struct container *c)
{
	if (c->state == RECORD_UNATTENDED && network_is_helped(c->record.network))
		return "its monitor was killed, and the network's helper ended with it: the container has no network until it is restarted";
	return c->status.network_lost;
}

/* put_one_network - what named_connect() gave it, as long as it runs */
static void put_one_network(struct out *o, const struct container *c, const struct network_attachment *a)
{
	cleanup_leases struct leases l = { 0 };
	struct strings aliases cleanup_strings = { 0 };
	cleanup_free char *dir = xasprintf("%s/../../networks/%s", c->dir, a->name);
	cleanup_close int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		(void) leases_read(fd, &l, NULL);
	const struct lease *lease = leases_of(&l, c->record.id);
	for (char **alias = a->aliases; alias && *alias; alias++)
		strings_add(&aliases, *alias);
	open_object(o, a->name);
	put_text(o, "IPAddress", lease && lease->ip ? lease->ip : "");
	put_text(o, "GlobalIPv6Address", lease && lease->ip6 ? lease->ip6 : "");
	put_text(o, "MacAddress", lease && lease->mac ? lease->mac : "");
	put_list(o, "Aliases", &aliases);
	close_object(o);
}

static void put_network(struct out *o, const struct container *c)
{
	bool runs = record_runs(c);
	cleanup_free char *sandbox = runs ? xasprintf("/proc/%lld/ns/net", (long long) c->status.pid) : xstrdup("");
	open_object(o, "NetworkSettings");
	put_text(o, "SandboxKey", sandbox);
	put_ports(o, "Ports", runs ? c->status.ports : NULL, runs ? c->status.n_ports : 0, c->record.networking.exposed);
	put_text(o, "IPAddress", "");
	put_text(o, "Error", runs ? network_error(c) : NULL);
	open_object(o, "Networks");
	for (size_t i = 0; i < c->record.networking.n_networks; i++)
		put_one_network(o, c, &c->record.networking.networks[i]);
	close_object(o);
	close_object(o);
}

static void put_head(struct out *o, const struct container *c)
{
	static const struct row rows[] = { { "Rootfs", "rootfs", "\"\"" }, { "UidMap", "uidMap", "[]" }, { "GidMap", "gidMap", "[]" } };
	const struct record *r = &c->record;
	struct strings args cleanup_strings = { 0 };
	put_text(o, "Id", r->id);
	put_text(o, "Created", r->created);
	put_text(o, "Path", r->args ? r->args[0] : "");
	for (char **a = r->args && r->args[0] ? r->args + 1 : NULL; a && *a; a++)
		strings_add(&args, *a);
	put_list(o, "Args", &args);
	put_state(o, c);
	put_text(o, "Image", r->image_id);
	put_text(o, "ImageName", r->image);
	put_text(o, "ImageDigest", r->manifest);
	put_text(o, "Name", r->name);
	put_number(o, "RestartCount", c->status.restarts);
	put_text(o, "Driver", r->rootfs ? "rootfs" : storage_driver_name(rootfs_driver(c)));
	put_text(o, "Platform", "linux");
	put_raw(o, "ExecIDs", "null");
	put_rows(o, rows, r->uid_map || r->gid_map ? 3 : 1);
}

char *container_show(const struct container *c, bool size)
{
	static const struct json_value nothing = { .is = JSON_VALUE_OBJECT };
	struct out o = { .record = &nothing };
	struct json_value *tree;
	cleanup_free char *text = NULL;
	size_t len;
	if (fs_read_file(c->dir_fd, "record.json", DOCUMENT_MAX, &text, &len, NULL) == 0 && json_read(text, len, &o.pool, &tree, NULL) == 0)
		o.record = tree;	/* a damaged one leaves docker's zeroes */
	buf_putc(&o.text, '{');
	put_head(&o, c);
	put_paths(&o, c);
	put_host_config(&o, c);
	put_graph_driver(&o, c);
	if (size)
		put_sizes(&o, c);
	put_mounts(&o, &c->record);
	put_config(&o);
	put_network(&o, c);
	close_object(&o);
	pool_done(&o.pool);
	return buf_take(&o.text);
}
