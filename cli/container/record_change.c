#include "record_change.h"
#include "cleanup.h"
#include "fs.h"
#include "record_impl.h"
#include <string.h>
#include <sys/file.h>

enum { RECORD_MAX = 16 << 20 };

int record_change(struct container *c, struct error *err)
{
	cleanup_close int fd = openat(c->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		return error_set(err, errno, "lock the directory of container %s", c->record.name);
	cleanup_free char *text = NULL;
	size_t len;
	struct record *now;
	int r = fs_read_file(c->dir_fd, "record.json", RECORD_MAX, &text, &len, err);
	if (r == 0)
		r = json_decode(&record_type, text, len, &c->pool, &now, err);
	if (r < 0)
		return error_wrap(err, "container %s", c->record.name);
	c->record = *now;
	return take_fd(fd);
}

static const char note[] = "updated";

int record_changed(const struct container *c, struct error *err)
{
	return fs_replace_file(c->dir_fd, note, "", 0, 0600, false, err);
}

int record_networks(struct container *c, struct error *err)
{
	struct record now;
	int r = record_document_read(c, "record.json", &record_type, &now, err);
	if (r < 0)
		return r;
	c->record.name = now.name;
	c->record.network = now.network;
	c->record.networking = now.networking;
	return 0;
}

int record_reread(struct container *c, struct error *err)
{
	if (unlinkat(c->dir_fd, note, 0) < 0)
		return 0;
	cleanup_close int lock = record_change(c, err);
	return lock < 0 ? lock : 1;
}
