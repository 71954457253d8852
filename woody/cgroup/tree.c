/* Trees of cgroups: a container makes its own below the one it was given, as many and as deep as it likes. */
#include "cleanup.h"
#include "driver.h"
#include "fs.h"
#include "str.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { PROCS_MAX = 64 << 20 };	/* of cgroup.procs: pid_max is 4 million */

/* struct level - one directory on the way down: its name above, and the children that were not visited yet */
struct level { char *name; struct strings children; };
struct walk { struct level *v; size_t n, size; int fd; };

static void read_children(int fd, struct strings *ret)
{
	struct stat st;
	if (fstat(fd, &st) == 0 && st.st_nlink == 2)
		return;		/* kernfs counts exactly: no directory in there */
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *d = copy < 0 ? NULL : fdopendir(copy);
	for (struct dirent *e; d && (e = readdir(d));)
		if (e->d_type == DT_DIR && strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			strings_add(ret, e->d_name);
}

/* push - @fd, which is below the last level under @name, becomes the last */
static void push(struct walk *w, int fd, const char *name)
{
	if (w->n == w->size) {
		w->size = w->size ? w->size * 2 : 8;
		w->v = xreallocarray(w->v, w->size, sizeof *w->v);
	}
	w->v[w->n] = (struct level) { .name = name ? xstrdup(name) : NULL };
	read_children(fd, &w->v[w->n++].children);
	close_fd(&w->fd);
	w->fd = fd;
}

/* pop - leave the last level for the one above; the fd is held, so the way back is `..` however deep we are */
static void pop(struct walk *w, void (*leave)(void *, int, const char *, int), void *ctx)
{
	struct level *l = &w->v[--w->n];
	int up = w->n ? openat(w->fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	leave(ctx, up, l->name, w->fd);
	free(l->name);
	strings_done(&l->children);
	close_fd(&w->fd);
	w->fd = up;
}

int tree_walk(const char *dir, void (*leave)(void *ctx, int parent_fd, const char *name, int fd), void *ctx)
{
	struct walk w = { .fd = -1 };
	int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	push(&w, fd, NULL);
	while (w.n) {
		struct level *l = &w.v[w.n - 1];
		if (l->children.n == 0) {
			pop(&w, leave, ctx);
			continue;
		}
		cleanup_free char *name = l->children.v[--l->children.n];
		l->children.v[l->children.n] = NULL;
		fd = openat(w.fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0)
			push(&w, fd, name);
	}
	free(w.v);
	return 0;
}

/* ---- pids ---- */

struct pids { pid_t *v; size_t n, size; int code; };

static void add_procs(void *ctx, int parent_fd, const char *name, int fd)
{
	struct pids *p = ctx;
	cleanup_free char *text = NULL;
	(void) parent_fd;
	(void) name;
	/* a threaded cgroup of v2 refuses; its processes are listed in the domain above it */
	int r = fs_read_file(fd, "cgroup.procs", PROCS_MAX, &text, NULL, NULL);
	if (r < 0) {
		p->code = r == -EOPNOTSUPP || r == -ENODEV || r == -ENOENT ? p->code : r;
		return;
	}
	for (char *s = text; *s; s += strcspn(s, "\n"), s += *s == '\n') {
		pid_t pid = (pid_t) strtol(s, NULL, 10);
		if (pid <= 0)
			continue;	/* 0: outside of our pid namespace; kill(0) would be for ourselves */
		if (p->n == p->size) {
			p->size = p->size ? p->size * 2 : 64;
			p->v = xreallocarray(p->v, p->size, sizeof *p->v);
		}
		p->v[p->n++] = pid;
	}
}

ssize_t tree_procs(const char *dir, pid_t **ret)
{
	struct pids p = { 0 };
	int r = tree_walk(dir, add_procs, &p);
	if (r == 0)
		r = p.code;
	if (r < 0) {
		free(p.v);
		return r;
	}
	*ret = p.v;
	return (ssize_t) p.n;
}

/* ---- removing ---- */

static void remove_child(void *ctx, int parent_fd, const char *name, int fd)
{
	(void) ctx;
	(void) fd;
	if (name)
		(void) unlinkat(parent_fd, name, AT_REMOVEDIR);	/* who is busy keeps its parents busy, too: they tell */
}

int tree_remove(const char *dir)
{
	if (rmdir(dir) == 0 || errno == ENOENT)
		return 0;
	if (errno != EBUSY && errno != ENOTEMPTY)
		return -errno;
	(void) tree_walk(dir, remove_child, NULL);
	return rmdir(dir) == 0 || errno == ENOENT ? 0 : errno == ENOTEMPTY ? -EBUSY : -errno;
}

/* ---- looking ---- */

int tree_file_has(const char *dir, const char *file, const char *line)
{
	char text[4096];
	cleanup_free char *path = xasprintf("%s/%s", dir, file);
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	if (n < 0)
		return -errno;
	text[n] = 0;
	if (!line)
		return n > 0;
	size_t len = strlen(line);
	for (char *s = text; *s; s += strcspn(s, "\n"), s += *s == '\n')
		if (strncmp(s, line, len) == 0 && (s[len] == '\n' || s[len] == 0))
			return 1;
	return 0;
}

int tree_check_unused(const struct hierarchy *h, struct error *err)
{
	if (h->existed) {
		cleanup_free pid_t *pids = NULL;
		ssize_t n = tree_procs(h->dir, &pids);
		if (n > 0)
			return error_say(err, EBUSY, "container's cgroup is not empty: process %d is in '%s'; give the container another "
					 "linux.cgroupsPath", pids[0], h->dir);
		if (n < 0)
			return error_set(err, (int) -n, "read cgroup '%s'", h->dir);
	}
	/* also a new one, when a parent is frozen: whoever entered it would never come back */
	bool freezer = layout_has(h->name, "freezer");
	int frozen = freezer ? tree_file_has(h->dir, "freezer.state", "THAWED") == 0 :
		     *h->name == 0 && tree_file_has(h->dir, "cgroup.events", "frozen 1") == 1;
	if (frozen)
		return error_say(err, EBUSY, "container's cgroup unexpectedly frozen: '%s'; thaw it, or give the container another "
				 "linux.cgroupsPath", h->dir);
	return 0;
}
