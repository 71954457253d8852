#include "put.h"
#include "../transfer/unpacker.h"
#include "cleanup.h"
#include "fs.h"
#include <sys/mman.h>
#include <sys/stat.h>

/* memory_file - where the unpacker reads it from */
static int memory_file(const char *text, size_t len, struct error *err)
{
	cleanup_close int fd = memfd_create("document", MFD_CLOEXEC);
	int r = fd < 0 ? -errno : fs_write_all(fd, text, len);
	if (r < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return error_set(err, r < 0 ? -r : errno, "make room for a document");
	return take_fd(fd);
}

int put_document(const struct store *s, const char *text, size_t len, char ret_digest[80], struct error *err)
{
	char place[64], name[128];
	cleanup_close int in = memory_file(text, len, err);
	if (in < 0)
		return in;
	snprintf(place, sizeof place, "tmp/document-%d-own", getpid());
	if (mkdirat(s->fd, place, 0700) < 0 && errno != EEXIST)
		return error_set(err, errno, "create '%s/%s'", s->root, place);
	cleanup_close int dir = openat(s->fd, place, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	const struct unpack_job job = { .input_fd = in, .blob_dir_fd = dir, .blob_name = "blob", .layer_dir_fd = -1, .size = (int64_t) len };
	int r = dir < 0 ? error_set(err, errno, "open '%s/%s'", s->root, place) : unpack_document(&job, ret_digest, err);
	if (r == 0) {
		snprintf(name, sizeof name, "blobs/sha256/%.64s", digest_hex(ret_digest));
		/* one that is there has the same content */
		if (!store_has_blob(s, ret_digest) && renameat(dir, "blob", s->fd, name) < 0)
			r = error_set(err, errno, "store '%s/%s'", s->root, name);
	}
	(void) fs_remove_tree(s->fd, place, NULL);
	return r;
}
