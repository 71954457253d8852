#include "cleanup.h"
#include "error.h"
#include "systemd.h"
#include <string.h>

enum { UNIT_NAME_MAX = 255 };

/* systemd takes no others */
static bool is_unit_name(const char *s)
{
	size_t n = strlen(s);
	return n && n <= UNIT_NAME_MAX && s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:-_.\\@")] == 0;
}

char *systemd_slice_path(const char *slice)
{
	static const char suffix[] = ".slice";
	size_t len = strlen(slice);
	if (strcmp(slice, "-.slice") == 0)
		return xstrdup("");
	if (!is_unit_name(slice) || !str_ends(slice, suffix) || *slice == '.' || *slice == '-')
		return NULL;
	struct buf path cleanup_buf = { 0 };
	size_t name = len - (sizeof suffix - 1);
	for (size_t i = 1; i <= name; i++) {	/* each dash is a level: a.slice, a-b.slice */
		if (i < name && slice[i] != '-')
			continue;
		if (slice[i - 1] == '-')
			return NULL;
		buf_printf(&path, "/%.*s%s", (int) i, slice, suffix);
	}
	return buf_take(&path);
}

/* escape - ids may have a plus, units may not: as systemd-escape(1) writes it */
static char *escape(const char *id)
{
	struct buf b cleanup_buf = { 0 };
	for (; *id; id++)
		if (*id == '+')
			buf_puts(&b, "\\x2b");
		else
			buf_putc(&b, *id);
	return buf_take(&b);
}

static int split(const char *path, char *part[3], struct error *err)
{
	const char *first = strchr(path, ':'), *second = first ? strchr(first + 1, ':') : NULL;
	if (!second || strchr(second + 1, ':'))
		return error_say(err, EINVAL, "linux.cgroupsPath '%s' is not of the form slice:prefix:name, which the systemd cgroup driver "
				 "needs, such as 'system.slice:woody:name'; or use --cgroup-manager cgroupfs", path);
	part[0] = xstrndup(path, (size_t) (first - path));
	part[1] = xstrndup(first + 1, (size_t) (second - first - 1));
	part[2] = xstrdup(second + 1);
	return 0;
}

int systemd_unit_parse(const char *path, const char *id, bool user, struct pool *pool, struct systemd_unit *ret, struct error *err)
{
	if (str_empty(path))
		path = ":woody:";
	char *part[3] = { NULL };
	int r = split(path, part, err);
	if (r < 0)
		return r;
	cleanup_free char *slice = part[0];
	cleanup_free char *prefix = part[1];
	cleanup_free char *given = part[2];
	cleanup_free char *name = *given ? xstrdup(given) : escape(id);
	if (*slice == 0) {
		free(slice);
		slice = xstrdup(user ? "user.slice" : "system.slice");
	}

	cleanup_free char *slice_path = systemd_slice_path(slice);
	if (!slice_path)
		return error_say(err, EINVAL, "linux.cgroupsPath '%s': '%s' is not the name of a slice, such as 'machine.slice' or "
				 "'a-b.slice'", path, slice);
	if (str_ends(name, ".slice"))
		return error_say(err, EINVAL, "linux.cgroupsPath '%s': '%s' is a slice, and a slice holds no processes; a container needs a "
				 "name without .slice, for a scope of its own", path, name);
	cleanup_free char *unit = xasprintf("%s-%s.scope", prefix, name);
	if (!is_unit_name(unit))
		return error_say(err, EINVAL, "linux.cgroupsPath '%s': '%s' is not the name of a unit: letters, digits and : - _ . \\ @ are "
				 "allowed, at most %d", path, unit, UNIT_NAME_MAX);
	*ret = (struct systemd_unit) { .slice = pool_strdup(pool, slice), .name = pool_strdup(pool, unit),
				       .path = pool_printf(pool, "%s/%s", slice_path, unit) };
	return 0;
}

int systemd_subgroup(const struct json_map *annotations, struct pool *pool, const char **ret, struct error *err)
{
	*ret = "";
	for (size_t i = 0; annotations && i < annotations->n; i++) {
		const char *name = annotations->pairs[i].value;
		if (strcmp(annotations->pairs[i].key, "run.oci.systemd.subgroup") != 0 || *name == 0)
			continue;
		if (strchr(name, '/') || name[0] == '.' || strpbrk(name, "\n") || strlen(name) > UNIT_NAME_MAX)
			return error_say(err, EINVAL, "annotation run.oci.systemd.subgroup: '%s' is not the name of one cgroup: it may have no "
					 "slash, and no dot at the start", name);
		*ret = pool_printf(pool, "/%s", name);
	}
	return 0;
}
