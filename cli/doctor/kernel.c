/* 07: the kernel, the runtime and our own programs. */
#include "doctor.h"
#include "../confine.h"
#include "../container/runtime.h"
#include "cleanup.h"
#include "str.h"
#include <fcntl.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>

/* what is called with arguments that cannot succeed: only a kernel without the call says ENOSYS */
static const struct { const char *name; long number; const char *since; } calls[] = {
	{ "openat2", SYS_openat2, "5.6" }, { "pidfd_open", SYS_pidfd_open, "5.3" }, { "clone3", SYS_clone3, "5.3" },
	{ "fsopen", SYS_fsopen, "5.2" }, { "move_mount", SYS_move_mount, "5.2" }, { "close_range", SYS_close_range, "5.9" },
	{ "mount_setattr", SYS_mount_setattr, "5.12" },
};

static void look_version(struct doctor *d)
{
	struct utsname u = { 0 };
	struct buf missing cleanup_buf = { 0 };
	int major = 0, minor = 0;
	(void) uname(&u);
	(void) sscanf(u.release, "%d.%d", &major, &minor);
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
		if (syscall(calls[i].number, -1, 0, -1, -1, 0, 0) < 0 && errno == ENOSYS)
			buf_printf(&missing, "%s%s (%s)", missing.len ? ", " : "", calls[i].name, calls[i].since);
	if (major * 100 + minor < 408)
		doctor_bad(d, "a newer kernel", "Linux %s is older than 4.8, before which nothing of this works", u.release);
	else if (missing.len)
		doctor_warn(d, "a newer kernel, or a seccomp filter that lets them pass", "Linux %s %s has not: %s; slower ways are used", u.release,
			    u.machine, buf_str(&missing));
	else
		doctor_ok(d, "Linux %s %s has all that woody wants", u.release, u.machine);
}

struct features_seccomp { bool *enabled; };
struct features_linux { struct features_seccomp seccomp; };
struct features { char *min, *max; struct features_linux linux_part; };
static const struct json_type seccomp_type = JSON_TYPE(struct features_seccomp, JSON_FIELD(struct features_seccomp, enabled, "enabled"));
static const struct json_type linux_type = JSON_TYPE(struct features_linux, JSON_INLINE(struct features_linux, seccomp, "seccomp", seccomp_type));
static const struct json_type features_type = JSON_TYPE(struct features, JSON_FIELD(struct features, min, "ociVersionMin"),
	JSON_FIELD(struct features, max, "ociVersionMax"), JSON_INLINE(struct features, linux_part, "linux", linux_type));

static void look_runtime(struct doctor *d)
{
	struct error err = { 0 };
	cleanup_free char *path = NULL, *output = NULL;
	char *version[] = { (char *) "--version", NULL };
	if (runtime_path(d->carrier, &path, &err) < 0 || runtime_run(d->carrier, version, &output, &err) < 0) {
		doctor_bad(d, "install woody beside carrier, or name another OCI runtime with --runtime", "%s", err.text);
		return;
	}
	output[strcspn(output, "\n")] = 0;
	doctor_ok(d, "'%s', %s", path, output);
}

static void look_features(struct doctor *d)
{
	struct error err = { 0 };
	cleanup_free char *output = NULL;
	char *args[] = { (char *) "features", NULL };
	struct features *f = NULL;
	if (runtime_run(d->carrier, args, &output, &err) < 0 ||
	    json_decode(&features_type, output, strlen(output), &d->pool, &f, &err) < 0)
		doctor_warn(d, "use woody, or a runtime that knows the command `features`", "the runtime does not say what it can do: %s", err.text);
	else if (f->linux_part.seccomp.enabled && !*f->linux_part.seccomp.enabled)
		doctor_warn(d, "use a runtime that was built with libseccomp", "the runtime has no seccomp: system calls of containers "
			    "are not filtered");
	else
		doctor_ok(d, "runtime-spec %s to %s, with seccomp", f->min ? f->min : "?", f->max ? f->max : "?");
}

static void look_seccomp(struct doctor *d)
{
	unsigned action = SECCOMP_RET_USER_NOTIF, deny = SECCOMP_RET_ERRNO;
	if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &deny) < 0)
		doctor_bad(d, "a kernel with CONFIG_SECCOMP_FILTER", "this kernel has no seccomp filters (%s): containers run only with "
			   "--security-opt seccomp=unconfined", strerror(errno));
	else if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) < 0)
		doctor_more(d, "Linux 5.0 or later", "filters, but no notifications");
	else
		doctor_ok(d, "filters and notifications");
}

static void look_landlock(struct doctor *d)
{
	const char *lost = confine_lost();
	if (lost)
		doctor_warn(d, "boot with lsm=landlock,... (Linux 5.13 or later)", "%s", lost);
	else
		doctor_ok(d, "carrier-fetch is shut in");
}

static void look_helpers(struct doctor *d)
{
	static const char *const names[] = { "carrier-fetch", "carrier-unpack", "carrier-pack", NULL };
	for (const char *const *name = names; *name; name++) {
		struct error err = { 0 };
		cleanup_free char *path = carrier_helper(*name, &err);
		if (!path || access(path, X_OK) < 0) {
			doctor_bad(d, "install carrier whole", "%s", path ? doctor_printf(d, "'%s' cannot be executed", path) : err.text);
			return;
		}
	}
	doctor_ok(d, "carrier-fetch, carrier-unpack and carrier-pack are there");
}

/* newest - when something was last written below --root: a clock that is behind that was set back */
static int64_t newest(const struct carrier *c)
{
	static const char *const places[] = { "store/index.json", "containers", "names" };
	int64_t when = 0;
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		cleanup_free char *path = xasprintf("%s/%s", c->root, places[i]);
		struct stat st;
		if (stat(path, &st) == 0 && st.st_mtime > when)
			when = st.st_mtime;
	}
	return when;
}

static void look_clock(struct doctor *d)
{
	enum { YEAR_2025 = 1735689600, SLACK_S = 120 };
	int64_t now = time(NULL), written = newest(d->carrier);
	char text[40];
	(void) str_rfc3339(now, 0, text);
	text[19] = 0;
	const char *remedy = "as root: chronyd -q or ntpdate POOL, or date -s";
	if (now < YEAR_2025)
		doctor_bad(d, remedy, "it says %s: registries' certificates are not valid yet", text);
	else if (written > now + SLACK_S)
		doctor_warn(d, remedy, "it says %s, but the store was written to %lld seconds later: it was set back", text,
			    (long long) (written - now));
	else
		doctor_ok(d, "it says %s", text);
}

const struct doctor_check doctor_kernel[] = {
	{ "CD0701", "kernel", look_version },
	{ "CD0702", "runtime", look_runtime },
	{ "CD0703", "runtime features", look_features },
	{ "CD0704", "seccomp", look_seccomp },
	{ "CD0705", "Landlock", look_landlock },
	{ "CD0706", "own programs", look_helpers },
	{ "CD0707", "clock", look_clock },
	{ NULL, NULL, NULL },
};
