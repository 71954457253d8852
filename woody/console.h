/* console.h - the container's pseudo-terminal.
 *
 * In the container: console_open() opens a pty from the container's own devpts and sets its size,
 * console_chown() gives it to the user, console_take() makes it the controlling terminal and 0-2. Outside:
 * the master goes to the caller's --console-socket (console_send), or, in the foreground, is copied to and
 * from our own terminal in raw mode by console_relay(). pty(7), ioctl_tty(2), unix(7) SCM_RIGHTS.
 */
#pragma once
#include "error.h"
#include "runtime_spec.h"
#include <sys/types.h>

/* console_open - a new pty from the devpts that dev/ptmx beneath @root_fd belongs to
 * @root_fd: the rootfs; dev/ptmx may be a symlink (to pts/ptmx), is resolved beneath it and verified to be
 *           char device 5:2
 * @size: process.consoleSize, may be NULL
 * @ret_slave: fd of the slave (TIOCGPTPEER, so no path is looked up), close-on-exec; the caller closes it. It
 *             does not become a controlling terminal.
 * Return: the master's fd (close-on-exec), or a negative errno
 */
int console_open(int root_fd, const struct spec_box *size, int *ret_slave, struct error *err);
/* console_clear_onlcr - a line feed stays one: for a terminal that is copied to another one, in the foreground. Whoever gets it over a
 * console socket does that itself where it wants it, as with runc. */
int console_clear_onlcr(int fd, struct error *err);
/* console_chown - the slave belongs to the container's user (uid inside), group left as devpts chose. 0 or a
 * negative errno */
int console_chown(int slave_fd, uid_t uid, struct error *err);
/* console_take - setsid() was done: make @slave_fd the controlling terminal and 0, 1, 2. @slave_fd stays
 * open, too. */
int console_take(int slave_fd, struct error *err);

/* console_send - hand @master_fd to whoever listens at the UNIX stream socket @path: one message with exactly
 * this fd, whose text is the pty's file name ("/dev/pts/N") */
int console_send(const char *path, int master_fd, struct error *err);
/* console_connect, console_send_to - in two steps, when the path is no longer reachable at the time of
 * sending. The path may be longer than a socket address: then its directory is opened, and only the last name
 * is limited.
 * Return: the socket (close-on-exec), 0, or a negative errno */
int console_connect(const char *path, struct error *err);
int console_send_to(int socket_fd, int master_fd, struct error *err);

/* console_relay - copy between our 0/1 and the master until the process behind @pidfd has ended and its
 * output is drained
 *
 * If 0 is a terminal, it is raw from here until return (but for its output processing, which the container's
 * pty leaves to it); our window size is copied now and at SIGWINCH. Every other signal that would end us or
 * is meant for us is forwarded to the process, except those that we ignore (nohup); so only SIGKILL leaves
 * the terminal raw. SIGTTIN and SIGTTOU stop us as they stop any job in the background, SIGCONT makes the
 * terminal raw again. When 0 ends (a file, a pipe), the pty's end-of-file character is typed, if the program
 * reads lines at that moment; its output is copied on. When 1 fails (nobody reads it any more), output is
 * dropped, so that the process goes on. What others who keep the pty open write after the process has ended
 * is not waited for. A signal (TERM, INT, HUP, QUIT) after its end stops waiting for a 1 that does not take
 * the rest.
 * @master_fd: is made non-blocking
 * @pidfd: of the container's process
 * Return: 0 (the caller reaps), or a negative errno
 */
int console_relay(int master_fd, int pidfd, struct error *err);
