/* exec_terminal.h - a command in a container at a terminal that it can be left at: `exec -it --detach-keys`.
 *
 * Without keys the runtime itself stands between the two terminals, and nobody else. With them we do: the runtime makes the process, sends the
 * master of its terminal, and ends; the process falls to us, who are its subreaper, so its exit code is ours to tell. Who detaches leaves a
 * child of ours behind, which reads what the process prints, for as long as it lives: a terminal without its master would end it.
 *
 *	exec_terminal_open(container, &t, err);
 *	... the runtime is given exec_terminal_arguments(), started, waited for
 *	code = exec_terminal_attend(&t, keys, err);
 */
#pragma once
#include "record.h"
#include "str.h"

struct exec_terminal { int listen_fd; char *socket, *pid_file; };
#define EXEC_TERMINAL_NONE { .listen_fd = -1 }
void exec_terminal_done(struct exec_terminal *t);
#define cleanup_exec_terminal __attribute__((cleanup(exec_terminal_done)))

/* exec_terminal_open - makes a socket in the container's directory; we become a subreaper */
int exec_terminal_open(const struct container *c, struct exec_terminal *ret, struct error *err);
/* exec_terminal_arguments - adds --detach, --console-socket, --pid-file */
void exec_terminal_arguments(const struct exec_terminal *t, struct strings *ret);
/* exec_terminal_attend - our terminal in raw mode and restored whatever happens, sizes and signals passed on, until the process ends or
 * the keys are typed
 * Return: its exit code; 0 when it was left */
int exec_terminal_attend(struct exec_terminal *t, const char *keys, struct error *err);
