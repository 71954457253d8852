/* What a record becomes: read back from the config.json that was written. */
#include "../../cli/container/bundle.h"
#include "../../cli/container/hostfiles.h"
#include "cleanup.h"
#include "fs.h"
#include "log.h"
#include "str.h"
#include "tap.h"
#include <errno.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIST(...) ((char **) (const char *const[]) { __VA_ARGS__, NULL })
#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static char dir[] = "/tmp/test_bundle.XXXXXX";
static int dir_fd = -1;

static struct container make(void)
{
	static const char *const args[] = { "sh", "-c", "x", NULL }, *const env[] = { "A=1", NULL };
	return (struct container) { .dir = dir, .dir_fd = dir_fd, .record = {
		.id = (char *) ID, .args = (char **) args, .env = (char **) env, .workdir = (char *) "/w" } };
}

static void put(const char *name, const char *text)
{
	if (fs_replace_file(dir_fd, name, text, strlen(text), 0644, false, NULL) < 0)
		printf("Bail out! cannot write %s\n", name);
}

static char *text_of(const char *name)
{
	char *text = NULL;
	return fs_read_file(dir_fd, name, 1 << 20, &text, NULL, NULL) == 0 ? text : xstrdup("(unreadable)");
}

/* written - the spec from the file; NULL when anything fails, @err told */
static struct runtime_spec *written(const struct container *c, const struct bundle_environment *e, struct pool *pool, struct error *err)
{
	struct runtime_spec *s = NULL;
	*err = (struct error) { 0 };
	if (bundle_write(c, e, err) < 0)
		return NULL;
	cleanup_free char *text = text_of("config.json");
	return json_decode(&runtime_spec_type, text, strlen(text), pool, &s, err) == 0 ? s : NULL;
}

static const struct spec_mount *mount_at(const struct runtime_spec *s, const char *destination)
{
	const struct spec_mount *found = NULL;
	for (size_t i = 0; i < s->n_mounts; i++)
		if (strcmp(s->mounts[i].destination, destination) == 0)
			found = found ? NULL : &s->mounts[i];	/* NULL also when it is there twice */
	return found;
}

static bool has_namespace(const struct runtime_spec *s, const char *type)
{
	for (size_t i = 0; i < s->linux_->n_namespaces; i++)
		if (strcmp(s->linux_->namespaces[i].type, type) == 0)
			return true;
	return false;
}

static void test_defaults(void)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct error err;
	struct container c = make();
	const struct bundle_environment root = { 0 };
	struct runtime_spec *s = written(&c, &root, &pool, &err);
	if (!OK(s != NULL)) {
		printf("# %s\n", err.text);
		return;
	}
	OK_STR(s->oci_version, "1.0.2");
	OK_STR(s->hostname, "0123456789ab");
	OK(strings_have(s->process->env, "A=1") && strings_have(s->process->env, "HOSTNAME=0123456789ab"));
	OK_STR(s->process->cwd, "/w");
	OK(strings_count(s->process->args) == 3 && !s->process->terminal && !s->process->no_new_privileges);
	OK(s->process->capabilities->bounding && !s->process->capabilities->inheritable && !s->process->capabilities->ambient);
	OK(!strings_have(s->process->capabilities->bounding, "CAP_SYS_ADMIN"));
	OK(str_starts(s->root->path, dir) && str_ends(s->root->path, "/rootfs") && !s->root->readonly);
	OK(has_namespace(s, "pid") && has_namespace(s, "cgroup") && has_namespace(s, "network") && !has_namespace(s, "user"));
	OK_STR(s->linux_->cgroups_path, "/carrier/" ID);
	OK(s->linux_->resources->n_devices == 1 && !s->linux_->resources->devices[0].allow && !s->linux_->resources->memory);
	OK(strings_have(s->linux_->masked_paths, "/proc/kcore") && strings_have(s->linux_->readonly_paths, "/proc/sys"));
	OK(strings_have(mount_at(s, "/dev/pts")->options, "gid=5"));
	OK_STR(mount_at(s, "/sys")->type, "sysfs");
	OK(str_ends(mount_at(s, "/etc/resolv.conf")->source, "/resolv.conf"));
	cleanup_free char *hostname = text_of("hostname"), *resolv = text_of("resolv.conf");
	OK_STR(hostname, "0123456789ab\n");
	OK(str_starts(resolv, "nameserver 10.0.2.3\n"));
	struct stat st;
	OK(fstatat(dir_fd, "hosts", &st, 0) == 0 && (st.st_mode & 07777) == 0644);
	OK(fstatat(dir_fd, "config.json", &st, 0) == 0 && (st.st_mode & 07777) == 0600);
}

static void test_options(void)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct error err;
	struct container c = make();
	struct record_settings settings = { .seccomp_unconfined = true, .no_new_privileges = true, .no_capabilities = true };
	struct bundle_environment e = { .rootless = true, .single_id = true, .settings = &settings };
	struct record_mount mounts[] = { { (char *) "bind", (char *) "/src", (char *) "/dev/shm", LIST("rbind", "rro") },
					 { (char *) "bind", (char *) "/h", (char *) "/etc/hosts", LIST("rbind") } };
	c.record.tty = c.record.read_only = true;
	c.record.network = (char *) "host";
	c.record.memory = 64 << 20;
	c.record.cpu_quota = 50000;
	c.record.cpu_period = 100000;
	c.record.pids_limit = 7;
	c.record.hostname = (char *) "box";
	c.record.mounts = mounts;
	c.record.n_mounts = 2;
	struct runtime_spec *s = written(&c, &e, &pool, &err);
	if (!OK(s != NULL)) {
		printf("# %s\n", err.text);
		return;
	}
	OK(s->process->terminal && s->root->readonly && s->process->no_new_privileges && !s->linux_->seccomp);
	OK(strings_count(s->process->capabilities->bounding) == 0);
	OK(!has_namespace(s, "network") && s->linux_->sysctl.n == 0 && !s->linux_->cgroups_path);
	OK(s->linux_->resources->n_devices == 0 && *s->linux_->resources->memory->limit == 64 << 20);
	OK(*s->linux_->resources->cpu->quota == 50000 && *s->linux_->resources->cpu->period == 100000);
	OK(*s->linux_->resources->pids->limit == 7);
	OK(!strings_have(mount_at(s, "/dev/pts")->options, "gid=5"));
	OK_STR(mount_at(s, "/sys")->source, "/sys");
	OK_STR(mount_at(s, "/dev/shm")->source, "/src");
	OK_STR(mount_at(s, "/etc/hosts")->source, "/h");
	OK_STR(s->hostname, "box");
	OK(s->process->user.additional_gids.n == 0);

	c.record.user = (char *) "7";
	e.settings = NULL;
	log_open(-1, LOG_FORMAT_TEXT, LOG_LEVEL_ERROR, "");	/* it is warned of */
	s = written(&c, &e, &pool, &err);
	OK(s && s->process->user.uid == 0 && s->process->user.gid == 0 && s->process->user.additional_gids.n == 0);
	OK(s && strings_count(s->process->capabilities->bounding) == 0 && strings_count(s->process->capabilities->effective) == 0);
}

static void test_systemd(void)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct error err;
	struct container c = make();
	const struct bundle_environment e = { .systemd_cgroups = true };
	struct runtime_spec *s = written(&c, &e, &pool, &err);
	OK(s != NULL);
	OK_STR(s ? s->linux_->cgroups_path : "", ":carrier:" ID);
}

static const char *user_as(const char *word, char out[256])
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct error err;
	struct container c = make();
	const struct bundle_environment e = { 0 };
	c.record.user = (char *) word;
	struct runtime_spec *s = written(&c, &e, &pool, &err);
	int n = snprintf(out, 256, "%.200s", err.text);
	if (s)
		n = snprintf(out, 256, "%u:%u:", s->process->user.uid, s->process->user.gid);
	for (size_t i = 0; s && i < s->process->user.additional_gids.n; i++)
		n += snprintf(out + n, 256 - (size_t) n, " %u", s->process->user.additional_gids.v[i]);
	return out;
}

static void test_user(void)
{
	char out[256];
	OK_STR(user_as("5:6", out), "5:6: 6");
	OK_STR(user_as("joe", out), "user 'joe': no user 'joe' in the container's /etc/passwd");
	(void) mkdirat(dir_fd, "rootfs/etc", 0755);
	put("rootfs/etc/group", "a:x:11:joe\nb:x:3:x,joe\njoe:x:10:\n");
	/* an absolute link stays inside: /data/passwd is the rootfs' */
	OK(mkdirat(dir_fd, "rootfs/data", 0755) == 0 && symlinkat("/data/passwd", dir_fd, "rootfs/etc/passwd") == 0);
	OK_STR(user_as("joe", out), "user 'joe': no user 'joe' in the container's /etc/passwd");
	put("rootfs/data/passwd", "root:x:0:0::/root:/bin/sh\njoe:x:9:10::/:/bin/sh\n");
	OK_STR(user_as("joe", out), "9:10: 10 3 11");
	OK_STR(user_as("joe:a", out), "9:11: 11");
	OK_STR(user_as(NULL, out), "0:0: 0");
	OK(unlinkat(dir_fd, "rootfs/data/passwd", 0) == 0 && mkfifoat(dir_fd, "rootfs/data/passwd", 0644) == 0);
	OK_STR(user_as("joe", out), "the container's '/etc/passwd' is no regular file");
}

/* ---- seccomp ---- */

/* rule_for - the @i-th rule that has @name */
static const struct spec_syscall *rule_for(const struct spec_seccomp *s, const char *name, size_t i)
{
	for (size_t k = 0; k < s->n_syscalls; k++)
		if (strings_have(s->syscalls[k].names, name) && i-- == 0)
			return &s->syscalls[k];
	return NULL;
}

static bool allows(const struct spec_seccomp *s, const char *name)
{
	const struct spec_syscall *rule = rule_for(s, name, 0);
	return rule && rule->n_args == 0 && strcmp(rule->action, "SCMP_ACT_ALLOW") == 0;
}

static void test_seccomp(void)
{
	static const char *const yes[] = { "read", "openat2", "faccessat2", "close_range", "epoll_pwait2", "futex_waitv", "memfd_secret",
		"landlock_add_rule", "process_mrelease", "pidfd_open", "statx", "clock_gettime64", "ptrace", "execve", "seccomp" };
	static const char *const no[] = { "mount", "mount_setattr", "umount2", "setns", "unshare", "bpf", "keyctl", "add_key", "request_key",
		"userfaultfd", "io_uring_setup", "kexec_load", "reboot", "init_module", "open_by_handle_at", "perf_event_open", "syslog",
		"swapon", "settimeofday", "acct", "iopl", "vhangup", "pidfd_getfd", "pivot_root", "chroot", "quotactl" };
	static const struct { const char *capability, *name; } table[] = {
		{ "CAP_SYS_ADMIN", "mount" }, { "CAP_SYS_ADMIN", "clone" }, { "CAP_SYS_ADMIN", "clone3" }, { "CAP_SYS_ADMIN", "bpf" },
		{ "CAP_BPF", "bpf" }, { "CAP_PERFMON", "perf_event_open" }, { "CAP_SYSLOG", "syslog" }, { "CAP_SYS_CHROOT", "chroot" },
		{ "CAP_SYS_TIME", "clock_settime" }, { "CAP_SYS_MODULE", "finit_module" }, { "CAP_SYS_PTRACE", "pidfd_getfd" },
		{ "CAP_DAC_READ_SEARCH", "open_by_handle_at" }, { "CAP_SYS_NICE", "mbind" }, { "CAP_SYS_TTY_CONFIG", "vhangup" },
	};
	struct pool pool CLEANUP(pool_done) = { 0 };
	const struct spec_seccomp *s = seccomp_default(NULL, &pool);
	OK_STR(s->default_action, "SCMP_ACT_ERRNO");
	OK(*s->default_errno_ret == EPERM);
	for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
		tap_ok(allows(s, yes[i]), yes[i], __FILE__, __LINE__);
	for (size_t i = 0; i < sizeof no / sizeof *no; i++)
		tap_ok(!rule_for(s, no[i], 0), no[i], __FILE__, __LINE__);
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		const struct spec_seccomp *with = seccomp_default(LIST((char *) table[i].capability), &pool);
		tap_ok(allows(with, table[i].name) && !rule_for(with, table[i].name, 1) && !allows(s, table[i].name), table[i].name,
		       __FILE__, __LINE__);
	}
	const struct spec_syscall *clone_ = rule_for(s, "clone", 0), *socket_ = rule_for(s, "socket", 0);
	OK(clone_ && clone_->n_args == 1 && clone_->args[0].value == 0x7e020000 && clone_->args[0].value_two == 0);
	OK(clone_ && strcmp(clone_->args[0].op, "SCMP_CMP_MASKED_EQ") == 0);
	OK(*rule_for(s, "clone3", 0)->errno_ret == ENOSYS);
	OK(socket_ && socket_->args[0].value == 40 && strcmp(socket_->args[0].op, "SCMP_CMP_NE") == 0 && !rule_for(s, "socket", 1));
	OK(rule_for(s, "personality", 4) && !rule_for(s, "personality", 5));
	for (size_t i = 0; s->syscalls[0].names[i]; i++)
		for (size_t k = 0; k < i; k++)
			if (strcmp(s->syscalls[0].names[i], s->syscalls[0].names[k]) == 0)
				tap_ok(0, s->syscalls[0].names[i], "named twice", 0);
}

static void test_hostfiles(void)
{
	static const char host[] = "# made by somebody\nnameserver 127.0.0.53\nsearch example.org\noptions edns0\nsearching x\n";
	struct record_settings s = { .dns = LIST("9.9.9.9"), .hosts = LIST("db 10.1.1.1", "up host-gateway") };
	static const char mixed[] = "nameserver 127.0.0.1\nnameserver 192.0.2.53 # x\nnameserver ::1\nnameserver fe80::1%eth0\nnameserver 2001:db8::53\n";
	const struct { const char *network; const struct record_settings *settings; const char *want; bool pasta; const char *host; } table[] = {
		{ "private", NULL, "nameserver 10.0.2.3\nsearch example.org\noptions edns0\n" },
		{ NULL, NULL, "nameserver 10.0.2.3\nsearch example.org\noptions edns0\n" },
		{ "host", NULL, host },
		{ "none", NULL, "" },
		{ "private", &s, "nameserver 9.9.9.9\nsearch example.org\noptions edns0\n" },
		{ "none", &s, "nameserver 9.9.9.9\n" },
		{ "ns:/run/netns/x", NULL, host },
		{ "slirp4netns:mtu=1500", NULL, "nameserver 10.0.2.3\n", false, mixed },
		{ "slirp4netns:mtu=1500,cidr=10.9.0.0/16", NULL, "nameserver 10.9.0.3\n", false, mixed },
		{ "private", NULL, "nameserver 10.0.2.3\nnameserver 192.0.2.53\nnameserver 2001:db8::53\n", true, mixed },
		{ "pasta", NULL, "nameserver 10.0.2.3\nsearch example.org\noptions edns0\n", true, host },
		{ "pasta", NULL, "nameserver 10.0.2.3\n", true, "" },
		{ "pasta", &s, "nameserver 9.9.9.9\n", true, mixed },
		{ "shop", NULL, "nameserver 127.0.0.11\nsearch example.org\noptions edns0\n" },
		{ "shop", &s, "nameserver 127.0.0.11\n", false, mixed },
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		cleanup_free char *text = hostfiles_resolv(table[i].network, table[i].pasta, table[i].host ? table[i].host : host, table[i].settings);
		OK_STR(text, table[i].want);
	}
	OK(hostfiles_is_stub(host) && hostfiles_is_stub("nameserver\t127.0.0.54\n") && !hostfiles_is_stub(mixed) && !hostfiles_is_stub("search x\n"));
	OK(!hostfiles_is_stub("nameserver 127.0.0.53\nnameserver 192.0.2.1\n") && !hostfiles_is_stub("nameservers 127.0.0.53\n"));
	cleanup_free char *hosts = hostfiles_hosts("private", "box", "192.0.2.7", &s);
	OK(str_starts(hosts, "10.1.1.1\tdb\n192.0.2.7\tup\n127.0.0.1\tlocalhost\n"));
	OK(strstr(hosts, "\n192.0.2.7\thost.containers.internal host.docker.internal\n") && str_ends(hosts, "\tbox\n"));
	cleanup_free char *none = hostfiles_hosts("none", "box", "192.0.2.7", NULL);
	OK(!strstr(none, "internal"));
	cleanup_free char *alone = hostfiles_hosts("private", "box", NULL, &s);
	OK(!strstr(alone, "internal") && !strstr(alone, "up"));
}

int main(void)
{
	if (!mkdtemp(dir) || (dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) {
		printf("Bail out! no directory to work in\n");
		return 1;
	}
	test_defaults();
	test_systemd();
	test_options();
	test_user();
	test_seccomp();
	test_hostfiles();
	OK(fs_remove_tree(AT_FDCWD, dir, NULL) == 0);
	close(dir_fd);
	return tap_done();
}
