#include "seccomp_file.h"
#include "cleanup.h"
#include "fs.h"
#include "lists.h"
#include "str.h"
#include <string.h>
#include <sys/utsname.h>

enum { PROFILE_MAX = 16 << 20 };

struct condition { char **caps, **arches, *min_kernel; };
struct rule {
	char *name, **names, *action;
	uint32_t *errno_ret;
	struct spec_syscall_arg *args;
	size_t n_args;
	struct condition includes, excludes;
};
struct arch_map { char *architecture, **sub; };
struct profile {
	char *default_action, **architectures, **flags, *listener_path, *listener_metadata;
	uint32_t *default_errno_ret;
	struct arch_map *arch_map;
	size_t n_arch_map;
	struct rule *syscalls;
	size_t n_syscalls;
};

#define T struct condition
static const struct json_type condition_type = JSON_TYPE(T, JSON_FIELD(T, caps, "caps"), JSON_FIELD(T, arches, "arches"),
	JSON_FIELD(T, min_kernel, "minKernel"));
#undef T
#define T struct spec_syscall_arg
static const struct json_type arg_type = JSON_TYPE(T, JSON_FIELD(T, index, "index"), JSON_FIELD(T, value, "value"),
	JSON_FIELD(T, value_two, "valueTwo"), JSON_FIELD(T, op, "op"));
#undef T
#define T struct rule
static const struct json_type rule_type = JSON_TYPE(T, JSON_FIELD(T, name, "name"), JSON_FIELD(T, names, "names"),
	JSON_REQUIRED(T, action, "action"), JSON_FIELD(T, errno_ret, "errnoRet"), JSON_LIST(T, args, "args", arg_type),
	JSON_INLINE(T, includes, "includes", condition_type), JSON_INLINE(T, excludes, "excludes", condition_type));
#undef T
#define T struct arch_map
static const struct json_type arch_map_type = JSON_TYPE(T, JSON_REQUIRED(T, architecture, "architecture"),
	JSON_FIELD(T, sub, "subArchitectures"));
#undef T
#define T struct profile
static const struct json_type profile_type = JSON_TYPE(T, JSON_REQUIRED(T, default_action, "defaultAction"),
	JSON_FIELD(T, default_errno_ret, "defaultErrnoRet"), JSON_FIELD(T, architectures, "architectures"),
	JSON_LIST(T, arch_map, "archMap", arch_map_type), JSON_FIELD(T, flags, "flags"), JSON_FIELD(T, listener_path, "listenerPath"),
	JSON_FIELD(T, listener_metadata, "listenerMetadata"), JSON_LIST(T, syscalls, "syscalls", rule_type));
#undef T

/* Go's names of machines, and libseccomp's */
static const struct { const char *go, *machine, *seccomp; } machines[] = {
	{ "amd64", "x86_64", "SCMP_ARCH_X86_64" }, { "386", "i686", "SCMP_ARCH_X86" }, { "arm64", "aarch64", "SCMP_ARCH_AARCH64" },
	{ "arm", "armv7l", "SCMP_ARCH_ARM" }, { "riscv64", "riscv64", "SCMP_ARCH_RISCV64" }, { "ppc64le", "ppc64le", "SCMP_ARCH_PPC64LE" },
	{ "s390x", "s390x", "SCMP_ARCH_S390X" }, { "loong64", "loongarch64", "SCMP_ARCH_LOONGARCH64" },
	{ "mips64le", "mips64", "SCMP_ARCH_MIPSEL64" },
};
enum { MACHINES = sizeof machines / sizeof *machines };

/* ---- does a rule hold ---- */

static bool parse_kernel(const char *text, unsigned *major, unsigned *minor)
{
	return sscanf(text, "%u.%u", major, minor) == 2;
}

static bool kernel_is(const char *kernel, const char *least)
{
	unsigned have[2], want[2];
	if (!parse_kernel(kernel, &have[0], &have[1]) || !parse_kernel(least, &want[0], &want[1]))
		return false;
	return have[0] > want[0] || (have[0] == want[0] && have[1] >= want[1]);
}

struct machine { char *const *capabilities; const char *arch, *kernel; };

/* included - all that is asked for is there: one of the architectures, every capability, the kernel */
static bool included(const struct condition *c, const struct machine *m)
{
	if (strings_count(c->arches) && !strings_have(c->arches, m->arch))
		return false;
	for (char **cap = c->caps; cap && *cap; cap++)
		if (!strings_have(m->capabilities, *cap))
			return false;
	return str_empty(c->min_kernel) || kernel_is(m->kernel, c->min_kernel);
}

static bool excluded(const struct condition *c, const struct machine *m)
{
	if (strings_have(c->arches, m->arch))
		return true;
	for (char **cap = c->caps; cap && *cap; cap++)
		if (strings_have(m->capabilities, *cap))
			return true;
	return !str_empty(c->min_kernel) && kernel_is(m->kernel, c->min_kernel);
}

/* ---- the profile ---- */

static char **architectures_of(const struct profile *p, const char *arch, struct pool *pool)
{
	if (p->n_arch_map == 0)
		return p->architectures;
	for (size_t i = 0; i < MACHINES; i++)
		for (size_t k = 0; strcmp(machines[i].go, arch) == 0 && k < p->n_arch_map; k++)
			if (strcmp(p->arch_map[k].architecture, machines[i].seccomp) == 0) {
				char *own[] = { p->arch_map[k].architecture, NULL };
				return list_copy(pool, own, p->arch_map[k].sub);
			}
	return NULL;	/* the native one is always in the filter */
}

static int add_rule(const char *name, size_t index, const struct rule *rule, struct pool *pool, struct spec_seccomp *ret, struct error *err)
{
	struct spec_syscall *s = &ret->syscalls[ret->n_syscalls];
	char *one[] = { rule->name, NULL };
	if (!str_empty(rule->name) && strings_count(rule->names))
		return error_say(err, EINVAL, "'%s': syscalls[%zu] has both name and names", name, index);
	*s = (struct spec_syscall) { .names = str_empty(rule->name) ? rule->names : list_copy(pool, one, NULL), .action = rule->action,
		.errno_ret = rule->errno_ret, .args = rule->args, .n_args = rule->n_args };
	if (strings_count(s->names) == 0)
		return error_say(err, EINVAL, "'%s': syscalls[%zu] names no system call", name, index);
	ret->n_syscalls++;
	return 0;
}

int seccomp_parse(const char *name, const char *text, size_t len, char *const *capabilities, const char *arch, const char *kernel,
		  struct pool *pool, struct spec_seccomp **ret, struct error *err)
{
	const struct machine machine = { capabilities, arch, kernel };
	struct profile *p = NULL;
	int r = json_decode(&profile_type, text, len, pool, &p, err);
	if (r < 0)
		return error_wrap(err, "'%s' is no seccomp profile", name);
	if (p->n_arch_map && strings_count(p->architectures))
		return error_say(err, EINVAL, "'%s': architectures and archMap say the same thing; leave one out", name);
	struct spec_seccomp *s = pool_alloc(pool, sizeof *s);
	s->default_action = p->default_action;
	s->default_errno_ret = p->default_errno_ret;
	s->architectures = architectures_of(p, arch, pool);
	s->flags = p->flags;
	s->listener_path = p->listener_path;
	s->listener_metadata = p->listener_metadata;
	s->syscalls = pool_alloc(pool, (p->n_syscalls + 1) * sizeof *s->syscalls);
	for (size_t i = 0; r == 0 && i < p->n_syscalls; i++)
		if (included(&p->syscalls[i].includes, &machine) && !excluded(&p->syscalls[i].excludes, &machine))
			r = add_rule(name, i, &p->syscalls[i], pool, s, err);
	if (r == 0)
		*ret = s;
	return r;
}

int seccomp_read(const char *path, char *const *capabilities, struct pool *pool, struct spec_seccomp **ret, struct error *err)
{
	struct utsname u;
	cleanup_free char *text = NULL;
	const char *arch = "";
	size_t len;
	int r = fs_read_file(AT_FDCWD, path, PROFILE_MAX, &text, &len, err);
	if (r < 0)
		return r;
	if (uname(&u) < 0)
		return error_set(err, errno, "ask for the kernel's version");
	for (size_t i = 0; i < MACHINES; i++)
		if (strcmp(machines[i].machine, u.machine) == 0)
			arch = machines[i].go;
	return seccomp_parse(path, text, len, capabilities, arch, u.release, pool, ret, err);
}
