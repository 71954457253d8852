#include "../container/runtime.h"
#include "../image/store.h"
#include "cleanup.h"
#include <sys/utsname.h>

struct info_options { char *format; };
static const struct option_def options[] = {
	OPTION(struct info_options, format, 'f', "format", "text|json", "lines for people (the default), or a JSON object"),
};

struct info {
	char *version, *root, *run_root, *kernel, *architecture, *cgroups, *cgroup_manager, *runtime;
	bool rootless, nested;
	int64_t containers, running, stopped, images;
};
#define T struct info
static const struct json_type info_type = JSON_TYPE(T, JSON_ALWAYS(T, version, "Version"), JSON_ALWAYS(T, root, "Root"),
	JSON_ALWAYS(T, run_root, "RunRoot"), JSON_ALWAYS(T, rootless, "Rootless"), JSON_ALWAYS(T, nested, "Nested"),
	JSON_ALWAYS(T, kernel, "KernelVersion"), JSON_ALWAYS(T, architecture, "Architecture"), JSON_ALWAYS(T, cgroups, "CgroupLayout"),
	JSON_ALWAYS(T, cgroup_manager, "CgroupManager"), JSON_ALWAYS(T, runtime, "Runtime"), JSON_ALWAYS(T, containers, "Containers"),
	JSON_ALWAYS(T, running, "ContainersRunning"), JSON_ALWAYS(T, stopped, "ContainersStopped"), JSON_ALWAYS(T, images, "Images"));
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
		info->running += list[i].state == RECORD_RUNNING || list[i].state == RECORD_UNATTENDED;
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
	printf("containers:       %lld (%lld running, %lld not)\nimages:           %lld\n", (long long) i->containers,
	       (long long) i->running, (long long) i->stopped, (long long) i->images);
}

static int run(void *program, void *given, char **args, int n_args)
{
	const struct carrier *c = program;
	const struct info_options *o = given;
	struct error err = { 0 }, why = { 0 };
	struct utsname u = { 0 };
	cleanup_free char *runtime = NULL;
	bool json = str_eq(o->format, "json");
	if (o->format && !json && !str_eq(o->format, "text")) {
		error_say(&err, EINVAL, "--format '%s' is not known: text or json", o->format);
		return carrier_fail(&err);
	}
	(void) uname(&u);
	/* without a runtime this is the command that should say so, and all the rest */
	bool found = runtime_path(c, &runtime, &why) == 0;
	struct info info = {
		.version = (char *) VERSION, .root = c->root, .run_root = c->runroot, .kernel = u.release, .architecture = u.machine,
		.cgroups = (char *) cgroup_layout(), .cgroup_manager = c->cgroup_manager ? c->cgroup_manager : (char *) "cgroupfs",
		.runtime = found ? runtime : why.text, .rootless = c->rootless, .nested = c->nested,
	};
	if (count_containers(c, &info, &err) < 0 || count_images(c, &info, &err) < 0)
		return carrier_fail(&err);
	if (json) {
		cleanup_free char *text = json_encode(&info_type, &info, JSON_INDENTED, NULL);
		(void) fputs(text, stdout);
	} else {
		print(&info);
	}
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
