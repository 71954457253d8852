/* What carrier-fetch, carrier-unpack and carrier-pack do when what they read has taken them over: linked into test builds of them, which are
 * otherwise made of the same objects. The linker's --wrap puts it where bytes of the registry are in their hands for the first
 * time: body_write() of the fetcher, stream_next() of the unpacker, tree_write() of the packer. Each attempt is one line on stderr:
 *
 *	attack WHO WHAT RESULT		WHO: fetch, layer, document, pack; RESULT: ok, or the name of the errno
 *
 * after which the program goes on as if nothing were. The test sets, in the environment:
 *	ATTACK_STORE, ATTACK_SSH, ATTACK_OUTSIDE	directories, each with the files victim, unlinked, renamed
 *	ATTACK_PORT, ATTACK_SOCKET, ATTACK_SHM		somebody who listens (TCP on loopback; a path and the same abstract name), a SysV segment
 *	ATTACK_UNCONFINED				anything: the control; confine_self() does nothing
 *	ATTACK_ONLY					this attempt alone: one that may be fatal
 * Layers and documents are unpacked by several processes: those that come later in the control find what the first one did.
 * In the control each attempt has a child of its own, since those that succeed change their process. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/bpf.h>
#include <linux/netlink.h>
#include <linux/perf_event.h>
#include <linux/sched.h>
#include <linux/vm_sockets.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { BLOB_DIR_FD = 4, LAYER_DIR_FD = 5 };
enum { NOT_THIS_ONE = 4096 };		/* the attempt is no matter of this program */

static int result(long r) { return r < 0 ? errno : 0; }
static const char *setting(const char *name) { return getenv(name) ? getenv(name) : "/nowhere"; }
#ifdef FETCHER
enum { IS_FETCHER = 1 };
#else
enum { IS_FETCHER = 0 };
#endif
#ifdef PACKER
enum { IS_PACKER = 1 };
#else
enum { IS_PACKER = 0 };
#endif

/* has_layer - the unpacker of a layer; that of a document has another file there */
static bool has_layer(void)
{
	struct stat st;
	return fstat(LAYER_DIR_FD, &st) == 0 && S_ISDIR(st.st_mode);
}

/* ---- files: the same attempts on the store, on ~/.ssh and on a directory that is nobody's matter ---- */

static char victim[4096], other[4096];
static const char *in(const char *dir, const char *name, char out[4096]) { snprintf(out, 4096, "%s/%s", dir, name); return out; }
#define V in(dir, "victim", victim)

static int file_read(const char *dir)
{
	char byte;
	int fd = open(V, O_RDONLY);
	return fd < 0 ? errno : result(read(fd, &byte, 1));
}

static int file_write(const char *dir)
{
	int fd = open(V, O_WRONLY | O_APPEND);
	return fd < 0 ? errno : result(write(fd, "x", 1));
}

static int file_list(const char *dir)
{
	char entries[1024];
	int fd = open(dir, O_RDONLY | O_DIRECTORY);
	return fd < 0 ? errno : result(syscall(SYS_getdents64, fd, entries, sizeof entries));
}

static int file_create(const char *dir) { return result(open(in(dir, "created", other), O_WRONLY | O_CREAT | O_EXCL, 0600)); }
static int file_truncate(const char *dir) { return result(truncate(V, 1)); }
static int file_empty(const char *dir) { return result(open(V, O_RDONLY | O_TRUNC)); }
static int file_chmod(const char *dir) { return result(chmod(V, 0666)); }
static int file_chmod_path(const char *dir)
{
	int fd = open(V, O_PATH);
	char proc[40];
	snprintf(proc, sizeof proc, "/proc/self/fd/%d", fd);
	return fd < 0 ? errno : result(chmod(proc, 0644));
}
static int file_chown(const char *dir) { return result(chown(V, getuid(), getgid())); }
static int file_times(const char *dir) { return result(utimensat(AT_FDCWD, V, NULL, 0)); }
static int file_xattr(const char *dir) { return result(setxattr(V, "user.attack", "x", 1, 0)); }
static int file_unlink(const char *dir) { return result(unlink(in(dir, "unlinked", other))); }
static int file_rename(const char *dir) { return result(rename(in(dir, "renamed", victim), in(dir, "renamed-to", other))); }
static int file_link(const char *dir) { return result(link(V, in(dir, "linked", other))); }
static int file_symlink(const char *dir) { return result(symlink("/", in(dir, "symlink", other))); }
static int file_mkdir(const char *dir) { return result(mkdir(in(dir, "directory", other), 0700)); }
static int file_mknod(const char *dir) { return result(mknod(in(dir, "fifo", other), S_IFIFO | 0600, 0)); }
static int file_watch(const char *dir)
{
	int fd = inotify_init1(0);
	return fd < 0 ? errno : result(inotify_add_watch(fd, dir, IN_OPEN));
}

static const struct { const char *name; int (*run)(const char *dir); } file_attempts[] = {
	{ "read", file_read }, { "list", file_list }, { "watch", file_watch }, { "write", file_write }, { "create", file_create },
	{ "chmod", file_chmod }, { "chmod-path", file_chmod_path }, { "chown", file_chown }, { "times", file_times }, { "xattr", file_xattr },
	{ "unlink", file_unlink }, { "rename", file_rename }, { "link", file_link }, { "symlink", file_symlink },
	{ "mkdir", file_mkdir }, { "mknod", file_mknod }, { "truncate", file_truncate }, { "empty", file_empty },
};

static int open_as(const char *path, int flags) { return result(open(path, flags)); }
static int read_passwd(void) { return open_as("/etc/passwd", O_RDONLY); }
static int write_passwd(void) { return open_as("/etc/passwd", O_WRONLY); }
static int read_shadow(void) { return open_as("/etc/shadow", O_RDONLY); }
static int list_root(void) { return open_as("/", O_RDONLY | O_DIRECTORY); }
static int write_self(void) { return open_as("/proc/self/exe", O_WRONLY); }
static int create_in_lib(void)
{
	int r = result(open("/usr/lib/carrier-attack", O_WRONLY | O_CREAT, 0600));
	(void) unlink("/usr/lib/carrier-attack");
	return r;
}

/* climb - out of the directories that the unpacker is given, up to the store's victim: tmp/HEX/layer, tmp/HEX */
static int climb(int fd, const char *path) { return IS_FETCHER ? NOT_THIS_ONE : result(openat(fd, path, O_RDONLY)); }
static int climb_from_blob(void) { return climb(BLOB_DIR_FD, "../../index.json"); }
static int climb_from_layer(void) { return has_layer() ? climb(LAYER_DIR_FD, "../../../index.json") : NOT_THIS_ONE; }
static int climb_to_tmp(void) { return climb(BLOB_DIR_FD, "../neighbour"); }
static int climb_magic(void)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/self/fd/%d/../../index.json", BLOB_DIR_FD);
	return climb(AT_FDCWD, path);
}
static int climb_chdir(void)
{
	if (IS_FETCHER)
		return NOT_THIS_ONE;
	return fchdir(BLOB_DIR_FD) < 0 || chdir("../..") < 0 ? errno : open_as("index.json", O_RDONLY);
}

/* open_node - a device that the layer brings along, or that we make, is not only made but used: 1:3 here, the disk in earnest */
static int open_node(void)
{
	int dir = has_layer() ? LAYER_DIR_FD : BLOB_DIR_FD;
	if (IS_FETCHER)
		return NOT_THIS_ONE;
	if (mknodat(dir, "node", S_IFCHR | 0600, makedev(1, 3)) < 0)
		return errno;
	int r = result(openat(dir, "node", O_RDWR));
	(void) unlinkat(dir, "node", 0);
	return r;
}

/* ---- sockets ---- */

static int connect_inet(int type, int protocol)
{
	int fd = socket(AF_INET, type, protocol);
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t) atoi(setting("ATTACK_PORT"))),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	return fd < 0 ? errno : result(connect(fd, (struct sockaddr *) &to, sizeof to));
}
static int connect_tcp(void) { return connect_inet(SOCK_STREAM, 0); }
static int connect_udp(void) { return connect_inet(SOCK_DGRAM, 0); }
static int connect_mptcp(void) { return connect_inet(SOCK_STREAM, 262); }
static int connect_sctp(void) { return connect_inet(SOCK_SEQPACKET, 132); }
static int connect_raw(void) { return connect_inet(SOCK_RAW, IPPROTO_ICMP); }

static int connect_unix(int type, bool abstract)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	const char *path = setting("ATTACK_SOCKET");
	snprintf(to.sun_path + abstract, sizeof to.sun_path - 1, "%s", path);
	int fd = socket(AF_UNIX, type, 0);
	socklen_t len = (socklen_t) (offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1);
	return fd < 0 ? errno : result(connect(fd, (struct sockaddr *) &to, len));
}
static int connect_path(void) { return connect_unix(SOCK_STREAM, false); }
static int connect_abstract(void) { return connect_unix(SOCK_STREAM, true); }
static int datagram_path(void)
{
	int fd[2];
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	snprintf(to.sun_path, sizeof to.sun_path, "%s", setting("ATTACK_SOCKET"));
	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, fd) < 0)
		return errno;
	return sendto(fd[0], "x", 1, 0, (struct sockaddr *) &to, sizeof to) < 0 && errno != EPROTOTYPE ? errno : 0;
}

static int make_socket(int domain, int type, int protocol) { return result(socket(domain, type, protocol)); }
static int netlink_route(void) { return make_socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE); }
static int netlink_uevent(void) { return make_socket(AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT); }
static int socket_vsock(void) { return make_socket(AF_VSOCK, SOCK_STREAM, 0); }
static int socket_packet(void) { return make_socket(AF_PACKET, SOCK_RAW, 0); }
static int socket_alg(void) { return make_socket(AF_ALG, SOCK_SEQPACKET, 0); }
static int listen_tcp(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	return fd < 0 ? errno : result(listen(fd, 1));
}
static int bind_tcp(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(1) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	at.sin_port = 0;
	return fd < 0 ? errno : result(bind(fd, (struct sockaddr *) &at, sizeof at));
}

/* ---- programs and processes ---- */

static char *const nothing[] = { NULL };
static char *const argv_true[] = { (char *) (uintptr_t) "true", NULL };
static int exec_path(void) { return result(execve("/bin/true", argv_true, nothing)); }
static int exec_at(void) { return result(syscall(SYS_execveat, AT_FDCWD, "/bin/true", argv_true, nothing, 0)); }
static int exec_memory(void)
{
	char bytes[65536];
	int fd = (int) syscall(SYS_memfd_create, "x", 0), from = open("/bin/true", O_RDONLY);
	for (ssize_t n; fd >= 0 && from >= 0 && (n = read(from, bytes, sizeof bytes)) > 0;)
		if (write(fd, bytes, (size_t) n) != n)
			return errno;
	return fd < 0 || from < 0 ? errno : result(syscall(SYS_execveat, fd, "", argv_true, nothing, AT_EMPTY_PATH));
}
static int exec_layer(void)	/* what the layer brings along */
{
	if (IS_FETCHER || !has_layer())
		return NOT_THIS_ONE;
	int fd = openat(LAYER_DIR_FD, "program", O_WRONLY | O_CREAT | O_TRUNC, 0700);
	if (fd < 0 || write(fd, "#!/bin/true\n", 12) != 12 || close(fd) < 0)
		return errno;
	int r = result(syscall(SYS_execveat, LAYER_DIR_FD, "program", argv_true, nothing, 0));
	(void) unlinkat(LAYER_DIR_FD, "program", 0);
	return r;
}

/* child - @pid is what a call returned: the child has nothing to do */
static int child(long pid)
{
	if (pid == 0)
		_exit(0);
	if (pid > 0)
		(void) waitpid((pid_t) pid, NULL, 0);
	return result(pid);
}
static int fork_clone(void) { return child(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)); }
static int fork_clone3(void)
{
	struct clone_args a = { .exit_signal = SIGCHLD };
	return child(syscall(SYS_clone3, &a, sizeof a));
}
static int new_userns(void) { return child(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0)); }
static void *idle(void *arg) { return arg; }
static int new_thread(void)
{
	pthread_t thread;
	int r = pthread_create(&thread, NULL, idle, NULL);
	return r ? r : pthread_join(thread, NULL);
}
static int new_session(void) { return result(setsid()); }

static int kill_parent(void) { return result(kill(getppid(), SIGCONT)); }
static int kill_all(void) { return getenv("ATTACK_UNCONFINED") ? 0 : result(kill(-1, 0)); }
static int kill_group(void) { return result(kill(0, SIGCONT)); }
static int tgkill_parent(void) { return result(syscall(SYS_tgkill, getppid(), getppid(), SIGCONT)); }
static int queue_parent(void)
{
	siginfo_t info = { .si_signo = SIGCONT, .si_code = SI_QUEUE };
	return result(syscall(SYS_rt_sigqueueinfo, getppid(), SIGCONT, &info));
}
/* own_parent - signals by way of a pipe's owner */
static int own_parent(void)
{
	int ends[2];
	return pipe(ends) < 0 ? errno : result(fcntl(ends[0], F_SETOWN, getppid()));
}
static int own_signal(void)
{
	int ends[2];
	return pipe(ends) < 0 ? errno : result(fcntl(ends[0], F_SETSIG, SIGKILL));
}
static int own_ioctl(void)
{
	int ends[2], pid = getppid();
	return pipe(ends) < 0 ? errno : result(ioctl(ends[0], FIOASYNC, &pid));
}
static int trace_parent(void) { return result(ptrace(PTRACE_SEIZE, getppid(), 0, 0)); }
static int trace_me(void) { return result(ptrace(PTRACE_TRACEME, 0, 0, 0)); }
static int read_parent(void)	/* EFAULT: it was permitted, and there is nothing at that address */
{
	char byte;
	struct iovec here = { &byte, 1 }, there = { (void *) 8, 1 };
	long r = process_vm_readv(getppid(), &here, 1, &there, 1, 0);
	return r < 0 && errno != EFAULT ? errno : 0;
}
static int open_proc(const char *what, int flags)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/%s", getppid(), what);
	return open_as(path, flags);
}
static int parent_memory(void) { return open_proc("mem", O_RDWR); }
static int parent_environment(void) { return open_proc("environ", O_RDONLY); }
static int parent_oom(void) { return open_proc("oom_score_adj", O_WRONLY); }
static int parent_fd(void)
{
	int fd = (int) syscall(SYS_pidfd_open, getppid(), 0);
	return fd < 0 ? errno : result(syscall(SYS_pidfd_getfd, fd, 0, 0));
}
static int parent_limits(void)
{
	struct rlimit none = { 0, 0 };
	return result(prlimit(getppid(), RLIMIT_CORE, &none, NULL));
}
static int parent_affinity(void)
{
	cpu_set_t set;
	return sched_getaffinity(0, sizeof set, &set) < 0 ? errno : result(sched_setaffinity(getppid(), sizeof set, &set));
}
static int parent_priority(void) { return result(setpriority(PRIO_PROCESS, (id_t) getppid(), 1)); }
static int parent_io_priority(void) { return result(syscall(SYS_ioprio_set, 1, getppid(), 2 << 13 | 7)); }
static int raise_limit(void)
{
	struct rlimit l;
	if (getrlimit(RLIMIT_NOFILE, &l) < 0)
		return errno;
	l.rlim_max++;
	return result(setrlimit(RLIMIT_NOFILE, &l));
}

/* ---- the system ---- */

static int do_mount(void)
{
	int r = result(mount("none", setting("ATTACK_OUTSIDE"), "tmpfs", 0, NULL));
	(void) umount2(setting("ATTACK_OUTSIDE"), r == 0 ? MNT_DETACH : -1);
	return r;
}
static int mount_in_namespace(void) { return unshare(CLONE_NEWNS) < 0 ? errno : result(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)); }
static int do_open_tree(void) { return result(syscall(SYS_open_tree, AT_FDCWD, "/", 1)); }
static int do_chroot(void) { return result(chroot(setting("ATTACK_OUTSIDE"))); }
static int join_namespace(void)
{
	int fd = open("/proc/self/ns/uts", O_RDONLY);
	return fd < 0 ? errno : result(setns(fd, CLONE_NEWUTS));
}
static int setns_plain(void) { return setns(0, CLONE_NEWNET) < 0 && errno != EINVAL ? errno : 0; }
static int unshare_user(void) { return result(unshare(CLONE_NEWUSER)); }
static int unshare_net(void) { return result(unshare(CLONE_NEWNET)); }
static int use_keys(void) { return result(syscall(SYS_keyctl, 0, -3, 1)); }
static int add_keys(void) { return result(syscall(SYS_add_key, "user", "attack", "x", 1, -2)); }
static int use_bpf(void)
{
	union bpf_attr a = { .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1 };
	return result(syscall(SYS_bpf, BPF_MAP_CREATE, &a, sizeof a));
}
static int use_io_uring(void)
{
	char parameters[120] = { 0 };
	return result(syscall(SYS_io_uring_setup, 1, parameters));
}
static int use_aio(void)
{
	aio_context_t context = 0;
	return result(syscall(SYS_io_setup, 1, &context));
}
static int use_perf(void)
{
	struct perf_event_attr a = { .type = PERF_TYPE_SOFTWARE, .size = sizeof a, .exclude_kernel = 1, .exclude_hv = 1 };
	return result(syscall(SYS_perf_event_open, &a, 0, -1, -1, 0));
}
static int use_userfaultfd(void) { return result(syscall(SYS_userfaultfd, 1)); }
static int use_memfd(void) { return result(syscall(SYS_memfd_create, "x", 0)); }
static int attach_shared(void) { return shmat(atoi(setting("ATTACK_SHM")), NULL, SHM_RDONLY) == (void *) -1 ? errno : 0; }
static int use_terminal(void) { return ioctl(2, TIOCSTI, "x") < 0 && errno != ENOTTY ? errno : 0; }
static int set_terminal(void) { struct winsize w = { 0 }; return ioctl(2, TIOCSWINSZ, &w) < 0 && errno != ENOTTY ? errno : 0; }
static int become_other(void) { return result(setuid(65534)); }
static int all_dumpable(void) { return result(prctl(PR_SET_DUMPABLE, 1)); }
static int set_host_name(void) { return getenv("ATTACK_UNCONFINED") ? 0 : result(sethostname("attack", 6)); }
static int newer_call(void) { return result(syscall(467, -1, NULL, 0)); }

/* ---- what we hold ---- */

static int read_stdin(void)
{
	char byte;
	ssize_t n = IS_FETCHER ? read(0, &byte, 1) : 0;
	return IS_FETCHER ? n == 0 ? ENODATA : result(n) : NOT_THIS_ONE;
}
/* read_stderr - where passwords are typed, when it is a terminal */
static int read_stderr(void) { return fcntl(2, F_GETFL) < 0 ? errno : (fcntl(2, F_GETFL) & O_ACCMODE) == O_WRONLY ? EBADF : 0; }
static int write_stdout(void) { return result(write(1, "stdout was written to\n", 22)); }

#ifdef __x86_64__
static int by_i386(void)
{
	long r;
	__asm__ volatile("int $0x80" : "=a"(r) : "a"(20) : "memory", "r8", "r9", "r10", "r11");
	return r > 0 ? 0 : ENOSYS;
}
static int by_x32(void) { return result(syscall(0x40000000 | SYS_getpid)); }
#endif

static const struct attempt { const char *name; int (*run)(void); } attempts[] = {
	{ "passwd-read", read_passwd }, { "passwd-write", write_passwd }, { "shadow-read", read_shadow }, { "root-list", list_root },
	{ "exe-write", write_self }, { "lib-create", create_in_lib },
	{ "climb-blob", climb_from_blob }, { "climb-layer", climb_from_layer }, { "climb-tmp", climb_to_tmp }, { "climb-magic", climb_magic },
	{ "climb-chdir", climb_chdir }, { "node-open", open_node },
	{ "tcp", connect_tcp }, { "udp", connect_udp }, { "mptcp", connect_mptcp }, { "sctp", connect_sctp }, { "raw", connect_raw },
	{ "unix", connect_path }, { "abstract", connect_abstract }, { "unix-datagram", datagram_path }, { "route", netlink_route },
	{ "uevent", netlink_uevent }, { "vsock", socket_vsock }, { "packet", socket_packet }, { "alg", socket_alg },
	{ "listen", listen_tcp }, { "bind", bind_tcp },
	{ "execve", exec_path }, { "execveat", exec_at }, { "exec-memfd", exec_memory }, { "exec-layer", exec_layer },
	{ "fork", fork_clone }, { "clone3", fork_clone3 }, { "clone-userns", new_userns }, { "thread", new_thread },
	{ "kill-parent", kill_parent }, { "kill-all", kill_all }, { "kill-group", kill_group }, { "tgkill-parent", tgkill_parent },
	{ "sigqueue-parent", queue_parent }, { "setown-parent", own_parent }, { "setsig", own_signal }, { "fioasync", own_ioctl },
	{ "ptrace-parent", trace_parent }, { "ptrace-me", trace_me }, { "vm-read-parent", read_parent }, { "mem-parent", parent_memory },
	{ "environ-parent", parent_environment }, { "oom-parent", parent_oom }, { "fd-parent", parent_fd },
	{ "prlimit-parent", parent_limits }, { "affinity-parent", parent_affinity }, { "nice-parent", parent_priority },
	{ "ionice-parent", parent_io_priority }, { "setsid", new_session }, { "rlimit-raise", raise_limit },
	{ "mount", do_mount }, { "mount-private", mount_in_namespace }, { "open_tree", do_open_tree }, { "chroot", do_chroot }, { "setns", join_namespace },
	{ "setns-fd", setns_plain }, { "unshare-user", unshare_user }, { "unshare-net", unshare_net }, { "keyctl", use_keys },
	{ "add_key", add_keys }, { "bpf", use_bpf }, { "io_uring", use_io_uring }, { "aio", use_aio }, { "perf", use_perf },
	{ "userfaultfd", use_userfaultfd }, { "memfd", use_memfd }, { "shmat", attach_shared }, { "tiocsti", use_terminal },
	{ "winsize", set_terminal }, { "setuid", become_other }, { "dumpable", all_dumpable },
	{ "sethostname", set_host_name }, { "newer", newer_call },
	{ "stdin-read", read_stdin }, { "stderr-read", read_stderr }, { "stdout-write", write_stdout },
#ifdef __x86_64__
	{ "x32", by_x32 },
#endif
};

/* ---- trying them ---- */

static const char *who;
static bool control;

static void report(const char *dir, const char *name, int r)
{
	const char *word = r == 0 ? "ok" : strerrorname_np(r);
	if (r != NOT_THIS_ONE)
		dprintf(2, "attack %s %s%s%s %s\n", who, dir, *dir ? "-" : "", name, word ? word : "?");
}

static int apart(int (*run)(void), int (*on)(const char *dir), const char *dir)
{
	int status = 0;
	if (!control)
		return run ? run() : on(dir);
	pid_t pid = fork();
	if (pid == 0) {
		(void) prctl(PR_SET_PDEATHSIG, SIGKILL);
		int r = run ? run() : on(dir);
		_exit(r == NOT_THIS_ONE ? 255 : r);
	}
	(void) waitpid(pid, &status, 0);
	return !WIFEXITED(status) ? ECANCELED : WEXITSTATUS(status) == 255 ? NOT_THIS_ONE : WEXITSTATUS(status);
}

static void list_fds(void)
{
	char text[512] = "";
	for (int fd = 0; fd < 1024; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			snprintf(text + strlen(text), sizeof text - strlen(text), "%s%d", *text ? "," : "", fd);
	dprintf(2, "attack %s fds %s\n", who, text);
}

static void attack(void)
{
	static const char *const dirs[][2] = { { "store", "ATTACK_STORE" }, { "ssh", "ATTACK_SSH" }, { "outside", "ATTACK_OUTSIDE" } };
	static bool done;
	if (done)
		return;
	done = true;
	who = IS_FETCHER ? "fetch" : IS_PACKER ? "pack" : has_layer() ? "layer" : "document";
	control = getenv("ATTACK_UNCONFINED") != NULL;
	const char *only = getenv("ATTACK_ONLY");
#ifdef __x86_64__
	if (only && strcmp(only, "i386") == 0)
		report("", "i386", by_i386());
#endif
	if (only)
		return;
	if (!IS_FETCHER)	/* libcurl's pipes and sockets come and go */
		list_fds();
	for (size_t d = 0; d < sizeof dirs / sizeof *dirs; d++)
		for (size_t i = 0; i < sizeof file_attempts / sizeof *file_attempts; i++)
			report(dirs[d][0], file_attempts[i].name, apart(NULL, file_attempts[i].run, setting(dirs[d][1])));
	for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++)
		report("", attempts[i].name, apart(attempts[i].run, NULL, NULL));
}

/* ---- the places that the linker turns to us ---- */

struct body;
struct stream;
struct confine;
struct error;

#ifdef FETCHER
int __real_body_write(struct body *b, const void *data, size_t len);
int __wrap_body_write(struct body *b, const void *data, size_t len);
int __wrap_body_write(struct body *b, const void *data, size_t len)
{
	attack();
	return __real_body_write(b, data, len);
}
struct transfer;
int __real_upload_ended(struct transfer *t, long status, struct error *err);
int __wrap_upload_ended(struct transfer *t, long status, struct error *err);
int __wrap_upload_ended(struct transfer *t, long status, struct error *err)
{
	attack();
	return __real_upload_ended(t, status, err);
}
#elif defined PACKER
struct sink;
struct tree_numbers;
int __real_tree_write(int dir_fd, const void *what, struct sink *sink, int (*progress)(void *ctx, struct error *err), void *ctx, struct tree_numbers *n,
		      struct error *err);
int __wrap_tree_write(int dir_fd, const void *what, struct sink *sink, int (*progress)(void *ctx, struct error *err), void *ctx, struct tree_numbers *n,
		      struct error *err);
int __wrap_tree_write(int dir_fd, const void *what, struct sink *sink, int (*progress)(void *ctx, struct error *err), void *ctx, struct tree_numbers *n,
		      struct error *err)
{
	attack();
	return __real_tree_write(dir_fd, what, sink, progress, ctx, n, err);
}
#else
int __real_stream_next(struct stream *s, const uint8_t **data, size_t *len, struct error *err);
int __wrap_stream_next(struct stream *s, const uint8_t **data, size_t *len, struct error *err);
int __wrap_stream_next(struct stream *s, const uint8_t **data, size_t *len, struct error *err)
{
	int r = __real_stream_next(s, data, len, err);
	attack();
	return r;
}
#endif

int __real_confine_self(const struct confine *c, struct error *err);
int __wrap_confine_self(const struct confine *c, struct error *err);
int __wrap_confine_self(const struct confine *c, struct error *err)
{
	return getenv("ATTACK_UNCONFINED") ? 0 : __real_confine_self(c, err);
}
