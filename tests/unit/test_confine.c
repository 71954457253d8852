/* Confines children as the two programs confine themselves, and tries in them what must not work. The calls by name are tried with
 * every capability kept and with arguments that mean nothing, so that EPERM can only come from the filter. */
#include "../../cli/confine.h"
#include "tap.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char store[] = "/tmp/test-confine-XXXXXX";
static int store_fd, port;

enum who { IN_STORE, WRITER, READER };	/* the unpacker; the same by Landlock alone; the fetcher */

static void confine(enum who who, uint64_t capabilities)
{
	bool network = who == READER;
	/* with a name among them, it keeps the host's root */
	struct confine_path unpacker[] = { { .fd = store_fd, .write = true }, { .fd = -1, .path = "/nowhere" } };
	struct confine_path fetcher[] = { { .fd = -1, .path = "/etc/resolv.conf" }, { .fd = -1, .path = "/nowhere" } };
	struct confine c = {
		.paths = network ? fetcher : unpacker, .n_paths = who == IN_STORE ? 1 : 2, .network = network, .capabilities = capabilities,
	};
	struct error err = { 0 };
	if (confine_self(&c, &err) < 0) {
		fprintf(stderr, "# %s\n", err.text);
		_exit(99);
	}
}

/* tried - @attempt in a confined child: the errno it returned, 0 for success; 256 + n: killed by signal n */
static int tried(enum who who, uint64_t capabilities, int (*attempt)(void))
{
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		confine(who, capabilities);
		_exit(attempt());
	}
	int status = -1;
	(void) waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}
#define UNPACKER(attempt) tried(IN_STORE, 0, attempt)
#define LANDLOCKED(attempt) tried(WRITER, 0, attempt)
#define FETCHER(attempt) tried(READER, 0, attempt)

static int result(long r) { return r < 0 ? errno : 0; }

/* ---- attempts ---- */

static int try_execve(void)
{
	char *argv[] = { (char *) (uintptr_t) "true", NULL };
	return result(execve("/bin/true", argv, argv + 1));
}

static int try_connect(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t) port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	return fd < 0 ? errno : result(connect(fd, (struct sockaddr *) &to, sizeof to));
}

static int try_bind(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(40123) };
	return fd < 0 ? errno : result(bind(fd, (struct sockaddr *) &at, sizeof at));
}

static int try_udp(void) { return result(socket(AF_INET, SOCK_DGRAM, 0)); }
static int try_inet6(void) { return result(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)); }
static int try_raw(void) { return result(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP)); }
static int try_unix(void) { return result(socket(AF_UNIX, SOCK_STREAM, 0)); }
static int try_packet(void) { return result(socket(AF_PACKET, SOCK_DGRAM, 0)); }
static int try_vsock(void) { return result(socket(AF_VSOCK, SOCK_STREAM, 0)); }
static int try_route(void) { return result(socket(AF_NETLINK, SOCK_RAW, 0)); }
static int try_netfilter(void) { return result(socket(AF_NETLINK, SOCK_RAW, 12)); }
static int try_pair(void) { int fd[2]; return result(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd)); }
static int try_datagrams(void) { int fd[2]; return result(socketpair(AF_UNIX, SOCK_DGRAM, 0, fd)); }

static int try_read(const char *path) { return result(open(path, O_RDONLY)); }
static int try_passwd(void) { return try_read("/etc/passwd"); }
static int try_ssh(void) { return try_read("/root/.ssh"); }
static int try_root(void) { return try_read("/"); }
static int try_proc(void) { return try_read("/proc/self/environ"); }
static int try_resolv(void) { return try_read("/etc/resolv.conf"); }
static int try_store_read(void) { return result(openat(store_fd, "there", O_RDONLY)); }
static int try_absolute(void) { return try_read("/there"); }
static int try_up(void) { return result(openat(store_fd, "../../etc/passwd", O_RDONLY)); }
static int try_outside_chmod(void) { return result(chmod("/tmp/test-confine-file", 0600)); }
static int try_store_chmod(void) { return result(fchmodat(store_fd, "there", 0600, 0)); }
static int try_node(void)
{
	int r = result(mknodat(store_fd, "node", S_IFCHR | 0600, makedev(1, 3)));
	if (r == 0)
		r = result(openat(store_fd, "node", O_RDWR));
	(void) unlinkat(store_fd, "node", 0);
	return r;
}
static int try_store_write(void) { return result(openat(store_fd, "new", O_WRONLY | O_CREAT, 0600)); }
static int try_store_change(void) { return result(openat(store_fd, "there", O_WRONLY | O_TRUNC)); }
static int try_store_remove(void) { return result(unlinkat(store_fd, "new", 0)); }
static int try_outside(void) { return result(open("/tmp/test-confine-outside", O_WRONLY | O_CREAT, 0600)); }
static int try_mkdir_outside(void) { return result(mkdir("/tmp/test-confine-outside", 0700)); }
static int try_truncate(void) { return result(truncate("/tmp/test-confine-file", 0)); }
static int try_link_across(void)
{
	(void) mkdirat(store_fd, "a", 0700);
	(void) mkdirat(store_fd, "b", 0700);
	close(openat(store_fd, "a/f", O_WRONLY | O_CREAT, 0600));
	return result(linkat(store_fd, "a/f", store_fd, "b/f", 0));
}

static int try_kill_parent(void) { return result(kill(getppid(), 0)); }
static int try_kill_group(void) { return result(kill(0, 0)); }
static int try_kill_self(void) { return result(kill(getpid(), 0)); }
static int try_raise(void) { raise(SIGUSR1); return 1; }
static int try_namespace(void) { return result(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0)); }
static int try_clone3(void) { return result(syscall(SYS_clone3, NULL, 0)); }
static int try_newer(void) { return result(syscall(467, -1, NULL, 0)); }
static int try_sti(void) { return result(ioctl(0, TIOCSTI, "x")); }
static int try_sti_high(void) { return result(syscall(SYS_ioctl, 0, 0xffffffff00000000UL | TIOCSTI, "x")); }
static int try_chown(void) { return result(fchownat(store_fd, "there", 12, 12, 0)); }
static int try_fork(void) { pid_t pid = fork(); return pid == 0 ? 0 : result(pid); }
static void *idle(void *arg) { return arg; }
static int try_thread(void)
{
	pthread_t thread;
	int r = pthread_create(&thread, NULL, idle, NULL);
	return r ? r : pthread_join(thread, NULL);
}
static int try_owner(void) { return result(fcntl(store_fd, F_SETOWN, getppid())); }
static int try_limits(void) { struct rlimit l; return result(prlimit(getppid(), RLIMIT_CORE, NULL, &l)); }
static int try_own_limits(void) { struct rlimit l; return result(getrlimit(RLIMIT_CORE, &l)); }
static int try_winsize(void) { struct winsize w; return result(ioctl(0, TIOCSWINSZ, &w)); }
static int try_mptcp(void) { return result(socket(AF_INET, SOCK_STREAM, 262)); }
static int try_tcp(void) { return result(socket(AF_INET, SOCK_STREAM, IPPROTO_TCP)); }
static int try_nothing(void) { return 0; }
#ifdef __x86_64__
static int try_x32(void) { return result(syscall(0x40000000 | SYS_getpid)); }
static int try_i386(void)
{
	long r;
	__asm__ volatile("int $0x80" : "=a"(r) : "a"(20) : "memory", "r8", "r9", "r10", "r11");
	return r > 0 ? 0 : 1;
}
#endif

static int capabilities_left(void)
{
	char text[4096] = "";
	int fd = open("/proc/self/status", O_RDONLY);
	return fd < 0 ? 2 : read(fd, text, sizeof text - 1) > 0 && strstr(text, "CapEff:\t0000000000000001\n") &&
		strstr(text, "CapPrm:\t0000000000000001\n") && strstr(text, "CapBnd:\t0000000000000001\n") &&
		strstr(text, "CapAmb:\t0000000000000000\n") && strstr(text, "CapInh:\t0000000000000000\n") &&
		strstr(text, "NoNewPrivs:\t1\n") && strstr(text, "Seccomp:\t2\n") ? 0 : 1;
}

/* with_proc - the same confinement, but /proc may be read: to look at the outcome */
static int with_proc(void)
{
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		struct confine_path paths[] = { { .fd = -1, .path = "/proc" } };
		struct confine c = { .paths = paths, .n_paths = 1, .capabilities = 1 };
		_exit(confine_self(&c, NULL) < 0 ? 99 : capabilities_left());
	}
	int status = -1;
	(void) waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* ---- the calls by name ---- */

static int number;
static int try_number(void) { return result(syscall(number, -1, -1, -1, -1, -1, -1)); }

static void denied_by_name(bool network)
{
	for (const char *const *name = confine_denied(network, !network); *name; name++) {
		char what[100];
		number = seccomp_syscall_resolve_name(*name);
		int r = number < 0 ? -1 : tried(network ? READER : IN_STORE, ~0ULL, try_number);
		snprintf(what, sizeof what, "%s: %s is denied", network ? "fetcher" : "unpacker", *name);
		if (!tap_ok(r == EPERM, what, __FILE__, __LINE__))
			printf("# errno %d\n", r);
	}
}

static bool have_landlock(void) { return syscall(444, NULL, 0, 1) >= 2; }

static void files(void)
{
	OK(UNPACKER(try_store_write) == 0);
	OK(UNPACKER(try_store_read) == 0);
	OK(UNPACKER(try_store_change) == 0);
	OK(UNPACKER(try_store_remove) == 0);
	OK(UNPACKER(try_link_across) == 0);
	OK(LANDLOCKED(try_store_write) == 0);
	OK(LANDLOCKED(try_store_remove) == 0);
	OK(UNPACKER(try_passwd) == ENOENT);
	OK(UNPACKER(try_outside_chmod) == ENOENT);
	OK(UNPACKER(try_up) == ENOENT);
	OK(UNPACKER(try_absolute) == 0);	/* / is the store */
	OK(tried(IN_STORE, ~0ULL, try_node) == EACCES);
	OK(FETCHER(try_outside_chmod) == EPERM);
	OK(FETCHER(try_store_chmod) == EPERM);
	OK(try_outside_chmod() == 0 && try_store_chmod() == 0 && try_up() == 0 && try_node() == 0);
	if (!have_landlock()) {
		printf("ok %d - files outside # SKIP landlock_create_ruleset(NULL, 0, VERSION) says: no Landlock, or ABI 1\n", ++tap_count);
		return;
	}
	OK(LANDLOCKED(try_passwd) == EACCES);
	OK(LANDLOCKED(try_ssh) == EACCES);
	OK(LANDLOCKED(try_root) == EACCES);
	OK(LANDLOCKED(try_proc) == EACCES);
	OK(LANDLOCKED(try_outside) == EACCES);
	OK(LANDLOCKED(try_mkdir_outside) == EACCES);
	OK(LANDLOCKED(try_truncate) == EACCES);
	OK(FETCHER(try_passwd) == EACCES);
	OK(FETCHER(try_ssh) == EACCES);
	OK(FETCHER(try_store_read) == EACCES);
	OK(FETCHER(try_store_write) == EPERM);
	OK(FETCHER(try_store_change) == EPERM);
	OK(FETCHER(try_outside) == EPERM);
	OK(FETCHER(try_resolv) == 0);
	/* the programs that started us are not hindered: all of it is possible outside */
	OK(try_passwd() == 0 && try_ssh() == 0 && try_store_read() == 0);
}

static void sockets(void)
{
	OK(UNPACKER(try_connect) == EPERM);
	OK(UNPACKER(try_udp) == EPERM);
	OK(UNPACKER(try_inet6) == EPERM);
	OK(UNPACKER(try_unix) == EPERM);
	OK(UNPACKER(try_route) == EPERM);
	OK(UNPACKER(try_pair) == EPERM);
	OK(UNPACKER(try_vsock) == EPERM);
	OK(FETCHER(try_connect) == 0);
	OK(FETCHER(try_udp) == 0);
	OK(FETCHER(try_inet6) == 0);
	OK(FETCHER(try_route) == 0);
	OK(FETCHER(try_pair) == 0);
	OK(FETCHER(try_unix) == EPERM);
	OK(FETCHER(try_datagrams) == EPERM);
	OK(FETCHER(try_netfilter) == EPERM);
	OK(tried(READER, ~0ULL, try_packet) == EPERM);
	OK(tried(READER, ~0ULL, try_raw) == EPERM);
	OK(FETCHER(try_vsock) == EPERM);
	OK(FETCHER(try_tcp) == 0);
	OK(FETCHER(try_mptcp) == EPERM);
	if (syscall(444, NULL, 0, 1) >= 4)
		OK(FETCHER(try_bind) == EACCES);
	else
		printf("ok %d - bind # SKIP landlock_create_ruleset says: an ABI before 4\n", ++tap_count);
}

static void processes(void)
{
	OK(UNPACKER(try_execve) == EPERM);
	OK(FETCHER(try_execve) == EPERM);
	OK(tried(IN_STORE, ~0ULL, try_kill_parent) == EPERM);
	OK(UNPACKER(try_kill_group) == EPERM);
	OK(UNPACKER(try_kill_self) == 0);
	OK(UNPACKER(try_raise) == 256 + SIGUSR1);
	OK(UNPACKER(try_namespace) == EPERM);
	OK(UNPACKER(try_clone3) == ENOSYS);
	OK(UNPACKER(try_newer) == ENOSYS);
	OK(UNPACKER(try_sti) == EPERM);
	OK(UNPACKER(try_sti_high) == EPERM);
	OK(UNPACKER(try_nothing) == 0);
	OK(UNPACKER(try_fork) == EPERM);
	OK(FETCHER(try_fork) == EPERM);
	OK(FETCHER(try_thread) == 0);
	OK(UNPACKER(try_owner) == EPERM);
	OK(UNPACKER(try_limits) == EPERM);
	OK(UNPACKER(try_own_limits) == 0);
	OK(UNPACKER(try_winsize) == EPERM);
#ifdef __x86_64__
	OK(UNPACKER(try_x32) == EPERM);
	OK(UNPACKER(try_i386) == 256 + SIGSYS);
#endif
}

int main(void)
{
	if (geteuid() != 0) {
		printf("1..0 # SKIP needs root, which has what is taken away; id -u says %u\n", geteuid());
		return 0;
	}
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof at;
	int server = socket(AF_INET, SOCK_STREAM, 0);
	if (!mkdtemp(store) || (store_fd = open(store, O_RDONLY | O_DIRECTORY)) < 0 || server < 0 ||
	    bind(server, (struct sockaddr *) &at, len) < 0 || listen(server, 9) < 0 || getsockname(server, (struct sockaddr *) &at, &len) < 0) {
		printf("Bail out! no scratch directory or no port on loopback: %m\n");
		return 1;
	}
	port = ntohs(at.sin_port);
	close(openat(store_fd, "there", O_WRONLY | O_CREAT, 0600));
	close(open("/tmp/test-confine-file", O_WRONLY | O_CREAT, 0600));
	(void) remove("/tmp/test-confine-outside");	/* of a run that failed */
	bool made_ssh = mkdir("/root/.ssh", 0700) == 0;

	files();
	sockets();
	processes();
	OK(with_proc() == 0);
	OK(UNPACKER(try_chown) == EPERM);
	OK(tried(IN_STORE, 1, try_chown) == 0);	/* CAP_CHOWN is kept when asked for */
	denied_by_name(false);
	denied_by_name(true);

	for (const char *const *name = (const char *const[]) { "a/f", "b/f", "there", "new", NULL }; *name; name++)
		(void) unlinkat(store_fd, *name, 0);
	(void) unlinkat(store_fd, "a", AT_REMOVEDIR);
	(void) unlinkat(store_fd, "b", AT_REMOVEDIR);
	(void) rmdir(store);
	(void) unlink("/tmp/test-confine-file");
	(void) remove("/tmp/test-confine-outside");	/* there only after a failure */
	if (made_ssh)
		(void) rmdir("/root/.ssh");
	return tap_done();
}
