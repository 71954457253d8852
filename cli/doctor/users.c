/* 01: user namespaces, the ids in them, and the two programs that map those. user_namespaces(7), subuid(5), newuidmap(1). */
#include "doctor.h"
#include "../container/apart.h"
#include "../container/userns.h"
#include "cleanup.h"
#include "fs.h"
#include "proc.h"
#include "str.h"
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>

enum { IDS_WANTED = 65536, TEXT_MAX = 64 << 20 };

/* ---- user namespaces ---- */

/* use_one - a namespace may be made and still be of no use: AppArmor takes its capabilities away */
static int use_one(void *ctx, struct error *err)
{
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return error_set(err, errno, "make a user namespace");
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || mount("doctor", "/proc", "tmpfs", 0, NULL) < 0)
		return error_set(err, errno, "mount in a user namespace of one's own");
	return 0;
}

static void look_namespaces(struct doctor *d)
{
	struct error err = { 0 };
	int r = apart_run(use_one, NULL, &err);
	bool bad = d->carrier->rootless;	/* root's containers have none unless --userns asks for it */
	if (r == 0)
		doctor_ok(d, "%s be made, and things can be mounted in them", bad ? "they can" : "can");
	else if (doctor_sysctl("user/max_user_namespaces", 1) == 0 || r == -ENOSPC || r == -EUSERS)
		(bad ? doctor_bad : doctor_warn)(d, "as root: sysctl -w user.max_user_namespaces=15000",
			"none may be made: their number is limited to %lld", (long long) doctor_sysctl("user/max_user_namespaces", 0));
	else if (doctor_sysctl("kernel/unprivileged_userns_clone", 1) == 0)
		(bad ? doctor_bad : doctor_warn)(d, "as root: sysctl -w kernel.unprivileged_userns_clone=1",
			"ordinary users may not make any: %s", err.text);
	else if (doctor_sysctl("kernel/apparmor_restrict_unprivileged_userns", 0) == 1)
		(bad ? doctor_bad : doctor_warn)(d, "as root: install contrib's AppArmor profile for carrier, or sysctl -w "
			"kernel.apparmor_restrict_unprivileged_userns=0", "AppArmor takes the rights in them away: %s", err.text);
	else
		(bad ? doctor_bad : doctor_warn)(d, "they are forbidden in a chroot, and where a seccomp filter or a security module says so: "
			"leave it, or allow unshare and mount there", "%s", err.text);
}

/* ---- subordinate ids ---- */

static void look_subids(struct doctor *d, const char *file, const char *owners, const char *option)
{
	cleanup_free char *text = NULL, *passwd = NULL;
	uint64_t ids = 0;
	bool bad = false;
	if (!d->carrier->rootless) {
		doctor_ok(d, "root needs none");
		return;
	}
	if (d->carrier->nested) {
		doctor_ok(d, "this is root of a user namespace, which has ids already");
		return;
	}
	(void) fs_read_file(AT_FDCWD, file, TEXT_MAX, &text, NULL, NULL);
	(void) fs_read_file(AT_FDCWD, owners, TEXT_MAX, &passwd, NULL, NULL);
	const char *user = doctor_user(d);
	cleanup_free char *wrong = subids_judge(file, text ? text : "", passwd ? passwd : "", user, getuid(), &ids, &bad);
	if (!wrong) {
		doctor_ok(d, "%s has %llu", user, (unsigned long long) ids);
		return;
	}
	cleanup_idmap struct idmap uids = { 0 }, gids = { 0 };
	struct error err = { 0 };
	if (ids == 0 && idmap_rootless(&uids, &gids, &err) == 0)	/* a directory has them: getsubids(1) said so */
		doctor_ok(d, "%s has some by /etc/nsswitch.conf", user);
	else if (ids == 0)
		doctor_warn(d, strstr(err.text, "; ") ? strstr(err.text, "; ") + 2 : NULL, "%s; everything in containers belongs to %s alone",
			    wrong, user);
	else
		(bad ? doctor_bad : doctor_warn)(d, doctor_printf(d, "as root: edit %s, or usermod --del-sub%s ... --add-sub%s FIRST-LAST %s, "
			"with ids that nobody has; then `carrier system reset`, since what is there belongs to the old ids", file, option, option,
			user), "%s", wrong);
}

static void look_subuid(struct doctor *d) { look_subids(d, "/etc/subuid", "/etc/passwd", "uids"); }
static void look_subgid(struct doctor *d) { look_subids(d, "/etc/subgid", "/etc/group", "gids"); }

/* ---- newuidmap, newgidmap ---- */

/* has_capability - does the file give CAP_SETUID or CAP_SETGID? capabilities(7): two words of permitted bits behind a magic */
static bool has_capability(const char *path, int capability)
{
	struct vfs_ns_cap_data data = { 0 };
	ssize_t n = getxattr(path, "security.capability", &data, sizeof data);
	return n >= (ssize_t) sizeof(struct vfs_cap_data) && (le32toh(data.data[0].permitted) & 1U << capability);
}

static void look_mapper(struct doctor *d, const char *name, int capability)
{
	struct stat st;
	struct statvfs fs;
	if (!d->carrier->rootless || d->carrier->nested) {
		doctor_ok(d, "not needed by root");
		return;
	}
	cleanup_free char *path = proc_find(name, NULL);
	if (!path)	/* where idmap.c looks, too */
		path = proc_find(name, "/usr/bin:/bin:/usr/sbin:/sbin:/usr/local/bin");
	if (!path || stat(path, &st) < 0) {
		doctor_warn(d, "as root: install the package uidmap (shadow-utils or shadow in some distributions)",
			    "%s is not installed: only one's own id can be mapped", name);
		return;
	}
	bool setuid = (st.st_mode & S_ISUID) && st.st_uid == 0;
	if (!setuid && !has_capability(path, capability))
		doctor_bad(d, doctor_printf(d, "as root: chmod u+s '%s' (owned by root), or setcap cap_set%s+ep '%s'", path,
			capability == CAP_SETUID ? "uid" : "gid", path), "'%s' has neither root's setuid bit nor the file capability", path);
	else if (statvfs(path, &fs) == 0 && (fs.f_flag & ST_NOSUID))
		doctor_bad(d, "as root: remount it without nosuid, or install the program elsewhere",
			   "'%s' is on a file system that is mounted nosuid: it has no more rights than its caller", path);
	else if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		doctor_bad(d, "start carrier from where this is not so (systemd: NoNewPrivileges=no)",
			   "this process has no_new_privs, under which '%s' has no rights", path);
	else
		doctor_ok(d, "'%s' has %s", path, setuid ? "root's setuid bit" : "the file capability");
}

static void look_newuidmap(struct doctor *d) { look_mapper(d, "newuidmap", CAP_SETUID); }
static void look_newgidmap(struct doctor *d) { look_mapper(d, "newgidmap", CAP_SETGID); }

/* ---- all of it together ---- */

static int become_root(void *ctx, struct error *err)
{
	return userns_become_root(CLONE_NEWNS, NULL, NULL, err);
}

static void look_together(struct doctor *d)
{
	struct error err = { 0 };
	if (!d->carrier->rootless || d->carrier->nested)
		doctor_ok(d, "not needed by root");
	else if (apart_run(become_root, NULL, &err) < 0)
		doctor_error(d, true, &err);
	else
		doctor_ok(d, "a user namespace with %s's ids was made", doctor_user(d));
}

const struct doctor_check doctor_users[] = {
	{ "CD0101", "user namespaces", look_namespaces },
	{ "CD0102", "subordinate user ids", look_subuid },
	{ "CD0103", "subordinate group ids", look_subgid },
	{ "CD0104", "newuidmap", look_newuidmap },
	{ "CD0105", "newgidmap", look_newgidmap },
	{ "CD0106", "rootless containers", look_together },
	{ NULL, NULL, NULL },
};
