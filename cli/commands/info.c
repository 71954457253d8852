#include "../container/runtime.h"
#include "../format.h"
#include "../image/store.h"
#include "cleanup.h"
#include "fs.h"
#include "str.h"
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

struct info_options { char *format; };
static const struct option_def options[] = {
	OPTION(struct info_options, format, 'f', "format", "text|json|TEMPLATE",
	       "lines for people (the default), a JSON object, or what a template makes of it: '{{.Driver}}'"),
};

struct info {
	char *version, *root, *run_root, *kernel, *architecture, *cgroups, *cgroup_manager, *runtime;
	char *driver, *name, *os, *os_type, *cgroup_version, *logging_driver, **security;
	bool rootless, nested;
	int64_t containers, running, paused, stopped, images, processors, memory;
};
#define T struct info
static const struct json_type info_type = JSON_TYPE(T, JSON_ALWAYS(T, version, "Version"), JSON_ALWAYS(T, root, "Root"),
	JSON_ALWAYS(T, run_root, "RunRoot"), JSON_ALWAYS(T, rootless, "Rootless"), JSON_ALWAYS(T, nested, "Nested"),
	JSON_ALWAYS(T, kernel, "KernelVersion"), JSON_ALWAYS(T, architecture, "Architecture"), JSON_ALWAYS(T, cgroups, "CgroupLayout"),
	JSON_ALWAYS(T, cgroup_manager, "CgroupManager"), JSON_ALWAYS(T, runtime, "Runtime"), JSON_ALWAYS(T, containers, "Containers"),
	JSON_ALWAYS(T, running, "ContainersRunning"), JSON_ALWAYS(T, stopped, "ContainersStopped"), JSON_ALWAYS(T, images, "Images"),
	JSON_ALWAYS(T, paused, "ContainersPaused"), JSON_ALWAYS(T, driver, "Driver"), JSON_ALWAYS(T, logging_driver, "LoggingDriver"),
	JSON_ALWAYS(T, cgroup_version, "CgroupVersion"), JSON_ALWAYS(T, security, "SecurityOptions"), JSON_ALWAYS(T, name, "Name"),
	JSON_ALWAYS(T, os, "OperatingSystem"), JSON_ALWAYS(T, os_type, "OSType"), JSON_ALWAYS(T, processors, "NCPU"),
	JSON_ALWAYS(T, memory, "MemTotal"));
#undef T

/* cgroup_layout - cgroups(7): version 2 alone, version 1 with an empty tree of version 2 beside it, or version 1 */
static const char *cgroup_layout(void)
{
	if (access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0)
		return "unified (v2)";
	if (access("/sys/fs/cgroup/unified/cgroup.procs", F_OK) == 0)
		return "hybrid (v1 with v2 beside it)";
	return access("/sys/fs/cgroup", F_OK) == 0 && access("/proc/cgroups", F_OK) == 0 ? "legacy (v1)" : "none";
}

static int count_containers(const struct carrier *c, struct info *info, struct error *err)
{
	struct container *list = NULL;
	size_t n = 0;
	int r = record_list(c, &list, &n, err);
	for (size_t i = 0; r == 0 && i < n; i++) {
		info->containers++;
		info->paused += list[i].paused;
		info->running += record_runs(&list[i]);
		info->stopped += !container_active(&list[i]);
		container_done(&list[i]);
	}
	free(list);
	return r;
}

static int count_images(const struct carrier *c, struct info *info, struct error *err)
{
	struct image *list;
	size_t n;
	int r = store_list_root(c->root, &list, &n, err);
	if (r < 0)
		return r;
	info->images = (int64_t) n;
	store_list_free(list, n);
	return 0;
}

static void print(const struct info *i)
{
	printf("version:          %s\nroot:             %s\nrunroot:          %s\nrootless:         %s%s\n", i->version, i->root, i->run_root,
	       i->rootless ? "yes" : "no", i->nested ? " (root of a user namespace)" : "");
	printf("kernel:           %s %s\ncgroups:          %s\ncgroup manager:   %s\nruntime:          %s\n", i->kernel, i->architecture,
	       i->cgroups, i->cgroup_manager, i->runtime);
	char memory[16];
	printf("machine:          %s, %s, %lld processors, %s\nstorage driver:   %s\nsecurity:        ", i->name, i->os, (long long) i->processors,
	       str_human_size((uint64_t) i->memory, memory), i->driver);
	for (char **word = i->security; word && *word; word++)
		printf(" %.*s", (int) strcspn(*word + strlen("name="), ","), *word + strlen("name="));
	printf("\ncontainers:       %lld (%lld running, %lld of them paused, %lld not)\nimages:           %lld\n", (long long) i->containers,
	       (long long) i->running, (long long) i->paused, (long long) i->stopped, (long long) i->images);
}

/* os_name - of /etc/os-release; caller frees */
static char *os_name(void)
{
	cleanup_free char *text = NULL;
	if (fs_read_file(AT_FDCWD, "/etc/os-release", 65536, &text, NULL, NULL) < 0)
		return xstrdup("");
	const char *line = strstr(text, "PRETTY_NAME=");
	if (!line)
		return xstrdup("");
	line += strlen("PRETTY_NAME=");
	line += *line == '"';
	return xstrndup(line, strcspn(line, "\"\n"));
}

static void add_security(const struct carrier *c, struct strings *ret)
{
	if (access("/proc/sys/kernel/seccomp/actions_avail", F_OK) == 0)
		strings_add(ret, "name=seccomp,profile=builtin");
	if (access("/sys/kernel/security/apparmor", F_OK) == 0)
		strings_add(ret, "name=apparmor");
	if (access("/sys/fs/selinux/enforce", F_OK) == 0)
		strings_add(ret, "name=selinux");
	if (c->rootless)
		strings_add(ret, "name=rootless");
	if (access("/proc/self/ns/cgroup", F_OK) == 0)
		strings_add(ret, "name=cgroupns");
}

static int run(void *program, void *given, char **args, int n_args)
{
	const struct carrier *c = program;
	const struct info_options *o = given;
	struct error err = { 0 }, why = { 0 };
	struct utsname u = { 0 };
	cleanup_free char *runtime = NULL;
	struct format format cleanup_format = { 0 };
	struct strings security cleanup_strings = { 0 };
	struct sysinfo machine = { 0 };
	if (format_parse(str_eq(o->format, "text") ? NULL : o->format, &format, &err) < 0)
		return carrier_fail(&err);
	(void) uname(&u);
	(void) sysinfo(&machine);
	cleanup_free char *os = os_name();
	bool v2 = access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0;
	add_security(c, &security);
	/* without a runtime this is the command that should say so, and all the rest */
	bool found = runtime_path(c, &runtime, &why) == 0;
	struct info info = {
		.version = (char *) VERSION, .root = c->root, .run_root = c->runroot, .kernel = u.release, .architecture = u.machine,
		.cgroups = (char *) cgroup_layout(), .cgroup_manager = c->cgroup_manager ? c->cgroup_manager : (char *) "cgroupfs",
		.runtime = found ? runtime : why.text, .rootless = c->rootless, .nested = c->nested,
		.driver = c->storage_driver ? c->storage_driver : (char *) "auto", .logging_driver = (char *) "json-file", .security = security.v,
		.cgroup_version = (char *) (v2 ? "2" : "1"), .name = u.nodename, .os = os, .os_type = (char *) "linux",
		.processors = get_nprocs(), .memory = (int64_t) (machine.totalram * machine.mem_unit),
	};
	if (count_containers(c, &info, &err) < 0 || count_images(c, &info, &err) < 0)
		return carrier_fail(&err);
	if (format.is == FORMAT_JSON) {
		cleanup_free char *text = json_encode(&info_type, &info, JSON_INDENTED, NULL);
		(void) fputs(text, stdout);
		return 0;
	}
	if (format.is != FORMAT_TABLE)
		return format_row(&format, &info_type, &info, &err) < 0 ? carrier_fail(&err) : 0;
	print(&info);
	return 0;
}

const struct command command_info = {
	.name = "info", .section = "System", .summary = "print where things are and what was found on this machine",
	.examples = "Where are the images, and which runtime is used?\n\tcarrier info\n\n"
		    "For a script:\n\tcarrier info --format json",
	OPTIONS(struct info_options, options), .run = run,
};

const struct command command_system_info = {
	.name = "info", .summary = "print where things are and what was found on this machine; the same as `carrier info`",
	.examples = "Where are the images, and which runtime is used?\n\tcarrier system info",
	OPTIONS(struct info_options, options), .run = run,
};
