/* Theory of operation.
 *
 * Order: stdio while /dev/null has a name, the own root (it needs privilege), no_new_privs (Landlock and seccomp ask for it), Landlock
 * while its rules' files can still be opened, capabilities, and the filter last, since it denies some of what was used before. The filter
 * is a list of what is denied, not of what is allowed: libcurl, libcrypto and the C library change what they call from version to version.
 * What the list cannot know, calls that are newer than it, is answered ENOSYS, as an older kernel would.
 *
 * Landlock does not look at modes, owners, times and attributes of files, nor (before ABI 3) at truncate(2), and uid 0 without any
 * capability still owns most of the host. Who writes nowhere is denied these calls by the filter. Who unpacks layers needs them, and
 * CAP_CHOWN besides: it is shut into the directories it was handed, so that nothing else has a name. They are mounts of their own,
 * detached from any tree, so ".." ends in them, and without devices: a layer's node for the host's disk can be made, not opened.
 *
 * Landlock does not look at datagrams, nor at the sockets of the file system; the filter does: without network there is no
 * socket at all, with it none but INET's and netlink's route (which getaddrinfo asks for addresses). A socket of the file
 * system could reach any service of the host, and is none of the fetcher's needs: names are resolved over UDP.
 */
#include "confine.h"
#include "cleanup.h"
#include "log.h"
#include "mem.h"
#include <asm/ioctls.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/sockios.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* ---- what was inherited ---- */

static int put_null(int fd, struct error *err)
{
	cleanup_close int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	return null < 0 || dup2(null, fd) < 0 ? error_set(err, errno, "open '/dev/null'") : 0;
}

/* confine_stdio - carrier's input is a container's, and its terminal where passwords are typed: only writing messages is left */
static int confine_stdio(bool input, struct error *err)
{
	int r = input ? 0 : put_null(STDIN_FILENO, err);
	if (r == 0)
		r = put_null(STDOUT_FILENO, err);
	if (r < 0 || !isatty(STDERR_FILENO))
		return r;
	cleanup_close int fd = open("/proc/self/fd/2", O_WRONLY | O_NOCTTY | O_CLOEXEC);
	return fd < 0 || dup2(fd, STDERR_FILENO) < 0 ? put_null(STDERR_FILENO, err) : 0;
}

/* ---- a root of its own ---- */

/* detach - @fd becomes the root of a mount that nothing else sees. Return: 0 when that cannot be had here */
static int detach(int fd, bool mounts, struct error *err)
{
	unsigned deep = mounts ? AT_RECURSIVE : 0;
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC };
	cleanup_close int tree = (int) syscall(SYS_open_tree, fd, "", AT_EMPTY_PATH | deep | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0 || syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | deep, &attr, sizeof attr) < 0)
		return 0;
	cleanup_close int dir = openat(tree, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir < 0 || dup3(dir, fd, O_CLOEXEC) < 0 ? error_set(err, errno, "open a directory of the store again") : 1;
}

/* confine_root - 1: all of it; 0: nodes could be opened */
static int confine_root(const struct confine *c, struct error *err)
{
	int all = 1;
	for (size_t i = 0; i < c->n_paths; i++) {
		int r = detach(c->paths[i].fd, c->mounts, err);
		if (r < 0)
			return r;
		all = all && r;
	}
	/* the first one: without mounts of their own, the others are beneath it */
	if (fchdir(c->paths[0].fd) < 0 || chroot(".") < 0)
		return error_set(err, errno, "take a directory of the store as the root (CAP_SYS_CHROOT)");
	return all;
}

static bool only_fds(const struct confine *c)
{
	for (size_t i = 0; i < c->n_paths; i++)
		if (c->paths[i].fd < 0)
			return false;
	return c->n_paths > 0;
}

/* ---- Landlock; the kernel's numbers, newer than the headers that we may be built with ---- */

enum { LANDLOCK_CREATE = 444, LANDLOCK_ADD = 445, LANDLOCK_RESTRICT = 446 };	/* the same on every architecture */
enum { RULE_PATH = 1, CREATE_VERSION = 1 };
#define FS_EXECUTE (1ULL << 0)
#define FS_WRITE_FILE (1ULL << 1)
#define FS_READ_FILE (1ULL << 2)
#define FS_READ_DIR (1ULL << 3)
#define FS_TREE (0x1ffULL << 4)		/* remove and make entries: REMOVE_DIR to MAKE_SYM */
#define FS_MAKE_SOCK (1ULL << 9)
#define FS_REFER (1ULL << 13)		/* ABI 2 */
#define FS_TRUNCATE (1ULL << 14)	/* 3 */
#define FS_IOCTL_DEV (1ULL << 15)	/* 5 */
#define NET_BIND_TCP (1ULL << 0)	/* 4 */
#define NET_CONNECT_TCP (1ULL << 1)
#define SCOPE_ALL 3ULL			/* 6: abstract sockets, signals */

struct ruleset_attr { uint64_t fs, net, scoped; };
struct path_attr { uint64_t access; int32_t parent_fd; } __attribute__((packed));

static uint64_t fs_of_abi(int abi)
{
	uint64_t all = FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_READ_DIR | FS_TREE;
	if (abi >= 2)
		all |= FS_REFER;
	if (abi >= 3)
		all |= FS_TRUNCATE;
	if (abi >= 5)
		all |= FS_IOCTL_DEV;
	return all;
}

static int allow_path(int ruleset_fd, const struct confine_path *p, uint64_t handled, struct error *err)
{
	cleanup_close int own_fd = -1;
	int fd = p->fd;
	if (fd < 0) {
		own_fd = fd = open(p->path, O_PATH | O_CLOEXEC);
		if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == EACCES))
			return 0;
	}
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_set(err, errno, "open '%s'", p->path ? p->path : "a directory of the store");

	uint64_t access = FS_READ_FILE | FS_READ_DIR;
	if (p->write)
		access |= FS_WRITE_FILE | FS_TRUNCATE | FS_REFER | (FS_TREE & ~FS_MAKE_SOCK);
	if (!S_ISDIR(st.st_mode))
		access &= FS_READ_FILE | FS_WRITE_FILE | FS_TRUNCATE;
	struct path_attr rule = { access & handled, fd };
	if (syscall(LANDLOCK_ADD, ruleset_fd, RULE_PATH, &rule, 0) < 0)
		return error_set(err, errno, "allow '%s' by Landlock", p->path ? p->path : "a directory of the store");
	return 0;
}

static bool writes(const struct confine *c)
{
	for (size_t i = 0; i < c->n_paths; i++)
		if (c->paths[i].write)
			return true;
	return false;
}

static int confine_landlock(const struct confine *c, struct error *err)
{
	int abi = (int) syscall(LANDLOCK_CREATE, NULL, 0, CREATE_VERSION);
	if (abi < 0 && (errno == ENOSYS || errno == EOPNOTSUPP)) {
		log_debug("this kernel has no Landlock, or it is off: files are confined by capabilities and seccomp alone");
		return 0;
	}
	/* ABI 1 denies every link between directories, and layers are full of them */
	if (abi == 1 && writes(c)) {
		log_debug("Landlock of this kernel (ABI 1) cannot permit hard links; Linux 5.19 can: it is not used");
		return 0;
	}
	struct ruleset_attr attr = { .fs = fs_of_abi(abi) };
	if (abi >= 4)
		attr.net = c->network ? NET_BIND_TCP : NET_BIND_TCP | NET_CONNECT_TCP;
	if (abi >= 6)
		attr.scoped = SCOPE_ALL;
	size_t size = abi >= 6 ? sizeof attr : abi >= 4 ? offsetof(struct ruleset_attr, scoped) : sizeof attr.fs;
	cleanup_close int fd = (int) syscall(LANDLOCK_CREATE, &attr, size, 0);
	if (fd < 0)
		return error_set(err, errno, "make a Landlock ruleset");
	for (size_t i = 0; i < c->n_paths; i++) {
		int r = allow_path(fd, &c->paths[i], attr.fs, err);
		if (r < 0)
			return r;
	}
	if (syscall(LANDLOCK_RESTRICT, fd, 0) < 0)
		return error_set(err, errno, "apply the Landlock ruleset");
	return 0;
}

/* ---- capabilities ---- */

static int confine_capabilities(uint64_t keep, struct error *err)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];
	if (syscall(SYS_capget, &header, data) < 0)
		return error_set(err, errno, "read the capabilities");

	(void) prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	/* without CAP_SETPCAP it cannot be dropped; it only matters to execve(2), which is denied */
	bool may_drop = data[CAP_SETPCAP / 32].effective & (1U << CAP_SETPCAP % 32);
	for (int cap = 0; may_drop && prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if ((cap > 63 || !(keep >> cap & 1)) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return error_set(err, errno, "drop capability %d", cap);

	for (int i = 0; i < 2; i++) {
		data[i].permitted &= (uint32_t) (keep >> 32 * i);
		data[i].effective = data[i].permitted;
		data[i].inheritable = 0;
	}
	if (syscall(SYS_capset, &header, data) < 0)
		return error_set(err, errno, "drop the capabilities");
	return 0;
}

/* ---- seccomp ---- */

#define CALL(name) { #name, __NR_##name }
struct call { const char *name; unsigned nr; };
static const struct call always[] = {
	/* programs and other processes */
	CALL(execve), CALL(execveat), CALL(ptrace), CALL(process_vm_readv), CALL(process_vm_writev), CALL(process_madvise),
	CALL(kcmp), CALL(pidfd_open), CALL(pidfd_getfd), CALL(pidfd_send_signal), CALL(rt_sigqueueinfo), CALL(rt_tgsigqueueinfo),
	CALL(tkill), CALL(setpriority), CALL(sched_setscheduler), CALL(sched_setattr), CALL(sched_setparam), CALL(sched_setaffinity),
	CALL(ioprio_set), CALL(migrate_pages), CALL(move_pages),
	/* mounts and roots */
	CALL(mount), CALL(umount2), CALL(pivot_root), CALL(chroot), CALL(open_tree), CALL(move_mount), CALL(fsopen),
	CALL(fsconfig), CALL(fsmount), CALL(fspick), CALL(mount_setattr), CALL(quotactl), CALL(swapon), CALL(swapoff),
	/* namespaces and identity */
	CALL(setns), CALL(unshare), CALL(setuid), CALL(setgid), CALL(setreuid), CALL(setregid), CALL(setresuid), CALL(setresgid),
	CALL(setgroups), CALL(setfsuid), CALL(setfsgid), CALL(personality), CALL(setsid),
	/* files past their names */
	CALL(open_by_handle_at), CALL(name_to_handle_at), CALL(fanotify_init), CALL(fanotify_mark),
	CALL(inotify_init1), CALL(inotify_add_watch),
	/* the kernel's large surfaces */
	CALL(keyctl), CALL(add_key), CALL(request_key), CALL(bpf), CALL(perf_event_open), CALL(userfaultfd), CALL(io_uring_setup),
	CALL(io_uring_enter), CALL(io_uring_register), CALL(io_setup), CALL(io_submit), CALL(seccomp), CALL(memfd_create),
	CALL(vmsplice), CALL(lookup_dcookie),
	/* what others share by number or name */
	CALL(mq_open), CALL(mq_unlink), CALL(shmget), CALL(shmat), CALL(shmctl), CALL(msgget), CALL(msgsnd), CALL(msgrcv), CALL(msgctl),
	CALL(semget), CALL(semop), CALL(semtimedop), CALL(semctl),
	/* the machine */
	CALL(init_module), CALL(finit_module), CALL(delete_module), CALL(kexec_load), CALL(reboot), CALL(acct), CALL(syslog),
	CALL(settimeofday), CALL(clock_settime), CALL(clock_adjtime), CALL(adjtimex), CALL(sethostname), CALL(setdomainname),
	CALL(vhangup), CALL(nfsservctl),
#ifdef __NR_kexec_file_load
	CALL(kexec_file_load),
#endif
#ifdef __NR_quotactl_fd
	CALL(quotactl_fd),
#endif
#ifdef __NR_memfd_secret
	CALL(memfd_secret),
#endif
#ifdef __x86_64__
	CALL(iopl), CALL(ioperm), CALL(modify_ldt), CALL(uselib), CALL(ustat), CALL(sysfs), CALL(arch_prctl),
	CALL(vfork), CALL(fork), CALL(inotify_init),
#endif
};
static const struct call changing[] = {		/* of files by name, and of what is not their content */
	CALL(truncate), CALL(fchmod), CALL(fchmodat), CALL(fchown), CALL(fchownat), CALL(utimensat), CALL(mkdirat), CALL(mknodat),
	CALL(unlinkat), CALL(linkat), CALL(symlinkat), CALL(renameat2), CALL(setxattr), CALL(lsetxattr), CALL(fsetxattr),
	CALL(removexattr), CALL(lremovexattr), CALL(fremovexattr),
	CALL(openat2),				/* its flags are in memory */
#ifdef __NR_renameat
	CALL(renameat),
#endif
#ifdef __x86_64__
	CALL(creat), CALL(chmod), CALL(chown), CALL(lchown), CALL(utime), CALL(utimes), CALL(futimesat), CALL(mkdir), CALL(mknod),
	CALL(rmdir), CALL(unlink), CALL(link), CALL(symlink), CALL(rename),
#endif
};
static const struct call sockets[] = {
	CALL(socket), CALL(socketpair), CALL(connect),
};
static const struct call listening[] = {	/* nobody connects to us */
	CALL(listen), CALL(accept), CALL(accept4),
};
#define N(array) (sizeof(array) / sizeof *(array))

#if defined __x86_64__
#define ARCH AUDIT_ARCH_X86_64
#define X32_BIT 0x40000000U
#elif defined __aarch64__
#define ARCH AUDIT_ARCH_AARCH64
#elif defined __riscv && __riscv_xlen == 64
#define ARCH AUDIT_ARCH_RISCV64
#else
#error "confine.c does not know this architecture's AUDIT_ARCH"
#endif
/* The newest call that this list was made against, of Linux 6.1. What came later (mount calls, attributes by name, fchmodat2) is no
 * need of ours: ENOSYS, and the C library falls back. */
enum { NEWEST_NR = 450 };

#define NAMESPACE_FLAGS (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

#define DENY (SECCOMP_RET_ERRNO | EPERM)
#define UNKNOWN (SECCOMP_RET_ERRNO | ENOSYS)
#define AT(field) ((uint32_t) offsetof(struct seccomp_data, field))
/* low half of an argument: where only it counts, the kernel takes an int or an unsigned */
#define ARG(n) (AT(args) + 8 * (n) + (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0))

struct program {
	struct sock_filter code[512];
	unsigned short len;
};

static void add(struct program *p, struct sock_filter instruction)
{
	if (p->len < N(p->code))
		p->code[p->len++] = instruction;
}
#define STMT(op, k) add(p, (struct sock_filter) BPF_STMT((op), (k)))
#define JUMP(op, k, yes, no) add(p, (struct sock_filter) BPF_JUMP(BPF_JMP | (op) | BPF_K, (k), (yes), (no)))
#define LOAD(offset) STMT(BPF_LD | BPF_W | BPF_ABS, (offset))
#define RETURN(what) STMT(BPF_RET | BPF_K, (what))

/* One test after the other, the call's number in the accumulator; each ends in a return, or in the number again. */
static void deny(struct program *p, unsigned nr)
{
	JUMP(BPF_JEQ, nr, 0, 1);
	RETURN(DENY);
}

static void deny_all(struct program *p, const struct call *calls, size_t n)
{
	for (size_t i = 0; i < n; i++)
		deny(p, calls[i].nr);
}

static void program_head(struct program *p)
{
	LOAD(AT(arch));
	JUMP(BPF_JEQ, ARCH, 1, 0);
	RETURN(SECCOMP_RET_KILL_PROCESS);
	LOAD(AT(nr));
#ifdef X32_BIT
	JUMP(BPF_JGE, X32_BIT, 0, 1);
	RETURN(DENY);
#endif
	JUMP(BPF_JGT, NEWEST_NR, 0, 1);
	RETURN(UNKNOWN);
}

/* only_self - signals: to our own process, and nothing else, groups included */
static void only_self(struct program *p, unsigned nr)
{
	JUMP(BPF_JEQ, nr, 0, 4);
	LOAD(ARG(0));
	JUMP(BPF_JEQ, (uint32_t) getpid(), 0, 1);
	RETURN(SECCOMP_RET_ALLOW);
	RETURN(DENY);
}

/* among - the low half of argument @n is one of @values: then @yes, else @no */
static void among(struct program *p, unsigned nr, int n, const uint32_t *values, unsigned char n_values, uint32_t yes, uint32_t no)
{
	JUMP(BPF_JEQ, nr, 0, (unsigned char) (n_values + 3));
	LOAD(ARG(n));
	for (unsigned char i = 0; i < n_values; i++)
		JUMP(BPF_JEQ, values[i], (unsigned char) (n_values - i), 0);
	RETURN(no);
	RETURN(yes);
}

/* bits - argument @n has none of @mask, and all of @required */
static void bits(struct program *p, unsigned nr, int n, uint32_t mask, uint32_t required)
{
	JUMP(BPF_JEQ, nr, 0, 6);
	LOAD(ARG(n));
	JUMP(BPF_JSET, mask, 3, 0);
	STMT(BPF_ALU | BPF_AND | BPF_K, required);
	JUMP(BPF_JEQ, required, 0, 1);
	RETURN(SECCOMP_RET_ALLOW);
	RETURN(DENY);
}

static void program_arguments(struct program *p)
{
	static const uint32_t own_pid[] = { 0 };
	/* nothing of terminals: no typing, no echo off; of files and block devices no copies, no flags */
	static const uint32_t ioctls[] = { FIONREAD, FIONBIO, FIOCLEX, TCGETS, SIOCGIFINDEX };
	/* an owner gets signals, of any number, when there is something to read */
	static const uint32_t fcntls[] = { F_SETOWN, F_SETOWN_EX, F_SETSIG, F_NOTIFY, F_SETLEASE };
	/* clone3's flags are in memory, where a filter cannot look: the C library uses clone then */
	JUMP(BPF_JEQ, __NR_clone3, 0, 1);
	RETURN(UNKNOWN);
	bits(p, __NR_clone, 0, NAMESPACE_FLAGS, CLONE_THREAD);
	among(p, __NR_ioctl, 1, ioctls, N(ioctls), SECCOMP_RET_ALLOW, DENY);
	among(p, __NR_fcntl, 1, fcntls, N(fcntls), DENY, SECCOMP_RET_ALLOW);
	among(p, __NR_prlimit64, 0, own_pid, N(own_pid), SECCOMP_RET_ALLOW, DENY);
	only_self(p, __NR_kill);
	only_self(p, __NR_tgkill);
}

/* internet_only - AF_INET and AF_INET6 without raw packets, and netlink's route. Pairs wake up libcurl's threads; one of datagrams
 * could be sent to the file system's sockets. */
static void internet_only(struct program *p)
{
	JUMP(BPF_JEQ, __NR_socketpair, 0, 5);
	LOAD(ARG(1));
	STMT(BPF_ALU | BPF_AND | BPF_K, 0xf);
	JUMP(BPF_JEQ, SOCK_STREAM, 1, 0);
	RETURN(DENY);
	RETURN(SECCOMP_RET_ALLOW);
	JUMP(BPF_JEQ, __NR_socket, 0, 16);
	LOAD(ARG(0));
	JUMP(BPF_JEQ, AF_NETLINK, 0, 3);
	LOAD(ARG(2));
	JUMP(BPF_JEQ, 0, 10, 0);	/* NETLINK_ROUTE: allow */
	RETURN(DENY);
	JUMP(BPF_JEQ, AF_INET, 1, 0);
	JUMP(BPF_JEQ, AF_INET6, 0, 8);
	LOAD(ARG(1));
	STMT(BPF_ALU | BPF_AND | BPF_K, 0xf);	/* the type without its flags */
	JUMP(BPF_JEQ, SOCK_RAW, 5, 0);
	LOAD(ARG(2));
	JUMP(BPF_JEQ, 0, 2, 0);
	JUMP(BPF_JEQ, IPPROTO_TCP, 1, 0);	/* the others load modules, and Landlock does not know them */
	JUMP(BPF_JEQ, IPPROTO_UDP, 0, 1);
	RETURN(SECCOMP_RET_ALLOW);
	RETURN(DENY);
}

/* reads_only - no open(2) that could write, create or truncate */
static void reads_only(struct program *p)
{
	const uint32_t flags = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC;
#ifdef __x86_64__
	bits(p, __NR_open, 1, flags, 0);
#endif
	bits(p, __NR_openat, 2, flags, 0);
	deny_all(p, changing, N(changing));
}

static int confine_seccomp(const struct confine *c, struct error *err)
{
	struct program program = { .len = 0 }, *p = &program;
	program_head(p);
	program_arguments(p);
	if (!writes(c))
		reads_only(p);
	deny_all(p, always, N(always));
	deny_all(p, listening, N(listening));
	if (c->network)
		internet_only(p);
	else
		deny_all(p, sockets, N(sockets));
	RETURN(SECCOMP_RET_ALLOW);
	if (p->len == N(p->code))
		return error_say(err, E2BIG, "the seccomp filter is too long");

	struct sock_fprog filter = { .len = p->len, .filter = p->code };
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) < 0)
		return error_set(err, errno, "load the seccomp filter (the kernel needs CONFIG_SECCOMP_FILTER)");
	return 0;
}

const char *const *confine_denied(bool network, bool may_write)
{
	static const char *names[N(always) + N(changing) + N(listening) + N(sockets) + 1];
	const struct { const struct call *calls; size_t n; } lists[] = {
		{ always, N(always) }, { changing, may_write ? 0 : N(changing) }, { listening, N(listening) }, { sockets, network ? 0 : N(sockets) },
	};
	size_t n = 0;
	for (size_t l = 0; l < N(lists); l++)
		for (size_t i = 0; i < lists[l].n; i++)
			names[n++] = lists[l].calls[i].name;
	names[n] = NULL;
	return names;
}

int confine_self(const struct confine *c, struct error *err)
{
	uint64_t capabilities = c->capabilities;
	int r = confine_stdio(c->input, err);
	if (r == 0 && only_fds(c)) {
		r = confine_root(c, err);
		if (r == 0)
			capabilities &= ~(UINT64_C(1) << CAP_MKNOD);
	}
	if (r >= 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		r = error_set(err, errno, "give up new privileges");
	if (r >= 0)
		r = confine_landlock(c, err);
	if (r == 0)
		r = confine_capabilities(capabilities, err);
	if (r == 0)
		r = confine_seccomp(c, err);
	return r < 0 ? error_wrap(err, "confine this program") : 0;
}
