#include "limits.h"
#include "cleanup.h"
#include "driver.h"
#include "fs.h"
#include "log.h"
#include "str.h"
#include <string.h>

struct limit *limits_add(struct limits *l, const char *controller, const char *member, const char *file, const char *fmt, ...)
{
	if (l->n == l->size) {
		l->size = l->size ? l->size * 2 : 16;
		l->v = xreallocarray(l->v, l->size, sizeof *l->v);
	}
	va_list ap;
	va_start(ap, fmt);
	cleanup_free char *value = xvasprintf(fmt, ap);
	va_end(ap);
	l->v[l->n] = (struct limit) { .controller = controller, .member = member, .file = file,
				      .value = pool_strdup(&l->pool, value) };
	return &l->v[l->n++];
}

void limits_done(struct limits *l)
{
	free(l->v);
	pool_done(&l->pool);
	*l = (struct limits) { 0 };
}

void limits_add_rdma(struct limits *l, const struct spec_rdma *r)
{
	if (r->hca_handles)
		limits_add(l, "rdma", "rdma", "rdma.max", "%s hca_handle=%u", r->name, *r->hca_handles);
	if (r->hca_objects)
		limits_add(l, "rdma", "rdma", "rdma.max", "%s hca_object=%u", r->name, *r->hca_objects);
}

int limits_hugepage_check(const char *size, struct error *err)
{
	size_t digits = strspn(size, "0123456789");
	const char *unit = size + digits;
	if (digits == 0 || digits > 12 || size[0] == '0' || strspn(unit, "KMG") != 1 || strcmp(unit + 1, "B") != 0)
		return error_say(err, EINVAL, "linux.resources.hugepageLimits: '%s' is not a page size like 2MB or 1GB", size);
	return 0;
}

static int write_value(int dir_fd, const char *file, const char *value, const struct limit *l)
{
	cleanup_close int fd = openat(dir_fd, file, (l->flags & LIMIT_KEEP_FIRST ? O_RDWR : O_WRONLY) | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	cleanup_free char *text = NULL;
	if (l->flags & LIMIT_KEEP_FIRST) {
		char now[64];
		ssize_t n = read(fd, now, sizeof now - 1);
		if (n < 0)
			return -errno;
		now[n] = 0;
		text = xasprintf("%.*s %s", (int) strcspn(now, " \n"), now, value);
		value = text;
	}
	return write(fd, value, strlen(value)) < 0 ? -errno : 0;
}

/* explain - why, and what can be done about it */
static int explain(const struct hierarchy *h, const struct limit *l, int r, struct error *err)
{
	if (r == -ENOENT && strcmp(l->controller, "hugetlb") == 0)
		return error_say(err, EINVAL, "linux.resources.%s: unknown hugepage size, this machine has no '%s'", l->member, l->file);
	if (r == -ENOENT && strstr(l->file, "memsw"))
		return error_say(err, EOPNOTSUPP, "linux.resources.%s: the kernel does not count swap; boot it with swapaccount=1, "
				 "or leave the limit out", l->member);
	if (r == -ENOENT && l->instead)
		return error_say(err, EOPNOTSUPP, "linux.resources.%s: the kernel has neither '%s' nor '%s' for '%s'", l->member,
				 l->file, l->instead, h->dir);
	if (r == -ENOENT)
		return error_say(err, EOPNOTSUPP, "linux.resources.%s: there is no '%s' in '%s': the kernel lacks it, or the %s "
				 "controller is not enabled there", l->member, l->file, h->dir, l->controller);
	r = error_set(err, -r, "linux.resources.%s: write '%s' to '%s/%s'", l->member, l->value, h->dir, l->file);
	return r == -EBUSY && strcmp(l->controller, "memory") == 0 ? error_hint(err, "the container uses more than that now") : r;
}

static int not_there(const struct cgroup *c, const struct limit *l, struct error *err)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct hierarchy *h = &c->h[i];
		if (h->denied && layout_has(h->name, c->version == &version_v2 ? "" : l->controller))
			return error_say(err, h->denied, "rootless needs no limits + no cgrouppath when no permission is granted for "
					 "cgroups: cannot set %s limit: container could not join or create cgroup '%s': %s",
					 l->controller, h->wanted, strerror(h->denied));
	}
	if (l->flags & (LIMIT_OPTIONAL | LIMIT_WARN))
		return 0;
	if (!c->created && c->n && !c->h[0].mount)
		return error_say(err, EOPNOTSUPP, "linux.resources.%s: the container has no cgroup with the %s controller", l->member,
				 l->controller);
	return error_say(err, EOPNOTSUPP, "linux.resources.%s: this machine has no %s controller mounted (see /proc/cgroups); "
			 "mount it, or leave the limit out", l->member, l->controller);
}

static int apply_one(struct cgroup *c, const struct limit *l, bool last, struct error *err)
{
	struct hierarchy *h = cgroup_for(c, l->controller);
	if (!h)
		return not_there(c, l, err);
	int fd = hierarchy_fd(h, err);
	if (fd < 0)
		return fd;
	int r = write_value(fd, l->file, l->value, l);
	if (r == -ENOENT && l->instead)
		r = write_value(fd, l->instead, l->instead_value ? l->instead_value : l->value, l);
	if (r == 0 || (r == -ENOENT && (l->flags & LIMIT_OPTIONAL)))
		return 0;
	if (r == -EINVAL && (l->flags & LIMIT_LATE) && !last)
		return -EAGAIN;
	if (l->flags & LIMIT_WARN) {
		log_warn("linux.resources.%s is not enforced: the kernel does not take '%s' in %s: %s", l->member, l->value,
			 l->file, strerror(-r));
		return 0;
	}
	return explain(h, l, r, err);
}

int limits_apply(struct cgroup *c, const struct limits *l, struct error *err)
{
	cleanup_free bool *again = xcalloc(l->n + 1, sizeof *again);
	for (size_t i = 0; i < l->n; i++) {
		int r = apply_one(c, &l->v[i], false, err);
		again[i] = r == -EAGAIN;
		if (r < 0 && r != -EAGAIN)
			return r;
	}
	for (size_t i = 0; i < l->n; i++) {
		int r = again[i] ? apply_one(c, &l->v[i], true, err) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}
