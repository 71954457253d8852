/* What a profile compiles to is looked at twice: by the interpreter that --explain has, which tries every number on
 * three architectures, and by the kernel, in a child that loads it. */
#include "../../woody/explain.h"
#include "../../woody/seccomp.h"
#include "cleanup.h"
#include "fs.h"
#include "str.h"
#include "tap.h"
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define ERRNO(e) (SECCOMP_RET_ERRNO | (e))
#define SKIP(what, why) printf("ok %d - %s # SKIP %s\n", ++tap_count, what, why)

static struct spec_seccomp *decode(struct pool *pool, const char *text)
{
	struct spec_seccomp *spec = NULL;
	struct error err;
	if (json_decode(&spec_seccomp_type, text, strlen(text), pool, &spec, &err) < 0) {
		printf("Bail out! the test's own profile: %s\n", err.text);
		exit(1);
	}
	return spec;
}

static int prepare(const char *text, const char *dir, struct seccomp_filter *f, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	return seccomp_prepare(decode(&pool, text), dir, f, err);
}

/* ---- the interpreter: what the kernel says is compared with it below ---- */

static uint32_t on(const struct seccomp_filter *f, uint32_t arch, unsigned nr, uint64_t arg0, uint64_t arg1)
{
	struct seccomp_data data = { .nr = (int) nr, .arch = arch, .args = { arg0, arg1 } };
	return seccomp_evaluate(f->code, f->n, &data);
}

/* ---- the kernel ---- */

enum { UNKNOWN_CALL = 4000, LOAD_FAILED = 255 };

/* in_kernel - the errno that system call @nr gives under @f, -signal when it kills, LOAD_FAILED */
static int in_kernel(const struct seccomp_filter *f, long nr, long arg0)
{
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		struct error err;
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || seccomp_filter_load(f, &err) < 0)
			_exit(LOAD_FAILED);
		int got = syscall(nr, arg0, 0, 0, 0, 0, 0) < 0 ? errno : 0;
		for (;;) /* not _exit(3): a sanitizer does more in it than the filter allows */
			(void) syscall(SYS_exit_group, got);
	}
	int status;
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return LOAD_FAILED;
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static int profile_in_kernel(const char *text, long nr, long arg0)
{
	struct seccomp_filter f = { 0 };
	struct error err;
	int r = prepare(text, NULL, &f, &err);
	if (r < 0) {
		printf("# %s\n", err.text);
		return LOAD_FAILED;
	}
	r = in_kernel(&f, nr, arg0);
	seccomp_filter_done(&f);
	return r;
}

#define ALLOW "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":"
#define RULE(call, action) ALLOW "[{\"names\":[\"" call "\"],\"action\":\"" action "\"}]}"
#define RULE_ERRNO(call, e) \
	ALLOW "[{\"names\":[\"" call "\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":" e "}]}"
#define RULE_ARGS(call, args) \
	ALLOW "[{\"names\":[\"" call "\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":77,\"args\":[" args \
	      "]}]}"
#define ARG(index, value, two, op) \
	"{\"index\":" index ",\"value\":" value ",\"valueTwo\":" two ",\"op\":\"SCMP_CMP_" op "\"}"

static void test_actions(void)
{
	OK(profile_in_kernel(RULE("getppid", "SCMP_ACT_ERRNO"), SYS_getppid, 0) == EPERM);
	OK(profile_in_kernel(RULE("getppid", "SCMP_ACT_ERRNO"), SYS_getpid, 0) == 0);
	OK(profile_in_kernel(RULE_ERRNO("getppid", "42"), SYS_getppid, 0) == 42);
	OK(profile_in_kernel(RULE_ERRNO("getppid", "0"), SYS_getppid, 0) == 0);
	OK(profile_in_kernel(RULE("getppid", "SCMP_ACT_KILL"), SYS_getppid, 0) == -SIGSYS);
	OK(profile_in_kernel(RULE("getppid", "SCMP_ACT_KILL_THREAD"), SYS_getppid, 0) == -SIGSYS);
	OK(profile_in_kernel(RULE("getppid", "SCMP_ACT_KILL_PROCESS"), SYS_getppid, 0) == -SIGSYS);
	OK(profile_in_kernel(RULE("getppid", "SCMP_ACT_TRAP"), SYS_getppid, 0) == -SIGSYS);
	OK(profile_in_kernel(RULE("getppid", "SCMP_ACT_LOG"), SYS_getppid, 0) == 0);
	/* nobody traces: the kernel's answer to TRACE is ENOSYS then */
	OK(profile_in_kernel(RULE("getppid", "SCMP_ACT_TRACE"), SYS_getppid, 0) == ENOSYS);
	/* a rule that says what the default says, and a call that libseccomp does not know */
	OK(profile_in_kernel(RULE("getppid", "SCMP_ACT_ALLOW"), SYS_getppid, 0) == 0);
	OK(profile_in_kernel(RULE("no_such_call", "SCMP_ACT_ERRNO"), SYS_getppid, 0) == 0);
	OK(profile_in_kernel(RULE("bdflush", "SCMP_ACT_ERRNO"), SYS_getppid, 0) == 0);
	OK(profile_in_kernel("{\"defaultAction\":\"SCMP_ACT_ALLOW\"}", SYS_getppid, 0) == 0);

	struct seccomp_filter f = { 0 };
	OK(prepare(ALLOW "[{\"names\":[\"getppid\"],\"action\":\"SCMP_ACT_TRACE\",\"errnoRet\":9}]}", NULL,
		   &f, NULL) == 0 &&
	   f.n && f.code);
#ifdef __x86_64__
	OK(on(&f, AUDIT_ARCH_X86_64, SYS_getppid, 0, 0) == (SECCOMP_RET_TRACE | 9));
#endif
	seccomp_filter_done(&f);
	OK(f.code == NULL && f.n == 0);
}

static void test_arguments(void)
{
	static const struct {
		const char *what, *args;
		long equal, not_equal;
	} table[] = {
		{ "EQ", ARG("0", "7", "0", "EQ"), 7, 8 },
		{ "NE", ARG("0", "7", "0", "NE"), 8, 7 },
		{ "LT", ARG("0", "7", "0", "LT"), 6, 7 },
		{ "LE", ARG("0", "7", "0", "LE"), 7, 8 },
		{ "GT", ARG("0", "7", "0", "GT"), 8, 7 },
		{ "GE", ARG("0", "7", "0", "GE"), 7, 6 },
		{ "MASKED_EQ", ARG("0", "240", "32", "MASKED_EQ"), 0x2f, 0x3f },
		{ "64 bits", ARG("0", "4294967296", "0", "EQ"), 4294967296, 0 },
		{ "one argument twice: any", ARG("0", "7", "0", "EQ") "," ARG("0", "9", "0", "EQ"), 9, 8 },
		{ "one argument twice, another: any",
		  ARG("0", "7", "0", "EQ") "," ARG("0", "9", "0", "EQ") "," ARG("1", "5", "0", "EQ"), 7, 8 },
		{ "two arguments: all, which holds", ARG("0", "7", "0", "EQ") "," ARG("1", "0", "0", "EQ"), 7,
		  8 },
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		char text[1024];
		snprintf(text, sizeof text,
			 ALLOW "[{\"names\":[\"close\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":77,"
			       "\"args\":[%s]}]}",
			 table[i].args);
		printf("# %s\n", table[i].what);
		OK(profile_in_kernel(text, SYS_close, table[i].equal) == 77);
		OK(profile_in_kernel(text, SYS_close, table[i].not_equal) != 77);
	}
	/* two arguments, of which one does not hold (the second is 0 in the call) */
	OK(profile_in_kernel(RULE_ARGS("close", ARG("0", "7", "0", "EQ") "," ARG("1", "1", "0", "EQ")),
			     SYS_close, 7) != 77);
}

static void test_unknown_calls(void)
{
#define REFUSE(rest) \
	"{\"defaultAction\":\"SCMP_ACT_ERRNO\"" rest \
	",\"syscalls\":[{\"action\":\"SCMP_ACT_ALLOW\",\"names\":" \
	"[\"exit_group\",\"exit\",\"write\",\"getpid\",\"statx\"]}]}"
	/* statx is the newest here: older ones get the default, newer ones ENOSYS */
	OK(profile_in_kernel(REFUSE(""), SYS_getppid, 0) == EPERM);
	OK(profile_in_kernel(REFUSE(""), SYS_getpid, 0) == 0);
	OK(profile_in_kernel(REFUSE(""), SYS_openat2, 0) == ENOSYS);
	OK(profile_in_kernel(REFUSE(""), UNKNOWN_CALL, 0) == ENOSYS);
	OK(profile_in_kernel(REFUSE(",\"defaultErrnoRet\":6"), SYS_getppid, 0) == ENXIO);
	OK(profile_in_kernel(REFUSE(",\"defaultErrnoRet\":6"), UNKNOWN_CALL, 0) == ENOSYS);
	OK(profile_in_kernel(REFUSE(",\"defaultErrnoRet\":38"), UNKNOWN_CALL, 0) == ENOSYS);
	OK(profile_in_kernel("{\"defaultAction\":\"SCMP_ACT_KILL_PROCESS\",\"syscalls\":[{\"action\":\"SCMP_"
			     "ACT_ALLOW\",\"names\":"
			     "[\"exit_group\",\"exit\",\"getpid\",\"statx\"]}]}",
			     UNKNOWN_CALL, 0) == ENOSYS);
	OK(profile_in_kernel("{\"defaultAction\":\"SCMP_ACT_KILL_PROCESS\",\"syscalls\":[{\"action\":\"SCMP_"
			     "ACT_ALLOW\",\"names\":"
			     "[\"exit_group\",\"exit\",\"getpid\",\"statx\"]}]}",
			     SYS_getppid, 0) == -SIGSYS);
#ifdef __x86_64__
	enum { X32 = 0x40000000 };
	struct seccomp_filter f = { 0 };
	OK(prepare(REFUSE(",\"architectures\":[\"SCMP_ARCH_X86_64\",\"SCMP_ARCH_X86\",\"SCMP_ARCH_X32\"]"),
		   NULL, &f, NULL) == 0);
	OK(on(&f, AUDIT_ARCH_X86_64, 332, 0, 0) == SECCOMP_RET_ALLOW);
	OK(on(&f, AUDIT_ARCH_X86_64, 333, 0, 0) == ERRNO(ENOSYS) &&
	   on(&f, AUDIT_ARCH_X86_64, X32 - 1, 0, 0) == ERRNO(ENOSYS));
	OK(on(&f, AUDIT_ARCH_X86_64, X32 | 332, 0, 0) == SECCOMP_RET_ALLOW);
	OK(on(&f, AUDIT_ARCH_X86_64, X32 | 331, 0, 0) == ERRNO(EPERM));
	OK(on(&f, AUDIT_ARCH_X86_64, X32 | 333, 0, 0) == ERRNO(ENOSYS));
	OK(on(&f, AUDIT_ARCH_I386, 383, 0, 0) == SECCOMP_RET_ALLOW &&
	   on(&f, AUDIT_ARCH_I386, 384, 0, 0) == ERRNO(ENOSYS));
	OK(on(&f, AUDIT_ARCH_I386, 382, 0, 0) == ERRNO(EPERM));
	OK(on(&f, AUDIT_ARCH_AARCH64, 64, 0, 0) == SECCOMP_RET_KILL_THREAD); /* not in the filter */
	seccomp_filter_done(&f);
	/* one architecture only: x32 is foreign */
	OK(prepare(REFUSE(""), NULL, &f, NULL) == 0);
	OK(on(&f, AUDIT_ARCH_X86_64, X32 | 332, 0, 0) == SECCOMP_RET_KILL_THREAD);
	OK(on(&f, AUDIT_ARCH_I386, 383, 0, 0) == SECCOMP_RET_KILL_THREAD);
	seccomp_filter_done(&f);
	/* a permissive default is left as it is */
	OK(prepare(RULE("mkdir", "SCMP_ACT_ERRNO"), NULL, &f, NULL) == 0);
	OK(on(&f, AUDIT_ARCH_X86_64, UNKNOWN_CALL, 0, 0) == SECCOMP_RET_ALLOW);
	seccomp_filter_done(&f);
	OK(prepare("{\"defaultAction\":\"SCMP_ACT_LOG\",\"syscalls\":[{\"action\":\"SCMP_ACT_ALLOW\","
		   "\"names\":[\"read\"]}]}",
		   NULL, &f, NULL) == 0);
	OK(on(&f, AUDIT_ARCH_X86_64, UNKNOWN_CALL, 0, 0) == SECCOMP_RET_LOG);
	seccomp_filter_done(&f);
	OK(prepare("{\"defaultAction\":\"SCMP_ACT_TRACE\",\"syscalls\":[{\"action\":\"SCMP_ACT_ALLOW\","
		   "\"names\":[\"read\"]}]}",
		   NULL, &f, NULL) == 0);
	OK(on(&f, AUDIT_ARCH_X86_64, UNKNOWN_CALL, 0, 0) == (SECCOMP_RET_TRACE | EPERM));
	seccomp_filter_done(&f);
#endif
}

#ifdef __x86_64__
/* test_large - enough rules for the binary tree to have several levels, with one that looks at an argument,
 * as engines' do */
static void test_large(void)
{
	/* names by number from 0; those here are allowed, but personality only with 0 and ptrace not at all
	 */
	static const char *const names[] = {
		"read",		"write",       "open",	  "close",	  "stat",
		"fstat",	"lstat",       "poll",	  "lseek",	  "mmap",
		"mprotect",	"munmap",      "brk",	  "rt_sigaction", "rt_sigprocmask",
		"rt_sigreturn", "ioctl",       "pread64", "pwrite64",	  "readv",
		"writev",	"access",      "pipe",	  "select",	  "sched_yield",
		"mremap",	"msync",       "mincore", "madvise",	  "shmget",
		"shmat",	"shmctl",      "dup",	  "dup2",	  "pause",
		"nanosleep",	"getitimer",   "alarm",	  "setitimer",	  "getpid",
		"sendfile",	"socket",      "connect", "accept",	  "sendto",
		"recvfrom",	"sendmsg",     "recvmsg", "shutdown",	  "bind",
		"listen",	"getsockname",
	};
	enum { N = sizeof names / sizeof *names };
	struct buf text cleanup_buf = { 0 };
	buf_puts(&text,
		 "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"architectures\":[\"SCMP_ARCH_X86\"],\"syscalls\":["
		 "{\"action\":\"SCMP_ACT_ALLOW\",\"names\":[\"faccessat2\",\"exit_group\"");
	for (size_t i = 0; i < N; i++)
		buf_printf(&text, ",\"%s\"", names[i]);
	buf_puts(&text,
		 "]},{\"action\":\"SCMP_ACT_ALLOW\",\"names\":[\"personality\"],\"args\":[" ARG(
			 "0", "0", "0",
			 "EQ") "]},"
			       "{\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":13,\"names\":[\"ptrace\"]}]}");

	struct seccomp_filter f = { 0 };
	OK(prepare(buf_str(&text), NULL, &f, NULL) == 0);
	int wrong = 0, wrong_argument = 0;
	for (unsigned nr = 0; nr < 600; nr++) {
		uint32_t want = nr < N || nr == SYS_faccessat2 || nr == SYS_exit_group ? SECCOMP_RET_ALLOW
				: nr == SYS_ptrace				       ? ERRNO(EACCES)
				: nr > SYS_faccessat2				       ? ERRNO(ENOSYS)
										       : ERRNO(EPERM);
		wrong += on(&f, AUDIT_ARCH_X86_64, nr, 1, 1) != want;
		wrong_argument += on(&f, AUDIT_ARCH_X86_64, nr, 0, 1) !=
				  (nr == SYS_personality ? SECCOMP_RET_ALLOW : want);
	}
	OK(wrong == 0 && wrong_argument == 0);
	OK(in_kernel(&f, SYS_getpid, 0) == 0 && in_kernel(&f, SYS_getppid, 0) == EPERM);
	OK(in_kernel(&f, SYS_ptrace, 0) == EACCES && in_kernel(&f, SYS_openat2, 0) == EPERM);
	OK(in_kernel(&f, SYS_personality, 0) == 0 && in_kernel(&f, SYS_personality, 8) == EPERM);
	OK(in_kernel(&f, UNKNOWN_CALL, 0) == ENOSYS);
	seccomp_filter_done(&f);
}
#endif

static void test_errors(void)
{
	static const struct {
		const char *text, *error;
	} table[] = {
		{ "{\"defaultAction\":\"SCMP_ACT_NOPE\"}",
		  "linux.seccomp.defaultAction: 'SCMP_ACT_NOPE' is not a valid action" },
		{ "{\"defaultAction\":\"\"}", "linux.seccomp.defaultAction: '' is not a valid action" },
		{ RULE("read", "ERRNO"), "linux.seccomp.syscalls[0]: 'ERRNO' is not a valid action" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"SCMP_ARCH_X86_64\",\"SCMP_ARCH_"
		  "Z80\"]}",
		  "linux.seccomp.architectures: 'SCMP_ARCH_Z80' is not a valid architecture" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[\"SECCOMP_FILTER_FLAG_FAST\"]}",
		  "linux.seccomp.flags: seccomp flag 'SECCOMP_FILTER_FLAG_FAST' is not known" },
		{ RULE_ARGS("read", ARG("0", "1", "0", "ABOUT")),
		  "linux.seccomp.syscalls[0].args: 'SCMP_CMP_ABOUT' is not a valid operator" },
		{ RULE_ARGS("read", ARG("6", "1", "0", "EQ")),
		  "linux.seccomp.syscalls[0].args: index 6; a system call's arguments are 0 to 5" },
		{ RULE_ARGS("no_such_call", ARG("4294967295", "1", "0", "EQ")),
		  "linux.seccomp.syscalls[0].args: index 4294967295; a system call's arguments are 0 to 5" },
		{ RULE_ERRNO("read", "4096"), "linux.seccomp.syscalls[0]: 4096 is too large for an errno" },
		{ "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":70000}",
		  "linux.seccomp.defaultAction: 70000 is too large for an errno" },
		{ "{\"defaultAction\":\"SCMP_ACT_KILL\",\"defaultErrnoRet\":1}",
		  "linux.seccomp.defaultAction: an errno is given, but SCMP_ACT_KILL has none" },
		{ RULE("write", "SCMP_ACT_NOTIFY"), "SCMP_ACT_NOTIFY cannot be used for the write syscall" },
		{ "{\"defaultAction\":\"SCMP_ACT_NOTIFY\"}",
		  "SCMP_ACT_NOTIFY cannot be used as default action" },
#ifdef __x86_64__
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"SCMP_ARCH_S390X\"]}",
		  "linux.seccomp.architectures: the byte order of one is not this machine's" },
#endif
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct seccomp_filter f = { 0 };
		struct error err = { 0 };
		OK(prepare(table[i].text, NULL, &f, &err) < 0 && f.code == NULL);
		OK_STR(err.text, table[i].error);
	}
}

static unsigned flags_of(const char *flags)
{
	char text[256];
	struct seccomp_filter f = { 0 };
	snprintf(text, sizeof text, "{\"defaultAction\":\"SCMP_ACT_ALLOW\"%s}", flags);
	if (prepare(text, NULL, &f, NULL) < 0)
		return UINT_MAX;
	unsigned flags_ =
		in_kernel(&f, SYS_getpid, 0) == 0 ? f.flags : UINT_MAX; /* the kernel takes them, too */
	seccomp_filter_done(&f);
	return flags_;
}

static void test_flags(void)
{
	OK(flags_of("") == SECCOMP_FILTER_FLAG_SPEC_ALLOW);
	OK(flags_of(",\"flags\":[]") == 0);
	OK(flags_of(",\"flags\":[\"SECCOMP_FILTER_FLAG_LOG\"]") == 2);
	OK(flags_of(",\"flags\":[\"SECCOMP_FILTER_FLAG_SPEC_ALLOW\"]") == 4);
	OK(flags_of(",\"flags\":[\"SECCOMP_FILTER_FLAG_LOG\",\"SECCOMP_FILTER_FLAG_SPEC_ALLOW\"]") == 6);
	OK(flags_of(",\"flags\":[\"SECCOMP_FILTER_FLAG_TSYNC\"]") == 0);
	OK(flags_of(",\"flags\":[\"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV\"]") == 0);
}

static void test_load(void)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW), bad = { .code = 0xffff };
	struct seccomp_filter f = { .code = &allow, .n = 1, .flags = SECCOMP_FILTER_FLAG_NEW_LISTENER, .notify = true },
			      broken = { .code = &bad, .n = 1, .flags = 2 };
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		struct error err = { 0 };
		int failed = 0;
		/* all users of a namespace of one's own may; so without no_new_privs only the unprivileged
		 * are refused */
		if (geteuid() == 0 && setresuid(1000, 1000, 1000) == 0)
			failed |= seccomp_filter_load(&f, &err) != -EACCES ||
						  !strstr(err.text, "needs CAP_SYS_ADMIN, or")
					  ? 1
					  : 0;
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
			failed |= 2;
		failed |= seccomp_filter_load(&broken, &err) != -EINVAL || !strstr(err.text, "(0x2)") ? 4 : 0;
		int listener = seccomp_filter_load(&f, &err);
		failed |= listener < 3 || fcntl(listener, F_GETFD) != FD_CLOEXEC ? 8 : 0;
		_exit(failed);
	}
	int status = -1;
	OK(pid > 0 && waitpid(pid, &status, 0) == pid);
	printf("# status %#x\n", status);
	OK(status == 0);
}

/* ---- notifications, and the explanation ---- */

static size_t count_returns(const struct sock_filter *code, size_t n, uint32_t action)
{
	size_t found = 0;
	for (size_t i = 0; i < n; i++)
		found += code[i].code == (BPF_RET | BPF_K) && (code[i].k & SECCOMP_RET_ACTION_FULL) == action;
	return found;
}

static void test_notify(void)
{
	struct seccomp_filter f = { 0 }, hooks = { 0 };
	struct error err = { 0 };
	OK(prepare(RULE("getppid", "SCMP_ACT_NOTIFY"), NULL, &f, NULL) == 0 && f.notify);
	OK(f.flags == (SECCOMP_FILTER_FLAG_SPEC_ALLOW | SECCOMP_FILTER_FLAG_NEW_LISTENER));
	OK(on(&f, AUDIT_ARCH_X86_64, SYS_getppid, 0, 0) == SECCOMP_RET_USER_NOTIF);
	seccomp_filter_without_listener(&f, &hooks);
	OK(!hooks.notify && hooks.flags == SECCOMP_FILTER_FLAG_SPEC_ALLOW);
	OK(in_kernel(&hooks, SYS_getppid, 0) == ENOSYS && in_kernel(&hooks, SYS_getpid, 0) == 0);
	OK(seccomp_filter_explain(&f, &err) == -EINVAL && strstr(err.text, "SCMP_ACT_NOTIFY") && !f.plain);
	seccomp_filter_done(&hooks);
	seccomp_filter_done(&f);

	/* explained: every errno is asked for, nothing else; the plain filter is kept, and is what hooks get */
	OK(prepare("{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"action\":\"SCMP_ACT_ALLOW\",\"names\":[\"getpid\","
		   "\"exit_group\",\"exit\",\"faccessat2\"]},{\"action\":\"SCMP_ACT_KILL\",\"names\":[\"getppid\"]}]}", NULL, &f, NULL) == 0);
	size_t errnos = count_returns(f.code, f.n, SECCOMP_RET_ERRNO);
	OK(errnos >= 2 && seccomp_filter_explain(&f, NULL) == 0 && f.notify && f.plain);
	OK(count_returns(f.code, f.n, SECCOMP_RET_ERRNO) == 0 && count_returns(f.code, f.n, SECCOMP_RET_USER_NOTIF) == errnos);
	seccomp_filter_without_listener(&f, &hooks);
	OK(in_kernel(&hooks, SYS_getuid, 0) == EPERM && in_kernel(&hooks, UNKNOWN_CALL, 0) == ENOSYS);
	OK(in_kernel(&hooks, SYS_getpid, 0) == 0 && in_kernel(&hooks, SYS_getppid, 0) == -SIGSYS);
	seccomp_filter_done(&hooks);
	seccomp_filter_done(&f);
}

static void test_evaluate(void)
{
	/* what no filter of ours has: refused as the kernel would not have loaded it */
	static const struct sock_filter bad[][2] = {
		{ BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) },
		{ BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 1) },	/* falls out */
		{ BPF_JUMP(BPF_JMP | BPF_JA, 7, 0, 0), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) },
		{ BPF_STMT(BPF_RET | BPF_A, 0), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) },
	};
	struct seccomp_data data = { .nr = 1 };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		OK(seccomp_evaluate(bad[i], 2, &data) == SECCOMP_RET_KILL_PROCESS);
	OK(seccomp_evaluate(NULL, 0, &data) == SECCOMP_RET_KILL_PROCESS);
}

#ifdef __x86_64__
static void test_explain_rule(void)
{
	static const char text[] =
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":5,\"syscalls\":["
		"{\"names\":[\"openat\",\"read\"],\"action\":\"SCMP_ACT_ALLOW\"},"
		"{\"names\":[\"mkdir\",\"mkdirat\"],\"action\":\"SCMP_ACT_ERRNO\"},"
		"{\"names\":[\"kill\"],\"action\":\"SCMP_ACT_ERRNO\",\"args\":[" ARG("1", "9", "0", "EQ") "]},"
		"{\"names\":[\"kill\"],\"action\":\"SCMP_ACT_ERRNO\",\"args\":[" ARG("1", "12", "8", "MASKED_EQ") ","
			ARG("0", "1", "0", "NE") "]},"
		"{\"names\":[\"kill\"],\"action\":\"SCMP_ACT_ERRNO\",\"args\":[" ARG("1", "1", "0", "LE") ","
			ARG("1", "60", "0", "GT") "]},"
		"{\"names\":[\"a1\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"chmod\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":9},"
		"{\"names\":[\"acct\"],\"action\":\"SCMP_ACT_KILL\"}]}";
	static const struct { unsigned arch; int nr; uint64_t a, b; uint32_t value; const char *want; } table[] = {
		{ AUDIT_ARCH_X86_64, SYS_mkdir, 0, 0, ERRNO(EPERM), "linux.seccomp.syscalls[1] (mkdir, mkdirat)" },
		{ AUDIT_ARCH_I386, 39, 0, 0, ERRNO(EPERM), "linux.seccomp.syscalls[1] (mkdir, mkdirat)" },
		{ AUDIT_ARCH_X86_64, 0x40000000 + SYS_mkdir, 0, 0, ERRNO(EPERM), "linux.seccomp.syscalls[1] (mkdir, mkdirat)" },
		{ AUDIT_ARCH_X86_64, SYS_kill, 1, 9, ERRNO(EPERM), "linux.seccomp.syscalls[2] (kill; its args fit)" },
		{ AUDIT_ARCH_X86_64, SYS_kill, 2, 10, ERRNO(EPERM), "linux.seccomp.syscalls[3] (kill; its args fit)" },
		{ AUDIT_ARCH_X86_64, SYS_kill, 1, 61, ERRNO(EPERM), "linux.seccomp.syscalls[4] (kill; its args fit)" },
		{ AUDIT_ARCH_X86_64, SYS_kill, 1, 0, ERRNO(EPERM), "linux.seccomp.syscalls[4] (kill; its args fit)" },
		{ AUDIT_ARCH_X86_64, SYS_kill, 1, 10, ERRNO(5), "linux.seccomp.defaultAction" },
		{ AUDIT_ARCH_X86_64, SYS_chmod, 0, 0, ERRNO(9), "linux.seccomp.syscalls[5] (a1, b, c, d, e, f and 2 more)" },
		{ AUDIT_ARCH_X86_64, SYS_getpid, 0, 0, ERRNO(5), "linux.seccomp.defaultAction" },
		{ AUDIT_ARCH_I386, 102, 1, 0, ERRNO(EPERM),
		  "a rule of linux.seccomp.syscalls for a call that goes through socketcall here" },
		{ AUDIT_ARCH_X86_64, 4000, 0, 0, ERRNO(ENOSYS),
		  "no rule: it is newer than every call that linux.seccomp.syscalls names, so it counts as unknown" },
	};
	struct pool pool CLEANUP(pool_done) = { 0 };
	const struct spec_seccomp *spec = decode(&pool, text);
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct seccomp_data data = { .nr = table[i].nr, .arch = table[i].arch, .args = { table[i].a, table[i].b } };
		cleanup_free char *rule = explain_rule(spec, &data, table[i].value);
		OK_STR(rule, table[i].want);
	}
	cleanup_free char *fine = explain_end(spec, 1), *killed = explain_end(spec, 128 + SIGSYS);
	OK_STR(fine, "");
	OK_STR(killed, "the program was ended by SIGSYS; what kills or traps is: linux.seccomp.syscalls[6] (SCMP_ACT_KILL: acct)");
	cleanup_free char *odd = explain_end(decode(&pool, "{\"defaultAction\":\"SCMP_ACT_ALLOW\"}"), 128 + SIGSYS);
	OK(strstr(odd, "no rule of linux.seccomp") != NULL);
}

static void test_explain_call(void)
{
	struct seccomp_data data = { .nr = SYS_mkdirat, .arch = AUDIT_ARCH_X86_64,
				     .args = { (uint32_t) AT_FDCWD, (uintptr_t) "/a\n\"b", 0755 } };
	cleanup_free char *mkdirat_ = explain_call(&data, getpid());
	OK_STR(mkdirat_, "mkdirat(AT_FDCWD, \"/a\\x0a\\\"b\", 0755)");
	data.args[1] = 8;	/* not mapped */
	data.args[0] = 5;
	cleanup_free char *unmapped = explain_call(&data, getpid());
	OK_STR(unmapped, "mkdirat(5, 0x8, 0755)");
	data = (struct seccomp_data){ .nr = 4000, .arch = AUDIT_ARCH_X86_64, .args = { 1, 2, 3, 4, 5, 60 } };
	cleanup_free char *unknown = explain_call(&data, getpid());
	OK_STR(unknown, "system call 4000(1, 2, 3, 4, 5, 0x3c)");
	data = (struct seccomp_data){ .nr = 12, .arch = AUDIT_ARCH_I386 };
	cleanup_free char *null = explain_call(&data, getpid());
	OK_STR(null, "chdir[x86](NULL)");
}
#endif

/* ---- cache ---- */

struct dirs {
	char root[32], cache[64], file[PATH_MAX];
};

/* the only file there, "" when there is none; how many there are */
static int find_file(struct dirs *d)
{
	int n = 0;
	cleanup_dir DIR *dir = opendir(d->cache);
	d->file[0] = 0;
	for (struct dirent *e; dir && (e = readdir(dir));) {
		if (e->d_name[0] == '.')
			continue;
		n++;
		snprintf(d->file, sizeof d->file, "%s/%s", d->cache, e->d_name);
	}
	return n;
}

static bool same_code(const struct seccomp_filter *a, const struct seccomp_filter *b)
{
	return a->n && a->n == b->n && a->flags == b->flags &&
	       memcmp(a->code, b->code, a->n * sizeof *a->code) == 0;
}

/* plant - turn the stored file's last instruction into ALLOW and its checksum right again, as one who may
 * write there can: what then is loaded tells whether the file was used */
static void plant(const struct dirs *d)
{
	cleanup_free char *data = NULL;
	size_t len = 0;
	cleanup_close int fd = open(d->file, O_RDWR | O_CLOEXEC);
	if (fd < 0 || fs_read_fd(fd, d->file, 1 << 20, &data, &len, NULL) < 0 || len < 64)
		return;
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	memcpy(data + len - sizeof allow, &allow, sizeof allow);
	uint64_t h = 0xcbf29ce484222325;
	for (size_t i = 24; i < len; i++)
		h = (h ^ (unsigned char) data[i]) * 0x100000001b3;
	memcpy(data + 16, &h, sizeof h);
	(void) !pwrite(fd, data, len, 0);
}

static bool is_planted(const struct seccomp_filter *f)
{
	return f->n && f->code[f->n - 1].code == (BPF_RET | BPF_K) &&
	       f->code[f->n - 1].k == SECCOMP_RET_ALLOW;
}

static const char profile[] =
	"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"action\":\"SCMP_ACT_ALLOW\",\"names\":"
	"[\"exit_group\",\"exit\",\"getpid\",\"statx\"]}]}";

/* once - prepare with the cache; the file is there afterwards */
static bool once(struct dirs *d, struct seccomp_filter *f)
{
	seccomp_filter_done(f);
	return prepare(profile, d->root, f, NULL) == 0 && find_file(d) == 1;
}

static void test_cache_hit(struct dirs *d, const struct seccomp_filter *fresh)
{
	struct seccomp_filter f = { 0 };
	struct stat st, again;
	OK(once(d, &f) && same_code(fresh, &f));
	OK(stat(d->cache, &st) == 0 && (st.st_mode & 07777) == 0700);
	OK(stat(d->file, &st) == 0 && (st.st_mode & 07777) == 0600);
	OK(once(d, &f) && same_code(fresh, &f));
	OK(stat(d->file, &again) == 0 && st.st_ino == again.st_ino); /* not written again */

	/* a hit is really one */
	plant(d);
	OK(once(d, &f) && is_planted(&f) && !same_code(fresh, &f));
	(void) unlink(d->file);
	seccomp_filter_done(&f);
}

static void test_cache_refusals(struct dirs *d, const struct seccomp_filter *fresh)
{
	struct seccomp_filter f = { 0 };
	static const mode_t modes[] = { 0640, 0604, 0606, 0700, 04600 };
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		OK(once(d, &f));
		plant(d);
		OK(chmod(d->file, modes[i]) == 0 && once(d, &f) && same_code(fresh, &f));
	}
	struct stat st;
	OK(stat(d->file, &st) == 0 && (st.st_mode & 07777) == 0600); /* replaced by ours */

	plant(d);
	if (geteuid() == 0) {
		OK(chown(d->file, 12345, 0) == 0 && once(d, &f) && same_code(fresh, &f));
		OK(once(d, &f) && chown(d->cache, 12345, 0) == 0);
		plant(d);
		OK(once(d, &f) && same_code(fresh, &f) && chown(d->cache, 0, 0) == 0);
	} else {
		SKIP("another owner's file", "only root can give files away");
	}
	plant(d);
	/* ours, with a wrong mode: not believed, but put right, and in use again */
	static const mode_t dir_modes[] = { 0755, 0777, 0500, 01700 };
	for (size_t i = 0; i < sizeof dir_modes / sizeof *dir_modes; i++) {
		OK(once(d, &f));
		plant(d);
		OK(chmod(d->cache, dir_modes[i]) == 0 && once(d, &f) && same_code(fresh, &f));
		OK(stat(d->cache, &st) == 0 && (st.st_mode & 07777) == 0700);
		plant(d);
		OK(once(d, &f) && is_planted(&f));
	}

	/* a link to a file of ours that would be good */
	char elsewhere[64];
	snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", d->root);
	OK(once(d, &f));
	plant(d);
	OK(rename(d->file, elsewhere) == 0 && symlink("../elsewhere", d->file) == 0 && once(d, &f) &&
	   same_code(fresh, &f));
	OK(lstat(d->file, &st) == 0 && S_ISREG(st.st_mode));
	/* the same for the directory */
	plant(d);
	snprintf(elsewhere, sizeof elsewhere, "%s/moved", d->root);
	OK(rename(d->cache, elsewhere) == 0 && symlink("moved", d->cache) == 0 && once(d, &f) &&
	   same_code(fresh, &f));
	OK(unlink(d->cache) == 0 && rename(elsewhere, d->cache) == 0);
	seccomp_filter_done(&f);
}

static void test_cache_damage(struct dirs *d, const struct seccomp_filter *fresh)
{
	struct seccomp_filter f = { 0 };
	cleanup_free char *data = NULL;
	size_t len = 0;
	(void) unlink(d->file);
	OK(once(d, &f) && fs_read_file(AT_FDCWD, d->file, 1 << 20, &data, &len, NULL) == 0 && len > 64);
	int used = 0;
	/* every byte once: header, key and code */
	for (size_t i = 0; i < len; i++) {
		cleanup_close int fd = open(d->file, O_WRONLY | O_CLOEXEC);
		char bad = (char) (data[i] ^ 4);
		used += pwrite(fd, &bad, 1, (off_t) i) != 1 || !once(d, &f) || !same_code(fresh, &f);
	}
	OK(used == 0);
	for (size_t size = 0; size < len; size++)
		used += truncate(d->file, (off_t) size) < 0 || !once(d, &f) || !same_code(fresh, &f);
	OK(used == 0);
	OK(truncate(d->file, (off_t) len + 8) == 0 && once(d, &f) && same_code(fresh, &f));
	OK(truncate(d->file, 1 << 30) == 0 && once(d, &f) && same_code(fresh, &f));
	seccomp_filter_done(&f);
}

static void test_cache_keys(struct dirs *d)
{
	/* each differs in one small thing from the first; pairwise different code where code is concerned */
	static const char *const profiles[] = {
		RULE_ERRNO("getppid", "1"),
		RULE_ERRNO("getppid", "2"),
		RULE_ERRNO("getppid", "0"),
		RULE_ERRNO("getpid", "1"),
		RULE("getppid", "SCMP_ACT_KILL"),
		RULE_ARGS("close", ARG("0", "1", "0", "EQ")),
		RULE_ARGS("close", ARG("0", "2", "0", "EQ")),
		RULE_ARGS("close", ARG("1", "1", "0", "EQ")),
		RULE_ARGS("close", ARG("0", "1", "0", "NE")),
		RULE_ARGS("close", ARG("0", "1", "1", "MASKED_EQ")),
		RULE_ARGS("close", ARG("0", "1", "0", "MASKED_EQ")),
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\"}",
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":2}",
		"{\"defaultAction\":\"SCMP_ACT_LOG\"}",
	};
	enum { N = sizeof profiles / sizeof *profiles };
	struct seccomp_filter first[N] = { { 0 } }, second = { 0 };
	int bad = 0, shared = 0;
	(void) unlink(d->file);
	for (size_t i = 0; i < N; i++)
		bad += prepare(profiles[i], d->root, &first[i], NULL) < 0;
	OK(bad == 0 && find_file(d) == N);
	for (size_t i = 0; i < N; i++) {
		bad += prepare(profiles[i], d->root, &second, NULL) < 0 || !same_code(&first[i], &second);
		seccomp_filter_done(&second);
		for (size_t j = 0; j < i; j++)
			shared += same_code(&first[i], &first[j]);
	}
	OK(bad == 0 && shared == 0);
	for (size_t i = 0; i < N; i++)
		seccomp_filter_done(&first[i]);

	/* one profile's file under another's name: the key in it tells */
	struct dirs one = *d;
	(void) fs_remove_tree(AT_FDCWD, d->cache, NULL);
	OK(prepare(profiles[0], d->root, &first[0], NULL) == 0 && find_file(&one) == 1);
	struct dirs other = one;
	OK(prepare(profiles[1], d->root, &first[1], NULL) == 0 && find_file(d) == 2);
	(void) unlink(one.file);
	OK(find_file(&other) == 1 && rename(other.file, one.file) == 0);
	OK(prepare(profiles[0], d->root, &second, NULL) == 0 && same_code(&second, &first[0]));
	seccomp_filter_done(&second);
	seccomp_filter_done(&first[0]);
	seccomp_filter_done(&first[1]);
}

static void test_cache_size(struct dirs *d)
{
	int bad = 0, most = 0;
	for (int i = 0; i < 150; i++) {
		char text[200];
		struct seccomp_filter f = { 0 };
		snprintf(text, sizeof text, RULE_ERRNO("getppid", "%d"), i);
		bad += prepare(text, d->root, &f, NULL) < 0;
		seccomp_filter_done(&f);
		int n = find_file(d);
		most = n > most ? n : most;
	}
	OK(bad == 0 && most >= 32 && most <= 64);
}

static void test_cache(void)
{
	struct dirs d = { .root = "/tmp/test-seccomp-XXXXXX" };
	struct seccomp_filter fresh = { 0 }, f = { 0 };
	OK(mkdtemp(d.root) != NULL);
	snprintf(d.cache, sizeof d.cache, "%s/.seccomp", d.root);
	OK(prepare(profile, NULL, &fresh, NULL) == 0 && !is_planted(&fresh));
	/* a directory that is not there is not made, and no failure */
	OK(prepare(profile, "/nonexistent/directory", &f, NULL) == 0 && same_code(&fresh, &f));
	seccomp_filter_done(&f);

	test_cache_hit(&d, &fresh);
	test_cache_refusals(&d, &fresh);
	test_cache_damage(&d, &fresh);
	test_cache_keys(&d);
	test_cache_size(&d);
	/* what is refused is not stored */
	(void) fs_remove_tree(AT_FDCWD, d.cache, NULL);
	OK(prepare(RULE("read", "ERRNO"), d.root, &f, NULL) < 0 && find_file(&d) == 0);
	seccomp_filter_done(&fresh);
	OK(fs_remove_tree(AT_FDCWD, d.root, NULL) == 0);
}

int main(void)
{
	test_actions();
	test_arguments();
	test_unknown_calls();
#ifdef __x86_64__
	test_large();
#else
	SKIP("every number of a large profile", "the numbers are x86_64's");
#endif
	test_errors();
	test_flags();
	test_load();
	test_notify();
	test_evaluate();
#ifdef __x86_64__
	test_explain_rule();
	test_explain_call();
#else
	SKIP("the rule and the form of a call", "the numbers are x86_64's");
#endif
	test_cache();
	OK(strings_have((char *const *) seccomp_action_names(), "SCMP_ACT_KILL_PROCESS"));
	OK(strings_have((char *const *) seccomp_operator_names(), "SCMP_CMP_MASKED_EQ"));
	OK(strings_have((char *const *) seccomp_arch_names(), "SCMP_ARCH_X32"));
	OK(strings_have((char *const *) seccomp_flag_names(), "SECCOMP_FILTER_FLAG_LOG"));
	return tap_done();
}
