#include "seccomp.h"
#include "cleanup.h"
#include "log.h"
#include "mem.h"
#include "seccomp_cache.h"
#include "seccomp_compile.h"
#include "str.h"
#include <linux/seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* in the key of the cache: raise it whenever the same profile would compile to other code */
enum { CODE_VERSION = 1 };

static const char *const flag_names[] = {
	"SECCOMP_FILTER_FLAG_LOG",
	"SECCOMP_FILTER_FLAG_SPEC_ALLOW",
	"SECCOMP_FILTER_FLAG_TSYNC",
	"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
	NULL,
};
static const unsigned flag_values[] = {
	SECCOMP_FILTER_FLAG_LOG, SECCOMP_FILTER_FLAG_SPEC_ALLOW,
	0, /* TSYNC: the filter is loaded while there is one thread */
	SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, /* the kernel takes it with a listener only */
};

const char *const *seccomp_flag_names(void) { return flag_names; }

static int parse_flags(char *const *flags, unsigned *ret, struct error *err)
{
	*ret = flags ? 0 : SECCOMP_FILTER_FLAG_SPEC_ALLOW;
	for (; flags && *flags; flags++) {
		size_t i = 0;
		while (flag_names[i] && strcmp(flag_names[i], *flags) != 0)
			i++;
		if (!flag_names[i])
			return error_say(err, EINVAL, "linux.seccomp.flags: seccomp flag '%s' is not known",
					 *flags);
		*ret |= flag_values[i];
	}
	return 0;
}

/* parse_notify - is a listener wanted? Ours could be handed over whatever is notified (seccomp_notify.c). What is refused is
 * what runc refuses: a profile for it cannot have meant that every write waits for an agent. */
static int parse_notify(const struct spec_seccomp *spec, bool *ret, struct error *err)
{
	static const char notify[] = "SCMP_ACT_NOTIFY";
	if (str_eq(spec->default_action, notify))
		return error_say(err, EINVAL, "SCMP_ACT_NOTIFY cannot be used as default action");
	for (size_t i = 0; i < spec->n_syscalls; i++) {
		if (!str_eq(spec->syscalls[i].action, notify))
			continue;
		if (strings_have(spec->syscalls[i].names, "write"))
			return error_say(err, EINVAL, "SCMP_ACT_NOTIFY cannot be used for the write syscall");
		*ret = true;
	}
	return 0;
}

/* make_key - without what does not change the code: engines make a listener's path for each container */
static char *make_key(const struct spec_seccomp *given, size_t *len)
{
	struct spec_seccomp copy = *given, *spec = &copy;
	copy.flags = NULL;
	copy.listener_path = copy.listener_metadata = NULL;
	char compiler[96];
	cleanup_free char *profile = json_encode(&spec_seccomp_type, spec, JSON_COMPACT, NULL);
	char *key = xasprintf("woody %d, %s\n%s", CODE_VERSION, seccomp_compiler(compiler), profile);
	*len = strlen(key);
	return key;
}

int seccomp_prepare(const struct spec_seccomp *spec, const char *cache_dir, struct seccomp_filter *ret,
		    struct error *err)
{
	struct seccomp_filter f = { 0 };
	int r = parse_flags(spec->flags, &f.flags, err);
	if (r == 0)
		r = parse_notify(spec, &f.notify, err);
	if (r < 0)
		return r;
	if (f.notify)
		f.flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
	else
		f.flags &= ~(unsigned) SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;

	size_t len = 0;
	cleanup_free char *key = cache_dir ? make_key(spec, &len) : NULL;
	if (!key || !seccomp_cache_get(cache_dir, key, len, &f.code, &f.n)) {
		r = seccomp_compile(spec, &f.code, &f.n, err);
		if (r < 0)
			return r;
		if (key)
			seccomp_cache_put(cache_dir, key, len, f.code, f.n);
	}
	log_debug("seccomp filter flags: %u", f.flags);
	*ret = f;
	return 0;
}

int seccomp_filter_load(const struct seccomp_filter *filter, struct error *err)
{
	struct sock_fprog program = { .len = filter->n, .filter = filter->code };
	unsigned flags = filter->flags;
	int r = (int) syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
	if (r < 0 && errno == EINVAL && filter->plain) {	/* before Linux 5.19; nobody asked for it */
		flags &= ~(unsigned) SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
		r = (int) syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
	}
	if (r < 0 && errno == ENOSYS && flags == 0)
		r = prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
	if (r >= 0)
		return r;
	if (errno == EACCES)
		return error_say(
			err, EACCES,
			"load the seccomp filter: this needs CAP_SYS_ADMIN, or process.noNewPrivileges");
	if (errno == EBUSY && filter->notify)
		return error_say(err, EBUSY, "load the seccomp filter: we are under one with a listener already, and the kernel "
				 "has room for one");
	if (errno == EINVAL && flags)
		return error_say(
			err, EINVAL,
			"load the seccomp filter: the kernel does not take it, or not its flags (%#x)",
			flags);
	return error_set(err, errno, "load the seccomp filter");
}

void seccomp_filter_done(struct seccomp_filter *f)
{
	free(f->code);
	free(f->plain);
	*f = (struct seccomp_filter){ 0 };
}

/* ---- the code itself ---- */

static struct sock_filter *copy_code(const struct sock_filter *code, size_t n)
{
	struct sock_filter *copy = xreallocarray(NULL, n, sizeof *copy);
	memcpy(copy, code, n * sizeof *copy);
	return copy;
}

/* replace_returns - in place: each return of @action becomes one of @by */
static void replace_returns(struct sock_filter *code, size_t n, uint32_t action, uint32_t by)
{
	for (size_t i = 0; i < n; i++)
		if (code[i].code == (BPF_RET | BPF_K) && (code[i].k & SECCOMP_RET_ACTION_FULL) == action)
			code[i].k = by;
}

void seccomp_filter_without_listener(const struct seccomp_filter *f, struct seccomp_filter *ret)
{
	unsigned listener = SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
	*ret = (struct seccomp_filter){ .n = f->n, .flags = f->flags & ~listener };
	ret->code = copy_code(f->plain ? f->plain : f->code, f->n);
	replace_returns(ret->code, ret->n, SECCOMP_RET_USER_NOTIF, SECCOMP_RET_ERRNO | ENOSYS);
}

int seccomp_filter_explain(struct seccomp_filter *f, struct error *err)
{
	if (f->notify)
		return error_say(err, EINVAL, "--explain: linux.seccomp has SCMP_ACT_NOTIFY, and the kernel has room for one "
				 "listener only, which is the agent's");
	f->plain = copy_code(f->code, f->n);
	replace_returns(f->code, f->n, SECCOMP_RET_ERRNO, SECCOMP_RET_USER_NOTIF);
	f->notify = true;
	/* killable: a signal must not interrupt a call that would have failed at once */
	f->flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
	return 0;
}

/* seccomp_evaluate - the instructions that libseccomp generates and that we do; all jumps go forward, so it ends */
uint32_t seccomp_evaluate(const struct sock_filter *code, size_t n, const struct seccomp_data *data)
{
	uint32_t a = 0;
	for (size_t pc = 0; pc < n; pc++) {
		const struct sock_filter *i = &code[pc];
		bool taken;
		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			if (i->k > sizeof *data - sizeof a)
				return SECCOMP_RET_KILL_PROCESS;
			memcpy(&a, (const char *) data + i->k, sizeof a);
			continue;
		case BPF_ALU | BPF_AND | BPF_K: a &= i->k; continue;
		case BPF_RET | BPF_K: return i->k;
		case BPF_JMP | BPF_JA: pc += i->k; continue;
		case BPF_JMP | BPF_JEQ | BPF_K: taken = a == i->k; break;
		case BPF_JMP | BPF_JGT | BPF_K: taken = a > i->k; break;
		case BPF_JMP | BPF_JGE | BPF_K: taken = a >= i->k; break;
		case BPF_JMP | BPF_JSET | BPF_K: taken = a & i->k; break;
		default: return SECCOMP_RET_KILL_PROCESS;
		}
		pc += taken ? i->jt : i->jf;
	}
	return SECCOMP_RET_KILL_PROCESS;
}
