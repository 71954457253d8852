/* lister - what a tree consists of, one line for each entry, sorted; two trees are equal when their lists are.
 *
 *	lister [DIR]		from DIR (default /)
 *
 * A line is: path, type, mode, uid, gid, mtime, links (not of directories), size and FNV-1a of the content (files), target
 * (symlinks), device number, and extended attributes in order. What an engine mounts over or writes by itself is left out.
 * Static and without any library, as it runs inside the images it lists.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

static const char *const skipped[] = { "proc", "sys", "dev", "lister", "etc/hosts", "etc/hostname", "etc/resolv.conf", ".dockerenv",
				       "run/.containerenv", NULL };

static void die(const char *what, const char *path)
{
	fprintf(stderr, "lister: %s '%s': %s\n", what, path, strerror(errno));
	exit(1);
}

static int is_skipped(const char *path)
{
	for (size_t i = 0; skipped[i]; i++)
		if (strcmp(path, skipped[i]) == 0)
			return 1;
	return 0;
}

static uint64_t content_hash(const char *path)
{
	static unsigned char buf[65536];
	uint64_t h = 0xcbf29ce484222325;
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die("open", path);
	while ((n = read(fd, buf, sizeof buf)) > 0)
		for (ssize_t i = 0; i < n; i++)
			h = (h ^ buf[i]) * 0x100000001b3;
	if (n < 0)
		die("read", path);
	close(fd);
	return h;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

/* Attributes that overlay filesystems keep for themselves are no part of the image. */
static void print_xattrs(const char *path)
{
	static char names[65536], value[65536];
	char *list[256];
	size_t n = 0;
	ssize_t len = llistxattr(path, names, sizeof names);
	if (len < 0 && errno != ENOTSUP)
		die("list the attributes of", path);
	for (ssize_t at = 0; at < len; at += (ssize_t) strlen(names + at) + 1)
		if (!strstr(names + at, ".overlay.") && n < sizeof list / sizeof *list)
			list[n++] = names + at;
	qsort(list, n, sizeof *list, compare);
	for (size_t i = 0; i < n; i++) {
		ssize_t size = lgetxattr(path, list[i], value, sizeof value);
		if (size < 0)
			die("read the attributes of", path);
		/* the id of a namespaced capability's root is the namespace's, not the image's: the first 20 bytes are the rest */
		int capability = strcmp(list[i], "security.capability") == 0;
		printf(" %s=", list[i]);
		for (ssize_t k = capability ? 4 : 0; k < size && !(capability && k >= 20); k++)
			printf("%02x", (unsigned char) value[k]);
	}
}

static void print_entry(const char *path, const struct stat *st)
{
	static const char types[] = "?pc?d?b?-?l?s???";
	char target[4096];
	printf("%s %c %04o %u:%u %lld.%09ld", path, types[(st->st_mode & S_IFMT) >> 12], st->st_mode & 07777, st->st_uid, st->st_gid,
	       (long long) st->st_mtime, st->st_mtim.tv_nsec);
	if (!S_ISDIR(st->st_mode))
		printf(" links=%lu", (unsigned long) st->st_nlink);
	if (S_ISREG(st->st_mode))
		printf(" size=%lld %016llx", (long long) st->st_size, (unsigned long long) content_hash(path));
	if (S_ISLNK(st->st_mode)) {
		ssize_t n = readlink(path, target, sizeof target - 1);
		if (n < 0)
			die("read the link", path);
		target[n] = 0;
		printf(" -> %s", target);
	}
	if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
		printf(" %u:%u", major(st->st_rdev), minor(st->st_rdev));
	print_xattrs(path);
	putchar('\n');
}

static void list(const char *path)
{
	DIR *d = opendir(path);
	char **names = NULL;
	size_t n = 0;
	if (!d)
		die("open", path);
	for (struct dirent *e; (e = readdir(d));) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		names = realloc(names, (n + 1) * sizeof *names);
		if (!names || asprintf(&names[n++], "%s%s%s", strcmp(path, ".") == 0 ? "" : path,
				       strcmp(path, ".") == 0 ? "" : "/", e->d_name) < 0)
			die("remember", path);
	}
	closedir(d);
	if (n)
		qsort(names, n, sizeof *names, compare);
	for (size_t i = 0; i < n; i++) {
		struct stat st;
		if (!is_skipped(names[i])) {
			if (lstat(names[i], &st) < 0)
				die("look at", names[i]);
			print_entry(names[i], &st);
			if (S_ISDIR(st.st_mode))
				list(names[i]);
		}
		free(names[i]);
	}
	free(names);
}

int main(int argc, char **argv)
{
	if (chdir(argc > 1 ? argv[1] : "/") < 0)
		die("enter", argc > 1 ? argv[1] : "/");
	list(".");
	return fflush(stdout) == 0 ? 0 : 1;
}
