#include "identity.h"
#include "cleanup.h"
#include "fs.h"
#include "log.h"
#include "mem.h"
#include <cap-ng.h>
#include <ctype.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define BIT(cap) (UINT64_C(1) << (cap))

/* ---- names of capabilities: libcap-ng's tables; the rest of it keeps state ---- */

int capability_parse(const char *name)
{
	if (strncasecmp(name, "CAP_", 4) == 0)
		name += 4;
	int cap = capng_name_to_capability(name);
	return cap >= 0 && cap < 64 ? cap : -EINVAL;
}

const char *capability_name(int cap, char out[32])
{
	const char *name = cap < 0 ? NULL : capng_capability_to_name((unsigned) cap);
	if (!name)
		return NULL;
	/* one that is newer than the table comes as "cap_41" */
	snprintf(out, 32, "%s%s", strncmp(name, "cap_", 4) == 0 ? "" : "cap_", name);
	for (char *p = out; *p; p++)
		*p = (char) toupper((unsigned char) *p);
	return out;
}

/* lowest_name - of the lowest capability in @set, for messages */
static const char *lowest_name(uint64_t set, char out[32])
{
	int cap = 0;
	while (cap < 63 && !(set & BIT(cap)))
		cap++;
	if (!capability_name(cap, out))
		snprintf(out, 32, "capability %d", cap);
	return out;
}

int capability_last(void)
{
	/* /proc/sys/kernel/cap_last_cap has it, too, but /proc may be anything or nothing */
	int known = 0, beyond = 64;
	while (beyond - known > 1) {
		int middle = (known + beyond) / 2;
		if (prctl(PR_CAPBSET_READ, middle, 0, 0, 0) < 0)
			beyond = middle;
		else
			known = middle;
	}
	return known;
}

/* ---- process.capabilities ---- */

/* @unknown collects names that were warned of: the same one is in several sets more often than not */
static uint64_t parse_set(char *const *names, int last, struct strings *unknown)
{
	uint64_t set = 0;
	for (; names && *names; names++) {
		int cap = capability_parse(*names);
		if (cap >= 0 && cap <= last) {
			set |= BIT(cap);
		} else if (!strings_have(unknown->v, *names)) {
			log_warn("unknown capability '%s' ignored", *names);
			strings_add(unknown, *names);
		}
	}
	return set;
}

int identity_parse_capabilities(const struct spec_capabilities *spec, struct capability_sets *ret,
				struct error *err)
{
	struct strings unknown cleanup_strings = { 0 };
	struct capability_sets sets = { 0 };
	char name[32];
	if (!spec) {
		*ret = sets;
		return 0;
	}
	int last = capability_last();
	sets.bounding = parse_set(spec->bounding, last, &unknown);
	sets.effective = parse_set(spec->effective, last, &unknown) & sets.bounding;
	sets.inheritable = parse_set(spec->inheritable, last, &unknown);
	sets.permitted = parse_set(spec->permitted, last, &unknown) & sets.bounding;
	sets.ambient = parse_set(spec->ambient, last, &unknown);

	uint64_t beyond = sets.inheritable & ~sets.bounding;
	if (beyond)
		return error_say(err, EINVAL, "process.capabilities: inheritable has %s, bounding has not",
				 lowest_name(beyond, name));
	beyond = sets.effective & ~sets.permitted;
	if (beyond)
		return error_say(err, EINVAL, "process.capabilities: effective has %s, permitted has not",
				 lowest_name(beyond, name));
	*ret = sets;
	return 0;
}

/* ---- setting them: the system calls as they are, see capset(2) for the two halves ---- */

static int get_capabilities(struct capability_sets *ret)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2];
	if (syscall(SYS_capget, &header, d) < 0)
		return -errno;
	ret->effective = d[0].effective | (uint64_t) d[1].effective << 32;
	ret->permitted = d[0].permitted | (uint64_t) d[1].permitted << 32;
	ret->inheritable = d[0].inheritable | (uint64_t) d[1].inheritable << 32;
	return 0;
}

static int set_capabilities(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2] = {
		{ .effective = (uint32_t) effective,
		  .permitted = (uint32_t) permitted,
		  .inheritable = (uint32_t) inheritable },
		{ .effective = (uint32_t) (effective >> 32),
		  .permitted = (uint32_t) (permitted >> 32),
		  .inheritable = (uint32_t) (inheritable >> 32) },
	};
	return syscall(SYS_capset, &header, d) < 0 ? -errno : 0;
}

/* drop_bounding - until the kernel knows no further capability. One that is not there any more needs no
 * privilege to stay away. */
static int drop_bounding(uint64_t keep, struct error *err)
{
	char name[32];
	for (int cap = 0; cap < 64; cap++) {
		if ((keep & BIT(cap)) || prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0)
			continue;
		int failed = errno;
		if (failed == EINVAL)
			break;
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 0)
			continue;
		if (failed == EPERM)
			return error_say(err, EPERM, "drop %s from the bounding set: this needs CAP_SETPCAP",
					 lowest_name(BIT(cap), name));
		return error_set(err, failed, "drop %s from the bounding set", lowest_name(BIT(cap), name));
	}
	return 0;
}

/* raise_ambient - as far as it goes: that an ambient capability must be permitted and inheritable, too, is
 * often overlooked */
static int raise_ambient(uint64_t ambient, struct error *err)
{
	char name[32];
	/* EINVAL: before Linux 4.3 there are none */
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
		return error_set(err, errno, "clear the ambient capabilities");
	for (int cap = 0; cap < 64; cap++)
		if ((ambient & BIT(cap)) && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0)
			log_warn("can't raise ambient capability %s: %s", lowest_name(BIT(cap), name),
				 strerror(errno));
	return 0;
}

/* ---- groups and user ---- */

/* groups_denied - did EPERM come from the user namespace (user_namespaces(7): /proc/PID/setgroups, or no gid
 * map) and not from a missing privilege? Then the caller's groups stay, which is all that an unprivileged
 * caller can have. */
static bool groups_denied(void)
{
	struct capability_sets have;
	if (get_capabilities(&have) < 0 || !(have.effective & BIT(CAP_SETGID)))
		return false;
	cleanup_close int fd = open("/proc/self/setgroups", O_RDONLY | O_CLOEXEC);
	char word[8] = "";
	if (fd < 0 || fs_is_type(fd, PROC_SUPER_MAGIC) <= 0)
		return true; /* with the capability nothing else refuses; a container may have no /proc */
	return fs_read_all(fd, word, sizeof word - 1) < 0 || strncmp(word, "allow", 5) != 0;
}

static int set_groups(const struct u32s *gids, struct error *err)
{
	if (setgroups(gids->n, gids->v) == 0)
		return 0;
	int failed = errno;
	if (failed == EPERM && groups_denied()) {
		if (gids->n == 0)
			return 0;
		return error_say(
			err, EPERM,
			"set the additional groups: the user namespace denies it "
			"(/proc/self/setgroups); give it a range of gids by newgidmap, or no additionalGids");
	}
	if (failed == EPERM)
		return error_say(err, EPERM, "set the additional groups: this needs CAP_SETGID");
	if (failed == EINVAL)
		return error_say(err, EINVAL,
				 "set the additional groups: one is not mapped in the user namespace "
				 "(linux.gidMappings), or there are too many");
	return error_set(err, failed, "set the additional groups");
}

static int refused_id(const char *what, uint32_t id, struct error *err)
{
	if (errno == EINVAL)
		return error_say(err, EINVAL,
				 "become %s %u: it is not mapped in the user namespace (linux.%sMappings)",
				 what, id, what);
	if (errno == EPERM)
		return error_say(err, EPERM, "become %s %u: this needs CAP_SET%s", what, id,
				 what[0] == 'u' ? "UID" : "GID");
	return error_set(err, errno, "become %s %u", what, id);
}

static int set_ids(const struct spec_user *user, bool keep_groups, struct error *err)
{
	int r = keep_groups ? 0 : set_groups(&user->additional_gids, err);
	if (r < 0)
		return r;
	if (setresgid(user->gid, user->gid, user->gid) < 0)
		return refused_id("gid", user->gid, err);
	/* or the change of uid would empty the permitted set; execve(2) clears the flag */
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return error_set(err, errno, "keep the capabilities");
	if (setresuid(user->uid, user->uid, user->uid) < 0)
		return refused_id("uid", user->uid, err);
	return 0;
}

/* ---- all together ---- */

/* keep_grantable - "runtimes SHOULD NOT fail" for capabilities that they cannot give, as root without all of them cannot:
 * what is not in our own sets is taken out of those asked for, and told */
static void keep_grantable(struct capability_sets *sets, const struct capability_sets *have)
{
	uint64_t asked = sets->permitted | sets->inheritable | sets->ambient;
	uint64_t ours = have->permitted | have->inheritable;
	char name[32];
	for (int cap = 0; cap < 64; cap++)
		if (asked & ~ours & BIT(cap))
			log_warn("process.capabilities: %s cannot be granted: we do not have it ourselves",
				 lowest_name(BIT(cap), name));
	sets->effective &= have->permitted;
	sets->permitted &= have->permitted;
	sets->inheritable &= ours;
	sets->ambient &= ours;
}

int identity_become(const struct spec_user *user, struct capability_sets *sets, int keep, struct error *err)
{
	struct capability_sets have;
	int r = get_capabilities(&have);
	if (r < 0)
		return error_set(err, -r, "look at the capabilities");
	keep_grantable(sets, &have);
	r = drop_bounding(sets->bounding, err);
	if (r < 0)
		return r;
	/* only while CAP_SETPCAP is effective may a capability be inheritable that is not to be permitted */
	if (sets->inheritable & ~have.inheritable) {
		r = set_capabilities(have.effective, have.permitted, sets->inheritable);
		if (r < 0)
			return error_set(err, -r, "set the inheritable capabilities");
	}
	r = set_ids(user, keep & IDENTITY_KEEP_GROUPS, err);
	if (r < 0)
		return r;

	uint64_t permitted = sets->permitted | (keep & IDENTITY_KEEP_ADMIN ? BIT(CAP_SYS_ADMIN) & have.permitted : 0);
	r = set_capabilities(permitted, permitted, sets->inheritable);
	if (r < 0)
		return error_set(err, -r, "set the capabilities");
	r = raise_ambient(sets->ambient, err);
	if (r == 0)
		(void) umask(user->umask ? *user->umask & 0777 : 022);
	return r;
}

int identity_capabilities(const struct capability_sets *sets, struct error *err)
{
	int r = set_capabilities(sets->effective, sets->permitted, sets->inheritable);
	return r < 0 ? error_set(err, -r, "set the capabilities") : 0;
}

/* ---- limits ---- */

static const struct {
	const char *name;
	int resource;
} limits[] = {
	{ "RLIMIT_AS", RLIMIT_AS },
	{ "RLIMIT_CORE", RLIMIT_CORE },
	{ "RLIMIT_CPU", RLIMIT_CPU },
	{ "RLIMIT_DATA", RLIMIT_DATA },
	{ "RLIMIT_FSIZE", RLIMIT_FSIZE },
	{ "RLIMIT_LOCKS", RLIMIT_LOCKS },
	{ "RLIMIT_MEMLOCK", RLIMIT_MEMLOCK },
	{ "RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE },
	{ "RLIMIT_NICE", RLIMIT_NICE },
	{ "RLIMIT_NOFILE", RLIMIT_NOFILE },
	{ "RLIMIT_NPROC", RLIMIT_NPROC },
	{ "RLIMIT_RSS", RLIMIT_RSS },
	{ "RLIMIT_RTPRIO", RLIMIT_RTPRIO },
	{ "RLIMIT_RTTIME", RLIMIT_RTTIME },
	{ "RLIMIT_SIGPENDING", RLIMIT_SIGPENDING },
	{ "RLIMIT_STACK", RLIMIT_STACK },
};

/* check_limit - Return: the resource, or -EINVAL */
static int check_limit(const struct spec_rlimit *l, struct error *err)
{
	size_t i = 0, n = sizeof limits / sizeof *limits;
	while (i < n && strcmp(limits[i].name, l->type) != 0)
		i++;
	if (i == n)
		return error_say(
			err, EINVAL,
			"process.rlimits: '%s' is not a limit of the kernel; they are called RLIMIT_NOFILE, "
			"RLIMIT_CORE and so on (getrlimit(2))",
			l->type);
	if (l->soft > l->hard)
		return error_say(err, EINVAL,
				 "process.rlimits: %s: the soft limit %llu is above the hard limit %llu",
				 l->type, (unsigned long long) l->soft, (unsigned long long) l->hard);
	return limits[i].resource;
}

static int set_limit(pid_t pid, int resource, const struct spec_rlimit *l, rlim_t soft, struct error *err)
{
	struct rlimit new = { .rlim_cur = soft, .rlim_max = l->hard }, old;
	if (prlimit(pid, resource, &new, NULL) == 0)
		return 0;
	int failed = errno;
	if (failed != EPERM || prlimit(pid, resource, NULL, &old) < 0 || l->hard <= old.rlim_max)
		return error_set(err, failed, "set %s to %llu", l->type, (unsigned long long) l->hard);
	return error_say(err, EPERM,
			 "process.rlimits: %s: the hard limit %llu is above ours, %llu; raising it needs "
			 "CAP_SYS_RESOURCE%s",
			 l->type, (unsigned long long) l->hard, (unsigned long long) old.rlim_max,
			 resource == RLIMIT_NOFILE ? ", and not beyond the sysctl fs.nr_open" : "");
}

int identity_limits(const struct spec_process *p, struct error *err)
{
	for (size_t i = 0; i < p->n_rlimits; i++) {
		int resource = check_limit(&p->rlimits[i], err);
		int r = resource < 0 ? resource
				     : set_limit(0, resource, &p->rlimits[i], p->rlimits[i].soft, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int identity_raise_limits(pid_t pid, const struct spec_process *p, struct error *err)
{
	for (size_t i = 0; i < p->n_rlimits; i++) {
		int resource = check_limit(&p->rlimits[i], err);
		if (resource < 0)
			return resource;
		struct rlimit now;
		if (prlimit(pid, resource, NULL, &now) < 0)
			return error_set(err, errno, "look at %s of process %d", p->rlimits[i].type, pid);
		int r = p->rlimits[i].hard > now.rlim_max
				? set_limit(pid, resource, &p->rlimits[i], now.rlim_cur, err)
				: 0;
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- oom_score_adj ---- */

int identity_oom_score(int proc_fd, pid_t pid, int32_t score, bool may_fail, struct error *err)
{
	if (score < -1000 || score > 1000)
		return error_say(err, EINVAL, "process.oomScoreAdj: %d is not within -1000 and 1000", score);
	char name[48] = "self/oom_score_adj";
	if (pid)
		snprintf(name, sizeof name, "%d/oom_score_adj", pid);
	cleanup_close int fd = openat(proc_fd, name, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return error_set(err, errno, "process.oomScoreAdj: open /proc/%s", name);
	if (fs_is_type(fd, PROC_SUPER_MAGIC) <= 0)
		return error_say(err, EPERM,
				 "process.oomScoreAdj: /proc/%s is not a file of a procfs", name);

	char text[16];
	int n = snprintf(text, sizeof text, "%d", score);
	int r = fs_write_all(fd, text, (size_t) n);
	if (r == -EACCES && may_fail) {
		log_warn("process.oomScoreAdj: %d is below what it is, and lowering it needs "
			 "CAP_SYS_RESOURCE; it stays",
			 score);
		return 0;
	}
	if (r == -EACCES)
		return error_say(err, EACCES,
				 "process.oomScoreAdj: %d is below what it is, and lowering it needs "
				 "CAP_SYS_RESOURCE",
				 score);
	return r < 0 ? error_set(err, -r, "process.oomScoreAdj: write %d", score) : 0;
}
