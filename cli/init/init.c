/* carrier-init - the first process of a container with --init: `carrier-init -- PROGRAM [ARG...]`.
 *
 * A kernel's first process of a pid namespace hears no signal that it has no handler for, and every orphan becomes its child. Programs that
 * were not written for that neither end on TERM nor reap. So this is the first process, and the program its child: signals that it is sent
 * are passed on, whatever ends is reaped, and when the program ends it ends with its exit code, 128 + n for signal n. With a terminal, the
 * program is its foreground process group, as a shell would have it.
 *
 * Static, and without anything of carrier's, because it runs in containers of every C library.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static _Noreturn void execute(char **argv, const sigset_t *mask)
{
	(void) setpgid(0, 0);
	if (isatty(STDIN_FILENO)) {
		(void) signal(SIGTTOU, SIG_IGN);
		(void) tcsetpgrp(STDIN_FILENO, getpid());
		(void) signal(SIGTTOU, SIG_DFL);
	}
	/* sockets that were passed are the program's, which knows them by its own pid: sd_listen_fds(3) */
	char pid[16];
	(void) snprintf(pid, sizeof pid, "%d", (int) getpid());
	if (getenv("LISTEN_PID"))
		(void) setenv("LISTEN_PID", pid, 1);
	(void) sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(argv[0], argv);
	int code = errno == ENOENT ? 127 : 126;
	fprintf(stderr, "carrier-init: execute '%s': %s\n", argv[0], strerror(errno));
	_exit(code);
}

/* reap - every child that has ended. Return: the program's exit code, or -1 while it runs */
static int reap(pid_t program)
{
	int status, code = -1;
	for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
		if (pid == program)
			code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	return code;
}

int main(int argc, char **argv)
{
	sigset_t all, was;
	int first = argc > 1 && strcmp(argv[1], "--") == 0 ? 2 : 1;
	if (argc <= first) {
		fprintf(stderr, "usage: carrier-init -- PROGRAM [ARG...]\n");
		return 125;
	}
	(void) sigfillset(&all);
	static const int own[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS, SIGTTIN, SIGTTOU };
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		(void) sigdelset(&all, own[i]);
	(void) sigprocmask(SIG_BLOCK, &all, &was);
	(void) prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);	/* where the pid namespace is shared (--pid) */
	pid_t program = fork();
	if (program < 0) {
		fprintf(stderr, "carrier-init: make a process: %s\n", strerror(errno));
		return 125;
	}
	if (program == 0)
		execute(argv + first, &was);
	for (;;) {
		siginfo_t info;
		int sig = sigwaitinfo(&all, &info);
		if (sig == SIGCHLD) {
			int code = reap(program);
			if (code >= 0)
				return code;
		} else if (sig > 0) {
			(void) kill(program, sig);
		}
	}
}
