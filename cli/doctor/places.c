/* 05: the directories that carrier keeps things in. */
#include "doctor.h"
#include "cleanup.h"
#include "str.h"
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

#define MiB (1ULL << 20)
enum { LITTLE_MIB = 1024, NOTHING_MIB = 64, LITTLE_FILES = 10000, NOTHING_FILES = 500 };

static void look_runtime_dir(struct doctor *d)
{
	const char *dir = getenv("XDG_RUNTIME_DIR");
	struct stat st;
	struct statfs fs;
	if (!d->carrier->rootless) {
		doctor_ok(d, "root needs none");
		return;
	}
	const char *make = doctor_printf(d, "log in through logind or elogind, which make it (su and sudo do not); or, as root: "
					 "mkdir -p /run/user/%u; chown %u /run/user/%u; chmod 0700 /run/user/%u, and XDG_RUNTIME_DIR=/run/user/%u",
					 getuid(), getuid(), getuid(), getuid(), getuid());
	if (str_empty(dir)) {
		doctor_warn(d, make, "is not set: '%s' is used, which a cleaner of /tmp may take away", d->carrier->runroot);
		return;
	}
	if (stat(dir, &st) < 0 || !S_ISDIR(st.st_mode))
		doctor_warn(d, make, "'%s' is not there: '%s' is used, which a cleaner of /tmp may take away", dir, d->carrier->runroot);
	else if (st.st_uid != getuid())
		doctor_bad(d, doctor_printf(d, "unset XDG_RUNTIME_DIR, or set it to a directory of your own (after su: /run/user/%u)", getuid()),
			   "'%s' belongs to user %u, not to %u: is it inherited from another user's session?", dir, st.st_uid, getuid());
	else if (st.st_mode & 077)
		doctor_bad(d, doctor_printf(d, "chmod 0700 '%s'", dir), "'%s' is open to others (mode %04o)", dir, st.st_mode & 07777);
	else if (access(dir, W_OK | X_OK) < 0)
		doctor_bad(d, doctor_printf(d, "chmod 0700 '%s'", dir), "'%s' cannot be written to", dir);
	else if (statfs(dir, &fs) == 0 && fs.f_type != TMPFS_MAGIC && fs.f_type != RAMFS_MAGIC)
		doctor_more(d, "mount a tmpfs there", "'%s' is no tmpfs: what should end with a reboot stays, and is told by the boot's id", dir);
	else
		doctor_ok(d, "'%s' is a tmpfs of your own", dir);
}

/* nearest - the path, or the directory above it that is there. Caller frees. */
static char *nearest(const char *path)
{
	char *at = xstrdup(path);
	while (access(at, F_OK) < 0 && strchr(at + 1, '/'))
		*strrchr(at, '/') = 0;
	if (access(at, F_OK) < 0)
		at[1] = 0;
	return at;
}

static void look_place(struct doctor *d, const char *path)
{
	cleanup_free char *there = nearest(path);
	bool made = str_eq(there, path);
	struct stat st;
	if (stat(there, &st) < 0)
		doctor_bad(d, NULL, "'%s' cannot be looked at: %s", there, strerror(errno));
	else if (made && st.st_uid != geteuid())
		doctor_bad(d, doctor_printf(d, "as root: chown -R %u '%s', or another --root", geteuid(), path),
			   "'%s' belongs to user %u: was carrier run with sudo?", path, st.st_uid);
	else if (access(there, W_OK | X_OK) < 0)
		doctor_bad(d, doctor_printf(d, "chmod u+rwx '%s', or another --root and --runroot", there), "'%s' cannot be written to: %s", there,
			   strerror(errno));
	else if (made && (st.st_mode & 022))
		doctor_bad(d, doctor_printf(d, "chmod go-w '%s'", path), "others may write to '%s' (mode %04o)", path, st.st_mode & 07777);
	else
		doctor_ok(d, "'%s'%s", path, made ? "" : ", which the first command makes");
}

static void look_root(struct doctor *d) { look_place(d, d->carrier->root); }
static void look_runroot(struct doctor *d) { look_place(d, d->carrier->runroot); }

static void look_room_in(struct doctor *d, const char *path)
{
	cleanup_free char *there = nearest(path);
	struct statvfs fs;
	char size[16];
	if (statvfs(there, &fs) < 0) {
		doctor_bad(d, NULL, "'%s' cannot be looked at: %s", there, strerror(errno));
		return;
	}
	uint64_t room = (uint64_t) fs.f_bavail * fs.f_frsize;
	const char *remedy = "carrier system prune, or --root on a larger file system; `carrier system df` says what takes the room";
	(void) str_human_size(room, size);
	/* btrfs has no number of files */
	bool few = fs.f_files && fs.f_favail < LITTLE_FILES, none = fs.f_files && fs.f_favail < NOTHING_FILES;
	if (room < NOTHING_MIB * MiB)
		doctor_bad(d, remedy, "'%s' has only %s left", there, size);
	else if (none)
		doctor_bad(d, remedy, "'%s' has room for only %llu files", there, (unsigned long long) fs.f_favail);
	else if (room < LITTLE_MIB * MiB)
		doctor_warn(d, remedy, "'%s' has only %s left", there, size);
	else if (few)
		doctor_warn(d, remedy, "'%s' has room for only %llu files", there, (unsigned long long) fs.f_favail);
	else
		doctor_ok(d, "%s left for '%s'", size, path);
}

static void look_room(struct doctor *d) { look_room_in(d, d->carrier->root); }

const struct doctor_check doctor_places[] = {
	{ "CD0501", "XDG_RUNTIME_DIR", look_runtime_dir },
	{ "CD0502", "--root", look_root },
	{ "CD0503", "--runroot", look_runroot },
	{ "CD0504", "room", look_room },
	{ NULL, NULL, NULL },
};
