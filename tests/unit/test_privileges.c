/* Privileges, devices, namespaces and surroundings: the parts that need no kernel. */
#include "../../cli/container/cdi.h"
#include "../../cli/container/envfile.h"
#include "../../cli/container/hooksdir.h"
#include "../../cli/container/privileges.h"
#include "../../cli/container/record.h"
#include "../../cli/container/seccomp_file.h"
#include "cleanup.h"
#include "str.h"
#include "tap.h"

static char *word(const char *s) { return (char *) s; }

static const char *join(char *const *list, struct buf *b)
{
	b->len = 0;
	for (; list && *list; list++)
		buf_printf(b, "%s%s", b->len ? " " : "", *list);
	return b->len ? b->data : "";
}

/* ---- seccomp ---- */

static const char profile[] =
	"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":1,\"archMap\":[{\"architecture\":\"SCMP_ARCH_X86_64\","
	"\"subArchitectures\":[\"SCMP_ARCH_X86\"]},{\"architecture\":\"SCMP_ARCH_AARCH64\"}],\"syscalls\":["
	"{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[],\"comment\":\"c\",\"includes\":{},\"excludes\":{}},"
	"{\"name\":\"ptrace\",\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"minKernel\":\"4.8\"}},"
	"{\"names\":[\"mount\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"caps\":[\"CAP_SYS_ADMIN\"]}},"
	"{\"names\":[\"clone\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":0,\"value\":5,\"op\":\"SCMP_CMP_EQ\"}],"
	"\"excludes\":{\"caps\":[\"CAP_SYS_ADMIN\"],\"arches\":[\"s390\",\"s390x\"]}},"
	"{\"names\":[\"arch_prctl\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"arches\":[\"amd64\",\"x32\"]}}]}";

/* filter - the names of its rules */
static const char *filter(char *const *caps, const char *arch, const char *kernel, struct pool *pool, struct buf *b, struct spec_seccomp **s)
{
	b->len = 0;
	if (seccomp_parse("p", profile, strlen(profile), caps, arch, kernel, pool, s, NULL) < 0)
		return "(failed)";
	for (size_t i = 0; i < (*s)->n_syscalls; i++)
		buf_printf(b, "%s%s", i ? " " : "", (*s)->syscalls[i].names[0]);
	return buf_str(b);
}

static void test_seccomp(void)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct buf b cleanup_buf = { 0 };
	struct spec_seccomp *s = NULL;
	struct error err = { 0 };
	char *admin[] = { word("CAP_SYS_ADMIN"), NULL };
	OK_STR(filter(NULL, "amd64", "6.1.0-13", &pool, &b, &s), "read ptrace clone arch_prctl");
	OK(*s->default_errno_ret == 1 && s->syscalls[2].n_args == 1 && s->syscalls[2].args[0].value == 5);
	OK_STR(join(s->architectures, &b), "SCMP_ARCH_X86_64 SCMP_ARCH_X86");
	OK_STR(filter(admin, "arm64", "4.7.9", &pool, &b, &s), "read mount");
	OK_STR(join(s->architectures, &b), "SCMP_ARCH_AARCH64");
	OK_STR(filter(NULL, "s390x", "5.0", &pool, &b, &s), "read ptrace");
	OK(s->architectures == NULL);
	static const char *const bad[] = { "", "[]", "{}", "{\"defaultAction\":1}", "{\"defaultAction\":\"A\",\"syscalls\":[{}]}",
		"{\"defaultAction\":\"A\",\"syscalls\":[{\"action\":\"A\"}]}",
		"{\"defaultAction\":\"A\",\"syscalls\":[{\"name\":\"a\",\"names\":[\"b\"],\"action\":\"A\"}]}",
		"{\"defaultAction\":\"A\",\"architectures\":[\"x\"],\"archMap\":[{\"architecture\":\"x\"}]}" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		OK(seccomp_parse("p", bad[i], strlen(bad[i]), NULL, "amd64", "6.1", &pool, &s, &err) < 0 && strstr(err.text, "'p'"));
}

/* ---- paths ---- */

static void test_paths(void)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct buf b cleanup_buf = { 0 };
	char *all[] = { word("*"), NULL }, *some[] = { word("/proc/s*"), word("/sys"), NULL }, *more[] = { word("/etc/x"), NULL };
	OK_STR(join(paths_without("/proc/a /proc/sys", NULL, NULL, &pool), &b), "/proc/a /proc/sys");
	OK_STR(join(paths_without("/proc/a /proc/sys", all, NULL, &pool), &b), "");
	OK_STR(join(paths_without("/proc/a /proc/sys /sys/firmware /system", some, more, &pool), &b), "/proc/a /system /etc/x");
	OK_STR(join(paths_without("/proc/a", all, more, &pool), &b), "/etc/x");	/* a mask of one's own stays */
}

/* ---- devices ---- */

static void test_devices(void)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct record_device d;
	OK(device_parse("/dev/a", &pool, &d, NULL) == 0 && str_eq(d.container, "/dev/a") && str_eq(d.permissions, "rwm"));
	OK(device_parse("/dev/a:/dev/b", &pool, &d, NULL) == 0 && str_eq(d.host, "/dev/a") && str_eq(d.container, "/dev/b"));
	OK(device_parse("/dev/a:r", &pool, &d, NULL) == 0 && str_eq(d.container, "/dev/a") && str_eq(d.permissions, "r"));
	OK(device_parse("/dev/a:/x/../../b:rw", &pool, &d, NULL) == 0 && str_eq(d.container, "/b") && str_eq(d.permissions, "rw"));
	static const char *const bad[] = { "", "a", "/dev/a:b", "/dev/a:/b:x", "/dev/a:/b:rw:r", "a:/b", "rwm" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		OK(device_parse(bad[i], &pool, &d, NULL) == -EINVAL);
	OK(cdi_is_name("vendor.com/class=one") && cdi_is_name("a/b=c:d"));
	OK(!cdi_is_name("/dev/a=b") && !cdi_is_name("vendor/class") && !cdi_is_name("vendor=x") && !cdi_is_name("a/b=") && !cdi_is_name("a/=b") &&
	   !cdi_is_name("a=b/c") && !cdi_is_name(""));
}

/* ---- hooks ---- */

static int hook(const char *text, struct pool *pool, struct hook_document **d)
{
	return hook_document_parse("h", text, strlen(text), pool, d, NULL);
}
#define HOOK(when) "{\"version\":\"1.0.0\",\"hook\":{\"path\":\"/h\"},\"when\":{" when "},\"stages\":[\"prestart\"]}"

static void test_hooks(void)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct hook_document *d;
	struct json_pair pair = { word("a.b"), word("yes") };
	const struct json_map notes = { 1, &pair }, none = { 0 };
	OK(hook(HOOK("\"always\":true"), &pool, &d) == 0 && hook_document_matches(d, "/bin/sh", &none, false));
	OK(hook(HOOK("\"always\":false"), &pool, &d) == 0 && !hook_document_matches(d, "/bin/sh", &none, false));
	OK(hook(HOOK(""), &pool, &d) == 0 && !hook_document_matches(d, "/bin/sh", &notes, true));
	OK(hook(HOOK("\"commands\":[\"nope\",\"^/bin/s\"]"), &pool, &d) == 0 && hook_document_matches(d, "/bin/sh", &none, false) &&
	   !hook_document_matches(d, "sh", &none, false));
	OK(hook(HOOK("\"annotations\":{\"^a\\\\.\":\"^y\"},\"hasBindMounts\":true"), &pool, &d) == 0 &&
	   hook_document_matches(d, "sh", &notes, true) && !hook_document_matches(d, "sh", &notes, false) &&
	   !hook_document_matches(d, "sh", &none, true));
	OK(hook("{\"version\":\"2\",\"hook\":{\"path\":\"/h\"},\"stages\":[\"prestart\"]}", &pool, &d) == -EINVAL);
	OK(hook("{\"version\":\"1.0.0\",\"hook\":{\"path\":\"h\"},\"stages\":[\"prestart\"]}", &pool, &d) == -EINVAL);
	OK(hook("{\"version\":\"1.0.0\",\"hook\":{\"path\":\"/h\"},\"stages\":[]}", &pool, &d) == -EINVAL);
	OK(hook("{\"version\":\"1.0.0\",\"hook\":{\"path\":\"/h\"},\"stages\":[\"x\"]}", &pool, &d) == -EINVAL);
	OK(hook("{\"version\":\"1.0.0\",\"stages\":[\"prestart\"]}", &pool, &d) < 0);
	OK(hook(HOOK("\"commands\":[\"(\"]"), &pool, &d) == -EINVAL);
}

/* ---- files of variables ---- */

static void test_envfile(void)
{
	struct strings l cleanup_strings = { 0 }, bad cleanup_strings = { 0 };
	struct buf b cleanup_buf = { 0 };
	struct error err = { 0 };
	OK(envfile_parse("f", "\xef\xbb\xbf# x\n\n A=1\nB\r\nC=\"q\" # kept\n\tD=", &l, NULL) == 0);
	OK_STR(join(l.v, &b), "A=1 B C=\"q\" # kept D=");
	OK(envfile_parse("f", "A=1\n=2\n", &bad, &err) == -EINVAL && strstr(err.text, "'f', line 2"));
	OK(envfile_parse("f", "A B=2", &bad, &err) == -EINVAL && strstr(err.text, "line 1: a name with blanks, 'A B'"));
	OK(envfile_parse("f", "", &bad, NULL) == 0);
}

/* ---- namespaces and sysctls ---- */

static int modes(struct namespace_options o, const char *hostname, struct record_namespaces *n)
{
	static struct pool pool;	/* its strings are looked at afterwards */
	return namespaces_to_record(&o, hostname, &pool, n, NULL);
}

static void test_namespaces(void)
{
	struct record_namespaces n;
	struct error err = { 0 };
	OK(modes((struct namespace_options) { 0 }, NULL, &n) == 0 && !n.pid && !n.ipc && !n.uts && !n.cgroup);
	OK(modes((struct namespace_options) { word("private"), word("private"), word("private"), word("private") }, "h", &n) == 0 && !n.pid &&
	   str_eq(n.ipc, "private") && namespaces_own_uts(&n));
	OK(modes((struct namespace_options) { word("host"), word("none"), word("container:a"), word("host") }, NULL, &n) == 0 &&
	   str_eq(n.pid, "host") && str_eq(n.ipc, "none") && str_eq(n.uts, "container:a") && !namespaces_own_uts(&n));
	OK(modes((struct namespace_options) { .uts = word("host") }, "h", &n) == -EINVAL);
	OK(modes((struct namespace_options) { .pid = word("none") }, NULL, &n) == -EINVAL);
	OK(modes((struct namespace_options) { .pid = word("container:") }, NULL, &n) == -EINVAL);
	OK(modes((struct namespace_options) { .ipc = word("x") }, NULL, &n) == -EINVAL);

	OK(sysctl_allowed("net.ipv4.ip_forward", false, true, false, NULL) == 0 && sysctl_allowed("kernel.sem", true, false, false, NULL) == 0);
	OK(sysctl_allowed("fs.mqueue.msg_max", true, false, false, NULL) == 0 && sysctl_allowed("kernel.domainname", false, false, true, NULL) == 0);
	OK(sysctl_allowed("net.core.x", true, false, true, &err) == -EINVAL && strstr(err.text, "because of --network"));
	OK(sysctl_allowed("kernel.shmmax", false, true, true, &err) == -EINVAL && strstr(err.text, "because of --ipc"));
	OK(sysctl_allowed("kernel.hostname", true, true, true, &err) == -EINVAL && strstr(err.text, "--hostname"));
	OK(sysctl_allowed("vm.swappiness", true, true, true, NULL) == -EINVAL && sysctl_allowed("kernel.shmmaxx", true, true, true, NULL) == -EINVAL);
}

int main(void)
{
	test_seccomp();
	test_paths();
	test_devices();
	test_hooks();
	test_envfile();
	test_namespaces();
	return tap_done();
}
