/* beneath.h - openat2(2) as the unpacker needs it. */
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

/* beneath_open - @path beneath @root_fd; O_CLOEXEC is added; an fd or -errno */
static inline int beneath_open(int root_fd, const char *path, int flags, unsigned long long resolve)
{
	struct open_how how = { .flags = (unsigned) flags | O_CLOEXEC, .resolve = resolve };
	int fd;
	do	/* EAGAIN: something in the system was renamed just now, and ".." was in the way */
		fd = (int) syscall(SYS_openat2, root_fd, path, &how, sizeof how);
	while (fd < 0 && errno == EAGAIN);
	return fd < 0 ? -errno : fd;
}

/* beneath_plain - no symlink on the way, nor at its end */
static inline int beneath_plain(int root_fd, const char *path, int flags)
{
	return beneath_open(root_fd, path, flags | O_NOFOLLOW, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}
