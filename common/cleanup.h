/* cleanup.h - what is acquired at a declaration is released at the end of its scope.
 *
 *	cleanup_close int fd = open(...);
 *	cleanup_free char *s = xasprintf(...);
 *	*ret = take_ptr(s);	// hands over: nothing is freed here
 *	return take_fd(fd);
 *
 * Every helper keeps errno and takes empty values (NULL, a negative fd).
 */
#pragma once
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(f) __attribute__((cleanup(f)))
#define cleanup_free CLEANUP(cleanup_freep)
#define cleanup_close CLEANUP(cleanup_closep)
#define cleanup_dir CLEANUP(cleanup_dirp)
#define cleanup_file CLEANUP(cleanup_filep)

/* the value, and an empty variable in its place */
#define take_ptr(p) __extension__({ __typeof__(p) taken_ = (p); (p) = NULL; taken_; })
#define take_fd(fd) __extension__({ int taken_ = (fd); (fd) = -1; taken_; })

static inline void cleanup_freep(void *p)
{
	int saved = errno;
	free(*(void **) p);
	errno = saved;
}

/* close_fd - close and forget; for fds that live in structs and in arrays */
static inline void close_fd(int *fd)
{
	int saved = errno;
	if (*fd >= 0)
		(void) close(*fd);
	*fd = -1;
	errno = saved;
}

static inline void cleanup_closep(int *fd) { close_fd(fd); }

static inline void cleanup_dirp(DIR **d)
{
	int saved = errno;
	if (*d)
		(void) closedir(*d);
	errno = saved;
}

static inline void cleanup_filep(FILE **f)
{
	int saved = errno;
	if (*f)
		(void) fclose(*f);
	errno = saved;
}
