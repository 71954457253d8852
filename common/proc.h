/* proc.h - processes: started without a shell, held by pidfd, never mistaken for another. */
#pragma once
#include "error.h"
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* struct proc_fd - fd @from of ours becomes fd @to of the child; @from -1 is /dev/null. The child gets 0-2
 * (ours, unless listed) and what is listed here, close-on-exec cleared; everything else is closed. Sources
 * may be the targets of other entries (an exchange works); each target is listed once. */
struct proc_fd { int from, to; };

struct proc_spawn {
	const char *path;		/* executed as it is; no search in PATH (see proc_find) */
	char *const *argv;		/* NULL-terminated, argv[0] included */
	char *const *envp;		/* NULL: the caller's environment */
	const struct proc_fd *fds;	/* n_fds of them */
	size_t n_fds;
	bool new_session;		/* setsid() */
	int death_signal;		/* PR_SET_PDEATHSIG (sent when the calling thread ends), 0: none */
	const char *cwd;		/* NULL: the caller's; entered before @path is looked up */
	/* the last thing before execve(2), in the child, which shares the caller's memory: no heap, no locks. @err stays
	 * the caller's to be read. Non-zero: the start fails. NULL: nothing */
	int (*last)(void *ctx, struct error *err);
	void *last_ctx;
};

/* proc_spawn - start a program; returns once execve(2) has succeeded or failed
 * @ret_pidfd: NULL, or receives a pidfd the caller closes
 * Return: the pid (> 0), or a negative errno with the program's name in @err (-ENOENT when it is not there).
 * The child starts with default signal dispositions and an empty mask. The caller must reap it.
 */
pid_t proc_spawn(const struct proc_spawn *what, int *ret_pidfd, struct error *err);

/* proc_wait - reap the child @pid. Return: its exit code, 128 + n when signal n ended it, or -errno */
int proc_wait(pid_t pid);
/* proc_wait_timeout - the same within @timeout_ms (negative: no limit); -ETIMEDOUT leaves it running. @pidfd
 * is of @pid. */
int proc_wait_timeout(pid_t pid, int pidfd, int timeout_ms);
/* proc_exit_code - of a wait status: the exit code, or 128 + n for signal n */
int proc_exit_code(int wait_status);

/* proc_run - start, wait; @output (NULL: they stay ours) receives stdout and stderr together, the first 64
 * KiB. Caller frees. What the program leaves running in the background is not waited for.
 * Return: the exit code, or a negative errno when it could not be started (@output is untouched then). */
int proc_run(const struct proc_spawn *what, char **output, struct error *err);

/* proc_find - where @name is: itself when it has a slash, else the first executable file in PATH (@path_list:
 * NULL for the caller's PATH, and the usual directories when there is none). Return: a path the caller frees,
 * or NULL. */
char *proc_find(const char *name, const char *path_list);

/* A process that is not our child is named by its pid and its start time (field 22 of /proc/PID/stat, clock
 * ticks since boot), so that a recycled pid is never taken for it. */

/* proc_start_time - -ESRCH when there is no such process; a zombie still has one */
int proc_start_time(pid_t pid, uint64_t *ret);
/* proc_open - a pidfd of the process that is @pid since @start_time; -ESRCH when that one is gone (zombies
 * count as gone) */
int proc_open(pid_t pid, uint64_t start_time);
/* proc_state - the letter of /proc/PID/stat ('R', 'S', 'Z' ...), or -errno; -ESRCH when pid is another
 * process */
int proc_state(pid_t pid, uint64_t start_time);
/* proc_signal - pidfd_send_signal(2); -errno */
int proc_signal(int pidfd, int sig);

/* now_ms - CLOCK_MONOTONIC in milliseconds */
int64_t now_ms(void);
/* sooner_ms - of two such times; 0 is never */
static inline int64_t sooner_ms(int64_t a, int64_t b) { return a == 0 || (b != 0 && b < a) ? b : a; }

/* proc_has_capabilities - are all of @mask (1U << CAP_..., the first 32) in our effective set? */
bool proc_has_capabilities(uint32_t mask);

/* proc_boot_id - the kernel's boot id (36 characters), "" without /proc; the same buffer at every call */
const char *proc_boot_id(void);

/* signal_parse - "TERM", "SIGTERM", "sigterm", "15", "RTMIN+3", "SIGRTMAX-1", also CLD, POLL, IOT, UNUSED:
 * the number. -EINVAL; also for 0, which is no signal. */
int signal_parse(const char *word);
/* signal_name - "TERM", "RTMIN+3"; NULL for what is none or has no name (the C library's own 32 and 33) */
const char *signal_name(int sig);
