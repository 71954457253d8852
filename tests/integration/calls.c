/* calls - system calls as no shell makes them, for the tests of seccomp; static, runs inside containers.
 *
 *	calls number N			makes system call N without arguments; prints the reason of its failure, or "ok"
 *	calls threads N PATH		mkdir PATH in N threads at once; prints each one's result
 *	calls interrupted PATH		mkdir PATH while a timer's signal comes every 50 microseconds, 2000 times; prints each
 *					different result once
 *	calls argument A B		personality(A) and umask(B) as numbers of 64 bits; prints both results
 */
#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

enum { THREADS_MAX = 64 };

static const char *result(long r) { return r < 0 ? strerror(errno) : "ok"; }

static void *make_dir(void *path) { return (void *) result(mkdir(path, 0777)); }

static int threads(int n, char *path)
{
	pthread_t t[THREADS_MAX];
	for (int i = 0; i < n && i < THREADS_MAX; i++)
		if (pthread_create(&t[i], NULL, make_dir, path) != 0)
			errx(1, "pthread_create");
	for (int i = 0; i < n && i < THREADS_MAX; i++) {
		void *said;
		pthread_join(t[i], &said);
		puts(said);
	}
	return 0;
}

static void ignore(int sig) { (void) sig; }

static int interrupted(const char *path)
{
	struct sigaction a = { .sa_handler = ignore, .sa_flags = SA_RESTART };
	struct itimerval often = { { 0, 50 }, { 0, 50 } };
	const char *said = "";
	sigaction(SIGALRM, &a, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	for (int i = 0; i < 2000; i++) {
		const char *now = result(mkdir(path, 0777));
		if (strcmp(now, said) != 0) {
			char line[128];
			int n = snprintf(line, sizeof line, "%s\n", now);
			while (write(1, line, (size_t) n) < 0 && errno == EINTR)
				;
		}
		said = now;
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	if (strcmp(what, "number") == 0 && argc == 3)
		return puts(result(syscall(strtol(argv[2], NULL, 0), 0, 0, 0, 0, 0, 0))) < 0;
	if (strcmp(what, "threads") == 0 && argc == 4)
		return threads(atoi(argv[2]), argv[3]);
	if (strcmp(what, "interrupted") == 0 && argc == 3)
		return interrupted(argv[2]);
	if (strcmp(what, "argument") == 0 && argc == 4) {
		puts(result(syscall(SYS_personality, strtoull(argv[2], NULL, 0))));
		puts(result(syscall(SYS_umask, strtoull(argv[3], NULL, 0))));
		return 0;
	}
	errx(2, "usage: see the head of calls.c");
}
