/* What changes a process is done by a child, which writes what came of it into memory that it shares with us.
 * (The parsers of users and groups: test_user.c.) */
#include "../../woody/identity.h"
#include "cleanup.h"
#include "fs.h"
#include "log.h"
#include "tap.h"
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define BIT(cap) (UINT64_C(1) << (cap))
#define SKIP(what, why) printf("ok %d - %s # SKIP %s\n", ++tap_count, what, why)
#define LIST(...) ((char *[]){ __VA_ARGS__, NULL })
#define S(s) ((char *) (s))

/* ---- warnings ---- */

static struct {
	int n;
	char last[256];
} warned;

static void on_log(void *ctx, enum log_level level, const char *text)
{
	(void) ctx;
	if (level != LOG_LEVEL_WARN)
		return;
	warned.n++;
	snprintf(warned.last, sizeof warned.last, "%s", text);
}

/* ---- capabilities: words ---- */

static void test_capability_names(void)
{
	char out[32];
	OK(capability_parse("CAP_CHOWN") == CAP_CHOWN && capability_parse("chown") == CAP_CHOWN);
	OK(capability_parse("Cap_Sys_Admin") == CAP_SYS_ADMIN &&
	   capability_parse("CHECKPOINT_RESTORE") == 40);
	OK(capability_parse("") == -EINVAL && capability_parse("CAP_") == -EINVAL &&
	   capability_parse("CAP_NOPE") == -EINVAL);
	OK(capability_parse("CAP_CAP_CHOWN") == -EINVAL && capability_parse("CAP_CHOWN ") == -EINVAL);
	OK_STR(capability_name(CAP_CHOWN, out), "CAP_CHOWN");
	OK_STR(capability_name(CAP_SYS_ADMIN, out), "CAP_SYS_ADMIN");
	OK(capability_name(-1, out) == NULL && capability_name(63, out) == NULL);

	cleanup_free char *text = NULL;
	if (fs_read_file(AT_FDCWD, "/proc/sys/kernel/cap_last_cap", 16, &text, NULL, NULL) == 0)
		OK(capability_last() == atoi(text));
	else
		SKIP("capability_last()", "no /proc/sys/kernel/cap_last_cap to compare with");
}

static void test_capability_sets(void)
{
	struct capability_sets s = { .ambient = 1 };
	struct error err = { 0 };
	OK(identity_parse_capabilities(NULL, &s, &err) == 0);
	OK(!s.bounding && !s.effective && !s.inheritable && !s.permitted && !s.ambient);

	/* permitted and effective are limited by bounding */
	struct spec_capabilities limited = { .bounding = LIST(S("CAP_SYS_ADMIN")),
					     .permitted = LIST(S("CAP_SYS_ADMIN"), S("CAP_AUDIT_WRITE"),
							       S("CAP_KILL")),
					     .effective = LIST(S("CAP_SYS_ADMIN"), S("CAP_KILL")) };
	OK(identity_parse_capabilities(&limited, &s, &err) == 0);
	OK(s.bounding == 0x200000 && s.permitted == 0x200000 && s.effective == 0x200000 && !s.inheritable &&
	   !s.ambient);

	/* NULL sets are empty; without bounding there is nothing */
	struct spec_capabilities only = { .effective = LIST(S("CAP_KILL")),
					  .permitted = LIST(S("CAP_KILL")) };
	OK(identity_parse_capabilities(&only, &s, &err) == 0 && !s.bounding && !s.effective && !s.permitted);

	/* an ambient one that cannot be raised is not the parser's to say */
	struct spec_capabilities ambient = { .bounding = LIST(S("CAP_KILL")),
					     .ambient = LIST(S("CAP_KILL"), S("CAP_CHOWN")) };
	OK(identity_parse_capabilities(&ambient, &s, &err) == 0 && s.ambient == 0x21 && s.bounding == 0x20);

	struct spec_capabilities inheritable = { .bounding = LIST(S("CAP_KILL")),
						 .inheritable = LIST(S("CAP_CHOWN")) };
	OK(identity_parse_capabilities(&inheritable, &s, &err) == -EINVAL && s.ambient == 0x21);
	OK_STR(err.text, "process.capabilities: inheritable has CAP_CHOWN, bounding has not");
	struct spec_capabilities effective = { .bounding = LIST(S("CAP_KILL"), S("CAP_CHOWN")),
					       .permitted = LIST(S("CAP_KILL")),
					       .effective = LIST(S("CAP_CHOWN")) };
	OK(identity_parse_capabilities(&effective, &s, &err) == -EINVAL);
	OK_STR(err.text, "process.capabilities: effective has CAP_CHOWN, permitted has not");

	log_redirect(on_log, NULL);
	struct spec_capabilities unknown = { .bounding = LIST(S("CAP_TEA"), S("CAP_KILL")),
					     .permitted = LIST(S("CAP_TEA")),
					     .effective = LIST(S("CAP_TEA")),
					     .inheritable = LIST(S("")) };
	OK(identity_parse_capabilities(&unknown, &s, &err) == 0 && s.bounding == 0x20 && !s.permitted &&
	   !s.effective);
	OK(warned.n == 2); /* once for each name, not for each set */
	OK_STR(warned.last, "unknown capability '' ignored");
	log_redirect(NULL, NULL);
}

/* ---- in a child ---- */

struct shared {
	int r;
	struct error err;
	int warned;
	char warning[256];
	char status[8192]; /* /proc/self/status */
	struct rlimit limit;
	mode_t mask;
	char text[64];
};

static struct shared *child(void (*run)(struct shared *))
{
	static struct shared *s;
	if (!s)
		s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s == MAP_FAILED)
		exit(1);
	memset(s, 0, sizeof *s);
	s->r = -9999;
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		memset(&warned, 0, sizeof warned);
		log_redirect(on_log, NULL);
		run(s);
		s->warned = warned.n;
		memcpy(s->warning, warned.last, sizeof s->warning);
		_exit(0);
	}
	int status;
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0)
		s->r = -9998;
	if (s->r < 0)
		printf("# %d %s\n", s->r, s->err.text);
	return s;
}

static void read_status(struct shared *s)
{
	cleanup_free char *text = NULL;
	if (fs_read_file(AT_FDCWD, "/proc/self/status", sizeof s->status - 1, &text, NULL, NULL) == 0)
		memcpy(s->status, text, strlen(text) + 1);
}

/* field - the rest of the line that starts with @name, "" when there is none */
static const char *field(const struct shared *s, const char *name, char out[128])
{
	const char *at = strstr(s->status, name);
	out[0] = 0;
	if (at) {
		at += strlen(name);
		at += strspn(at, ": \t");
		size_t len = strcspn(at, "\n");
		snprintf(out, 128, "%.*s", (int) len, at);
		while (len && len < 128 && out[len - 1] == ' ')
			out[--len] = 0;
	}
	return out;
}

static uint64_t mask(const struct shared *s, const char *name)
{
	char out[128];
	return strtoull(field(s, name, out), NULL, 16);
}

static bool masks_are(const struct shared *s, uint64_t inh, uint64_t prm, uint64_t eff, uint64_t bnd,
		      uint64_t amb)
{
	bool same = s->r == 0 && mask(s, "CapInh") == inh && mask(s, "CapPrm") == prm &&
		    mask(s, "CapEff") == eff && mask(s, "CapBnd") == bnd && mask(s, "CapAmb") == amb;
	if (!same)
		printf("# %d Inh %#llx Prm %#llx Eff %#llx Bnd %#llx Amb %#llx\n", s->r,
		       (unsigned long long) mask(s, "CapInh"), (unsigned long long) mask(s, "CapPrm"),
		       (unsigned long long) mask(s, "CapEff"), (unsigned long long) mask(s, "CapBnd"),
		       (unsigned long long) mask(s, "CapAmb"));
	return same;
}

/* ---- become ---- */

static void become_user(struct shared *s)
{
	uint32_t gids[] = { 20, 30 }, umask_ = 027;
	struct spec_user u = { .uid = 1000, .gid = 1001, .umask = &umask_, .additional_gids = { 2, gids } };
	struct capability_sets sets = { .bounding = 0x21, .permitted = 0x21, .effective = 0x20 };
	s->r = identity_become(&u, &sets, 0, &s->err);
	if (s->r == 0)
		s->r = identity_capabilities(&sets, &s->err);
	read_status(s);
	s->mask = umask(0);
}

static void become_with_admin(struct shared *s)
{
	struct spec_user u = { .uid = 1000, .gid = 1000 };
	struct capability_sets sets = { .bounding = 0x20, .permitted = 0x20, .effective = 0x20 };
	s->r = identity_become(&u, &sets, IDENTITY_KEEP_ADMIN, &s->err);
	read_status(s);
	s->mask = umask(0);
}

static void become_without_admin_again(struct shared *s)
{
	struct capability_sets sets = { .bounding = 0x20, .permitted = 0x20, .effective = 0x20 };
	become_with_admin(s);
	if (s->r == 0)
		s->r = identity_capabilities(&sets, &s->err);
	read_status(s);
}

static void become_root_with_nothing(struct shared *s)
{
	struct spec_user u = { 0 };
	struct capability_sets sets = { 0 };
	s->r = identity_become(&u, &sets, 0, &s->err);
	if (s->r == 0)
		s->r = identity_capabilities(&sets, &s->err);
	read_status(s);
}

static void become_ambient(struct shared *s)
{
	struct spec_user u = { .uid = 1000, .gid = 1000 };
	struct capability_sets sets = {
		.bounding = 0x23, .permitted = 0x22, .effective = 0x22, .inheritable = 0x21, .ambient = 0x23
	};
	s->r = identity_become(&u, &sets, false, &s->err);
	if (s->r == 0)
		s->r = identity_capabilities(&sets, &s->err);
	read_status(s);
}

static void give_what_we_have_not(struct shared *s)
{
	struct spec_user u = { 0 };
	struct capability_sets sets = { .bounding = BIT(CAP_SYSLOG) | BIT(CAP_SETPCAP) | BIT(CAP_SETGID) |
						    BIT(CAP_SETUID) };
	sets.permitted = sets.effective = sets.bounding & ~BIT(CAP_SYSLOG);
	s->r = identity_become(&u, &sets, false, &s->err);
	sets.permitted = sets.effective = sets.bounding;
	sets.inheritable = BIT(CAP_SYSLOG);
	if (s->r == 0)
		s->r = identity_become(&u, &sets, false, &s->err);
	if (s->r == 0)
		s->r = identity_capabilities(&sets, &s->err);
	read_status(s);
}

static void without_privilege(struct shared *s)
{
	struct spec_user u = { .uid = 1000, .gid = 1000 }, other = { .uid = 1001, .gid = 1000 };
	struct capability_sets none = { 0 },
			       some = { .bounding = BIT(CAP_SETGID) | BIT(CAP_SETUID) | BIT(CAP_SETPCAP) };
	some.permitted = some.effective = BIT(CAP_SETGID) | BIT(CAP_SETPCAP);
	s->r = identity_become(&u, &some, false, &s->err);
	if (s->r == 0)
		s->r = identity_become(&other, &none, false, &s->err);
}

static void bounding_without_privilege(struct shared *s)
{
	struct spec_user u = { .uid = 1000, .gid = 1000 };
	struct capability_sets none = { 0 }, some = { .bounding = BIT(CAP_KILL) };
	s->r = identity_become(&u, &some, false, &s->err);
	if (s->r == 0)
		s->r = identity_become(&u, &none, false, &s->err);
}

/* after execve(2), as root and with no_new_privs: what a container's program sees */
static struct capability_sets program_sets;
static void become_program(struct shared *s)
{
	struct spec_user u = { 0 };
	s->r = identity_become(&u, &program_sets, false, &s->err);
	if (s->r == 0)
		s->r = identity_capabilities(&program_sets, &s->err);
	int ends[2];
	if (s->r < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || pipe(ends) < 0)
		return;
	pid_t pid = fork();
	if (pid == 0) {
		(void) dup2(ends[1], STDOUT_FILENO);
		(void) execlp("cat", "cat", "/proc/self/status", (char *) NULL);
		_exit(127);
	}
	close(ends[1]);
	(void) !fs_read_all(ends[0], s->status, sizeof s->status - 1);
	(void) waitpid(pid, NULL, 0);
}

static const struct shared *program(struct spec_capabilities c)
{
	if (identity_parse_capabilities(&c, &program_sets, NULL) < 0)
		memset(&program_sets, 0xff, sizeof program_sets);
	return child(become_program);
}

static void test_become(void)
{
	char out[128];
	const struct shared *s = child(become_user);
	OK(masks_are(s, 0, 0x21, 0x20, 0x21, 0));
	OK_STR(field(s, "\nUid", out), "1000\t1000\t1000\t1000");
	OK_STR(field(s, "\nGid", out), "1001\t1001\t1001\t1001");
	OK_STR(field(s, "\nGroups", out), "20 30");
	OK(s->mask == 027 && s->warned == 0);

	s = child(become_with_admin);
	OK(masks_are(s, 0, 0x200020, 0x200020, 0x20, 0));
	OK_STR(field(s, "\nGroups", out), "");
	OK(s->mask == 022);
	s = child(become_without_admin_again);
	OK(masks_are(s, 0, 0x20, 0x20, 0x20, 0));
	s = child(become_root_with_nothing);
	OK(masks_are(s, 0, 0, 0, 0, 0));
	OK_STR(field(s, "\nUid", out), "0\t0\t0\t0");

	/* CHOWN is not permitted, DAC_OVERRIDE not inheritable: KILL alone can be raised */
	s = child(become_ambient);
	OK(masks_are(s, 0x21, 0x22, 0x22, 0x23, 0x20) && s->warned == 2);
	OK_STR(s->warning, "can't raise ambient capability CAP_DAC_OVERRIDE: Operation not permitted");

	s = child(give_what_we_have_not);
	OK(masks_are(s, 0, 0x1c0, 0x1c0, 0x4000001c0, 0) && s->warned == 1);
	OK_STR(s->warning, "process.capabilities: CAP_SYSLOG cannot be granted: we do not have it ourselves");
}

static void test_become_errors(void)
{
	const struct shared *s = child(without_privilege);
	OK(s->r == -EPERM);
	OK_STR(s->err.text, "become uid 1001: this needs CAP_SETUID");
	s = child(bounding_without_privilege);
	OK(s->r == -EPERM);
	OK_STR(s->err.text, "drop CAP_KILL from the bounding set: this needs CAP_SETPCAP");
}

static void test_programs(void)
{
#define ADDED S("CAP_KILL"), S("CAP_AUDIT_WRITE")
	const struct shared *s = program((struct spec_capabilities){ 0 });
	OK(masks_are(s, 0, 0, 0, 0, 0));
	s = program((struct spec_capabilities){
		.bounding = LIST(ADDED), .effective = LIST(ADDED), .permitted = LIST(ADDED) });
	OK(masks_are(s, 0, 0x20000020, 0x20000020, 0x20000020, 0));
	s = program((struct spec_capabilities){ .bounding = LIST(S("CAP_SYS_ADMIN")),
						.permitted = LIST(S("CAP_SYS_ADMIN"), ADDED),
						.effective = LIST(S("CAP_SYS_ADMIN"), ADDED) });
	OK(masks_are(s, 0, 0x200000, 0x200000, 0x200000, 0));
	s = program(
		(struct spec_capabilities){ .bounding = LIST(S("CAP_KILL"), S("CAP_CHOWN"), S("CAP_SYSLOG")),
					    .inheritable = LIST(S("CAP_CHOWN"), S("CAP_SYSLOG")),
					    .permitted = LIST(S("CAP_KILL"), S("CAP_CHOWN")),
					    .effective = LIST(S("CAP_KILL")),
					    .ambient = LIST(S("CAP_CHOWN")) });
	OK(masks_are(s, 0x400000001, 0x21, 0x21, 0x400000021, 0x1));
	s = program(
		(struct spec_capabilities){ .bounding = LIST(S("CAP_KILL"), S("CAP_CHOWN"), S("CAP_SYSLOG")),
					    .inheritable = LIST(S("CAP_CHOWN"), S("CAP_SYSLOG")),
					    .permitted = LIST(S("CAP_KILL"), S("CAP_CHOWN"), S("CAP_SYSLOG")),
					    .effective = LIST(S("CAP_KILL"), S("CAP_SYSLOG")),
					    .ambient = LIST(S("CAP_CHOWN"), S("CAP_SYSLOG")) });
	OK(masks_are(s, 0x400000001, 0x400000021, 0x400000021, 0x400000021, 0x400000001));
}

/* ---- in a user namespace that denies setgroups(2) ---- */

static bool enter_user_namespace(struct shared *s)
{
	char uids[32], gids[32];
	/* asked inside they would be the overflow ids */
	snprintf(uids, sizeof uids, "0 %u 1", geteuid());
	snprintf(gids, sizeof gids, "0 %u 1", getegid());
	bool entered = unshare(CLONE_NEWUSER) == 0 &&
		       fs_write_file(AT_FDCWD, "/proc/self/setgroups", "deny", NULL) == 0 &&
		       fs_write_file(AT_FDCWD, "/proc/self/uid_map", uids, NULL) == 0 &&
		       fs_write_file(AT_FDCWD, "/proc/self/gid_map", gids, NULL) == 0;
	if (!entered)
		s->r = -9997;
	return entered;
}

static void denied_without_groups(struct shared *s)
{
	struct spec_user u = { 0 };
	struct capability_sets sets = { .bounding = 0x20, .permitted = 0x20, .effective = 0x20 };
	if (!enter_user_namespace(s))
		return;
	s->r = identity_become(&u, &sets, false, &s->err);
	if (s->r == 0)
		s->r = identity_capabilities(&sets, &s->err);
	read_status(s);
}

static void denied_with_groups(struct shared *s)
{
	uint32_t gid = 0;
	struct spec_user u = { .additional_gids = { 1, &gid } };
	struct capability_sets sets = { 0 };
	if (enter_user_namespace(s))
		s->r = identity_become(&u, &sets, false, &s->err);
}

static void unmapped_gid(struct shared *s)
{
	struct spec_user u = { .gid = 5 };
	struct capability_sets sets = { 0 };
	if (enter_user_namespace(s))
		s->r = identity_become(&u, &sets, false, &s->err);
}

static void unmapped_uid(struct shared *s)
{
	struct spec_user u = { .uid = 5 };
	struct capability_sets sets = { 0 };
	if (enter_user_namespace(s))
		s->r = identity_become(&u, &sets, false, &s->err);
}

static void test_user_namespace(void)
{
	const struct shared *s = child(denied_without_groups);
	if (s->r == -9997) {
		SKIP("a user namespace that denies setgroups", "unshare(CLONE_NEWUSER) is refused here");
		return;
	}
	OK(masks_are(s, 0, 0x20, 0x20, 0x20, 0));
	s = child(denied_with_groups);
	OK(s->r == -EPERM);
	OK_STR(s->err.text, "set the additional groups: the user namespace denies it (/proc/self/setgroups); "
			    "give it a range of "
			    "gids by newgidmap, or no additionalGids");
	s = child(unmapped_gid);
	OK(s->r == -EINVAL);
	OK_STR(s->err.text, "become gid 5: it is not mapped in the user namespace (linux.gidMappings)");
	s = child(unmapped_uid);
	OK(s->r == -EINVAL);
	OK_STR(s->err.text, "become uid 5: it is not mapped in the user namespace (linux.uidMappings)");
}

/* ---- limits ---- */

static void set_limits(struct shared *s)
{
	struct spec_rlimit l[] = { { S("RLIMIT_NOFILE"), 100, 50 }, { S("RLIMIT_CORE"), 0, 0 } };
	struct spec_process p = { .rlimits = l, .n_rlimits = 2 };
	s->r = identity_limits(&p, &s->err);
	(void) getrlimit(RLIMIT_NOFILE, &s->limit);
	/* lower ones and the same ones again need no privilege */
	l[0].hard = l[0].soft = 40;
	if (s->r == 0)
		s->r = identity_limits(&p, &s->err);
	if (s->r == 0)
		s->r = identity_raise_limits(getpid(), &p, &s->err);
}

/* without CAP_SYS_RESOURCE, whether we have it or not */
static void raise_limit(struct shared *s)
{
	struct spec_user u = { 0 };
	struct capability_sets none = { 0 };
	struct spec_rlimit low = { S("RLIMIT_CORE"), 100, 50 }, high = { S("RLIMIT_CORE"), 200, 50 };
	struct spec_process p = { .rlimits = &low, .n_rlimits = 1 };
	s->r = identity_limits(&p, &s->err);
	if (s->r == 0 && geteuid() == 0)
		s->r = identity_become(&u, &none, false, &s->err);
	p.rlimits = &high;
	if (s->r == 0)
		s->r = identity_limits(&p, &s->err);
	struct error other;
	if (identity_raise_limits(getpid(), &p, &other) != s->r || strcmp(other.text, s->err.text) != 0)
		s->r = -9996;
}

/* identity_raise_limits() keeps soft limits; within the hard limit nothing is done */
static void keep_soft(struct shared *s)
{
	struct spec_rlimit low = { S("RLIMIT_CORE"), 100, 50 }, same = { S("RLIMIT_CORE"), 100, 100 };
	struct spec_process p = { .rlimits = &low, .n_rlimits = 1 };
	s->r = identity_limits(&p, &s->err);
	p.rlimits = &same;
	if (s->r == 0)
		s->r = identity_raise_limits(getpid(), &p, &s->err);
	(void) getrlimit(RLIMIT_CORE, &s->limit);
}

static void nofile_sentence(struct shared *s)
{
	struct spec_rlimit l = { S("RLIMIT_NOFILE"), UINT64_MAX, 50 }; /* always above fs.nr_open */
	struct spec_process p = { .rlimits = &l, .n_rlimits = 1 };
	s->r = identity_limits(&p, &s->err);
}

static void test_limits(void)
{
	struct spec_rlimit bad[] = { { S("RLIMIT_BEER"), 1, 1 },
				     { S("NOFILE"), 1, 1 },
				     { S("RLIMIT_NPROC"), 5, 6 } };
	struct spec_process p = { .n_rlimits = 1 };
	struct error err = { 0 };
	for (int i = 0; i < 3; i++) {
		p.rlimits = &bad[i];
		OK(identity_limits(&p, &err) == -EINVAL &&
		   identity_raise_limits(getpid(), &p, NULL) == -EINVAL);
		OK(strstr(
			err.text,
			i < 2 ? "is not a limit of the kernel; they are called RLIMIT_NOFILE, RLIMIT_CORE"
			      : "process.rlimits: RLIMIT_NPROC: the soft limit 6 is above the hard limit 5"));
	}
	const struct shared *s = child(set_limits);
	OK(s->r == 0 && s->limit.rlim_cur == 50 && s->limit.rlim_max == 100);
	s = child(raise_limit);
	OK(s->r == -EPERM);
	OK_STR(s->err.text, "process.rlimits: RLIMIT_CORE: the hard limit 200 is above ours, 100; raising it "
			    "needs CAP_SYS_RESOURCE");
	s = child(keep_soft);
	OK(s->r == 0 && s->limit.rlim_cur == 50 && s->limit.rlim_max == 100);
	s = child(nofile_sentence);
	OK(s->r == -EPERM &&
	   strstr(s->err.text, "needs CAP_SYS_RESOURCE, and not beyond the sysctl fs.nr_open"));
	p.rlimits = &(struct spec_rlimit){ S("RLIMIT_CORE"), 1, 1 };
	OK(identity_raise_limits(0x7ffffff0, &p, &err) == -ESRCH &&
	   strstr(err.text, "look at RLIMIT_CORE of process"));
}

/* ---- oom_score_adj ---- */

static void read_score(struct shared *s)
{
	cleanup_free char *text = NULL;
	if (fs_read_file(AT_FDCWD, "/proc/self/oom_score_adj", 32, &text, NULL, NULL) == 0)
		snprintf(s->text, sizeof s->text, "%.*s", (int) strcspn(text, "\n"), text);
}

static void oom(struct shared *s, int32_t score, bool may_fail)
{
	struct spec_user u = { 0 };
	struct capability_sets none = { .bounding = BIT(CAP_DAC_OVERRIDE) };
	cleanup_close int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (geteuid() == 0)
		(void) identity_become(&u, &none, false, NULL);
	s->r = identity_oom_score(proc, 0, score, may_fail, &s->err);
	read_score(s);
}

static void oom_raise(struct shared *s) { oom(s, 789, false); }
static void oom_lower(struct shared *s) { oom(s, -999, false); }
static void oom_may_lower(struct shared *s) { oom(s, -999, true); }
static void oom_range(struct shared *s) { oom(s, 1001, true); }

static void test_oom_score(void)
{
	const struct shared *s = child(oom_raise);
	OK(s->r == 0);
	OK_STR(s->text, "789");
	s = child(oom_lower);
	OK(s->r == -EACCES && strcmp(s->text, "-999") != 0);
	OK_STR(s->err.text,
	       "process.oomScoreAdj: -999 is below what it is, and lowering it needs CAP_SYS_RESOURCE");
	s = child(oom_may_lower);
	OK(s->r == 0 && s->warned == 1 && strstr(s->warning, "-999 is below what it is") &&
	   strcmp(s->text, "-999") != 0);
	s = child(oom_range);
	OK(s->r == -EINVAL);
	OK_STR(s->err.text, "process.oomScoreAdj: 1001 is not within -1000 and 1000");

	/* a /proc that is none */
	char dir[] = "/tmp/test-identity-XXXXXX", path[64];
	struct error err = { 0 };
	OK(mkdtemp(dir) != NULL);
	snprintf(path, sizeof path, "%s/self", dir);
	OK(mkdir(path, 0700) == 0);
	snprintf(path, sizeof path, "%s/self/oom_score_adj", dir);
	cleanup_close int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600),
			  fd = open(dir, O_PATH | O_CLOEXEC);
	OK(identity_oom_score(fd, 0, 5, true, &err) == -EPERM);
	OK_STR(err.text, "process.oomScoreAdj: /proc/self/oom_score_adj is not a file of a procfs");
	OK(lseek(file, 0, SEEK_END) == 0);
	OK(fs_remove_tree(AT_FDCWD, dir, NULL) == 0);
}

int main(void)
{
	test_capability_names();
	test_capability_sets();
	test_limits();
	test_oom_score();
	test_user_namespace();
	/* these give away what only root has; the five used are docker's and SYS_ADMIN, SYSLOG */
	uint64_t needed = BIT(CAP_SYS_ADMIN) | BIT(CAP_SYSLOG) | BIT(CAP_SETPCAP) | BIT(CAP_SETUID) |
			  BIT(CAP_SETGID) | 0x20000023;
	struct shared own = { 0 };
	read_status(&own);
	if (geteuid() == 0 && (mask(&own, "CapEff") & needed) == needed &&
	    (mask(&own, "CapBnd") & needed) == needed) {
		test_become();
		test_become_errors();
		test_programs();
	} else {
		SKIP("identity_become()",
		     "needs root with CAP_SYS_ADMIN, CAP_SYSLOG and docker's capabilities");
	}
	return tap_done();
}
