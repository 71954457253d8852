#include "../../woody/sysctl.h"
#include "cleanup.h"
#include "fs.h"
#include "str.h"
#include "tap.h"
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* SETUP - what a test stands on, and does not test */
#define SETUP(call) do { if ((call) < 0) { printf("Bail out! %s: %m\n", #call); _exit(1); } } while (0)

/* ---- sysctl_check ---- */

static struct error last;

/* check - one key, in a container with these namespaces ("ipc network=/path ...") */
static int check_value(const char *key, const char *value, const char *namespaces, const char *host,
		       const char *domain)
{
	struct strings words cleanup_strings = { 0 };
	struct spec_namespace list[8] = { { NULL } };
	strings_split(&words, namespaces, " ");
	for (size_t i = 0; i < words.n; i++) {
		char *path = strchr(words.v[i], '=');
		if (path)
			*path++ = 0;
		list[i] = (struct spec_namespace) { .type = words.v[i], .path = path };
	}
	struct json_pair pair = { .key = (char *) key, .value = (char *) value };
	struct spec_linux l = { .sysctl = { .n = 1, .pairs = &pair },
				.namespaces = list,
				.n_namespaces = words.n };
	const struct runtime_spec spec = { .linux_ = &l,
					   .hostname = (char *) host,
					   .domainname = (char *) domain };
	last = (struct error) { 0 };
	return sysctl_check(&spec, &last);
}

static int check(const char *key, const char *namespaces)
{
	return check_value(key, "1", namespaces, NULL, NULL);
}

static void test_rules(void)
{
	static const char *const ipc[] = { "kernel.msgmax",	"kernel.msgmnb",
					   "kernel.msgmni",	"kernel.sem",
					   "kernel.shmall",	"kernel.shmmax",
					   "kernel.shmmni",	"kernel.shm_rmid_forced",
					   "fs.mqueue.msg_max", "fs/mqueue/queues_max" };
	for (size_t i = 0; i < sizeof ipc / sizeof *ipc; i++) {
		OK(check(ipc[i], "pid ipc") == 0);
		OK(check(ipc[i], "pid network uts user mount") == -EINVAL);
	}
	OK(check("net.ipv4.ip_forward", "network") == 0 && check("net/ipv4/ip_forward", "network") == 0);
	OK(check("net.ipv4.ip_forward", "ipc uts user") < 0);
	OK(check("kernel.hostname", "uts") == 0 && check("kernel.domainname", "uts") == 0);
	OK(check("kernel.hostname", "ipc network") < 0 && check("kernel.domainname", "user") < 0);
	OK(check("user.max_user_namespaces", "user") == 0 &&
	   check("user.max_user_namespaces", "ipc network uts") < 0);
	OK(check("net.ipv4.ip_forward", "ipc") < 0);
	OK_STR(last.text, "sysctl 'net.ipv4.ip_forward' is not in a separate kernel namespace: the container "
			  "shares the caller's "
			  "network namespace");
}

static void test_refused(void)
{
	static const char *const keys[] = { "kernel.core_pattern",
					    "vm.swappiness",
					    "fs.file-max",
					    "kernel.shmmax.x",
					    "kernel.shm",
					    "kernel",
					    "net",
					    "netx.y",
					    "fs.mqueue",
					    "kernel.modprobe",
					    "abi.vsyscall32",
					    "kernel.msgmaxx" };
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		OK(check(keys[i], "ipc network uts user pid mount cgroup") == -EINVAL);
	OK(check("vm.swappiness", "ipc network uts user") < 0);
	OK_STR(last.text, "sysctl 'vm.swappiness' is not in a separate kernel namespace");

	static const char *const odd[] = {
		"",	     ".",	   "net..ipv4", "net/../kernel/core_pattern", "net/./x",
		"/net/x",    "net/",	   "net.",	"net.//.kernel.core_pattern", "../x",
		".net.ipv4", "net/ipv4/.."
	};
	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
		OK(check(odd[i], "ipc network uts user") == -EINVAL &&
		   strstr(last.text, "`..` are not allowed"));
	OK(check("net/../kernel/core_pattern", "network") < 0);
	OK_STR(last.text,
	       "sysctl 'net/../kernel/core_pattern': empty components, `.` and `..` are not allowed");
}

static void test_paths(void)
{
	OK(check("net.core.somaxconn", "network=/proc/self/ns/net") == -EINVAL);
	OK(strstr(last.text, "is not in a separate kernel namespace"));
	OK(check("kernel.sem", "ipc=/proc/self/ns/ipc") == -EINVAL &&
	   check("kernel.hostname", "uts=/proc/self/ns/uts") == -EINVAL);
	OK(check("net.core.somaxconn", "network=/nowhere") == -ENOENT);
	OK_STR(last.text, "sysctl 'net.core.somaxconn': look at the network namespace '/nowhere': No such "
			  "file or directory");
	/* any other namespace will do; that it is one of the right kind is namespaces_open()'s to say */
	OK(check("net.core.somaxconn", "network=/proc/self/ns/ipc") == 0);
	/* of no interest when no key asks for it */
	OK(check("kernel.sem", "ipc network=/nowhere") == 0);
}

static void test_names(void)
{
	OK(check_value("kernel.domainname", "a", "uts", NULL, "b") == -EINVAL);
	OK_STR(last.text, "sysctl 'kernel.domainname' is 'a', but domainname is 'b': they name the same "
			  "thing; remove one of them");
	OK(check_value("kernel.domainname", "a", "uts", NULL, "a") == 0);
	OK(check_value("kernel.domainname", "a", "uts", "a host", NULL) == 0);
	OK(check_value("kernel/hostname", "a", "uts", "b", NULL) == -EINVAL &&
	   strstr(last.text, "but hostname is 'b'"));
	OK(check_value("kernel/hostname", "a", "uts", "a", "b") == 0);
	const struct runtime_spec none = { 0 };
	OK(sysctl_check(&none, NULL) == 0);
	OK(sysctl_check(&(struct runtime_spec) { .linux_ = &(struct spec_linux) { 0 } }, NULL) == 0);
}

/* ---- sysctl_apply: in namespaces of a child's own ---- */

static int apply(int proc_fd, const char *key, const char *value)
{
	struct json_pair pair = { .key = (char *) key, .value = (char *) value };
	last = (struct error) { 0 };
	return sysctl_apply(&(struct json_map) { .n = 1, .pairs = &pair }, proc_fd, &last);
}

static bool is_now(const char *path, const char *value)
{
	cleanup_free char *text = NULL;
	return fs_read_file(AT_FDCWD, path, 4096, &text, NULL, NULL) == 0 && strcmp(text, value) == 0;
}

static void test_written(int proc)
{
	OK(apply(proc, "net.ipv4.ip_forward", "1") == 0 && is_now("/proc/sys/net/ipv4/ip_forward", "1\n"));
	OK(apply(proc, "net/ipv4/ip_forward", "0") == 0 && is_now("/proc/sys/net/ipv4/ip_forward", "0\n"));
	OK(apply(proc, "kernel.domainname", "a.domain") == 0 &&
	   is_now("/proc/sys/kernel/domainname", "a.domain\n"));
	OK(apply(proc, "kernel.sem", "251 32001 101 129") == 0 &&
	   is_now("/proc/sys/kernel/sem", "251\t32001\t101\t129\n"));
	OK(apply(proc, "fs.mqueue.msg_max", "11") == 0 && is_now("/proc/sys/fs/mqueue/msg_max", "11\n"));

	struct json_pair pairs[] = { { (char *) "kernel.msgmax", (char *) "8000" },
				     { (char *) "net.none", (char *) "1" },
				     { (char *) "kernel.msgmnb", (char *) "8000" } };
	OK(sysctl_apply(&(struct json_map) { .n = 3, .pairs = pairs }, proc, &last) == -ENOENT);
	OK(is_now("/proc/sys/kernel/msgmax", "8000\n") && !is_now("/proc/sys/kernel/msgmnb", "8000\n"));
	OK_STR(last.text, "sysctl 'net.none': the kernel has no such parameter here; is its module loaded?");
	OK(apply(proc, "net.ipv4.ip_forward", "nonsense") == -EINVAL);
	OK_STR(last.text, "sysctl 'net.ipv4.ip_forward': write 'nonsense': Invalid argument");
	OK(apply(proc, "net/../../self/oom_score_adj", "5") == -EINVAL);
	OK(sysctl_apply(&(struct json_map) { 0 }, proc, NULL) == 0);
}

/* test_dotted_name - of an interface: in a dotted key a slash stands for it, in a slashed one it is itself */
static void test_dotted_name(int proc)
{
	struct ifreq rename = { .ifr_name = "lo", .ifr_newname = "l.o" };
	cleanup_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	SETUP(ioctl(fd, SIOCSIFNAME, &rename));
	OK(apply(proc, "net.ipv4.conf.l/o.forwarding", "1") == 0);
	OK(is_now("/proc/sys/net/ipv4/conf/l.o/forwarding", "1\n"));
	OK(apply(proc, "net/ipv4/conf/l.o/forwarding", "0") == 0);
	OK(is_now("/proc/sys/net/ipv4/conf/l.o/forwarding", "0\n"));
	OK(apply(proc, "net.ipv4.conf.l.o.forwarding", "1") == -ENOENT);
}

/* test_not_procfs - what looks like one is not written to, nor what a symlink in it leads to */
static void test_not_procfs(void)
{
	char top[] = "/tmp/test_sysctl.XXXXXX";
	SETUP(mkdtemp(top) ? 0 : -1);
	cleanup_close int fd = open(top, O_PATH | O_DIRECTORY | O_CLOEXEC);
	SETUP(fd);
	SETUP(mkdirat(fd, "sys", 0700));
	SETUP(mkdirat(fd, "sys/net", 0700));
	cleanup_close int file = openat(fd, "sys/net/fake", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	SETUP(file);
	SETUP(symlinkat("/proc/sys/net/ipv4/ip_forward", fd, "sys/net/link"));
	OK(apply(fd, "net.fake", "1") == -EPERM);
	OK_STR(last.text, "sysctl 'net.fake': 'sys/net/fake' is not a file of procfs");
	OK(lseek(file, 0, SEEK_END) == 0);
	OK(apply(fd, "net.link", "1") < 0 && is_now("/proc/sys/net/ipv4/ip_forward", "0\n"));
	OK(fs_remove_tree(AT_FDCWD, top, NULL) == 0);
}

enum { FAILED = 98, NO_NAMESPACES = 99 };

/* in_namespaces - Return: how many tests there were, or FAILED */
static int in_namespaces(void)
{
	int before = tap_count;
	cleanup_close int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	SETUP(proc);
	test_written(proc);
	test_dotted_name(proc);
	test_not_procfs();
	fflush(stdout);
	return tap_failed ? FAILED : tap_count - before;
}

static void test_apply(void)
{
	fflush(stdout);
	pid_t pid = fork();
	SETUP(pid);
	if (pid == 0) {
		int r = unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS);
		/* the kernel's files belong to the host's root, in whatever user namespace we are */
		_exit(r < 0 ? NO_NAMESPACES : in_namespaces());
	}
	int status = -1;
	SETUP(waitpid(pid, &status, 0));
	int n = WIFEXITED(status) ? WEXITSTATUS(status) : FAILED;
	if (n == NO_NAMESPACES) {
		printf("ok %d # SKIP `unshare -nui true` is not permitted to uid %u\n", ++tap_count,
		       geteuid());
		return;
	}
	tap_count += n == FAILED ? 0 : n;	/* the child has printed them */
	OK(n > 0 && n != FAILED);
}

int main(void)
{
	test_rules();
	test_refused();
	test_paths();
	test_names();
	test_apply();
	return tap_done();
}
