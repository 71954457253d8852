#include "body.h"
#include "cleanup.h"
#include "mem.h"
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

void body_open(struct body *b, int fd)
{
	struct stat st;
	*b = (struct body) { .fd = fd };
	if (fstat(fd, &st) < 0 || !S_ISFIFO(st.st_mode))
		return;
	b->is_pipe = true;
	int flags = fcntl(fd, F_GETFL);
	(void) fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	(void) fcntl(fd, F_SETPIPE_SZ, 1 << 20);	/* fewer turns; refused when the user has many pipes */
}

/* push - how much of it was taken now; -errno */
static ssize_t push(int fd, const char *data, size_t len)
{
	size_t done = 0;
	while (done < len) {
		ssize_t n = write(fd, data + done, len - done);
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			done += (size_t) n;
	}
	return (ssize_t) done;
}

int body_write(struct body *b, const void *data, size_t len)
{
	ssize_t n = push(b->fd, data, len);
	if (n < 0)
		return (int) n;
	size_t left = len - (size_t) n;
	if (left > b->size) {
		b->kept = xrealloc(b->kept, left);
		b->size = left;
	}
	if (left)
		memcpy(b->kept, (const char *) data + n, left);
	b->at = 0;
	b->left = left;
	return 0;
}

int body_flush(struct body *b)
{
	ssize_t n = push(b->fd, b->kept + b->at, b->left);
	if (n < 0)
		return (int) n;
	b->at += (size_t) n;
	b->left -= (size_t) n;
	return 0;
}

void body_done(struct body *b)
{
	close_fd(&b->fd);
	free(b->kept);
	*b = (struct body) { .fd = -1 };
}
