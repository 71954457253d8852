#include "../../woody/hooks.h"
#include "cleanup.h"
#include "fs.h"
#include "log.h"
#include "mem.h"
#include "str.h"
#include "tap.h"
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

/* SETUP - what a test stands on, and does not test */
#define SETUP(call) do { if ((call) < 0) { printf("Bail out! %s: %m\n", #call); _exit(1); } } while (0)

#define STATE "{\"ociVersion\":\"1.3.0\",\"id\":\"x\",\"status\":\"created\"}"

static char top[64];

/* sh - a hook that runs @script */
static struct spec_hook sh(const char *script)
{
	static char *lists[8][4];	/* in turn: no test has as many hooks at once */
	static unsigned next;
	char **args = lists[next++ % 8];
	args[0] = (char *) "sh";
	args[1] = (char *) "-c";
	args[2] = (char *) script;
	return (struct spec_hook) { .path = (char *) "/bin/sh", .args = args };
}

/* at - a path in the scratch directory; the same few buffers in turn */
static const char *at(const char *name)
{
	static char paths[4][128];
	static unsigned next;
	char *path = paths[next++ % 4];
	snprintf(path, sizeof paths[0], "%s/%s", top, name);
	return path;
}

static char *content(const char *name)
{
	char *text = NULL;
	return fs_read_file(AT_FDCWD, at(name), 1 << 20, &text, NULL, NULL) < 0 ? xstrdup("(none)") : text;
}

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* run - one hook whose stdout goes to a file, in the scratch directory. Return: what hooks_run() returns */
static int run(const char *script, char *const *env, struct error *err)
{
	struct spec_hook h = sh(script);
	return hooks_run("createRuntime", &h, 1, &(struct hook_call) { .state = STATE, .cwd = top, .env = env }, err);
}

static void test_what_it_gets(void)
{
	struct error err = { 0 };
	OK(run("exec /bin/cat >state", NULL, &err) == 0 && err.code == 0);
	cleanup_free char *state = content("state");
	OK_STR(state, STATE);

	OK(run("pwd >cwd", NULL, &err) == 0);
	cleanup_free char *cwd = content("cwd"), *expected = xasprintf("%s\n", top);
	OK_STR(cwd, expected);

	OK(run("ls /proc/self/fd >fds", NULL, &err) == 0);
	cleanup_free char *fds = content("fds");
	OK_STR(fds, "0\n1\n2\n3\n");	/* 3: ls' own */

	OK(run("sed -n 's/^Sig[BI][lg][kn]:\t//p' /proc/self/status >signals", NULL, &err) == 0);
	cleanup_free char *signals = content("signals");
	OK_STR(signals, "0000000000000000\n0000000000000000\n"); /* our SIGPIPE is ignored, its is not */
}

static void test_argv_and_env(void)
{
	struct error err = { 0 };
	char *given[] = { (char *) "A=given", (char *) "B=2", NULL }, *own[] = { (char *) "A=own", NULL };
	/* without args, argv is the path alone: the script's name is its argv[0] */
	cleanup_close int fd = open(at("script"), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
	SETUP(fd);
	(void) dprintf(
		fd, "#!/bin/sh\ntr '\\0' ' ' </proc/$$/cmdline >argv\ntr '\\0' ' ' </proc/$$/environ >env\n");
	close_fd(&fd);
	struct spec_hook h = { .path = (char *) at("script") };
	OK(hooks_run("x", &h, 1, &(struct hook_call) { .state = STATE, .cwd = top, .env = NULL }, &err) == 0);
	cleanup_free char *argv = content("argv");
	char expected[160];
	snprintf(expected, sizeof expected, "/bin/sh %s ", h.path);
	OK_STR(argv, expected);
	cleanup_free char *empty = content("env");
	OK_STR(empty, "");

	char *args[] = { (char *) "another name", (char *) "-c",
			 (char *) "tr '\\0' '|' </proc/$$/cmdline >argv; :", NULL };
	h = (struct spec_hook) { .path = (char *) "/bin/sh", .args = args };
	OK(hooks_run("x", &h, 1, &(struct hook_call) { .state = STATE, .cwd = top, .env = NULL }, &err) == 0);
	cleanup_free char *argv0 = content("argv");
	OK(str_starts(argv0, "another name|-c|"));

	OK(run("tr '\\0' ' ' </proc/$$/environ >env", given, &err) == 0);
	cleanup_free char *default_env = content("env");
	OK_STR(default_env, "A=given B=2 ");

	h = sh("tr '\\0' ' ' </proc/$$/environ >env");
	h.env = own;
	OK(hooks_run("x", &h, 1, &(struct hook_call) { .state = STATE, .cwd = top, .env = given }, &err) == 0);
	cleanup_free char *own_env = content("env");
	OK_STR(own_env, "A=own ");
}

static void test_failures(void)
{
	struct error err = { 0 };
	OK(run("echo words; echo reason >&2; exit 3", NULL, &err) == -ECANCELED);
	OK_STR(err.text, "error running createRuntime hook #0: exit status 3, stdout: words, stderr: reason");
	OK(run("exit 1", NULL, &err) < 0);
	OK_STR(err.text, "error running createRuntime hook #0: exit status 1, stdout: , stderr: ");
	OK(run("kill -SYS $$", NULL, &err) < 0);
	OK_STR(err.text, "error running createRuntime hook #0: signal: bad system call, stdout: , stderr: ");
	OK(run("printf 'two\\nlines\\t\\033[31m\\n'; exit 1", NULL, &err) < 0);
	OK_STR(err.text,
	       "error running createRuntime hook #0: exit status 1, stdout: two lines  [31m, stderr: ");

	struct spec_hook h = { .path = (char *) "/nowhere/hook" };
	OK(hooks_run("prestart", &h, 1, &(struct hook_call) { .state = STATE, .cwd = NULL, .env = NULL }, &err) == -ENOENT);
	OK_STR(err.text, "error running prestart hook #0: run '/nowhere/hook': No such file or directory");
	h = sh("exit 0");
	OK(hooks_run("prestart", &h, 1, &(struct hook_call) { .state = STATE, .cwd = "/nowhere", .env = NULL }, &err) == -ENOENT);
	OK_STR(err.text,
	       "error running prestart hook #0: run '/bin/sh': enter '/nowhere': No such file or directory");
	OK(hooks_run("prestart", &h, 0, &(struct hook_call) { .state = STATE, .cwd = NULL, .env = NULL }, &err) == 0);
}

static void test_order(void)
{
	struct error err = { 0 };
	const struct spec_hook hooks[] = { sh("echo 0 >>order"), sh("echo 1 >>order"),
					   sh("echo 2 >>order; exit 9"), sh("echo 3 >>order") };
	OK(hooks_run("poststart", hooks, 4, &(struct hook_call) { .state = STATE, .cwd = top, .env = NULL }, &err) < 0);
	OK(str_starts(err.text, "error running poststart hook #2: exit status 9"));
	cleanup_free char *until_failure = content("order");
	OK_STR(until_failure, "0\n1\n2\n");

	/* all of them, and the failure is a warning */
	cleanup_close int log = open(at("log"), O_WRONLY | O_CREAT | O_CLOEXEC | O_APPEND, 0600);
	SETUP(log);
	log_open(log, LOG_FORMAT_TEXT, LOG_LEVEL_WARN, "test");
	(void) unlink(at("order"));
	hooks_run_all("poststop", hooks, 4, &(struct hook_call) { .state = STATE, .cwd = top });
	log_open(STDERR_FILENO, LOG_FORMAT_TEXT, LOG_LEVEL_WARN, "test");
	cleanup_free char *all = content("order");
	OK_STR(all, "0\n1\n2\n3\n");
	cleanup_free char *warning = content("log");
	OK(strstr(warning, "level=warning") &&
	   strstr(warning, "error running poststop hook #2: exit status 9"));
}

static void test_stdin_and_output(void)
{
	struct error err = { 0 };
	enum { BIG = 1 << 20 };
	cleanup_free char *state = malloc(BIG + 1);
	memset(state, 'x', BIG);
	state[BIG] = 0;
	struct spec_hook h = sh("sleep 0.1; wc -c >size");
	OK(hooks_run("x", &h, 1, &(struct hook_call) { .state = state, .cwd = top, .env = NULL }, &err) == 0);
	cleanup_free char *size = content("size");
	OK_STR(size, "1048576\n");
	/* closes stdin, or ends without a look at it: neither a failure nor a SIGPIPE */
	h = sh("exec <&-; sleep 0.1");
	OK(hooks_run("x", &h, 1, &(struct hook_call) { .state = state, .cwd = top, .env = NULL }, &err) == 0);
	h = sh(":");
	OK(hooks_run("x", &h, 1, &(struct hook_call) { .state = state, .cwd = top, .env = NULL }, &err) == 0);
	/* both directions at once, more than pipes hold */
	h = sh("cat; cat </dev/null; head -c 300000 /dev/zero | tr '\\0' y >&2");
	OK(hooks_run("x", &h, 1, &(struct hook_call) { .state = state, .cwd = top, .env = NULL }, &err) == 0);

	/* of much output the end is shown, from a whole character on */
	OK(run("i=0; while [ $i -lt 300 ]; do printf '\303\244'; i=$((i+1)); done; echo end.; exit 1", NULL,
	       &err) < 0);
	OK(str_ends(err.text, "end., stderr: ") && strstr(err.text, "stdout: \303\244"));
	OK(strlen(err.text) < 520);
	OK(run("head -c 200000 /dev/zero | tr '\\0' a; head -c 200000 /dev/zero | tr '\\0' b >&2; exit 1",
	       NULL, &err) < 0);
	OK(strlen(err.text) > 850 && strlen(err.text) < sizeof err.text - 1 &&
	   str_ends(err.text, "bbbbbbbb"));

	/* what is still in the pipe when the hook has ended */
	int complete = 0;
	for (int i = 0; i < 20; i++)
		complete += run("printf '%060000d' 0 >&2; printf last >&2; exit 1", NULL, &err) < 0 &&
			    str_ends(err.text, "0last");
	OK(complete == 20);
}

static void test_timeout(void)
{
	struct error err = { 0 };
	int32_t second = 1, minute = 60, long_time = INT32_MAX;
	struct spec_hook h =
		sh("trap '' TERM INT HUP; echo $$ >pid; echo here; while :; do sleep 0.05; done");
	h.timeout = &second;
	int64_t start = now_ms();
	OK(hooks_run("createRuntime", &h, 1, &(struct hook_call) { .state = STATE, .cwd = top, .env = NULL }, &err) == -ETIMEDOUT);
	int64_t took = now_ms() - start;
	OK(took >= 1000 && took < 3000);
	OK_STR(err.text, "error running createRuntime hook #0: timed out after 1s, stdout: here, stderr: ");
	cleanup_free char *pid = content("pid");
	OK(atoi(pid) > 0 && kill(atoi(pid), 0) < 0 && errno == ESRCH);	/* killed, and reaped */

	/* one that never stops writing, too */
	h = sh("exec cat /dev/zero");
	h.timeout = &second;
	start = now_ms();
	OK(hooks_run("createRuntime", &h, 1, &(struct hook_call) { .state = STATE, .cwd = top, .env = NULL }, &err) == -ETIMEDOUT &&
	   now_ms() - start < 3000);

	h = sh("sleep 0.1");
	h.timeout = &minute;
	OK(hooks_run("x", &h, 1, &(struct hook_call) { .state = STATE, .cwd = top, .env = NULL }, &err) == 0);
	h.timeout = &long_time;
	OK(hooks_run("x", &h, 1, &(struct hook_call) { .state = STATE, .cwd = top, .env = NULL }, &err) == 0);
}

/* what stays in the background holds the pipes, one even writes into them without end */
static void test_background(void)
{
	struct error err = { 0 };
	int64_t start = now_ms();
	OK(run("sleep 30 & echo $! >pid", NULL, &err) == 0);
	cleanup_free char *sleeper = content("pid");
	OK(now_ms() - start < 5000);
	OK(kill(atoi(sleeper), SIGKILL) == 0);	/* it was left alone */

	start = now_ms();
	OK(run("(while echo x; do :; done) & echo $! >pid; echo said >&2; exit 4", NULL, &err) < 0);
	cleanup_free char *writer = content("pid");
	OK(now_ms() - start < 5000);
	OK(strstr(err.text, "exit status 4") && str_ends(err.text, "stderr: said"));
	(void) kill(atoi(writer), SIGKILL);
}

/* as inside a container: another /, and no /proc in it */
static int in_bare_root(void)
{
	static const char *const dirs[] = { "bin", "lib", "lib64", "usr" };
	struct error err = { 0 };
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return 2;
	for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++) {
		char source[16];
		snprintf(source, sizeof source, "/%s", dirs[i]);
		if (access(source, F_OK) < 0)
			continue;	/* no /lib64 on some machines */
		if (mkdir(at(dirs[i]), 0700) < 0 ||
		    mount(source, at(dirs[i]), NULL, MS_BIND | MS_REC, NULL) < 0)
			return 3;
	}
	if (chroot(top) < 0 || chdir("/") < 0 || access("/proc/self", F_OK) == 0)
		return 4;
	struct spec_hook h = sh("cat; exit 5");
	if (hooks_run("startContainer", &h, 1, &(struct hook_call) { .state = STATE, .cwd = NULL, .env = NULL }, &err) != -ECANCELED)
		return 5;
	return strcmp(err.text,
		      "error running startContainer hook #0: exit status 5, stdout: " STATE ", stderr: ") == 0
		       ? 0
		       : 6;
}

static void test_without_proc(void)
{
	if (geteuid() != 0) {
		printf("ok %d # SKIP mount(2) and chroot(2) need root: id -u says %u\n", ++tap_count,
		       geteuid());
		return;
	}
	fflush(stdout);
	pid_t pid = fork();
	SETUP(pid);
	if (pid == 0)
		_exit(in_bare_root());
	int status = -1;
	SETUP(waitpid(pid, &status, 0));
	OK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void)
{
	(void) signal(SIGPIPE, SIG_IGN);	/* as main() and init do */
	snprintf(top, sizeof top, "/tmp/test_hooks.XXXXXX");
	SETUP(mkdtemp(top) ? 0 : -1);
	test_what_it_gets();
	test_argv_and_env();
	test_failures();
	test_order();
	test_stdin_and_output();
	test_timeout();
	test_background();
	test_without_proc();
	OK(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);	/* every hook was reaped */
	OK(fs_remove_tree(AT_FDCWD, top, NULL) == 0);
	return tap_done();
}
