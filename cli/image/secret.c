#include "secret.h"
#include "cleanup.h"
#include "fs.h"
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>

/* read_line - one line, or nothing when @signal_fd says that we are to stop. Return: its length, or a negative errno */
static ssize_t read_line(int tty, int signal_fd, char *line, size_t size)
{
	for (size_t n = 0;;) {
		struct pollfd p[] = { { .fd = tty, .events = POLLIN }, { .fd = signal_fd, .events = POLLIN } };
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return -errno;
		if (p[1].revents)
			return -EINTR;
		if (!p[0].revents)
			continue;
		ssize_t got = read(tty, line + n, size - n);
		if (got < 0 && errno != EINTR)
			return -errno;
		if (got == 0 && n == 0)
			return -ENODATA;
		n += got > 0 ? (size_t) got : 0;
		if (got == 0 || (n && line[n - 1] == '\n'))
			return (ssize_t) (line[n - 1] == '\n' ? n - 1 : n);
		if (n == size)
			return -EMSGSIZE;
	}
}

static int ask(const char *prompt, bool echo, struct pool *pool, char **ret, struct error *err)
{
	struct termios was, quiet;
	sigset_t set, before;
	char line[4096];
	if (tcgetattr(STDIN_FILENO, &was) < 0)
		return error_say(err, ENOTTY, "there is no terminal to ask for it; give --username and --password-stdin");
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGTSTP);	/* a shell must not be left without echo */
	sigprocmask(SIG_BLOCK, &set, &before);
	cleanup_close int signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
	quiet = was;
	quiet.c_lflag &= echo ? ~0U : ~(tcflag_t) ECHO;
	quiet.c_lflag |= echo ? 0 : ECHONL;
	(void) tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);	/* before the question: it drops what was typed before */
	fputs(prompt, stderr);
	fflush(stderr);
	ssize_t n = read_line(STDIN_FILENO, signal_fd, line, sizeof line);
	(void) tcsetattr(STDIN_FILENO, TCSAFLUSH, &was);
	struct signalfd_siginfo info;
	if (n == -EINTR)
		(void) !read(signal_fd, &info, sizeof info);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (n == -EINTR)
		return error_say(err, EINTR, "interrupted");
	if (n < 0)
		return n == -ENODATA ? error_say(err, ENODATA, "no answer") : error_set(err, (int) -n, "read the answer");
	*ret = pool_strndup(pool, line, (size_t) n);
	explicit_bzero(line, sizeof line);
	return 0;
}

int secret_ask(const char *prompt, struct pool *pool, char **ret, struct error *err) { return ask(prompt, false, pool, ret, err); }
int secret_line(const char *prompt, struct pool *pool, char **ret, struct error *err) { return ask(prompt, true, pool, ret, err); }

int secret_read(struct pool *pool, char **ret, struct error *err)
{
	cleanup_free char *text = NULL;
	size_t len;
	int r = fs_read_fd(STDIN_FILENO, "the password on standard input", SECRET_MAX, &text, &len, err);
	if (r < 0)
		return r;
	if (len && text[len - 1] == '\n')
		len--;
	if (len && text[len - 1] == '\r')
		len--;
	if (memchr(text, 0, len) || len == 0)
		return error_say(err, EINVAL, "the password on standard input %s", len ? "holds a NUL byte" : "is empty");
	*ret = pool_strndup(pool, text, len);
	return 0;
}
