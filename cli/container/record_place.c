#include "record_impl.h"
#include "cleanup.h"
#include "fs.h"
#include "proc.h"
#include "str.h"
#include "userns.h"
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

/* remove_as_root - files of subordinate ids are only ours to remove in a namespace that maps them. A child enters it, so that
 * we stay who we are; its sentence comes through the pipe. */
static int remove_as_root(int containers_fd, const char *id, struct error *err)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_set(err, errno, "make a pipe");
	cleanup_close int ours = ends[0], theirs = ends[1];
	pid_t pid = fork();
	if (pid < 0)
		return error_set(err, errno, "make a process");
	if (pid == 0) {
		struct error why = { 0 };
		if (userns_become_root(0, NULL, NULL, &why) == 0)
			(void) fs_remove_tree(containers_fd, id, &why);
		(void) fs_write_all(theirs, &why, sizeof why);
		_exit(0);
	}
	close_fd(&theirs);
	struct error why;
	ssize_t n = fs_read_all(ours, &why, sizeof why);
	(void) proc_wait(pid);
	if (n != sizeof why)
		return error_say(err, EPIPE, "the process that removes container %.12s was killed", id);
	return why.code ? error_say(err, why.code, "%s", why.text) : 0;
}

int record_place_remove(const struct carrier *carrier, int containers_fd, const char *id, struct error *err)
{
	struct error why = { 0 };
	int r = fs_remove_tree(containers_fd, id, &why);
	if ((r == -EACCES || r == -EPERM) && carrier->rootless) {
		why = (struct error) { 0 };
		r = remove_as_root(containers_fd, id, &why);
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
