/* How a call is shown: the part of --explain that knows system calls. */
#include <seccomp.h> /* libseccomp's; before ours, whose names it must not see */

#include "cleanup.h"
#include "explain.h"
#include "mem.h"
#include "str.h"
#include <fcntl.h>
#include <linux/audit.h>
#include <string.h>
#include <sys/uio.h>

enum { X32_BIT = 0x40000000, STRING_SHOWN = 96, PAGE = 4096 };

/* what the arguments are, one letter each: s a string in memory, f an fd or AT_FDCWD, d a number, o a mode, x anything else */
static const struct { const char *names, *arguments; } shapes[] = {
	{ "open creat", "sxo" },
	{ "openat", "fsxo" },
	{ "mkdirat", "fso" },
	{ "mknodat", "fsox" },
	{ "openat2", "fsxd" },
	{ "mkdir chmod", "so" },
	{ "mknod", "sox" },
	{ "fchmod", "fo" },
	{ "fchmodat fchmodat2", "fsox" },
	{ "rmdir unlink chdir chroot acct swapoff umount uselib readlink access stat lstat statfs", "s" },
	{ "unlinkat faccessat faccessat2 newfstatat statx readlinkat utimensat open_tree fspick name_to_handle_at", "fsx" },
	{ "fchownat", "fsddx" },
	{ "chown lchown", "sdd" },
	{ "fchown", "fdd" },
	{ "link symlink rename pivot_root", "ss" },
	{ "symlinkat", "sfs" },
	{ "linkat renameat renameat2 move_mount", "fsfsx" },
	{ "truncate", "sd" },
	{ "execve", "sxx" },
	{ "execveat", "fsxxx" },
	{ "mount", "sssxx" },
	{ "umount2 fsopen swapon memfd_create mq_unlink", "sx" },
	{ "mount_setattr", "fsxxd" },
	{ "fsconfig", "fxsx" },
	{ "fsmount fchdir close fsync", "f" },
	{ "setxattr lsetxattr", "ssxdx" },
	{ "getxattr lgetxattr", "ssxd" },
	{ "removexattr lremovexattr", "ss" },
	{ "sethostname setdomainname", "sd" },
	{ "add_key request_key", "ssxxx" },
	{ "init_module", "xds" },
	{ "finit_module", "fsx" },
	{ "delete_module", "sx" },
	{ "setns ioctl fcntl", "fxx" },
	{ "unshare personality umask", "x" },
	{ "socket socketpair", "ddd" },
	{ "bind connect accept", "fxd" },
	{ "kill", "dd" },
	{ "tgkill", "ddd" },
	{ "ptrace", "ddxx" },
	{ "setuid setgid setfsuid setfsgid", "d" },
	{ "setreuid setregid", "dd" },
	{ "setresuid setresgid", "ddd" },
	{ "setgroups", "dx" },
	{ "bpf", "dxd" },
	{ "perf_event_open", "xdddx" },
	{ "keyctl", "dxxxx" },
	{ "clone3", "xd" },
	{ "clone", "xxxxx" },
	{ "io_uring_setup", "dx" },
	{ "reboot", "xxxx" },
	{ "userfaultfd", "x" },
	{ "getpid getppid gettid getuid getgid sync vhangup", "" },
};

static const char *arguments_of(const char *name)
{
	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
		struct strings names cleanup_strings = { 0 };
		strings_split(&names, shapes[i].names, " ");
		if (strings_have(names.v, name))
			return shapes[i].arguments;
	}
	return "xxxxxx";
}

/* read_string - up to its NUL, page by page, since the next one may not be there. Return: bytes, or -1 */
static ssize_t read_string(int pid, uint64_t address, char *out, size_t size)
{
	size_t got = 0;
	while (got < size) {
		size_t n = PAGE - (address + got) % PAGE;
		if (n > size - got)
			n = size - got;
		struct iovec local = { out + got, n }, remote = { (void *) (uintptr_t) (address + got), n };
		ssize_t r = process_vm_readv(pid, &local, 1, &remote, 1, 0);
		if (r <= 0)
			return got ? (ssize_t) got : -1;
		if (memchr(out + got, 0, (size_t) r))
			return (ssize_t) got + (ssize_t) strnlen(out + got, (size_t) r);
		got += (size_t) r;
	}
	return (ssize_t) got;
}

/* add_string - quoted; what is not printable ASCII as \xNN, since this goes to a terminal */
static void add_string(struct buf *b, int pid, uint64_t address)
{
	char text[STRING_SHOWN + 1];
	ssize_t n = address ? read_string(pid, address, text, sizeof text) : -1;
	if (n < 0) {
		buf_printf(b, address ? "%#llx" : "NULL", (unsigned long long) address);
		return;
	}
	buf_putc(b, '"');
	for (ssize_t i = 0; i < n && i < STRING_SHOWN; i++) {
		unsigned char c = (unsigned char) text[i];
		if (c == '"' || c == '\\')
			buf_printf(b, "\\%c", c);
		else if (c < ' ' || c > '~')
			buf_printf(b, "\\x%02x", c);
		else
			buf_putc(b, (char) c);
	}
	buf_puts(b, n > STRING_SHOWN ? "\"..." : "\"");
}

static void add_argument(struct buf *b, char kind, uint64_t value, int pid)
{
	if (kind == 's')
		add_string(b, pid, value);
	else if (kind == 'f' && (int) value == AT_FDCWD)
		buf_puts(b, "AT_FDCWD");
	else if (kind == 'd' || kind == 'f')
		buf_printf(b, "%d", (int) value);
	else if (kind == 'o')
		buf_printf(b, "%#o", (unsigned) value);
	else
		buf_printf(b, value < 10 ? "%llu" : "%#llx", (unsigned long long) value);
}

char *explain_call(const struct seccomp_data *data, int pid)
{
	bool x32 = data->arch == AUDIT_ARCH_X86_64 && (data->nr & X32_BIT);
	int nr = x32 ? data->nr & ~X32_BIT : data->nr;
	cleanup_free char *name = seccomp_syscall_resolve_num_arch(x32 ? SCMP_ARCH_X32 : data->arch, nr);
	struct buf b = { 0 };
	if (name)
		buf_puts(&b, name);
	else
		buf_printf(&b, "system call %d", nr);
	if (x32 || data->arch != seccomp_arch_native())
		buf_printf(&b, "[%s]", x32 ? "x32" : data->arch == SCMP_ARCH_X86 ? "x86" : data->arch == SCMP_ARCH_ARM ? "arm" :
			   "another architecture");
	buf_putc(&b, '(');
	const char *kinds = name ? arguments_of(name) : "xxxxxx";
	for (size_t i = 0; kinds[i]; i++) {
		if (i)
			buf_puts(&b, ", ");
		add_argument(&b, kinds[i], data->args[i], pid);
	}
	buf_putc(&b, ')');
	return buf_take(&b);
}
