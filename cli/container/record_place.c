#include "record_impl.h"
#include "apart.h"
#include "cleanup.h"
#include "fs.h"
#include "str.h"
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

enum { ABANDONED_SECONDS = 2 };	/* between making a directory and locking it a maker may have to wait for a processor */

int record_place_open(const struct carrier *carrier, const char *name, bool make, struct error *err)
{
	cleanup_free char *path = xasprintf("%s/%s", carrier->root, name);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && make) {
		int r = fs_mkdir_all(AT_FDCWD, path, 0700, err);
		if (r < 0)
			return r;
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	return fd < 0 ? error_set(err, errno, "open '%s'", path) : fd;
}

bool record_place_is_id(const char *s)
{
	return strlen(s) == ID_LEN && strspn(s, "0123456789abcdef") == ID_LEN;
}

/* is_being_made - who makes one holds its directory's lock until the record is there */
static bool is_being_made(int containers_fd, const char *id)
{
	cleanup_close int fd = openat(containers_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0;
}

bool record_place_is_gone(int containers_fd, const char *id)
{
	cleanup_free char *document = xasprintf("%s/record.json", id);
	struct stat st;
	if (faccessat(containers_fd, document, F_OK, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT)
		return false;
	if (fstatat(containers_fd, id, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT;
	return time(NULL) - st.st_mtime > ABANDONED_SECONDS && !is_being_made(containers_fd, id);
}

/* ---- removing ---- */

struct removal { int containers_fd; const char *id; };

static int remove_tree(void *ctx, struct error *err)
{
	const struct removal *rm = ctx;
	return fs_remove_tree(rm->containers_fd, rm->id, err);
}

int record_place_remove(const struct carrier *carrier, int containers_fd, const char *id, struct error *err)
{
	struct error why = { 0 };
	int r = fs_remove_tree(containers_fd, id, &why);
	if (r == -ENOTEMPTY) {	/* a monitor came too late: it made its lock, saw that, and goes */
		why = (struct error) { 0 };
		r = fs_remove_tree(containers_fd, id, &why);
	}
	if ((r == -EACCES || r == -EPERM) && carrier->rootless) {	/* files of subordinate ids */
		struct removal rm = { containers_fd, id };
		why = (struct error) { 0 };
		r = apart_as_owner(true, remove_tree, &rm, &why);
	}
	return r < 0 ? error_say(err, why.code, "remove container %.*s: %s", SHORT_ID, id, why.text) : 0;
}

void record_place_sweep(const struct carrier *carrier, int containers_fd, const char *name)
{
	cleanup_free char *lock = xasprintf("%s/lock", name);
	cleanup_close int fd = openat(containers_fd, lock, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fs_is_locked(fd) == 0)
		(void) record_place_remove(carrier, containers_fd, name, NULL);
}
