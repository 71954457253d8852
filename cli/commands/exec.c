#include "../container/capabilities.h"
#include "../container/envfile.h"
#include "../container/detach_keys.h"
#include "../container/event.h"
#include "../container/exec_terminal.h"
#include "../container/runtime.h"
#include "cleanup.h"
#include "fs.h"
#include "proc.h"
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { LOG_FD = 3, RUNTIME_FAILED = 255 };
struct exec_options { bool interactive, tty, detach, privileged, latest; struct strings env, env_files; char *workdir, *user, *detach_keys; };

#define EXEC_OPTION_ROWS \
	OPTION(struct exec_options, detach, 'd', "detach", NULL, "return once it runs"), \
	TERMINAL_OPTION_ROWS
#define TERMINAL_OPTION_ROWS \
	OPTION(struct exec_options, detach_keys, 0, "detach-keys", "KEYS", \
	       "what leaves its terminal, while it runs on, such as ctrl-p,ctrl-q (default: nothing)"), \
	OPTION(struct exec_options, env, 'e', "env", "NAME[=VALUE]", "set a variable (without a value: ours); again for more"), \
	OPTION(struct exec_options, env_files, 0, "env-file", "FILE", "set the variables that are in this file, one a line; again for more"), \
	OPTION(struct exec_options, privileged, 0, "privileged", NULL, "with all capabilities that the container's user namespace has"), \
	OPTION(struct exec_options, user, 'u', "user", "USER[:GROUP]", "run as this user; names are those of the container"), \
	OPTION(struct exec_options, workdir, 'w', "workdir", "DIR", "start in this directory of the container")

static const struct option_def options[] = {
	OPTION(struct exec_options, interactive, 'i', "interactive", NULL, "let it read our stdin"),
	OPTION(struct exec_options, latest, 'l', "latest", NULL, "in the container that was made last; its name is left out then"),
	OPTION(struct exec_options, tty, 't', "tty", NULL, "give it a terminal"),
	EXEC_OPTION_ROWS,
};

static int check(const struct container *c, const struct exec_options *o, struct error *err)
{
	if (o->detach && (o->tty || o->interactive))
		return error_say(err, EINVAL, "--detach with --%s: there is nobody to attend its terminal or input, leave one out",
				 o->tty ? "tty" : "interactive");
	struct detach_keys keys;
	if (o->detach_keys && detach_keys_parse(o->detach_keys, &keys, err) < 0)
		return -EINVAL;
	if (o->workdir && *o->workdir != '/')
		return error_say(err, EINVAL, "--workdir '%s' is not absolute: it begins with / in the container", o->workdir);
	if (c->paused)
		return error_say(err, EBUSY, "container %s is paused: `carrier unpause %s` lets it go on", c->record.name, c->record.name);
	if (!record_runs(c))
		return error_say(err, ESRCH, "container %s is not running (it is %s): `carrier start %s` runs it", c->record.name,
				 record_state_word(c), c->record.name);
	return 0;
}

/* add_env - the files first: what is given by itself counts more */
static int add_env(const struct exec_options *o, struct strings *ret, struct error *err)
{
	struct strings words cleanup_strings = { 0 };
	int r = 0;
	for (size_t i = 0; r == 0 && i < o->env_files.n; i++)
		r = envfile_read("--env-file", o->env_files.v[i], &words, err);
	for (size_t i = 0; i < o->env.n; i++)
		strings_add(&words, o->env.v[i]);
	for (size_t i = 0; i < words.n; i++) {
		const char *word = words.v[i], *ours = strchr(word, '=') ? NULL : getenv(word);
		if (strchr(word, '='))
			strings_printf(ret, "--env=%s", word);
		else if (ours)
			strings_printf(ret, "--env=%s=%s", word, ours);
	}
	return r;
}

static int add_capabilities(struct strings *ret, struct error *err)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct strings add cleanup_strings = { 0 };
	const struct strings none = { 0 };
	char **names;
	strings_add(&add, "ALL");
	int r = capabilities_choose(&add, &none, &pool, &names, err);
	for (char **name = r < 0 ? NULL : capabilities_available(names, true, &pool); name && *name; name++)
		strings_printf(ret, "--cap=%s", *name);
	return r;
}

static int arguments(const struct carrier *c, const char *path, const struct container *container, const struct exec_options *o, char *const *command,
		     const struct exec_terminal *terminal, struct strings *ret, struct error *err)
{
	runtime_arguments(c, path, ret);
	strings_printf(ret, "--log=/proc/self/fd/%d", LOG_FD);
	strings_add(ret, "--log-format=json");
	strings_add(ret, "exec");
	if (o->tty)
		strings_add(ret, "--tty");
	if (o->detach)
		strings_add(ret, "--detach");
	if (terminal->socket)
		exec_terminal_arguments(terminal, ret);
	int r = add_env(o, ret, err);
	if (r == 0 && o->privileged)
		r = add_capabilities(ret, err);
	if (o->workdir)
		strings_printf(ret, "--cwd=%s", o->workdir);
	if (o->user)
		strings_printf(ret, "--user=%s", o->user);
	strings_add(ret, container->record.id);
	for (; *command; command++)
		strings_add(ret, *command);
	return r;
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

static int execute(const struct carrier *c, const struct container *container, const struct exec_options *o, char *const *command,
		   struct error *err)
{
	struct strings argv cleanup_strings = { 0 };
	cleanup_free char *path = NULL;
	cleanup_close int log = memfd_create("runtime-log", MFD_CLOEXEC);
	if (log < 0)
		return error_set(err, errno, "make a file in memory");
	const struct carrier own = runtime_of(c, &container->record, NULL);
	/* keys are for people: where there is no terminal nobody types them */
	struct exec_terminal terminal cleanup_exec_terminal = EXEC_TERMINAL_NONE;
	bool keys = !str_empty(o->detach_keys) && o->tty && isatty(STDIN_FILENO);
	int r = runtime_path(&own, &path, err);
	if (r == 0)
		r = runtime_enter(&own, container, err);
	if (r == 0 && keys)
		r = exec_terminal_open(container, &terminal, err);
	if (r == 0)
		r = arguments(&own, path, container, o, command, &terminal, &argv, err);
	if (r < 0)
		return r;
	struct proc_fd fds[4] = { { log, LOG_FD } };
	size_t n = 1;
	if (!o->interactive || keys)
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
	if (keys && code == 0)
		return exec_terminal_attend(&terminal, o->detach_keys, err);
	return code == RUNTIME_FAILED || (code && (o->detach || keys)) ? why_failed(log, code, err) : code;
}

/* ---- events ---- */

struct told { char id[65]; };	/* docker's: each has an id of its own, and the command line is behind the action */

static void tell(const struct carrier *c, const struct container *container, struct told *t, const char *action, char *const *command, int code)
{
	char number[16];
	unsigned char random[32];
	if (!t->id[0] && getrandom(random, sizeof random, 0) == sizeof random)
		str_hex(random, sizeof random, t->id);
	cleanup_free char *whole = xstrdup(action);
	for (; command && *command; command++) {
		char *longer = xasprintf("%s%s%s", whole, strchr(whole, ':') ? " " : ": ", *command);
		free(whole);
		whole = longer;
	}
	snprintf(number, sizeof number, "%d", code);
	event_container(c, container, whole, "execID", t->id, "exitCode", code >= 0 ? number : NULL, NULL);
}

/* ---- the commands ---- */

static int execute_in(const struct carrier *c, struct container *container, const struct exec_options *o, char *const *command)
{
	struct error err = { 0 };
	struct told told = { .id = "" };
	int r = check(container, o, &err);
	if (r < 0)
		return carrier_fail(&err);
	tell(c, container, &told, "exec_create", command, -1);
	tell(c, container, &told, "exec_start", command, -1);
	const struct carrier own = runtime_of(c, &container->record, NULL);
	r = execute(&own, container, o, command, &err);
	if (!o->detach || r != 0)
		tell(c, container, &told, "exec_die", NULL, r < 0 ? EXIT_CARRIER : r);
	if (r < 0)
		return carrier_fail(&err);
	/* woody and runc, when they have a log, say their failure on stderr as well; nobody sees it behind --detach */
	if (err.code && (o->detach || (c->runtime && str_ends(c->runtime, "crun"))))	/* runtime NULL: woody */
		carrier_fail(&err);
	return r;
}

static int find(const struct carrier *c, const char *name, bool latest, struct container *ret)
{
	struct error err = { 0 };
	int r = record_find(c, name, latest, ret, &err);
	if (r < 0)
		return carrier_fail(&err), r == -ENOENT ? 1 : EXIT_CARRIER;
	return 0;
}

static int run(void *program, void *given, char **args, int n_args)
{
	const struct exec_options *o = given;
	struct container c cleanup_container = CONTAINER_NONE;
	if (n_args + o->latest < 2) {
		struct error err = { 0 };
		(void) error_say(&err, EINVAL, "exec: a container and a command are needed; see `carrier exec --help`");
		return carrier_fail(&err);
	}
	int r = find(program, o->latest ? "" : args[0], o->latest, &c);
	return r ? r : execute_in(program, &c, o, args + !o->latest);
}

const struct command command_exec = {
	.name = "exec", .arguments = "CONTAINER COMMAND [ARG...]", .summary = "run a further command in a running container",
	.description = "Environment, directory and user are the container's where nothing else is said.",
	.examples = "A shell in a container that runs:\n\tcarrier exec -it web sh\n\n"
		    "As another user, with a variable:\n\tcarrier exec -u www-data -e DEBUG=1 web env",
	.exit_status = "The command's own; 128 + n when signal n ended it; 127 when it was not found, 126 when it cannot be executed, "
		       "125 when carrier or the runtime failed, 1 when there is no such container.",
	OPTIONS(struct exec_options, options), .max_args = -1, .stop_after = 1, .run = run,
};

/* ---- a shell ---- */

/* has_program - in the container, as it sees it */
static bool has_program(const struct container *c, const char *path)
{
	struct stat st;
	cleanup_free char *root = xasprintf("/proc/%lld/root", (long long) c->status.pid);
	cleanup_close int root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	cleanup_close int fd = root_fd < 0 ? -1 : fs_open_beneath(root_fd, path, O_PATH, 0, NULL);
	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0111);
}

/* shell_of - the image's own $SHELL, bash, or sh */
static const char *shell_of(const struct container *c)
{
	const char *own = env_get(c->record.env, "SHELL");
	if (!str_empty(own) && has_program(c, own))
		return own;
	return has_program(c, "/bin/bash") ? "/bin/bash" : "/bin/sh";
}

static int run_in_shell(struct carrier *c, struct exec_options *o, char **args)
{
	struct container container cleanup_container = CONTAINER_NONE;
	int r = find(c, args[0], false, &container);
	if (r)
		return r;
	char *shell[] = { (char *) shell_of(&container), NULL };
	return execute_in(c, &container, o, args[1] ? args + 1 : shell);
}

static const struct option_def shell_options[] = { EXEC_OPTION_ROWS };

static int run_shell(void *program, void *given, char **args, int n_args)
{
	struct exec_options *o = given;
	o->interactive = !o->detach;
	o->tty = !o->detach && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	return run_in_shell(program, o, args);
}

static int run_terminal(void *program, void *given, char **args, int n_args)
{
	struct exec_options *o = given;
	o->interactive = o->tty = true;
	return run_in_shell(program, o, args);
}

const struct command command_shell = {
	.name = "sh|shell|execute|hook", .arguments = "CONTAINER [COMMAND [ARG...]]",
	.summary = "run a shell, or another command, in a running container",
	.description = "The shell is what SHELL says in the container's environment, else /bin/bash, else /bin/sh. It reads our stdin, "
		       "and has a terminal where we have one.",
	.examples = "Look around:\n\tcarrier sh web\n\nA script of ours, in the container:\n\tcarrier sh web <script.sh",
	.exit_status = "As of `carrier exec`.",
	OPTIONS(struct exec_options, shell_options), .min_args = 1, .max_args = -1, .stop_after = 1, .run = run_shell,
};

static const struct option_def terminal_options[] = { TERMINAL_OPTION_ROWS };

const struct command command_terminal = {
	.name = "terminal|term|t", .arguments = "CONTAINER [COMMAND [ARG...]]",
	.summary = "run a shell, or another command, at a terminal in a running container",
	.description = "As `carrier sh`, but it always has a terminal, also where we have none: then what it prints there comes through a pipe.",
	.examples = "A program that wants a terminal, from a script:\n\tcarrier term web top -b -n 1 | head",
	.exit_status = "As of `carrier exec`.",
	OPTIONS(struct exec_options, terminal_options), .min_args = 1, .max_args = -1, .stop_after = 1, .run = run_terminal,
};
