/* The default filter: what docker's allows is allowed, the rest is EPERM.
 *
 * A list of what is allowed, not of what is forbidden, because the kernel grows. Left out, with or without privileges: keys
 * (add_key, keyctl, request_key: not namespaced), io_uring (outside the reach of filters), userfaultfd, kexec, swap, and
 * what nobody has needed for decades (uselib, ustat, sysfs, nfsservctl). A call that only some architectures have is skipped
 * on the others by whoever compiles this.
 */
#include "bundle.h"
#include "lists.h"
#include "str.h"
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/socket.h>

static const char allowed[] =
	/* files by descriptor and by name */
	"open openat openat2 creat close close_range read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 "
	"lseek _llseek truncate truncate64 ftruncate ftruncate64 fallocate fadvise64 fadvise64_64 readahead sync syncfs fsync "
	"fdatasync sync_file_range copy_file_range sendfile sendfile64 splice tee vmsplice dup dup2 dup3 fcntl fcntl64 ioctl "
	"flock pipe pipe2 stat stat64 fstat fstat64 lstat lstat64 newfstatat fstatat64 statx statfs statfs64 fstatfs fstatfs64 "
	"access faccessat faccessat2 chdir fchdir getcwd getdents getdents64 readdir link linkat unlink unlinkat symlink "
	"symlinkat readlink readlinkat rename renameat renameat2 mkdir mkdirat rmdir mknod mknodat chmod fchmod fchmodat "
	"fchmodat2 chown chown32 fchown fchown32 fchownat lchown lchown32 umask utime utimes utimensat utimensat_time64 "
	"futimesat name_to_handle_at cachestat file_getattr file_setattr "
	"getxattr lgetxattr fgetxattr getxattrat setxattr lsetxattr fsetxattr setxattrat listxattr llistxattr flistxattr "
	"listxattrat removexattr lremovexattr fremovexattr removexattrat "
	/* waiting */
	"poll ppoll ppoll_time64 select _newselect pselect6 pselect6_time64 epoll_create epoll_create1 epoll_ctl epoll_ctl_old "
	"epoll_wait epoll_wait_old epoll_pwait epoll_pwait2 eventfd eventfd2 signalfd signalfd4 timerfd_create timerfd_settime "
	"timerfd_settime64 timerfd_gettime timerfd_gettime64 inotify_init inotify_init1 inotify_add_watch inotify_rm_watch "
	"fanotify_mark io_setup io_destroy io_submit io_cancel io_getevents io_pgetevents io_pgetevents_time64 "
	/* memory */
	"brk mmap mmap2 munmap mremap mprotect msync mlock mlock2 mlockall munlock munlockall madvise mincore mseal memfd_create "
	"memfd_secret membarrier remap_file_pages pkey_alloc pkey_free pkey_mprotect map_shadow_stack "
	/* processes, threads, identity, limits */
	"fork vfork execve execveat exit exit_group wait4 waitid waitpid getpid getppid gettid getpgid getpgrp setpgid getsid "
	"setsid kill tkill tgkill rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend "
	"rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sigaltstack sigprocmask sigreturn signal sigaction sigpending "
	"sigsuspend pause alarm pidfd_open pidfd_send_signal process_mrelease prctl ptrace process_vm_readv process_vm_writev "
	"restart_syscall rseq set_robust_list get_robust_list set_tid_address set_thread_area get_thread_area futex futex_time64 "
	"futex_waitv futex_wake futex_wait futex_requeue sched_yield sched_getaffinity sched_setaffinity sched_getattr "
	"sched_setattr sched_getparam sched_setparam sched_getscheduler sched_setscheduler sched_get_priority_max "
	"sched_get_priority_min sched_rr_get_interval sched_rr_get_interval_time64 getpriority setpriority ioprio_get ioprio_set "
	"getcpu getrusage getrlimit ugetrlimit setrlimit prlimit64 capget capset seccomp uretprobe "
	"landlock_create_ruleset landlock_add_rule landlock_restrict_self lsm_get_self_attr lsm_set_self_attr lsm_list_modules "
	"getuid getuid32 geteuid geteuid32 getgid getgid32 getegid getegid32 getresuid getresuid32 getresgid getresgid32 "
	"getgroups getgroups32 setuid setuid32 setgid setgid32 setreuid setreuid32 setregid setregid32 setresuid setresuid32 "
	"setresgid setresgid32 setfsuid setfsuid32 setfsgid setfsgid32 setgroups setgroups32 "
	/* time; setting it needs a capability that the kernel checks */
	"time times gettimeofday clock_gettime clock_gettime64 clock_getres clock_getres_time64 clock_nanosleep "
	"clock_nanosleep_time64 nanosleep adjtimex clock_adjtime clock_adjtime64 getitimer setitimer timer_create timer_delete "
	"timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 "
	/* between processes */
	"socketpair bind listen accept accept4 connect shutdown getsockname getpeername getsockopt setsockopt send sendto sendmsg "
	"sendmmsg recv recvfrom recvmsg recvmmsg recvmmsg_time64 socketcall ipc msgctl msgget msgrcv msgsnd semctl semget semop "
	"semtimedop semtimedop_time64 shmat shmctl shmdt shmget mq_open mq_unlink mq_getsetattr mq_notify mq_timedreceive "
	"mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 "
	/* the machine */
	"uname sysinfo getrandom "
#if defined(__x86_64__) || defined(__i386__)
	"arch_prctl modify_ldt"
#elif defined(__aarch64__) || defined(__arm__)
	"arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls"
#elif defined(__riscv)
	"riscv_flush_icache riscv_hwprobe"
#endif
	;

/* for containers that have any of the capabilities */
static const struct { const char *capabilities, *names; } privileged[] = {
	{ "CAP_SYS_ADMIN",
	  "clone clone3 unshare setns mount umount umount2 mount_setattr move_mount open_tree open_tree_attr fsopen fsconfig fsmount "
	  "fspick statmount listmount fanotify_init quotactl quotactl_fd lookup_dcookie sethostname setdomainname" },
	{ "CAP_SYS_ADMIN CAP_BPF", "bpf" },
	{ "CAP_SYS_ADMIN CAP_PERFMON", "perf_event_open" },
	{ "CAP_SYS_ADMIN CAP_SYSLOG", "syslog" },
	{ "CAP_DAC_READ_SEARCH", "open_by_handle_at" },
	{ "CAP_SYS_BOOT", "reboot" },
	{ "CAP_SYS_CHROOT", "chroot" },
	{ "CAP_SYS_MODULE", "init_module finit_module delete_module" },
	{ "CAP_SYS_PACCT", "acct" },
	{ "CAP_SYS_PTRACE", "kcmp pidfd_getfd process_madvise" },
	{ "CAP_SYS_RAWIO", "iopl ioperm" },
	{ "CAP_SYS_TIME", "settimeofday stime clock_settime clock_settime64" },
	{ "CAP_SYS_TTY_CONFIG", "vhangup" },
	{ "CAP_SYS_NICE", "get_mempolicy set_mempolicy set_mempolicy_home_node mbind" },
};
enum { PRIVILEGED = sizeof privileged / sizeof *privileged };

#if defined(__x86_64__)
static const char architectures[] = "SCMP_ARCH_X86_64 SCMP_ARCH_X86 SCMP_ARCH_X32";
#elif defined(__aarch64__)
static const char architectures[] = "SCMP_ARCH_AARCH64 SCMP_ARCH_ARM";
#else
static const char architectures[] = "";	/* the native one is always in the filter */
#endif

static const uint64_t personalities[] = { PER_LINUX, PER_LINUX32, UNAME26, PER_LINUX32 | UNAME26, 0xffffffff /* ask */ };
enum { PERSONALITIES = sizeof personalities / sizeof *personalities };

/* all that clone(2) can be asked for; CLONE_NEWTIME is no flag of it */
#define NAMESPACES ((uint64_t) (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET))

static struct spec_syscall *add(struct spec_seccomp *s, struct pool *pool, const char *names, const char *action)
{
	struct spec_syscall *rule = &s->syscalls[s->n_syscalls++];
	rule->names = list_words(pool, names);
	rule->action = pool_strdup(pool, action);
	return rule;
}

/* add_if - allowed while argument @index compares so */
static void add_if(struct spec_seccomp *s, struct pool *pool, const char *name, uint32_t index, const char *op, uint64_t value)
{
	struct spec_syscall *rule = add(s, pool, name, "SCMP_ACT_ALLOW");
	rule->n_args = 1;
	rule->args = pool_alloc(pool, sizeof *rule->args);
	*rule->args = (struct spec_syscall_arg) { .index = index, .value = value, .op = pool_strdup(pool, op) };
}

static bool have_any(char *const *capabilities, const char *wanted)
{
	struct strings words cleanup_strings = { 0 };
	strings_split(&words, wanted, " ");
	for (size_t i = 0; i < words.n; i++)
		if (strings_have(capabilities, words.v[i]))
			return true;
	return false;
}

static uint32_t *number(struct pool *pool, uint32_t value)
{
	uint32_t *n = pool_alloc(pool, sizeof *n);
	*n = value;
	return n;
}

struct spec_seccomp *seccomp_default(char *const *capabilities, struct pool *pool)
{
	struct spec_seccomp *s = pool_alloc(pool, sizeof *s);
	s->default_action = pool_strdup(pool, "SCMP_ACT_ERRNO");
	s->default_errno_ret = number(pool, EPERM);
	s->architectures = list_words(pool, architectures);
	s->syscalls = pool_alloc(pool, (1 + PERSONALITIES + 3 + PRIVILEGED) * sizeof *s->syscalls);

	(void) add(s, pool, allowed, "SCMP_ACT_ALLOW");
	for (size_t i = 0; i < PERSONALITIES; i++)
		add_if(s, pool, "personality", 0, "SCMP_CMP_EQ", personalities[i]);
	add_if(s, pool, "socket", 0, "SCMP_CMP_NE", AF_VSOCK);	/* not namespaced: it would reach the hypervisor */
	for (size_t i = 0; i < PRIVILEGED; i++)
		if (have_any(capabilities, privileged[i].capabilities))
			(void) add(s, pool, privileged[i].names, "SCMP_ACT_ALLOW");
	if (strings_have(capabilities, "CAP_SYS_ADMIN"))
		return s;

	/* threads and processes, but no namespaces: what is left of the flags under the mask must be 0 */
	add_if(s, pool, "clone", 0, "SCMP_CMP_MASKED_EQ", NAMESPACES);
	/* its flags are behind a pointer, which a filter cannot follow; C libraries fall back to clone on ENOSYS */
	add(s, pool, "clone3", "SCMP_ACT_ERRNO")->errno_ret = number(pool, ENOSYS);
	return s;
}
