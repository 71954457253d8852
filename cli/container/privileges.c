#include "privileges.h"
#include "capabilities.h"
#include "cleanup.h"
#include "fs.h"
#include "lists.h"
#include "log.h"
#include "seccomp_file.h"
#include "str.h"
#include <fnmatch.h>
#include <string.h>
#include <sys/stat.h>

const struct json_type record_settings_type = JSON_TYPE(struct record_settings,
	JSON_FIELD(struct record_settings, capabilities, "capabilities"),
	JSON_FIELD(struct record_settings, no_capabilities, "noCapabilities"),
	JSON_FIELD(struct record_settings, privileged, "privileged"),
	JSON_FIELD(struct record_settings, seccomp_unconfined, "seccompUnconfined"),
	JSON_FIELD(struct record_settings, no_new_privileges, "noNewPrivileges"),
	JSON_FIELD(struct record_settings, seccomp_profile, "seccompProfile"),
	JSON_FIELD(struct record_settings, apparmor, "apparmor"),
	JSON_FIELD(struct record_settings, no_labels, "noLabels"),
	JSON_FIELD(struct record_settings, labels, "labels"),
	JSON_FIELD(struct record_settings, mask, "mask"),
	JSON_FIELD(struct record_settings, unmask, "unmask"),
	JSON_FIELD(struct record_settings, proc_options, "procOptions"),
	JSON_FIELD(struct record_settings, hosts, "hosts"),
	JSON_FIELD(struct record_settings, dns, "dns"),
	JSON_FIELD(struct record_settings, dns_search, "dnsSearch"),
	JSON_FIELD(struct record_settings, dns_options, "dnsOptions"));

static const char masked[] =
	"/proc/acpi /proc/asound /proc/interrupts /proc/kcore /proc/keys /proc/latency_stats /proc/sched_debug /proc/scsi "
	"/proc/timer_list /proc/timer_stats /sys/devices/virtual/powercap /sys/firmware";
static const char readonly[] = "/proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger";

/* ---- --security-opt ---- */

static int no_such(const char *word, const char *why, struct error *err)
{
	return error_say(err, EINVAL, "--security-opt '%s': %s", word, why);
}

static int set_seccomp(const char *word, const char *value, struct pool *pool, struct record_settings *s, struct error *err)
{
	struct pool own CLEANUP(pool_done) = { 0 };
	struct spec_seccomp *unused;
	cleanup_free char *path = NULL;
	s->seccomp_unconfined = strcmp(value, "unconfined") == 0;
	s->seccomp_profile = NULL;
	if (s->seccomp_unconfined || strcmp(value, "builtin") == 0 || strcmp(value, "default") == 0)
		return 0;
	int r = fs_absolute(value, &path, err);
	if (r == 0)
		r = seccomp_read(path, NULL, &own, &unused, err);
	if (r < 0)
		return error_wrap(err, "--security-opt '%s'", word);
	s->seccomp_profile = pool_strdup(pool, path);
	return 0;
}

static int set_label(const char *word, const char *value, struct strings *labels, struct record_settings *s, struct error *err)
{
	static const char *const kinds[] = { "user:", "role:", "type:", "level:", "filetype:", NULL };
	if (strcmp(value, "disable") == 0) {
		s->no_labels = true;
		return 0;
	}
	if (strcmp(value, "nested") == 0)
		return 0;	/* its selinuxfs is there or not, as the host has it */
	for (const char *const *kind = kinds; *kind; kind++)
		if (str_starts(value, *kind) && value[strlen(*kind)]) {
			strings_add(labels, value);
			return 0;
		}
	return no_such(word, "labels are disable, user:NAME, role:NAME, type:NAME, level:LEVEL and filetype:NAME", err);
}

/* set_paths - "/proc/a:/sys/b"; for unmask also "ALL" */
static int set_paths(const char *word, const char *value, bool unmask, struct strings *ret, struct error *err)
{
	struct strings paths cleanup_strings = { 0 };
	strings_split(&paths, value, ":");
	for (size_t i = 0; i < paths.n; i++) {
		bool all = unmask && strcasecmp(paths.v[i], "all") == 0;
		if (paths.v[i][0] != '/' && !all)
			return no_such(word, unmask ? "give ALL, or absolute paths with a colon between them" :
						      "give absolute paths with a colon between them", err);
		strings_add(ret, all ? "*" : paths.v[i]);
	}
	return paths.n ? 0 : no_such(word, "there is no path", err);
}

/* set_no_new_privileges - "no-new-privileges", "no-new-privileges:true", "...=false" */
static int set_no_new_privileges(const char *word, const char *rest, struct record_settings *s, struct error *err)
{
	const char *value = *rest ? rest + 1 : "true";
	if ((*rest && *rest != ':' && *rest != '=') || (strcmp(value, "true") != 0 && strcmp(value, "false") != 0))
		return no_such(word, "give no-new-privileges, or no-new-privileges=true or =false", err);
	s->no_new_privileges = strcmp(value, "true") == 0;
	return 0;
}

struct lists { struct strings labels, mask, unmask; };

static int parse_security(const char *word, struct pool *pool, struct record_settings *s, struct lists *l, struct error *err)
{
	static const char *const names[] = { "seccomp", "apparmor", "label", "no-new-privileges", "mask", "unmask", "systempaths", "proc-opts",
					     NULL };
	const char *rest = str_after(word, "no-new-privileges");
	if (rest)
		return set_no_new_privileges(word, rest, s, err);
	size_t len = strcspn(word, "=:");	/* docker's older spelling has the colon */
	cleanup_free char *name = xstrndup(word, len);
	const char *value = word[len] ? word + len + 1 : "";
	if (strings_have((char *const *) names, name) && !*value)
		return no_such(word, "it wants a value, as in seccomp=unconfined", err);
	if (strcmp(name, "seccomp") == 0)
		return set_seccomp(word, value, pool, s, err);
	if (strcmp(name, "label") == 0)
		return set_label(word, value, &l->labels, s, err);
	if (strcmp(name, "mask") == 0)
		return set_paths(word, value, false, &l->mask, err);
	if (strcmp(name, "unmask") == 0)
		return set_paths(word, value, true, &l->unmask, err);
	if (strcmp(name, "apparmor") == 0) {
		s->apparmor = pool_strdup(pool, value);
	} else if (strcmp(name, "proc-opts") == 0) {
		s->proc_options = pool_strdup(pool, value);
	} else if (strcmp(name, "systempaths") == 0 && strcmp(value, "unconfined") == 0) {
		strings_add(&l->unmask, "*");
	} else {
		const char *near = str_nearest(name, names);
		cleanup_free char *why = strcmp(name, "systempaths") == 0 ? xstrdup("there is systempaths=unconfined") :
			near ? xasprintf("did you mean '%s'?", near) : xstrdup("there are seccomp=, apparmor=, label=, no-new-privileges, "
									       "mask=, unmask=, systempaths= and proc-opts=");
		return no_such(word, why, err);
	}
	return 0;
}

int privileges_to_record(const struct privilege_options *o, struct pool *pool, struct record_settings *ret, struct error *err)
{
	struct lists l = { 0 };
	int r = 0;
	ret->privileged = o->privileged;
	for (size_t i = 0; r == 0 && i < o->security.n; i++)
		r = parse_security(o->security.v[i], pool, ret, &l, err);
	ret->labels = l.labels.n ? list_copy(pool, l.labels.v, NULL) : NULL;
	ret->mask = l.mask.n ? list_copy(pool, l.mask.v, NULL) : NULL;
	ret->unmask = l.unmask.n ? list_copy(pool, l.unmask.v, NULL) : NULL;
	strings_done(&l.labels);
	strings_done(&l.mask);
	strings_done(&l.unmask);
	if (r < 0 || (!o->privileged && o->cap_add.n == 0 && o->cap_drop.n == 0))
		return r;	/* NULL: the defaults of whichever carrier starts it */
	struct strings all cleanup_strings = { 0 };
	strings_add(&all, "ALL");
	r = capabilities_choose(o->privileged ? &all : &o->cap_add, &o->cap_drop, pool, &ret->capabilities, err);
	ret->no_capabilities = r == 0 && !ret->capabilities[0];
	return r;
}

/* ---- config.json ---- */

static bool is_unmasked(const char *path, char *const *patterns)
{
	for (; patterns && *patterns; patterns++) {
		size_t len = strlen(*patterns);
		bool below = strncmp(path, *patterns, len) == 0 && path[len] == '/';
		if (strcmp(*patterns, "*") == 0 || below || fnmatch(*patterns, path, 0) == 0)
			return true;
	}
	return false;
}

char **paths_without(const char *paths, char *const *unmask, char *const *more, struct pool *pool)
{
	char **all = list_copy(pool, list_words(pool, paths), more);
	size_t kept = 0;
	for (size_t i = 0; all[i]; i++)
		if (!is_unmasked(all[i], unmask) || strings_have(more, all[i]))
			all[kept++] = all[i];
	all[kept] = NULL;
	return all;
}

static const char *label_of(char *const *labels, const char *kind, const char *usual)
{
	for (; labels && *labels; labels++)
		usual = str_after(*labels, kind) ? str_after(*labels, kind) : usual;
	return usual;
}

/* set_labels - without SELinux in the kernel there is nothing to say, and podman and docker say nothing */
static void set_labels(const struct record_settings *s, struct pool *pool, struct runtime_spec *ret)
{
	if (s->no_labels || s->privileged || !s->labels || access("/sys/fs/selinux/enforce", F_OK) < 0)
		return;
	const char *level = label_of(s->labels, "level:", "s0");
	ret->process->selinux_label = pool_printf(pool, "%s:%s:%s:%s", label_of(s->labels, "user:", "system_u"),
						  label_of(s->labels, "role:", "system_r"), label_of(s->labels, "type:", "container_t"), level);
	ret->linux_->mount_label = pool_printf(pool, "system_u:object_r:%s:%s", label_of(s->labels, "filetype:", "container_file_t"), level);
}

static int set_filter(const struct record_settings *s, struct pool *pool, struct runtime_spec *ret, struct error *err)
{
	char *const *capabilities = ret->process->capabilities->bounding;
	if (s->seccomp_profile) {
		int r = seccomp_read(s->seccomp_profile, capabilities, pool, &ret->linux_->seccomp, err);
		return r < 0 ? error_wrap(err, "--security-opt seccomp") : 0;
	}
	if (!s->seccomp_unconfined && !s->privileged)
		ret->linux_->seccomp = seccomp_default(capabilities, pool);
	return 0;
}

/* check_apparmor - a profile that is asked for and not there is no protection */
static int check_apparmor(const char *profile, struct error *err)
{
	cleanup_free char *enabled = NULL;
	if (strcmp(profile, "unconfined") == 0)
		return 0;
	if (fs_read_file(AT_FDCWD, "/sys/module/apparmor/parameters/enabled", 16, &enabled, NULL, NULL) < 0 || *enabled != 'Y')
		return error_say(err, EOPNOTSUPP, "--security-opt apparmor=%s: AppArmor is not enabled in this kernel; leave it out, or boot with "
				 "apparmor=1 security=apparmor", profile);
	return 0;
}

int privileges_to_spec(const struct record_settings *s, struct pool *pool, struct runtime_spec *ret, struct error *err)
{
	static char *everything[] = { (char *) "*", NULL };
	char *const *unmask = s->privileged ? everything : s->unmask;
	ret->linux_->masked_paths = paths_without(masked, unmask, s->mask, pool);
	ret->linux_->readonly_paths = paths_without(readonly, unmask, NULL, pool);
	int r = s->apparmor ? check_apparmor(s->apparmor, err) : 0;
	if (r == 0 && s->apparmor && strcmp(s->apparmor, "unconfined") != 0)
		ret->process->apparmor_profile = s->apparmor;
	set_labels(s, pool, ret);
	return r < 0 ? r : set_filter(s, pool, ret, err);
}

/* replace - the word @old of a mount's options */
static void replace(char **options, const char *old, const char *new, struct pool *pool)
{
	for (; *options; options++)
		if (strcmp(*options, old) == 0)
			*options = pool_strdup(pool, new);
}

void privileges_mount(const struct record_settings *s, struct pool *pool, struct spec_mount *m)
{
	if (s->privileged && (str_eq(m->destination, "/sys") || str_eq(m->destination, "/sys/fs/cgroup")))
		replace(m->options, "ro", "rw", pool);
	if (s->proc_options && str_eq(m->destination, "/proc")) {
		struct strings more cleanup_strings = { 0 };
		strings_split(&more, s->proc_options, ",");
		m->options = list_copy(pool, m->options, more.v);
	}
}
