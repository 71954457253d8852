#include "merged.h"
#include "cleanup.h"
#include "mem.h"
#include "view.h"
#include <dirent.h>
#include <fcntl.h>
#include <string.h>

void merged_done(struct merged *m)
{
	for (size_t i = 0; i < m->n; i++)
		close_fd(&m->fds[i]);
	free(m->fds);
	*m = (struct merged) { 0 };
}

int merged_look(const struct merged *m, const char *name, struct stat *st, size_t *ret_at)
{
	for (*ret_at = 0; *ret_at < m->n; ++*ret_at) {
		if (fstatat(m->fds[*ret_at], name, st, AT_SYMLINK_NOFOLLOW) == 0)
			return view_is_whiteout(st) ? -ENOENT : 0;
		if (errno != ENOENT)
			return -errno;
	}
	return -ENOENT;
}

int merged_enter(const struct merged *m, const char *name, size_t at, struct merged *ret, struct error *err)
{
	*ret = (struct merged) { .fds = xcalloc(m->n + 1, sizeof(int)) };
	for (; at < m->n; at++) {
		int fd = openat(m->fds[at], name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 && errno == ENOENT)
			continue;
		if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
			break;	/* a file, or a whiteout */
		if (fd < 0)
			return error_set(err, errno, "open '%s'", name);
		ret->mapped = ret->mapped || (m->mapped && at == 0);
		ret->fds[ret->n++] = fd;
		if (view_is_opaque(fd))
			break;
	}
	return 0;
}

int merged_names(const struct merged *m, struct strings *ret, struct error *err)
{
	for (size_t i = 0; i < m->n; i++) {
		int fd = openat(m->fds[i], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		cleanup_dir DIR *d = fd < 0 ? NULL : fdopendir(fd);
		if (!d)
			return error_set(err, errno, "read a directory of a layer");
		for (struct dirent *e; (e = readdir(d));)
			if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
				strings_add(ret, e->d_name);
	}
	return 0;
}

static int by_bytes(const void *a, const void *b) { return strcmp(*(char *const *) a, *(char *const *) b); }

void merged_sort(struct strings *names)
{
	if (names->n)
		qsort(names->v, names->n, sizeof *names->v, by_bytes);
}
