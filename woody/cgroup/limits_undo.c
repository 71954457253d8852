#include "limits.h"
#include "cleanup.h"
#include "driver.h"
#include "fs.h"
#include "log.h"
#include "str.h"
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* line_of - the line of @text that begins with the word @key, or NULL. Caller frees. */
static char *line_of(const char *text, const char *key, size_t len)
{
	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n')
		if (strncmp(line, key, len) == 0 && line[len] == ' ')
			return xstrndup(line, strcspn(line, "\n"));
	return NULL;
}

/* no_line - a device without a line has no limit of its own; these are the words for that */
static const char *no_line(const char *file)
{
	if (str_eq(file, "io.max"))
		return "rbps=max wbps=max riops=max wiops=max";
	if (strstr(file, "weight"))
		return "default";
	return str_starts(file, "blkio.throttle.") ? "0" : NULL;
}

char *limits_former(const char *file, const char *text, const char *value)
{
	size_t key = strcspn(value, " ");
	char *line = value[key] ? line_of(text, value, key) : NULL;
	if (line)
		return line;
	if (value[key] && memchr(value, ':', key)) {
		const char *none = no_line(file);
		return none ? xasprintf("%.*s %s", (int) key, value, none) : NULL;
	}
	if (str_eq(file, "memory.oom_control"))	/* "oom_kill_disable 0", and what is only to be read */
		text += strcspn(text, " \n") + (strcspn(text, " ") < strcspn(text, "\n"));
	/* an empty cpuset is written as a line: of no bytes at all the kernel is not told */
	size_t len = strcspn(text, "\n");
	return len ? xstrndup(text, len) : xstrdup("\n");
}

/* former_of - as the file is now; NULL: it is not there, or only to be written (cgroup.kill) */
static char *former_of(int dir_fd, const char *file, const char *value)
{
	cleanup_free char *text = NULL;
	return fs_read_file(dir_fd, file, 1 << 16, &text, NULL, NULL) < 0 ? NULL : limits_former(file, text, value);
}

static void remember(int dir_fd, const struct limit *l, const char *file, struct limits *ret)
{
	cleanup_free char *former = former_of(dir_fd, file, l->value);
	if (former)
		limits_add(ret, l->controller, l->member, pool_strdup(&ret->pool, file), "%s", former);
}

void limits_remember(struct cgroup *c, const struct limits *l, struct limits *ret)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct limit *one = &l->v[i];
		struct hierarchy *h = cgroup_for(c, one->controller);
		int fd = h ? hierarchy_fd(h, NULL) : -ENOENT;
		if (fd < 0)
			continue;
		if (str_eq(one->file, "cpu.idle")) {	/* the kernel forgets the share of who was idle */
			remember(fd, one, "cpu.shares", ret);
			remember(fd, one, "cpu.weight", ret);
		}
		remember(fd, one, one->file, ret);
		if (one->instead)
			remember(fd, one, one->instead, ret);
	}
}

static int put_back(struct cgroup *c, const struct limit *l)
{
	struct hierarchy *h = cgroup_for(c, l->controller);
	int dir_fd = h ? hierarchy_fd(h, NULL) : -ENOENT;
	cleanup_free char *now = dir_fd < 0 ? NULL : former_of(dir_fd, l->file, l->value);
	if (now && str_eq(now, l->value))
		return 0;
	cleanup_close int fd = dir_fd < 0 ? -1 : openat(dir_fd, l->file, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, l->value, strlen(l->value)) >= 0)
		return 0;
	if (errno != ENOSPC || !str_eq(l->value, "\n"))
		return -errno;
	/* an older kernel (6.1) lets no cgroup with processes have an empty cpuset again, which means what the parent has: so that, by name */
	cleanup_free char *path = xasprintf("../%s.effective", l->file), *all = NULL;
	int r = fs_read_file(dir_fd, path, 1 << 16, &all, NULL, NULL);
	if (r < 0)
		return -ENOSPC;
	return write(fd, all, strlen(all)) < 0 ? -errno : 0;
}

/* The last first, as each may have been possible only because of those before it; what the kernel does not take yet (memory above
 * the present memory+swap) is tried again behind the others. */
void limits_revert(struct cgroup *c, const struct limits *former)
{
	for (size_t i = former->n; i-- > 0;)
		(void) put_back(c, &former->v[i]);
	for (size_t i = former->n; i-- > 0;) {
		const struct limit *l = &former->v[i];
		int r = put_back(c, l);
		if (r < 0)
			log_warn("linux.resources.%s: the former '%s' of %s could not be put back: %s", l->member, l->value, l->file,
				 strerror(-r));
	}
}
