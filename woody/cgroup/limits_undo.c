#include "limits.h"
#include "cleanup.h"
#include "driver.h"
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

void limits_revert(struct cgroup *c, const struct limits *undo)
{
	for (size_t i = undo->n; i-- > 0;) {
		const struct limit *l = &undo->v[i];
		struct hierarchy *h = cgroup_for(c, l->controller);
		int dir_fd = h ? hierarchy_fd(h, NULL) : -ENOENT;
		cleanup_close int fd = dir_fd < 0 ? -1 : openat(dir_fd, l->file, O_WRONLY | O_CLOEXEC);
		if (fd < 0 || write(fd, l->value, strlen(l->value)) < 0)
			log_warn("linux.resources.%s: the former '%s' of %s could not be put back: %s", l->member, l->value, l->file,
				 strerror(errno));
	}
}
