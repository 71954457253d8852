#include "archives.h"
#include "cleanup.h"
#include "fs.h"
#include "mem.h"
#include <string.h>
#include <sys/stat.h>

static bool is_standard(const char *path) { return str_empty(path) || strcmp(path, "-") == 0; }

/* open_special - a device or fifo that is there is written to; it has no beginning that others could see too early */
static int open_special(const char *path, struct output_file *ret, struct error *err)
{
	ret->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	return ret->fd < 0 ? error_set(err, errno, "open '%s'", path) : 0;
}

int output_open(const char *path, struct output_file *ret, struct error *err)
{
	struct stat st;
	if (is_standard(path)) {
		if (isatty(STDOUT_FILENO))
			return error_say(err, EINVAL, "an archive on a terminal is no use to anybody: give --output FILE, or redirect it");
		*ret = (struct output_file) { .fd = STDOUT_FILENO };
		return 0;
	}
	ret->path = path;
	if (stat(path, &st) == 0) {
		if (S_ISDIR(st.st_mode))
			return error_say(err, EISDIR, "--output '%s' is a directory: give the name of a file", path);
		if (!S_ISREG(st.st_mode))
			return open_special(path, ret, err);
	}
	ret->temporary = xasprintf("%s.%d.tmp", path, (int) getpid());
	ret->fd = open(ret->temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (ret->fd >= 0)
		return 0;
	int code = errno;
	cleanup_freep(&ret->temporary);
	ret->temporary = NULL;
	return error_set(err, code, "create '%s'", path);
}

int output_finish(struct output_file *o, struct error *err)
{
	if (o->temporary && rename(o->temporary, o->path) < 0)
		return error_set(err, errno, "create '%s'", o->path);
	cleanup_freep(&o->temporary);
	o->temporary = NULL;
	return 0;
}

void output_drop(struct output_file *o)
{
	if (o->temporary)
		(void) unlink(o->temporary);
	cleanup_freep(&o->temporary);
	o->temporary = NULL;
	if (o->path)
		close_fd(&o->fd);
}

int input_open(const char *path, const char *what, struct error *err)
{
	if (is_standard(path)) {
		if (isatty(STDIN_FILENO))
			return error_say(err, EINVAL, "%s is expected, and standard input is your terminal: name a file, or redirect one", what);
		int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
		return fd < 0 ? error_set(err, errno, "read standard input") : fd;
	}
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	return fd < 0 ? error_set(err, errno, "open '%s'", path) : fd;
}

int new_name(const char *word, struct strings *ret, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct reference ref;
	int r = reference_parse(word, &pool, &ref, err);
	if (r < 0)
		return r;
	if (ref.digest)
		return error_say(err, EINVAL, "'%s': an image cannot be given a digest for a name; its content decides that", word);
	strings_add(ret, ref.name);
	return 0;
}

int compression_parse(const char *word, int64_t level, enum layer_compression *ret, struct error *err)
{
	*ret = str_eq(word, "zstd") ? LAYER_ZSTD : str_eq(word, "none") ? LAYER_PLAIN : LAYER_GZIP;
	if (*ret == LAYER_GZIP && word && strcmp(word, "gzip") != 0)
		return error_say(err, EINVAL, "--compression '%s': there are gzip, zstd and none", word);
	if (level < 0)
		return error_say(err, EINVAL, "--compression-level: give a number above 0");
	return 0;
}

int show_id(const char *id, bool quiet, const char *iidfile)
{
	struct error err = { 0 };
	if (iidfile && fs_replace_file(AT_FDCWD, iidfile, id, strlen(id), 0644, false, &err) < 0)
		return carrier_fail(&err);
	if (!quiet)
		puts(digest_hex(id));
	return 0;
}
