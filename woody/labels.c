#include "labels.h"
#include "cleanup.h"
#include "fs.h"
#include "log.h"
#include "str.h"
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <unistd.h>

#ifndef SELINUX_MAGIC
#define SELINUX_MAGIC 0xf97cff8c
#endif

/* ---- what there is ---- */

static bool has_apparmor(void)
{
	char word[2] = "";
	cleanup_close int fd = open("/sys/module/apparmor/parameters/enabled", O_RDONLY | O_CLOEXEC);
	return fd >= 0 && fs_read_all(fd, word, 1) == 1 && word[0] == 'Y';
}

/* its file system is mounted where it is on, and nowhere else */
static bool has_selinux(void)
{
	cleanup_close int fd = open("/sys/fs/selinux", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 && fs_is_type(fd, SELINUX_MAGIC) > 0;
}

void labels_choose(const struct spec_process *p, struct labels *ret)
{
	*ret = (struct labels) { 0 };
	if (p && !str_empty(p->apparmor_profile)) {
		if (has_apparmor())
			ret->apparmor = p->apparmor_profile;
		else if (strcmp(p->apparmor_profile, "unconfined") != 0)
			log_warn("process.apparmorProfile: '%s' is ignored, AppArmor is not enabled here", p->apparmor_profile);
	}
	if (p && !str_empty(p->selinux_label)) {
		if (has_selinux())
			ret->selinux = p->selinux_label;
		else
			log_warn("process.selinuxLabel: '%s' is ignored, SELinux is not enabled here", p->selinux_label);
	}
}

const char *labels_mount(const struct spec_linux *l)
{
	if (!l || str_empty(l->mount_label))
		return NULL;
	if (has_selinux())
		return l->mount_label;
	log_warn("linux.mountLabel: '%s' is ignored, SELinux is not enabled here", l->mount_label);
	return NULL;
}

/* ---- telling the kernel ---- */

/* open_attribute - @name or, where that is not there, @fallback */
static int open_attribute(int proc_fd, const char *name, const char *fallback, struct error *err)
{
	cleanup_close int fd = openat(proc_fd, name, O_WRONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && fallback) {
		name = fallback;
		fd = openat(proc_fd, name, O_WRONLY | O_CLOEXEC);
	}
	if (fd < 0)
		return error_set(err, errno, "open /proc/%s", name);
	if (fs_is_type(fd, PROC_SUPER_MAGIC) <= 0)
		return error_say(err, EPERM, "/proc/%s is not a file of a procfs", name);
	return take_fd(fd);
}

static int write_attribute(int fd, const char *text)
{
	return write(fd, text, strlen(text)) < 0 ? -errno : 0;	/* at once, or it would be two labels */
}

static int apply_apparmor(const char *profile, int proc_fd, struct error *err)
{
	/* since Linux 5.1 each module has a directory of its own; before, one module has all of it */
	cleanup_close int fd = open_attribute(proc_fd, "self/attr/apparmor/exec", "self/attr/exec", err);
	if (fd < 0)
		return error_wrap(err, "process.apparmorProfile: '%s'", profile);
	cleanup_free char *text = xasprintf("exec %s", profile);
	int r = write_attribute(fd, text);
	/* not in strerror's words: engines would take the program for missing */
	if (r == -ENOENT)
		return error_say(err, ENOENT, "apparmor failed to apply profile: process.apparmorProfile: '%s' is not loaded; "
				 "load it with apparmor_parser(8)", profile);
	if (r == -EACCES || r == -EPERM)
		return error_say(err, -r, "apparmor failed to apply profile: process.apparmorProfile: the profile that we run under does "
				 "not let us change to '%s'", profile);
	return r < 0 ? error_set(err, -r, "apparmor failed to apply profile: process.apparmorProfile: '%s'", profile) : 0;
}

static int write_selinux(const char *attribute, const char *label, int proc_fd, struct error *err)
{
	cleanup_close int fd = open_attribute(proc_fd, attribute, NULL, err);
	int r = fd < 0 ? fd : write_attribute(fd, label);
	if (fd < 0)
		return error_wrap(err, "process.selinuxLabel");
	if (r == -EINVAL)
		return error_say(err, EINVAL, "process.selinuxLabel: '%s' is not a context of the loaded policy", label);
	return r < 0 ? error_set(err, -r, "process.selinuxLabel: write '%s' to /proc/%s", label, attribute) : 0;
}

int labels_apply(const struct labels *l, int proc_fd, struct error *err)
{
	int r = l->apparmor ? apply_apparmor(l->apparmor, proc_fd, err) : 0;
	if (r == 0 && l->selinux)
		r = write_selinux("self/attr/exec", l->selinux, proc_fd, err);
	return r;
}

int labels_keyring(const struct labels *l, int proc_fd, bool on, struct error *err)
{
	if (!l->selinux)
		return 0;
	/* an empty write would be none at all: a newline alone takes the label back */
	return write_selinux("self/attr/keycreate", on ? l->selinux : "\n", proc_fd, err);
}
