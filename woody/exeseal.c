#include "exeseal.h"
#include "cleanup.h"
#include "fs.h"
#include "idmap.h"
#include "log.h"
#include "proc.h"
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

static const char self[] = "/proc/self/exe";

#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x0020
#endif
enum { SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE };

/* sealed - is what we run from out of everybody's reach? A memfd with its seals; or a read-only mount, and then a detached one:
 * an attached read-only mount of the host could be remounted. */
static bool sealed(int exe)
{
	int seals = fcntl(exe, F_GET_SEALS);
	if (seals >= 0)
		return (seals & SEALS) == SEALS;
	char name[8];
	struct statvfs fs;
	/* a path in a detached mount is shown by the kernel as the mount's root alone: "/" */
	ssize_t n = readlink(self, name, sizeof name);
	return n == 1 && name[0] == '/' && fstatvfs(exe, &fs) == 0 && (fs.f_flag & ST_RDONLY);
}

/* harmless - neither the caller nor anyone it can become in a user namespace may write to it: it is an ordinary user, and the file
 * is root's; or the root of a user namespace, and the kernel says that even so it may not, because the file's owner has no id in
 * there. Nobody in a container below has more rights over it. An execution of ourselves costs about 1 ms. */
static bool harmless(int exe)
{
	struct stat st;
	if (fstat(exe, &st) < 0 || (st.st_mode & 022))
		return false;
	if (geteuid() != 0)
		return st.st_uid == 0;
	return syscall(SYS_faccessat2, exe, "", W_OK, AT_EMPTY_PATH | AT_EACCESS) < 0 && errno == EACCES &&
	       proc_has_capabilities(1U << CAP_DAC_OVERRIDE) && !idmap_is_initial(-1);
}

static int read_only_mount(void)
{
	cleanup_close int fd = (int) syscall(SYS_open_tree, AT_FDCWD, self, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (fd < 0)
		return -errno;
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	if (syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, &attr, sizeof attr) < 0)
		return -errno;
	return take_fd(fd);
}

static int memfd_copy(int exe, struct error *err)
{
	struct stat st;
	/* MFD_EXEC is newer than some kernels; they answer EINVAL and execute memfds anyway */
	cleanup_close int fd = memfd_create("woody", MFD_CLOEXEC | MFD_ALLOW_SEALING | 0x0010U /* MFD_EXEC */);
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("woody", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0 || fstat(exe, &st) < 0)
		return error_set(err, errno, "copy %s to memory", self);
	for (off_t at = 0; at < st.st_size;)
		if (sendfile(fd, exe, &at, (size_t) (st.st_size - at)) <= 0)
			return error_set(err, errno ? errno : EIO, "copy %s to memory", self);
	if (fcntl(fd, F_ADD_SEALS, SEALS) < 0)
		return error_set(err, errno, "seal the copy of %s", self);
	return take_fd(fd);
}

int exeseal(char **argv, struct error *err)
{
	extern char **environ;
	cleanup_close int exe = open(self, O_RDONLY | O_CLOEXEC);
	if (exe < 0)
		return error_set(err, errno, "open %s", self);
	if (sealed(exe) || harmless(exe))
		return 0;

	cleanup_close int fd = read_only_mount();
	if (fd < 0) {
		fd = memfd_copy(exe, err);
		if (fd < 0)
			return fd;
	}
	syscall(SYS_execveat, fd, "", argv, environ, AT_EMPTY_PATH);
	return error_set(err, errno, "execute the sealed copy of %s", self);
}
