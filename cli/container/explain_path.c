#include "explain_path.h"
#include "cleanup.h"
#include "fs.h"
#include "mem.h"
#include "record.h"
#include "str.h"
#include <limits.h>
#include <string.h>
#include <strings.h>
#include <sys/statvfs.h>

enum { OVERFLOW = 65534, CONFIG_MAX = 16 << 20, LINKS_MAX = 40 };

/* ---- sentences ---- */

static const char *verb_of(int want)
{
	return want & X_OK ? "execute" : want & W_OK ? "write" : "read";
}

static char letter_of(int want)
{
	return want & X_OK ? 'x' : want & W_OK ? 'w' : 'r';
}

/* owner_of - "belongs to user 0 and group 0" */
static char *owner_of(const struct stat *st)
{
	if (st->st_uid == OVERFLOW)
		return xstrdup("belongs to a user that is not mapped here");
	return xasprintf("belongs to user %u and group %u", st->st_uid, st->st_gid);
}

/* ---- the host's ---- */

/* host_uid - who we are outside: in a container's user namespace we are 0 */
static unsigned host_uid(void)
{
	cleanup_free char *map = NULL;
	unsigned inside, outside;
	if (fs_read_file(AT_FDCWD, "/proc/self/uid_map", 1 << 16, &map, NULL, NULL) == 0 && sscanf(map, "%u %u", &inside, &outside) == 2 &&
	    inside == 0 && getuid() == 0)
		return outside;
	return getuid();
}

static char *host_sentence(const char *part, const struct stat *st, bool last, int want)
{
	cleanup_free char *owner = owner_of(st);
	const char *may = last ? verb_of(want) : "enter";
	char bit = last ? letter_of(want) : 'x';
	return xasprintf("'%s' %s and has mode %04o, so you may not %s it; `chmod o+%c '%s'` by its owner, or `setfacl -m u:%u:%c '%s'`, lets you",
			 part, owner, (unsigned) st->st_mode & 07777, may, bit, part, host_uid(), bit, part);
}

/* behind_link - what a symlink in front of @rest stands for, or NULL; caller frees */
static char *behind_link(const char *link, const char *rest)
{
	char target[PATH_MAX];
	ssize_t n = readlink(link, target, sizeof target - 1);
	if (n < 0)
		return NULL;
	target[n] = 0;
	const char *slash = strrchr(link, '/');
	return target[0] == '/' ? xasprintf("%s/%s", target, rest) : xasprintf("%.*s/%s/%s", slash ? (int) (slash - link) : 0, link, target, rest);
}

/* look_along - @links: how many symlinks may still be followed */
static char *look_along(const char *path, int want, int links)
{
	cleanup_free char *clean = fs_clean_path(path);
	for (char *end = clean; ; end++) {
		end += strcspn(end, "/");
		bool last = !*end;
		char rest = *end;
		*end = 0;
		const char *part = *clean ? clean : "/";
		struct stat st;
		if (stat(part, &st) < 0) {	/* not there, or behind a symlink: its parent here was named already */
			cleanup_free char *next = errno == EACCES && links ? behind_link(part, last ? "" : end + 1) : NULL;
			return next ? look_along(next, want, links - 1) : NULL;
		}
		bool dir = S_ISDIR(st.st_mode);
		int wanted = last ? want : X_OK;
		if (dir && wanted == X_OK ? faccessat(AT_FDCWD, part, X_OK, AT_EACCESS) < 0 :
					    wanted && faccessat(AT_FDCWD, part, wanted, AT_EACCESS) < 0)
			return host_sentence(part, &st, last, wanted);
		if (last)
			return NULL;
		*end = rest;
	}
}

char *explain_host_path(const char *path, int want) { return look_along(path, want, LINKS_MAX); }

/* explain_quoted - @making: what is not there was to be made */
static char *explain_quoted(const char *path, bool making)
{
	char *why = explain_host_path(path, making ? 0 : R_OK);
	if (why || !making)
		return why;
	cleanup_free char *parent = fs_clean_path(path);
	*strrchr(parent, '/') = 0;
	return explain_host_path(*parent ? parent : "/", W_OK);
}

char *explain_sentence(const char *sentence)
{
	const char *said = strstr(sentence, "Permission denied");
	char *why = NULL;
	if (!said)
		said = strstr(sentence, "Operation not permitted");
	if (!said || strstr(said, "; "))
		return NULL;
	bool making = strstr(sentence, "create") || strstr(sentence, "make ");
	for (const char *s = sentence; !why && (s = strstr(s, "'/"));) {
		const char *end = strchr(++s, '\'');
		if (!end)
			break;
		cleanup_free char *path = xstrndup(s, (size_t) (end - s));
		why = explain_quoted(path, making);
		s = end + 1;
	}
	return why;
}

int explain_path(const char *path, int want, struct error *err)
{
	if (!err || (err->code != EACCES && err->code != EPERM))
		return err ? -err->code : 0;
	cleanup_free char *absolute = NULL;
	cleanup_free char *why = fs_absolute(path, &absolute, NULL) == 0 ? explain_host_path(absolute, want) : NULL;
	return why ? error_hint(err, "%s", why) : -err->code;
}

/* ---- the container's ---- */

static bool is_member(const struct spec_user *who, gid_t gid)
{
	for (size_t i = 0; i < who->additional_gids.n; i++)
		if (who->additional_gids.v[i] == gid)
			return true;
	return who->gid == gid;
}

char explain_mode(const struct stat *st, int want, const struct spec_user *who)
{
	mode_t mode = st->st_mode;
	if (who->uid == 0)	/* its capabilities: all but executing what is no program for anybody */
		return (want & X_OK) && S_ISREG(mode) && !(mode & 0111) ? 'u' : 0;
	unsigned shift = st->st_uid == who->uid ? 6 : is_member(who, st->st_gid) ? 3 : 0;
	if (((mode >> shift) & 7 & (unsigned) want) == (unsigned) want)
		return 0;
	return shift == 6 ? 'u' : shift == 3 ? 'g' : 'o';
}

static char *inside_sentence(const char *part, const struct stat *st, char class, bool last, int want, const struct spec_user *who)
{
	cleanup_free char *owner = owner_of(st);
	int wanted = last ? want : X_OK;
	return xasprintf("the container's '%s' %s and has mode %04o, so its user %u:%u may not %s it; give it permission in the image "
			 "(`chmod %c+%c`), or run as another --user", part, owner, (unsigned) st->st_mode & 07777, who->uid, who->gid,
			 last && !S_ISDIR(st->st_mode) ? verb_of(want) : "enter", who->uid == 0 ? 'a' : class, letter_of(wanted));
}

char *explain_inside(int root_fd, const char *path, int want, const struct spec_user *who)
{
	cleanup_free char *clean = fs_clean_path(path);
	for (char *end = clean; ; end++) {
		end += strcspn(end, "/");
		bool last = !*end;
		char rest = *end;
		*end = 0;
		const char *part = *clean ? clean : "/";
		struct stat st;
		cleanup_close int fd = fs_open_beneath(root_fd, part, O_PATH, 0, NULL);
		if (fd < 0 || fstat(fd, &st) < 0)
			return NULL;
		char class = explain_mode(&st, last && !S_ISDIR(st.st_mode) ? want : X_OK, who);
		if (class)
			return inside_sentence(part, &st, class, last, want, who);
		struct statvfs fs;
		if (last && (want & X_OK) && S_ISDIR(st.st_mode))
			return xasprintf("the container's '%s' is a directory, and no program", part);
		if (last && (want & X_OK) && fstatvfs(fd, &fs) == 0 && (fs.f_flag & ST_NOEXEC))
			return xasprintf("the container's '%s' is on a file system that is mounted noexec", part);
		if (last)
			return NULL;
		*end = rest;
	}
}

/* ---- a start that failed ---- */

static bool is_about_permission(const char *text)
{
	return strcasestr(text, "permission denied") || strcasestr(text, "operation not permitted");
}

/* program_path - where execvp(3) would look first. Caller frees; NULL: nowhere */
static char *program_path(int root_fd, const struct spec_process *p)
{
	struct strings dirs cleanup_strings = { 0 };
	const char *path = env_get(p->env, "PATH");
	const char *name = p->args && p->args[0] ? p->args[0] : "";
	if (*name == '/')
		return xstrdup(name);
	if (strchr(name, '/'))
		return xasprintf("%s/%s", p->cwd ? p->cwd : "", name);
	strings_split(&dirs, path ? path : "", ":");
	for (size_t i = 0; i < dirs.n; i++) {
		cleanup_free char *candidate = xasprintf("%s/%s", dirs.v[i], name);
		cleanup_close int fd = fs_open_beneath(root_fd, candidate, O_PATH, 0, NULL);
		if (fd >= 0)
			return take_ptr(candidate);
	}
	return NULL;
}

static char *why_program(const struct runtime_spec *s)
{
	cleanup_close int root_fd = open(s->root->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0 || !s->process)
		return NULL;
	char *why = s->process->cwd ? explain_inside(root_fd, s->process->cwd, 0, &s->process->user) : NULL;
	cleanup_free char *program = why ? NULL : program_path(root_fd, s->process);
	return program ? explain_inside(root_fd, program, X_OK, &s->process->user) : why;
}

static char *why_source(const struct runtime_spec *s)
{
	for (size_t i = 0; i < s->n_mounts; i++) {
		const struct spec_mount *m = &s->mounts[i];
		bool bind = str_eq(m->type, "bind") || strings_have(m->options, "bind") || strings_have(m->options, "rbind");
		char *why = bind && m->source && *m->source == '/' ? explain_host_path(m->source, 0) : NULL;
		if (why)
			return why;
	}
	return NULL;
}

void explain_start(const struct container *c, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct runtime_spec *s = NULL;
	cleanup_free char *text = NULL;
	size_t len;
	if (!is_about_permission(err->text))
		return;
	cleanup_free char *why = c->record.rootfs ? explain_host_path(c->record.rootfs, X_OK) : NULL;
	if (!why && fs_read_file(c->dir_fd, "config.json", CONFIG_MAX, &text, &len, NULL) == 0 &&
	    json_decode(&runtime_spec_type, text, len, &pool, &s, NULL) == 0) {
		why = why_source(s);
		if (!why && s->root)
			why = why_program(s);
	}
	if (why)
		(void) error_hint(err, "%s", why);
}
