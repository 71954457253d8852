#include "cleanup.h"
#include "fs.h"
#include "mem.h"
#include "proc.h"
#include "str.h"
#include "tap.h"
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

/* a NULL-terminated list of literals, as execve(2) wants it */
#define LIST(...) ((char *const *) (const char *const[]) { __VA_ARGS__, NULL })

/* ---- this program, when it is the one that is started: tells what it was given ---- */

static int tell_fds(void)
{
	cleanup_dir DIR *d = opendir("/proc/self/fd");
	for (int fd = 0; d && fd < 2000; fd++) {
		struct stat st;
		if (fd != dirfd(d) && fstat(fd, &st) == 0)
			printf("%d:%s ", fd, S_ISFIFO(st.st_mode) ? "pipe" : S_ISDIR(st.st_mode) ? "dir"
			       : fs_is_dev(fd, S_IFCHR, 1, 3) == 1 ? "null" : "other");
	}
	return 0;
}

static int tell_state(void)
{
	int death_signal = -1;
	char cwd[PATH_MAX];
	cleanup_free char *status = NULL;
	prctl(PR_GET_PDEATHSIG, &death_signal, 0, 0, 0);
	if (!getcwd(cwd, sizeof cwd) ||
	    fs_read_file(AT_FDCWD, "/proc/self/status", 65536, &status, NULL, NULL) < 0)
		return 1;
	const char *blocked = strstr(status, "SigBlk:"), *ignored = strstr(status, "SigIgn:");
	printf("leader %d death %d cwd %s blocked %.16s ignored %.16s", getsid(0) == getpid(), death_signal,
	       cwd, blocked + 8, ignored + 8);
	return 0;
}

/* tell - what this program says of itself, started so; the caller frees */
static char *tell(const char *what, const struct proc_spawn *how)
{
	struct proc_spawn spawn = *how;
	spawn.path = "/proc/self/exe";
	spawn.argv = LIST("test_proc", what);
	struct error err = { 0 };
	char *output = NULL;
	int r = proc_run(&spawn, &output, &err);
	if (r != 0)
		printf("# exit code %d, %s\n", r, err.text);
	return output;
}

static int run(const char *path, const char *cwd, struct error *err)
{
	return proc_run(&(struct proc_spawn) { .path = path, .argv = LIST(path), .cwd = cwd }, NULL, err);
}

static int sh(const char *script, char **output)
{
	return proc_run(&(struct proc_spawn){ .path = "/bin/sh", .argv = LIST("sh", "-c", script) }, output,
			NULL);
}

/* ---- starting ---- */

static void test_failures(void)
{
	struct error err = { 0 };
	OK(run("/bin/true", NULL, &err) == 0 && run("/bin/false", NULL, &err) == 1);
	OK(run("/no/such/program", NULL, &err) == -ENOENT);
	OK_STR(err.text, "run '/no/such/program': No such file or directory");
	OK(run("/etc/passwd", NULL, &err) == -EACCES);
	OK_STR(err.text, "run '/etc/passwd': Permission denied");
	OK(run("/bin/true", "/no/such/directory", &err) == -ENOENT);
	OK_STR(err.text, "run '/bin/true': enter '/no/such/directory': No such file or directory");

	char script[] = "/tmp/test_proc.XXXXXX";
	cleanup_close int fd = mkostemp(script, O_CLOEXEC);
	cleanup_free char *want = xasprintf(
		"run '%s': it is neither a program for this machine nor a script that begins with #!",
		script);
	cleanup_free char *gone = xasprintf(
		"run '%s': it is there, but the interpreter or loader that it names is not", script);
	OK(fs_write_all(fd, "text", 4) == 0 && fchmod(fd, 0755) == 0);
	close_fd(&fd);
	OK(run(script, NULL, &err) == -ENOEXEC);
	OK_STR(err.text, want);
	fd = open(script, O_WRONLY | O_TRUNC | O_CLOEXEC);
	OK(fs_write_all(fd, "#!/no/such/shell\n", 17) == 0);
	close_fd(&fd);
	OK(run(script, NULL, &err) == -ENOENT);
	OK_STR(err.text, gone);
	(void) unlink(script);

	const struct proc_fd closed[] = { { 999, 3 } }, negative[] = { { 0, -1 } };
	struct proc_spawn what = { .path = "/bin/true", .argv = LIST("true"), .fds = closed, .n_fds = 1 };
	OK(proc_run(&what, NULL, &err) == -EBADF);
	OK_STR(err.text, "run '/bin/true': pass a file descriptor: Bad file descriptor");
	what.fds = negative;
	OK(proc_run(&what, NULL, &err) == -EBADF);
	OK_STR(err.text, "run '/bin/true': there is no file descriptor -1");
	OK(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);	/* those that failed were reaped */
}

/* open_places - fd 60 a pipe's end, 61 a directory, 62 something that must not leak; none close-on-exec */
static void open_places(void)
{
	int ends[2];
	if (pipe(ends) < 0 || dup2(ends[0], 60) < 0 || dup2(open("/", O_RDONLY), 61) < 0 || dup2(0, 62) < 0 ||
	    dup2(0, 1500) < 0) {
		printf("Bail out! %m\n");
		exit(1);
	}
}

static void test_fds(void)
{
	static const struct { struct proc_fd fds[4]; size_t n; const char *told;
	} cases[] = {
		{ { { 0 } }, 0, "0:other 1:pipe 2:pipe " },
		{ { { -1, 0 } }, 1, "0:null 1:pipe 2:pipe " },
		{ { { 60, 3 }, { 61, 4 } }, 2, "0:other 1:pipe 2:pipe 3:pipe 4:dir " },
		{ { { 60, 61 }, { 61, 60 } }, 2, "0:other 1:pipe 2:pipe 60:dir 61:pipe " }, /* exchange */
		{ { { 61, 60 }, { 60, 61 } }, 2, "0:other 1:pipe 2:pipe 60:dir 61:pipe " },
		{ { { 60, 60 }, { 60, 10 }, { -1, 7 } }, 3, "0:other 1:pipe 2:pipe 7:null 10:pipe 60:pipe " },
		{ { { 60, 62 }, { 61, 60 }, { 60, 61 }, { -1, 3 } },
		  4,
		  "0:other 1:pipe 2:pipe 3:null 60:dir 61:pipe 62:pipe " },
		{ { { 61, 0 }, { 0, 9 }, { -1, 1000 } }, 3, "0:dir 1:pipe 2:pipe 9:other 1000:null " },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		cleanup_free char *told =
			tell("fds", &(struct proc_spawn){ .fds = cases[i].fds, .n_fds = cases[i].n });
		OK_STR(told, cases[i].told);
	}
}

static void no_close_range(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close_range, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = sizeof filter / sizeof *filter, .filter = filter };
	OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	   prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
	OK(syscall(SYS_close_range, 5000, 5000, 0) < 0 && errno == ENOSYS);
}

static volatile sig_atomic_t handled;
static void on_signal(int sig) { handled++; }

static void test_state(void)
{
	/* what we ignore, handle and block must not reach the program, and must be ours again afterwards */
	sigset_t set, now;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGUSR1, on_signal);
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	cleanup_free char *plain = tell("state", &(struct proc_spawn) { .cwd = "/usr" });
	OK_STR(plain, "leader 0 death 0 cwd /usr blocked 0000000000000000 ignored 0000000000000000");
	cleanup_free char *special = tell("state", &(struct proc_spawn) {
		.cwd = "/", .new_session = true, .death_signal = SIGTERM });
	OK_STR(special, "leader 1 death 15 cwd / blocked 0000000000000000 ignored 0000000000000000");

	sigprocmask(SIG_BLOCK, NULL, &now);
	OK(sigismember(&now, SIGHUP) && !sigismember(&now, SIGUSR1));
	raise(SIGUSR1);
	OK(handled == 1);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	signal(SIGPIPE, SIG_DFL);

	cleanup_free char *greeting = NULL;
	struct proc_spawn greet = { .path = "/bin/sh", .argv = LIST("sh", "-c", "echo $GREETING $0", "arg"),
				    .envp = LIST("GREETING=hello") };
	OK(proc_run(&greet, &greeting, NULL) == 0);
	OK_STR(greeting, "hello arg\n");
}

/* handlers of ours while many are started: the child must not run one in our memory */
static void test_signals_meanwhile(void)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	sigaction(SIGALRM, &action, NULL);
	timer_t timer;
	struct itimerspec fast = { { 0, 50000 }, { 0, 50000 } };
	OK(timer_create(CLOCK_MONOTONIC, NULL, &timer) == 0 && timer_settime(timer, 0, &fast, NULL) == 0);
	int bad = 0;
	for (int i = 0; i < 100; i++)
		bad += run(i % 2 ? "/bin/true" : "/no/such/program", NULL, NULL) != (i % 2 ? 0 : -ENOENT);
	OK(timer_delete(timer) == 0 && bad == 0 && handled > 1);
}

/* ---- waiting ---- */

static void test_wait(void)
{
	struct error err = { 0 };
	int pidfd = -1;
	cleanup_free char *sleep_path = proc_find("sleep", NULL);
	pid_t pid = proc_spawn(&(struct proc_spawn){ .path = sleep_path, .argv = LIST("sleep", "60") },
			       &pidfd, &err);
	OK(pid > 0 && pidfd >= 0 && fcntl(pidfd, F_GETFD) == FD_CLOEXEC);
	OK(proc_wait_timeout(pid, pidfd, 30) == -ETIMEDOUT);

	uint64_t start = 0;
	OK(proc_start_time(pid, &start) == 0 && start > 0);
	cleanup_close int other_fd = proc_open(pid, start);
	OK(other_fd >= 0);
	OK(proc_open(pid, start + 1) == -ESRCH && proc_state(pid, start + 1) == -ESRCH);
	OK(strchr("SRD", proc_state(pid, start)) != NULL);

	OK(proc_signal(other_fd, SIGKILL) == 0);
	siginfo_t info;
	OK(waitid(P_PID, (id_t) pid, &info, WEXITED | WNOWAIT) == 0);	/* dead, not reaped */
	OK(proc_state(pid, start) == 'Z' && proc_start_time(pid, &start) == 0);
	OK(proc_open(pid, start) == -ESRCH);
	OK(proc_wait_timeout(pid, pidfd, 1000) == 128 + SIGKILL);
	OK(proc_signal(pidfd, 0) == -ESRCH);
	OK(proc_start_time(pid, &start) == -ESRCH && proc_state(pid, start) == -ESRCH &&
	   proc_open(pid, start) == -ESRCH);
	OK(proc_wait(pid) == -ECHILD);
	close(pidfd);

	OK(proc_exit_code(3 << 8) == 3 && proc_exit_code(SIGTERM) == 143 &&
	   proc_exit_code(SIGSEGV | 0x80) == 139);
}

/* a name that tries to look like the rest of the line */
static void test_stat_name(void)
{
	uint64_t before = 0, after = 0;
	OK(proc_start_time(getpid(), &before) == 0);
	prctl(PR_SET_NAME, ") Z 1 2 (\n) R", 0, 0, 0);
	OK(proc_start_time(getpid(), &after) == 0 && before == after && proc_state(getpid(), after) == 'R');
	prctl(PR_SET_NAME, "test_proc", 0, 0, 0);
}

/* a parent that dies takes the program with it: its end of the pipe closes */
static void test_death_signal(void)
{
	int ends[2];
	OK(pipe2(ends, O_CLOEXEC) == 0);
	fflush(stdout);
	pid_t parent = fork();
	if (parent == 0) {
		const struct proc_fd fds[] = { { ends[1], 5 } };
		struct proc_spawn what = { .path = "/bin/sleep",
					   .argv = LIST("sleep", "60"),
					   .fds = fds,
					   .n_fds = 1,
					   .death_signal = SIGKILL };
		(void) proc_spawn(&what, NULL, NULL);
		_exit(0);
	}
	close(ends[1]);
	OK(proc_wait(parent) == 0);
	time_t began = time(NULL);
	char c;
	OK(fs_read_all(ends[0], &c, 1) == 0 && time(NULL) - began < 10);
	close(ends[0]);
}

static void test_run(void)
{
	cleanup_free char *both = NULL, *long_text = NULL, *background = NULL;
	OK(sh("echo out; echo err >&2; exit 7", &both) == 7);
	OK_STR(both, "out\nerr\n");
	OK(sh("head -c 300000 /dev/zero | tr '\\0' x; echo end >&2", &long_text) == 0);
	OK(strlen(long_text) == 65536 && strspn(long_text, "x") == 65536);
	time_t began = time(NULL);
	OK(sh("sleep 60 & echo $!", &background) == 0 && time(NULL) - began < 10);
	pid_t left = atoi(background);
	OK(left > 1 && kill(left, SIGKILL) == 0);
	char *none = NULL;
	struct error err = { 0 };
	struct proc_spawn missing = { .path = "/no/such/program", .argv = LIST("x") };
	OK(proc_run(&missing, &none, &err) == -ENOENT && !none);
	OK(sh("kill -TERM $$", &none) == 143);
	OK_STR(none, "");
	free(none);
}

/* last - what the child does just before execve: it is in the child, its failure is the start's, and so is its sentence */
static int last_fails(void *ctx, struct error *err)
{
	*(pid_t *) ctx = getpid();
	return error_say(err, EXDEV, "not today");
}

static int last_closes(void *ctx, struct error *err)
{
	(void) err;
	*(pid_t *) ctx = getpid();
	return close(1);
}

static void test_last(void)
{
	pid_t was = 0;
	struct error err = { 0 };
	struct proc_spawn what = { .path = "/bin/sh", .argv = LIST("sh", "-c", "[ ! -e /proc/self/fd/1 ]"), .last = last_fails,
				   .last_ctx = &was };
	OK(proc_spawn(&what, NULL, &err) == -EXDEV && was > 0 && was != getpid());
	OK_STR(err.text, "run '/bin/sh': not today");
	OK(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
	what.last = last_closes;
	pid_t pid = proc_spawn(&what, NULL, NULL);
	OK(pid > 0 && was == pid && proc_wait(pid) == 0 && fcntl(1, F_GETFD) >= 0);
}

static void test_find(void)
{
	cleanup_free char *sh_path = proc_find("sh", "/nowhere::/etc:/bin:/usr/bin"),
			  *slash = proc_find("./x/y", NULL);
	OK_STR(sh_path, "/bin/sh");
	OK_STR(slash, "./x/y");
	OK(!proc_find("sh", "/nowhere") && !proc_find("", NULL) && !proc_find("passwd", "/etc") &&
	   !proc_find("init.d", "/etc"));
	OK(chdir("/bin") == 0);
	cleanup_free char *here = proc_find("sh", "/nowhere:"), *empty = proc_find("sh", "");
	OK_STR(here, "./sh");
	OK_STR(empty, "./sh");
	OK(unsetenv("PATH") == 0);
	cleanup_free char *usual = proc_find("sh", NULL);
	OK(usual && str_ends(usual, "/bin/sh"));
}

/* ---- signals ---- */

static void test_names(void)
{
	const struct { const char *word; int sig;
	} cases[] = {
		{ "TERM", SIGTERM },
		{ "SIGTERM", SIGTERM },
		{ "sigterm", SIGTERM },
		{ "SigTerm", SIGTERM },
		{ "15", 15 },
		{ "CLD", SIGCHLD },
		{ "SIGPOLL", SIGIO },
		{ "IOT", SIGABRT },
		{ "UNUSED", SIGSYS },
		{ "STKFLT", SIGSTKFLT },
		{ "PWR", SIGPWR },
		{ "RTMIN", SIGRTMIN },
		{ "SIGRTMIN+3", SIGRTMIN + 3 },
		{ "rtmax", SIGRTMAX },
		{ "RTMAX-14", SIGRTMAX - 14 },
		{ "RTMIN+30", SIGRTMAX },
		{ "64", 64 },
		{ "", -EINVAL },
		{ "SIG", -EINVAL },
		{ "0", -EINVAL },
		{ "65", -EINVAL },
		{ "-1", -EINVAL },
		{ "15x", -EINVAL },
		{ "TERMX", -EINVAL },
		{ " TERM", -EINVAL },
		{ "SIGSIGTERM", -EINVAL },
		{ "RTMIN+31", -EINVAL },
		{ "RTMIN-1", -EINVAL },
		{ "RTMAX+1", -EINVAL },
		{ "RTMAX-31", -EINVAL },
		{ "RTMIN+", -EINVAL },
		{ "RTMIN3", -EINVAL },
		{ "SIG15", -EINVAL },
		{ "99999999999999999999", -EINVAL },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (!OK(signal_parse(cases[i].word) == cases[i].sig))
			printf("# '%s' is %d\n", cases[i].word, signal_parse(cases[i].word));

	int named = 0, wrong = 0;
	for (int sig = 1; sig <= SIGRTMAX; sig++) {
		const char *name = signal_name(sig);
		named += name != NULL;
		wrong += name && signal_parse(name) != sig;
	}
	OK(named == 31 + SIGRTMAX - SIGRTMIN + 1 && wrong == 0);
	OK_STR(signal_name(SIGCHLD), "CHLD");
	OK_STR(signal_name(SIGRTMIN + 15), "RTMIN+15");
	OK_STR(signal_name(SIGRTMAX - 1), "RTMAX-1");
	OK(!signal_name(0) && !signal_name(-1) && !signal_name(SIGRTMAX + 1) && !signal_name(32));
}

int main(int argc, char **argv)
{
	if (argc == 2)
		return strcmp(argv[1], "fds") == 0 ? tell_fds() : tell_state();
	struct rlimit limit = { 4096, 4096 };
	(void) setrlimit(RLIMIT_NOFILE, &limit);
	int zero_fd = open("/dev/zero", O_RDONLY); /* "other", wherever the test's own stdin comes from */
	(void) dup2(zero_fd, 0);

	test_failures();
	open_places();
	test_fds();
	test_state();
	test_signals_meanwhile();
	test_wait();
	test_stat_name();
	test_death_signal();
	test_run();
	test_last();
	test_find();
	test_names();
	OK(strlen(proc_boot_id()) == 36 && proc_boot_id() == proc_boot_id());
	no_close_range();	/* for ever, so last */
	test_fds();
	return tap_done();
}
