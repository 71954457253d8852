/* Which rule it was: the part of --explain that knows the profile. */
#include <seccomp.h> /* libseccomp's; before ours, whose names it must not see */

#include "cleanup.h"
#include "explain.h"
#include "mem.h"
#include "str.h"
#include <linux/audit.h>
#include <signal.h>
#include <string.h>

enum { X32_BIT = 0x40000000, NAMES_SHOWN = 6 };

/* call_name - caller frees; NULL: libseccomp has no name for it. x86_64 and x32 share the kernel's architecture. */
static char *call_name(const struct seccomp_data *data)
{
	bool x32 = data->arch == AUDIT_ARCH_X86_64 && (data->nr & X32_BIT);
	return seccomp_syscall_resolve_num_arch(x32 ? SCMP_ARCH_X32 : data->arch, x32 ? data->nr & ~X32_BIT : data->nr);
}

static bool condition_holds(const struct spec_syscall_arg *c, const struct seccomp_data *data)
{
	if (c->index > 5)
		return false;
	uint64_t value = data->args[c->index];
	switch (c->op ? c->op[strlen("SCMP_CMP_")] : 0) {	/* validated when it was compiled */
	case 'E': return value == c->value;
	case 'N': return value != c->value;
	case 'M': return (value & c->value) == c->value_two;
	case 'L': return str_ends(c->op, "E") ? value <= c->value : value < c->value;
	case 'G': return str_ends(c->op, "E") ? value >= c->value : value > c->value;
	default: return false;
	}
}

/* conditions_hold - all of them; but those on one argument are alternatives when there are several (seccomp.h) */
static bool conditions_hold(const struct spec_syscall *s, const struct seccomp_data *data)
{
	unsigned seen = 0, holding = 0;
	bool alternatives = false;
	for (size_t i = 0; i < s->n_args; i++) {
		unsigned bit = 1U << (s->args[i].index & 31);
		alternatives |= (seen & bit) != 0;
		seen |= bit;
		holding += condition_holds(&s->args[i], data);
	}
	return alternatives ? holding > 0 : holding == s->n_args;
}

static bool answers(const char *action, const uint32_t *errno_ret, uint32_t value)
{
	return str_eq(action, "SCMP_ACT_ERRNO") && value == (SECCOMP_RET_ERRNO | (errno_ret ? *errno_ret : EPERM));
}

static void add_names(struct buf *b, char *const *names)
{
	size_t n = strings_count(names);
	for (size_t i = 0; i < n && i < NAMES_SHOWN; i++)
		buf_printf(b, "%s%s", i ? ", " : "", names[i]);
	if (n > NAMES_SHOWN)
		buf_printf(b, " and %zu more", n - NAMES_SHOWN);
}

char *explain_rule(const struct spec_seccomp *profile, const struct seccomp_data *data, uint32_t value)
{
	cleanup_free char *name = call_name(data);
	for (size_t i = 0; name && i < profile->n_syscalls; i++) {
		const struct spec_syscall *s = &profile->syscalls[i];
		if (!answers(s->action, s->errno_ret, value) || !strings_have(s->names, name) || !conditions_hold(s, data))
			continue;
		struct buf b = { 0 };
		buf_printf(&b, "linux.seccomp.syscalls[%zu] (", i);
		add_names(&b, s->names);
		buf_puts(&b, s->n_args ? "; its args fit)" : ")");
		return buf_take(&b);
	}
	if (answers(profile->default_action, profile->default_errno_ret, value))
		return xstrdup("linux.seccomp.defaultAction");
	/* what remains are the two ways in which no single rule names the call */
	if (str_eq(name, "socketcall") || str_eq(name, "ipc"))
		return xasprintf("a rule of linux.seccomp.syscalls for a call that goes through %s here", name);
	return xstrdup("no rule: it is newer than every call that linux.seccomp.syscalls names, so it counts as unknown");
}

static bool ends_the_program(const char *action)
{
	return action && (str_starts(action, "SCMP_ACT_KILL") || str_eq(action, "SCMP_ACT_TRAP"));
}

char *explain_end(const struct spec_seccomp *profile, int code)
{
	struct buf b = { 0 };
	if (code != 128 + SIGSYS)
		return xstrdup("");
	for (size_t i = 0; i < profile->n_syscalls; i++) {
		if (!ends_the_program(profile->syscalls[i].action))
			continue;
		buf_printf(&b, "%s linux.seccomp.syscalls[%zu] (%s: ", b.len ? ";" : "", i, profile->syscalls[i].action);
		add_names(&b, profile->syscalls[i].names);
		buf_puts(&b, ")");
	}
	if (ends_the_program(profile->default_action))
		buf_printf(&b, "%s linux.seccomp.defaultAction (%s)", b.len ? ";" : "", profile->default_action);
	if (b.len == 0)
		buf_puts(&b, " no rule of linux.seccomp; an architecture that it does not list is one reason, a signal sent by a "
			 "program another");
	cleanup_free char *rules = buf_take(&b);
	return xasprintf("the program was ended by SIGSYS; what kills or traps is:%s", rules);
}
