#include "times.h"
#include "beneath.h"
#include "cleanup.h"
#include "fs.h"
#include "mem.h"
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

enum { BUFFER = 64 << 10 };

/* a record: this, then the path with its NUL */
struct record {
	int64_t sec;
	uint32_t nsec, len;
};

struct times {
	int dir_fd, file_fd;
	size_t used;
	char buffer[BUFFER];
};

struct times *times_new(int dir_fd)
{
	struct times *t = xcalloc(1, sizeof *t);
	t->dir_fd = dir_fd;
	t->file_fd = -1;
	return t;
}

void times_free(struct times *t)
{
	if (t)
		close_fd(&t->file_fd);
	free(t);
}

static int spill(struct times *t, struct error *err)
{
	static const char name[] = ".times";
	if (t->file_fd < 0) {
		t->file_fd = openat(t->dir_fd, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
		if (t->file_fd < 0) {	/* a file system that has no such files */
			t->file_fd = openat(t->dir_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
			if (t->file_fd >= 0 && unlinkat(t->dir_fd, name, 0) < 0)
				return error_set(err, errno, "remove a file of the directories' times");
		}
		if (t->file_fd < 0)
			return error_set(err, errno, "make a file for the directories' times");
	}
	int r = fs_write_all(t->file_fd, t->buffer, t->used);
	t->used = 0;
	return r < 0 ? error_set(err, -r, "write the directories' times") : 0;
}

int times_add(struct times *t, const char *path, int64_t sec, uint32_t nsec, struct error *err)
{
	struct record record = { sec, nsec, (uint32_t) strlen(path) + 1 };
	if (t->used + sizeof record + record.len > BUFFER) {
		int r = spill(t, err);
		if (r < 0)
			return r;
	}
	memcpy(t->buffer + t->used, &record, sizeof record);
	memcpy(t->buffer + t->used + sizeof record, path, record.len);
	t->used += sizeof record + record.len;
	return 0;
}

static int apply_one(int root_fd, const struct record *record, const char *path, struct error *err)
{
	cleanup_close int fd = beneath_plain(root_fd, path, O_RDONLY | O_DIRECTORY);
	if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP)
		return 0;	/* a later entry replaced it */
	struct timespec when[2] = { { .tv_nsec = UTIME_OMIT }, { (time_t) record->sec, record->nsec } };
	if (fd < 0 || futimens(fd, when) < 0)
		return error_set(err, fd < 0 ? -fd : errno, "set the time of the directory '%.300s'", path);
	return 0;
}

/* apply_some - the whole records of what is in the buffer; a part of one is moved to its start */
static int apply_some(struct times *t, int root_fd, struct error *err)
{
	size_t at = 0;
	struct record record;
	while (t->used - at >= sizeof record) {
		memcpy(&record, t->buffer + at, sizeof record);
		if (t->used - at < sizeof record + record.len)
			break;
		int r = apply_one(root_fd, &record, t->buffer + at + sizeof record, err);
		if (r < 0)
			return r;
		at += sizeof record + record.len;
	}
	memmove(t->buffer, t->buffer + at, t->used - at);
	t->used -= at;
	return 0;
}

int times_apply(struct times *t, int root_fd, struct error *err)
{
	if (t->file_fd < 0)
		return apply_some(t, root_fd, err);
	int r = spill(t, err);
	if (r < 0 || lseek(t->file_fd, 0, SEEK_SET) < 0)
		return r < 0 ? r : error_set(err, errno, "read the directories' times");
	ssize_t n;
	while ((n = read(t->file_fd, t->buffer + t->used, BUFFER - t->used)) > 0) {
		t->used += (size_t) n;
		r = apply_some(t, root_fd, err);
		if (r < 0)
			return r;
	}
	return n < 0 ? error_set(err, errno, "read the directories' times") : 0;
}
