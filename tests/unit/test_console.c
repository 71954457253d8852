#include "../../woody/console.h"
#include "cleanup.h"
#include "fs.h"
#include "mem.h"
#include "str.h"
#include "tap.h"
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>

/* SETUP - what a test stands on, and does not test */
#define SETUP(call) do { if ((call) < 0) { printf("Bail out! %s: %m\n", #call); _exit(1); } } while (0)

enum { PATIENCE_MS = 20000 };

static char top[64];
static int host_root;

static const char *at(const char *name)
{
	static char paths[4][512];
	static unsigned next;
	char *path = paths[next++ % 4];
	snprintf(path, sizeof paths[0], "%s/%s", top, name);
	return path;
}

static char *content(const char *name)
{
	char *text = NULL;
	return fs_read_file(AT_FDCWD, at(name), 4 << 20, &text, NULL, NULL) < 0 ? xstrdup("(none)") : text;
}

static void pause_ms(int ms) { (void) poll(NULL, 0, ms); }

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- opening ---- */

static void test_open(void)
{
	struct error err = { 0 };
	struct winsize ws = { 0 };
	struct termios t;
	const struct spec_box size = { .height = 10, .width = 110 }, huge = { .height = 70000, .width = 1 };
	cleanup_close int slave = -1;
	cleanup_close int master = console_open(host_root, &size, &slave, &err);
	OK(master >= 0 && slave >= 0 && isatty(slave));
	OK(ioctl(slave, TIOCGWINSZ, &ws) == 0 && ws.ws_row == 10 && ws.ws_col == 110);
	OK(tcgetattr(slave, &t) == 0 && (t.c_oflag & ONLCR));
	OK(console_clear_onlcr(slave, &err) == 0);
	OK(tcgetattr(slave, &t) == 0 && !(t.c_oflag & ONLCR) && (t.c_oflag & OPOST) && (t.c_lflag & ICANON));
	OK((fcntl(master, F_GETFD) & FD_CLOEXEC) && (fcntl(slave, F_GETFD) & FD_CLOEXEC) &&
	   !(fcntl(master, F_GETFL) & O_NONBLOCK));

	char text[8] = "";
	OK(write(slave, "a\nb", 3) == 3 && read(master, text, sizeof text) == 3 &&
	   memcmp(text, "a\nb", 3) == 0);

	struct stat st;
	OK(console_chown(slave, geteuid(), &err) == 0);
	SETUP(fstat(slave, &st));
	gid_t group = st.st_gid;
	if (geteuid() == 0) {
		OK(console_chown(slave, 1000, &err) == 0);
		OK(fstat(slave, &st) == 0 && st.st_uid == 1000 && st.st_gid == group);
	} else {
		OK(console_chown(slave, 0, &err) == -EPERM);
		OK_STR(err.text, "give the terminal to user 0: Operation not permitted");
	}

	int none = -1;
	OK(console_open(host_root, &huge, &none, &err) == -EINVAL && none == -1);
	OK_STR(err.text, "process.consoleSize: 70000 x 1 is more than a terminal can have");
}

/* test_hostile - what an image may have in the place of /dev/ptmx */
static void test_hostile(void)
{
	struct error err = { 0 };
	int slave = -1;
	cleanup_close int root = open(top, O_PATH | O_DIRECTORY | O_CLOEXEC);
	SETUP(root);
	OK(console_open(root, NULL, &slave, &err) == -ENOENT);
	OK_STR(err.text, "open 'dev/ptmx': No such file or directory; a terminal needs a mount of type "
			 "devpts at /dev/pts");
	SETUP(mkdirat(root, "dev", 0755));

	SETUP(mkfifoat(root, "dev/ptmx", 0600));
	OK(console_open(root, NULL, &slave, &err) == -ENODEV);	/* and does not wait for a writer */
	OK(str_starts(err.text, "open a terminal: the container's /dev/ptmx is not the device 5:2"));
	SETUP(unlinkat(root, "dev/ptmx", 0));
	/* the host's, through a symlink: resolved beneath the root, it is not there */
	SETUP(symlinkat("/dev/ptmx", root, "dev/ptmx"));
	OK(console_open(root, NULL, &slave, &err) == -ELOOP);
	SETUP(unlinkat(root, "dev/ptmx", 0));
	if (geteuid() == 0) {
		SETUP(mknodat(root, "dev/ptmx", S_IFCHR | 0600, makedev(1, 3)));
		OK(console_open(root, NULL, &slave, &err) == -ENODEV);
		SETUP(unlinkat(root, "dev/ptmx", 0));
	}
	OK(slave == -1);
}

/* in_own_devpts - as in a container: a devpts of its own, and /dev/ptmx a link into it */
static int in_own_devpts(const char *link)
{
	struct stat pts, st;
	int slave = -1;
	unsigned number = 99;
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return 2;
	cleanup_close int root = open(top, O_PATH | O_DIRECTORY | O_CLOEXEC);	/* of this mount namespace */
	if (mkdir(at("dev/pts"), 0755) < 0 ||
	    mount("devpts", at("dev/pts"), "devpts", 0, "newinstance,ptmxmode=0666") < 0)
		return 3;
	if (symlinkat(link, root, "dev/ptmx") < 0 || stat(at("dev/pts"), &pts) < 0)
		return 4;
	int master = console_open(root, NULL, &slave, NULL);
	if (master < 0 || ioctl(master, TIOCGPTN, &number) < 0 || number != 0)
		return 5;
	return fstat(slave, &st) == 0 && st.st_dev == pts.st_dev ? 0 : 6;
}

static void test_own_devpts(void)
{
	static const char *const links[] = { "pts/ptmx", "/dev/pts/ptmx" };
	if (geteuid() != 0) {
		printf("ok %d # SKIP mount(2) needs root: id -u says %u\n", ++tap_count, geteuid());
		return;
	}
	for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
		fflush(stdout);
		pid_t pid = fork();
		SETUP(pid);
		if (pid == 0)
			_exit(in_own_devpts(links[i]));
		int status = -1;
		SETUP(waitpid(pid, &status, 0));
		OK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
		SETUP(unlink(at("dev/ptmx")));
		SETUP(rmdir(at("dev/pts")));
	}
}

static int in_session(int slave)
{
	if (setsid() < 0 || console_take(slave, NULL) < 0)
		return 2;
	struct stat st, own;
	for (int fd = 0; fd < 3; fd++)
		if (fstat(fd, &st) < 0 || fstat(slave, &own) < 0 || st.st_rdev != own.st_rdev ||
		    fcntl(fd, F_GETFD) != 0)
			return 3;
	if (tcgetsid(0) != getpid() || open("/dev/tty", O_RDWR | O_CLOEXEC) < 0)
		return 4;
	/* again, from 0 itself, which was close-on-exec */
	if (fcntl(0, F_SETFD, FD_CLOEXEC) < 0 || console_take(0, NULL) < 0 || fcntl(0, F_GETFD) != 0)
		return 5;
	return 0;
}

static void test_take(void)
{
	int slave = -1, status = -1;
	cleanup_close int master = console_open(host_root, NULL, &slave, NULL);
	SETUP(master);
	fflush(stdout);
	pid_t pid = fork();
	SETUP(pid);
	if (pid == 0)
		_exit(in_session(slave));
	SETUP(waitpid(pid, &status, 0));
	OK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	struct error err = { 0 };
	close_fd(&slave);
	cleanup_close int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	OK(console_take(null_fd, &err) == -ENOTTY);
	OK_STR(err.text, "make the terminal the controlling one: Inappropriate ioctl for device");
}

/* ---- sending ---- */

/* received - is the next message of @listener's next connection @master, under its name, and nothing else? */
static bool received(int listener, int master)
{
	char text[64] = "", expected[64];
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(4 * sizeof(int))];
	struct iovec v = { text, sizeof text - 1 };
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control
	};
	unsigned number = 0, theirs = 1;
	cleanup_close int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0 || ioctl(master, TIOCGPTN, &number) < 0 || recvmsg(fd, &m, MSG_CMSG_CLOEXEC) <= 0)
		return false;
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	if (!c || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof(int)) || CMSG_NXTHDR(&m, c))
		return false;
	int passed;
	memcpy(&passed, CMSG_DATA(c), sizeof passed);
	snprintf(expected, sizeof expected, "/dev/pts/%u", number);
	bool same = ioctl(passed, TIOCGPTN, &theirs) == 0 && theirs == number && strcmp(text, expected) == 0;
	(void) close(passed);
	return same && read(fd, text, sizeof text) == 0;
}

static int listen_at(int dir_fd, const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	snprintf(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d/%s", dir_fd, name);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	SETUP(bind(fd, (struct sockaddr *) &a, sizeof a));
	SETUP(listen(fd, 1));
	return fd;
}

static void test_send(void)
{
	struct error err = { 0 };
	int slave = -1;
	cleanup_close int master = console_open(host_root, NULL, &slave, NULL);
	SETUP(master);
	(void) close(slave);
	cleanup_close int dir = open(top, O_PATH | O_DIRECTORY | O_CLOEXEC);
	cleanup_close int listener = listen_at(dir, "socket");
	OK(console_send(at("socket"), master, &err) == 0 && received(listener, master));

	/* longer than a socket address */
	char name[201];
	memset(name, 'd', sizeof name - 1);
	name[sizeof name - 1] = 0;
	SETUP(mkdirat(dir, name, 0700));
	cleanup_close int deep = openat(dir, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	cleanup_close int deep_listener = listen_at(deep, "s");
	cleanup_free char *path = xasprintf("%s/%s/s", top, name);
	OK(strlen(path) > sizeof((struct sockaddr_un *) 0)->sun_path);
	OK(console_send(path, master, &err) == 0 && received(deep_listener, master));
	SETUP(fchdir(deep));	/* without a slash, but as long as a name can be */
	OK(console_send("s", master, &err) == 0 && received(deep_listener, master));
	SETUP(chdir("/"));

	OK(console_send(at("nobody"), master, &err) == -ENOENT);
	cleanup_free char *sentence =
		xasprintf("connect to the console socket '%s': No such file or directory", at("nobody"));
	OK_STR(err.text, sentence);
	OK(console_connect("", &err) == -ENOENT && console_connect(name, &err) == -ENAMETOOLONG);
	cleanup_free char *nowhere = xasprintf("/nowhere/%s/s", name);
	OK(console_connect(nowhere, &err) == -ENOENT && str_starts(err.text, "open '/nowhere/ddd"));
	OK(console_send(at("socket"), dir, &err) == -EBADF &&
	   str_starts(err.text, "ask for the terminal's name: "));
	/* the other side has gone: an error, no SIGPIPE */
	int ends[2];
	SETUP(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
	(void) close(ends[1]);
	OK(console_send_to(ends[0], master, &err) == -EPIPE);
	(void) close(ends[0]);
}

/* ---- relaying ---- */

/* struct session - a program on a pty, and a process that runs console_relay() for it, whose 0 and 1 are ours
 * to play with */
struct session {
	pid_t program, relay;
	int pty;		/* the program's, the master: to look at it */
	struct buf seen;	/* what came out of the relay */
};

static bool without_session;	/* programs do not lead one: their end does not take the pty from others */

static pid_t start_program(const char *script, int slave)
{
	pid_t pid = fork();
	SETUP(pid);
	if (pid == 0) {
		(void) signal(SIGPIPE, SIG_DFL);
		(void) signal(SIGHUP, SIG_DFL);
		if (chdir(top) < 0 || (without_session && dup2(slave, 1) < 0))
			_exit(99);
		if (!without_session && (setsid() < 0 || console_take(slave, NULL) < 0))
			_exit(99);
		execl("/bin/sh", "sh", "-c", script, NULL);
		_exit(98);
	}
	return pid;
}

/* run_relay - with nothing open but what it needs, lest it holds the other ends of its own pipes */
_Noreturn static void run_relay(int in, int out, int master, int pidfd)
{
	enum { HIGH = 100 };
	int fds[] = { in, out, 2, master, pidfd };
	for (int i = 0; i < 5; i++)
		if (i != 2)
			SETUP(fds[i] = fcntl(fds[i], F_DUPFD, HIGH));
	for (int i = 0; i < 5; i++)
		SETUP(dup2(fds[i], i));
	(void) syscall(SYS_close_range, 5, ~0U, 0);
	_exit(console_relay(3, 4, NULL) < 0 ? 97 : 0);
}

static struct session start(const char *script, int in, int out)
{
	struct session s = { 0 };
	int slave = -1;
	fflush(stdout);
	s.pty = console_open(host_root, NULL, &slave, NULL);
	(void) console_clear_onlcr(slave, NULL);	/* as launch.c does before the start */
	SETUP(s.pty);
	s.program = start_program(script, slave);
	(void) close(slave);
	cleanup_close int pidfd = (int) syscall(SYS_pidfd_open, s.program, 0);
	SETUP(pidfd);
	s.relay = fork();
	SETUP(s.relay);
	if (s.relay == 0)
		run_relay(in, out, s.pty, pidfd);
	return s;
}

/* expect - read from @fd until @text (NULL: the end) has come */
static bool expect(struct session *s, int fd, const char *text)
{
	char part[4096];
	int64_t end = now_ms() + PATIENCE_MS;
	while (!text || !strstr(buf_str(&s->seen), text)) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int64_t left = end - now_ms();
		if (left <= 0 || poll(&p, 1, (int) left) <= 0)
			return false;
		ssize_t n = read(fd, part, sizeof part);
		if (n <= 0)
			return !text;
		buf_add(&s->seen, part, (size_t) n);
	}
	return true;
}

/* status_of - the exit code of a child, or 128 + n; -1 when it does not end in time (then it is killed) */
static int status_of(pid_t pid, struct rusage *usage)
{
	int status;
	int64_t end = now_ms() + PATIENCE_MS;
	while (wait4(pid, &status, WNOHANG, usage) == 0) {
		if (now_ms() > end) {
			(void) kill(pid, SIGKILL);
			(void) waitpid(pid, &status, 0);
			return -1;
		}
		pause_ms(2);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* finish - Return: the program's exit code, when the relay ended well */
static int finish(struct session *s)
{
	int relay = status_of(s->relay, NULL), program = status_of(s->program, NULL);
	buf_done(&s->seen);
	(void) close(s->pty);
	return relay == 0 ? program : -relay - 1000;
}

struct pipe { int read_fd, write_fd; };

static struct pipe make_pipe(void)
{
	int ends[2];
	SETUP(pipe2(ends, O_CLOEXEC));
	return (struct pipe) { ends[0], ends[1] };
}

static int open_null(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	SETUP(fd);
	return fd;
}

static void test_relay_output(void)
{
	cleanup_close int null_fd = open_null();
	struct pipe out = make_pipe();
	struct session s = start("tty; echo hello; exit 7", null_fd, out.write_fd);
	close_fd(&out.write_fd);
	OK(expect(&s, out.read_fd, NULL));
	OK(str_starts(buf_str(&s.seen), "/dev/pts/") && str_ends(buf_str(&s.seen), "\nhello\n"));
	OK(finish(&s) == 7);
	close_fd(&out.read_fd);
}

static char *numbers(int n)
{
	struct buf b = { 0 };
	for (int i = 1; i <= n; i++)
		buf_printf(&b, "%d\n", i);
	return buf_take(&b);
}

/* every byte arrives, also when the reader is slow and our 1 is non-blocking (EAGAIN) or a full pipe */
static void test_relay_much(bool nonblocking)
{
	enum { N = 120000 };
	cleanup_free char *expected = numbers(N);
	cleanup_close int null_fd = open_null();
	struct pipe out = make_pipe();
	if (nonblocking)
		SETUP(fcntl(out.write_fd, F_SETFL, O_NONBLOCK));
	struct session s = start("seq 1 120000; exit 0", null_fd, out.write_fd);
	close_fd(&out.write_fd);
	pause_ms(200);
	OK(expect(&s, out.read_fd, NULL));
	OK(s.seen.len == strlen(expected) && memcmp(buf_str(&s.seen), expected, s.seen.len) == 0);
	OK(finish(&s) == 0);
	close_fd(&out.read_fd);
}

/* the last words of a program that ends at once are not lost, whoever is quicker */
static void test_relay_last_words(void)
{
	bool all = true;
	for (int i = 0; i < 50 && all; i++) {
		cleanup_close int null_fd = open_null();
		struct pipe out = make_pipe();
		struct session s = start("printf '%02000d' 0; printf end", null_fd, out.write_fd);
		close_fd(&out.write_fd);
		all = expect(&s, out.read_fd, NULL) && s.seen.len == 2003 &&
		      str_ends(buf_str(&s.seen), "0end");
		all = finish(&s) == 0 && all;
		close_fd(&out.read_fd);
	}
	OK(all);
}

static void test_relay_file_input(void)
{
	cleanup_free char *text = numbers(30000);
	cleanup_close int in = open(at("in"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	SETUP(fs_write_all(in, text, strlen(text)));
	SETUP(lseek(in, 0, SEEK_SET));
	struct pipe out = make_pipe();
	struct session s = start("stty -echo; cat >got; echo done", in, out.write_fd);
	close_fd(&out.write_fd);
	OK(expect(&s, out.read_fd, NULL) && str_ends(buf_str(&s.seen), "done\n"));	/* cat saw the end */
	OK(finish(&s) == 0);
	cleanup_free char *got = content("got");
	OK(strcmp(got, text) == 0);
	close_fd(&out.read_fd);

	/* a last line that is not ended, and our 0 non-blocking with nothing in it yet */
	struct pipe from = make_pipe();
	out = make_pipe();
	SETUP(fcntl(from.read_fd, F_SETFL, O_NONBLOCK));
	s = start("cat >got; echo done", from.read_fd, out.write_fd);
	close_fd(&from.read_fd);
	close_fd(&out.write_fd);
	pause_ms(50);
	SETUP(write(from.write_fd, "one\ntwo", 7));
	close_fd(&from.write_fd);
	OK(expect(&s, out.read_fd, NULL) && str_ends(buf_str(&s.seen), "done\n") && finish(&s) == 0);
	cleanup_free char *two = content("got");
	OK_STR(two, "one\ntwo");
	close_fd(&out.read_fd);
}

/* the end of our 0 is not typed to a program that takes single characters */
static void test_relay_raw_program(void)
{
	struct pipe from = make_pipe(), out = make_pipe();
	struct session s = start("stty raw -echo; echo ready; dd bs=1 count=2 of=raw 2>/dev/null",
				 from.read_fd, out.write_fd);
	close_fd(&from.read_fd);
	close_fd(&out.write_fd);
	OK(expect(&s, out.read_fd, "ready"));
	SETUP(write(from.write_fd, "a", 1));
	close_fd(&from.write_fd);
	pause_ms(200);
	cleanup_free char *got = content("raw");
	OK_STR(got, "a");
	/* and output goes on */
	SETUP(kill(s.relay, SIGTERM));
	OK(expect(&s, out.read_fd, NULL) && finish(&s) == 128 + SIGTERM);
	close_fd(&out.read_fd);
}

/* ---- our side is a terminal ---- */

struct terminal { int master, slave; struct termios modes; };

static struct terminal make_terminal(void)
{
	struct terminal t;
	t.master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	SETUP(t.master);
	SETUP(grantpt(t.master));
	SETUP(unlockpt(t.master));
	t.slave = open(ptsname(t.master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	SETUP(t.slave);
	const struct winsize ws = { .ws_row = 33, .ws_col = 77 };
	SETUP(ioctl(t.slave, TIOCSWINSZ, &ws));
	SETUP(tcgetattr(t.slave, &t.modes));
	return t;
}

static bool is_restored(const struct terminal *t)
{
	struct termios now;
	SETUP(tcgetattr(t->slave, &now));
	return now.c_iflag == t->modes.c_iflag && now.c_oflag == t->modes.c_oflag &&
	       now.c_cflag == t->modes.c_cflag && now.c_lflag == t->modes.c_lflag &&
	       memcmp(now.c_cc, t->modes.c_cc, sizeof now.c_cc) == 0;
}

static void close_terminal(struct terminal *t)
{
	close_fd(&t->master);
	close_fd(&t->slave);
}

static bool size_becomes(int fd, int rows, int columns)
{
	struct winsize ws = { 0 };
	for (int64_t end = now_ms() + PATIENCE_MS; now_ms() < end; pause_ms(5))
		if (ioctl(fd, TIOCGWINSZ, &ws) == 0 && ws.ws_row == rows && ws.ws_col == columns)
			return true;
	return false;
}

static void test_relay_terminal(void)
{
	struct terminal t = make_terminal();
	struct termios now;
	struct session s =
		start("trap 'echo interrupted; exit 5' INT; stty -echo; echo ready; read x; echo \"got $x\"; "
		      "while :; do sleep 0.05; done",
		      t.slave, t.slave);
	OK(expect(&s, t.master, "ready\r\n"));		/* our terminal adds the carriage return, once */
	OK(!strstr(buf_str(&s.seen), "\r\r"));
	OK(tcgetattr(t.slave, &now) == 0 && !(now.c_lflag & (ICANON | ECHO | ISIG)) &&
	   now.c_oflag == t.modes.c_oflag);
	OK(size_becomes(s.pty, 33, 77));

	SETUP(write(t.master, "line\r", 5));	/* as a keyboard types it */
	OK(expect(&s, t.master, "got line\r\n"));

	const struct winsize ws = { .ws_row = 12, .ws_col = 34 };
	SETUP(ioctl(t.slave, TIOCSWINSZ, &ws));
	SETUP(kill(s.relay, SIGWINCH));
	OK(size_becomes(s.pty, 12, 34));

	/* whoever stopped us has changed the modes */
	SETUP(tcsetattr(t.slave, TCSANOW, &t.modes));
	SETUP(kill(s.relay, SIGCONT));
	for (int i = 0; i < 1000 && tcgetattr(t.slave, &now) == 0 && (now.c_lflag & ICANON); i++)
		pause_ms(5);
	OK(!(now.c_lflag & ICANON));

	SETUP(write(t.master, "\003", 1));	/* ^C is the program's */
	OK(expect(&s, t.master, "interrupted\r\n"));
	OK(finish(&s) == 5);
	OK(is_restored(&t));
	OK(!(fcntl(t.slave, F_GETFL) & O_NONBLOCK));	/* it is the shell's, too */
	close_terminal(&t);
}

static void test_relay_signals(void)
{
	static const int sigs[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1 };
	for (size_t i = 0; i < sizeof sigs / sizeof *sigs; i++) {
		struct terminal t = make_terminal();
		/* no fork while it waits: dash may lose a signal that comes between its vfork() and the child's execve() */
		struct session s = start("sleep 1000 & p=$!; trap 'kill $p; echo told; exit 6' TERM INT HUP QUIT USR1; "
					 "echo ready; wait", t.slave, t.slave);
		OK(expect(&s, t.master, "ready"));
		SETUP(kill(s.relay, sigs[i]));
		OK(expect(&s, t.master, "told\r\n"));
		OK(finish(&s) == 6);
		OK(is_restored(&t));
		close_terminal(&t);
	}

	/* one that we ignore (nohup) is not forwarded */
	struct terminal t = make_terminal();
	(void) signal(SIGHUP, SIG_IGN);
	struct session s = start("sleep 1000 & p=$!; trap 'kill $p; echo told; exit 6' USR2; echo ready; wait",
				 t.slave, t.slave);
	(void) signal(SIGHUP, SIG_DFL);
	OK(expect(&s, t.master, "ready"));
	SETUP(kill(s.relay, SIGHUP));
	pause_ms(100);
	SETUP(kill(s.relay, SIGUSR2));
	OK(expect(&s, t.master, "told\r\n") && finish(&s) == 6 && is_restored(&t));
	close_terminal(&t);
}

/* a terminal that takes no more output: signals still come through, and at the end one more gives up */
static void test_relay_blocked(void)
{
	struct terminal t = make_terminal();
	struct session s = start("exec yes", t.slave, t.slave);
	pause_ms(300);
	SETUP(kill(s.relay, SIGTERM));
	OK(status_of(s.program, NULL) == 128 + SIGTERM);
	OK(waitpid(s.relay, NULL, WNOHANG) == 0);	/* it would lose bytes */
	SETUP(kill(s.relay, SIGTERM));
	OK(status_of(s.relay, NULL) == 0);
	OK(is_restored(&t));
	(void) close(s.pty);
	close_terminal(&t);
}

/* ---- the ends of things ---- */

static void test_relay_others_stay(void)
{
	cleanup_close int null_fd = open_null();
	struct pipe out = make_pipe();
	/* one that just holds the pty */
	struct session s =
		start("trap '' HUP; sleep 1000 & echo $! >pid; echo bye; exit 2", null_fd, out.write_fd);
	close_fd(&out.write_fd);
	int64_t begin = now_ms();
	OK(expect(&s, out.read_fd, NULL) && strcmp(buf_str(&s.seen), "bye\n") == 0);
	OK(finish(&s) == 2 && now_ms() - begin < 5000);
	cleanup_free char *sleeper = content("pid");
	OK(kill(atoi(sleeper), SIGKILL) == 0);
	close_fd(&out.read_fd);

	/* one that writes to it without end */
	out = make_pipe();
	without_session = true;
	s = start("yes 2>/dev/null & echo $! >pid; exit 2", null_fd, out.write_fd);
	without_session = false;
	close_fd(&out.write_fd);
	OK(expect(&s, out.read_fd, NULL));
	OK(finish(&s) == 2);
	cleanup_free char *writer = content("pid");
	OK(kill(atoi(writer), SIGKILL) == 0);
	close_fd(&out.read_fd);
}

/* a program that lets go of its terminal for a while costs us no time, and finds it again */
static void test_relay_hung(void)
{
	cleanup_close int null_fd = open_null();
	struct pipe out = make_pipe();
	struct rusage usage = { { 0 } };
	struct session s =
		start("t=$(tty); exec </dev/null >/dev/null 2>&1; sleep 0.7; echo back >$t; exit 3", null_fd,
		      out.write_fd);
	close_fd(&out.write_fd);
	OK(expect(&s, out.read_fd, NULL));
	OK_STR(buf_str(&s.seen), "back\n");
	OK(status_of(s.relay, &usage) == 0 && status_of(s.program, NULL) == 3);
	OK(usage.ru_utime.tv_sec == 0 && usage.ru_stime.tv_sec == 0 &&
	   usage.ru_utime.tv_usec + usage.ru_stime.tv_usec < 150000);
	buf_done(&s.seen);
	(void) close(s.pty);
	close_fd(&out.read_fd);
}

/* nobody reads our output any more, or there was never any: the program still runs to its end */
static void test_relay_no_reader(void)
{
	cleanup_close int null_fd = open_null();
	struct pipe out = make_pipe();
	struct session s = start("sleep 0.1; seq 1 100000; exit 8", null_fd, out.write_fd);
	close_fd(&out.write_fd);
	close_fd(&out.read_fd);
	OK(finish(&s) == 8);

	cleanup_close int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	SETUP(full);
	int saved = dup(STDERR_FILENO);
	cleanup_close int messages = open(at("stderr"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	SETUP(dup2(messages, STDERR_FILENO));
	s = start("seq 1 100000; exit 9", null_fd, full);
	SETUP(dup2(saved, STDERR_FILENO));
	(void) close(saved);
	OK(finish(&s) == 9);
	cleanup_free char *warning = content("stderr");
	OK(strstr(warning, "write the terminal's output: No space left on device; the rest is dropped"));
}

int main(void)
{
	/* a caller in the background has SIGINT and SIGQUIT ignored; what we test is what happens to those that are not */
	for (int sig = 1; sig < 32; sig++)
		(void) signal(sig, SIG_DFL);
	(void) signal(SIGPIPE, SIG_IGN);	/* as main() does */
	snprintf(top, sizeof top, "/tmp/test_console.XXXXXX");
	SETUP(mkdtemp(top) ? 0 : -1);
	SETUP(host_root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
	test_open();
	test_hostile();
	test_own_devpts();
	test_take();
	test_send();
	test_relay_output();
	test_relay_much(false);
	test_relay_much(true);
	test_relay_last_words();
	test_relay_file_input();
	test_relay_raw_program();
	test_relay_terminal();
	test_relay_signals();
	test_relay_blocked();
	test_relay_others_stay();
	test_relay_hung();
	test_relay_no_reader();
	close_fd(&host_root);
	OK(fs_remove_tree(AT_FDCWD, top, NULL) == 0);
	return tap_done();
}
