/* explain.h - `--explain`: which calls the seccomp profile denies, and by which of its rules.
 *
 * Theory of operation. Where the filter would answer with an errno it notifies instead (seccomp_filter_explain()), and a
 * process of ours, the sender of seccomp_notify.h, has the listener. It puts the call's number, architecture and arguments,
 * which the notification carries, to the profile's own filter, in an interpreter: so the answer is exactly the one the
 * kernel would have given, whatever the order and the conditions of the rules. Which rule it was is found separately, for
 * the report only: the first whose names, conditions and action fit. Nothing is ever let through that the
 * filter denies, so it does not matter that strings are read from memory which the program may change meanwhile.
 *
 * One thing is different: a signal whose handler is without SA_RESTART, and which comes in the microseconds before the call
 * is taken from the kernel, makes it fail with EINTR. From then on the wait is killable only (Linux 5.19).
 *
 * Calls that are allowed, logged, traced, trapped or killed never come here. For the last two explain_end() says afterwards
 * what could have been the cause.
 */
#pragma once
#include "runtime_spec.h"
#include "seccomp.h"
#include <linux/seccomp.h>
#include <stdbool.h>

struct explain {
	const struct spec_seccomp *profile;
	const struct seccomp_filter *filter;	/* after seccomp_filter_explain() */
	bool raw;				/* stderr may be a terminal that we have put into raw mode */
};

/* what the help of the commands that have --explain says about it */
#define EXPLAIN_HELP \
	"With --explain, each system call that the seccomp profile answers with an errno is told on stderr: its arguments, the " \
	"errno, and the rule; the same call again is only counted. They fail as before, but take longer, and a signal may " \
	"interrupt them. " \
	"woody itself answers them until the program ends; if woody is killed, or processes stay behind, they fail " \
	"with ENOSYS (\"Function not implemented\"). Calls for which the profile kills or traps are told from the program's end."

/* explain_check - --explain needs somebody who stays */
int explain_check(bool explain, bool detach, struct error *err);

/* explain_serve - for seccomp_notify's @serve: answer and report on stderr until the process of @pidfd has ended.
 * Return: 0; 1 when the kernel does not give us the calls */
int explain_serve(void *explain, int listener_fd, int pidfd);

/* explain_end - what to say when the program has ended with @code: 128 + SIGSYS has its reason in rules that kill or trap.
 * Return: lines to print, "" when there is nothing to say; caller frees */
char *explain_end(const struct spec_seccomp *profile, int code);

/* The parts, for tests. */

/* explain_rule - why the profile answers @value (SECCOMP_RET_ERRNO and the errno): "linux.seccomp.syscalls[2] (mkdir, mkdirat)",
 * "linux.seccomp.defaultAction" ... caller frees */
char *explain_rule(const struct spec_seccomp *profile, const struct seccomp_data *data, uint32_t value);
/* explain_call - `mkdir("/tmp/x", 0777)`; @pid: whose memory strings are read from. Caller frees. */
char *explain_call(const struct seccomp_data *data, int pid);
