#include "sysctl.h"
#include "cleanup.h"
#include "fs.h"
#include "str.h"
#include <linux/magic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

/* What the kernel keeps for each namespace; a path that ends in a slash stands for all below it. Nothing else
 * may be set: it would change the host. */
static const struct rule {
	const char *path;
	const char *type;	/* the spec's name of the namespace */
	const char *file;	/* the kernel's, in /proc/self/ns */
} rules[] = {
	{ "kernel/msgmax", "ipc", "ipc" },
	{ "kernel/msgmnb", "ipc", "ipc" },
	{ "kernel/msgmni", "ipc", "ipc" },
	{ "kernel/sem", "ipc", "ipc" },
	{ "kernel/shmall", "ipc", "ipc" },
	{ "kernel/shmmax", "ipc", "ipc" },
	{ "kernel/shmmni", "ipc", "ipc" },
	{ "kernel/shm_rmid_forced", "ipc", "ipc" },
	{ "fs/mqueue/", "ipc", "ipc" },
	{ "net/", "network", "net" },
	{ "kernel/hostname", "uts", "uts" },
	{ "kernel/domainname", "uts", "uts" },
	{ "user/", "user", "user" },
};

static bool components_sane(const char *path)
{
	for (const char *p = path;; p++) {
		size_t len = strcspn(p, "/");
		if (len == 0 || (len == 1 && *p == '.') || (len == 2 && strncmp(p, "..", 2) == 0))
			return false;
		p += len;
		if (!*p)
			return true;
	}
}

/* key_path - the file below /proc/sys. Caller frees. NULL: refused, @err says why */
static char *key_path(const char *key, struct error *err)
{
	cleanup_free char *path = xstrdup(key);
	if (key[strcspn(key, "./")] == '.')
		for (char *p = path; *p; p++)
			*p = *p == '.' ? '/' : *p == '/' ? '.' : *p;
	if (!components_sane(path)) {
		(void) error_say(err, EINVAL, "sysctl '%s': empty components, `.` and `..` are not allowed",
				 key);
		return NULL;
	}
	return take_ptr(path);
}

/* ---- before ---- */

static const struct rule *find_rule(const char *path)
{
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
		if (str_ends(rules[i].path, "/") ? str_starts(path, rules[i].path)
						 : strcmp(path, rules[i].path) == 0)
			return &rules[i];
	return NULL;
}

/* is_ours - is the namespace at @path the one we are in? 1, 0 or a negative errno */
static int is_ours(const char *path, const struct rule *rule, struct error *err)
{
	char own[32];
	struct stat theirs_st, own_st;
	snprintf(own, sizeof own, "/proc/self/ns/%s", rule->file);
	if (stat(path, &theirs_st) < 0)
		return error_set(err, errno, "look at the %s namespace '%s'", rule->type, path);
	if (stat(own, &own_st) < 0)
		return error_set(err, errno, "look at '%s'", own);
	return theirs_st.st_dev == own_st.st_dev && theirs_st.st_ino == own_st.st_ino;
}

/* is_separate - has the container another namespace of this kind than we? 1, 0 or a negative errno */
static int is_separate(const struct spec_linux *l, const struct rule *rule, struct error *err)
{
	for (size_t i = 0; i < l->n_namespaces; i++) {
		if (strcmp(l->namespaces[i].type, rule->type) != 0)
			continue;
		if (str_empty(l->namespaces[i].path))
			return 1;
		int r = is_ours(l->namespaces[i].path, rule, err);
		return r < 0 ? r : !r;
	}
	return 0;
}

/* check_name - the spec has members of its own for these two */
static int check_name(const struct runtime_spec *spec, const char *path, const struct json_pair *p,
		      struct error *err)
{
	const char *member = strcmp(path, "kernel/hostname") == 0 ? "hostname" :
			     strcmp(path, "kernel/domainname") == 0 ? "domainname" : NULL;
	if (!member)
		return 0;
	const char *other = strcmp(member, "hostname") == 0 ? spec->hostname : spec->domainname;
	if (str_empty(other) || strcmp(other, p->value) == 0)
		return 0;
	return error_say(err, EINVAL,
			 "sysctl '%s' is '%s', but %s is '%s': they name the same thing; remove one of them",
			 p->key, p->value, member, other);
}

int sysctl_check(const struct runtime_spec *spec, struct error *err)
{
	const struct spec_linux *l = spec->linux_;
	for (size_t i = 0; l && i < l->sysctl.n; i++) {
		const struct json_pair *p = &l->sysctl.pairs[i];
		cleanup_free char *path = key_path(p->key, err);
		if (!path)
			return -EINVAL;
		const struct rule *rule = find_rule(path);
		int r = rule ? is_separate(l, rule, err) : 0;
		if (r < 0)
			return error_wrap(err, "sysctl '%s'", p->key);
		if (r == 0 && rule)
			return error_say(err, EINVAL,
					 "sysctl '%s' is not in a separate kernel namespace: the container "
					 "shares the caller's %s namespace",
					 p->key, rule->type);
		if (r == 0)
			return error_say(err, EINVAL, "sysctl '%s' is not in a separate kernel namespace",
					 p->key);
		r = check_name(spec, path, p, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- inside ---- */

static int apply(const struct json_pair *p, int proc_fd, struct error *err)
{
	cleanup_free char *path = key_path(p->key, err);
	if (!path)
		return -EINVAL;
	cleanup_free char *below = xasprintf("sys/%s", path);
	cleanup_close int fd = fs_open_beneath(proc_fd, below, O_WRONLY, 0, err);
	if (fd == -ENOENT)
		return error_say(err, ENOENT,
				 "sysctl '%s': the kernel has no such parameter here; is its module loaded?",
				 p->key);
	if (fd < 0)
		return error_wrap(err, "sysctl '%s'", p->key);
	if (fs_is_type(fd, PROC_SUPER_MAGIC) != 1)
		return error_say(err, EPERM, "sysctl '%s': '%s' is not a file of procfs", p->key, below);
	int r = fs_write_all(fd, p->value, strlen(p->value));
	return r < 0 ? error_set(err, -r, "sysctl '%s': write '%s'", p->key, p->value) : 0;
}

int sysctl_apply(const struct json_map *sysctl, int proc_fd, struct error *err)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < sysctl->n; i++)
		r = apply(&sysctl->pairs[i], proc_fd, err);
	return r;
}
