/* 03: cgroups, what of them is the user's, and whether they outlive the session. cgroups(7), systemd.resource-control(5). */
#include "doctor.h"
#include "../container/linger.h"
#include "cleanup.h"
#include "fs.h"
#include "str.h"
#include <fcntl.h>
#include <string.h>

#define CGROUPS "/sys/fs/cgroup"
#define DROP_IN "/etc/systemd/system/user@.service.d/delegate.conf"
static const char wanted[] = "cpu cpuset io memory pids";

static bool is_unified(void) { return access(CGROUPS "/cgroup.controllers", F_OK) == 0; }
static bool is_hybrid(void) { return access(CGROUPS "/unified/cgroup.procs", F_OK) == 0; }

static void look_version(struct doctor *d)
{
	if (is_unified())
		doctor_ok(d, "version 2");
	else if (access(CGROUPS "/memory", F_OK) == 0 || access(CGROUPS "/cpu", F_OK) == 0 || is_hybrid())
		(d->carrier->rootless ? doctor_warn : doctor_more)(d, "boot with systemd.unified_cgroup_hierarchy=1 (and without "
			"cgroup_no_v1) for version 2", "version 1%s%s", is_hybrid() ? " with version 2 beside it" : "",
			d->carrier->rootless ? ": ordinary users' containers can have no limits" : "");
	else
		doctor_bad(d, "as root: mount -t cgroup2 cgroup2 " CGROUPS, "none are mounted on " CGROUPS ": there can be no limits, and "
			   "`stats` and `pause` do not work");
}

/* own_group - the directory of our cgroup of version 2; NULL: unknown. Caller frees */
static char *own_group(void)
{
	cleanup_free char *text = NULL;
	if (fs_read_file(AT_FDCWD, "/proc/self/cgroup", 1 << 16, &text, NULL, NULL) < 0)
		return NULL;
	for (char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		const char *path = str_after(line, "0::");
		if (path)
			return xasprintf(CGROUPS "%.*s", (int) strcspn(path, "\n"), path);
	}
	return NULL;
}

/* delegated_group - the uppermost cgroup above ours (or ours) in which we may make others: what was given to the user. Caller frees. */
static char *delegated_group(void)
{
	cleanup_free char *at = own_group(), *found = NULL;
	while (at && str_starts(at, CGROUPS)) {
		cleanup_free char *procs = xasprintf("%s/cgroup.procs", at);
		if (access(at, W_OK) == 0 && access(procs, W_OK) == 0) {
			free(found);
			found = xstrdup(at);
		}
		char *slash = strrchr(at, '/');
		if (strlen(at) <= strlen(CGROUPS) || !slash)
			break;
		*slash = 0;
	}
	return take_ptr(found);
}

static char *read_controllers(const char *group)
{
	cleanup_free char *path = xasprintf("%s/cgroup.controllers", group);
	char *text = NULL;
	return fs_read_file(AT_FDCWD, path, 4096, &text, NULL, NULL) < 0 ? xstrdup("") : text;
}

static void look_delegation(struct doctor *d)
{
	if (!d->carrier->rootless) {
		cleanup_free char *have = is_unified() ? read_controllers(CGROUPS) : NULL;
		cleanup_free char *missing = have ? controllers_missing(have, wanted) : NULL;
		if (missing)
			doctor_warn(d, "remove cgroup_disable= and cgroup_no_v1= from the kernel's command line",
				    "this kernel has no controllers for: %s",
				    missing);
		else
			doctor_ok(d, "root has all of them");
		return;
	}
	if (!is_unified()) {
		doctor_ok(d, "version 1 cannot be delegated: --cgroup-manager disabled runs without");
		return;
	}
	const char *remedy = "as root: mkdir -p /etc/systemd/system/user@.service.d; printf '[Service]\\nDelegate=cpu cpuset io memory pids\\n' >"
		DROP_IN "; systemctl daemon-reload; then log in again";
	cleanup_free char *group = delegated_group();
	if (!group) {
		doctor_warn(d, remedy, "no cgroup is %s's own: containers can have no limits, and cannot be paused", doctor_user(d));
		return;
	}
	cleanup_free char *have = read_controllers(group), *missing = controllers_missing(have, wanted);
	if (missing)
		doctor_warn(d, remedy, "'%s' was given to %s without: %s; their limits cannot be set", group, doctor_user(d), missing);
	else
		doctor_ok(d, "'%s' has cpu, cpuset, io, memory and pids", group);
}

static void look_linger(struct doctor *d)
{
	if (!d->carrier->rootless || d->carrier->nested) {
		doctor_ok(d, "nothing ends root's containers at a logout");
		return;
	}
	switch (linger_state(NULL)) {
	case LINGER_ON: doctor_ok(d, "is on for %s", doctor_user(d)); break;
	case LINGER_NO_LOGIND: doctor_ok(d, "no logind here: nothing ends containers at a logout"); break;
	case LINGER_OFF:
		doctor_warn(d, doctor_printf(d, "loginctl enable-linger %s", doctor_user(d)),
			    "is off for %s: containers end with the last logout, and "
			    "do not start at boot", doctor_user(d));
	}
}

const struct doctor_check doctor_sessions[] = {
	{ "CD0301", "cgroups", look_version },
	{ "CD0302", "cgroup controllers", look_delegation },
	{ "CD0303", "lingering", look_linger },
	{ NULL, NULL, NULL },
};
