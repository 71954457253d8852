#include "oom.h"
#include "cleanup.h"
#include "fs.h"
#include "mem.h"
#include "str.h"
#include <fcntl.h>
#include <string.h>

/* try_place - the first directory where the cgroup @path has such a file */
static char *try_place(const char *const *roots, const char *path, const char *file)
{
	for (; *roots; roots++) {
		cleanup_free char *place = xasprintf("%s%s/%s", *roots, path, file);
		if (access(place, R_OK) == 0)
			return take_ptr(place);
	}
	return NULL;
}

char *oom_place(pid_t pid)
{
	static const char *const v1[] = { "/sys/fs/cgroup/memory", NULL }, *const v2[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified", NULL };
	struct strings lines cleanup_strings = { 0 };
	cleanup_free char *name = xasprintf("/proc/%d/cgroup", (int) pid), *text = NULL;
	char *found = NULL;
	if (fs_read_file(AT_FDCWD, name, 1 << 16, &text, NULL, NULL) < 0)
		return NULL;
	strings_split(&lines, text, "\n");
	for (size_t i = 0; !found && i < lines.n; i++) {	/* 4:memory:/path, or 0::/path */
		char *controllers = strchr(lines.v[i], ':'), *path = controllers ? strchr(controllers + 1, ':') : NULL;
		if (!path)
			continue;
		*path++ = 0;
		struct strings list cleanup_strings = { 0 };
		strings_split(&list, controllers + 1, ",");
		if (strings_have(list.v, "memory"))
			found = try_place(v1, path, "memory.oom_control");
		else if (!controllers[1])
			found = try_place(v2, path, "memory.events");
	}
	return found;
}

bool oom_happened(const char *place)
{
	cleanup_free char *text = NULL;
	if (!place || fs_read_file(AT_FDCWD, place, 4096, &text, NULL, NULL) < 0)
		return false;
	const char *count = strstr(text, "oom_kill ");	/* not oom_kill_disable, nor oom_group_kill */
	return count && count[strlen("oom_kill ")] != '0';
}
