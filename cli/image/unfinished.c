#include "unfinished.h"
#include "cleanup.h"
#include "fs.h"
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static void mark_path(const char *digest, char out[96])
{
	snprintf(out, 96, "unfinished/%.64s", digest_hex(digest));
}

static bool is_hex(const char *name) { return strlen(name) == 64 && strspn(name, "0123456789abcdef") == 64; }

static bool is_young(const struct stat *st)
{
	int64_t age_s = (int64_t) time(NULL) - st->st_mtim.tv_sec;
	return age_s < UNFINISHED_KEPT_S;
}

int unfinished_begin(const struct store *s, const char *manifest_digest, struct error *err)
{
	char path[96];
	mark_path(manifest_digest, path);
	if (mkdirat(s->fd, "unfinished", 0700) < 0 && errno != EEXIST)
		return error_set(err, errno, "create '%s/unfinished'", s->root);
	cleanup_close int fd = openat(s->fd, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || futimens(fd, NULL) < 0)
		return error_set(err, errno, "create '%s/%s'", s->root, path);
	return 0;
}

void unfinished_end(const struct store *s, const char *manifest_digest)
{
	char path[96];
	mark_path(manifest_digest, path);
	(void) unlinkat(s->fd, path, 0);
}

/* open_list - a directory of the store to be read; NULL when it is not there */
static DIR *open_list(const struct store *s, const char *name)
{
	int fd = openat(s->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? NULL : fdopendir(fd);
}

void unfinished_list(const struct store *s, struct strings *ret)
{
	cleanup_dir DIR *d = open_list(s, "unfinished");
	for (struct dirent *e; d && (e = readdir(d));) {
		struct stat st;
		if (!is_hex(e->d_name) || fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (is_young(&st))
			strings_printf(ret, "sha256:%s", e->d_name);
		else
			(void) unlinkat(dirfd(d), e->d_name, 0);
	}
}

bool unfinished_keeps(int tmp_fd, const char *name, bool tidy)
{
	struct stat st;
	if (!is_hex(name))
		return false;
	cleanup_close int dir = openat(tmp_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0 || fstatat(dir, "blob", &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode) || st.st_size == 0 || !is_young(&st))
		return false;
	if (tidy)
		(void) fs_remove_tree(dir, "layer", NULL);
	return true;
}

/* make_old - every @suffix of the entries of @dir */
static int make_old(const struct store *s, const char *dir, const char *suffix, struct error *err)
{
	static const struct timespec epoch[2] = { { .tv_sec = 0 }, { .tv_sec = 0 } };
	cleanup_dir DIR *d = open_list(s, dir);
	for (struct dirent *e; d && (e = readdir(d));) {
		char path[NAME_MAX + 8];
		snprintf(path, sizeof path, "%s%s", e->d_name, suffix);
		if (is_hex(e->d_name) && utimensat(dirfd(d), path, epoch, AT_SYMLINK_NOFOLLOW) < 0 && errno != ENOENT)
			return error_set(err, errno, "forget '%s/%s/%s'", s->root, dir, path);
	}
	return 0;
}

int unfinished_forget(const struct store *s, struct error *err)
{
	cleanup_close int hold = store_hold_alone(s, err);
	if (hold < 0)
		return hold == -EAGAIN ? 0 : hold;
	int r = make_old(s, "unfinished", "", err);
	return r < 0 ? r : make_old(s, "tmp", "/blob", err);
}
