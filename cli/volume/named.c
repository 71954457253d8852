#include "named.h"
#include "cleanup.h"
#include "fs.h"
#include "mem.h"
#include <ctype.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

enum { RANDOM = 8 };

int named_open(const struct carrier *c, const char *kind, const char *noun, bool make, struct named *ret, struct error *err)
{
	struct named n = { .kind = kind, .noun = noun, .path = xasprintf("%s/%s", c->root, kind), .fd = -1 };
	int r = make ? fs_mkdir_all(AT_FDCWD, n.path, 0700, err) : 0;
	if (r == 0) {
		n.fd = open(n.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (n.fd < 0)
			r = errno == ENOENT ? -ENOENT : error_set(err, errno, "open '%s'", n.path);
	}
	if (r < 0)
		named_close(&n);
	else
		*ret = n;
	return r;
}

void named_close(struct named *n)
{
	free(n->path);
	n->path = NULL;
	close_fd(&n->fd);
}

int named_check(const char *noun, const char *name, struct error *err)
{
	bool good = isalnum((unsigned char) *name) && name[1] && strlen(name) <= NAME_MAX;
	for (const char *c = name; good && *c; c++)
		good = isalnum((unsigned char) *c) || strchr("_.-", *c);
	return good ? 0 : error_say(err, EINVAL, "'%s' cannot be a %s's name: it has at least two characters, letters, digits, '_', '.' and '-', "
				    "and begins with a letter or a digit", name, noun);
}

int named_hold(const struct named *n, bool alone, struct error *err)
{
	cleanup_close int fd = openat(n->fd, ".lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : fs_lock(fd, alone, true);
	return r < 0 ? error_set(err, -r, "lock '%s/.lock'", n->path) : take_fd(fd);
}

static int temporary_name(const char *what, char out[40], struct error *err)
{
	unsigned char random[RANDOM];
	char hex[2 * RANDOM + 1];
	if (getrandom(random, sizeof random, 0) != (ssize_t) sizeof random)
		return error_set(err, errno, "get random numbers from the kernel");
	str_hex(random, sizeof random, hex);
	snprintf(out, 40, ".%s-%s", what, hex);
	return 0;
}

int named_new(const struct named *n, char temporary[40], struct error *err)
{
	int r = temporary_name("new", temporary, err);
	if (r < 0)
		return r;
	if (mkdirat(n->fd, temporary, 0700) < 0)
		return error_set(err, errno, "make a directory in '%s'", n->path);
	int fd = openat(n->fd, temporary, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? error_set(err, errno, "open '%s/%s'", n->path, temporary) : fd;
}

int named_publish(const struct named *n, const char *temporary, const char *name, struct error *err)
{
	if (renameat2(n->fd, temporary, n->fd, name, RENAME_NOREPLACE) == 0)
		return 0;
	int code = errno;
	(void) fs_remove_tree(n->fd, temporary, NULL);
	return code == EEXIST ? error_say(err, EEXIST, "there is a %s '%s' already", n->noun, name)
			      : error_set(err, code, "give the %s its name '%s'", n->noun, name);
}

int named_retire(const struct named *n, const char *name, struct error *err)
{
	char gone[40];
	int r = temporary_name("gone", gone, err);
	if (r == 0 && renameat(n->fd, name, n->fd, gone) < 0)
		r = errno == ENOENT ? -ENOENT : error_set(err, errno, "rename '%s/%s'", n->path, name);
	return r;
}

/* read_names - those that begin with @prefix; NULL: no dot */
static int read_names(const struct named *n, const char *prefix, struct strings *ret, struct error *err)
{
	int fd = openat(n->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d)
		return error_set(err, errno, "list '%s'", n->path);
	for (struct dirent *e; (e = readdir(d));)
		if (prefix ? str_starts(e->d_name, prefix) : e->d_name[0] != '.')
			strings_add(ret, e->d_name);
	return 0;
}

static int remove_all(const struct named *n, const char *prefix, struct error *err)
{
	struct strings names cleanup_strings = { 0 };
	int r = read_names(n, prefix, &names, err);
	for (size_t i = 0; r == 0 && i < names.n; i++)
		r = fs_remove_tree(n->fd, names.v[i], err);
	return r;
}

int named_sweep(const struct named *n, struct error *err)
{
	cleanup_close int fd = openat(n->fd, ".lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r = fd >= 0 && fs_lock(fd, true, false) == 0 ? remove_all(n, ".new-", err) : 0;
	close_fd(&fd);
	return r < 0 ? r : remove_all(n, ".gone-", err);
}

int named_leftovers(const struct named *n, struct strings *ret, struct error *err)
{
	cleanup_close int fd = openat(n->fd, ".lock", O_RDWR | O_NOFOLLOW | O_CLOEXEC);	/* not there: nobody has ever made one */
	int r = fd < 0 || fs_lock(fd, true, false) == 0 ? read_names(n, ".new-", ret, err) : 0;
	close_fd(&fd);
	return r < 0 ? r : read_names(n, ".gone-", ret, err);
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *) a, *(char *const *) b); }

int named_list(const struct named *n, struct strings *ret, struct error *err)
{
	int r = read_names(n, NULL, ret, err);
	if (r == 0 && ret->n)
		qsort(ret->v, ret->n, sizeof *ret->v, by_name);
	return r;
}
