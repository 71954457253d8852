#include "cleanup.h"
#include "fs.h"
#include "mem.h"
#include "str.h"
#include "tap.h"
#include <limits.h>
#include <linux/filter.h>
#include <linux/magic.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static char top[64];
static int top_fd, root_fd;	/* the scratch directory; "root" in it */

/* SETUP - what a test stands on, and does not test */
#define SETUP(call) \
	do { \
		if ((call) < 0) { \
			printf("Bail out! %s: %m\n", #call); \
			fflush(stdout); \
			_exit(1); \
		} \
	} while (0)

/* in_child - what @f returns (0-255), from a process of its own */
static int in_child(int (*f)(void))
{
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0)
		_exit(f());
	int status = -1;
	(void) waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

static mode_t mode_at(int dir_fd, const char *path)
{
	struct stat st;
	return fstatat(dir_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0 ? 0 : st.st_mode;
}

static bool exists(int dir_fd, const char *path) { return mode_at(dir_fd, path) != 0; }

static int count_entries(int dir_fd, const char *path)
{
	cleanup_dir DIR *d = fdopendir(openat(dir_fd, path, O_RDONLY | O_DIRECTORY));
	int n = 0;
	while (d && readdir(d))
		n++;
	return n - 2;
}

static void put(int dir_fd, const char *path, const char *text)
{
	cleanup_close int fd = openat(dir_fd, path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	(void) !write(fd, text, strlen(text));
}

/* without - from now on @call does not exist */
static int without(long call)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned) call, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = sizeof filter / sizeof *filter, .filter = filter };
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/* ---- beneath ---- */

static void test_open(void)
{
	struct error err = { 0 };
	put(top_fd, "secret", "outside");
	put(root_fd, "secret", "inside");
	SETUP(symlinkat("/secret", root_fd, "absolute"));
	SETUP(symlinkat("../../../../secret", root_fd, "climbing"));
	static const char *const paths[] = { "secret",	 "/secret",  "../secret",
					     "absolute", "climbing", "./../.././absolute" };
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		cleanup_close int fd = fs_open_beneath(root_fd, paths[i], O_RDONLY, 0, &err);
		cleanup_free char *text = NULL;
		OK(fd >= 0 && fs_read_fd(fd, paths[i], 100, &text, NULL, &err) == 0);
		OK_STR(text, "inside");
		OK(fcntl(fd, F_GETFD) == FD_CLOEXEC);
	}
	OK(fs_open_beneath(root_fd, "etc/passwd", O_RDONLY, 0, &err) == -ENOENT);
	OK_STR(err.text, "open 'etc/passwd': No such file or directory");

	cleanup_close int slash_fd = open("/", O_PATH | O_DIRECTORY);
	OK(fs_open_beneath(slash_fd, "proc/self/cwd/.", O_RDONLY, 0, &err) == -ELOOP);
	OK_STR(err.text, "open 'proc/self/cwd/.': too many symbolic links, or one of /proc that leads out");
	OK(fs_mkdir_beneath(slash_fd, "proc/self/cwd/never", 0755, &err) == -ELOOP);

	cleanup_close int made_fd =
		fs_open_beneath(root_fd, "new-file", O_RDWR | O_CREAT | O_EXCL, 0640, &err);
	OK(made_fd >= 0 && mode_at(root_fd, "new-file") == (S_IFREG | 0640));
	OK(fs_open_beneath(root_fd, "new-file", O_RDWR | O_CREAT | O_EXCL, 0640, NULL) == -EEXIST);
}

static bool is_at(int fd, int dir_fd, const char *path)
{
	struct stat a, b;
	return fd >= 0 && fstat(fd, &a) == 0 && fstatat(dir_fd, path, &b, AT_SYMLINK_NOFOLLOW) == 0 &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static void test_mkdir(void)
{
	struct error err = { 0 };
	mode_t was = umask(0077);
	cleanup_close int abc_fd = fs_mkdir_beneath(root_fd, "/a//b/./c/", 0755, &err);
	OK(is_at(abc_fd, root_fd, "a/b/c") && (fcntl(abc_fd, F_GETFL) & O_PATH));
	OK(mode_at(root_fd, "a") == (S_IFDIR | 0755) && mode_at(root_fd, "a/b/c") == (S_IFDIR | 0755));
	OK(fs_mkdir_beneath(root_fd, "tight/sticky", 01777, &err) >= 0);
	OK(mode_at(root_fd, "tight/sticky") == (S_IFDIR | 01777));
	OK(fs_mkdir_beneath(root_fd, "read-only", 0555, &err) >= 0 &&
	   mode_at(root_fd, "read-only") == (S_IFDIR | 0555));
	umask(0777);
	OK(fs_mkdir_beneath(root_fd, "odd/umask", 0711, &err) >= 0 &&
	   mode_at(root_fd, "odd/umask") == (S_IFDIR | 0711));
	umask(0077);

	SETUP(fchmodat(root_fd, "a", 02710, 0));
	OK(fs_mkdir_beneath(root_fd, "a/group/deep", 0750, &err) >= 0);
	OK(mode_at(root_fd, "a/group") == (S_IFDIR | 02750) &&
	   mode_at(root_fd, "a/group/deep") == (S_IFDIR | 02750));
	OK(mode_at(root_fd, "a") == (S_IFDIR | 02710));

	SETUP(symlinkat("/made/here", root_fd, "dangling"));
	SETUP(symlinkat("../../../../up/there", root_fd, "a/dangling"));
	SETUP(symlinkat("dangling/", root_fd, "second"));
	cleanup_close int dangling_fd = fs_mkdir_beneath(root_fd, "second/below", 0755, &err);
	OK(is_at(dangling_fd, root_fd, "made/here/below") && !exists(top_fd, "made"));
	cleanup_close int up_fd = fs_mkdir_beneath(root_fd, "a/dangling", 0755, &err);
	OK(is_at(up_fd, root_fd, "up/there") && !exists(top_fd, "up"));
	cleanup_close int dots_fd = fs_mkdir_beneath(root_fd, "x/y/../../../../z/../w", 0755, &err);
	OK(is_at(dots_fd, root_fd, "w") && exists(root_fd, "x/y") && exists(root_fd, "z") &&
	   !exists(top_fd, "w"));
	cleanup_close int via_fd = fs_mkdir_beneath(root_fd, "a/dangling/../sibling", 0755, &err);
	OK(is_at(via_fd, root_fd, "up/sibling"));

	SETUP(symlinkat("loop/x", root_fd, "loop"));
	OK(fs_mkdir_beneath(root_fd, "loop/y", 0755, &err) == -ELOOP);
	OK_STR(err.text, "make directory 'loop/y': too many symbolic links, or one of /proc that leads out");
	OK(fs_mkdir_beneath(root_fd, "secret/y", 0755, &err) == -ENOTDIR);
	OK_STR(err.text, "make directory 'secret/y': Not a directory");
	OK(fs_mkdir_beneath(root_fd, "n/../secret", 0755, &err) == -ENOTDIR);
	char longest[NAME_MAX + 2];
	memset(longest, 'n', sizeof longest - 1);
	longest[NAME_MAX + 1] = 0;
	OK(fs_mkdir_beneath(root_fd, longest, 0755, &err) == -ENAMETOOLONG);
	umask(was);
}

static void test_create(void)
{
	struct error err = { 0 };
	mode_t was = umask(0077);
	cleanup_close int fd = fs_create_beneath(root_fd, "etc/deep/hosts", 0666, &err);
	OK(is_at(fd, root_fd, "etc/deep/hosts") && mode_at(root_fd, "etc/deep/hosts") == (S_IFREG | 0666));
	OK(mode_at(root_fd, "etc/deep") == (S_IFDIR | 0755));
	SETUP(symlinkat("/run/resolv/stub.conf", root_fd, "etc/resolv.conf"));
	cleanup_close int stub_fd = fs_create_beneath(root_fd, "etc/resolv.conf", 0644, &err);
	OK(is_at(stub_fd, root_fd, "run/resolv/stub.conf") && S_ISLNK(mode_at(root_fd, "etc/resolv.conf")));
	cleanup_close int again_fd = fs_create_beneath(root_fd, "etc/resolv.conf", 0600, &err);
	OK(is_at(again_fd, root_fd, "run/resolv/stub.conf") &&
	   mode_at(root_fd, "run/resolv/stub.conf") == (S_IFREG | 0644));
	SETUP(mkfifoat(root_fd, "fifo", 0600));
	cleanup_close int fifo_fd = fs_create_beneath(root_fd, "fifo", 0644, &err);
	OK(is_at(fifo_fd, root_fd, "fifo"));
	OK(fs_create_beneath(root_fd, "etc", 0644, &err) == -EISDIR);
	OK_STR(err.text, "make file 'etc': Is a directory");
	OK(fs_create_beneath(root_fd, "etc/none/", 0644, &err) == -EISDIR && !exists(root_fd, "etc/none"));
	SETUP(symlinkat("none/", root_fd, "etc/slash"));
	OK(fs_create_beneath(root_fd, "etc/slash", 0644, &err) == -EISDIR && !exists(root_fd, "etc/none"));
	umask(was);
}

static int make_many(void)
{
	for (int i = 0; i < 60; i++) {
		char path[64];
		snprintf(path, sizeof path, "race/%d/b/c/d/e", i);
		cleanup_close int fd = fs_mkdir_beneath(root_fd, path, 0755, NULL);
		snprintf(path, sizeof path, "race/%d/b/c/d/e/f/file", i);
		cleanup_close int file_fd = fs_create_beneath(root_fd, path, 0644, NULL);
		if (fd < 0 || file_fd < 0)
			return 1;
	}
	return 0;
}

static int make_many_at_once(void)
{
	pid_t pids[4];
	int bad = 0;
	for (int i = 0; i < 4; i++)
		if ((pids[i] = fork()) == 0)
			_exit(make_many());
	for (int i = 0; i < 4; i++) {
		int status = 1;
		(void) waitpid(pids[i], &status, 0);
		bad |= status != 0;
	}
	return bad;
}

/* fork_attacker - one that ends with us at the latest */
static pid_t fork_attacker(void)
{
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0)
		(void) prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	return pid;
}

/* an attacker keeps exchanging a directory and a symlink that leads out, while we make things through them */
static void test_swapped(void)
{
	SETUP(mkdirat(top_fd, "outside", 0755));
	SETUP(mkdirat(root_fd, "swap", 0755));
	cleanup_free char *out = xasprintf("%s/outside", top);
	SETUP(symlinkat(out, root_fd, "swap-link"));
	pid_t attacker = fork_attacker();
	if (attacker == 0)
		for (;;)
			(void) syscall(SYS_renameat2, root_fd, "swap", root_fd, "swap-link",
				       2 /* RENAME_EXCHANGE */);
	int made = 0;
	for (int i = 0; i < 300; i++) {
		char path[64];
		snprintf(path, sizeof path, "swap/d%d/e", i);
		cleanup_close int fd = fs_mkdir_beneath(root_fd, path, 0755, NULL);
		snprintf(path, sizeof path, "swap/../swap/f%d", i);
		cleanup_close int file_fd = fs_create_beneath(root_fd, path, 0644, NULL);
		made += fd >= 0 && file_fd >= 0;
	}
	(void) kill(attacker, SIGKILL);
	(void) waitpid(attacker, NULL, 0);
	OK(made > 0);
	OK(count_entries(top_fd, "outside") == 0);
}

/* ---- ours ---- */

static void test_content(void)
{
	struct error err = { 0 };
	mode_t was = umask(0077);
	OK(fs_mkdir_all(top_fd, "own/one/two/", 0755, &err) == 0 &&
	   mode_at(top_fd, "own/one/two") == (S_IFDIR | 0755));
	OK(fs_mkdir_all(top_fd, "own/one/two", 0700, &err) == 0 &&
	   mode_at(top_fd, "own/one") == (S_IFDIR | 0755));
	umask(was);
	cleanup_free char *absolute = xasprintf("%s/own/three/four", top);
	OK(fs_mkdir_all(AT_FDCWD, absolute, 0700, &err) == 0 && exists(top_fd, "own/three/four"));
	OK(fs_mkdir_all(AT_FDCWD, "/", 0700, &err) == 0);
	OK(fs_mkdir_all(top_fd, "secret/x", 0700, &err) == -ENOTDIR);
	OK_STR(err.text, "make directory 'secret/x': Not a directory");

	cleanup_free char *status = NULL, *text = NULL, *empty = NULL;
	size_t len = 0;
	OK(fs_read_file(AT_FDCWD, "/proc/self/status", 65536, &status, &len, &err) == 0 &&
	   len == strlen(status) && len > 100);
	put(top_fd, "ten", "0123456789");
	OK(fs_read_file(top_fd, "ten", 10, &text, &len, &err) == 0 && len == 10);
	OK_STR(text, "0123456789");
	char *none = NULL;
	OK(fs_read_file(top_fd, "ten", 9, &none, NULL, &err) == -EFBIG && !none);
	OK_STR(err.text, "read 'ten': it is longer than 9 bytes");
	OK(fs_read_file(AT_FDCWD, "/dev/zero", 100000, &none, NULL, &err) == -EFBIG && !none);
	OK(fs_read_file(AT_FDCWD, "/dev/null", 0, &empty, &len, &err) == 0 && len == 0);

	put(top_fd, "says", "one\ntwo\n");
	cleanup_free char *says = xasprintf("%s/says", top), *nothing = xasprintf("%s/nothing", top);
	OK(fs_says(says, "one") && !fs_says(says, "one\ntwo") && !fs_says(says, "on") && !fs_says(nothing, "one"));
	OK(fs_read_file(top_fd, "none", 9, &none, NULL, &err) == -ENOENT);
	OK_STR(err.text, "open 'none': No such file or directory");

	OK(fs_write_file(top_fd, "ten", "ab", &err) == 0);
	cleanup_free char *now = NULL;
	OK(fs_read_file(top_fd, "ten", 100, &now, NULL, &err) == 0);
	OK_STR(now, "ab23456789");
	OK(fs_write_file(AT_FDCWD, "/proc/self/oom_score_adj", "nonsense\nmore", &err) == -EINVAL);
	OK_STR(err.text, "write 'nonsense' to '/proc/self/oom_score_adj': Invalid argument");
	OK(fs_write_file(AT_FDCWD, "/dev/full", "x", &err) == -ENOSPC);
}

static void test_replace(void)
{
	struct error err = { 0 };
	SETUP(mkdirat(top_fd, "replace", 0755));
	for (int sync = 0; sync < 2; sync++) {
		cleanup_free char *text = NULL;
		OK(fs_replace_file(top_fd, "replace/file", sync ? "two" : "one", 3, 0664, sync, &err) == 0);
		OK(fs_read_file(top_fd, "replace/file", 10, &text, NULL, &err) == 0);
		OK_STR(text, sync ? "two" : "one");
		OK(mode_at(top_fd, "replace/file") == (S_IFREG | 0664));
	}
	SETUP(symlinkat("../ten", top_fd, "replace/link"));
	OK(fs_replace_file(top_fd, "replace/link", "x", 1, 0600, false, &err) == 0 &&
	   S_ISREG(mode_at(top_fd, "replace/link")));
	cleanup_close int dir_fd = openat(top_fd, "replace", O_PATH | O_DIRECTORY);
	OK(fs_replace_file(dir_fd, "file", "three", 5, 0600, true, &err) == 0);
	SETUP(mkdirat(dir_fd, "dir", 0755));
	OK(fs_replace_file(dir_fd, "dir", "x", 1, 0600, true, &err) == -EISDIR);
	OK_STR(err.text, "replace 'dir': Is a directory");
	OK(count_entries(top_fd, "replace") == 3);	/* file, link, dir: no temporary stayed */
	OK(fs_replace_file(dir_fd, "..", "x", 1, 0600, true, &err) == -EINVAL);
	OK_STR(err.text, "replace '..': this does not name a file");
	OK(fs_replace_file(dir_fd, "no/where", "x", 1, 0600, true, &err) == -ENOENT);
}

static int replace_too_large(void)
{
	struct rlimit limit = { 4096, 4096 };
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
	static const char data[10000];
	struct error err = { 0 };
	if (fs_replace_file(top_fd, "replace/file", data, sizeof data, 0600, false, &err) != -EFBIG)
		return 1;
	return count_entries(top_fd, "replace") == 3 ? 0 : 2;
}

/* ---- trees ---- */

/* make_chain - @depth directories, each in the one before, each with a file; an fd of the innermost */
static int make_chain(int dir_fd, const char *first, int depth)
{
	int fd = dup(dir_fd);
	for (int i = 0; i < depth && fd >= 0; i++) {
		const char *name = i ? "d" : first;
		(void) mkdirat(fd, name, 0755);
		int next = openat(fd, name, O_RDONLY | O_DIRECTORY);
		close(fd);
		fd = next;
		put(fd, "file", "x");
	}
	return fd;
}

static int remove_deep(void)
{
	enum { DEPTH = 4000, BRANCHES = 8 };
	SETUP(mkdirat(top_fd, "deep", 0755));
	cleanup_close int fd = openat(top_fd, "deep", O_RDONLY | O_DIRECTORY);
	cleanup_close int inner_fd = make_chain(fd, "chain", DEPTH);
	/* wide where it is deep, too: levels that were closed are read again */
	for (int i = 0; i < BRANCHES; i++) {
		char name[32];
		snprintf(name, sizeof name, "branch%d", i);
		close(make_chain(inner_fd, name, 40));
		close(make_chain(fd, name, 40));
	}
	struct rlimit limit = { 32, 32 };
	setrlimit(RLIMIT_NOFILE, &limit);
	struct rlimit stack = { 256 * 1024, 256 * 1024 };
	setrlimit(RLIMIT_STACK, &stack);
	struct error err = { 0 };
	if (fs_remove_tree(top_fd, "deep", &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	return exists(top_fd, "deep") ? 2 : 0;
}

/* as an ordinary user: root needs no permission bits */
static int remove_refusing(void)
{
	if (geteuid() == 0 && (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0))
		return 1;
	close(make_chain(top_fd, "shared/refusing", 30));
	cleanup_close int fd = openat(top_fd, "shared/refusing", O_RDONLY | O_DIRECTORY);
	close(make_chain(fd, "none", 2));
	close(make_chain(fd, "unreadable", 2));
	close(make_chain(fd, "read-only", 2));
	SETUP(fchmodat(fd, "none/d", 0, 0));
	SETUP(fchmodat(fd, "none", 0, 0));
	SETUP(fchmodat(fd, "unreadable", 0300, 0));
	SETUP(fchmodat(fd, "read-only", 0500, 0));
	SETUP(fchmod(fd, 0500));
	struct error err = { 0 };
	if (fs_remove_tree(top_fd, "shared/refusing", &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return 2;
	}
	if (exists(top_fd, "shared/refusing"))
		return 3;
	/* what is not ours stays, and the sentence says which */
	if (fs_remove_tree(AT_FDCWD, "/proc/self/fdinfo", &err) >= 0)
		return 4;
	return strncmp(err.text, "remove '/proc/self/fdinfo", 25) ? 5 : 0;
}

enum { NO_NAMESPACES = 77 };

static int remove_mounted(void)
{
	if (unshare(geteuid() ? CLONE_NEWUSER | CLONE_NEWNS : CLONE_NEWNS) < 0)
		return NO_NAMESPACES;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return 1;
	top_fd = open(top,
		      O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* the old one's mount is the old namespace's */
	close(make_chain(top_fd, "mounted", 3));
	/* two of them deeper than the levels that stay open: each is met again, and must not be entered again
	 */
	for (int i = 0; i < 2; i++) {
		char name[32];
		snprintf(name, sizeof name, "mounted/side%d", i);
		cleanup_close int fd = make_chain(top_fd, name, 40);
		SETUP(mkdirat(fd, "mnt", 0755));
		cleanup_free char *path = xasprintf("/proc/self/fd/%d/mnt", fd);
		if (mount("none", path, "tmpfs", 0, NULL) < 0)
			return 2;
		cleanup_close int mnt_fd = openat(fd, "mnt", O_RDONLY | O_DIRECTORY);
		put(mnt_fd, "kept", "x");
	}
	/* a bind mount of the same file system */
	SETUP(mkdirat(top_fd, "mounted/bind", 0755));
	cleanup_free char *from = xasprintf("%s/precious", top), *to = xasprintf("%s/mounted/bind", top);
	if (mount(from, to, NULL, MS_BIND, NULL) < 0)
		return 3;
	struct error err = { 0 };
	if (fs_remove_tree(top_fd, "mounted", &err) != -EBUSY || !exists(top_fd, "precious/file"))
		return 4;
	if (!strstr(err.text, "': something is mounted on it; unmount that first") ||
	    strncmp(err.text, "remove '", 8))
		return 5;
	/* the rest went: of the chain and of the sides' files nothing is left */
	if (exists(top_fd, "mounted/d") || exists(top_fd, "mounted/file") ||
	    exists(top_fd, "mounted/side1/d/d/file"))
		return 6;
	/* the tree itself is a mount */
	if (fs_remove_tree(top_fd, "mounted/bind", &err) != -EBUSY || !exists(top_fd, "precious/file"))
		return 7;
	char text[200];
	snprintf(text, sizeof text, "remove 'mounted/bind': something is mounted on it; unmount that first");
	return strcmp(err.text, text) ? 8 : 0;
}

static void test_remove(void)
{
	struct error err = { 0 };
	OK(fs_remove_tree(top_fd, "never-there", &err) == 0);
	OK(fs_remove_tree(top_fd, "never/there", &err) == 0);
	put(top_fd, "file", "x");
	OK(fs_remove_tree(top_fd, "file", &err) == 0 && !exists(top_fd, "file"));
	OK(fs_remove_tree(top_fd, "own/..", &err) == -EINVAL);
	OK_STR(err.text, "remove 'own/..': this does not name a directory entry");

	SETUP(mkdirat(top_fd, "precious", 0755));
	put(top_fd, "precious/file", "x");
	SETUP(symlinkat("precious", top_fd, "link"));
	OK(fs_remove_tree(top_fd, "link", &err) == 0 && !exists(top_fd, "link"));
	close(make_chain(top_fd, "tree", 5));
	SETUP(symlinkat("../../precious", top_fd, "tree/d/link"));
	SETUP(symlinkat("/", top_fd, "tree/d/slash"));
	SETUP(mkfifoat(top_fd, "tree/fifo", 0600));
	for (int i = 0; i < 500; i++) {
		char name[32];
		snprintf(name, sizeof name, "tree/d/many%d", i);
		SETUP(mkdirat(top_fd, name, 0755));
	}
	OK(fs_remove_tree(top_fd, "tree/", &err) == 0 && !exists(top_fd, "tree"));
	OK(exists(top_fd, "precious/file"));

	OK(in_child(remove_deep) == 0);
	SETUP(mkdirat(top_fd, "shared", 0755));
	SETUP(fchmodat(top_fd, "shared", 01777, 0));
	OK(in_child(remove_refusing) == 0);
	int r = in_child(remove_mounted);
	if (r == NO_NAMESPACES)
		printf("ok %d # SKIP unshare(CLONE_NEWNS) is refused here (unshare -rm true)\n", ++tap_count);
	else if (!OK(r == 0))
		printf("# step %d\n", r);
	OK(exists(top_fd, "precious/file"));
}

/* a writer moves directories about in the tree that is being removed; nothing outside may go */
static void test_remove_raced(void)
{
	SETUP(mkdirat(top_fd, "victim", 0755));
	for (int i = 0; i < 50; i++) {
		char name[32];
		snprintf(name, sizeof name, "victim/keep%d", i);
		SETUP(mkdirat(top_fd, name, 0755));
	}
	pid_t attacker = fork_attacker();
	if (attacker == 0)
		for (;;) {
			(void) !renameat(top_fd, "raced/d/d", top_fd, "stolen");
			(void) !symlinkat("../victim", top_fd, "raced/d/d");
			(void) unlinkat(top_fd, "raced/d/d", 0);
			(void) !renameat(top_fd, "stolen", top_fd, "raced/d/d");
			(void) syscall(SYS_renameat2, top_fd, "raced/d/d/d", top_fd, "raced-link", 2);
		}
	SETUP(symlinkat("victim", top_fd, "raced-link"));
	for (int i = 0; i < 40; i++) {
		close(make_chain(top_fd, "raced", 25));
		(void) fs_remove_tree(top_fd, "raced", NULL);	/* may fail, as it should */
	}
	(void) kill(attacker, SIGKILL);
	(void) waitpid(attacker, NULL, 0);
	OK(count_entries(top_fd, "victim") == 50);
}

/* ---- the rest ---- */

static int lock_elsewhere(void)
{
	cleanup_close int fd = openat(top_fd, "lock", O_RDWR);
	return fs_lock(fd, true, false) == -EAGAIN && fs_lock(fd, false, false) == -EAGAIN &&
			       fs_is_locked(fd) == 1
		       ? 0
		       : 1;
}

static int remove_shared(void)
{
	struct error err = { 0 };
	if (fs_remove_tree(top_fd, "of-many", &err) == 0)
		return 0;
	printf("# %s\n", err.text);
	fflush(stdout);
	return 1;
}

/* what several remove at once is gone, and nobody minds that another was faster */
static void test_remove_together(void)
{
	for (int round = 0; round < 30; round++) {
		int failed = 0, status;
		char path[64];
		SETUP(mkdirat(top_fd, "of-many", 0755));
		for (int i = 0; i < 60; i++) {
			snprintf(path, sizeof path, "of-many/%d", i);
			SETUP(mkdirat(top_fd, path, 0755));
			snprintf(path, sizeof path, "of-many/%d/in", i);
			SETUP(mkdirat(top_fd, path, 0755));
		}
		fflush(stdout);
		for (int i = 0; i < 4; i++)
			if (fork() == 0)
				_exit(remove_shared());
		while (wait(&status) > 0)
			failed += status != 0;
		if (failed || exists(top_fd, "of-many")) {
			OK(!"removed by four at once");
			return;
		}
	}
	OK(!exists(top_fd, "of-many"));
}

static void test_fds(void)
{
	put(top_fd, "lock", "");
	int fd = openat(top_fd, "lock", O_RDWR);
	OK(fs_is_locked(fd) == 0 && fs_lock(fd, true, true) == 0);
	OK(fs_is_locked(fd) == 0);	/* by no other */
	OK(in_child(lock_elsewhere) == 0);
	int copy = dup(fd);
	close(fd);
	OK(in_child(lock_elsewhere) == 0);
	close(copy);
	OK(in_child(lock_elsewhere) == 1);
	OK(fs_lock(top_fd, true, false) == -EBADF);

	cleanup_close int null_fd = open("/dev/null", O_PATH), proc_fd = open("/proc", O_PATH);
	OK(fs_is_dev(null_fd, S_IFCHR, 1, 3) == 1 && fs_is_dev(null_fd, S_IFCHR, 1, 5) == 0);
	OK(fs_is_dev(null_fd, S_IFBLK, 1, 3) == 0 && fs_is_dev(-1, S_IFCHR, 1, 3) == -EBADF);
	OK(fs_is_type(proc_fd, PROC_SUPER_MAGIC) == 1 && fs_is_type(null_fd, PROC_SUPER_MAGIC) == 0);
	OK(fs_is_type(-1, PROC_SUPER_MAGIC) == -EBADF);
	char path[32];
	OK_STR(fs_fd_path(17, path), "/proc/self/fd/17");
	OK(fs_write_all(null_fd, "x", 1) == -EBADF && fs_read_all(null_fd, path, 1) == -EBADF);
}

static void test_paths(void)
{
	static const struct { const char *path, *clean;
	} cases[] = {
		{ "", "/" },
		{ "/", "/" },
		{ "a", "/a" },
		{ "//a//b/", "/a/b" },
		{ "./a/./b/.", "/a/b" },
		{ "..", "/" },
		{ "a/..", "/" },
		{ "a/../../b", "/b" },
		{ "/a/b/../c", "/a/c" },
		{ "/...", "/..." },
		{ "a/..b", "/a/..b" },
		{ "../../etc/passwd", "/etc/passwd" },
		{ "a/b/../../..", "/" },
		{ "/a/../", "/" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		cleanup_free char *clean = fs_clean_path(cases[i].path);
		OK_STR(clean, cases[i].clean);
	}
	struct error err = { 0 };
	cleanup_free char *a = NULL, *b = NULL, *c = NULL;
	char *none = NULL;
	OK(fs_absolute("//x/./y//../z/", &a, &err) == 0);
	OK_STR(a, "/x/y/../z");
	OK(fchdir(top_fd) == 0 && fs_absolute("./x/", &b, &err) == 0);
	cleanup_free char *want = xasprintf("%s/x", top);
	OK_STR(b, want);
	OK(fs_absolute(".", &c, &err) == 0);
	OK_STR(c, top);
	OK(fs_absolute("", &none, &err) == -ENOENT && !none);
	OK_STR(err.text, "an empty path names no file");
}

/* "test_fs without-openat2": all of it as on a kernel before 5.6 */
int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "without-openat2") == 0)
		SETUP(without(SYS_openat2));
	/* in memory where there is: ext4 needs many seconds for thousands of names that were just removed */
	strcpy(top, access("/dev/shm", W_OK) == 0 ? "/dev/shm/test_fs.XXXXXX" : "/tmp/test_fs.XXXXXX");
	if (!mkdtemp(top))
		return 1;
	SETUP(chmod(top, 0755));
	top_fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	SETUP(mkdirat(top_fd, "root", 0755));
	root_fd = openat(top_fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);

	test_open();
	test_mkdir();
	test_create();
	OK(in_child(make_many_at_once) == 0);
	test_swapped();
	test_content();
	test_replace();
	OK(in_child(replace_too_large) == 0);
	test_remove();
	test_remove_raced();
	test_remove_together();
	test_fds();
	test_paths();

	struct error err = { 0 };
	OK(fs_remove_tree(AT_FDCWD, top, &err) == 0 && access(top, F_OK) < 0);
	return tap_done();
}
