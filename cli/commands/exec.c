#include "../container/runtime.h"
#include "cleanup.h"
#include "fs.h"
#include "proc.h"
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

enum { LOG_FD = 3, RUNTIME_FAILED = 255 };
struct exec_options { bool interactive, tty, detach; struct strings env; char *workdir, *user; };

static const struct option_def options[] = {
	OPTION(struct exec_options, interactive, 'i', "interactive", NULL, "let it read our stdin"),
	OPTION(struct exec_options, tty, 't', "tty", NULL, "give it a terminal"),
	OPTION(struct exec_options, detach, 'd', "detach", NULL, "return once it runs"),
	OPTION(struct exec_options, env, 'e', "env", "NAME[=VALUE]", "set a variable (without a value: ours); again for more"),
	OPTION(struct exec_options, workdir, 'w', "workdir", "DIR", "start in this directory of the container"),
	OPTION(struct exec_options, user, 'u', "user", "USER[:GROUP]", "run as this user; names are those of the container"),
};

static int check(const struct container *c, const struct exec_options *o, struct error *err)
{
	if (o->detach && (o->tty || o->interactive))
		return error_say(err, EINVAL, "--detach with --%s: there is nobody to attend its terminal or input, leave one out",
				 o->tty ? "tty" : "interactive");
	if (o->workdir && *o->workdir != '/')
		return error_say(err, EINVAL, "--workdir '%s' is not absolute: it begins with / in the container", o->workdir);
	if (c->state != RECORD_RUNNING && c->state != RECORD_UNATTENDED)
		return error_say(err, ESRCH, "container %s is not running (it is %s): `carrier start %s` runs it", c->record.name,
				 record_state_name(c->state), c->record.name);
	return 0;
}

static void arguments(const struct carrier *c, const struct container *container, const struct exec_options *o, char **command,
		      struct strings *ret)
{
	runtime_arguments(c, ret);
	strings_printf(ret, "--log=/proc/self/fd/%d", LOG_FD);
	strings_add(ret, "--log-format=json");
	strings_add(ret, "exec");
	if (o->tty)
		strings_add(ret, "--tty");
	if (o->detach)
		strings_add(ret, "--detach");
	for (size_t i = 0; i < o->env.n; i++) {
		const char *word = o->env.v[i], *ours = strchr(word, '=') ? NULL : getenv(word);
		if (strchr(word, '='))
			strings_printf(ret, "--env=%s", word);
		else if (ours)
			strings_printf(ret, "--env=%s=%s", word, ours);
	}
	if (o->workdir)
		strings_printf(ret, "--cwd=%s", o->workdir);
	if (o->user)
		strings_printf(ret, "--user=%s", o->user);
	strings_add(ret, container->record.id);
	for (; *command; command++)
		strings_add(ret, *command);
}

/* attend - until the runtime ends; signals that were sent to us (not by the terminal, which reaches it itself) are passed on
 * @set: blocked */
static int attend(pid_t pid, const sigset_t *set)
{
	siginfo_t info;
	int status;
	for (;;) {
		pid_t ended = waitpid(pid, &status, WNOHANG);
		if (ended == pid)
			return proc_exit_code(status);
		if (ended < 0 && errno != EINTR)
			return -errno;
		int sig = sigwaitinfo(set, &info);
		if (sig > 0 && sig != SIGCHLD && info.si_code <= 0)
			(void) kill(pid, sig);
	}
}

/* why_failed - docker's exit codes, by what the runtime says in its log; @code when it says nothing: the program's own 255 */
static int why_failed(int log, int code, struct error *err)
{
	cleanup_free char *text = NULL;
	if (lseek(log, 0, SEEK_SET) < 0 || fs_read_fd(log, "the runtime's log", 1 << 20, &text, NULL, NULL) < 0)
		return code;
	struct strings lines cleanup_strings = { 0 };
	strings_split(&lines, text, "\n");
	if (lines.n == 0)
		return code;
	const char *last = lines.v[lines.n - 1];
	if (!strstr(last, "\"level\":\"error\"") && !strstr(last, "\"level\": \"error\""))
		return code;
	cleanup_free char *said = runtime_message(last);
	error_say(err, EIO, "%s", said ? said : last);
	if (strcasestr(last, "executable file not found") || strcasestr(last, "no such file"))
		return EXIT_NOT_FOUND;
	return strcasestr(last, "permission denied") ? EXIT_NOT_EXECUTABLE : EXIT_CARRIER;
}

static int execute(const struct carrier *c, const struct container *container, const struct exec_options *o, char **command,
		   struct error *err)
{
	struct strings argv cleanup_strings = { 0 };
	cleanup_free char *path = NULL;
	cleanup_close int log = memfd_create("runtime-log", MFD_CLOEXEC);
	if (log < 0)
		return error_set(err, errno, "make a file in memory");
	int r = runtime_path(c, &path, err);
	if (r == 0)
		r = runtime_enter(c, container, err);
	if (r < 0)
		return r;
	arguments(c, container, o, command, &argv);
	struct proc_fd fds[4] = { { log, LOG_FD } };
	size_t n = 1;
	if (!o->interactive)
		fds[n++] = (struct proc_fd) { -1, STDIN_FILENO };
	for (int fd = STDOUT_FILENO; o->detach && fd <= STDERR_FILENO; fd++)
		fds[n++] = (struct proc_fd) { -1, fd };

	sigset_t set;
	(void) sigemptyset(&set);
	static const int forwarded[] = { SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH };
	for (size_t i = 0; i < sizeof forwarded / sizeof *forwarded; i++)
		(void) sigaddset(&set, forwarded[i]);
	(void) sigprocmask(SIG_BLOCK, &set, NULL);
	pid_t pid = proc_spawn(&(struct proc_spawn) { .path = path, .argv = argv.v, .fds = fds, .n_fds = n }, NULL, err);
	if (pid < 0)
		return pid;
	int code = attend(pid, &set);
	return code == RUNTIME_FAILED || (code && o->detach) ? why_failed(log, code, err) : code;
}

static int run(void *program, void *given, char **args, int n_args)
{
	const struct exec_options *o = given;
	struct container c cleanup_container = CONTAINER_NONE;
	struct error err = { 0 };
	int r = record_find(program, args[0], false, &c, &err);
	if (r < 0)
		return carrier_fail(&err), r == -ENOENT ? 1 : EXIT_CARRIER;
	r = check(&c, o, &err);
	if (r == 0)
		r = execute(program, &c, o, args + 1, &err);
	if (r < 0)
		return carrier_fail(&err);
	/* woody and runc, when they have a log, say their failure on stderr as well; nobody sees it behind --detach */
	const char *runtime = ((struct carrier *) program)->runtime;	/* NULL: woody */
	if (err.code && (o->detach || (runtime && str_ends(runtime, "crun"))))
		carrier_fail(&err);
	return r;
}

const struct command command_exec = {
	.name = "exec", .arguments = "CONTAINER COMMAND [ARG...]", .summary = "run a further command in a running container",
	.description = "Environment, directory and user are the container's where nothing else is said.",
	.examples = "A shell in a container that runs:\n\tcarrier exec -it web sh\n\n"
		    "As another user, with a variable:\n\tcarrier exec -u www-data -e DEBUG=1 web env",
	.exit_status = "The command's own; 128 + n when signal n ended it; 127 when it was not found, 126 when it cannot be executed, "
		       "125 when carrier or the runtime failed, 1 when there is no such container.",
	OPTIONS(struct exec_options, options), .min_args = 2, .max_args = -1, .stop_after = 1, .run = run,
};
