/* hooks.h - programs the caller wants to be run at points of a container's life (runtime-spec config.md
 * "POSIX-platform Hooks").
 *
 * Each gets the container's state as JSON on stdin; its argv is exactly args (path alone when it has none),
 * its environment exactly env, and no fds but 0-2. The ends of its stdout and stderr are kept for the error.
 * A hook that never reads stdin hurts nobody: the caller ignores SIGPIPE (the hook itself starts with default
 * signal dispositions). One that runs longer than its timeout is killed. What a hook leaves running in the
 * background is neither waited for nor killed; it finds its stdout and stderr closed on our side.
 * The annotations run.oci.hooks.stdout and run.oci.hooks.stderr name files that are appended to instead.
 */
#pragma once
#include "error.h"
#include "runtime_spec.h"
#include <stddef.h>

struct hook_output { int out_fd, err_fd; };	/* where hooks write; -1: kept for the error */
#define HOOK_OUTPUT_INIT { -1, -1 }
/* hook_output_open - the files that the annotations name, made (0644) where they are missing; they are the host's, so before the
 * root changes. Nothing, and no system call, without hooks or annotations. */
int hook_output_open(const struct runtime_spec *spec, struct hook_output *ret, struct error *err);
void hook_output_done(struct hook_output *o);
#define cleanup_hook_output __attribute__((cleanup(hook_output_done)))

/* struct hook_call - what the hooks of one kind have in common; all of it borrowed */
struct seccomp_filter;
struct hook_call {
	const char *state;		/* the JSON text */
	const char *cwd;		/* where they start, or NULL: where we are */
	char *const *env;		/* the environment of a hook that names none (startContainer's: the process'), or NULL: empty */
	const struct hook_output *output;	/* NULL: as HOOK_OUTPUT_INIT */
	/* startContainer's: each hook is under it, as the program will be; NULL: none. It is loaded in the hook's own process just
	 * before its execve(2), so that what we do ourselves to run hooks need not be allowed by it. A listener is for the program's
	 * processes alone: calls to be notified get ENOSYS in a hook, as they do without an agent. */
	const struct seccomp_filter *filter;
};

/* hooks_run - one kind's hooks, in order, until one fails
 * @kind:  "prestart", "createRuntime" ... for the error: "error running prestart hook #0: exit status 1,
 *         stdout: ..., stderr: ...", "... hook #1: signal: killed, stdout: ...", "... hook #2: timed out
 *         after 5s, stdout: ..."
 * Uses fork, execve, poll and wait only, no path of ours: works inside the container too.
 * Return: 0; -ETIMEDOUT; -ECANCELED when a hook ended badly; another negative errno when one could not be
 * started.
 */
int hooks_run(const char *kind, const struct spec_hook *hooks, size_t n, const struct hook_call *call, struct error *err);
/* hooks_run_all - the same, but every hook is run and failures only warn (poststop) */
void hooks_run_all(const char *kind, const struct spec_hook *hooks, size_t n, const struct hook_call *call);
