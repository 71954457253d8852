/* The devices controller of v1: a default (all or nothing) and exceptions to it, one write each, the last one counts.
 * Documentation/admin-guide/cgroup-v1/devices.rst. */
#include "cleanup.h"
#include "driver.h"
#include "log.h"
#include "str.h"
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

/* What a container has whatever its rules say: the spec's default devices, and mknod, which gives no access. */
static const struct device_write defaults[] = {
#define ROW(type_, major_, minor_, access_, text_) { .allow = true, .optional = true, .type = type_, .major = major_, \
		.minor = minor_, .access = access_, .text = text_ }
	ROW('c', -1, -1, DEVICE_MKNOD, "c *:* m"), ROW('b', -1, -1, DEVICE_MKNOD, "b *:* m"),
	ROW('c', 1, 3, DEVICE_ALL, "c 1:3 rwm"), ROW('c', 1, 8, DEVICE_ALL, "c 1:8 rwm"),	/* null, random */
	ROW('c', 1, 7, DEVICE_ALL, "c 1:7 rwm"), ROW('c', 5, 0, DEVICE_ALL, "c 5:0 rwm"),	/* full, tty */
	ROW('c', 1, 5, DEVICE_ALL, "c 1:5 rwm"), ROW('c', 1, 9, DEVICE_ALL, "c 1:9 rwm"),	/* zero, urandom */
	ROW('c', 136, -1, DEVICE_ALL, "c 136:* rwm"), ROW('c', 5, 2, DEVICE_ALL, "c 5:2 rwm"),	/* pseudo terminals */
#undef ROW
};
enum { N_DEFAULTS = sizeof defaults / sizeof *defaults };

static bool is_any(const int64_t *number)
{
	return !number || *number == -1;
}

static bool any_type(const struct spec_device_rule *r)
{
	return str_empty(r->type) || strcmp(r->type, "a") == 0;
}

/* is_all - the rule that makes those before it pointless */
static bool is_all(const struct spec_device_rule *r)
{
	bool all_access = r->access && strchr(r->access, 'r') && strchr(r->access, 'w') && strchr(r->access, 'm');
	return any_type(r) && is_any(r->major) && is_any(r->minor) && (all_access || (str_empty(r->access) && !r->allow));
}

/* find_base - index behind the last rule about everything; *allow: what it says. Without one: nothing is allowed. */
static size_t find_base(const struct spec_device_rule *rules, size_t n, bool *allow)
{
	size_t i = n;
	while (i > 0 && !is_all(&rules[i - 1]))
		i--;
	*allow = i > 0 && rules[i - 1].allow;
	return i;
}

bool device_rules_restrict(const struct spec_device_rule *rules, size_t n)
{
	bool allow;
	size_t i = find_base(rules, n, &allow);
	for (; i < n && allow; i++)
		allow = rules[i].allow;
	return !allow;
}

static void add(struct device_plan *p, size_t *size, const struct device_write *w)
{
	if (p->n == *size) {
		*size = *size ? *size * 2 : 16;
		p->v = xreallocarray(p->v, *size, sizeof *p->v);
	}
	p->v[p->n++] = *w;
}

static const char *number(const int64_t *n, char out[24])
{
	if (is_any(n))
		return "*";
	snprintf(out, 24, "%" PRId64, *n);
	return out;
}

static int check(const struct spec_device_rule *r, size_t i, struct error *err)
{
	if (!str_empty(r->type) && (strlen(r->type) != 1 || !strchr("abcu", *r->type)))
		return error_say(err, EINVAL, "linux.resources.devices[%zu].type: '%s' is not one of a, b, c", i, r->type);
	if (r->access && r->access[strspn(r->access, "rwm")])
		return error_say(err, EINVAL, "linux.resources.devices[%zu].access: '%s' has other letters than r, w, m", i, r->access);
	if ((r->major && *r->major < -1) || (r->minor && *r->minor < -1))
		return error_say(err, EINVAL, "linux.resources.devices[%zu]: a device number below 0", i);
	return 0;
}

static unsigned access_of(const char *letters)
{
	return (strchr(letters, 'r') ? DEVICE_READ : 0) | (strchr(letters, 'w') ? DEVICE_WRITE : 0) |
	       (strchr(letters, 'm') ? DEVICE_MKNOD : 0);
}

/* add_rule - for the kernel type "a" is everything whatever stands behind it, so it becomes one rule for each type */
static void add_rule(struct device_plan *p, size_t *size, const struct spec_device_rule *r, size_t i)
{
	char major[24], minor[24];
	const char *types = any_type(r) ? "bc" : *r->type == 'b' ? "b" : "c";
	if (str_empty(r->access))
		return;		/* about no kind of access */
	for (const char *t = types; *t; t++) {
		const struct device_write w = {
			.allow = r->allow, .type = *t, .access = access_of(r->access), .rule = i,
			.major = is_any(r->major) ? -1 : *r->major, .minor = is_any(r->minor) ? -1 : *r->minor,
			.text = pool_printf(&p->pool, "%c %s:%s %s", *t, number(r->major, major), number(r->minor, minor), r->access),
		};
		add(p, size, &w);
	}
}

static bool allowed_before(const struct device_plan *p, const char *text)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].allow && strcmp(p->v[i].text, text) == 0)
			return true;
	return false;
}

int devices_plan(const struct spec_device_rule *rules, size_t n, bool fresh, struct device_plan *ret, struct error *err)
{
	bool allow, denies = false;
	size_t size = 0, first = find_base(rules, n, &allow);
	*ret = (struct device_plan) { 0 };
	for (size_t i = 0; i < n; i++) {
		int r = check(&rules[i], i, err);
		if (r < 0)
			return r;
	}
	if (!allow || !fresh)
		add(ret, &size, &(struct device_write) { .allow = allow, .type = 'a', .access = DEVICE_ALL, .major = -1, .minor = -1,
							 .text = "a", .rule = first ? first - 1 : 0 });
	for (size_t i = first; i < n; i++) {
		denies |= !rules[i].allow;
		if (!allow || !rules[i].allow || denies)
			add_rule(ret, &size, &rules[i], i);
	}
	for (size_t i = 0; i < N_DEFAULTS && (!allow || denies); i++)
		if (denies || !allowed_before(ret, defaults[i].text)) {
			add(ret, &size, &defaults[i]);
			ret->v[ret->n - 1].rule = n;
		}
	return 0;
}

void device_plan_done(struct device_plan *p)
{
	free(p->v);
	pool_done(&p->pool);
	*p = (struct device_plan) { 0 };
}

static int write_plan(struct hierarchy *h, const struct device_plan *plan, bool rootless, struct error *err)
{
	cleanup_close int allow_fd = openat(h->dir_fd, "devices.allow", O_WRONLY | O_CLOEXEC);
	cleanup_close int deny_fd = openat(h->dir_fd, "devices.deny", O_WRONLY | O_CLOEXEC);
	for (size_t i = 0; i < plan->n; i++) {
		const struct device_write *w = &plan->v[i];
		int fd = w->allow ? allow_fd : deny_fd;
		if (fd >= 0 && write(fd, w->text, strlen(w->text)) >= 0)
			continue;
		int code = fd < 0 ? EACCES : errno;
		bool forbidden = code == EPERM || code == EACCES;
		if (forbidden && rootless) {
			/* only the privileged may; whom the kernel lets open a device is not changed by that */
			log_debug("device rules are not set: %s", strerror(code));
			return 0;
		}
		if (forbidden && w->optional)
			continue;	/* the cgroup above does not have it either */
		return error_set(err, code, "linux.resources.devices[%zu]: write '%s' to '%s/devices.%s'", w->rule, w->text, h->dir,
				 w->allow ? "allow" : "deny");
	}
	return 0;
}

int v1_devices(struct cgroup *c, const struct spec_resources *r, bool update, bool rootless, struct error *err)
{
	struct hierarchy *h = cgroup_for(c, "devices");
	if (!h && (rootless || !device_rules_restrict(r->devices, r->n_devices) || r->n_devices == 0))
		return 0;
	if (!h)
		return error_say(err, EOPNOTSUPP, "linux.resources.devices: this machine has no devices controller mounted, so the rules "
				 "cannot be enforced; mount it, or leave them out");
	struct device_plan plan CLEANUP(device_plan_done) = { 0 };
	int ret = devices_plan(r->devices, r->n_devices, !update && !h->existed, &plan, err);
	if (ret == 0 && plan.n)
		ret = hierarchy_fd(h, err);
	return ret < 0 || plan.n == 0 ? ret : write_plan(h, &plan, rootless, err);
}
