#include "intel_rdt.h"
#include "cleanup.h"
#include "fs.h"
#include "log.h"
#include "mem.h"
#include <ctype.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#ifndef RDTGROUP_SUPER_MAGIC
#define RDTGROUP_SUPER_MAGIC 0x7655821
#endif
enum { TEXT_MAX = 1 << 20 };
static const char usual_place[] = "/sys/fs/resctrl", note[] = "resctrl";

/* ---- text ---- */

/* add_lines - the non-empty lines of @text, but for those that begin with @without */
static void add_lines(struct buf *out, const char *text, const char *without)
{
	struct strings lines cleanup_strings = { 0 };
	strings_split(&lines, text, "\n");
	for (size_t i = 0; i < lines.n; i++)
		if (!without || !str_starts(lines.v[i], without))
			buf_printf(out, "%s\n", lines.v[i]);
}

bool intel_rdt_schemata(const struct spec_intel_rdt *rdt, struct buf *out)
{
	if (!str_empty(rdt->l3_cache_schema))
		add_lines(out, rdt->l3_cache_schema, str_empty(rdt->mem_bw_schema) ? NULL : "MB:");
	if (!str_empty(rdt->mem_bw_schema))
		add_lines(out, rdt->mem_bw_schema, NULL);
	for (char **line = rdt->schemata; line && *line; line++)
		add_lines(out, *line, NULL);
	return out->len > 0;
}

/* strip - blanks at both ends, in place */
static char *strip(char *s)
{
	s += strspn(s, " \t");
	size_t len = strlen(s);
	while (len && (s[len - 1] == ' ' || s[len - 1] == '\t'))
		s[--len] = 0;
	return s;
}

/* cut - "a:b" into "a" and "b", both stripped. false without the separator */
static bool cut(char *text, char separator, char **ret_name, char **ret_rest)
{
	char *at = strchr(text, separator);
	if (!at)
		return false;
	*at = 0;
	*ret_name = strip(text);
	*ret_rest = strip(at + 1);
	return true;
}

/* value_in - of @domain in the line for @resource of @schemata, as the file has it. Caller frees; NULL: none */
static char *value_in(const char *schemata, const char *resource, const char *domain)
{
	struct strings lines cleanup_strings = { 0 };
	strings_split(&lines, schemata, "\n");
	for (size_t i = 0; i < lines.n; i++) {
		struct strings domains cleanup_strings = { 0 };
		char *name, *rest, *id, *value;
		if (!cut(lines.v[i], ':', &name, &rest) || !str_eq(name, resource))
			continue;
		strings_split(&domains, rest, ";");
		for (size_t k = 0; k < domains.n; k++)
			if (cut(domains.v[k], '=', &id, &value) && str_eq(id, domain))
				return xstrdup(value);
	}
	return NULL;
}

static bool same_value(const char *a, const char *b)
{
	while (*a == '0' && a[1])
		a++;
	while (*b == '0' && b[1])
		b++;
	return strcasecmp(a, b) == 0;
}

static int compare_line(char *line, const char *present, struct error *err)
{
	struct strings domains cleanup_strings = { 0 };
	char *resource, *rest, *id, *value;
	if (!cut(line, ':', &resource, &rest))
		return error_say(err, EINVAL, "'%s' is no line of a schemata file", line);
	strings_split(&domains, rest, ";");
	for (size_t i = 0; i < domains.n; i++) {
		if (!cut(domains.v[i], '=', &id, &value))
			return error_say(err, EINVAL, "'%s' of %s is not domain=value", domains.v[i], resource);
		cleanup_free char *has = value_in(present, resource, id);
		if (!has || !same_value(has, value))
			return error_say(err, EINVAL, "%s:%s=%s is wanted, and %s is there", resource, id, value,
					 has ? has : "nothing");
	}
	return 0;
}

int intel_rdt_compare(const char *wanted, const char *present, struct error *err)
{
	struct strings lines cleanup_strings = { 0 };
	strings_split(&lines, wanted, "\n");
	int r = 0;
	for (size_t i = 0; r == 0 && i < lines.n; i++)
		r = compare_line(lines.v[i], present, err);
	return r;
}

char *intel_rdt_find_mount(const char *mountinfo)
{
	struct strings lines cleanup_strings = { 0 };
	strings_split(&lines, mountinfo, "\n");
	for (size_t i = 0; i < lines.n; i++) {
		struct strings words cleanup_strings = { 0 };
		const char *type = strstr(lines.v[i], " - ");
		if (!type || !str_starts(type, " - resctrl "))
			continue;
		strings_split(&words, lines.v[i], " ");
		if (words.n > 4)
			return xstrdup(words.v[4]);
	}
	return NULL;
}

static bool has_newline(const char *s)
{
	return s && strchr(s, '\n');
}

static int check_group(const char *name, struct error *err)
{
	static const char *const reserved[] = { ".", "..", "info", "mon_groups", "mon_data", NULL };
	if (!str_eq(name, "/") && (strchr(name, '/') || strlen(name) > 255 || has_newline(name) ||
				   strings_have((char *const *) reserved, name)))
		return error_say(err, EINVAL, "linux.intelRdt.closID: '%s' is not the name of a class of service", name);
	return 0;
}

static int check_text(const struct spec_intel_rdt *rdt, struct error *err)
{
	if (has_newline(rdt->mem_bw_schema) || (!str_empty(rdt->mem_bw_schema) && !str_starts(rdt->mem_bw_schema, "MB:")))
		return error_say(err, EINVAL, "linux.intelRdt.memBwSchema: one line that begins with MB: is wanted, not '%s'",
				 rdt->mem_bw_schema);
	for (size_t i = 0; rdt->schemata && rdt->schemata[i]; i++)
		if (has_newline(rdt->schemata[i]) || !strchr(rdt->schemata[i], ':'))
			return error_say(err, EINVAL, "linux.intelRdt.schemata[%zu]: one line such as L3:0=7f0 is wanted, not '%s'", i,
					 rdt->schemata[i]);
	return str_empty(rdt->clos_id) ? 0 : check_group(rdt->clos_id, err);
}

/* ---- the file system ---- */

static int find_resctrl(char **ret, struct error *err)
{
	struct statfs st;
	cleanup_free char *text = NULL;
	if (statfs(usual_place, &st) == 0 && st.f_type == RDTGROUP_SUPER_MAGIC) {
		*ret = xstrdup(usual_place);
		return 0;
	}
	int r = fs_read_file(AT_FDCWD, "/proc/self/mountinfo", 16 << 20, &text, NULL, err);
	if (r < 0)
		return r;
	*ret = intel_rdt_find_mount(text);
	return *ret ? 0 : error_say(err, EOPNOTSUPP, "no resctrl file system is mounted; where the CPU has resource "
				    "control, `mount -t resctrl resctrl %s` brings it", usual_place);
}

int intel_rdt_check(const struct runtime_spec *spec, struct error *err)
{
	const struct spec_intel_rdt *rdt = spec->linux_ ? spec->linux_->intel_rdt : NULL;
	cleanup_free char *place = NULL;
	if (!rdt)
		return 0;
	int r = check_text(rdt, err);
	if (r < 0)
		return r;
	r = find_resctrl(&place, err);
	return r < 0 ? error_wrap(err, "linux.intelRdt") : 0;
}

static char *group_of(const struct container *c, const char *place)
{
	const struct spec_intel_rdt *rdt = c->spec->linux_ ? c->spec->linux_->intel_rdt : NULL;
	const char *named = rdt && !str_empty(rdt->clos_id) ? rdt->clos_id : c->id;
	return str_eq(named, "/") ? xstrdup(place) : xasprintf("%s/%s", place, named);
}

int intel_rdt_find(const struct container *c, char **ret_root, char **ret_group, struct error *err)
{
	cleanup_free char *place = NULL;
	int r = find_resctrl(&place, err);
	if (r < 0)
		return r;
	*ret_group = group_of(c, place);
	*ret_root = take_ptr(place);
	return 0;
}

/* append_note - @mark: '+' to be removed at delete, '-' only after a failed create */
static int append_note(struct container *c, char mark, const char *path, struct error *err)
{
	cleanup_close int fd = openat(c->dir_fd, note, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	cleanup_free char *line = xasprintf("%c%s\n", mark, path);
	int r = fd < 0 ? -errno : fs_write_all(fd, line, strlen(line));
	return r < 0 ? error_set(err, -r, "write '%s/%s'", c->dir, note) : 0;
}

/* status_of - what the kernel says of the last refusal, behind @err */
static int status_of(const char *place, int r, struct error *err)
{
	cleanup_free char *path = xasprintf("%s/info/last_cmd_status", place);
	cleanup_free char *text = NULL;
	if (fs_read_file(AT_FDCWD, path, TEXT_MAX, &text, NULL, NULL) == 0) {
		text[strcspn(text, "\n")] = 0;
		if (*text && !str_eq(text, "ok"))
			error_hint(err, "resctrl says: %s", text);
	}
	return r;
}

/* make_group - the directory; 1 when it was made, 0 when it was there */
static int make_group(struct container *c, char mark, const char *place, const char *path, struct error *err)
{
	if (access(path, F_OK) == 0)
		return 0;
	int r = append_note(c, mark, path, err);
	if (r < 0)
		return r;
	if (mkdir(path, 0755) == 0)
		return 1;
	r = error_set(err, errno, "make '%s'", path);
	if (r == -ENOSPC)
		error_hint(err, "the CPU has no more classes or monitors; remove some that are unused");
	return status_of(place, r, err);
}

static int set_schemata(const char *place, const char *group, const char *wanted, bool made, struct error *err)
{
	cleanup_free char *path = xasprintf("%s/schemata", group);
	cleanup_free char *present = NULL;
	if (made) {
		int r = fs_write_file(AT_FDCWD, path, wanted, err);
		return r < 0 ? status_of(place, r, err) : 0;
	}
	int r = fs_read_file(AT_FDCWD, path, TEXT_MAX, &present, NULL, err);
	if (r == 0)
		r = intel_rdt_compare(wanted, present, err);
	return r < 0 ? error_wrap(err, "the class of service '%s' exists, and is another", group) : 0;
}

static int add_task(const char *place, const char *group, pid_t pid, struct error *err)
{
	cleanup_free char *path = xasprintf("%s/tasks", group);
	cleanup_free char *text = xasprintf("%d", pid);
	int r = fs_write_file(AT_FDCWD, path, text, err);
	return r < 0 ? status_of(place, r, err) : 0;
}

static int apply(struct container *c, const struct spec_intel_rdt *rdt, const char *place, pid_t pid, struct error *err)
{
	bool named = !str_empty(rdt->clos_id), root = str_eq(rdt->clos_id, "/");
	struct buf wanted cleanup_buf = { 0 };
	bool schemata = intel_rdt_schemata(rdt, &wanted);
	cleanup_free char *group = group_of(c, place);
	int made = 0;
	if (named && !schemata && access(group, F_OK) < 0)
		return error_say(err, ENOENT, "there is no class of service '%s', and no schemata to make it with", group);
	if (!root)
		made = make_group(c, named ? '-' : '+', place, group, err);
	int r = made < 0 ? made : schemata ? set_schemata(place, group, wanted.data, made, err) : 0;
	if (r == 0)
		r = add_task(place, group, pid, err);
	if (r < 0 || !rdt->enable_monitoring)
		return r;
	cleanup_free char *monitor = xasprintf("%s/mon_groups/%s", group, c->id);
	r = make_group(c, '+', place, monitor, err);
	return r < 0 ? r : add_task(place, monitor, pid, err);
}

int intel_rdt_apply(struct container *c, pid_t pid, struct error *err)
{
	const struct spec_intel_rdt *rdt = c->spec->linux_ ? c->spec->linux_->intel_rdt : NULL;
	cleanup_free char *place = NULL;
	if (!rdt)
		return 0;
	int r = find_resctrl(&place, err);
	if (r < 0)
		return r;
	r = apply(c, rdt, place, pid, err);
	return r < 0 ? error_wrap(err, "linux.intelRdt") : 0;
}

void intel_rdt_remove(struct container *c, bool failed)
{
	struct strings lines cleanup_strings = { 0 };
	cleanup_free char *text = NULL;
	if (!c->spec || !c->spec->linux_ || !c->spec->linux_->intel_rdt ||
	    fs_read_file(c->dir_fd, note, TEXT_MAX, &text, NULL, NULL) < 0)
		return;
	strings_split(&lines, text, "\n");
	for (size_t i = lines.n; i-- > 0;)	/* the monitoring group before its class */
		if ((lines.v[i][0] == '+' || failed) && rmdir(lines.v[i] + 1) < 0 && errno != ENOENT)
			log_warn("remove the resctrl group '%s': %s", lines.v[i] + 1, strerror(errno));
	(void) unlinkat(c->dir_fd, note, 0);
}
