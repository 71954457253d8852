/* Theory of operation of proc_spawn().
 *
 * clone(CLONE_VM | CLONE_VFORK): the child borrows our memory and we are suspended until it has executed the
 * program or ended, so nothing is copied however large we are, and it reports a failure by storing it. What
 * follows from sharing memory: everything that it needs is prepared before; it has a stack of its own, calls
 * nothing that allocates or locks, and is compiled without the address sanitizer, which would take its
 * frames, abandoned at execve(2), for ours. No handler of ours may run in it: all signals are blocked around
 * the clone, and it resets every disposition before it empties its mask. (Without CLONE_SIGHAND, CLONE_FILES,
 * CLONE_FS these are its own copies.)
 *
 * Its fds: a source that is also the target of another entry is first copied above all targets, so that the
 * order of the entries does not matter; then each becomes its target; then every gap between the targets is
 * closed.
 */
#include "proc.h"
#include "cleanup.h"
#include "fs.h"
#include "mem.h"
#include "str.h"
#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#define IN_CHILD __attribute__((no_sanitize("address"))) static

enum { STACK_SIZE = 32 * 1024, SIGNALS = 64, OUTPUT_MAX = 64 * 1024 };

struct child {
	const struct proc_spawn *what;
	char *const *envp;
	struct proc_fd *fds;	/* our copy: ->from is changed */
	int *targets;		/* of ->fds, sorted */
	size_t n_fds;
	pid_t parent;
	const char *step;	/* what failed; NULL: nothing did */
	int code;
	struct error error;	/* of ->what->last */
};

/* ---- in the child ---- */

IN_CHILD int child_failed(struct child *c, const char *step)
{
	c->code = errno;
	c->step = step;
	return -1;
}

IN_CHILD void child_reset_signals(void)
{
	/* the kernel's own call: the C library's refuses the two signals that it uses itself, which others
	 * may have left ignored; all zeroes is SIG_DFL, no flags, no mask */
	static const unsigned long defaults[8];
	for (int sig = 1; sig <= SIGNALS; sig++)
		if (sig != SIGKILL && sig != SIGSTOP)
			(void) syscall(SYS_rt_sigaction, sig, defaults, NULL, SIGNALS / 8);
}

/* child_close_listed - what close_range(2) does, for Linux before 5.9: what /proc/self/fd lists between
 * @first and @last */
IN_CHILD int child_close_listed(unsigned first, unsigned last)
{
	int dir_fd = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return -1;
	_Alignas(struct dirent64) char buf[4096];
	for (;;) {
		long n = syscall(SYS_getdents64, dir_fd, buf, sizeof buf);
		if (n <= 0)
			return n < 0 ? -1 : close(dir_fd);
		for (long at = 0; at < n;) {
			const struct dirent64 *e = (const struct dirent64 *) (const void *) (buf + at);
			unsigned fd = 0;
			bool number = true;
			for (const char *p = e->d_name; *p; p++) {
				number = number && *p >= '0' && *p <= '9';
				fd = fd * 10 + (unsigned) (*p - '0');
			}
			if (number && fd >= first && fd <= last && fd != (unsigned) dir_fd)
				(void) close((int) fd);
			at += e->d_reclen;
		}
	}
}

IN_CHILD int child_close(unsigned first, unsigned last)
{
	if (first > last || syscall(SYS_close_range, first, last, 0) == 0)
		return 0;
	return errno == ENOSYS ? child_close_listed(first, last) : -1;
}

/* child_place - fd @from becomes @to, and stays open over execve(2) */
IN_CHILD int child_place(int from, int to)
{
	int fd = from >= 0 ? from : open("/dev/null", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (fd == to)
		return fcntl(fd, F_SETFD, 0);
	if (dup2(fd, to) < 0)
		return -1;
	if (from < 0)
		(void) close(fd);
	return 0;
}

IN_CHILD int child_place_fds(struct child *c)
{
	int above = c->n_fds ? c->targets[c->n_fds - 1] + 1 : 0;
	for (size_t i = 0; i < c->n_fds; i++)
		for (size_t j = 0; j < c->n_fds; j++)
			if (j != i && c->fds[i].from == c->fds[j].to && c->fds[i].from < above) {
				c->fds[i].from = fcntl(c->fds[i].from, F_DUPFD_CLOEXEC, above);
				if (c->fds[i].from < 0)
					return child_failed(c, "copy a file descriptor");
			}
	for (size_t i = 0; i < c->n_fds; i++)
		if (child_place(c->fds[i].from, c->fds[i].to) < 0)
			return child_failed(c,
					    c->fds[i].from < 0 ? "open /dev/null" : "pass a file descriptor");

	unsigned first = 3;
	for (size_t i = 0; i < c->n_fds; i++) {
		unsigned target = (unsigned) c->targets[i];
		if (target < first)
			continue;
		if (child_close(first, target - 1) < 0)
			return child_failed(c, "close file descriptors");
		first = target + 1;
	}
	if (child_close(first, UINT_MAX) < 0)
		return child_failed(c, "close file descriptors");
	return 0;
}

IN_CHILD int child_prepare(struct child *c)
{
	const struct proc_spawn *what = c->what;
	child_reset_signals();
	if (what->death_signal) {
		if (prctl(PR_SET_PDEATHSIG, (unsigned long) what->death_signal, 0, 0, 0) < 0)
			return child_failed(c, "set the death signal");
		/* if it died before that call, nobody sends it (0: it is outside of our pid namespace) */
		pid_t parent = getppid();
		if (parent != c->parent && parent != 0) {
			errno = EOWNERDEAD;
			return child_failed(c, "find the parent");
		}
	}
	if (what->new_session && setsid() < 0)
		return child_failed(c, "start a session");
	if (what->cwd && chdir(what->cwd) < 0)
		return child_failed(c, "enter");
	if (child_place_fds(c) < 0)
		return -1;
	static const unsigned long none[SIGNALS / 8 / sizeof(unsigned long)];
	if (syscall(SYS_rt_sigprocmask, SIG_SETMASK, none, NULL, SIGNALS / 8) < 0)
		return child_failed(c, "unblock signals");
	return 0;
}

IN_CHILD int child_main(void *arg)
{
	struct child *c = arg;
	if (child_prepare(c) == 0) {
		if (c->what->last && c->what->last(c->what->last_ctx, &c->error) < 0) {
			c->step = "last";
			_exit(127);
		}
		(void) execve(c->what->path, c->what->argv, c->envp);
		(void) child_failed(c, "execute");
	}
	_exit(127);
}

/* ---- starting ---- */

static int spawn_failed(const struct child *c, struct error *err)
{
	const struct proc_spawn *what = c->what;
	if (str_eq(c->step, "last"))
		return error_say(err, c->error.code, "run '%s': %s", what->path, c->error.text);
	if (str_eq(c->step, "enter"))
		return error_set(err, c->code, "run '%s': enter '%s'", what->path, what->cwd);
	if (!str_eq(c->step, "execute"))
		return error_set(err, c->code, "run '%s': %s", what->path, c->step);
	if (c->code == ENOENT && *what->path == '/' && access(what->path, F_OK) == 0)
		return error_say(err, ENOENT,
				 "run '%s': it is there, but the interpreter or loader that it names is not",
				 what->path);
	if (c->code == ENOEXEC)
		return error_say(err, ENOEXEC,
				 "run '%s': it is neither a program for this machine nor a script that "
				 "begins with #!", what->path);
	return error_set(err, c->code, "run '%s'", what->path);
}

/* child_clone - returns when the program runs or c->step says why not */
static pid_t child_clone(struct child *c, int *pidfd)
{
	_Alignas(16) char stack[STACK_SIZE];
	/* SIGCANCEL and the like, too, which sigfillset(3) leaves out */
	unsigned long all[SIGNALS / 8 / sizeof(unsigned long)], was[SIGNALS / 8 / sizeof(unsigned long)];
	memset(all, 0xff, sizeof all);
	if (syscall(SYS_rt_sigprocmask, SIG_SETMASK, all, was, SIGNALS / 8) < 0)
		return -errno;
	int flags = CLONE_VM | CLONE_VFORK | SIGCHLD | (pidfd ? CLONE_PIDFD : 0);
	pid_t pid = clone(child_main, stack + sizeof stack, flags, c, pidfd);
	if (pid < 0)
		pid = -errno;
	(void) syscall(SYS_rt_sigprocmask, SIG_SETMASK, was, NULL, SIGNALS / 8);
	return pid;
}

static int compare_ints(const void *a, const void *b)
{
	int x = *(const int *) a, y = *(const int *) b;
	return (x > y) - (x < y);
}

pid_t proc_spawn(const struct proc_spawn *what, int *ret_pidfd, struct error *err)
{
	size_t n = what->n_fds;
	cleanup_free struct proc_fd *fds = xcalloc(n, sizeof *fds);
	cleanup_free int *targets = xcalloc(n, sizeof *targets);
	for (size_t i = 0; i < n; i++) {
		fds[i] = what->fds[i];
		targets[i] = what->fds[i].to;
		if (targets[i] < 0 || targets[i] == INT_MAX)
			return error_say(err, EBADF, "run '%s': there is no file descriptor %d", what->path,
					 targets[i]);
	}
	qsort(targets, n, sizeof *targets, compare_ints);

	struct child c = {
		.what = what,
		.envp = what->envp ? what->envp : environ,
		.fds = fds,
		.targets = targets,
		.n_fds = n,
		.parent = getpid(),
	};
	cleanup_close int pidfd = -1;
	pid_t pid = child_clone(&c, ret_pidfd ? &pidfd : NULL);
	if (pid < 0)
		return error_set(err, (int) -pid, "run '%s': make a process", what->path);
	if (c.step) {
		(void) proc_wait(pid);
		return spawn_failed(&c, err);
	}
	if (ret_pidfd)
		*ret_pidfd = take_fd(pidfd);
	return pid;
}

/* ---- waiting ---- */

int proc_exit_code(int wait_status)
{
	return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

int proc_wait(pid_t pid)
{
	int status;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return proc_exit_code(status);
}

bool proc_has_capabilities(uint32_t mask)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };
	return syscall(SYS_capget, &header, data) == 0 && (data[0].effective & mask) == mask;
}

__attribute__((hot))	/* beside the loops that call it, who may be all that still runs in a long-lived process */
int64_t now_ms(void)
{
	struct timespec now;
	(void) clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int proc_wait_timeout(pid_t pid, int pidfd, int timeout_ms)
{
	int64_t end = now_ms() + timeout_ms;
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	for (int64_t left = timeout_ms;;) {
		int n = poll(&p, 1, timeout_ms < 0 ? -1 : (int) left);
		if (n > 0)
			return p.revents & POLLNVAL ? -EBADF : proc_wait(pid);
		if (n == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
		left = end - now_ms();
		if (left < 0)
			left = 0;
	}
}

/* ---- running with output ---- */

/* collect - what is in the pipe now, up to OUTPUT_MAX; the rest is read and dropped, lest the writer blocks.
 * Return: 1 while the pipe may bring more, 0 at its end. */
static int collect(int fd, struct buf *b)
{
	char part[4096];
	for (;;) {
		ssize_t n = read(fd, part, sizeof part);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 && errno == EAGAIN;
		size_t room = OUTPUT_MAX - b->len;
		buf_add(b, part, (size_t) n < room ? (size_t) n : room);
	}
}

/* collect_until_exit - not until the pipe ends: what runs on in the background may hold it for ever */
static void collect_until_exit(int fd, int pidfd, struct buf *b)
{
	struct pollfd p[2] = { { .fd = fd, .events = POLLIN }, { .fd = pidfd, .events = POLLIN } };
	while (!(p[1].revents & POLLIN)) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return;
		if (collect(fd, b) == 0)
			return;
	}
	(void) collect(fd, b);
}

int proc_run(const struct proc_spawn *what, char **output, struct error *err)
{
	if (!output) {
		pid_t pid = proc_spawn(what, NULL, err);
		return pid < 0 ? pid : proc_wait(pid);
	}

	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_set(err, errno, "run '%s': make a pipe", what->path);
	cleanup_close int read_fd = ends[0], write_fd = ends[1];
	(void) fcntl(read_fd, F_SETFL, O_NONBLOCK);	/* the read end's own flag */

	cleanup_free struct proc_fd *fds = xcalloc(what->n_fds + 2, sizeof *fds);
	struct proc_spawn with_output = *what;
	with_output.fds = fds;
	with_output.n_fds = 0;
	for (size_t i = 0; i < what->n_fds; i++)
		if (what->fds[i].to != STDOUT_FILENO && what->fds[i].to != STDERR_FILENO)
			fds[with_output.n_fds++] = what->fds[i];
	fds[with_output.n_fds++] = (struct proc_fd) { write_fd, STDOUT_FILENO };
	fds[with_output.n_fds++] = (struct proc_fd) { write_fd, STDERR_FILENO };

	cleanup_close int pidfd = -1;
	pid_t pid = proc_spawn(&with_output, &pidfd, err);
	if (pid < 0)
		return pid;
	close_fd(&write_fd);
	cleanup_buf struct buf b = { 0 };
	collect_until_exit(read_fd, pidfd, &b);
	int r = proc_wait(pid);
	*output = buf_take(&b);
	return r;
}

char *proc_find(const char *name, const char *path_list)
{
	if (!*name)
		return NULL;
	if (strchr(name, '/'))
		return xstrdup(name);
	if (!path_list)
		path_list = getenv("PATH");
	if (!path_list)
		path_list = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

	for (const char *p = path_list;; p++) {
		size_t len = strcspn(p, ":");
		/* an empty entry is the working directory */
		cleanup_free char *path =
			len ? xasprintf("%.*s/%s", (int) len, p, name) : xasprintf("./%s", name);
		struct stat st;
		if (stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
		    faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0)
			return take_ptr(path);
		p += len;
		if (!*p)
			return NULL;
	}
}

/* ---- processes that are not our children ---- */

/* read_stat - state and start time; the name before them is in brackets and may hold anything, so the last
 * one counts */
static int read_stat(pid_t pid, char *ret_state, uint64_t *ret_start)
{
	enum { START_TIME = 22, STATE = 3 };
	char path[32], text[1024];
	snprintf(path, sizeof path, "/proc/%d/stat", (int) pid);
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	ssize_t n = fs_read_all(fd, text, sizeof text - 1);
	if (n < 0)
		return (int) n;
	text[n] = 0;

	char *p = strrchr(text, ')');
	if (!p || p[1] != ' ' || !p[2])
		return -EIO;
	*ret_state = p[2];
	p += 2;
	for (int field = STATE; field < START_TIME; field++) {
		p = strchr(p, ' ');
		if (!p)
			return -EIO;
		p++;
	}
	p[strcspn(p, " ")] = 0;
	return str_to_u64(p, UINT64_MAX, ret_start) < 0 ? -EIO : 0;
}

int proc_start_time(pid_t pid, uint64_t *ret)
{
	char state;
	return read_stat(pid, &state, ret);
}

int proc_open(pid_t pid, uint64_t start_time)
{
	cleanup_close int pidfd = (int) syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0)
		return -errno;
	/* in this order: a process that took the pid over after the open is younger, and does not match */
	uint64_t start;
	int r = proc_start_time(pid, &start);
	if (r < 0)
		return r;
	/* readable once all its threads have ended; by its state, one with a dead first thread is a zombie */
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	if (start != start_time || poll(&p, 1, 0) != 0)
		return -ESRCH;
	return take_fd(pidfd);
}

int proc_state(pid_t pid, uint64_t start_time)
{
	char state;
	uint64_t start;
	int r = read_stat(pid, &state, &start);
	if (r < 0)
		return r;
	return start == start_time ? state : -ESRCH;
}

int proc_signal(int pidfd, int sig)
{
	return syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0) < 0 ? -errno : 0;
}

const char *proc_boot_id(void)
{
	static char id[40];
	if (!*id) {
		cleanup_free char *text = NULL;
		if (fs_read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 128, &text, NULL, NULL) == 0)
			snprintf(id, sizeof id, "%.*s", (int) strcspn(text, "\n"), text);
	}
	return id;
}

/* ---- signals ---- */

/* clang-format off: a table */
static const struct { const char *name; int sig; } signals[] = {
	{ "HUP", SIGHUP }, { "INT", SIGINT }, { "QUIT", SIGQUIT }, { "ILL", SIGILL }, { "TRAP", SIGTRAP },
	{ "ABRT", SIGABRT }, { "BUS", SIGBUS }, { "FPE", SIGFPE }, { "KILL", SIGKILL },
	{ "USR1", SIGUSR1 }, { "SEGV", SIGSEGV }, { "USR2", SIGUSR2 }, { "PIPE", SIGPIPE },
	{ "ALRM", SIGALRM }, { "TERM", SIGTERM }, { "CHLD", SIGCHLD }, { "CONT", SIGCONT },
	{ "STOP", SIGSTOP }, { "TSTP", SIGTSTP }, { "TTIN", SIGTTIN }, { "TTOU", SIGTTOU },
	{ "URG", SIGURG }, { "XCPU", SIGXCPU }, { "XFSZ", SIGXFSZ }, { "VTALRM", SIGVTALRM },
	{ "PROF", SIGPROF }, { "WINCH", SIGWINCH }, { "IO", SIGIO }, { "PWR", SIGPWR }, { "SYS", SIGSYS },
#ifdef SIGSTKFLT
	{ "STKFLT", SIGSTKFLT },
#endif
	/* other names of the above: signal_name() finds the first */
	{ "CLD", SIGCHLD }, { "POLL", SIGIO }, { "IOT", SIGABRT }, { "UNUSED", SIGSYS },
};
/* clang-format on */

/* as kill(1) names them: from whichever end is nearer */
static const char *const from_rtmin[] = {
	"RTMIN",    "RTMIN+1",	"RTMIN+2",  "RTMIN+3",	"RTMIN+4",  "RTMIN+5",	"RTMIN+6",  "RTMIN+7",
	"RTMIN+8",  "RTMIN+9",	"RTMIN+10", "RTMIN+11", "RTMIN+12", "RTMIN+13", "RTMIN+14", "RTMIN+15",
};
static const char *const to_rtmax[] = {
	"RTMAX",   "RTMAX-1", "RTMAX-2", "RTMAX-3",  "RTMAX-4",	 "RTMAX-5",  "RTMAX-6",	 "RTMAX-7",
	"RTMAX-8", "RTMAX-9", "RTMAX-10", "RTMAX-11", "RTMAX-12", "RTMAX-13", "RTMAX-14",
};

/* parse_real_time - "RTMIN", "RTMIN+n", "RTMAX", "RTMAX-n" */
static int parse_real_time(const char *word)
{
	bool from_min = strncasecmp(word, "RTMIN", 5) == 0;
	if (!from_min && strncasecmp(word, "RTMAX", 5) != 0)
		return -EINVAL;
	word += 5;
	uint64_t n = 0;
	if (*word && (*word != (from_min ? '+' : '-') ||
		      str_to_u64(word + 1, (uint64_t) (SIGRTMAX - SIGRTMIN), &n) < 0))
		return -EINVAL;
	return from_min ? SIGRTMIN + (int) n : SIGRTMAX - (int) n;
}

int signal_parse(const char *word)
{
	if (isdigit((unsigned char) *word)) {
		uint64_t n;
		return str_to_u64(word, (uint64_t) SIGRTMAX, &n) < 0 || n == 0 ? -EINVAL : (int) n;
	}
	if (strncasecmp(word, "SIG", 3) == 0)
		word += 3;
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
		if (strcasecmp(word, signals[i].name) == 0)
			return signals[i].sig;
	return parse_real_time(word);
}

const char *signal_name(int sig)
{
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
		if (signals[i].sig == sig)
			return signals[i].name;
	if (sig < SIGRTMIN || sig > SIGRTMAX)
		return NULL;
	int n = sig - SIGRTMIN;
	return n < (int) (sizeof from_rtmin / sizeof *from_rtmin) ? from_rtmin[n] : to_rtmax[SIGRTMAX - sig];
}
