#include "host.h"
#include "cgroup/layout.h"
#include "cleanup.h"
#include "clone.h"
#include "fs.h"
#include "namespaces.h"
#include "proc.h"
#include "seccomp.h"
#include "str.h"
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV /* Linux 5.19 */
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444 /* the same on every architecture that we know */
#endif
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif

#define T struct host_cgroup
static const struct json_type cgroup_type =
	JSON_TYPE(T, JSON_REQUIRED(T, mode, "mode"), JSON_FIELD(T, controllers, "controllers"),
		  JSON_FIELD(T, delegated, "delegatedControllers"));
#undef T
#define T struct host_seccomp
static const struct json_type seccomp_type = JSON_TYPE(T, JSON_FIELD(T, actions, "actions"), JSON_FIELD(T, flags, "flags"));
#undef T
#define T struct host
const struct json_type host_type = JSON_TYPE(T,
	JSON_REQUIRED(T, kernel, "kernel"), JSON_FIELD(T, namespaces, "namespaces"),
	JSON_ALWAYS(T, user_namespaces, "userNamespaces"), JSON_INLINE(T, cgroup, "cgroup", cgroup_type),
	JSON_FIELD(T, lsms, "lsms"), JSON_ALWAYS(T, idmapped_mounts, "idmappedMounts"),
	JSON_ALWAYS(T, landlock_abi, "landlockAbi"), JSON_INLINE(T, seccomp, "seccomp", seccomp_type));
#undef T

static char **to_pool(struct pool *pool, const struct strings *list)
{
	char **copy = pool_alloc(pool, (list->n + 1) * sizeof *copy);
	for (size_t i = 0; i < list->n; i++)
		copy[i] = pool_strdup(pool, list->v[i]);
	return copy;
}

/* ---- namespaces ---- */

static char **read_namespaces(struct pool *pool)
{
	/* /proc/self/ns has some other names than the specification, in parallel */
	static const struct { const char *name, *file; } kinds[] = {
		{ "pid", "pid" }, { "network", "net" }, { "mount", "mnt" }, { "ipc", "ipc" },
		{ "uts", "uts" }, { "user", "user" },	{ "cgroup", "cgroup" }, { "time", "time" },
	};
	struct strings found cleanup_strings = { 0 };
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		cleanup_free char *path = xasprintf("/proc/self/ns/%s", kinds[i].file);
		if (access(path, F_OK) == 0)
			strings_add(&found, kinds[i].name);
	}
	return to_pool(pool, &found);
}

static bool may_make_user_namespace(void)
{
	struct clone_request c = { .flags = CLONE_NEWUSER, .cgroup_fd = -1 };
	pid_t pid = clone_process(&c, NULL);
	if (pid == 0)
		_exit(0);
	return pid > 0 && proc_wait(pid) == 0;
}

/* ---- cgroups ---- */

/* add_controllers - of one hierarchy; @writable: also to @delegated */
static void add_controllers(const char *words, bool writable, struct strings *all, struct strings *delegated)
{
	struct strings names cleanup_strings = { 0 };
	strings_split(&names, words, ", \n");
	for (size_t i = 0; i < names.n; i++) {
		strings_add(all, names.v[i]);
		if (writable)
			strings_add(delegated, names.v[i]);
	}
}

static void read_hierarchy(const struct layout_hierarchy *h, struct strings *all, struct strings *delegated)
{
	const char *below = h->own ? layout_below_mount(h->root, h->own) : NULL;
	cleanup_free char *dir = xasprintf("%s%s", h->mount, below ? below : "");
	cleanup_free char *procs = xasprintf("%s/cgroup.procs", dir);
	bool writable = below && faccessat(AT_FDCWD, dir, W_OK, AT_EACCESS) == 0 &&
			faccessat(AT_FDCWD, procs, W_OK, AT_EACCESS) == 0;
	if (*h->name) {
		if (!str_starts(h->name, "name="))
			add_controllers(h->name, writable, all, delegated);
		return;
	}
	/* v2: what the caller's own cgroup has is what cgroups below it can get */
	cleanup_free char *file = xasprintf("%s/cgroup.controllers", dir);
	cleanup_free char *words = NULL;
	if (fs_read_file(AT_FDCWD, file, 4096, &words, NULL, NULL) == 0)
		add_controllers(words, writable, all, delegated);
}

static void read_cgroup(struct pool *pool, struct host_cgroup *ret)
{
	static const char *const modes[] = {
		[CGROUP_LAYOUT_NONE] = "none", [CGROUP_LAYOUT_V1] = "v1",
		[CGROUP_LAYOUT_HYBRID] = "hybrid", [CGROUP_LAYOUT_V2] = "v2",
	};
	struct strings all cleanup_strings = { 0 }, delegated cleanup_strings = { 0 };
	struct layout layout cleanup_layout = { 0 };
	if (layout_read(LAYOUT_VERIFIED, &layout, NULL) < 0)
		layout.kind = CGROUP_LAYOUT_NONE;
	for (size_t i = 0; i < layout.n; i++)
		read_hierarchy(&layout.v[i], &all, &delegated);
	ret->mode = (char *) modes[layout.kind];
	ret->controllers = to_pool(pool, &all);
	ret->delegated = to_pool(pool, &delegated);
}

/* ---- security modules ---- */

static char **read_lsms(struct pool *pool)
{
	/* linux/lsm.h, from 100 on */
	static const char *const known[] = {
		"capability", "selinux", "smack", "tomoyo", "apparmor", "yama", "loadpin", "safesetid", "lockdown", "bpf",
		"landlock", "ima", "evm", "ipe",
	};
	enum { FIRST = 100, KNOWN = sizeof known / sizeof *known, LIST_MODULES = 461 };
	struct strings found cleanup_strings = { 0 };
	cleanup_free char *words = NULL;
	if (fs_read_file(AT_FDCWD, "/sys/kernel/security/lsm", 4096, &words, NULL, NULL) == 0) {
		strings_split(&found, words, ",\n");
		return to_pool(pool, &found);
	}
	/* securityfs is not mounted: lsm_list_modules(2), Linux 6.8 */
	uint64_t ids[64];
	uint32_t size = sizeof ids;
	long n = syscall(LIST_MODULES, ids, &size, 0);
	for (long i = 0; i < n; i++)
		if (ids[i] >= FIRST && ids[i] < FIRST + KNOWN)
			strings_add(&found, known[ids[i] - FIRST]);
		else
			strings_printf(&found, "%llu", (unsigned long long) ids[i]);
	return to_pool(pool, &found);
}

static uint32_t landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, 1 /* LANDLOCK_CREATE_RULESET_VERSION */);
	return abi > 0 ? (uint32_t) abi : 0;
}

/* ---- seccomp ---- */

/* flag_supported - a filter that cannot be read (EFAULT) is looked at after the flags (EINVAL), and needs no privilege */
static bool flag_supported(const char *name)
{
	static const struct { const char *name; unsigned long flags; } rows[] = {
		{ "SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC },
		{ "SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG },
		{ "SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW },
		{ "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", /* means nothing without a listener */
		  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV | SECCOMP_FILTER_FLAG_NEW_LISTENER },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (strcmp(rows[i].name, name) == 0)
			return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, rows[i].flags, NULL) < 0 && errno == EFAULT;
	return false;
}

char **host_seccomp_flags(struct pool *pool)
{
	struct strings flags cleanup_strings = { 0 };
	for (const char *const *name = seccomp_flag_names(); *name; name++)
		if (flag_supported(*name))
			strings_add(&flags, *name);
	return to_pool(pool, &flags);
}

static char **seccomp_actions(struct pool *pool)
{
	static const struct { const char *name; uint32_t value; } rows[] = {
		{ "SCMP_ACT_ALLOW", SECCOMP_RET_ALLOW },	{ "SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO },
		{ "SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD },	{ "SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS },
		{ "SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD }, { "SCMP_ACT_LOG", SECCOMP_RET_LOG },
		{ "SCMP_ACT_NOTIFY", SECCOMP_RET_USER_NOTIF },	{ "SCMP_ACT_TRACE", SECCOMP_RET_TRACE },
		{ "SCMP_ACT_TRAP", SECCOMP_RET_TRAP },
	};
	struct strings actions cleanup_strings = { 0 };
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &rows[i].value) == 0)
			strings_add(&actions, rows[i].name);
	return to_pool(pool, &actions);
}

void host_read(struct pool *pool, struct host *ret)
{
	struct utsname name;
	*ret = (struct host) {
		.kernel = pool_strdup(pool, uname(&name) == 0 ? name.release : ""),
		.namespaces = read_namespaces(pool),
		.user_namespaces = may_make_user_namespace(),
		.lsms = read_lsms(pool),
		/* both came with Linux 5.12; without privilege it is EPERM, which tells as much */
		.idmapped_mounts = !(syscall(SYS_mount_setattr, -1, "", 0, NULL, 0) < 0 && errno == ENOSYS),
		.landlock_abi = landlock_abi(),
		.seccomp = { .actions = seccomp_actions(pool), .flags = host_seccomp_flags(pool) },
	};
	read_cgroup(pool, &ret->cgroup);
}
