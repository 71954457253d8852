#include "layout.h"
#include "cleanup.h"
#include "fs.h"
#include "str.h"
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>

#define ROOT "/sys/fs/cgroup"

enum { TEXT_MAX = 64 << 20 };	/* of mountinfo: machines with 100,000 mounts exist */

/* All controllers that v1 ever had: what else stands among the options of such a mount is an option. */
static const char *const controllers[] = {
	"cpuset", "cpu", "cpuacct", "blkio", "memory", "devices", "freezer", "net_cls", "perf_event", "net_prio", "hugetlb",
	"pids", "rdma", "misc", "debug", NULL,
};

bool layout_has(const char *name, const char *controller)
{
	size_t len = strlen(controller);
	for (const char *p = name; *p; p += strcspn(p, ","), p += *p == ',')
		if (strncmp(p, controller, len) == 0 && (p[len] == ',' || p[len] == 0))
			return true;
	return *name == 0 && *controller == 0;
}

const char *layout_below_mount(const char *root, const char *path)
{
	if (strcmp(root, "/") == 0)
		return strcmp(path, "/") == 0 ? "" : path;
	const char *rest = str_after(path, root);
	return rest && (*rest == '/' || *rest == 0) ? rest : NULL;
}

static struct layout_hierarchy *find(struct layout *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i].name, name) == 0)
			return &l->v[i];
	return NULL;
}

/* next_field - the next blank-separated field of the line, cut off in place; NULL at its end */
static char *next_field(char **line)
{
	char *s = *line + strspn(*line, " ");
	if (*s == 0)
		return NULL;
	char *end = s + strcspn(s, " ");
	*line = *end ? end + 1 : end;
	*end = 0;
	return s;
}

/* decode - \040 and the like, as the kernel writes blanks in paths; in place */
static char *decode(char *s)
{
	char *to = s;
	for (char *p = s; *p; to++) {
		if (p[0] == '\\' && p[1] >= '0' && p[1] <= '3' && p[2] >= '0' && p[2] <= '7' && p[3] >= '0' && p[3] <= '7') {
			*to = (char) ((p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0'));
			p += 4;
		} else {
			*to = *p++;
		}
	}
	*to = 0;
	return s;
}

/* name_of - the hierarchy's name from the super block's options: "rw,xattr,name=systemd" is "name=systemd" */
static char *name_of(char *options, struct pool *pool)
{
	cleanup_buf struct buf name = { 0 };
	char *rest;
	for (char *o = strtok_r(options, ",", &rest); o; o = strtok_r(NULL, ",", &rest))
		if (strings_have((char *const *) controllers, o) || str_starts(o, "name="))
			buf_printf(&name, "%s%s", name.len ? "," : "", o);
	return pool_strdup(pool, buf_str(&name));
}

/* parse_mount - "36 35 0:30 ROOT MOUNT-POINT rw,nosuid shared:9 - cgroup cgroup rw,memory" */
static void parse_mount(char *line, struct layout *l)
{
	char *field[6];
	for (size_t i = 0; i < 6; i++)
		if (!(field[i] = next_field(&line)))
			return;
	char *f = field[5];
	while (f && strcmp(f, "-") != 0)	/* any number of optional fields */
		f = next_field(&line);
	char *type = f ? next_field(&line) : NULL;
	(void) next_field(&line);	/* the source is only a label */
	char *options = next_field(&line);
	if (!options || (strcmp(type, "cgroup") != 0 && strcmp(type, "cgroup2") != 0))
		return;

	const char *name = type[6] == '2' ? "" : name_of(options, &l->pool);
	if (type[6] != '2' && *name == 0)
		return;
	char *mount = decode(field[4]);
	struct layout_hierarchy *h = find(l, name);
	if (h && !str_starts(mount, ROOT))
		return;
	if (!h && l->n == LAYOUT_MAX)
		return;
	if (!h)
		h = &l->v[l->n++];
	*h = (struct layout_hierarchy) { .name = name, .mount = pool_strdup(&l->pool, mount),
					 .root = pool_strdup(&l->pool, decode(field[3])) };
}

/* next_own - one line of /proc/self/cgroup, "4:memory:/a/b": false at the end of the text */
static bool next_own(const char **text, struct pool *pool, const char **name, const char **path)
{
	while (**text) {
		const char *line = *text, *end = line + strcspn(line, "\n");
		*text = *end ? end + 1 : end;
		const char *first = memchr(line, ':', (size_t) (end - line));
		const char *second = first ? memchr(first + 1, ':', (size_t) (end - first - 1)) : NULL;
		if (!second)
			continue;
		*name = pool_strndup(pool, first + 1, (size_t) (second - first - 1));
		*path = pool_strndup(pool, second + 1, (size_t) (end - second - 1));
		return true;
	}
	return false;
}

static void settle(struct layout *l)
{
	struct layout_hierarchy *v2 = find(l, "");
	l->kind = l->n == 0 ? CGROUP_LAYOUT_NONE : !v2 ? CGROUP_LAYOUT_V1 : l->n == 1 ? CGROUP_LAYOUT_V2 : CGROUP_LAYOUT_HYBRID;
	if (l->kind == CGROUP_LAYOUT_HYBRID && strcmp(v2->mount, ROOT) == 0) {
		/* a v1 hierarchy that somebody mounted beside a real v2 counts nothing */
		l->v[0] = *v2;
		l->n = 1;
		l->kind = CGROUP_LAYOUT_V2;
	}
}

void layout_parse(const char *mountinfo, const char *cgroup, struct layout *ret)
{
	const char *name, *path;
	*ret = (struct layout) { 0 };
	cleanup_free char *copy = xstrdup(mountinfo);
	for (char *line = copy, *next; *line; line = next) {
		next = line + strcspn(line, "\n");
		if (*next)
			*next++ = 0;
		if (strstr(line, " - cgroup"))	/* the others need no closer look */
			parse_mount(line, ret);
	}
	while (cgroup && next_own(&cgroup, &ret->pool, &name, &path)) {
		struct layout_hierarchy *h = find(ret, name);
		if (h)
			h->own = path;
	}
	settle(ret);
}

void layout_guess(const char *cgroup, struct layout *ret)
{
	const char *name, *path;
	*ret = (struct layout) { 0 };
	while (ret->n < LAYOUT_MAX && next_own(&cgroup, &ret->pool, &name, &path)) {
		const char *dir = *name ? str_after(name, "name=") : "unified";
		ret->v[ret->n++] = (struct layout_hierarchy) { .name = name, .root = "/", .own = path,
			.mount = pool_printf(&ret->pool, ROOT "/%s", dir ? dir : name) };
	}
	settle(ret);
	if (ret->kind == CGROUP_LAYOUT_V2)
		ret->v[0].mount = ROOT;
}

static bool is_on(const char *path, unsigned long magic)
{
	struct statfs s;
	return statfs(path, &s) == 0 && (unsigned long) s.f_type == magic;
}

enum cgroup_layout cgroup_layout(void)
{
	if (is_on(ROOT, CGROUP2_SUPER_MAGIC))
		return CGROUP_LAYOUT_V2;
	if (is_on(ROOT "/unified", CGROUP2_SUPER_MAGIC))
		return CGROUP_LAYOUT_HYBRID;
	struct layout l cleanup_layout = { 0 };
	(void) layout_read(LAYOUT_LISTED, &l, NULL);
	return l.kind;
}

bool layout_is_reachable(const struct layout_hierarchy *h)
{
	return is_on(h->mount, *h->name ? CGROUP_SUPER_MAGIC : CGROUP2_SUPER_MAGIC);
}

/* drop_hidden - what was mounted over is listed, but cannot be reached */
static void drop_hidden(struct layout *l)
{
	size_t kept = 0;
	for (size_t i = 0; i < l->n; i++)
		if (layout_is_reachable(&l->v[i]))
			l->v[kept++] = l->v[i];
	l->n = kept;
	settle(l);
}

int layout_read(enum layout_care care, struct layout *ret, struct error *err)
{
	cleanup_free char *mounts = NULL;
	cleanup_free char *cgroup = NULL;
	int r = fs_read_file(AT_FDCWD, "/proc/self/cgroup", TEXT_MAX, &cgroup, NULL, err);
	if (r < 0)
		return r;
	if (care == LAYOUT_GUESSED) {
		layout_guess(cgroup, ret);
		return 0;
	}
	r = fs_read_file(AT_FDCWD, "/proc/self/mountinfo", TEXT_MAX, &mounts, NULL, err);
	if (r < 0)
		return r;
	layout_parse(mounts, cgroup, ret);
	if (care == LAYOUT_VERIFIED)
		drop_hidden(ret);
	return 0;
}

void layout_done(struct layout *l)
{
	pool_done(&l->pool);
	*l = (struct layout) { 0 };
}
