#include "room.h"
#include <sys/statvfs.h>

int room_check(const struct store *s, int64_t fetch, int64_t unpack, struct error *err)
{
	struct statvfs fs;
	if (fetch + unpack == 0 || fstatvfs(s->fd, &fs) < 0 || fs.f_blocks == 0)
		return 0;
	uint64_t free_bytes = (uint64_t) fs.f_bavail * fs.f_frsize;
	if ((uint64_t) fetch + (uint64_t) unpack <= free_bytes)
		return 0;
	char need[16], get[16], have[16];
	return error_say(err, ENOSPC, "No space left on device: at least %s are needed in '%s' (%s to be fetched, and as much or more unpacked), "
			 "and %s are free there; remove images with carrier rmi, or use another --root",
			 str_human_size((uint64_t) (fetch + unpack), need), s->root, str_human_size((uint64_t) fetch, get),
			 str_human_size(free_bytes, have));
}
