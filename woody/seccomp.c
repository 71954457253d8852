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
	0, /* WAIT_KILLABLE_RECV: the kernel takes it with a listener only */
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

/* refuse_notify - a filter whose notifications nobody answers would stop the container at its first such call
 */
static int refuse_notify(const struct spec_seccomp *spec, struct error *err)
{
	static const char notify[] = "SCMP_ACT_NOTIFY";
	bool wanted = str_eq(spec->default_action, notify);
	for (size_t i = 0; i < spec->n_syscalls; i++) {
		if (!str_eq(spec->syscalls[i].action, notify))
			continue;
		/* with the listener's fd not yet sent, our own write would wait for an answer forever */
		if (strings_have(spec->syscalls[i].names, "write"))
			return error_say(err, EINVAL, "SCMP_ACT_NOTIFY cannot be used for the write syscall");
		wanted = true;
	}
	return wanted ? error_say(err, ENOTSUP, "seccomp: SCMP_ACT_NOTIFY is not supported by this build")
		      : 0;
}

static char *make_key(const struct spec_seccomp *spec, size_t *len)
{
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
		r = refuse_notify(spec, err);
	if (r < 0)
		return r;

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
	unsigned flags = filter->flags | (filter->notify ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0);
	int r = (int) syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
	if (r < 0 && errno == ENOSYS && flags == 0)
		r = prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
	if (r >= 0)
		return r;
	if (errno == EACCES)
		return error_say(
			err, EACCES,
			"load the seccomp filter: this needs CAP_SYS_ADMIN, or process.noNewPrivileges");
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
	*f = (struct seccomp_filter){ 0 };
}
