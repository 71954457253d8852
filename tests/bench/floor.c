/* The floor under a container start: everything a default OCI bundle asks for on cgroup v1, in bare syscalls, nothing checked.
 * floor ROOTFS LEVEL:  0 fork+exec+wait  4 namespaces, mounts, pivot_root, empty cgroups  9 all: attach, device rules, masks,
 * read-only paths and root, cgroup mounts.  The child enters each v1 cgroup by writing 0 to `tasks`: no RCU grace period. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/sched.h>

#define CK(x) do { if ((x) < 0) { perror(#x); _exit(1); } } while (0)

static const char *const known[] = { "pids", "memory", "cpu", "cpuset", "blkio", "devices", "freezer", "hugetlb", "cpuacct", "systemd" };
enum { MAX = sizeof known / sizeof *known };
static const char *ctl[MAX];
static int N;
static char dir[MAX][64];

static void put(const char *d, const char *f, const char *s)
{
	char p[160];
	snprintf(p, sizeof p, "%s/%s", d, f);
	int fd = open(p, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, s, strlen(s)) < 0) { perror(p); _exit(1); }
	close(fd);
}

static void child(const char *root, int level)
{
	if (level >= 9)
		for (int i = 0; i < N; i++)
			put(dir[i], "tasks", "0");
	if (level >= 4) {
		CK(unshare(CLONE_NEWCGROUP));
		CK(mount(0, "/", 0, MS_REC | MS_PRIVATE, 0)); CK(mount(root, root, 0, MS_BIND | MS_REC, 0)); CK(chdir(root));
		CK(mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, 0));
		CK(mount("tmpfs", "dev", "tmpfs", MS_NOSUID, "mode=755,size=65536k"));
		CK(mkdir("dev/pts", 0755)); CK(mkdir("dev/shm", 0755)); CK(mkdir("dev/mqueue", 0755));
		CK(mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620"));
		CK(mount("shm", "dev/shm", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=1777,size=65536k"));
		CK(mount("mqueue", "dev/mqueue", "mqueue", MS_NOSUID | MS_NODEV | MS_NOEXEC, 0));
		CK(mount("sysfs", "sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, 0));
		static const char *nodes[] = { "null", "zero", "full", "tty", "random", "urandom" };
		for (int i = 0; i < 6; i++) { char q[64]; snprintf(q, 64, "dev/%s", nodes[i]); CK(mknod(q, S_IFCHR | 0666, (1 << 8) | 3)); }
	}
	if (level >= 9) {
		static const char *mask[] = { "proc/acpi", "proc/kcore", "proc/keys", "proc/latency_stats", "proc/timer_list",
			"proc/timer_stats", "proc/sched_debug", "sys/firmware", "proc/scsi" };
		static const char *ro[] = { "proc/bus", "proc/fs", "proc/irq", "proc/sys", "proc/sysrq-trigger" };
		struct stat s;
		CK(mount("tmpfs", "sys/fs/cgroup", "tmpfs", 0, "mode=755"));
		for (int i = 0; i < N; i++) {
			char q[128], o[64];
			snprintf(q, sizeof q, "sys/fs/cgroup/%s", ctl[i]); CK(mkdir(q, 0755));
			snprintf(o, sizeof o, "%s%s", !strcmp(ctl[i], "systemd") ? "none,name=" : "", ctl[i]);
			CK(mount("cgroup", q, "cgroup", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, o));
		}
		CK(mount(0, "sys/fs/cgroup", 0, MS_BIND | MS_REMOUNT | MS_RDONLY, 0));
		for (int i = 0; i < 9; i++)
			if (!stat(mask[i], &s))
				CK(S_ISDIR(s.st_mode) ? mount("tmpfs", mask[i], "tmpfs", MS_RDONLY, 0) : mount("dev/null", mask[i], 0, MS_BIND, 0));
		for (int i = 0; i < 5; i++)
			if (!access(ro[i], 0)) {
				CK(mount(ro[i], ro[i], 0, MS_BIND | MS_REC, 0));
				CK(mount(0, ro[i], 0, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, 0));
			}
		CK(mount(0, ".", 0, MS_BIND | MS_REMOUNT | MS_RDONLY, 0));
	}
	if (level >= 4) { CK(syscall(SYS_pivot_root, ".", ".")); CK(umount2(".", MNT_DETACH)); CK(chdir("/")); }
	execl("/bin/true", "true", (char *) 0);
	_exit(127);
}

int main(int argc, char **argv)
{
	int level = argc > 2 ? atoi(argv[2]) : 9, st = 0;
	for (int i = 0; i < MAX; i++) {
		char probe[64];
		snprintf(probe, sizeof probe, "/sys/fs/cgroup/%s/tasks", known[i]);
		if (access(probe, F_OK) == 0)
			ctl[N++] = known[i];	/* what is mounted here */
	}
	if (level >= 4)
		for (int i = 0; i < N; i++) {
			snprintf(dir[i], sizeof dir[i], "/sys/fs/cgroup/%s/floor%d", ctl[i], getpid());
			CK(mkdir(dir[i], 0755));
			if (level >= 9 && !strcmp(ctl[i], "cpuset")) { put(dir[i], "cpuset.cpus", "0"); put(dir[i], "cpuset.mems", "0"); }
			if (level >= 9 && !strcmp(ctl[i], "devices")) {
				static const char *allow[] = { "c *:* m", "b *:* m", "c 1:3 rwm", "c 1:8 rwm", "c 1:7 rwm", "c 5:0 rwm",
					"c 1:5 rwm", "c 1:9 rwm", "c 5:1 rwm", "c 136:* rwm", "c 5:2 rwm" };
				put(dir[i], "devices.deny", "a");
				for (int j = 0; j < 11; j++)
					put(dir[i], "devices.allow", allow[j]);
			}
		}
	struct clone_args a = { .exit_signal = SIGCHLD };
	if (level >= 4)
		a.flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET;
	pid_t p = syscall(SYS_clone3, &a, sizeof a);
	if (p == 0)
		child(argv[1], level);
	waitpid(p, &st, 0);
	if (level >= 4)
		for (int i = 0; i < N; i++)
			for (int n = 0; rmdir(dir[i]) && n < 1000; n++)
				usleep(100);
	return WEXITSTATUS(st);
}
