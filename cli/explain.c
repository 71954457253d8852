#include "explain.h"
#include "cleanup.h"
#include "fs.h"
#include "idmap.h"
#include "mem.h"
#include "str.h"
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

enum { SYMLINKS_MAX = 40 };

static char *owner_name(uid_t uid)
{
	cleanup_free char *text = NULL;
	char *name = NULL;
	if (fs_read_file(AT_FDCWD, "/etc/passwd", 64 << 20, &text, NULL, NULL) == 0)
		name = idmap_user_name(text, uid);
	return name ? name : xasprintf("user %u", uid);
}

/* denied - @what: "pass through", "read"...; @right: chmod's letters for it */
static char *denied(const char *path, const char *what, const char *right)
{
	struct stat st;
	if (stat(path, &st) < 0)
		return NULL;
	cleanup_free char *owner = owner_name(st.st_uid), *caller = owner_name(geteuid());
	bool own = st.st_uid == geteuid();
	return xasprintf("'%s' belongs to %s and has mode %04o, so %s may not %s it: %s`chmod %s+%s '%s'`", path, owner, st.st_mode & 07777, caller, what,
			 own ? "" : "as its owner or root, run ", own ? "u" : "o", right, path);
}

static bool may(const char *path, int mode) { return faccessat(AT_FDCWD, path, mode, AT_EACCESS) == 0 || errno != EACCES; }

/* look_at_end - the path is reached; what is not there would be made in @parent */
static char *look_at_end(const char *path, const char *parent, bool writing)
{
	struct stat st;
	bool there = stat(path, &st) == 0;
	if (!there)
		return errno == ENOENT && !may(parent, W_OK) ? denied(parent, "make anything in", "w") : NULL;
	if (!may(path, R_OK))
		return denied(path, "read", S_ISDIR(st.st_mode) ? "rx" : "r");
	if (S_ISDIR(st.st_mode) && !may(path, X_OK))
		return denied(path, "pass through", "x");
	return writing && !may(path, W_OK) ? denied(path, "write to", "w") : NULL;
}

/* look_along - every directory on the way, with symlinks followed by hand: so the one that denies is named, and not the link */
static char *look_along(const char *start, bool writing)
{
	cleanup_free char *path = fs_clean_path(start);
	int links = 0;
	for (size_t at = 1;;) {
		size_t end = at + strcspn(path + at, "/");
		cleanup_free char *parent = xstrndup(path, at > 1 ? at - 1 : 1), *here = xstrndup(path, end);
		char target[PATH_MAX];
		if (!may(parent, X_OK))
			return denied(parent, "pass through", "x");
		ssize_t n = readlink(here, target, sizeof target - 1);
		if (n > 0 && links++ < SYMLINKS_MAX) {
			target[n] = 0;
			cleanup_free char *next = target[0] == '/' ? xasprintf("%s%s", target, path + end) : xasprintf("%s/%s%s", parent, target, path + end);
			free(path);
			path = fs_clean_path(next);
			at = 1;
			continue;
		}
		if (!path[end])
			return look_at_end(here, parent, writing);
		at = end + 1;
	}
}

char *explain_denied(const char *sentence)
{
	static const char *const words[] = { "Permission denied", "Operation not permitted" };
	const char *said = NULL;
	for (size_t i = 0; i < 2 && !said; i++)
		said = strstr(sentence, words[i]);
	if (!said || strstr(said, "; "))
		return NULL;
	bool writing = strstr(sentence, "create") || strstr(sentence, "make ") || strstr(sentence, "write") || strstr(sentence, "remove");
	char *found = NULL;
	for (const char *s = sentence; !found && (s = strstr(s, "'/"));) {
		const char *end = strchr(++s, '\'');
		if (!end)
			break;
		cleanup_free char *path = xstrndup(s, (size_t) (end - s));
		found = look_along(path, writing);
		s = end + 1;
	}
	return found;
}
