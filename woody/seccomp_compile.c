/* Theory of operation. libseccomp turns rules into a program; we put a few instructions before it for the
 * system calls that are newer than the profile (see seccomp.h). libseccomp's program begins by loading what
 * it looks at, so ours may leave anything in the accumulator and simply end where it begins.
 */
#include <seccomp.h> /* first: it must not see the macro of our header of that name */

#include "cleanup.h"
#include "fs.h"
#include "log.h"
#include "mem.h"
#include "seccomp.h"
#include "seccomp_compile.h"
#include "str.h"
#include <ctype.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* ---- words: each list in runc's order, with the values behind it in the same order ---- */

static const char *const action_names[] = {
	"SCMP_ACT_ALLOW",	"SCMP_ACT_ERRNO",
	"SCMP_ACT_KILL",	"SCMP_ACT_KILL_PROCESS",
	"SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG",
	"SCMP_ACT_NOTIFY",	"SCMP_ACT_TRACE",
	"SCMP_ACT_TRAP",	NULL,
};
static const uint32_t action_values[] = {
	SCMP_ACT_ALLOW, SCMP_ACT_ERRNO(0), SCMP_ACT_KILL,     SCMP_ACT_KILL_PROCESS, SCMP_ACT_KILL_THREAD,
	SCMP_ACT_LOG,	SCMP_ACT_NOTIFY,   SCMP_ACT_TRACE(0), SCMP_ACT_TRAP,
};

static const char *const operator_names[] = {
	"SCMP_CMP_EQ", "SCMP_CMP_GE",	     "SCMP_CMP_GT", "SCMP_CMP_LE",
	"SCMP_CMP_LT", "SCMP_CMP_MASKED_EQ", "SCMP_CMP_NE", NULL,
};
static const uint32_t operator_values[] = {
	SCMP_CMP_EQ, SCMP_CMP_GE, SCMP_CMP_GT, SCMP_CMP_LE, SCMP_CMP_LT, SCMP_CMP_MASKED_EQ, SCMP_CMP_NE,
};

#define COUNT(array) (sizeof(array) / sizeof *(array))
_Static_assert(COUNT(action_names) == COUNT(action_values) + 1, "a value for each action");
_Static_assert(COUNT(operator_names) == COUNT(operator_values) + 1, "a value for each operator");

/* libseccomp knows them by the lower-case word behind SCMP_ARCH_ */
static const char *const arch_names[] = {
	"SCMP_ARCH_AARCH64",   "SCMP_ARCH_ARM",	     "SCMP_ARCH_LOONGARCH64", "SCMP_ARCH_M68K",
	"SCMP_ARCH_MIPS",      "SCMP_ARCH_MIPS64",
	"SCMP_ARCH_MIPS64N32", "SCMP_ARCH_MIPSEL",   "SCMP_ARCH_MIPSEL64", "SCMP_ARCH_MIPSEL64N32",
	"SCMP_ARCH_PARISC",    "SCMP_ARCH_PARISC64", "SCMP_ARCH_PPC",	   "SCMP_ARCH_PPC64",
	"SCMP_ARCH_PPC64LE",   "SCMP_ARCH_RISCV64",  "SCMP_ARCH_S390",	   "SCMP_ARCH_S390X",
	"SCMP_ARCH_SH",	       "SCMP_ARCH_SHEB",
	"SCMP_ARCH_X32",       "SCMP_ARCH_X86",	     "SCMP_ARCH_X86_64",   NULL,
};

enum { ARCHS_MAX = COUNT(arch_names) }; /* all of them and the native one */

const char *const *seccomp_action_names(void) { return action_names; }
const char *const *seccomp_operator_names(void) { return operator_names; }

static int word_value(const char *const *names, const uint32_t *values, const char *word, uint32_t *ret)
{
	for (size_t i = 0; word && names[i]; i++) {
		if (strcmp(names[i], word) == 0) {
			*ret = values[i];
			return 0;
		}
	}
	return -EINVAL;
}

/* parse_action - with its errno, EPERM when there is none; @where names the member */
static int parse_action(const char *word, const uint32_t *errno_ret, const char *where, uint32_t *ret,
			struct error *err)
{
	enum { ERRNO_MAX = 4095 }; /* the kernel's MAX_ERRNO */
	if (word_value(action_names, action_values, word, ret) < 0)
		return error_say(err, EINVAL, "linux.seccomp.%s: '%s' is not a valid action", where,
				 word ? word : "");
	bool is_errno = *ret == SCMP_ACT_ERRNO(0), is_trace = *ret == SCMP_ACT_TRACE(0);
	if (!is_errno && !is_trace && errno_ret)
		return error_say(err, EINVAL, "linux.seccomp.%s: an errno is given, but %s has none", where,
				 word);
	if (errno_ret && *errno_ret > (is_errno ? ERRNO_MAX : UINT16_MAX))
		return error_say(err, EINVAL, "linux.seccomp.%s: %u is too large for an errno", where,
				 *errno_ret);
	uint32_t value = errno_ret ? *errno_ret : EPERM;
	if (is_errno)
		*ret = SCMP_ACT_ERRNO(value);
	else if (is_trace)
		*ret = SCMP_ACT_TRACE(value);
	return 0;
}

/* ---- architectures ---- */

/* each once, the native one first: it is always in the filter */
struct archs {
	size_t n;
	uint32_t v[ARCHS_MAX];
};

static uint32_t arch_value(const char *name)
{
	char word[32] = "";
	if (!strings_have((char *const *) arch_names, name))
		return 0;
	name += strlen("SCMP_ARCH_");
	for (size_t i = 0; name[i] && i < sizeof word - 1; i++)
		word[i] = (char) tolower((unsigned char) name[i]);
	return seccomp_arch_resolve_name(word);
}

const char *const *seccomp_arch_names(void)
{
	static const char *names[ARCHS_MAX];
	for (size_t i = 0, n = 0; arch_names[i]; i++)
		if (arch_value(arch_names[i]))	/* older libraries do not have the youngest */
			names[n++] = arch_names[i];
	return names;
}

static int parse_archs(char *const *names, struct archs *ret, struct error *err)
{
	*ret = (struct archs){ .n = 1, .v = { seccomp_arch_native() } };
	for (; names && *names; names++) {
		uint32_t arch = arch_value(*names);
		size_t i = 0;
		if (!arch)
			return error_say(err, EINVAL,
					 "linux.seccomp.architectures: '%s' is not a valid architecture",
					 *names);
		while (i < ret->n && ret->v[i] != arch)
			i++;
		if (i == ret->n)
			ret->v[ret->n++] = arch;
	}
	return 0;
}

static int add_archs(scmp_filter_ctx ctx, const struct archs *archs, struct error *err)
{
	for (size_t i = 1; i < archs->n; i++) {
		int r = seccomp_arch_add(ctx, archs->v[i]);
		if (r == -EDOM)
			return error_say(
				err, EINVAL,
				"linux.seccomp.architectures: the byte order of one is not this machine's");
		if (r < 0 && r != -EEXIST)
			return error_set(err, -r, "linux.seccomp.architectures: add %#x", archs->v[i]);
	}
	return 0;
}

/* ---- rules ---- */

static int parse_condition(const struct spec_syscall_arg *arg, size_t at, struct scmp_arg_cmp *ret,
			   struct error *err)
{
	uint32_t op;
	if (arg->index > 5)
		return error_say(
			err, EINVAL,
			"linux.seccomp.syscalls[%zu].args: index %u; a system call's arguments are 0 to 5",
			at, arg->index);
	if (word_value(operator_names, operator_values, arg->op, &op) < 0)
		return error_say(err, EINVAL,
				 "linux.seccomp.syscalls[%zu].args: '%s' is not a valid operator", at,
				 arg->op ? arg->op : "");
	/* masked: the spec's value is the mask, valueTwo what must remain; so are libseccomp's a and b */
	*ret = (struct scmp_arg_cmp){ .arg = arg->index,
				      .op = (enum scmp_compare) op,
				      .datum_a = arg->value,
				      .datum_b = op == SCMP_CMP_MASKED_EQ ? arg->value_two : 0 };
	return 0;
}

struct rule {
	uint32_t action;
	struct scmp_arg_cmp *conditions;
	unsigned n;
	bool alternatives; /* some argument has more than one condition: any of them suffices */
};

static int parse_rule(const struct spec_syscall *s, size_t at, struct rule *ret, struct error *err)
{
	char where[48];
	snprintf(where, sizeof where, "syscalls[%zu]", at);
	int r = parse_action(s->action, s->errno_ret, where, &ret->action, err);
	unsigned seen = 0;
	for (size_t i = 0; r == 0 && i < s->n_args; i++) {
		r = parse_condition(&s->args[i], at, &ret->conditions[i], err);
		if (r < 0)
			break;
		unsigned bit = 1U << s->args[i].index;
		ret->alternatives |= (seen & bit) != 0;
		seen |= bit;
	}
	ret->n = (unsigned) s->n_args;
	return r;
}

static int add_rule(scmp_filter_ctx ctx, const struct rule *rule, int nr)
{
	if (!rule->alternatives)
		return seccomp_rule_add_array(ctx, rule->action, nr, rule->n, rule->conditions);
	for (unsigned i = 0; i < rule->n; i++) {
		int r = seccomp_rule_add_array(ctx, rule->action, nr, 1, &rule->conditions[i]);
		if (r < 0 && r != -EEXIST)
			return r;
	}
	return 0;
}

static int add_rules(scmp_filter_ctx ctx, const struct spec_seccomp *spec, uint32_t default_action,
		     struct error *err)
{
	for (size_t i = 0; i < spec->n_syscalls; i++) {
		const struct spec_syscall *s = &spec->syscalls[i];
		cleanup_free struct scmp_arg_cmp *conditions = xcalloc(s->n_args, sizeof *conditions);
		struct rule rule = { .conditions = conditions };
		int r = parse_rule(s, i, &rule, err);
		if (r < 0)
			return r;
		if (rule.action == default_action)
			continue; /* libseccomp refuses them */
		for (char **name = s->names; name && *name; name++) {
			int nr = seccomp_syscall_resolve_name(*name);
			if (nr == __NR_SCMP_ERROR) {
				log_debug("seccomp: unknown system call '%s' is ignored", *name);
				continue;
			}
			r = add_rule(ctx, &rule, nr);
			if (r < 0 && r != -EEXIST)
				return error_set(err, -r, "linux.seccomp.syscalls[%zu]: make a rule for %s",
						 i, *name);
		}
	}
	return 0;
}

/* ---- before the rules ---- */

/* the numbers above @newest and below @end are system calls that the profile does not know */
struct unknown {
	uint32_t arch, newest, end;
};

enum {
	X32_BIT = 0x40000000,	/* x32 shares x86_64's AUDIT_ARCH; this bit in the number tells them apart */
	ARM_PRIVATE = 0x0f0000, /* cacheflush, set_tls ...: not in the order of time */
	CHECK_LEN = 6,
};

static bool find_unknown(const struct spec_seccomp *spec, uint32_t arch, struct unknown *ret)
{
	bool is_x32 = arch == SCMP_ARCH_X32, any = false;
	*ret = (struct unknown){ .arch = is_x32 ? SCMP_ARCH_X86_64 : arch, .end = UINT32_MAX };
	if (arch == SCMP_ARCH_X86_64)
		ret->end = X32_BIT;
	else if (arch == SCMP_ARCH_ARM)
		ret->end = ARM_PRIVATE;

	for (size_t i = 0; i < spec->n_syscalls; i++) {
		for (char **name = spec->syscalls[i].names; name && *name; name++) {
			int nr = seccomp_syscall_resolve_name_arch(arch, *name);
			uint32_t number = (uint32_t) nr | (is_x32 ? X32_BIT : 0);
			/* negative: not on this architecture */
			if (nr < 0 || number >= ret->end)
				continue;
			if (!any || number > ret->newest)
				ret->newest = number;
			any = true;
		}
	}
	return any;
}

static bool refuses(uint32_t action)
{
	/* a tracer is expected to know what to do with a new call; and log lets it pass */
	uint32_t kind = action & SECCOMP_RET_ACTION_FULL;
	return kind != SCMP_ACT_ALLOW && kind != SCMP_ACT_LOG && kind != SCMP_ACT_TRACE(0) &&
	       action != SCMP_ACT_ERRNO(ENOSYS);
}

/* put_checks - at most CHECK_LEN instructions for each architecture. Return: how many */
static size_t put_checks(const struct spec_seccomp *spec, const struct archs *archs, struct sock_filter *out)
{
	size_t n = 0;
	for (size_t i = 0; i < archs->n; i++) {
		struct unknown u;
		if (!find_unknown(spec, archs->v[i], &u))
			continue;
		const struct sock_filter check[CHECK_LEN] = {
			BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
			BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, u.arch, 0, 4),
			BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
			BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, u.newest, 0, 2),
			BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, u.end, 1, 0),
			BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		};
		memcpy(out + n, check, sizeof check);
		n += CHECK_LEN;
	}
	return n;
}

/* ---- all together ---- */

/* export - libseccomp 2.5 writes the program to an fd only. @room instructions are left free before it. */
static int export(scmp_filter_ctx ctx, size_t room, struct sock_filter **ret, size_t *ret_n,
		  struct error *err)
{
	cleanup_close int fd = memfd_create("seccomp", MFD_CLOEXEC);
	if (fd < 0)
		return error_set(err, errno, "seccomp: make a memfd");
	int r = seccomp_export_bpf(ctx, fd);
	if (r < 0)
		return error_set(err, -r, "seccomp: generate the filter");
	struct stat st;
	if (fstat(fd, &st) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return error_set(err, errno, "seccomp: read the filter back");
	size_t size = (size_t) st.st_size, n = size / sizeof **ret;
	cleanup_free struct sock_filter *code = xreallocarray(NULL, room + n, sizeof *code);
	if (n == 0 || size % sizeof *code || fs_read_all(fd, code + room, size) != (ssize_t) size)
		return error_say(err, EIO, "seccomp: libseccomp wrote a filter of %zu bytes, which is none",
				 size);
	*ret = take_ptr(code);
	*ret_n = n;
	return 0;
}

static int compile(scmp_filter_ctx ctx, const struct spec_seccomp *spec, uint32_t default_action,
		   struct sock_filter **ret, unsigned short *ret_n, struct error *err)
{
	struct archs archs;
	int r = parse_archs(spec->architectures, &archs, err);
	if (r == 0)
		r = add_archs(ctx, &archs, err);
	/* a binary tree over the numbers in place of a list: the filter runs at every system call */
	if (r == 0 && (r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2)) < 0)
		r = error_set(err, -r, "seccomp: ask libseccomp for a binary tree");
	if (r == 0)
		r = add_rules(ctx, spec, default_action, err);
	if (r < 0)
		return r;

	struct sock_filter checks[ARCHS_MAX * CHECK_LEN];
	size_t n_checks = refuses(default_action) ? put_checks(spec, &archs, checks) : 0, n = 0;
	cleanup_free struct sock_filter *code = NULL;
	r = export(ctx, n_checks, &code, &n, err);
	if (r < 0)
		return r;
	if (n + n_checks > BPF_MAXINSNS)
		return error_say(err, E2BIG,
				 "linux.seccomp: the filter has %zu instructions, the kernel takes %d; make "
				 "it simpler",
				 n + n_checks, BPF_MAXINSNS);
	memcpy(code, checks, n_checks * sizeof *checks);
	*ret = take_ptr(code);
	*ret_n = (unsigned short) (n + n_checks);
	return 0;
}

int seccomp_compile(const struct spec_seccomp *spec, struct sock_filter **ret, unsigned short *ret_n,
		    struct error *err)
{
	uint32_t default_action;
	int r = parse_action(spec->default_action, spec->default_errno_ret, "defaultAction", &default_action,
			     err);
	if (r < 0)
		return r;
	scmp_filter_ctx ctx = seccomp_init(default_action);
	if (!ctx)
		return error_say(err, EINVAL, "linux.seccomp.defaultAction: libseccomp does not take %s",
				 spec->default_action);
	r = compile(ctx, spec, default_action, ret, ret_n, err);
	seccomp_release(ctx);
	return r;
}

const char *seccomp_compiler(char out[96])
{
	const struct scmp_version *v = seccomp_version();
	snprintf(out, 96, "libseccomp %u.%u.%u, architecture %#x", v->major, v->minor, v->micro,
		 seccomp_arch_native());
	return out;
}
