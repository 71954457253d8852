/* Which limits can be had. cgroups(7) "Cgroups delegation", systemd.resource-control(5) Delegate=. */
#include "limits.h"
#include "cleanup.h"
#include "fs.h"
#include "record.h"
#include "str.h"
#include <string.h>

static const char mount[] = "/sys/fs/cgroup";

/* ---- what is asked for ---- */

/* needs - the option that makes @r need @controller; NULL: it does not */
static const char *needs(const struct record *r, const char *controller)
{
	const struct record_limits *l = &r->limits;
	const struct { const char *controller, *option; bool asked; } rows[] = {
		{ "memory", "--memory", r->memory > 0 },
		{ "memory", "--memory-reservation", l->memory_reservation > 0 },
		{ "memory", "--memory-swap", l->memory_swap != 0 },
		{ "memory", "--memory-swappiness", l->swappiness },
		{ "memory", "--oom-kill-disable", l->oom_kill_disable },
		{ "cpu", "--cpus or --cpu-quota", r->cpu_quota > 0 },
		{ "cpu", "--cpu-period", r->cpu_period > 0 },
		{ "cpu", "--cpu-shares", l->cpu_shares > 0 },
		{ "cpu", "--cpu-rt-runtime", l->cpu_rt_period || l->cpu_rt_runtime },
		{ "cpuset", "--cpuset-cpus", l->cpuset_cpus },
		{ "cpuset", "--cpuset-mems", l->cpuset_mems },
		{ "pids", "--pids-limit", r->pids_limit > 0 },
		{ "io", "--blkio-weight", l->blkio_weight > 0 },
		{ "io", "--blkio-weight-device", l->weight_devices },
		{ "io", "--device-read-bps", l->read_bps },
		{ "io", "--device-write-bps", l->write_bps },
		{ "io", "--device-read-iops", l->read_iops },
		{ "io", "--device-write-iops", l->write_iops },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (rows[i].asked && strcmp(rows[i].controller, controller) == 0)
			return rows[i].option;
	return NULL;
}

static const char *const controllers[] = { "memory", "cpu", "cpuset", "pids", "io" };
enum { CONTROLLERS = sizeof controllers / sizeof *controllers };

static bool has_limits(const struct record *r)
{
	bool any = r->limits.unified.n > 0;
	for (size_t i = 0; !any && i < CONTROLLERS; i++)
		any = needs(r, controllers[i]) != NULL;
	return any;
}

/* ---- what there is ---- */

static bool has_word(const char *text, const char *word)
{
	struct strings words cleanup_strings = { 0 };
	strings_split(&words, text ? text : "", " \n");
	return strings_have(words.v, word);
}

static int only_elsewhere(const struct record *r, const struct limits_view *view, struct error *err)
{
	const struct record_limits *l = &r->limits;
	if (!view->v2 && l->unified.n)
		return error_say(err, EOPNOTSUPP, "--cgroup-conf: this machine has cgroup v1, where there are no such files; boot it with "
				 "systemd.unified_cgroup_hierarchy=1");
	const char *option = !view->v2 ? NULL : l->swappiness ? "--memory-swappiness" : l->oom_kill_disable ? "--oom-kill-disable" :
			     l->cpu_rt_period || l->cpu_rt_runtime ? "--cpu-rt-runtime" : NULL;
	return option ? error_say(err, EOPNOTSUPP, "%s: cgroup v2, which this machine has, cannot do that; leave it out", option) : 0;
}

static int missing(const char *option, const char *controller, const struct limits_view *view, struct error *err)
{
	if (view->privileged)
		return error_say(err, EOPNOTSUPP, "%s: there is no cgroup controller %s here (there are: %s); is it in the kernel, and mounted?",
				 option, controller, str_empty(view->controllers) ? "none" : view->controllers);
	if (!view->v2)
		return error_say(err, EOPNOTSUPP, "%s: the controller %s of cgroup v1 cannot be given to an ordinary user; run carrier as root, or "
				 "boot with systemd.unified_cgroup_hierarchy=1 for cgroup v2", option, controller);
	return error_say(err, EOPNOTSUPP, "%s: the controller %s is not delegated to you (%s); as root, put '[Service]' and "
			 "'Delegate=cpu cpuset io memory pids' into /etc/systemd/system/user@.service.d/delegate.conf, run `systemctl "
			 "daemon-reload`, and log in again", option, controller, str_empty(view->controllers) ? "none is" : view->controllers);
}

int limits_missing(const struct record *r, const struct limits_view *view, struct error *err)
{
	int result = only_elsewhere(r, view, err);
	for (size_t i = 0; result == 0 && i < CONTROLLERS; i++) {
		const char *option = needs(r, controllers[i]);
		bool io = strcmp(controllers[i], "io") == 0;
		if (option && !has_word(view->controllers, io && !view->v2 ? "blkio" : controllers[i]))
			result = missing(option, io && !view->v2 ? "blkio" : controllers[i], view, err);
	}
	return result;
}

static char *read_text(const char *path)
{
	char *text = NULL;
	if (fs_read_file(AT_FDCWD, path, 1 << 16, &text, NULL, NULL) < 0)
		return xstrdup("");
	for (char *c = text; *c; c++)
		*c = *c == '\n' ? (c[1] ? ' ' : 0) : *c;
	return text;
}

/* v1_controllers - those of /proc/self/cgroup, for an ordinary user those whose directory is his */
static char *v1_controllers(bool privileged)
{
	struct buf words cleanup_buf = { 0 };
	struct strings lines cleanup_strings = { 0 };
	cleanup_free char *text = NULL;
	if (fs_read_file(AT_FDCWD, "/proc/self/cgroup", 1 << 16, &text, NULL, NULL) < 0)
		return xstrdup("");
	strings_split(&lines, text, "\n");
	for (size_t i = 0; i < lines.n; i++) {
		char *names = strchr(lines.v[i], ':'), *path = names ? strchr(names + 1, ':') : NULL;
		if (!path || path == names + 1)
			continue;
		names++;
		*path++ = 0;
		cleanup_free char *dir = xasprintf("%s/%s%s", mount, names, path);
		if (!privileged && access(dir, W_OK) < 0)
			continue;
		for (char *c = names; *c; c++)
			*c = *c == ',' ? ' ' : *c;
		buf_printf(&words, "%s%s", words.len ? " " : "", names);
	}
	return buf_take(&words);
}

/* v2_controllers - what our own cgroup hands down, when we may make others in it; else what systemd has for its user. A cgroup that holds
 * processes, as our own holds us, can hand down nothing new. */
static char *v2_controllers(const char **ret_manager)
{
	cleanup_free char *own = read_text("/proc/self/cgroup");
	cleanup_free char *dir = xasprintf("%s%s", mount, str_after(own, "0::") ? str_after(own, "0::") : "");
	cleanup_free char *path = xasprintf("%s/cgroup.subtree_control", dir);
	cleanup_free char *handed = access(dir, W_OK) == 0 ? read_text(path) : NULL;
	if (!str_empty(handed))
		return take_ptr(handed);
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	cleanup_free char *bus = xasprintf("%s/bus", runtime ? runtime : "");
	if (access(bus, F_OK) < 0)
		return xstrdup("");
	unsigned uid = (unsigned) getuid();
	cleanup_free char *service = xasprintf("%s/user.slice/user-%u.slice/user@%u.service/cgroup.controllers", mount, uid, uid);
	*ret_manager = "systemd";
	return read_text(service);
}

int limits_check(const struct record *r, bool rootless, const char **ret_manager, struct error *err)
{
	if (!has_limits(r))
		return 0;
	cleanup_free char *root_file = xasprintf("%s/cgroup.controllers", mount);
	struct limits_view view = { .v2 = access(root_file, F_OK) == 0, .privileged = !rootless };
	cleanup_free char *words = !view.v2 ? v1_controllers(view.privileged) : rootless ? v2_controllers(&view.manager) : read_text(root_file);
	view.controllers = words;
	int result = limits_missing(r, &view, err);
	if (result == 0 && view.manager && !*ret_manager)
		*ret_manager = view.manager;
	return result;
}

/* ---- what the kernel refused ---- */

int limits_name_option(struct error *err)
{
	static const struct { const char *member, *option; } rows[] = {
		{ "memory.limit", "--memory" }, { "memory.reservation", "--memory-reservation" }, { "memory.swap:", "--memory-swap" },
		{ "memory.swappiness", "--memory-swappiness" }, { "memory.disableOOMKiller", "--oom-kill-disable" },
		{ "cpu.shares", "--cpu-shares" }, { "cpu.quota", "--cpus or --cpu-quota" }, { "cpu.period", "--cpu-period" },
		{ "cpu.realtimePeriod", "--cpu-rt-period" }, { "cpu.realtimeRuntime", "--cpu-rt-runtime" },
		{ "cpu.cpus", "--cpuset-cpus" }, { "cpu.mems", "--cpuset-mems" }, { "pids.limit", "--pids-limit" },
		{ "blockIO.weightDevice", "--blkio-weight-device" }, { "blockIO.weight", "--blkio-weight" },
		{ "blockIO.throttleReadBpsDevice", "--device-read-bps" }, { "blockIO.throttleWriteBpsDevice", "--device-write-bps" },
		{ "blockIO.throttleReadIOPSDevice", "--device-read-iops" }, { "blockIO.throttleWriteIOPSDevice", "--device-write-iops" },
		{ "unified", "--cgroup-conf" },
	};
	static const char prefix[] = "linux.resources.";
	const char *at = err ? strstr(err->text, prefix) : NULL;
	for (size_t i = 0; at && i < sizeof rows / sizeof *rows; i++)
		if (str_starts(at + strlen(prefix), rows[i].member))
			return error_wrap(err, "%s", rows[i].option);
	return err ? -err->code : 0;
}
