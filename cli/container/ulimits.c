#include "ulimits.h"
#include "cleanup.h"
#include "fs.h"
#include "idmap.h"
#include "str.h"
#include <ctype.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>

static const struct { const char *name; int resource; } kinds[] = {
	{ "as", RLIMIT_AS }, { "core", RLIMIT_CORE }, { "cpu", RLIMIT_CPU }, { "data", RLIMIT_DATA }, { "fsize", RLIMIT_FSIZE },
	{ "locks", RLIMIT_LOCKS }, { "memlock", RLIMIT_MEMLOCK }, { "msgqueue", RLIMIT_MSGQUEUE }, { "nice", RLIMIT_NICE },
	{ "nofile", RLIMIT_NOFILE }, { "nproc", RLIMIT_NPROC }, { "rss", RLIMIT_RSS }, { "rtprio", RLIMIT_RTPRIO },
	{ "rttime", RLIMIT_RTTIME }, { "sigpending", RLIMIT_SIGPENDING }, { "stack", RLIMIT_STACK },
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static int kind_of(const char *name)
{
	for (int i = 0; i < KINDS; i++)
		if (strcmp(kinds[i].name, name) == 0)
			return i;
	return -1;
}

static int unknown(const char *word, const char *name, struct error *err)
{
	const char *names[KINDS + 1] = { NULL };
	for (int i = 0; i < KINDS; i++)
		names[i] = kinds[i].name;
	const char *near = str_nearest(name, names);
	return error_say(err, EINVAL, "--ulimit '%s': there is no limit '%s'%s%s%s", word, name,
			 near ? "; did you mean '" : "; getrlimit(2) lists them",
			 near ? near : "", near ? "'?" : "");
}

static bool is_above(int64_t a, int64_t b)
{
	return b != -1 && (a == -1 || a > b);
}

static int parse(const char *word, struct pool *pool, struct record_ulimit *ret, struct error *err)
{
	size_t len = strcspn(word, "=");
	if (!word[len] || len == 0)
		return error_say(err, EINVAL, "--ulimit '%s': give NAME=SOFT[:HARD], or host", word);
	*ret = (struct record_ulimit) { .name = pool_strndup(pool, word, len) };
	if (kind_of(ret->name) < 0)
		return unknown(word, ret->name, err);
	cleanup_free char *values = xstrdup(word + len + 1);
	char *colon = strchr(values, ':');
	if (colon)
		*colon++ = 0;
	if (str_to_i64(values, -1, INT64_MAX, &ret->soft) < 0 || str_to_i64(colon ? colon : values, -1, INT64_MAX, &ret->hard) < 0)
		return error_say(err, EINVAL, "--ulimit '%s': give numbers, or -1 for no limit: %s=SOFT[:HARD]", word, ret->name);
	if (is_above(ret->soft, ret->hard))
		return error_say(err, EINVAL, "--ulimit '%s': the soft limit %lld is above the hard limit %lld", word, (long long) ret->soft,
				 (long long) ret->hard);
	return 0;
}

int ulimits_parse(const struct strings *words, struct pool *pool, struct record_ulimit **ret, size_t *ret_n, struct error *err)
{
	struct record_ulimit *list = pool_alloc(pool, (words->n + 1) * sizeof *list);
	size_t n = 0;
	for (size_t i = 0; i < words->n; i++) {
		struct record_ulimit one;
		if (strcmp(words->v[i], "host") == 0)
			continue;
		int r = parse(words->v[i], pool, &one, err);
		if (r < 0)
			return r;
		size_t at = 0;
		while (at < n && strcmp(list[at].name, one.name) != 0)
			at++;
		list[at] = one;
		n += at == n;
	}
	*ret = list;
	*ret_n = n;
	return 0;
}

/* may_raise - a user namespace's own CAP_SYS_RESOURCE is not asked by the kernel */
static bool may_raise(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	return syscall(SYS_capget, &header, data) == 0 && (data[0].effective & 1u << CAP_SYS_RESOURCE) && idmap_is_initial(-1);
}

static int check_raise(const struct record_ulimit *l, int resource, struct error *err)
{
	struct rlimit ours;
	if (getrlimit((__rlimit_resource_t) resource, &ours) < 0)
		return error_set(err, errno, "--ulimit %s: look at our own", l->name);
	int64_t hard = ours.rlim_max > INT64_MAX ? -1 : (int64_t) ours.rlim_max;
	if (!is_above(l->hard, hard) || may_raise())
		return 0;
	cleanup_free char *wanted = l->hard < 0 ? xstrdup("unlimited") : xasprintf("%lld", (long long) l->hard);
	return error_say(err, EPERM, "--ulimit %s: the hard limit %s is above ours, which is %lld, and raising it needs CAP_SYS_RESOURCE of the "
			 "host; give at most %lld, or let root put '%s %s %s %s' into /etc/security/limits.conf and log in again", l->name,
			 wanted, (long long) hard, (long long) hard, "USER", "hard", l->name, wanted);
}

int ulimits_to_spec(const struct record_ulimit *l, size_t n, struct pool *pool, struct spec_process *p, struct error *err)
{
	if (n == 0)
		return 0;
	p->rlimits = pool_alloc(pool, n * sizeof *p->rlimits);
	for (size_t i = 0; i < n; i++) {
		int kind = kind_of(l[i].name);
		if (kind < 0)
			return unknown(l[i].name, l[i].name, err);
		int r = check_raise(&l[i], kinds[kind].resource, err);
		if (r < 0)
			return r;
		char *type = pool_printf(pool, "RLIMIT_%s", l[i].name);
		for (char *c = type; *c; c++)
			*c = (char) toupper((unsigned char) *c);
		p->rlimits[p->n_rlimits++] = (struct spec_rlimit) { .type = type,
			.hard = l[i].hard < 0 ? RLIM_INFINITY : (uint64_t) l[i].hard,
			.soft = l[i].soft < 0 ? RLIM_INFINITY : (uint64_t) l[i].soft };
	}
	return 0;
}
