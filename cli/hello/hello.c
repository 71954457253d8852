/* hello.c - the program of the image `hello` that carrier carries inside itself.
 *
 * It prints what a process in a container sees, so that `carrier run hello` proves an installation on a
 * machine without any network and without any image. It has no libc: the image consists of this one file,
 * its size is bounded (see meson.build), and what it prints comes from the kernel alone. Everything it reads
 * is optional: what is missing (no /proc, no network) is said in its place, and the exit code is still 0.
 *
 * Only the three functions of syscall-<architecture>.h differ between machines; the numbers of the system
 * calls come from the kernel's own headers.
 */
#include <asm/unistd.h>
#include <linux/fcntl.h>
#include <linux/sockios.h>
#include <linux/utsname.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__)
#include "syscall-x86_64.h"
#elif defined(__aarch64__)
#include "syscall-aarch64.h"
#elif defined(__riscv) && __riscv_xlen == 64
#include "syscall-riscv64.h"
#else
#error "hello has no system call stub for this architecture: write a syscall-<architecture>.h for it"
#endif

/* What the kernel's headers do not say without a libc's beside them; the same on all three architectures. */
enum { ERR_PERM = 1, ERR_NOENT = 2, ERR_INTR = 4, ERR_ACCES = 13 };
enum { FAMILY_INET = 2, SOCKET_DGRAM = 2, INTERFACE_UP = 1 };

/* struct ifreq of netdevice(7) */
struct interface_request {
	char name[16];
	union {
		int16_t flags;
		struct { uint16_t family, port; uint8_t address[4]; } inet;
		uint8_t room[24];
	};
};

enum {
	COLUMN = 16,		/* where values begin */
	WIDTH = 80,
	MOUNTS_SHOWN = 64,	/* a host may have thousands */
};

/* Called by _start, with the stack as the kernel left it: argc, argv..., NULL, envp..., NULL. */
__attribute__((noreturn, used)) void hello_main(const long *stack);

/* Compilers call these two for struct copies and zeroing, libc or not. */
void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memset(void *to, int byte, size_t n);

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
	unsigned char *t = to;
	const unsigned char *f = from;

	while (n--)
		*t++ = *f++;
	return to;
}

void *memset(void *to, int byte, size_t n)
{
	unsigned char *t = to;

	while (n--)
		*t++ = (unsigned char) byte;
	return to;
}

/* --- text: a span of bytes, not terminated --- */

struct text { const char *at, *end; };

static struct text text_of(const char *s)
{
	struct text t = { s, s };

	while (*t.end)
		t.end++;
	return t;
}

static size_t text_length(struct text t)
{
	return (size_t) (t.end - t.at);
}

static bool text_equal(struct text a, struct text b)
{
	if (text_length(a) != text_length(b))
		return false;
	while (a.at < a.end)
		if (*a.at++ != *b.at++)
			return false;
	return true;
}

/* text_until - cut off and return what stands before the next @stop; @rest then begins behind it */
static struct text text_until(struct text *rest, char stop)
{
	struct text part = { rest->at, rest->at };

	while (part.end < rest->end && *part.end != stop)
		part.end++;
	rest->at = part.end < rest->end ? part.end + 1 : part.end;
	return part;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* text_word - cut off and return the next word; empty at the end */
static struct text text_word(struct text *rest)
{
	while (rest->at < rest->end && is_blank(*rest->at))
		rest->at++;

	struct text word = { rest->at, rest->at };
	while (word.end < rest->end && !is_blank(*word.end))
		word.end++;
	rest->at = word.end;
	return word;
}

static uint64_t text_hex(struct text t)
{
	uint64_t value = 0;

	for (; t.at < t.end; t.at++)
		value = value << 4 | (uint64_t) (*t.at <= '9' ? *t.at - '0' : (*t.at | 0x20) - 'a' + 10);
	return value;
}

/* --- output: collected, written once --- */

static char out_buffer[8192];
static size_t out_used, out_column;

static void out_flush(void)
{
	for (size_t done = 0; done < out_used;) {
		long n = sys(__NR_write, 1, (long) (out_buffer + done), (long) (out_used - done), 0);
		if (n == -ERR_INTR)
			continue;
		if (n <= 0)	/* nobody reads: nobody to tell, but the exit code should not claim success */
			sys(__NR_exit_group, 1, 0, 0, 0);
		done += (size_t) n;
	}
	out_used = 0;
}

static void out_char(char c)
{
	if (out_used == sizeof out_buffer)
		out_flush();
	out_buffer[out_used++] = c;
	out_column = c == '\n' ? 0 : out_column + 1;
}

/* out_text - print what came from outside: a hostname or mount point must not steer the terminal */
static void out_text(struct text t)
{
	for (; t.at < t.end; t.at++)
		out_char((unsigned char) *t.at < ' ' || *t.at == 0x7f ? '?' : *t.at);
}

static void out(const char *s)
{
	while (*s)
		out_char(*s++);
}

static void out_number(uint64_t value)
{
	char digits[20];
	size_t n = 0;

	do
		digits[n++] = (char) ('0' + value % 10);
	while (value /= 10);
	while (n)
		out_char(digits[--n]);
}

static void out_hex(uint64_t value)
{
	out("0x");
	for (int shift = 60; shift >= 0; shift -= 4)
		out_char("0123456789abcdef"[value >> shift & 15]);
}

static void out_pad(size_t column)
{
	while (out_column < column)
		out_char(' ');
}

/* field - begin the line of a value; @name NULL: one more line of the same */
static void field(const char *name)
{
	if (out_column)
		out_char('\n');
	out("  ");
	if (name)
		out(name);
	out_pad(COLUMN);
}

/* out_wrapped - print a word, on the next line if this one is full */
static void out_wrapped(struct text word)
{
	if (out_column > COLUMN && out_column + 1 + text_length(word) > WIDTH)
		field(NULL);
	if (out_column > COLUMN)
		out_char(' ');
	out_text(word);
}

/* --- input --- */

static int out_failure(const char *verb, const char *path, long code)
{
	out("unknown: ");
	out(verb);
	out(" '");
	out(path);
	out("': ");
	if (code == -ERR_NOENT) {
		out("no such file");
	} else if (code == -ERR_ACCES || code == -ERR_PERM) {
		out("not permitted");
	} else {
		out("error ");
		out_number((uint64_t) -code);
	}
	return (int) code;
}

/* file_read - read a whole file of /proc
 * @ret: valid until the next call, which uses the same buffer; cut at the last whole line that fits
 * Return: 0, or a negative errno after saying on the current line what was wrong.
 */
static int file_read(const char *path, struct text *ret)
{
	static char buffer[256 * 1024];
	size_t used = 0;

	long fd = sys(__NR_openat, AT_FDCWD, (long) path, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return out_failure("open", path, fd);
	long n;
	do {
		n = sys(__NR_read, fd, (long) (buffer + used), (long) (sizeof buffer - used), 0);
		used += n > 0 ? (size_t) n : 0;
	} while (n > 0 || n == -ERR_INTR);	/* a full buffer reads 0 bytes */
	sys(__NR_close, fd, 0, 0, 0);
	if (n < 0)
		return out_failure("read", path, n);

	if (used == sizeof buffer)
		while (used && buffer[used - 1] != '\n')
			used--;
	*ret = (struct text) { buffer, buffer + used };
	return 0;
}

/* status_value - the value of a "Name:\tvalue" line of /proc/self/status; empty if there is none */
static struct text status_value(struct text status, const char *name)
{
	while (status.at < status.end) {
		struct text line = text_until(&status, '\n');
		if (text_equal(text_until(&line, ':'), text_of(name)))
			return text_word(&line);
	}
	return (struct text) { 0 };
}

/* --- the report --- */

static void report_process(const long *stack)
{
	const char *const *argv = (const char *const *) (stack + 1);

	field("command");
	for (long i = 0; i < stack[0]; i++)
		out_wrapped(text_of(argv[i]));

	field("pid");
	out_number((uint64_t) sys(__NR_getpid, 0, 0, 0, 0));
	field("user");
	out("uid ");
	out_number((uint64_t) sys(__NR_geteuid, 0, 0, 0, 0));
	out(", gid ");
	out_number((uint64_t) sys(__NR_getegid, 0, 0, 0, 0));
}

/* report_map - which ids of the user namespace are which ids outside (user_namespaces(7)) */
static void report_map(const char *name, const char *path)
{
	struct text map;

	field(name);
	if (file_read(path, &map) < 0)
		return;
	if (map.at == map.end)
		out("empty: no id of this user namespace is one outside");
	for (bool first = true; map.at < map.end; first = false) {
		struct text line = text_until(&map, '\n');
		struct text inside = text_word(&line), outside = text_word(&line), count = text_word(&line);

		if (!first)
			field(NULL);
		out_text(inside);
		out(" is ");
		out_text(outside);
		out(" outside");
		if (!text_equal(count, text_of("1"))) {
			out(", and so on for ");
			out_text(count);
			out(" ids");
		}
	}
}

static void report_names(void)
{
	struct new_utsname names;
	bool known = sys(__NR_uname, (long) &names, 0, 0, 0) == 0;

	field("hostname");
	out_text(text_of(known ? names.nodename : "unknown"));
	field("kernel");
	if (!known)
		return out("unknown");
	out_text(text_of(names.sysname));
	out_char(' ');
	out_text(text_of(names.release));
	out_char(' ');
	out_text(text_of(names.machine));
}

/* report_capabilities - the effective set (capabilities(7)), by name */
static void report_capabilities(struct text value)
{
	/* at the index that is the capability's number */
	static const char *const names[] = {
		"chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid",
		"setpcap", "linux_immutable", "net_bind_service", "net_broadcast", "net_admin", "net_raw",
		"ipc_lock", "ipc_owner", "sys_module", "sys_rawio", "sys_chroot", "sys_ptrace", "sys_pacct",
		"sys_admin", "sys_boot", "sys_nice", "sys_resource", "sys_time", "sys_tty_config", "mknod",
		"lease", "audit_write", "audit_control", "setfcap", "mac_override", "mac_admin", "syslog",
		"wake_alarm", "block_suspend", "audit_read", "perfmon", "bpf", "checkpoint_restore",
	};
	uint64_t set = text_hex(value);

	out_hex(set);
	if (!set)
		out(", none");
	for (size_t i = 0; i < 64; i++) {
		if (!(set >> i & 1))
			continue;
		if (i < sizeof names / sizeof *names) {
			out_wrapped(text_of(names[i]));
		} else {
			out_wrapped(text_of("capability"));
			out_char('-');
			out_number(i);
		}
	}
}

static void report_restrictions(void)
{
	struct text status;

	field("capabilities");
	if (file_read("/proc/self/status", &status) < 0) {
		field("seccomp");
		out("unknown, for the same reason");
		field("no new privs");
		return out("unknown, for the same reason");
	}
	report_capabilities(status_value(status, "CapEff"));

	struct text seccomp = status_value(status, "Seccomp"), filters = status_value(status, "Seccomp_filters");
	field("seccomp");
	if (text_equal(seccomp, text_of("2"))) {
		out("filter");
		if (text_length(filters)) {	/* Linux 5.9 */
			out(", ");
			out_text(filters);
			out(" loaded");
		}
	} else {
		out(text_equal(seccomp, text_of("0")) ? "off" :
		    text_equal(seccomp, text_of("1")) ? "strict" : "not in this kernel");
	}

	struct text no_new_privs = status_value(status, "NoNewPrivs");
	field("no new privs");
	out(text_equal(no_new_privs, text_of("1")) ? "on" : text_equal(no_new_privs, text_of("0")) ? "off" : "unknown");
}

/* cgroup_line - cut off a line of /proc/self/cgroup, "id:controllers:path" (cgroups(7)) */
static void cgroup_line(struct text *rest, struct text *controllers, struct text *path)
{
	struct text line = text_until(rest, '\n');

	(void) text_until(&line, ':');
	*controllers = text_until(&line, ':');
	*path = line;
	if (!text_length(*controllers))
		*controllers = text_of("v2");
}

static bool cgroup_seen(struct text lines, struct text wanted)
{
	struct text controllers, path;

	while (lines.at < lines.end) {
		cgroup_line(&lines, &controllers, &path);
		if (text_equal(path, wanted))
			return true;
	}
	return false;
}

/* report_cgroup - each path once, with all hierarchies in which it is this process' */
static void report_cgroup(void)
{
	struct text all, controllers, path, other;

	field("cgroup");
	if (file_read("/proc/self/cgroup", &all) < 0)
		return;
	if (all.at == all.end)
		return out("none");

	for (struct text rest = all; rest.at < rest.end;) {
		struct text before = { all.at, rest.at };
		struct text same = rest;

		cgroup_line(&rest, &controllers, &path);
		if (cgroup_seen(before, path))
			continue;
		if (before.at < before.end)
			field(NULL);
		out_text(path);
		out(" in");
		while (same.at < same.end) {
			cgroup_line(&same, &controllers, &other);
			if (text_equal(path, other))
				out_wrapped(controllers);
		}
	}
}

/* report_mounts - count, then where, what and whether it can be written (fstab(5): "source where type options") */
static void report_mounts(void)
{
	struct text mounts;
	size_t count = 0;

	field("mounts");
	if (file_read("/proc/self/mounts", &mounts) < 0)
		return;
	for (struct text rest = mounts; rest.at < rest.end; count++)
		(void) text_until(&rest, '\n');
	out_number(count);

	for (size_t i = 0; i < count && i < MOUNTS_SHOWN; i++) {
		struct text line = text_until(&mounts, '\n');
		(void) text_word(&line);
		struct text where = text_word(&line), type = text_word(&line), options = text_word(&line);

		field(NULL);
		out_text(where);
		out_pad(COLUMN + 24);
		out_char(' ');
		out_text(type);
		if (text_equal(text_until(&options, ','), text_of("ro")))
			out(", read-only");
	}
	if (count > MOUNTS_SHOWN) {
		field(NULL);
		out("and ");
		out_number(count - MOUNTS_SHOWN);
		out(" more");
	}
}

/* report_address - up or down, and the IPv4 address if there is one (netdevice(7)) */
static void report_address(long socket, struct text name)
{
	struct interface_request request = { 0 };
	if (socket < 0 || text_length(name) >= sizeof request.name)
		return;

	memcpy(request.name, name.at, text_length(name));
	if (sys(__NR_ioctl, socket, SIOCGIFFLAGS, (long) &request, 0) == 0)
		out(request.flags & INTERFACE_UP ? ", up" : ", down");
	if (sys(__NR_ioctl, socket, SIOCGIFADDR, (long) &request, 0) != 0)
		return;
	for (int i = 0; i < 4; i++) {
		out(i ? "." : ", ");
		out_number(request.inet.address[i]);
	}
}

static void report_network(void)
{
	struct text all;

	field("network");
	if (file_read("/proc/self/net/dev", &all) < 0)
		return;
	for (int heading = 0; heading < 2; heading++)
		(void) text_until(&all, '\n');
	if (all.at == all.end)
		return out("no interface");

	long socket = sys(__NR_socket, FAMILY_INET, SOCKET_DGRAM, 0, 0);
	for (bool first = true; all.at < all.end; first = false) {
		struct text line = text_until(&all, '\n');
		struct text before_colon = text_until(&line, ':');
		struct text name = text_word(&before_colon);

		if (!first)
			field(NULL);
		out_text(name);
		report_address(socket, name);
	}
	if (socket >= 0)
		sys(__NR_close, socket, 0, 0, 0);
}

void hello_main(const long *stack)
{
	out("Hello from carrier!\n\n"
	    "This was printed by a small program that carrier brings along, run just now in a\n"
	    "container of its own. Of this machine, it sees:\n\n");

	report_process(stack);
	report_map("uid map", "/proc/self/uid_map");
	report_map("gid map", "/proc/self/gid_map");
	report_names();
	report_restrictions();
	report_cgroup();
	report_mounts();
	report_network();
	out_char('\n');

	out_flush();
	sys(__NR_exit_group, 0, 0, 0, 0);
	__builtin_unreachable();
}
