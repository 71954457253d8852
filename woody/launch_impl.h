/* launch_impl.h - what the parts of launch share: launch_prepare.c (nothing is made yet), launch_process.c (the process, and what goes
 * back and forth), launch.c, launch_exec.c and launch_restore.c (who calls them in which order). */
#pragma once
#include "launch.h"

/* ---- launch_prepare.c ---- */

/* launch_read_config - l->container.spec, checked; @text: as it is in the file, what later commands read. Caller frees. */
int launch_read_config(struct launch *l, char **text, size_t *len, struct error *err);
/* launch_open_proc - an O_PATH directory of the caller's /proc, verified */
int launch_open_proc(int *ret, struct error *err);
/* launch_fill_record - what `state` shows; the pid comes later */
int launch_fill_record(struct launch *l, struct error *err);
/* launch_prepare_terminal - who gets the pty's master is decided before anything is made */
int launch_prepare_terminal(struct launch *l, const struct spec_process *p, struct error *err);
/* launch_check_process - what the modules of the child would refuse, while nothing has been made */
int launch_check_process(const struct spec_process *p, const struct spec_linux *lx, struct error *err);
/* launch_prepare_seccomp - the filter, and who answers what it notifies: an agent, or we ourselves for --explain */
int launch_prepare_seccomp(struct launch *l, struct error *err);
/* launch_prepare - everything of the above that a new container needs besides the record, and l->init */
int launch_prepare(struct launch *l, struct error *err);

/* ---- launch_process.c ---- */

/* launch_listen - start.sock, where `start` will come */
int launch_listen(struct launch *l, struct error *err);
int launch_make_cgroup(struct launch *l, struct error *err);
/* launch_enter_cgroup - what the clone could not do, for process l->pid */
int launch_enter_cgroup(struct launch *l, struct error *err);
/* launch_clone - init, which begins its steps; launch_converse - answer its requests until it is ready */
int launch_clone(struct launch *l, struct error *err);
int launch_converse(struct launch *l, struct error *err);
int launch_send_go(struct launch *l, struct error *err);
/* launch_parent_hooks - prestart and createRuntime */
int launch_parent_hooks(struct launch *l, struct error *err);
/* launch_write_pid_file - the decimal number without a newline, complete or not there */
int launch_write_pid_file(const char *path, pid_t pid, struct error *err);
int launch_send_pidfd(const struct launch *l, struct error *err);
/* launch_finish_record - the pid, onto disk, into the pid file and to whoever wants a pidfd */
int launch_finish_record(struct launch *l, struct error *err);
/* launch_explain_end - @r, and when init has ended without a word, the reason that its end tells */
int launch_explain_end(struct launch *l, int r, struct error *err);
void launch_kill_init(struct launch *l);
