/* peak.c - runs a command and prints the peak resident memory of its largest process, in KiB. In C and static, because a child's
 * figure begins with that of the process it was forked from. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	pid_t pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);
		for (int fd = 0; fd < 3; fd++)
			dup2(null, fd);
		execvp(argv[1], argv + 1);
		_exit(127);
	}
	int status;
	struct rusage use;
	if (pid < 0 || wait4(pid, &status, 0, &use) < 0 || getrusage(RUSAGE_CHILDREN, &use) < 0)
		return 1;
	printf("%ld\n", use.ru_maxrss);
	return status != 0;
}
